# SPDX-License-Identifier: GPL-2.0
"""The suites other than the selftest comparison: each turns a command's
output into results. A suite of which nothing ran is a failure."""

import re
import sys
import time
import tomllib

import builds
import compile_fail
import style
import tap
from jobs import EVERYTHING, Job

FAST_GUESTS = ("vhe", "nvhe", "gicv2")
# Guests on other kernels than the Rust one: result name, kernel, machine.
OTHER_GUESTS = (("vhe-debug", "debug", "vhe"), ("nvhe-debug", "debug", "nvhe"),
                ("vhe-distro", "distro", "vhe-max"), ("nvhe-distro", "distro", "nvhe"),
                ("a57", "a57", "a57"))
KUNIT_MACHINES = ("vhe", "nvhe")
KUNIT_SUITES = "kvm_arm64_"
TESTING = "tools/testing"
BENCH = "tools/bench"


def slug(text):
    """A result name that a shell takes without quoting trouble."""
    return re.sub(r"[^A-Za-z0-9_.:+/=-]+", "-", text).strip("-") or "unnamed"


def report_subtests(context, prefix, subtests, seconds, log):
    for sub in subtests:
        note = f"{sub.note[:300]}; see {log}" if sub.status == "fail" else ""
        context.report.add(f"{prefix}/{slug(sub.name)}", sub.status,
                           seconds if sub is subtests[-1] else 0.0, note.lstrip("; "))


def report_run(context, prefix, subtests, status, problem, seconds, log):
    """Results of one command: its sub-tests, and what speaks against them."""
    report_subtests(context, prefix, subtests, seconds, log)
    if not subtests:
        problem = problem or f"no test ran (exit {status})"
    elif status != 0 and not any(s.status == "fail" for s in subtests):
        problem = problem or f"exit {status}, though no test failed"
    if problem:
        context.report.add(prefix, "fail", seconds, f"{problem}; see {log}",
                           always=True)


def run_tap(context, prefix, command, timeout, log=None, **kwargs):
    """A command that prints TAP, as results below `prefix`."""
    log = log or context.logs / prefix / "output.log"
    started = time.monotonic()
    status = context.run(command, log, timeout=timeout, **kwargs)
    parsed = tap.parse_tap(log.read_text(errors="replace"))
    problem = parsed.problem()
    if status is None:
        problem = f"not done within {timeout} s"
    report_run(context, prefix, parsed.subtests, status, problem,
               time.monotonic() - started, log)


# -- host and bench-tool: crates with tests, on the build machine ------------

def run_cargo(context, prefix, crate, target):
    """The tests of a crate, as results below `prefix`."""
    log = context.logs / prefix / "cargo.log"
    if not (crate / "Cargo.toml").is_file():
        context.report.add(prefix, "fail", note=f"no crate in {crate}", always=True)
        return
    cargo = context.tool("CARGO", "cargo")
    if not cargo:
        context.report.add(prefix, "fail", always=True, note="cargo is missing: "
                           "install it with 'apt-get install cargo' or rustup")
        return
    started = time.monotonic()
    command = [cargo, "test", "--release", "--no-fail-fast", "--color=never"]
    if (crate / "Cargo.lock").is_file():
        command.append("--locked")
    env = {**context.environment(), "CARGO_TARGET_DIR": str(target)}
    status = context.run(command, log, timeout=1800, cwd=crate, env=env)
    cases, announced = tap.parse_cargo(log.read_text(errors="replace"))
    problem = None
    if status is None:
        problem = "not done within 1800 s"
    elif announced != len(cases):
        problem = f"{len(cases)} results of {announced} tests announced"
    report_run(context, prefix, cases, status, problem,
               time.monotonic() - started, log)


def host(context):
    run_cargo(context, "host", context.repo / TESTING / "host", context.build / "host")


def loom(context):
    """Lock-free code in all the orders that a weak memory may show."""
    run_cargo(context, "loom", context.repo / TESTING / "host/loom", context.build / "loom")


def mutants_tool(context):
    """What puts faults into the code for 'make mutants'."""
    run_cargo(context, "mutants-tool", context.repo / TESTING / "mutants",
              context.build / "mutants/generator")


def bench_tool(context):
    run_cargo(context, "bench-tool", context.repo / BENCH, context.build / "bench/target")


# -- bench: no operation dearer than allowed ------------------------------------

def bench_machines(context):
    """The machines for which ratios are set."""
    limits = tomllib.loads((context.repo / BENCH / "gate.toml").read_text())
    return [m for m in limits if context.report.selection.may_match(f"bench/{m}")]


def bench(context):
    machines = bench_machines(context)
    if not machines:
        context.report.add("bench", "fail", note="gate.toml has no machine", always=True)
        return
    run_tap(context, "bench", [context.repo / BENCH / "bench", "gate", "check", "--tap",
                               "--machine", ",".join(machines)], 1800)


# -- registers: the order of accesses, for which emulation has no eye ---------------

def registers(context, machine):
    run_tap(context, f"registers/{machine}",
            [context.repo / BENCH / "bench", "registers", "--tap", "--machine", machine], 1800)


def register_machines(context):
    """Those that registers.toml speaks of; the fast ones, unless all or others are wanted."""
    known = tomllib.loads((context.repo / BENCH / "registers.toml").read_text())["machines"]
    named = {p.split("/")[1] for p in context.report.selection.patterns
             if p.startswith("registers/")}
    return [m for m, fast in known.items() if fast or context.all or m in named]


# -- setup: the tools of this repository --------------------------------------

def setup_tools(context):
    script = context.repo / TESTING / "setup-test"
    if not script.is_file():
        context.report.add("setup/tools", "fail", note=f"{script} is missing",
                           always=True)
        return
    run_tap(context, "setup/tools", [script], 1800)


def setup_python(context):
    run_tap(context, "setup/python",
            [sys.executable, context.repo / TESTING / "unittest_tap.py",
             context.repo / TESTING, context.repo / TESTING / "qemu"], 300)


def drift(context):
    """The tool that compares our code's C with another tree, and our code with the tree that is built."""
    run_tap(context, "style/drift",
            [sys.executable, context.repo / TESTING / "unittest_tap.py",
             context.repo / "tools/drift"], 300)


# -- kunit ---------------------------------------------------------------------

def kunit(context, machine):
    prefix = f"kunit/{machine}"
    log = context.logs / prefix / "console.log"
    image = context.image("kunit")
    if not image.is_file():
        context.report.add(prefix, "fail", note=f"no kernel {image}", always=True)
        return
    started = time.monotonic()
    status = context.run([context.qemu / "run-machine", "--machine", machine,
                          "--image", image, "--check-log", "--timeout", "180"],
                         log, timeout=240)
    report_kunit(context, prefix, log.read_text(errors="replace"), status,
                 time.monotonic() - started, log)


def report_kunit(context, prefix, console, status, seconds, log):
    ours = [s for s in tap.parse_kunit(console) if s.name.startswith(KUNIT_SUITES)]
    for suite in ours:
        problem = suite.problem()
        for case in suite.cases:
            context.report.add(f"{prefix}/{suite.name}/{slug(case.name)}", case.status)
        if suite.status == "fail" and not any(c.status == "fail" for c in suite.cases):
            problem = problem or "the suite failed, though no case did"
        if problem:
            context.report.add(f"{prefix}/{suite.name}", "fail", note=problem,
                               always=True)
    note = ""
    if not ours:
        note = f"no suite {KUNIT_SUITES}* ran"
    elif status != 0:
        note = f"run-machine exit {status}"
    context.report.add(f"{prefix}/boot", "fail" if note else "pass", seconds,
                       f"{note}; see {log}" if note else "", always=True)


# -- boot-matrix and guest -------------------------------------------------------

def boot_matrix(context):
    """Each combination with --all, and if a part of the suite is named."""
    named = any(p.startswith("boot-matrix/") for p in context.report.selection.patterns)
    run_tap(context, "boot-matrix",
            [context.repo / TESTING / "boot-matrix", *(["--all"] if context.all or named else [])], 5400)


def configurations(context, wanted):
    """Those that users have, one by one: a kernel takes minutes."""
    for name in wanted:
        run_tap(context, "configurations",
                [context.repo / TESTING / "boot-matrix", "--configurations", name], 5400,
                log=context.logs / "configurations" / f"{name}.log")


def wanted_configurations(context):
    """All of them with --all; or those that --only names."""
    sys.path.insert(0, str(context.setup))
    import parts
    selection = context.report.selection
    named = any(p.split("/")[0] == "configurations" for p in selection.patterns)
    return [n for n in parts.configurations(context.repo)
            if (context.all or named) and selection.may_match(f"configurations/{n}")]


def guest(context, machine, name=None, variant=None):
    name = f"guest/{name or machine}"
    log = context.logs / name / "output.log"
    started = time.monotonic()
    command = [context.qemu / "run-guest", "--machine", machine, "--logs", log.parent]
    if variant:
        command += ["--image", context.image(variant), "--expect", "rust"]
    status = context.run(command, log, timeout=900)
    note = ""
    if status != 0:
        note = ("not done within 900 s" if status is None else f"exit {status}")
        note = f"{note}: {last_line(log)}; see {log}"
    context.report.add(name, "fail" if note else "pass",
                       time.monotonic() - started, note)


def last_line(log):
    """What a log says went wrong: its first line of a failure, else its last."""
    lines = [l.strip() for l in log.read_text(errors="replace").splitlines() if l.strip()]
    told = [l for l in lines if l.startswith("FAIL ")] or lines[-1:] or ["no output"]
    return " ".join(told[0].split())[:200]


def named_guests(context):
    """Guests that --only names outright run without --all as well."""
    return {p.split("/")[1] for p in context.report.selection.patterns
            if p.startswith("guest/")}


def guest_machines(context):
    sys.path.insert(0, str(context.qemu))
    from machines import MACHINES
    named = named_guests(context)
    return [m for m in MACHINES
            if not MACHINES[m].kernel and (context.all or m in FAST_GUESTS or m in named)]


def other_guests(context):
    """Guests on kernels that are built for them: the builds, then the guests."""
    chosen = [g for g in OTHER_GUESTS
              if (context.all or g[0] in named_guests(context))
              and context.report.selection.may_match(f"guest/{g[0]}")]
    table = [builds.job(f"guest/{v}", v) for v in sorted({g[1] for g in chosen})]
    return table + [
        Job(f"guest/{name}", lambda ctx, g=(machine, name, variant): guest(ctx, *g))
        for name, variant, machine in chosen]


def jobs(context):
    """The jobs of these suites but for long builds."""
    table = [Job("style", style.run),
             Job("style/drift", drift),
             Job("compile-fail", compile_fail.run),
             Job("setup/python", setup_python),
             Job("setup/tools", setup_tools),
             Job("host", host),
             Job("loom", loom),
             Job("mutants-tool", mutants_tool),
             Job("bench-tool", bench_tool)]
    wants = context.report.selection.may_match
    table += [Job(f"registers/{m}", lambda ctx, m=m: registers(ctx, m), 2)
              for m in register_machines(context)]
    kunits = [Job(f"kunit/{m}", lambda ctx, m=m: kunit(ctx, m)) for m in KUNIT_MACHINES]
    kunits = [j for j in kunits if wants(j.name)]
    if kunits:
        table.append(builds.job("kunit", "kunit"))
    table += kunits
    table += [Job(f"guest/{m}", lambda ctx, m=m: guest(ctx, m))
              for m in guest_machines(context)]
    return [j for j in table if wants(j.name)] + other_guests(context)


def last_jobs(context):
    """What is long: nothing waits for it. Builds take the whole machine."""
    table = [Job("bench", bench, 2),
             Job("style/clippy", style.clippy, EVERYTHING),
             Job("boot-matrix", boot_matrix, EVERYTHING)]
    users = wanted_configurations(context)
    if users:
        table.append(Job("configurations", lambda ctx: configurations(ctx, users), EVERYTHING))
    return [j for j in table if context.report.selection.may_match(j.name)]
