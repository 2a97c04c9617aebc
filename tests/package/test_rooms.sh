#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A room calls only rooms that its line in CMakeLists.txt names, and files that call each other in a circle share a
# noun. usage: test_rooms.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
exec python3 "$2/tests/package/rooms.py" "$1" "$2"
