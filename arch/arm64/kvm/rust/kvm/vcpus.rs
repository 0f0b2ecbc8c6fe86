// SPDX-License-Identifier: GPL-2.0

//! The vCPUs of a VM, and how to get their attention.
//!
//! C header: [`include/linux/kvm_host.h`](srctree/include/linux/kvm_host.h)

use super::prelude::*;
use crate::linux::context::OnCpu;
use kernel::bindings;

impl<'a> Vm<'a> {
    /// The number of vCPUs that are complete.
    pub(crate) fn online_vcpus(self) -> u32 {
        // SAFETY: Valid by the type invariant. CAST: Never negative.
        unsafe { (&raw const (*self.as_ptr()).online_vcpus.counter).read_volatile() as u32 }
    }

    /// The vCPU of that index, in the order in which they were made.
    pub(crate) fn vcpu_at(self, index: u32) -> Option<Vcpu<'a>> {
        // SAFETY: The VM is valid; any index is. CAST: The bit pattern.
        let ptr = unsafe { bindings::kvm_get_vcpu(self.as_ptr(), index as i32) };

        // SAFETY: An online vCPU is complete, and lives as long as its VM.
        (!ptr.is_null()).then(|| unsafe { Vcpu::from_raw(ptr) })
    }

    /// All vCPUs that are complete.
    pub(crate) fn vcpus(self) -> impl Iterator<Item = Vcpu<'a>> {
        (0..self.online_vcpus()).filter_map(move |index| self.vcpu_at(index))
    }

    /// The vCPU to which user space gave that number.
    pub(crate) fn vcpu_of_id(self, id: u32) -> Option<Vcpu<'a>> {
        // SAFETY: The VM is valid; any number is. CAST: The bit pattern.
        let ptr = unsafe { bindings::kvm_get_vcpu_by_id(self.as_ptr(), id as i32) };

        // SAFETY: An online vCPU is complete, and lives as long as its VM.
        (!ptr.is_null()).then(|| unsafe { Vcpu::from_raw(ptr) })
    }

    /// The vCPU of that affinity: Aff0 to Aff3 as in `MPIDR_EL1`.
    pub(crate) fn vcpu_of_affinity(self, mpidr: u64) -> Option<Vcpu<'a>> {
        // SAFETY: The VM is valid; any affinity is. CAST: As wide.
        let ptr = unsafe { bindings::kvm_mpidr_to_vcpu(self.as_ptr(), mpidr as usize) };

        // SAFETY: An online vCPU is complete, and lives as long as its VM.
        (!ptr.is_null()).then(|| unsafe { Vcpu::from_raw(ptr) })
    }

    /// Tells those who wait for it that the guest has ended an SPI. Mostly nobody does: they are
    /// not looked up then.
    #[inline(always)]
    pub(crate) fn notify_acked(self, intid: u32) {
        if self.hears_acks() {
            self.notify_those_acked(intid);
        }
    }

    /// Whether anybody waits for the end of an interrupt, or watches it.
    #[inline(always)]
    pub(crate) fn hears_acks(self) -> bool {
        self.has_ack_notifiers() || tracepoint::traces_kvm_ack_irq()
    }

    /// Whether anybody waits for the end of any interrupt; who begins to at this moment may be
    /// missed, as by a walk of the list.
    #[inline(always)]
    fn has_ack_notifiers(self) -> bool {
        // SAFETY: Valid by the type invariant; a pointer, read at once.
        let first =
            unsafe { (&raw const (*self.as_ptr()).irq_ack_notifier_list.first).read_volatile() };

        !first.is_null()
    }

    #[cold]
    fn notify_those_acked(self, intid: u32) {
        // SAFETY: The VM is valid; any number is.
        unsafe { bindings::kvm_notify_acked_irq(self.as_ptr(), 0, intid.wrapping_sub(32)) };
    }

    /// Tells all vCPUs that there may be an interrupt for them. Any context.
    pub(crate) fn kick_all_for_irq(self) {
        // SAFETY: The VM is valid.
        unsafe { bindings::kvm_arm64_vgic_kick_all(self.as_ptr()) };
    }
}

impl Vcpu<'_> {
    /// Its index in the VM, once it is complete.
    #[inline(always)]
    pub(crate) fn index(self) -> u32 {
        // SAFETY: Valid by the type invariant. CAST: Never negative.
        unsafe { (*self.as_ptr()).vcpu_idx as u32 }
    }

    /// Its affinity: Aff0 to Aff3 of its `MPIDR_EL1`.
    pub(crate) fn affinity(self) -> u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kvm_vcpu_get_mpidr_aff(self.as_ptr()) as u64 }
    }

    /// Tells it that there may be an interrupt for it: it leaves its guest, or wakes up. Any
    /// context.
    ///
    /// The request is made anew even if it stands already: who makes it relies on the order
    /// between its own stores and the vCPU's look at the request.
    #[inline]
    pub(crate) fn kick_for_irq(self) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kvm_arm64_vgic_kick(self.as_ptr()) };
    }

    /// Whether it looks at its interrupts before its guest runs on, without a kick or a request: its
    /// thread is the caller, or what the caller has interrupted, on this CPU; and it neither sleeps,
    /// nor is about to.
    ///
    /// From that look on until the guest is left interrupts are off, and the thread makes none. One
    /// with EL2 has looked for those that are for a guest hypervisor before, with interrupts on.
    #[inline(always)]
    pub(crate) fn looks_by_itself(self, _on_cpu: OnCpu<'_>) -> bool {
        // SAFETY: Valid by the type invariant.
        !self.has_el2() && unsafe { bindings::kvm_arm64_vcpu_is_up_here(self.as_ptr()) }
    }

    /// Asks it to look through its interrupts before it enters the guest again.
    #[inline]
    pub(crate) fn request_vgic_update(self) {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::kvm_arm64_vgic_request_update(self.as_ptr()) };
    }

    /// Whether it has run.
    pub(crate) fn has_run_once(self) -> bool {
        // SAFETY: Valid by the type invariant.
        unsafe { bindings::vcpu_has_run_once(self.as_ptr()) }
    }
}
