# SPDX-License-Identifier: GPL-2.0
"""What the boot matrix checks about built kernels, without booting them."""

import hashlib
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

BASE = "KVM_ARM64_RUST"
KVM = "arch/arm64/kvm"
# A result of the compiler's own, no code or data of the kernel.
NOISE = (".comment", ".note.GNU-stack", ".llvm_addrsig")


class MatrixError(Exception):
    """A check that could not be made; the message says why."""


# -- options ---------------------------------------------------------------------

def options(kconfig):
    """The options of our Kconfig that choose code, tests left out."""
    found = re.findall(r"^\s*(?:menu)?config\s+(\w+)", kconfig, re.MULTILINE)
    return [o for o in found if o.startswith(BASE) and not o.endswith("_TEST")]


def requirements(kconfig):
    """{option: those of our options that it depends on}."""
    entries = re.split(r"^\s*(?:menu)?config\s+(\w+)", kconfig, flags=re.MULTILINE)[1:]
    return {name: {word for line in re.findall(r"^\s*depends on (.*)$", text, re.MULTILINE)
                   for word in re.findall(rf"\b{BASE}\w*", line)}
            for name, text in zip(entries[::2], entries[1::2])}


def combinations(opts, needs=None):
    """Every setting there can be: parts exist only under the base option, and
    with what they depend on."""
    needs = needs or {}
    parts = [o for o in opts if o != BASE]
    found = [frozenset()]
    for count in range(len(parts) + 1):
        for chosen in itertools.combinations(parts, count):
            setting = frozenset({BASE, *chosen})
            if all(needs.get(o, set()) <= setting for o in chosen):
                found.append(setting)
    return found


def variants(kconfig, kernels, everything=True):
    """{what tools/setup/kernel calls it: setting} of every setting that is tried, or of the quick ones."""
    found = combinations(options(kconfig), requirements(kconfig))
    return {kernels.named(setting): setting for setting in found
            if kernels.is_tried(setting) and (everything or kernels.is_quick(setting))}


def configured(config, opts):
    """Which of the options a .config has on."""
    return frozenset(o for o in opts
                     if re.search(rf"^CONFIG_{o}=y$", config, re.MULTILINE))


# -- objects ---------------------------------------------------------------------

def run(command, **kwargs):
    done = subprocess.run([str(c) for c in command], text=True, check=False,
                          capture_output=True, **kwargs)
    if done.returncode:
        last = (done.stderr or done.stdout).strip().splitlines()[-12:]
        raise MatrixError(f"{Path(str(command[0])).name} failed: " + "\n".join(last))
    return done.stdout


def tools(build):
    """Settings of the toolchain that built the kernels."""
    path = build / "toolchain.env"
    if not path.is_file():
        raise MatrixError(f"no {path}: run make toolchain")
    pairs = re.findall(r"^(\w+)=(.*)$", path.read_text(), re.MULTILINE)
    return {k: v.strip("'\"") for k, v in pairs}


def llvm(env, name):
    """An LLVM tool of the version that compiled: LLVM=-22, =1 or =/path/."""
    value = env.get("LLVM", "1")
    if value.endswith("/"):
        return value + name
    return name + (value if value.startswith("-") else "")


def members(env, folder):
    """Objects linked into KVM, relative to the kernel's output folder."""
    archive = folder / KVM / "built-in.a"
    if not archive.is_file():
        raise MatrixError(f"no {archive}: is the kernel built?")
    listed = run([llvm(env, "llvm-ar"), "t", archive]).split()
    found = []
    for name in listed:
        # A thin archive names its members from where it lies, or absolutely.
        for base in (archive.parent, folder, Path()):
            if (base / name).is_file():
                found.append(os.path.relpath((base / name).resolve(), folder.resolve()))
                break
        else:
            raise MatrixError(f"{archive}: no member {name}")
    return found


# The hypervisor object is linked first, and then a member like others; its names get a prefix.
HYP = "hyp/nvhe/kvm_nvhe"
HYP_PREFIX = "__kvm_nvhe_"


def hyp_members(folder):
    """Objects linked into the hypervisor object, relative to the kernel's output folder."""
    command = folder / KVM / f"{HYP.replace('/kvm', '/.kvm')}.tmp.o.cmd"
    if not command.is_file():
        return []
    found = re.findall(r"\S+\.nvhe\.o\b", command.read_text().split("\n")[0])
    return [os.path.normpath(name) for name in found]


def symbols(env, obj, *flags):
    lines = run([llvm(env, "llvm-nm"), *flags, obj]).splitlines()
    return [tuple(line.split()[-2:]) for line in lines if len(line.split()) >= 2]


def text_symbols(env, obj):
    """Functions of an object, as the kernel has them."""
    prefix = HYP_PREFIX if obj.name.endswith(".nvhe.o") else ""
    return {prefix + name for kind, name in symbols(env, obj, "--defined-only")
            if kind in "tTwW" and not name.startswith("$")}


def c_part_left(env, c, rust, objects):
    """What of a part's C objects is in the Rust kernel; an empty list is the aim."""
    c_members, rust_members = ([m for m in members(env, folder) if m != f"{KVM}/{HYP}.o"] + hyp_members(folder)
                               for folder in (c, rust))
    replaced = {f"{KVM}/{name}" for name in objects}
    unknown = replaced - set(c_members)
    if unknown:
        raise MatrixError(f"{' '.join(sorted(unknown))}: not even in the C kernel, "
                          "so this check is blind")
    left = [m for m in rust_members if m in replaced]
    if not any(m.startswith(f"{KVM}/rust/") for m in rust_members):
        left.append("(no Rust object is linked)")
    provided = set()
    for member in rust_members:
        provided |= text_symbols(env, rust / member)
    names = {line.split()[2] for line in (rust / "System.map").read_text().splitlines()
             if len(line.split()) == 3 and line.split()[1] in "tT"}
    elsewhere = set()
    gone = set()
    for member in c_members:
        if member in replaced:
            gone |= text_symbols(env, c / member)
        else:
            elsewhere |= text_symbols(env, c / member)
    ghosts = (gone & names) - provided - elsewhere
    return left + sorted(ghosts)


# What a kernel's Rust object must not refer to. Panics: not C's panic(), which a
# hypervisor calls when the hardware does the unexpected. What is nVHE's: the
# kernel and the VHE switch have variables of their own.
PANIC = r"panicking|begin_unwind"
NVHE = r"^__kvm_nvhe_"


def referred(env, folder, pattern, name="kvm_arm64.o"):
    """Symbols of that kind that a kernel's Rust object refers to."""
    obj = folder / KVM / "rust" / name
    if not obj.is_file():
        raise MatrixError(f"no {obj}")
    return sorted({name for _, name in symbols(env, obj, "-u") if re.search(pattern, name)})


# -- =n leaves C as it was ----------------------------------------------------------

def pristine_tree(build, overlay):
    """Our tree without the overlay. Hard links: the overlay replaces files, it
    never writes into one, so the tree they are shared with stays as it is."""
    tree, pristine = build / "linux", build / "pristine"
    state = run([overlay, "status", tree]).strip()
    shutil.rmtree(pristine, ignore_errors=True)
    run(["cp", "-al", tree, pristine])
    if state != "clean":
        run([overlay, "unapply", pristine], env={**os.environ, "FORCE": "1"})
    if run([overlay, "status", pristine]).strip() != "clean":
        raise MatrixError("the overlay does not leave a clean tree")
    if run([overlay, "status", tree]).strip() != state:
        raise MatrixError(f"{tree} was changed by work on its copy")
    return pristine


def pristine_config(config):
    """The C kernel's configuration as a tree without us would have it. RUST is
    off to save building it: no C object may depend on it, and if one did, the
    comparison would show it."""
    lines = [line for line in config.splitlines()
             if BASE not in line and not re.search(r"CONFIG_RUST\b", line)]
    return "\n".join([*lines, "# CONFIG_RUST is not set", ""])


def kernel_make(setup, *arguments):
    """The kernel's make exactly as the set-up calls it."""
    script = ('set -euo pipefail; . "$1/lib.sh"; . "$1/kmake.sh"; load_tools; '
              'shift; kmake "$@"')
    run(["bash", "-c", script, "boot-matrix", setup, *arguments])


def build_pristine(build, overlay, env):
    """KVM's objects from the pristine tree, in $(BUILD)/unchanged."""
    out, stamp = build / "unchanged", build / "unchanged.stamp"
    config = (build / "c/.config").read_text()
    origin = build / "linux.origin"
    facts = [pristine_config(config), env.get("STATE", ""),
             origin.read_text() if origin.is_file() else ""]
    digest = hashlib.sha256("\0".join(facts).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest and origin.is_file():
        return out
    stamp.unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    pristine = pristine_tree(build, overlay)
    out.mkdir(parents=True)
    (out / ".config").write_text(pristine_config(config))
    try:
        kernel_make(overlay.parent, pristine, f"O={out}", "olddefconfig")
        kernel_make(overlay.parent, pristine, f"O={out}", f"{KVM}/")
    finally:
        shutil.rmtree(pristine, ignore_errors=True)
    stamp.write_text(digest)
    return out


def objects(folder):
    """KVM's objects of an output folder, but for intermediate ones of links."""
    return {str(p.relative_to(folder))
            for where in (KVM, "virt/kvm") for p in (folder / where).rglob("*.o")
            if not p.name.startswith(".") and ".tmp" not in p.name
            and "/rust/" not in str(p.relative_to(folder))}


def content(env, obj, scratch):
    """Code and data of an object, without debug information."""
    strip = [llvm(env, "llvm-objcopy"), "--strip-debug"]
    strip += [f"--remove-section={s}" for s in NOISE]
    run([*strip, obj, scratch])
    return scratch.read_bytes()


def changed_objects(env, pristine, c, scratch):
    """Names of objects that the overlay changed, added or lost with all off."""
    before, after = objects(pristine), objects(c)
    if len(before) < 40:
        raise MatrixError(f"only {len(before)} objects in {pristine}")
    linked = set(members(env, pristine)) ^ set(members(env, c))
    found = [f"{name} (linked in one only)" for name in sorted(linked)]
    found += [f"{name} (built in one only)" for name in sorted((before ^ after) - linked)]
    for name in sorted(before & after):
        if content(env, pristine / name, scratch) != content(env, c / name, scratch):
            found.append(name)
    return len(before), found
