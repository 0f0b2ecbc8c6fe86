#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of the machine table, the kernel log check and the guest's proofs."""

import shutil
import struct
import subprocess
import tempfile
import unittest
from pathlib import Path
from unittest import mock

import el3
import fdt
import proofs
import vm
from machines import MACHINES, check_kernel_log

ERRATA = ["oryon", "thunderx2", "ampereone", "a510", "a76", "a77", "a57"]
NAMES = ["vhe", "vhe-max", "nvhe", "nvhe-v8.0", "gicv2", "protected",
         "nested", "gicv4", "vhe-nogic", "nvhe-nogic", "vhe-cntpoff", "mte", *ERRATA]

CLEAN = """\
[    0.000000] Booting Linux on physical CPU 0x0000000000 [0x410fd402]
[    0.000000] printk: legacy console [ttyAMA0] enabled
[    0.003101] GICv3: 256 SPIs implemented
[    0.071000] kvm [1]: VHE mode initialized successfully
[    0.072000] Warning: unable to open an initial console.
[    0.080000] rcu: Hierarchical SRCU implementation.
[    0.090000] watchdog: NMI not fully supported
[    1.000000] KASAN is not built in, nor are BUGs printed
program: WARNING: this is not from the kernel
BUG: nor is this
"""

FAULTS = [
    "WARNING: CPU: 1 PID: 77 at arch/arm64/kvm/arch_timer.c:123 f+0x1/0x2",
    "WARNING: arch/arm64/kvm/arch_timer.c:12 at f+0x1/0x2, CPU#1: sh/77",
    "------------[ cut here ]------------",
    "WARNING: possible circular locking dependency detected",
    "WARNING: possible recursive locking detected",
    "WARNING: inconsistent lock state",
    "WARNING: suspicious RCU usage",
    "[ BUG: Invalid wait context ]",
    "BUG: scheduling while atomic: sh/77/0x00000002",
    "BUG: sleeping function called from invalid context at mm/slab.h:1",
    "BUG: KASAN: slab-out-of-bounds in f+0x1/0x2",
    "kernel BUG at virt/kvm/kvm_main.c:99!",
    "Internal error: Oops - BUG: 00000000f2000800 [#1]  SMP",
    "Oops: general protection fault",
    "Call trace:",
    "rcu: INFO: rcu_preempt detected stalls on CPUs/tasks:",
    "rcu: INFO: rcu_preempt self-detected stall on CPU",
    "INFO: task qemu:77 blocked for more than 120 seconds.",
    "Unable to handle kernel NULL pointer dereference at virtual address 0",
    "Kernel panic - not syncing: Attempted to kill init!",
    "rust_kernel: panicked at timer.rs:1:1:",
    "irq 27: nobody cared (try booting with the \"irqpoll\" option)",
    "watchdog: BUG: soft lockup - CPU#0 stuck for 22s!",
]

MODES = {
    "vhe": "GICv3: 256 SPIs\n[ 0.1] kvm [1]: VHE mode initialized successfully",
    "nvhe": "[ 0.1] kvm [1]: Hyp nVHE mode initialized successfully",
    "protected": "[ 0.1] kvm [1]: Protected hVHE mode initialized successfully",
    "nested": "[ 0.1] kvm [1]: VHE+NV2 mode initialized successfully",
}


class KernelLog(unittest.TestCase):
    """check_kernel_log finds faults and nothing else."""

    def test_clean(self):
        self.assertEqual(check_kernel_log(CLEAN), [])

    def test_each_fault(self):
        for fault in FAULTS:
            for stamp in ("[    1.234567] ", "[12345.678901][  T77] ",
                          "<4>[    1.234567] "):
                with self.subTest(stamp + fault):
                    line = stamp + fault
                    self.assertEqual(
                        check_kernel_log(CLEAN + line + "\n" + CLEAN), [line])

    def test_carriage_returns(self):
        self.assertEqual(check_kernel_log("[ 1.000000] Call trace:\r\r\n"),
                         ["[ 1.000000] Call trace:"])

    def test_programs_may_talk(self):
        self.assertEqual(check_kernel_log("\n".join(FAULTS)), [])

    def test_order(self):
        text = "".join(f"[ {n}.000000] {f}\n" for n, f in enumerate(FAULTS))
        self.assertEqual(len(check_kernel_log(text)), len(FAULTS))
        self.assertEqual(check_kernel_log(text), text.splitlines())


class Machines(unittest.TestCase):
    """The table says what each machine is."""

    def test_all_there(self):
        self.assertEqual(list(MACHINES), NAMES)

    def test_el2_everywhere(self):
        for machine in MACHINES.values():
            args = " ".join(machine.qemu_args())
            self.assertIn("virtualization=on", args)
            self.assertTrue(machine.expect, machine.name)

    def test_erratum_must_be_found(self):
        log = f"{MODES['vhe']}\n[ 0.2] CPU features: detected: "
        for name in ERRATA:
            machine = MACHINES[name]
            self.assertRegex(" ".join(machine.qemu_args()), r"midr=0x[0-9a-f]{8}$")
            self.assertIn("detected", machine.wrong_mode(log + "Spectre-v4"), name)
        self.assertIsNone(MACHINES["oryon"].wrong_mode(log + "Broken CNTVOFF_EL2"))
        one = log + "AmpereOne erratum AC03_CPU_38\n"
        self.assertIn("AC04", MACHINES["ampereone"].wrong_mode(one))
        self.assertIsNone(MACHINES["ampereone"].wrong_mode(
            one + "[ 0.2] CPU features: detected: AmpereOne erratum AC04_CPU_23"))

    def test_board(self):
        self.assertIn("virt,virtualization=on,gic-version=3,mte=on", MACHINES["mte"].qemu_args())

    def test_right_mode(self):
        for name, log in MODES.items():
            self.assertIsNone(MACHINES[name].wrong_mode(log), name)

    def test_wrong_mode(self):
        for name, machine in MACHINES.items():
            self.assertIn(name, machine.wrong_mode(CLEAN.replace("VHE", "-")))
        for name in MODES:
            for other, log in MODES.items():
                if other != name:
                    self.assertIsNotNone(MACHINES[name].wrong_mode(log),
                                         f"{name} in {other}")

    def test_gicv4_disabled(self):
        log = MODES["vhe"] + "\n[ 0.1] kvm [1]: GICv4 support disabled"
        self.assertIsNotNone(MACHINES["gicv4"].wrong_mode(log))


class Firmware(unittest.TestCase):
    """The instructions that a machine with EL3 begins with."""

    def test_whole(self):
        code = el3.code()
        # movz x0, #0x531; movk x0, #0x1803, lsl #16; movk x0, #0x240, lsl #32
        self.assertEqual(code[:12], bytes.fromhex("20a680d2" "6000a3f2" "0048c0f2"))
        # Neither part reaches into the next.
        self.assertEqual(code[el3.SMC_VECTOR - 4:el3.SMC_VECTOR], bytes(4))
        self.assertEqual(code[el3.SMC_VECTOR:][:4], bytes.fromhex("0480b0d2"))

    @unittest.skipUnless(shutil.which("aarch64-linux-gnu-as"), "no assembler")
    def test_listings(self):
        for listing in (el3.BOOT, el3.SMC):
            words, lines = zip(*(line.split(None, 1) for line in listing.split("\n")[1:-1]))
            with tempfile.TemporaryDirectory() as folder:
                for command in (["as", "-o", f"{folder}/o", "-"],
                                ["objcopy", "-O", "binary", f"{folder}/o", f"{folder}/b"]):
                    command[0] = f"aarch64-linux-gnu-{command[0]}"
                    subprocess.run(command, input="\n".join(lines) + "\n", text=True, check=True)
                code = Path(folder, "b").read_bytes()
            self.assertEqual(words, tuple(f"{w:08x}" for w, in struct.iter_unpack("<I", code)))

    def test_places(self):
        self.assertIn(f"#{el3.KERNEL:#010x}", el3.BOOT)
        self.assertLess(el3.KERNEL, el3.INITRD)

    def test_only_where_there_is_el3(self):
        for name, machine in MACHINES.items():
            job = vm.Job(name, Path("Image"), Path("initrd"))
            command = " ".join(vm.qemu_command(job, Path("/control")))
            self.assertEqual("secure=on" in command, machine.el3)
            self.assertEqual("el3.bin" in command, machine.el3)
            self.assertEqual("-kernel" in command, not machine.el3)
            self.assertEqual("-dtb /control/dtb" in command, machine.own_device_tree)
            self.assertIn(f"-smp {machine.cpus} ", command)


class DeviceTree(unittest.TestCase):
    """Properties are found, changed and dropped, and nothing else."""

    def setUp(self):
        def text(string):
            return string + bytes(4 - len(string) % 4)

        def prop(name, val):
            return struct.pack(">III", 3, len(val), self.names.index(name)) + val + bytes(-len(val) % 4)

        self.names = b"reg\0interrupts\0"
        word = {n: struct.pack(">I", n) for n in (1, 2, 4, 9)}
        body = b"".join((
            word[1], text(b""), prop(b"reg", b"root"),
            word[1], text(b"intc"), prop(b"reg", b"abcde"), word[4],
            prop(b"interrupts", b"12345678"), word[2],
            word[1], text(b"timer@12"), prop(b"interrupts", b"x"), word[2],
            word[2], word[9]))
        self.tree = struct.pack(">10I", 0xd00dfeed, 0, 40, 40 + len(body), 0, 17, 16, 0,
                                len(self.names), len(body)) + body + self.names

    def test_value(self):
        self.assertEqual(fdt.value(self.tree, "/", "reg"), b"root")
        self.assertEqual(fdt.value(self.tree, "/intc", "reg"), b"abcde")
        self.assertEqual(fdt.value(self.tree, "/timer@12", "interrupts"), b"x")
        for node, name in (("/", "interrupts"), ("/nowhere", "reg"), ("/timer@12", "reg")):
            with self.assertRaises(KeyError):
                fdt.value(self.tree, node, name)

    def test_drop(self):
        less = fdt.drop(self.tree, "/intc", "interrupts")
        self.assertEqual(len(less), len(self.tree))
        with self.assertRaises(KeyError):
            fdt.value(less, "/intc", "interrupts")
        self.assertEqual(fdt.value(less, "/timer@12", "interrupts"), b"x")
        self.assertEqual(fdt.value(less, "/intc", "reg"), b"abcde")
        with self.assertRaises(KeyError):
            fdt.drop(less, "/intc", "interrupts")

    def test_change(self):
        other = fdt.change(self.tree, "/intc", "reg", b"54321")
        self.assertEqual(fdt.value(other, "/intc", "reg"), b"54321")
        self.assertEqual(fdt.change(other, "/intc", "reg", b"abcde"), self.tree)
        with self.assertRaises(ValueError):
            fdt.change(self.tree, "/intc", "reg", b"longer")

    def test_pack(self):
        self.assertEqual(fdt.pack(self.tree + bytes(100))[8:], self.tree[8:])
        self.assertEqual(fdt.pack(self.tree)[4:8], struct.pack(">I", len(self.tree)))

    def test_no_tree(self):
        with self.assertRaises(ValueError):
            fdt.value(bytes(64), "/", "reg")


class Command(unittest.TestCase):
    """QEMU's command line."""

    def command(self, **more):
        job = vm.Job("nvhe", Path("Image"), Path("initrd"), **more)
        return vm.qemu_command(job, Path("/control"))

    def test_icount(self):
        self.assertIn("tcg,thread=multi", self.command())
        command = self.command(icount=True)
        self.assertIn("tcg,thread=single", command)
        self.assertIn("shift=0,sleep=off", command)
        command = self.command(icount=True, icount_shift=3)
        self.assertIn("shift=3,sleep=off", command)

    def test_append(self):
        append = self.command(append="a=b")
        append = append[append.index("-append") + 1].split()
        self.assertIn("kvm-arm.mode=nvhe", append)
        self.assertIn("a=b", append)

    def test_debugger(self):
        self.assertNotIn("-gdb", self.command())
        command = self.command(debugger=Path("/p/driver"))
        self.assertTrue(command[command.index("-gdb") + 1].startswith("unix:"))

    def test_plugin(self):
        self.assertNotIn("-plugin", self.command())
        command = self.command(plugin="/p/count.so,out=/a/b")
        self.assertEqual(command[command.index("-plugin") + 1],
                         "/p/count.so,out=/a/b")
        command = self.command(plugin="count.so,out=b")
        self.assertEqual(command[command.index("-plugin") + 1],
                         f"{Path.cwd()}/count.so,out=b")

    def test_problems(self):
        job = vm.Job("none", Path("Image"), Path("initrd"))
        self.assertIn("no machine", vm.problem(job))
        with tempfile.NamedTemporaryFile() as image:
            job = vm.Job("vhe", Path(image.name), Path("/nowhere/initrd"))
            why = vm.problem(job)
            self.assertTrue("/nowhere/initrd" in why or vm.QEMU in why, why)

    def plugin_problem(self, status):
        """What is said of a plugin that exists, by QEMU's answer."""
        with tempfile.TemporaryDirectory() as folder, \
             mock.patch.object(vm, "QEMU", f"{folder}/qemu"):
            qemu = Path(vm.QEMU)
            qemu.write_text('#!/bin/sh\n[ "$*" = "-plugin help" ] || exit 9\n'
                            f"exit {status}\n")
            qemu.chmod(0o755)
            return vm.plugin_problem(f"{qemu},out=x")

    def test_plugin_problems(self):
        self.assertIn("/nowhere/count.so does not exist",
                      vm.plugin_problem("/nowhere/count.so,out=x"))
        self.assertIsNone(self.plugin_problem(0))
        self.assertIn("without plugins", self.plugin_problem(1))

    def test_trouble_is_125(self):
        result = vm.boot(vm.Job("none", Path("Image"), Path("initrd")))
        self.assertEqual(result.status, vm.TROUBLE)


STORY = """\
@@host: 2.00 options CONFIG_KVM_ARM64_RUST=y CONFIG_KVM_ARM64_RUST_TIMER=y
@@host: 2.05 symbols timer=99
@@host: 2.10 start vtimer=0 epoch=1000 sum=abc
@@host: 6.00 @@guest: begin up=1.50 epoch=1004 cpus=0-1
@@host: 6.01 @@guest: sleep-start up=1.51
@@host: 8.02 @@guest: sleep-end up=3.52 asked=2
@@host: 9.10 @@guest: timer start=3.53 end=4.58 before0=90 before1=80 after0=340 after1=330 rounds=1
@@host: 9.20 @@guest: disk before=3 after=40 chip=ITS-PCI-MSIX-0000:00:01.0 sum=abc
@@host: 9.25 @@guest: random bytes=32
@@host: 9.30 @@guest: end up=4.80 epoch=1007
@@host: 9.90 stop vtimer=500 epoch=1007 status=0
"""


def bad_proofs(text, expect="rust", log=CLEAN):
    """Names of the proofs that fail for this story."""
    story = proofs.Story()
    for line in text.splitlines():
        # The build host sees each line as late as the machine does.
        story.hear(line, 50 + float(line.split()[1]))
    return [p.name for p in proofs.judge(story, log, log, expect) if not p.ok]


class Proofs(unittest.TestCase):
    """Each proof holds for a good story and fails for its own bad one."""

    def test_good(self):
        self.assertEqual(bad_proofs(STORY), [])

    def changed(self, old, new):
        self.assertIn(old, STORY)
        return bad_proofs(STORY.replace(old, new))

    def test_one_cpu(self):
        self.assertEqual(self.changed("cpus=0-1", "cpus=0"), ["CPUs online"])

    def test_dead_timer(self):
        self.assertEqual(self.changed("after1=330", "after1=81"),
                         ["timer interrupts, CPU 1"])

    def test_clock_too_fast(self):
        self.assertEqual(self.changed("end up=4.80", "end up=6.80"),
                         ["clock against the host's"])

    def test_wrong_date(self):
        self.assertEqual(self.changed("up=1.50 epoch=1004",
                                      "up=1.50 epoch=0"), ["time of day"])

    def test_sleeps(self):
        self.assertEqual(self.changed("sleep-end up=3.52", "sleep-end up=3.40"),
                         ["sleep 2"])
        self.assertEqual(self.changed("8.02 @@guest", "9.60 @@guest"),
                         ["sleep 2"])

    def test_disk(self):
        self.assertEqual(self.changed("after=40", "after=3"),
                         ["MSI of virtio-blk"])
        self.assertEqual(self.changed("1.0 sum=abc", "1.0 sum=abd"),
                         ["MSI of virtio-blk"])

    def test_no_vtimer_on_host(self):
        self.assertEqual(self.changed("vtimer=500", "vtimer=0"),
                         ["kvm guest vtimer on the host"])

    def test_other_code(self):
        name = "timer code of the machine"
        self.assertEqual(bad_proofs(STORY, "c"), [name])
        self.assertEqual(self.changed("RUST_TIMER", "RUST_OTHER"), [name])
        self.assertEqual(self.changed("timer=99", "timer=0"), [name])
        c = STORY.replace("RUST_TIMER", "").replace("timer=99", "timer=0")
        self.assertEqual(bad_proofs(c, "rust"), [name])
        self.assertEqual(bad_proofs(c, "c"), [])
        self.assertEqual(bad_proofs(c, None), [])

    def test_guest_dies(self):
        cut = "".join(STORY.splitlines(True)[:6])
        self.assertGreater(len(bad_proofs(cut)), 5)

    def test_dirty_log(self):
        log = CLEAN + "[ 3.000000] BUG: spinlock bad magic\n"
        self.assertEqual(bad_proofs(STORY, log=log),
                         ["guest's kernel log", "machine's kernel log"])
        self.assertEqual(len(bad_proofs(STORY, log="")), 2)


if __name__ == "__main__":
    unittest.main()
