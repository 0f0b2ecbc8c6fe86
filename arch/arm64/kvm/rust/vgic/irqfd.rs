// SPDX-License-Identifier: GPL-2.0

//! Interrupts from outside KVM: pins and messages of user space and other parts of the kernel, by
//! the VM's table of routes.
//!
//! A pin is an SPI. Messages are in [`msi`](super::msi).
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic-irqfd.c: vgic_irqfd_set_irq, kvm_set_routing_entry,
//!     kvm_populate_msi, kvm_arch_set_irq_inatomic,
//!     kvm_vgic_setup_default_irq_routing
#![forbid(unsafe_code)]

use super::{
    delivery,
    init, //
};
use crate::{
    gic::list_register::Intid,
    kvm::prelude::*, //
};
use kernel::{
    bindings,
    error::{
        code::*,
        Result, //
    },
};

/// What a route of user space leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    /// A pin of the VM's only interrupt controller.
    Pin,
    /// Whoever takes messages.
    Message,
}

impl Route {
    /// `kind`: its type, as user space says it. `chip` and `pin` count if it is a pin.
    ///
    /// # Errors
    ///
    /// `EINVAL` for other types, and for pins that no controller can have.
    pub(super) fn check(kind: u32, chip: u32, pin: u32) -> Result<Self> {
        match kind {
            bindings::KVM_IRQ_ROUTING_IRQCHIP
                if pin < bindings::KVM_IRQCHIP_NUM_PINS && chip < bindings::KVM_NR_IRQCHIPS =>
            {
                Ok(Self::Pin)
            }
            bindings::KVM_IRQ_ROUTING_MSI => Ok(Self::Message),
            _ => Err(EINVAL),
        }
    }
}

/// The SPI that a pin is.
///
/// # Errors
///
/// `EINVAL` if the GIC has none for it.
fn spi_of(vm: Vm<'_>, pin: u32) -> Result<Intid> {
    if pin < vm.dist().nr_spis() {
        // CAST: 32.
        Ok(Intid(pin.wrapping_add(NR_PRIVATE as u32)))
    } else {
        Err(EINVAL)
    }
}

/// Drives a pin. `task`: evidence that it may sleep, which is asked for if the GIC is not
/// initialised: until then it is a system call that comes here.
///
/// # Errors
///
/// `EINVAL` if there is no such SPI; as [`init::lazy_init`].
pub(super) fn set_pin<'a>(
    vm: Vm<'a>,
    pin: u32,
    high: bool,
    task: impl FnOnce() -> Task<'a>,
) -> Result {
    let spi = spi_of(vm, pin)?;

    if !vm.dist().initialized() {
        init::lazy_init(&mut task())?;
    }
    delivery::inject(vm, None, spi, high, Owner::NOBODY)
}

/// Drives a pin from where nobody may sleep.
///
/// # Errors
///
/// `EWOULDBLOCK` (`EAGAIN`) if that needs somebody who may: while the GIC is not initialised;
/// `EINVAL` if there is no such SPI.
pub(super) fn raise_pin(vm: Vm<'_>, pin: u32) -> Result {
    if !vm.dist().initialized() {
        return Err(EAGAIN);
    }
    delivery::inject(vm, None, spi_of(vm, pin)?, true, Owner::NOBODY)
}
