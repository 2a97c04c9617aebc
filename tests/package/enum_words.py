#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A word has one number in all public enums, so that a value of the wrong enum is not another value of the right one.

The word of an enumerator is what follows the words that all enumerators of its enum begin with: SPEAD_ON_FULL_BLOCK has
the word BLOCK. usage: enum_words.py SOURCE_FOLDER
"""
import glob
import os
import re
import sys

# Words that have several numbers, and why nobody can take one for the other.
EXCEPTIONS = {
    "BUCKET_COUNT": "number of buckets of two ledgers",
    "INJECTED": "buckets of two ledgers: they are indexes of arrays, and no field takes them",
    "FAILED": "bucket, and why a stream has ended: the library tells both, and no field takes them",
    "NONE": "what makes a sender, and why a stream has ended: the library tells the second, and no field takes it",
    "TEXT": "format of a report, and kind of an endpoint: the library tells the second, and no field takes it",
}


def enums_of(text):
    """Yields the name of each enum and its enumerators, as a list of (name, number)."""
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    for name, body in re.findall(r"enum (\w+) \{(.*?)\}", text, flags=re.S):
        number, members = -1, []
        for member in filter(None, (m.strip() for m in body.split(","))):
            key, _, value = (part.strip() for part in member.partition("="))
            number = int(value, 0) if value else number + 1
            members.append((key, number))
        yield name, members


def words_of(members):
    names = [name.split("_") for name, _ in members]
    prefix = len(os.path.commonprefix(names))
    return [("_".join(name[prefix:]), number) for name, (_, number) in zip(names, members)]


def main(source):
    seen, status, count = {}, 0, 0
    for header in sorted(glob.glob(os.path.join(source, "*/include/speadline/*.h"))):
        with open(header, encoding="utf-8") as file:
            for enum, members in enums_of(file.read()):
                count += 1
                for word, number in words_of(members):
                    other, known = seen.setdefault(word, (enum, number))
                    if number != known and word not in EXCEPTIONS:
                        print(f"{word} is {known} in enum {other}, and {number} in enum {enum}: give it one number")
                        status = 1
    if count < 15:
        print(f"only {count} enums found")
        status = 1
    if status == 0:
        print(f"{count} public enums: a word has one number")
    return status


sys.exit(main(sys.argv[1]))
