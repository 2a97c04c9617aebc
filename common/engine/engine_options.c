/* Finds the options of an engine in the configuration of a stream, and reads them. */
#include <speadi/engine_list.h>

#include <string.h>

const struct spead_engine_options *speadi_engine_options_find(
    const struct spead_engine_options *first, const char *name)
{
    for (; first; first = first->next)
        if (first->engine && strcmp(first->engine, name) == 0)
            return first;
    return NULL;
}

int speadi_engine_options_read(void *own, const struct speadi_struct_kind *kind,
                               const struct spead_engine_options *from, struct spead_err *err)
{
    return speadi_struct_read(own, from ? (const void *)from : kind->defaults, kind, err);
}
