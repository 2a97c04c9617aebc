# SPDX-License-Identifier: Apache-2.0
"""Runs unittest cases and writes their results as TAP, as the Criterion programs do."""

import unittest


class TapResult(unittest.TextTestResult):
    def __init__(self, *arguments, **options):
        super().__init__(*arguments, **options)
        self.lines = []

    def _case(self, mark, test, remark=""):
        self.lines.append(f"{mark} - {test.id().removeprefix('__main__.')}{remark}")

    def addSuccess(self, test):
        super().addSuccess(test)
        self._case("ok", test)

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self._case("not ok", test)

    def addError(self, test, error):
        super().addError(test, error)
        self._case("not ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._case("ok", test, f" # SKIP {reason}")


def run(path, names):
    """Runs the named cases of the calling program, or all of them, and writes the TAP file. Returns the exit status."""
    program, loader = __import__("__main__"), unittest.defaultTestLoader
    if names:
        suite = loader.loadTestsFromNames(names, program)
    else:
        suite = loader.loadTestsFromModule(program)
    result = unittest.TextTestRunner(verbosity=2, resultclass=TapResult).run(suite)
    with open(path, "w") as out:
        print("TAP version 13", f"1..{len(result.lines)}", *result.lines, sep="\n", file=out)
    return 0 if result.wasSuccessful() and result.testsRun > 0 else 1
