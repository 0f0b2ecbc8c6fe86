# SPDX-License-Identifier: GPL-2.0
"""Which commits changed a definition, where the tree is a git tree with the base's tag."""

import subprocess

import csource
from trees import Failure, Revision


def git(repo, *arguments):
    done = subprocess.run(["git", "-C", repo, *arguments], text=True, capture_output=True, check=False)
    if done.returncode:
        raise Failure(f"{repo}: git {arguments[0]}: {(done.stderr.strip() or 'failed').splitlines()[-1]}")
    return done.stdout


def check(repo, version):
    """The range of commits since the base."""
    tag = f"v{version}"
    try:
        git(repo, "rev-parse", "-q", "--verify", f"{tag}^{{commit}}")
    except Failure:
        raise Failure(f"--upstream: {repo} is no git tree that has the tag {tag}") from None
    return f"{tag}..HEAD"


def commits(repo, version, verdicts):
    """{(path, name): ["hash subject"]}: commits that changed the text, newest first. Reading the file before and
    after each commit is exact, and quicker than git log -L, which follows one function at a time."""
    between = check(repo, version)
    found = {}
    by_path = {}
    for verdict in verdicts:
        for path in {verdict.path, verdict.moved_to} - {""}:
            by_path.setdefault(path, []).append(verdict)
    for path, there in sorted(by_path.items()):
        log = git(repo, "log", "--no-merges", "--format=%H %h %s", between, "--", path).splitlines()
        for line in log:
            commit, shown = line.split(" ", 1)
            after, before = Revision(repo, commit), Revision(repo, commit + "^")
            for verdict in there:
                texts = [csource.digest(tree.named(path, verdict.name)) for tree in (before, after)]
                said = found.setdefault((verdict.path, verdict.name), [])
                if texts[0] != texts[1] and shown not in said:
                    said.append(shown)
    return found
