# SPDX-License-Identifier: GPL-2.0
"""Runs a list of selftests on one kernel in one machine: as many as possible
in one boot, and in a fresh one after the machine hung or died."""

import os
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

import compare
import events

sys.path.insert(0, str(Path(__file__).with_name("qemu")))
import patience  # noqa: E402 (needs the path above)
from machines import MACHINES, check_kernel_log  # noqa: E402,F401

# Boots that may fail or hang before the rest of a list is given up.
MAX_BOOTS = 6
BOOT_SECONDS = 60
MARK = "kvm-test:"

RUNNER_HEAD = """\
# Generated. Runs each test on its own, leaving output and status in out/, so
# that what is done survives whatever the next test does to the machine.
#
# The programs are run from memory: reading them from the share would stop the
# machine in the middle of a test (and let the clock of an icount machine jump).
now() { cut -d' ' -f1 /proc/uptime; }
run() {
	id=$1 limit=$2 program=$3; shift 3
	cp "/host/bin/$program" "/tmp/${program##*/}"
	echo "kvm-test: begin $id" >/dev/kmsg
	begin=$(now)
	echo "$begin" >"out/$id.begin"
	timeout -k 5 "$limit" "/tmp/${program##*/}" "$@" >"$KEEP/$id.log" 2>&1 </dev/null 3>&-
	code=$?
	end=$(now)
	echo "kvm-test: end $id $code" >/dev/kmsg
	[ "$KEEP" = out ] || cp "$KEEP/$id.log" out/
	rm -f "/tmp/${program##*/}"
	{ echo "$code $begin $end"; take_counts; } >"out/$id.tmp"
	mv "out/$id.tmp" "out/$id.rc"
}
take_counts() { :; }
cd /host || exit 99
"""

# A test's trace events are those from the end of the one before it: nothing else
# in the machine uses KVM.
COUNTER_HEAD = """\
cp bin/arm64/count_events events.list /tmp/
mkfifo /tmp/requests
{ /tmp/count_events /tmp/events.list </tmp/requests 3>&-; : >/tmp/counter.ended; } &
exec 3<>/tmp/requests
take_counts() {
	echo /tmp/events >&3
	while [ ! -e /tmp/events ]; do
		[ ! -e /tmp/counter.ended ] || return
		usleep 1000
	done
	cat /tmp/events
	rm /tmp/events
}
take_counts >/dev/null
"""


def file_id(name):
    return name.replace("/", "+")


def runner_script(tests, icount=False, slowness=1.0, before="", count_events=False):
    # Output kept in the machine is lost if it hangs, but costs no waiting.
    lines = [RUNNER_HEAD, f"KEEP={'/tmp' if icount else 'out'}\n"]
    if before:
        lines.append(f"sh -ec {shlex.quote(before)} || exit 98\n")
    if count_events:
        lines.append(COUNTER_HEAD)
    for test in tests:
        words = [file_id(test.name), str(int(test.timeout * slowness)),
                 test.binary, *test.args]
        lines.append("run " + shlex.join(words) + "\n")
    lines.append("exit 0\n")
    return "".join(lines)


def attribute(console, check):
    """[(test or None, line)] for each offending line of a console."""
    found, current = [], None
    for line in console.splitlines():
        at = line.find(MARK)
        if at >= 0:
            words = line[at + len(MARK):].split()
            if len(words) >= 2:
                current = words[1].replace("+", "/") if words[0] == "begin" else None
        elif check(line):
            found.append((current, line.strip()))
    return found


@dataclass
class Batch:
    """All boots of one kernel in one machine for one list of tests."""
    context: object
    machine: object                 # plan.Machine
    kernel: str                     # "c" or "rust"
    folder: Path
    on_result: object               # on_result(test, outcome)
    # outcome(status, output, seconds, limit) makes an outcome of what a test left.
    outcome: object = compare.outcome
    counters: str = ""              # what events.TOOL shall count, if anything
    faults: list = field(default_factory=list)
    boots: int = 0
    trouble: str = ""

    def run(self, tests, binaries):
        absent = [t for t in tests if not (binaries / t.binary).is_file()]
        for test in absent:
            self.on_result(test, compare.missing(
                f"{binaries / test.binary} was not built"))
        left = [t for t in tests if t not in absent]
        failures = 0
        while left and failures < MAX_BOOTS:
            before = len(left)
            left, clean = self._boot(left, binaries)
            failures += 0 if clean else 1
            if len(left) == before and failures >= 2:
                break               # the machine does not even get to a test
        for test in left:
            self.on_result(test, compare.missing(
                f"not reached: {self.trouble or 'machine trouble'}"))

    def _boot(self, tests, binaries):
        """One boot: (tests left to do, whether the machine ended well)."""
        share = self.folder / f"boot{self.boots}"
        self.boots += 1
        self._renew(share, tests, binaries)
        progress = _Progress(share / "out", tests, self.machine, self.on_result,
                             self.outcome)
        log = share / "console.log"
        context = self.context
        command = [context.qemu / "run-machine", "--machine", self.machine.base,
                   "--image", context.image(self.machine.variant(self.kernel)), "--share", share,
                   "--run", "run.sh", "--timeout", str(int(progress.longest())),
                   "--log", share / "machine.log", *self.board()]
        if self.machine.icount:
            command.append("--icount")
        if self.machine.hugepages:
            command += ["--hugepages", self.machine.hugepages]
        if self.machine.append:
            command += ["--append", self.machine.append]
        if self.machine.debugger:
            command += ["--debugger", context.qemu / self.machine.debugger]
        status = context.run(command, log, stop=progress.stuck)
        progress.poll()
        self._check_log(log)
        self.clean(share)
        left = progress.left
        if not left:
            return [], status == 0
        self.trouble = _why(status, log)
        if progress.begun(left[0]):
            # The machine went down in this test: it does not get another go.
            self.on_result(left[0], compare.missing(
                f"the machine hung or died in it: {self.trouble}"))
            left = left[1:]
        return left, False

    def _renew(self, share, tests, binaries):
        shutil.rmtree(share, ignore_errors=True)
        (share / "out").mkdir(parents=True)
        self.prepare(share, tests, binaries)

    def board(self):
        """More arguments of run-machine."""
        return []

    def clean(self, share):
        """Takes away what only the boot needed."""
        shutil.rmtree(share / "bin", ignore_errors=True)

    def prepare(self, share, tests, binaries):
        """Puts into the share what the machine runs: run.sh and its programs."""
        for name in {t.binary for t in tests} | ({events.TOOL} if self.counters else set()):
            target = share / "bin" / name
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                os.link(binaries / name, target)
            except OSError:
                shutil.copy2(binaries / name, target)
        if self.counters:
            (share / "events.list").write_text(self.counters)
        (share / "run.sh").write_text(runner_script(
            tests, self.machine.icount, patience.slowness(), self.machine.before,
            bool(self.counters)))

    def _check_log(self, log):
        text = log.read_text(errors="replace")
        self.faults += attribute(text, check_kernel_log)


def _why(status, log):
    """The reason run-machine gave, else what its status means."""
    for line in reversed(log.read_text(errors="replace").splitlines()):
        if line.startswith("run-machine: ") and "kernel log:" not in line:
            return line.removeprefix("run-machine: ")
    return {None: "no progress within its time limit", 124: "time limit",
            125: "machine trouble"}.get(status, f"run-machine exit {status}")


class _Progress:
    """Follows the result files of a boot while the machine writes them."""

    def __init__(self, out, tests, machine, on_result, outcome=compare.outcome):
        self.out, self.left, self.machine = out, list(tests), machine
        self.on_result, self.outcome = on_result, outcome
        self.since = self.now = 0.0     # seconds in which the machine could get on

    def longest(self):
        """Host seconds after which the whole boot is hopeless."""
        return BOOT_SECONDS + sum(self._patience(t) for t in self.left)

    def _patience(self, test):
        return (test.timeout + 15) * self.machine.host_scale + 30

    def begun(self, test):
        return (self.out / f"{file_id(test.name)}.begin").exists()

    def poll(self):
        while self.left and self._collect(self.left[0]):
            self.left.pop(0)
            self.since = self.now

    def _collect(self, test):
        stem = self.out / file_id(test.name)
        try:
            status, *counts = stem.with_name(stem.name + ".rc").read_text().splitlines()
            code, begin, end = status.split()
        except (FileNotFoundError, ValueError):
            return False
        output = stem.with_name(stem.name + ".log")
        text = output.read_text(errors="replace") if output.exists() else ""
        outcome = self.outcome(
            int(code), text, float(end) - float(begin), test.timeout)
        outcome.events = events.parse_counts(counts)
        self.on_result(test, outcome)
        return True

    def stuck(self, seconds):
        """For Children.run: collect; True when nothing moves any more."""
        self.now = seconds
        self.poll()
        if not self.left:
            limit = 30 * self.machine.host_scale
        else:
            limit = self._patience(self.left[0])
            if not self.begun(self.left[0]):
                limit = max(limit, BOOT_SECONDS)
        return self.now - self.since > limit
