#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes the seeds of the fuzzers: the packets of tests/vectors/*.hex for fuzz_packet into corpus/packet, short
streams for fuzz_stream into corpus/stream, scripts for fuzz_senders into corpus/senders, frames for fuzz_frame into
corpus/frame, descriptors for fuzz_descriptor into corpus/descriptor, heaps for fuzz_item_group into corpus/item_group,
and answers of a place function for fuzz_chunk_place into corpus/chunk_place."""
import pathlib

here = pathlib.Path(__file__).parent
for vector in sorted((here.parent / "vectors").glob("*.hex")):
    packets = [[]]
    for line in vector.read_text().splitlines():
        if not line.strip():
            packets.append([])
        packets[-1] += line.split("#")[0].split()
    for number, packet in enumerate(filter(None, packets)):
        # fuzz_packet reads the first two bytes: 0 says that no byte is missing from the head.
        seed = bytes(2) + bytes(int(byte, 16) for byte in packet)
        (here / "corpus" / "packet" / f"{vector.stem}-{number}").write_bytes(seed)


# ---- Streams: fuzz_stream.c explains the bytes before the packets-------------------------------

def pointer(ident, value, immediate=True, bits=40):
    return (immediate << 63 | ident << bits | value).to_bytes(8, "big")


def packet(counter, length, offset, size, items=b""):
    pointers = pointer(1, counter) + pointer(3, offset) + pointer(4, size) + items
    if length is not None:
        pointers += pointer(2, length)
    header = bytes((0x53, 4, 3, 5, 0, 0, 0, len(pointers) // 8))
    return header + pointers + bytes((counter * 7 + offset + i) & 255 for i in range(size))


def heap(counter, packets=6, size=64):
    return [packet(counter, packets * size, i * size, size) for i in range(packets)]


def control(counter, value):
    return [packet(counter, 1, 0, 1, pointer(6, value) + pointer(0, 0, immediate=False))]


def shuffled(packets):
    return packets[::2] + packets[1::2]


streams = {
    "whole": heap(1) + heap(2) + heap(3),
    "loss": heap(1) + heap(2)[:2] + heap(2)[3:] + heap(3),
    "shuffled": heap(1) + shuffled(heap(2)) + heap(3),
    "duplicates": heap(1) + [p for p in heap(2) for _ in range(2)] + heap(1),
    "interleaved": [p for pair in zip(heap(1), heap(2)) for p in pair],
    "eviction": [heap(counter)[0] for counter in range(1, 12)],
    "control": control(1, 0) + heap(2) + control(3, 2) + heap(4),
    "unsized": [packet(1, None, i * 64, 64) for i in range(4)],
    "items": [packet(1, 64, 0, 64, pointer(0x1000, 5) + pointer(0x1001, 32, immediate=False))],
    "small": [packet(counter, 8, 0, 8) for counter in range(20)],
}
for name, packets in streams.items():
    for label, config in {"bounce": (2, 3, 0, 0), "placed": (0x13, 3, 0x46, 0), "ahead": (0x13, 3, 0x67, 1)}.items():
        seed = bytes(config)
        for bytes_ in packets:
            seed += len(bytes_).to_bytes(2, "big") + bytes(1) + bytes_
        folder = here / "corpus" / "stream"
        folder.mkdir(exist_ok=True)
        (folder / f"{name}-{label}").write_bytes(seed)

# ---- Scripts: tests/support/sender_script.c explains the bytes ----------------------------------

# One sender, packets in any order, three stop items end the stream.
CONFIG = "00332e00040003"

scripts = {
    # a sender starts anew while a packet of its last run is parked
    "parked": "e77761a2832a36221a320038d01ab6b6c6e07e34f1bf142a2d419286c381328633452172aa82dba3f62972a4920bca4444b944a1ff8a",
    # a sender starts anew in the middle of a heap
    "restart": "cc87e47edc399bd130b2413ee884d9a535",
    # heaps with holes in memory that another sender has used
    "holes": "e26c09eda5e0f9df5f49489658036025d87ffcc59092ee57",
    # a start heap, a packet of data with a start item, and the rest of that heap; each packet comes twice, and the start
    # heap a third time while the heap of data is live
    "copied-start": CONFIG + "0d0001 8400 0d0000 8400 0000 8400 0000 8405 0000 8400 0000 0000 0500 840b 0500 0500".replace(" ", ""),
    # a sender dies in its first heap and starts anew with the same heap, whose first packet carries a start item
    "start-in-live": CONFIG + "0000 0000 09100000 0d0000 0000 0000 0000 0000 0000 0500".replace(" ", ""),
    # a heap of data with a stop item comes twice, and then the sender starts anew
    "copied-stop": CONFIG + "0500 0d0004 8400 0000 0000 0000 0000 0000 8405 0d0001 8400 8408 0500 0500".replace(" ", ""),
}
(here / "corpus" / "senders").mkdir(exist_ok=True)
for name, script in scripts.items():
    (here / "corpus" / "senders" / name).write_bytes(bytes.fromhex(script))

# ---- Frames: fuzz_frame.c explains the byte before a frame --------------------------------------


def frame(version, tags, payload=b"payload of a frame"):
    ether = bytes(12) + b"\x81\x00\x00\x05" * tags + (b"\x08\x00" if version == 4 else b"\x86\xdd")
    udp = (1234).to_bytes(2, "big") + (7148).to_bytes(2, "big") + (8 + len(payload)).to_bytes(2, "big") + b"\x12\x34"
    size = len(udp) + len(payload)
    if version == 4:
        return ether + b"\x45\0" + (20 + size).to_bytes(2, "big") + bytes(4) + b"\x04\x11" + bytes(10) + udp + payload
    return ether + b"\x60\0\0\0" + size.to_bytes(2, "big") + b"\x11\x04" + bytes(32) + udp + payload


for version in (4, 6):
    for tags in range(3):
        (here / "corpus" / "frame" / f"v{version}-tags{tags}").write_bytes(b"\x50" + frame(version, tags))

# ---- Descriptors: fuzz_descriptor.c explains the two bytes before and the item behind -----------


def descriptor(parts, bits=48, ident=0x1000):
    payload, pointers = b"", pointer(0x14, ident, bits=bits)
    for item, data in parts:
        pointers += pointer(item, len(payload), immediate=False, bits=bits)
        payload += data
    special = [(1, 1), (2, len(payload)), (3, 0), (4, len(payload))]
    pointers = b"".join(pointer(item, value, bits=bits) for item, value in special) + pointers
    return bytes((0x53, 4, 8 - bits // 8, bits // 8, 0, 0, 0, len(pointers) // 8)) + pointers + payload


def by_format(fields, shape, bits=48):
    fields = b"".join(letter.encode() + n.to_bytes(8 - bits // 8, "big") for letter, n in fields)
    shape = b"".join(bytes((n is None,)) + (n or 0).to_bytes(bits // 8, "big") for n in shape)
    return descriptor([(0x10, b"name"), (0x11, b"text"), (0x13, fields), (0x12, shape)], bits)


def by_dtype(dtype, shape="()", fortran=False):
    header = f"{{'descr': {dtype}, 'fortran_order': {fortran}, 'shape': {shape}}}"
    return descriptor([(0x10, b"name"), (0x15, header.encode())])


descriptors = {
    "u16": by_format([("u", 16)], [2, None]),
    "u16-40": by_format([("u", 16)], [2, None], 40),
    "mixed": by_format([("b", 1), ("i", 7), ("c", 8), ("f", 32)], [2]),
    "packed": by_format([("u", 12)], [None]),
    "signed": by_format([("i", 13)], [3, 2]),
    "text": by_format([("c", 8)], [None]),
    "f64": by_format([("f", 64)], []),
    "wide": by_format([("u", 70)], []),
    "numbers": by_dtype("'<i2'", "(2, 3)", True),
    "complex": by_dtype("'>c8'", "(2,)"),
    "half": by_dtype("'>f2'", "(4,)"),
    "bool": by_dtype("'|b1'", "(4,)"),
    "bytes": by_dtype("'|S5'"),
    "unicode": by_dtype("'<U3'"),
    "time": by_dtype("'<M8[ns]'"),
    "opaque": by_dtype("'|V3'", "(2,)"),
    "record": by_dtype("[('a', '<i2'), ('b', '>f4', (2,)), ('c', [('x', '|u1'), ('y', '<u2')], (2, 1))]"),
    "padding": by_dtype("[('a', '|u1'), ('', '|V3'), (('title', 'b'), ('<i4', (2,)))]"),
    "escapes": by_dtype("[('\\x61\\\\', u'<i2'), (\"b'\", b'|u1')]"),
}
folder = here / "corpus" / "descriptor"
folder.mkdir(exist_ok=True)
for name, data in descriptors.items():
    for compat in (0, 7):
        (folder / f"{name}-{compat}").write_bytes(bytes((compat, 16)) + data + bytes(range(0x3C, 0x4C)))


# ---- Item groups: fuzz_item_group.c explains the operations ----------------------------------------

END, INCOMPLETE = bytes((0,)), bytes((1,))


def described(ident, name, type, shape):
    return bytes((5, name << 3 | ident, type, shape))


def value(ident, data):
    return bytes((ident << 3 | 6, len(data))) + data


def immediate_value(ident, number):
    return bytes((ident << 3 | 2, number))


def raw_descriptor(data):
    return bytes((3, len(data))) + data


ARRAY_U8, ARRAY_I2, SCALAR_F4, RECORD, TEXT = 0x80, 0x81, 0x06, 0x09, 0x84
two = described(0, 0, ARRAY_U8, 4) + described(1, 1, ARRAY_I2, 2)
values = value(0, b"abcd") + value(1, b"efgh")
item_groups = {
    "renewed": two + values + END + values + END + values + END,
    "outlives": two + values + END + value(1, b"efgh") + END + value(1, b"ijkl") + END,
    "immediate": described(2, 2, SCALAR_F4, 0) + immediate_value(2, 9) + END + immediate_value(2, 7) + INCOMPLETE,
    "incomplete": two + values + END + value(0, b"abcd") + immediate_value(1, 1) + INCOMPLETE,
    "renamed": two + values + END + described(0, 1, ARRAY_U8, 4) + values + END,
    "short": two + value(0, b"ab") + value(1, b"efgh") + END,
    "marked": two + value(0, b"abcdef") + bytes((4, 3)) + value(1, b"efgh") + END,
    "malformed": raw_descriptor(b"no packet") + two + values + END,
    "record": described(3, 3, RECORD, 0) + value(3, b"abcd") + described(4, 4, TEXT, 255) + value(4, b"text") + END,
    "twice": two + value(0, b"abcd") + value(0, b"efgh") + immediate_value(0, 3) + END + values + END,
}
folder = here / "corpus" / "item_group"
folder.mkdir(exist_ok=True)
for name, data in item_groups.items():
    for how in (7, 8 + 7, 16 + 1, 16 + 8):
        (folder / f"{name}-{how}").write_bytes(bytes((how,)) + data)


# ---- Places in chunks: fuzz_chunk_place.c explains the bytes ------------------------------------

def answer(heap, part, how, chunk, index):
    head = bytes((heap, how, part, 0)) + bytes(4)
    return head + chunk.to_bytes(8, "little") + index.to_bytes(8, "little")


places = {
    "in-order": [answer(h, p, 0, h // 10, h % 10) for h in range(24) for p in range(4)],
    "same-place": [answer(h, p, 0, 0, 3) for h in range(4) for p in range(4)],
    "large-ids": [answer(h, 0, 1, (1 << 63) - 1 - h, h) for h in range(8)],
    "out-of-bounds": [answer(h, 0, 2 + h % 6, h, (1 << 64) - 1 - h) for h in range(12)],
    "odd-offsets": [answer(h, p, 4 | 54 << 3 & 0xf8, 0, h << 55) for h in range(8) for p in range(4)],
}
for name, answers in places.items():
    (here / "corpus" / "chunk_place" / name).write_bytes(b"".join(answers))
