#!/usr/bin/env python3
"""Writes the packets of tests/vectors/*.hex as seeds for fuzz_packet into corpus/packet."""
import pathlib

here = pathlib.Path(__file__).parent
for vector in sorted((here.parent / "vectors").glob("*.hex")):
    packets = [[]]
    for line in vector.read_text().splitlines():
        if not line.strip():
            packets.append([])
        packets[-1] += line.split("#")[0].split()
    for number, packet in enumerate(filter(None, packets)):
        # Two bytes of fuzz_packet's own: the head lacks nothing.
        seed = bytes(2) + bytes(int(byte, 16) for byte in packet)
        (here / "corpus" / "packet" / f"{vector.stem}-{number}").write_bytes(seed)
