/* SPDX-License-Identifier: Apache-2.0 */
/* Finds an engine in a list of engines, and describes all engines of a list. */
#include <speadi/engine_list.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/struct_size.h>

const struct speadi_engine_about *speadi_engine_find(const struct speadi_engine_list *list,
                                                     const char *name)
{
    for (size_t i = 0; list->engine[i]; i++)
        if (strcmp(list->engine[i]->name, name) == 0)
            return list->engine[i];
    return NULL;
}

/* Returns how many engines of the list come before this engine in the order of the ranks. If two engines have the same
 * rank, the one that comes first in the list comes first here too. */
static uint32_t place_of(const struct speadi_engine_list *list, size_t engine)
{
    uint32_t rank = list->engine[engine]->rank, before = 0;

    for (size_t i = 0; list->engine[i]; i++)
        before += list->engine[i]->rank < rank || (list->engine[i]->rank == rank && i < engine);
    return before;
}

const struct speadi_engine_about *speadi_engine_by_rank(const struct speadi_engine_list *list,
                                                        uint32_t index)
{
    for (size_t i = 0; list->engine[i]; i++)
        if (place_of(list, i) == index)
            return list->engine[i];
    return NULL;
}

int speadi_engine_describe(const struct speadi_engine_list *list, uint32_t index,
                           struct spead_engine_info *info)
{
    const struct speadi_engine_about *engine = speadi_engine_by_rank(list, index);
    struct spead_engine_info full = SPEAD_ENGINE_INFO_INIT;

    if (!engine)
        return -ERANGE;
    full.rank = engine->rank;
    full.name = engine->name;
    full.caveat = engine->caveat;
    full.endpoint = engine->endpoint;
    return speadi_struct_write(info, &full, sizeof full);
}

int speadi_engine_unknown(const struct speadi_engine_list *list, const char *name,
                          struct spead_err *err)
{
    const struct speadi_engine_about *engine, *next;
    char names[160] = "auto";
    size_t used = strlen(names);

    for (uint32_t i = 0; (engine = speadi_engine_by_rank(list, i)) != NULL; i++) {
        next = speadi_engine_by_rank(list, i + 1);
        used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", next ? ", " : " and ",
                                 engine->name);
        if (used >= sizeof names)
            break;
    }
    return speadi_err_field(err, -EINVAL, "engine", " \"%.40s\" is unknown; to %s there are %s",
                            name, list->direction, names);
}
