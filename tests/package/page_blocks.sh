# shellcheck shell=bash
# SPDX-License-Identifier: Apache-2.0
# Functions that take fenced blocks out of a page. A test sources this file.

# Prints the fenced block of the page that follows the line <!-- NAME -->.
quoted() { # PAGE NAME
    awk -v mark="<!-- $2 -->" '$0 == mark { at = 1; next } at == 1 && /^```/ { at = 2; next }
        at == 2 && /^```/ { exit } at == 2' "$1"
}

# Writes each ```sh block of the page to FOLDER/01.sh, 02.sh and so on. A ```text block that follows a ```sh block says
# what that block prints, and becomes 01.text.
unfold() { # PAGE FOLDER
    awk -v folder="$2" '
        /^```sh$/ { file = sprintf("%s/%02d.sh", folder, ++count); next }
        /^```text$/ { file = sprintf("%s/%02d.text", folder, count); next }
        /^```/ { file = ""; next }
        file != "" { print > file }' "$1"
}

# Runs the rest of the script in a network namespace of its own, so that no other program has the ports of the page.
enter_namespace() { # "$0" "$@"
    [ "${IN_NAMESPACE:-}" = "" ] || return 0
    command -v ip >/dev/null || { echo "ip (iproute2) is not installed" && exit 77; }
    unshare -rn true 2>/dev/null || { echo "this user may not make a network namespace" && exit 77; }
    # shellcheck disable=SC2016 # the inner shell expands "$0" and "$@"
    IN_NAMESPACE=1 exec unshare -rn bash -c 'ip link set lo up && exec "$0" "$@"' "$@"
}

# Waits until a program has bound UDP port 7148.
await_port() {
    local tries=600
    until grep -q ':1BEC ' /proc/net/udp /proc/net/udp6; do
        tries=$((tries - 1)) && [ $tries -gt 0 ] || return 1
        command sleep 0.05
    done
}
