#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The lab procedure (bench/lab.sh) runs whole on a software device: every step has a line in the table, none comes out
# otherwise than expected, and the record has what a person needs who was not there. It shows that the procedure works,
# and nothing about hardware: the table must say so. usage: test_lab.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$(realpath "$1") source=$(realpath "$2")
export LSAN_OPTIONS=suppressions=$source/tests/support/lsan.supp
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
lab=$source/bench/lab.sh

fail() { echo "$*" && exit 1; }

# Every step says what it expects.
"$lab" --list >"$work/list"
[ "$(wc -l <"$work/list")" -ge 25 ] || fail "bench/lab.sh --list names few steps"
! grep -vE '^[a-z_0-9]+ +[^ ]' "$work/list" || fail "these steps do not say what they expect"

# The page names every step of the script, and no other.
# shellcheck disable=SC2016 # the backticks are those of the page
sed -nE '/^### In a lab/,/^## /s/^\| `([a-z_0-9]+)` \|.*/\1/p' "$source/docs/engines.md" | sort >"$work/page"
awk '{ print $1 }' "$work/list" | sort | diff -u "$work/page" - || fail "docs/engines.md has other steps than bench/lab.sh"

# Wrong usage has status 2 and a line.
status=0 && "$lab" --nothing 2>"$work/said" || status=$?
[ $status = 2 ] || fail "an unknown option is not refused"
grep -q -- --nothing "$work/said" || fail "an unknown option is not named"
status=0 && "$lab" only-one 2>"$work/said" || status=$?
[ $status = 2 ] || fail "one end is not refused"

status=0
"$lab" --software "$build" --seconds 1 --rates 0.05 --disturb --out "$work/lab" >"$work/printed" 2>&1 || status=$?
[ $status != 77 ] || { tail -n 1 "$work/printed" && exit 77; }
[ $status = 0 ] || { cat "$work/printed" && fail "the procedure ended with status $status"; }
table=$work/lab/table.md
grep -q '^software device, figures mean nothing$' "$table" || fail "the table does not say that its figures mean nothing"
! grep DIFFERS "$table" || fail "these steps came out otherwise than expected"
while read -r step _; do
    grep -q "^| $step |" "$table" || fail "the table lacks the step $step"
done <"$work/list"
# Most steps run here, too. The others say why they do not.
[ "$(grep -c '| as expected |$' "$table")" -ge 12 ] || { cat "$table" && fail "few steps were run"; }
! grep -E '^\|[^|]*\|[^|]*\| *\| not run \|$' "$table" || fail "these steps do not say why they were not run"
for file in survey/host.a.txt survey/info.b.json settings/link.b.txt receive/run.recv.json receive/run.send.json \
    receive/run.before.b.txt receive/run.after.a.txt rates/8232.bounce.0.05.recv.json; do
    [ -s "$work/lab/$file" ] || fail "the record lacks $file"
done
# A kept command stands above its output, and its status below.
head -n 1 "$work/lab/settings/link.b.txt" | grep -q '^# end b: ' || fail "a kept command is not named"
tail -n 1 "$work/lab/settings/link.b.txt" | grep -q '^# status ' || fail "a kept command has no status"
echo "$(grep -c '| as expected |$' "$table") steps as expected, $(grep -c '| not run |$' "$table") not run"
