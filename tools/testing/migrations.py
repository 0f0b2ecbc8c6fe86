# SPDX-License-Identifier: GPL-2.0
"""The suite that migrates running guests between the C and the Rust kernel."""

import sys

import suites
from jobs import Job

PAIRS = ("c-c", "c-rust", "rust-c", "rust-rust")
# Machines whose guests can go on in another one: as (from, to).
BETWEEN = (("vhe", "nvhe"), ("nvhe", "vhe"))
FAST, FAST_PAIRS = ("vhe",), ("c-rust", "rust-c")


def ways(context):
    """All migrations, by the name in the results: where from, and where to."""
    sys.path.insert(0, str(context.qemu))
    from machines import MACHINES
    return {**{m: (m, m) for m in MACHINES if not MACHINES[m].kernel},
            **{f"{a}-{b}": (a, b) for a, b in BETWEEN}}


def named(context):
    """The ways that --only names."""
    return {p.split("/")[1] for p in context.report.selection.patterns
            if p.startswith("migration/")}


def pairs(context, name):
    """The pairs of kernels that are wanted."""
    every = PAIRS if context.all or name in named(context) else FAST_PAIRS
    return [p for p in every if context.report.selection.matches(f"migration/{name}/{p}")]


def migrate(context, name, machine, to):
    """All pairs of a machine by one command, which saves each guest once."""
    command = [context.qemu / "run-migrate", "--machine", machine, "--to", to,
               "--logs", context.logs / "migration" / name, "--pairs", *pairs(context, name)]
    suites.run_tap(context, f"migration/{name}", command, 3600)


def jobs(context):
    """One job for each machine; with --all, or if --only names it, any."""
    return [Job(f"migration/{name}", lambda ctx, w=(name, *way): migrate(ctx, *w))
            for name, way in ways(context).items()
            if (context.all or name in FAST or name in named(context)) and pairs(context, name)]
