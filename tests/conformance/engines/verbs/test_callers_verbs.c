/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: engine verbs reads its options by the same rule as the library reads every other public struct (docs/adr/0017).
 * Method: as in test_callers_read.c. The test passes each struct as an older and as a newer caller would do, in memory
 * that is exactly as long as the struct says. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rx_verbs.h>
#include <verbs_sender.h>

#include "callers_rows.h"

static int use_receive(const void *from, struct spead_err *err)
{
    struct spead_recv_verbs_config own;

    return speadi_rx_verbs_options_read(&own, from, err);
}

static int use_send(const void *from, struct spead_err *err)
{
    struct spead_send_verbs_config own;

    return speadi_tx_verbs_options_read(&own, from, err);
}

static const struct spead_recv_verbs_config recv_init = SPEAD_RECV_VERBS_CONFIG_INIT;
static const struct spead_send_verbs_config send_init = SPEAD_SEND_VERBS_CONFIG_INIT;

static const struct {
    struct caller_struct its;
    const void *init;
    int (*use)(const void *from, struct spead_err *err);
} rows[] = {
    {STRUCT(spead_recv_verbs_config, clock), &recv_init, use_receive},
    {STRUCT(spead_send_verbs_config, max_poll), &send_init, use_send},
};

enum { ROWS = sizeof rows / sizeof *rows };

static int use(unsigned row, size_t size, uint32_t struct_size, unsigned char last,
               struct spead_err *err)
{
    unsigned char *own = calloc(1, size);
    int ret;

    memcpy(own, rows[row].init, size < rows[row].its.size ? size : rows[row].its.size);
    memcpy(own, &struct_size, sizeof struct_size);
    if (size > rows[row].its.size)
        own[size - 1] = last;
    *err = (struct spead_err){0};
    ret = rows[row].use(own, err);
    free(own);
    return ret;
}

Test(callers_verbs, no_struct_ends_in_padding)
{
    for (unsigned i = 0; i < ROWS; i++)
        cr_expect_eq(rows[i].its.end, rows[i].its.size, "%s", rows[i].its.name);
}

Test(callers_verbs, an_older_struct_is_read_and_a_newer_one_where_the_rest_is_zero)
{
    struct spead_err err;

    for (unsigned i = 0; i < ROWS; i++) {
        size_t size = rows[i].its.size, sizes[] = {rows[i].its.shorter, size, size + NEWER_BYTES};

        for (unsigned k = 0; k < 3; k++)
            cr_expect_eq(use(i, sizes[k], (uint32_t)sizes[k], 0, &err), 0, "%s of %zu bytes: %s",
                         rows[i].its.name, sizes[k], err.text);
    }
}

Test(callers_verbs, a_struct_of_no_size_or_with_more_than_we_know_is_refused)
{
    struct spead_err err;

    for (unsigned i = 0; i < ROWS; i++) {
        size_t size = rows[i].its.size;

        cr_expect_eq(use(i, size, 0, 0, &err), -EINVAL, "%s", rows[i].its.name);
        cr_expect_str_eq(err.field, "struct_size");
        cr_expect_eq(use(i, size + NEWER_BYTES, (uint32_t)size + NEWER_BYTES, 1, &err), -EINVAL,
                     "%s", rows[i].its.name);
        cr_expect_str_eq(err.field, "struct_size");
    }
}
