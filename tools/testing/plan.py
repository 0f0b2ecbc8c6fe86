# SPDX-License-Identifier: GPL-2.0
"""Reads selftests.toml: which selftest runs where, with what, for how long."""

import fnmatch
import shlex
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

PLAN = Path(__file__).with_name("selftests.toml")
OWN = Path(__file__).with_name("selftests") / "kvm"


class PlanError(ValueError):
    """The plan contradicts itself; the message says where."""


@dataclass
class Machine:
    name: str                   # as in result names
    base: str                   # as run-machine knows it
    fast: bool = False          # part of `make test`
    icount: bool = False
    scale: float = 1.0          # of each test's time limit
    host_scale: float = 1.0     # host seconds for one second of the machine's
    only: list = None           # patterns; None: all tests
    slow: bool = True           # also the tests that are nowhere fast
    hugepages: int = 0
    append: str = ""            # to the kernel's command line
    before: str = ""            # commands in the machine, before the first test
    debugger: str = ""          # a program beside run-machine that is given QEMU's gdb stub
    count_events: bool = False  # hold the trace events against C's (events.py)
    # Kernels to take instead of c and rust, as {"rust": "debug"}.
    kernels: dict = field(default_factory=dict)

    def variant(self, kernel):
        return self.kernels.get(kernel, kernel)


@dataclass
class Test:
    name: str
    binary: str
    args: list = field(default_factory=list)
    timeout: float = 60
    own: bool = False
    compare_output: bool = False


@dataclass
class Plan:
    machines: list
    rules: list
    allowed: list
    timeout: float

    def machine(self, name):
        return next(m for m in self.machines if m.name == name)

    def tests(self, machine, built, fast, own=()):
        """The tests of a machine in the plan's order, the unlisted ones last.

        `built` are the binaries there are. A listed test that was not built
        stays in, to show up as missing."""
        listed = {r["binary"] for r in self.rules}
        rules = list(self.rules)
        for binary in sorted((set(built) | set(own)) - listed):
            rules.append({"name": binary, "binary": binary})
        return [self._test(r, machine, binary_is_own=r["binary"] in own)
                for r in rules if self._runs(r, machine, fast)]

    @staticmethod
    def _runs(rule, machine, fast):
        name = rule["name"]
        patterns = machine.only
        if patterns is not None and not _any(name, patterns):
            return False
        if machine.name in rule.get("not_on", ()):
            return False
        if machine.name not in rule.get("only_on", [machine.name]):
            return False
        where = rule.get("fast", True)
        if where is False and not machine.slow:
            return False
        if not fast or where is True:
            return True
        return isinstance(where, list) and machine.name in where

    def _test(self, rule, machine, binary_is_own):
        args = next((a for m, a in rule.get("args_on", {}).items()
                     if _any(machine.name, [m])), rule.get("args", ""))
        return Test(rule["name"], rule["binary"], shlex.split(args),
                    rule.get("timeout", self.timeout) * machine.scale,
                    binary_is_own, rule.get("compare_output", False))

    def allowance(self, test, machine):
        """The entry of [[allowed]] for a test on a machine, or None."""
        for entry in self.allowed:
            if (fnmatch.fnmatchcase(test, entry["test"])
                    and machine in entry.get("machines", [machine])):
                return entry
        return None


def _any(name, patterns):
    return any(fnmatch.fnmatchcase(name, p) for p in patterns)


_RULE_KEYS = {"name", "binary", "args", "args_on", "timeout", "fast", "not_on",
              "only_on", "compare_output"}


def _check_rule(rule, seen, machines):
    name = rule.get("name")
    if not name or name in seen:
        raise PlanError(f"test {name!r}: no name, or listed twice")
    seen.add(name)
    unknown = set(rule) - _RULE_KEYS
    if unknown:
        raise PlanError(f"test {name}: unknown key {sorted(unknown)[0]!r}")
    fast = rule.get("fast", True)
    named = {*rule.get("not_on", ()), *rule.get("only_on", ())}
    named |= set(fast) if isinstance(fast, list) else set()
    strange = named - machines
    strange |= {p for p in rule.get("args_on", {}) if not fnmatch.filter(machines, p)}
    if strange:
        raise PlanError(f"test {name}: no machine {sorted(strange)[0]!r}")


def load(path=PLAN):
    with open(path, "rb") as file:
        data = tomllib.load(file)
    machines = [Machine(**{"base": m["name"], **m}) for m in data["machine"]]
    names, seen = {m.name for m in machines}, set()
    rules = [{"binary": r.get("name"), **r} for r in data.get("test", [])]
    for rule in rules:
        _check_rule(rule, seen, names)
    for entry in data.get("allowed", []):
        missing = {"test", "c", "rust", "reason"} - set(entry)
        if missing:
            raise PlanError(f"allowed {entry.get('test')}: no {sorted(missing)[0]!r}")
    return Plan(machines, rules, data.get("allowed", []),
                data.get("timeout", 60))


def own_tests(folder=OWN):
    """Names of this repository's own tests, from their sources."""
    return {str(p.relative_to(folder).with_suffix(""))
            for p in folder.glob("**/*.c")
            if "int main(" in p.read_text(errors="replace")}
