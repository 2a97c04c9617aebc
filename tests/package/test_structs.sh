#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A public struct follows the rule of docs/adr/0017: it has a struct_size, an _INIT and a row in a test_callers_*.c. Or
# it has no struct_size; then why_fixed() below has the reason. Each _INIT has a function of the same name, with a row in
# test_struct_inits.c. usage: test_structs.sh SOURCE_FOLDER
set -euo pipefail
cd "$1"
tables=$(echo tests/conformance/test_callers_*.c tests/conformance/engines/*/test_callers_*.c)
headers=$(echo {common,recv,send,record}/include/speadline/*.h)

why_fixed() { # STRUCT: prints why it has no struct_size; prints nothing for a struct that has one
    case $1 in
        spead_flavour | spead_graph_end | spead_limits | spead_message) echo "passed by value" ;;
        spead_port | spead_send_memory | spead_send_group_heap | spead_gap | spead_chunk_gap | spead_probe_arrival | spead_item_change | spead_custom_counter | spead_statistic) echo "element of arrays" ;;
        spead_err | spead_log | spead_count | spead_recv_ledger | spead_sender_address) echo "part of other structs" ;;
        spead_recv_counters | spead_send_counters) echo "end of their stats, and grow with them" ;;
        spead_waker) echo "embedded by callers" ;;
        spead_stage_clock | spead_rate) echo "arguments of one function" ;;
        spead_batch) echo "made by the library alone" ;;
        spead_event_ops | spead_fold | spead_node_ops | spead_region_ops | spead_message_type) echo "table of operations" ;;
        spead_item | spead_view | spead_group_item | spead_send_options) echo "data path: one for each heap or item" ;;
        spead_send_result) echo "handed to a callback" ;;
        spead_send_slot | spead_chunk_packet | spead_chunk_place) echo "made by the library alone" ;;
    esac
}

status=0 count=0
fail() { echo "$*" && status=1; }

# shellcheck disable=SC2086,SC2013 # words on purpose
for name in $(sed -nE 's/^struct (spead_[a-z0-9_]+) \{$/\1/p' $headers | sort -u); do
    count=$((count + 1))
    [ "$name" != spead_engine_options ] || continue # other structs begin with it, and its struct_size is their size
    init=$(echo "$name" | tr '[:lower:]' '[:upper:]')_INIT
    first=$(sed -n "/^struct $name {\$/{n;p}" $headers)
    case $first in
        *'uint32_t struct_size;'* | *'struct spead_engine_options options;'*)
            grep -q "STRUCT($name," $tables || fail "$name has a struct_size, but no row in $tables"
            grep -qE "^#define $init \{" $headers || fail "$name has a struct_size, but $init does not exist"
            [ -z "$(why_fixed "$name")" ] || fail "$name has a struct_size: $0 need not call it fixed"
            ;;
        *)
            [ -n "$(why_fixed "$name")" ] || fail "$name has no struct_size, and $0 does not say why it is fixed"
            ! grep -q "STRUCT($name," $tables || fail "$name has a row in $tables, but no struct_size"
            ;;
    esac
done
[ "$count" -ge 30 ] || fail "only $count structs found"

# shellcheck disable=SC2086,SC2013
for init in $(sed -nE 's/^#define (SPEAD_[A-Z0-9_]+_INIT) .*/\1/p' $headers); do
    name=$(echo "${init%_INIT}" | tr '[:upper:]' '[:lower:]')
    grep -qE "^void ${name}_init\(struct $name \*[a-z]+, size_t size\);" $headers || fail "$init: there is no ${name}_init()"
    [ "$name" != spead_send_options ] || continue # it has no struct_size
    grep -q "STRUCT($name," $tables || fail "$init: $name has no row in $tables"
    grep -qE "ROW\($name, $init\)" tests/conformance/test_struct_inits.c || fail "$init: no row in test_struct_inits.c"
done
[ "$status" -eq 0 ] && echo "$count public structs, each with its size or fixed"
exit $status
