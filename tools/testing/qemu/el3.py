# SPDX-License-Identifier: GPL-2.0
"""The firmware of a machine that has EL3, in a few instructions.

QEMU stands in for firmware when it loads a kernel, but leaves SCR_EL3.ECVEn
clear, so that CNTPOFF_EL2 traps. This code runs first: it lets EL2 have what the
CPU has, and goes on at EL2 where QEMU would have begun.
"""

import struct

ADDRESS = 0x4f000000            # between the kernel and the end of the least memory
QEMU_LOADER = 0x40000000

# SCR_EL3, as QEMU sets it for -cpu max, and ECVEn.
_SCR_BITS = {"NS": 0, "RES1": 4, "RES1'": 5, "HCE": 8, "RW": 10, "APK": 16, "API": 17,
             "FGTEn": 27, "ECVEn": 28, "HXEn": 38, "EnTP2": 41}
SCR = sum(1 << bit for bit in _SCR_BITS.values())
CPTR = 1 << 12 | 1 << 8         # ESM, EZ: no traps of SME and SVE
VECTOR_LENGTH = 0xf             # the longest
FA64 = 1 << 31
EL2H_MASKED = 0x3c9             # SPSR: EL2 with its own stack, DAIF set

# MSR of x0, by register.
_MSR = {"SCR_EL3": 0xd51e1100, "CPTR_EL3": 0xd51e1140, "ZCR_EL3": 0xd51e1200,
        "SMCR_EL3": 0xd51e12c0, "SPSR_EL3": 0xd51e4000, "ELR_EL3": 0xd51e4020}
_ERET = 0xd69f03e0


def _load(value):
    """MOVZ and MOVKs of a value to x0."""
    words = [0xd2800000 | (value & 0xffff) << 5]
    for part in (1, 2, 3):
        half = value >> 16 * part & 0xffff
        if half:
            words.append(0xf2800000 | part << 21 | half << 5)
    return words


def code():
    """The whole of it, as bytes."""
    words = []
    for register, value in (("SCR_EL3", SCR), ("CPTR_EL3", CPTR),
                            ("ZCR_EL3", VECTOR_LENGTH),
                            ("SMCR_EL3", VECTOR_LENGTH | FA64),
                            ("SPSR_EL3", EL2H_MASKED), ("ELR_EL3", QEMU_LOADER)):
        words += [*_load(value), _MSR[register]]
    words += [*_load(0), _ERET]
    return struct.pack(f"<{len(words)}I", *words)


def qemu_args(path):
    """QEMU loads the file, and has the first CPU begin there."""
    return ["-device", f"loader,file={path},addr={ADDRESS:#x},force-raw=on",
            "-device", f"loader,addr={ADDRESS:#x},cpu-num=0"]
