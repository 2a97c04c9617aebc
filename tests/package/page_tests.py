# SPDX-License-Identifier: Apache-2.0
"""Checks that every test that a page of docs/ names exists. A page names a test as `suite, case`.

usage: page_tests.py SOURCE_FOLDER
"""

import re
import sys
from pathlib import Path

PAGES = ("promises.md", "troubleshooting.md", "from-spead2.md")
NAMES_MIN = 100  # fewer names mean that this program no longer understands the pages

# a test of Criterion; some macros of the tests take the case alone and add the suite themselves
IN_C = re.compile(r"\b(?:Test|ParameterizedTest|FOR_EACH_[A-Z_]+)\(([^;{]*?)\)\s*\{", re.DOTALL)
IN_PYTHON = re.compile(r"^class (\w+)|^    def (test_\w+)", re.MULTILINE)
ON_A_PAGE = re.compile(r"`(\w+),\s+([a-z0-9_]+)`")


def tests_of(folder):
    """All (suite, case) of the tree. The suite is None if only the case is known."""
    found = set()
    for path in folder.rglob("*.c"):
        for arguments in IN_C.findall(path.read_text()):
            words = [w for w in re.split(r"[,\s]+", arguments) if re.fullmatch(r"[a-z][a-z0-9_]*", w)]
            found |= set(zip(words, words[1:])) | {(None, word) for word in words}
    for path in folder.rglob("*.py"):
        suite = None
        for name, case in IN_PYTHON.findall(path.read_text()):
            suite = name or suite
            found.add((suite, case))
    return found


def main(source):
    known = tests_of(source / "tests")
    named = [(page, *test) for page in PAGES for test in ON_A_PAGE.findall((source / "docs" / page).read_text())]
    named = [name for name in named if name[1:] != ("suite", "case")]
    wrong = [name for name in named if name[1:] not in known and
             ((None, name[2]) not in known or any(case == name[2] and suite for suite, case in known))]
    for page, suite, case in wrong:
        print(f"docs/{page} names {suite}, {case}, which is no test")
    if len(named) < NAMES_MIN:
        print(f"only {len(named)} tests were found on the pages")
    return bool(wrong) or len(named) < NAMES_MIN


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
