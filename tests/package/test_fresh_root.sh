#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The Debian packages work on a fresh Debian 12, and leave no trace when they are removed. debootstrap makes a root; the
# test installs the packages there, runs both tools over loopback as an ordinary user, builds the consumer program with
# CMake and with pkg-config, removes the packages, and compares the lists of files. BUILD_FOLDER/fresh-root keeps the
# fresh root for the next run.
# usage: test_fresh_root.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$build/fresh-root
root=$work/root
mirror=http://deb.debian.org/debian

skip() { echo "$1" && exit 77; }
[ "$(id -u)" -eq 0 ] || skip 'only root can install packages into another root'
command -v debootstrap >/dev/null || skip 'there is no debootstrap, which makes a fresh Debian (./run deps deb)'
unshare --mount --pid --fork true 2>/dev/null || skip 'this machine allows no new namespace, in which the root would be used'

# ---- A fresh Debian --------------------------------------------------------------------------------

# The processes inside have a PID namespace, so that none of them outlives its command.
inside() {
    # shellcheck disable=SC2016 # the inner shell replaces them
    unshare --mount --pid --fork --kill-child sh -c 'mount -t proc proc "$0/proc" && exec chroot "$0" "$@"' "$root" \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
}
quietly() { "$@" >"$work/log" 2>&1 || { tail -n 50 "$work/log" && exit 1; }; }
as_user() { inside su tester -s /bin/bash -c "set -euo pipefail; $1"; }
step() { echo "$SECONDS s: $1"; }

mkdir -p "$work"
exec 9>"$work/lock" && flock 9 # two runs would use one root
rm -rf --one-file-system "$root"
trap 'rm -rf --one-file-system "$root"' EXIT
if [ ! -f "$work/fresh.tar" ]; then
    debootstrap --variant=minbase bookworm "$root" $mirror >"$work/log" 2>&1 || {
        tail -n 3 "$work/log"
        grep -qE 'E: (Failed getting release file|Couldn.t download)' "$work/log" && skip "$mirror cannot be reached"
        exit 1
    }
    tar -C "$root" -cf "$work/fresh.tar.part" . && mv "$work/fresh.tar.part" "$work/fresh.tar"
else
    mkdir "$root" && tar -C "$root" -xf "$work/fresh.tar"
fi
quietly inside apt-get update || skip "$mirror cannot be reached"
inside useradd --create-home tester
step 'a fresh Debian'

# apt keeps the installed package if another one has the same version. So packages of earlier sources have a lower one.
(cd "$source" && SOURCE_DATE_EPOCH=1000000000 quietly ./run deb && cp build/deb/packages/speadline-tools_*.deb "$work/old.deb" &&
    quietly ./run deb)
cp "$source"/build/deb/packages/*.deb "$root/srv"
old=$(dpkg-deb -f "$work/old.deb" Version) new=$(dpkg-deb -f "$source"/build/deb/packages/speadline-tools_*.deb Version)
dpkg --compare-versions "$old" lt "$new" || { echo "apt would not upgrade $old to $new" && exit 1; }
cp -r "$source/tests/package/consumer" "$root/srv"
step 'packages'

debs() { (cd "$root" && find srv -name "$1_*.deb" -printf '/%p\n'); } # PATTERN
install() { quietly inside apt-get install -y --no-install-recommends "$@"; }
# Files that dpkg and apt write for themselves are no trace of a package, but dpkg's list of its files is one.
list() {
    (cd "$root" && find . \( -path ./var/cache -o -path ./var/lib/apt -o -path ./var/log -o -path ./tmp \) -prune -o \
        ! -path './var/lib/dpkg/*-old' -printf '%p %y %m %u\n' | sort)
}
remove() { # LIST PATTERN: removes the packages and what was installed for them, and compares
    quietly inside apt-get purge -y --autoremove "$2"
    list | diff "$1" - || { echo "the packages leave a trace" && exit 1; }
}

# ---- The tools -------------------------------------------------------------------------------------

list >"$work/before"
install "$(debs speadline-tools)"
# The payload fits into the socket buffer of a stock kernel. So nothing is lost, however slow the machine is.
# shellcheck disable=SC2016 # the user's shell replaces them
as_user 'cd "$(mktemp -d)"; port=$((20000 + RANDOM % 10000))
    timeout 120 spead-recv 127.0.0.1:$port --verify --strict --output night.bin >summary 2>plan &
    for i in $(seq 600); do [ ! -s plan ] || break; sleep 0.05; done # it prints its plan when it listens
    timeout 60 spead-send 127.0.0.1:$port --verify --heaps 4 --heap-size 32K --packet 1472 >said 2>&1
    wait $!
    spead-info recording night.bin >said && grep -qE "heaps +4, 0 of them" said
    spead-info engines >said && grep -q "^socket *usable" said
    ! spead-net-raw true 2>said && grep -q "no CAP_NET_RAW" said' || { echo 'the tools fail for an ordinary user' && exit 1; }
remove "$work/before" 'speadline-*'
step 'tools'

# ---- The library -----------------------------------------------------------------------------------

install gcc libc6-dev cmake make pkg-config bash-completion
list >"$work/before"
# shellcheck disable=SC2046 # words on purpose
install $(debs '*')
# shellcheck disable=SC2016
as_user 'cd "$(mktemp -d)"
    expect() { "$@" | grep -q "one heap, through memory and back"; }
    cmake -S /srv/consumer -B by-cmake >log && cmake --build by-cmake >>log
    expect by-cmake/consumer-speadline
    expect by-cmake/consumer-speadline_static
    cc /srv/consumer/consumer.c $(pkg-config --cflags --libs speadline) -o by-pkg-config
    expect ./by-pkg-config
    cc /usr/share/doc/speadline/docs/examples/flow_threads.c $(pkg-config --cflags --libs speadline) -o example
    ./example >printed 2>&1
    . /usr/share/bash-completion/bash_completion
    for tool in spead-send spead-recv spead-info spead-net-raw; do
        _completion_loader $tool || [ $? -eq 124 ]
        complete -p $tool | grep -q _speadline
    done' || { echo 'the library fails for an ordinary user' && exit 1; }
remove "$work/before" '*speadline*'
step 'library'
