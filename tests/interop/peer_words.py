# SPDX-License-Identifier: Apache-2.0
"""The options of spead2's tools: docs/from-spead2.md has each of them, with its default.

Method: the test runs the tools of the spead2 package with --help and compares the options and the defaults in brackets
with the tables of the page. Another test compares the page with the table in our programs (test_spead2_words.c).
"""

import re
import subprocess
import sys
import unittest
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "from-spead2.md"


def printed(tool):
    """The options that spead2's tool prints: {name: default, or "" if it prints none}."""
    command = [sys.executable, str(Path(sys.executable).parent / tool), "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    text = text[text.index("show this help") :]
    entries = re.split(r"\n  --", text)[1:]
    options = {}
    for entry in entries:
        entry = re.sub(r"\s+", " ", re.split(r"\n\n|\n\S", entry)[0])
        name = re.match(r"[\w-]+", entry)[0]
        default = re.search(r"\[([^]]*)\]$", entry.strip())
        options[name] = default[1] if default else ""
    return options


def written(tool):
    """The options of spead2's tool on the page: {name: default}."""
    text = PAGE.read_text()
    table = text[text.index(f"| `{tool}` | default |") :].split("\n\n")[0]
    rows = [[cell.strip().strip("`") for cell in line.split("|")] for line in table.splitlines()[2:]]
    return {row[1].removeprefix("--").split()[0]: row[2] for row in rows}


class Words(unittest.TestCase):
    def assert_same(self, tool):
        theirs, ours = printed(f"{tool}.py"), written(tool)
        self.assertGreater(len(theirs), 15)
        self.assertEqual(theirs, ours)

    def test_each_option_of_its_receiver_is_on_the_page(self):
        self.assert_same("spead2_recv")

    def test_each_option_of_its_sender_is_on_the_page(self):
        self.assert_same("spead2_send")
