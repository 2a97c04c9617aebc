#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes a virtual environment with spead2 and numpy from PyPI, once. The exit status is 0 if the environment is ready,
# 77 if the package index cannot be reached (a line on stdout says so), and 1 after any other failure.
# usage: venv.sh FOLDER
set -euo pipefail

folder=${1:?usage: venv.sh FOLDER}
wanted=("spead2>=4.4,<5" numpy)
[ ! -e "$folder/complete" ] || exit 0

rm -rf "$folder"
python3 -m venv "$folder"
log=$folder/pip.log
if ! "$folder/bin/pip" install --disable-pip-version-check --retries 1 --timeout 20 "${wanted[@]}" \
    >"$log" 2>&1; then
    if grep -qE 'NewConnectionError|ConnectTimeoutError|ProxyError|SSLError|Network is unreachable|Retrying \(' "$log"; then
        echo "the package index cannot be reached, so spead2 cannot be installed (output of pip: $log)"
        exit 77
    fi
    tail -n 20 "$log" >&2
    exit 1
fi
touch "$folder/complete"
