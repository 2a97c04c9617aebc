/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the highest rate that a sender can reach over UDP on this machine. The program sends trains of up to 64 KiB
 * with UDP_SEGMENT. One call of sendmmsg() sends several trains. There are two kinds of the loop:
 *
 * The plain loop sends straight from contiguous memory, and writes no header. With short packets no sender of heaps
 * reaches its rate, because the headers lie between the parts of the payload.
 *
 * The gathered loop (--header) copies a header and a part of the payload for each datagram into one buffer for each
 * train, which stays in the L2 cache, and sends the buffer. It does what a sender of heaps must do at least, and it
 * completes no heap. So the difference between a real sender and this loop is the cost of the library. */
#include "limit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#define TRAINS_MAX      64
#define HEADER_MAX      1024
#define TRAINS_PLAIN    16
#define TRAINS_GATHERED 2 /* more trains in a call would not stay in the L2 cache */

struct sender {
    int fd;
    size_t packet_bytes, train_bytes, memory_bytes, next;
    size_t header_bytes; /* 0 in the plain loop */
    unsigned trains;     /* number of trains in one call */
    uint8_t *memory;
    uint8_t *gathered; /* one train behind another; NULL in the plain loop */
    uint64_t sent_bytes, refused, calls;
    struct mmsghdr messages[TRAINS_MAX];
    struct iovec pieces[TRAINS_MAX];
    union {
        struct cmsghdr header;
        char room[CMSG_SPACE(sizeof(uint16_t))];
    } controls[TRAINS_MAX];
};

struct options {
    uint16_t port;
    size_t packet_bytes, memory_bytes, header_bytes;
    unsigned trains; /* 0: the usual number */
    double seconds;
    uint64_t bytes;
};

static void prepare_message(struct sender *s, unsigned i)
{
    struct msghdr *message = &s->messages[i].msg_hdr;

    *message = (struct msghdr){
        .msg_iov = &s->pieces[i],
        .msg_iovlen = 1,
        .msg_control = &s->controls[i],
        .msg_controllen = sizeof s->controls[i],
    };
    struct cmsghdr *control = CMSG_FIRSTHDR(message);
    control->cmsg_level = SOL_UDP;
    control->cmsg_type = UDP_SEGMENT;
    control->cmsg_len = CMSG_LEN(sizeof(uint16_t));
    uint16_t segment = (uint16_t)s->packet_bytes;
    memcpy(CMSG_DATA(control), &segment, sizeof segment);
    s->pieces[i].iov_len = s->train_bytes;
}

static void prepare(struct sender *s, const struct options *options)
{
    size_t segments = LIMIT_MESSAGE_MAX / options->packet_bytes;

    if (segments > LIMIT_SEGMENTS_MAX)
        segments = LIMIT_SEGMENTS_MAX;
    s->packet_bytes = options->packet_bytes;
    s->header_bytes = options->header_bytes;
    s->train_bytes = segments * options->packet_bytes;
    s->trains = options->trains         ? options->trains
                : options->header_bytes ? TRAINS_GATHERED
                                        : TRAINS_PLAIN;
    s->memory_bytes =
        options->memory_bytes < s->train_bytes ? s->train_bytes : options->memory_bytes;
    s->memory = limit_memory(s->memory_bytes);
    if (s->header_bytes > 0)
        s->gathered = limit_memory(s->trains * s->train_bytes);
    s->fd = limit_connected_socket(options->port, 4 << 20);
    for (unsigned i = 0; i < s->trains; i++)
        prepare_message(s, i);
}

/* Sets the addresses of all trains of a batch. The trains use the memory in order and begin again at its start, because
 * the heaps of a real sender also lie one after another. */
static void point_at_next(struct sender *s)
{
    for (unsigned i = 0; i < s->trains; i++) {
        if (s->next + s->train_bytes > s->memory_bytes)
            s->next = 0;
        s->pieces[i].iov_base = s->memory + s->next;
        s->next += s->train_bytes;
    }
}

/* Copies the headers and the payload of all trains of a batch into the buffers. */
static void gather_next(struct sender *s)
{
    static const uint8_t header[HEADER_MAX] = {0x53, 0x04};
    const size_t payload_bytes = s->packet_bytes - s->header_bytes;
    uint8_t *at = s->gathered;

    for (unsigned i = 0; i < s->trains; i++) {
        s->pieces[i].iov_base = at;
        for (const uint8_t *end = at + s->train_bytes; at < end; at += s->packet_bytes) {
            if (s->next + payload_bytes > s->memory_bytes)
                s->next = 0;
            memcpy(at, header, s->header_bytes);
            memcpy(at + s->header_bytes, s->memory + s->next, payload_bytes);
            s->next += payload_bytes;
        }
    }
}

static void send_batch(struct sender *s)
{
    unsigned done = 0;

    if (s->gathered)
        gather_next(s);
    else
        point_at_next(s);
    while (done < s->trains) {
        int taken = sendmmsg(s->fd, s->messages + done, s->trains - done, 0);
        s->calls++;
        if (taken > 0) {
            done += (unsigned)taken;
            s->sent_bytes += (uint64_t)taken * s->train_bytes;
        } else if (errno == ECONNREFUSED) {
            /* the error comes from an ICMP answer to an earlier datagram; this call sent nothing */
            s->refused++;
        } else if (errno != EINTR) {
            limit_fail("sendmmsg");
        }
    }
}

static int parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 'p':
        o->packet_bytes = limit_number(state, "--packet", text, 64, LIMIT_MESSAGE_MAX);
        return 0;
    case 'm':
        o->memory_bytes = limit_number(state, "--memory", text, 1, UINT64_C(1) << 34);
        return 0;
    case 't':
        o->trains = (unsigned)limit_number(state, "--trains", text, 1, TRAINS_MAX);
        return 0;
    case 'H':
        o->header_bytes = limit_number(state, "--header", text, 1, HEADER_MAX);
        return 0;
    case ARGP_KEY_SUCCESS:
        if (o->header_bytes >= o->packet_bytes)
            argp_error(state, "--header must be smaller than --packet");
        return 0;
    case 's':
        o->seconds = (double)limit_number(state, "--seconds", text, 1, 3600);
        return 0;
    case 'b':
        o->bytes = limit_number(state, "--bytes", text, 1, UINT64_MAX);
        return 0;
    default:
        return limit_parse_port(key, text, state, &o->port, "send to");
    }
}

static const struct argp_option arguments[] = {
    {"packet", 'p', "BYTES", 0, "Bytes of one datagram (1472)", 0},
    {"memory", 'm', "BYTES", 0,
     "Memory that is sent again and again (16777216: four heaps of 4 MiB)", 0},
    {"header", 'H', "BYTES", 0,
     "Gather: copy a header of this size and payload for each datagram first (no header, no copy)",
     0},
    {"trains", 't', "COUNT", 0, "Trains in one system call (16; with --header 2)", 0},
    {"seconds", 's', "N", 0, "Stop after this time (5)", 0},
    {"bytes", 'b', "N", 0, "Stop after this many bytes (no bound)", 0},
    {0},
};

int main(int argc, char **argv)
{
    static const struct argp program = {
        arguments, parse, "PORT", "Send datagrams to 127.0.0.1 as fast as the kernel takes them.",
        NULL,      NULL,  NULL};
    static struct sender sender;
    struct options options = {
        .packet_bytes = 1472, .memory_bytes = 16 << 20, .seconds = 5, .bytes = UINT64_MAX};

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &options);
    prepare(&sender, &options);

    struct limit_cpu before = limit_cpu();
    double start = limit_now_s();
    double elapsed = 0;
    while (sender.sent_bytes < options.bytes && elapsed < options.seconds) {
        send_batch(&sender);
        elapsed = limit_now_s() - start;
    }
    struct limit_cpu after = limit_cpu();
    uint64_t payload_bytes =
        sender.sent_bytes / sender.packet_bytes * (sender.packet_bytes - sender.header_bytes);

    printf("{\"program\": \"limit-send\", \"packet\": %zu, \"train\": %zu, \"sent_bytes\": %llu, "
           "\"payload_bytes\": %llu, \"seconds\": %.6f, \"gbps\": %.3f, \"cpu_user_s\": %.3f, "
           "\"cpu_sys_s\": %.3f, \"calls\": %llu, \"refused\": %llu}\n",
           sender.packet_bytes, sender.train_bytes, (unsigned long long)sender.sent_bytes,
           (unsigned long long)payload_bytes, elapsed, (double)payload_bytes * 8e-9 / elapsed,
           after.user_s - before.user_s, after.system_s - before.system_s,
           (unsigned long long)sender.calls, (unsigned long long)sender.refused);
    return 0;
}
