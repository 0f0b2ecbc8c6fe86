# SPDX-License-Identifier: GPL-2.0
import io
import unittest

from results import Report, Selection


class TestSelection(unittest.TestCase):
    def test_nothing_selects_all(self):
        self.assertTrue(Selection().matches("a/b"))
        self.assertTrue(Selection([" ", "/"]).may_match("a"))

    def test_folder(self):
        chosen = Selection(["selftests/vhe"])
        self.assertTrue(chosen.matches("selftests/vhe/arm64/vgic_irq"))
        self.assertFalse(chosen.matches("selftests/vhe-icount/arch_timer"))
        self.assertTrue(chosen.may_match("selftests"))
        self.assertFalse(chosen.may_match("selftests/nvhe"))

    def test_one_test(self):
        chosen = Selection(["selftests/vhe/arm64/vgic_irq"])
        self.assertTrue(chosen.matches("selftests/vhe/arm64/vgic_irq"))
        self.assertFalse(chosen.matches("selftests/vhe/arm64/vgic_irq2"))
        self.assertFalse(chosen.matches("selftests/vhe"))
        self.assertTrue(chosen.may_match("selftests/vhe"))
        self.assertFalse(chosen.may_match("guest/vhe"))

    def test_wildcards(self):
        chosen = Selection(["selftests/*/arch_timer*"])
        self.assertTrue(chosen.matches("selftests/gicv2/arch_timer.offset"))
        self.assertTrue(Selection(["*vgic*"]).matches("selftests/vhe/arm64/vgic_irq"))
        self.assertTrue(Selection(["*vgic*"]).may_match("selftests/vhe"))


class TestReport(unittest.TestCase):
    def setUp(self):
        self.out = io.StringIO()
        self.report = Report(out=self.out)

    def last(self):
        return self.out.getvalue().splitlines()[-1]

    def test_all_well(self):
        self.report.add("a/b", "pass")
        self.report.add("a/c", "skip", note="why")
        self.assertEqual(self.report.finish(), 0)
        self.assertEqual(self.last(), "1 passed, 0 failed, 1 skipped")

    def test_a_failure(self):
        self.report.add("a/b", "pass")
        self.report.add("a/c", "fail", note="broke")
        self.assertEqual(self.report.finish(), 1)
        self.assertEqual(self.last(), "1 passed, 1 failed, 0 skipped")
        self.assertIn("make test ONLY='a/c'", self.out.getvalue())

    def test_times(self):
        self.report.add("a/b", "pass")
        for job, seconds in (("x", 40), ("y", 3), ("x", 35), ("z", 80)):
            self.report.took(job, seconds)
        self.report.finish()
        self.assertIn("\ntime\n    1:20  z\n    1:15  x\n1 passed", self.out.getvalue())

    def test_nothing_ran(self):
        self.assertEqual(self.report.finish(), 1)
        self.assertEqual(self.last(), "0 passed, 1 failed, 0 skipped")

    def test_only_skips(self):
        self.report.add("a", "skip")
        self.assertEqual(self.report.finish(), 1)

    def test_selection_filters_but_not_always(self):
        self.report.selection = Selection(["a/x"])
        self.report.add("a/b", "fail")
        self.report.add("a/log", "fail", always=True)
        self.assertEqual([r.name for r in self.report.results], ["a/log"])

    def test_a_pattern_without_a_test(self):
        self.report.selection = Selection(["a", "typo/x"])
        self.report.add("a/b", "pass")
        self.assertEqual(self.report.finish(), 1)
        self.assertIn("typo/x", self.out.getvalue())
        self.assertEqual(self.last(), "1 passed, 1 failed, 0 skipped")

    def test_unknown_status(self):
        with self.assertRaises(ValueError):
            self.report.add("a", "passed")

    def test_command_of_a_full_run(self):
        report = Report(command="make test-all", out=self.out)
        report.add("a/c", "fail", rerun="a")
        report.finish()
        self.assertIn("make test-all ONLY='a'", self.out.getvalue())


if __name__ == "__main__":
    unittest.main()
