#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the libraries export, compared with the public headers and with a list (docs/abi.md).

usage: exported.py list LIBRARY.so          prints the list: one line "SYMBOL VERSION" for each symbol
       exported.py check BUILD_FOLDER SOURCE_FOLDER
"""
import glob
import os
import re
import subprocess
import sys

LIST = "cmake/speadline.symbols"
DEADLINE_TEST = "tests/conformance/test_deadlines.c"


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def exported(library):
    """Returns "SYMBOL VERSION" for each symbol that a shared library defines for others."""
    lines = []
    for line in run("nm", "-D", "--defined-only", library).splitlines():
        kind, name = line.split()[-2:]
        if kind != "A":  # the version itself
            lines.append(" ".join(name.split("@@")))
    return sorted(lines)


def archive_symbols(archive):
    """Returns the global symbols of a static library, without those of the sanitizers."""
    names = {line.split()[-1] for line in run("nm", "-g", "--defined-only", archive).splitlines() if len(line.split()) == 3}
    return {name for name in names if not name.startswith(("__odr_asan", "__asan", "__ubsan", "__tsan"))}


def declarations(text):
    """Yields the statements of a header that declare functions or variables, each on one line."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S)
    text = re.sub(r"^[ \t]*#(.*\\\n)*.*$", " ", text, flags=re.M)
    text = text.replace('extern "C" {', " ")
    while re.search(r"\{[^{}]*\}", text):  # bodies of structs, enums and inline functions
        text = re.sub(r"static inline [^;{}]*\{[^{}]*\}|\{[^{}]*\}", " ", text)
    for statement in text.split(";"):
        statement = " ".join(statement.replace("}", " ").split())
        statement = re.sub(r"__attribute__\(\(.*?\)\)\) ", "", statement)
        if not statement.startswith(("typedef ", "static ")):
            yield statement


def declared(source):
    """Returns the names that the public headers declare, and those of functions that take a deadline."""
    names, with_deadline = set(), set()
    for header in sorted(glob.glob(os.path.join(source, "*/include/speadline/*.h"))):
        with open(header, encoding="utf-8") as file:
            for statement in declarations(file.read()):
                function = re.match(r"[^()]*?\b(\w+)\(", statement)
                variable = re.match(r"extern [^()]*?(\w+)$", statement)
                if function or variable:
                    names.add((function or variable).group(1))
                if function and "deadline_ns" in statement:
                    with_deadline.add(function.group(1))
    return names, with_deadline


def uncommented(source):
    """Yields the public declarations that have no comment: neither above them, nor above the group that they end."""
    for header in sorted(glob.glob(os.path.join(source, "*/include/speadline/*.h"))):
        with open(header, encoding="utf-8") as file:
            lines = file.read().splitlines()
        told = False  # whether the comment above is about this line
        for number, line in enumerate(lines, 1):
            if re.match(r"[a-z].*\bspead_\w+\(", line) and not line.startswith("typedef") and not told:
                yield f"{os.path.basename(header)}:{number}: {line}"
            if not line:
                told = False
            elif line.endswith("*/") and not re.match(r"/\* (----|clang-format)", line):
                told = True


def version_of(source):
    with open(os.path.join(source, "CMakeLists.txt"), encoding="utf-8") as file:
        major, minor = re.search(r"project\(speadline VERSION (\d+)\.(\d+)", file.read()).groups()
    return major, minor


def check(build, source):
    library, archive = (os.path.join(build, "libspeadline" + end) for end in (".so", ".a"))
    faults = []

    def compare(what, have, want):
        for name in sorted(set(have) - set(want)):
            faults.append(f"{what[0]}: {name}")
        for name in sorted(set(want) - set(have)):
            faults.append(f"{what[1]}: {name}")

    with open(os.path.join(source, LIST), encoding="utf-8") as file:
        listed = file.read().splitlines()
    symbols = exported(library)
    compare((f"exported, but not in {LIST}", f"in {LIST}, but not exported"), symbols, listed)

    major, minor = version_of(source)
    compatible = f"0.{minor}" if major == "0" else major
    names = {symbol.split()[0] for symbol in symbols}
    for symbol in symbols:
        if not symbol.startswith("spead_"):
            faults.append(f"exported without the prefix spead_: {symbol}")
        if len(symbol.split()) != 2:
            faults.append(f"exported without a version: {symbol}")
    if symbols and f"SPEADLINE_{compatible}" not in {symbol.split()[-1] for symbol in symbols}:
        faults.append(f"cmake/speadline.map has no SPEADLINE_{compatible}, the version of this tree")
    soname = re.search(r"SONAME.*\[(.*)\]", run("readelf", "-d", library)).group(1)
    if soname != f"libspeadline.so.{compatible}":
        faults.append(f"the soname is {soname}, and should be libspeadline.so.{compatible}")

    public, with_deadline = declared(source)
    compare(("exported, but declared in no public header", "declared in a public header, but not exported"), names, public)

    inside = archive_symbols(archive)
    for name in sorted(inside):
        if not name.startswith(("spead_", "speadi_")):
            faults.append(f"in the static library without the prefix spead_ or speadi_: {name}")
    compare(("only in the static library", "only in the shared library"),
            {name for name in inside if name.startswith("spead_")}, names)

    with open(os.path.join(source, DEADLINE_TEST), encoding="utf-8") as file:
        rows = re.findall(r"ROW\((spead_\w+)\)", file.read())
    compare((f"{DEADLINE_TEST} has a row without a function", f"{DEADLINE_TEST} lacks a row"), rows, with_deadline)

    faults += ["a public function without a comment: " + line for line in uncommented(source)]
    if len(public) < 100:
        faults.append(f"only {len(public)} declarations found")
    for fault in faults:
        print(fault)
    if not faults:
        print(f"{len(names)} symbols are exported, declared and listed; {soname}")
    return 1 if faults else 0


if sys.argv[1:2] == ["list"] and len(sys.argv) == 3:
    print("\n".join(exported(sys.argv[2])))
elif sys.argv[1:2] == ["check"] and len(sys.argv) == 4:
    sys.exit(check(sys.argv[2], sys.argv[3]))
else:
    sys.exit(__doc__)
