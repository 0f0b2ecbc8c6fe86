# SPDX-License-Identifier: GPL-2.0
"""Long runs on a make-believe machine: what is done next, what is kept, what a
difference that is seen once comes to."""

import fcntl
import io
import os
import subprocess
import tempfile
import unittest
from dataclasses import replace
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import plan as plans
import soak
import soaklog
import test_kselftests
from context import Context
from results import Report

PLAN = """
timeout = 60
[[machine]]
name = "vhe"
[[test]]
name = "arm64/vgic_api"
[[test]]
name = "arm64/vgic_lpi_race"
"""
API = """echo TAP version 13; echo 1..1
if [ "$1" = from ]; then
	echo "# $(($3 * $4)) calls, 7 answers"
	for seed in $(seq $2 $(($2 + $3 - 1))); do
		[ $seed != {bad} ] || [ $KERNEL = c ] || sum=odd
		echo "transcript: seed $seed: ${sum:-1}"
	done
else
	echo "transcript: call 1"; [ $1 != {bad} ] || echo "transcript: level $KERNEL"
fi
echo ok 1 - answers
"""
RACE = """echo TAP version 13; echo 1..1
echo "# 5 rounds, 4 MSIs of 9, seed $2"; echo "transcript: ok"; echo "{once}"; echo ok 1 - race
"""


def load_tool():
    path = str(Path(__file__).with_name("soak"))
    loader = SourceFileLoader("soak_tool", path)
    module = module_from_spec(spec_from_loader("soak_tool", loader))
    loader.exec_module(module)
    return module


tool = load_tool()


class Soak(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.build = self.root / "build"
        self.write(self.root / "tools/testing/qemu/run-machine", test_kselftests.MACHINE)
        for kernel in ("c", "rust"):
            self.write(self.build / kernel / "arch/arm64/boot/Image", "")
        self.write(self.build / "selftests.list", "arm64/vgic_api\narm64/vgic_lpi_race\n")
        self.program("vgic_api", API.replace("{bad}", "none"))
        self.program("vgic_lpi_race", RACE)
        (self.root / "plan.toml").write_text(PLAN)
        self.plan = plans.load(self.root / "plan.toml")
        own = plans.own_tests
        plans.own_tests = lambda: {"arm64/vgic_api", "arm64/vgic_lpi_race"}
        self.addCleanup(setattr, plans, "own_tests", own)
        self.out = io.StringIO()
        self.context = Context(self.build, self.root, Report(out=self.out), True, repo=self.root)
        self.record = self.recorded()
        self.record.begin({"seed": 100})
        self.rounds = soak.Rounds(self.context, self.plan, self.record, self.build / "soak")

    @staticmethod
    def write(path, text):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)

    def program(self, name, text):
        self.write(self.build / "selftests/arm64" / name, "#!/bin/sh\n" + text)

    def recorded(self):
        return soaklog.Record(self.build / "soak/rounds.jsonl")

    def task(self, kind="api"):
        return soak.Task(next(k for k in soak.KINDS if k.name == kind), "vhe")


class TestRound(Soak):
    def test_alike(self):
        self.assertTrue(self.rounds.one(self.task(), 100, 3))
        done, = self.recorded().rounds
        self.assertEqual((done.task, done.seed, done.size), ("api/vhe", 100, 3))
        self.assertEqual(done.figures, {"calls": 3 * soak.CALLS, "answers": 7})

    def test_difference_is_found_by_its_seed(self):
        self.program("vgic_api", API.replace("{bad}", "102"))
        self.assertFalse(self.rounds.one(self.task(), 100, 4))
        api, call = self.recorded().failures
        self.assertIn("seed 102", api.note)
        self.assertEqual(api.repeat, "make soak REPEAT='api/vhe 100 4'")
        self.assertIn("C 'transcript: level c', Rust 'transcript: level rust'", call.note)
        self.assertEqual(call.repeat, "make soak REPEAT='api/vhe 102 1'")
        self.assertTrue((Path(call.logs) / "api-call/vhe/first/rust").is_dir(), call.logs)

    def test_seen_once_is_a_failure(self):
        self.program("vgic_lpi_race", RACE.replace("{once}", "transcript: $KERNEL$BOOT").replace(
            "$KERNEL$BOOT", "$([ $KERNEL$BOOT = rust0 ] && echo lost)"))
        self.assertFalse(self.rounds.one(self.task("races"), 100, 3))
        failure, = self.recorded().failures
        self.assertIn("not again", failure.note)

    def test_skipped_everywhere_is_no_success(self):
        self.program("vgic_lpi_race", "exit 4\n")
        self.assertFalse(self.rounds.one(self.task("races"), 100, 3))

    def test_machine_dies(self):
        self.program("vgic_api", "[ $KERNEL = c ] || exit 99\n" + API.replace("{bad}", "none"))
        self.assertFalse(self.rounds.one(self.task(), 100, 3))
        self.assertIn("Kernel panic", self.recorded().failures[0].note)

    def test_warning_in_the_log(self):
        self.program("vgic_api", "echo '[    1.5] WARNING: CPU: 0' >&2\n" + API.replace("{bad}", "none"))
        self.assertFalse(self.rounds.one(self.task(), 100, 3))

    def test_broken_kind(self):
        def run(*_):
            raise OSError("no disk")
        kind = replace(self.task().kind, run=run)
        self.assertFalse(self.rounds.one(soak.Task(kind, "vhe"), 1, 1))
        self.assertIn("no disk", self.recorded().failures[0].note)

    def test_race_has_its_seed_and_figures(self):
        self.rounds.one(self.task("races"), 77, 3)
        self.assertEqual(self.recorded().rounds[0].figures["rounds"], 5)
        log = next((self.context.logs / "races/vhe").rglob("rust/boot0/out/*.log"))
        self.assertIn("seed 77", log.read_text())

    def test_interrupted(self):
        def run(rounds, *_):
            rounds.report.add("before", "fail", note="x")
            rounds.report.closed = True
            rounds.report.add("after", "fail")
        kind = replace(self.task().kind, run=run)
        self.rounds.one(soak.Task(kind, "vhe"), 1, 1)
        self.assertEqual([f.name for f in self.recorded().failures], ["before"])


class TestNext(Soak):
    def done(self, task, size, seconds):
        self.record.add(soaklog.Round(task, 1, size, seconds))

    def next(self, left, *kinds):
        found = self.rounds.next([self.task(k) for k in kinds], left)
        return found and (found[0].kind.name, *found[1:])

    def test_first(self):
        self.assertEqual(self.next(600, "api", "races"), ("api", 128, 120))
        self.assertEqual(self.next(30, "api"), ("api", 32, 30))

    def test_size_follows_the_rate(self):
        self.done("api/vhe", 100, 240)
        self.assertEqual(self.next(600, "api")[1], 50)
        self.done("api/vhe", 50, 1)
        self.assertEqual(self.next(600, "api")[1], soak.GROWTH * 50)

    def test_share(self):
        self.done("api/vhe", 10, 30)
        self.done("races/vhe", 10, 25)
        self.assertEqual(self.next(600, "api", "races")[0], "api")
        self.done("api/vhe", 10, 30)
        self.assertEqual(self.next(600, "api", "races")[0], "races")

    def test_what_does_not_fit(self):
        self.assertIsNone(self.next(soak.SHORT - 1, "api"))
        self.assertIsNone(self.next(300, "migration"))
        self.assertEqual(self.next(400, "migration")[0], "migration")

    def test_once_is_enough(self):
        self.done("loom/vhe", 1, 10)
        self.assertIsNone(self.next(1000, "loom"))

    def test_given_up(self):
        self.rounds.failed["api/vhe"] = soak.GIVEN_UP
        self.assertIsNone(self.next(1000, "api"))

    def test_run_ends_with_the_time(self):
        calls = []

        def one(task, seed, size):
            calls.append((seed, size))
            self.done("api/vhe", size, 50)
        self.rounds.one = one
        self.rounds.run([self.task()], 160)
        # The last 10 seconds are too short for a round.
        self.assertEqual(calls, [(100, 128), (228, 281), (509, 337)])


class TestRecord(Soak):
    def test_goes_on(self):
        self.record.add(soaklog.Round("api/vhe", 100, 5, 10, {"calls": 3}))
        self.record.fail(soaklog.Failure("a", "b", "make soak", "logs", 1))
        again = self.recorded()
        self.assertEqual(again.next_seed("api/vhe"), 105)
        self.assertEqual(again.next_seed("races/vhe"), 100)
        self.assertEqual((again.seconds(), len(again.failures)), (10, 1))
        self.assertEqual(soaklog.status(again), 1)

    def test_cut_short(self):
        with open(self.record.path, "a") as file:
            file.write('{"round": {"task": "api/')
        again = self.recorded()
        again.add(soaklog.Round("api/vhe", 1, 2))
        self.assertEqual(len(self.recorded().rounds), 1)

    def test_new_run(self):
        self.record.add(soaklog.Round("api/vhe", 100, 5))
        self.record.begin({"seed": 7})
        self.assertEqual(self.recorded().next_seed("api/vhe"), 7)

    def test_status(self):
        self.assertEqual(soaklog.status(self.record), 1)
        self.record.add(soaklog.Round("api/vhe", 1, 2))
        self.assertEqual(soaklog.status(self.record), 0)

    def test_summary(self):
        self.record.add(soaklog.Round("api/vhe", 1, 2, 61, {"calls": 1000}))
        self.record.add(soaklog.Round("api/vhe", 3, 2, 61, {"calls": 1000}))
        self.record.fail(soaklog.Failure("a/b", "odd", "make soak REPEAT='x'", "l", 1))
        text = "\n".join(soaklog.summary(self.record))
        self.assertRegex(text, r"api/vhe +2 +2:02  2,000 calls")
        self.assertIn("a/b: odd\n    make soak REPEAT='x'", text)
        self.assertIn("2 rounds in 2:02, 1 failures, seed 100", text)


class TestTool(unittest.TestCase):
    def test_alone(self):
        with tempfile.TemporaryDirectory() as build:
            (Path(build) / "soak").mkdir()
            with open(Path(build) / "soak/lock", "w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                done = subprocess.run([Path(__file__).with_name("soak")], text=True, check=False,
                                      capture_output=True, env={**os.environ, "BUILD": build})
        self.assertEqual(done.returncode, 2)
        self.assertIn("another run is under way", done.stderr)

    def test_seconds(self):
        for text, wanted in (("90", 90), ("90s", 90), ("5m", 300), ("1h", 3600), ("1h30m", 5400)):
            self.assertEqual(tool.seconds(text), wanted)
        for text in ("", "h", "0", "1d", "-5"):
            with self.assertRaises(tool.argparse.ArgumentTypeError):
                tool.seconds(text)

    def run_tool(self, *arguments):
        with tempfile.TemporaryDirectory() as build:
            return subprocess.run([Path(__file__).with_name("soak"), *arguments], text=True,
                                  capture_output=True, env={**os.environ, "BUILD": build}, check=False)

    def test_names(self):
        for arguments, said in ((("--machine", "moon"), "no machine 'moon'"),
                                (("--only", "moon"), "no rounds 'moon'"),
                                (("--resume",), "no run to go on with"),
                                (("--repeat", "host x 1"), "which round"),
                                (("--repeat", "host"), "which round")):
            done = self.run_tool(*arguments)
            self.assertEqual(done.returncode, 2, arguments)
            self.assertIn(said, done.stderr)
            self.assertNotIn("Traceback", done.stderr)


if __name__ == "__main__":
    unittest.main()
