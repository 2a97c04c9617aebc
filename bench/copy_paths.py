#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures where streaming copies begin to gain: first the copies alone (bench-copy-pieces), then a receiver with a
consumer that reads every byte (bench-heap-reader), both with a memory link in the place of a network.

The ways of copying take turns. Printed are medians in GB for a second of CPU time of receiver and consumer together, and
the median of the ratios within one turn. The consumer holds some heaps before it reads them, so that the heaps in use have
that size and a few heaps more, which wait in the hand-over.
"""

import argparse
import json
import statistics
import subprocess
from pathlib import Path

WAYS = ("cached", "streaming", "auto")


def run(*command):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def pieces(build, rounds):
    for piece in (1432, 8932):
        for mib in (1, 16, 32, 64, 256):
            result = run(build / "bench-copy-pieces", piece, mib, rounds)
            figures = {name: value for name, value in result.items() if name not in ("piece", "memory", "rounds")}
            print(f"{piece} B pieces into {mib:3} MiB: {figures}", flush=True)


def turn(build, hold, options):
    heaps = int(options.gb * 1e9 / options.heap_bytes)
    results = {}
    for way in WAYS:
        result = run(build / "bench-heap-reader", "mem", way, hold, options.heap_bytes, heaps, options.packet)
        gb = result["bytes"] * 1e-9
        results[way] = {
            "both": result["gb_per_cpu_s"],
            "receiver": gb / result["stream_cpu_s"],
            "consumer": gb / result["consumer_cpu_s"],
        }
    return results


def heaps(build, hold, options):
    turns = [turn(build, hold, options) for _ in range(options.rounds)]
    print(f"{options.packet} B packets, heaps of {options.heap_bytes} B, {hold} held:")
    for way in WAYS:
        for what in ("both", "receiver", "consumer"):
            median = statistics.median(t[way][what] for t in turns)
            ratio = statistics.median(t[way][what] / t["cached"][what] for t in turns)
            print(f"  {way:10} {what:9} {median:7.2f} GB/CPU second, {ratio:.3f} of cached")
    print(end="", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="turns of each case (7)")
    parser.add_argument("--gb", type=float, default=1, help="payload of a run in GB (1)")
    parser.add_argument("--packet", type=int, default=1472, help="bytes of a packet (1472)")
    parser.add_argument("--heap-bytes", type=int, default=4 << 20, help="bytes of a heap (4 MiB)")
    parser.add_argument("--hold", type=int, nargs="*", default=[0, 2, 4, 8, 16, 32], help="held heaps (0 2 4 8 16 32)")
    parser.add_argument("--build", default="build/release", help="build folder (build/release)")
    options = parser.parse_args()
    build = Path(options.build) / "bench"
    pieces(build, 2 * options.rounds + 1)
    for hold in options.hold:
        heaps(build, hold, options)


if __name__ == "__main__":
    main()
