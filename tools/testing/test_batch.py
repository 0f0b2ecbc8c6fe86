# SPDX-License-Identifier: GPL-2.0
import subprocess
import tempfile
import unittest
from pathlib import Path

import batch
import plan


class TestScript(unittest.TestCase):
    TEST = plan.Test("a", "a", ["-n", "2"], timeout=60)

    def test_limit(self):
        self.assertIn("\nrun a 60 a -n 2\n", batch.runner_script([self.TEST]))

    def test_limit_on_a_loaded_machine(self):
        self.assertIn("\nrun a 150 a -n 2\n",
                      batch.runner_script([self.TEST], slowness=2.5))

    def test_what_comes_first_must_work(self):
        for before, status in ("", 0), ("cd /; true", 0), ("false; true", 98):
            with tempfile.TemporaryDirectory() as folder:
                script = batch.runner_script([], before=before)
                done = subprocess.run(["sh", "-c", script.replace("cd /host", f"cd {folder}")],
                                      stdin=subprocess.DEVNULL, check=False)
            self.assertEqual(done.returncode, status, before)


class TestProgress(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.out, self.seen = Path(folder.name), []
        tests = [plan.Test(n, n, timeout=60) for n in "ab"]
        self.progress = batch._Progress(self.out, tests, plan.Machine("m", "m"),
                                        lambda t, o: self.seen.append((t.name, o.status)))

    def test_stuck_without_a_result(self):
        self.assertFalse(self.progress.stuck(60 + 15 + 30))
        self.assertTrue(self.progress.stuck(60 + 15 + 30 + 1))

    def test_a_result_starts_the_time_anew(self):
        self.assertFalse(self.progress.stuck(100))
        (self.out / "a.rc").write_text("0 1.0 2.0\n")
        (self.out / "a.log").write_text("1..1\nok 1 x\n")
        self.assertFalse(self.progress.stuck(104))
        self.assertEqual(self.seen, [("a", "pass")])
        self.assertFalse(self.progress.stuck(104 + 105))
        self.assertTrue(self.progress.stuck(104 + 106))
