# SPDX-License-Identifier: GPL-2.0
"""Rules that types keep: what breaks one must not compile, for the reason that
is given, and what it should have been must compile.

The snippets are in compile_fail/*.rs, in sections:

    //# a guest without E2H
    //# error: E0308 expected `GuestHcr`, found `Hcr`
    ... code that must give that error ...
    //# instead
    ... code that must compile ...

They are compiled as a module of the crate of the Rust kernel that is built, with
its flags, up to and without the generation of code.
"""

import os
import re
import shlex
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).with_suffix("")
CRATE = Path("arch/arm64/kvm/rust")
ROOT = "kvm_arm64.rs"


class SnippetError(ValueError):
    """A file of snippets is not of the form above."""


@dataclass
class Snippet:
    name: str
    code: str = ""              # the error's, - if it has none
    text: str = ""              # a part of what is said of it
    wrong: list = field(default_factory=list)
    right: list = field(default_factory=list)


def parse(text, name):
    """The snippets of one file, each with the file's lines before the first."""
    found, common, part = [], [], None
    for number, line in enumerate(text.splitlines(), 1):
        where = f"{name}:{number}"
        if not line.startswith("//#"):
            (common if part is None else part).append(line)
            continue
        words = line.removeprefix("//#").strip()
        if words.startswith("error:"):
            match = re.fullmatch(r"error: (E\d{4}|-) (.+)", words)
            if not match or not found:
                raise SnippetError(f"{where}: no error code and text")
            found[-1].code, found[-1].text = match.groups()
        elif words == "instead":
            if not found:
                raise SnippetError(f"{where}: instead of what?")
            part = found[-1].right
        else:
            found.append(Snippet(words))
            part = found[-1].wrong
    for snippet in found:
        if not (snippet.code and snippet.wrong and snippet.right):
            raise SnippetError(f"{name}: '{snippet.name}' lacks its error, its code "
                               "or what it should be instead")
        snippet.wrong[:0] = common
        snippet.right[:0] = common
    return found


def load(folder=HERE):
    found = []
    for path in sorted(folder.glob("*.rs")):
        found += parse(path.read_text(), path.name)
    return found


def errors(output):
    """[(code, all that rustc says of it)] of its output."""
    blocks = re.split(r"(?m)^(?=error|warning)", output)
    found = [(match.group(1) or "-", block) for block in blocks
             if (match := re.match(r"error(?:\[(E\d{4})\])?: ", block))]
    return [(code, block) for code, block in found if not block.startswith("error: aborting")]


def verdict(snippet, status, output):
    """What is wrong with how rustc took the code that must not compile, or None."""
    if status == 0:
        return "it compiles"
    seen = errors(output)
    if not seen:
        return "rustc failed otherwise: " + " ".join(output.split())[-200:]
    others = sorted({code for code, _ in seen if code != snippet.code})
    if others:
        return f"error {', '.join(others)}, not {snippet.code} alone"
    if not any(snippet.text in " ".join(block.split()) for _, block in seen):
        return f"no error says '{snippet.text}'"
    return None


class Crate:
    """The crate, with a module more."""

    def __init__(self, repo, build):
        self.source = repo / CRATE
        self.objects = build / "rust"
        self.command, self.env = self._command()

    def _command(self):
        """rustc's command line and variables, of the build's own record."""
        record = self.objects / CRATE / ".kvm_arm64.o.cmd"
        line = record.read_text().splitlines()[0].split(":=", 1)[1].split(";")[0]
        words = shlex.split(line)
        env = {"RUSTC_BOOTSTRAP": "1"}
        while "=" in words[0]:
            name, value = words.pop(0).split("=", 1)
            env[name] = value
        drop = ("--emit=", "--out-dir")
        kept, skip = [], False
        for word in words:
            if skip or word.endswith(ROOT):
                skip = False
            elif word == "--out-dir":
                skip = True
            elif not word.startswith(drop):
                kept.append(word)
        return kept, env

    def check(self, code, folder):
        """rustc's status and output for the crate with this module."""
        for path in self.source.iterdir():
            if path.name != ROOT:
                (folder / path.name).symlink_to(path)
        root = folder / ROOT
        root.write_text((self.source / ROOT).read_text() + "\nmod compile_fail {\n"
                        + code + "\n}\n")
        done = subprocess.run(
            [*self.command, "--emit=metadata", "-o", str(folder / "out.rmeta"),
             "--cap-lints=allow", str(root)], cwd=self.objects,
            env={**os.environ, **self.env}, check=False, text=True,
            capture_output=True)
        return done.returncode, done.stderr

    def run(self, code):
        with tempfile.TemporaryDirectory() as folder:
            return self.check(code, Path(folder))


def all_right(snippets):
    """One module of all that must compile."""
    return "\n".join(f"mod m{at} {{\n" + "\n".join(s.right) + "\n}"
                     for at, s in enumerate(snippets))


def run(context):
    """The suite."""
    report = context.report
    try:
        snippets, crate = load(), Crate(context.repo, context.build)
    except (SnippetError, OSError, IndexError) as error:
        report.add("compile-fail", "fail", note=str(error), always=True)
        return
    status, output = crate.run(all_right(snippets))
    report.add("compile-fail/what-must-compile", "fail" if status else "pass",
               note=" ".join(output.split())[:400] if status else "")
    for snippet in snippets:
        problem = verdict(snippet, *crate.run("\n".join(snippet.wrong)))
        report.add(f"compile-fail/{re.sub(r'[^A-Za-z0-9]+', '-', snippet.name)}",
                   "fail" if problem else "pass", note=problem or "")
