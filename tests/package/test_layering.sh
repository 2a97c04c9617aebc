#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# An #include in the wrong direction does not compile: common sees neither send nor recv, send and recv do not see each
# other, and a room sees only those rooms of its module that its line in CMakeLists.txt names. In each room the test
# includes one header that the room must not see and, if there is one, a header of the room itself. It uses the flags of
# the build.
# usage: test_layering.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2

flags_of() { # ROOM: prints the include options of the first file of the room
    python3 - "$build/compile_commands.json" "$source/$1/" <<'PYTHON'
import json, os, shlex, sys
for entry in json.load(open(sys.argv[1])):
    if os.path.dirname(entry["file"]) + "/" == sys.argv[2]:
        words = shlex.split(entry["command"])
        print(" ".join(w for w in words if w.startswith(("-I", "-D", "-std"))))
        break
else:
    sys.exit("no file of " + sys.argv[2] + " in the build")
PYTHON
}

compiles() { # FLAGS HEADER
    # shellcheck disable=SC2086 # words on purpose
    echo "#include $2" | (cd "$build" && cc $1 -fsyntax-only -x c - 2>/dev/null)
}

status=0
must() { compiles "$2" "$3" || { echo "$1 cannot see $3, but should" && status=1; }; }
must_not() { ! compiles "$2" "$3" || { echo "$1 sees $3, but must not" && status=1; }; }

# Prints a header that the room must not see. A room that is missing in this list fails the test.
forbidden() { # ROOM
    case $1 in
        common/base | common/engine | common/fault | common/stats | common/net | common/wire) echo pages.h ;;
        common/memory) echo netlink.h ;;
        common/verbs) echo netlink.h ;;
        common/flow/probe | common/flow/ops) echo graph_parts.h ;;
        common/flow/channel | common/flow/run) echo graph_parts.h ;;
        common/flow/graph) echo probe_parts.h ;;
        recv/engine) echo live_heap.h ;;
        recv/engines/datagram) echo live_heap.h ;;
        recv/engines/*) echo placement.h ;;
        recv/heap | recv/chunk) echo rx_engine.h ;;
        recv/place) echo recv_stream.h ;;
        recv/stream) echo scatter.h ;;
        send/engine) echo packetiser.h ;;
        send/engines/*) echo packetiser.h ;;
        send/heap) echo heap_queue.h ;;
        send/stream) echo send_sink.h ;;
        send/sink) echo send_stream.h ;;
        send/slots) echo send_stream.h ;;
        send/items) echo heap_queue.h ;;
        record/line | record/file) echo file_writer.h ;;
        record/write) echo recording_files.h ;;
        record/read) echo file_writer.h ;;
        *) return 1 ;;
    esac
}

count=0
for folder in $(cd "$source" && find common send recv record -name '*.c' -printf '%h\n' | sort -u); do
    header=$(forbidden "$folder") || { echo "test_layering.sh names no header that $folder must not see" && status=1 && continue; }
    flags=$(flags_of "$folder")
    [ -n "$(find "$source"/{common,send,recv,record} -name "$header")" ] || { echo "there is no $header: ask $folder for another" && status=1; }
    must_not "$folder" "$flags" "\"$header\""
    must_not "$folder" "$flags" "<$header>"
    must "$folder" "$flags" '<speadline/heap.h>'
    must "$folder" "$flags" '<speadi/packet.h>'
    own=$(find "$source/$folder" -maxdepth 1 -name '*.h' -printf '%f\n' | sort | head -n 1)
    [ -z "$own" ] || must "$folder" "$flags" "\"$own\""
    for module in send recv record; do
        case $folder in
            $module/*) must "$folder" "$flags" "<speadline/$module.h>" ;;
            *) must_not "$folder" "$flags" "<speadline/$module.h>" ;;
        esac
    done
    # A path through the folders must not reach another room either.
    must_not "$folder" "$flags" '"recv/include/speadline/recv.h"'
    must_not "$folder" "$flags" '"stream/send_stream.h"'
    count=$((count + 1))
done
[ "$count" -ge 25 ] || { echo "only $count rooms found" && status=1; }

must_not tools "$(flags_of tools)" '"recv_stream.h"'
must_not tools "$(flags_of tools)" '"send_stream.h"'
exit $status
