// SPDX-License-Identifier: GPL-2.0

//! The places of a file that can take a fault.
//!
//! A fault is chosen while the tests run, so that one build has all of them: `a < b` becomes a
//! `match` on both sides, where a switch decides between `<` and `<=`. What is evaluated at compile
//! time (constants, patterns, lengths of arrays) stays as it is, and so does what macros make.

use crate::{
    edit::Edits,
    operators::{is_question, other, other_method, Sides},
};
use proc_macro2::Span;
use std::{
    collections::{BTreeSet, HashSet},
    ops::Range,
};
use syn::{
    spanned::Spanned,
    visit::{self, Visit},
    Attribute, Block, Expr, Ident, ImplItem, Item, Lit, Meta, ReturnType, Signature, Stmt, Type,
};

pub(crate) struct Mutant {
    pub(crate) number: usize,
    pub(crate) lines: (usize, usize),
    pub(crate) function: String,
    pub(crate) what: String,
}

struct Sites<'a> {
    text: &'a str,
    skip: &'a HashSet<usize>,
    next: usize,
    /// The type or trait, and the function.
    scope: Vec<String>,
    constants: BTreeSet<String>,
    edits: Edits,
    mutants: Vec<Mutant>,
}

pub(crate) fn mutate(
    text: &str,
    first: usize,
    skip: &HashSet<usize>,
) -> syn::Result<(String, Vec<Mutant>)> {
    let file = syn::parse_file(text)?;
    let mut constants = Constants::default();
    constants.visit_file(&file);
    let mut sites = Sites {
        text,
        skip,
        next: first,
        scope: Vec::new(),
        constants: constants.0,
        edits: Edits::default(),
        mutants: Vec::new(),
    };

    sites.visit_file(&file);
    Ok((sites.edits.apply(text), sites.mutants))
}

/// Names of the file's constants that are integers.
#[derive(Default)]
struct Constants(BTreeSet<String>);

impl Constants {
    fn note(&mut self, name: &Ident, kind: &Type) {
        if integer(kind) {
            self.0.insert(name.to_string());
        }
    }
}

impl<'ast> Visit<'ast> for Constants {
    fn visit_item_const(&mut self, item: &'ast syn::ItemConst) {
        self.note(&item.ident, &item.ty);
    }
    fn visit_impl_item_const(&mut self, item: &'ast syn::ImplItemConst) {
        self.note(&item.ident, &item.ty);
    }
}

fn type_name(kind: &Type) -> String {
    match kind {
        Type::Path(path) => path.path.segments.last().unwrap().ident.to_string(),
        _ => String::new(),
    }
}

fn integer(kind: &Type) -> bool {
    ["u8", "u16", "u32", "u64", "usize", "i64"].contains(&type_name(kind).as_str())
}

fn is_test(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| match &a.meta {
        Meta::List(list) => {
            let tokens = list.tokens.to_string();
            a.path().is_ident("cfg") && (tokens.contains("test") || tokens.contains("TEST"))
        }
        Meta::Path(path) => path.is_ident("test"),
        Meta::NameValue(_) => false,
    })
}

/// Whether a condition is a chain that has a `let`.
fn has_let(condition: &Expr) -> bool {
    match condition {
        Expr::Let(_) => true,
        Expr::Binary(b) => has_let(&b.left) || has_let(&b.right),
        _ => false,
    }
}

impl Sites<'_> {
    fn text_of(&self, range: Range<usize>) -> String {
        let text = self.text[range].split_whitespace().collect::<Vec<_>>();

        text.join(" ")
    }

    /// The switch of a new mutant, unless it is to be skipped.
    fn switch(&mut self, span: Span, what: String) -> Option<String> {
        let number = self.next;

        self.next += 1;
        self.mutants.push(Mutant {
            number,
            lines: (span.start().line, span.end().line),
            function: self.scope.join("::"),
            what,
        });
        (!self.skip.contains(&number)).then(|| format!("crate::mutant::on({number})"))
    }

    fn binary(&mut self, e: &syn::ExprBinary, old: &str, new: &str, sides: Sides) {
        let range = e.span().byte_range();
        let what = format!("{}  =>  {new}", self.text_of(range.clone()));
        let operator = e.op.span().byte_range();

        if let Sides::Assigned = sides {
            let left = self.text_of(e.left.span().byte_range());
            if let Some(on) = self.switch(e.span(), what) {
                let right = e.right.span().byte_range();
                self.edits.instead(range.start..right.start, "(match (");
                self.edits.around(
                    right,
                    String::new(),
                    format!(") {{ r => if {on} {{ {left} {new} r }} else {{ {left} {old} r }} }})"),
                );
            }
            return self.visit_expr(&e.right);
        }
        if let Some(on) = self.switch(e.span(), what) {
            let (open, comma, close) = match sides {
                Sides::Lazy => {
                    // Both are the same but for three negations.
                    self.edits
                        .around(range, format!("({on} ^ (({on} ^ ("), "))))".to_owned());
                    self.edits.instead(operator, &format!(")) {old} ({on} ^ ("));
                    self.visit_expr(&e.left);
                    return self.visit_expr(&e.right);
                }
                Sides::References => (
                    "(match (&(",
                    "), &(",
                    format!(")) {{ (l, r) => if {on} {{ *l {new} *r }} else {{ *l {old} *r }} }})"),
                ),
                _ => (
                    "(match (",
                    ",",
                    format!(") {{ (l, r) => if {on} {{ l {new} r }} else {{ l {old} r }} }})"),
                ),
            };
            self.edits.around(range, open.to_owned(), close);
            self.edits.instead(operator, comma);
        }
        self.visit_expr(&e.left);
        self.visit_expr(&e.right);
    }

    /// A number with another lowest bit.
    fn lowest_bit(&mut self, span: Span) {
        let range = span.byte_range();
        let text = self.text_of(range.clone());

        if let Some(on) = self.switch(span, format!("{text}  =>  ^ 1")) {
            self.edits.around(
                range,
                format!("(if {on} {{ {text} ^ 1 }} else {{ "),
                " })".to_owned(),
            );
        }
    }

    /// A condition that always holds, and one that never does.
    fn condition(&mut self, condition: &Expr, kind: &str) {
        if !has_let(condition) {
            let range = condition.span().byte_range();
            let text = self.text_of(range.clone());
            for (value, open, close) in [("true", "(ON || (", "))"), ("false", "(!ON && (", "))")] {
                let what = format!("{kind} {text}  =>  {value}");
                if let Some(on) = self.switch(condition.span(), what) {
                    self.edits
                        .around(range.clone(), open.replace("ON", &on), close.to_owned());
                }
            }
        }
        self.visit_expr(condition);
    }

    /// A function that returns at once.
    fn returns(&mut self, signature: &Signature, block: &Block) {
        let values: &[&str] = match &signature.output {
            ReturnType::Default => &[""],
            ReturnType::Type(_, kind) => match type_name(kind).as_str() {
                "bool" => &["true", "false"],
                "Option" => &["None"],
                _ if integer(kind) => &["0", "1"],
                "Result" if self.text_of(kind.span().byte_range()).contains("<(),") => &["Ok(())"],
                "Result" if self.text_of(kind.span().byte_range()) == "Result" => &["Ok(())"],
                _ => &[],
            },
        };
        let place = block.brace_token.span.open().byte_range().end;

        for value in values {
            let what = format!("return {value}").trim_end().to_owned();
            if let Some(on) = self.switch(signature.span(), what) {
                self.edits
                    .instead(place..place, &format!("if {on} {{ return {value}; }}"));
            }
        }
    }

    fn function(&mut self, attributes: &[Attribute], signature: &Signature, block: &Block) {
        if is_test(attributes) {
            return;
        }
        let name = &signature.ident;
        self.scope.push(match signature.constness {
            Some(_) => format!("{name} (const)"),
            None => name.to_string(),
        });
        self.returns(signature, block);
        self.visit_block(block);
        self.scope.pop();
    }
}

impl<'ast> Visit<'ast> for Sites<'_> {
    fn visit_item(&mut self, item: &'ast Item) {
        match item {
            Item::Fn(f) => self.function(&f.attrs, &f.sig, &f.block),
            Item::Impl(i) if !is_test(&i.attrs) => {
                self.scope.push(type_name(&i.self_ty));
                for item in &i.items {
                    if let ImplItem::Fn(f) = item {
                        self.function(&f.attrs, &f.sig, &f.block);
                    }
                }
                self.scope.pop();
            }
            Item::Trait(t) => {
                self.scope.push(t.ident.to_string());
                for item in &t.items {
                    if let syn::TraitItem::Fn(f) = item {
                        if let Some(block) = &f.default {
                            self.function(&f.attrs, &f.sig, block);
                        }
                    }
                }
                self.scope.pop();
            }
            Item::Mod(m) if !is_test(&m.attrs) => visit::visit_item_mod(self, m),
            _ => {}
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if let Stmt::Expr(e, Some(semicolon)) = statement {
            let asks = matches!(
                e,
                Expr::Call(_) | Expr::MethodCall(_) | Expr::Assign(_) | Expr::Try(_)
            ) || matches!(e, Expr::Binary(b)
                if matches!(other(&b.op), Some((_, _, Sides::Assigned))));
            if asks {
                let range = e.span().byte_range().start..semicolon.span().byte_range().end;
                let what = format!("without {}", self.text_of(range.clone()));
                if let Some(on) = self.switch(e.span(), what) {
                    self.edits
                        .around(range, format!("if !{on} {{ "), " }".to_owned());
                }
            }
        }
        visit::visit_stmt(self, statement);
    }

    fn visit_expr(&mut self, expression: &'ast Expr) {
        let range = expression.span().byte_range();
        match expression {
            Expr::Binary(e) if !has_let(expression) => match other(&e.op) {
                Some((old, new, sides)) => return self.binary(e, old, new, sides),
                None => {}
            },
            Expr::Unary(e) if matches!(e.op, syn::UnOp::Not(_)) => {
                let what = format!("{}  =>  without !", self.text_of(range.clone()));
                if let Some(on) = self.switch(e.span(), what) {
                    self.edits.around(
                        range,
                        "(match (".to_owned(),
                        format!(") {{ v => if {on} {{ v }} else {{ !v }} }})"),
                    );
                    self.edits.instead(e.op.span().byte_range(), "");
                }
            }
            Expr::Lit(e) => {
                if let Lit::Int(_) = e.lit {
                    self.lowest_bit(e.span());
                }
            }
            Expr::Path(e) => {
                let name = e.path.segments.last().unwrap().ident.to_string();
                let own = e.path.segments.len() == 1 || e.path.segments[0].ident == "Self";
                if own && e.path.segments.len() <= 2 && self.constants.contains(&name) {
                    self.lowest_bit(e.span());
                }
                return;
            }
            Expr::If(e) => {
                self.condition(&e.cond, "if");
                self.visit_block(&e.then_branch);
                if let Some((_, branch)) = &e.else_branch {
                    self.visit_expr(branch);
                }
                return;
            }
            Expr::MethodCall(e) => {
                let name = e.method.to_string();
                if is_question(&name, e.args.len()) {
                    let what = format!("{}  =>  !", self.text_of(range.clone()));
                    if let Some(on) = self.switch(e.span(), what) {
                        self.edits
                            .around(range, format!("({on} ^ ("), "))".to_owned());
                    }
                } else if let (Some(new), 1) = (other_method(&name), e.args.len()) {
                    let what = format!("{}  =>  {new}", self.text_of(range.clone()));
                    if let Some(on) = self.switch(e.span(), what) {
                        let end = e.receiver.span().byte_range().end;
                        let first = e.args[0].span().byte_range();
                        self.edits.instead(end..first.start, ", ");
                        self.edits.instead(first.end..range.end, "");
                        self.edits.around(
                            range.start..first.end,
                            "(match (".to_owned(),
                            format!(
                                ") {{ (l, r) => if {on} {{ l.{new}(r) }} else {{ l.{name}(r) }} }})"
                            ),
                        );
                    }
                }
            }
            // What is promoted to a static must not call anything.
            Expr::Reference(e) if matches!(*e.expr, Expr::Array(_) | Expr::Lit(_)) => return,
            Expr::Repeat(e) => return self.visit_expr(&e.expr),
            Expr::Const(_) | Expr::Macro(_) => return,
            _ => {}
        }
        visit::visit_expr(self, expression);
    }

    fn visit_arm(&mut self, arm: &'ast syn::Arm) {
        if let Some((_, guard)) = &arm.guard {
            self.condition(guard, "guard");
        }
        self.visit_expr(&arm.body);
    }

    fn visit_local(&mut self, local: &'ast syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, otherwise)) = &init.diverge {
                self.visit_expr(otherwise);
            }
        }
    }

    fn visit_pat(&mut self, _: &'ast syn::Pat) {}
    fn visit_type(&mut self, _: &'ast Type) {}
    fn visit_generic_argument(&mut self, _: &'ast syn::GenericArgument) {}
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    fn mutants(text: &str) -> (String, Vec<String>) {
        let (text, mutants) = mutate(text, 1, &HashSet::new()).unwrap();

        (text, mutants.into_iter().map(|m| m.what).collect())
    }

    /// That there is one mutant of an expression: what it is called, and what is written for it.
    fn becomes(expression: &str, what: &str, written: &str) {
        let (text, whats) = mutants(&format!("fn f() -> X {{ {expression} }}"));

        assert_eq!(whats, [what]);
        assert_eq!(text, format!("fn f() -> X {{ {written} }}"));
    }

    #[test]
    fn both_sides_are_evaluated_once() {
        becomes(
            "a() < b()",
            "a() < b()  =>  <=",
            "(match (&(a() ), &( b())) { (l, r) => \
             if crate::mutant::on(1) { *l <= *r } else { *l < *r } })",
        );
    }

    #[test]
    fn the_right_hand_side_is_evaluated_if_it_must() {
        becomes(
            "a && b",
            "a && b  =>  ||",
            "(crate::mutant::on(1) ^ ((crate::mutant::on(1) ^ (a )) && \
             (crate::mutant::on(1) ^ ( b))))",
        );
    }

    #[test]
    fn what_the_compiler_evaluates_stays() {
        for text in [
            "const A: u32 = 1 + 2;",
            "fn f(a: [u8; 3]) -> X { match a { [1, ..] => x, _ => [a; 4] } }",
            "#[cfg(test)] mod tests { fn f() -> bool { true } }",
        ] {
            assert_eq!(mutants(text), (text.to_owned(), vec![]));
        }
    }

    #[test]
    fn lines_stay() {
        let text = "fn f() -> bool {\n    x.wrapping_add(\n    1,\n    );\n    a\n    == b\n}\n";
        let (changed, what) = mutants(text);

        assert_eq!(changed.lines().count(), text.lines().count());
        assert_eq!(what.len(), 6);
    }

    #[test]
    fn skipped_ones_keep_their_numbers() {
        let text = "fn f() { a(); b(); }";
        let (changed, mutants) = mutate(text, 5, &HashSet::from([5, 6])).unwrap();

        assert_eq!(mutants.len(), 3);
        assert!(!changed.contains("on(5)") && !changed.contains("on(6)"));
        assert!(changed.contains("if !crate::mutant::on(7) { b(); }"));
    }

    /// Nothing in the kernel's modules is beyond the parser, and what comes out is Rust again.
    #[test]
    fn the_kernels_modules() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../arch/arm64/kvm/rust");
        let mut found = 0;

        for folder in ["gic", "timer", "arm64"] {
            for file in fs::read_dir(root.join(folder)).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_some_and(|e| e == "rs") {
                    let text = fs::read_to_string(&path).unwrap();
                    let (changed, mutants) = mutate(&text, 1, &HashSet::new()).unwrap();

                    found += mutants.len();
                    assert_eq!(changed.lines().count(), text.lines().count());
                    syn::parse_file(&changed).unwrap();
                }
            }
        }
        assert!(found > 1000, "{found}");
    }
}
