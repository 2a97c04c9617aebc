# SPDX-License-Identifier: Apache-2.0
"""Tests of descriptors and values with spead2 at the other end.

Goal:   what spead2 describes and sends is read as the same numbers, and made again as the same bytes.
Method: spead2 makes heaps of each type that it has, in several shapes, flavours and orders, with random values. The
        program interop-value-relay reads them, prints the values and makes descriptor and item again.
"""

import json
import os
import random
import subprocess
import unittest

import described
import numpy
import spead2
import wire

FORMATS = ["u1", "u4", "u7", "u8", "u12", "u16", "u24", "u32", "u48", "u63", "u64", "i1", "i5", "i8", "i13", "i16",
           "i32", "i40", "i64", "b1", "b8", "f32", "f64", "c8"]
RECORDS = [("b1", "i7", "c8", "f32"), ("u12", "u12"), ("u3", "i61", "f64"), ("i24", "u8"), ("c8", "c8", "u16")]
DTYPES = ["?", "i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "u1", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8", "<f2",
          ">f2", "<f4", ">f4", "<f8", ">f8", "<f16", "<c8", ">c8", "<c16", ">c16", "S5", "<U3", ">U2", "V4",
          [("a", "<i2"), ("b", ">f4", (2, 3)), ("c", [("x", "|u1"), ("y", "<u2", (2,))], (2,))],
          [("it's", "S3"), ('say "x"', "<c8"), ("\\", "|V2")],
          numpy.dtype([("a", "u1"), ("b", "<f8"), ("c", "i1")], align=True)]
SHAPES = [(), (1,), (7,), (3, 5), (2, 1, 4), (0, 3)]


def random_number(field):
    kind, bits = field[0], int(field[1:])
    if kind == "u":
        return random.getrandbits(bits)
    if kind == "i":
        return random.getrandbits(bits) - (1 << bits - 1)
    if kind == "b":
        return random.random() < 0.5
    return numpy.float32(random.uniform(-9, 9)).item() if kind == "f" else random.choice(b"azAZ09 ~").to_bytes(1, "big")


def random_array(shape, fields):
    if shape:
        return [random_array(shape[1:], fields) for _ in range(shape[0])]
    values = tuple(random_number(field) for field in fields)
    return values if len(values) > 1 else values[0]


# No byte is the high byte of a NaN, which has several forms, or of an infinity, which JSON lacks.
BYTES = [byte for byte in range(256) if byte & 0x7C != 0x7C]


def random_values(dtype, shape):
    if dtype.kind == "U":
        return numpy.full(shape, "aé€"[: dtype.itemsize // 4], dtype=dtype)
    size = int(numpy.prod(shape)) * dtype.itemsize
    values = numpy.frombuffer(bytes(random.choices(BYTES, k=size)), dtype=dtype).reshape(shape)
    if dtype.kind == "b":
        return (values.view("u1") & 1).view("?")
    return values


def cases():
    """(heap-address bits, deviations, arguments of the item, value), see described.CASES"""
    for shape in SHAPES:
        for fields in [(f,) for f in FORMATS] + RECORDS:
            if 0 in shape:
                continue  # a list of Python cannot say the shape (0, 3)
            value = random_array(shape, fields)
            if fields == ("c8",) and len(shape) == 1:
                value = b"".join(value).decode()
            # Padding bits would be more elements of a variable dimension.
            whole = sum(int(field[1:]) for field in fields) % 8 == 0
            variable = (None, *shape[1:]) if shape and whole and random.random() < 0.5 else shape
            yield random.choice((40, 48)), random.choice((0, 7)), described.format(variable, *fields), value
        for dtype in map(numpy.dtype, DTYPES):
            value = random_values(dtype, shape)
            order = random.choice("CF") if len(shape) > 1 else "C"
            yield random.choice((40, 48)), random.choice((0, 7)), described.dtype(shape, dtype, order), value


def numbers(array):
    """The values of an array of plain numbers, as interop-value-relay prints them; None for other arrays."""
    if array.dtype.kind == "c":
        return [[v.real, v.imag] for v in array.ravel().tolist()]
    return array.ravel().tolist() if array.dtype.kind in "biuf" and array.dtype.itemsize <= 8 else None


class Values(unittest.TestCase):
    def test_heaps_of_every_type_are_read_and_made_again(self):
        random.seed(7)
        made = [(case, described.packet_of(case)) for case in cases()]
        program = os.path.join(os.environ["SPEADLINE_BUILD"], "tests", "interop-value-relay")
        lines = "".join(f"{case[1]} {packet.hex()}\n" for case, packet in made)
        told = subprocess.run([program], input=lines, capture_output=True, text=True, check=False)
        self.assertEqual(told.returncode, 0, told.stderr)
        answers = [json.loads(line) for line in told.stdout.splitlines()]
        self.assertEqual(len(answers), len(made))
        for (case, packet), answer in zip(made, answers):
            bits, _deviations, arguments, value = case
            (heap,) = wire.heaps(wire.split(packet))
            sent = dict(wire.items(heap))
            self.assertEqual(answer["descriptor"], sent.pop(5).hex(), case)
            item = next(iter(sent.values()), b"")  # spead2 sends no bytes of an empty array
            if isinstance(item, int):
                item = item.to_bytes(bits // 8, "big")[bits // 8 - len(answer["item"]) // 2 :]
                self.assertTrue(answer["immediate"], case)
            self.assertEqual(answer["item"], item.hex(), case)
            if "dtype" in arguments and numbers(value) is not None:
                numpy.testing.assert_array_equal(answer["values"][0], numbers(value), str(case))
            if "format" in arguments and len(arguments["format"]) == 1 and arguments["format"][0][0] != "c":
                self.assertEqual(answer["values"][0], numpy.array(value, dtype=object).ravel().tolist(), case)
