# SPDX-License-Identifier: Apache-2.0
"""Groups of heaps: spead2 and our library send the same packets in the same order, to one and to two endpoints."""

import socket
import unittest

import spead2
import spead2.send
from peers import RATE, data_item, make_heap, run

ORDERS = (spead2.send.GroupMode.SERIAL, spead2.send.GroupMode.ROUND_ROBIN)
SIZES = (130, 40, 90, 1, 1000)
SILENCE_S = 0.3  # after this time without a packet, no more come


class Wire:
    """A UDP socket that keeps the packets that come."""

    def __init__(self):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(SILENCE_S)
        self.address = self.socket.getsockname()

    def packets(self):
        packets = []
        try:
            while True:
                packets.append(self.socket.recv(65536))
        except TimeoutError:
            self.socket.close()
        return packets


def item_of(number, size):
    id = 0x1000 + number
    return data_item(id, bytes((id + 7 * k) % 256 for k in range(size)))


class Groups(unittest.TestCase):
    def of_spead2(self, order, bits, packet, endpoints):
        wires = [Wire() for _ in range(endpoints)]
        config = spead2.send.StreamConfig(max_packet_size=packet, rate=RATE, max_heaps=16)
        stream = spead2.send.UdpStream(spead2.ThreadPool(), [w.address for w in wires], config)
        stream.send_heaps([spead2.send.HeapReference(make_heap(bits, [item_of(i, size)]),
                                                     substream_index=i % endpoints)
                           for i, size in enumerate(SIZES)], ORDERS[order])
        return [wire.packets() for wire in wires]

    def of_ours(self, order, bits, packet, endpoints):
        wires = [Wire() for _ in range(endpoints)]
        names = ",".join(f"{host}:{port}" for host, port in (w.address for w in wires))
        ours = run("tests/interop-heap-group", order, bits, packet, names, *SIZES)
        self.assertEqual(ours.status, 0, ours.story())
        return [wire.packets() for wire in wires]

    def test_groups_of_both_orders_are_the_same_packets(self):
        for order in range(len(ORDERS)):
            for bits, packet, endpoints in ((40, 88, 1), (48, 88, 2), (48, 1472, 2)):
                with self.subTest(order=order, bits=bits, packet=packet, endpoints=endpoints):
                    theirs = self.of_spead2(order, bits, packet, endpoints)
                    self.assertGreater(min(map(len, theirs)), 1)
                    self.assertEqual(self.of_ours(order, bits, packet, endpoints), theirs)
