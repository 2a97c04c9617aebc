#!/usr/bin/env bash
# Rooms call only rooms that their lines in CMakeLists.txt name, and files form no circles but those that share a noun.
# usage: test_rooms.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
exec python3 "$2/tests/package/rooms.py" "$1" "$2"
