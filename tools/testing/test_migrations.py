# SPDX-License-Identifier: GPL-2.0
import unittest

import migrations
import test_suites
from context import REPO
from results import Selection


class TestMigrations(test_suites.Suite):
    def setUp(self):
        super().setUp()
        self.context.repo = REPO

    def jobs(self, *only, every=False):
        self.context.report.selection = Selection(only)
        self.context.all = every
        return [j.name for j in migrations.jobs(self.context)]

    def test_fast(self):
        self.assertEqual(self.jobs(), ["migration/vhe"])

    def test_fast_pairs(self):
        self.assertEqual(self.wanted("vhe"), ["c-rust", "rust-c"])
        self.assertEqual(self.wanted("vhe", "migration/vhe"), list(migrations.PAIRS))
        self.assertEqual(self.wanted("vhe", every=True), list(migrations.PAIRS))

    def wanted(self, name, *only, every=False):
        """The pairs of a machine."""
        self.context.report.selection = Selection(only)
        self.context.all = every
        return migrations.pairs(self.context, name)

    def test_all(self):
        names = self.jobs(every=True)
        for name in ("vhe", "gicv2", "nested", "vhe-nvhe"):
            self.assertIn(f"migration/{name}", names)

    def test_named(self):
        self.assertEqual(self.jobs("migration/nvhe/c-rust"), ["migration/nvhe"])
        self.assertEqual(self.jobs("migration/nvhe/c-d"), [])
        self.assertEqual(self.jobs("guest"), [])

    def command(self, *only):
        """What is called with."""
        self.context.report.selection = Selection(only)
        self.context.repo = self.root
        self.context.qemu.mkdir(parents=True)
        self.script("echo 1..1; echo \"ok 1 - $(echo $* | tr ' ' =)\"").rename(
            self.context.qemu / "run-migrate")
        migrations.migrate(self.context, "vhe-nvhe", "vhe", "nvhe")
        return list(self.statuses().items())

    def test_pairs(self):
        (name, status), = self.command("migration/vhe-nvhe/*rust-*")
        self.assertEqual(status, "pass")
        self.assertIn("machine=vhe=--to=nvhe=", name)
        self.assertTrue(name.endswith("--pairs=rust-c=rust-rust"), name)


if __name__ == "__main__":
    unittest.main()
