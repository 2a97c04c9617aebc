# SPDX-License-Identifier: Apache-2.0
"""One end of a stream of spead2 over verbs, as a program of its own, because it loads the verbs double at its start.

usage: verbs_peer.py send ADDRESS GROUP:PORT PACKET HEAPS BYTES   sends heaps with our verify pattern, and a stop heap
       verbs_peer.py receive ADDRESS GROUP:PORT PACKET            prints "ready" to stderr, and for each heap its
                                                                  counter and whether its bytes are right
       verbs_peer.py can                                          ends with 0 if this spead2 was built with verbs

ADDRESS is that of the interface.
"""

import sys

import spead2
import spead2.recv
import spead2.send
from peers import RATE, data_item, make_heap, stop_heap, verify_pattern


def endpoint_of(text):
    host, port = text.rsplit(":", 1)
    return host, int(port)


def send(address, endpoint, packet, heaps, size):
    settings = spead2.send.StreamConfig(max_packet_size=int(packet), rate=RATE)
    verbs = spead2.send.UdpIbvConfig(endpoints=[endpoint_of(endpoint)], interface_address=address)
    stream = spead2.send.UdpIbvStream(spead2.ThreadPool(), settings, verbs)
    for counter in range(1, int(heaps) + 1):
        heap = make_heap(48, [data_item(0x1000, verify_pattern(counter, int(size)))])
        stream.send_heap(heap, cnt=counter)
    stream.send_heap(stop_heap(48))


def receive(address, endpoint, packet):
    ring = spead2.recv.RingStreamConfig(heaps=64, contiguous_only=False)
    stream = spead2.recv.Stream(spead2.ThreadPool(), spead2.recv.StreamConfig(), ring)
    stream.add_udp_ibv_reader(
        spead2.recv.UdpIbvConfig(
            endpoints=[endpoint_of(endpoint)],
            interface_address=address,
            buffer_size=4 << 20,
            max_size=int(packet),
        )
    )
    print("ready", file=sys.stderr, flush=True)
    for heap in stream:
        is_whole = isinstance(heap, spead2.recv.Heap)
        items = sorted(heap.get_items(), key=lambda i: i.id) if is_whole else []
        data = b"".join(bytes(item) for item in items)
        print(heap.cnt, is_whole and data == verify_pattern(heap.cnt, len(data)), len(data), flush=True)


def can():
    sys.exit(not (hasattr(spead2.recv.Stream, "add_udp_ibv_reader") and hasattr(spead2.send, "UdpIbvStream")))


globals()[sys.argv[1]](*sys.argv[2:])
