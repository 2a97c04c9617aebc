/* SPDX-License-Identifier: Apache-2.0 */
/* The trouble of a send stream: packets that could not be sent. This part decides what the stream does then: the pacer
 * slows down or waits, or the stream ends (fail_fast). It also logs each errno at once, and after that the number of
 * further packets, at most once in SPEADI_SEND_TROUBLE_QUIET_NS.
 *
 * Only the owner thread calls these functions. */
#ifndef SPEADI_SEND_TROUBLE_H
#define SPEADI_SEND_TROUBLE_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/error.h>
#include <speadline/stats.h>

#include <speadi/address.h>

#include "pacer.h"

#define SPEADI_SEND_TROUBLE_QUIET_NS UINT64_C(10000000000)

/* Packets of one heap that the engine has reported with one error. `error` 0 means that they were sent. */
struct speadi_send_mishap {
    enum spead_send_bucket bucket;
    int error;
    uint16_t destination;
    uint64_t packets;
};

struct speadi_send_trouble {
    /* What has happened since the last settle(). */
    bool is_new;
    bool dropped;                     /* the local queue has dropped packets */
    bool refused;                     /* packets were refused for a reason that can pass */
    bool resumed;                     /* packets are sent again after such a refusal */
    struct speadi_send_mishap latest; /* the last mishap */
    int first_error; /* the first error since the start of the stream; 0 if there is none */

    bool is_interrupted; /* packets were refused, and no packet was sent after that */
    uint32_t tries;      /* how many consecutive settle() calls found only refusals */
    /* What the log was told. An entry whose error is 0 is free. */
    struct {
        int error;
        uint64_t unsaid;   /* packets that no line has counted */
        uint64_t quiet_ns; /* no line before this time */
        struct speadi_send_mishap latest;
    } kind[SPEAD_SEND_ERRNOS_MAX];
    uint64_t resumed_quiet_ns;
};

/* Records a mishap, or packets that were sent while is_interrupted is true. */
void speadi_send_trouble_note(struct speadi_send_trouble *trouble,
                              const struct speadi_send_mishap *mishap);

/* What settle() works with. `name` is the array of the names of the destinations. */
struct speadi_send_settling {
    struct speadi_pacer *pacer;
    const struct spead_log *log;
    const char (*name)[SPEADI_ADDRESS_TEXT_MAX];
    uint64_t now_ns;
};

/* Acts on what was noted since the last call. Returns true if the pacer has slowed down. */
bool speadi_send_trouble_settle(struct speadi_send_trouble *trouble,
                                const struct speadi_send_settling *at);

#endif
