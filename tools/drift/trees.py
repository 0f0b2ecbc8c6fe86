# SPDX-License-Identifier: GPL-2.0
"""Kernel trees to read from: a folder, a tarball, a revision in git."""

import os
import re
import subprocess
import tarfile
from functools import cached_property, lru_cache
from pathlib import Path

import csource

TOP = Path(os.environ.get("OVERLAY_TOP") or Path(__file__).resolve().parents[2])
OVERLAY = ("arch", "rust", "include")
# Where what our code refers to is looked for, the likelier places first.
PLACES = ("arch/arm64/kvm", "arch/arm64/include", "include/kvm", "include/linux", "include/clocksource",
          "include/uapi/linux", "include/asm-generic", "include/vdso", "rust/helpers", "arch/arm64/tools")
# Tables that headers are made of.
TABLES = ("arch/arm64/tools/sysreg", "arch/arm64/tools/cpucaps")


class Failure(Exception):
    """An error for the user, in one line."""


@lru_cache(maxsize=1)
def ours():
    """Paths that are ours even where they lie in a kernel tree."""
    return frozenset(str(p.relative_to(TOP)) for folder in OVERLAY for p in (TOP / folder).rglob("*") if p.is_file())


def is_place(path):
    return (path.endswith((".c", ".h")) or path in TABLES) and path not in ours() and any(
        path.startswith(place + "/") for place in PLACES) and not path.startswith("arch/arm64/kvm/rust/")


class Tree:
    """Text by path, and the definitions in it."""

    def __init__(self, name):
        self.name = name
        self.scanned = {}

    def read(self, path):
        raise NotImplementedError

    def paths(self):
        """All files in PLACES."""
        raise NotImplementedError

    def definitions(self, path):
        if path not in self.scanned:
            text = self.read(path)
            if text is None:
                self.scanned[path] = []
            else:
                self.scanned[path] = table(path, text) if path in TABLES else csource.scan(text)
        return self.scanned[path]

    def named(self, path, name, kinds=None):
        if path == TABLES[0]:
            return [d for d in sysreg(self.read(path) or "", name) if not kinds or d.kind in kinds]
        return csource.named(self.definitions(path), name, kinds)

    @cached_property
    def version(self):
        head = self.read("Makefile") or ""
        part = dict(re.findall(r"^(VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION)[ \t]*=[ \t]*(\S*)", head[:4096], re.M))
        if "VERSION" not in part or self.read("arch/arm64/kvm/arm.c") is None:
            raise Failure(f"{self.name} is no Linux kernel tree (want a Makefile with VERSION and arch/arm64/kvm)")
        number = ".".join(part.get(p, "0") for p in ("VERSION", "PATCHLEVEL", "SUBLEVEL"))
        if number.endswith(".0"):
            number = number[:-2]
        return number + part.get("EXTRAVERSION", "")

    def search(self, names):
        """{name: [path]} of the files in PLACES that have these words."""
        names = set(names)
        found = {n: [] for n in names}
        word = re.compile(r"\w+")
        for path in self.paths():
            for name in names.intersection(word.findall(self.read(path) or "")):
                found[name].append(path)
        return found


class Folder(Tree):
    def __init__(self, path):
        super().__init__(str(path))
        self.root = Path(path)

    def read(self, path):
        try:
            return (self.root / path).read_text(errors="replace")
        except (FileNotFoundError, NotADirectoryError):
            return None

    def paths(self):
        found = [str(p.relative_to(self.root)) for place in PLACES for p in (self.root / place).rglob("*")]
        return sorted(p for p in found if is_place(p))


class Tarball(Tree):
    """All that may be wanted is read in one pass: there is no way back in a stream."""

    def __init__(self, path):
        super().__init__(str(path))
        self.texts = {}
        try:
            with tarfile.open(path, "r|*") as tar:
                for member in tar:
                    inner = member.name.removeprefix("./").partition("/")[2]
                    if member.isfile() and (inner == "Makefile" or is_place(inner)):
                        self.texts[inner] = tar.extractfile(member).read().decode(errors="replace")
        except (tarfile.TarError, EOFError, OSError) as error:
            raise Failure(f"{path}: no tarball that can be read: {error}") from None

    def read(self, path):
        return self.texts.get(path)

    def paths(self):
        return sorted(p for p in self.texts if p != "Makefile")


class Revision(Tree):
    """A commit of a git tree; single files only."""

    def __init__(self, repo, commit):
        super().__init__(commit)
        self.repo = repo

    def read(self, path):
        done = subprocess.run(["git", "-C", self.repo, "show", f"{self.name}:{path}"],
                              capture_output=True, check=False)
        return done.stdout.decode(errors="replace") if done.returncode == 0 else None


def open_tree(path):
    if os.path.isdir(path):
        return Folder(path)
    if os.path.isfile(path):
        return Tarball(path)
    raise Failure(f"{path}: no such folder or tarball; KDIR= must name a Linux kernel tree")


# --- tables ---------------------------------------------------------------------------------------

def table(path, text):
    """cpucaps has a name a line; of sysreg only the names of registers, see sysreg()."""
    if path == TABLES[1]:
        return [csource.Definition("ARM64_" + line.strip(), "cpucap", line.strip())
                for line in text.splitlines() if re.fullmatch(r"\w+", line.strip())]
    return []


def sysreg(text, name):
    """What the table says of SYS_FOO_EL1, of FOO_EL1_FIELD, FOO_EL1_FIELD_SHIFT and so on."""
    register = name.removeprefix("SYS_")
    match = re.search(rf"^Sysreg\s+{re.escape(register)}\s.*$", text, re.M)
    if name.startswith("SYS_"):
        return [csource.Definition(name, "sysreg", match.group())] if match else []
    for match in re.finditer(r"^(Sysreg|SysregFields)\s+(\w+)\b.*?^End\1$", text, re.M | re.S):
        if not name.startswith(match.group(2) + "_"):
            continue
        rest = name[len(match.group(2)) + 1:]
        for field in re.finditer(r"^(\w+)[ \t]+\d+(?::\d+)?[ \t]+(\w+)\b[^\n]*\n(?:.*?^EndEnum$)?",
                                 match.group(), re.M | re.S):
            line = field.group() if field.group(1).endswith("Enum") else field.group().splitlines()[0]
            if rest == field.group(2) or rest.startswith(field.group(2) + "_"):
                return [csource.Definition(name, "field", f"{match.group(2)}\n{line.rstrip()}\n")]
    return []
