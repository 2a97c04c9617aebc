/* SPDX-License-Identifier: Apache-2.0 */
/* See queue_kind.h. */
#include <speadi/queue_kind.h>

#include <string.h>

#include "netlink.h"

/* The queues of the kernel that call skb_gso_segment(), as of Linux 6.18. */
static const char *const cutting[] = {"tbf", "netem", "cake", "taprio"};

struct search {
    const unsigned *index;
    bool *cuts;
    unsigned count;
};

static bool is_cutting(const char *kind)
{
    for (unsigned i = 0; i < sizeof cutting / sizeof *cutting; i++)
        if (strcmp(kind, cutting[i]) == 0)
            return true;
    return false;
}

static void look_at(void *arg, const struct nlmsghdr *header)
{
    const struct search *search = arg;
    const struct tcmsg *queue = NLMSG_DATA(header);
    const char *kind;

    if (header->nlmsg_type != RTM_NEWQDISC || header->nlmsg_len < NLMSG_LENGTH(sizeof *queue))
        return;
    /* The kernel ends the name with a zero byte. */
    kind = speadi_netlink_find(header, sizeof *queue, TCA_KIND, 1);
    if (!kind || !is_cutting(kind))
        return;
    for (unsigned i = 0; i < search->count; i++)
        search->cuts[i] |= search->index[i] == (unsigned)queue->tcm_ifindex;
}

void speadi_queue_find_cutting(const unsigned *index, bool *cuts, unsigned count)
{
    struct speadi_netlink_message message;
    struct search search = {index, cuts, count};

    memset(cuts, 0, count * sizeof *cuts);
    speadi_netlink_begin(&message, RTM_GETQDISC, sizeof(struct tcmsg));
    /* If the kernel does not answer, trains are sent as if no queue cuts them. */
    (void)speadi_netlink_list(&message, look_at, &search);
}
