#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Declarations in headers stay whole. When the comment behind a declaration is too long, clang-format cuts the
# declaration between its type and its name, or an enumerator behind its "=". Such a comment must stand above. In public
# headers a comment behind a field must end on the line of the field.
# usage: test_declarations.sh SOURCE_FOLDER
set -euo pipefail
cd "$1"

cut_declarations() {
    awk '
        FNR == 1 { before = "" }
        # A line that has only words of a type, or only "NAME =", or an array without its name.
        before ~ /^[ \t]+((const|struct|enum|unsigned|signed|long|int|char|bool|void|float|double|size_t|[a-z0-9_]+_t)[ \t*]*)+$/ ||
        before ~ /^[ \t]+(const[ \t]+|_Atomic[ \t]+)*(struct|enum)[ \t]+[a-z0-9_]+$/ ||
        before ~ /^[ \t]+_Atomic[ \t]+[a-z0-9_]+$/ || before ~ /^[ \t]+[A-Z0-9_]+ =$/ ||
        $0 ~ /^[ \t]+\[[A-Z0-9_]+\];/ { print FILENAME ":" FNR - 1 ": cut behind its type or name:" before }
        { before = $0 }' "$@"
}

long_comments() {
    awk '
        match($0, /[;,][ \t]*\/\*/) && substr($0, RSTART) !~ /\*\// && $0 !~ /^[ \t]*\/?\*/ {
            print FILENAME ":" FNR ": the comment belongs above:" $0
        }' "$@"
}

mapfile -t headers < <(find common recv send record tools tests bench docs -name '*.h' | sort)
[ ${#headers[@]} -ge 100 ] || { echo "only ${#headers[@]} headers found" && exit 1; }
found=$(cut_declarations "${headers[@]}" && long_comments {common,recv,send,record}/include/speadline/*.h)
[ -z "$found" ] || { echo "$found" && exit 1; }
echo "declarations of ${#headers[@]} headers are whole"
