# SPDX-License-Identifier: GPL-2.0
"""Judges one selftest's outcome on the Rust kernel by that on the C kernel."""

import fnmatch
import re
from dataclasses import dataclass, field, replace

import tap

KSFT_SKIP = 4
# `timeout` of busybox: the program dies of the signal that was sent.
TIMEOUT_CODES = (124, 128 + 15, 128 + 9)
# What a known bug of C would make of the machine: no outcome of a run.
NOT_RUN = "not run"

_ASSERT_SITE = re.compile(r"^\s+(\S+\.[ch]:\d+): ")


@dataclass
class Outcome:
    """One run of one test on one kernel."""
    status: str                       # pass skip fail timeout missing
    code: int = None
    seconds: float = 0.0
    subtests: list = field(default_factory=list)      # [(status, name)]
    transcript: list = field(default_factory=list)
    output: str = ""
    site: str = ""                    # file:line of a failed assertion
    why: str = ""
    events: dict = None               # {counter: hits}, where they are counted

    def summary(self):
        text = self.status
        if self.status == "fail" and self.code is not None:
            text += f" (exit {self.code}{', ' + self.site if self.site else ''})"
        if self.why:
            text += f" ({self.why})"
        if self.subtests:
            counts = {s: sum(1 for st, _ in self.subtests if st == s)
                      for s in ("pass", "fail", "skip")}
            text += " [" + " ".join(f"{k}:{v}" for k, v in counts.items()) + "]"
        return text


def missing(why):
    return Outcome("missing", why=why)


def outcome(code, output, seconds=0.0, limit=None):
    """Outcome from what a test left behind: exit status and output."""
    parsed = tap.parse_tap(output)
    result = Outcome("pass", code, seconds, output=output)
    result.subtests = [(s.status, s.name) for s in parsed.subtests]
    result.transcript = [line for line in output.splitlines()
                         if line.startswith("transcript:")]
    site = [m for m in map(_ASSERT_SITE.match, output.splitlines()) if m]
    result.site = site[0][1] if site else ""
    if code in TIMEOUT_CODES and (limit is None or seconds >= limit - 1):
        result.status = "timeout"
    elif code == KSFT_SKIP:
        result.status = "skip"
    elif code != 0:
        result.status = "fail"
    elif parsed.count("fail"):
        result.status, result.why = "fail", "exit 0, but a sub-test failed"
    elif parsed.problem():
        result.status, result.why = "fail", parsed.problem()
    return result


@dataclass
class Verdict:
    status: str                       # pass skip fail
    note: str = ""
    # Different results may be noise: worth running again on both kernels.
    differs: bool = False


def _subtest_difference(c, rust):
    if len(c.subtests) != len(rust.subtests):
        return f"{len(c.subtests)} sub-tests on C, {len(rust.subtests)} on Rust"
    for number, (a, b) in enumerate(zip(c.subtests, rust.subtests), 1):
        if a != b:
            return f"sub-test {number}: C {a[0]} '{a[1]}', Rust {b[0]} '{b[1]}'"
    return None


def _line_difference(what, c, rust):
    if c == rust:
        return None
    for number, (a, b) in enumerate(zip(c, rust), 1):
        if a != b:
            return f"{what} line {number}: C '{a}', Rust '{b}'"
    return f"{what}: {len(c)} lines on C, {len(rust)} on Rust"


def _repeatable(output):
    """The lines of an output but those that no two runs have in common: what the
    selftests' library prints of its random numbers."""
    return [line for line in output.splitlines() if not line.startswith("Random seed: ")]


def _without(run, patterns):
    """An outcome without the sub-tests named, nor what they wrote into the
    transcript, from "begin NAME" to the next sub-test."""
    def excused(name):
        return any(fnmatch.fnmatchcase(name, p) for p in patterns)

    kept, inside = [], False
    for line in run.transcript:
        start = re.match(r"transcript: (?:begin|skip) ([^\s:]+)", line)
        if start:
            inside = excused(start[1])
        if not inside:
            kept.append(line)
    return replace(run, transcript=kept,
                   subtests=[s for s in run.subtests if not excused(s[1])])


def _beside(c, rust, allowed):
    """A difference in sub-tests that the allowance does not cover, or None."""
    if "subtests" not in allowed:
        return None
    c, rust = _without(c, allowed["subtests"]), _without(rust, allowed["subtests"])
    return (_subtest_difference(c, rust)
            or _line_difference("transcript", c.transcript, rust.transcript))


def difference(c, rust, whole_output=False):
    """First difference between two outcomes, in words, or None."""
    if c.status != rust.status:
        return f"C: {c.summary()}, Rust: {rust.summary()}"
    if c.status == "missing":
        return f"no result on either kernel: {rust.why or c.why}"
    if c.status == "timeout":
        # Where the clock struck is chance: the output up to there is no result.
        return None
    if c.status == "fail" and (c.code, c.site) != (rust.code, rust.site):
        return f"fails differently: C: {c.summary()}, Rust: {rust.summary()}"
    return (_subtest_difference(c, rust)
            or _line_difference("transcript", c.transcript, rust.transcript)
            or (whole_output and _line_difference(
                "output", _repeatable(c.output), _repeatable(rust.output)))
            or None)


def judge(c, rust, own=False, allowed=None, whole_output=False):
    """The verdict. `allowed` is the table of a known bug of C which Rust must
    not have: {"c": status, "rust": status, "reason": text}, and "subtests" if
    it shows in some of them only."""
    if allowed and rust.status not in ("missing", allowed["rust"]):
        return Verdict("fail", f"must {allowed['rust']} on Rust "
                       f"({allowed['reason']}): {rust.summary()}", True)
    diff = difference(c, rust, whole_output)
    if allowed and c.status == allowed["c"] and rust.status == allowed["rust"]:
        beside = _beside(c, rust, allowed)
        if beside:
            return Verdict("fail", f"beside what is allowed: {beside}", True)
        return Verdict("pass" if rust.status == "pass" else "skip",
                       f"C: {c.status}, allowed: {allowed['reason']}")
    if diff:
        # What neither kernel got to run is not noise, another boot won't help.
        both_missing = c.status == rust.status == "missing"
        return Verdict("fail", diff, not both_missing)
    if rust.status == "pass" and own and not rust.transcript:
        return Verdict("fail", "own test without a transcript: nothing compared")
    if rust.status == "pass":
        return Verdict("pass")
    if rust.status == "skip":
        return Verdict("skip", "skips on both kernels")
    if own:
        # Upstream's tests may dislike the emulator; ours have no such excuse.
        return Verdict("fail", f"own test fails on both kernels: {rust.summary()}")
    return Verdict("skip", f"same failure on C: {rust.summary()}")
