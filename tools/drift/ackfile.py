# SPDX-License-Identifier: GPL-2.0
"""tools/drift/base: the C that our code was last read against, a hash a definition."""

import re
from dataclasses import dataclass, field

from trees import TOP, Failure

PATH = TOP / "tools/drift/base"
HEAD = """\
# SPDX-License-Identifier: GPL-2.0
#
# The definitions of C that our code stands for or uses, as it was last read against: hash, kind, file: name.
# Written by "make drift-ack"; a port and its line go into one commit. Lines "exempt FILE: NAME # WHY" are written
# by hand: FILE is a replaced file of C of which NAME needs no counterpart, or a file of ours whose NAME is not followed.
"""


@dataclass
class Base:
    version: str = ""
    entries: dict = field(default_factory=dict)     # (path, name): (hash, kind)
    exempt: dict = field(default_factory=dict)      # (path, name): why

    def write(self):
        lines = [HEAD, f"version {self.version}\n\n"]
        lines += [f"exempt {path}: {name} # {why}\n" for (path, name), why in sorted(self.exempt.items())]
        lines.append("\n")
        lines += [f"{digest} {kind} {path}: {name}\n"
                  for (path, name), (digest, kind) in sorted(self.entries.items())]
        return "".join(lines)


def parse(text, where=PATH):
    base = Base()
    for number, line in enumerate(text.splitlines(), 1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        version = re.fullmatch(r"version (\S+)", line)
        exempt = re.fullmatch(r"exempt (\S+): (\w+) # (\S.*)", line)
        entry = re.fullmatch(r"([0-9a-f]{16}) (\w+) (\S+): (\w+)", line)
        if version:
            base.version = version.group(1)
        elif exempt:
            base.exempt[exempt.group(1), exempt.group(2)] = exempt.group(3)
        elif entry:
            base.entries[entry.group(3), entry.group(4)] = (entry.group(1), entry.group(2))
        else:
            raise Failure(f"{where}:{number}: neither 'version', 'exempt FILE: NAME # WHY' nor 'HASH KIND FILE: NAME'")
    return base


def load(path=PATH):
    try:
        return parse(path.read_text(), path)
    except FileNotFoundError:
        return Base()
