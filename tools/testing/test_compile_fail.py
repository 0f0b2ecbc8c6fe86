# SPDX-License-Identifier: GPL-2.0
import unittest

import compile_fail
from compile_fail import Snippet, SnippetError, errors, parse, verdict

TEXT = """\
use x;
//# a name
//# error: E0308 expected this
wrong();
//# instead
right();
"""
OUTPUT = """\
error[E0308]: mismatched types
  | expected
  | this
error: aborting due to 1 previous error
"""


class TestParse(unittest.TestCase):
    def test_snippet(self):
        self.assertEqual(parse(TEXT, "f"), [Snippet(
            "a name", "E0308", "expected this", ["use x;", "wrong();"],
            ["use x;", "right();"])])

    def test_incomplete(self):
        for cut in ("//# error: E0308 expected this\n", "//# instead\nright();\n",
                    "right();\n"):
            with self.assertRaises(SnippetError):
                parse(TEXT.replace(cut, ""), "f")

    def test_bad_error(self):
        with self.assertRaises(SnippetError):
            parse(TEXT.replace("E0308", "0308"), "f")

    def test_ours(self):
        self.assertGreater(len(compile_fail.load()), 8)


class TestVerdict(unittest.TestCase):
    SNIPPET = Snippet("n", "E0308", "mismatched types")

    def test_as_it_should(self):
        self.assertIsNone(verdict(self.SNIPPET, 1, OUTPUT))

    def test_it_compiles(self):
        self.assertEqual(verdict(self.SNIPPET, 0, ""), "it compiles")

    def test_another_error(self):
        other = OUTPUT.replace("E0308", "E0433")
        self.assertIn("E0433", verdict(self.SNIPPET, 1, other))
        self.assertIn("E0433", verdict(self.SNIPPET, 1, OUTPUT + other))

    def test_another_text(self):
        self.assertIn("no error says", verdict(
            Snippet("n", "E0308", "something else"), 1, OUTPUT))

    def test_rustc_does_not_even_start(self):
        self.assertIn("not E0308", verdict(self.SNIPPET, 1, "error: no such file"))
        self.assertIn("otherwise", verdict(self.SNIPPET, 1, "rustc: not found"))

    def test_errors(self):
        self.assertEqual([code for code, _ in errors(OUTPUT)], ["E0308"])
        self.assertEqual([code for code, _ in errors("error: lifetime\n")], ["-"])


if __name__ == "__main__":
    unittest.main()
