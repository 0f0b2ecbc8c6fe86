// SPDX-License-Identifier: GPL-2.0

//! The CPU interface of a vCPU on a GICv2 host, in memory and in the host's GIC.
//!
//! C header: [`include/kvm/arm_vgic.h`](srctree/include/kvm/arm_vgic.h)
//!
//! Source: GIC Architecture Specification, version 2 (IHI 0048), "GIC virtual interface control
//! registers".
//!
//! Mirrors: include/kvm/arm_vgic.h: vgic_v2_cpu_if

use super::*;

/// How many list registers there is room for.
const LRS: u32 = bindings::VGIC_V2_MAX_LRS;

view! {
    /// A reference to a `struct vgic_v2_cpu_if`, in the hands of whoever switches the vCPU.
    ///
    /// # Invariants
    ///
    /// `ptr` is valid for `'a`, and nobody else writes to what it points at: it belongs to the CPU
    /// that the vCPU is loaded on, or to its thread.
    pub(crate) struct VgicV2<'a>(bindings::vgic_v2_cpu_if);
}

impl VgicV2<'_> {
    // SAFETY: Valid, and written to by nobody else, by the type invariant.
    fields! { unsafe
        /// `GICH_HCR`.
        pub(crate) hcr, set_hcr: IchHcr = vgic_hcr;
        /// `GICH_VMCR`. Others may look at it.
        pub(crate) vmcr, set_vmcr: u32 = vgic_vmcr, once;
        /// `GICH_APR`: active priorities.
        pub(crate) apr, set_apr: u32 = vgic_apr;
        /// The number of list registers in use.
        pub(crate) used_lrs, set_used_lrs: u32 = used_lrs;
    }

    /// Where a list register is; none if there is none of that number.
    #[inline(always)]
    fn lr_ptr(self, number: u32) -> Option<*mut u32> {
        // SAFETY: Valid by the type invariant; within the array. CAST: widening.
        (number < LRS).then(|| unsafe {
            (&raw mut (*self.as_ptr()).vgic_lr)
                .cast::<u32>()
                .add(number as usize)
        })
    }

    /// A list register of that number; none if there is no such.
    #[inline(always)]
    pub(crate) fn lr(self, number: u32) -> Option<u32> {
        // SAFETY: Valid by `lr_ptr()`.
        self.lr_ptr(number).map(|lr| unsafe { lr.read() })
    }

    /// See [`Self::lr`].
    #[inline(always)]
    pub(crate) fn set_lr(self, number: u32, value: u32) {
        if let Some(lr) = self.lr_ptr(number) {
            // SAFETY: Valid by `lr_ptr()`, and written to by nobody else, by the type invariant.
            unsafe { lr.write(value) };
        }
    }
}

impl<'a> OwnVcpu<'a> {
    // SAFETY: A vCPU is valid, and its own thread is where this type is used. The interface is one
    // of several of a union of plain data.
    parts! { unsafe
        /// Its CPU interface on a GICv2 host. Of other hosts' it is data without meaning.
        pub(crate) vgic_v2: VgicV2<'a> = arch.vgic_cpu.__bindgen_anon_1.vgic_v2;
    }
}

/// A register of a GICv2's control interface, `GICH_*`, by its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GichRegister(u16);

impl GichRegister {
    /// Controls.
    pub(crate) const HCR: Self = Self(0);
    /// What there is: the number of list registers.
    pub(crate) const VTR: Self = Self(0x4);
    /// The guest's view of its CPU interface's controls.
    pub(crate) const VMCR: Self = Self(0x8);
    /// Which list registers are empty, of the first 32.
    pub(crate) const ELRSR0: Self = Self(0x30);
    /// Active priorities.
    pub(crate) const APR: Self = Self(0xf0);

    /// A list register; if there is none of that number, another one.
    #[inline(always)]
    pub(crate) const fn lr(number: u32) -> Self {
        // CAST: At most 63.
        Self(0x100 + 4 * (number % LRS) as u16)
    }
}

/// This CPU's control interface. What it changes are guests' interrupts, none of the host's.
///
/// # Invariants
///
/// The address of a mapping of the interface, which is the CPU's that accesses it.
#[derive(Clone, Copy)]
pub(crate) struct Gich<'cpu> {
    base: *mut c_void,
    _cpu: OnCpu<'cpu>,
}

impl<'cpu> Gich<'cpu> {
    /// None if the host's GIC is no GICv2.
    #[inline(always)]
    pub(crate) fn get(on_cpu: OnCpu<'cpu>) -> Option<Self> {
        // SAFETY: A static of C, which changes only while KVM initialises, by who calls this.
        let base = unsafe { (&raw const bindings::kvm_vgic_global_state.vctrl_base).read() };

        // INVARIANT: Mapped once and for all, while that is not NULL.
        (!base.is_null()).then_some(Self { base, _cpu: on_cpu })
    }

    #[inline(always)]
    fn address(self, register: GichRegister) -> *mut c_void {
        self.base.wrapping_byte_add(usize::from(register.0))
    }

    /// Reads a register. Not ordered with memory accesses.
    #[inline(always)]
    pub(crate) fn read(self, register: GichRegister) -> u32 {
        // SAFETY: By the type invariant; all registers are within the first 512 bytes.
        unsafe { bindings::readl_relaxed(self.address(register)) }
    }

    /// Writes a register. Not ordered with memory accesses.
    #[inline(always)]
    pub(crate) fn write(self, register: GichRegister, value: u32) {
        // SAFETY: By the type invariant; all registers are within the first 512 bytes. What a write
        // changes are guests' interrupts.
        unsafe { bindings::writel_relaxed(value, self.address(register)) };
    }
}
