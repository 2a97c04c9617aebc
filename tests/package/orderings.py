#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks memory orderings: each pair has a label, both of its ends are in the code, and docs/threads.md explains it.

A comment in the code marks an end of a pair with the label and with what the end does:
    RING1 release: ...    a thread that passes the other end sees what was written before this end
    RING1 acquire: ...    that other end
    WAIT1 store, WAIT1 load    the same for sequentially consistent ends: one of two threads sees what the other did
    DOORBELL1 device: ...      the other end is a device
A label without one of these words only refers to the pair. docs/threads.md has an entry for each label, with the
functions that mark each end, what is published, and why the order is needed.

A function that marks an end with "device" must call speadi_before_doorbell(), because release stores order memory for
CPUs and not for devices, and a function that calls it must mark such an end.

A function with an explicit ordering must mark an end, and a function with a relaxed ordering must say why relaxed is
enough. (A function here means its text and the comments above it.)

usage: orderings.py SOURCE_FOLDER
"""

import os
import re
import sys
from collections import defaultdict

MODULES = ("common", "send", "recv", "record", "tools")
FIRST, SECOND = {"release", "store", "device"}, {"acquire", "load"}
LABELS = r"[A-Z]{2,}[0-9]+(?:(?:, | and )[A-Z]{2,}[0-9]+)*"
END = re.compile(rf"\b({LABELS}) ((?:release|acquire|store|load|device)(?:, (?:release|acquire|store|load))*)\b")
ORDERED = re.compile(r"memory_order_(?:acquire|release|acq_rel|seq_cst)|__ATOMIC_(?:ACQUIRE|RELEASE|ACQ_REL|SEQ_CST)")
TO_DEVICE = re.compile(r"\bspeadi_before_doorbell\(\)")
DEVICE_HEADER = "device_order.h"  # defines the barrier and rings no doorbell
RELAXED = re.compile(r"memory_order_relaxed|__ATOMIC_RELAXED")
OLD_END = re.compile(r"\b[A-Z][0-9]\b(?:: | in |\))|pairs with [A-Z][0-9]\b|/\* [A-Z][0-9] \*/")
ENTRY = re.compile(r"^\*\*([A-Z]{2,}[0-9]+)\*\*(.*?)(?=^\*\*[A-Z]{2,}[0-9]+\*\*|^#|\Z)", re.M | re.S)
LINE = re.compile(r"^- (release|acquire|store|load|device|published|why): (.*?)(?=^- |^$|\Z)", re.M | re.S)
PLACE = re.compile(r"`(\w+)\(\)`\s+in\s+(\w+\.[ch])")


def parts(text):
    """Yields (function name, its text with the comments above it) for each part that ends with a } in column 1."""
    part = []
    for line in text.splitlines() + ["}"]:
        part.append(line)
        if line.startswith("}"):
            yield name_of(part), "\n".join(part)
            part = []


def name_of(part):
    """The name in the last line that begins in column 1 and opens a list of parameters; prototypes may stand above."""
    name = "(outside of functions)"
    for line in part:
        line = re.sub(r"/\*.*?\*/|__attribute__\(\([^)]*\)*\)", "", line).rstrip()
        found = re.search(r"(\w+)\(", line)
        if found and re.match(r"[A-Za-z_]", line) and not line.endswith(";"):
            name = found.group(1)
    return name


def comments_of(text):
    joined = " ".join(re.findall(r"/\*.*?\*/", text, re.S))
    return re.sub(r"\s*\n\s*\*?\s*", " ", joined)


def read_code(source):
    """Returns {label: {word: places}} and sentences about what is missing. A place is (function, file name)."""
    ends, bad = defaultdict(lambda: defaultdict(set)), []
    for module in MODULES:
        for folder, _, names in os.walk(os.path.join(source, module)):
            for name in sorted(names):
                if not name.endswith((".c", ".h")) or name == DEVICE_HEADER:
                    continue
                path = os.path.join(folder, name)
                for function, text in parts(open(path).read()):
                    where = f"{os.path.relpath(path, source)}, {function}"
                    comments = comments_of(text)
                    marked = END.findall(comments)
                    for labels, words in marked:
                        for label in re.split(", | and ", labels):
                            for word in words.split(", "):
                                ends[label][word].add((function, name))
                    if ORDERED.search(text) and not marked:
                        bad.append(f"{where}: an ordering without the label of its pair")
                    if any("device" in words for _, words in marked) != bool(TO_DEVICE.search(text)):
                        bad.append(f"{where}: speadi_before_doorbell() and an end with the word device come together")
                    if RELAXED.search(text) and "relaxed" not in comments.lower():
                        bad.append(f"{where}: nothing says why relaxed is enough")
                    for old in OLD_END.findall(comments):
                        bad.append(f"{where}: {old.strip()}: a label is a noun and a number")
    return ends, bad


def check_label(label, words):
    """Yields a sentence for each thing that is wrong with the marks of a label in the code."""
    first, second = FIRST & set(words), SECOND & set(words)
    if "device" in words:
        if len(words) > 1:
            yield f"{label}: the other end is a device, but the code marks it with {', '.join(sorted(words))}"
        return
    if not first or not second:
        yield f"{label}: the code has only one end: {', '.join(sorted(words))}"
    if len(first) > 1 or len(second) > 1 or ("store" in first) != ("load" in second):
        yield f"{label}: is it release and acquire, or store and load? The code says {', '.join(sorted(words))}"


def check_entry(label, words, lines):
    """Yields a sentence for each difference between an entry of docs/threads.md and the code."""
    for word in sorted(FIRST | SECOND):
        code, page = words.get(word, set()), set(PLACE.findall(lines.get(word, "")))
        for function, name in sorted(code - page):
            yield f"docs/threads.md misses in {label}: {word}: `{function}()` in {name}"
        for function, name in sorted(page - code):
            yield f"docs/threads.md says in {label}: {word}: `{function}()` in {name}, but the code does not"
    for word in ("published", "why"):
        if not lines.get(word, "").strip():
            yield f"docs/threads.md misses in {label}: {word}"


def main(source):
    ends, bad = read_code(source)
    page = open(os.path.join(source, "docs/threads.md")).read()
    entries = defaultdict(list)
    for label, text in ENTRY.findall(page):
        entries[label].append(dict(LINE.findall(text)))
    for label, words in sorted(ends.items()):
        bad += check_label(label, words)
        if label not in entries:
            bad.append(f"docs/threads.md has no entry for {label}")
        for lines in entries[label]:
            bad += check_entry(label, words, lines)
    for label, found in sorted(entries.items()):
        if label not in ends:
            bad.append(f"docs/threads.md has an entry for {label}, which no code has")
        if len(found) > 1:
            bad.append(f"docs/threads.md has {len(found)} entries for {label}")
    for sentence in bad:
        print(sentence)
    print(f"{len(ends)} pairs of orderings, {len(bad)} complaints")
    return 1 if bad else 0


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    sys.exit(main(os.path.abspath(sys.argv[1])))
