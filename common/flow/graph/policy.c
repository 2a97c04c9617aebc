/* SPDX-License-Identifier: Apache-2.0 */
/* The policies of nodes: what a node does after a failed step. */
#include <errno.h>
#include <string.h>

#include <speadi/backoff.h>
#include <speadi/count.h>
#include <speadi/err.h>
#include <speadi/struct_size.h>

#include "graph_parts.h"

static const char *cause_of(const struct spead_node *node, int code)
{
    return node->task.worker->cause[0] ? node->task.worker->cause : strerror(-code);
}

static int fatal(struct spead_node *node, int code)
{
    speadi_counter_add(&node->fatal, 1);
    speadi_graph_fail(node, code, cause_of(node, code));
    return code;
}

/* Returns true if the policy allows one more retry. When the node fails on another message, the retries are counted
 * from 0 again. */
static bool may_retry(struct spead_node *node)
{
    if (node->tries == 0 || node->tried_stream != node->working_stream ||
        node->tried_sequence != node->working_sequence) {
        node->tries = 0;
        node->tried_stream = node->working_stream;
        node->tried_sequence = node->working_sequence;
    }
    return node->tries < node->retries;
}

static int retry(struct spead_node *node)
{
    uint64_t backoff_ns = speadi_backoff_ns(node->backoff_ns, node->tries);

    node->tries++;
    speadi_counter_add(&node->retried, 1);
    if (backoff_ns == 0)
        return SPEAD_STEP_AGAIN;
    node->not_before_ns = node->task.worker->now_ns + backoff_ns;
    node->wait_until_ns = node->not_before_ns;
    return SPEAD_STEP_WAITING;
}

static void log_failure(struct spead_node *node, const struct spead_message *failed, int code)
{
    char rest[SPEADI_LOG_PAUSE_TEXT_MAX]; /* not used: the line has the number of all failures */

    if (!speadi_log_pause_ends(&node->log_pause, node->task.worker->now_ns, rest))
        return;
    speadi_log_line(&node->graph->log, SPEAD_LOG_WARNING,
                    "node %s: %s; stream %u, sequence %llu is left out (%llu so far)", node->name,
                    cause_of(node, code), failed->stream, (unsigned long long)failed->sequence,
                    (unsigned long long)speadi_counter_read(&node->logged));
}

void speadi_node_drop_diverted(struct spead_node *node)
{
    if (!node->diverting)
        return;
    node->diverting = false;
    spead_message_unref(node->diverted);
    speadi_counter_add(&node->skipped, 1);
}

bool speadi_node_divert(struct spead_node *node)
{
    uint32_t output = (uint32_t)(node->error_port - node->outputs);
    int ret = spead_node_send(node, output, node->diverted, 1);

    if (ret == -EAGAIN)
        return false;
    if (ret < 0) {
        speadi_node_drop_diverted(node);
        return true;
    }
    speadi_counter_add(&node->diverted_count, 1);
    node->diverting = false;
    return true;
}

static int divert(struct spead_node *node, const struct spead_message *failed)
{
    *node->diverted = *failed;
    node->diverted->flags |= SPEAD_MESSAGE_FAILED;
    node->diverting = true;
    return speadi_node_divert(node) ? SPEAD_STEP_AGAIN : SPEAD_STEP_WAITING;
}

int speadi_node_failed(struct spead_node *node, int code)
{
    unsigned policy = node->on_error;
    struct spead_message failed;

    if (policy == SPEAD_ON_ERROR_RETRY) {
        if (may_retry(node))
            return retry(node);
        policy = node->after_retries;
    }
    if (policy == SPEAD_ON_ERROR_FAIL || node->ops->surrender(node->step_state, &failed) < 0)
        return fatal(node, code);
    node->tries = 0;
    if (policy == SPEAD_ON_ERROR_DIVERT)
        return divert(node, &failed);
    speadi_counter_add(policy == SPEAD_ON_ERROR_LOG ? &node->logged : &node->skipped, 1);
    if (policy == SPEAD_ON_ERROR_LOG)
        log_failure(node, &failed, code);
    spead_message_unref(&failed);
    return SPEAD_STEP_AGAIN;
}
