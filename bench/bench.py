#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Measures our tools beside the raw loops of limits/ and beside spead2, over loopback, with one core for each side.

The contenders of a case take turns for several rounds. The medians and their ratios are printed, and all results are
written to a JSON file. A figure of one machine at one moment means little; compare ratios of the same run.
SPEAD2_BIN names a folder with the C++ tools of spead2. Without it the Python package is used, and a line says so.
"""

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import time
from pathlib import Path

from contenders import GatheredSender, HeapReader, Limit, LimitSender, Shape, Spead2, Spead2Reader, Speadline, engines
from processes import ProgramFailed, Receiver, free_port, run_sender, sink, pin_to_receiver_core

MIB = 1 << 20
SOCKET_BYTES = 8 * MIB  # each receiver asks for this effective receive buffer; the bench reads it back and prints it
PACED_GBPS = 16
LADDER_GBPS = [26.6 * 1.15**step for step in range(-8, 13)]
LADDER_PASSES = 0.8  # share of a rung's runs that must be free of loss


# ---- Measuring -------------------------------------------------------------------------------------


def send_gbps(contender, shape, seconds):
    """The payload rate into a sink in Gb/s, measured for about that many seconds."""
    with sink() as port:

        def run(heaps):
            out = run_sender(contender.send(port, shape, heaps))
            took, payload = contender.read_send(out, shape, heaps)
            return payload * 8e-9 / took, took

        heaps = max(16, 256 * MIB // shape.heap_bytes)
        rate, took = run(heaps)  # this run warms up, and shows how many heaps fill the time
        if took < seconds:
            rate, took = run(int(heaps * seconds / took) + 1)
        return rate


def transfer(receiver, sender, shape, heaps, rate, verify=False):
    """Runs one paced transfer. Returns what it cost and what arrived."""
    port = free_port()
    end = Receiver(receiver.recv(port, shape, SOCKET_BYTES, verify), port)
    try:
        sent = run_sender(sender.send(port, shape, heaps, rate, verify))
        out, cpu_s = end.finish()
    finally:
        end.kill()
    took, payload = sender.read_send(sent, shape, heaps)
    complete, extra = receiver.read_recv(out, shape)
    return {
        "heaps_sent": heaps,
        "heaps_complete": complete,
        "sent_gbps": payload * 8e-9 / took,
        "gb_per_cpu_s": complete * shape.heap_bytes * 1e-9 / cpu_s,
        "socket_bytes": end.socket_bytes,
        **extra,
    }


def alternate(rounds, contenders, measure):
    """Measures the contenders in turns. Returns {name: [result, ...]} without contenders that failed."""
    results = {contender.name: [] for contender in contenders}
    for _ in range(rounds):
        for contender in contenders:
            if results[contender.name] is None:
                continue
            try:
                results[contender.name].append(measure(contender))
            except ProgramFailed as problem:
                print(f"  {contender.name} is left out: {problem}")
                results[contender.name] = None
    return {name: runs for name, runs in results.items() if runs}


# ---- Cases -----------------------------------------------------------------------------------------


class Bench:
    def __init__(self, options):
        self.options = options
        self.cases = []
        build = options.build
        self.ours = Speadline(build)
        self.spead2 = Spead2(build)
        self.peers = [] if self.spead2.reason else [self.spead2]
        print(f"spead2: {self.spead2.reason or self.spead2.kind}")

    def keep(self, name, unit, values, beside, runs):
        """Prints the medians of a case, and the ratio of our medians to the others. Our names begin with `beside`."""
        medians = {who: statistics.median(each) for who, each in values.items()}
        print(f"\n{name}")
        for who, median in medians.items():
            ratios = [
                f"{median / medians[other]:.2f} of {other}"
                for other in medians
                if who.startswith(beside) and other != who and not other.startswith(beside)
            ]
            print(f"  {who:26} {median:8.2f} {unit:14} {', '.join(ratios)}")
        self.cases.append({"name": name, "unit": unit, "medians": medians, "runs": runs})

    def check(self, shape):
        """Verifies every byte of many paced heaps, so that no figure comes from wrong data. A busy machine may lose
        packets; then the rate is halved, up to three times."""
        ring = str(min(4096, max(16, 16 * MIB // shape.heap_bytes)))
        receiver = Speadline(self.options.build, "--ring-heaps", ring)
        heaps = max(16, min(100_000, 512 * MIB // shape.heap_bytes))
        for rate in (2, 1, 0.5, 0.25):
            run = transfer(receiver, self.ours, shape, heaps, rate, verify=True)
            print(f"  verified: {run['heaps_complete']} of {heaps} heaps at {rate} Gb/s, "
                  f"{run['verify_bad_bytes']} wrong bytes")  # fmt: skip
            if run["verify_bad_bytes"] != 0:
                break
            if run["heaps_complete"] == heaps:
                return
        self.failed(f"{shape}: {run}")

    def failed(self, what):
        sys.exit(f"bench: wrong result, so no figure counts: {what}")

    def send_case(self, name, shape):
        build = self.options.build
        contenders = [self.ours, LimitSender(build), GatheredSender(build), *self.peers]
        seconds = self.options.seconds
        runs = alternate(self.options.rounds, contenders, lambda c: send_gbps(c, shape, seconds))
        self.keep(f"send: {name}", "Gb/s payload", runs, "speadline", runs)
        self.check(shape)

    def send(self):
        for packet in (1472, 8972):
            self.send_case(f"4 MiB heaps, {packet} B packets", Shape(4 * MIB, packet))

    def small(self):
        for heap, packet in ((1024, 1472), (8192, 8972)):
            for in_flight in (64, 4):
                self.send_case(f"{heap // 1024} KiB heaps, {in_flight} in flight, {packet} B packets",
                               Shape(heap, packet, in_flight))  # fmt: skip

    def receive(self):
        build = self.options.build
        kinds = [("auto", "auto")] + [(e, p) for e in engines(build) for p in ("placed", "bounce")]
        contenders = [Speadline(build, engine=engine, path=path) for engine, path in kinds]
        contenders += [Limit(build, mode, coalesce_us=us) for mode in ("placed", "bounce") for us in (200, 0)]
        contenders += self.peers
        for packet in (1472, 8972):
            shape = Shape(4 * MIB, packet)
            heaps = int(self.options.seconds * PACED_GBPS * 1e9 / 8 / shape.heap_bytes)

            def measure(contender, shape=shape, heaps=heaps):
                return transfer(contender, self.ours, shape, heaps, PACED_GBPS)

            runs = alternate(self.options.rounds, contenders, measure)
            values = {name: [run["gb_per_cpu_s"] for run in each] for name, each in runs.items()}
            self.keep(f"receive: 4 MiB heaps, {packet} B packets, paced to {PACED_GBPS} Gb/s",
                      "GB/CPU second", values, "speadline", runs)  # fmt: skip
            for name, each in runs.items():
                self.remark(name, each)
            self.check(shape)

    def read(self):
        """Receivers with a consumer that reads every byte; the CPU time of both counts. A consumer that holds 16 heaps
        makes the heaps in use larger than the cache."""
        for packet, hold in ((1472, 0), (1472, 16), (8972, 0), (8972, 16)):
            shape = Shape(4 * MIB, packet)
            heaps = int(self.options.seconds * PACED_GBPS * 1e9 / 8 / shape.heap_bytes)
            contenders = [HeapReader(self.options.build, copy, hold) for copy in ("auto", "cached", "streaming")]
            if Spead2Reader(hold).reason:
                print(f"  spead2 is left out: {Spead2Reader(hold).reason}")
            else:
                contenders.append(Spead2Reader(hold))

            def measure(contender, shape=shape, heaps=heaps):
                return transfer(contender, self.ours, shape, heaps, PACED_GBPS)

            runs = alternate(self.options.rounds, contenders, measure)
            values = {name: [run["gb_per_cpu_s"] for run in each] for name, each in runs.items()}
            self.keep(f"read: 4 MiB heaps, {packet} B packets, {hold} held, paced to {PACED_GBPS} Gb/s",
                      "GB/CPU second", values, "speadline", runs)  # fmt: skip
            for name, each in runs.items():
                self.remark(name, each)

    @staticmethod
    def remark(name, runs):
        lost = sum(run["heaps_sent"] - run["heaps_complete"] for run in runs)
        slow = min(run["sent_gbps"] for run in runs)
        buffers = sorted({run["socket_bytes"] or 0 for run in runs})
        print(f"  {name:26} socket buffer {buffers}, heaps lost {lost} in {len(runs)} runs, "
              f"sender at {slow:.1f} Gb/s or more")  # fmt: skip

    def ladder(self):
        tops, runs = {}, {}
        for contender in [self.ours, *self.peers]:
            tops[contender.name], runs[contender.name] = self.climb(contender)
        values = {name: [top] for name, top in tops.items() if top > 0}
        self.keep("ladder: highest loss-free rate, 4 MiB heaps, 8972 B packets", "Gb/s SPEAD",
                  values, "speadline", runs)  # fmt: skip

    def climb(self, contender):
        """Returns the highest rate (rung) that this receiver takes without loss, and all rungs. Our sender sends."""
        top, rungs = 0, []
        for rate in LADDER_GBPS:
            clean, valid, runs = self.rung(contender, rate)
            rungs.append({"gbps": rate, "loss_free": clean, "valid": valid, "runs": runs})
            print(f"  ladder {contender.name:12} {rate:6.1f} Gb/s: {clean} of {valid} runs free of loss, "
                  f"{len(runs) - valid} where the sender fell behind, "
                  f"socket buffer {runs[0]['socket_bytes']}")  # fmt: skip
            if clean < self.needed():
                break
            top = rate
        return top, rungs

    def needed(self):
        return math.ceil(self.options.ladder_rounds * LADDER_PASSES)

    def rung(self, contender, rate):
        """Repeats the transfer until it is certain whether enough runs are free of loss. A run whose sender fell behind
        is not valid, because another program was busy or the sender is at its limit. After too many invalid runs the
        rung counts as not reached."""
        rounds, shape = self.options.ladder_rounds, Shape(4 * MIB, 8972)
        heaps = int(self.options.ladder_gb * 1e9 / shape.heap_bytes) + 1
        runs, clean, valid = [], 0, 0
        while clean < self.needed() and valid - clean <= rounds - self.needed():
            if len(runs) - valid > rounds:
                break
            run = transfer(contender, self.ours, shape, heaps, rate)
            runs.append(run)
            if run["sent_gbps"] >= 0.95 * rate:
                valid += 1
                clean += run["heaps_complete"] == heaps
        return clean, valid, runs


# ---- Program ---------------------------------------------------------------------------------------


def environment(build):
    def first(pattern, path):
        lines = [line for line in Path(path).read_text().splitlines() if line.startswith(pattern)]
        return lines[0].partition(":")[2].strip() if lines else "unknown"

    git = ["git", "describe", "--always", "--dirty", "--abbrev=12"]
    here = Path(__file__).parent
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": first("model name", "/proc/cpuinfo"),
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "nic": "lo",
        "git": subprocess.run(git, cwd=here, capture_output=True, text=True).stdout.strip(),
        "rmem_max": int(Path("/proc/sys/net/core/rmem_max").read_text()),
        "build": str(build),
    }


def parse(arguments):
    names = ("send", "small", "receive", "read", "ladder")
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(names)} (all)")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter runs, for a first look only")
    parser.add_argument("--rounds", type=int, help="runs of each contender in a case (5; quick: 3)")
    parser.add_argument("--seconds", type=float, help="length of a run (4; quick: 1)")
    parser.add_argument("--ladder-rounds", type=int, help="runs at each rate of the ladder (10; quick: 3)")
    parser.add_argument("--ladder-gb", type=float, help="payload of a ladder run in GB (10; quick: 2)")
    parser.add_argument("--build", default="build/release", help="build folder (build/release)")
    parser.add_argument("--out", default="build/bench/results.json", help="JSON file for the results")
    options = parser.parse_args(arguments)
    if unknown := set(options.cases) - set(names):
        parser.error(f"no case {', '.join(sorted(unknown))}: use {', '.join(names)}")
    options.cases = options.cases or list(names)
    for name, value, quick in (("rounds", 5, 3), ("seconds", 4, 1), ("ladder_rounds", 10, 3),
                               ("ladder_gb", 10, 2)):  # fmt: skip
        if getattr(options, name) is None:
            setattr(options, name, quick if options.quick else value)
    return options


def main():
    options = parse(sys.argv[1:])
    if os.cpu_count() < 2:
        sys.exit("bench: needs two cores, one for the sender and one for the receiver")
    pin_to_receiver_core()
    about = environment(options.build)
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    bench = Bench(options)
    about["spead2"] = bench.spead2.reason or bench.spead2.kind
    try:
        for case in options.cases:
            getattr(bench, case)()
    except ProgramFailed as problem:
        sys.exit(f"bench: {problem}")
    out = Path(options.out)
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"environment": about, "cases": bench.cases}, indent=1) + "\n")
    print(f"\nwritten to {out}")


if __name__ == "__main__":
    main()
