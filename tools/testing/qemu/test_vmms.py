#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of what VMMs are started with, and of what is asked of their guests."""

import subprocess
import tempfile
import unittest
from pathlib import Path

import proofs
from machines import MACHINES
from test_machines import CLEAN, STORY
from vmms import VMMS

HERE = Path(__file__).resolve().parent


def bad(text, vmm):
    """Names of the proofs that fail for this story under a VMM."""
    story = proofs.Story()
    for line in text.splitlines():
        story.hear(line, float(line.split()[1]))
    return [p.name for p in proofs.judge(story, CLEAN, CLEAN, "rust", VMMS[vmm]) if not p.ok]


class Judged(unittest.TestCase):
    def test_messages(self):
        for name in ("qemu", "alioth", "kvmtool"):
            self.assertEqual(bad(STORY, name), [])
            self.assertEqual(bad(STORY.replace("ITS-PCI-MSIX-0000:00:01.0", "GICv3"), name),
                             ["MSI of virtio-blk"])

    def test_wire(self):
        wired = STORY.replace("ITS-PCI-MSIX-0000:00:01.0", "GICv3")
        self.assertEqual(bad(wired, "libkrun"), [])
        self.assertEqual(bad(STORY, "libkrun"), ["interrupts of virtio-blk"])
        self.assertEqual(bad(wired.replace("after=40", "after=3"), "libkrun"),
                         ["interrupts of virtio-blk"])

    def test_no_clock_chip(self):
        late = STORY.replace("up=1.50 epoch=1004", "up=1.50 epoch=0")
        self.assertEqual(bad(late, "alioth"), ["time of day"])
        self.assertEqual(bad(late, "kvmtool"), [])


class Machines(unittest.TestCase):
    def test_vgic(self):
        self.assertIsNone(VMMS["qemu"].problem(MACHINES["vhe-nogic"]))
        self.assertIsNone(VMMS["libkrun"].problem(MACHINES["gicv2"]))
        self.assertIn("version 3; machine gicv2", VMMS["alioth"].problem(MACHINES["gicv2"]))
        self.assertIn("version 3 or 2", VMMS["libkrun"].problem(MACHINES["vhe-nogic"]))
        for name in VMMS:
            self.assertIsNone(VMMS[name].problem(MACHINES["vhe"]), name)


class Command(unittest.TestCase):
    """The command lines in guest-lib, by a VMM that says its own."""

    def words(self, vmm, tty=""):
        with tempfile.TemporaryDirectory() as folder:
            fake = Path(folder) / "vmm"
            fake.write_text("#!/bin/sh\nprintf '%s\\n' \"$@\"\n")
            fake.chmod(0o755)
            text = (HERE / "guest-lib").read_text().replace("/host/vmm", str(fake))
            text = text.replace("/dev/ptmx", "/dev/null")
            done = subprocess.run(["sh", "-c", text + '\nother_guest "$@"', "-",
                                   vmm, tty, "/d", "/l", "more words"],
                                  check=True, capture_output=True, text=True)
            return done.stdout.splitlines()

    def test_all(self):
        for name in VMMS:
            words = self.words(name)
            if name == "qemu":
                self.assertEqual(words, [])
                continue
            text = " ".join(words)
            self.assertRegex(text, "console=[a-zA-Z]+0 rdinit=/guest-init panic=-1 more words")
            self.assertIn("/host/Image", text)
            self.assertIn("/host/initrd", text)
            self.assertTrue([w for w in words if "/d" in w.split("=")[-1] or "/d," in w], name)

    def test_one_word(self):
        """What has blanks stays in one piece."""
        self.assertIn("console=hvc0 rdinit=/guest-init panic=-1 more words", self.words("libkrun"))
        self.assertEqual(self.words("libkrun")[-2:], ["/d", "/l"])
        self.assertEqual(self.words("alioth"), self.words("alioth", "80x24"))


if __name__ == "__main__":
    unittest.main()
