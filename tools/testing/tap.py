# SPDX-License-Identifier: GPL-2.0
"""Readers for the three forms of test output met here: TAP of the kselftests,
KTAP of KUnit on a kernel console, and the summary lines of cargo test."""

import re
from dataclasses import dataclass, field

_RESULT = re.compile(r"^(?P<indent>\s*)(?P<not>not )?ok (?P<num>\d+)(?:\s+-)?"
                     r"(?:\s+(?P<name>.*?))?\s*$")
_DIRECTIVE = re.compile(r"\s*#\s*(?P<word>SKIP|XFAIL|TODO|XPASS|timeout|error)\b(?P<rest>.*)$",
                        re.IGNORECASE)
_PLAN = re.compile(r"^\s*1\.\.(?P<count>\d+)\b")
_TOTALS = re.compile(r"^# Totals: pass:(\d+) fail:(\d+) xfail:(\d+) "
                     r"xpass:(\d+) skip:(\d+) error:(\d+)")
# A console line may carry a log level and a time stamp before the KTAP.
_CONSOLE_PREFIX = re.compile(r"^(?:<\d+>)?(?:\[\s*\d+\.\d+\](?:\[[^\]]*\])? ?)?")
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


@dataclass
class Subtest:
    name: str
    status: str                 # pass, fail or skip
    note: str = ""              # of a failure: the diagnosis printed before it


@dataclass
class Tap:
    """What one TAP stream said. `plan` is None where none was announced."""
    subtests: list = field(default_factory=list)
    plan: int = None
    totals: dict = None
    bail: str = None

    def count(self, status):
        return sum(1 for s in self.subtests if s.status == status)

    def counts(self):
        return {s: self.count(s) for s in ("pass", "fail", "skip")}

    def problem(self):
        """Why this stream can't be trusted as whole, or None."""
        if self.bail is not None:
            return f"bail out: {self.bail}"
        if self.plan is not None and self.plan != len(self.subtests):
            return f"{len(self.subtests)} of {self.plan} planned sub-tests reported"
        return None


def _status(match):
    """Name and status of a result line; the directive decides over ok/not ok."""
    name = match["name"] or ""
    directive = _DIRECTIVE.search(name)
    status = "fail" if match["not"] else "pass"
    if directive:
        # ksft_test_result_skip() puts the name behind the directive.
        name = name[:directive.start()].strip() or directive["rest"]
        word = directive["word"].upper()
        if word == "SKIP":
            status = "skip"
        elif word in ("XFAIL", "TODO"):
            status = "pass"
        elif word in ("XPASS", "TIMEOUT", "ERROR"):
            status = "fail"
    return name.strip(), status


def parse_tap(text):
    """TAP at the outer level; nested and decorated lines are not results."""
    tap, note = Tap(), ""
    for line in text.splitlines():
        match = _RESULT.match(line)
        if match and not match["indent"]:
            name, status = _status(match)
            tap.subtests.append(Subtest(name, status, note if status == "fail" else ""))
            note = ""
            continue
        if line.startswith("# "):
            note = line.removeprefix("# ").strip() or note
        plan = _PLAN.match(line)
        if plan and not line[0].isspace() and tap.plan is None:
            tap.plan = int(plan["count"])
            continue
        if line.startswith("Bail out!"):
            tap.bail = line.removeprefix("Bail out!").strip()
        totals = _TOTALS.match(line)
        if totals:
            keys = ("pass", "fail", "xfail", "xpass", "skip", "error")
            tap.totals = dict(zip(keys, map(int, totals.groups())))
    return tap


@dataclass
class KunitSuite:
    name: str
    cases: list = field(default_factory=list)
    plan: int = None
    status: str = None          # None: the suite never ended

    def problem(self):
        if self.status is None:
            return "the suite did not end (kernel died or hung in it?)"
        if not self.cases:
            return "no test case ran"
        if self.plan is not None and self.plan != len(self.cases):
            return f"{len(self.cases)} of {self.plan} planned cases reported"
        return None


class _KunitReader:
    """State while walking a console: the suite whose results come in."""

    def __init__(self):
        self.suites = []
        self.open = None

    def start(self, name):
        self.open = KunitSuite(name)
        self.suites.append(self.open)

    def plan(self, indent, count):
        # Only the suite's own plan counts, not one of a parameterised case.
        if self.open and indent == 4 and self.open.plan is None:
            self.open.plan = count

    def result(self, indent, name, status):
        if indent == 4 and self.open:
            self.open.cases.append(Subtest(name, status))
        elif indent == 0:
            if self.open and self.open.name == name:
                self.open.status = status
            self.open = None


def parse_kunit(console):
    """KUnit's suites, in order, out of a whole kernel console."""
    reader = _KunitReader()
    for raw in console.splitlines():
        line = _CONSOLE_PREFIX.sub("", _ANSI.sub("", raw).rstrip("\r"), count=1)
        indent = len(line) - len(line.lstrip(" "))
        subtest = re.match(r"^\s*# Subtest: (\S+)\s*$", line)
        if subtest and indent == 4:
            reader.start(subtest[1])
            continue
        plan = _PLAN.match(line)
        if plan:
            reader.plan(indent, int(plan["count"]))
            continue
        match = _RESULT.match(line)
        if match:
            reader.result(indent, *_status(match))
    return reader.suites


_CARGO_CASE = re.compile(r"^test (?P<name>.+?) \.\.\. (?P<status>ok|FAILED|ignored)\b")
_CARGO_RUNNING = re.compile(r"^running (\d+) tests?$")


def parse_cargo(text):
    """Cases of `cargo test` (libtest's own format) and how many were announced."""
    cases, announced = [], 0
    words = {"ok": "pass", "FAILED": "fail", "ignored": "skip"}
    for line in text.splitlines():
        match = _CARGO_CASE.match(line.strip())
        if match:
            cases.append(Subtest(match["name"].removesuffix(" - should panic"),
                                 words[match["status"]]))
        running = _CARGO_RUNNING.match(line.strip())
        if running:
            announced += int(running[1])
    return cases, announced
