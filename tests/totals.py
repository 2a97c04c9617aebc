#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Adds up a test run and prints one line of totals.

usage: totals.py BUILD_FOLDER

Reads BUILD_FOLDER/results/ctest.xml (ctest --output-junit). If a test of this file also wrote results/NAME.tap, the
cases in the TAP file are counted instead of the test. Prints every failure and every skip with its reason, then "N
passed, N failed, N skipped". The exit status is 1 when anything failed or nothing passed. A program that ended without
a full TAP file counts as failed, and so does a program that failed although each of its cases passed (for example by a
leak that was found at exit).
"""

import re
import sys
import xml.etree.ElementTree
from pathlib import Path

TAP_LINE = re.compile(r"(not )?ok (?:\d+ )?- (.*?) *(?:\([\d.]+s\))?$")
TAP_SKIP = re.compile(r" *# SKIP *", re.IGNORECASE)


class Totals:
    def __init__(self):
        self.passed = 0
        self.failed = []
        self.skipped = []

    def fail(self, name, reason):
        self.failed.append(f"{name}: {reason}")

    def skip(self, name, reason):
        self.skipped.append(f"{name}: {reason or 'no reason given'}")


def add_tap(totals, program, path, program_failed):
    """Adds the cases of one TAP file. Its plan line says how many there must be."""
    planned, seen, failures = None, 0, 0
    for line in path.read_text(errors="replace").splitlines():
        if plan := re.match(r"1\.\.(\d+)", line):
            planned = int(plan[1])
        if not (case := TAP_LINE.match(line)):
            continue
        seen += 1
        name, _, reason = TAP_SKIP.sub("\0", case[2], count=1).partition("\0")
        name = f"{program}: {name}"
        if case[1]:
            failures += 1
            totals.fail(name, "not ok")
        elif TAP_SKIP.search(case[2]):
            totals.skip(name, reason)
        else:
            totals.passed += 1
    if planned != seen:
        totals.fail(program, f"{path.name} plans {planned} cases and holds {seen}")
    elif program_failed and failures == 0:
        totals.fail(program, "each case passed, the program did not: see its output above")


def last_line(case):
    lines = [line for line in (case.findtext("system-out") or "").splitlines() if line.strip()]
    return lines[-1].strip() if lines else ""


def add_case(totals, case, results):
    """Adds one test of ctest. If the test wrote a TAP file, adds the cases of that file instead."""
    name, status = case.get("name"), case.get("status")
    skipped = case.find("skipped")
    skip_message = skipped.get("message", "") if skipped is not None else ""
    tap = results / f"{name}.tap"
    if status == "disabled" or skip_message.startswith("SKIP"):
        totals.skip(name, last_line(case))
    elif status == "notrun":
        totals.fail(name, skip_message or "not run")
    elif tap.exists():
        add_tap(totals, name, tap, status != "run")
    elif status == "run":
        totals.passed += 1
    else:
        totals.fail(name, last_line(case) or status)


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: totals.py BUILD_FOLDER")
    results = Path(sys.argv[1]) / "results"
    totals = Totals()
    try:
        cases = xml.etree.ElementTree.parse(results / "ctest.xml").iter("testcase")
    except (OSError, xml.etree.ElementTree.ParseError) as error:
        sys.exit(f"totals.py: {error}: run ctest with --output-junit {results / 'ctest.xml'}")

    for case in cases:
        add_case(totals, case, results)
    for line in totals.skipped:
        print(f"skipped  {line}")
    for line in totals.failed:
        print(f"FAILED   {line}")
    print(f"{totals.passed} passed, {len(totals.failed)} failed, {len(totals.skipped)} skipped")
    return 1 if totals.failed or totals.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
