# SPDX-License-Identifier: GPL-2.0
import unittest

from compare import judge, missing, outcome

K8 = {"c": "fail", "rust": "pass", "reason": "a bug of C"}
ASSERT = "==== Test Assertion Failure ====\n  arm64/x.c:{}: a == b\n  pid=1\n"


class TestOutcome(unittest.TestCase):
    def test_by_exit_status(self):
        for code, status in ((0, "pass"), (4, "skip"), (254, "fail"), (1, "fail"),
                             (139, "fail"), (127, "fail")):
            self.assertEqual(outcome(code, "").status, status, code)

    def test_time_limit(self):
        self.assertEqual(outcome(143, "", 60.1, 60).status, "timeout")
        self.assertEqual(outcome(137, "", 65.0, 60).status, "timeout")

    def test_killed_early_is_no_timeout(self):
        self.assertEqual(outcome(137, "", 2.0, 60).status, "fail")

    def test_exit_0_does_not_hide_a_failed_subtest(self):
        self.assertEqual(outcome(0, "1..1\nnot ok 1 x\n").status, "fail")

    def test_exit_0_does_not_hide_lost_subtests(self):
        self.assertEqual(outcome(0, "1..2\nok 1 x\n").status, "fail")

    def test_site(self):
        self.assertEqual(outcome(254, ASSERT.format(7)).site, "arm64/x.c:7")


class TestJudge(unittest.TestCase):
    def judged(self, c, rust, **kwargs):
        return judge(outcome(*c), outcome(*rust), **kwargs)

    def test_both_pass(self):
        verdict = self.judged((0, ""), (0, ""))
        self.assertEqual((verdict.status, verdict.differs), ("pass", False))

    def test_seed_of_random_numbers_is_no_output(self):
        c, rust = (0, "Random seed: 0x1\nx\n"), (0, "Random seed: 0x2\nx\n")
        self.assertEqual(self.judged(c, rust, whole_output=True).status, "pass")
        rust = (0, "Random seed: 0x2\ny\n")
        self.assertEqual(self.judged(c, rust, whole_output=True).status, "fail")

    def test_only_rust_fails(self):
        verdict = self.judged((0, ""), (254, ""))
        self.assertEqual((verdict.status, verdict.differs), ("fail", True))

    def test_only_c_fails(self):
        self.assertTrue(self.judged((254, ""), (0, "")).differs)

    def test_rust_skips_what_c_runs(self):
        self.assertEqual(self.judged((0, ""), (4, "")).status, "fail")

    def test_both_skip(self):
        self.assertEqual(self.judged((4, ""), (4, "")).status, "skip")

    def test_same_failure_is_skipped_and_named(self):
        verdict = self.judged((254, ASSERT.format(7)), (254, ASSERT.format(7)))
        self.assertEqual(verdict.status, "skip")
        self.assertIn("same failure on C", verdict.note)

    def test_same_status_other_place(self):
        verdict = self.judged((254, ASSERT.format(7)), (254, ASSERT.format(9)))
        self.assertEqual((verdict.status, verdict.differs), ("fail", True))

    def test_own_test_may_not_fail_on_both(self):
        verdict = self.judged((254, ""), (254, ""), own=True)
        self.assertEqual((verdict.status, verdict.differs), ("fail", False))

    def test_same_counts_other_subtest(self):
        verdict = self.judged((1, "1..2\nok 1 a\nnot ok 2 b\n"),
                              (1, "1..2\nnot ok 1 a\nok 2 b\n"))
        self.assertTrue(verdict.differs)

    def test_fewer_subtests(self):
        verdict = self.judged((0, "ok 1 a\nok 2 b\n"), (0, "ok 1 a\n"))
        self.assertIn("2 sub-tests on C, 1 on Rust", verdict.note)

    def test_subtest_skipped_on_rust(self):
        self.assertTrue(self.judged((0, "ok 1 a\n"), (0, "ok 1 a # SKIP\n")).differs)

    def test_missing_on_rust(self):
        verdict = judge(outcome(0, ""), missing("hung"))
        self.assertEqual(verdict.status, "fail")
        self.assertIn("hung", verdict.note)

    def test_missing_on_both_is_a_failure(self):
        verdict = judge(missing("not built"), missing("not built"))
        self.assertEqual(verdict.status, "fail")
        self.assertIn("not built", verdict.note)

    def test_missing_is_a_failure_even_where_a_difference_is_allowed(self):
        self.assertEqual(judge(outcome(254, ""), missing("hung"), allowed=K8).status,
                         "fail")

    def test_hang_on_rust_only(self):
        verdict = judge(outcome(0, ""), outcome(143, "", 60, 60))
        self.assertTrue(verdict.differs)

    def test_hang_on_both(self):
        self.assertEqual(judge(outcome(143, "", 60, 60), outcome(143, "x", 60, 60)).status,
                         "skip")

    def test_transcript_differs(self):
        verdict = self.judged((0, "transcript: a\ntranscript: b\n"),
                              (0, "transcript: a\ntranscript: c\n"))
        self.assertIn("transcript line 2", verdict.note)

    def test_transcript_cut(self):
        self.assertTrue(self.judged((0, "transcript: a\ntranscript: b\n"),
                                    (0, "transcript: a\n")).differs)

    def test_other_output_may_differ(self):
        self.assertEqual(self.judged((0, "took 3 ms"), (0, "took 4 ms")).status, "pass")

    def test_other_output_may_not_differ_where_asked(self):
        self.assertTrue(self.judged((0, "regs: 3"), (0, "regs: 4"),
                                    whole_output=True).differs)

    def test_allowed_difference(self):
        verdict = self.judged((254, "transcript: early"), (0, "transcript: late"),
                              allowed=K8)
        self.assertEqual(verdict.status, "pass")
        self.assertIn("a bug of C", verdict.note)

    def test_allowed_difference_in_one_subtest(self):
        allowed = {**K8, "subtests": ["far_*"]}
        text = ("transcript: begin far_x\ntranscript: {}\n{} 1 far_x\n"
                "transcript: begin near\ntranscript: {}\nok 2 near{}\n")
        c = (1, text.format("early", "not ok", "same", ""))
        for rust, status in ((("late", "ok", "same", ""), "pass"),
                             (("late", "ok", "other", ""), "fail"),
                             (("late", "ok", "same", " # SKIP"), "fail")):
            verdict = self.judged(c, (0, text.format(*rust)), allowed=allowed)
            self.assertEqual(verdict.status, status, rust)

    def test_own_test_must_leave_a_transcript(self):
        self.assertEqual(self.judged((0, ""), (0, ""), own=True).status, "fail")
        self.assertEqual(self.judged((0, "transcript: a"), (0, "transcript: a"),
                                     own=True).status, "pass")

    def test_allowed_difference_does_not_excuse_rust(self):
        self.assertEqual(self.judged((254, ""), (254, ""), allowed=K8).status, "fail")
        self.assertEqual(self.judged((254, ""), (4, ""), allowed=K8).status, "fail")

    def test_allowed_difference_that_is_gone(self):
        self.assertEqual(self.judged((0, ""), (0, ""), allowed=K8).status, "pass")
        self.assertEqual(self.judged((0, "transcript: a"), (0, "transcript: b"),
                                     allowed=K8).status, "fail")


if __name__ == "__main__":
    unittest.main()
