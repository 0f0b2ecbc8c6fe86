#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Is what a host in protected mode can't be trusted not to be: by QEMU's gdb stub.

usage: hostile.py SOCKET VMLINUX

When the host asks for a run of a vCPU, the vCPU's fields in the host's memory are changed before EL2 looks at
them. Where EL2 enters the guest its own vCPU is looked at; when EL2 is done the host gets its fields back, as far
as EL2 left them alone.
The selftest switch_hostile asks for a case by number, as an argument of a system call that nobody else
makes, and after the next run finds the answer behind its struct kvm_run. The kernel is as it is.
"""

import re
import shlex
import struct
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from gdbstub import Stub

# Where the answer is, in the page of struct kvm_run.
ANSWER, ANSWER_SIZE = 3072, 1024
# getpriority(NUMBER, -1, MAGIC)
REQUEST, MAGIC = "__arm64_sys_getpriority", 0x686f7374
ALL = (1 << 64) - 1
NOWHERE = 0xdead_0000_0000_1000

# Of struct kvm_vcpu.
V3, CONTEXT = "arch.vgic_cpu.vgic_v3.", "arch.ctxt."
FIELDS = {
    "kvm": "kvm", "run": "run", "vcpu_id": "vcpu_id", "vcpu_idx": "vcpu_idx",
    "hw_mmu": "arch.hw_mmu", "hcr": "arch.hcr_el2", "hcrx": "arch.hcrx_el2", "mdcr": "arch.mdcr_el2",
    "fgt": "arch.fgt", "vsesr": "arch.vsesr_el2", "iflags": "arch.iflags", "cflags": "arch.cflags",
    "sve_state": "arch.sve_state", "sve_max_vl": "arch.sve_max_vl", "fault": "arch.fault",
    "debug_owner": "arch.debug_owner", "guest_debug": "arch.vcpu_debug_state",
    "host_debug": "arch.external_debug_state", "host_mdscr": "arch.external_mdscr_el1",
    "used_lrs": V3 + "used_lrs", "lrs": V3 + "vgic_lr", "ich_hcr": V3 + "vgic_hcr", "ich_vmcr": V3 + "vgic_vmcr",
    "ich_sre": V3 + "vgic_sre", "its_vpe": V3 + "its_vpe", "aprs": V3 + "vgic_ap0r",
    "pstate": CONTEXT + "regs.pstate", "running": CONTEXT + "__hyp_running_vcpu",
    "cptr": CONTEXT + "sys_regs[CPTR_EL2]", "zcr": CONTEXT + "sys_regs[ZCR_EL1]",
    "mdscr": CONTEXT + "sys_regs[MDSCR_EL1]", "mpidr": CONTEXT + "sys_regs[MPIDR_EL1]",
    "disr": CONTEXT + "sys_regs[DISR_EL1]", "pmuserenr": CONTEXT + "sys_regs[PMUSERENR_EL0]",
    "voffset": "arch.timer_cpu.timers[TIMER_VTIMER].offset.vm_offset",
    "poffset": "arch.timer_cpu.timers[TIMER_PTIMER].offset.vm_offset",
    "memcache": "arch.pkvm_memcache",
}
# What EL2 has of its own, whatever the host says.
OWN = ("kvm", "hw_mmu", "sve_state", "sve_max_vl", "cflags", "vcpu_id", "vcpu_idx", "voffset", "poffset", "memcache",
       "hcrx", "its_vpe")

# What stays: an interrupt of the host's may end a run before the guest has got that far.
STAYS = ("pstate",)

TWI, TWE, VSE = 1 << 13, 1 << 14, 1 << 8
# PKVM_HCR_EL2_HOST_PVM, PKVM_HCR_EL2_HOST_NPVM
HCR_PROTECTED = TWI | TWE | VSE
HCR_PLAIN = HCR_PROTECTED | 1 << 7 | 1 << 6 | 1 << 26 | 1 << 17 | 1 << 49 | 1 << 58 | 1 << 55
PENDING, DIRTY = 1, 1 << 4


@dataclass
class Case:
    """What the host says: fields with the value for each of their words, and what EL2 must make of it."""

    name: str
    fields: dict
    # The flags of the host's that come with them.
    iflags: int = 0
    # Fields that EL2 sees, with the values that they may have there.
    seen: dict = field(default_factory=dict)


CASES = [
    Case("more list registers than there are", {"used_lrs": 255, "lrs": 0}),
    Case("4 billion list registers", {"used_lrs": 0xffffffff, "lrs": 0}),
    Case("garbage in list registers", {"used_lrs": 4, "lrs": ALL}),
    Case("a virtual interface with all on", {"ich_hcr": 0xffffffff, "ich_vmcr": 0xffffffff, "ich_sre": 0}),
    Case("active priorities", {"aprs": 0xffffffff}),
    Case("a VPE of the ITS", {"its_vpe": ALL}),
    Case("HCR_EL2 with all on", {"hcr": ALL & ~VSE}),
    Case("HCR_EL2 with all off", {"hcr": 0}),
    Case("a pending SError", {"hcr": VSE, "vsesr": ALL}),
    Case("HCRX_EL2", {"hcrx": ALL}),
    Case("fine-grained traps", {"fgt": 0}),
    Case("MDCR_EL2 with all off", {"mdcr": 0}),
    Case("its own VM", {"kvm": NOWHERE, "hw_mmu": NOWHERE}),
    Case("no VM", {"kvm": 0, "hw_mmu": 0}),
    Case("another CPU's number", {"vcpu_id": 0x7fffffff, "vcpu_idx": 0x7fffffff}),
    Case("SVE state that is not there", {"sve_state": NOWHERE, "sve_max_vl": 0xffffffff, "cflags": 0xff}),
    Case("offsets of timers", {"voffset": NOWHERE, "poffset": NOWHERE}),
    Case("pages for tables", {"memcache": ALL >> 1}),
    Case("a running vCPU", {"running": NOWHERE}, DIRTY, {"running": (0,)}),
    Case("PSTATE: EL2h", {"pstate": 0x3c9}, DIRTY),
    Case("PSTATE: EL2t", {"pstate": 0x3c8}, DIRTY),
    Case("PSTATE: EL3h", {"pstate": 0x3cd}, DIRTY),
    Case("PSTATE: AArch32, and no mode", {"pstate": 0x1d4}, DIRTY),
    Case("PSTATE: AArch32 Hyp", {"pstate": 0x1da}, DIRTY),
    Case("registers of other exception levels", {"cptr": ALL, "zcr": ALL, "mdscr": ALL, "mpidr": ALL, "disr": ALL,
                                                  "pmuserenr": ALL}, DIRTY),
    Case("debug registers of the guest", {"debug_owner": 2, "guest_debug": ALL}),
    Case("debug registers of the host", {"debug_owner": 1, "host_debug": ALL, "host_mdscr": ALL}),
    Case("an exception of no kind", {}, PENDING | 7 << 1),
    Case("an exception for EL2", {}, PENDING | 4 << 1),
    Case("all flags", {}, 0xff),
    Case("a fault that did not happen", {"fault": ALL}),
]
# C does not survive these; numbered from here.
DEADLY_FROM = 101
DEADLY = [
    Case("debug registers of nobody", {"debug_owner": 0xff, "guest_debug": ALL, "host_debug": ALL}),
]
NUMBERED = dict(enumerate(CASES, 1)) | dict(enumerate(DEADLY, DEADLY_FROM))


def layout(vmlinux):
    """{field: (offset, size)}: by the compiler that built the kernel, with its flags."""
    build = vmlinux.parent
    command = (build / "arch/arm64/kvm/.reset.o.cmd").read_text().split("\n", 1)[0].split(":=", 1)[1]
    words = shlex.split(command)
    words = [w for w in words[:words.index("-c")] if not w.startswith("-Wp,")]
    entries = [("struct kvm_vcpu", name, member) for name, member in FIELDS.items()]
    entries += [("struct kvm", "is_protected", "arch.pkvm.is_protected"), ("struct vgic_global", "nr_lr", "nr_lr")]
    lines = ["#include <linux/kvm_host.h>", "void layout(void);", "void layout(void) {"]
    # As asm-offsets does it.
    lines += [f'asm volatile(".ascii \\"@@{name} %0 %1\\"" :: "i" (offsetof({kind}, {member})), '
              f'"i" (sizeof((({kind} *)0)->{member})));' for kind, name, member in entries]
    lines.append("}")
    output = subprocess.run([*words, "-w", "-S", "-x", "c", "-o", "-", "-"], cwd=build, check=True, text=True,
                            input="\n".join(lines) + "\n", stdout=subprocess.PIPE).stdout
    return {m[1]: (int(m[2]), int(m[3])) for m in re.finditer(r"@@(\w+) (\d+) (\d+)", output)}


def symbols(vmlinux):
    """{name: address} of what we need."""
    nm = "llvm-nm"
    for line in (vmlinux.parents[1] / "toolchain.env").read_text().splitlines():
        nm = nm + line[5:] if line.startswith("LLVM=-") else nm
    lines = subprocess.run([nm, vmlinux], check=True, text=True, stdout=subprocess.PIPE).stdout.splitlines()
    return {words[-1]: int(words[0], 16) for words in map(str.split, lines) if len(words) == 3}


class Vcpu:
    """A struct kvm_vcpu in memory, the host's or EL2's."""

    def __init__(self, stub, where, fields):
        self.stub, self.where, self.fields = stub, where, fields

    def read(self, name):
        """A field's bytes."""
        offset, size = self.fields[name]
        return self.stub.read(self.where + offset, size)

    def get(self, name):
        """A field as a number."""
        return int.from_bytes(self.read(name), "little")

    def write(self, name, data):
        """Sets a field's bytes."""
        self.stub.write(self.where + self.fields[name][0], data)


class Driver:
    """Follows runs of vCPUs, and changes those that are asked for."""

    def __init__(self, stub, vmlinux):
        self.stub, self.fields, self.symbols = stub, layout(vmlinux), symbols(vmlinux)
        self.va = None              # of EL2's addresses: mask and tag
        self.own = {}               # by the address of EL2's vCPU: what EL2 had before anybody lied

    def hyp_address(self, address):
        """Where EL2 has what the kernel has in its linear map; as kern_hyp_va()."""
        return address & self.va[0] | self.va[1]

    def hyp_symbol(self, name):
        """Where EL2 has a symbol. At EL1, by the kernel's own variables."""
        def value(variable, size=8):
            return self.stub.number(self.symbols[variable], size)

        self.va = value("va_mask"), value("tag_val") << value("tag_lsb", 1)
        return self.hyp_address(self.symbols[name] - value("kimage_voffset") - value("memstart_addr"))

    def run(self):
        """Until the machine is gone."""
        request = self.symbols[REQUEST]
        while True:
            self.stub.stop_at(request)
            self.stub.go()
            # The system call's arguments are at the start of struct pt_regs.
            number, _, magic = struct.unpack("<3Q", self.stub.read(self.stub.register(0), 24))
            self.stub.stop_at(request, False)
            if magic == MAGIC:
                self.one_run(number)

    def stop_once(self, address):
        """Goes on to there. Breakpoints take turns, so that none has to be stepped over."""
        self.stub.stop_at(address)
        stopped = self.stub.go()
        self.stub.stop_at(address, False)
        return stopped

    def one_run(self, number):
        """The next run, from where the request has come to EL2."""
        stub = self.stub
        enter = self.hyp_symbol("__kvm_nvhe___kvm_vcpu_run")
        nr_lrs = stub.number(self.symbols["kvm_vgic_global_state"] + self.fields["nr_lr"][0], 4)
        self.stop_once(self.hyp_symbol("__kvm_nvhe_handle___kvm_vcpu_run"))
        # The request's registers are at the start of the host's context; x1 is the vCPU.
        host = Vcpu(stub, self.hyp_address(stub.number(stub.register(0) + 8)), self.fields)
        back, run = stub.register(30), host.get("run")
        case = NUMBERED.get(number)
        told, saved = [], {}
        if case:
            told, saved = [f"{case.name}:"], self.lie(host, case)

        stub.stop_at(back)
        if self.stop_once(enter) == enter:
            told += self.look(Vcpu(stub, stub.register(0), self.fields), case, nr_lrs)
            stub.go()
        elif case:
            told.append("EL2 does not run it")
        stub.stop_at(back, False)
        told += self.restore(host, saved) if case else ["end" if number else "ready"]
        # The host has the answer's page, EL2 has not.
        self.stop_once(self.symbols["kvm_vgic_sync_hwstate"])
        stub.write(run + ANSWER, ("\n".join(told)[:ANSWER_SIZE - 2] + "\n").encode().ljust(ANSWER_SIZE, b"\0"))

    def lie(self, host, case):
        """Changes the host's fields; what they were, and what they are."""
        wanted = dict(case.fields)
        if case.iflags:
            wanted["iflags"] = host.get("iflags") | case.iflags
        saved = {}
        for name, value in wanted.items():
            old = host.read(name)
            word = 8 if len(old) % 8 == 0 else min(len(old), 4)
            new = (value & (1 << 8 * word) - 1).to_bytes(word, "little") * (len(old) // word)
            host.write(name, new)
            saved[name] = (old, new)
        return saved

    def look(self, el2, case, nr_lrs):
        """What EL2 is about to run."""
        now = {name: el2.read(name) for name in OWN}
        if not case:
            self.own[el2.where] = now | {"hcr": el2.get("hcr")}
            return []
        own = self.own[el2.where]
        told = [f"EL2's own {name}: FAIL" for name in OWN if now[name] != own[name]]
        protected = self.stub.number(el2.get("kvm") + self.fields["is_protected"][0], 1)
        theirs = HCR_PROTECTED if protected else HCR_PLAIN
        if (el2.get("hcr") ^ own["hcr"]) & ~theirs:
            told.append(f"HCR_EL2 {el2.get('hcr') ^ own['hcr']:x}: FAIL")
        if el2.get("used_lrs") > nr_lrs:
            told.append(f"{el2.get('used_lrs')} list registers at EL2: FAIL")
        for name, values in case.seen.items():
            if el2.get(name) not in values:
                told.append(f"{name} at EL2 is {el2.get(name):x}: FAIL")
        return told + ["EL2 runs it"]

    def restore(self, host, saved):
        """What EL2 has not changed is as it was; what it has, the host is to see."""
        told = []
        for name, (old, new) in saved.items():
            if name in STAYS:
                continue
            if host.read(name) == new or name in OWN:
                host.write(name, old)
            else:
                told.append(f"the host is given {name}")
        # It would go through them all.
        if "used_lrs" in saved:
            host.write("used_lrs", bytes(4))
        return told


def main(argv):
    """Connects, and stays until the machine ends."""
    path, vmlinux = argv
    try:
        Driver(Stub(path), Path(vmlinux)).run()
    except (EOFError, ConnectionError):
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
