#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An installation is whole, and the target uninstall removes it without a trace: files and folders are as before, and
# files of others stay.
# usage: test_uninstall.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
prefix=$work/prefix

list() { (cd "$work" && find . ! -name 'list-*' -printf '%p %y %m\n' | sort); }
fail() { echo "$1" && exit 1; }
uninstall() { cmake --build "$build" --target uninstall >"$work/list-log" || { cat "$work/list-log" && exit 1; }; }

# Folders that other software shares, and files of others in the folders of Speadline.
mkdir -p "$prefix"/{bin,lib/cmake,lib/pkgconfig,lib/systemd/system,include/speadline,share/man/man1,share/doc/speadline/docs} \
    "$prefix/share/bash-completion/completions"
touch "$prefix/bin/spead-other" "$prefix/include/speadline/other.h" "$prefix/share/doc/speadline/docs/.notes"
list >"$work/list-before"

cmake --install "$build" --prefix "$prefix" >/dev/null
installed=$(cd "$prefix" && find . -type f)
for header in "$source"/*/include/speadline/*.h; do
    grep -q "/include/speadline/$(basename "$header")\$" <<<"$installed" || fail "$header is not installed"
done
(cd "$source" && find README.md CHANGELOG.md SECURITY.md CONTRIBUTING.md LICENSE docs -type f ! -path 'docs/man/*') |
    while read -r page; do
        cmp "$source/$page" "$prefix/share/doc/speadline/$page" || fail "$page is not installed as it is"
    done
for file in bin/spead-{send,recv,info,net-raw} share/man/man1/spead-{send,recv,info,net-raw}.1 \
    lib/systemd/system/spead-recv@.service share/doc/speadline/examples/{60-speadline,night}.conf \
    share/bash-completion/completions/spead-{send,recv,info,net-raw}; do
    [ -f "$prefix/$file" ] || fail "$file is not installed"
done

uninstall
list | diff "$work/list-before" - || fail "an uninstallation leaves something else than there was"
uninstall
grep -q 'removed 0 files' "$work/list-log" || fail "a second uninstallation removes something"

# A package is made under DESTDIR, and is removed there.
DESTDIR=$work/stage cmake --install "$build" --prefix /usr >/dev/null
[ -x "$work/stage/usr/bin/spead-recv" ] || fail "DESTDIR is not honoured"
DESTDIR=$work/stage uninstall
[ -z "$(find "$work/stage" ! -type d)" ] || fail "an uninstallation under DESTDIR leaves files"
[ -z "$(find "$work/stage" -name speadline)" ] || fail "an uninstallation under DESTDIR leaves folders of Speadline"
