/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the options of an engine in the configuration of a stream, and reads them. */
#include <speadi/engine_list.h>

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

const struct spead_engine_options *speadi_engine_options_find(
    const struct spead_engine_options *first, const char *name)
{
    for (; first; first = first->next)
        if (first->engine && strcmp(first->engine, name) == 0)
            return first;
    return NULL;
}

int speadi_engine_options_check(const struct spead_engine_options *first, struct spead_err *err)
{
    unsigned count = 0;

    for (; first; first = first->next)
        if (++count > SPEADI_ENGINE_OPTIONS_MAX)
            return speadi_err_field(err, -EINVAL, "engine_options",
                                    ": the chain of options has more than %u parts, or a part "
                                    "points back to an earlier one",
                                    SPEADI_ENGINE_OPTIONS_MAX);
    return 0;
}

int speadi_engine_options_read(void *own, const struct speadi_struct_kind *kind,
                               const struct spead_engine_options *from, struct spead_err *err)
{
    return speadi_struct_read(own, from ? (const void *)from : kind->defaults, kind, err);
}
