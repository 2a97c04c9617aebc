/* SPDX-License-Identifier: Apache-2.0 */
/* The peer of bench-heap-reader: receives heaps by the C++ library of spead2, and reads every byte of them. It uses the
 * documented interface of that library only, with its memory pool and a ring of 4 heaps, as its own receiver has them.
 * The build does not compile it, because it needs that library; SPEAD2_READER names it to bench.py:
 *     g++ -O3 -std=c++17 $(pkg-config --cflags spead2) bench/spead2_reader.cpp -o spead2_reader \
 *         $(pkg-config --libs --static spead2)
 *
 * usage: spead2_reader PORT HOLD SOCKET_BYTES */
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <memory>
#include <utility>

#include <boost/asio.hpp>
#include <spead2/common_memory_pool.h>
#include <spead2/common_ringbuffer.h>
#include <spead2/common_thread_pool.h>
#include <spead2/recv_heap.h>
#include <spead2/recv_ring_stream.h>
#include <spead2/recv_udp.h>

static std::uint64_t heaps, bytes, sum;

static void read_heap(const spead2::recv::heap &heap)
{
    bool has_data = false;

    for (const auto &item : heap.get_items()) {
        std::uint64_t all = 0, word;

        if (item.is_immediate)
            continue;
        for (std::size_t at = 0; at + sizeof word <= item.length; at += sizeof word) {
            std::memcpy(&word, item.ptr + at, sizeof word);
            all += word;
        }
        sum += all;
        bytes += item.length;
        has_data = true;
    }
    heaps += has_data;
}

int main(int argc, char **argv)
{
    if (argc != 4)
        return 2;
    const std::size_t hold = std::strtoul(argv[2], nullptr, 10);
    spead2::thread_pool worker;
    auto pool = std::make_shared<spead2::memory_pool>(16384, 32 << 20, 12 + hold, 8 + hold);
    spead2::recv::stream_config config;
    std::deque<spead2::recv::heap> held;

    config.set_memory_allocator(pool);
    spead2::recv::ring_stream<> stream(worker, config,
                                       spead2::recv::ring_stream_config().set_heaps(4));
    stream.emplace_reader<spead2::recv::udp_reader>(
        boost::asio::ip::udp::endpoint(boost::asio::ip::make_address("127.0.0.1"),
                                       (unsigned short)std::atoi(argv[1])),
        9200, std::strtoul(argv[3], nullptr, 10));
    try {
        for (;;) {
            held.push_back(stream.pop());
            if (held.size() > hold) {
                read_heap(held.front());
                held.pop_front();
            }
        }
    } catch (spead2::ringbuffer_stopped &) {
        for (const auto &heap : held)
            read_heap(heap);
    }
    std::printf("{\"heaps\": %llu, \"bytes\": %llu, \"sum\": %llu}\n", (unsigned long long)heaps,
                (unsigned long long)bytes, (unsigned long long)sum);
    return 0;
}
