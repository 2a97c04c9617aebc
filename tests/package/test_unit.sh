#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# systemd accepts the installed unit without a remark. The statuses that the unit names are those of the manual page and
# of the program, and the arguments of the example are right.
# usage: test_unit.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2
work=$(mktemp -d) && trap 'rm -rf "$work"' EXIT
unit=$work/prefix/lib/systemd/system/spead-recv@.service
port=$((20000 + RANDOM % 10000))
fail() { echo "$1" && exit 1; }
setting() { sed -n "s/^$1=//p" "$unit"; }
receiver_status() { # prints the exit status of spead-recv with these arguments
    local status=0
    "$build/tools/spead-recv" "$@" >"$work/out" 2>&1 || status=$?
    echo $status
}

cmake --install "$build" --prefix "$work/prefix" >/dev/null

# ---- Statuses --------------------------------------------------------------------------------------

# 0 is the success, nothing starts the program anew after 2 and 3, and 1 is the rest.
documented=$(awk '/^\.Sh EXIT STATUS/ { inside = 1; next } /^\.Sh/ { inside = 0 } inside && /^[0-9]+: / { printf "%d ", $1 }' \
    "$source/docs/man/spead-recv.1")
[ "$documented" = '0 1 2 3 ' ] || fail "spead-recv(1) has the statuses $documented: does the unit fit them?"
[ "$(setting Restart) $(setting RestartPreventExitStatus)" = 'on-failure 2 3' ] || fail "the unit names other statuses"
[ -z "$(setting SuccessExitStatus)" ] || fail "the unit calls another status than 0 a success"

: >"$work/out"
"$build/tools/spead-recv" "127.0.0.1:$port" >"$work/out" 2>&1 &
receiver=$!
# It prints its plan when it is ready for signals.
while ! grep -q . "$work/out"; do kill -0 $receiver && sleep 0.05; done
kill -TERM $receiver
wait $receiver || fail "SIGTERM ends spead-recv with status $?: $(cat "$work/out")"
[ "$(receiver_status --no-such-option)" = 2 ] || fail "wrong usage has another status than 2"
[ "$(receiver_status "127.0.0.1:$port" --strict --seconds 0.1)" = 3 ] || fail "a run without packets has another status than 3"

# ---- The example -----------------------------------------------------------------------------------

arguments=$(sed -n 's/^SPEAD_RECV_ARGUMENTS=//p' "$work/prefix/share/doc/speadline/examples/night.conf")
# shellcheck disable=SC2086 # systemd cuts them at spaces, too
[ "$(receiver_status ${arguments:?} --plan)" = 0 ] || fail "night.conf: $(cat "$work/out")"

# ---- What systemd says -----------------------------------------------------------------------------

command -v systemd-analyze >/dev/null ||
    { echo "there is no systemd-analyze, which checks the unit (package systemd)" && exit 77; }
# systemd looks for programs in /usr/local/bin and /usr/bin only. For another prefix a drop-in names the folder.
mkdir "$unit.d"
# shellcheck disable=SC2016 # systemd replaces the variable
printf '[Service]\nExecStart=\nExecStart=%s $SPEAD_RECV_ARGUMENTS\n' "$work/prefix/bin/spead-recv" >"$unit.d/prefix.conf"
export MANPATH=$work/prefix/share/man # a unit that names a page that is not there is refused
said=$(systemd-analyze verify "${unit/@./@night.}" 2>&1) || fail "systemd refuses the unit: $said"
[ -z "$said" ] || fail "systemd remarks: $said"
