#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The line of totals counts what Criterion and ctest print: cases instead of programs, and skips with their reasons.
# Failures without a "not ok" count too: a program that died, a TAP file that is not complete, a leak that was found
# after the last case. usage: test_totals.sh SOURCE_FOLDER
set -euo pipefail
totals=$1/tests/totals.py
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
mkdir "$folder/results"

junit() { # CASE... (each the inside of <testsuite>)
    printf '<?xml version="1.0"?>\n<testsuite>%s</testsuite>\n' "$*" >"$folder/results/ctest.xml"
}
tap() { # LINE... of common.tap
    printf '%s\n' 'TAP version 13' "$@" >"$folder/results/common.tap"
}
status=0
expect() { # EXIT_STATUS LINE
    local out got=0
    out=$(python3 "$totals" "$folder") || got=$?
    if [ $got -ne "$1" ] || ! grep -qFx -- "$2" <<<"$out"; then
        printf 'expected status %s and the line\n%s\ngot status %s and\n%s\n' "$1" "$2" "$got" "$out"
        status=1
    fi
}

ran='<testcase name="common" status="run"/>'
died='<testcase name="common" status="fail"><system-out>leaked</system-out></testcase>'
race='<testcase name="race" status="run"/>'
skip='<testcase name="netns" status="notrun"><skipped message="SKIP_RETURN_CODE=77"/><system-out>needs root
</system-out></testcase>'

junit "$ran" "$race" "$skip"
tap 1..3 'ok - suite::one  (0.00s)' 'ok - suite::two  # SKIP no io_uring' 'ok - suite::three  (0.10s)'
expect 0 '3 passed, 0 failed, 2 skipped'
expect 0 'skipped  common: suite::two: no io_uring'
expect 0 'skipped  netns: needs root'

tap 1..2 'ok - suite::one  (0.00s)' 'not ok - suite::two timed out (0.22s)'
expect 1 '2 passed, 1 failed, 1 skipped'
tap 1..2 'ok - suite::one  (0.00s)'
expect 1 'FAILED   common: common.tap plans 2 cases and holds 1'

junit "$died"
tap 1..1 'ok - suite::one  (0.00s)'
expect 1 'FAILED   common: each case passed, the program did not: see its output above'
rm "$folder/results/common.tap"
expect 1 'FAILED   common: leaked'

junit ''
expect 1 '0 passed, 0 failed, 0 skipped'
exit $status
