# SPDX-License-Identifier: GPL-2.0
import io
import sys
import tempfile
import unittest
from pathlib import Path

import style
import suites
from context import REPO, Context
from results import Report, Selection

KTAP = """\
[    0.1] KTAP version 1
[    0.1] 1..1
[    0.1]     # Subtest: {suite}
[    0.1]     1..{plan}
[    0.1]     ok 1 one
[    0.1]     {two} 2 two
[    0.1] {two} 1 {suite}
"""


class Suite(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.context = Context(self.root / "build", self.root,
                               Report(out=io.StringIO()), repo=self.root)

    def statuses(self):
        return {r.name: r.status for r in self.context.report.results}

    def script(self, text):
        path = self.root / "script"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path


class TestRegisters(Suite):
    def machines(self, everything=False, only=()):
        bench = self.root / suites.BENCH
        bench.mkdir(parents=True, exist_ok=True)
        (bench / "registers.toml").write_text("[machines]\nquick = true\nslow = false\n")
        self.context.all = everything
        self.context.report.selection = Selection(list(only))
        return suites.register_machines(self.context)

    def test_fast_ones(self):
        self.assertEqual(self.machines(), ["quick"])
        self.assertEqual(self.machines(only=["registers"]), ["quick"])

    def test_others_if_wanted(self):
        self.assertEqual(self.machines(everything=True), ["quick", "slow"])
        self.assertEqual(self.machines(only=["registers/slow/user"]), ["quick", "slow"])


class TestConfigurations(Suite):
    def wanted(self, everything=False, only=()):
        self.context.repo = REPO
        self.context.all = everything
        self.context.report.selection = Selection(list(only))
        return suites.wanted_configurations(self.context)

    def test_not_in_make_test(self):
        self.assertEqual(self.wanted(), [])

    def test_all(self):
        self.assertIn("64k", self.wanted(everything=True))

    def test_named(self):
        self.assertEqual(self.wanted(only=["configurations/16k"]), ["16k"])
        self.assertGreater(len(self.wanted(only=["configurations"])), 10)
        self.assertEqual(self.wanted(everything=True, only=["boot-matrix"]), [])

    def test_options_are_said_once(self):
        """Each has options of its own, no name is a kernel's, and a reason is a sentence."""
        sys.path.insert(0, str(REPO / "tools/setup"))
        import parts
        table = parts.configurations()
        self.assertEqual(len({tuple(e["options"]) for e in table.values()}), len(table))
        files = {p.stem for p in (REPO / "tools/config").glob("*.config")}
        self.assertFalse(files & set(table))
        for name, entry in table.items():
            self.assertLessEqual(set(entry), {"options", "machines", "refused", "needs"}, name)
            self.assertEqual(parts.Kernels().name(name), name)


class TestTapSuite(Suite):
    def run_script(self, text, timeout=20):
        suites.run_tap(self.context, "s", [self.script(text)], timeout)
        return self.statuses()

    def test_results(self):
        self.assertEqual(self.run_script("echo 1..2; echo ok 1 - a b; echo ok 2 - c"),
                         {"s/a-b": "pass", "s/c": "pass"})

    def test_nothing_ran(self):
        self.assertEqual(self.run_script("exit 0"), {"s": "fail"})

    def test_cut_short(self):
        self.assertEqual(self.run_script("echo 1..2; echo ok 1 - a; exit 1"),
                         {"s/a": "pass", "s": "fail"})

    def test_status_against_results(self):
        self.assertEqual(self.run_script("echo ok 1 a; exit 3")["s"], "fail")

    def test_a_failed_test_is_not_counted_twice(self):
        self.assertEqual(self.run_script("echo 1..1; echo not ok 1 a; exit 1"),
                         {"s/a": "fail"})

    def test_hang(self):
        self.assertEqual(self.run_script("echo ok 1 a; sleep 60", 1)["s"], "fail")


class TestKunit(Suite):
    def report(self, console, status=0):
        suites.report_kunit(self.context, "kunit/vhe", console, status, 1.0, "log")
        return self.statuses()

    def test_pass(self):
        console = KTAP.format(suite="kvm_arm64_x", plan=2, two="ok")
        self.assertEqual(set(self.report(console).values()), {"pass"})

    def test_fail(self):
        console = KTAP.format(suite="kvm_arm64_x", plan=2, two="not ok")
        self.assertEqual(self.report(console)["kunit/vhe/kvm_arm64_x/two"], "fail")

    def test_a_case_is_lost(self):
        console = KTAP.format(suite="kvm_arm64_x", plan=3, two="ok")
        self.assertEqual(self.report(console)["kunit/vhe/kvm_arm64_x"], "fail")

    def test_other_suites_do_not_count(self):
        console = KTAP.format(suite="list", plan=2, two="ok")
        self.assertEqual(self.report(console), {"kunit/vhe/boot": "fail"})

    def test_machine_trouble(self):
        console = KTAP.format(suite="kvm_arm64_x", plan=2, two="ok")
        self.assertEqual(self.report(console, 125)["kunit/vhe/boot"], "fail")


class TestHost(Suite):
    def test_no_crate(self):
        suites.host(self.context)
        suites.loom(self.context)
        suites.mutants_tool(self.context)
        self.assertEqual(self.statuses(),
                         {"host": "fail", "loom": "fail", "mutants-tool": "fail"})

    def cargo(self, text):
        crate = self.root / "tools/testing/host"
        crate.mkdir(parents=True)
        (crate / "Cargo.toml").write_text("")
        (self.root / "build").mkdir()
        (self.root / "build/toolchain.env").write_text(f"CARGO={self.script(text)}\n")
        suites.host(self.context)
        return self.statuses()

    def test_results(self):
        self.assertEqual(self.cargo("echo running 1 test; echo test a::b ... ok"),
                         {"host/a::b": "pass"})

    def test_does_not_compile(self):
        self.assertEqual(self.cargo("echo 'error: no'; exit 101"), {"host": "fail"})

    def test_no_tests(self):
        self.assertEqual(self.cargo("echo running 0 tests"), {"host": "fail"})

    def test_aborted(self):
        self.assertEqual(self.cargo("echo running 2 tests; echo test a ... ok"),
                         {"host/a": "pass", "host": "fail"})


class TestBench(Suite):
    def setUp(self):
        super().setUp()
        (self.root / "tools/bench").mkdir(parents=True)

    def gate(self, text, limits="[vhe]\n[nvhe]\n", only=()):
        self.context.report.selection = Selection(only)
        (self.root / "tools/bench/gate.toml").write_text(limits)
        self.script(text).rename(self.root / "tools/bench/bench")
        suites.bench(self.context)
        return self.statuses()

    def test_results(self):
        found = self.gate("echo 1..2; echo ok 1 - vhe/hvc; echo not ok 2 - nvhe/hvc; exit 1")
        self.assertEqual(found, {"bench/vhe/hvc": "pass", "bench/nvhe/hvc": "fail"})

    def test_machines(self):
        text = 'echo "ok 1 - $(echo "$@" | tr " ," ._)"'
        self.assertIn("bench/gate.check.--tap.--machine.vhe_nvhe", self.gate(text))

    def test_machine_of_the_selection(self):
        text = 'for last; do :; done; echo "ok 1 - $last/x"'
        self.assertEqual(self.gate(text, only=["bench/nvhe"]), {"bench/nvhe/x": "pass"})

    def test_nothing_measured(self):
        self.assertEqual(self.gate("echo no kernel >&2; exit 2"), {"bench": "fail"})

    def test_no_limits(self):
        self.assertEqual(self.gate("echo ok 1 - x", limits=""), {"bench": "fail"})

    def test_tool(self):
        suites.bench_tool(self.context)
        self.assertEqual(self.statuses(), {"bench-tool": "fail"})


class TestStyle(Suite):
    def test_spdx(self):
        good, bad, empty = (self.root / n for n in ("good.c", "bad.c", "empty"))
        good.write_text("// SPDX-License-Identifier: GPL-2.0\n")
        bad.write_text("int x;\n")
        empty.write_text("")
        self.assertEqual(style.without_spdx([good, bad, empty], self.root), ["bad.c"])

    def test_length(self):
        (self.root / "a.rs").write_text("\n" * 601)
        (self.root / "b.rs").write_text("\n" * 600)
        found = style.too_long([self.root / "a.rs", self.root / "b.rs"], self.root)
        self.assertEqual(found, ["a.rs (601 lines)"])


if __name__ == "__main__":
    unittest.main()
