#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""kbuild_lists.py CLEAN APPLIED: has make read the Makefiles of two trees, without the overlay and with it, for each
combination of parts. What is gone from C's lists must be what Kbuild replaces, and all of that; what has come what
it adds.
"""

import itertools
import posixpath
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the source tree stays clean
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "setup"))

import parts

KVM = "arch/arm64/kvm"
# The folders that have lists of objects, and what each list is called.
LISTS = {"": "kvm-y", "hyp/vhe": "obj-y", "hyp/nvhe": "hyp-obj-y"}


def listed(tree, folder, name, options):
    """Objects that a Makefile lists, by their paths below arch/arm64/kvm."""
    obj = posixpath.join(KVM, folder).rstrip("/")
    lines = [f"srctree := {tree}", f"obj := {obj}", f"src := {tree}/{obj}",
             *(f"CONFIG_{option} := y" for option in options),
             ".PHONY: list", f"list: ; @echo $({name})", f"include {tree}/{obj}/Makefile"]
    done = subprocess.run(["make", "-s", "-f", "-", "list"], input="\n".join(lines), text=True,
                          capture_output=True, check=True)
    found = [posixpath.normpath(posixpath.join(folder, word)) for word in done.stdout.split()]
    if name == "hyp-obj-y":
        found = [o.removesuffix(".o") + ".nvhe.o" for o in found]
    return found


def check(clean, applied, rows, chosen):
    """What is wrong with the lists for these options, in lines."""
    wrong, gone, come = [], set(), set()
    for folder, name in LISTS.items():
        before, after = (listed(tree, folder, name, chosen) for tree in (clean, applied))
        if len(before) < 5:
            wrong.append(f"only {len(before)} objects in {folder or KVM}")
        wrong += [f"{o} twice" for o in sorted(set(after)) if after.count(o) > max(1, before.count(o))]
        kept = [o for o in after if o in before]
        if kept != [o for o in before if o in after]:
            wrong.append(f"another order in {folder or KVM}")
        gone |= set(before) - set(after)
        come |= set(after) - set(before)
    for kind, found in (("replaces", gone), ("adds", come)):
        want = {o for option in chosen for o in rows[kind].get(option, [])}
        wrong += [f"Kbuild {kind} {o}, but the lists are the same" for o in sorted(want - found)]
        wrong += [f"not in what Kbuild {kind}: {o}" for o in sorted(found - want)]
    return wrong


def main(clean, applied):
    try:
        rows = parts.read(Path(applied) / KVM / "rust")
    except parts.PartsError as error:
        sys.exit(str(error))
    options = sorted(set(rows["replaces"]) | set(rows["adds"]))
    failed = False
    for count in range(len(options) + 1):
        for chosen in itertools.combinations(options, count):
            for line in check(clean, applied, rows, chosen):
                print(f"{' '.join(chosen) or 'all off'}: {line}")
                failed = True
    return int(failed or not options)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
