# SPDX-License-Identifier: GPL-2.0
import tempfile
import unittest
from pathlib import Path

import events
import plan

TEXT = """
[split.kvm_exit]
irq = "ret == 0"
trap = "ret == 2"
[sums]
exact = ["loads - 2 * saves"]
zero = ["kvm_entry - kvm_exit"]
[[varies]]
tests = ["*"]
counters = ["loads*", "saves"]
reason = "the scheduler"
[[varies]]
machines = ["vhe"]
tests = ["storm"]
counters = ["loads - *", "wfx"]
reason = "signals"
[[varies]]
machines = ["vhe"]
tests = ["race"]
counters = ["*"]
bounded = false
reason = "threads"
[[differs]]
machines = ["vhe"]
tests = ["early", "late"]
counters = ["expire"]
reason = "rounded up"
"""


def load(text):
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write(text)
        file.flush()
        return events.load(Path(file.name))


class TestEvents(unittest.TestCase):
    def setUp(self):
        self.events = load(TEXT)

    def found(self, c, rust, test="any", machine="vhe"):
        return self.events.differences(machine, test, c, rust)

    def test_equal(self):
        self.assertEqual(self.found({"wfx": 3, "kvm_entry": 2, "kvm_exit": 2},
                                    {"wfx": 3, "kvm_entry": 2, "kvm_exit": 2}), [])

    def test_one_hit_less_or_more(self):
        self.assertEqual(self.found({"wfx": 3}, {"wfx": 2}), ["wfx: C 3, Rust 2"])
        self.assertEqual(self.found({"wfx": 3}, {"wfx": 4}), ["wfx: C 3, Rust 4"])

    def test_event_that_one_kernel_lacks(self):
        self.assertEqual(self.found({"wfx": 0}, {}), ["wfx: only on C"])

    def test_chance_has_bounds(self):
        self.assertEqual(self.found({"loads": 200, "saves": 100}, {"loads": 220, "saves": 110}), [])
        found = self.found({"loads": 200, "saves": 100}, {"loads": 400, "saves": 200})
        self.assertEqual(len(found), 2)
        self.assertTrue(self.found({"loads": 40, "saves": 20}, {"loads": 0, "saves": 0}))

    def test_chance_without_bounds(self):
        self.assertEqual(self.found({"wfx": 1}, {"wfx": 400}, "race"), [])
        self.assertTrue(self.found({"kvm_entry": 1}, {"kvm_entry": 1}, "race"))

    def test_chance_is_the_same_in_all_terms_of_a_sum(self):
        self.assertEqual(self.found({"loads": 200, "saves": 100}, {"loads": 200, "saves": 99}),
                         ["loads - 2 * saves: C 0, Rust 2"])
        self.assertEqual(self.found({"loads": 9, "saves": 5}, {"loads": 1, "saves": 5}, "storm"), [])

    def test_zero_on_each_kernel(self):
        self.assertEqual(self.found({"kvm_entry": 2, "kvm_exit": 3}, {"kvm_entry": 2, "kvm_exit": 3}),
                         [f"kvm_entry - kvm_exit: -1 on {k}, must be 0" for k in ("C", "Rust")])

    def test_by_design(self):
        self.assertEqual(self.found({"expire": 90}, {"expire": 1}, "early"), [])
        self.assertTrue(self.found({"expire": 90}, {"expire": 1}, "other"))
        self.assertTrue(self.found({"expire": 90}, {"expire": 1}, "early", "nvhe"))

    def test_note(self):
        self.assertIsNone(self.events.note("vhe", "any", {"wfx": 1}, {"wfx": 1}))
        self.assertIn("on C", self.events.note("vhe", "any", None, {}))
        many = {f"e{i}": i for i in range(9)}
        self.assertIn("and 5 more", self.events.note(
            "vhe", "any", many, {n: v + 1 for n, v in many.items()}))

    def test_entries_that_nothing_needs(self):
        everything = ["any", "storm", "early", "late"]
        self.found({"expire": 2, "wfx": 0}, {"expire": 1, "wfx": 0}, "early")
        self.found({"expire": 2}, {"expire": 2}, "late")
        stale = self.events.stale("vhe", everything, everything)
        self.assertEqual([s.split("'")[1] for s in stale], ["storm", "race", "late"])
        self.assertEqual(self.events.stale("nvhe", everything, everything), [])

    def test_a_slow_test_may_need_an_entry(self):
        stale = self.events.stale("vhe", ["storm"], ["storm", "late", "race"])
        self.assertTrue(all("signals" in s for s in stale))
        self.assertTrue(stale)

    def test_counters_for_the_tool(self):
        self.assertEqual(self.events.counters(), "* kvm *\nkvm_exit/irq kvm kvm_exit ret == 0\n"
                         "kvm_exit/trap kvm kvm_exit ret == 2\n")
        self.assertEqual(events.parse_counts(["a 1", "b/c 20"]), {"a": 1, "b/c": 20})
        self.assertIsNone(events.parse_counts([]))


class TestList(unittest.TestCase):
    def test_terms(self):
        self.assertEqual(events.terms("a/b-c - 2 * d + e"), {"a/b-c": 1, "d": -2, "e": 1})
        for text in ("a b", "a - - b", "2 *", "a ! b"):
            with self.assertRaises(events.EventsError):
                events.terms(text)

    def test_slips_of_the_pen(self):
        for text in ('[sum]\nzero = []', '[[varies]]\ntests = []',
                     '[sums]\nexact = ["a b"]', '[[differs]]\nwhy = "x"'):
            with self.assertRaises(events.EventsError):
                load(text)

    def test_ours_names_what_there_is(self):
        ours, machines = events.load(), {m.name: m for m in plan.load().machines}
        known = {f"{e}/{label}" for e, labels in ours.split.items() for label in labels}
        for text in ours.exact + ours.zero:
            for name in events.terms(text):
                self.assertTrue("/" not in name or name in known, name)
        for entry in ours.exempt:
            self.assertTrue(entry.reason)
            for name in entry.machines or ():
                self.assertTrue(machines[name].count_events, name)

    def test_ours_fits_the_tool(self):
        for line in events.load().counters().splitlines():
            name, system, event, *_ = line.split()
            self.assertLess(max(map(len, (name, system, event))), 64)


if __name__ == "__main__":
    unittest.main()
