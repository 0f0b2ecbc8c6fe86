# SPDX-License-Identifier: GPL-2.0
"""Judges from what guest and machine said whether the guest really lived."""

import re
from dataclasses import dataclass

from machines import check_kernel_log
from vmms import VMMS

# A line of the guest passes its QEMU and a shell before it gets its time, and
# the build host may be busy: 0.5 s were seen at a load of four a core. A lost
# wake-up or a clock of another rate costs seconds.
SLACK = 1.2
NAP_SLACK = 1.0
# In a second of work with CONFIG_HZ >= 100 each CPU has this many ticks; the
# guest tries ten times (guest-init), the last is what it tells.
MIN_TICKS = 50


@dataclass
class Proof:
    """One line of the summary."""

    name: str
    value: str
    ok: bool


class Story:
    """The "@@" lines of one run, by their key word, with three clocks.

    Each entry holds the named values, the machine's uptime ("host") and the
    build host's clock ("wall") at which the line was seen.
    """

    LINE = re.compile(r"@@host: (?P<up>[\d.]+) (?:@@guest: )?(?P<key>[\w-]+)"
                      r"(?: (?P<rest>.*))?$")

    def __init__(self):
        self.said = {}
        self.every = {}
        self.serial = []

    def hear(self, line, wall):
        """Takes one line of the machine's console."""
        match = self.LINE.search(line)
        if line.startswith("@@host: "):
            self.serial.append(line.split(" ", 2)[-1])
        if not match:
            return None
        rest = match["rest"] or ""
        values = dict(w.split("=", 1) for w in rest.split() if "=" in w)
        values.update(host=float(match["up"]), wall=wall, rest=rest)
        self.said.setdefault(match["key"], values)
        self.every.setdefault(match["key"], []).append(values)
        return match["key"]

    def get(self, key):
        """What was said about it; nothing at all is an empty dict."""
        return self.said.get(key, {})

    def all(self, key):
        """What was said about it, each time."""
        return self.every.get(key, [])

    def number(self, key, name):
        """A number out of it, or None."""
        try:
            return float(self.get(key)[name])
        except (KeyError, ValueError):
            return None

    def span(self, first, last, name):
        """Time between two lines by one of the clocks, or None."""
        a, b = self.number(first, name), self.number(last, name)
        return None if a is None or b is None else b - a


def _missing(name):
    return Proof(name, "the guest did not say", False)


def cpus(story):
    """Both CPUs came up."""
    online = story.get("begin").get("cpus")
    if online is None:
        return _missing("CPUs online")
    return Proof("CPUs online", online, online == "0-1")


def ticks(story, cpu):
    """Timer interrupts arrived on this CPU while it worked."""
    name = f"timer interrupts, CPU {cpu}"
    before = story.number("timer", f"before{cpu}")
    after = story.number("timer", f"after{cpu}")
    if before is None or after is None:
        return _missing(name)
    new = int(after - before)
    seconds = story.number("timer", "end") - story.number("timer", "start")
    rounds = int(story.number("timer", "rounds") or 1)
    again = f", at the {rounds}. try" if rounds > 1 else ""
    return Proof(name, f"{int(before)} + {new} in {seconds:.2f} s{again}",
                 new >= MIN_TICKS)


def clock(story):
    """The guest's clock runs as the machine's and the build host's do."""
    name = "clock against the host's"
    guest = story.span("begin", "end", "up")
    host = story.span("begin", "end", "host")
    wall = story.span("begin", "end", "wall")
    if guest is None or host is None or wall is None:
        return _missing(name)
    ok = abs(guest - host) <= SLACK and abs(guest - wall) <= SLACK
    return Proof(name, f"{guest:.2f} s in the guest, {host:.2f} s in the "
                       f"machine, {wall:.2f} s outside", ok)


def date(story):
    """The guest's time of day is the machine's."""
    guest = story.number("begin", "epoch")
    start = story.number("start", "epoch")
    since = story.span("start", "begin", "host")
    if guest is None or start is None:
        return _missing("time of day")
    off = guest - (start + since)
    # Both clocks are read from a chip that counts whole seconds.
    return Proof("time of day", f"off by {off:+.0f} s", abs(off) <= 2.5)


def nap(story):
    """A sleep takes as long as asked, by every clock."""
    name = "sleep"
    asked = story.number("sleep-end", "asked")
    spans = [story.span("sleep-start", "sleep-end", c)
             for c in ("up", "host", "wall")]
    if asked is None or None in spans:
        return _missing(name)
    guest, host, wall = spans
    # /proc/uptime cuts to 10 ms, so a difference may be that much short.
    ok = (asked - 0.02 <= guest <= asked + NAP_SLACK
          and all(abs(t - asked) <= SLACK for t in (host, wall)))
    return Proof(f"sleep {asked:g}", f"{guest:.2f} s in the guest, {host:.2f} s"
                 f" in the machine, {wall:.2f} s outside", ok)


def disk(story, irq):
    """Reading the disk raised interrupts, at the chip that it is wired to, and gave the right data."""
    name = "MSI of virtio-blk" if irq == "MSI" else "interrupts of virtio-blk"
    before, after = story.number("disk", "before"), story.number("disk", "after")
    if before is None or after is None:
        return _missing(name)
    said = story.get("disk")
    right = said.get("sum") == story.get("start").get("sum")
    text = f"{int(before)} + {int(after - before)} on {said.get('chip')}"
    return Proof(name, text + ("" if right else ", but wrong data"),
                 after > before and right and irq in said.get("chip", ""))


def rng(story):
    """virtio-rng answers."""
    got = story.number("random", "bytes")
    if got is None:
        return _missing("virtio-rng")
    return Proof("virtio-rng", f"{int(got)} bytes", got == 32)


def vtimer(story):
    """The machine's kernel took the guest's timer interrupts."""
    name = "kvm guest vtimer on the host"
    before, after = story.number("start", "vtimer"), story.number("stop", "vtimer")
    if before is None or after is None:
        return Proof(name, "not in /proc/interrupts", False)
    return Proof(name, f"{int(before)} + {int(after - before)}", after > before)


def power_off(story):
    """The guest ended by itself, at its own wish."""
    status = story.get("stop").get("status")
    if status is None:
        return Proof("power-off", "did not happen", False)
    ok = status == "0" and "end" in story.said
    return Proof("power-off", f"status {status}", ok)


def code(story, expect):
    """Which timer code the machine's kernel has, by its own account."""
    name = "timer code of the machine"
    rust = "CONFIG_KVM_ARM64_RUST_TIMER=y" in story.get("options").get("rest", "")
    symbols = int(story.number("symbols", "timer") or 0)
    if rust != (symbols > 0):
        return Proof(name, f"option {'on' if rust else 'off'}, but {symbols} "
                           "functions in Rust", False)
    text = f"Rust, {symbols} functions" if rust else "C"
    if expect and expect != ("rust" if rust else "c"):
        return Proof(name, f"{text}: not what was asked for", False)
    return Proof(name, text, True)


def log(name, text):
    """The kernel log of one of the two is there and has no complaint."""
    if not text:
        return Proof(name, "missing", False)
    found = check_kernel_log(text)
    if found:
        return Proof(name, f"{len(found)} complaints: {found[0]}", False)
    return Proof(name, f"clean, {len(text.splitlines())} lines", True)


def show(found):
    """The proofs as a table; how many do not hold."""
    width = max(len(p.name) for p in found)
    for p in found:
        print(f"  {'ok  ' if p.ok else 'FAIL'}  {p.name:{width}}  {p.value}")
    return sum(not p.ok for p in found)


def judge(story, machine_log, guest_log, expect=None, vmm=VMMS["qemu"]):
    """All proofs in the order of the summary."""
    return [code(story, expect), cpus(story), ticks(story, 0), ticks(story, 1),
            clock(story), *([date(story)] if vmm.rtc else []), nap(story),
            disk(story, vmm.disk_irq), rng(story), vtimer(story), power_off(story),
            log("guest's kernel log", guest_log),
            log("machine's kernel log", machine_log)]
