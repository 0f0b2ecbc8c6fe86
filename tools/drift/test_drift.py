# SPDX-License-Identifier: GPL-2.0
"""The command, on a small project and a small kernel tree."""
import os
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

import wants
from trees import Failure, sysreg

HERE = Path(__file__).resolve().parent

OURS = {
    "arch/arm64/kvm/rust/timer.rs": "//! A list.\n\nmod load;\n#[cfg(TEST)]\nmod kunit;\n",
    "arch/arm64/kvm/rust/timer/load.rs": """\
//! Loads.
//!
//! Mirrors: arch/arm64/kvm/t.c: load, BITS;
//!     include/kvm/t.h: apply
#![forbid(unsafe_code)]

fn f() { bindings::colour_RED; bindings::out_of_line(); } // bindings::not_this
""",
    "arch/arm64/kvm/rust/timer/exports.rs": """\
//! Mirrors: arch/arm64/kvm/t.c: table
#[export]
#[link_section = ".init.text"]
unsafe extern "C" fn load() { bindings::ours(); bindings::BUG() }
""",
    "arch/arm64/kvm/rust/timer/kunit.rs": "//! Tests.\nfn t() {}\n",
    "arch/arm64/kvm/rust/kvm/vm.rs": "//! A VM.\nfn f() { bindings::kvm; ARM64_HAS_THIS }\n",
    "rust/helpers/kvm_arm64.c": """\
__rust_helper bool rust_helper_ours(struct kvm *kvm)
{
	return is_set(kvm, SOME_FLAG) && kvm->not_this;
}
""",
    "rust/bindings/kvm_arm64.h": """\
const u32 RUST_CONST_HELPER_C = UNEVALUATED | SYS_ID_EL1;
KVM_RUST_LAYOUT(S, kvm, a);
KVM_RUST_LAYOUT(A, kvm_arch, lock);
""",
    "Kbuild": "replaces-$(CONFIG_KVM_ARM64_RUST_TIMER) += t.o\n",
}
KERNEL = {
    "Makefile": "VERSION = 7\nPATCHLEVEL = 3\nSUBLEVEL = 4\nEXTRAVERSION =\n",
    "arch/arm64/kvm/arm.c": "int arm;\n",
    "arch/arm64/kvm/t.c": """\
#define BITS (A | B)	/* both */
static const u8 table[] = { 1, 2 };
static int load(struct kvm *kvm);
static int load(struct kvm *kvm)
{
	return apply(kvm, 1);
}
""",
    "include/kvm/t.h": "int load(struct kvm *kvm);\nstatic inline int apply(int a, int b)\n{\n\treturn a + b;\n}\n",
    "include/linux/kvm_host.h": """\
enum colour { RED, GREEN };
int out_of_line(int a);
struct kvm { int a; struct kvm_arch arch; };
#define SOME_FLAG 1
#define UNEVALUATED GENMASK(1, 0)
static inline bool is_set(struct kvm *kvm, int flag) { return kvm->a & flag; }
""",
    "arch/arm64/include/asm/kvm_host.h": "struct kvm_arch { int lock; };\n",
    "arch/arm64/tools/cpucaps": "# caps\nHAS_THIS\n",
    "arch/arm64/tools/sysreg": "Sysreg\tID_EL1\t3\t0\nRes0\t63:0\nEndSysreg\n",
    "rust/helpers/bug.c": "void rust_helper_BUG(void)\n{\n\tBUG();\n}\n",
    "rust/helpers/helpers.c": '#include "bug.c"\n',
}


class Command(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        self.ours, self.new, self.old = (self.root / n for n in ("ours", "new", "build/linux"))
        self.write(self.ours, OURS)
        (self.ours / "tools/drift").mkdir(parents=True)
        self.write(self.new, KERNEL)
        self.write(self.old, KERNEL)
        self.assertEqual(self.drift("ack", self.new)[0], 0)

    def write(self, root, files):
        for name, text in files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)

    def edit(self, path, old, new, root=None):
        file = (root or self.new) / path
        self.assertIn(old, file.read_text())
        file.write_text(file.read_text().replace(old, new))

    def drift(self, *arguments):
        env = {**os.environ, "OVERLAY_TOP": str(self.ours), "BUILD": str(self.root / "build")}
        done = subprocess.run([sys.executable, HERE / "drift", *arguments], env=env, text=True,
                              capture_output=True, check=False)
        self.assertNotIn("Traceback", done.stderr)
        return done.returncode, done.stdout, done.stderr

    def show(self, *arguments):
        status, out, err = self.drift("show", self.new, *arguments)
        self.assertEqual(err, "")
        return status, out

    def base(self):
        return (self.ours / "tools/drift/base").read_text()


class TestShow(Command):
    def test_same(self):
        status, out = self.show()
        self.assertEqual((status, out.count("\n")), (0, 1))
        self.assertIn("nothing changed; 15 the same", out)
        status, out = self.show("-v")
        self.assertEqual(status, 0)
        self.assertIn("same     arch/arm64/kvm/t.c: load", out)

    def test_what_is_followed(self):
        found = {line.split(" ", 2)[2] for line in self.base().splitlines() if line[:1].isalnum() and ": " in line}
        self.assertEqual(found, {
            "arch/arm64/kvm/t.c: load", "arch/arm64/kvm/t.c: BITS", "arch/arm64/kvm/t.c: table",
            "include/kvm/t.h: apply", "include/kvm/t.h: load", "include/linux/kvm_host.h: colour",
            "include/linux/kvm_host.h: out_of_line", "include/linux/kvm_host.h: kvm",
            "include/linux/kvm_host.h: SOME_FLAG", "include/linux/kvm_host.h: is_set",
            "include/linux/kvm_host.h: UNEVALUATED", "arch/arm64/include/asm/kvm_host.h: kvm_arch",
            "arch/arm64/tools/cpucaps: ARM64_HAS_THIS", "arch/arm64/tools/sysreg: SYS_ID_EL1",
            "rust/helpers/bug.c: rust_helper_BUG"})
        self.assertIn("\nversion 7.3.4\n", self.base())
        entries = [line.split(" ", 2)[2] for line in self.base().splitlines() if line[:16].isalnum() and ": " in line]
        self.assertEqual(entries, sorted(entries))

    def test_comments_and_layout(self):
        self.edit("arch/arm64/kvm/t.c", "/* both */", "// either")
        self.edit("arch/arm64/kvm/t.c", "\treturn", "\n\t/* new */ return")
        self.assertEqual(self.show()[0], 0)

    def test_each_change_is_found(self):
        """A definition of each kind, changed: found, and told of under the file that refers to it."""
        for path, old, new, user, name in (
                ("arch/arm64/kvm/t.c", "apply(kvm, 1)", "apply(kvm, 2)", "timer/load.rs", "load"),
                ("arch/arm64/kvm/t.c", "A | B", "A | C", "timer/load.rs", "BITS"),
                ("arch/arm64/kvm/t.c", "1, 2", "1, 3", "timer/exports.rs", "table"),
                ("include/kvm/t.h", "a + b", "a - b", "timer/load.rs", "apply"),
                ("include/kvm/t.h", "int load", "long load", "timer/exports.rs", "load"),
                ("include/linux/kvm_host.h", "RED,", "BLACK, RED,", "timer/load.rs", "colour"),
                ("include/linux/kvm_host.h", "out_of_line(int", "out_of_line(long", "timer/load.rs", "out_of_line"),
                ("include/linux/kvm_host.h", "int a; struct", "long a; struct", "kvm/vm.rs", "kvm"),
                ("include/linux/kvm_host.h", "FLAG 1", "FLAG 2", "rust/helpers/kvm_arm64.c", "SOME_FLAG"),
                ("include/linux/kvm_host.h", "a & flag", "a | flag", "rust/helpers/kvm_arm64.c", "is_set"),
                ("include/linux/kvm_host.h", "GENMASK(1", "GENMASK(2", "rust/bindings/kvm_arm64.h", "UNEVALUATED"),
                ("arch/arm64/include/asm/kvm_host.h", "int lock", "long lock", "rust/bindings/kvm_arm64.h", "kvm_arch"),
                ("arch/arm64/tools/sysreg", "\t3\t0", "\t3\t1", "rust/bindings/kvm_arm64.h", "SYS_ID_EL1"),
                ("rust/helpers/bug.c", "BUG();", "WARN();", "timer/exports.rs", "rust_helper_BUG")):
            with self.subTest(name=name, path=path):
                self.write(self.new, KERNEL)
                self.edit(path, old, new)
                status, out = self.show()
                self.assertEqual(status, 1)
                self.assertIn(f"  changed  {path}: {name}\n", out)
                users = [line for line in out.splitlines() if line.startswith(("arch/", "rust/"))]
                self.assertTrue(any(u.endswith(user) for u in users), out)
                self.assertRegex(out, r"(?m)^      -.*" + old.strip("\t").split("\t")[0].split("(")[0].split()[0])
                self.assertIn(" 1 changed; 14 the same", out)

    def test_no_diff_without_the_old_text(self):
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | D", self.old)
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("changed  arch/arm64/kvm/t.c: BITS", out)
        self.assertNotIn("+++", out)

    def test_old_tree_named(self):
        other = self.root / "other"
        self.write(other, KERNEL)
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        (self.old / "Makefile").unlink()
        self.assertNotIn("+++ ", self.show()[1])
        self.assertIn("      +#define BITS (A | C)", self.show("--old", other)[1])

    def test_gone(self):
        self.edit("arch/arm64/kvm/t.c", "static const u8 table[] = { 1, 2 };\n", "")
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("gone     arch/arm64/kvm/t.c: table", out)

    def test_file_gone(self):
        (self.new / "include/kvm/t.h").unlink()
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("gone     include/kvm/t.h: apply", out)
        self.assertIn("gone     include/kvm/t.h: load", out)

    def test_moved(self):
        text = "static const u8 table[] = { 1, 2 };\n"
        self.edit("arch/arm64/kvm/t.c", text, "")
        self.write(self.new, {"arch/arm64/kvm/u.c": text})
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("moved    arch/arm64/kvm/t.c: table to arch/arm64/kvm/u.c", out)
        self.assertNotIn("+++", out)
        self.edit("arch/arm64/kvm/u.c", "2", "3")
        self.assertIn("+static const u8 table[] = { 1, 3 };", self.show()[1])

    def test_only_a_prototype_is_left(self):
        file = self.new / "arch/arm64/kvm/t.c"
        text = file.read_text()
        at = text.index("static int load(struct kvm *kvm)\n{")
        file.write_text(text[:at])
        self.write(self.new, {"arch/arm64/kvm/u.c": text[at:]})
        self.assertIn("moved    arch/arm64/kvm/t.c: load to arch/arm64/kvm/u.c", self.show()[1])

    def test_function_becomes_a_macro(self):
        self.edit("include/kvm/t.h", "static inline int apply(int a, int b)\n{\n\treturn a + b;\n}",
                  "#define apply(a, b) ((a) + (b))")
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("changed  include/kvm/t.h: apply", out)

    def test_what_nobody_stands_for(self):
        self.write(self.new, {"arch/arm64/kvm/t.c": KERNEL["arch/arm64/kvm/t.c"] + "void fresh(void)\n{\n}\n"})
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("No Rust file stands for these\n  arch/arm64/kvm/t.c: fresh (function)\n", out)
        base = self.ours / "tools/drift/base"
        base.write_text(base.read_text() + "exempt arch/arm64/kvm/t.c: fresh # for a reason\n")
        self.assertEqual(self.show()[0], 0)
        self.assertEqual(self.drift("ack", self.new)[0], 0)
        self.assertIn("exempt arch/arm64/kvm/t.c: fresh # for a reason\n", self.base())

    def test_not_read_yet(self):
        self.edit("arch/arm64/kvm/rust/timer/exports.rs", ": table", ": table, BITS", self.ours)
        self.assertEqual(self.show()[0], 0)
        self.edit("arch/arm64/kvm/rust/kvm/vm.rs", "bindings::kvm;", "bindings::kvm; bindings::arm;", self.ours)
        status, out = self.show()
        self.assertEqual(status, 1)
        self.assertIn("unread   arm (", out)

    def test_an_applied_overlay_is_no_change(self):
        self.write(self.new, {n: t for n, t in OURS.items() if not n.startswith("tools")})
        self.write(self.new, {"rust/helpers/helpers.c": '#include "bug.c"\n#include "kvm_arm64.c"\n'})
        self.assertEqual(self.show()[0], 0)
        self.assertEqual(self.drift("ack", self.new)[0], 0)
        self.assertNotIn("rust/helpers/kvm_arm64.c", self.base())

    def test_tarball(self):
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        ball = self.root / "linux.tar.xz"
        with tarfile.open(ball, "w:xz") as tar:
            tar.add(self.new, "linux-7.3.5")
        folder = self.show()
        status, out, _ = self.drift(ball)
        self.assertEqual((status, out), folder)
        self.assertEqual(status, 1)


class TestUpstream(Command):
    def git(self, *arguments):
        env = {**os.environ, **{f"GIT_{who}_{what}": "a" for who in ("AUTHOR", "COMMITTER")
                                for what in ("NAME", "EMAIL")}, "GIT_CONFIG_GLOBAL": "/dev/null"}
        subprocess.run(["git", "-C", self.new, *arguments], env=env, check=True, capture_output=True)

    def commit(self, subject):
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def test_commits(self):
        self.git("init", "-q")
        self.commit("base")
        self.git("tag", "v7.3.4")
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        self.commit("change the bits")
        self.edit("arch/arm64/kvm/t.c", "/* both */", "/* either */")
        self.commit("a comment")
        self.edit("arch/arm64/kvm/t.c", "apply(kvm, 1)", "apply(kvm, 2)")
        self.commit("change the function")
        status, out = self.show("--upstream")
        self.assertEqual(status, 1)
        bits, function = out.index("t.c: BITS"), out.index("t.c: load")
        self.assertLess(bits, out.index(" change the bits"))
        self.assertLess(out.index(" change the bits"), function)
        self.assertLess(function, out.index(" change the function"))
        self.assertEqual(out.count(" change the "), 2)
        self.assertNotIn("a comment", out)

    def test_no_git(self):
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        status, _, err = self.drift("show", self.new, "--upstream")
        self.assertEqual(status, 2)
        self.assertIn("no git tree that has the tag v7.3.4", err)


class TestAck(Command):
    def setUp(self):
        super().setUp()
        self.edit("arch/arm64/kvm/t.c", "A | B", "A | C")
        self.edit("arch/arm64/kvm/t.c", "1, 2", "1, 3")
        self.edit("include/linux/kvm_host.h", "int a; struct", "long a; struct")
        self.edit("Makefile", "SUBLEVEL = 4", "SUBLEVEL = 5")

    def changed(self):
        return {line.split()[-1] for line in self.show()[1].splitlines() if line.startswith("  changed")}

    def test_by_name(self):
        self.assertEqual(self.changed(), {"BITS", "table", "kvm"})
        self.assertEqual(self.drift("ack", self.new, "BITS")[0], 0)
        self.assertEqual(self.changed(), {"table", "kvm"})
        self.assertIn("\nversion 7.3.4\n", self.base())

    def test_by_file_of_ours(self):
        self.assertEqual(self.drift("ack", self.new, "timer/exports.rs")[0], 0)
        self.assertEqual(self.changed(), {"BITS", "kvm"})

    def test_all(self):
        self.assertEqual(self.drift("ack", self.new)[0], 0)
        self.assertEqual(self.changed(), set())
        self.assertIn("\nversion 7.3.5\n", self.base())

    def test_nothing_of_that_name(self):
        before = self.base()
        status, _, err = self.drift("ack", self.new, "nonesuch")
        self.assertEqual(status, 2)
        self.assertIn("nonesuch: neither", err)
        self.assertEqual(self.base(), before)

    def test_what_is_gone_is_not_acknowledged(self):
        before = self.base()
        self.edit("arch/arm64/kvm/t.c", "#define BITS", "#define BATS")
        status, _, err = self.drift("ack", self.new)
        self.assertEqual(status, 2)
        self.assertIn("has no arch/arm64/kvm/t.c: BITS, which arch/arm64/kvm/rust/timer/load.rs refers to", err)
        self.assertEqual(self.base(), before)
        self.assertEqual(self.drift("ack", self.new, "table")[0], 0)
        self.assertIn("t.c: BITS", self.base())


class TestErrors(Command):
    def error(self, pattern, *arguments):
        status, out, err = self.drift(*arguments)
        self.assertEqual((status, out, err.count("\n")), (2, "", 1))
        self.assertRegex(err, pattern)

    def test_trees(self):
        self.error("which kernel tree", *())
        self.error("no such folder or tarball", self.root / "nonesuch")
        self.error("is no Linux kernel tree", self.ours)
        self.error("no tarball that can be read", self.new / "Makefile")
        self.error("is no Linux kernel tree", self.new, "--old", self.ours)
        self.error("is no Linux kernel tree", "ack", self.ours)
        self.error("unrecognized arguments", self.new, "--what")

    def test_base(self):
        base = self.ours / "tools/drift/base"
        base.write_text("version 7.3.4\nnonsense\n")
        self.error("base:2: neither", self.new)
        base.unlink()
        self.error("has no entries", self.new)

    def test_lines(self):
        path = "arch/arm64/kvm/rust/timer/load.rs"
        for old, new, pattern in (("//! Mirrors:", "//! Stands for:", "load.rs: says not what it mirrors"),
                                  (": load, BITS", " load", "load.rs: want 'Mirrors: FILE: NAME"),
                                  ("load, BITS", "load, load", "load.rs: names a definition twice: load"),
                                  ("#![forbid", "//! Mirrors: nothing, why\n#![forbid", "more than one line")):
            with self.subTest(pattern=pattern):
                self.write(self.ours, {path: OURS[path]})
                self.edit(path, old, new, self.ours)
                self.error(pattern, self.new)


class TestLine(unittest.TestCase):
    def test_forms(self):
        self.assertEqual(wants.mirrored("f", "//! A.\n//!\n//! Mirrors: a/b.c: f, g; c.h: h\nuse x;\n"),
                         [("a/b.c", "f"), ("a/b.c", "g"), ("c.h", "h")])
        self.assertEqual(wants.mirrored("f", "// SPDX\n\n//! Mirrors: a.c: f,\n//!     g;\n//!     b.c: h\n"),
                         [("a.c", "f"), ("a.c", "g"), ("b.c", "h")])
        self.assertEqual(wants.mirrored("f", "//! Mirrors: nothing, C has none\n"), [])
        self.assertIsNone(wants.mirrored("f", "//! A.\nuse x;\n"))
        with self.assertRaises(Failure):
            wants.mirrored("f", "//! A.\nuse x;\n/// Mirrors: a.c: f\n")

    def test_lists(self):
        self.assertTrue(wants.is_list("//! A.\n#![forbid(unsafe_code)]\n#[macro_use]\nmod a;\npub(crate) mod b;\n"))
        self.assertFalse(wants.is_list("//! A.\nmod a;\nconst B: u8 = 1;\n"))


class TestTables(unittest.TestCase):
    TEXT = """\
Sysreg	HCR_EL2	3	4	1	1	0
Field	9	AMO
Field	8	VSE
Res0	7:1
Field	0	VM
EndSysreg

Sysreg	ID_EL1	3	0	0	7	3
UnsignedEnum	15:12	TCRX
	0b0000	NI
EndEnum
Enum	11:8	TCR
	0b0001	IMP
EndEnum
EndSysreg
"""

    def test_fields(self):
        self.assertEqual(sysreg(self.TEXT, "HCR_EL2_VSE_SHIFT")[0].text, "HCR_EL2\nField\t8\tVSE\n")
        self.assertIn("0b0000", sysreg(self.TEXT, "ID_EL1_TCRX_SHIFT")[0].text)
        self.assertNotIn("0b0001", sysreg(self.TEXT, "ID_EL1_TCRX_SHIFT")[0].text)
        # A reserved field before it, which has no name.
        self.assertEqual(sysreg(self.TEXT, "HCR_EL2_VM_SHIFT")[0].text, "HCR_EL2\nField\t0\tVM\n")
        self.assertEqual(sysreg(self.TEXT, "SYS_ID_EL1")[0].text, "Sysreg\tID_EL1\t3\t0\t0\t7\t3")
        self.assertEqual(sysreg(self.TEXT, "ID_EL1_NONE_SHIFT"), [])
        self.assertEqual(sysreg(self.TEXT, "SYS_NONE"), [])


if __name__ == "__main__":
    unittest.main()
