#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Runs tests of the preset arm64 under the emulator of qemu, and looks at the instruction that the emulator cannot judge.
#
# usage: arm64_tests.sh SYSROOT BUILD_FOLDER [quick]; quick runs the fuzz corpora only; status 77 and a sentence if there is no emulator
set -euo pipefail

sysroot=$(cd "$1" && pwd) build=$(cd "$2" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
emulator=$(command -v qemu-aarch64-static) || {
    echo "skipped: the tests of arm64 need qemu-aarch64-static (Debian: qemu-user-static)" >&2
    exit 77
}
export QEMU_LD_PREFIX=$sysroot SPEADLINE_EMULATOR=$emulator
status=0

# These suites are left out. A suite is a word of Test(suite, name).
#
# Threads that sleep and wake each other: each thread stores and then loads, and both are sequentially consistent (see
# docs/threads.md). qemu translates the two ARM instructions to x86 ones without a fence between them, so both threads
# can miss the store of the other. A test can then hang, and a test that passes proves nothing.
sleepers="outlet|outlet_limits|recv_ends|recv_node|recv_node_ends|recv_node_pull|recv_stop|recv_hand_over|recv_ledger|source|finished"
sleepers+="|send_sink*|send_stop|send_waits|send_room|send_pacing|tx_mem_send"
# The emulator does not pass on io_uring, the advice MADV_POPULATE_WRITE, limits of address space, options of sockets, and
# devices of the network, which the tests of engine verbs make; and it takes "/" for the folder of the arm64 libraries.
# Engine socket gets no packets of some tests there (nobody has looked for the reason yet).
lacking="udp|interface|own_file|pool_ahead|recv_populate|uring|tx_uring|rx_verbs*|tx_verbs*|verbs_*"
lacking_tests="pool/without_address_space*|same_heaps/over_sockets*"

run_suites() { # PROGRAM
    echo "== $1" >&2
    "$emulator" -E LD_PRELOAD="$build/tests/libexec_emulated.so" "$build/tests/$1" -j2 --timeout 120 \
        --filter "!(@($sleepers|$lacking)/*|$lacking_tests)" || status=1
}

# Kernels for ARM have pages of 4, 16 or 64 KiB.
for corpus in "$here"/../fuzz/corpus/*; do
    for page in 4096 65536; do
        echo "== corpus $(basename "$corpus"), pages of $page bytes" >&2
        QEMU_PAGESIZE=$page "$emulator" "$build/tests/corpus_$(basename "$corpus")" "$corpus" || status=1
    done
done
if [ "${3:-}" != quick ]; then
    for program in test-common test-recv test-send; do
        run_suites $program
    done
fi

echo "== the barrier before a doorbell" >&2
code=$(aarch64-linux-gnu-objdump -d "$(find "$build" -name verbs_mprq.c.o)")
if ! grep -qE 'dmb[[:space:]]+oshst' <<<"$code"; then
    echo "verbs_mprq.c rings a doorbell without dmb oshst" >&2
    status=1
fi

[ "${3:-}" != quick ] || exit $status
cat >&2 <<EOF
== left out
Sleep and wake cannot be judged here: qemu breaks the order of a sequentially consistent store and the load after it.
  ${sleepers//|/ }
  all suites of flow, loopback, conformance and tools, and the race programs
The emulator lacks what these suites test (io_uring, populating memory, limits, options and devices of the network):
  ${lacking//|/ } ${lacking_tests//|/ }
EOF
exit $status
