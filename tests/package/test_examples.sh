#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Tests the programs of docs/flow.md: the page quotes them as they are, they build with the installed library, and they
# print what the page says. The page leaves out the SPDX line. Sizes, shares and times differ from machine to machine
# and are not compared.
# usage: test_examples.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
build=$1 source=$2 sanitize=$3
page=$source/docs/flow.md
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT

# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"

without_figures() { sed -E 's/[0-9]+ (bytes|%|us)/N \1/g'; }

cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

status=0
for file in "$source"/docs/examples/*.[ch]; do
    quoted "$page" "examples/$(basename "$file")" >"$work/quoted"
    grep -v 'SPDX-License-Identifier' "$file" | diff -u "$work/quoted" - || { echo "$page does not quote $file as it is" && status=1; }
done
for file in "$source"/docs/examples/*.c; do
    name=$(basename "$file" .c)
    # shellcheck disable=SC2046,SC2086 # pkg-config answers words
    cc -Wall -Wextra -Werror $sanitize "$file" $(pkg-config --cflags --libs speadline) -o "$work/$name"
    timeout 60 "$work/$name" >"$work/printed" 2>"$work/said" ||
        { echo "$name fails:" && cat "$work/said" && status=1; }
    quoted "$page" "$name prints" | without_figures >"$work/expected"
    [ -s "$work/expected" ] || { echo "$page does not say what $name prints" && status=1; }
    without_figures <"$work/printed" | diff -u "$work/expected" - || { echo "$name prints something else" && status=1; }
done
exit $status
