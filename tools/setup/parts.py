#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""The parts of KVM/arm64 that there are in Rust, and the kernels that are named by them.

  parts.py names         prints what a name is made of
  parts.py name NAME     prints how a kernel is called for short: switch+timer+kunit is kunit
  parts.py config NAME   prints the options that it has on top of machine.config

A part is an option that takes C objects out, by the table in Kbuild. A kernel's name is what it consists of, joined
with "+": parts, or "c" (our options off), "none" (on, but no part) or "rust" (all finished parts, and what is meant if
nothing of this is named); and what is added to it, of tools/config/NAME.config, or of configurations.toml there. A line "# include: NAME.config" in one of
these takes that one in first.
"""

import re
import sys
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BASE = "KVM_ARM64_RUST"
ROW = re.compile(r"(replaces|adds)-\$\(CONFIG_(\w+)\)\s*\+=((?:\s+[\w./-]+\.o)+)\s*")
# Common to all kernels, so no part of a name.
MACHINE = "machine"
# Not to be booted.
UNSEEN = ("clippy",)
# Parts that do not yet do all that C does, so that a kernel has them only if they are named.
UNFINISHED = ()


class PartsError(Exception):
    """A line of Kbuild, or a name, that makes no sense; the message says which."""


# --- the table ----------------------------------------------------------------

def table(text, name="Kbuild"):
    """{"replaces": {option: objects}, "adds": {option: objects}}, objects by their paths below arch/arm64/kvm."""
    found = {"replaces": {}, "adds": {}}
    for number, line in enumerate(text.split("\n"), 1):
        if line.startswith("#") or not re.search(r"^\s*(replaces|adds)\b|CONFIG_", line):
            continue
        row = ROW.fullmatch(line)
        if not row:
            raise PartsError(f"{name}:{number}: want replaces-$(CONFIG_OPTION) += OBJECT.o ..., or adds-..., "
                             f"in one line; found: {line.strip()}")
        kind, option, objects = row.groups()
        found[kind].setdefault(option, []).extend(objects.split())
    return found


def read(top=TOP):
    path = Path(top) / "Kbuild"
    return table(path.read_text(), path)


def part(option):
    """What a part is called: KVM_ARM64_RUST_TIMER is timer."""
    return option.removeprefix(f"{BASE}_").lower().replace("_", "-")


def replaced(rows):
    """{part: C's objects that it takes out}"""
    return {part(option): objects for option, objects in rows["replaces"].items()}


def configurations(top=TOP):
    """{name: entry of configurations.toml}"""
    return tomllib.loads((Path(top) / "tools/config/configurations.toml").read_text())


# --- kernels ------------------------------------------------------------------

class Kernels:
    """What there is to make a name of. added: {name: text of its .config}"""

    def __init__(self, rows=None, added=None, unfinished=None):
        if unfinished is None:
            unfinished = UNFINISHED if rows is None else ()
        self.unfinished = unfinished
        rows = read() if rows is None else rows
        self.parts = {part(option): option for option in rows["replaces"]}
        # Parts with objects of their own: what others are built makes no difference to them.
        self.apart = {option for option, objects in rows["adds"].items()
                      if objects and all(o.endswith(".nvhe.o") for o in objects)}
        self.added, self.users = added, {}
        if added is None:
            self.added = {p.stem: p.read_text() for p in sorted((TOP / "tools/config").glob("*.config"))
                          if p.stem != MACHINE}
            self.users = configurations()
            self.added |= {name: "".join(f"CONFIG_{o}\n" for o in entry["options"])
                           for name, entry in self.users.items()}

    def finished(self):
        """What "rust" stands for."""
        return [p for p in self.parts if p not in self.unfinished]

    def home(self, part):
        """The kernel that has all finished parts, and this one."""
        return "rust" if part in self.finished() else "+".join([*self.finished(), part])

    def names(self):
        added = (f"+{word}" for word in self.added if word not in (*UNSEEN, *self.users))
        return " ".join(["c", "none", "rust", *self.parts, *added])

    def split(self, name):
        """The parts' side of a name, in order, and what is added."""
        words = name.split("+")
        unknown = [w for w in words if w not in ("c", "none", "rust", *self.parts, *self.added)]
        base = [w for w in words if w not in self.added]
        added = [w for w in self.added if w in words]
        if unknown or len(set(words)) != len(words) or len(base) > 1 and set(base) - set(self.parts):
            raise PartsError(f"no kernel of that name: {name}; a name is c, none, rust, or parts "
                             f"({' '.join(self.parts)}), and what is added ({' '.join(self.added)}), joined with +")
        if base not in (["c"], ["none"]):
            base = [p for p in self.parts if p in base]
            if base in ([], self.finished()):
                base = ["rust"]
        return base, added

    def name(self, name):
        """The shortest name of the same kernel: that is what its folder is called."""
        base, added = self.split(name)
        return "+".join(added if added and base == ["rust"] else base + added)

    def fragment(self, word, seen):
        """Lines of what is added, each file's once."""
        if word in seen:
            return []
        seen.add(word)
        if word not in self.added:
            raise PartsError(f"tools/config has no {word}.config")
        lines = self.added[word].split("\n")
        found = []
        for line in lines:
            included = re.fullmatch(r"# include: *(\S+)\.config", line)
            if included:
                found += self.fragment(included[1], seen)
        return found + [line for line in lines if line.startswith("CONFIG_")]

    def config(self, name):
        base, added = self.split(name)
        found = [f"CONFIG_{BASE}={'n' if base == ['c'] else 'y'}"]
        if base != ["c"]:
            found += [f"CONFIG_{option}={'y' if word in (self.finished() if base == ['rust'] else base) else 'n'}"
                      for word, option in self.parts.items()]
        seen = set()
        for word in added:
            found += self.fragment(word, seen)
        return found

    def is_tried(self, setting):
        """Whether a kernel with these of our options is worth building: unfinished parts with all that are
        finished, and nothing else; what is added with one part, or with all; parts that are apart alone, or with
        all."""
        on = {word for word, option in self.parts.items() if option in setting}
        new = on & set(self.unfinished)
        if new:
            return on == set(self.finished()) | new
        if setting & self.apart and len(on) > 1:
            return on == set(self.finished())
        added = setting - {BASE} - set(self.parts.values())
        return not added or len(on) == 1 or on == set(self.finished())

    def is_quick(self, setting):
        """Whether a kernel with these of our options is among the few that are built in each run of the tests: no
        more than one option, or all parts."""
        return len(setting - {BASE}) <= 1 or set(self.parts.values()) <= setting

    def named(self, setting):
        """The name of the kernel with these of our options on, and no others."""
        if BASE not in setting:
            return "c"
        words = [word for word, option in self.parts.items() if option in setting] or ["none"]
        for option in sorted(setting - {BASE} - set(self.parts.values())):
            adds = [word for word in self.added if self.fragment(word, set()) == [f"CONFIG_{option}=y"]]
            if not adds:
                raise PartsError(f"{option} is no part, and no file in tools/config adds it alone")
            words.append(adds[0])
        return self.name("+".join(words))


def main(what="", *names):
    kernels = Kernels()
    if what == "names" and not names:
        print(kernels.names())
    elif what == "name" and len(names) == 1:
        print(kernels.name(names[0]))
    elif what == "config" and len(names) == 1:
        print("\n".join(kernels.config(names[0])))
    else:
        sys.exit("usage: parts.py names | name NAME | config NAME")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except PartsError as error:
        sys.exit(str(error))
