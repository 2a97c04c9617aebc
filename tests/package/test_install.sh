#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A project outside the tree can use the installed library: by CMake and by pkg-config, shared and static, in C99 and in
# C++17.
# usage: test_install.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
build=$1 source=$2 sanitize=$3
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

cmake --install "$build" --prefix "$prefix" >/dev/null
libdir=$(dirname "$(find "$prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir

cmake -G Ninja -S "$source/tests/package/consumer" -B "$work/consumer" -DCMAKE_PREFIX_PATH="$prefix" \
    -DCMAKE_C_FLAGS="$sanitize" >"$work/log" || { cat "$work/log" && exit 1; }
cmake --build "$work/consumer" >"$work/log" || { cat "$work/log" && exit 1; }
"$work/consumer/consumer-speadline" | grep -q 'one heap, through memory and back'
"$work/consumer/consumer-speadline_static" | grep -q 'one heap, through memory and back'

# shellcheck disable=SC2046,SC2086 # pkg-config answers words
cc -std=c99 -pedantic -Wall -Wextra -Werror $sanitize "$source/tests/package/consumer/consumer.c" $(pkg-config --cflags --libs speadline) -o "$work/by-pkg-config"
"$work/by-pkg-config" | grep -q 'one heap, through memory and back'
# shellcheck disable=SC2046,SC2086
c++ -std=c++17 -Wpedantic -Wall -Wextra -Wold-style-cast -Werror $sanitize "$source/tests/package/consumer/consumer_cxx.cc" \
    $(pkg-config --cflags --libs speadline) -o "$work/in-cxx"
"$work/in-cxx" | grep -q 'one heap, through memory and back'
# shellcheck disable=SC2046,SC2086
cc $sanitize "$source/tests/package/consumer/consumer.c" $(pkg-config --cflags speadline) "$libdir/libspeadline.a" \
    $(pkg-config --static --libs speadline | sed 's/-lspeadline//') -o "$work/by-pkg-config-static"
"$work/by-pkg-config-static" | grep -q 'one heap, through memory and back'

[ "$(pkg-config --modversion speadline)" = "$(LSAN_OPTIONS=detect_leaks=0 "$work/by-pkg-config" | awk '{sub(":", "", $2); print $2}')" ]
for page in spead-send spead-recv spead-info spead-net-raw; do
    [ -n "$(find "$prefix" -name "$page.1")" ] || { echo "$page.1 is not installed" && exit 1; }
    [ -n "$(find "$prefix" -path "*bin/$page")" ] || { echo "$page is not installed" && exit 1; }
done
