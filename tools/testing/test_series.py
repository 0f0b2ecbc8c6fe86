# SPDX-License-Identifier: GPL-2.0
import tempfile
import unittest
from pathlib import Path

import series

FILES = {
    "arch/arm64/kvm/Kconfig": 'source "arch/arm64/kvm/rust/Kconfig"\n',
    "arch/arm64/kvm/Makefile": "include $(srctree)/arch/arm64/kvm/rust/Kbuild\n",
    "arch/arm64/kvm/rust/Kconfig": "\n",
    "arch/arm64/kvm/rust/Kbuild": "adds-$(CONFIG_A) += rust/a.o rust/a/glue.o\nadds-$(CONFIG_B) += rust/b.nvhe.o\n",
    "arch/arm64/kvm/rust/a.rs": "mod one;\npub(crate) mod two;\n#[path = \"b/three.rs\"]\n#[macro_use]\nmod other;\n",
    "arch/arm64/kvm/rust/one.rs": "mod deep;\n",
    "arch/arm64/kvm/rust/one/deep.rs": "",
    "arch/arm64/kvm/rust/two.rs": "mod inline {}\n",
    "arch/arm64/kvm/rust/b/three.rs": "",
    "arch/arm64/kvm/rust/b.rs": "mod in_b {\n    mod five;\n}\nmod one;\n",
    "arch/arm64/kvm/rust/in_b/five.rs": "",
    "arch/arm64/kvm/rust/a/glue.c": "",
    "rust/helpers/helpers.c": '#include "kunit.c"\n#include "kvm_arm64.c"\n',
    "rust/helpers/kvm_arm64.c": "",
    "tools/testing/selftests/kvm/Makefile.kvm": "include arm64/Makefile.rust\n",
    "tools/testing/selftests/kvm/arm64/Makefile.rust": "TEST_GEN_PROGS_arm64 += arm64/t\n",
    "tools/testing/selftests/kvm/arm64/t.c": "",
    "Documentation/virt/kvm/arm/index.rst": "   rust/index\n",
    "Documentation/virt/kvm/arm/rust/index.rst": ".. toctree::\n\n   design\n",
    "Documentation/virt/kvm/arm/rust/design.rst": "",
}


class TestSeries(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.tree = Path(folder.name)
        for name, text in FILES.items():
            (self.tree / name).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / name).write_text(text)

    def test_complete(self):
        self.assertEqual(series.problems(self.tree), [])

    def test_before_the_series(self):
        self.assertEqual(series.problems(self.tree / "nothing"), [])

    def test_each_file_is_missed(self):
        for name in (n for n in FILES if n.endswith((".rs", ".c", "rust/Kconfig", "rust/Kbuild",
                                                     "Makefile.rust", ".rst"))):
            if name in ("rust/helpers/helpers.c", "Documentation/virt/kvm/arm/index.rst"):
                continue
            path = self.tree / name
            path.unlink()
            self.assertNotEqual(series.problems(self.tree), [], name)
            path.write_text(FILES[name])

    def test_a_module_is_told(self):
        (self.tree / "arch/arm64/kvm/rust/one/deep.rs").unlink()
        self.assertEqual(series.problems(self.tree), ["arch/arm64/kvm/rust/one.rs: mod deep"])


if __name__ == "__main__":
    unittest.main()
