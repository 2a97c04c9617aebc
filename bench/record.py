#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Records with syncs and without, in alternation, and compares the payload that reached the files.

spead-recv --verify --output runs with --sync 1s and with --sync never while spead-send sends at a fixed rate. The result is
one JSON object: for each run the heaps that were sent, written and acknowledged, and the medians of written / sent.

usage: record.py TOOLS_FOLDER OUTPUT_FOLDER [--rounds N] [--gbps R] [--seconds S] [--heap-size N]"""

import argparse
import json
import os
import platform
import socket
import statistics
import subprocess
import sys


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def record(options, sync):
    port, data = free_port(), os.path.join(options.folder, "bench.bin")
    receive = [f"{options.tools}/spead-recv", f"127.0.0.1:{port}", "--json", "--output", data, "--sync", sync]
    send = [f"{options.tools}/spead-send", f"127.0.0.1:{port}", "--verify", "--json", "--quiet", "--packet", "8972"]
    send += ["--heap-size", options.heap_size, "--rate", str(options.gbps), "--seconds", str(options.seconds)]
    receiver = subprocess.Popen(receive, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while "listening on" not in receiver.stderr.readline():
        pass
    sent = json.loads(subprocess.run(send, check=True, capture_output=True, text=True).stdout)
    received = json.loads(receiver.communicate(timeout=300)[0])
    whole = subprocess.run([f"{options.tools}/spead-info", "recording", data], stdout=subprocess.DEVNULL).returncode == 0
    for name in (data, f"{data}.jsonl"):
        os.unlink(name)
    os.sync()
    return {
        "sync": sync,
        "sent": sent["heaps"],
        "written": received["written_heaps"],
        "acknowledged": received["synced_heaps"],
        "shed": received["heap_fates"]["shed"],
        "syncs": received["syncs"],
        "sync_s_max": received["sync_ns_max"] * 1e-9,
        "cpu_s": received["cpu_user_s"] + received["cpu_sys_s"],
        "whole": whole,
    }


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("tools")
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--gbps", type=float, default=4)
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--heap-size", default="1M")
    options = parser.parse_args()
    runs = [record(options, sync) for _ in range(options.rounds) for sync in ("1s", "never")]
    medians = {
        sync: statistics.median(run["written"] / run["sent"] for run in runs if run["sync"] == sync)
        for sync in ("1s", "never")
    }
    print(json.dumps({
        "kernel": platform.release(),
        "gbps": options.gbps,
        "heap_size": options.heap_size,
        "runs": runs,
        "written_of_sent": medians,
        "ratio": medians["1s"] / medians["never"] if medians["never"] else None,
        "all_whole": all(run["whole"] for run in runs),
    }))
    return 0 if all(run["whole"] for run in runs) else 1


sys.exit(main())
