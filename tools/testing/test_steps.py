# SPDX-License-Identifier: GPL-2.0
"""What the set-up says of its progress, and of the time its steps took."""

import os
import subprocess
import tempfile
import unittest
from pathlib import Path

import context

SETUP = context.REPO / "tools/setup"
BUILD = Path(os.environ.get("BUILD") or context.REPO / "build")


def shell(text, **env):
    done = subprocess.run(["bash", "-euc", text, "-", SETUP], check=True, text=True,
                          capture_output=True, env={**os.environ, **env})
    return done.stdout


class TestProgress(unittest.TestCase):
    def told(self, seconds, lines, **env):
        return shell(f'. "$1/lib.sh"; progress {seconds} {lines}', **env)

    def test_unknown(self):
        self.assertEqual(self.told(30, 20), "20 lines of log")

    def test_too_early_to_say(self):
        self.assertEqual(self.told(30, 20, EXPECT="1000"), "20 of about 1000 lines")

    def test_time_left(self):
        self.assertEqual(self.told(60, 250, EXPECT="1000"),
                         "250 of about 1000 lines, about 3:00 left")

    def test_more_than_expected(self):
        self.assertEqual(self.told(60, 1200, EXPECT="1000"), "1200 of about 1000 lines")


class TestSteps(unittest.TestCase):
    def test_table(self):
        with tempfile.TemporaryDirectory() as folder:
            steps = Path(folder) / "steps"
            told = shell("""
                "$1/steps" begin
                . "$1/lib.sh"
                took 2 65 'an inner one'; took 2 1 'a short one'; took 1 70 'a step'; took 1 0 'nothing'
                "$1/steps" table""", STEPS=str(steps), BUILD=folder)
        self.assertRegex(told, r"\Atime\n +1:10  a step\n +1:05  an inner one\n +\d:\d\d  in all\n\Z")

    def test_status_is_kept(self):
        done = subprocess.run([SETUP / "steps", "run", "x", "sh", "-c", "exit 7"], check=False,
                              env={k: v for k, v in os.environ.items() if k != "STEPS"})
        self.assertEqual(done.returncode, 7)


class TestExpectation(unittest.TestCase):
    def test_lines_of_a_first_build(self):
        """The number that the progress of a first build rests on is about right."""
        counted = BUILD / ".lines.c"
        if not counted.is_file():
            self.skipTest("the C kernel was not built from nothing here")
        text = (SETUP / "kernel").read_text()
        expected = int(text.split("FIRST_LINES=")[1].split()[0])
        self.assertAlmostEqual(int(counted.read_text()) / expected, 1, delta=0.15)


if __name__ == "__main__":
    unittest.main()
