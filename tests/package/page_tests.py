# SPDX-License-Identifier: Apache-2.0
"""Checks that every test that a page of docs/ names exists, that docs/index.md lists every page, and that every link of
a page leads to a file. A page names a test as `suite, case`.

usage: page_tests.py SOURCE_FOLDER
"""

import re
import sys
from pathlib import Path

PAGES = ("promises.md", "troubleshooting.md", "from-spead2.md", "requirements.md")
NAMES_MIN = 100  # fewer names mean that this program no longer understands the pages

# a test of Criterion; some macros of the tests take the case alone and add the suite themselves
IN_C = re.compile(r"\b(?:Test|ParameterizedTest|FOR_EACH_[A-Z_]+)\(([^;{]*?)\)\s*\{", re.DOTALL)
IN_PYTHON = re.compile(r"^class (\w+)|^    def (test_\w+)", re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)\)")
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


def dead_links(source):
    """Links from README.md and docs/*.md to files that are not there, and pages that docs/index.md does not list."""
    index = source / "docs" / "index.md"
    for page in [source / "README.md", *sorted((source / "docs").glob("*.md"))]:
        for link in LINK.findall(page.read_text()):
            if not (page.parent / link).exists():
                yield f"{page.relative_to(source)} links to {link}, which is not there"
        if page.parent == index.parent and page != index and f"({page.name})" not in index.read_text():
            yield f"docs/index.md does not list {page.name}"


def main(source):
    known = tests_of(source / "tests")
    named = [(page, *test) for page in PAGES for test in ON_A_PAGE.findall((source / "docs" / page).read_text())]
    named = [name for name in named if name[1:] != ("suite", "case")]
    wrong = [name for name in named if name[1:] not in known and
             ((None, name[2]) not in known or any(case == name[2] and suite for suite, case in known))]
    for page, suite, case in wrong:
        print(f"docs/{page} names {suite}, {case}, which is no test")
    dead = list(dead_links(source))
    print(*dead, sep="\n", end="\n" if dead else "")
    if len(named) < NAMES_MIN:
        print(f"only {len(named)} tests were found on the pages")
    return bool(wrong or dead) or len(named) < NAMES_MIN


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
