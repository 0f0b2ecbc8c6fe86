# SPDX-License-Identifier: GPL-2.0
"""Long runs: what has a seed or a length, round by round, until the time is up.

Each kind of round is done by the suite that has it in `make test`; here is how large a
round is, which comes next, and that nothing that failed once is forgotten."""

import re
import shutil
import time
from dataclasses import dataclass, replace
from typing import Callable

import compare
import jobs
import judged
import kselftests
import kut
import migrations
import plan as plans
import results
import soaklog
import suites

ROUND = 120                     # seconds that a round shall take
SHORT = 20                      # no round is begun with less time than this
GROWTH = 4                      # from one round to the next, at most
GIVEN_UP = 3                    # rounds in a row that fail
API, CALLS = "arm64/vgic_api", 1600
PROPTEST_CASES = 256            # its own default
LPI_RACE = "arm64/vgic_lpi_race"
RACES = (LPI_RACE, "arm64/timer_create_race", "arm64/timer_offset*_race", "arm64/timer_emul_race")
# What a test says that it has done: "# 5 rounds, 7 commands".
_SAID = re.compile(r"# (\d+ [A-Za-z].*)")
_FIGURE = re.compile(r"(\d+) ([A-Za-z]+)")
_SEED = re.compile(r"transcript: seed (\d+):")


@dataclass
class Kind:
    """What can be done in rounds."""
    name: str
    run: Callable               # run(rounds, machine, seed, size) -> figures
    machines: Callable          # machines(context, plan, chosen): names it can be done on, None: none needed
    unit: str = ""              # what a size counts; "": rounds have no size
    first: int = 1              # size of the first round
    seconds: float = ROUND      # that the first round may take
    share: float = 1.0          # of the time
    most: int = 1 << 30         # rounds: more show nothing new

    def task(self, machine):
        return f"{self.name}/{machine}" if machine else self.name


# -- selftests on both kernels -------------------------------------------------------

class Pair(kselftests.MachineRun):
    """Given tests on both kernels. One difference is a failure, be it seen again or not."""

    def __init__(self, context, plan, machine, kind, tests, boots_again):
        # Tests with other arguments than the events were counted with.
        super().__init__(context, plan, replace(machine, count_events=False))
        self.prefix = f"{kind}/{machine.name}"
        self.folder = context.logs / self.prefix
        self.chosen, self.boots_again = tests, boots_again

    def tests(self):
        return self.chosen

    def _rerun(self, tests):
        """With a seed there is no chance in it that other boots would show."""
        if self.boots_again:
            super()._rerun(tests)
            return
        for test in tests:
            verdict = self.verdicts.get(test.name)
            if verdict and verdict.differs:
                self.report(test, self.outcomes[test.name], verdict)

    def _sanity(self, tests):
        """That nothing passed says no more than what failed."""
        if not self.context.report.count("fail"):
            super()._sanity(tests)

    def report(self, test, pair, verdict, note=""):
        if note.startswith("unstable"):
            verdict = compare.Verdict("fail", f"{note}; not again in {kselftests.RERUNS} boots")
            note = ""
        super().report(test, pair, verdict, note)

    def figures(self):
        """What the Rust kernel's tests say they have done."""
        found = {}
        for pair in self.outcomes.values():
            for line in pair["rust"].output.splitlines() if "rust" in pair else ():
                said = _SAID.fullmatch(line)
                for number, what in _FIGURE.findall(said[1]) if said else ():
                    found[what] = found.get(what, 0) + int(number)
        return found

    def first_seed(self, test):
        """The seed of the first VM that answered otherwise, or None."""
        pair = self.outcomes.get(test, {})
        if len(pair) < 2:
            return None
        lines = [[l for l in pair[k].transcript if _SEED.match(l)] for k in kselftests.KERNELS]
        for a, b in zip(*lines):
            if a != b:
                return int(_SEED.match(a)[1])
        return None


def planned(context, plan, machine, *patterns):
    """The plan's tests of these names for a machine."""
    every = plan.tests(plan.machine(machine), context.built_selftests(), False, plans.own_tests())
    return [t for t in every if plans._any(t.name, patterns)]


def with_tests(*patterns):
    """Of the machines chosen, those for which the plan has such tests."""
    return lambda context, plan, chosen: [
        m for m in chosen if m in {x.name for x in plan.machines}
        and planned(context, plan, m, *patterns)]


def api(rounds, machine, seed, size):
    """Random calls; where the kernels differ, once more call by call."""
    test, = planned(rounds.context, rounds.plan, machine, API)
    run = rounds.pair("api", machine, [replace(test, args=["from", str(seed), str(size), str(CALLS)])])
    odd = run.first_seed(API)
    if odd is not None:
        rounds.seed, rounds.size = odd, 1
        rounds.pair("api-call", machine, [replace(test, args=[str(odd), str(CALLS)])])
    return run.figures()


def races(rounds, machine, seed, size):
    tests = planned(rounds.context, rounds.plan, machine, *RACES)
    tests = [replace(t, args=[str(size), str(seed)], timeout=t.timeout + 2 * size)
             if t.name == LPI_RACE else t for t in tests]
    return rounds.pair("races", machine, tests, boots_again=True).figures()


# -- other suites ------------------------------------------------------------------------

def with_settings(rounds, settings, work):
    """What work(context) gives, with more of the environment."""
    rounds.context.settings = settings
    try:
        return work(rounds.context)
    finally:
        rounds.context.settings = {}


def host(rounds, _machine, seed, size):
    with_settings(rounds, {"PROPTEST_RNG_SEED": str(seed),
                           "PROPTEST_CASES": str(size * PROPTEST_CASES)}, suites.host)
    return {"tests": rounds.report.count("pass"), "times": size}


def model(rounds, machine, seed, size):
    found = with_settings(rounds, {"PROPTEST_RNG_SEED": str(seed)},
                          lambda context: judged.run(context, machine, size))
    return {"scripts": found.traces, "events": found.events} if found else {}


def loom(rounds, _machine, _seed, _size):
    suites.loom(rounds.context)
    return {"tests": rounds.report.count("pass")}


def migration(rounds, name, _seed, _size):
    where = migrations.ways(rounds.context)[name]
    migrations.migrate(rounds.context, name, *where)
    return {"migrations": rounds.report.count("pass")}


def migration_ways(context, _plan, chosen):
    return [name for name, where in migrations.ways(context).items() if set(where) <= set(chosen)]


def kvm_unit_tests(rounds, machine, _seed, _size):
    kut.run(rounds.context, machine)
    return {"tests": rounds.report.count("pass")}


def on_host(_context, _plan, _chosen):
    return [None]


KINDS = (
    Kind("api", api, with_tests(API), "VMs", first=128, share=3),
    Kind("races", races, with_tests(*RACES), "seconds", first=30, share=2),
    Kind("model", model, lambda context, plan, chosen: [m for m in chosen if m in judged.MACHINES],
         "events", first=100_000, share=2),
    Kind("host", host, on_host, "times the cases", first=2, share=1),
    Kind("loom", loom, on_host, seconds=180, most=1),
    Kind("migration", migration, migration_ways, seconds=360, share=2),
    # Counts instructions: it takes the same way each time.
    Kind(kut.SUITE, kvm_unit_tests, lambda context, plan, chosen: [m for m in chosen if m in kut.MACHINES],
         seconds=1500, most=1),
)


# -- rounds ----------------------------------------------------------------------------------

class Report(results.Report):
    """Of a round's results only what failed is told; it goes into the record at once."""

    def __init__(self, on_fail, **kwargs):
        super().__init__(**kwargs)
        self.on_fail, self.closed = on_fail, False

    def add(self, name, status, seconds=0.0, note="", rerun="", always=False):
        # What comes of a machine that is being ended is no result.
        if self.closed:
            return
        self.results.append(results.Result(name, status, seconds, note, rerun))
        if status == "fail":
            self.say(f"FAIL {name}: {note}")
            self.on_fail(name, note)

    def say(self, text):
        if not self.closed:
            super().say(text)


@dataclass
class Task:
    kind: Kind
    machine: str

    @property
    def name(self):
        return self.kind.task(self.machine)


def tasks(context, plan, machines, only=()):
    """All that there is to do, on the machines chosen."""
    select = results.Selection(only)
    found = [Task(kind, m) for kind in KINDS for m in kind.machines(context, plan, machines)]
    return [t for t in found if select.matches(t.name)]


class Rounds:
    """A run: rounds one after the other, each recorded."""

    def __init__(self, context, plan, record, folder):
        self.context, self.plan, self.record, self.folder = context, plan, record, folder
        self.report = context.report = Report(self._failed, out=context.report.out)
        self.task, self.seed, self.size = None, 0, 1
        self.failed = {}            # task -> rounds in a row that failed

    def pair(self, kind, machine, tests, boots_again=False):
        run = Pair(self.context, self.plan, self.plan.machine(machine), kind, tests, boots_again)
        run.run()
        return run

    def repeat(self):
        return f"make soak REPEAT='{self.task.name} {self.seed} {self.size}'"

    def _failed(self, name, note):
        self.record.fail(soaklog.Failure(name, note, self.repeat(), str(self._kept()),
                                         len(self.record.rounds) + 1))

    def _kept(self):
        return self.folder / f"failed-{self.record.settings['seed']}-{len(self.record.rounds) + 1}"

    def one(self, task, seed, size):
        """One round; whether nothing failed in it."""
        self.task, self.seed, self.size = task, seed, size
        before = len(self.record.failures)
        self.report.results.clear()
        shutil.rmtree(self.context.logs, ignore_errors=True)
        figures, started = {}, time.monotonic()
        work = jobs.Job(task.name, lambda _: figures.update(
            task.kind.run(self, task.machine, seed, size) or {}), jobs.EVERYTHING)
        try:
            jobs.Scheduler(self.context.capacity, self.report).run([work], self.context)
        except KeyboardInterrupt:
            self.report.closed = True
            self.context.children.end_all()
            self._keep(before)
            raise
        self._keep(before)
        self.record.add(soaklog.Round(task.name, seed, size, time.monotonic() - started, figures))
        good = len(self.record.failures) == before
        self.failed[task.name] = 0 if good else self.failed.get(task.name, 0) + 1
        return good

    def _keep(self, before):
        """Logs of a round in which something failed."""
        if len(self.record.failures) > before and self.context.logs.is_dir():
            shutil.rmtree(self._kept(), ignore_errors=True)
            self.context.logs.rename(self._kept())

    # -- which comes next

    def size_of(self, task, left):
        """The size of the next round of a task, and how long it may take."""
        kind, last = task.kind, [r for r in self.record.of(task.name) if r.seconds > 0]
        if not kind.unit:
            return 1, max((r.seconds for r in last), default=kind.seconds)
        aim = min(ROUND, left)
        if not last:
            size = int(kind.first * min(1.0, aim / kind.seconds))
        else:
            size = min(int(last[-1].size * aim / last[-1].seconds), GROWTH * last[-1].size)
        return max(1, size), aim

    def next(self, wanted, left):
        """What had least of its share of the time, of what fits into the rest: task, size, seconds; or None."""
        best = None
        for task in wanted:
            size, seconds = self.size_of(task, left)
            done = self.record.of(task.name)
            if (left < SHORT or seconds > left or len(done) >= task.kind.most
                    or self.failed.get(task.name, 0) >= GIVEN_UP):
                continue
            had = sum(r.seconds for r in done) / task.kind.share
            if best is None or had < best[0]:
                best = had, task, size, seconds
        return best and best[1:]

    def run(self, wanted, total):
        """Rounds until the time is up."""
        while True:
            left = total - self.record.seconds()
            chosen = self.next(wanted, left)
            if not chosen:
                return
            task, size, seconds = chosen
            seed = self.record.next_seed(task.name)
            what = f": {size:,} {task.kind.unit} from seed {seed}" if task.kind.unit else ""
            self.report.say(f"round {len(self.record.rounds) + 1}: {task.name}{what}, about "
                            f"{soaklog.clock(seconds)}; {soaklog.clock(left)} left, "
                            f"{len(self.record.failures)} failures")
            self.one(task, seed, size)
            last = self.record.rounds[-1]
            self.report.say(f"   {soaklog.clock(last.seconds)}  {soaklog.told(last.figures)}".rstrip())
