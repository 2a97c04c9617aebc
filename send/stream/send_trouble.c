/* SPDX-License-Identifier: Apache-2.0 */
/* See send_trouble.h. */
#include "send_trouble.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <speadi/backoff.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

/* When packets of a stream without a rate are refused, the stream tries again after this time, then after twice this
 * time, and so on. Otherwise it would use up all its heaps, and a CPU, during a short failure of the link. A stream
 * with a rate tries again at its rate. */
#define FIRST_RETRY_NS UINT64_C(1000000)
#define RETRY_NS_MAX   UINT64_C(20000000)

/* ---- Noting -------------------------------------------------------------------------------- */

static void count_unsaid(struct speadi_send_trouble *trouble,
                         const struct speadi_send_mishap *mishap)
{
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX; i++) {
        if (trouble->kind[i].error != 0 && trouble->kind[i].error != mishap->error)
            continue;
        trouble->kind[i].error = mishap->error;
        trouble->kind[i].unsaid += mishap->packets;
        trouble->kind[i].latest = *mishap;
        return;
    }
}

void speadi_send_trouble_note(struct speadi_send_trouble *trouble,
                              const struct speadi_send_mishap *mishap)
{
    switch (mishap->bucket) {
    case SPEAD_SEND_SENT:
        trouble->resumed = true;
        trouble->is_interrupted = false;
        break;
    case SPEAD_SEND_DROPPED_LOCAL:
        trouble->dropped = true;
        break;
    case SPEAD_SEND_UNREACHABLE:
        trouble->refused = true;
        trouble->is_interrupted = true;
        break;
    case SPEAD_SEND_FAILED:
        break;
    default: /* injected or abandoned: somebody wanted that */
        return;
    }
    trouble->is_new = true;
    trouble->latest = *mishap;
    if (mishap->error == 0)
        return;
    if (trouble->first_error == 0)
        trouble->first_error = mishap->error;
    count_unsaid(trouble, mishap);
}

/* ---- Saying -------------------------------------------------------------------------------- */

/* Returns the text that tells the user where to look. */
static const char *advice(int error)
{
    switch (-error) {
    case EPERM:
        return "a firewall of this host refuses them: nft list ruleset";
    case EACCES:
    case EINVAL:
        return "a route forbids them, or the source address is gone: ip route get";
    case ECONNREFUSED:
        return "nobody listens there";
    default:
        return "see: ip route get, ip link, ip neighbour";
    }
}

static void say(const struct speadi_send_settling *at, const struct speadi_send_mishap *mishap,
                uint64_t packets)
{
    const char *name = at->name[mishap->destination];

    if (mishap->bucket == SPEAD_SEND_DROPPED_LOCAL)
        speadi_log_line(at->log, SPEAD_LOG_WARNING,
                        "%s: a full queue of this host has dropped %" PRIu64
                        " packets (dropped-local): send more slowly (rate), or make the queue "
                        "longer (tc -s qdisc)",
                        name, packets);
    else if (mishap->bucket == SPEAD_SEND_UNREACHABLE)
        speadi_log_line(at->log, SPEAD_LOG_WARNING,
                        "%s: %" PRIu64 " packets could not be sent (unreachable): %s; %s", name,
                        packets, strerror(-mishap->error), advice(mishap->error));
    else
        speadi_log_line(at->log, SPEAD_LOG_WARNING,
                        "%s: %" PRIu64 " packets could not be sent (failed): %s", name, packets,
                        strerror(-mishap->error));
}

static void say_all(struct speadi_send_trouble *trouble, const struct speadi_send_settling *at)
{
    for (unsigned i = 0; i < SPEAD_SEND_ERRNOS_MAX && trouble->kind[i].error != 0; i++) {
        if (trouble->kind[i].unsaid == 0 || at->now_ns < trouble->kind[i].quiet_ns)
            continue;
        say(at, &trouble->kind[i].latest, trouble->kind[i].unsaid);
        trouble->kind[i].unsaid = 0;
        trouble->kind[i].quiet_ns = at->now_ns + SPEADI_SEND_TROUBLE_QUIET_NS;
    }
    if (!trouble->resumed || at->now_ns < trouble->resumed_quiet_ns)
        return;
    trouble->resumed_quiet_ns = at->now_ns + SPEADI_SEND_TROUBLE_QUIET_NS;
    speadi_log_line(at->log, SPEAD_LOG_INFO, "%s: packets are sent again",
                    at->name[trouble->latest.destination]);
}

/* ---- Settling ------------------------------------------------------------------------------ */

bool speadi_send_trouble_settle(struct speadi_send_trouble *trouble,
                                const struct speadi_send_settling *at)
{
    bool slowed = false;

    if (trouble->dropped)
        slowed = speadi_pacer_refused(at->pacer, at->now_ns);
    if (!trouble->is_interrupted)
        trouble->tries = 0;
    else if (trouble->refused && !speadi_pacer_is_limited(at->pacer))
        speadi_pacer_hold(
            at->pacer,
            at->now_ns +
                speadi_min_u64(RETRY_NS_MAX, speadi_backoff_ns(FIRST_RETRY_NS, trouble->tries++)));
    say_all(trouble, at);
    trouble->is_new = trouble->dropped = trouble->refused = trouble->resumed = false;
    return slowed;
}
