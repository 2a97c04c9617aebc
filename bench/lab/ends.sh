# shellcheck shell=bash disable=SC2034,SC2154,SC2004 # lab.sh shares its variables with this file
# SPDX-License-Identifier: Apache-2.0
# The two ends of the lab, a (sends) and b (receives): how a command runs there, and one transfer between them.
# bench/lab.sh sets: out (folder of the record), tools, seconds, engine_env, software; kind, place, interface of each end.

declare -A kind place interface address address6 device cpu

# Runs a command line of bash at an end. Its output is this function's output. With $become="exec" it takes the place of
# the shell, so that whoever ends the process ends the command; a command of another host goes on until it ends itself.
become=""
at() { # END COMMAND
    local end=$1 command="${engine_env}$2"
    case ${kind[$end]} in
        here) $become bash -c "$command" ;;
        netns) $become ip netns exec "${place[$end]}" bash -c "$command" ;;
        pid) $become nsenter -t "${place[$end]}" -n bash -c "$command" ;;
        # any login shell of the other host passes on base64 unchanged
        ssh) $become ssh -o BatchMode=yes "${place[$end]}" "bash -c \"\$(echo $(base64 -w 0 <<<"$command") | base64 -d)\"" ;;
    esac
}

# Does the same and keeps all of it: the command, its output and its status. A command that fails is no failure.
keep() { # END FILE COMMAND
    local status=0
    mkdir -p "$(dirname "$out/$2")"
    {
        echo "# end $1: $3"
        at "$1" "$3" 2>&1 || status=$?
        echo "# status $status"
    } >"$out/$2"
}

# Keeps what the kernel and the device count at both ends.
keep_counters() { # FILE
    local end
    for end in a b; do
        keep "$end" "$1.$end.txt" "ip -s -s link show dev ${interface[$end]}; ethtool -S ${interface[$end]}; \
            grep -H . /sys/class/infiniband/${device[$end]:-none}/ports/1/hw_counters/* 2>/dev/null; nstat -az 2>/dev/null"
    done
}

# Prints a value of a JSON object of the record; "-" if there is none.
value() { # FILE JQ-EXPRESSION
    local text
    text=$(jq -r "$2 // \"-\"" "$out/$1" 2>/dev/null) || text=""
    echo "${text:--}"
}

# Waits until a file of the record has this text, or the process has ended.
await_text() { # FILE TEXT PID
    local tries=600
    until grep -q "$2" "$out/$1" 2>/dev/null; do
        kill -0 "$3" 2>/dev/null && tries=$((tries - 1)) && [ $tries -gt 0 ] || return 1
        sleep 0.05
    done
}

pin() { # END
    [ -z "${cpu[$1]:-}" ] || echo "--cpu ${cpu[$1]} "
}

# Starts spead-recv at end b, in the background. Its process is $receiver. Returns when it listens.
receive() { # NAME OPTIONS
    local name=$1
    mkdir -p "$(dirname "$out/$name")"
    echo "# end b: spead-recv $2" >"$out/$name.recv.command"
    become="exec" at b "exec $tools/spead-recv --json $(pin b)--bind ${interface[b]} --max-heap-size 8M --seconds $((seconds * 4 + 40)) $2" \
        >"$out/$name.recv.json" 2>"$out/$name.recv.txt" &
    receiver=$!
    await_text "$name.recv.txt" "listening on" "$receiver"
}

# Waits for the end of a receiver whose sender has ended. Packets that a busy host lost may have ended the run, so on a
# software device a receiver that still waits for them two seconds later is ended.
settle() { # PID
    local tries=40
    if [ -n "$software" ]; then
        while kill -0 "$1" 2>/dev/null && [ $tries -gt 0 ]; do sleep 0.05 && tries=$((tries - 1)); done
        kill "$1" 2>/dev/null || true
    fi
    wait "$1"
}

# Runs spead-send at end a to its end.
transmit() { # NAME OPTIONS
    echo "# end a: spead-send $2" >"$out/$1.send.command"
    at a "exec $tools/spead-send --json $(pin a)--bind ${interface[a]} $2" >"$out/$1.send.json" 2>"$out/$1.send.txt"
}

# Prints the last line that a program of the record has said.
said_last() { # NAME
    tail -n 1 "$out/$1.recv.txt" "$out/$1.send.txt" 2>/dev/null | grep -v -e '^==>' -e '^$' | head -n 1
}

# One transfer, with the counters before and after. Returns 0 if both programs ended with status 0.
transfer() { # NAME RECV-OPTIONS SEND-OPTIONS
    local status=0
    keep_counters "$1.before"
    receive "$1" "$2" || status=1
    [ $status != 0 ] || transmit "$1" "$3" || status=1
    [ $status = 0 ] || kill "$receiver" 2>/dev/null || true
    settle "$receiver" || status=1
    keep_counters "$1.after"
    return $status
}

# Prints in one line what a transfer came to.
outcome() { # NAME
    local object=$1.recv.json
    printf '%s heaps, %s packets of %s, %s missing, out_of_buffer %s, rebuilds %s, %s Gb/s' \
        "$(value "$object" .heaps)" "$(value "$object" .packets)" "$(value "$1.send.json" .packets)" \
        "$(value "$object" .ledger.missing_packets)" "$(value "$object" .port_out_of_buffer)" \
        "$(value "$object" .engine_rebuilds)" "$(value "$object" '.gbps | . * 100 | round / 100')"
}

# Returns 0 if every packet of a transfer arrived, as it was sent.
is_whole() { # NAME
    jq -es '.[0].packets == .[1].packets and .[0].verify_bad_bytes == 0 and .[0].ledger.missing_packets == 0
        and .[0].ledger.missing_heaps == 0 and .[0].packets > 0' "$out/$1.recv.json" "$out/$1.send.json" >/dev/null
}
