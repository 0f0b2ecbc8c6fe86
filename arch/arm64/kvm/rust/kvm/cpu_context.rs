// SPDX-License-Identifier: GPL-2.0

//! The registers of a CPU in memory: a vCPU's, or the host's while a guest runs.
//!
//! C header: [`arch/arm64/include/asm/kvm_host.h`](srctree/arch/arm64/include/asm/kvm_host.h)
//!
//! Mirrors: arch/arm64/include/asm/kvm_host.h: ___ctxt_sys_reg, __ctxt_sys_reg, ctxt_sys_reg;
//!     arch/arm64/include/asm/kvm_emulate.h: vcpu_get_reg, vcpu_set_reg

use super::*;

view! {
    /// A reference to a `struct kvm_cpu_context`.
    ///
    /// # Invariants
    ///
    /// `ptr` points at a context that lives for `'a`. A vCPU's is its thread's, the host's is the
    /// CPU's. Others only access what is read and written in one piece by both sides: see
    /// [`SysRegs::get_once`].
    pub(crate) struct CpuContext<'a>(bindings::kvm_cpu_context);
}

/// An AArch32 mode whose `SPSR` is kept outside of the array of system registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BankedSpsr {
    /// `SPSR_abt`.
    Abt,
    /// `SPSR_und`.
    Und,
    /// `SPSR_irq`.
    Irq,
    /// `SPSR_fiq`.
    Fiq,
}

impl<'a> CpuContext<'a> {
    // SAFETY: Valid by the type invariant.
    fields! { unsafe
        /// The program counter.
        pub(crate) pc, set_pc: u64 = regs.pc;
        /// PSTATE, in the format of an `SPSR`.
        pub(crate) pstate, set_pstate: u64 = regs.pstate;
    }

    /// A general-purpose register, as an operand: 0 for the zero register.
    #[inline(always)]
    pub(crate) fn gp_reg(self, reg: Gpr) -> u64 {
        if reg == Gpr::ZERO {
            return 0;
        }
        // SAFETY: Valid by the type invariant; 31 registers by the number's.
        unsafe { self.gp_regs().add(usize::from(reg.number())).read() }
    }

    /// Sets a general-purpose register; no effect for the zero register.
    #[inline(always)]
    pub(crate) fn set_gp_reg(self, reg: Gpr, value: u64) {
        if reg != Gpr::ZERO {
            // SAFETY: Valid by the type invariant; 31 registers by the number's.
            unsafe { self.gp_regs().add(usize::from(reg.number())).write(value) };
        }
    }

    #[inline(always)]
    fn gp_regs(self) -> *mut u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { (&raw mut (*self.as_ptr()).regs.regs).cast() }
    }

    /// Where its FP registers are saved to.
    #[cfg(nvhe)]
    #[inline(always)]
    pub(crate) fn fp_registers(self) -> *mut bindings::user_fpsimd_state {
        // SAFETY: Valid by the type invariant.
        unsafe { &raw mut (*self.as_ptr()).fp_regs }
    }

    /// A banked `SPSR` of AArch32.
    #[inline(always)]
    pub(crate) fn banked_spsr(self, bank: BankedSpsr) -> u64 {
        // SAFETY: Valid by `banked_spsr_ptr()`.
        unsafe { self.banked_spsr_ptr(bank).read() }
    }

    /// Sets a banked `SPSR` of AArch32.
    #[inline(always)]
    pub(crate) fn set_banked_spsr(self, bank: BankedSpsr, value: u64) {
        // SAFETY: Valid by `banked_spsr_ptr()`.
        unsafe { self.banked_spsr_ptr(bank).write(value) };
    }

    #[inline(always)]
    fn banked_spsr_ptr(self, bank: BankedSpsr) -> *mut u64 {
        // SAFETY: Valid by the type invariant.
        unsafe {
            match bank {
                BankedSpsr::Abt => &raw mut (*self.as_ptr()).spsr_abt,
                BankedSpsr::Und => &raw mut (*self.as_ptr()).spsr_und,
                BankedSpsr::Irq => &raw mut (*self.as_ptr()).spsr_irq,
                BankedSpsr::Fiq => &raw mut (*self.as_ptr()).spsr_fiq,
            }
        }
    }

    /// Its system registers. Where they are is found out here, once for all of them.
    #[inline(always)]
    pub(crate) fn sys_regs(self) -> SysRegs<'a> {
        let own = self.own_sys_regs();

        if !side::MAY_NEST || !cpucaps::has_nested_virt() {
            return own;
        }

        let page = self.vncr_page();

        // INVARIANT: The page is laid out like the end of the array.
        SysRegs {
            vncr: if page.is_null() { own.vncr } else { page },
            ..own
        }
    }

    /// The system registers of a context that has no page for FEAT_NV2: the host's, and that of a
    /// vCPU without EL2.
    #[inline(always)]
    pub(crate) fn own_sys_regs(self) -> SysRegs<'a> {
        // SAFETY: Valid by the type invariant; within the array.
        unsafe {
            let regs = (&raw mut (*self.as_ptr()).sys_regs).cast::<u64>();

            SysRegs {
                regs,
                // INVARIANT: Within the array, and so followed by all later registers.
                vncr: regs.add(bindings::vcpu_sysreg___VNCR_START__ as usize),
                _context: PhantomData,
            }
        }
    }

    /// One system register in memory, as it is: see [`SysRegs`].
    #[inline(always)]
    pub(crate) fn sys_reg(self, reg: SysReg) -> u64 {
        self.sys_regs().get(reg)
    }

    /// Sets one system register in memory: see [`SysRegs`].
    #[inline(always)]
    pub(crate) fn set_sys_reg(self, reg: SysReg, value: u64) {
        self.sys_regs().set(reg, value);
    }

    /// The page that a guest hypervisor's accesses to EL1 registers go to, or NULL.
    #[inline(always)]
    pub(crate) fn vncr_page(self) -> *mut u64 {
        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).vncr_array }
    }

    /// For the host's context: the vCPU that is loaded on its CPU.
    #[inline(always)]
    pub(crate) fn running_vcpu(self) -> Option<Vcpu<'a>> {
        // SAFETY: Valid by the type invariant. A vCPU is named here while it is loaded, and lives as
        // long.
        unsafe {
            let vcpu = (*self.as_ptr()).__hyp_running_vcpu;

            (!vcpu.is_null()).then(|| Vcpu::from_raw(vcpu))
        }
    }

    /// For the host's context: names the vCPU that is loaded on its CPU, until it is told `None`.
    #[inline(always)]
    pub(crate) fn set_running_vcpu(self, vcpu: Option<LoadedVcpu<'_>>) {
        let vcpu = vcpu.map_or(ptr::null_mut(), |vcpu| vcpu.as_ptr());

        // SAFETY: Valid by the type invariant.
        unsafe { (*self.as_ptr()).__hyp_running_vcpu = vcpu };
    }
}

/// The system registers of a context, as they are in memory: stale for those that the hardware
/// holds at the moment, and without regard to bits that a nested guest does not have (see
/// [`Vcpu::sys_reg`]).
///
/// # Invariants
///
/// `regs` points at the registers from number 0, `vncr` at those from number `__VNCR_START__`, for
/// `'a`. These are elsewhere where the hardware accesses them on behalf of a guest hypervisor
/// (FEAT_NV2).
#[derive(Clone, Copy)]
pub(crate) struct SysRegs<'a> {
    regs: *mut u64,
    vncr: *mut u64,
    _context: PhantomData<&'a bindings::kvm_cpu_context>,
}

impl SysRegs<'_> {
    /// Where a register is.
    #[inline(always)]
    pub(super) fn slot(self, reg: SysReg) -> *mut u64 {
        // SAFETY: Within either array, by the invariants of the register and of this type.
        unsafe {
            match reg.index_in_vncr_page() {
                Some(index) => self.vncr.add(index),
                None => self.regs.add(reg.index()),
            }
        }
    }

    /// The value of a register that others may write meanwhile, in one load: a timer's, which
    /// expires on whatever CPU, and one that the hardware accesses on behalf of a guest hypervisor.
    #[inline(always)]
    pub(crate) fn get_once(self, reg: SysReg) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { self.slot(reg).read_volatile() }
    }

    /// The value of a register.
    #[inline(always)]
    pub(crate) fn get(self, reg: SysReg) -> u64 {
        // SAFETY: By the type invariant.
        unsafe { self.slot(reg).read() }
    }

    /// Sets the value of a register.
    #[inline(always)]
    pub(crate) fn set(self, reg: SysReg, value: u64) {
        // SAFETY: By the type invariant.
        unsafe { self.slot(reg).write(value) };
    }
}

impl<'a> Vcpu<'a> {
    /// Its registers in memory, for this layer: what others may look at at any time.
    #[inline(always)]
    pub(super) fn context(self) -> CpuContext<'a> {
        // SAFETY: A vCPU's context lives as long as the vCPU. Who is not its thread uses it for what
        // the type's invariant allows.
        unsafe { CpuContext::from_raw(&raw mut (*self.as_ptr()).arch.ctxt) }
    }
}

impl<'a> OwnVcpu<'a> {
    /// Its registers in memory.
    #[inline(always)]
    pub(crate) fn context(self) -> CpuContext<'a> {
        Vcpu::context(*self)
    }
}
