#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Each public header compiles alone, as C99, as C17 and as C++17. Each internal header compiles alone, as C.
# usage: test_headers.sh SOURCE_FOLDER
set -euo pipefail
cd "$1"
public="-Icommon/include -Isend/include -Irecv/include -Irecord/include"
strict="-Wall -Wextra -Wpedantic -Werror -fsyntax-only"
count=0
for header in {common,send,recv,record}/include/speadline/*.h; do
    # shellcheck disable=SC2086 # words on purpose
    echo "#include <speadline/$(basename "$header")>" | cc -std=c17 $strict $public -x c - || exit 1
    # shellcheck disable=SC2086
    echo "#include <speadline/$(basename "$header")>" | cc -std=c99 $strict $public -x c - || exit 1
    # shellcheck disable=SC2086
    echo "#include <speadline/$(basename "$header")>" | c++ -std=c++17 -Wold-style-cast $strict $public -x c++ - || exit 1
    grep -q '^extern "C" {$' "$header" || { echo "$header lacks extern \"C\"" && exit 1; }
    count=$((count + 1))
done
rooms=$(find common send recv record -name '*.h' -not -path '*/include/*' -not -path '*/internal/*' -printf '-I%h\n' | sort -u)
for header in $(find common send recv record -name '*.h' -not -path '*/include/*' | sort); do
    # shellcheck disable=SC2086
    echo "#include \"$header\"" | cc -std=c17 -D_GNU_SOURCE -Wall -Werror -fsyntax-only -I. -Icommon/internal \
        $rooms $public -x c - || exit 1
    count=$((count + 1))
done
[ "$count" -ge 10 ] || { echo "only $count headers found" && exit 1; }
echo "$count headers compile alone"
