# SPDX-License-Identifier: GPL-2.0
"""The suite that holds the Rust kernel against the C kernel, test by test."""

import shutil
import threading
import time

import builds
import compare
import events
import plan as plans
from batch import Batch
from jobs import Job

KERNELS = ("c", "rust")
RERUNS = 2


def machines(context, plan):
    """The plan's machines that this run covers."""
    return [m for m in plan.machines
            if (context.all or m.fast or _named(context, m))
            and context.report.selection.may_match(f"selftests/{m.name}")]


def jobs(context):
    """One job a machine; each has both kernels running side by side."""
    plan, table = plans.load(), []
    for m in machines(context, plan):
        name = f"selftests/{m.name}"
        table += [builds.job(name, v) for v in sorted(set(m.kernels.values()))]
        table.append(Job(name, lambda ctx, m=m: MachineRun(ctx, plan, m).run(), 2))
    return table


def _named(context, machine):
    """A machine that --only names outright runs without --all as well."""
    return any(p.split("/")[:2] == ["selftests", machine.name]
               for p in context.report.selection.patterns)


def names(context):
    """Result names, for --list."""
    plan = plans.load()
    return [n for m in machines(context, plan)
            for n in MachineRun(context, plan, m).names()]


class MachineRun:
    """All selftests of one machine on both kernels."""

    suite = "selftests"
    batch = Batch

    def __init__(self, context, plan, machine):
        self.context, self.plan, self.machine = context, plan, machine
        self.prefix = f"{self.suite}/{machine.name}"
        self.folder = context.logs / self.prefix
        self.binaries = context.selftests
        self.outcomes = {}              # test name -> {kernel: outcome}
        self.faults = {k: [] for k in KERNELS}
        self.verdicts = {}
        self.events = events.load()
        self._lock = threading.Lock()

    def tests(self):
        own = plans.own_tests()
        built = self.context.built_selftests()
        chosen = self.plan.tests(self.machine, built, not self.context.all, own)
        if not self.context.all and self.context.report.selection.patterns:
            # A slow test that was asked for by name is run.
            have = {t.name for t in chosen}
            asked = {f"{self.prefix}/{t.name}": t for t in self.plan.tests(
                self.machine, built, False, own)}
            chosen += [t for n, t in asked.items() if t.name not in have
                       and n in self.context.report.selection.patterns]
        select = self.context.report.selection
        return [t for t in chosen if select.matches(f"{self.prefix}/{t.name}")]

    def names(self):
        return [f"{self.prefix}/{t.name}" for t in self.tests()]

    def run(self):
        started = time.monotonic()
        report, tests = self.context.report, self.tests()
        if not tests:
            if not report.selection.patterns:
                report.add(self.prefix, "fail", note="no test for this machine")
            return
        broken = self._prerequisites()
        if broken:
            report.add(self.prefix, "fail", note=broken, always=True)
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        report.say(f"{self.prefix}: {len(tests)} tests on C and Rust")
        self._pair(tests, "first", settle=True)
        self._rerun(tests)
        self._kernel_logs(time.monotonic() - started)
        self._stale_events(tests)
        self._sanity(tests)

    def _prerequisites(self):
        for variant in map(self.machine.variant, KERNELS):
            image = self.context.image(variant)
            if not image.is_file():
                return f"no kernel {image}: run make kernel-{variant}"
        return self.no_programs()

    def no_programs(self):
        """Why there is nothing to run, or None."""
        if not self.context.built_selftests():
            return f"no selftests in {self.binaries}: run make selftests"
        if self.machine.count_events and not (self.binaries / events.TOOL).is_file():
            return f"no {self.binaries / events.TOOL}: run make selftests"
        return None

    def _pair(self, tests, round_name, settle):
        """Run a list on both kernels; verdicts come as soon as both are in."""
        outcomes = {t.name: {} for t in tests}

        def collect(kernel, test, outcome):
            with self._lock:
                outcomes[test.name][kernel] = outcome
                if len(outcomes[test.name]) == len(KERNELS):
                    self._judge(test, outcomes[test.name], settle)

        def work(kernel):
            batch = self.batch(self.context, self.machine, kernel,
                               self.folder / round_name / kernel,
                               lambda t, o: collect(kernel, t, o),
                               counters=self.counters())
            try:
                batch.run(self._run_on(kernel, tests, collect), self.binaries)
            except InterruptedError:
                return
            finally:
                self.faults[kernel] += batch.faults

        self._in_parallel(work)
        self.outcomes.update(outcomes)

    def _run_on(self, kernel, tests, collect):
        """The tests to run: what would bring the machine down on C is not."""
        run = []
        for test in tests:
            entry = self.plan.allowance(test.name, self.machine.name) or {}
            if kernel == "c" and entry.get("c") == compare.NOT_RUN:
                collect(kernel, test, compare.Outcome(compare.NOT_RUN))
            else:
                run.append(test)
        return run

    def counters(self):
        return self.events.counters() if self.machine.count_events else ""

    def _in_parallel(self, work):
        if self.context.capacity < 2:
            for kernel in KERNELS:
                work(kernel)
            return
        threads = [threading.Thread(target=work, args=(k,), daemon=True)
                   for k in KERNELS]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def judge(self, test, pair):
        """The verdict over a test's two outcomes."""
        return compare.judge(
            pair["c"], pair["rust"], test.own,
            self.plan.allowance(test.name, self.machine.name),
            test.compare_output)

    def _judge(self, test, pair, settle):
        verdict = self._judge_events(test, pair, self.judge(test, pair))
        self.verdicts[test.name] = verdict
        if settle and not verdict.differs:
            self.report(test, pair, verdict)
        elif settle:
            self.context.report.say(f"differs {self.prefix}/{test.name}: "
                                    f"{verdict.note}; will run again")

    def _judge_events(self, test, pair, verdict):
        """Of tests that came to the same end: then they did the same."""
        counted = (self.machine.count_events and verdict.status in ("pass", "skip")
                   and pair["c"].status in ("pass", "skip", "fail")
                   and not self.plan.allowance(test.name, self.machine.name))
        if not counted:
            return verdict
        note = self.events.note(self.machine.name, test.name,
                                pair["c"].events, pair["rust"].events)
        return compare.Verdict("fail", note, True) if note else verdict

    def report(self, test, pair, verdict, note=""):
        seconds = max(pair["c"].seconds, pair["rust"].seconds)
        self.context.report.add(f"{self.prefix}/{test.name}", verdict.status,
                                seconds, "; ".join(n for n in (note, verdict.note) if n))

    def _rerun(self, tests):
        """What differed runs again on fresh boots: noise goes, bugs stay."""
        open_tests = [t for t in tests
                      if self.verdicts.get(t.name) and self.verdicts[t.name].differs]
        history = {t.name: [self.verdicts[t.name].note] for t in open_tests}
        for number in range(1, RERUNS + 1):
            if not open_tests or self.context.children.stopping:
                break
            self._pair(open_tests, f"again{number}", settle=False)
            still = []
            for test in open_tests:
                verdict = self.verdicts[test.name]
                if verdict.differs:
                    history[test.name].append(verdict.note)
                    still.append(test)
                else:
                    self.report(test, self.outcomes[test.name], verdict,
                                f"unstable, at first: {history[test.name][0]}")
            open_tests = still
        for test in open_tests:
            self.report(test, self.outcomes[test.name], self.verdicts[test.name],
                        f"{len(history[test.name])} times of {RERUNS + 1}")

    def _warns_in_c(self, kernel, test):
        """Whether C's kernel log is known to be bad with this test."""
        entry = test and self.plan.allowance(test, self.machine.name)
        return bool(entry) and kernel == "c" and entry.get("c_kernel_log", False)

    def _kernel_logs(self, seconds):
        for kernel in KERNELS:
            faults = [f for f in self.faults[kernel] if not self._warns_in_c(kernel, f[0])]
            tests = sorted({t for t, _ in faults if t})
            note = ""
            if faults:
                where = f" in {', '.join(tests)}" if tests else ""
                note = f"{len(faults)} bad lines{where}, first: {faults[0][1]}"
            rerun = f"{self.prefix}/{tests[0]}" if tests else self.prefix
            self.context.report.add(f"{self.prefix}/kernel-log/{kernel}",
                                    "fail" if faults else "pass", seconds, note,
                                    rerun=rerun, always=True)

    def _stale_events(self, tests):
        """Entries of events.toml that nothing needs any more."""
        if not self.machine.count_events or self.context.children.stopping:
            return
        planned = self.plan.tests(self.machine, self.context.built_selftests(), False,
                                  plans.own_tests())
        stale = self.events.stale(self.machine.name, [t.name for t in tests],
                                  [t.name for t in planned])
        self.context.report.add(
            f"{self.prefix}/events.toml", "fail" if stale else "pass", rerun=self.prefix,
            note=f"not needed: {'; '.join(stale)}" if stale else "")

    def _sanity(self, tests):
        """All skipped or failing on both is not agreement but a broken machine."""
        if self.context.children.stopping or self.context.report.selection.patterns:
            return
        if not any(v.status == "pass" for v in self.verdicts.values()):
            self.context.report.add(self.prefix, "fail",
                                    note=f"none of {len(tests)} tests passed")
