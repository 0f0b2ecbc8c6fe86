#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""What a step of the patch series must hold to, without being built: what is named
in a tree with our files is there. Called as: series.py TREE; status 1 if it is not.
"""

import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "setup"))

import parts  # noqa: E402 (needs the path above)

KVM = Path("arch/arm64/kvm")
SELFTESTS = Path("tools/testing/selftests/kvm")
DOCS = Path("Documentation/virt/kvm/arm")
# Lines that the overlay adds to files of the kernel's: file, and what it names, from the tree's top.
LINES = ((KVM / "Kconfig", r'^source "(arch/arm64/kvm/rust/\S+)"', Path()),
         (KVM / "Makefile", r"^include \$\(srctree\)/(\S+/rust/\S+)", Path()),
         (KVM / "hyp/vhe/Makefile", r"^include \$\(srctree\)/(\S+/rust/\S+)", Path()),
         (KVM / "hyp/nvhe/Makefile", r"^include \$\(srctree\)/(\S+/rust/\S+)", Path()),
         (Path("rust/helpers/helpers.c"), r'^#include "(kvm_arm64\S*)"', Path("rust/helpers")),
         (Path("rust/bindings/bindings_helper.h"), r'^#include "(kvm_arm64\S*)"', Path("rust/bindings")),
         (SELFTESTS / "Makefile.kvm", r"^include (arm64/\S+)", SELFTESTS))


def text(path):
    return path.read_text() if path.is_file() else ""


def crates(tree):
    """The Rust files that Kbuild builds, and what it names and is not there."""
    rows, roots, missing = parts.table(text(tree / KVM / "rust/Kbuild"))["adds"], [], []
    for name in sorted({o for objects in rows.values() for o in objects}):
        stem = KVM / name.removesuffix(".o").removesuffix(".nvhe")
        found = [stem.with_name(stem.name + end) for end in (".rs", ".c")
                 if (tree / stem.with_name(stem.name + end)).is_file()]
        if found:
            roots += [f for f in found if f.suffix == ".rs"]
        else:
            missing.append(f"Kbuild: {name}")
    return roots, missing


def declared(source):
    """(modules around it, name, path if said) of the modules that are files, in a formatted source."""
    around, where = [], None        # [(indent, name)]
    for line in source.splitlines():
        said = re.match(r'\s*#\[path = "(\S+)"\]', line)
        found = re.match(r"(\s*)(?:pub(?:\([^)]*\))? )?mod (\w+)( \{|;)$", line)
        if said:
            where = said[1]
        elif found and found[3] == ";":
            yield [n for _, n in around], found[2], where
            where = None
        elif found:
            around.append((found[1], found[2]))
        elif around and line == around[-1][0] + "}":
            around.pop()


def modules(tree, path, root=True):
    """(file, missing) of the modules below a Rust file."""
    folder = path.parent if root or path.name == "mod.rs" else path.with_suffix("")
    for around, name, where in declared(text(tree / path)):
        inside = folder.joinpath(*around)
        options = [path.parent / where] if where else [inside / f"{name}.rs", inside / name / "mod.rs"]
        found = [o for o in options if (tree / o).is_file()]
        yield path, None if found else name
        for file in found:
            # Below what is named by its path modules lie beside it.
            yield from modules(tree, file, bool(where))


def problems(tree):
    """What is named and not there."""
    found = []
    for file, pattern, base in LINES:
        found += [f"{file}: {name}" for name in re.findall(pattern, text(tree / file), re.M)
                  if not (tree / base / name).is_file()]
    roots, missing = crates(tree)
    found += missing
    for root in roots:
        found += [f"{file}: mod {name}" for file, name in modules(tree, root) if name]
    found += [f"Makefile.rust: {name}" for name in re.findall(
                  r"^TEST_GEN_\w+ \+= (\S+)", text(tree / SELFTESTS / "arm64/Makefile.rust"), re.M)
              if not (tree / SELFTESTS / f"{name}.c").is_file()]
    index = text(tree / DOCS / "rust/index.rst").partition("toctree")[2]
    found += [f"rust/index.rst: {name}" for name in re.findall(r"^   (\w[\w-]*)$", index, re.M)
              if not (tree / DOCS / f"rust/{name}.rst").is_file()]
    if re.search(r"^ +rust/index$", text(tree / DOCS / "index.rst"), re.M) and not index:
        found.append("index.rst: rust/index")
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    told = problems(Path(sys.argv[1]))
    print("\n".join(told))
    sys.exit(1 if told else 0)
