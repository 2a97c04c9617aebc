#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Two builds of one tree, in folders with different names, are the same bytes: the libraries and the tools.
# usage: test_reproducible.sh SOURCE_FOLDER
set -euo pipefail
source=$1
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
export CCACHE_DISABLE=1 # the second build must not get the objects of the first one

sums_of() { # FOLDER
    (cd "$1/build/release" && sha256sum libspeadline.a libspeadline.so.*.*.* tools/spead-{send,recv,info,net-raw})
}

for folder in "$work/one" "$work/another-of-a-longer-name/below"; do
    mkdir -p "$folder"
    tar -C "$source" --exclude=./build --exclude=./.git -c . | tar -C "$folder" -x
    (cd "$folder" && cmake --preset release -DSPEADLINE_BENCH=OFF && cmake --build --preset release) >"$work/log" 2>&1 ||
        { cat "$work/log" && exit 1; }
    sums_of "$folder" >"$work/sums.${folder##*/}"
    if named=$(cd "$folder/build/release" && grep -lF "$work" libspeadline.a libspeadline.so.*.*.* tools/spead-{send,recv,info,net-raw}); then
        echo "these files name the folder of the build: $named" && exit 1
    fi
done
diff "$work/sums.one" "$work/sums.below" || { echo "two builds differ" && exit 1; }
cat "$work/sums.one"
