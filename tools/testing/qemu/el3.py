# SPDX-License-Identifier: GPL-2.0
"""The firmware of a machine that has EL3, in a few instructions.

QEMU stands in for firmware when it loads a kernel, but leaves SCR_EL3.ECVEn
clear, so that CNTPOFF_EL2 traps. With this code QEMU has firmware, and leaves all
to it: it lets EL2 have what the CPU has, gives the interrupts away, holds the other
CPUs until the kernel asks for them, and knows how to switch the machine off.
"""

import struct

import fdt

# QEMU puts the device tree at 0x40000000.
KERNEL = 0x40200000
INITRD = 0x48000000

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
        "SMCR_EL3": 0xd51e12c0, "SPSR_EL3": 0xd51e4000}

# The code, at address 0 in all CPUs. Each gives away its own interrupts, the first
# one the shared ones (GICR_IGROUPR0, GICD_IGROUPRn), and starts the kernel. The
# others wait for an address, and what x0 is to be there, in the secure memory.
BOOT = """
aa1f03e0           mov   x0, xzr
d51ec000           msr   vbar_el3, x0
d53800b3           mrs   x19, mpidr_el1
92401e73           and   x19, x19, #0xff
d2a10141           mov   x1, #0x080a0000
8b134421           add   x1, x1, x19, lsl #17
91404021           add   x1, x1, #0x10000
12800002           mov   w2, #-1
b9008022           str   w2, [x1, #0x80]
b5000153           cbnz  x19, wait
d2a10001           mov   x1, #0x08000000
91021023           add   x3, x1, #0x84
91040024           add   x4, x1, #0x100
b8004462  groups:  str   w2, [x3], #4
eb04007f           cmp   x3, x4
54ffffc1           b.ne  groups
d2a80000           mov   x0, #0x40000000
d2a80402           mov   x2, #0x40200000
14000007           b     leave
d2a1c001  wait:    mov   x1, #0x0e000000
8b131021           add   x1, x1, x19, lsl #4
d503203f  poll:    yield
c8dffc22           ldar  x2, [x1]
b4ffffc2           cbz   x2, poll
f9400420           ldr   x0, [x1, #8]
d51e4022  leave:   msr   elr_el3, x2
aa1f03e1           mov   x1, xzr
aa1f03e2           mov   x2, xzr
aa1f03e3           mov   x3, xzr
d69f03e0           eret
"""

# Calls from EL2 arrive here: PSCI's version 1.0, CPU_ON, SYSTEM_OFF and
# SYSTEM_RESET (a line of the secure GPIO ends the machine), and no other.
SMC_VECTOR = 0x400
SMC = """
d2b08004  smc:     mov   x4, #0x84000000
eb04001f           cmp   x0, x4
54000160           b.eq  tell
91002085           add   x5, x4, #8
cb050005           sub   x5, x0, x5
f10004bf           cmp   x5, #1
54000229           b.ls  off
f2b88004           movk  x4, #0xc400, lsl #16
91000c84           add   x4, x4, #3
eb04001f           cmp   x0, x4
540000a0           b.eq  on
92800000           mov   x0, #-1
d69f03e0           eret
d2a00020  tell:    mov   x0, #0x10000
d69f03e0           eret
92401c21  on:      and   x1, x1, #0xff
d2a1c004           mov   x4, #0x0e000000
8b011084           add   x4, x4, x1, lsl #4
f9000483           str   x3, [x4, #8]
c89ffc82           stlr  x2, [x4]
d503209f           sev
d2800000           mov   x0, #0
d69f03e0           eret
d2a12161  off:     mov   x1, #0x090b0000
52800022           mov   w2, #1
b9040022           str   w2, [x1, #0x400]
b9000422           str   w2, [x1, #4]
14000000  halt:    b     halt
"""


def _load(value):
    """MOVZ and MOVKs of a value to x0."""
    words = [0xd2800000 | (value & 0xffff) << 5]
    for part in (1, 2, 3):
        half = value >> 16 * part & 0xffff
        if half:
            words.append(0xf2800000 | part << 21 | half << 5)
    return words


def _words(listing):
    return [int(line.split()[0], 16) for line in listing.strip().splitlines()]


def code():
    """The whole of it, as bytes."""
    words = []
    for register, value in (("SCR_EL3", SCR), ("CPTR_EL3", CPTR),
                            ("ZCR_EL3", VECTOR_LENGTH),
                            ("SMCR_EL3", VECTOR_LENGTH | FA64),
                            ("SPSR_EL3", EL2H_MASKED)):
        words += [*_load(value), _MSR[register]]
    words += _words(BOOT)
    words += [0] * (SMC_VECTOR // 4 - len(words)) + _words(SMC)
    return struct.pack(f"<{len(words)}I", *words)


def device_tree(blob, initrd):
    """A tree that QEMU made for its own loader, with our place of the initramfs."""
    for name, address in (("start", INITRD), ("end", INITRD + initrd.stat().st_size)):
        blob = fdt.change(blob, "/chosen", f"linux,initrd-{name}", address.to_bytes(8, "big"))
    return blob


def qemu_args(firmware, image, initrd):
    """What takes the place of -kernel, beside a device tree."""
    args = ["-bios", str(firmware)]
    for path, address in ((image, KERNEL), (initrd, INITRD)):
        args += ["-device", f"loader,file={path},addr={address:#x},force-raw=on"]
    return args
