# SPDX-License-Identifier: GPL-2.0
"""Checks on the repository's own files: form, licence lines, size."""

import subprocess
import time

# Files whose format has no place for a comment, or which are the licence.
NO_SPDX = ("COPYING", "README.md", "LICENSE", ".lock", ".json", ".png", ".svg")
LONGEST = 600


def files(repo):
    """What belongs to the repository, as git sees it; new files included."""
    listed = subprocess.run(
        ["git", "-C", repo, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], capture_output=True, check=True).stdout
    names = sorted(set(n for n in listed.decode().split("\0") if n))
    return [repo / n for n in names if (repo / n).is_file()]


def without_spdx(paths, repo):
    bad = []
    for path in paths:
        name = str(path.relative_to(repo))
        if name.endswith(NO_SPDX) or path.name.startswith(".git"):
            continue
        head = path.read_bytes()[:1024]
        if head and b"SPDX-License-Identifier:" not in head:
            bad.append(name)
    return bad


def too_long(paths, repo):
    found = []
    for path in paths:
        lines = path.read_bytes().count(b"\n")
        if lines > LONGEST and not str(path).endswith((".lock", "COPYING", "tools/drift/base")):
            found.append(f"{path.relative_to(repo)} ({lines} lines)")
    return found


def check_spdx(context, paths):
    bad = without_spdx(paths, context.repo)
    context.report.add("style/spdx", "fail" if bad else "pass",
                       note=f"no SPDX line in {', '.join(bad)}" if bad else
                       f"{len(paths)} files")
    for text in too_long(paths, context.repo):
        context.report.say(f"warning: long file: {text}")


def _command(context, name, command, timeout):
    log = context.logs / name / "output.log"
    started = time.monotonic()
    status = context.run(command, log, timeout=timeout)
    context.report.add(name, "pass" if status == 0 else "fail",
                       time.monotonic() - started,
                       "" if status == 0 else f"exit {status}; see {log}")


def check_rustfmt(context, paths):
    if any(p.suffix == ".rs" for p in paths):
        _command(context, "style/rustfmt", [context.setup / "style", "fmt-check"], 300)
    else:
        context.report.add("style/rustfmt", "fail", note="no Rust file found")


def clippy(context):
    if context.tool("CLIPPY_DRIVER", "clippy-driver"):
        _command(context, "style/clippy", [context.setup / "style", "clippy"], 1800)
    else:
        context.report.add("style/clippy", "skip", note="no clippy-driver here")


def run(context):
    try:
        paths = files(context.repo)
    except (OSError, subprocess.CalledProcessError) as error:
        context.report.add("style/spdx", "fail", note=f"git ls-files: {error}")
        return
    check_spdx(context, paths)
    check_rustfmt(context, paths)
