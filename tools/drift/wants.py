# SPDX-License-Identifier: GPL-2.0
"""What our code says of C: the definitions that it stands for, and those that it uses."""

import os
import re
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import csource
from trees import TOP, Failure

RUST = "arch/arm64/kvm/rust"
# Folders, and their roots, whose files stand for C. The rest is mechanism, and may say so too.
POLICY = ("timer", "hyp", "vgic", "gic")
# What C's options take out beside the objects: headers of the hypervisor's that these are made of.
KVM = "arch/arm64/kvm"
# How helpers are named and marked.
OUR_HELPER = re.compile("rust_helper_|__rust_helper|__kvm_rust_|__kprobes")
# How functions of ours that C calls are named, where C has no name for them.
OWN_EXPORTS = "kvm_arm64_"
REPLACED_HEADERS = ("hyp/include/hyp/debug-sr.h", "hyp/include/hyp/switch.h", "hyp/include/hyp/sysreg-sr.h")

MIRRORS = re.compile(r"^//! Mirrors:(.*(?:\n//!     \S.*)*)", re.M)
# What bindgen makes bindings:: of. Inline functions are not among it, but for helpers.
BOUND = csource.TYPES + csource.MENTIONS + ("constant", "variable", "object", "enumerator", "cpucap", "sysreg", "field")
# In macros' arguments, names of C stand without bindings::.
USES = ((re.compile(r"\bbindings::(\w+)"), BOUND),
        (re.compile(r"\b(ARM64_[A-Z]\w+)"), ("cpucap",)),
        (re.compile(r"\b(vcpu_sysreg_\w+)"), BOUND),
        (re.compile(r"\bis_enabled!\((\w+)[,)]"), csource.MENTIONS),
        (re.compile(r"\btrace!\(\s*(\w+)"), ("object",)),
        (re.compile(r"#\[export\]\s*(?:#\[[^]]*\]\s*)*(?:pub(?:\([^)]*\))?\s+)?unsafe extern \"C\" fn (\w+)"),
         csource.MENTIONS),
        (re.compile(r"^\s*(\w+)\(\w+, \w+\) => [\w:]+;", re.M), csource.MENTIONS))


@dataclass(frozen=True)
class Want:
    """A definition that a file of ours wants followed; of a use the file that has it is not known."""
    user: str
    name: str
    path: str | None = None
    kinds: tuple | None = None


def read(path):
    return (TOP / path).read_text()


def rust_files():
    return sorted(str(p.relative_to(TOP)) for p in (TOP / RUST).rglob("*.rs"))


def code(text):
    """Rust without comments."""
    return re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda m: m.group(1) or " ", text, flags=re.S)


# --- the line in the header ---------------------------------------------------------------------

def mirrored(user, text):
    """(path, name) of all that a Rust file stands for; None if it does not say."""
    head = re.match(r"(?:(?://.*)?\n|//!.*\n)*", text).group()
    lines = MIRRORS.findall(head)
    if "Mirrors:" in text.replace(head, "", 1):
        raise Failure(f"{user}: a line Mirrors: belongs into the //! header")
    if not lines:
        return None
    if len(lines) > 1:
        raise Failure(f"{user}: more than one line Mirrors:")
    said = re.sub(r"\s*\n//!\s*", " ", lines[0]).strip()
    if said.startswith("nothing, "):
        return []
    found = []
    for group in said.split(";"):
        match = re.fullmatch(r"\s*([\w./-]+\.[chS]): (\w+(?:, \w+)*)\s*", group)
        if not match:
            raise Failure(f"{user}: want 'Mirrors: FILE: NAME, NAME; FILE: NAME' or 'Mirrors: nothing, WHY', "
                          f"not {group.strip()[:60]!r}")
        found += [(match.group(1), name) for name in match.group(2).split(", ")]
    if len(found) != len(set(found)):
        raise Failure(f"{user}: names a definition twice: {max(found, key=found.count)[1]}")
    return found


def is_policy(path):
    inner = path.removeprefix(RUST + "/").removesuffix(".rs")
    return inner.split("/")[0] in POLICY and not inner.endswith("/kunit")


def is_list(text):
    """A file of nothing but modules, which stands for no C."""
    bare = re.sub(r"#!?\[[^\]]*\]", " ", code(text))
    bare = re.sub(r"\b(?:pub(?:\([^)]*\))?\s+)?(?:mod\s+\w+|use\s[^;]*);", " ", bare)
    return not bare.strip()


def silent():
    """Policy files that do not say what they stand for."""
    return [p for p in rust_files()
            if is_policy(p) and not is_list(read(p)) and mirrored(p, read(p)) is None]


# --- uses -----------------------------------------------------------------------------------------

@lru_cache(maxsize=1)
def own_names():
    """What Rust calls by bindings:: and is of ours: helpers, constants, what glue files define."""
    names = set()
    for folder in ("arch", "rust", "include"):
        for path in sorted((TOP / folder).rglob("*.[ch]")):
            text = path.read_text()
            for found in csource.scan(text):
                if found.kind != csource.NOTE:
                    names.add(found.name.removeprefix("rust_helper_").removeprefix("RUST_CONST_HELPER_"))
            for layout in re.findall(r"^KVM_RUST_LAYOUT\((\w+)", text, re.M):
                names |= {f"KVM_SIZEOF_{layout}", f"KVM_OFFSETOF_{layout}"}
    return frozenset(names)


def rust_uses(text):
    """{name: kinds} of what Rust code refers to."""
    bare, found = code(text), {}
    for pattern, kinds in USES:
        for name in pattern.findall(bare):
            if name not in own_names() or kinds == csource.MENTIONS and not name.startswith(OWN_EXPORTS):
                found.setdefault(name, kinds)
    return found


def helper_uses(text):
    """C's functions, macros and constants that the helpers name."""
    found = {}
    for helper in csource.scan(text):
        if helper.kind != "function":
            continue
        bare = csource.blank(helper.text)
        for match in re.finditer(r"(\.|->|\bstruct |\benum )?\b([A-Za-z_]\w*)(\s*\()?", bare):
            before, name, call = match.groups()
            if before in (".", "->") or name in csource.KEYWORDS or OUR_HELPER.match(name):
                continue
            if before or call or re.fullmatch(r"[A-Z][A-Z0-9_]+", name):
                found.setdefault(name, csource.TYPES if before else None)
    return found


def binding_uses(text):
    """C's constants in RUST_CONST_HELPER_*, and the structures whose layout is compared."""
    found = {}
    for value in re.findall(r"RUST_CONST_HELPER_\w+ = ([^;]*);", text):
        if "##" not in value and "sizeof" not in value and "offsetof" not in value:
            found.update(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", value)))
    for struct in re.findall(r"^KVM_RUST_LAYOUT\(\w+, (\w+), ", text, re.M):
        found[struct] = csource.TYPES
    return found


def wants():
    """All that is to be followed, by the file of ours that wants it."""
    found = []
    for user in rust_files():
        text = read(user)
        found += [Want(user, name, path) for path, name in mirrored(user, text) or []]
        found += [Want(user, n, None, k) for n, k in rust_uses(text).items()]
    for path in sorted((TOP / "rust/helpers").glob("*.[ch]")):
        user = str(path.relative_to(TOP))
        found += [Want(user, n, None, k) for n, k in helper_uses(path.read_text()).items()]
    for path in sorted((TOP / "rust/bindings").glob("*.h")):
        user = str(path.relative_to(TOP))
        found += [Want(user, n, None, k) for n, k in binding_uses(path.read_text()).items()]
    return found


# --- what is replaced -------------------------------------------------------------------------------

def replaced():
    """The C files whose every definition has to be somebody's."""
    setup = str(Path(__file__).resolve().parents[1] / "setup")
    if setup not in sys.path:
        sys.path.append(setup)
    import parts
    objects = [os.path.normpath(f"{KVM}/{name}") for part in parts.replaced(parts.read(TOP)).values() for name in part]
    return sorted({re.sub(r"(\.nvhe)?\.o$", ".c", o) for o in objects} | {f"{KVM}/{h}" for h in REPLACED_HEADERS})
