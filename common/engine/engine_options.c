/* Options on their way from a stream's configuration to the engine that they are for. */
#include <speadi/engine_list.h>

#include <errno.h>
#include <string.h>

#include <speadi/err.h>

const struct spead_engine_options *speadi_engine_options_find(
    const struct spead_engine_options *first, const char *name)
{
    for (; first != NULL; first = first->next)
        if (first->engine != NULL && strcmp(first->engine, name) == 0)
            return first;
    return NULL;
}

/* The one place that reads a struct_size of an engine's options. */
int speadi_engine_options_read(void *own, size_t own_bytes, const struct spead_engine_options *from,
                               struct spead_err *err)
{
    if (from == NULL)
        return 0;
    if (from->struct_size < sizeof *from)
        return speadi_err_set(err, -EINVAL,
                              "options of engine %s: struct_size is %u; start from their _INIT",
                              from->engine, from->struct_size);
    memcpy(own, from, from->struct_size < own_bytes ? from->struct_size : own_bytes);
    return 0;
}
