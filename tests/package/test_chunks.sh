#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the programs of docs/chunks.md: the page quotes them as they are, they build with the installed library, and each
# receiver prints what the page says when three senders send to it. The page leaves out the SPDX line.
# usage: test_chunks.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
build=$1 source=$2 sanitize=$3
page=$source/docs/chunks.md

# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"
enter_namespace "$0" "$@"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

status=0
cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
for file in "$source"/docs/examples/chunks/*.c; do
    name=$(basename "$file" .c)
    quoted "$page" "examples/chunks/$name.c" >"$work/quoted"
    grep -v 'SPDX-License-Identifier' "$file" | diff -u "$work/quoted" - ||
        { echo "$page does not quote $file as it is" && status=1; }
    # shellcheck disable=SC2046,SC2086 # pkg-config answers words
    cc -Wall -Wextra -Werror $sanitize "$file" $(pkg-config --cflags --libs speadline) -o "$work/$name"
done

# A matrix from many senders is a short program.
lines=$(wc -l <"$source/docs/examples/chunks/receive_matrix.c")
[ "$lines" -le 45 ] || { echo "receive_matrix.c has $lines lines, not 45 or fewer" && status=1; }

for receiver in receive_matrix chunk_graph; do
    timeout 60 "$work/$receiver" >"$work/printed" &
    running=$!
    await_port
    for channel in 0 1 2; do
        timeout 60 "$work/send_matrix" 127.0.0.1:7148 $channel
    done
    wait $running || { echo "$receiver fails" && status=1; }
    quoted "$page" "$receiver prints" >"$work/expected"
    [ -s "$work/expected" ] || { echo "$page does not say what $receiver prints" && status=1; }
    diff -u "$work/expected" "$work/printed" || { echo "$receiver prints something else" && status=1; }
done
exit $status
