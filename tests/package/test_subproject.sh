#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Another project can take the tree by add_subdirectory(). Its settings stay as they are, the user's flags reach the
# library, and BUILD_SHARED_LIBS and CMAKE_INSTALL_LIBDIR mean what they mean everywhere (docs/abi.md).
# usage: test_subproject.sh SOURCE_FOLDER
set -euo pipefail
source=$1
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
quietly() { "$@" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }; }

export CFLAGS=-DFLAG_OF_THE_USER
quietly cmake -G Ninja -S "$source/tests/package/parent" -B "$work/build" -DSPEADLINE_SOURCE="$source" \
    -DSPEADLINE_ENGINES=mem -DCMAKE_EXPORT_COMPILE_COMMANDS=ON
quietly cmake --build "$work/build"
for kind in speadline speadline_static; do
    "$work/build/parent-$kind" | grep -q 'one heap, through memory and back'
done
[ ! -e "$work/build/speadline/tools" ] || { echo "the tools are built, and nobody asked for them" && exit 1; }

# The flags of each side stay on that side, and those of the user reach both.
python3 - "$work/build/compile_commands.json" <<'PYTHON'
import json, sys
for entry in json.load(open(sys.argv[1])):
    ours = "/consumer/" not in entry["file"]
    assert "-DFLAG_OF_THE_USER" in entry["command"], entry
    for flag in ("-D_GNU_SOURCE", "-Wconversion", "-ffile-prefix-map", "-std=c17"):
        assert (flag in entry["command"]) == ours, (flag, entry)
PYTHON

# Without a shared library both names mean the static one, here and for projects that find the installed library.
quietly cmake "$work/build" -DBUILD_SHARED_LIBS=OFF -DSPEADLINE_INSTALL=ON -DCMAKE_INSTALL_LIBDIR=odd/lib
rm -f "$work"/build/speadline/libspeadline.so*
quietly cmake --build "$work/build"
quietly cmake --install "$work/build" --prefix "$work/prefix"
"$work/build/parent-speadline" | grep -q 'one heap, through memory and back'
shared=$(find "$work/build" "$work/prefix" -name '*.so*')
[ -z "$shared" ] || { echo "BUILD_SHARED_LIBS=OFF, and yet there is $shared" && exit 1; }
[ -f "$work/prefix/odd/lib/libspeadline.a" ] || { echo "CMAKE_INSTALL_LIBDIR has no effect" && exit 1; }
quietly cmake -G Ninja -S "$source/tests/package/consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$work/prefix" \
    -Dspeadline_DIR="$work/prefix/odd/lib/cmake/speadline"
quietly cmake --build "$work/consumer"
"$work/consumer/consumer-speadline" | grep -q 'one heap, through memory and back'
export PKG_CONFIG_PATH=$work/prefix/odd/lib/pkgconfig
# shellcheck disable=SC2046 # pkg-config answers words
cc "$source/tests/package/consumer/consumer.c" $(pkg-config --cflags --libs speadline) -o "$work/by-pkg-config"
"$work/by-pkg-config" | grep -q 'one heap, through memory and back'
