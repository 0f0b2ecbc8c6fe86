# SPDX-License-Identifier: GPL-2.0
import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import patience


class Fake:
    """A clock on the wall, and threads that wait."""

    def __init__(self):
        self.wall, self.waits = 100.0, {}
        self.clock = patience.Clock(1, lambda: self.wall, lambda pid: dict(self.waits))

    def go(self, seconds, **waited):
        self.wall += seconds
        for thread, more in waited.items():
            self.waits[thread] = self.waits.get(thread, 0.0) + more
        return self.clock.seconds()


class TestClock(unittest.TestCase):
    def test_idle(self):
        self.assertEqual(Fake().go(10), 10)

    def test_waiting_does_not_count(self):
        fake = Fake()
        self.assertEqual(fake.go(10, a=4), 6)
        self.assertEqual(fake.go(10), 16)
        self.assertEqual(fake.go(10, a=2, b=3), 21)

    def test_it_always_goes_on(self):
        fake = Fake()
        self.assertAlmostEqual(fake.go(10, a=10, b=10), 1)

    def test_a_thread_that_ended(self):
        fake = Fake()
        fake.go(10, a=5)
        fake.waits = {}
        self.assertEqual(fake.go(10), 15)


class TestProc(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.proc = Path(folder.name)

    def task(self, pid, tid, waited, children=""):
        task = self.proc / f"{pid}/task/{tid}"
        task.mkdir(parents=True)
        (task / "schedstat").write_text(f"5 {waited} 1\n")
        (task / "children").write_text(children)

    def test_all_below(self):
        self.task(1, 1, 10**9, "2 ")
        self.task(1, 9, 2 * 10**9)
        self.task(2, 2, 3 * 10**9)
        self.task(3, 3, 4 * 10**9)
        self.assertEqual(patience.waiting(1, self.proc), {"1": 1.0, "9": 2.0, "2": 3.0})

    def test_a_kernel_that_does_not_tell(self):
        (self.proc / "1/task/1").mkdir(parents=True)
        self.assertEqual(patience.waiting(1, self.proc), {})
        self.assertEqual(patience.waiting(7, self.proc), {})

    def test_a_real_process(self):
        child = subprocess.Popen(["sleep", "60"])
        try:
            self.assertIn(child.pid, patience.family(os.getpid()))
        finally:
            child.kill()
            child.wait()


class TestSlowness(unittest.TestCase):
    def test_bounds(self):
        self.assertTrue(1.0 <= patience.slowness() <= 10.0)
