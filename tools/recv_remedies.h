/* SPDX-License-Identifier: Apache-2.0 */
/* The sentences of spead-recv about the buckets of its ledger: what happened to the packets, and what a user can do. */
#ifndef SPEADLINE_TOOLS_RECV_REMEDIES_H
#define SPEADLINE_TOOLS_RECV_REMEDIES_H

#include <speadline/stats.h>

#include "recv_report.h"

/* The remedy for packets with a wrong checksum, whoever has found it: the kernel, or an engine that reads frames. */
#define RECV_REMEDY_CHECKSUM                                                                     \
    "with a wrong checksum: they were damaged on the way or in the sender; look at cable, "      \
    "transceivers and switch ports (ethtool -S INTERFACE), and at the checksum offload of both " \
    "NICs (ethtool -k INTERFACE)"

/* Returns the text that stands behind "N packets" in the line of this bucket. Returns NULL for the buckets that need no
 * line (delivered, live, control), and past the last bucket. The text has static storage. */
const char *recv_remedy(const struct recv_report *report, unsigned bucket);

#endif
