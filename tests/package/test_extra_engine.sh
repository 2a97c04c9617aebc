#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An engine is one folder. This test builds the folder docs/examples/counter into a library whose only other engine is
# mem. The engine must pass the tests for every engine, it must be listed, and its heaps must reach a file.
# usage: test_extra_engine.sh SOURCE_FOLDER
set -euo pipefail
source=$1
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

cmake -G Ninja -S "$source" -B "$work" -DCMAKE_BUILD_TYPE=None -DSPEADLINE_WERROR=ON -DSPEADLINE_BENCH=OFF \
    -DSPEADLINE_ENGINES=mem -DSPEADLINE_EXTRA_ENGINES=docs/examples/counter >"$work/log" || { cat "$work/log" && exit 1; }
cmake --build "$work" --target test-conformance spead-recv spead-info >"$work/log" || { cat "$work/log" && exit 1; }

LSAN_OPTIONS=detect_leaks=0 "$work/tests/test-conformance" --filter 'any_engine/*' >"$work/log" 2>&1 ||
    { cat "$work/log" && exit 1; }
[ "$("$work/tools/spead-info" engines)" = 'counter usable' ]
"$work/tools/spead-recv" --help | grep -q 'auto or counter (auto)'

# The engine makes 1000 heaps of 4096 bytes from heap counter 7 on. Together their payloads are one row of numbers.
"$work/tools/spead-recv" --engine counter 7 --ring-heaps 1000 --output "$work/heaps" --strict --quiet --json >"$work/json"
python3 - "$work" <<'PYTHON'
import json, struct, sys
work = sys.argv[1]
report = json.loads(open(work + "/json").read())
assert report["engine"] == "counter" and report["heaps"] == 1000, report
lines = [json.loads(line) for line in open(work + "/heaps.jsonl")]
assert [int(line["counter"]) for line in lines] == list(range(7, 1007)), lines[:2]
data = open(work + "/heaps", "rb").read()
assert data == struct.pack(">512000Q", *range(512000)), "other bytes than were counted"
PYTHON

"$work/tools/spead-recv" --engine counter seven 2>"$work/said" && exit 1
grep -q '"seven" is not the counter' "$work/said"
