# SPDX-License-Identifier: GPL-2.0
import unittest

import matrix

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


if __name__ == "__main__":
    unittest.main()
