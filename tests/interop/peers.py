# SPDX-License-Identifier: Apache-2.0
"""The two ends of an interop test: spead2 runs in this process, our programs run as processes of their own."""

import json
import os
import socket
import subprocess
import time
from pathlib import Path

import numpy
import spead2
import spead2.recv
import spead2.send

RATE = 20e6  # bytes per second; slow enough that nothing is lost, also under the sanitizers
STOP_S = 30  # a program that runs longer than this is killed, and the test fails


# ---- spead2 ----------------------------------------------------------------------------------------


def data_item(id, data):
    """An addressed item. It has a variable shape, because spead2 makes a short item of fixed shape immediate."""
    values = numpy.frombuffer(data, numpy.uint8)
    return spead2.Item(id, f"item_{id}", "", (None,), format=[("u", 8)], value=values)


def immediate_item(id, value, bits):
    return spead2.Item(id, f"item_{id}", "", (), format=[("u", bits)], value=value)


def make_heap(address_bits, items=(), descriptors=False):
    heap = spead2.send.Heap(spead2.Flavour(4, 64, address_bits, 0))
    for item in items:
        if descriptors:
            heap.add_descriptor(item)
        heap.add_item(item)
    return heap


def start_heap(address_bits):
    heap = make_heap(address_bits)
    heap.add_start()
    return heap


def stop_heap(address_bits):
    heap = make_heap(address_bits)
    heap.add_end()
    return heap


def packets_of(heap, packet_bytes, counter=1):
    """The bytes that spead2 sends for a heap: its packets, one directly after the other."""
    config = spead2.send.StreamConfig(max_packet_size=packet_bytes)
    stream = spead2.send.BytesStream(spead2.ThreadPool(), config)
    stream.send_heap(heap, cnt=counter)
    return stream.getvalue()


def send(endpoints, packet_bytes, heaps):
    """Sends each (heap, counter) of heaps, to the endpoints in turn, and then a stop heap to each endpoint."""
    config = spead2.send.StreamConfig(max_packet_size=packet_bytes, rate=RATE)
    stream = spead2.send.UdpStream(spead2.ThreadPool(), endpoints, config)
    for i, (heap, counter) in enumerate(heaps):
        stream.send_heap(heap, cnt=counter, substream_index=i % len(endpoints))
    for i in range(len(endpoints)):
        stream.send_heap(stop_heap(40), substream_index=i)


# A receiver that does not run for a while finds everything in its socket buffer: the longest test sends 33,000 small
# packets, and the kernel counts 768 bytes for each.
BUFFER = 64 << 20
SO_RCVBUFFORCE = 33  # the module socket does not have it


def set_buffer(receiving):
    try:
        receiving.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
    except PermissionError:
        receiving.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)


class Receiver:
    """A spead2 stream on a port of its own. Its heaps are read after the sender has ended."""

    def __init__(self, host="127.0.0.1"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        set_buffer(self.socket)
        self.socket.bind((host, 0))
        self.port = self.socket.getsockname()[1]
        self.endpoint = f"[{host}]:{self.port}" if ":" in host else f"{host}:{self.port}"
        ring = spead2.recv.RingStreamConfig(heaps=64, contiguous_only=False)
        self.stream = spead2.recv.Stream(spead2.ThreadPool(), spead2.recv.StreamConfig(), ring)
        self.stream.add_udp_reader(self.socket, 65507)

    def heaps(self):
        """All heaps until the stop item. If the stop item is lost, the time limit of the test ends this call."""
        return list(self.stream)


# ---- Our programs ----------------------------------------------------------------------------------


def program(name):
    """The path of a built program. The build folder is an argument of the test."""
    return Path(os.environ["SPEADLINE_BUILD"]) / name


given_ports = set()


def free_port(host="127.0.0.1"):
    """A port that no program has, and that this function has not returned before."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    while True:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((host, 0))
            port = probe.getsockname()[1]
        if port not in given_ports:
            given_ports.add(port)
            return port


def wait_until_read(ports, process):
    """Waits until nothing waits in the sockets of these ports, or until the process that reads them has ended."""
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline and process.poll() is None:
        rows = [line.split() for line in Path("/proc/net/udp").read_text().splitlines()[1:]]
        waiting = {int(row[1].split(":")[1], 16): int(row[4].split(":")[1], 16) for row in rows}
        if not any(waiting.get(port) for port in ports):
            return
        time.sleep(0.005)


def wait_for_port(port, process):
    """Waits until the UDP port is bound, or until the process that should bind it has ended."""
    wanted = f":{port:04X} "
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline and process.poll() is None:
        if any(wanted in Path(f"/proc/net/{udp}").read_text() for udp in ("udp", "udp6")):
            return
        time.sleep(0.01)


class Program:
    """A running program of ours. At the end of the with block it waits for the program, and kills it when it hangs."""

    def __init__(self, name, *arguments, port=None):
        command = [str(program(name)), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        if port is not None:
            wait_for_port(port, self.process)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        try:
            self.out, self.err = self.process.communicate(timeout=STOP_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.out, self.err = self.process.communicate()
            self.err += f"killed after {STOP_S} s"
        self.status = self.process.returncode

    def lines(self):
        """The JSON objects on its stdout, one for each line."""
        return [json.loads(line) for line in self.out.splitlines()]

    def story(self):
        return f"status {self.status}\n{self.out}\n{self.err}"


def run(name, *arguments):
    with Program(name, *arguments) as finished:
        pass
    return finished


# ---- The verify pattern (tools/verify_pattern.h) ---------------------------------------------------


def verify_pattern(counter, length):
    words = numpy.arange((length + 7) // 8, dtype=numpy.uint64)
    start = numpy.uint64(counter * 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF)
    x = start + words * numpy.uint64(0xD6E8FEB86659FD93)
    return (x ^ (x >> numpy.uint64(32))).astype(">u8").tobytes()[:length]


# ---- The pattern of spead2_send --verify (tools/spead2_pattern.h) ----------------------------------


def spead2_pattern(counter, length):
    modulus, factor = 2**31 - 1, 48271
    count = length // 4
    x = pow(factor, (counter - 1) * count + 1, modulus)
    values = []
    for _ in range(count):
        values.append(x)
        x = x * factor % modulus
    return numpy.array(values, dtype=">u4").tobytes()
