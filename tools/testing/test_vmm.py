# SPDX-License-Identifier: GPL-2.0
"""The suite of other VMMs on make-believe machines; what its set-up says."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import test_suites
import vmm
from context import REPO
from results import Selection


class TestJobs(test_suites.Suite):
    def jobs(self, *only, every=False):
        self.context.repo = REPO
        self.context.report.selection = Selection(only)
        self.context.all = every
        return [j.name for j in vmm.jobs(self.context)]

    def test_not_in_make_test(self):
        self.assertEqual(self.jobs(), [])
        self.assertEqual(self.jobs("guest"), [])

    def test_all(self):
        names = self.jobs(every=True)
        for name in ("vmm/alioth", "vmm/alioth/nvhe", "vmm/libkrun/gicv2", "vmm/kvmtool/vhe"):
            self.assertIn(name, names)
        self.assertNotIn("vmm/alioth/gicv2", names)
        self.assertNotIn("vmm/qemu", names)

    def test_named(self):
        self.assertEqual(self.jobs("vmm/alioth/vhe/c"), ["vmm/alioth", "vmm/alioth/vhe"])
        self.assertEqual(self.jobs("vmm/alioth/gicv2"), [])


class TestRuns(test_suites.Suite):
    def setUp(self):
        super().setUp()
        self.context.qemu.mkdir(parents=True)
        self.context.setup.mkdir(parents=True)
        self.runs = vmm.Runs("alioth", [("vhe", "c"), ("vhe", "rust"), ("nvhe", "c")])

    def run_all(self, setup, guest="exit 9"):
        """The results, with a set-up and a guest that do this."""
        self.script(setup).rename(self.context.setup / "vmm")
        self.script(guest).rename(self.context.qemu / "run-guest")
        for job in self.runs.jobs():
            job.run(self.context)
        return {n.removeprefix("vmm/alioth/"): s for n, s in self.statuses().items()}

    def test_guests(self):
        found = self.run_all('[ "$*" = "--if-any alioth" ]', 'case $* in *nvhe*) exit 1 ;; esac')
        self.assertEqual(found, {"vhe/c": "pass", "vhe/rust": "pass", "nvhe/c": "fail"})

    def test_arguments(self):
        found = self.run_all("exit 0", """case "$*" in
            *"--vmm alioth --machine vhe --image "*/c/*"--expect c "*) ;;
            *"--vmm alioth --machine vhe --image "*/rust/*"--expect rust "*) ;;
            *) exit 1 ;; esac""")
        self.assertEqual(found, {"vhe/c": "pass", "vhe/rust": "pass", "nvhe/c": "fail"})

    def test_not_to_be_had(self):
        found = self.run_all("echo building; echo no network; exit 3", "exit 0")
        self.assertEqual(set(found.values()), {"skip"})
        self.assertEqual(len(found), 3)
        self.assertIn("no network", self.context.report.results[0].note)

    def test_does_not_build(self):
        found = self.run_all("echo error; exit 1", "exit 0")
        self.assertEqual(set(found.values()), {"fail"})


class TestSetup(unittest.TestCase):
    """What tools/setup/vmm says; nothing is fetched or built here."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        (self.root / "b").mkdir()

    def setup(self, *words, **env):
        done = subprocess.run(
            [REPO / "tools/setup/vmm", *words], check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "LKVM": "", "BUILD": str(self.root / "b"),
                 "CACHE": str(self.root / "c"), **env})
        return done.returncode, done.stdout

    def test_there(self):
        for name in ("qemu", "alioth", "libkrun"):
            self.assertEqual(self.setup("--check", name), (0, ""))
        self.assertEqual(self.setup("qemu"), (0, ""))

    def test_not_to_be_had(self):
        for name in ("crosvm", "cloud-hypervisor", "firecracker", "kvmtool"):
            status, text = self.setup("--check", name)
            self.assertEqual(status, 1)
            self.assertIn(f"error: {name} is n", text)
            self.assertIn("VMM= is one of: qemu alioth", text)
            self.assertEqual(self.setup("--if-any", name)[0], vmm.NOT_TO_BE_HAD)

    def test_unknown(self):
        self.assertIn("no VMM 'alith'; VMM= is one of", self.setup("--check", "alith")[1])

    def test_how_to_get_kvmtool(self):
        text = self.setup("--check", "kvmtool")[1]
        self.assertIn("lkvm-static", text)
        self.assertIn("LKVM=/path/to", text)

    def test_own_kvmtool(self):
        status, text = self.setup("--check", "kvmtool", LKVM="/nowhere/lkvm")
        self.assertEqual((status, "/nowhere/lkvm does not exist" in text), (1, True))
        status, text = self.setup("kvmtool", LKVM=str(REPO / "Makefile"))
        self.assertEqual((status, "no static arm64 program" in text), (1, True))

    def cargo(self, text):
        """The outcome with a cargo that does this, and a compiler that has the library."""
        tools = self.root / "tools"
        (tools / "lib").mkdir(parents=True)
        (tools / "lib/libstd-x.rlib").touch()
        for name, does in (("cargo", text), ("rustc", f"echo {tools}/lib")):
            (tools / name).write_text(f"#!/bin/sh\n{does}\n")
            (tools / name).chmod(0o755)
        (self.root / "b/toolchain.env").write_text(
            f"LLVM=1\nRUSTC={tools}/rustc\nRUSTDOC=\nRUSTFMT=\nCLIPPY_DRIVER=\nBINDGEN=\nCCACHE=\n"
            f"RUST_LIB_SRC=\nLIBCLANG_PATH=\nCROSS_COMPILE=aarch64-linux-gnu-\nCARGO={tools}/cargo\n")
        return self.setup("--if-any", "alioth")

    def test_built_once(self):
        found = self.cargo('echo run >>"$BUILD/runs"; while [ "$1" != --root ]; do shift; done\n'
                           'mkdir -p "$2/bin" && echo program >"$2/bin/alioth" && chmod +x "$2/bin/alioth"')
        self.assertEqual(found[0], 0, found[1])
        self.assertEqual((self.root / "b/vmm/alioth").read_text(), "program\n")
        (self.root / "b/vmm/alioth").unlink()
        self.assertEqual(self.setup("alioth")[0], 0)
        self.assertTrue((self.root / "b/vmm/alioth").is_file())
        self.assertEqual((self.root / "b/runs").read_text(), "run\n")

    def test_no_network(self):
        status, text = self.cargo("echo 'error: failed to download from the index'; exit 101")
        self.assertEqual(status, vmm.NOT_TO_BE_HAD)
        self.assertIn("alioth cannot be fetched", text.splitlines()[-1])

    def test_does_not_build(self):
        status, text = self.cargo("echo 'error: cannot find type'; exit 101")
        self.assertEqual(status, 1)
        self.assertIn("cannot find type", text)


if __name__ == "__main__":
    unittest.main()
