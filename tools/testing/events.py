# SPDX-License-Identifier: GPL-2.0
"""Holds the counts of the trace events that a selftest makes on the Rust kernel
against those that it makes on the C kernel; events.toml says how."""

import fnmatch
import re
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

LIST = Path(__file__).with_name("events.toml")
TOOL = "arm64/count_events"
SYSTEM = "kvm"
# What may be chance in counts that depend on when the host does what.
SLACK, SHARE = 12, 0.25
# Differences that a note names.
SHOWN = 4

_TERM = re.compile(r"\s*([+-]?)\s*(?:(\d+)\s*\*\s*)?([A-Za-z0-9_.-]*[A-Za-z0-9_]/?[A-Za-z0-9_-]*)")


class EventsError(ValueError):
    """The list contradicts itself; the message says where."""


def parse_counts(lines):
    """{counter: hits} of what count_events wrote; None if that is nothing."""
    return {name: int(hits) for name, hits in map(str.split, lines)} or None


def terms(text):
    """{counter: factor} of "a + b - 2 * c"."""
    found, at = {}, 0
    while at < len(text.rstrip()):
        term = _TERM.match(text, at)
        if not term or (at and not term[1]):
            raise EventsError(f"'{text}' is no sum of counters")
        factor = int(term[2] or 1) * (-1 if term[1] == "-" else 1)
        found[term[3]] = found.get(term[3], 0) + factor
        at = term.end()
    return found


def _matching(name, patterns):
    return [p for p in patterns if fnmatch.fnmatchcase(name, p)]


@dataclass
class Exempt:
    """An entry of [[varies]] (chance) or [[differs]] (by design)."""
    kind: str
    tests: list
    counters: list
    reason: str
    machines: list = None       # None: all
    bounded: bool = True
    used: set = field(default_factory=set)

    def covers(self, machine, test, counter):
        return ((self.machines is None or machine in self.machines)
                and bool(_matching(test, self.tests)) and bool(self._counters(counter)))

    def use(self, machine, test, counter):
        """Notes which of its patterns were of use."""
        for p in _matching(test, self.tests) + self._counters(counter):
            self.used.add((machine, p))

    def _counters(self, counter):
        """The patterns that name it. Those of a counter don't name sums with it."""
        return [p for p in _matching(counter, self.counters)
                if p == "*" or (" " in p) == (" " in counter)]

    def unused(self, machine):
        """Patterns that no test of a machine had a use for. Which counters vary in
        one run is chance."""
        if machine not in (self.machines or ()):
            return []
        patterns = self.tests + (self.counters if self.kind == "differs" else [])
        return [p for p in patterns if (machine, p) not in self.used]


def _match_any(names, patterns):
    return any(_matching(n, patterns) for n in names)


@dataclass
class Events:
    split: dict                 # {event: {label: filter}}
    exact: list                 # sums that are equal on both kernels
    zero: list                  # sums that are 0 on each kernel
    exempt: list

    def counters(self):
        """The file that count_events reads."""
        lines = [f"* {SYSTEM} *\n"]
        for event, parts in self.split.items():
            lines += [f"{event}/{label} {SYSTEM} {event} {wanted}\n"
                      for label, wanted in parts.items()]
        return "".join(lines)

    def differences(self, machine, test, c, rust):
        """What is not as it shall be, in words."""
        found = []
        for name in sorted(set(c) | set(rust)):
            found += self._compare(machine, test, name, c.get(name), rust.get(name))
        for name in self.exact:
            factors = terms(name)
            found += self._compare(machine, test, name, _value(c, factors),
                                   _value(rust, factors), is_sum=True)
        return found + self._not_zero(c, rust)

    def _compare(self, machine, test, name, c, rust, is_sum=False):
        if c is None or rust is None:
            return [f"{name}: only on {'Rust' if c is None else 'C'}"]
        covering = [e for e in self.exempt if e.covers(machine, test, name)]
        for entry in covering:
            if c != rust or (entry.kind == "varies" and c):
                entry.use(machine, test, name)
        if c == rust or any(_excuses(e, c, rust, is_sum) for e in covering):
            return []
        return [f"{name}: C {c}, Rust {rust}"]

    def _not_zero(self, c, rust):
        found = []
        for name in self.zero:
            for kernel, counts in (("C", c), ("Rust", rust)):
                rest = _value(counts, terms(name))
                if rest:
                    found.append(f"{name}: {rest} on {kernel}, must be 0")
        return found

    def note(self, machine, test, c, rust):
        """One line on the differences, or None."""
        if c is None or rust is None:
            return f"no counts of events on {'C' if c is None else 'Rust'}"
        found = self.differences(machine, test, c, rust)
        more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
        return f"events: {'; '.join(found[:SHOWN])}{more}" if found else None

    def stale(self, machine, ran, planned):
        """Entries for this machine that all their tests ran without. `ran` and
        `planned` are names of tests; a slow one that was left out may need it."""
        left_out = set(planned) - set(ran)
        return [f"[[{e.kind}]] '{p}' ({e.reason})" for e in self.exempt
                if not _match_any(left_out, e.tests) for p in e.unused(machine)]


def _value(counts, factors):
    return sum(counts.get(name, 0) * factor for name, factor in factors.items())


def _excuses(entry, c, rust, is_sum):
    return (entry.kind == "differs" or is_sum or not entry.bounded
            or abs(c - rust) <= SLACK + SHARE * max(c, rust))


def load(path=LIST):
    with open(path, "rb") as file:
        data = tomllib.load(file)
    unknown = set(data) - {"split", "sums", "varies", "differs"}
    if unknown:
        raise EventsError(f"{path}: unknown table {sorted(unknown)[0]!r}")
    exempt = []
    for kind in ("varies", "differs"):
        for entry in data.get(kind, []):
            try:
                exempt.append(Exempt(kind, **entry))
            except TypeError as error:
                raise EventsError(f"[[{kind}]] {entry.get('tests')}: {error}") from error
    sums = data.get("sums", {})
    for text in sums.get("exact", []) + sums.get("zero", []):
        terms(text)
    return Events(data.get("split", {}), sums.get("exact", []), sums.get("zero", []), exempt)
