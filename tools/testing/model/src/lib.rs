// SPDX-License-Identifier: GPL-2.0

//! The GIC of the specifications (IHI 0069, IHI 0048) as KVM gives it to its guests, to be executed.
//!
//! What happens is an [`Event`], what it has led to an [`Outcome`]: [`Model::observe`] says whether
//! the one may lead to the other, given all that has happened before. Where the specifications leave
//! something open, any of it is right. Nothing here is taken from an implementation, nor does this
//! crate see one: whoever has one, or a record of what one has done, shows it what that did.
#![forbid(unsafe_code)]

mod cpu;
mod delivery;
mod event;
mod irq;
mod its;
mod model;
mod registers;
mod relation;
mod tame;
mod trace;
mod unseen;

pub use cpu::{Lr, LrFormat, Taken};
pub use event::{parse, Access, Entry, Event, Frame, Line, Outcome, SgiRegister};
pub use model::{Config, Model};
pub use trace::{judge, replay, Judgement};

/// That something is not so, or a sentence that says what is wrong.
pub type Verdict = Result<(), String>;

/// Says what is wrong if the condition does not hold.
macro_rules! demand {
    ($condition:expr, $($text:tt)+) => {
        if !$condition {
            return Err(format!($($text)+));
        }
    };
}
pub(crate) use demand;
