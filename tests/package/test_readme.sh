#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs what README.md shows: its two command lines, side by side, the plan, and its C snippet as a program that receives
# heaps.
# usage: test_readme.sh BUILD_FOLDER SOURCE_FOLDER "SANITIZER FLAGS"
set -euo pipefail
# shellcheck source=tests/package/page_blocks.sh
. "$(dirname "$0")/page_blocks.sh"
enter_namespace "$(realpath "$0")" "$@"
build=$1 source=$2 sanitize=$3
page=$source/README.md
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
mkdir "$work/build" && ln -s "$build" "$work/build/release"
cd "$work"

quoted "$page" "by hand" >lines
[ "$(wc -l <lines)" = 2 ] || { echo "README.md has no two lines to type by hand" && exit 1; }
# A host that is much too busy may lose packets, and with them the stop heap; so there are three tries.
for try in 1 2 3; do
    timeout 60 sh -c "$(sed -n 1p lines) --json --seconds 40" >json 2>said &
    await_port
    sh -c "$(sed -n 2p lines)" 2>sent || { echo "the second line fails:" && cat sent && exit 1; }
    wait $! || { echo "the first line fails:" && cat said && exit 1; }
    lost=$(python3 -c 'import json; told = json.load(open("json")); print(told["heaps"] != 100)')
    [ "$lost" = True ] || break
    echo "try $try lost packets:" && cat said
done
[ "$lost" = False ] || { echo "the lines of README.md lose packets" && exit 1; }

# The plan needs no sender, and no free port.
# shellcheck disable=SC2016 # the backticks are those of the page
grep -o '`spead-recv --plan[^`]*`' "$page" | tr -d '`' >plan
[ -s plan ] || { echo "README.md shows no plan" && exit 1; }
PATH=build/release/tools:$PATH sh -c "$(cat plan)" >printed 2>said || { echo "the plan fails:" && cat said && exit 1; }
grep -q '^graph spead-recv' printed

# A snippet stands in a function body, behind its #include. die() and use() are the user's.
program() { # MARK FILE
    quoted "$page" "$1" >snippet
    [ -s snippet ] || { echo "README.md shows no $1" && exit 1; }
    {
        grep '^#include' snippet
        cat <<'END'
#include <stdio.h>
#include <stdlib.h>
static inline void die(const char *why) { fprintf(stderr, "%s\n", why); exit(1); }
static size_t heaps, bytes;
static inline void use(const void *data, size_t length) { heaps += data != NULL; bytes += length; }
int main(void)
{
END
        grep -v '^#include' snippet
        cat <<'END'
printf("%zu heaps, %zu bytes\n", heaps, bytes);
return 0;
}
END
    } >"$2.c"
    # shellcheck disable=SC2046,SC2086 # pkg-config answers words
    cc -Wall -Wextra -Werror $sanitize "$2.c" $(pkg-config --cflags --libs speadline) -o "$2"
}
cmake --install "$build" --prefix "$work/prefix" >/dev/null
libdir=$(dirname "$(find "$work/prefix" -name 'libspeadline.so')")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
program "in a program" receiving
program "a program that sends" sending

# Runs the receiving program and the command that sends to it. Compares what the receiving program prints.
exchange() { # PRINTED COMMAND...
    local expected=$1 && shift
    timeout 60 ./receiving >printed 2>said &
    await_port || { echo "the snippet does not listen:" && cat said && exit 1; }
    "$@" >sent 2>&1 || { echo "$1 fails:" && cat sent && exit 1; }
    wait $! || { echo "the snippet fails:" && cat said && exit 1; }
    grep -qx "$expected" printed || { echo "the snippet has received other heaps:" && cat printed && exit 1; }
}
exchange '20 heaps, 1310720 bytes' build/release/tools/spead-send 127.0.0.1:7148 --heap-size 64K --heaps 20 --rate 0.1
exchange '10 heaps, 655360 bytes' timeout 60 ./sending
