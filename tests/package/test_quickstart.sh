#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs every command of docs/quickstart.md as it is written, one block after the other, in one shell, and compares what a
# block prints where the page says so. The block that needs numpy is left out if no Python with numpy is there.
# usage: test_quickstart.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"
enter_namespace "$(realpath "$0")" "$@"
build=$1 source=$2

# A host that is much too busy may lose packets, so there are three tries. timeout ends all programs of a try.
if [ -z "${IS_TRY:-}" ]; then
    for _ in 1 2 3; do
        IS_TRY=1 timeout 60 "$(realpath "$0")" "$@" && exit 0 || status=$?
        [ "$status" != 77 ] || exit 77
    done
    exit 1
fi
command -v jq >/dev/null || { echo "jq is not installed" && exit 77; }
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir -p "$work/blocks" "$work/build"
ln -s "$build" "$work/build/release"
unfold "$source/docs/quickstart.md" "$work/blocks"
[ ! -e "$build/peer/complete" ] || PATH=$build/peer/bin:$PATH # the peer of the interop tests has numpy

# On a busy host a receiver listens later than a second after its start; so a sleep of the page ends when it listens.
# shellcheck disable=SC2317 # the blocks call it
sleep() { await_port; }

cd "$work"
status=0 blocks=0 compared=0
for block in blocks/*.sh; do
    if grep -q 'import numpy' "$block" && ! python3 -c 'import numpy' 2>/dev/null; then
        echo "no Python with numpy: the block that reads a recording is left out"
        continue
    fi
    blocks=$((blocks + 1))
    # shellcheck disable=SC1090 # the blocks are shell
    . "./$block" >printed 2>said || { echo "this fails:" && cat "$block" said && exit 1; }
    expected=${block%.sh}.text
    [ -e "$expected" ] || continue
    compared=$((compared + 1))
    diff -u "$expected" printed || { echo "this prints something else than docs/quickstart.md says:" && cat "$block" && status=1; }
done
if [ "$blocks" -lt 5 ] || [ "$compared" -lt 2 ]; then
    echo "only $blocks blocks ran and $compared were compared"
    exit 1
fi
exit $status
