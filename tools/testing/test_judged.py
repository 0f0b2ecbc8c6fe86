# SPDX-License-Identifier: GPL-2.0
import unittest

import judged
import test_suites
from results import Selection

SCRIPT = "config 3 3 4 1 64 0\n" + "".join(f"{n} 0 line 3{n % 4} 1\n" for n in range(30))


class Fake(judged.Judge):
    """Scripts fail that have all the lines that it takes."""

    def __init__(self, context, needed, c=()):
        super().__init__(context, "vhe")
        self.needed = {"rust": needed, "c": c}
        self.boots = 0

    def cargo(self, words, crate, env, log):
        pass

    def scripts(self, events):
        return [SCRIPT, "config 3 3 4 1 64 0\n0 0 take\n"]

    def verdict(self, kernel, scripts, what="all"):
        self.boots += 1
        self.folder.mkdir(parents=True, exist_ok=True)
        needed = self.needed[kernel]
        bad = {at: "why" for at, script in enumerate(scripts)
               if needed and all(f"\n{line}" in script for line in needed)}
        return judged.Verdict(len(scripts), 1000, 0, bad)


class TestJudged(test_suites.Suite):
    def test_split(self):
        self.assertEqual(judged.split(SCRIPT + SCRIPT), [SCRIPT, SCRIPT])
        self.assertEqual(judged.split(""), [])

    def shrunk(self, *needed):
        fake = Fake(self.context, needed)
        lines = fake.shrink("rust", SCRIPT).splitlines()
        self.assertLess(fake.boots, 20)
        return lines[1:]

    def test_shrinks(self):
        self.assertEqual(self.shrunk("7 0 line 33 1"), ["7 0 line 33 1"])
        self.assertEqual(self.shrunk("0 0 line 30 1", "29 0 line 31 1"),
                         ["0 0 line 30 1", "29 0 line 31 1"])

    def test_passes(self):
        Fake(self.context, ()).run()
        self.assertEqual(self.statuses(), {"model/vhe/c": "pass", "model/vhe/rust": "pass"})

    def test_rust_fails(self):
        Fake(self.context, ("3 0 line 33 1",)).run()
        self.assertEqual(self.statuses(), {"model/vhe/c": "pass", "model/vhe/rust": "fail"})
        kept = self.context.logs / "model/vhe/rust.script"
        self.assertEqual(kept.read_text(), "config 3 3 4 1 64 0\n3 0 line 33 1\n")

    def test_what_fails_again_is_cut_down(self):
        class Stuck(Fake):
            """The first of two fails once."""

            def scripts(self, events):
                return [SCRIPT, SCRIPT + "30 0 take\n"]

            def verdict(self, kernel, scripts, what="all"):
                found = super().verdict(kernel, scripts, what)
                if what != "all":
                    found.bad = {n: why for n, why in found.bad.items() if "take" in scripts[n]}
                return found

        Stuck(self.context, ("3 0 line 33 1",)).run()
        kept = self.context.logs / "model/vhe/rust.script"
        self.assertEqual(kept.read_text(), "config 3 3 4 1 64 0\n3 0 line 33 1\n30 0 take\n")

    def test_c_is_told(self):
        Fake(self.context, (), c=("3 0 line 33 1",)).run()
        self.assertEqual(self.statuses(), {"model/vhe/c": "pass", "model/vhe/rust": "pass"})
        self.assertIn("1 traces can't be", self.context.report.results[0].note)

    def test_verdict(self):
        folder = self.context.build / "model/release"
        folder.mkdir(parents=True)
        self.script("echo \"$2: trace 4: line 2: 0 0 take -> 0x21: it is disabled\"\n"
                    "echo \"$2: 9 traces, 80 events, 3 left open, 1 that can't be\"").rename(
            folder / "gic-model")
        traces = self.context.build / "traces"
        traces.write_text("")
        self.assertEqual(
            judged.Judge(self.context, "vhe").judge(traces),
            judged.Verdict(9, 80, 3, {4: "line 2: 0 0 take -> 0x21: it is disabled"}))

    def test_no_verdict(self):
        folder = self.context.build / "model/release"
        folder.mkdir(parents=True)
        self.script("exit 1").rename(folder / "gic-model")
        traces = self.context.build / "traces"
        traces.write_text("")
        with self.assertRaises(judged.Trouble):
            judged.Judge(self.context, "vhe").judge(traces)

    def test_machines(self):
        def jobs(*only, every=False):
            self.context.report.selection = Selection(only)
            self.context.all = every
            return [j.name for j in judged.jobs(self.context)]

        self.assertEqual(jobs(), ["model/vhe"])
        self.assertEqual(jobs("model/nvhe"), ["model/nvhe"])
        self.assertEqual(jobs("model/vhe/c"), ["model/vhe"])
        self.assertEqual(jobs("guest"), [])
        self.assertEqual(len(jobs(every=True)), len(judged.MACHINES))


if __name__ == "__main__":
    unittest.main()
