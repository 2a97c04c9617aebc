/* See tool_engines.h. */
#include "tool_engines.h"

#include <stdio.h>

enum { NAMES_MAX = 32, HELP_BYTES = 400 };

bool tool_engine_is_nameable(const struct spead_engine_info *info)
{
    return info->endpoint != SPEAD_ENDPOINT_MEM_LINK;
}

const char *const *tool_engine_names(tool_engine_info_fn *info)
{
    static const char *names[NAMES_MAX + 2];
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;
    unsigned count = 0;

    names[count++] = "auto";
    for (uint32_t i = 0; count <= NAMES_MAX && info(i, &engine) == 0; i++)
        if (tool_engine_is_nameable(&engine))
            names[count++] = engine.name;
    names[count] = NULL;
    return names;
}

const char *tool_engine_help(tool_engine_info_fn *info)
{
    static char help[HELP_BYTES];
    const char *const *names = tool_engine_names(info);
    size_t used = 0;

    for (unsigned i = 0; names[i] != NULL && used < sizeof help; i++) {
        const char *before = i == 0 ? "" : names[i + 1] != NULL ? ", " : " or ";

        used += (size_t)snprintf(help + used, sizeof help - used, "%s%s", before, names[i]);
    }
    if (used < sizeof help)
        snprintf(help + used, sizeof help - used, " (auto)");
    return help;
}
