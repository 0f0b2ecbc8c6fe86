// SPDX-License-Identifier: GPL-2.0

#![allow(unused)]

use crate::{arm64::prelude::*, kvm::prelude::*, linux::prelude::*};

//# an HCR that was not made for a guest
//# error: E0308 expected `GuestHcr`, found `Hcr`
fn enter(vcpu: RunningVcpu<'_>) -> GuestSide<'_> {
    GuestSide::enter(vcpu, Hcr::ZERO)
}
//# instead
fn enter(vcpu: RunningVcpu<'_>) -> GuestSide<'_> {
    GuestSide::enter(vcpu, GuestHcr::new(Hcr::ZERO))
}

//# a return to a state above EL1
//# error: E0308 expected `GuestPstate`, found `Pstate`
fn return_to(side: Vectored<'_>) -> Ready<'_> {
    side.return_to(0, Pstate::from_raw(0b01001))
}
//# instead
fn return_to(side: Vectored<'_>) -> Ready<'_> {
    side.return_to(0, Pstate::from_raw(0b01001).for_guest())
}

//# a state above EL1 in SPSR_EL2
//# error: E0308 expected `GuestPstate`, found `Pstate`
fn set(masked: Masked<'_>) {
    SPSR_EL2::set(Pstate::from_raw(0b01001), masked);
}
//# instead
fn set(masked: Masked<'_>) {
    SPSR_EL2::set(Pstate::from_raw(0b01001).for_guest(), masked);
}

//# a guest that runs before the vectors are set
//# error: E0599 no method named `run` found
fn run(side: GuestSide<'_>) -> u64 {
    side.run()
}
//# instead
fn run(side: GuestSide<'_>) -> (u64, HostSide<'_>) {
    let side = side
        .set_vectors()
        .return_to(0, Pstate::from_raw(0).for_guest());

    (side.run(), side.leave())
}

//# a guest that is never left
//# error: E0308 expected `BackAtHost`
fn stay(side: Ready<'_>) -> BackAtHost {
    side.run();
}
//# instead
fn stay(side: Ready<'_>) -> BackAtHost {
    side.run();
    side.leave().set_vectors()
}

//# evidence of being back made up
//# error: E0423 cannot initialize a tuple struct which contains private fields
fn back() -> BackAtHost {
    BackAtHost(())
}
//# instead
fn back(side: HostSide<'_>) -> BackAtHost {
    side.set_vectors()
}

//# evidence of the CPU forged outside of a thunk
//# error: E0133 El2::<'_>::assume` is unsafe
fn forge() -> El2<'static> {
    El2::assume()
}
//# instead
fn forge(masked: Masked<'_>) -> El2<'_> {
    *masked
}

//# a guest's register without evidence
//# error: E0061 this function takes 2 arguments but 1 argument was supplied
fn write() {
    SCTLR_EL1::set_raw(0);
}
//# instead
fn write(el2: El2<'_>) {
    SCTLR_EL1::set_raw(0, el2);
}

//# a shared register with exceptions unmasked
//# error: E0308 expected `Masked<'_>`, found `El2<'_>`
fn debug(el2: El2<'_>) {
    MDSCR_EL1::set(0, el2);
}
//# instead
fn debug(masked: Masked<'_>) {
    MDSCR_EL1::set(0, masked);
}

//# a register that the host runs by
//# error: E0599 named `set` found for struct
fn vectors(masked: Masked<'_>) {
    VBAR_EL2::set(0, masked);
}
//# instead
fn vectors() -> u64 {
    VBAR_EL2::read()
}

//# a field of another register
//# error: E0308 expected `Field<Hcr>`, found `Field<Sctlr>`
fn field(hcr: Hcr) -> bool {
    hcr.has(crate::arm64::values::Sctlr::EE)
}
//# instead
fn field(hcr: Hcr) -> bool {
    hcr.has(Hcr::E2H)
}
