// SPDX-License-Identifier: GPL-2.0

//! The guest's memory, by guest physical addresses: what a GIC's tables and command queues are in.
//!
//! Its slots are looked up anew for each access, in a read section of `kvm->srcu` that ends with
//! it: no access keeps a slot, and none has to be made in such a section (bug B26).
//!
//! Slots, and user space's memory behind them, consist of pages of at least 4 KiB. Within such a page
//! an access has either all of its bytes or none.
//!
//! # Who is to blame for a write
//!
//! Pages that are written are logged for those who migrate the VM: on the ring of the vCPU whose
//! thread writes, or in a bitmap if there is none. KVM wants to be told about the latter. It happens
//! while user space configures the GIC, and only with the configuration lock held, of which all
//! that need not have a vCPU's thread are: so that is when it is told, and nobody else can take
//! it back meanwhile (bug C8).
//!
//! C header: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)
//!
//! Mirrors: arch/arm64/kvm/vgic/vgic.h: vgic_write_guest_lock;
//!     arch/arm64/include/asm/kvm_mmu.h: kvm_read_guest_lock, kvm_write_guest_lock;
//!     arch/arm64/kvm/vgic/vgic-its.c: __is_visible_gfn_locked,
//!     kvm_arch_allow_write_without_running_vcpu

use super::prelude::*;
use crate::{
    gic::{
        its::Gpa,
        table_memory::Memory, //
    },
    linux::prelude::*, //
};
use kernel::{
    bindings,
    error::{
        to_result,
        Error,
        Result, //
    },
    transmute::{
        AsBytes,
        FromBytes, //
    },
};

/// Who writes to the guest's memory.
#[derive(Clone, Copy)]
enum Writer {
    /// The thread of one of its vCPUs.
    Vcpu,
    /// Whoever holds its configuration lock.
    Configurer,
}

/// The memory of a guest, for a task that may sleep.
#[derive(Clone, Copy)]
pub(crate) struct GuestMemory<'a> {
    vm: Vm<'a>,
    writer: Writer,
    may_sleep: MaySleep<'a>,
}

impl ConfigLock<'_> {
    /// Evidence for what sleeps: the lock is a mutex.
    pub(crate) fn may_sleep(&self) -> MaySleep<'_> {
        // SAFETY: It was taken by a task that may sleep, and what can be taken after it and forbids
        // that borrows it mutably.
        unsafe { MaySleep::assume() }
    }

    /// The guest's memory, for as long as the lock is held.
    pub(crate) fn guest_memory(&self) -> GuestMemory<'_> {
        GuestMemory {
            vm: self.vm(),
            writer: Writer::Configurer,
            may_sleep: self.may_sleep(),
        }
    }
}

impl InMmio<'_> {
    /// The memory of the guest, for as long as nothing is locked by this that forbids to sleep.
    pub(crate) fn guest_memory(&self) -> GuestMemory<'_> {
        GuestMemory {
            vm: self.vcpu().vm(),
            writer: Writer::Vcpu,
            // SAFETY: By the type's invariant, and it is borrowed meanwhile.
            may_sleep: unsafe { MaySleep::assume() },
        }
    }
}

/// A number in the guest's memory, where it is in little endian.
pub(crate) trait Number: FromBytes + AsBytes + Copy + Default {
    /// What was read as bytes, in this machine's order.
    fn in_cpu_order(self) -> Self;
}

macro_rules! numbers {
    ($($ty:ty),*) => {$(
        impl Number for $ty {
            #[inline(always)]
            fn in_cpu_order(self) -> Self {
                Self::from_le(self)
            }
        }
    )*};
}

numbers!(u8, u64);

impl<'a> GuestMemory<'a> {
    /// The guest's VM.
    pub(crate) fn vm(self) -> Vm<'a> {
        self.vm
    }

    /// Evidence for what sleeps.
    pub(crate) fn may_sleep(self) -> MaySleep<'a> {
        self.may_sleep
    }

    /// Reads numbers that follow each other from `at`, in order. Sleeps.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there is no memory, or not all the way, or user space has not mapped it. What
    /// `to` holds then is of no use.
    #[inline]
    pub(crate) fn read<T: Number>(self, at: Gpa, to: &mut [T]) -> Result {
        // SAFETY: The VM is valid, `to` is as long as is said, any bytes are a value; the task may
        // sleep.
        to_result(unsafe {
            bindings::kvm_arm64_read_guest(
                self.vm.as_ptr(),
                at.0,
                to.as_mut_ptr().cast(),
                size_of_val(to),
            )
        })?;
        for number in to {
            *number = number.in_cpu_order();
        }
        Ok(())
    }

    /// Reads a number. Sleeps.
    ///
    /// # Errors
    ///
    /// `EFAULT`: see [`Self::read`].
    #[inline]
    pub(crate) fn read_one<T: Number>(self, at: Gpa) -> Result<T> {
        let mut one = [T::default()];

        self.read(at, &mut one)?;
        let [one] = one;
        Ok(one)
    }

    /// Writes what is to follow each other from `at` on, numbers in little endian. Sleeps.
    ///
    /// # Errors
    ///
    /// `EFAULT` if there is no memory that can be written, or not all the way, or user space has
    /// not mapped it; pages before that are written.
    #[inline]
    pub(crate) fn write<T: AsBytes>(self, at: Gpa, from: &[T]) -> Result {
        let write = || {
            // SAFETY: The VM is valid, and `from` has as many bytes as is said; the task may sleep.
            to_result(unsafe {
                bindings::kvm_arm64_write_guest(
                    self.vm.as_ptr(),
                    at.0,
                    from.as_ptr().cast(),
                    size_of_val(from),
                )
            })
        };

        match self.writer {
            Writer::Vcpu => write(),
            Writer::Configurer => {
                self.set_written_for_vmm(true);
                let result = write();
                self.set_written_for_vmm(false);
                result
            }
        }
    }

    /// Whether the one who holds the configuration lock writes at the moment.
    fn set_written_for_vmm(self, for_vmm: bool) {
        // SAFETY: The VM is valid, and its configuration locked, or the writer would be another.
        // Looked at without a lock.
        unsafe {
            (&raw mut (*self.vm.as_ptr()).arch.vgic.table_write_in_progress).write_volatile(for_vmm)
        };
    }

    /// Whether there is memory at `at` that the guest and user space have in common. It may be
    /// gone at once.
    pub(crate) fn is_visible(self, at: Gpa) -> bool {
        let page = at.0.wrapping_shr(bindings::PAGE_SHIFT);

        // SAFETY: The VM is valid; any number is.
        unsafe { bindings::kvm_arm64_is_visible_gfn(self.vm.as_ptr(), page) }
    }
}

impl<T: Number> Memory<T> for GuestMemory<'_> {
    type Error = Error;

    fn read(&self, at: Gpa, to: &mut [T]) -> Result {
        self.may_sleep.cond_resched();
        GuestMemory::read(*self, at, to)
    }

    fn write(&self, at: Gpa, from: &[T]) -> Result {
        self.may_sleep.cond_resched();
        GuestMemory::write(*self, at, from)
    }
}

impl Vm<'_> {
    /// Whether memory of the guest may be written at the moment by whom is no vCPU of it. Any
    /// context.
    pub(crate) fn is_written_for_vmm(self) -> bool {
        // SAFETY: The VM is valid; a plain flag.
        unsafe { (&raw const (*self.as_ptr()).arch.vgic.table_write_in_progress).read_volatile() }
    }
}
