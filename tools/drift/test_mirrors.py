# SPDX-License-Identifier: GPL-2.0
"""What our code says of C, against the tree that is built."""
import os
import unittest
from pathlib import Path

import ackfile
import verdicts
import wants
from trees import TOP, Failure, Folder

LINUX = Path(os.environ.get("BUILD") or TOP / "build") / "linux"
HINT = "make drift-ack KDIR=build/linux"


class TestLines(unittest.TestCase):
    def test_each_policy_file_says_what_it_mirrors(self):
        self.assertEqual(wants.silent(), [])
        self.assertGreater(sum(wants.is_policy(p) for p in wants.rust_files()), 20)


class TestTree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = ackfile.load()
        cls.tree = Folder(LINUX)
        try:
            cls.version = cls.tree.version
        except Failure:
            raise unittest.SkipTest(f"no kernel tree in {LINUX}: make tree") from None
        cls.wanted = wants.wants()

    def none_of(self, found, what):
        """Fails for the tree that was read; for any other it is news."""
        if not found:
            return
        text = f"{what}: {', '.join(sorted(found))}"
        if self.version == self.base.version:
            self.fail(text)
        self.skipTest(f"the tree is {self.version}, tools/drift/base {self.base.version}; {text}")

    def test_names_exist(self):
        self.none_of({f"{w.path}: {w.name} ({w.user})" for w in self.wanted
                      if w.path and not self.tree.named(w.path, w.name)}, "not there")

    def test_hashes(self):
        found = verdicts.compare(self.base, self.tree, wanted=self.wanted)
        self.assertGreater(len(found), 300)
        self.none_of({f"{v.path}: {v.name} {v.status}" for v in found if v.status not in ("same", "exempt")},
                     f"not as read ({HINT}, once the code is)")

    def test_nothing_is_forgotten(self):
        self.none_of({f"{path}: {name}" for path, name, _ in verdicts.forgotten(self.base, self.tree, self.wanted)},
                     "no Rust file stands for these")

    def test_base_has_nothing_too_much(self):
        names = verdicts.by_name(self.base)
        used = {verdicts.entry_of(w, self.base, names) for w in self.wanted}
        self.none_of({f"{path}: {name}" for path, name in self.base.entries.keys() - used},
                     f"nobody refers to these any more ({HINT})")

    def test_exemptions_are_needed(self):
        claimed = {(w.path, w.name) for w in self.wanted if w.path}
        uses = {(w.user, w.name) for w in self.wanted}
        replaced = wants.replaced()
        self.none_of({f"{path}: {name}" for path, name in self.base.exempt if not (
            self.tree.named(path, name) and (path, name) not in claimed if path in replaced
            else (path, name) in uses)}, "exempt in vain")


if __name__ == "__main__":
    unittest.main()
