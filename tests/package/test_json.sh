#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests that jq keeps every value that the tools print: "jq ." of an index, of --progress and of each --json object is the
# same object. jq 1.6 reads numbers as doubles, so no number may be above 2^53. A line of an index has such numbers; they
# stand in it once more as text, and are compared with that text.
# usage: test_json.sh BUILD_FOLDER
set -euo pipefail
tools=$1/tools send=$1/tests/interop-heap-send
command -v jq >/dev/null || { echo "jq is not installed" && exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
cd "$work"

# The largest value of an item of SPEAD-64-56, and one that doubles cannot hold.
values=(i:32:72057594037927935 i:33:9007199254740993)
port=$((20000 + RANDOM % 10000))
"$tools/spead-recv" "127.0.0.1:$port" --output heaps --json --verbose --progress progress.json >recv.json 2>recv.said &
receiver=$!
until grep -q "$(printf ':%04X ' "$port")" /proc/net/udp; do
    kill -0 "$receiver" || { cat recv.said && exit 1; }
    sleep 0.05
done
"$send" "127.0.0.1:$port" 56 200 "${values[@]}" d:34:1000
wait "$receiver"
"$tools/spead-info" recording --json heaps >info.json
"$tools/spead-info" engines --json >engines.json
"$tools/spead-send" "127.0.0.1:$port" --plan --json >send-plan.json
"$tools/spead-send" "127.0.0.1:$port" --heaps 1 --json >send.json 2>send.said
"$tools/spead-recv" "127.0.0.1:$port" --plan --json >recv-plan.json

for file in heaps.jsonl progress.json recv.json info.json engines.json send-plan.json send.json recv-plan.json; do
    [ -s "$file" ] || { echo "$file is empty" && exit 1; }
    jq -c . <"$file" >"$file.jq"
    python3 - "$file" "$file.jq" <<'END'
import json, sys

def read(name):
    return [without_numbers(json.loads(line), name.endswith(".jq")) for line in open(name)]


# Returns the line without the numbers that it has once more as text. jq may have rounded them.
def without_numbers(line, may_be_rounded):
    for key, text in line.get("exact", {}).items():
        assert line.pop(key) == int(text) or may_be_rounded, key
    for item in line["items"] if "exact" in line else []:
        value = item.pop("value", None)
        assert "value_hex" not in item or value == int(item["value_hex"], 16) or may_be_rounded, item
    return line


ours, theirs = (read(name) for name in sys.argv[1:])
assert ours == theirs, f"jq has changed {sys.argv[1]}:\n{ours}\n{theirs}"
END
done
for value in "${values[@]}"; do
    jq -e --arg value "$(printf '0x%x' "${value##*:}")" 'any(.items[]; .value_hex == $value)' heaps.jsonl >/dev/null ||
        { echo "${value##*:} is not in the index:" && cat heaps.jsonl && exit 1; }
done
