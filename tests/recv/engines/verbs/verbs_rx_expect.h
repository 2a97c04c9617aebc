/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that tests of the verbs receive engine call at their beginning and at their end. */
#ifndef TEST_VERBS_RX_EXPECT_H
#define TEST_VERBS_RX_EXPECT_H

#include <criterion/criterion.h>

#include "control.h"
#include "verbs_rx_rig.h"

/* Prepares the rig. Skips the test if the machine does not allow the rig to make its two hosts. */
static inline void verbs_rx_prepare(struct verbs_rx_rig *rig,
                                    const struct verbs_rx_options *options)
{
    if (!verbs_rx_rig_prepare(rig, options))
        cr_skip_test("%s %s", rig->reason, rig->err.text);
}

static inline void verbs_rx_open(struct verbs_rx_rig *rig, const struct verbs_rx_options *options)
{
    verbs_rx_prepare(rig, options);
    cr_assert_eq(verbs_rx_rig_open_engine(rig), 0, "%s", rig->err.text);
}

static inline void assert_nothing_left(void)
{
    struct vdouble_counters c;

    vdouble_counters(&c);
    cr_assert_eq(c.contexts + c.pds + c.mrs + c.channels + c.cqs + c.qps + c.flows + c.wqs +
                     c.ind_tables,
                 0, "objects are alive");
}

static inline void verbs_rx_close(struct verbs_rx_rig *rig)
{
    verbs_rx_rig_close(rig);
    assert_nothing_left();
}

#endif
