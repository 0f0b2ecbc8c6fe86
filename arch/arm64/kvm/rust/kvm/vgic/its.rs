// SPDX-License-Identifier: GPL-2.0

//! ITSs: the object behind a device that user space has made, its locks, and a VM's list of them.
//!
//! ```text
//! Task, InMmio or ConfigLock -> ItsCommands (the ring of commands) -> ItsTables (what is mapped)
//! ```
//!
//! An ITS is *made* with its device and *placed* when user space says where it is, which only a
//! file descriptor of the device allows. From then on it lives as long as its VM, and is in the
//! VM's list, which nothing is ever taken off: whoever knows the VM may look for the ITS of an
//! address, in any context. One without a file descriptor goes at once, and nobody has seen it.
//!
//! The head of the list is in `vgic_dist.lpi_xa`, of no use otherwise: an ITS may be there before
//! there is a GIC.
//!
//! C headers: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h),
//! [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_its; arch/arm64/kvm/vgic/vgic-its.c: vgic_its_destroy,
//!     vgic_register_its_iodev, __vgic_doorbell_to_its, vgic_its_check_cache,
//!     vgic_its_cache_translation, vgic_its_invalidate_cache

use super::{
    super::prelude::*,
    iodev::IoDevice,
    its_cache::TranslationCache,
    its_tables::Tables, //
};
use crate::{
    gic::{
        its::{
            DeviceId,
            EventId,
            Gpa, //
        },
        its_registers::CommandQueue,
        list_register::Intid,
        region::FrameKind,
        word::Life, //
    },
    linux::prelude::*, //
};
use core::{
    cell::UnsafeCell,
    mem::offset_of,
    ops::{
        Deref,
        DerefMut, //
    }, //
};
use kernel::{
    bindings,
    error::{
        code::{
            EEXIST,
            EINVAL, //
        },
        to_result,
        Result, //
    },
    new_mutex,
    prelude::*,
    sync::{
        lock::{
            mutex::MutexBackend,
            Guard, //
        },
        Mutex, //
    }, //
};

/// How far the command at `GITS_CREADR` has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Walked {
    /// The LPIs before this one have been looked at.
    Lpis(Intid),
    /// The events before this one of this device have.
    Events(DeviceId, EventId),
    /// It is done when nothing is left to be [unmapped](Commands::unmapping).
    All,
}

/// What an ITS has to do next.
pub(crate) enum Due {
    /// To unmap what is [gone](crate::kvm::vgic::its_tables::Mappings::take_gone).
    Unmapping,
    /// The command that is there.
    Command(Gpa),
}

/// What the lock of an ITS' commands guards.
pub(crate) struct Commands {
    /// The registers of the ring.
    pub(crate) queue: CommandQueue,
    /// `GITS_CREADR` when all is done that is to be: what was there while the ITS was enabled. Where
    /// that is already, or on the way from there to `GITS_CWRITER`.
    pub(crate) due: u64,
    /// The one that is at `GITS_CREADR` has been begun.
    pub(crate) walked: Option<Walked>,
    /// Devices are gone whose LPIs are still to be unmapped, before anything else is done.
    pub(crate) unmapping: bool,
}

impl Commands {
    /// None.
    pub(crate) const NONE: Self = Self {
        queue: CommandQueue::EMPTY,
        due: CommandQueue::EMPTY.creadr(),
        walked: None,
        unmapping: false,
    };

    /// What is to be done next, if anything is.
    pub(crate) fn next_due(&self) -> Option<Due> {
        if self.unmapping {
            Some(Due::Unmapping)
        } else if self.queue.creadr() != self.due {
            self.queue.next().map(Due::Command)
        } else {
            None
        }
    }

    /// Nothing has been announced that is not done.
    pub(crate) fn is_quiescent(&self) -> bool {
        self.queue.is_empty() && !self.unmapping
    }

    /// All is unmapped that was gone.
    pub(crate) fn unmapped(&mut self) {
        self.unmapping = false;
        if self.walked == Some(Walked::All) {
            self.advance();
        }
    }

    /// The next one is done.
    pub(crate) fn advance(&mut self) {
        self.queue.advance();
        self.walked = None;
    }

    /// None is due any more.
    pub(crate) fn drop_due(&mut self) {
        self.due = self.queue.creadr();
        self.walked = None;
    }
}

/// An ITS.
#[pin_data]
pub(crate) struct Its {
    vm: *mut bindings::kvm,
    /// On the bus. Written with `slots_lock` held.
    frame: UnsafeCell<bindings::vgic_io_device>,
    /// The next one of the VM. Written once.
    next: AtomicPtr<Its>,
    cache: TranslationCache,
    #[pin]
    commands: Mutex<Commands>,
    #[pin]
    tables: Mutex<Tables>,
}

// SAFETY: The frame is accessed as `iodev.rs` says; the VM is a pointer that is followed by
// `Its::vm()` alone.
unsafe impl Sync for Its {}
// SAFETY: Nothing in it belongs to a thread.
unsafe impl Send for Its {}

/// An ITS that lives as long as its VM.
///
/// # Invariants
///
/// Its device has been given to user space: it is destroyed with the VM's devices, not before.
#[derive(Clone, Copy)]
pub(crate) struct LastingIts<'a>(&'a Its);

impl<'a> LastingIts<'a> {
    /// The ITS of a device.
    ///
    /// # Safety
    ///
    /// As for [`Its::of_device`], and user space must have had a file descriptor of the device.
    pub(crate) unsafe fn of_device(device: *mut bindings::kvm_device) -> Self {
        // INVARIANT, SAFETY: By the safety requirements.
        Self(unsafe { Its::of_device(device) })
    }
}

impl Deref for LastingIts<'_> {
    type Target = Its;

    fn deref(&self) -> &Its {
        self.0
    }
}

/// What the locks of an ITS may be taken under.
///
/// # Safety
///
/// Whoever has it may sleep, and holds no lock of any ITS. It is borrowed for as long as such a lock
/// is held, and offers nothing that comes before one then.
pub(crate) unsafe trait BeforeIts {}

// SAFETY: A task without locks of its VM.
unsafe impl BeforeIts for Task<'_> {}
// SAFETY: A vCPU's thread, likewise.
unsafe impl BeforeIts for InMmio<'_> {}
// SAFETY: The lock of an ITS is taken after the configuration lock.
unsafe impl BeforeIts for ConfigLock<'_> {}

/// Who executes commands, which are in the guest's memory, and change it.
pub(crate) trait ItsUser: BeforeIts {
    /// That memory, to whoever it is.
    fn memory(&self) -> GuestMemory<'_>;
}

impl ItsUser for InMmio<'_> {
    fn memory(&self) -> GuestMemory<'_> {
        self.guest_memory()
    }
}

impl ItsUser for ConfigLock<'_> {
    fn memory(&self) -> GuestMemory<'_> {
        self.guest_memory()
    }
}

/// The ring of commands of an ITS is locked.
pub(crate) struct ItsCommands<'t> {
    its: &'t Its,
    memory: GuestMemory<'t>,
    guard: Guard<'t, Commands, MutexBackend>,
}

/// The tables of an ITS are locked.
pub(crate) struct ItsTables<'t> {
    its: &'t Its,
    guard: Guard<'t, Tables, MutexBackend>,
}

impl Its {
    /// Makes one that is nowhere.
    pub(crate) fn new(vm: Vm<'_>) -> impl PinInit<Self> + '_ {
        pin_init!(Self {
            vm: vm.as_ptr(),
            frame: UnsafeCell::new(bindings::vgic_io_device {
                base_addr: super::dist::UNDEFINED,
                ..Default::default()
            }),
            next: AtomicPtr::null(),
            cache: TranslationCache::new(),
            commands <- new_mutex!(Commands::NONE),
            tables <- new_mutex!(Tables::new()),
        })
    }

    /// Gives an ITS to its device.
    ///
    /// # Safety
    ///
    /// `device` must be valid, of the same VM, and nobody may know it yet.
    pub(crate) unsafe fn install(its: Pin<KBox<Self>>, device: *mut bindings::kvm_device) {
        // SAFETY: It stays where it is until `take()`. `device` is valid.
        unsafe { (*device).private = KBox::into_raw(Pin::into_inner_unchecked(its)).cast() };
    }

    /// The ITS of a device.
    ///
    /// # Safety
    ///
    /// `device` must be valid for `'a`, with an ITS.
    pub(crate) unsafe fn of_device<'a>(device: *mut bindings::kvm_device) -> &'a Self {
        // SAFETY: By the safety requirements.
        unsafe { &*(*device).private.cast() }
    }

    /// Takes an ITS from its device.
    ///
    /// # Safety
    ///
    /// `device` must be valid, with an ITS to which nobody has a reference any more.
    pub(crate) unsafe fn take(device: *mut bindings::kvm_device) -> Pin<KBox<Self>> {
        // SAFETY: By the safety requirements, from `install()`.
        unsafe { Pin::new_unchecked(KBox::from_raw((*device).private.cast())) }
    }

    /// Its VM.
    #[inline(always)]
    pub(crate) fn vm(&self) -> Vm<'_> {
        // SAFETY: A VM outlives its devices.
        unsafe { Vm::from_raw(self.vm) }
    }

    /// The ITS that a frame is of.
    ///
    /// # Safety
    ///
    /// `frame` must be that of an ITS that lives for `'a`.
    #[inline(always)]
    pub(super) unsafe fn of_frame<'a>(frame: *const bindings::vgic_io_device) -> &'a Self {
        // SAFETY: By the safety requirements the offset leads back to the object.
        unsafe { &*frame.byte_sub(offset_of!(Self, frame)).cast() }
    }

    /// The frame as a device on the bus.
    pub(crate) fn io_device(&self) -> IoDevice<'_> {
        // SAFETY: Part of `self`.
        unsafe { IoDevice::of_its(self.frame.get()) }
    }

    /// Makes the file that shows what is mapped to people.
    ///
    /// # Errors
    ///
    /// `ENOMEM`.
    pub(crate) fn create_file(&self) -> Result {
        let base = self.base().unwrap_or(super::dist::UNDEFINED);

        // SAFETY: The VM is valid, and removes all its files before its devices go.
        to_result(unsafe {
            bindings::kvm_arm64_its_debug_init(self.vm, core::ptr::from_ref(self).cast(), base)
        })
    }

    /// Where it is, if it is anywhere.
    pub(crate) fn base(&self) -> Option<u64> {
        self.io_device().base()
    }

    /// Locks the ring of commands. Sleeps.
    pub(crate) fn commands<'t>(&'t self, before: &'t mut impl ItsUser) -> ItsCommands<'t> {
        ItsCommands {
            its: self,
            memory: before.memory(),
            guard: self.commands.lock(),
        }
    }

    /// Locks the tables. Sleeps.
    pub(crate) fn tables<'t>(&'t self, _before: &'t mut impl BeforeIts) -> ItsTables<'t> {
        ItsTables {
            its: self,
            guard: self.tables.lock(),
        }
    }

    /// The LPI that an event was translated to when it was last looked up with the tables locked,
    /// if nothing has changed since. Any context.
    ///
    /// It may change at any moment: what is found is to be used with the life that it has.
    #[inline(always)]
    pub(crate) fn cached(&self, device: DeviceId, event: EventId) -> Option<(Intid, Life)> {
        self.cache.lookup(device, event)
    }
}

impl<'t> ItsCommands<'t> {
    /// The guest's memory, to who has locked it.
    pub(crate) fn memory(&self) -> GuestMemory<'t> {
        self.memory
    }

    /// Evidence for what sleeps: this lock is a mutex, and so is all that is held.
    pub(crate) fn may_sleep(&self) -> MaySleep<'t> {
        // SAFETY: Whoever took the lock may, for as long as it is held.
        unsafe { MaySleep::assume() }
    }

    /// Locks the tables. Sleeps.
    pub(crate) fn tables(&mut self) -> ItsTables<'_> {
        ItsTables {
            its: self.its,
            guard: self.its.tables.lock(),
        }
    }
}

impl Deref for ItsCommands<'_> {
    type Target = Commands;

    fn deref(&self) -> &Commands {
        &self.guard
    }
}

impl DerefMut for ItsCommands<'_> {
    fn deref_mut(&mut self) -> &mut Commands {
        &mut self.guard
    }
}

impl<'t> ItsTables<'t> {
    /// The ITS.
    pub(crate) fn its(&self) -> &'t Its {
        self.its
    }

    /// See [`ItsCommands::may_sleep`].
    pub(crate) fn may_sleep(&self) -> MaySleep<'t> {
        // SAFETY: See there.
        unsafe { MaySleep::assume() }
    }

    /// Has an event found by [`Its::cached`]. It is not for sure: there may be no memory.
    pub(crate) fn cache(&mut self, device: DeviceId, event: EventId, lpi: Intid, life: Life) {
        // SAFETY: The tables' lock is held.
        unsafe {
            self.its
                .cache
                .insert(device, event, lpi, life, self.guard.mappings.nr_ites())
        };
    }

    /// Whatever was cached is found no more.
    pub(crate) fn invalidate_cache(&mut self) {
        // SAFETY: The tables' lock is held.
        unsafe { self.its.cache.invalidate() };
    }
}

impl Deref for ItsTables<'_> {
    type Target = Tables;

    fn deref(&self) -> &Tables {
        &self.guard
    }
}

impl DerefMut for ItsTables<'_> {
    fn deref_mut(&mut self) -> &mut Tables {
        &mut self.guard
    }
}

impl<'a> Vm<'a> {
    /// The head of the list of ITSs.
    fn its_head(self) -> &'a AtomicPtr<Its> {
        // SAFETY: The VM is valid. A pointer that is zero at first, of a structure that is not used
        // otherwise; whoever accesses it does so here.
        unsafe { &*(&raw mut (*self.as_ptr()).arch.vgic.lpi_xa.xa_head).cast::<AtomicPtr<Its>>() }
    }

    /// All ITSs that are placed, in the order in which they were. Any context.
    #[inline]
    pub(crate) fn itss(self) -> impl Iterator<Item = &'a Its> {
        let mut place = self.its_head();

        core::iter::from_fn(move || {
            // SAFETY: Stored by `Slots::place_its()`, with release. By the invariant of `LastingIts`
            // it is freed with the devices of the VM, when nobody else knows that.
            let its: &'a Its = unsafe { place.load().as_ref() }?;

            place = &its.next;
            Some(its)
        })
    }

    /// The ITS whose frame an address is in: any address of it is a doorbell. Any context.
    #[inline]
    pub(crate) fn its_at(self, address: u64) -> Option<&'a Its> {
        self.itss().find(|its| {
            its.base()
                .is_some_and(|base| address.wrapping_sub(base) < FrameKind::ITS.size)
        })
    }
}

impl Slots<'_> {
    /// Puts an ITS where the guest can access it, and MSIs find it. Sleeps.
    ///
    /// # Errors
    ///
    /// `EEXIST` if it is somewhere; `EINVAL` if it is another VM's; those of the bus. Nothing has
    /// changed then.
    pub(crate) fn place_its(&mut self, its: LastingIts<'_>, base: u64) -> Result {
        if its.base().is_some() {
            return Err(EEXIST);
        }
        if its.vm != self.vm().as_ptr() {
            return Err(EINVAL);
        }
        // CAST: A small constant.
        self.place(its.io_device(), base, FrameKind::ITS.size as u32)?;

        let place = match self.vm().itss().last() {
            Some(last) => &last.next,
            None => self.vm().its_head(),
        };

        place.store_release(core::ptr::from_ref(its.0).cast_mut());
        Ok(())
    }
}
