#!/usr/bin/env bash
# A wrong-way #include does not compile: common sees neither send nor recv, send and recv do not see each
# other, and a module's private headers stay private. Uses the very flags that the build uses.
# usage: test_layering.sh BUILD_FOLDER SOURCE_FOLDER
set -euo pipefail
build=$1 source=$2

flags_of() { # the include options of the first file of module $1
    python3 - "$build/compile_commands.json" "$source/$1/" <<'EOF'
import json, shlex, sys
for entry in json.load(open(sys.argv[1])):
    if entry["file"].startswith(sys.argv[2]):
        words = shlex.split(entry["command"])
        print(" ".join(w for w in words if w.startswith(("-I", "-D", "-std"))))
        break
else:
    sys.exit("no file of " + sys.argv[2] + " in the build")
EOF
}

compiles() { # MODULE HEADER
    # shellcheck disable=SC2046 # words on purpose
    echo "#include $2" | (cd "$build" && cc $(flags_of "$1") -fsyntax-only -x c - 2>/dev/null)
}

status=0
must() { compiles "$1" "$2" || { echo "$1 cannot see $2, but should" && status=1; }; }
must_not() { ! compiles "$1" "$2" || { echo "$1 sees $2, but must not" && status=1; }; }

must common '<speadline/heap.h>'
must common '<speadi/packet.h>'
must send '<speadline/send.h>'
must send '"tx_engine.h"'
must recv '<speadline/recv.h>'
must recv '"rx_engine.h"'
for wrong in '<speadline/send.h>' '"tx_engine.h"' '<tx_engine.h>'; do
    must_not common "$wrong"
    must_not recv "$wrong"
done
for wrong in '<speadline/recv.h>' '"rx_engine.h"' '<rx_engine.h>'; do
    must_not common "$wrong"
    must_not send "$wrong"
done
exit $status
