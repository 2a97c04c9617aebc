"""SPEAD packets read by the letter: what the tests hold both programs' heaps to.

Written from the protocol alone, so that neither our code nor spead2's judges itself.
"""

from dataclasses import dataclass, field


@dataclass
class Heap:
    counter: int
    length: int
    address_bits: int
    payload: bytearray
    pointers: list = field(default_factory=list)  # (is_immediate, id, value), specials left out


def split(stream):
    """The packets of a byte string in which they stand back to back."""
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
    """Heaps in order of their first packet."""
    found = {}
    for packet in packets:
        counter, length = special(packet, 1), special(packet, 2)
        heap = found.setdefault(counter, Heap(counter, length, 8 * packet[3], bytearray(length)))
        offset, size = special(packet, 3), special(packet, 4)
        heap.payload[offset : offset + size] = packet[len(packet) - size :]
        heap.pointers += [p for p in pointers_of(packet) if p[1] not in (1, 2, 3, 4)]
    return list(found.values())


def items(heap):
    """Immediate items as (id, value) in order of arrival, then addressed ones as (id, bytes)."""
    immediate = [(id, value) for mode, id, value in heap.pointers if mode and id != 0]
    addressed = sorted(((v, id) for mode, id, v in heap.pointers if not mode), key=lambda p: p[0])
    ends = [address for address, _ in addressed[1:]] + [heap.length]
    return immediate + [
        (id, bytes(heap.payload[start:end]))
        for (start, id), end in zip(addressed, ends)
        if id != 0 and end > start
    ]


def read_vectors(path):
    """Packets of a commented hex file; a blank line stands between two."""
    packets, current = [], b""
    for line in path.read_text().splitlines() + [""]:
        if line.strip():
            current += bytes.fromhex(line.partition("#")[0])
        elif current:
            packets.append(current)
            current = b""
    return packets
