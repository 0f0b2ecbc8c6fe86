# SPDX-License-Identifier: GPL-2.0
"""The suite that runs a guest under VMMs other than QEMU, on the C and on the Rust kernel."""

import sys
import time

import suites
from jobs import EVERYTHING, Job

SUITE = "vmm"
KERNELS = ("c", "rust")
MACHINES = ("vhe", "nvhe", "gicv2")
# What tools/setup/vmm ends with where a VMM is not to be had.
NOT_TO_BE_HAD = 3


def table(context):
    """VMM -> machines that it runs guests on."""
    sys.path.insert(0, str(context.qemu))
    from machines import MACHINES as known
    from vmms import VMMS
    return {name: [m for m in MACHINES if not vmm.problem(known[m])]
            for name, vmm in VMMS.items() if name != "qemu"}


def names(context, vmm):
    """The results that are wanted of a VMM: (machine, kernel)."""
    matches = context.report.selection.matches
    return [(m, k) for m in table(context)[vmm] for k in KERNELS
            if matches(f"{SUITE}/{vmm}/{m}/{k}")]


def get(context, vmm):
    """Builds or finds it; None, or a status and why its guests have that."""
    log = context.logs / SUITE / vmm / "build.log"
    status = context.run([context.setup / "vmm", "--if-any", vmm], log, timeout=1800)
    if status == 0:
        return None
    lines = log.read_text(errors="replace").splitlines() or [f"exit {status}"]
    return "skip" if status == NOT_TO_BE_HAD else "fail", lines[-1]


def guest(context, vmm, machine, kernel):
    """A guest that must live, on one kernel as on the other."""
    name = f"{SUITE}/{vmm}/{machine}/{kernel}"
    log = context.logs / name / "output.log"
    started = time.monotonic()
    status = context.run([context.qemu / "run-guest", "--vmm", vmm, "--machine", machine,
                          "--image", context.image(kernel), "--expect", kernel,
                          "--logs", log.parent], log, timeout=900)
    note = ""
    if status != 0:
        note = "not done within 900 s" if status is None else f"exit {status}"
        note = f"{note}: {suites.last_line(log)}; see {log}"
    context.report.add(name, "fail" if note else "pass", time.monotonic() - started, note)


class Runs:
    """The guests of a VMM."""

    def __init__(self, vmm, wanted):
        self.vmm, self.wanted = vmm, wanted
        self.missing = None

    def get(self, context):
        """The first job: each result says why, if there is no such VMM."""
        self.missing = get(context, self.vmm)
        if self.missing:
            status, note = self.missing
            for machine, kernel in self.wanted:
                context.report.add(f"{SUITE}/{self.vmm}/{machine}/{kernel}", status, note=note)

    def guests(self, context, machine):
        """The job of a machine: one guest after the other."""
        for m, kernel in self.wanted:
            if m == machine and not self.missing:
                guest(context, self.vmm, m, kernel)

    def jobs(self):
        """A job that builds takes the whole machine, and those after it wait for it."""
        return [Job(f"{SUITE}/{self.vmm}", self.get, EVERYTHING)] + [
            Job(f"{SUITE}/{self.vmm}/{machine}", lambda ctx, m=machine: self.guests(ctx, m))
            for machine in dict(self.wanted)]


def jobs(context):
    """Not in `make test`, if not by name: building a VMM takes minutes."""
    named = any(p.split("/")[0] == SUITE for p in context.report.selection.patterns)
    if not (context.all or named):
        return []
    return [job for vmm in table(context) if names(context, vmm)
            for job in Runs(vmm, names(context, vmm)).jobs()]
