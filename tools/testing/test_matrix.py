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
config KVM_ARM64_RUST_KUNIT_TEST
	bool "d"
config SOMETHING_ELSE
"""


class TestMatrix(unittest.TestCase):
    def test_options(self):
        self.assertEqual(matrix.options(KCONFIG),
                         ["KVM_ARM64_RUST", "KVM_ARM64_RUST_TIMER",
                          "KVM_ARM64_RUST_VGIC"])

    def test_combinations(self):
        found = matrix.combinations(matrix.options(KCONFIG))
        self.assertEqual(len(found), 5)
        self.assertEqual(len(set(found)), 5)
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
