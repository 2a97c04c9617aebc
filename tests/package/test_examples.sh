#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the programs of docs/examples/: docs/flow.md or docs/sending.md quotes them as they are, they build with the
# installed library, and they print what the page says. The page leaves out the SPDX line. Sizes, shares and times differ from machine to machine
# and are not compared.
# usage: test_examples.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
build=$1 source=$2 sanitize=$3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"

page_of() { grep -lF "<!-- $1 -->" "$source"/docs/{flow,sending}.md || echo "$source/docs/flow.md"; } # BLOCK
without_figures() { sed -E 's/[0-9]+ (bytes|%|us)/N \1/g'; }

cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

status=0
# A receiver, a filter with a throttle and a writer are a few lines. Lines that are blank or comments do not count.
lines=$(grep -vcE '^[[:space:]]*$|^/\*|^ \*' "$source/docs/examples/flow_pipeline.c")
[ "$lines" -le 40 ] || { echo "flow_pipeline.c has $lines lines, and must have at most 40" && status=1; }
for file in "$source"/docs/examples/*.[ch]; do
    page=$(page_of "examples/$(basename "$file")")
    quoted "$page" "examples/$(basename "$file")" >"$work/quoted"
    grep -v 'SPDX-License-Identifier' "$file" | diff -u "$work/quoted" - || { echo "$page does not quote $file as it is" && status=1; }
done
for file in "$source"/docs/examples/*.c; do
    name=$(basename "$file" .c)
    # shellcheck disable=SC2046,SC2086 # pkg-config answers words
    cc -Wall -Wextra -Werror $sanitize "$file" $(pkg-config --cflags --libs speadline) -o "$work/$name"
    timeout 60 "$work/$name" >"$work/printed" 2>"$work/said" ||
        { echo "$name fails:" && cat "$work/said" && status=1; }
    page=$(page_of "examples/$name.c")
    quoted "$page" "$name prints" | without_figures >"$work/expected"
    [ -s "$work/expected" ] || { echo "$page does not say what $name prints" && status=1; }
    without_figures <"$work/printed" | diff -u "$work/expected" - || { echo "$name prints something else" && status=1; }
done
exit $status
