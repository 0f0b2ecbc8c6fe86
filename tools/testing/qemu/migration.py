# SPDX-License-Identifier: GPL-2.0
"""Judges from what a guest and two machines said whether it was migrated whole.

Nothing depends on how fast the machines are, or on what else they have to do.
Where two clocks are compared, each reading of one lies between two of the
other; where a CPU was silent, its silence is counted in the wake-ups of
another; and a sleep may be late by as much as the timer beside it was.
"""

from dataclasses import dataclass, field

import proofs
from proofs import Proof, Story

SECOND = 10**9
# Rounding of clocks that are read in whole microseconds or multiplied to ns.
ROUNDING = 10_000
# The clocks of the kernel are steered, by parts in 10^7.
STEERING = 200_000
# Wake-ups of a CPU, a hundred in a second, while another one was not woken.
MAX_SILENCE = 150


@dataclass
class Machine:
    """What was heard of one machine: of itself, and of each of its guests."""

    own: Story = field(default_factory=Story)
    guests: dict = field(default_factory=dict)
    now: Story = None
    log: str = ""

    def hear(self, line, wall):
        """Takes one line of the console; the key and the guest's name."""
        match = Story.LINE.search(line)
        if match and match["key"] in ("save", "load"):
            self.now = self.guests.setdefault(match["rest"].partition("=")[2], Story())
        return (self.now or self.own).hear(line, wall)

    def guest(self, name):
        """The story of a guest; an empty one if there was none."""
        return self.guests.get(name) or Story()


def ints(values, *names):
    """Whole numbers of a line; KeyError or ValueError if there are none."""
    return [int(values[n]) for n in names]


class Counter:
    """The guest's counter, by the clock of the machine it runs in, in ns."""

    def __init__(self, story, freq, attempt):
        self.freq = freq
        # What may be between the two: the least and the most. Each stop makes it another one.
        self.low, self.high = -10**30, 10**30
        pings = [said for said in story.all("ping") if said.get("try") == attempt]
        for said in pings:
            sent, got, count = ints(said, "sent", "got", "count")
            self.low = max(self.low, self.ns(count) - (got + 1) * 1000)
            self.high = min(self.high, self.ns(count) - sent * 1000)
        self.pings = len(pings)

    def ns(self, count):
        """A counter's value, as a time."""
        return count * SECOND // self.freq

    @property
    def steady(self):
        """Whether one difference fits to all that was seen."""
        return self.pings > 0 and self.low <= self.high + ROUNDING

    def during(self, said):
        """What the counter was within a time of the machine's."""
        after, before = ints(said, "after", "before")
        return self.low + after * 1000, self.high + (before + 1) * 1000


@dataclass
class Pair:
    """One migration, with all that is known of it."""

    source: Story
    target: Story
    freq: int
    stopped: tuple              # the counter, at least and at most
    started: tuple
    steady: bool

    @staticmethod
    def of(source, target):
        """Puts it together; None if something is missing."""
        try:
            freq, = ints(target.get("counter"), "freq")
            # The last attempt counts: the ones before could not tell it well enough.
            stop, start = source.all("paused")[-1], target.all("resumed")[-1]
            there = Counter(source, freq, stop.get("try"))
            here = Counter(target, freq, start.get("try"))
            return Pair(source, target, freq, there.during(stop), here.during(start),
                        there.steady and here.steady)
        except (IndexError, KeyError, ValueError):
            return None

    def ns(self, said, name):
        """The time of a counter's value that the guest told."""
        return int(said[name]) * SECOND // self.freq

    def across(self, said):
        """Whether something had begun before the stop, and ended after the start."""
        return (self.ns(said, "begin") <= min(self.stopped[1], self.started[1])
                and self.ns(said, "end") >= max(self.stopped[0], self.started[0]))


def ms(value):
    """Nanoseconds, to be read."""
    return f"{value / 1e6:.1f} ms"


def stood_still(pair):
    """Between stop and start the guest's counter did not move."""
    name = "counter while it was stopped"
    if not pair.steady:
        return Proof(name, "the counter does not run like the machine's clock", False)
    least = pair.started[0] - pair.stopped[1]
    most = pair.started[1] - pair.stopped[0]
    ok = least <= ROUNDING and most >= -ROUNDING
    return Proof(name, f"{'stood still' if ok else 'jumped'} at {pair.stopped[1] / SECOND:.3f} s, "
                       f"by what can be told: {least / 1e6:+.1f} to {most / 1e6:+.1f} ms", ok)


def forward(pair):
    """No CPU saw the counter below what another one had seen."""
    count = int(pair.target.get("counter")["backward"])
    return Proof("counter goes forward only", f"{count} times backward", count == 0)


def clocks(pair):
    """The guest's clocks went as far as its counter did."""
    gaps = {c["name"]: int(c["low"]) - int(c["high"]) for c in pair.target.all("clock")}
    ok = len(gaps) == 3 and all(g <= STEERING for g in gaps.values())
    return Proof("clocks against the counter", ", ".join(
        f"{n} off by {ms(max(g, 0))}" for n, g in gaps.items()) or "not told", ok)


def ticks(pair, said):
    """A periodic timer expired as often as it had to, and woke its CPU."""
    name = f"periodic timer, CPU {said['cpu']}"
    period, count, wakes, late, silent = ints(said, "period", "ticks", "wakes", "late", "silent")
    begin0, begin1, end = (pair.ns(said, n) for n in ("begin0", "begin1", "end"))
    most, least = end - begin0 + ROUNDING, end - begin1 - late - ROUNDING
    text = (f"{count} in {(end - begin1) / SECOND:.2f} s, {wakes} wake-ups, late by "
            f"{ms(late)} at most, silent for {silent} of another CPU's")
    if not least <= count * period <= most:
        return Proof(name, f"{text}: not as many as due", False)
    return Proof(name, text, silent <= MAX_SILENCE)


def timers(pair):
    """The periodic timers of all CPUs."""
    found = [ticks(pair, said) for said in pair.target.all("ticks")]
    return found or [Proof("periodic timers", "not told", False)]


def naps(pair, name):
    """Sleeps were as long as asked, the one across the migration, too."""
    all_naps = [n for n in pair.target.all("nap") if n["name"] == name]
    beside = max((int(t["late"]) for t in pair.target.all("ticks")), default=0)
    limit = beside + MAX_SILENCE * 10_000_000
    late = [int(n["slept"]) - int(n["asked"]) for n in all_naps]
    across = [l for n, l in zip(all_naps, late) if pair.across(n)]
    if not across:
        return Proof(f"sleep, {name}", f"none of {len(late)} was across the migration", False)
    return Proof(f"sleep, {name}", f"{len(late)} of {int(all_naps[0]['asked']) / SECOND:g} s, late by "
                 f"{ms(max(late))} at most, by {ms(across[0])} across the migration",
                 all(0 <= l <= limit for l in late))


def disk(pair):
    """The disk was read before, across, and after; each end came by message."""
    name = "MSI of virtio-blk"
    reads, irqs = pair.target.all("read"), pair.target.get("irqs")
    after = [r for r in reads if pair.ns(r, "begin") > pair.started[1]]
    wrong = sum(r["right"] != "1" for r in reads)
    across = sum(pair.across(r) for r in reads)
    text = (f"{irqs.get('disk')} on {irqs.get('chip')}; {len(reads)} reads, {across} across,"
            f" {len(after)} after" + (f", {wrong} with wrong data" if wrong else ""))
    ok = (after and not wrong and "MSI" in irqs.get("chip", "")
          and int(irqs.get("disk", 0)) >= len(reads))
    return Proof(name, text, bool(ok))


def trouble(story, name):
    """What the machine's script, or QEMU, could not do."""
    return [Proof(name, said["rest"], False) for said in story.all("trouble")]


def kernel(machine, name, expect):
    """Which code a machine ran, by its own account."""
    found = proofs.code(machine.own, expect if expect in ("c", "rust") else None)
    return Proof(name, found.value, found.ok)


def judge(source, target, state, expect, guest_log):
    """All proofs of the guest that was saved in one machine, loaded in the other."""
    there, here = source.guest(state), target.guest(state)
    found = [kernel(source, "timer code it left", expect[0]),
             kernel(target, "timer code it came to", expect[1]),
             *trouble(there, "saving"), *trouble(here, "loading")]
    pair = Pair.of(there, here)
    if pair:
        found += [stood_still(pair), forward(pair), clocks(pair), *timers(pair),
                  naps(pair, "monotonic"), naps(pair, "boottime"), disk(pair)]
    else:
        found.append(Proof("the guest", "did not come to its end", False))
    return found + [proofs.power_off(here), proofs.log("guest's kernel log", guest_log),
                    proofs.log("first machine's kernel log", source.log),
                    proofs.log("second machine's kernel log", target.log)]
