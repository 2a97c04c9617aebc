# SPDX-License-Identifier: Apache-2.0
"""Tests of docs/from-spead2.md: each sends the same packets to spead2 and to spead-recv and compares what both deliver.

This file makes the packets itself, because most of them come from no sender. If a test needs only one sender, spead2
reads the packets from memory, otherwise from sockets."""

import json
import os
import re
import signal
import socket
import struct
import tempfile
import time
import unittest
from pathlib import Path

import spead2
import spead2.recv
from peers import STOP_S, Program, free_port, wait_until_read

BITS = 40
START, STOP = 0, 2
A, B = b"A" * 16, b"B" * 16


def immediate(id, value, bits=BITS):
    return 1 << 63 | id << bits | value


def packet(counter, length, offset, payload, *items, bits=BITS):
    """A SPEAD packet. If `length` is None, the packet declares no heap length."""
    fields = [(1, counter), (2, length), (3, offset), (4, len(payload))]
    pointers = [immediate(id, value, bits) for id, value in fields if value is not None] + list(items)
    header = 0x5304 << 48 | (8 - bits // 8) << 40 | bits // 8 << 32 | len(pointers)
    return struct.pack(f">{1 + len(pointers)}Q", header, *pointers) + payload


def control(counter, value):
    return packet(counter, 1, 0, b"\0", immediate(6, value))


def item_0x1000():
    """The pointer of an addressed item at the start of the payload."""
    return 0x1000 << BITS


def whole(counter, payload=A):
    return packet(counter, len(payload), 0, payload, item_0x1000())


def halves(counter, first=A, second=A):
    return [packet(counter, 32, 0, first, item_0x1000()), packet(counter, 32, 16, second)]


class Theirs:
    """What spead2 delivers: the counters in order, the items and the payloads. `whole` has the complete heaps."""

    def __init__(self, heaps, stats):
        self.counters = [heap.cnt for heap in heaps]
        self.whole = [heap.cnt for heap in heaps if isinstance(heap, spead2.recv.Heap)]
        self.items = [
            {i.id: i.immediate_value if i.is_immediate else bytes(i) for i in heap.get_items()}
            for heap in heaps
        ]
        self.payloads = [items.get(0x1000) for items in self.items]
        self.stats = dict(stats.items())


def their_stream(**config):
    ring = spead2.recv.RingStreamConfig(heaps=64, contiguous_only=False)
    return spead2.recv.Stream(spead2.ThreadPool(), spead2.recv.StreamConfig(**config), ring)


def theirs(packets, **config):
    stream = their_stream(**config)
    stream.add_buffer_reader(b"".join(packets))
    return Theirs(list(stream), stream.stats)


def send_from(sockets, ports, packets):
    """Sends the packets. Each is (index of a socket in `sockets`, index of a port in `ports`, bytes)."""
    for sender, endpoint, data in packets:
        sockets[sender].sendto(data, ("127.0.0.1", ports[endpoint]))


def senders(count):
    found = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(count)]
    for one in found:
        one.bind(("127.0.0.1", 0))
    return found


def theirs_from(packets, endpoints=1, **config):
    """Does the same as theirs(), over sockets. One of the packets must be a stop heap. spead2 reads several sockets in
    any order. So the last packet is sent only when spead2 has read all others."""
    stream = their_stream(**config)
    ports = []
    for _ in range(endpoints):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind(("127.0.0.1", 0))
        ports.append(one.getsockname()[1])
        stream.add_udp_reader(one, 9200)
        one.close()  # spead2 has a copy of its own
    sources = senders(1 + max(sender for sender, _, _ in packets))
    send_from(sources, ports, packets[:-1])
    deadline = time.monotonic() + STOP_S
    while stream.stats["packets"] < len(packets) - 1 and time.monotonic() < deadline:
        time.sleep(0.005)
    send_from(sources, ports, packets[-1:])
    heaps = list(stream)
    for one in sources:
        one.close()
    return Theirs(heaps, stream.stats)


def wait_for_start(process, index):
    """Waits until the program has made its index and catches SIGINT, or has ended."""
    deadline = time.monotonic() + STOP_S
    while time.monotonic() < deadline and process.poll() is None:
        caught = re.search(r"SigCgt:\s*(\w+)", Path(f"/proc/{process.pid}/status").read_text())
        if index.exists() and caught and int(caught[1], 16) >> signal.SIGINT - 1 & 1:
            return
        time.sleep(0.005)


class Ours:
    """What spead-recv delivers: the lines of its index, the payloads, and the buckets that are not empty."""

    def __init__(self, packets, *options, endpoints=1, interrupt=True):
        with tempfile.TemporaryDirectory() as folder:
            output = Path(folder) / "heaps"
            ports = [free_port() for _ in range(endpoints)]
            places = [f"127.0.0.1:{port}" for port in ports]
            files = ["--json", "--ring-heaps", 64, "--max-heap-size", "1M", "--output", output]
            with Program("tools/spead-recv", *places, *files, *options, port=ports[-1]) as program:
                wait_for_start(program.process, Path(f"{output}.jsonl"))
                sources = senders(1 + max(sender for sender, _, _ in packets))
                # the program reads only when all packets wait in its socket, so it sees no pause between them
                program.process.send_signal(signal.SIGSTOP)
                os.waitid(os.P_PID, program.process.pid, os.WSTOPPED)
                send_from(sources, ports, packets)
                program.process.send_signal(signal.SIGCONT)
                if interrupt:
                    # after the signal the program reads for a tenth of a second only
                    wait_until_read(ports, program.process)
                    program.process.send_signal(signal.SIGINT)
            for one in sources:
                one.close()
            self.story = program.story()
            self.status = program.status
            self.index = [json.loads(line) for line in Path(f"{output}.jsonl").read_text().splitlines()]
            contents = output.read_bytes()
        self.counters = [int(line["counter"]) for line in self.index]
        self.whole = [int(line["counter"]) for line in self.index if line["complete"]]
        self.payloads = [contents[line["offset"]:][:line["bytes"]] for line in self.index]
        ledger = program.lines()[-1]["ledger"]
        self.buckets = {name: count["packets"] for name, count in ledger["buckets"].items() if count["packets"]}


def ours(packets, *options):
    return Ours([(0, 0, data) for data in packets], *options)


class Differences(unittest.TestCase):
    maxDiff = None

    # ---- Counters ----------------------------------------------------------------------------------

    def test_a_heap_of_one_packet_looks_up_its_counter(self):
        packets = [whole(1)] * 2
        self.assertEqual(theirs(packets).counters, [1, 1])
        got = ours(packets)
        self.assertEqual((got.counters, got.buckets), ([1], {"delivered": 1, "duplicate": 1}), got.story)

    def test_a_loop_of_few_heaps_is_taken_for_copies(self):
        packets = [whole(counter) for counter in (1, 2, 3)] * 3
        self.assertEqual(theirs(packets).counters, [1, 2, 3] * 3)
        got = ours(packets)
        self.assertEqual(got.counters, [1, 2, 3], got.story)
        self.assertEqual(got.buckets["delivered"], 3, got.story)
        started = [control(100 + k, START) if k % 4 == 3 else whole(k % 4 + 1) for k in range(11)]
        self.assertEqual(ours(started).counters, [1, 2, 3] * 3)

    def test_a_loop_of_more_heaps_than_are_remembered_arrives(self):
        packets = [whole(counter) for counter in range(17)] * 2
        got = ours(packets)
        self.assertEqual(got.counters, list(range(17)) * 2, got.story)

    def test_a_late_packet_does_not_open_its_heap_again(self):
        packets = [packet(counter, 32, 0, A, item_0x1000()) for counter in range(1, 6)] + halves(1, B, B)
        got = theirs(packets)
        self.assertIn((1, B + B), list(zip(got.counters, got.payloads)))
        got = ours(packets)
        self.assertEqual(got.whole, [], got.story)
        self.assertEqual(got.buckets["late"], 2, got.story)

    # ---- Packets that contradict their heap ----------------------------------------------------------

    def test_a_packet_that_overlaps_ends_its_heap(self):
        packets = [packet(1, 48, 0, A, item_0x1000()), packet(1, 48, 8, B), packet(1, 48, 16, A),
                   packet(1, 48, 32, A)]
        for in_any_order in (False, True):
            self.assertEqual(theirs(packets, allow_out_of_order=in_any_order).payloads, [A + A + A])
            got = ours(packets, *["--out-of-order"] * in_any_order)
            self.assertEqual(got.counters, [], got.story)
            self.assertEqual((got.buckets["overlap"], got.buckets["evicted"]), (1, 1), got.story)

    def test_another_length_or_flavour_ends_the_heap(self):
        for other, bucket in ((packet(1, 64, 16, B), "malformed-heap-length"),
                              (packet(1, 32, 16, B, bits=48), "foreign-flavour")):
            first, last = halves(1)
            self.assertEqual(theirs([first, other, last]).payloads, [A + A])
            got = ours([first, other, last])
            self.assertEqual(got.counters, [], got.story)
            self.assertEqual((got.buckets[bucket], got.buckets["evicted"]), (1, 1), got.story)

    def test_another_value_of_an_item_ends_the_heap(self):
        packets = [packet(1, 32, 0, A, item_0x1000(), immediate(0x1600, 5)),
                   packet(1, 32, 16, B, immediate(0x1600, 6))]
        self.assertEqual(theirs(packets).payloads, [A + B])
        got = ours(packets)
        self.assertEqual((got.counters, got.buckets), ([], {"evicted": 1, "repeated-counter": 1}), got.story)

    def test_a_packet_beyond_a_known_length_ends_the_heap(self):
        packets = [packet(1, 32, 0, A, item_0x1000()), packet(1, None, 16, B + B)]
        self.assertEqual(theirs(packets).payloads, [A + B + B])
        got = ours(packets)
        self.assertEqual(got.counters, [], got.story)
        self.assertEqual(got.buckets["malformed-beyond-heap"], 1, got.story)

    def test_a_packet_without_payload_brings_its_items(self):
        first, last = halves(1)
        inside = packet(1, 32, 8, b"", immediate(0x1001, 7))
        self.assertNotIn(0x1001, theirs([first, inside, last], allow_out_of_order=True).items[0])
        got = ours([first, inside, last], "--out-of-order")
        self.assertIn({"id": "0x1001", "value": 7}, got.index[0]["items"], got.story)
        got = ours([first, inside, last])
        self.assertEqual((got.whole, got.buckets["duplicate"]), ([1], 1), got.story)
        edge = packet(1, 32, 16, b"", immediate(0x1001, 7))
        self.assertIn(0x1001, theirs([first, edge, last]).items[0])
        self.assertIn({"id": "0x1001", "value": 7}, ours([first, edge, last]).index[0]["items"])

    # ---- Whose heap it is ------------------------------------------------------------------------------

    def test_senders_are_apart(self):
        mixed = [(0, 0, halves(3)[0]), (1, 0, halves(3, B, B)[1]), (0, 0, control(9, STOP))]
        self.assertEqual(theirs_from(mixed).payloads, [A + B])
        got = Ours(mixed)
        self.assertEqual(got.counters, [], got.story)
        joined = Ours(mixed, "--sender-key", "none", interrupt=False)
        self.assertEqual(joined.payloads, [A + B], joined.story)

    def test_endpoints_are_apart(self):
        mixed = [(0, 0, halves(3)[0]), (0, 1, halves(3)[1])]
        stopped = theirs_from(mixed + [(0, 0, control(9, STOP))], 2, allow_out_of_order=True)
        self.assertEqual(stopped.payloads, [A + A])
        got = Ours(mixed, endpoints=2)
        self.assertEqual(got.counters, [], got.story)
        joined = Ours(mixed, "--joint", "--out-of-order", endpoints=2)
        self.assertEqual(joined.payloads, [A + A], joined.story)

    def test_a_stop_heap_ends_its_sender_only(self):
        packets = [(0, 0, whole(1)), (1, 0, whole(1, B)), (0, 0, control(2, STOP)), (1, 0, whole(2, B))]
        self.assertEqual(theirs_from(packets).payloads, [A, B])
        got = Ours(packets + [(1, 0, control(3, STOP))], interrupt=False)
        self.assertEqual((got.payloads, got.buckets), ([A, B, B], {"delivered": 3, "control": 2}), got.story)

    # ---- Control heaps and the end ------------------------------------------------------------------------

    def test_start_and_stop_heaps_are_not_handed_over(self):
        packets = [control(1, START), whole(2), control(3, STOP), whole(4)]
        self.assertEqual(theirs(packets, stop_on_stop_item=False).counters, [1, 2, 3, 4])
        self.assertEqual(theirs(packets).counters, [1, 2])
        got = ours(packets, "--no-stop-item")
        self.assertEqual((got.counters, got.buckets), ([2, 4], {"delivered": 2, "control": 2}), got.story)

    def test_at_the_end_heaps_are_flushed_in_the_order_in_which_they_began(self):
        packets = [packet(counter, 32, 0, A, item_0x1000()) for counter in (6, 5, 4, 3, 2, 1)]
        self.assertEqual(theirs(packets, substreams=3).counters, [6, 3, 4, 1, 5, 2])
        got = ours(packets, "--substreams", 3, "--incomplete")
        self.assertEqual(got.counters, [6, 5, 4, 3, 2, 1], got.story)


if __name__ == "__main__":
    unittest.main()
