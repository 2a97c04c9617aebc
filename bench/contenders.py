# SPDX-License-Identifier: Apache-2.0
"""The contenders: our tools, the raw loops of limits/, and spead2 if it is installed.

Each contender builds its command lines and reads its own output, so that the cases in bench.py treat all contenders in
the same way. The payload of each is heaps x heap size, whatever the program itself counts.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Shape:
    """What is sent. It is the same for each contender of a case."""

    heap_bytes: int
    packet_bytes: int
    heaps_in_flight: int = 4


def last_json(out):
    return json.loads(out.strip().splitlines()[-1])


def engines(build):
    """The names of our engines that can be used over loopback."""
    info = Path(build) / "tools" / "spead-info"
    out = subprocess.run([info, "engines", "--json", "--interface", "lo"], stdout=subprocess.PIPE, check=True, text=True)
    return [e["name"] for e in last_json(out.stdout)["engines"] if e["usable"] and e["endpoint"] == "udp"]


class Speadline:
    """Our tools. `options` are extra words of the receiver's command line."""

    def __init__(self, build, *options, engine="auto", path="auto"):
        self.tools = Path(build) / "tools"
        self.engine, self.path, self.options = engine, path, options
        self.name = "speadline" if (engine, path) == ("auto", "auto") else f"speadline {engine} {path}"

    def send(self, port, shape, heaps, rate=0, verify=False):
        return [
            self.tools / "spead-send", f"127.0.0.1:{port}", "--heaps", heaps,
            "--heap-size", shape.heap_bytes, "--packet", shape.packet_bytes,
            "--max-heaps", shape.heaps_in_flight, "--rate", rate, "--engine", self.engine,
            "--json", "--quiet", *(["--verify"] if verify else []),
        ]  # fmt: skip

    def read_send(self, out, shape, heaps):
        """Returns (seconds, payload bytes)."""
        report = last_json(out)
        return report["seconds"], report["heaps"] * shape.heap_bytes

    def recv(self, port, shape, socket_bytes, verify=False):
        return [
            self.tools / "spead-recv", f"127.0.0.1:{port}", "--engine", self.engine,
            "--receive-path", self.path, "--buffer", socket_bytes // 2, "--json", "--quiet",
            *(["--verify"] if verify else []), *self.options,
        ]  # fmt: skip

    def read_recv(self, out, shape):
        """Returns (complete heaps, other results for the JSON file)."""
        report = last_json(out)
        kept = ("engine", "placed", "bounced", "repaired", "verify_bad_bytes", "incomplete_heaps")
        ledger = report["ledger"]
        buckets = {name: b["packets"] for name, b in ledger["buckets"].items() if b["packets"]}
        below = {name: ledger[name] for name in ("missing_packets", "missing_heaps", "kernel_drops")}
        return report["heaps"], {**{key: report[key] for key in kept}, "packets": {**buckets, **below}}


class Spead2:
    """The tools of spead2: the C++ tools in the folder SPEAD2_BIN, or else the tools of the Python package. The package
    is installed into a virtual environment in the build folder, if the package index can be reached."""

    def __init__(self, build):
        folder = os.environ.get("SPEAD2_BIN")
        self.name, self.reason, self.quiet = "spead2", None, []
        if folder:
            self.kind, self.quiet = "C++ tools of SPEAD2_BIN", ["--quiet"]
            self.send_program, self.recv_program = ([f"{folder}/spead2_{w}"] for w in ("send", "recv"))
            if not os.access(self.recv_program[0], os.X_OK):
                self.reason = f"SPEAD2_BIN={folder} holds no spead2_recv"
            return
        self.kind = "Python package (SPEAD2_BIN is not set: the C++ tools are faster)"
        venv = Path(build).absolute() / "peer"
        maker = Path(__file__).parent.parent / "tests" / "interop" / "venv.sh"
        made = subprocess.run([maker, venv], capture_output=True, text=True)
        if made.returncode != 0:
            self.reason = (made.stdout + made.stderr).strip()
        self.send_program, self.recv_program = (
            [venv / "bin" / "python", venv / "bin" / f"spead2_{w}.py"] for w in ("send", "recv")
        )

    def send(self, port, shape, heaps, rate=0, verify=False):
        return [
            *self.send_program, f"127.0.0.1:{port}", "--heaps", heaps,
            "--heap-size", shape.heap_bytes, "--packet", shape.packet_bytes,
            "--max-heaps", shape.heaps_in_flight, "--rate", rate,
        ]  # fmt: skip

    def read_send(self, out, shape, heaps):
        return float(re.search(r"Sent \d+ bytes in ([\d.e-]+)", out)[1]), heaps * shape.heap_bytes

    def recv(self, port, shape, socket_bytes, verify=False):
        # spead2 is fast with its memory pool only: without the pool each heap is new memory from the kernel.
        return [
            *self.recv_program, f"127.0.0.1:{port}", "--buffer", socket_bytes // 2, "--mem-pool",
            "--packet", 9200, *self.quiet,
        ]  # fmt: skip

    def read_recv(self, out, shape):
        counters = dict(re.findall(r"^(\w+): (\d+)$", out, re.MULTILINE))
        broken = sum(int(counters[f"incomplete_heaps_{fate}"]) for fate in ("evicted", "flushed"))
        return int(counters["heaps"]) - broken, {"incomplete_heaps": broken}


class HeapReader:
    """bench-heap-reader: our library, with a consumer that holds `hold` heaps and reads every byte of each."""

    def __init__(self, build, copy="auto", hold=0):
        self.program, self.copy, self.hold = Path(build) / "bench" / "bench-heap-reader", copy, hold
        self.name = f"speadline {copy}, {hold} held"
        self.reason = None

    def recv(self, port, shape, socket_bytes, verify=False):
        return [self.program, f"127.0.0.1:{port}", self.copy, self.hold, shape.heap_bytes, socket_bytes // 2]

    def read_recv(self, out, shape):
        report = last_json(out)
        return report["heaps"], {key: report[key] for key in ("shed", "kernel_drops", "copy")}


class Spead2Reader(HeapReader):
    """The same with the C++ library of spead2: spead2_reader.cpp, compiled by hand, whose path is SPEAD2_READER."""

    def __init__(self, hold=0):
        self.program, self.hold = os.environ.get("SPEAD2_READER", ""), hold
        self.name = f"spead2, {hold} held"
        self.reason = None if self.program else "SPEAD2_READER is not set (see spead2_reader.cpp)"

    def recv(self, port, shape, socket_bytes, verify=False):
        return [self.program, port, self.hold, socket_bytes // 2]

    def read_recv(self, out, shape):
        return last_json(out)["bytes"] // shape.heap_bytes, {}


class Limit:
    """The raw loops. The receiver copies payload (bounce) or lets the kernel place it (placed). When no datagram is
    there, it sleeps coalesce_us, as our receiver does; with 0 it sleeps until one comes."""

    def __init__(self, build, mode="bounce", heap_buffers=2, coalesce_us=200):
        self.folder, self.mode = Path(build) / "bench", mode
        self.heap_buffers, self.coalesce_us = heap_buffers, coalesce_us
        self.name = f"limit {mode}" if coalesce_us else f"limit {mode} woken"

    def send(self, port, shape, heaps, rate=0, verify=False):
        # The loop sends from the memory of four heaps of 4 MiB in every case, also where the heaps are few and small.
        return [
            self.folder / "limit-send", port, "--packet", shape.packet_bytes,
            "--bytes", heaps * shape.heap_bytes, "--seconds", 60,
        ]  # fmt: skip

    def read_send(self, out, shape, heaps):
        report = last_json(out)
        return report["seconds"], report["payload_bytes"]

    def recv(self, port, shape, socket_bytes, verify=False):
        return [
            self.folder / "limit-recv", port, "--mode", self.mode, "--packet", shape.packet_bytes,
            "--heap-size", shape.heap_bytes, "--buffers", self.heap_buffers,
            "--buffer", socket_bytes, "--coalesce", self.coalesce_us,
        ]  # fmt: skip

    def read_recv(self, out, shape):
        report = last_json(out)
        # The loop counts the stop heap as a heap, so the number of heaps is computed from the payload.
        heaps = report["payload_bytes"] // shape.heap_bytes
        return heaps, {"messages": report["messages"], "packets": report["packets"]}


class LimitSender(Limit):
    """The plain raw loop: contiguous memory, no header, no copy."""

    def __init__(self, build):
        super().__init__(build)
        self.name = "limit"


class GatheredSender(Limit):
    """The gathered raw loop: it copies headers and payload into one buffer for each train. It sends packets of the size
    that our packets have, from memory of the size that our heaps in flight have."""

    FIXED_BYTES, POINTER_BYTES = 40, 8

    def __init__(self, build):
        super().__init__(build)
        self.name = "gathered limit"

    def send(self, port, shape, heaps, rate=0, verify=False):
        whole = self.FIXED_BYTES + self.POINTER_BYTES + shape.heap_bytes  # a heap that is one packet
        single = whole <= shape.packet_bytes
        return [
            self.folder / "limit-send", port, "--packet", whole if single else shape.packet_bytes,
            "--header", self.FIXED_BYTES + (self.POINTER_BYTES if single else 0),
            "--memory", shape.heap_bytes * shape.heaps_in_flight,
            "--bytes", heaps * shape.heap_bytes, "--seconds", 60,
        ]  # fmt: skip
