/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the highest rate that a receiver can reach over UDP on this machine. There are two modes:
 *   bounce  the program receives a train into a 64 KiB buffer and copies the payload into heap memory;
 *   placed  the kernel scatters the train: headers into one array, payload straight into heap memory.
 * When no datagram is there, the program waits. With --coalesce it sleeps for a fixed time, and then reads all
 * datagrams that have come. Without --coalesce it waits in recvmsg(), and each train wakes it.
 *
 * The program decodes nothing. It only counts packets, and from the count it knows where the payload of the next packet
 * belongs. So the packets must come from spead-send, and all heaps must have the same size and one item. After a packet
 * is lost, the payload of later packets lands in wrong ranges, but the run still shows the cost. The last packet of a
 * heap is shorter and ends its train. After this packet the count is right again. */
#include "limit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#define HEADER_MAX 128

struct options {
    uint16_t port;
    bool placed;
    size_t packet_bytes, heap_bytes, first_header_bytes, header_bytes;
    unsigned heap_buffers;
    int socket_bytes;
    uint64_t idle_ms, coalesce_us;
};

struct receiver {
    const struct options *options;
    int fd;
    /* `heap_buffers` buffers, each of `heap_bytes` bytes; the program fills them one after another */
    uint8_t *heaps;
    /* A buffer of LIMIT_MESSAGE_MAX bytes. In bounce mode every train goes into it. In placed mode only the bytes that
     * predict() did not expect go into it. */
    uint8_t *bounce;
    uint8_t headers[LIMIT_SEGMENTS_MAX * 2][HEADER_MAX];
    struct iovec pieces[LIMIT_SEGMENTS_MAX * 4 + 1];
    size_t heap;   /* index of the heap buffer that is being filled */
    size_t offset; /* the offset in the heap buffer at which the next payload goes */
    uint64_t payload_bytes, packets, messages, heap_count;
    double first_s, last_s;
    struct limit_cpu cpu_first;
};

static size_t header_of(const struct receiver *r, size_t offset)
{
    return offset == 0 ? r->options->first_header_bytes : r->options->header_bytes;
}

static void next_heap(struct receiver *r)
{
    r->heap = (r->heap + 1) % r->options->heap_buffers;
    r->offset = 0;
    r->heap_count++;
}

static void advance(struct receiver *r, size_t payload, bool short_packet)
{
    r->offset += payload;
    r->payload_bytes += payload;
    r->packets++;
    if (short_packet || r->offset >= r->options->heap_bytes)
        next_heap(r);
}

/* Copies one train out of the bounce buffer, packet by packet. */
static void copy_out(struct receiver *r, const uint8_t *train, size_t bytes, size_t segment)
{
    for (size_t at = 0; at < bytes; at += segment) {
        size_t packet = bytes - at < segment ? bytes - at : segment;
        size_t header = header_of(r, r->offset);
        if (packet <= header)
            continue; /* the packet carries no data; for example, it belongs to the stop heap */

        size_t payload = packet - header;
        size_t room = r->options->heap_bytes - r->offset;
        if (payload > room)
            payload = room;
        memcpy(r->heaps + r->heap * r->options->heap_bytes + r->offset, train + at + header,
               payload);
        advance(r, payload, packet < r->options->packet_bytes);
    }
}

/* Fills pieces[] with iovecs for the headers and payloads of the next packets of this heap. If a train is longer than
 * these packets, the kernel writes the rest of the train into the bounce buffer. Returns the number of pieces. */
static unsigned predict(struct receiver *r)
{
    const struct options *o = r->options;
    size_t offset = r->offset;
    size_t total = 0;
    unsigned pieces = 0;

    for (unsigned i = 0; i < LIMIT_SEGMENTS_MAX * 2 && offset < o->heap_bytes; i++) {
        size_t header = header_of(r, offset);
        size_t payload = o->packet_bytes - header;
        if (payload > o->heap_bytes - offset)
            payload = o->heap_bytes - offset;
        if (total + header + payload > LIMIT_MESSAGE_MAX)
            break;
        r->pieces[pieces++] = (struct iovec){r->headers[i], header};
        r->pieces[pieces++] = (struct iovec){r->heaps + r->heap * o->heap_bytes + offset, payload};
        offset += payload;
        total += header + payload;
    }
    r->pieces[pieces++] = (struct iovec){r->bounce, LIMIT_MESSAGE_MAX};
    return pieces;
}

static void count_placed(struct receiver *r, size_t bytes, size_t segment)
{
    for (size_t at = 0; at < bytes; at += segment) {
        size_t packet = bytes - at < segment ? bytes - at : segment;
        size_t header = header_of(r, r->offset);
        if (packet > header)
            advance(r, packet - header, packet < r->options->packet_bytes);
    }
}

static size_t segment_of(struct msghdr *message, size_t bytes)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
        if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
            int segment;
            memcpy(&segment, CMSG_DATA(c), sizeof segment);
            return (size_t)segment;
        }
    }
    return bytes;
}

static void note_time(struct receiver *r)
{
    r->last_s = limit_now_s();
    if (r->messages++ > 0)
        return;
    r->first_s = r->last_s;
    r->cpu_first = limit_cpu();
}

/* Waits for the next datagram. The caller has found no datagram. Returns false when the run is over: at least one
 * packet has come earlier, and no packet has come during the idle time. */
static bool wait_for_more(const struct receiver *r)
{
    struct timespec nap = {.tv_nsec = (long)r->options->coalesce_us * 1000};

    if (r->options->coalesce_us == 0)
        return r->messages == 0; /* recvmsg() has already waited for the idle time */
    clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
    return r->messages == 0 || limit_now_s() - r->last_s < (double)r->options->idle_ms * 1e-3;
}

static bool receive_one(struct receiver *r)
{
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = r->pieces, .msg_control = &control, .msg_controllen = sizeof control};

    if (r->options->placed) {
        message.msg_iovlen = predict(r);
    } else {
        r->pieces[0] = (struct iovec){r->bounce, LIMIT_MESSAGE_MAX};
        message.msg_iovlen = 1;
    }
    ssize_t got = recvmsg(r->fd, &message, r->options->coalesce_us ? MSG_DONTWAIT : 0);
    if (got < 0 && errno == EAGAIN)
        return wait_for_more(r);
    if (got < 0 && errno != EINTR)
        limit_fail("recvmsg");
    if (got <= 0)
        return true;

    note_time(r);
    size_t bytes = (size_t)got;
    if (r->options->placed)
        count_placed(r, bytes, segment_of(&message, bytes));
    else
        copy_out(r, r->bounce, bytes, segment_of(&message, bytes));
    return true;
}

static void prepare(struct receiver *r, const struct options *o)
{
    struct timeval idle = {.tv_sec = (time_t)(o->idle_ms / 1000),
                           .tv_usec = (suseconds_t)(o->idle_ms % 1000 * 1000)};
    int on = 1;

    r->options = o;
    r->heaps = limit_memory(o->heap_buffers * o->heap_bytes);
    r->bounce = limit_memory(LIMIT_MESSAGE_MAX);
    r->fd = limit_bound_socket(o->port, o->socket_bytes);
    if (setsockopt(r->fd, SOL_UDP, UDP_GRO, &on, sizeof on) < 0)
        limit_fail("setsockopt UDP_GRO");
    if (setsockopt(r->fd, SOL_SOCKET, SO_RCVTIMEO, &idle, sizeof idle) < 0)
        limit_fail("setsockopt SO_RCVTIMEO");
}

static void report(const struct receiver *r)
{
    struct limit_cpu cpu = limit_cpu();
    double user = cpu.user_s - r->cpu_first.user_s;
    double system = cpu.system_s - r->cpu_first.system_s;
    double seconds = r->last_s - r->first_s;
    int effective = 0;
    socklen_t size = sizeof effective;

    if (getsockopt(r->fd, SOL_SOCKET, SO_RCVBUF, &effective, &size) < 0)
        limit_fail("getsockopt SO_RCVBUF");
    printf("{\"program\": \"limit-recv\", \"mode\": \"%s\", \"packet\": %zu, \"heap_size\": %zu, "
           "\"buffers\": %u, \"payload_bytes\": %llu, \"heaps\": %llu, \"packets\": %llu, "
           "\"messages\": %llu, \"seconds\": %.6f, \"gbps\": %.3f, \"cpu_user_s\": %.3f, "
           "\"cpu_sys_s\": %.3f, \"gb_per_cpu_s\": %.3f, \"buffer_effective\": %d}\n",
           r->options->placed ? "placed" : "bounce", r->options->packet_bytes,
           r->options->heap_bytes, r->options->heap_buffers, (unsigned long long)r->payload_bytes,
           (unsigned long long)r->heap_count, (unsigned long long)r->packets,
           (unsigned long long)r->messages, seconds, (double)r->payload_bytes * 8e-9 / seconds,
           user, system, (double)r->payload_bytes * 1e-9 / (user + system), effective);
}

static int parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 'M':
        o->placed = strcmp(text, "placed") == 0;
        if (!o->placed && strcmp(text, "bounce") != 0)
            argp_error(state, "--mode %s: must be bounce or placed", text);
        return 0;
    case 'p':
        o->packet_bytes =
            limit_number(state, "--packet", text, 256, LIMIT_MESSAGE_MAX) & ~UINT64_C(7);
        return 0;
    case 'z':
        o->heap_bytes = limit_number(state, "--heap-size", text, 1, UINT64_C(1) << 30);
        return 0;
    case 'f':
        o->first_header_bytes = limit_number(state, "--first-header", text, 40, HEADER_MAX);
        return 0;
    case 'h':
        o->header_bytes = limit_number(state, "--header", text, 40, HEADER_MAX);
        return 0;
    case 'b':
        o->heap_buffers = (unsigned)limit_number(state, "--buffers", text, 1, 1024);
        return 0;
    case 's':
        o->socket_bytes = (int)limit_number(state, "--buffer", text, 4096, 1 << 30);
        return 0;
    case 'g':
        o->coalesce_us = limit_number(state, "--coalesce", text, 0, 999999);
        return 0;
    case 'i':
        o->idle_ms = limit_number(state, "--idle", text, 1, 60000);
        return 0;
    default:
        return limit_parse_port(key, text, state, &o->port, "listen on");
    }
}

static const struct argp_option arguments[] = {
    {"mode", 'M', "bounce|placed", 0, "Copy payload, or let the kernel place it (bounce)", 0},
    {"packet", 'p', "BYTES", 0, "Bytes of one full packet, rounded down to 8 (1472)", 0},
    {"heap-size", 'z', "BYTES", 0, "Payload of one heap (4194304)", 0},
    {"first-header", 'f', "BYTES", 0, "Header and pointers of a heap's first packet (48)", 0},
    {"header", 'h', "BYTES", 0, "Header and pointers of its other packets (40)", 0},
    {"buffers", 'b', "COUNT", 0, "Heap-sized buffers used in turn (2)", 0},
    {"buffer", 's', "BYTES", 0, "Effective socket buffer (8388608)", 0},
    {"coalesce", 'g', "US", 0, "Sleep this time when no datagram is there; 0: until one comes (0)",
     0},
    {"idle", 'i', "MS", 0, "End the run after this time without a datagram (500)", 0},
    {0},
};

int main(int argc, char **argv)
{
    static const struct argp program = {
        arguments, parse, "PORT", "Receive on 127.0.0.1 without decoding, and print the cost.",
        NULL,      NULL,  NULL};
    static struct receiver receiver;
    struct options options = {.packet_bytes = 1472,
                              .heap_bytes = 4 << 20,
                              .first_header_bytes = 48,
                              .header_bytes = 40,
                              .heap_buffers = 2,
                              .socket_bytes = 8 << 20,
                              .idle_ms = 500};

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &options);
    prepare(&receiver, &options);
    while (receive_one(&receiver))
        ;
    report(&receiver);
    return 0;
}
