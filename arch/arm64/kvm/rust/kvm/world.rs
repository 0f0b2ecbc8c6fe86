// SPDX-License-Identifier: GPL-2.0

//! The border between host and guest: masked exceptions, whose translation and vectors are in
//! force, and the step over it.
//!
//! C headers: [`arch/arm64/include/asm/kvm_hyp.h`](srctree/arch/arm64/include/asm/kvm_hyp.h),
//! [`arch/arm64/include/asm/daifflags.h`](srctree/arch/arm64/include/asm/daifflags.h)
//!
//! Mirrors: arch/arm64/kvm/hyp/vhe/switch.c: __compute_hcr, __activate_traps, __deactivate_traps,
//!     __kvm_vcpu_run; arch/arm64/include/asm/daifflags.h: local_daif_mask

use super::*;

/// Runs `f` with exceptions masked; with interrupts off afterwards, as they were. What `f` began it
/// has to end: it returns that the CPU is back at the host.
///
/// Interrupts must be masked in `PSTATE` and not by priority while the guest runs: one that the
/// priority mask holds back would not make the CPU leave the guest.
///
/// # Safety
///
/// Only on a VHE host, with interrupts off.
#[inline(always)]
pub(crate) unsafe fn with_exceptions_masked<R>(
    vcpu: LoadedVcpu<'_>,
    f: impl FnOnce(RunningVcpu<'_>) -> (R, BackAtHost),
) -> R {
    // SAFETY: Undone below.
    unsafe { bindings::kvm_mask_exceptions() };

    // SAFETY: By the safety requirements; exceptions were just masked.
    let (result, BackAtHost(())) = f(unsafe { RunningVcpu::assume(vcpu) });

    // SAFETY: The state that the run loop in C has; interrupts stay off.
    unsafe { bindings::kvm_unmask_exceptions() };
    result
}

/// The guest's side of the border: `HCR_EL2` is the guest's. User memory is out of reach, and so is
/// the host's EL0. Exceptions still go to the host's vectors.
#[must_use = "the host's HCR_EL2 has to come back"]
pub(crate) struct GuestSide<'a>(RunningVcpu<'a>);

impl<'a> GuestSide<'a> {
    /// Makes `HCR_EL2` the guest's.
    ///
    /// Erratum 1165522 wants the guest's stage 1 and stage 2 in place before TGE is cleared; they
    /// are since the vCPU was loaded.
    #[inline(always)]
    pub(crate) fn enter(vcpu: RunningVcpu<'a>, hcr: GuestHcr) -> Self {
        // SAFETY: The vCPU is loaded, so EL1, EL0 and stage 2 are a guest's.
        unsafe { hcr.write(vcpu.masked()) };
        Self(vcpu)
    }

    /// Makes exceptions go to the vectors that lead out of a guest. To be called last, for the
    /// host's vectors know better what to do with a fault of the host.
    #[inline(always)]
    pub(crate) fn set_vectors(self) -> Vectored<'a> {
        let vectors = this_cpu_ptr(
            &raw mut bindings::kvm_hyp_vector,
            *self.0.masked(), //
        );

        // SAFETY: This CPU's, set up when the CPU came up. CAST: an address.
        unsafe { VBAR_EL2::write(*vectors as u64) };
        Vectored(self.0)
    }
}

/// The guest's side, and exceptions go to the vectors that lead out of a guest.
#[must_use = "the host's HCR_EL2 and vectors have to come back"]
pub(crate) struct Vectored<'a>(RunningVcpu<'a>);

impl<'a> Vectored<'a> {
    /// Says where and how the guest goes on.
    #[inline(always)]
    pub(crate) fn return_to(self, address: u64, pstate: GuestPstate) -> Ready<'a> {
        ELR_EL2::set(address, self.0.masked());
        SPSR_EL2::set(pstate, self.0.masked());
        Ready(self.0)
    }

    /// Takes the caller's word for it.
    ///
    /// # Safety
    ///
    /// `HCR_EL2` and vectors must be set as by [`GuestSide`], or this be about to bring the host
    /// down.
    pub(crate) unsafe fn assume(vcpu: RunningVcpu<'a>) -> Self {
        Self(vcpu)
    }

    /// Makes `HCR_EL2` the host's.
    #[inline(always)]
    pub(crate) fn leave(self) -> HostSide<'a> {
        write_host_hcr(self.0.masked());
        HostSide(self.0)
    }
}

/// All is set for the guest to run: traps, vectors, and what it returns to.
#[must_use = "the host's HCR_EL2 and vectors have to come back"]
pub(crate) struct Ready<'a>(RunningVcpu<'a>);

impl<'a> Ready<'a> {
    /// Goes into the guest. Returns when the CPU comes back, with the reason.
    #[inline(always)]
    pub(crate) fn run(&self) -> u64 {
        // SAFETY: The vCPU is loaded; traps and vectors are in place, and what the CPU returns to
        // is not EL2: of these types.
        unsafe { bindings::__guest_enter(self.0.as_ptr()) }
    }

    /// The state that the guest was in when it was last left.
    #[inline(always)]
    pub(crate) fn guest_pstate(&self) -> GuestPstate {
        // SAFETY: What is in the register is from there, or was set for the guest. A fault of this
        // code does not come back.
        unsafe { SPSR_EL2::guest_pstate() }
    }

    /// Makes `HCR_EL2` the host's.
    #[inline(always)]
    pub(crate) fn leave(self) -> HostSide<'a> {
        Vectored(self.0).leave()
    }
}

/// The host's side of the border, coming from the guest's: the vectors are still the guest's.
#[must_use = "the host's vectors have to come back"]
pub(crate) struct HostSide<'a>(RunningVcpu<'a>);

impl HostSide<'_> {
    /// Makes exceptions go to the host's vectors.
    #[inline(always)]
    pub(crate) fn set_vectors(self) -> BackAtHost {
        // SAFETY: The host's vectors.
        unsafe { VBAR_EL2::write(side::host_vectors(*self.0.masked())) };
        BackAtHost(())
    }
}

/// Evidence that the CPU, once on the guest's side, is the host's again.
#[must_use = "whoever masked exceptions wants to know"]
pub(crate) struct BackAtHost(());

/// Has the hardware keep registers of virtual EL2 in the vCPU's page.
pub(crate) fn point_vncr_at_vcpu(vcpu: RunningVcpu<'_>) {
    // SAFETY: The page is the vCPU's for its life, and holds nothing but these registers. CAST: an
    // address.
    unsafe { VNCR_EL2::write(vcpu.context().vncr_page() as u64) };
}

/// Has the hardware keep registers of virtual EL2 of a nested guest's guests where the nested guest
/// has them. `vncr` is its `VNCR_EL2`.
pub(crate) fn point_vncr_at_fixmap(vncr: u64, _masked: Masked<'_>) {
    /// Reserved bits, which the register inherits.
    const LOW: u64 = bindings::PAGE_SIZE as u64 - 1;

    // SAFETY: The address is this CPU's slot for that page. If nothing is mapped there the
    // hardware reports a fault of the guest's.
    unsafe { VNCR_EL2::write(bindings::kvm_vncr_fixmap_address() | vncr & LOW) };
}

/// BUG, if the page of a nested guest is mapped while its hypervisor is about to run.
pub(crate) fn assert_vncr_is_unmapped_unless_nested(host: HostData<'_>, hyp_context: bool) {
    if hyp_context && host.flag(HostFlag::L1VncrMapped) {
        // SAFETY: The way to stop this thread.
        unsafe { bindings::BUG() };
    }
}
