# SPDX-License-Identifier: GPL-2.0
"""What boot-matrix makes of the configurations that users have."""

import contextlib
import io
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path


def load_tool():
    path = str(Path(__file__).with_name("boot-matrix"))
    loader = SourceFileLoader("boot_matrix", path)
    module = module_from_spec(spec_from_loader("boot_matrix", loader))
    loader.exec_module(module)
    return module


class TestConfiguration(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tool = load_tool()
        self.tool.BUILD = Path(folder.name)
        self.tool.LOGS = Path(folder.name) / "logs"
        self.tool.LOGS.mkdir()
        self.tool.build = lambda name: None
        self.tool.boot = lambda name, machine: None

    def run_one(self, **entry):
        tap, out = self.tool.Tap(), io.StringIO()
        (self.tool.BUILD / "x").mkdir()
        with contextlib.redirect_stdout(out):
            self.tool.configuration(tap, "x", {"options": ["A=y"], **entry})
        self.assertFalse((self.tool.BUILD / "x").exists())
        return [line for line in out.getvalue().splitlines() if not line.startswith("#")]

    def fails(self, said):
        def build(name):
            (self.tool.LOGS / f"build-{name}.log").write_text(said)
            return "exit 1"
        self.tool.build = build

    def test_booted(self):
        self.assertEqual(self.run_one(), ["ok 1 - x/build", "ok 2 - x/boot-vhe", "ok 3 - x/boot-nvhe"])
        self.assertEqual(self.run_one(machines=["vhe"]), ["ok 1 - x/build", "ok 2 - x/boot-vhe"])

    def test_does_not_boot(self):
        self.tool.boot = lambda name, machine: "exit 1" if machine == "nvhe" else None
        self.assertEqual(self.run_one()[2], "not ok 3 - x/boot-nvhe")

    def test_does_not_build(self):
        self.fails("error: no such thing\n")
        self.assertEqual(self.run_one(), ["not ok 1 - x/build"])

    def test_refused(self):
        self.fails("kernel: kconfig did not take these options of tools/config: CONFIG_A=y\n")
        self.assertEqual(self.run_one(refused="why"), ["ok 1 - x/refused"])
        self.assertEqual(self.run_one(), ["not ok 1 - x/build"])

    def test_refused_for_another_reason(self):
        self.fails("error: no such thing\n")
        self.assertEqual(self.run_one(refused="why"), ["not ok 1 - x/refused"])

    def test_refused_no_more(self):
        self.assertEqual(self.run_one(refused="why"), ["not ok 1 - x/refused"])

    def test_a_program_is_missing(self):
        self.assertIn("# SKIP no no-such-program", self.run_one(needs="no-such-program")[0])


if __name__ == "__main__":
    unittest.main()
