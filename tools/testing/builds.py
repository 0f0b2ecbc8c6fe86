# SPDX-License-Identifier: GPL-2.0
"""Kernels that only some tests need, built by the set-up's own script."""

from jobs import EVERYTHING, Job


def build(context, name, variant):
    """Builds a kernel; the tests that need it find what came of it."""
    log = context.logs / name / "build.log"
    status = context.run([context.setup / "kernel", variant], log, timeout=3600)
    if status != 0:
        context.report.add(f"{name}/build", "fail", always=True, rerun=name,
                           note=f"the {variant} kernel does not build "
                           f"(exit {status}); see {log}")
        # An older image would pass for what does not even build.
        context.image(variant).unlink(missing_ok=True)


def job(name, variant):
    return Job(name, lambda context: build(context, name, variant), EVERYTHING)
