# SPDX-License-Identifier: GPL-2.0
import tempfile
import unittest
from pathlib import Path

import plan

TEXT = """
timeout = 50
[[machine]]
name = "vhe"
fast = true
[[machine]]
name = "steady"
base = "vhe"
fast = true
scale = 2
only = ["timer*"]
[[machine]]
name = "nested"
[[test]]
name = "timer"
args = "-n 2 -e '3 4'"
args_on = { steady = "" }
[[test]]
name = "timer.far"
binary = "timer"
fast = ["steady"]
timeout = 7
[[test]]
name = "slow"
fast = false
not_on = ["nested"]
[[test]]
name = "lonely"
only_on = ["nested"]
[[allowed]]
test = "timer"
machines = ["vhe"]
c = "fail"
rust = "pass"
reason = "bug"
"""


class TestPlan(unittest.TestCase):
    def load(self, text):
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(text)
            file.flush()
            return plan.load(Path(file.name))

    def setUp(self):
        self.plan = self.load(TEXT)

    def names(self, machine, fast, built=("timer", "slow"), own=()):
        return [t.name for t in self.plan.tests(self.plan.machine(machine), built,
                                                fast, own)]

    def test_fast_and_all(self):
        self.assertEqual(self.names("vhe", True), ["timer"])
        self.assertEqual(self.names("vhe", False), ["timer", "timer.far", "slow"])
        self.assertEqual(self.names("steady", True), ["timer", "timer.far"])

    def test_only_and_not_on(self):
        self.assertEqual(self.names("steady", False, ("other",)), ["timer", "timer.far"])
        self.assertEqual(self.names("nested", False), ["timer", "timer.far", "lonely"])
        self.assertNotIn("lonely", self.names("vhe", False))

    def test_no_slow_tests(self):
        limited = self.load(TEXT.replace('name = "vhe"\n', 'name = "vhe"\nslow = false\n', 1))
        self.assertEqual([t.name for t in limited.tests(limited.machine("vhe"), ("slow",), False)],
                         ["timer", "timer.far"])

    def test_arguments_by_pattern(self):
        changed = self.load(TEXT.replace('{ steady = "" }', '{ "st*y" = "-x" }'))
        first = {m: changed.tests(changed.machine(m), (), True)[0].args for m in ("vhe", "steady")}
        self.assertEqual(first, {"vhe": ["-n", "2", "-e", "3 4"], "steady": ["-x"]})
        with self.assertRaises(plan.PlanError):
            self.load(TEXT.replace('{ steady = "" }', '{ "x*" = "" }'))

    def test_unlisted_tests_run_everywhere(self):
        self.assertEqual(self.names("vhe", True, ("new", "timer")), ["timer", "new"])

    def test_own_tests_run_even_if_not_built(self):
        tests = self.plan.tests(self.plan.machine("vhe"), (), True, {"mine"})
        self.assertEqual([(t.name, t.own) for t in tests],
                         [("timer", False), ("mine", True)])

    def test_arguments_and_limits(self):
        vhe = self.plan.tests(self.plan.machine("vhe"), (), False)[0]
        self.assertEqual((vhe.args, vhe.timeout), (["-n", "2", "-e", "3 4"], 50))
        steady = self.plan.tests(self.plan.machine("steady"), (), False)
        self.assertEqual([t.args for t in steady], [[], []])
        self.assertEqual([t.timeout for t in steady], [100, 14])

    def test_allowance(self):
        self.assertIsNotNone(self.plan.allowance("timer", "vhe"))
        self.assertIsNone(self.plan.allowance("timer", "nested"))
        self.assertIsNone(self.plan.allowance("timer.far", "vhe"))

    def test_mistakes_are_found(self):
        for more in ('[[test]]\nname = "timer"\n',
                     '[[test]]\nname = "x"\nfats = true\n',
                     '[[test]]\nname = "x"\nfast = ["nowhere"]\n',
                     '[[test]]\nname = "x"\nonly_on = ["nowhere"]\n',
                     '[[allowed]]\ntest = "x"\nc = "fail"\nrust = "pass"\n'):
            with self.assertRaises(plan.PlanError, msg=more):
                self.load(TEXT + more)

    def test_the_real_plan(self):
        real = plan.load()
        fast = [m.name for m in real.machines if m.fast]
        self.assertEqual(fast, ["vhe", "nvhe", "gicv2", "vhe-icount", "vhe-gictraps",
                                "vhe-aarch32", "oryon", "thunderx2", "vhe-nogic", "vhe-offset", "nvhe-offset"])
        from batch import MACHINES
        self.assertEqual({m.base for m in real.machines}, set(MACHINES))


if __name__ == "__main__":
    unittest.main()
