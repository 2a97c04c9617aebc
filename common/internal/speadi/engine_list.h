/* What engines of both directions have in common: how each describes itself, and how one of a list is chosen.
 *
 * The lists are made by CMake out of the folders below recv/engines and send/engines (cmake/Engines.cmake).
 * Threads: any; nothing here changes. */
#ifndef SPEADI_ENGINE_LIST_H
#define SPEADI_ENGINE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/engine.h>
#include <speadline/error.h>

#include <speadi/struct_size.h>

/* Both tables of operations begin with this. */
struct speadi_engine_about {
    const char *name; /* that of its folder: configurations, logs and tests use it */
    enum spead_endpoint_kind endpoint;
    /* "auto" asks the engines of the stream's kind of endpoint in the order of their ranks, cheapest in CPU time per byte
     * first. Where ranks come from: an engine that makes no system call and lets the kernel copy nothing is below 15; the
     * others stand as measured over loopback with GSO trains, one core, kernel 6.18, November 2026 (docs/engines.md). */
    uint32_t rank;
    /* What a user should know once it is taken, for the reason; NULL: nothing. */
    const char *caveat;
    bool gives_way; /* where it is usable but does not open, "auto" may take the next one */
};

/* The engines of one direction. */
struct speadi_engine_list {
    const char *direction;                           /* "receive" or "send" */
    const char *verb;                                /* "reads" or "sends to" */
    const struct speadi_engine_about *const *engine; /* NULL-terminated, by name */
};

/* NULL: there is none. */
const struct speadi_engine_about *speadi_engine_find(const struct speadi_engine_list *list,
                                                     const char *name);

/* Number index (0, 1, ...) by rank; NULL past the last. */
const struct speadi_engine_about *speadi_engine_by_rank(const struct speadi_engine_list *list,
                                                        uint32_t index);

/* Fills *info, of the size that it says. Returns 0, -EINVAL (struct_size is 0), or -ERANGE past the last. */
int speadi_engine_info(const struct speadi_engine_list *list, uint32_t index,
                       struct spead_engine_info *info);

/* -EINVAL, with the sentence that names the engines there are. */
int speadi_engine_unknown(const struct speadi_engine_list *list, const char *name,
                          struct spead_err *err);

/* What is asked of speadi_engine_choose(). */
struct speadi_engine_choice {
    const struct speadi_engine_list *list;
    enum spead_endpoint_kind endpoint; /* what the stream has */
    const char *shape; /* once it is open: what it says of itself; NULL or "": nothing */
    void *arg;         /* of the functions */

    /* Whether the engine can be used here and for this stream: 0, or -errno with a sentence. */
    int (*usable)(void *arg, const struct speadi_engine_about *engine, struct spead_err *err);
    int (*open)(void *arg, const struct speadi_engine_about *engine, struct spead_err *err);
};

/* Opens the engine of that name, or by "auto" (NULL) the first by rank that is usable. reason gets one line for people:
 * why this one, and what is with the others. Returns 0, -EINVAL (no such engine, or it reads something else), -ENOTSUP
 * ("auto" found none), or what open() returned. */
int speadi_engine_choose(const struct speadi_engine_choice *choice, const char *name,
                         char reason[256], struct spead_err *err);

/* The options of the engine of that name out of a stream's; NULL: none. */
const struct spead_engine_options *speadi_engine_options_find(
    const struct spead_engine_options *first, const char *name);

/* Reads the options of an engine, which begin with a struct spead_engine_options, by the rule for structs of older and
 * newer callers. from NULL: the defaults. Returns 0, or -EINVAL with a sentence. */
int speadi_engine_options_read(void *own, const struct speadi_struct_kind *kind,
                               const struct spead_engine_options *from, struct spead_err *err);

#endif
