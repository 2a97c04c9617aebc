# SPDX-License-Identifier: Apache-2.0
"""The items of tests/vectors/descriptors.hex, as spead2 makes them. The order is that of the file."""

import numpy
import spead2
import spead2.send
from peers import packets_of

RECORD = numpy.dtype([("a", "<i2"), ("b", ">f4", (2,)), ("c", [("x", "|u1"), ("y", "<u2")])])
PADDED = numpy.dtype([("a", "u1"), ("b", "<i4")], align=True)


def format(shape, *fields):
    return {"shape": shape, "format": [(field[0], int(field[1:])) for field in fields]}


def dtype(shape, dtype, order="C"):
    return {"shape": shape, "dtype": numpy.dtype(dtype), "order": order}


# (heap-address bits, deviations, arguments of the item, value)
CASES = [
    (48, 0, format((2, None), "u16"), [[1], [2]]),
    (40, 0, format((2, None), "u16"), [[1], [2]]),
    (40, 7, format((2, None), "u16"), [[1], [2]]),
    (48, 0, format((), "b1", "i7", "c8", "f32"), (True, -3, b"y", 1.5)),
    (48, 0, format((3,), "u12"), [1, 2, 0xABC]),
    (48, 0, format((), "i12"), -2),
    (48, 0, format((None,), "c8"), "hello"),
    (56, 0, format((2, None), "u8", "i24"), [[(1, 2)], [(3, -4)]]),
    (48, 0, dtype((2,), "<u2"), [0x1234, 0x5678]),
    (48, 7, dtype((2,), "<u2"), [0x1234, 0x5678]),
    (48, 0, dtype((2, 3), "<u2", "F"), [[0, 1, 2], [3, 4, 5]]),
    (48, 0, dtype((2,), RECORD), [(1, (2.0, 3.0), (4, 5)), (6, (7.0, 8.0), (9, 10))]),
    (48, 0, dtype((), PADDED), (7, -8)),
    (48, 0, dtype((1,), ">c8"), [1 - 2j]),
    (48, 0, format((0,), "u64"), []),
]


def array_of(value, dtype, order):
    """An array with this value. Its padding is zero; numpy would leave there, and spead2 send, what the memory held."""
    value = numpy.asarray(value, dtype=dtype)
    array = numpy.zeros(value.shape, dtype, order)
    for name in dtype.names or [...]:
        array[name] = value[name]
    return array


def item_of(case):
    bits, _deviations, arguments, value = case
    if "dtype" in arguments:
        value = array_of(value, arguments["dtype"], arguments["order"])
    return spead2.Item(0x20 if bits == 56 else 0x1000, "name", "text", value=value, **arguments)


def packet_of(case):
    """A heap with the descriptor and the item, in one packet."""
    bits, deviations, _arguments, _value = case
    heap = spead2.send.Heap(spead2.Flavour(4, 64, bits, deviations))
    item = item_of(case)
    heap.add_descriptor(item)
    heap.add_item(item)
    return packets_of(heap, 9000)
