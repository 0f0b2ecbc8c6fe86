#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of what is concluded from a migrated guest's words."""

import unittest

import migration
from test_machines import CLEAN

# 1 GHz: the counter is in nanoseconds. In the first machine it is the clock
# minus 100 s, in the second one minus 150 s; it stands still at 20 s.
FIRST = """\
@@host: 2.00 options
@@host: 2.05 symbols timer=0
@@host: 2.10 save state=c
@@host: 9.00 up
@@host: 9.50 ping try=1 sent=118000000 got=118002000 count=18001000000
@@host: 9.60 ping try=1 sent=119000000 got=119004000 count=19001000000
@@host: 10.00 paused try=1 after=119999000 before=120001000
@@host: 12.00 saved bytes=1
"""
SECOND = """\
@@host: 2.00 options CONFIG_KVM_ARM64_RUST_TIMER=y
@@host: 2.05 symbols timer=9
@@host: 2.10 load state=c
@@host: 4.10 resumed try=1 after=169999000 before=170001000
@@host: 5.00 wakes new=100 asked=9
@@host: 5.10 ping try=1 sent=172000000 got=172002000 count=22001000000
@@host: 5.20 ping try=1 sent=172100000 got=172102000 count=22101000000
@@host: 0 @@guest: counter freq=1000000000 backward=0
@@host: 0 @@guest: ticks cpu=0 period=10000000 ticks=1000 wakes=900 begin0=13999990000 begin1=14000010000 end=24003000000 late=4000000 silent=7 silent-until=1
@@host: 0 @@guest: ticks cpu=1 period=10000000 ticks=1000 wakes=900 begin0=13999990000 begin1=14000010000 end=24003000000 late=4000000 silent=7 silent-until=1
@@host: 0 @@guest: clock name=monotonic low=100 high=200
@@host: 0 @@guest: clock name=raw low=300 high=200
@@host: 0 @@guest: clock name=boottime low=100 high=200
@@host: 0 @@guest: nap name=monotonic asked=2000000000 slept=2001000000 begin=17000000000 end=19001500000
@@host: 0 @@guest: nap name=monotonic asked=2000000000 slept=2001000000 begin=19002000000 end=21003000000
@@host: 0 @@guest: nap name=boottime asked=2000000000 slept=2001000000 begin=19002000000 end=21003000000
@@host: 0 @@guest: read begin=19700000000 end=20200000000 right=1
@@host: 0 @@guest: read begin=20200000001 end=20700000000 right=1
@@host: 7.00 @@guest: irqs timer=100,100, disk=2 chip=ITS-PCI-MSIX-0000:00:01.0
@@host: 7.50 @@guest: end
@@host: 8.00 stop status=0
"""


def hear(text):
    """A machine that said this."""
    machine = migration.Machine(log=CLEAN)
    for line in text.splitlines():
        machine.hear(line, 0)
    return machine


def bad(first=FIRST, second=SECOND, expect=("c", "rust"), log=CLEAN):
    """Names of the proofs that fail."""
    found = migration.judge(hear(first), hear(second), "c", expect, log)
    return [p.name for p in found if not p.ok]


class Migration(unittest.TestCase):
    """Each proof holds for a good story and fails for its own bad one."""

    COUNTER = "counter while it was stopped"

    def changed(self, old, new, text=SECOND):
        """The proofs that fail if the story is another one in the second machine."""
        self.assertIn(old, text)
        return bad(second=text.replace(old, new))

    def test_good(self):
        self.assertEqual(bad(), [])

    def shifted(self, by_us):
        """The guest's counter in the second machine is off."""
        text = SECOND
        for us in (22001000, 22101000):
            text = text.replace(f"count={us}000", f"count={us + by_us}000")
        return bad(second=text)

    def test_counter_within_what_was_seen(self):
        self.assertEqual(self.shifted(2000), [])
        self.assertEqual(self.shifted(-2000), [])

    def test_counter_jumps(self):
        self.assertEqual(self.shifted(10000), [self.COUNTER])
        self.assertEqual(self.shifted(-10000), [self.COUNTER])

    def test_stopped_for_long(self):
        # Neither how long it took nor what other work there was matters.
        slow = FIRST.replace("after=119999000", "after=110000000")
        self.assertEqual(bad(first=slow), [])

    def again(self, text, pings, said):
        """An attempt before the one in a text, with another difference between the clocks."""
        line = next(l for l in text.splitlines(True) if said in l)
        first = "".join(l.replace("count=", "count=77") for l in text.splitlines(True)
                        if "ping" in l) if pings else ""
        before = (first + line.replace("after=1", "after=0")).splitlines(True)
        return text.replace("try=1", "try=2").replace(
            line.replace("try=1", "try=2"), "".join(before) + line.replace("try=1", "try=2"))

    def test_measured_again(self):
        self.assertEqual(bad(first=self.again(FIRST, True, "paused")), [])
        self.assertEqual(bad(second=self.again(SECOND, False, "resumed")), [])

    def test_another_rate(self):
        self.assertEqual(self.changed("count=22101000000", "count=22201000000"), [self.COUNTER])

    def test_backward(self):
        self.assertEqual(self.changed("backward=0", "backward=1"), ["counter goes forward only"])

    def test_clocks(self):
        name = ["clocks against the counter"]
        self.assertEqual(self.changed("raw low=300", "raw low=1000000"), name)
        self.assertEqual(self.changed("clock name=raw low=300 high=200", ""), name)

    def test_ticks(self):
        for ticks in (998, 1001):
            self.assertEqual(self.changed("cpu=1 period=10000000 ticks=1000",
                                          f"cpu=1 period=10000000 ticks={ticks}"),
                             ["periodic timer, CPU 1"])

    def test_silent(self):
        self.assertEqual(bad(second=SECOND.replace("silent=7", "silent=151", 1)),
                         ["periodic timer, CPU 0"])

    def test_late_as_all_is(self):
        late = SECOND.replace("late=4000000", "late=3000000000").replace(
            "slept=2001000000 begin=19002000000", "slept=4001000000 begin=19002000000")
        self.assertEqual(bad(second=late), [])

    def test_sleeps(self):
        name = ["sleep, boottime"]
        sleep = "boottime asked=2000000000 slept="
        self.assertEqual(self.changed(f"{sleep}2001", f"{sleep}1999"), name)
        self.assertEqual(self.changed(f"{sleep}2001", f"{sleep}3600"), name)

    def test_no_sleep_across(self):
        text = "".join(l for l in SECOND.splitlines(True)
                       if "name=monotonic asked" not in l or "=17000" in l)
        self.assertEqual(bad(second=text), ["sleep, monotonic"])

    def test_disk(self):
        name = ["MSI of virtio-blk"]
        self.assertEqual(self.changed("end=20700000000 right=1", "end=20700000000 right=0"), name)
        self.assertEqual(self.changed("read begin=20200000001", "write begin=20200000001"), name)
        self.assertEqual(self.changed("disk=2", "disk=1"), name)
        self.assertEqual(self.changed("ITS-PCI-MSIX", "GICv3"), name)

    def test_other_code(self):
        self.assertEqual(bad(expect=("c", "c")), ["timer code it came to"])
        self.assertEqual(bad(expect=("rust", "rust")), ["timer code it left"])

    def test_dies(self):
        cut = "".join(SECOND.splitlines(True)[:5]) + "@@host: 70.0 trouble no answer\n"
        self.assertEqual(bad(second=cut), ["loading", "the guest", "power-off"])
        self.assertEqual(bad(first="".join(FIRST.splitlines(True)[:2])), ["the guest"])

    def test_logs(self):
        self.assertEqual(bad(log=CLEAN + "[ 3.000000] rcu: INFO: rcu_preempt stall\n"),
                         ["guest's kernel log"])

    def test_two_guests(self):
        second = "".join(SECOND.splitlines(True)[2:]).replace("state=c", "state=rust")
        machine = hear(SECOND + second.replace("disk=2", "disk=3"))
        self.assertEqual([machine.guest(n).get("irqs")["disk"] for n in ("c", "rust")],
                         ["2", "3"])
        self.assertEqual(machine.guest("none").said, {})


if __name__ == "__main__":
    unittest.main()
