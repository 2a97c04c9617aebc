/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_engines.h. */
#include "tool_engines.h"

#include <speadline/recv.h>
#include <speadline/send.h>

enum { NAMES_MAX = 32 };

bool tool_engine_is_nameable(const struct spead_engine_info *info)
{
    return info->endpoint != SPEAD_ENDPOINT_MEM_LINK;
}

static const char *const *list_names(tool_engine_info_fn *info, const char *names[NAMES_MAX + 2])
{
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;
    unsigned count = 0;

    names[count++] = "auto";
    for (uint32_t i = 0; count <= NAMES_MAX && info(i, &engine) == 0; i++)
        if (tool_engine_is_nameable(&engine))
            names[count++] = engine.name;
    names[count] = NULL;
    return names;
}

const char *const *tool_recv_engine_names(void)
{
    static const char *names[NAMES_MAX + 2];

    return list_names(spead_recv_engine_info, names);
}

const char *const *tool_send_engine_names(void)
{
    static const char *names[NAMES_MAX + 2];

    return list_names(spead_send_engine_info, names);
}
