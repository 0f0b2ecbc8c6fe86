# SPDX-License-Identifier: GPL-2.0
"""kvm-unit-tests in a machine, under the distribution's QEMU with KVM: each test
on the C and on the Rust kernel, and whether it is worse on Rust.

The suite's own run_tests.sh runs there (qemu/kut-run). The machines go by icount:
a test takes the same path each time, and no load from outside comes into it."""

import re
import shlex
import shutil
import time
from dataclasses import dataclass

import compare
import kselftests
import plan as plans
from batch import Batch
from jobs import Job

SUITE = "kvm-unit-tests"
FAST_MACHINES = ("vhe",)
MACHINES = ("vhe", "nvhe", "gicv2", "vhe-max", "mte", "protected", "nested")
# Part of `make test`: what is quick, and goes through what is in Rust.
FAST_TESTS = ("selftest-vectors-user", "selftest-smp", "pmu-chained-counters",
              "gicv3-active", "its-migration", "timer", "psci", "debug-bp",
              "debug-sstep-migration")
# Measures, and tests nothing.
BENCHMARK = "micro-bench"
CPUS = 4
# The suite's own limit for a test that sets none, in seconds of the machine, and
# how much longer such a second may take here.
LIMIT = 90
HOST_SCALE = 4
# An instruction takes 2^N ns: the tests wait for whole seconds, which shall take
# no longer here. What is measured is measured at 0.
ICOUNT_SHIFT = 3
NO_CHECKOUT = 3

# What the machine needs of a built suite, and of ours.
STAGED = ("run_tests.sh", "config.mak", "build-head", "errata.txt", "scripts",
          "arm/run", "arm/unittests.cfg")
HELPERS = ("kut-run", "kut-qemu", "kut-timeout")
RANK = {"pass": 2, "skip": 1}
_RESULT = re.compile(r"(PASS|FAIL|SKIP|XFAIL): (.*?)\s*$")
_SUMMARY = re.compile(r"(?:PASS|FAIL|SKIP) \S+ \((.*)\)$")


def outcome(code, output, seconds=0.0, limit=None):
    """What came of a test, by its log and what run_tests.sh said of it at last."""
    found = compare.outcome(code, output, seconds, limit)
    lines = output.splitlines()
    said = _SUMMARY.match(lines[-1]) if lines else None
    found.why = said[1] if said else ""
    if found.status == "fail" and found.why.startswith("timeout"):
        found.status = "timeout"
    # An expected failure is as good as a pass.
    found.subtests = [("pass" if m[1] == "XFAIL" else m[1].lower(), m[2])
                      for m in map(_RESULT.match, lines) if m]
    return found


def describe(run):
    """An outcome in a few words."""
    return f"{run.status} ({run.why})" if run.why else run.status


def lost(c, rust):
    """The sub-tests that C passes and Rust fails."""
    passed = {name for status, name in c.subtests if status == "pass"}
    failed = {name for status, name in c.subtests if status == "fail"}
    return [name for status, name in rust.subtests
            if status == "fail" and name in passed - failed]


@dataclass
class Verdict(compare.Verdict):
    """Of what kind a pair of outcomes is."""
    kind: str = ""              # passes, fails, skips: on both; better or worse on Rust


def judge(c, rust):
    """Whether a test is worse on Rust than on C."""
    both = f"C: {describe(c)}, Rust: {describe(rust)}"
    if c.status == rust.status == "missing":
        return Verdict("fail", f"no result on either kernel: {rust.why}", kind="worse")
    more = RANK.get(rust.status, 0) - RANK.get(c.status, 0)
    if more < 0 or rust.status == "missing":
        return Verdict("fail", f"worse on Rust: {both}", True, "worse")
    if lost(c, rust):
        return Verdict("fail", f"worse on Rust: '{lost(c, rust)[0]}' passes on C", True, "worse")
    status = "pass" if rust.status == "pass" else "skip"
    if more > 0:
        return Verdict(status, f"better on Rust: {both}", kind="better")
    if status == "pass":
        return Verdict(status, rust.why, kind="passes")
    if rust.status == "skip":
        return Verdict(status, f"skips on C as well: {rust.why}", kind="skips")
    return Verdict(status, f"fails on C as well: {both}", kind="fails")


class Boots(Batch):
    """All boots of one kernel: the suite goes as far as it gets in each."""

    shift = ICOUNT_SHIFT

    def board(self):
        return ["--rootfs", "--cpus", str(CPUS), "--icount-shift", str(self.shift)]

    def prepare(self, share, tests, binaries):
        suite = share / "suite"
        (suite / "arm").mkdir(parents=True)
        for name in STAGED:
            source, target = binaries / name, suite / name
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, target)
        for image in (binaries / "arm").glob("*.flat"):
            shutil.copy2(image, suite / "arm")
        for name in HELPERS:
            shutil.copy2(self.context.qemu / name, share)
        words = ["/host/kut-run", str(int(self.machine.scale)), *(t.name for t in tests)]
        (share / "run.sh").write_text("exec sh " + shlex.join(words) + "\n")

    def clean(self, share):
        shutil.rmtree(share / "suite", ignore_errors=True)


class Measurement(Boots):
    """Boots for the benchmark."""
    shift = 0


class MachineRun(kselftests.MachineRun):
    """Tests of the suite on one machine on both kernels."""

    suite = SUITE
    # show(machine, test, pair, verdict, note), where a line of the report is not enough.
    show = None

    def __init__(self, context, machine, chosen=None):
        super().__init__(context, plans.Plan([], [], [], LIMIT), machine)
        self.binaries = context.build / SUITE
        self.chosen = chosen

    def batch(self, *args, **kwargs):
        boots = Measurement if self.chosen == [BENCHMARK] else Boots
        return boots(*args, outcome=outcome, **kwargs)

    def tests(self):
        names = selected(self.context, self.prefix) if self.chosen is None else self.chosen
        return [plans.Test(n, "run_tests.sh", timeout=LIMIT * self.machine.scale) for n in names]

    def no_programs(self):
        return None if listed(self.context) else f"no tests in {self.binaries}"

    def judge(self, test, pair):
        return judge(pair["c"], pair["rust"])

    def report(self, test, pair, verdict, note=""):
        super().report(test, pair, verdict, note)
        if self.show:
            self.show(self.machine.name, test, pair, verdict, note)


def machine(name):
    """A machine for the suite."""
    # Its limits are meant for hardware.
    return plans.Machine(name, name, icount=True, host_scale=HOST_SCALE,
                         scale=9 if name == "nested" else 3)


def listed(context):
    """The suite's tests, in its order."""
    found = context.build / f"{SUITE}.list"
    names = found.read_text().split() if found.is_file() else []
    return [n for n in names if n != BENCHMARK]


def asked_for(context):
    """The patterns of the selection that are about this suite, in their components."""
    patterns = [p.split("/") for p in context.report.selection.patterns]
    return [p for p in patterns if p[0] == SUITE]


def selected(context, prefix):
    """Names of the tests to run; those asked for by name may be slow."""
    everything = context.all or any(len(p) > 2 for p in asked_for(context))
    return [n for n in listed(context)
            if (everything or n in FAST_TESTS)
            and context.report.selection.matches(f"{prefix}/{n}")]


def run(context, name):
    """The job of a machine: the suite is built if there is a checkout of it."""
    log = context.logs / SUITE / name / "build.log"
    started = time.monotonic()
    status = context.run([context.setup / SUITE, "--no-clone"], log, timeout=1800)
    lines = log.read_text(errors="replace").splitlines() or [f"exit {status}"]
    if status != 0:
        context.report.add(f"{SUITE}/{name}", "skip" if status == NO_CHECKOUT else "fail",
                           time.monotonic() - started, lines[-1])
        return
    MachineRun(context, machine(name)).run()


def jobs(context):
    """One job a machine; each has both kernels running side by side."""
    named = {p[1] for p in asked_for(context) if len(p) > 1}
    wanted = [m for m in MACHINES if context.all or m in FAST_MACHINES or m in named]
    table = [Job(f"{SUITE}/{m}", lambda ctx, m=m: run(ctx, m), 2) for m in wanted]
    return [j for j in table if context.report.selection.may_match(j.name)]
