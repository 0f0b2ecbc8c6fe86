# SPDX-License-Identifier: GPL-2.0
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "setup"))

import matrix
import parts

KCONFIG = """
menuconfig KVM_ARM64_RUST
	bool "a"
config KVM_ARM64_RUST_TIMER
	bool "b"
config KVM_ARM64_RUST_VGIC
	bool "c"
config KVM_ARM64_RUST_VGIC_MORE
	bool "e"
	depends on KVM_ARM64_RUST_VGIC && RUST
config KVM_ARM64_RUST_KUNIT_TEST
	bool "d"
config SOMETHING_ELSE
"""


class TestMatrix(unittest.TestCase):
    def test_options(self):
        self.assertEqual(matrix.options(KCONFIG),
                         ["KVM_ARM64_RUST", "KVM_ARM64_RUST_TIMER",
                          "KVM_ARM64_RUST_VGIC", "KVM_ARM64_RUST_VGIC_MORE"])

    def test_requirements(self):
        needs = matrix.requirements(KCONFIG)
        self.assertEqual(needs["KVM_ARM64_RUST_VGIC_MORE"], {"KVM_ARM64_RUST_VGIC"})
        self.assertEqual(needs["KVM_ARM64_RUST_VGIC"], set())

    def test_combinations(self):
        found = matrix.combinations(matrix.options(KCONFIG), matrix.requirements(KCONFIG))
        self.assertEqual(len(found), 7)
        self.assertEqual(len(set(found)), 7)
        self.assertNotIn(frozenset({"KVM_ARM64_RUST", "KVM_ARM64_RUST_VGIC_MORE"}), found)
        self.assertIn(frozenset(), found)
        self.assertNotIn(frozenset({"KVM_ARM64_RUST_TIMER"}), found)

    def test_configured(self):
        config = "CONFIG_KVM_ARM64_RUST=y\n# CONFIG_KVM_ARM64_RUST_TIMER is not set\n"
        self.assertEqual(matrix.configured(config, matrix.options(KCONFIG)),
                         {"KVM_ARM64_RUST"})

    def test_pristine_config(self):
        config = ("CONFIG_KVM=y\nCONFIG_RUST=y\nCONFIG_HAVE_RUST=y\n"
                  "# CONFIG_KVM_ARM64_RUST is not set\n")
        self.assertEqual(matrix.pristine_config(config),
                         "CONFIG_KVM=y\nCONFIG_HAVE_RUST=y\n# CONFIG_RUST is not set\n")

    def test_llvm_names(self):
        self.assertEqual(matrix.llvm({"LLVM": "-22"}, "llvm-nm"), "llvm-nm-22")
        self.assertEqual(matrix.llvm({"LLVM": "1"}, "llvm-nm"), "llvm-nm")
        self.assertEqual(matrix.llvm({"LLVM": "/opt/llvm/bin/"}, "llvm-nm"),
                         "/opt/llvm/bin/llvm-nm")

    def test_failed_tool(self):
        with self.assertRaises(matrix.MatrixError):
            matrix.run(["false"])


KBUILD = """\
# words-$(CONFIG_KVM_ARM64_RUST_TIMER) of a comment
replaces-$(CONFIG_KVM_ARM64_RUST_TIMER) += arch_timer.o
replaces-$(CONFIG_KVM_ARM64_RUST_VGIC)	+= vgic/vgic.o vgic/vgic-v3.o
replaces-$(CONFIG_KVM_ARM64_RUST_VGIC)	+= hyp/vgic-v3-sr.nvhe.o
adds-$(CONFIG_KVM_ARM64_RUST_TIMER) += rust/kvm_arm64.o

ifeq ($(obj),arch/arm64/kvm)
kvm-y := $(filter-out $(replaces-y),$(kvm-y)) $(sort $(adds-y))
endif
"""


class TestKbuild(unittest.TestCase):
    def test_rows(self):
        self.assertEqual(parts.table(KBUILD), {
            "replaces": {"KVM_ARM64_RUST_TIMER": ["arch_timer.o"],
                         "KVM_ARM64_RUST_VGIC": ["vgic/vgic.o", "vgic/vgic-v3.o",
                                                 "hyp/vgic-v3-sr.nvhe.o"]},
            "adds": {"KVM_ARM64_RUST_TIMER": ["rust/kvm_arm64.o"]}})

    def test_parts(self):
        self.assertEqual(parts.replaced(parts.table(KBUILD))["timer"], ["arch_timer.o"])

    def test_malformed_rows(self):
        for line in ("replaces-$(CONFIG_A) += arch_timer.o \\",
                     "replaces-$(CONFIG_A) += arch_timer.c",
                     "replaces-$(CONFIG_A) += arch_timer.o # why",
                     "replaces-$(CONFIG_A) := arch_timer.o",
                     "replaces-$(CONFIG_A) +=",
                     "replaces-$CONFIG_A += arch_timer.o",
                     "replaces-y += arch_timer.o",
                     "replace-$(CONFIG_A) += arch_timer.o",
                     "  adds += rust/kvm_arm64.o"):
            with self.assertRaisesRegex(parts.PartsError, "^Kbuild:10: want replaces-.*found: "):
                parts.table(f"{KBUILD}{line}\n")

    def test_ours(self):
        """Each row is of an option that there is, each part that replaces adds, and
        what it adds has a source."""
        rows = parts.read()
        kconfig = (parts.TOP / "Kconfig").read_text()
        self.assertIn("KVM_ARM64_RUST_TIMER", rows["replaces"])
        self.assertEqual(set(rows["replaces"]), set(rows["adds"]))
        self.assertLessEqual(set(rows["replaces"]), set(matrix.options(kconfig)))
        for obj in sum(rows["adds"].values(), []):
            source = parts.TOP / matrix.KVM / obj.replace(".nvhe.o", ".o")
            self.assertTrue(any(source.with_suffix(s).is_file() for s in (".rs", ".c")), obj)


ADDED = {"kunit": "CONFIG_KVM_ARM64_RUST_KUNIT_TEST=y\n",
         "lockdep": "# x\n# include: more.config\nCONFIG_PROVE_LOCKING=y\n",
         "more": "CONFIG_KVM_ARM64_RUST_VGIC_MORE=y\n"}
C, ON, TIMER, VGIC, MORE = ("CONFIG_KVM_ARM64_RUST=n", "CONFIG_KVM_ARM64_RUST=y",
                            "CONFIG_KVM_ARM64_RUST_TIMER=", "CONFIG_KVM_ARM64_RUST_VGIC=",
                            "CONFIG_KVM_ARM64_RUST_VGIC_MORE=y")


class TestKernels(unittest.TestCase):
    def setUp(self):
        self.kernels = parts.Kernels(parts.table(KBUILD), ADDED)

    def test_unfinished(self):
        kernels = parts.Kernels(parts.table(KBUILD), {}, unfinished=("vgic",))
        self.assertEqual(kernels.config("rust"), [ON, TIMER + "y", VGIC + "n"])
        self.assertEqual(kernels.config("timer+vgic"), [ON, TIMER + "y", VGIC + "y"])
        self.assertEqual([kernels.home(p) for p in ("timer", "vgic")], ["rust", "timer+vgic"])
        for on, tried in {("timer",): True, ("vgic",): False, ("timer", "vgic"): True}.items():
            self.assertEqual(kernels.is_tried({kernels.parts[part] for part in on}), tried, on)

    def test_what_is_added(self):
        a, b, c, more = (f"KVM_ARM64_RUST_{word}" for word in ("A", "B", "C", "MORE"))
        kernels = parts.Kernels({"replaces": {a: ["a.o"], b: ["b.o"], c: ["c.o"]}, "adds": {}}, {})
        for on, tried in {(a, more): True, (a, b, more): False, (a, b, c, more): True, (a, b): True}.items():
            self.assertEqual(kernels.is_tried({"KVM_ARM64_RUST", *on}), tried, on)

    def test_parts_apart(self):
        a, b, el2 = (f"KVM_ARM64_RUST_{word}" for word in ("A", "B", "EL2"))
        rows = {"replaces": {a: ["a.o"], b: ["b.o"], el2: ["c.nvhe.o"]},
                "adds": {a: ["rust/r.o"], b: ["rust/r.o"], el2: ["rust/n.nvhe.o", "rust/glue.nvhe.o"]}}
        kernels = parts.Kernels(rows, {})
        for on, tried in {(a,): True, (el2,): True, (a, b): True, (a, el2): False, (a, b, el2): True}.items():
            self.assertEqual(kernels.is_tried({"KVM_ARM64_RUST", *on}), tried, on)

    def test_configurations(self):
        for name, config in {
                "c": [C],
                "none": [ON, TIMER + "n", VGIC + "n"],
                "rust": [ON, TIMER + "y", VGIC + "y"],
                "timer": [ON, TIMER + "y", VGIC + "n"],
                "vgic+timer": [ON, TIMER + "y", VGIC + "y"],
                "vgic+more": [ON, TIMER + "n", VGIC + "y", MORE],
                "more": [ON, TIMER + "y", VGIC + "y", MORE],
                "lockdep": [ON, TIMER + "y", VGIC + "y", MORE, "CONFIG_PROVE_LOCKING=y"],
                "more+lockdep": [ON, TIMER + "y", VGIC + "y", MORE, "CONFIG_PROVE_LOCKING=y"],
        }.items():
            self.assertEqual(self.kernels.config(name), config, name)

    def test_short_names(self):
        for name, short in {"vgic+timer": "rust", "rust+more": "more", "more+vgic": "vgic+more",
                            "timer+vgic+kunit": "kunit", "c": "c", "none": "none", "rust": "rust",
                            "none+kunit": "none+kunit"}.items():
            self.assertEqual(self.kernels.name(name), short)
            self.assertEqual(self.kernels.config(name), self.kernels.config(short))

    def test_no_such_names(self):
        for name in ("", "x", "timer+", "timer+timer", "c+timer", "rust+timer", "none+c",
                     "machine", "../c", "timer more"):
            with self.assertRaisesRegex(parts.PartsError, "^no kernel of that name: .*timer vgic"):
                self.kernels.name(name)

    def test_variants(self):
        found = matrix.variants(KCONFIG, self.kernels)
        self.assertEqual(list(found), ["c", "none", "timer", "vgic", "rust", "vgic+more", "more"])
        for name, setting in found.items():
            on = {line.removeprefix("CONFIG_").removesuffix("=y")
                  for line in self.kernels.config(name) if line.endswith("=y")}
            self.assertEqual(on, setting, name)

    def test_quick_variants(self):
        rows = {"replaces": {f"KVM_ARM64_RUST_P{n}": ["x.o"] for n in (1, 2, 3)}, "adds": {}}
        kconfig = "\n".join(["menuconfig KVM_ARM64_RUST", *(f"config {option}" for option in rows["replaces"])])
        kernels = parts.Kernels(rows, {})
        self.assertEqual(len(matrix.variants(kconfig, kernels)), 9)
        self.assertEqual(list(matrix.variants(kconfig, kernels, everything=False)),
                         ["c", "none", "p1", "p2", "p3", "rust"])

    def test_option_that_nothing_adds(self):
        with self.assertRaisesRegex(parts.PartsError, "KVM_ARM64_RUST_VGIC_MORE is no part"):
            matrix.variants(KCONFIG, parts.Kernels(parts.table(KBUILD), {}))

    def test_our_names(self):
        kernels = parts.Kernels()
        for name in ("c", "none", "rust", "timer", "switch", "timer+offset", "kunit", "debug",
                     "distro", "c+distro", "a57", "clippy"):
            self.assertEqual(kernels.name(name), name)
            self.assertTrue(kernels.config(name))


class TestHypervisorObject(unittest.TestCase):
    def test_members(self):
        with tempfile.TemporaryDirectory() as folder:
            command = Path(folder) / matrix.KVM / "hyp/nvhe/.kvm_nvhe.tmp.o.cmd"
            self.assertEqual(matrix.hyp_members(Path(folder)), [])
            command.parent.mkdir(parents=True)
            hyp = f"{matrix.KVM}/hyp/nvhe"
            command.write_text(f"savedcmd_x := ld -T {hyp}/hyp.lds {hyp}/tlb.nvhe.o {hyp}/../entry.nvhe.o "
                               f"{hyp}/../../rust/nvhe.nvhe.o -o {hyp}/kvm_nvhe.tmp.o\nsource_y := z.nvhe.o\n")
            self.assertEqual(matrix.hyp_members(Path(folder)),
                             [f"{hyp}/tlb.nvhe.o", f"{matrix.KVM}/hyp/entry.nvhe.o", f"{matrix.KVM}/rust/nvhe.nvhe.o"])


if __name__ == "__main__":
    unittest.main()
