#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Puts small faults into the modules that the host tests compile, one at a time; a
test must fail of each.

    mutants.py [--only PATTERN]... [--every N] [--again] [-j N]

One build has all faults (mutants/src/sites.rs); MUTANT= says which one is alive. Each
mutant sees only tests that get to it, the quick ones first, until one fails. What
survives has no test, or changes nothing that can be seen: mutants.toml has those, with
the reason. A switch does not reach what the compiler evaluates. The status is 1 if one survives without a reason, or a reason is not needed.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

TESTING = Path(__file__).resolve().parent
REPO = TESTING.parents[1]
CODE = "arch/arm64/kvm/rust"
HOST = "tools/testing/host"
# Of the tests' lib.rs.
HEAD = b"""#![cfg(test)]
#![feature(core_intrinsics, const_eval_select)]
#![allow(internal_features, unused, clippy::all, overflowing_literals)]
#![allow(arithmetic_overflow, unconditional_panic)]
mod mutant;
"""
SWITCH = "crate::mutant::on("
# What a mutant may use that does not end: seconds of CPU, beyond some times what the test
# needs without it; if it sleeps, turns of a tenth of a second.
CPU_SECONDS = 4
CPU_FACTOR = 5
TURNS = 6000

Mutant = collections.namedtuple("Mutant", "number file first last name")


def fail(text):
    sys.exit(f"mutants: {text}")


def modules(host):
    """Files of the kernel's that the host tests compile, below CODE."""
    texts = "".join(p.read_text() for p in sorted((host / "src").glob("*.rs")))
    return sorted(set(re.findall(rf'#\[path = "(?:\.\./)+{CODE}/(\S+\.rs)"\]', texts)))


def parse(lines, code):
    """Mutants of the generator's lines, each with a name of its own."""
    found, seen = [], collections.Counter()
    for line in lines:
        number, file, first, last, function, what = line.split("\t")
        file = str(Path(file).relative_to(code))
        name = f"{file} {function}: {what}"
        seen[name] += 1
        if seen[name] > 1:
            name += f" #{seen[name]}"
        found.append(Mutant(int(number), file, int(first), int(last), name))
    return found


def selected(mutants, only, every):
    """Those whose names match, then every N-th of them."""
    chosen = [m for m in mutants
              if not only or any(fnmatch.fnmatchcase(m.name, f"{p}*") for p in only)]
    return chosen[::every]


def explanations(path):
    """Name of a mutant to the reason why no test can find it."""
    table = tomllib.loads(path.read_text()) if path.exists() else {}
    return {f"{e['where']}: {what}": e["reason"]
            for e in table.get("explained", ()) for what in e["what"]}


def blamed(text, column, lines, mutants):
    """Numbers of the mutants that a compiler's message is about: the switch before it,
    else all of its lines."""
    before = re.findall(re.escape(SWITCH) + r"(\d+)\)", text[:column])
    if before:
        return {int(before[-1])}
    return {m.number for m in mutants if m.first <= lines[1] and lines[0] <= m.last}


def update(path, data):
    """Leaves files alone that would not change: nothing is built for them."""
    if not path.exists() or path.read_bytes() != data:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


class Tree:
    """A copy of the modules and their tests, with mutants."""

    def __init__(self, work, tools):
        self.work = work
        self.tools = tools
        self.root = work / "tree"
        self.code = self.root / CODE
        self.modules = modules(REPO / HOST)
        self.skipped = work / "unfit.json"

    def cargo(self, *args, cwd, target):
        env = {**os.environ, **self.tools, "CARGO_TARGET_DIR": str(self.work / target)}
        if target == "tests":
            # Whether the compiler is the one who asks is a question for intrinsics only.
            env |= {"RUSTC_BOOTSTRAP": "1", "CARGO_INCREMENTAL": "1"}
        return subprocess.run([self.tools["CARGO"], *args], cwd=cwd, env=env, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)

    def copy(self):
        for part in (HOST, CODE):
            for path in sorted((REPO / part).rglob("*")):
                name = path.relative_to(REPO)
                if path.is_file() and "target" not in name.parts and \
                        str(path.relative_to(REPO / part)) not in self.modules:
                    data = path.read_bytes()
                    if name == Path(HOST) / "src/lib.rs":
                        data = data.replace(b"#![cfg(test)]", HEAD, 1)
                    update(self.root / name, data)
        update(self.root / HOST / "src/mutant.rs", (TESTING / "mutants/switch.rs").read_bytes())

    def generate(self, generator, skip):
        """The modules with all mutants but those to skip."""
        fresh = self.work / "fresh"
        shutil.rmtree(fresh, ignore_errors=True)
        for module in self.modules:
            update(fresh / module, (REPO / CODE / module).read_bytes())
        done = subprocess.run([generator, ",".join(map(str, sorted(skip))),
                               *(fresh / m for m in self.modules)],
                              stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            fail("the generator failed")
        for module in self.modules:
            update(self.code / module, (fresh / module).read_bytes())
        return parse(done.stdout.splitlines(), fresh)

    def errors(self, output, mutants):
        """Numbers of mutants that do not compile."""
        bad = set()
        for line in output.splitlines():
            message = json.loads(line).get("message", {}) if line.startswith("{") else {}
            if message.get("level") != "error":
                continue
            for span in message["spans"]:
                file = span["file_name"].split(f"{CODE}/")[-1]
                if span["is_primary"] and file in self.modules:
                    text = (self.code / file).read_text().splitlines()[span["line_end"] - 1]
                    bad |= blamed(text, span["column_end"] + len(SWITCH),
                                  (span["line_start"], span["line_end"]),
                                  [m for m in mutants if m.file == file])
        return bad

    def build(self):
        """The mutants that compile, and the program of the tests."""
        done = self.cargo("build", "--release", "--locked", cwd=TESTING / "mutants", target="generator")
        if done.returncode:
            fail(f"the generator does not build:\n{done.stderr}")
        generator = self.work / "generator/release/kvm-arm64-mutants"
        self.copy()
        unfit = set(json.loads(self.skipped.read_text()) if self.skipped.exists() else ())
        mutants = self.generate(generator, ())
        skip = {m.number for m in mutants if m.name in unfit}
        while True:
            self.generate(generator, skip)
            done = self.cargo("test", "--release", "--locked", "--no-run",
                              "--message-format=json", cwd=self.root / HOST, target="tests")
            programs = re.findall(r'"executable":"([^"]+)"', done.stdout)
            if not done.returncode and programs:
                break
            bad = self.errors(done.stdout, mutants) - skip
            names = [m.name for m in mutants if m.number in bad]
            print("\n".join(f"does not compile: {name}" for name in names), flush=True)
            if not bad:
                fail(f"the tests do not build:\n{done.stderr}\n{done.stdout[-3000:]}")
            skip |= bad
            self.skipped.write_text(json.dumps([m.name for m in mutants if m.number in skip]))
        return [m for m in mutants if m.number not in skip], programs[-1]


class Runner:
    """Runs single tests, each in a process of its own."""

    def __init__(self, program, work):
        self.program = program
        self.work = work
        self.reached = collections.defaultdict(list)
        self.seconds = {}

    def run(self, test, mutant, cpu):
        """Whether a test passes, and the seconds of CPU that it took."""
        # Each run has the same values, and does not look for the smallest that fails.
        env = {**os.environ, "MUTANT": mutant, "RUST_BACKTRACE": "0",
               "PROPTEST_RNG_SEED": "1", "PROPTEST_MAX_SHRINK_ITERS": "0",
               "PROPTEST_DISABLE_FAILURE_PERSISTENCE": "1"}
        limit = int(cpu) + 1

        def limits():
            resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))

        with subprocess.Popen([self.program, "--exact", test], env=env, cwd=self.work,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                              preexec_fn=limits) as child:
            pause = .001
            for _ in range(TURNS):
                pid, status, usage = os.wait4(child.pid, os.WNOHANG)
                if pid:
                    child.returncode = status
                    return status == 0, usage.ru_utime + usage.ru_stime
                time.sleep(pause)
                pause = min(2 * pause, .1)
            child.kill()
        return False, cpu

    def record(self, tests, jobs):
        """Which test gets to which mutant, and how long it takes."""
        def one(test):
            path = self.work / "reached" / test.replace("::", ".")
            path.unlink(missing_ok=True)
            return *self.run(test, f"record:{path}", 3600), path

        (self.work / "reached").mkdir(exist_ok=True)
        with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
            results = list(pool.map(one, tests))
        broken = [t for t, r in zip(tests, results) if not r[0]]
        if broken:
            fail(f"fail without a mutant: {' '.join(broken)}")
        for test, (_, seconds, path) in zip(tests, results):
            self.seconds[test] = seconds
            for number in path.read_text().split() if path.exists() else ():
                self.reached[int(number)].append(test)

    def tests(self, mutant):
        """Tests that get to a mutant, those of its module and the quick ones first."""
        module = Path(mutant.file).stem
        return sorted(self.reached[mutant.number],
                      key=lambda t: (self.seconds[t] > 3, f"tests_{module}::" not in t,
                                     self.seconds[t]))

    def killer(self, mutant):
        """The test that fails, if any does."""
        for test in self.tests(mutant):
            limit = CPU_FACTOR * self.seconds[test] + CPU_SECONDS
            if not self.run(test, str(mutant.number), limit)[0]:
                return test
        return None


def judge(name, test, reached, reasons):
    """What is printed of a mutant: a word, and the rest."""
    if not reached and " (const):" in name:
        return "constant", "no test gets to it; the compiler may evaluate it"
    reason = reasons.get(name)
    if test and reason:
        return "NOT NEEDED", f"explained, but found by {test}"
    if test:
        return "caught", test
    if reason:
        return "explained", reason
    return "SURVIVES", f"{reached} tests get to it"


def summary(verdicts):
    """A line for each module, and one for all; verdicts are pairs of module and word."""
    words = ("caught", "explained", "constant", "SURVIVES", "NOT NEEDED")
    counts = collections.defaultdict(collections.Counter)
    for module, word in verdicts:
        for row in (module, "all"):
            counts[row][word] += 1
    lines = [f"{'':28}{'mutants':>8}" + "".join(f"{w:>12}" for w in words)]
    rows = sorted(r for r in counts if r != "all") + ["all"]
    return lines + [f"{r:28}{counts[r].total():8}" + "".join(f"{counts[r][w]:12}" for w in words)
                    for r in rows]


def toolchain(build):
    """The compiler of the kernels, if one was chosen."""
    path = build / "toolchain.env"
    text = path.read_text() if path.exists() else ""
    tools = dict(re.findall(r"^(CARGO|RUSTC|RUSTDOC)=(\S+)$", text, re.M))
    return {"CARGO": "cargo", **tools}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--only", action="append", help="mutants whose names begin so "
                        "('gic/queue.rs', '*Word::pulse'); several may be given")
    parser.add_argument("--every", type=int, default=1, help="only every N-th of these")
    parser.add_argument("--again", action="store_true",
                        help="only what survived when this was run last")
    parser.add_argument("--list", action="store_true", help="only print names")
    parser.add_argument("-j", "--jobs", type=int, default=1)
    args = parser.parse_args()
    build = Path(os.environ.get("BUILD", REPO / "build")).resolve()
    work = build / "mutants"
    work.mkdir(parents=True, exist_ok=True)
    os.environ["BUILD"] = str(build)

    mutants, program = Tree(work, toolchain(build)).build()
    reasons = explanations(TESTING / "mutants.toml")
    unknown = sorted(set(reasons) - {m.name for m in mutants})
    for name in unknown:
        print(f"NO SUCH MUTANT {name}")
    chosen = selected(mutants, args.only, args.every)
    left = work / "left.json"
    if args.again:
        names = set(json.loads(left.read_text())) if left.exists() else set()
        chosen = [m for m in chosen if m.name in names]
    if args.list:
        print("\n".join(m.name for m in chosen))
        return 0
    if not chosen:
        fail("no such mutant")

    listed = subprocess.run([program, "--list", "--format=terse"], stdout=subprocess.PIPE,
                            text=True, check=True).stdout
    tests = re.findall(r"^(\S+): test$", listed, re.M)
    runner = Runner(program, work)
    print(f"{len(chosen)} mutants of {len(mutants)}, {len(tests)} tests", flush=True)
    runner.record(tests, args.jobs)
    verdicts, names = [], []
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        for mutant, test in zip(chosen, pool.map(runner.killer, chosen)):
            word, rest = judge(mutant.name, test, len(runner.tests(mutant)), reasons)
            print(f"{word} {mutant.name}: {rest}", flush=True)
            verdicts.append((mutant.file, word))
            if word.isupper():
                names.append(mutant.name)
            left.write_text(json.dumps(names))
    print("\n".join(summary(verdicts)))
    bad = unknown or any(word.isupper() for _, word in verdicts)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
