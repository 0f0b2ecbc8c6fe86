// SPDX-License-Identifier: GPL-2.0

//! Which operator a fault puts in the place of which.

use syn::BinOp;

/// How the two sides of an operator are looked at.
pub(crate) enum Sides {
    Values,
    References,
    /// The right-hand side only if the left-hand side asks for it.
    Lazy,
    /// The left-hand side is changed.
    Assigned,
}

/// The operator, the one in its place, and its sides.
pub(crate) fn other(operator: &BinOp) -> Option<(&'static str, &'static str, Sides)> {
    use Sides::*;

    Some(match operator {
        BinOp::Add(_) => ("+", "-", Values),
        BinOp::Sub(_) => ("-", "+", Values),
        BinOp::Mul(_) => ("*", "+", Values),
        BinOp::Div(_) => ("/", "*", Values),
        BinOp::Rem(_) => ("%", "/", Values),
        BinOp::Shl(_) => ("<<", ">>", Values),
        BinOp::Shr(_) => (">>", "<<", Values),
        BinOp::BitAnd(_) => ("&", "|", Values),
        BinOp::BitOr(_) => ("|", "&", Values),
        BinOp::BitXor(_) => ("^", "|", Values),
        BinOp::Eq(_) => ("==", "!=", References),
        BinOp::Ne(_) => ("!=", "==", References),
        BinOp::Lt(_) => ("<", "<=", References),
        BinOp::Le(_) => ("<=", "<", References),
        BinOp::Gt(_) => (">", ">=", References),
        BinOp::Ge(_) => (">=", ">", References),
        BinOp::And(_) => ("&&", "||", Lazy),
        BinOp::Or(_) => ("||", "&&", Lazy),
        BinOp::AddAssign(_) => ("+=", "-=", Assigned),
        BinOp::SubAssign(_) => ("-=", "+=", Assigned),
        BinOp::BitAndAssign(_) => ("&=", "|=", Assigned),
        BinOp::BitOrAssign(_) => ("|=", "&=", Assigned),
        BinOp::BitXorAssign(_) => ("^=", "|=", Assigned),
        BinOp::ShlAssign(_) => ("<<=", ">>=", Assigned),
        BinOp::ShrAssign(_) => (">>=", "<<=", Assigned),
        _ => return None,
    })
}

/// Methods of one argument that a fault swaps.
pub(crate) fn other_method(name: &str) -> Option<&'static str> {
    Some(match name {
        "wrapping_add" => "wrapping_sub",
        "wrapping_sub" => "wrapping_add",
        "saturating_sub" => "wrapping_sub",
        "saturating_add" => "wrapping_add",
        "min" => "max",
        "max" => "min",
        _ => return None,
    })
}

/// Methods that give a `bool`, as far as their name and number of arguments say so.
pub(crate) fn is_question(name: &str, arguments: usize) -> bool {
    name.starts_with("is_") || arguments == 1 && ["contains", "any", "all", "has"].contains(&name)
}
