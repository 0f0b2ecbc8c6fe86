# SPDX-License-Identifier: GPL-2.0
"""What a test run gathers: results by name, progress lines, the last line."""

import fnmatch
import sys
import threading
import time
from dataclasses import dataclass

STATUSES = ("pass", "fail", "skip")


@dataclass
class Result:
    name: str                   # suite/machine/test
    status: str                 # pass, fail or skip
    seconds: float = 0.0
    note: str = ""
    rerun: str = ""             # name for ONLY=, if not the result's own


class Selection:
    """The patterns of --only. A pattern names a result, or a folder of them,
    component by component, with shell wildcards; or globs over whole names."""

    def __init__(self, patterns=()):
        self.patterns = [p.strip(" /") for p in patterns if p.strip(" /")]

    def unmatched(self, names):
        """Patterns that no name answers to: a slip of the pen must not pass."""
        names = list(names)
        return [p for p in self.patterns
                if not any(Selection([p]).matches(n) for n in names)]

    def matches(self, name):
        return not self.patterns or any(
            self._components(p, name, whole=True) or fnmatch.fnmatchcase(name, p)
            for p in self.patterns)

    def may_match(self, folder):
        """Whether some result under this folder could match."""
        return not self.patterns or any(
            self._components(p, folder, whole=False) or "*" in p.split("/")[0]
            for p in self.patterns)

    @staticmethod
    def _components(pattern, name, whole):
        wanted, have = pattern.split("/"), name.split("/")
        if whole and len(have) < len(wanted):
            return False
        return all(fnmatch.fnmatchcase(h, w) for w, h in zip(wanted, have))


class Report:
    """Collects results from all threads; prints one line for each."""

    def __init__(self, selection=None, command="make test", out=None):
        self.selection = selection or Selection()
        self.command = command
        self.out = out or sys.stdout
        self.results = []
        self.times = {}         # job -> seconds
        self.started = time.monotonic()
        self._lock = threading.Lock()

    def add(self, name, status, seconds=0.0, note="", rerun="", always=False):
        """Record a result. `always`: also when the selection left it out."""
        if status not in STATUSES:
            raise ValueError(f"{name}: status {status!r}")
        if not always and not self.selection.matches(name):
            return
        with self._lock:
            self.results.append(Result(name, status, seconds, note, rerun))
            self._print(f"{status.upper()} {name} ({seconds:.1f} s)"
                        + (f": {note}" if note and status != "pass" else
                           f" [{note}]" if note else ""))

    def took(self, job, seconds):
        """How long a job of this run was at work."""
        with self._lock:
            self.times[job] = self.times.get(job, 0.0) + seconds

    def _print_times(self):
        long = sorted(((s, n) for n, s in self.times.items() if s >= 10), reverse=True)
        if long:
            print("\ntime", file=self.out)
        for seconds, name in long:
            print(f"  {int(seconds) // 60:3d}:{int(seconds) % 60:02d}  {name}", file=self.out)

    def say(self, text):
        with self._lock:
            self._print(text)

    def _print(self, text):
        elapsed = int(time.monotonic() - self.started)
        print(f"[{elapsed // 60:3d}:{elapsed % 60:02d}] {text}",
              file=self.out, flush=True)

    def count(self, status):
        return sum(1 for r in self.results if r.status == status)

    def finish(self):
        """Failures with their commands, the totals line; the exit status."""
        for pattern in self.selection.unmatched(r.name for r in self.results):
            self.add(pattern, "fail", note="no test of this name ran", always=True)
        with self._lock:
            self._print_times()
            failed = sorted((r for r in self.results if r.status == "fail"),
                            key=lambda r: r.name)
            nothing = not self.count("pass") and not failed
            if failed or nothing:
                print("\nFailed:", file=self.out)
            if nothing:
                print("  no test passed: a run that tests nothing is no success",
                      file=self.out)
                failed = [Result("run-tests/nothing-ran", "fail")]
            else:
                for r in failed:
                    print(f"  {r.name}: {r.note or 'failed'}\n"
                          f"    {self.command} ONLY='{r.rerun or r.name}'",
                          file=self.out)
            print(f"{self.count('pass')} passed, {len(failed)} failed, "
                  f"{self.count('skip')} skipped", file=self.out, flush=True)
            return 1 if failed else 0
