// SPDX-License-Identifier: GPL-2.0

//! The hypervisor's side: EL2 below a host at EL1, with E2H clear (nVHE) or set (hVHE).
//!
//! What the two crates have in different ways goes by one name in both; see `side/kernel.rs`.
//!
//! Mirrors: arch/arm64/include/asm/kvm_mmu.h: __kern_hyp_va;
//!     arch/arm64/kvm/hyp/include/hyp/switch.h: kvm_hyp_save_fpsimd_host, __hyp_sve_save_host

mod protected;

pub(crate) use protected::ProtectedVcpu;

use crate::{
    arm64::prelude::*,
    bindings,
    kvm::prelude::*, //
};

/// Nested virtualization needs VHE.
pub(crate) const MAY_NEST: bool = false;

/// A guest's registers are in the hardware only while it runs.
pub(crate) const SWITCHES_AT_LOAD: bool = false;

/// Reads EL1's register. With E2H set its own name means EL2's.
macro_rules! read_el1_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg_either!($own, $alias, ARM64_KVM_HVHE)
    };
}

/// Writes it.
macro_rules! write_el1_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg_either!($own, $alias, ARM64_KVM_HVHE, $value)
    };
}

/// Reads EL2's register, by its own name, which it has with E2H set or not.
macro_rules! read_el2_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg!($own)
    };
}

/// Writes it.
macro_rules! write_el2_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg!($own, $value)
    };
}

/// Reads a timer's register of EL0.
macro_rules! read_el0_sysreg {
    ($own:expr, $alias:expr) => {
        read_sysreg_either!($own, $alias, ARM64_KVM_HVHE)
    };
}

/// Writes it.
macro_rules! write_el0_sysreg {
    ($own:expr, $alias:expr, $value:expr) => {
        write_sysreg_either!($own, $alias, ARM64_KVM_HVHE, $value)
    };
}

/// Where this side finds what a pointer of the kernel's points at. One of its own stays what it is.
///
/// The instructions are patched at boot, with the mask and the tag of the hypervisor's addresses.
#[inline(always)]
pub(crate) fn pointer<T>(kernel: *mut T) -> *mut T {
    let mut address = kernel.expose_provenance();

    // SAFETY: Arithmetic. The entry is the one that C's `ALTERNATIVE_CB()` makes: the callback
    // computes as many instructions as there are.
    unsafe {
        core::arch::asm!(
            "661:",
            "and {0}, {0}, #1",
            "ror {0}, {0}, #1",
            "add {0}, {0}, #0",
            "add {0}, {0}, #0, lsl 12",
            "ror {0}, {0}, #63",
            "662:",
            ".pushsection .altinstructions, \"a\"",
            ".word 661b - .",
            ".word kvm_update_va_mask - .",
            ".hword {cap}",
            ".byte 662b - 661b",
            ".byte 0",
            ".popsection",
            inout(reg) address,
            // CAST: a number below 2^15, and the mark of a callback.
            cap = const bindings::ARM64_ALWAYS_SYSTEM | 1 << 15,
            options(pure, nomem, nostack, preserves_flags)
        );
    }
    core::ptr::with_exposed_provenance_mut(address)
}

/// Whether E2H is set.
#[inline(always)]
pub(crate) fn keeps_e2h() -> bool {
    cpucaps::has_hvhe()
}

/// `HCR_EL2` while the host runs.
#[inline(always)]
pub(crate) fn host_hcr(masked: Masked<'_>) -> Hcr {
    let params = this_cpu_ptr(&raw mut bindings::kvm_init_params, *masked);

    // SAFETY: This CPU's, set up before EL2 was. CAST: as wide.
    Hcr::from_raw(unsafe { (*params).hcr_el2 } as u64)
}

/// The vectors while the host runs.
#[inline(always)]
pub(crate) fn host_vectors(_el2: El2<'_>) -> u64 {
    // CAST: an address.
    (&raw const bindings::__kvm_hyp_host_vector) as u64
}

/// Stage 2 is the host's, or none: evidence for whoever restores its EL1, which comes next.
#[must_use = "the host's registers have to come back"]
pub(crate) struct HostStage2(());

/// Makes stage 2 that of the host, or none. What EL2 itself accesses does not go by it.
#[inline(always)]
pub(crate) fn load_host_stage2(_back: BackAtHost) -> HostStage2 {
    // SAFETY: The guest has been left, and its registers saved: so says the evidence.
    unsafe { bindings::kvm_arm64_load_host_stage2() };
    HostStage2(())
}

/// What is found out of a vCPU before it is entered: each access to its VM by the kernel's pointer
/// would translate that anew.
#[derive(Clone, Copy)]
pub(crate) struct Known<'a> {
    vm: Vm<'a>,
    protected: Option<ProtectedVcpu<'a>>,
}

impl<'a> Known<'a> {
    /// Of a vCPU, which has no EL2.
    #[inline(always)]
    pub(crate) fn of(vcpu: RunningVcpu<'a>, _has_el2: bool) -> Self {
        let vm = vcpu.vm();

        Self {
            vm,
            protected: ProtectedVcpu::of(vcpu, vm),
        }
    }

    /// Whether it is entered in hyp context.
    #[inline(always)]
    pub(crate) fn in_hyp_context(self) -> bool {
        false
    }

    /// The VM of that vCPU.
    #[inline(always)]
    pub(crate) fn vm(self, _vcpu: RunningVcpu<'a>) -> Vm<'a> {
        self.vm
    }

    /// The vCPU, if it is protected.
    #[inline(always)]
    pub(crate) fn protected(self) -> Option<ProtectedVcpu<'a>> {
        self.protected
    }
}

/// A host that is not trusted does not save its FP and SVE registers, nor is it to see what a guest
/// left in them.
#[inline(always)]
pub(crate) fn saves_host_fp() -> bool {
    cpucaps::has_protected_kvm()
}

/// Saves them. Nothing traps.
#[cold]
pub(crate) fn save_host_fp(vcpu: RunningVcpu<'_>, host: HostData<'_>) {
    let registers = host.context();

    if cpucaps::has_sve() {
        registers
            .own_sys_regs()
            .set(SysReg::ZCR_EL1, ZCR_EL1::read());
        // SAFETY: Does not change once EL2 is set up.
        VectorLength::from_bytes(unsafe { bindings::kvm_host_sve_max_vl }).set_limit(vcpu.masked());
        // SAFETY: The vectors are as long as the memory is made for.
        unsafe { bindings::kvm_arm64_save_sve(host.sve_memory(), registers.fp_registers()) };
    } else {
        // SAFETY: The host's context of this CPU.
        unsafe { bindings::kvm_arm64_save_fpsimd(registers.fp_registers()) };
    }
    if vcpu.has_fpmr() {
        registers.own_sys_regs().set(SysReg::FPMR, FPMR::read());
    }
}

/// Runs `f` while the CPU takes no exception, and its interrupts are EL2's: the host's interface to
/// the GIC may change only then.
///
/// # Safety
///
/// Only in the handler of a hypercall.
pub(crate) unsafe fn with_interrupts_kept_away<R>(f: impl FnOnce(Masked<'_>) -> R) -> R {
    // SAFETY: The hypercall masks all exceptions.
    let masked = unsafe { Masked::assume() };

    route_interrupts_to_el2(true, masked);
    isb();
    let result = f(masked);

    route_interrupts_to_el2(false, masked);
    isb();
    result
}

/// Tells the hypervisor's trace that a guest is entered.
#[inline(always)]
pub(crate) fn trace_exit_to_guest(host: HostData<'_>) {
    if cfg!(CONFIG_NVHE_EL2_TRACING) {
        // SAFETY: The context of this CPU.
        unsafe { bindings::kvm_arm64_trace_exit_to_guest(host.context().as_ptr()) };
    }
}

/// Tells the hypervisor's trace that a guest was left.
#[inline(always)]
pub(crate) fn trace_enter_from_guest(host: HostData<'_>) {
    if cfg!(CONFIG_NVHE_EL2_TRACING) {
        // SAFETY: The context of this CPU.
        unsafe { bindings::kvm_arm64_trace_enter_from_guest(host.context().as_ptr()) };
    }
}
