#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Compares the ways in which packets reach the kernel (spead-send --send-path), and the raw loops of limits/ beside them.

The figures are Gb/s of payload for a second of CPU time of the sender, over loopback into a socket from which nobody
reads. A sender that wants all of a core has the same figure on a busy machine, as long as others leave the cache alone.
The programs of a row take turns; the medians are printed, and the load of the machine.
"""

import argparse
import os
import statistics
import subprocess
import time

from contenders import GatheredSender, LimitSender, Shape, Speadline, last_json
from processes import pin_to_receiver_core, run_sender, sink

MIB = 1 << 20
WAYS = ("reference", "gather", "auto")
PACKETS = (552, 1064, 1472, 2048, 2560, 3072, 4096, 8972)
ITEMS = (1024, 2048, 4096)  # items of a heap of 4 MiB in packets of 8972 B
LIMITED = ((4 * MIB, 4, 1472), (4 * MIB, 4, 8972), (1024, 64, 1472), (1024, 4, 1472), (8192, 64, 8972))


def per_cpu_second(command):
    report = last_json(run_sender(command))
    return report["payload_bytes"] * 8e-9 / (report["cpu_user_s"] + report["cpu_sys_s"])


def ours(options, port, shape, way, engine="socket", items=1):
    heaps = int(options.seconds * 10e9 / shape.heap_bytes) + 1
    words = Speadline(options.build, engine=engine).send(port, shape, heaps)
    return [*words, "--send-path", way, "--items", items]


def row(options, name, commands):
    """Measures the commands in turns, and prints a row of a table."""
    values = {who: [] for who in commands}
    for _ in range(options.rounds):
        for who, command in commands.items():
            values[who].append(per_cpu_second(command))
    medians = {who: statistics.median(each) for who, each in values.items()}
    gain = medians["gather"] / medians["reference"]
    texts = [f"{who} {median:.1f}" for who, median in medians.items()]
    texts.append(f"gather / reference {gain:.2f}")
    if "gathered limit" in medians:
        texts.append(f"auto / gathered limit {medians['auto'] / medians['gathered limit']:.2f}")
    print(f"{name}: {', '.join(texts)}, load {os.getloadavg()[0]:.1f}", flush=True)


def ways(options, port, shape, **more):
    return {way: ours(options, port, shape, way, **more) for way in WAYS}


def measure_ways(options, port):
    for engine in ("socket", "uring"):
        for packet in PACKETS:
            shape = Shape(4 * MIB, packet)
            row(options, f"{engine}, {packet} B", ways(options, port, shape, engine=engine))
    for items in ITEMS:
        row(options, f"socket, 8972 B, {items} items", ways(options, port, Shape(4 * MIB, 8972), items=items))


def measure_beside_limits(options, port):
    for heap_bytes, in_flight, packet in LIMITED:
        shape = Shape(heap_bytes, packet, in_flight)
        heaps = int(options.seconds * 10e9 / heap_bytes) + 1
        limits = {c.name: c.send(port, shape, heaps) for c in (GatheredSender(options.build), LimitSender(options.build))}
        row(options, f"heaps of {heap_bytes}, {in_flight} in flight, packets of at most {packet} B",
            {**ways(options, port, shape), **limits})  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each program in a row (5)")
    parser.add_argument("--seconds", type=float, default=0.5, help="about how long a run takes (0.5)")
    parser.add_argument("--build", default="build/release", help="build folder (build/release)")
    parser.add_argument("--limits", action="store_true", help="only the rows beside the raw loops")
    options = parser.parse_args()
    pin_to_receiver_core()
    print(time.strftime("%Y-%m-%d"), subprocess.run(["uname", "-r"], capture_output=True, text=True).stdout.strip())
    with sink() as port:
        if not options.limits:
            measure_ways(options, port)
        measure_beside_limits(options, port)


if __name__ == "__main__":
    main()
