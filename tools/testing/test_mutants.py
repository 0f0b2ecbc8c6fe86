# SPDX-License-Identifier: GPL-2.0
import tempfile
import unittest
from pathlib import Path

import mutants

CODE = Path("/code")
LINES = ["1\t/code/gic/queue.rs\t3\t3\tQueue::push\ta < b  =>  <=",
         "2\t/code/gic/queue.rs\t5\t7\tQueue::push\ta < b  =>  <=",
         "3\t/code/gic/queue.rs\t6\t6\tQueue::pop\treturn",
         "4\t/code/timer/ctl.rs\t6\t6\tCtl::new\t1  =>  ^ 1"]
TOML = """
[[explained]]
where = "gic/queue.rs Queue::pop"
what = ["return"]
reason = "nothing to pop"
"""


class TestMutants(unittest.TestCase):
    def setUp(self):
        self.mutants = mutants.parse(LINES, CODE)
        with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
            file.write(TOML)
            file.flush()
            self.reasons = mutants.explanations(Path(file.name))

    def chosen(self, *only, every=1):
        return [m.number for m in mutants.selected(self.mutants, only, every)]

    def test_names_differ(self):
        self.assertEqual([m.name for m in self.mutants],
                         ["gic/queue.rs Queue::push: a < b  =>  <=",
                          "gic/queue.rs Queue::push: a < b  =>  <= #2",
                          "gic/queue.rs Queue::pop: return",
                          "timer/ctl.rs Ctl::new: 1  =>  ^ 1"])

    def test_selection(self):
        self.assertEqual(self.chosen(), [1, 2, 3, 4])
        self.assertEqual(self.chosen("timer"), [4])
        self.assertEqual(self.chosen("*Queue::pop", "timer/ctl.rs"), [3, 4])
        self.assertEqual(self.chosen(every=3), [1, 4])
        self.assertEqual(self.chosen("gic", every=2), [1, 3])

    def test_verdicts(self):
        pop = self.mutants[2].name
        push = self.mutants[0].name
        self.assertEqual(mutants.judge(push, "t", 1, self.reasons), ("caught", "t"))
        self.assertEqual(mutants.judge(push, None, 2, self.reasons)[0], "SURVIVES")
        self.assertEqual(mutants.judge(pop, None, 2, self.reasons),
                         ("explained", "nothing to pop"))
        self.assertEqual(mutants.judge(pop, "t", 2, self.reasons)[0], "NOT NEEDED")
        self.assertEqual(mutants.judge("a.rs f: x", None, 0, {})[0], "SURVIVES")
        self.assertEqual(mutants.judge("a.rs f (const): x", None, 0, {})[0], "constant")
        self.assertEqual(mutants.judge("a.rs f (const): x", None, 1, {})[0], "SURVIVES")

    def test_blame(self):
        text = "(match (a, b) { (l, r) => if crate::mutant::on(1) { l | r } else { l & r } })"
        self.assertEqual(mutants.blamed(text, text.index("l | r"), (3, 3), self.mutants), {1})
        self.assertEqual(mutants.blamed("let a;", 5, (6, 6), self.mutants[:3]), {2, 3})

    def test_summary(self):
        lines = mutants.summary([("gic/queue.rs", "caught"), ("gic/queue.rs", "SURVIVES"),
                                 ("timer/ctl.rs", "explained")])
        self.assertEqual([line.split() for line in lines[1:]],
                         [["gic/queue.rs", "2", "1", "0", "0", "1", "0"],
                          ["timer/ctl.rs", "1", "0", "1", "0", "0", "0"],
                          ["all", "3", "1", "1", "0", "1", "0"]])

    def test_tests_that_get_to_it(self):
        runner = mutants.Runner(None, None)
        runner.reached[1] = ["tests_life::long", "tests_word::short", "tests_queue::own"]
        runner.seconds = {"tests_life::long": 9, "tests_word::short": .1, "tests_queue::own": 1}
        self.assertEqual(runner.tests(self.mutants[0]),
                         ["tests_queue::own", "tests_word::short", "tests_life::long"])

    def test_tests_that_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            program = Path(folder) / "program"
            program.write_text('#!/bin/sh\ncase $MUTANT in\n'
                               'record:*) echo 1 > "${MUTANT#*:}"; echo 2 >> "${MUTANT#*:}";;\n'
                               '1) exit 101;;\n3) while :; do :; done;; esac\n')
            program.chmod(0o755)
            runner = mutants.Runner(program, Path(folder))
            runner.record(["t::one"], 1)
            self.assertEqual([runner.killer(m) for m in self.mutants[:3]],
                             ["t::one", None, None])
            self.assertTrue(runner.run("t::one", "2", 1)[0])
            self.assertFalse(runner.run("t::one", "3", 0)[0])

    def test_all_modules_are_there(self):
        names = mutants.modules(mutants.REPO / mutants.HOST)
        self.assertIn("gic/queue.rs", names)
        self.assertIn("timer/deadline.rs", names)
        for name in names:
            self.assertTrue((mutants.REPO / mutants.CODE / name).is_file(), name)


if __name__ == "__main__":
    unittest.main()
