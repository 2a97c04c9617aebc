# SPDX-License-Identifier: Apache-2.0
"""Tests of our programs with spead2 at the other end.

Goal:   heaps of spead2 arrive at our programs byte for byte, our heaps arrive at spead2, and both make equal packets.
Method: the spead2 package from PyPI sends to our programs and receives from them over loopback, so slowly that nothing
        is lost. Any loss is a failure that prints our ledger. wire.py and the rule of the verify pattern say what a
        heap must contain; neither of the two implementations decides it.

usage: test_interop.py BUILD_FOLDER [CLASS[.TEST]...], with a Python that has spead2 (venv.sh makes one)
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

import described
import spead2
import tap
import wire
from differences import Differences  # noqa: F401 (unittest finds the class here)
from items import Items  # noqa: F401
from over_verbs import OverVerbs  # noqa: F401
from groups import Groups  # noqa: F401
from peer_words import Words  # noqa: F401
from peers import (
    BUFFER,
    Program,
    Receiver,
    data_item,
    free_port,
    immediate_item,
    make_heap,
    packets_of,
    run,
    send,
    spead2_pattern,
    start_heap,
    stop_heap,
    verify_pattern,
    wait_for_port,
)
from values import Values  # noqa: F401

ADDRESS_BITS = (40, 48)
PACKETS = (200, 1472, 8972, 9000)
HEAP_SIZES = (1, 1009, 1 << 20, 4 << 20)  # 1009 is prime
VECTORS = Path(__file__).parent.parent / "vectors"


def noise(length, seed):
    """Bytes that do not repeat at any distance near the size of a packet."""
    return verify_pattern(seed * 0x10001 + 5, length)


def payload(heap):
    """The payload of one heap of spead2, read by the protocol alone."""
    (read,) = wire.heaps(wire.split(packets_of(heap, 65504)))
    return bytes(read.payload)


class Vectors(unittest.TestCase):
    """tests/vectors/ holds what spead2 really sends."""

    def assert_same(self, name, *streams):
        sent = [packet for stream in streams for packet in wire.split(stream)]
        self.assertEqual(wire.read_vectors(VECTORS / f"{name}.hex"), sent, name)

    def test_heaps_without_data(self):
        self.assert_same("empty_heap", packets_of(make_heap(48), 1472))
        self.assert_same("start_heap", packets_of(start_heap(48), 1472))
        self.assert_same("stop_heap", packets_of(stop_heap(48), 1472))
        one = make_heap(48, [immediate_item(0x1000, 0x1234, 16)])
        self.assert_same("immediate_item", packets_of(one, 1472))

    def test_an_array_in_two_packets(self):
        heap = make_heap(48, [data_item(0x1000, bytes(range(20)))])
        self.assert_same("array_in_two_packets", packets_of(heap, 64))

    def test_repeated_pointers(self):
        array = data_item(0x1000, bytes(range(32)))
        heap = make_heap(48, [array, immediate_item(0x1001, 0x12345678, 32)])
        heap.repeat_pointers = True
        self.assert_same("repeat_pointers", packets_of(heap, 72))

    def test_pointers_that_spill(self):
        six = make_heap(48, [data_item(0x1000 + k, bytes([k] * 4)) for k in range(6)])
        self.assert_same("pointers_spill", packets_of(six, 72))
        twelve = make_heap(48, [immediate_item(0x1000 + k, 0x100 + k, 16) for k in range(12)])
        self.assert_same("pointers_spill_padded", packets_of(twelve, 88))

    def test_pointers_that_spill_before_short_data(self):
        # spead2 4.5.1 sends these 5 bytes at offset 3, behind padding, but its item pointer says offset 0. Its own
        # receiver reads 00 00 00 a0 a1. Our sender puts the bytes where the pointer says, so the payload differs and
        # the rest is equal.
        items = [immediate_item(0x1000 + k, 0x100 + k, 16) for k in range(4)]
        heap = make_heap(48, [*items, data_item(0x1004, bytes(range(0xA0, 0xA5)))])
        theirs = wire.split(packets_of(heap, 64))
        ours = wire.read_vectors(VECTORS / "pointers_spill_short_payload.hex")
        self.assertEqual([list(wire.pointers_of(p)) for p in ours],
                         [list(wire.pointers_of(p)) for p in theirs])
        self.assertEqual([len(p) for p in ours], [len(p) for p in theirs])

    def test_every_flavour(self):
        streams = []
        for bits in range(8, 57, 8):
            first = 0x20 if bits == 56 else 0x1000
            items = [data_item(first, bytes([1, 2, 3, 4])), immediate_item(first + 1, 0x7F, 8)]
            streams.append(packets_of(make_heap(bits, items), 1472))
        self.assert_same("flavours", *streams)

    def test_descriptors_and_their_items(self):
        self.assert_same("descriptors", *(described.packet_of(case) for case in described.CASES))


class FromSpead2(unittest.TestCase):
    """spead2 sends, we receive."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.output = Path(self.folder.name) / "heaps"

    def receive(self, endpoints, packet, heaps, *options):
        """Lets spead-recv write the heaps to a file. Compares the index and the file with the heaps that were sent."""
        places = [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in endpoints]
        files = ["--output", self.output, "--json", "--ring-heaps", 64, "--buffer", BUFFER]
        with Program("tools/spead-recv", *places, *files, *options, port=endpoints[-1][1]) as ours:
            send(endpoints, packet, heaps)
        self.assertEqual(ours.status, 0, ours.story())
        index = [json.loads(line) for line in Path(f"{self.output}.jsonl").read_text().splitlines()]
        contents = self.output.read_bytes()
        index.sort(key=lambda line: int(line["counter"]))  # two endpoints may finish in any order
        self.assertEqual([int(line["counter"]) for line in index], [c for _, c in heaps], ours.story())
        for line, (heap, counter) in zip(index, heaps):
            got = contents[line["offset"] : line["offset"] + line["bytes"]]
            self.assertTrue(got == payload(heap), f"heap {counter} differs\n{ours.story()}")
        self.assertEqual(sum(line["bytes"] for line in index), len(contents), ours.story())
        self.assertEqual(ours.lines()[-1]["heaps"], len(heaps), ours.story())

    def test_packet_and_heap_sizes_in_both_flavours(self):
        for bits in ADDRESS_BITS:
            for packet in PACKETS:
                heaps = [
                    (make_heap(bits, [data_item(0x1000, noise(size, i))]), 100 + i)
                    for i, size in enumerate(HEAP_SIZES)
                ]
                self.receive([("127.0.0.1", free_port())], packet, heaps)
                self.output.unlink()
                Path(f"{self.output}.jsonl").unlink()

    def test_a_heap_without_items_is_its_padding(self):
        heaps = [(make_heap(bits), 1 + i) for i, bits in enumerate(ADDRESS_BITS)]
        self.receive([("127.0.0.1", free_port())], 1472, heaps)

    def test_ipv6(self):
        heaps = [(make_heap(48, [data_item(0x1000, noise(1 << 20, i))]), i) for i in range(1, 4)]
        self.receive([("::1", free_port("::1"))], 1472, heaps)

    def test_two_endpoints_feed_the_substreams_of_one_stream(self):
        ports = [free_port(), free_port()]
        heaps = [(make_heap(40, [data_item(0x1000, noise(50000, i))]), i) for i in range(8)]
        self.receive([("127.0.0.1", port) for port in ports], 1472, heaps, "--substreams", 2,
                     "--no-stop-item", "--heaps", len(heaps))

    def test_placed_and_bounce_paths_and_each_engine(self):
        heaps = [(make_heap(48, [data_item(0x1000, noise(1 << 20, i))]), i) for i in range(1, 4)]
        for engine in engines():
            for path in ("placed", "bounce"):
                options = ["--engine", engine, "--receive-path", path]
                self.receive([("127.0.0.1", free_port())], 8972, heaps, *options)
                self.output.unlink()
                Path(f"{self.output}.jsonl").unlink()

    def test_items_immediate_and_addressed_with_their_descriptors(self):
        for bits in ADDRESS_BITS:
            items = [immediate_item(0x2000, 0xBEEF, 16), data_item(0x1000, noise(3001, 1)),
                     immediate_item(0x2001, 0x12345678, 32), data_item(0x1001, noise(1, 2)),
                     data_item(0x1002, noise(70000, 3))]
            for descriptors in (False, True):
                heap = make_heap(bits, items, descriptors)
                (wanted,) = wire.heaps(wire.split(packets_of(heap, 1472, counter=9)))
                port = free_port()
                with Program("tests/interop-heap-dump", f"127.0.0.1:{port}", port=port) as ours:
                    send([("127.0.0.1", port)], 1472, [(heap, 9)])
                self.assertEqual(ours.status, 0, ours.story())
                got, _ledger = ours.lines()
                values = [(id, v if isinstance(v, int) else bytes.fromhex(v)) for id, v in got["items"]]
                self.assertEqual(values, wire.items(wanted))
                self.assertEqual((got["counter"], got["address_bits"], got["length"], got["complete"]),
                                 (9, bits, wanted.length, True))

    def verify(self, heaps):
        """Lets spead-recv --verify check heaps of spead2. Returns its status and its object."""
        port = free_port()
        with Program("tools/spead-recv", f"127.0.0.1:{port}", "--verify", "--json", port=port) as ours:
            send([("127.0.0.1", port)], 1472, heaps)
        self.assertTrue(ours.out, ours.story())
        return ours.status, ours.lines()[-1], ours.story()

    def test_the_pattern_of_its_sending_program_is_checked(self):
        # As spead2_send does: the first heap begins with the descriptors, and the items are parts of one array.
        for items, bits in ((1, 40), (3, 48)):
            heaps = []
            for counter in range(1, 9):
                data = spead2_pattern(counter, 12000)
                parts = [data[i * 12000 // items : (i + 1) * 12000 // items] for i in range(items)]
                parts = [data_item(0x1000 + i, part) for i, part in enumerate(parts)]
                heap = make_heap(bits)
                for part in parts if counter == 1 else ():
                    heap.add_descriptor(part)
                for part in parts:
                    heap.add_item(part)
                heaps.append((heap, counter))
            status, told, story = self.verify(heaps)
            self.assertEqual((status, told["verify_bad_bytes"], told["verify_spead2_heaps"]), (0, 0, 8), story)
            self.assertIn("every byte is as it was sent, by the pattern of spead2", story)

    def test_a_wrong_byte_in_the_pattern_of_its_sending_program_is_found(self):
        data = bytearray(spead2_pattern(2, 12000))
        data[777] ^= 1
        heaps = [(make_heap(40, [data_item(0x1000, spead2_pattern(1, 12000))]), 1),
                 (make_heap(40, [data_item(0x1000, bytes(data))]), 2)]
        status, told, story = self.verify(heaps)
        self.assertEqual((status, told["verify_bad_bytes"], told["verify_spead2_heaps"]), (1, 1, 1), story)

    def test_the_pattern_of_its_compiled_sending_program_is_checked(self):
        port = free_port()
        with Program("tools/spead-recv", f"127.0.0.1:{port}", "--verify", "--json", port=port) as ours:
            subprocess.run([compiled("spead2_send"), f"127.0.0.1:{port}", "--verify", "--heaps", "20",
                            "--heap-size", "100000", "--items", "4", "--rate", "0.2"],
                           check=True, capture_output=True, timeout=60)
        told = ours.lines()[-1]
        self.assertEqual((ours.status, told["verify_spead2_heaps"]), (0, 20), ours.story())

    def test_its_own_sending_program(self):
        port = free_port()
        with Program("tools/spead-recv", f"127.0.0.1:{port}", "--json", port=port) as ours:
            subprocess.run([Path(sys.executable).parent / "spead2_send.py", f"127.0.0.1:{port}",
                            "--heaps", "20", "--heap-size", "100000", "--items", "4", "--rate", "0.2"],
                           check=True, capture_output=True, timeout=60)
        self.assertEqual((ours.status, ours.lines()[-1]["heaps"]), (0, 20), ours.story())


class ToSpead2(unittest.TestCase):
    """We send, spead2 receives."""

    def receive(self, receivers, size, heaps, *options):
        """Sends heaps to the receivers and compares every payload with the verify pattern. Returns the heap counters
        that each receiver got."""
        ours = run("tools/spead-send", *(r.endpoint for r in receivers), "--heap-size", size, "--heaps",
                   heaps, "--verify", "--rate", "0.3", "--json", *options)
        self.assertEqual(ours.status, 0, ours.story())
        counters = []
        for receiver in receivers:
            got = receiver.heaps()
            story = f"{ours.story()}\nspead2: {dict(receiver.stream.stats.items())}"
            for heap in got:
                self.assertIsInstance(heap, spead2.recv.Heap, story)
                data = b"".join(bytes(item) for item in sorted(heap.get_items(), key=lambda i: i.id))
                self.assertTrue(data == verify_pattern(heap.cnt, size), f"heap {heap.cnt}\n{story}")
            counters.append([heap.cnt for heap in got])
        self.assertEqual(sum(map(len, counters)), heaps, story)
        return counters

    def test_packet_and_heap_sizes_in_both_flavours(self):
        for bits in ADDRESS_BITS:
            for packet in PACKETS:
                for size in HEAP_SIZES:
                    got = self.receive([Receiver()], size, 2, "--packet", packet, "--addr-bits", bits)
                    self.assertEqual(got, [[1, 2]])

    def test_heaps_without_payload(self):
        self.assertEqual(self.receive([Receiver()], 0, 3), [[1, 2, 3]])

    def test_ipv6(self):
        self.assertEqual(self.receive([Receiver("::1")], 1 << 20, 3), [[1, 2, 3]])

    def test_several_items(self):
        self.receive([Receiver()], 100003, 3, "--items", 7)
        self.receive([Receiver()], 100003, 3, "--items", 1000)  # pointers spill over several packets

    def test_mixed_heaps(self):
        # A receiver of spead2 has four live heaps.
        self.receive([Receiver()], 16384, 40, "--mix-heaps", 4, "--max-heaps", 8)

    def test_packets_with_a_fixed_payload(self):
        self.receive([Receiver()], 100003, 3, "--packet-payload", 1024, "--items", 7)
        self.receive([Receiver()], 1, 3, "--packet-payload", 8)

    def test_several_destinations_take_heaps_in_turn(self):
        self.assertEqual(self.receive([Receiver(), Receiver()], 50000, 6), [[1, 3, 5], [2, 4, 6]])

    def test_each_engine(self):
        for engine in engines():
            self.receive([Receiver()], 1 << 20, 3, "--engine", engine, "--packet", 8972)

    def test_items_immediate_and_addressed(self):
        for bits in ADDRESS_BITS:
            receiver = Receiver()
            ours = run("tests/interop-heap-send", receiver.endpoint, bits, 200, "i:8192:48879",
                       "d:4096:3001", "i:8193:305419896", "d:4097:1", "d:4098:0", "d:4099:70000")
            self.assertEqual(ours.status, 0, ours.story())
            (heap,) = receiver.heaps()
            items = [(i.id, i.immediate_value if i.is_immediate else bytes(i)) for i in heap.get_items()]
            data = {id: bytes((id + 7 * k) % 256 for k in range(size))
                    for id, size in ((4096, 3001), (4097, 1), (4099, 70000))}
            self.assertEqual(dict(items), {8192: 48879, 8193: 305419896, **data})
            self.assertEqual(heap.flavour.heap_address_bits, bits)

    def test_the_pattern_of_its_sending_program(self):
        receiver = Receiver()
        ours = run("tools/spead-send", receiver.endpoint, "--verify", "--verify-pattern", "spead2",
                   "--heap-size", 12000, "--items", 3, "--heaps", 5, "--rate", "0.3")
        self.assertEqual(ours.status, 0, ours.story())
        for heap in receiver.heaps():
            data = b"".join(bytes(item) for item in sorted(heap.get_items(), key=lambda i: i.id))
            self.assertTrue(data == spead2_pattern(heap.cnt, 12000), f"heap {heap.cnt}")

    def test_its_compiled_receiving_program_verifies_our_heaps(self):
        for heap_size, verifies in ((100000, True), (100004, False)):
            port = free_port()
            theirs = subprocess.Popen([compiled("spead2_recv"), f"127.0.0.1:{port}", "--verify"],
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            self.addCleanup(theirs.kill)
            wait_for_port(port, theirs)
            # Without the pattern of spead2, spead2_recv must complain; so the test shows that it does check.
            pattern = ["--verify-pattern", "spead2"] if verifies else []
            ours = run("tools/spead-send", f"127.0.0.1:{port}", "--heap-size", heap_size, "--heaps", 20,
                       "--rate", "0.2", "--verify", *pattern)
            out, _ = theirs.communicate(timeout=60)
            self.assertEqual(theirs.returncode == 0, verifies, f"{out}\n{ours.story()}")

    def test_its_own_receiving_program(self):
        port = free_port()
        theirs = subprocess.Popen([sys.executable, Path(sys.executable).parent / "spead2_recv.py",
                                   f"127.0.0.1:{port}"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, text=True)
        self.addCleanup(theirs.kill)  # without the stop heap it would run for ever
        wait_for_port(port, theirs)
        ours = run("tools/spead-send", f"127.0.0.1:{port}", "--heap-size", "100000", "--heaps", 20,
                   "--rate", "0.2", "--json")
        out, _ = theirs.communicate(timeout=60)
        self.assertIn("\nheaps: 20\n", out, f"{out}\n{ours.story()}")


def compiled(name):
    """The path of a program that the wheel of spead2 does not have. Skips the test if it is not installed."""
    path = shutil.which(name)
    if path is None:
        raise unittest.SkipTest(f"{name} is not installed")
    return path


def engines():
    """The engines that spead-info calls usable over loopback. There is at least one: engine socket needs nothing."""
    told = run("tools/spead-info", "engines", "--json", "--interface", "lo")
    names = [e["name"] for e in json.loads(told.out)["engines"] if e["usable"] and e["endpoint"] == "udp"]
    assert names, told.story()
    for e in json.loads(told.out)["engines"]:
        if e["name"] not in names:
            print(f"# engine {e['name']} is left out: {e['reason']}")
    return names


if __name__ == "__main__":
    os.environ["SPEADLINE_BUILD"] = sys.argv[1]
    results = Path(sys.argv[1]) / "results"
    results.mkdir(exist_ok=True)
    sys.exit(tap.run(results / "interop.tap", sys.argv[2:]))
