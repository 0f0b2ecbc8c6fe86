// SPDX-License-Identifier: GPL-2.0

//! Instructions chosen at boot, by what the CPUs can do.
//!
//! C header: [`arch/arm64/include/asm/alternative-macros.h`](srctree/arch/arm64/include/asm/alternative-macros.h)
//!
//! Mirrors: arch/arm64/include/asm/alternative-macros.h: ALTINSTR_ENTRY
#![forbid(unsafe_code)]

/// Assembly for one instruction that is patched to be another where the CPUs have a capability.
///
/// For use as a template of `asm!`, whose operand `cap` is the capability. Makes the same
/// `.altinstructions` entry as C's `ALTERNATIVE()`: where the two instructions are, and the
/// lengths, which must be equal.
macro_rules! alternative {
    ($default:expr, $if_capable:expr) => {
        concat!(
            "661: ",
            $default,
            "\n662:\n",
            ".pushsection .altinstructions, \"a\"\n",
            ".word 661b - .\n",
            ".word 663f - .\n",
            ".hword {cap}\n",
            ".byte 662b - 661b\n",
            ".byte 664f - 663f\n",
            ".popsection\n",
            ".subsection 1\n",
            "663: ",
            $if_capable,
            "\n664:\n",
            ".org . - (664b - 663b) + (662b - 661b)\n",
            ".org . - (662b - 661b) + (664b - 663b)\n",
            ".previous\n"
        )
    };
}
