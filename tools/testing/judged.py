# SPDX-License-Identifier: GPL-2.0
"""The suite that has the model of the GIC (model/) judge running kernels: random scripts of a VMM
and its guests are run by vgic_script (of the selftests) on the C and on the Rust kernel, and what
came of each event is held against the model. A script that fails on Rust is cut down.

What C does that can't be is told, and fails nothing: it is what the project is measured against."""

import re
import shutil
import time
from dataclasses import dataclass

from jobs import Job

SUITE = "model"
FAST = ("vhe",)
# Those whose CPUs have the list registers that the scripts reckon with, and a GICv3.
MACHINES = ("vhe", "nvhe", "nvhe-v8.0", "protected", "gicv4", "nested", "vhe-max")
KERNELS = ("c", "rust")
EVENTS = 100_000
SECONDS = 900                   # for a boot and its scripts
PROGRAM = "arm64/vgic_script"
RUN = """\
cp /host/vgic_script /host/scripts /tmp
/tmp/vgic_script /tmp/scripts >/tmp/traces 2>/host/said
status=$?
cp /tmp/traces /host
exit $status
"""
_TRACE = re.compile(r".*: trace (\d+): (.*)")
_TOTAL = re.compile(r".*: (\d+) traces, (\d+) events, (\d+) left open, (\d+) that can't be")


class Trouble(Exception):
    """Why there is nothing to judge."""


@dataclass
class Verdict:
    """What the model says of some traces."""
    traces: int
    events: int
    open: int                   # of these, after something unpredictable
    bad: dict                   # the number of each that can't be -> why

    def __str__(self):
        return f"{self.traces} traces, {self.events} events, {self.open} left open"


def split(text):
    """Scripts or traces, one by one."""
    return [f"config {part}" for part in re.split(r"^config ", text, flags=re.M)[1:]]


class Judge:
    """Scripts for a machine, and what the model says of what came of them."""

    def __init__(self, context, machine):
        self.context, self.machine = context, machine
        self.name = f"{SUITE}/{machine}"
        self.folder = context.logs / self.name

    def cargo(self, words, crate, env, log):
        """Cargo in one of our crates."""
        cargo = self.context.tool("CARGO", "cargo")
        if not cargo:
            raise Trouble("cargo is missing")
        status = self.context.run(
            [cargo, *words, "--release", "--locked", "--color=never"], self.folder / log,
            timeout=1800, cwd=self.context.repo / "tools/testing" / crate,
            env={**self.context.environment(), **env})
        if status != 0:
            raise Trouble(f"cargo {words[0]}: exit {status}; see {self.folder / log}")

    def scripts(self, events):
        """So many events of random scripts."""
        path = self.folder / "scripts"
        path.unlink(missing_ok=True)
        self.cargo(["test", "scripts_for_kernels"], "host",
                   {"CARGO_TARGET_DIR": str(self.context.build / "host"),
                    "GIC_KERNEL_SCRIPTS": str(path), "GIC_KERNEL_EVENTS": str(events)}, "scripts.log")
        return split(path.read_text())

    def boot(self, kernel, scripts, what):
        """The traces that come of scripts on a kernel."""
        share = self.folder / f"{kernel}-{what}"
        shutil.rmtree(share, ignore_errors=True)
        share.mkdir(parents=True)
        program = self.context.selftests / PROGRAM
        if not program.is_file():
            raise Trouble(f"{program} was not built")
        shutil.copy2(program, share)
        (share / "scripts").write_text("".join(scripts))
        (share / "run.sh").write_text(RUN)
        status = self.context.run(
            [self.context.qemu / "run-machine", "--machine", self.machine, "--image",
             self.context.image(kernel), "--share", share, "--run", "run.sh", "--check-log",
             "--timeout", str(SECONDS), "--log", share / "machine.log"],
            share / "console.log", timeout=SECONDS + 60)
        (share / program.name).unlink()
        if status != 0:
            raise Trouble(f"exit {status} on {kernel}; see {share}")
        return share / "traces"

    def judge(self, path):
        """What the model says of traces."""
        log = path.with_name("verdict")
        binary = self.context.build / "model/release/gic-model"
        self.context.run([binary, "judge", path], log)
        lines = log.read_text().splitlines()
        total = _TOTAL.fullmatch(lines[-1]) if lines else None
        if not total:
            raise Trouble(f"no verdict; see {log}")
        bad = {int(m[1]): m[2] for m in map(_TRACE.fullmatch, lines) if m}
        return Verdict(*map(int, total.group(1, 2, 3)), bad)

    def verdict(self, kernel, scripts, what="all"):
        """Runs scripts and judges them."""
        traces = self.boot(kernel, scripts, what)
        found = self.judge(traces)
        if found.traces != len(scripts):
            raise Trouble(f"{found.traces} traces of {len(scripts)} scripts; see {traces}")
        return found

    def shrink(self, kernel, script):
        """The script without what it fails without as well: half of it, a quarter, and so on."""
        head, *lines = script.splitlines(keepends=True)
        size = len(lines) // 2
        while size:
            starts = range(0, len(lines), size)
            alone = self._failing(kernel, head, [lines[:s] + lines[s + size:] for s in starts])
            # Of those that each can go, as many as can go together.
            gone, together = set(), []
            for at in alone:
                gone |= set(range(starts[at], starts[at] + size))
                together.append([l for n, l in enumerate(lines) if n not in gone])
            failing = self._failing(kernel, head, together)
            if failing:
                lines = together[failing[-1]]
            size //= 2
        return head + "".join(lines)

    def _failing(self, kernel, head, candidates):
        """The numbers of those that fail."""
        candidates = [c for c in candidates if c]
        if not candidates:
            return []
        return sorted(self.verdict(kernel, [head + "".join(c) for c in candidates], "shrunk").bad)

    def report(self, kernel, scripts):
        """One kernel's result."""
        started = time.monotonic()
        found = self.verdict(kernel, scripts)
        note, status = str(found), "pass"
        if found.bad:
            first = min(found.bad)
            note += f", {len(found.bad)} traces can't be, the first: {found.bad[first]}"
            kept = self.folder / f"{kernel}.script"
            kept.write_text(scripts[first])
            if kernel != "c":
                # A guest that was stuck may have been a host that was busy: it gets another go.
                failed = [scripts[n] for n in sorted(found.bad)]
                again = self.verdict(kernel, failed, "again").bad
                if again:
                    status = "fail"
                    kept.write_text(self.shrink(kernel, failed[min(again)]))
                else:
                    note += ", but not again"
            note += f"; see {kept}"
        self.context.report.add(f"{self.name}/{kernel}", status, time.monotonic() - started, note)
        return found

    def run(self, events=EVENTS):
        """Both kernels' results; the Rust kernel's verdict."""
        self.cargo(["build"], "model", {"CARGO_TARGET_DIR": str(self.context.build / "model")},
                   "model.log")
        scripts = self.scripts(events)
        found = {kernel: self.report(kernel, scripts) for kernel in KERNELS
                 if self.context.report.selection.matches(f"{self.name}/{kernel}")}
        return found.get("rust")


def run(context, machine, events=EVENTS):
    """A machine's results."""
    try:
        return Judge(context, machine).run(events)
    except Trouble as trouble:
        context.report.add(f"{SUITE}/{machine}", "fail", note=str(trouble), always=True)
        return None


def machines(context):
    """The fast ones, unless all or others are wanted."""
    named = {p.split("/")[1] for p in context.report.selection.patterns
             if p.startswith(f"{SUITE}/")}
    return [m for m in MACHINES if context.all or m in FAST or m in named]


def jobs(context):
    """One job a machine."""
    table = [Job(f"{SUITE}/{m}", lambda ctx, m=m: run(ctx, m)) for m in machines(context)]
    return [j for j in table if context.report.selection.may_match(j.name)]
