# SPDX-License-Identifier: GPL-2.0
"""What has become of each definition in another tree."""

import difflib
from dataclasses import dataclass, field

import ackfile
import csource
import wants as ours
from trees import PLACES, TABLES, Failure


@dataclass
class Verdict:
    path: str
    name: str
    status: str             # same, changed, gone, moved, unread, exempt
    kind: str = ""
    moved_to: str = ""
    diff: list = field(default_factory=list)
    users: list = field(default_factory=list)


def rank(path):
    place = next((i for i, p in enumerate(PLACES) if path.startswith(p + "/")), len(PLACES))
    return place, path.count("/"), path


def is_header(path):
    """Where something to use can be. A helper in the kernel's own rust/ is as good as a header."""
    return path.endswith(".h") or path.startswith("rust/helpers/") or path in TABLES


def in_c(want):
    """What a name may be in C, given how bindgen makes names: (name, kinds), the likelier first."""
    if want.kinds == ours.BOUND:
        yield "rust_helper_" + want.name, ("function",)
    yield want.name, want.kinds
    if want.kinds == ours.BOUND:
        for i in range(len(want.name) - 1, 0, -1):
            if want.name[i] == "_":
                yield want.name[:i], ("struct", "union", "enum")


def like(kind):
    """The kinds that something of this kind may become without being something else."""
    for group in (csource.TYPES, csource.MENTIONS):
        if kind in group:
            return group
    return ("function", "macro", "constant", "variable", "object", "enumerator", "cpucap", "sysreg", "field", csource.NOTE)


def look(tree, entry, kind):
    """The definitions that an entry stands for in a tree. One that is only mentioned is not there."""
    return tree.named(*entry, like(kind)) or (kind in csource.MENTIONS and tree.named(*entry)) or []


def kind_of(found):
    return found[0].kind


def text_of(found):
    return "\n\n".join(d.text for d in found)


# --- from uses to definitions -----------------------------------------------------------------------

def by_name(base):
    """The entries of a base that a use can mean."""
    names = {}
    for path, name in sorted(base.entries, key=lambda e: rank(e[0])):
        if is_header(path):
            names.setdefault(name, []).append((path, name))
    return names


def entry_of(want, base, names):
    """The entry of the base that stands for a want; None if it has none yet."""
    if want.path:
        return (want.path, want.name) if (want.path, want.name) in base.entries else None
    for name, kinds in in_c(want):
        for entry in names.get(name, ()):
            if not kinds or base.entries[entry][1] in kinds:
                return entry
    return None


def find(tree, wanted):
    """{want: (path, name), kind} for uses, by a search of the whole tree; missing if there is none."""
    words = {name for want in wanted for name, _ in in_c(want)}
    places = tree.search(words)
    for word in words:
        # What a table has is not spelt out there.
        places[word] += TABLES
    found = {}
    for want in wanted:
        for name, kinds in in_c(want):
            hits = []
            for path in filter(is_header, places[name]):
                there = tree.named(path, name, kinds)
                if there:
                    kind = kind_of(there)
                    hits.append((kind in csource.MENTIONS, rank(path), kind))
            if hits:
                _, where, kind = min(hits)
                found[want] = ((where[2], name), kind)
                break
    return found


# --- verdicts ---------------------------------------------------------------------------------------

def judge(entry, base, tree, old=None):
    path, name = entry
    digest, kind = base.entries[entry]
    found = look(tree, entry, kind)
    if not found:
        return Verdict(path, name, "gone", kind)
    if csource.digest(found) == digest:
        return Verdict(path, name, "same", kind)
    return Verdict(path, name, "changed", kind, diff=differences(entry, base, old, found, tree))


def differences(entry, base, old, found, tree):
    """A unified diff, if the old tree still has the text that was read."""
    digest, kind = base.entries[entry]
    before = look(old, entry, kind) if old else []
    if not before or csource.digest(before) != digest:
        return []
    return list(difflib.unified_diff(text_of(before).expandtabs().splitlines(), text_of(found).expandtabs().splitlines(),
                                     old.version, tree.version, lineterm=""))


def trace(lost, base, tree, old=None):
    """Looks for what is gone from its file in all others."""
    if not lost:
        return
    places = tree.search({v.name for v in lost})
    for verdict in lost:
        digest, kind = base.entries[verdict.path, verdict.name]
        hits = []
        for path in places[verdict.name]:
            found = look(tree, (path, verdict.name), kind)
            if kind in csource.MENTIONS and not is_header(path):
                continue
            if path != verdict.path and found:
                hits.append((csource.digest(found) != digest, rank(path), found))
        if hits:
            changed, where, found = min(hits, key=lambda h: h[:2])
            verdict.status, verdict.moved_to = "moved", where[2]
            if changed:
                verdict.diff = differences((verdict.path, verdict.name), base, old, found, tree)


def compare(base, tree, old=None, wanted=None):
    """A verdict on all that our code refers to."""
    names, verdicts = by_name(base), {}
    for want in ours.wants() if wanted is None else wanted:
        entry = entry_of(want, base, names)
        if (want.user, want.name) in base.exempt:
            key, made = (want.user, want.name), lambda w=want: Verdict(w.user, w.name, "exempt")
        elif entry:
            key, made = entry, lambda e=entry: judge(e, base, tree, old)
        else:
            key = (want.path or "", want.name)
            made = lambda w=want: Verdict(w.path or "", w.name, "unread")
        if key not in verdicts:
            verdicts[key] = made()
        if want.user not in verdicts[key].users:
            verdicts[key].users.append(want.user)
    trace([v for v in verdicts.values() if v.status == "gone"], base, tree, old)
    return list(verdicts.values())


def forgotten(base, tree, wanted=None):
    """Definitions of replaced files that nobody stands for: (path, name, kind)."""
    claimed = {(w.path, w.name) for w in (ours.wants() if wanted is None else wanted) if w.path}
    claimed |= set(base.exempt)
    found = []
    for path in ours.replaced():
        definitions = tree.definitions(path)
        skip = csource.guards(definitions)
        for d in definitions:
            if d.kind in csource.MENTIONS + ("enumerator",) or d.name in skip:
                continue
            if (path, d.name) not in claimed:
                found.append((path, d.name, d.kind))
    return list(dict.fromkeys(found))


# --- acknowledging ------------------------------------------------------------------------------------

def acknowledge(base, tree, only=()):
    """A new base with the hashes of `tree`: all, or those of some names, or of some of our files."""
    wanted = [w for w in ours.wants() if (w.user, w.name) not in base.exempt]
    names = by_name(base)
    entries, lost = {}, []
    for want in wanted:
        entry = (want.path, want.name) if want.path else entry_of(want, base, names)
        kind = base.entries[entry][1] if entry in base.entries else "function"
        found = look(tree, entry, kind) if entry else []
        if found:
            entries[want] = (entry, kind_of(found))
        else:
            lost.append(want)
    entries.update(find(tree, [w for w in lost if not w.path]))
    # What is new: a mirrored type, which has no entry yet.
    for want in lost:
        found = want.path and tree.named(want.path, want.name)
        if found and kind_of(found) not in csource.MENTIONS:
            entries[want] = ((want.path, want.name), kind_of(found))
    missing = [w for w in wanted if w not in entries]
    new = ackfile.Base(base.version, {}, dict(base.exempt))
    chosen = set()
    for want, (entry, kind) in entries.items():
        if not only or want.name in only or entry[1] in only or any(want.user.endswith(o) for o in only):
            chosen.add(want)
            new.entries[entry] = (csource.digest(look(tree, entry, kind)), kind)
        elif entry in base.entries:
            new.entries.setdefault(entry, base.entries[entry])
    if only:
        unknown = [o for o in only if not any(o in (w.name, entries[w][0][1]) or w.user.endswith(o) for w in chosen)]
        if unknown:
            raise Failure(f"{unknown[0]}: neither a definition that our code refers to and {tree.name} has, "
                          "nor a file of ours that refers to any")
        for want in missing:
            entry = entry_of(want, base, names)
            if entry:
                new.entries.setdefault(entry, base.entries[entry])
    elif missing:
        first = missing[0]
        raise Failure(f"{tree.name} has no {first.path + ': ' if first.path else ''}{first.name}, which {first.user} "
                      f"refers to" + (f" ({len(missing)} such names: "
                                      + ", ".join(sorted({w.name for w in missing})) + ")" if len(missing) > 1 else ""))
    else:
        new.version = tree.version
    return new
