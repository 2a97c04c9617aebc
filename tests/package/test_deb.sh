#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages hold what an installation installs, each file once, and what Debian demands besides. Their version
# is that of the tools, and their dependencies are found. tests/package/test_fresh_root.sh installs them.
# usage: test_deb.sh BUILD_FOLDER
set -euo pipefail
build=$1
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
status=0
fail() { echo "$1" && status=1; }
for program in cpack dpkg-deb dpkg-shlibdeps; do
    command -v $program >/dev/null || { echo "there is no $program, which makes packages (./run deps deb)" && exit 77; }
done

# Compression would take most of the time, because this build has sanitizers and is large.
cpack --config "$build/CPackConfig.cmake" -D CPACK_DEBIAN_COMPRESSION_TYPE=none -B "$work" >"$work/log" 2>&1 || { cat "$work/log" && exit 1; }
version=$("$build/tools/spead-recv" --version | awk '{ print $NF }')
mkdir "$work/root"
declare -A deb
for file in "$work"/*.deb; do
    name=$(dpkg-deb -f "$file" Package)
    deb[$name]=$file
    dpkg-deb -c "$file" | awk '$1 !~ /^d/ { print $6 }' | sed "s/^\./$name ./" >>"$work/content"
    dpkg-deb -x "$file" "$work/root"
    [ "$(dpkg-deb -f "$file" Version)" = "$version-1" ] || fail "$name has not the version $version"
    [ "$(dpkg-deb -f "$file" Maintainer)" = 'The Speadline authors' ] || fail "$name has another maintainer"
    for document in copyright changelog.gz changelog.Debian.gz; do
        [ -s "$work/root/usr/share/doc/$name/$document" ] || fail "$name lacks $document"
    done
    gzip -dc "$work/root/usr/share/doc/$name/changelog.Debian.gz" | head -n 1 | grep -qF "speadline ($version-1) " ||
        fail "$name: changelog.Debian has another version"
done
library=$(printf '%s\n' "${!deb[@]}" | grep -E '^libspeadline[0-9]') || fail 'there is no package of the library'
[ "$(printf '%s\n' "${!deb[@]}" | sort | tr '\n' ' ')" = "libspeadline-dev $library speadline-doc speadline-tools " ] ||
    fail "the packages are ${!deb[*]}"
twice=$(awk '{ print $2 }' "$work/content" | sort | uniq -d)
[ -z "$twice" ] || fail "in two packages: $twice"

# ---- The same files as an installation -------------------------------------------------------------

DESTDIR=$work/installed cmake --install "$build" --prefix /usr >/dev/null
# A page of a manual is compressed in the packages, and each Debian system has the text of the licence already.
(cd "$work/installed" && find . ! -type d | sed -E 's,(/man1/.*)$,\1.gz,' | grep -v '/doc/speadline/LICENSE$') | sort >"$work/expected"
(cd "$work/root" && find . ! -type d | grep -vE '/doc/[a-z0-9.-]+/(copyright|changelog(.Debian)?.gz|README.Debian)$') | sort |
    diff "$work/expected" - || fail 'an installation (<) and the packages (>) differ'
for page in "$work"/root/usr/share/man/man1/*; do
    gzip -dc "$page" | cmp - "$work/installed/usr/share/man/man1/$(basename "$page" .gz)" || fail "$page has another text"
done
odd=$(dpkg-deb -c "${deb[speadline-tools]}" | awk '$2 != "root/root" || $1 !~ /^(drwxr-xr-x|-rwxr-xr-x|-rw-r--r--|lrwxrwxrwx)$/')
[ -z "$odd" ] || fail "owner or mode: $odd"

# ---- Where each file belongs, and what it needs ----------------------------------------------------

holds() { # PACKAGE PATTERN
    grep -qE "^$1 .*$2\$" "$work/content" || fail "$1 does not hold $2"
}
holds "$library" '/libspeadline\.so\.[0-9.]+'
holds libspeadline-dev '/libspeadline\.so'
holds libspeadline-dev '/libspeadline\.a'
holds libspeadline-dev '/include/speadline/recv\.h'
holds libspeadline-dev '/pkgconfig/speadline\.pc'
holds speadline-tools '/bin/spead-recv'
holds speadline-tools '/man1/spead-recv\.1\.gz'
holds speadline-tools '/spead-recv@\.service'
holds speadline-tools '/examples/60-speadline\.conf'
holds speadline-tools '/completions/spead-send'
holds speadline-doc '/README\.md'
holds speadline-doc '/docs/examples/flow_spead\.c'

needs() { # PACKAGE PATTERN
    dpkg-deb -f "${deb[$1]}" Depends | grep -qE "$2" || fail "$1 does not depend on $2"
}
needs "$library" 'libc6 \(>= .*liburing2 \(>= '
needs speadline-tools 'libc6 \(>= .*libjansson4 \(>= .*liburing2 \(>= '
needs libspeadline-dev "$library \(= $version-1\), liburing-dev"
[ "$(dpkg-deb -f "${deb[speadline-doc]}" Architecture)" = all ] || fail 'speadline-doc depends on the architecture'
dpkg-deb -I "${deb[$library]}" shlibs | grep -q "^libspeadline .* $library (>= $version-1)" || fail "$library has no shlibs"
# Whoever may execute a file with capabilities gets them; so the packages give none, and start nothing.
for name in "${!deb[@]}"; do
    dpkg-deb -e "${deb[$name]}" "$work/control-$name"
    ! grep -qE 'setcap|systemctl|sysctl' "$work/control-$name"/* || fail "a script of $name does more than it should"
done
exit $status
