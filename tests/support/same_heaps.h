/* SPDX-License-Identifier: Apache-2.0 */
/* Random sequences of packets, and what a receive stream makes of them. The same packets in one order must have the
 * same outcome on every engine and every receive path, if the clock of the stream shows the same times.
 *
 *     same_sequence_make(&sequence, SAME_ONE_ENDPOINT, seed);
 *     same_run(&one, &sequence, &first);
 *     same_run(&other, &sequence, &second);   // same_difference(&first, &second) must be NULL
 *
 * A sequence goes to one endpoint, or to two or three. If the endpoints are apart, engines can read them in different
 * orders. Then the outcome is compared for each endpoint, because only the order between endpoints can differ. If the
 * endpoints are joint, the stream reads all packets of one endpoint before a packet comes to another one. So the order
 * is the same for all engines, and the outcome is compared as a whole.
 *
 * A sequence has one to three senders that number their heaps alike. Packets are lost, repeated and reordered, and
 * contradict each other; heaps change their packet size, have no declared length, or never end; senders restart, fall
 * silent and send start and stop items. In half of the sequences most heaps of a sender are alike, so that heaps are
 * expected before they begin, and come as expected. */
#ifndef TEST_SAME_HEAPS_H
#define TEST_SAME_HEAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/recv.h>

#define SAME_SENDERS   3u
#define SAME_ENDPOINTS 3u
#define SAME_STEPS_MAX 4096u
#define SAME_BYTES_MAX (2u << 20)
#define SAME_TEXT_MAX  (256u << 10)

enum same_endpoints {
    SAME_ONE_ENDPOINT,
    SAME_APART, /* two or three endpoints, each with heaps of its own */
    SAME_JOINT, /* two or three endpoints with one numbered sequence of heaps; packets of a heap come to any of them */
};

enum same_kind {
    SAME_PACKET, /* a sender sends a packet */
    SAME_READ,   /* the stream reads all packets, until its source is empty */
    SAME_PASS,   /* time passes */
};

struct same_step {
    enum same_kind kind;
    uint32_t sender, endpoint;
    uint32_t at, bytes; /* the packet lies at this offset of same_sequence.bytes */
    uint32_t ms;        /* how long SAME_PASS lasts */
};

struct same_sequence {
    uint64_t seed;
    struct spead_recv_stream_config config; /* without endpoints, engine and path */
    uint32_t senders, endpoints;
    bool large;   /* heaps of up to 48 KiB; else of up to 2 KiB */
    bool regular; /* most heaps of a sender are cut like the heap before, and have its length */
    unsigned poll_max; /* packets of a burst, for engines that a test controls */
    struct same_step step[SAME_STEPS_MAX];
    unsigned count;
    uint8_t *bytes; /* SAME_BYTES_MAX bytes, made by the first same_sequence_make() */
    uint32_t used;
};

struct same_text {
    char text[SAME_TEXT_MAX];
    size_t used;
};

/* What the consumer got and what the stream counted, as text. */
struct same_outcome {
    /* If the endpoints are joint, the first one has the heaps of all. */
    struct same_text endpoint[SAME_ENDPOINTS];
    struct same_text all; /* the sums over the endpoints */
    uint64_t placed, repaired, moved;
};

/* One engine with one receive path. */
struct same_path {
    const char *name;
    /* Opens a stream with the configuration of the sequence. Returns NULL if that is not possible, and stores a
     * sentence in err. */
    struct spead_recv_stream *(*open)(struct same_path *path, const struct same_sequence *sequence,
                                      struct spead_err *err);
    /* Sends the packet to the endpoint of the step, from the sender of the step. */
    bool (*send)(struct same_path *path, const struct same_step *step, const void *packet);
    /* Returns the address of the payload. NULL means spead_heap_payload(). */
    const uint8_t *(*payload)(struct same_path *path, const struct spead_heap *heap);
    void (*close)(struct same_path *path); /* after the stream was destroyed; may be NULL */
    /* If this many packets wait, the stream must read before the next one is sent. 0 means that there is no limit. */
    unsigned unread_max;
    bool one_sender; /* the path cannot tell senders apart */
    bool small_only; /* the path has no memory for large heaps */
};

/* Makes the sequence with this seed. Equal seeds make equal sequences. */
void same_sequence_make(struct same_sequence *sequence, enum same_endpoints endpoints,
                        uint64_t seed);
void same_sequence_free(struct same_sequence *sequence);

/* Tells whether the path can tell the senders of the sequence apart, and has memory for its heaps. */
bool same_can_run(const struct same_path *path, const struct same_sequence *sequence);

/* Runs the sequence over the path. Returns false if the path could not be opened; *err says why. Aborts if a packet
 * that was sent does not come. */
bool same_run(struct same_path *path, const struct same_sequence *sequence,
              struct same_outcome *outcome, struct spead_err *err);

/* Returns the first line that differs in the two outcomes, as "... / ...", or NULL if they are equal. The text lies in
 * static storage. */
const char *same_difference(const struct same_outcome *a, const struct same_outcome *b);

/* Makes a stream and starts it, for open() of a path. Returns NULL and fills in *err if one of the two fails. */
struct spead_recv_stream *same_start(const struct spead_recv_stream_config *config,
                                     struct spead_err *err);

/* Returns how many sequences a test runs: `usual`, or the number in the environment variable SPEADLINE_SEEDS. */
uint64_t same_seeds(uint64_t usual);

#endif
