# SPDX-License-Identifier: GPL-2.0
"""kvm-unit-tests on a make-believe machine, which says of each test what the
kernel's script for it says; and the verdicts."""

import io
import os
import subprocess
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import compare
import context as contexts
import kut
from results import Report, Selection

MACHINE = """#!/bin/sh
while [ $# -gt 0 ]; do
	case $1 in --share) share=$2 ;; --image) image=$2 ;; esac
	shift
done
cd "$share" || exit 125
answers=${image%/arch/*}
[ -f suite/arm/timer.flat ] || exit 125
set -- $(cat run.sh)
shift 4
for test; do
	echo 1 >out/$test.begin
	read -r code line <$answers/$test
	[ "$code" != dies ] || { echo "run-machine: Kernel panic"; exit 125; }
	echo "$line" | sed 's/;/\\n/g' >out/$test.log
	echo "$code 1.0 2.5" >out/$test.rc
done
"""
BUILT = """#!/bin/sh
exit 0
"""


def load_tool():
    path = str(Path(__file__).with_name("kvm-unit-tests"))
    loader = SourceFileLoader("kvm_unit_tests", path)
    module = module_from_spec(spec_from_loader("kvm_unit_tests", loader))
    loader.exec_module(module)
    return module


tool = load_tool()


def run(status, subtests=(), why=""):
    return compare.Outcome(status, subtests=list(subtests), why=why)


class TestVerdict(unittest.TestCase):
    def kind(self, c, rust):
        verdict = kut.judge(run(c), run(rust))
        return verdict.kind, verdict.status

    def test_worse(self):
        for pair in (("pass", "fail"), ("pass", "skip"), ("pass", "timeout"),
                     ("pass", "missing"), ("skip", "fail"), ("fail", "missing")):
            self.assertEqual(self.kind(*pair), ("worse", "fail"), pair)

    def test_nothing_ran(self):
        self.assertEqual(self.kind("missing", "missing"), ("worse", "fail"))

    def test_alike(self):
        self.assertEqual(self.kind("pass", "pass"), ("passes", "pass"))
        self.assertEqual(self.kind("fail", "fail"), ("fails", "skip"))
        self.assertEqual(self.kind("timeout", "fail"), ("fails", "skip"))
        self.assertEqual(self.kind("skip", "skip"), ("skips", "skip"))

    def test_better(self):
        self.assertEqual(self.kind("fail", "pass"), ("better", "pass"))
        self.assertEqual(self.kind("fail", "skip"), ("better", "skip"))

    def test_a_subtest_is_worse(self):
        c = run("fail", [("pass", "a"), ("fail", "b")])
        self.assertEqual(kut.judge(c, run("fail", [("fail", "a"), ("pass", "b")])).kind, "worse")
        self.assertEqual(kut.judge(c, run("fail", [("pass", "a"), ("fail", "b")])).kind, "fails")

    def test_what_differs_is_run_again(self):
        self.assertTrue(kut.judge(run("pass"), run("fail")).differs)
        self.assertFalse(kut.judge(run("missing"), run("missing")).differs)


class TestOutcome(unittest.TestCase):
    LOG = "PASS: gic: a\nINFO: gic: b\nXFAIL: gic: c\nFAIL: gic: d \nSKIP: gic: e\n"

    def test_subtests(self):
        found = kut.outcome(1, self.LOG + "FAIL gic (4 tests, 1 unexpected failures)\n")
        self.assertEqual((found.status, found.why), ("fail", "4 tests, 1 unexpected failures"))
        self.assertEqual(found.subtests, [("pass", "gic: a"), ("pass", "gic: c"),
                                          ("fail", "gic: d"), ("skip", "gic: e")])

    def test_statuses(self):
        self.assertEqual(kut.outcome(0, "PASS gic (1 tests)").status, "pass")
        self.assertEqual(kut.outcome(4, "SKIP gic (no GICv2)").status, "skip")
        self.assertEqual(kut.outcome(1, "FAIL gic (timeout; duration=90s)").status, "timeout")
        self.assertEqual(kut.outcome(1, "").status, "fail")


class Suite(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.build = self.root / "build"
        self.write(self.root / "tools/testing/qemu/run-machine", MACHINE)
        self.write(self.root / "tools/setup/kvm-unit-tests", BUILT)
        for name in kut.HELPERS:
            self.write(self.root / "tools/testing/qemu" / name, "")
        for kernel in ("c", "rust"):
            self.write(self.build / kernel / "arch/arm64/boot/Image", "")
        for name in kut.STAGED:
            if name != "scripts":
                self.write(self.build / kut.SUITE / name, "")
        self.write(self.build / kut.SUITE / "arm/timer.flat", "")
        (self.build / kut.SUITE / "scripts").mkdir()
        self.write(self.build / "kvm-unit-tests.list", "timer\nmicro-bench\npsci\ncache\n")
        for name in ("timer", "psci", "cache"):
            self.say(name, f"0 PASS {name} (1 tests)")
        self.out = io.StringIO()
        self.context = self.make(Report(out=self.out))

    def make(self, report, everything=False):
        return contexts.Context(self.build, self.root, report, everything, repo=self.root)

    @staticmethod
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def say(self, name, c, rust=None):
        for kernel, text in (("c", c), ("rust", rust or c)):
            self.write(self.build / kernel / name, text + "\n")

    def job(self, *patterns):
        self.context.report.selection = Selection(patterns)
        for job in kut.jobs(self.context):
            job.run(self.context)
        return {r.name.removeprefix("kvm-unit-tests/"): r.status
                for r in self.context.report.results if "kernel-log" not in r.name}


class TestBoard(Suite):
    def shift(self, chosen):
        run = kut.MachineRun(self.context, kut.machine("vhe"), chosen)
        return run.batch(self.context, run.machine, "c", self.root, None).board()[-1]

    def test_time(self):
        self.assertEqual(self.shift([kut.BENCHMARK]), "0")
        self.assertEqual(self.shift(None), str(kut.ICOUNT_SHIFT))


class TestJobs(Suite):
    def test_fast(self):
        self.assertEqual(self.job(), {"vhe/timer": "pass", "vhe/psci": "pass"})

    def test_named(self):
        self.assertEqual(self.job("kvm-unit-tests/nvhe/ca*"), {"nvhe/cache": "pass"})

    def test_worse(self):
        self.say("psci", "0 PASS psci (4 tests)", "1 FAIL psci (4 tests, 1 unexpected failures)")
        self.assertEqual(self.job(), {"vhe/timer": "pass", "vhe/psci": "fail"})
        self.assertIn("3 times of 3; worse on Rust", self.out.getvalue())

    def test_machine_dies(self):
        self.say("timer", "0 PASS timer (1 tests)", "dies")
        self.assertEqual(self.job(), {"vhe/timer": "fail", "vhe/psci": "pass"})

    def test_no_checkout(self):
        self.write(self.root / "tools/setup/kvm-unit-tests", "#!/bin/sh\necho no checkout\nexit 3\n")
        self.assertEqual(self.job(), {"vhe": "skip"})
        self.assertIn("no checkout", self.out.getvalue())

    def test_does_not_build(self):
        self.write(self.root / "tools/setup/kvm-unit-tests", "#!/bin/sh\necho error\nexit 1\n")
        self.assertEqual(self.job(), {"vhe": "fail"})


class TestTable(Suite):
    def table(self, *only):
        out = io.StringIO()
        report = tool.Table(Selection(map(tool.pattern, only)), out=out)
        tool.test(self.make(report, True), "vhe")
        return report.finish(), out.getvalue()

    def test_all_well(self):
        status, text = self.table()
        self.assertEqual(status, 0)
        self.assertRegex(text, r"\n  ok     cache +pass +pass +1 tests\n")
        self.assertIn("machine vhe: 3 tests: 3 pass on both, 0 worse on Rust", text)

    def test_worse(self):
        self.say("timer", "0 PASS timer (7 tests)", "4 SKIP timer (7 tests, 7 skipped)")
        status, text = self.table()
        self.assertEqual(status, 1)
        self.assertRegex(text, r"\n  WORSE  timer +pass +skip +3 times of 3; C: 7 tests; Rust: 7 tests, 7 skipped")
        self.assertIn("1 worse on Rust", text)

    def test_a_subtest_is_worse(self):
        self.say("timer", "1 PASS: x;FAIL timer (2 tests)", "1 FAIL: x;FAIL timer (2 tests)")
        self.assertIn("'x' passes on C", self.table("timer")[1])

    def test_as_bad_on_c(self):
        self.say("timer", "1 FAIL timer (7 tests, 1 unexpected failures)")
        self.say("psci", "1 FAIL psci (1 tests)", "0 PASS psci (1 tests)")
        status, text = self.table("timer", "psci")
        self.assertEqual(status, 0)
        self.assertIn("2 tests: 1 fail on C as well, 1 better on Rust, 0 worse on Rust", text)

    def test_no_such_test(self):
        status, text = self.table("tmier")
        self.assertEqual(status, 1)
        self.assertIn("FAIL kvm-unit-tests/*/tmier: no test of this name ran", text)

    def test_bench(self):
        line = "hvc      {}.0       {}.5   "
        self.say("micro-bench", f"0 {line.format(1000, 100)};PASS micro-bench",
                 f"0 {line.format(1000, 200)};PASS micro-bench")
        out = io.StringIO()
        tool.bench(self.make(tool.Table(out=out), True), "vhe")
        self.assertRegex(out.getvalue(), r"\n  hvc +100.5 +200.5 +1.995\n")


class TestCheckout(unittest.TestCase):
    """Where the suite comes from; nothing is fetched or built here."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        git = self.root / "bin/git"
        git.parent.mkdir()
        git.write_text("#!/bin/sh\necho fatal: no network\nexit 128\n")
        git.chmod(0o755)

    def setup(self, *words, **env):
        done = subprocess.run(
            [contexts.REPO / "tools/setup/kvm-unit-tests", *words], check=False, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={**os.environ, "KUT": "", "BUILD": str(self.root / "b"),
                 "CACHE": str(self.root / "c"),
                 "PATH": f"{self.root}/bin:{os.environ['PATH']}", **env})
        return done.returncode, done.stdout

    def test_none(self):
        status, text = self.setup("--no-clone")
        self.assertEqual(status, kut.NO_CHECKOUT)
        self.assertIn("KUT=", text)

    def test_cannot_clone(self):
        status, text = self.setup()
        self.assertEqual(status, 1)
        self.assertIn("git clone https://gitlab.com/kvm-unit-tests/kvm-unit-tests.git", text)
        self.assertIn("KUT=/path/to", text)

    def test_no_suite(self):
        status, text = self.setup("--no-clone", KUT=str(self.root))
        self.assertEqual(status, 1)
        self.assertIn("is no checkout", text)


class TestStandIns(unittest.TestCase):
    """What stands before QEMU and timeout in the machine."""

    def timeout(self, *words):
        text = (Path(contexts.REPO) / "tools/testing/qemu/kut-timeout").read_text()
        done = subprocess.run(["bash", "-c", text.replace("/usr/bin/timeout", "echo"), "-", *words],
                              check=True, capture_output=True, text=True,
                              env={**os.environ, "KUT_SCALE": "6"})
        return done.stdout.split()

    def test_limit(self):
        self.assertEqual(self.timeout("-k", "1s", "--foreground", "10s", "qemu", "-m", "2s"),
                         ["-k", "1s", "--foreground", "60s", "qemu", "-m", "2s"])

    def test_answers(self):
        with tempfile.TemporaryDirectory() as folder:
            fake = Path(folder) / "qemu"
            fake.write_text(f'#!/bin/sh\necho x >>{folder}/starts\necho out; echo err >&2; exit 3\n')
            fake.chmod(0o755)
            text = (Path(contexts.REPO) / "tools/testing/qemu/kut-qemu").read_text()
            text = text.replace("/usr/bin/qemu-system-aarch64", str(fake))
            text = text.replace("/tmp/answers", f"{folder}/answers")

            def ask(*words):
                done = subprocess.run(["bash", "-c", text, "-", *words], check=False,
                                      capture_output=True, text=True)
                starts = (Path(folder) / "starts").read_text().split()
                return done.returncode, done.stdout, done.stderr, len(starts)

            probe = ("-kernel", "_NO_FILE_4Uhere_", "-smp", "1")
            self.assertEqual(ask(*probe, "-append", "a b"), (3, "out\n", "err\n", 1))
            self.assertEqual(ask(*probe, "-append", "c"), (3, "out\n", "err\n", 1))
            self.assertEqual(ask(*probe, "-machine", "gic-version=2")[3], 2)
            self.assertEqual(ask("-machine", "?")[3], 3)
            self.assertEqual(ask("-machine", "?")[3], 3)
            self.assertEqual([ask("-kernel", "a.flat")[3] for _ in "ab"], [4, 5])


if __name__ == "__main__":
    unittest.main()
