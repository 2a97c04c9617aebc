#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks which rooms and files call each other. It reads the symbols of every object file of common, send and recv.

An arrow goes from one file to another when the first file uses a function or an object that the second file defines.
Inline functions of headers leave no symbol; the compiler checks what a room may include (test_layering.sh).

The test fails when a room calls a room that its line in CMakeLists.txt does not name (SEES or CALLS), when a line has a
CALLS that is not needed, when rooms form a circle, when files form a circle that SHARED_NOUNS does not excuse, or when
two files have one name.

usage: rooms.py BUILD_FOLDER SOURCE_FOLDER    Without BUILD_FOLDER/rooms.txt it prints figures only.
"""

import json
import os
import shlex
import subprocess
import sys
from collections import defaultdict

MODULES = ("common", "send", "recv", "record")

# Circles of files that are allowed because the files share one noun: {frozenset of the files: the noun}.
SHARED_NOUNS = {}


def objects(build, source):
    """Returns {source file: its object file} for all files that the build compiles now."""
    found = {}
    for entry in json.load(open(os.path.join(build, "compile_commands.json"))):
        name = os.path.relpath(entry["file"], source)
        words = shlex.split(entry["command"])
        if name.split("/")[0] in MODULES:
            found[name] = os.path.join(entry["directory"], words[words.index("-o") + 1])
    return found


def arrows_between(files):
    """Returns {(from file, to file): the symbols}."""
    by_object = {path: name for name, path in files.items()}
    defined, used = {}, []
    listing = subprocess.run(["nm", "-A", "-g", *files.values()], check=True, capture_output=True, text=True)
    for line in listing.stdout.splitlines():
        path, rest = line.split(":", 1)
        kind, symbol = rest.split()[-2:]
        if kind in "Uw":
            used.append((by_object[path], symbol))
        else:
            defined[symbol] = by_object[path]
    arrows = defaultdict(set)
    for name, symbol in used:
        if defined.get(symbol, name) != name:
            arrows[name, defined[symbol]].add(symbol)
    return arrows


def circles(arrows):
    """Returns the sets of two or more names that can all reach each other (algorithm of Tarjan)."""
    after = defaultdict(set)
    for a, b in arrows:
        after[a].add(b)
    number, low, stack, found = {}, {}, [], []

    def visit(name):
        number[name] = low[name] = len(number)
        stack.append(name)
        for other in after[name]:
            if other not in number:
                visit(other)
            if other in stack:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            at = stack.index(name)
            if len(stack) - at > 1:
                found.append(frozenset(stack[at:]))
            del stack[at:]

    for name in sorted(after):
        if name not in number:
            visit(name)
    return found


def read_lists(path):
    """Returns {word: pairs of rooms} of rooms.txt, which cmake/Rooms.cmake writes. The words are SEES and CALLS."""
    lists = defaultdict(set)
    for line in open(path):
        word, room, other = line.split()
        lists[word].add((room, other))
    return lists


def check(rooms, lists):
    """Yields a sentence for each thing that is wrong. rooms is {(from, to): [(from file, to file, symbols)]}."""
    allowed = lists["SEES"] | lists["CALLS"]
    for (room, other), uses in sorted(rooms.items()):
        across = room.split("/")[0] != other.split("/")[0]
        if (room, other) in allowed or (across and other.startswith("common/")):
            continue
        for a, b, symbols in uses:
            yield f"{a} uses {', '.join(sorted(symbols))} of {b}, but {room} does not say that it CALLS {other}"
    for room, other in sorted(lists["CALLS"] - set(rooms)):
        yield f"{room} says that it CALLS {other}, but it does not"
    for circle in circles(rooms):
        yield f"rooms in a circle: {', '.join(sorted(circle))}"


def same_names(files):
    """Yields a sentence for each file name that several files have: an error message shows only the name."""
    paths = defaultdict(list)
    for path in sorted(files):
        paths[os.path.basename(path)].append(path)
    for same in paths.values():
        if len(same) > 1:
            yield f"files with one name: {', '.join(same)}"


def main(build, source):
    files = objects(build, source)
    arrows = arrows_between(files)
    rooms = defaultdict(list)
    for (a, b), symbols in sorted(arrows.items()):
        if os.path.dirname(a) != os.path.dirname(b):
            rooms[os.path.dirname(a), os.path.dirname(b)].append((a, b, symbols))
    found = circles(arrows)
    path = os.path.join(build, "rooms.txt")
    bad = list(check(rooms, read_lists(path))) if os.path.exists(path) else None

    for module in (*MODULES, "the tree"):
        inside = [(a, b) for a, b in arrows if module == "the tree" or a.startswith(module) and b.startswith(module)]
        names = [name for name in files if module == "the tree" or name.startswith(module)]
        inner = [circle for circle in found if circle <= set(names)]
        print(f"{module}: {len(names)} files in {len({os.path.dirname(name) for name in names})} rooms, "
              f"{len(inside)} arrows, {sum(os.path.dirname(a) != os.path.dirname(b) for a, b in inside)} "
              f"between rooms, {len(inner)} circles of {sum(map(len, inner))} files")
    for circle in sorted(found, key=sorted):
        print(f"circle: {', '.join(sorted(circle))}: {SHARED_NOUNS.get(circle, 'no shared noun is known')}")
        for a, b in sorted(arrows):
            if a in circle and b in circle:
                print(f"    {a} > {b}: {', '.join(sorted(arrows[a, b]))}")
    if bad is None:
        return 0
    bad += same_names(files)
    bad += [f"files in a circle: {', '.join(sorted(circle))}" for circle in found if circle not in SHARED_NOUNS]
    bad += [f"these files form no circle any more, remove them from SHARED_NOUNS: {', '.join(sorted(circle))}"
            for circle in SHARED_NOUNS if circle not in found]
    for sentence in bad:
        print(sentence)
    print(f"{len(bad)} complaints" if bad else
          "every call is allowed, every circle has a noun, every file its own name")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1], os.path.abspath(sys.argv[2])))
