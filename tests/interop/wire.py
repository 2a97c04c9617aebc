# SPDX-License-Identifier: Apache-2.0
"""Reads SPEAD packets by the letter of the protocol. The tests compare the heaps of both implementations with this.

It is written from the protocol alone, so that neither our code nor spead2 checks itself.
"""

from dataclasses import dataclass, field


@dataclass
class Heap:
    counter: int
    length: int
    address_bits: int
    payload: bytearray
    pointers: list = field(default_factory=list)  # (is_immediate, id, value), without the items 1 to 4


def split(stream):
    """Splits a byte string into its packets, which follow each other directly."""
    packets, at = [], 0
    while at < len(stream):
        size = packet_size(stream[at:])
        packets.append(bytes(stream[at : at + size]))
        at += size
    return packets


def pointers_of(packet):
    assert packet[:2] == b"\x53\x04", packet[:8].hex()
    bits = 8 * packet[3]
    assert packet[2] + packet[3] == 8, packet[:8].hex()
    for i in range(int.from_bytes(packet[6:8], "big")):
        word = int.from_bytes(packet[8 + 8 * i : 16 + 8 * i], "big")
        yield word >> 63 == 1, word >> bits & (1 << 63 - bits) - 1, word & (1 << bits) - 1


def special(packet, wanted):
    return next(value for immediate, id, value in pointers_of(packet) if immediate and id == wanted)


def packet_size(packet):
    return 8 + 8 * int.from_bytes(packet[6:8], "big") + special(packet, 4)


def heaps(packets):
    """The heaps of these packets, in the order of their first packets."""
    found = {}
    for packet in packets:
        counter, length = special(packet, 1), special(packet, 2)
        heap = found.setdefault(counter, Heap(counter, length, 8 * packet[3], bytearray(length)))
        offset, size = special(packet, 3), special(packet, 4)
        heap.payload[offset : offset + size] = packet[len(packet) - size :]
        heap.pointers += [p for p in pointers_of(packet) if p[1] not in (1, 2, 3, 4)]
    return list(found.values())


def items(heap):
    """The immediate items as (id, value) in the order of arrival, then the addressed items as (id, bytes)."""
    immediate = [(id, value) for mode, id, value in heap.pointers if mode and id != 0]
    addressed = sorted(((v, id) for mode, id, v in heap.pointers if not mode), key=lambda p: p[0])
    ends = [address for address, _ in addressed[1:]] + [heap.length]
    return immediate + [
        (id, bytes(heap.payload[start:end]))
        for (start, id), end in zip(addressed, ends)
        if id != 0 and end > start
    ]


def read_vectors(path):
    """The packets of a hex file with comments. Blank lines separate the packets."""
    packets, current = [], b""
    for line in path.read_text().splitlines() + [""]:
        if line.strip():
            current += bytes.fromhex(line.partition("#")[0])
        elif current:
            packets.append(current)
            current = b""
    return packets
