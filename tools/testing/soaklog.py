# SPDX-License-Identifier: GPL-2.0
"""The record of long runs: a line of JSON for each start, round and failure, written
as it happens. A run goes on from it, whatever became of the one before."""

import json
import os
from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass
class Round:
    """What was done in one round of a task."""
    task: str                   # kind/machine, or a kind that needs no machine
    seed: int
    size: int
    seconds: float = 0.0
    figures: dict = field(default_factory=dict)


@dataclass
class Failure:
    name: str
    note: str
    repeat: str                 # the command
    logs: str
    round: int


class Record:
    """The rounds and failures of the last run."""

    def __init__(self, path):
        self.path = path
        self.settings = None    # of the last run; None: there was none
        self.rounds, self.failures = [], []
        for line in self._lines():
            self._take(line)

    def _lines(self):
        """A line that a killed run has left half written is none."""
        text = self.path.read_text() if self.path.is_file() else ""
        for line in text.splitlines():
            try:
                yield json.loads(line)
            except json.JSONDecodeError:
                continue

    def _take(self, line):
        if "run" in line:
            self.settings, self.rounds, self.failures = line["run"], [], []
        elif "round" in line:
            self.rounds.append(Round(**line["round"]))
        elif "failure" in line:
            self.failures.append(Failure(**line["failure"]))

    def _write(self, line):
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self.path, "a") as file:
            # After what was cut short.
            if file.tell() and not self.path.read_bytes().endswith(b"\n"):
                file.write("\n")
            file.write(json.dumps(line) + "\n")
            file.flush()
            os.fsync(file.fileno())
        self._take(line)

    def begin(self, settings):
        self._write({"run": settings})

    def add(self, done):
        self._write({"round": asdict(done)})

    def fail(self, failure):
        self._write({"failure": asdict(failure)})

    def of(self, task):
        return [r for r in self.rounds if r.task == task]

    def seconds(self, task=None):
        return sum(r.seconds for r in self.rounds if task in (None, r.task))

    def next_seed(self, task):
        """Seeds of a task's rounds do not overlap: a round of size N uses up N."""
        return self.settings["seed"] + sum(r.size for r in self.of(task))

    def figures(self, task):
        total = Counter()
        for done in self.of(task):
            total.update(done.figures)
        return dict(total)


# -- to be read -------------------------------------------------------------------

def clock(seconds):
    minutes, seconds = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def told(figures):
    """Figures in words."""
    return ", ".join(f"{n:,} {what}" for what, n in figures.items())


def table(record):
    """A row for each task: rounds, time, what was done."""
    rows = [f"  {'':28}{'rounds':>7}{'time':>9}"]
    for task in dict.fromkeys(r.task for r in record.rounds):
        rows.append(f"  {task:28}{len(record.of(task)):7}{clock(record.seconds(task)):>9}"
                    f"  {told(record.figures(task))}".rstrip())
    return rows


def summary(record):
    """The end of a run, as lines."""
    lines = ["", *table(record)]
    if record.failures:
        lines += ["", "Failed:"]
    for f in record.failures:
        lines += [f"  {f.name}: {f.note or 'failed'}", f"    {f.repeat}", f"    logs: {f.logs}"]
    if not record.rounds and not record.failures:
        lines += ["", "no round was done: a run that tests nothing is no success"]
    lines += ["", f"{len(record.rounds)} rounds in {clock(record.seconds())}, "
              f"{len(record.failures)} failures, seed {record.settings['seed']}"]
    return lines


def status(record):
    return 0 if record.rounds and not record.failures else 1
