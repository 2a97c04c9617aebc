/* SPDX-License-Identifier: Apache-2.0 */
/* Sends packets as kernel messages (datagram_train.h) and handles the results. The engine adds only the function
 * transmit(), which makes the system calls. */
#include "datagram_sender.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#include <speadi/clock.h>
#include <speadi/err.h>
#include <speadi/numbers.h>
#include <speadi/queue_kind.h>

/* How long the engine waits after ENOMEM before it sends again. */
#define STARVED_RETRY_NS 200000u

/* How often the engine looks at the MTUs of the routes and at the queues of the interfaces. */
#define CHECK_NS UINT64_C(1000000000)
/* How often the engine looks whether interfaces have gone or come back. */
#define WATCH_NS UINT64_C(50000000)
/* How long the engine sends packets one by one after a queue of this host has dropped packets. */
#define SINGLY_NS UINT64_C(1000000000)

/* One send() takes at most this many entries from all error queues together. At the end of the stream, quiesce() takes
 * at most this many entries from each error queue. */
enum { DRAIN_MAX = 256 };

/* Looks at the MTUs of the routes, and at the queues in front of the interfaces. */
static void check_ways(struct speadi_datagram_sender *sender, uint64_t now_ns)
{
    sender->check_ns = now_ns + CHECK_NS;
    for (uint32_t i = 0; i < sender->socket_count; i++)
        speadi_datagram_mtu_check(&sender->mtu[i], sender->socket[i].fd, &sender->train.log);
    speadi_queue_find_cutting(sender->interface, sender->train.singly_to, sender->socket_count);
}

int speadi_datagram_sender_open(struct speadi_datagram_sender *sender,
                                speadi_datagram_transmit_fn *transmit,
                                const struct speadi_tx_config *config,
                                struct speadi_tx_facts *facts, struct spead_err *err)
{
    struct speadi_udp_send_options options = {
        .buffer_bytes = config->socket_buffer_bytes,
        .ttl = config->multicast_ttl,
        .log = config->log,
    };
    int ret = speadi_wake_fd_open(&sender->wake_fd);

    sender->transmit = transmit;
    sender->full_fd = -1;
    if (ret < 0)
        return speadi_err_code(err, ret, "cannot make an eventfd");
    ret =
        speadi_train_init(&sender->train, config->train_bytes_max, config->send_path, config->log);
    if (ret < 0)
        return speadi_err_set(err, ret, "no memory for a datagram sender");
    for (uint32_t i = 0; i < config->count; i++) {
        options.interface = speadi_tx_interface(config, i);
        ret = speadi_udp_open_send(&sender->socket[i], &config->addresses[i], &options, err);
        if (ret < 0)
            return ret;
        sender->socket_count++;
        speadi_interface_watch_sender(&sender->interfaces, &sender->socket[i],
                                      &config->addresses[i], config->log);
        sender->mtu[i].packet_bytes_max = config->packet_bytes_max;
        sender->interface[i] = speadi_route_interface(&config->addresses[i], options.interface);
    }
    check_ways(sender, 0);
    speadi_gather_describe(config->send_path, config->packet_bytes_max, facts->shape);
    facts->buffer_bytes = sender->socket[0].buffer_bytes;
    return 0;
}

void speadi_datagram_sender_close(void *self)
{
    struct speadi_datagram_sender *sender = self;

    speadi_interface_watch_close(&sender->interfaces);
    for (uint32_t i = 0; i < sender->socket_count; i++)
        speadi_udp_close(&sender->socket[i]);
    sender->socket_count = 0;
    speadi_train_release(&sender->train);
    speadi_wake_fd_close(&sender->wake_fd);
}

/* Looks into the error queue of a socket whose send has failed. Returns true if an ICMP message was in it. */
static bool find_icmp(struct speadi_datagram_sender *sender, unsigned destination, int result)
{
    const int fd = sender->socket[destination].fd;
    const struct speadi_udp_mishaps before = sender->mishaps;

    if (result >= 0 || result == -EAGAIN || result == -ENOBUFS)
        return false;
    sender->drain_left -= speadi_udp_drain_errors(fd, sender->drain_left, &sender->mishaps);
    if (result == -EMSGSIZE || sender->mishaps.path_mtu != before.path_mtu)
        speadi_datagram_mtu_check(&sender->mtu[destination], fd, &sender->train.log);
    return sender->mishaps.icmp != before.icmp || sender->mishaps.path_mtu != before.path_mtu;
}

static void note_drop(struct speadi_datagram_sender *sender)
{
    sender->dropped = true;
    sender->train.singly = true;
    sender->singly_ns = speadi_clock_mono_ns() + SINGLY_NS;
}

/* Aims the sockets again whose interfaces have come back. */
static void watch_interfaces(struct speadi_datagram_sender *sender, uint64_t now_ns)
{
    const uint64_t before = sender->interfaces.rejoins;

    sender->watch_ns = now_ns + WATCH_NS;
    speadi_interface_watch_read(&sender->interfaces);
    if (sender->interfaces.rejoins == before)
        return;
    for (uint32_t i = 0; i < sender->socket_count; i++)
        if (sender->socket[i].interface.index != 0)
            sender->interface[i] = sender->socket[i].interface.index;
    sender->check_ns = now_ns; /* the interface can have another MTU and another queue */
}

/* Counts a kernel message that was sent. */
static void count_message(struct speadi_datagram_sender *sender, unsigned i)
{
    const uint32_t packets = sender->train.packets[i];

    sender->messages++;
    if (sender->train.is_gathered[i])
        sender->gathered_packets += packets;
    else
        sender->referenced_packets += packets;
}

/* Handles the result of kernel message i. If the packets of this message are done, the function reports them and
 * returns how many they are. If they must be sent again, it returns 0. */
static unsigned handle_result(struct speadi_datagram_sender *sender, unsigned i)
{
    struct speadi_train *train = &sender->train;
    const bool icmp = find_icmp(sender, train->destination[i], sender->result[i]);
    int error;

    switch (speadi_train_decide(train, i, sender->result[i], icmp, &error)) {
    case SPEADI_TRAIN_DONE:
        if (error == -ENOBUFS)
            note_drop(sender);
        speadi_tx_done_put(&sender->done, train->packets[i], error);
        if (error == 0)
            count_message(sender, i);
        return train->packets[i];
    case SPEADI_TRAIN_NO_ROOM:
        sender->full_fd = sender->socket[train->destination[i]].fd;
        return 0;
    case SPEADI_TRAIN_STARVED:
        sender->starved = true;
        return 0;
    case SPEADI_TRAIN_AGAIN:
        break;
    }
    return 0;
}

/* Sends the kernel messages of the last build in order. Stops before a message that must be sent again, and after a
 * message that a queue of this host has dropped. The function adds the number of packets that are done to *taken.
 * Returns 0, or -errno when the engine cannot send any more. */
static int send_built(struct speadi_datagram_sender *sender, unsigned *taken)
{
    unsigned i = 0;

    while (i < sender->train.count) {
        int results = sender->transmit(sender, i);

        if (results < 0)
            return results;
        for (unsigned end = i + (unsigned)results; i < end; i++) {
            unsigned packets = handle_result(sender, i);

            *taken += packets;
            if (packets == 0 || sender->dropped)
                return 0;
        }
    }
    return 0;
}

int speadi_datagram_sender_send(void *self, const struct speadi_tx_packet *packets, unsigned count)
{
    struct speadi_datagram_sender *sender = self;
    const uint64_t now_ns = speadi_clock_mono_coarse_ns();
    unsigned taken = 0;
    int ret = 0;

    sender->train.gather.half = sender->full_fd >= 0;
    sender->full_fd = -1;
    sender->starved = sender->dropped = false;
    sender->drain_left = DRAIN_MAX;
    sender->train.singly &= now_ns < sender->singly_ns;
    if (now_ns >= sender->watch_ns)
        watch_interfaces(sender, now_ns);
    if (now_ns >= sender->check_ns)
        check_ways(sender, now_ns);
    while (taken < count && sender->full_fd < 0 && !sender->starved && !sender->dropped &&
           ret == 0 && speadi_tx_done_has_room(&sender->done, SPEADI_TRAIN_MESSAGES_MAX)) {
        speadi_train_build(&sender->train, packets + taken, count - taken);
        ret = send_built(sender, &taken);
    }
    return taken ? (int)taken : ret;
}

unsigned speadi_datagram_sender_reap(void *self, struct speadi_tx_done *done, unsigned max)
{
    struct speadi_datagram_sender *sender = self;

    return speadi_tx_done_take(&sender->done, done, max);
}

void speadi_datagram_sender_wait(void *self, uint64_t deadline_ns, bool for_room)
{
    struct speadi_datagram_sender *sender = self;
    bool full = sender->full_fd >= 0;

    if (sender->done.count || (for_room && !full && !sender->starved))
        return;
    if (for_room && sender->starved)
        deadline_ns = speadi_min_u64(deadline_ns, speadi_clock_mono_ns() + STARVED_RETRY_NS);
    speadi_wake_fd_wait(&sender->wake_fd, &sender->full_fd, for_room && full, POLLOUT, deadline_ns);
}

void speadi_datagram_sender_wake(void *self)
{
    struct speadi_datagram_sender *sender = self;

    speadi_wake_fd_signal(&sender->wake_fd);
}

/* Every packet that the engine has taken is done. Only the ICMP messages for the last packets are not counted yet. */
void speadi_datagram_sender_quiesce(void *self)
{
    struct speadi_datagram_sender *sender = self;

    for (uint32_t i = 0; i < sender->socket_count; i++)
        speadi_udp_drain_errors(sender->socket[i].fd, DRAIN_MAX, &sender->mishaps);
}

void speadi_datagram_sender_counters(void *self, struct speadi_tx_counters *counters)
{
    const struct speadi_datagram_sender *sender = self;

    *counters = (struct speadi_tx_counters){
        .messages = sender->messages,
        .batches = sender->batches,
        .link_downs = sender->interfaces.link_downs,
        /* A full error queue loses ICMP messages. mishaps.icmp lacks these messages, so the number of sends that failed
         * because of ICMP messages can be larger. */
        .icmp_unreachable = speadi_max_u64(sender->mishaps.icmp, sender->train.icmp_unreachable),
        .memory_bytes = SPEADI_GATHER_BUFFER_BYTES,
        .gathered_packets = sender->gathered_packets,
        .referenced_packets = sender->referenced_packets,
    };
}
