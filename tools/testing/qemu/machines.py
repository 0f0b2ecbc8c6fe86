# SPDX-License-Identifier: GPL-2.0
"""The machines the tests run on, and what their kernel log may not hold.

A machine is a QEMU command line and a kernel command line that together put
KVM into one of its modes, plus the log lines that prove it got there.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Machine:
    """One emulated machine and the log patterns that must (not) appear."""

    name: str
    cpu: str
    expect: tuple
    gic: str = "3"
    append: str = ""
    reject: tuple = ()
    # GIC the guest is given, and its KVM machine options.
    guest_gic: str = "3"
    what: str = ""
    cpus: int = 2
    # The kernel that it needs, where c and rust will not do.
    kernel: str = ""
    # More options of the board.
    board: str = ""
    # EL3, with firmware of our own (el3.py).
    el3: bool = False
    # Properties that its device tree lacks, as (node, name).
    drop: tuple = ()

    @property
    def own_device_tree(self):
        """Whether it needs another one than QEMU's."""
        return self.el3 or bool(self.drop)

    def qemu_args(self):
        """The part of QEMU's command line that is this machine's own."""
        # With firmware and ACPI there would be other devices than in the device tree.
        secure = ",secure=on,acpi=off" if self.el3 else ""
        return ["-M", f"virt,virtualization=on{secure},gic-version={self.gic}{self.board}",
                "-cpu", self.cpu]

    def wrong_mode(self, log):
        """None, or one line saying why this log is not of this machine."""
        for pattern in self.expect:
            if not re.search(pattern, log, re.M):
                return f"machine {self.name}: no line matches '{pattern}'"
        for pattern in self.reject:
            found = re.search(pattern, log, re.M)
            if found:
                return f"machine {self.name}: unexpected '{found.group(0)}'"
        return None


VHE = r"kvm \[\d+\]: VHE mode initialized successfully"
NVHE = r"kvm \[\d+\]: Hyp nVHE mode initialized successfully"
VGIC = r"kvm \[\d+\]: vgic interrupt"
MAX = "max,pauth-impdef=on"
USERSPACE_GIC = "2,kernel-irqchip=off"


def erratum(name, midr, what, *expect, kernel=""):
    """A machine whose CPUs say that they are others, so that the kernel works around errata that they don't have:
    each of `expect` is one."""
    return Machine(name, f"{MAX},midr={midr:#010x}",
                   (VHE, *("CPU features: detected: " + e.replace("(", r"\(").replace(")", r"\)")
                           for e in expect)), what=f"VHE, {what}", kernel=kernel)


_ALL = (
    Machine("vhe", "neoverse-v1", (VHE, r"GICv3: "),
            what="VHE, SVE, GICv3"),
    Machine("vhe-max", MAX, (VHE,),
            what="VHE, every feature QEMU has, GICv3"),
    Machine("nvhe", "neoverse-v1", (NVHE,), append="kvm-arm.mode=nvhe",
            what="nVHE on a CPU that has VHE"),
    Machine("nvhe-v8.0", "cortex-a72", (NVHE,),
            what="nVHE on an Armv8.0 CPU"),
    Machine("gicv2", "cortex-a57", (NVHE, r"GICv2m: range"),
            gic="2", reject=(r"GICv3: ",), guest_gic="2",
            what="nVHE, GICv2"),
    Machine("protected", "neoverse-v1",
            (r"kvm \[\d+\]: Protected hVHE mode initialized successfully",),
            append="kvm-arm.mode=protected", what="pKVM in hVHE"),
    Machine("nested", MAX,
            (r"kvm \[\d+\]: VHE\+NV2 mode initialized successfully",),
            append="kvm-arm.mode=nested", what="VHE with nested guests"),
    Machine("gicv4", "neoverse-v1", (VHE, r"kvm \[\d+\]: GICv4 support enabled"),
            gic="4", append="kvm-arm.vgic_v4_enable=1",
            reject=(r"GICv4 support disabled",), what="VHE, GICv4 injection"),
    Machine("vhe-nogic", "neoverse-v1", (VHE,), reject=(VGIC,),
            drop=(("/intc@8000000", "interrupts"),), guest_gic=USERSPACE_GIC,
            what="VHE, GICv3 without a maintenance interrupt: no vGIC"),
    Machine("nvhe-nogic", "neoverse-v1", (NVHE,), reject=(VGIC,),
            append="kvm-arm.mode=nvhe", drop=(("/intc@8000000", "interrupts"),),
            guest_gic=USERSPACE_GIC,
            what="nVHE, GICv3 without a maintenance interrupt: no vGIC"),
    Machine("vhe-cntpoff", MAX, (VHE, r"Enhanced Counter Virtualization \(CNTPOFF\)"),
            what="VHE, CNTPOFF_EL2 has an effect", el3=True),
    Machine("mte", MAX, (VHE, r"Memory Tagging Extension"), board=",mte=on",
            what="VHE, memory with tags"),
    erratum("oryon", 0x510f0011, "as Qualcomm Oryon: virtual timer and counter trap",
            "Broken CNTVOFF_EL2"),
    erratum("thunderx2", 0x431f0af1, "as Cavium ThunderX2: writes of translation control registers trap",
            "Cavium ThunderX2 erratum 219 (KVM guest sysreg trapping)"),
    erratum("ampereone", 0xc00fac40, "as AmpereOne: writes of TCR_EL1 trap, barriers around HCR_EL2",
            "AmpereOne erratum AC03_CPU_38", "AmpereOne erratum AC04_CPU_23"),
    erratum("a510", 0x410fd460, "as Cortex-A510: SPSR_EL2 of a trap that is single-stepped",
            "ARM erratum 2077057"),
    erratum("a76", 0x410fd0b0, "as Cortex-A76: no speculative AT in a half set up regime",
            "ARM errata 1165522, 1319367, or 1530923"),
    erratum("a77", 0x410fd0d0, "as Cortex-A77: barriers around PAR_EL1",
            "ARM erratum 1508412 (kernel portion)"),
    erratum("a57", 0x411fd070, "as a Cortex-A57 with VHE: faults of stage 2 are looked up by AT",
            "ARM erratum 834220", kernel="a57"),
)

MACHINES = {m.name: m for m in _ALL}


# What the kernel prints when something is wrong. Matched right after the time
# stamp, so that a line that only quotes such words is not taken for one.
_BAD = re.compile("|".join((
    r"-+\[ cut here \]-+",
    r"WARNING: ", r"INFO: task .* blocked for more than",
    r"INFO: (?:rcu|lockdep|trying to register|possible|inconsistent|suspicious)",
    r"\[? ?BUG: ", r"kernel BUG at ", r"watchdog: BUG",
    r"Oops\b", r"Internal error\b", r"Call trace:", r"Kernel panic",
    r"Unable to handle kernel ", r"Unexpected kernel ", r"Bad mode in ",
    r"rcu: INFO: ", r"rcu: \S+ kthread (?:starved|timer wakeup)",
    r"DEBUG_LOCKS_WARN_ON", r"turning off the locking correctness validator",
    r"KASAN: ", r"KFENCE: ", r"UBSAN: ", r"kmemleak: \d+ new",
    r"refcount_t: ", r"(?:list_add|list_del|slab) corruption",
    r"rust_kernel: panicked", r".*\bpanicked at ",
    r"kvm \[\d+\]: (?:nVHE hyp|Hyp) (?:panic|BUG)", r"HYP panic",
    r"kvm \[\d+\]: Unexpected ",
    r"irq \d+: nobody cared", r"Unbalanced enable for IRQ",
)))
_STAMP = re.compile(r"(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?")


def check_kernel_log(text):
    """The lines of a kernel log that report a fault, in order.

    Only lines with the kernel's time stamp count: programs on the same
    console may say what they like.
    """
    found = []
    for line in text.splitlines():
        stamp = _STAMP.match(line)
        if stamp and _BAD.match(line, stamp.end()):
            found.append(line.rstrip())
    return found
