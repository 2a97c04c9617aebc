#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Sends small heaps over loopback to receivers with their defaults, and prints a table of what got lost.

The receivers are spead-recv, a program that takes heaps as users of the library do, a graph with a sink, and spead2_recv
if it is installed. Nothing is pinned to a core. A row fails if a receiver of ours shed a heap although the kernel dropped
no packet: then its consumer kept up. The table is in Markdown. The exit status is 1 if a row has failed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

from contenders import Shape, Spead2, last_json
from processes import ProgramFailed, Receiver, free_port

SIZES = [256, 1024, 4096, 8192, 65536]
RATES = [0.1, 1, 4, 0]  # Gb/s; 0 means as fast as the sender can
PACKET, SOCKET_BYTES = 8972, 8 << 20


class Tool:
    name = "spead-recv"

    def __init__(self, build):
        self.program = Path(build) / "tools" / "spead-recv"

    def command(self, port):
        return [self.program, f"127.0.0.1:{port}", "--json", "--quiet"]

    def read(self, out):
        """Returns the complete heaps, the heaps that were shed, and the packets that the kernel dropped."""
        report = last_json(out)
        return report["heaps"], report["heap_fates"]["shed"], report["ledger"]["kernel_drops"]


class Program(Tool):
    def __init__(self, build, mode):
        self.program, self.mode = Path(build) / "bench" / "bench-small-heaps", mode
        self.name = {"take": "take()", "graph": "graph"}[mode]

    def command(self, port):
        return [self.program, self.mode, f"127.0.0.1:{port}"]

    def read(self, out):
        report = last_json(out)
        return report["heaps"], report["shed"], report["kernel_drops"]


class Peer:
    name = "spead2_recv"

    def __init__(self, spead2):
        self.spead2 = spead2

    def command(self, port):
        return self.spead2.recv(port, Shape(0, PACKET), SOCKET_BYTES)

    def read(self, out):
        return self.spead2.read_recv(out, None)[0], 0, 0


class Unpinned(Receiver):
    """A receiver that may run on every core."""

    def __init__(self, command, port):
        super().__init__(["taskset", "-c", ",".join(map(str, os.sched_getaffinity(0))), *command], port)


def run(build, receiver, size, rate, seconds):
    """Returns what was sent and what arrived in one run."""
    port = free_port()
    end = Unpinned(receiver.command(port), port)
    try:
        sent = subprocess.run(
            [build / "tools" / "spead-send", f"127.0.0.1:{port}", "--heap-size", str(size), "--packet", str(PACKET),
             "--rate", str(rate), "--seconds", str(seconds), "--json", "--quiet"],
            capture_output=True, text=True, check=True)  # fmt: skip
        out, _ = end.finish()
    finally:
        end.kill()
    report = last_json(sent.stdout)
    complete, shed, drops = receiver.read(out)
    return {
        "receiver": receiver.name, "size": size, "rate": rate, "sent": report["heaps"],
        "gbps": report["heaps"] * size * 8e-9 / report["seconds"], "complete": complete,
        "shed": shed, "kernel_drops": drops, "load": os.getloadavg()[0],
    }  # fmt: skip


def share(part, whole):
    if part <= 0:
        return "0"
    return f"{100 * part / whole:.3g} %"


def cell(result):
    lost = share(result["sent"] - result["complete"], result["sent"])
    if result["receiver"] == Peer.name:
        return f"lost {lost}"
    if result["kernel_drops"] == 0:
        return f"shed {share(result['shed'], result['sent'])}"
    return f"lost {lost}, shed {share(result['shed'], result['sent'])}, kernel {result['kernel_drops']}"


def failed(result):
    return result["shed"] > 0 and result["kernel_drops"] == 0


def measure(build, receivers, options):
    """Runs all rows, and prints each when it is done. Returns all results."""
    results = []
    print("| heap | rate | sent at | " + " | ".join(r.name for r in receivers) + " | load |")
    print("|---" * (4 + len(receivers)) + "|")
    for size in options.sizes:
        for rate in options.rates:
            for _ in range(options.rounds):
                row = [run(build, receiver, size, rate, options.seconds) for receiver in receivers]
                results += row
                speeds = [f"{r['gbps']:.2g}" for r in row]
                print(f"| {size} B | {rate or 'full'} | {min(speeds, key=float)} to {max(speeds, key=float)} | "
                      + " | ".join(map(cell, row)) + f" | {row[-1]['load']:.1f} |", flush=True)  # fmt: skip
    return results


def parse():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=Path, default=Path("build/release"))
    parser.add_argument("--seconds", type=float, default=2, help="time of each run (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1, help="how often each row is measured (default: %(default)s)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="heap sizes in bytes")
    parser.add_argument("--rates", type=float, nargs="+", default=RATES, help="rates in Gb/s; 0: full speed")
    parser.add_argument("--json", type=Path, help="write all results to this file")
    return parser.parse_args()


def main():
    options = parse()
    spead2 = Spead2(options.build)
    receivers = [Tool(options.build), Program(options.build, "take"), Program(options.build, "graph")]
    if spead2.reason:
        print(f"spead2 is left out: {spead2.reason}")
    else:
        receivers.append(Peer(spead2))
    print(f"{date.today()}, Linux {platform.release()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
          f"packets of up to {PACKET} B; {options.seconds:g} s each\n")  # fmt: skip
    began = time.monotonic()
    results = measure(options.build, receivers, options)
    bad = [r for r in results if failed(r)]
    print(f"\n{len(results)} runs in {time.monotonic() - began:.0f} s; {len(bad)} shed heaps although the kernel "
          "dropped nothing")  # fmt: skip
    for r in bad:
        print(f"  {r['receiver']}, {r['size']} B at {r['rate'] or 'full'}: {r['shed']} of {r['sent']} shed")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))
    return 1 if bad else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (ProgramFailed, subprocess.CalledProcessError) as problem:
        sys.exit(f"small_heaps.py: {problem}")
