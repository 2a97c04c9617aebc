/* SPDX-License-Identifier: Apache-2.0 */
/* Measures a channel between two pinned threads, and compares it with a bare ring, which is a queue without the
 * library. The program runs the channel and the ring alternately. It prints the medians of the two rates and of their
 * ratio, as JSON. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/channel_internal.h>
#include <speadline/channel.h>

#include "limits/bare_ring.h"
#include "limits/limit.h"

#define RUNS_MAX 99

struct options {
    struct ring_run run;
    unsigned runs;
    bool fenced;   /* the channel uses fences, as between nodes of two workers */
    bool sleeping; /* true: the ends use the calls that sleep, not the calls that return -EAGAIN */
};

/* What the receiving thread gets (options, receiver) and what it returns (sum). */
struct receiving {
    struct options options;
    struct spead_receiver *receiver;
    /* The sum of the sequence numbers of all messages. A wrong sum means that messages were lost. */
    uint64_t sum;
};

/* ---- One run over a channel ----------------------------------------------------------------- */

static void *receive_all(void *arg)
{
    struct receiving *r = arg;
    struct spead_message out[RING_BATCH_MAX];
    uint32_t batch = r->options.run.batch;

    ring_pin(r->options.run.receiver_cpu);
    for (;;) {
        int count = r->options.sleeping ? spead_receiver_receive(r->receiver, out, batch, 0)
                                        : spead_receiver_try_receive(r->receiver, out, batch);
        if (count == -EAGAIN) {
            ring_pause();
            continue;
        }
        if (count < 0)
            return NULL;
        for (int i = 0; i < count; i++)
            r->sum += out[i].sequence;
    }
}

static void send_all(struct spead_sender *sender, const struct options *o)
{
    struct spead_message in[RING_BATCH_MAX];
    uint64_t sent = 0;

    memset(in, 0, sizeof in);
    while (sent < o->run.messages) {
        uint64_t left = o->run.messages - sent;
        uint32_t count = left < o->run.batch ? (uint32_t)left : o->run.batch;
        for (uint32_t i = 0; i < count; i++)
            in[i].sequence = sent + i;
        int taken = o->sleeping ? spead_sender_send(sender, in, count, 0)
                                : spead_sender_try_send(sender, in, count);
        if (taken > 0)
            sent += (uint64_t)taken;
        else if (taken == -EAGAIN)
            ring_pause();
        else
            errx(1, "sending: %s", strerror(-taken));
    }
}

static double channel_run(const struct options *o)
{
    struct spead_channel_config config = SPEAD_CHANNEL_CONFIG_INIT;
    struct receiving r = {.options = *o};
    struct spead_channel *channel;
    struct spead_sender *sender;
    struct spead_err err;
    pthread_t receiver;

    config.capacity = o->run.capacity;
    if (spead_channel_create(&channel, &config, &err) < 0)
        errx(1, "%s", err.text);
    if (o->fenced)
        speadi_channel_set_sync(channel, SPEADI_SYNC_FENCED);
    if (spead_sender_open(&sender, channel, "bench", SPEAD_TYPE_PLAIN, &err) < 0 ||
        spead_receiver_open(&r.receiver, channel, "bench", SPEAD_TYPE_PLAIN, &err) < 0)
        errx(1, "%s", err.text);
    ring_pin(o->run.sender_cpu);
    if (pthread_create(&receiver, NULL, receive_all, &r) != 0)
        limit_fail("thread");
    double start = limit_now_s();
    send_all(sender, o);
    spead_sender_close(sender, 0);
    pthread_join(receiver, NULL);
    double seconds = limit_now_s() - start;
    if (r.sum != o->run.messages * (o->run.messages - 1) / 2)
        errx(1, "the channel lost messages");
    spead_receiver_close(r.receiver);
    spead_channel_unref(channel);
    return (double)o->run.messages / seconds * 1e-6;
}

/* ---- Medians ------------------------------------------------------------------------------- */

static void measure(struct options o, uint32_t batch, bool last)
{
    double bare[RUNS_MAX], channel[RUNS_MAX], ratio[RUNS_MAX];

    o.run.batch = batch;
    for (unsigned i = 0; i < o.runs; i++) {
        bare[i] = bare_ring_run(&o.run);
        channel[i] = channel_run(&o);
        ratio[i] = channel[i] / bare[i];
    }
    printf("  {\"batch\": %u, \"bare_million_per_s\": %.2f, \"channel_million_per_s\": %.2f, "
           "\"ratio\": %.3f}%s\n",
           batch, limit_median(bare, o.runs), limit_median(channel, o.runs),
           limit_median(ratio, o.runs), last ? "" : ",");
    fflush(stdout);
}

/* ---- Options ------------------------------------------------------------------------------- */

static int parse(int key, char *text, struct argp_state *state)
{
    struct options *o = state->input;

    switch (key) {
    case 'c':
        o->run.capacity = (uint32_t)limit_number(state, "--capacity", text, 1, 1u << 24);
        if (o->run.capacity & (o->run.capacity - 1))
            argp_error(state, "--capacity %s: must be a power of two", text);
        return 0;
    case 'n':
        o->run.messages = limit_number(state, "--messages", text, 1, UINT64_C(1) << 40);
        return 0;
    case 'r':
        o->runs = (unsigned)limit_number(state, "--runs", text, 1, RUNS_MAX);
        return 0;
    case 'f':
        o->fenced = true;
        return 0;
    case 's':
        o->sleeping = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option arguments[] = {
        {"capacity", 'c', "COUNT", 0,
         "capacity of the channel and of the ring, in messages (default 64)", 0},
        {"messages", 'n', "COUNT", 0, "messages in one run (default 10 million)", 0},
        {"runs", 'r', "COUNT", 0, "runs of the channel and of the ring, in turn (default 9)", 0},
        {"fenced", 'f', NULL, 0, "use fences, as between nodes of two workers", 0},
        {"sleep", 's', NULL, 0, "sleep in the kernel instead of spinning", 0},
        {0}};
    static const struct argp program = {
        arguments, parse, NULL, "Send 64-byte messages from CPU 0 to CPU 1 through a channel.",
        NULL,      NULL,  NULL};
    struct options o = {
        .run = {.capacity = 64, .messages = 10000000, .sender_cpu = 0, .receiver_cpu = 1},
        .runs = 9};

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &o);
    printf("{\"program\": \"bench-channel\", \"capacity\": %u, \"messages\": %llu, \"runs\": %u, "
           "\"fenced\": %s, \"sleep\": %s, \"results\": [\n",
           o.run.capacity, (unsigned long long)o.run.messages, o.runs, o.fenced ? "true" : "false",
           o.sleeping ? "true" : "false");
    measure(o, 1, false);
    measure(o, 16, false);
    measure(o, 64, true);
    printf("]}\n");
    return 0;
}
