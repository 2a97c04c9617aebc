# SPDX-License-Identifier: Apache-2.0
"""Items with descriptors, in both directions: each type, each flavour, and groups that follow many heaps.

Method: a table of cases has a type, a shape and values. spead2 sends them and our item group reads them with typed
access; then we send the same values and spead2's ItemGroup reads them. Both results are compared with numpy's values.
"""

import subprocess
import sys
import time
import unittest
from dataclasses import dataclass
from pathlib import Path

import numpy
import spead2
import spead2.recv
import spead2.send
from peers import Program, free_port, packets_of, program, run, stop_heap, wait_for_port  # noqa: F401

EXAMPLES = Path(__file__).parents[2] / "docs" / "examples" / "items"


@dataclass
class Case:
    name: str
    value: object  # what numpy or Python has
    dtype: object = None  # one of the two styles
    format: object = None
    shape: tuple = ()
    order: str = "C"

    def item(self, id):
        if self.dtype is None:
            return spead2.Item(id, self.name, "", self.shape, format=self.format, value=self.value)
        array = numpy.array(self.value, self.dtype).reshape(self.shape)
        return spead2.Item(id, self.name, "", self.shape, self.dtype, self.order, value=array)

    def expected(self):
        """The value as spead2's ItemGroup should have it."""
        return self.value if self.dtype is None else numpy.array(self.value, self.dtype).reshape(self.shape)


def numbers(dtype):
    kind = numpy.dtype(dtype)
    if kind.kind in "iu":
        limits = numpy.iinfo(kind)
        return [limits.min, 0, 1, 5, limits.max, 2]
    if kind.kind == "c":
        return [0, 1 - 2j, 1.5j, -0.25, complex(numpy.inf, -numpy.inf), 3]
    return [0, -1.5, 0.25, numpy.inf, -numpy.inf, 3]


PLAIN = [order + type for order in "<>" for type in
         ("i2", "i4", "i8", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")] + ["|i1", "|u1"]
RECORD = [("time", "<u8"), ("power", ">f4", (2,)), ("inner", [("a", "|i1"), ("b", "<i2")]), ("flag", "?")]

CASES = (
    [Case(f"scalar {t[1:]}{'be' if t[0] == '>' else 'le'}", numbers(t)[3], t) for t in PLAIN]
    + [Case(f"array {t[1:]}{'be' if t[0] == '>' else 'le'}", numbers(t), t, shape=(2, 3)) for t in PLAIN]
    + [
        Case("fortran", range(24), "<i4", shape=(2, 3, 4), order="F"),
        Case("truths", [True, False, True], "?", shape=(3,)),
        Case("bytes", [b"ab", b"cdefg"], "S5", shape=(2,)),
        Case("unicode", ["xyz", "\u00e9"], "<U3", shape=(2,)),
        Case("unicode big-endian", "ab", ">U3"),
        Case("opaque", numpy.array([b"abc", b"\0\1\2"], "V3"), "V3", shape=(2,)),
        Case("long double", [1.5, -2], numpy.longdouble, shape=(2,)),
        Case("record", [(1 << 60, (1.5, -2), (-3, 400), True), (7, (0, 1), (5, -6), False)], RECORD, shape=(2,)),
        Case("one record", (1, (2, 3), (4, 5), True), RECORD),
        Case("text", "hello", format=[("c", 8)], shape=(None,)),
        Case("text of fixed length", "hello", format=[("c", 8)], shape=(5,)),
        Case("u12", [1, 2, 4095, 0, 17], format=[("u", 12)], shape=(5,)),
        Case("i12", [-2048, 2047, -1], format=[("i", 12)], shape=(None,)),
        Case("u48", 0x123456789ABC, format=[("u", 48)]),
        Case("i24", 5, format=[("i", 24)]),  # spead2 4.5.1 with numpy 2 cannot send a negative one
        Case("u1", [1, 0, 1, 1, 0, 0, 0, 1, 1], format=[("u", 1)], shape=(9,)),
        Case("b1", [True, False, True], format=[("b", 1)], shape=(3,)),
        Case("matrix of i7", [[-64, 63, 1], [-1, 0, 2]], format=[("i", 7)], shape=(None, 3)),
        Case("f32", [1.5, -0.25], format=[("f", 32)], shape=(2,)),
        Case("f64", -1.25, format=[("f", 64)]),
        Case("packed record", [(True, -3, "z", 1.5), (False, 63, "a", -2.0)],
             format=[("b", 1), ("i", 7), ("c", 8), ("f", 32)], shape=(2,)),
        Case("odd record", [(5, -3), (6, 3)], format=[("u", 5), ("i", 6)], shape=(None,)),
    ]
)
MANY = [Case(f"many {i}", range(i, i + 3), "<i4", shape=(3,)) for i in range(50)]


def few(bits):
    """The cases that fit a flavour: a heap of SPEAD-64-8 has 255 bytes."""
    if bits == 8:
        return [Case("u8", 200, format=[("u", 8)])]
    return CASES[:3] + [c for c in CASES if c.name in ("record", "text", "i12", "packed record", "fortran")]


def first_id(bits):
    return 0x20 if bits in (8, 56) else 0x1000  # 8 bits hold no larger value, and 64 - 56 no larger identifier


# ---- What our item group reads ----------------------------------------------------------------------


def fields_of(case):
    """The values of each field as interop-items-dump should print them: a list for each field, in C order."""
    if case.dtype is None:
        return format_fields(case)
    return [value for array in leaves(case.expected()) for value in [plain(array)]]


def leaves(array):
    """The arrays of the innermost fields of a record array; numpy appends the dimensions of a field."""
    if array.dtype.names is None:
        return [array]
    return [leaf for name in array.dtype.names for leaf in leaves(array[name])]


def plain(array):
    """The values of an array in C order, as JSON has them."""
    array = numpy.asarray(array)
    kind = array.dtype.kind
    if kind in "SUV" or array.dtype.itemsize > 8 and kind == "f":
        raw = numpy.ascontiguousarray(array).tobytes()
        size = array.dtype.itemsize
        return [raw[i : i + size].hex() for i in range(0, len(raw), size)]
    if kind == "c":
        return [[v.real, v.imag] for v in array.astype(complex).ravel().tolist()]
    return array.ravel().tolist()


def format_fields(case):
    values = [case.value] if case.shape == () else case.value
    if case.format == [("c", 8)]:
        return [[f"{ord(c):02x}" for c in case.value]]
    if len(case.format) == 1:
        return [numpy.array(values).ravel().tolist()]
    columns = [list(column) for column in zip(*values)]
    return [[f"{ord(c):02x}" for c in column] if kind == "c" else column
            for (kind, _), column in zip(case.format, columns)]


# ---- What we send -----------------------------------------------------------------------------------


def letter_of(kind, letter_bits=0):
    return {"i": "i", "u": "u", "f": "f", "c": "z", "b": "b"}[kind]


def number_text(value):
    return str(int(value)) if isinstance(value, (bool, numpy.bool_)) else repr(value)


def field_text(kind, values):
    if values and isinstance(values[0], str):
        return "x" + "".join(values)
    if values and isinstance(values[0], list):
        return "z" + ",".join(number_text(part) for value in values for part in value)
    return kind + ",".join(number_text(value) for value in values)


def item_text(case, id):
    """An ITEM of interop-items-send."""
    if case.dtype is None:
        type = " ".join(f"{kind}{bits}" for kind, bits in case.format)
        kinds = ["x" if kind == "c" else kind for kind, _ in case.format]
        style = "format"
    else:
        dtype = numpy.dtype(case.dtype)
        type = dtype.str if dtype.names is None else repr(dtype.descr).replace(" ", "")
        kinds = [letter_of(leaf.dtype.kind) if leaf.dtype.kind not in "SUV" else "x"
                 for leaf in leaves(case.expected())]
        style = "fortran" if case.order == "F" else "dtype"
    shape = ",".join("?" if length is None else str(length) for length in case.shape)
    fields = [field_text(kind, values) for kind, values in zip(kinds, fields_of(case))]
    return ":".join([hex(id), case.name, style, type, shape, *fields])


# ---- The tests --------------------------------------------------------------------------------------


def send_and_wait(endpoints, packet_bytes, heaps, rate=4e6):
    """Sends heaps and stop heaps with spead2, and ends its stream before its threads: its sender with a rate can hang
    at the exit of the interpreter otherwise."""
    pool = spead2.ThreadPool()
    config = spead2.send.StreamConfig(max_packet_size=packet_bytes, rate=rate, burst_size=2000)
    stream = spead2.send.UdpStream(pool, endpoints, config)
    for i, heap in enumerate(heaps):
        stream.send_heap(heap, substream_index=i % len(endpoints))
    for i in range(len(endpoints)):
        stream.send_heap(stop_heap(40), substream_index=i)
    time.sleep(0.5)
    del stream
    del pool


class TheirReceiver:
    """An ItemGroup of spead2 on a port of its own, which has room for all heaps."""

    def __init__(self, heaps=64):
        self.port = free_port()
        self.pool = spead2.ThreadPool()
        self.stream = spead2.recv.Stream(self.pool, spead2.recv.StreamConfig(),
                                         spead2.recv.RingStreamConfig(heaps=heaps))
        self.stream.add_udp_reader(self.port, bind_hostname="127.0.0.1")
        self.endpoint = f"127.0.0.1:{self.port}"


def characters_as_bytes(value):
    """The value as spead2 reads it: a character in a record is bytes."""
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return [tuple(v.encode() if isinstance(v, str) else v for v in element) for element in value]
    return value


class Items(unittest.TestCase):
    def assert_value(self, case, value, story):
        expected = case.expected()
        if case.dtype is None:
            got = value.tolist() if isinstance(value, numpy.ndarray) else value
            self.assertEqual(got, characters_as_bytes(expected), f"{case.name}\n{story}")
            return
        got = numpy.asarray(value)  # spead2 gives scalars the type of Python, or the byte order of the machine
        self.assertEqual(got.dtype.kind, expected.dtype.kind, case.name)
        if case.shape:
            self.assertEqual(got.dtype.newbyteorder("="), expected.dtype.newbyteorder("="), case.name)
        numpy.testing.assert_array_equal(got, expected, f"{case.name}\n{story}")

    def ours_reads(self, bits, cases, packet=1472):
        """spead2 sends a heap of the cases, and our group reads it."""
        port = free_port()
        heap = spead2.send.Heap(spead2.Flavour(4, 64, bits, 0))
        items = [case.item(first_id(bits) + i) for i, case in enumerate(cases)]
        for item in items:
            heap.add_descriptor(item)
        for item in items:
            heap.add_item(item)
        with Program("tests/interop-items-dump", f"127.0.0.1:{port}", port=port) as ours:
            send_and_wait([("127.0.0.1", port)], packet, [heap])
        self.assertEqual(ours.status, 0, ours.story())
        (told,) = ours.lines()
        self.assertEqual(told["refused"], [], ours.story())
        got = {item["name"]: item for item in told["items"]}
        self.assertEqual(set(got), {case.name for case in cases}, ours.story())
        for case in cases:
            item = got[case.name]
            if case.dtype is numpy.longdouble:  # the padding of its bytes is not defined
                self.assertEqual([v[:20] for v in item["fields"][0]], [v[:20] for v in fields_of(case)[0]])
                continue
            self.assertEqual(item["fields"], fields_of(case), case.name)
            if case.shape and None not in case.shape:
                self.assertEqual(tuple(item["shape"]), case.shape, case.name)

    def theirs_reads(self, bits, cases):
        """We send a heap of the cases, and spead2's group reads it."""
        theirs = TheirReceiver()
        texts = [item_text(case, first_id(bits) + i) for i, case in enumerate(cases)]
        ours = run("tests/interop-items-send", theirs.endpoint, bits, *texts)
        self.assertEqual(ours.status, 0, ours.story())
        group = spead2.ItemGroup()
        heaps = list(theirs.stream)
        self.assertEqual(len(heaps), 1, ours.story())
        self.assertEqual(heaps[0].flavour.heap_address_bits, bits)
        group.update(heaps[0])
        self.assertEqual(set(group.keys()), {case.name for case in cases})
        for case in cases:
            self.assert_value(case, group[case.name].value, ours.story())

    def test_every_type_of_spead2_arrives(self):
        for bits in (40, 48):
            self.ours_reads(bits, CASES)

    def test_every_type_of_ours_arrives_there(self):
        for bits in (40, 48):
            self.theirs_reads(bits, CASES)

    def test_every_flavour_in_both_directions(self):
        for bits in range(8, 57, 8):
            self.ours_reads(bits, few(bits))
            self.theirs_reads(bits, few(bits))

    def test_fifty_items_whose_pointers_spill_over_packets(self):
        self.ours_reads(48, MANY, packet=200)
        self.theirs_reads(48, MANY)

    def test_a_group_follows_a_thousand_heaps_of_spead2(self):
        flavour, port, heaps = spead2.Flavour(4, 64, 48, 0), free_port(), []
        group = spead2.send.ItemGroup()
        generator = spead2.send.HeapGenerator(group, flavour=flavour)
        group.add_item(0x1001, "varies", "", (None,), format=[("i", 12)], value=[0])
        group.add_item(0x1002, "count", "", (), format=[("u", 32)])
        for k in range(1, 1001):
            values = numpy.arange(k, k + 1 + k % 17, dtype=numpy.uint16)
            if k == 1 or k % 17 != (k - 1) % 17:
                group.add_item(0x1000, "grows", "", values.shape, numpy.uint16)
            group["grows"].value = values
            group["varies"].value = [-k - i for i in range(k % 5 + 1)]
            if k % 10 == 0:
                group["count"].value = k
            heaps.append(generator.get_heap())
        with Program("tests/interop-items-dump", f"127.0.0.1:{port}", port=port) as ours:
            send_and_wait([("127.0.0.1", port)], 1472, heaps, rate=1e6)
        self.assertEqual(ours.status, 0, ours.story())
        told = ours.lines()
        self.assertEqual(len(told), 1000, ours.err)
        for k, line in enumerate(told, 1):
            got = {item["name"]: item["fields"][0] for item in line["items"]}
            expected = {"grows": list(range(k, k + 1 + k % 17)), "varies": [-k - i for i in range(k % 5 + 1)]}
            if k % 10 == 0:
                expected["count"] = [k]
            self.assertEqual((got, line["refused"]), (expected, []), f"heap {k}")

    def test_it_reads_what_our_items_send(self):
        theirs = TheirReceiver(heaps=1100)
        ours = run("tests/interop-items-send", theirs.endpoint, 48, "--heaps", 1000)
        self.assertEqual(ours.status, 0, ours.story())
        group, k = spead2.ItemGroup(), 0
        for k, heap in enumerate(theirs.stream, 1):
            updated = group.update(heap)
            self.assertEqual(set(updated), {"grows", "varies"} | ({"count"} if k % 10 == 0 else set()), f"heap {k}")
            self.assertEqual(group["grows"].value.tolist(), list(range(k, k + 1 + k % 17)))
            self.assertEqual(list(group["varies"].value), [-k - i for i in range(k % 5 + 1)])
        self.assertEqual(k, 1000, ours.story())
        self.assertEqual(int(group["count"].value), 1000)

    def test_the_programs_of_the_page(self):
        port = free_port()
        theirs = subprocess.Popen([sys.executable, EXAMPLES / "receive_items.py", str(port)],
                                  stdout=subprocess.PIPE, text=True)
        self.addCleanup(theirs.kill)
        wait_for_port(port, theirs)
        ours = run("tests/example-send_items", f"127.0.0.1:{port}")
        out, _ = theirs.communicate(timeout=30)
        sums = [f"1000 samples, sum {499500 + 1000 * i}" for i in range(5)]
        self.assertEqual(out.splitlines(), sums, ours.story())
        group = spead2.send.ItemGroup()
        group.add_item(0x3300, "samples", "", (100,), numpy.int16, value=numpy.arange(100, dtype=numpy.int16))
        heap = spead2.send.HeapGenerator(group, flavour=spead2.Flavour(4, 64, 40, 0)).get_heap()
        with Program("tests/example-receive_items", f"127.0.0.1:{port}", port=port) as ours:
            send_and_wait([("127.0.0.1", port)], 1472, [heap])
        self.assertEqual(ours.out, "100 samples, sum 4950\n", ours.story())

    def test_its_receiving_program_shows_what_our_sending_program_describes(self):
        port = free_port()
        theirs = subprocess.Popen([sys.executable, Path(sys.executable).parent / "spead2_recv.py",
                                   f"127.0.0.1:{port}", "--descriptors", "--values"],
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(theirs.kill)
        wait_for_port(port, theirs)
        ours = run("tools/spead-send", f"127.0.0.1:{port}", "--heap-size", 16, "--heaps", 3, "--rate", "0.1",
                   "--descriptors", 2, "--dtype", ">u2", "--verify")
        out, _ = theirs.communicate(timeout=30)
        self.assertEqual(out.count("Descriptor for item0 (0x1000)"), 2, f"{out}\n{ours.story()}")
        self.assertEqual(out.count("\nitem0 = ["), 3, out)
        self.assertIn("item0 = [40503 31161 57725  1452", out)

    def test_our_receiving_program_shows_what_its_sending_program_describes(self):
        port = free_port()
        with Program("tools/spead-recv", f"127.0.0.1:{port}", "--descriptors", "--values", port=port) as ours:
            subprocess.run([Path(sys.executable).parent / "spead2_send.py", f"127.0.0.1:{port}", "--heaps", "2",
                            "--heap-size", "64", "--items", "2"], check=True, capture_output=True, timeout=60)
        self.assertEqual(ours.status, 0, ours.story())
        self.assertEqual(ours.out.count("descriptor 0x1000 Test item 0 <c8 [4]: A test item"), 1, ours.story())
        self.assertEqual(ours.out.count("0x1001 Test item 1 <c8 [4] = [[0 0] [0 0] [0 0] [0 0]]"), 2, ours.story())
