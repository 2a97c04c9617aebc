#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the programs of docs/items.md: the page quotes them as they are, they build with the installed library, and one
# receives what the other sends. The page leaves out the SPDX line.
# usage: test_items.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
build=$1 source=$2 sanitize=$3
page=$source/docs/items.md

# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"
enter_namespace "$0" "$@"
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

status=0
for file in "$source"/docs/examples/items/*.{c,py}; do
    quoted "$page" "examples/items/$(basename "$file")" >"$work/quoted"
    grep -v 'SPDX-License-Identifier' "$file" | diff -u "$work/quoted" - ||
        { echo "$page does not quote $file as it is" && status=1; }
done

# The page promises a short program: at most 25 lines between the braces of main(), blank lines apart.
lines=$(sed -n '/^int main/,/^}/p' "$source/docs/examples/items/receive_items.c" | sed '1,2d;$d' | grep -c .)
[ "$lines" -le 25 ] || { echo "main() of receive_items.c has $lines lines, not 25 or fewer" && status=1; }

cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
for name in receive_items send_items; do
    # shellcheck disable=SC2046,SC2086 # pkg-config answers words
    cc -Wall -Wextra -Werror $sanitize "$source/docs/examples/items/$name.c" \
        $(pkg-config --cflags --libs speadline) -o "$work/$name"
done

timeout 60 "$work/receive_items" >"$work/printed" &
receiver=$!
await_port
timeout 60 "$work/send_items"
wait $receiver
quoted "$page" "receive_items prints" >"$work/expected"
[ -s "$work/expected" ] || { echo "$page does not say what receive_items prints" && status=1; }
diff -u "$work/expected" "$work/printed" || { echo "receive_items prints something else" && status=1; }

timeout 60 "$build/tools/spead-recv" 127.0.0.1:7148 --items --quiet >"$work/printed" 2>/dev/null &
receiver=$!
await_port
timeout 60 "$work/send_items"
wait $receiver
quoted "$page" "spead-recv prints" >"$work/expected"
[ -s "$work/expected" ] || { echo "$page does not say what spead-recv prints" && status=1; }
head -n "$(wc -l <"$work/expected")" "$work/printed" | diff -u "$work/expected" - ||
    { echo "spead-recv --items prints something else" && status=1; }
exit $status
