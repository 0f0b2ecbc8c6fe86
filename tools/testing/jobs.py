# SPDX-License-Identifier: GPL-2.0
"""Runs jobs side by side as far as the CPUs allow. A machine takes one slot;
a kernel build takes them all, for it would spoil every time measured beside it."""

import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

sys.path.insert(0, str(Path(__file__).with_name("qemu")))
import patience  # noqa: E402 (needs the path above)

EVERYTHING = 1 << 16


@dataclass
class Job:
    name: str
    run: Callable                   # run(context)
    slots: int = 1


class Children:
    """The processes in flight, so that Ctrl-C leaves none behind."""

    def __init__(self):
        self._lock = threading.Lock()
        self._running = set()
        self.stopping = False

    def run(self, command, log, timeout=None, stop=None, **kwargs):
        """Run a command with output into the file `log`; its exit status, or
        None if it was ended for the timeout, in seconds in which it could get on,
        or because `stop(seconds)` said so."""
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "wb") as out:
            process = self._start(command, stdout=out, stderr=subprocess.STDOUT,
                                  stdin=subprocess.DEVNULL, **kwargs)
            clock = patience.Clock(process.pid)
            try:
                while True:
                    try:
                        return process.wait(0.5)
                    except subprocess.TimeoutExpired:
                        seconds = clock.seconds()
                        late = timeout and seconds > timeout
                        if late or (stop and stop(seconds)):
                            self._end(process)
                            return None
            finally:
                with self._lock:
                    self._running.discard(process)

    def _start(self, command, **kwargs):
        with self._lock:
            if self.stopping:
                raise InterruptedError("the run is being stopped")
            process = subprocess.Popen([str(c) for c in command],
                                       start_new_session=True, **kwargs)
            self._running.add(process)
            return process

    @staticmethod
    def _end(process):
        """Interrupt the child's group as Ctrl-C would: make and run-machine
        then end what they started."""
        for sig, patience in ((signal.SIGINT, 15), (signal.SIGKILL, None)):
            if process.poll() is not None:
                return
            try:
                os.killpg(process.pid, sig)
                process.wait(patience)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                continue

    def end_all(self):
        with self._lock:
            self.stopping = True
            running = list(self._running)
        for process in running:
            self._end(process)


class Scheduler:
    """Starts jobs in order, each as soon as its slots are free."""

    def __init__(self, capacity, report):
        self.capacity = capacity
        self.report = report
        self._free = capacity
        self._changed = threading.Condition()

    def run(self, jobs, context):
        threads = []
        for job in jobs:
            need = min(job.slots, self.capacity)
            with self._changed:
                while self._free < need:
                    self._changed.wait()
                self._free -= need
            thread = threading.Thread(target=self._work, args=(job, need, context),
                                      name=job.name, daemon=True)
            thread.start()
            threads.append(thread)
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)

    def _work(self, job, need, context):
        started = time.monotonic()
        try:
            job.run(context)
        except InterruptedError:
            pass
        except Exception as error:      # a broken suite must show as failed
            log = context.logs / job.name / "traceback.log"
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text(traceback.format_exc())
            self.report.add(job.name, "fail", time.monotonic() - started,
                            f"{type(error).__name__}: {error} (see {log})",
                            always=True)
        finally:
            self.report.took(job.name, time.monotonic() - started)
            with self._changed:
                self._free += need
                self._changed.notify_all()
