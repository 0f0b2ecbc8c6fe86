# SPDX-License-Identifier: GPL-2.0
"""Time limits that other load on this machine does not shorten.

What is waited for gets its time; the time in which its threads were ready to run
and had no CPU is not held against it. Where the kernel does not count that time
(schedstat), limits are those of the wall clock.
"""

import os
import time
from pathlib import Path

PROC = Path("/proc")
# So that the end comes even where everything waits all the time.
MOST_WAITING = 0.9


def slowness():
    """By how much what a machine does on its own clock may take longer now."""
    load = os.getloadavg()[0] / (os.cpu_count() or 1)
    return min(max(1.0, load), 10.0)


def family(pid, proc=PROC):
    """A process and all below it."""
    found, left = [], [pid]
    while left:
        one = left.pop()
        found.append(one)
        for task in _tasks(one, proc):
            left += map(int, _read(task / "children").split())
    return found


def _tasks(pid, proc):
    try:
        return list((proc / str(pid) / "task").iterdir())
    except OSError:
        return []


def _read(path):
    try:
        return path.read_text()
    except OSError:
        return ""


def waiting(pid, proc=PROC):
    """Thread -> seconds it has waited for a CPU, of a process and all below it."""
    found = {}
    for one in family(pid, proc):
        for task in _tasks(one, proc):
            words = _read(task / "schedstat").split()
            if len(words) >= 2:
                found[task.name] = int(words[1]) / 1e9
    return found


class Clock:
    """Seconds in which a process, with all below it, could get on."""

    def __init__(self, pid, now=time.monotonic, waits=waiting):
        self._pid, self._now, self._waits = pid, now, waits
        self._last, self._waited = now(), {}
        self._seconds = 0.0

    def seconds(self):
        """To be asked often: a thread that ended in between is not counted."""
        now, waited = self._now(), self._waits(self._pid)
        wall = now - self._last
        lost = sum(w - self._waited.get(t, 0.0) for t, w in waited.items())
        self._seconds += wall - min(max(lost, 0.0), MOST_WAITING * wall)
        self._last, self._waited = now, waited
        return self._seconds
