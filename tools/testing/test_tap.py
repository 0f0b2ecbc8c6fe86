# SPDX-License-Identifier: GPL-2.0
import unittest

import tap


def statuses(text):
    return [(s.status, s.name) for s in tap.parse_tap(text).subtests]


class TestTap(unittest.TestCase):
    def test_plain(self):
        text = "TAP version 13\n1..3\nok 1 one\nnot ok 2 - two\nok 3 three # SKIP no hw\n"
        self.assertEqual(statuses(text), [("pass", "one"), ("fail", "two"),
                                          ("skip", "three")])
        self.assertIsNone(tap.parse_tap(text).problem())

    def test_not_ok_skip_is_a_skip(self):
        self.assertEqual(statuses("not ok 1 x # SKIP y"), [("skip", "x")])

    def test_name_behind_the_directive(self):
        self.assertEqual(statuses("ok 2 # SKIP far # no EL2"), [("skip", "far # no EL2")])

    def test_xfail_passes_and_xpass_fails(self):
        self.assertEqual(statuses("ok 1 a # XFAIL why\nok 2 b # XPASS why"),
                         [("pass", "a"), ("fail", "b")])

    def test_truncated(self):
        parsed = tap.parse_tap("1..3\nok 1 a\nok 2 b\n")
        self.assertEqual(parsed.problem(), "2 of 3 planned sub-tests reported")

    def test_more_than_planned(self):
        self.assertIsNotNone(tap.parse_tap("1..1\nok 1 a\nok 2 b\n").problem())

    def test_bail_out(self):
        parsed = tap.parse_tap("ok 1 a\n1..1\nBail out! no tree\n")
        self.assertIn("no tree", parsed.problem())

    def test_diagnosis_goes_with_the_failure(self):
        first, second = tap.parse_tap("# info\nok 1 a\n# broke\nnot ok 2 b\n").subtests
        self.assertEqual((first.note, second.note), ("", "broke"))

    def test_totals(self):
        parsed = tap.parse_tap("# Totals: pass:1 fail:2 xfail:3 xpass:4 skip:5 error:6")
        self.assertEqual(parsed.totals["skip"], 5)

    def test_other_output_is_no_result(self):
        text = "ok\nokay 1 x\n# ok 1 comment\n    ok 1 nested\nnot okay 2\nlook: ok 1 x\n"
        self.assertEqual(statuses(text), [])

    def test_result_without_name(self):
        self.assertEqual(statuses("ok 1\nnot ok 2\n"), [("pass", ""), ("fail", "")])


KUNIT = """\
[    0.100000] KTAP version 1
[    0.100001] 1..2
[    0.100002]     KTAP version 1
[    0.100003]     # Subtest: kvm_arm64_timer
[    0.100004]     1..3
[    0.100005]     ok 1 offsets
[    0.100006]         KTAP version 1
[    0.100007]         # Subtest: wrap
[    0.100008]         1..2
[    0.100009]         ok 1 low
[    0.100010]         not ok 2 high
[    0.100011]     not ok 2 wrap
[    0.100012]     ok 3 hardware # SKIP none
[    0.100013] # kvm_arm64_timer: pass:1 fail:1 skip:1 total:3
[    0.100014] not ok 1 kvm_arm64_timer
[    0.100015]     KTAP version 1
[    0.100016]     # Subtest: other
[    0.100017]     1..1
[    0.100018]     ok 1 thing
[    0.100019] ok 2 other
"""


class TestKunit(unittest.TestCase):
    def test_console(self):
        timer, other = tap.parse_kunit(KUNIT)
        self.assertEqual([(c.status, c.name) for c in timer.cases],
                         [("pass", "offsets"), ("fail", "wrap"), ("skip", "hardware")])
        self.assertEqual((timer.status, timer.problem()), ("fail", None))
        self.assertEqual((other.name, other.status), ("other", "pass"))

    def test_without_time_stamps_and_with_carriage_returns(self):
        bare = "\r\n".join(line[15:] for line in KUNIT.splitlines())
        self.assertEqual(len(tap.parse_kunit(bare)[0].cases), 3)

    def test_died_inside(self):
        cut = "\n".join(KUNIT.splitlines()[:6])
        suite, = tap.parse_kunit(cut)
        self.assertIn("did not end", suite.problem())

    def test_case_missing(self):
        text = KUNIT.replace("[    0.100012]     ok 3 hardware # SKIP none\n", "")
        self.assertEqual(tap.parse_kunit(text)[0].problem(),
                         "2 of 3 planned cases reported")

    def test_empty_suite(self):
        text = "    # Subtest: kvm_arm64_x\n    1..0\nok 1 kvm_arm64_x\n"
        self.assertEqual(tap.parse_kunit(text)[0].problem(), "no test case ran")

    def test_no_kunit(self):
        self.assertEqual(tap.parse_kunit("[    0.1] Booting Linux\n"), [])


class TestCargo(unittest.TestCase):
    def test_cases(self):
        text = ("running 3 tests\ntest a::b ... ok\ntest a::c ... FAILED\n"
                "test d ... ignored, slow\n\ntest result: FAILED. 1 passed\n"
                "running 1 test\ntest e - should panic ... ok\n")
        cases, announced = tap.parse_cargo(text)
        self.assertEqual([(c.status, c.name) for c in cases],
                         [("pass", "a::b"), ("fail", "a::c"), ("skip", "d"),
                          ("pass", "e")])
        self.assertEqual(announced, 4)

    def test_aborted_half_way(self):
        cases, announced = tap.parse_cargo("running 2 tests\ntest a ... ok\n")
        self.assertNotEqual(len(cases), announced)


if __name__ == "__main__":
    unittest.main()
