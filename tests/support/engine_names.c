/* SPDX-License-Identifier: Apache-2.0 */
/* Lists the engines of the library for tests. */
#include "engine_names.h"

#include <stdio.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

typedef int info_fn(uint32_t index, struct spead_engine_info *info);

static unsigned kind_of(const struct spead_engine_info *info)
{
    switch (info->endpoint) {
    case SPEAD_ENDPOINT_MEM_LINK:
        return TEST_MEM;
    case SPEAD_ENDPOINT_UDP:
        return info->caveat != NULL ? TEST_BYPASS : TEST_KERNEL;
    case SPEAD_ENDPOINT_TEXT:
        break;
    }
    return TEST_TEXT;
}

static unsigned find(info_fn *info, const char *name)
{
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;

    for (uint32_t i = 0; info(i, &engine) == 0; i++)
        if (strcmp(engine.name, name) == 0)
            return kind_of(&engine);
    return 0;
}

unsigned test_engine_kind(const char *name)
{
    unsigned kind = find(spead_recv_engine_info, name);

    return kind != 0 ? kind : find(spead_send_engine_info, name);
}

unsigned test_engines(enum test_engine_ends ends, unsigned kinds,
                      char names[TEST_ENGINES_MAX][TEST_ENGINE_LENGTH])
{
    info_fn *info = ends & TEST_RECEIVES ? spead_recv_engine_info : spead_send_engine_info;
    unsigned count = 0;

    for (unsigned kind = TEST_MEM; kind <= TEST_TEXT; kind *= 2) {
        struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;

        for (uint32_t i = 0; (kinds & kind) && info(i, &engine) == 0; i++) {
            bool sends = find(spead_send_engine_info, engine.name) != 0;

            if (kind_of(&engine) == kind && (sends || !(ends & TEST_SENDS)) &&
                count < TEST_ENGINES_MAX)
                snprintf(names[count++], TEST_ENGINE_LENGTH, "%s", engine.name);
        }
    }
    return count;
}
