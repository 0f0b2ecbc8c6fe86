// SPDX-License-Identifier: GPL-2.0

//! Of the GIC's pure modules those that are needed.
#![allow(dead_code)]

#[path = "../../../../../arch/arm64/kvm/rust/gic/atomic_word.rs"]
pub(crate) mod atomic_word;
#[path = "../../../../../arch/arm64/kvm/rust/gic/entry.rs"]
pub(crate) mod entry;
#[path = "../../../../../arch/arm64/kvm/rust/gic/gate.rs"]
pub(crate) mod gate;
#[path = "../../../../../arch/arm64/kvm/rust/gic/its.rs"]
pub(crate) mod its;
#[path = "../../../../../arch/arm64/kvm/rust/gic/list_register.rs"]
pub(crate) mod list_register;
#[path = "../../../../../arch/arm64/kvm/rust/gic/lpi.rs"]
pub(crate) mod lpi;
#[path = "../../../../../arch/arm64/kvm/rust/gic/priority.rs"]
pub(crate) mod priority;
#[path = "../../../../../arch/arm64/kvm/rust/gic/queue.rs"]
pub(crate) mod queue;
#[path = "../../../../../arch/arm64/kvm/rust/gic/transition.rs"]
pub(crate) mod transition;
#[path = "../../../../../arch/arm64/kvm/rust/gic/translation.rs"]
pub(crate) mod translation;
#[path = "../../../../../arch/arm64/kvm/rust/gic/word.rs"]
pub(crate) mod word;
