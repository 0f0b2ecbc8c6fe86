# SPDX-License-Identifier: GPL-2.0
"""Runs the Python unit tests of the folders given; prints TAP."""

import sys
import unittest


class TapResult(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.number = 0

    def _line(self, test, verdict, directive="", detail=""):
        self.number += 1
        for line in detail.splitlines():
            print(f"# {line}")
        print(f"{verdict} {self.number} - {test.id()}{directive}", flush=True)

    def addSuccess(self, test):
        self._line(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._line(test, "not ok", detail=self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self._line(test, "not ok", detail=self.errors[-1][1])

    def addSkip(self, test, reason):
        self._line(test, "ok", f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        if err is not None:
            super().addSubTest(test, subtest, err)
            self._line(test, "not ok", detail=self._exc_info_to_string(err, test))


def main(folders):
    result = TapResult()
    print("TAP version 13")
    for folder in folders:
        # Discovered one by one: the folders are no packages of each other.
        sys.path.insert(0, folder)
        unittest.TestLoader().discover(folder, "test_*.py", folder).run(result)
    print(f"1..{result.number}")
    return 0 if result.wasSuccessful() and result.number else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
