# SPDX-License-Identifier: GPL-2.0
"""The parts of KVM/arm64 that there are in Rust, and their objects: the table in Kbuild, as make reads it."""

import re
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BASE = "KVM_ARM64_RUST"
ROW = re.compile(r"(replaces|adds)-\$\(CONFIG_(\w+)\)\s*\+=((?:\s+[\w./-]+\.o)+)\s*")


class PartsError(Exception):
    """Kbuild does not say what it should; the message names the line."""


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
