#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Fetches the arm64 packages that a cross build needs and unpacks them into FOLDER. It installs nothing.
#
# Why not by "dpkg --add-architecture arm64": Debian rebuilds some packages for one architecture only. Then apt installs the
# arm64 package in the place of the one of this machine. It did so with libnanomsg, and removed the Criterion that all other
# words need. So apt works here on lists and a (empty) list of installed packages of its own, below FOLDER.
#
# usage: arm64_sysroot.sh FOLDER; status 77 and a sentence if the packages cannot be had
set -euo pipefail

packages="libc6-dev liburing-dev libibverbs-dev libjansson-dev libcriterion-dev"

missing() {
    echo "skipped: the arm64 packages cannot be had: $1" >&2
    exit 77
}

folder=$(mkdir -p "$1" && cd "$1" && pwd)
if [ "$(cat "$folder/packages" 2>/dev/null)" = "$packages" ]; then
    exit
fi
command -v apt-get >/dev/null || missing "this system has no apt-get"
rm -rf "$folder" && mkdir -p "$folder"/apt/{lists/partial,cache/archives/partial} "$folder/root"
touch "$folder/apt/status"
options=(-qq -o APT::Architecture=arm64 -o APT::Architectures::=arm64 -o APT::Sandbox::User=
    -o Dir::State::lists="$folder/apt/lists" -o Dir::State::status="$folder/apt/status"
    -o Dir::Cache="$folder/apt/cache" -o Debug::NoLocking=true)
apt-get "${options[@]}" update || missing "apt-get update failed for arm64"
# shellcheck disable=SC2086 # the words of $packages are separate arguments
apt-get "${options[@]}" install -y --no-install-recommends --download-only $packages >/dev/null ||
    missing "apt-get could not download $packages"
for package in "$folder"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$package" "$folder/root"
done
rm -rf "$folder/apt"
echo "$packages" >"$folder/packages"
