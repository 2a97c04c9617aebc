/* SPDX-License-Identifier: Apache-2.0 */
/* What receive engines and send engines have in common: how an engine describes itself, and how the library chooses one
 * engine from a list.
 *
 * CMake makes the two lists from the folders below recv/engines and send/engines (cmake/Engines.cmake).
 * Threads: any thread may call these functions, because the lists never change. */
#ifndef SPEADI_ENGINE_LIST_H
#define SPEADI_ENGINE_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/engine.h>
#include <speadline/error.h>

#include <speadi/struct_size.h>

/* Room for the line that says why an engine was chosen, and what is with the others. */
#define SPEADI_ENGINE_REASON_MAX 1024u

/* The table of operations of every receive engine and of every send engine begins with this struct. */
struct speadi_engine_about {
    /* The name of the engine's folder. Configurations, logs and tests use this name. */
    const char *name;
    enum spead_endpoint_kind endpoint;
    /* "auto" asks only the engines that have the stream's kind of endpoint, in the order of their ranks, lowest rank
     * first. The engine that needs the least CPU time per byte has the lowest rank. An engine that makes no system
     * call, and for which the kernel copies nothing, has a rank below 15. The ranks of the other engines come from a
     * measurement over loopback with GSO trains, one core, kernel 6.18, November 2026 (docs/engines.md). */
    uint32_t rank;
    /* What a user of this engine should know. The library adds this text to the reason for the choice. NULL if there is
     * nothing to say. */
    const char *caveat;
    /* True if "auto" may choose the next engine when this engine is usable but its open() fails. */
    bool gives_way;
};

/* The engines of one direction. */
struct speadi_engine_list {
    const char *direction; /* "receive" or "send" */
    const char *verb;      /* "reads" or "sends to" */
    /* the engines, in the order of their names; NULL ends the array */
    const struct speadi_engine_about *const *engine;
};

/* Returns the engine with this name, or NULL when there is none. */
const struct speadi_engine_about *speadi_engine_find(const struct speadi_engine_list *list,
                                                     const char *name);

/* Returns the engine with this index (0, 1, ...) in the order of the ranks, or NULL if `index` is past the last
 * engine. */
const struct speadi_engine_about *speadi_engine_by_rank(const struct speadi_engine_list *list,
                                                        uint32_t index);

/* Describes the engine with this index in *info. Writes as many bytes of *info as info->struct_size says. Returns 0,
 * -EINVAL (struct_size is 0), or -ERANGE (index is past the last engine). */
int speadi_engine_describe(const struct speadi_engine_list *list, uint32_t index,
                           struct spead_engine_info *info);

/* Refuses a name that no engine has. Sets *err to a sentence that names the engines of the list, and returns
 * -EINVAL. */
int speadi_engine_unknown(const struct speadi_engine_list *list, const char *name,
                          struct spead_err *err);

/* What speadi_engine_choose() needs: the list of the engines, and two functions. usable() says whether an engine can be
 * used, and open() opens an engine. */
struct speadi_engine_choice {
    const struct speadi_engine_list *list;
    enum spead_endpoint_kind endpoint; /* the stream's kind of endpoint */
    const char *shape; /* what the open engine says about itself; NULL or "" if it says nothing */
    void *arg;         /* passed to usable() and open() */

    /* Says whether this engine can be used on this machine and for this stream: 0, or -errno with a sentence. */
    int (*usable)(void *arg, const struct speadi_engine_about *engine, struct spead_err *err);
    int (*open)(void *arg, const struct speadi_engine_about *engine, struct spead_err *err);
};

/* Opens the engine with this name. For the name "auto", or NULL, the function opens the first usable engine in the
 * order of the ranks. The function writes one line for people into `reason`: why this engine was chosen, and why "auto"
 * did not choose the others. A part of the line that does not fit whole is left out. Returns 0, -EINVAL (there is no such engine, or it has another kind of endpoint), -ENOTSUP
 * ("auto" found no usable engine), or what open() returned. */
int speadi_engine_choose(const struct speadi_engine_choice *choice, const char *name,
                         char reason[SPEADI_ENGINE_REASON_MAX], struct spead_err *err);

/* Searches the chain of options that begins with `first`. Returns the options of the engine with this name, or NULL
 * when the chain has none. */
const struct spead_engine_options *speadi_engine_options_find(
    const struct spead_engine_options *first, const char *name);

/* The largest number of parts in a chain of options. */
#define SPEADI_ENGINE_OPTIONS_MAX 64u

/* Checks the length of the chain that begins with `first`. Returns 0, or -EINVAL with a sentence if the chain is longer
 * than SPEADI_ENGINE_OPTIONS_MAX. Such a chain can be without an end: one of its parts can point to an earlier part. */
int speadi_engine_options_check(const struct spead_engine_options *first, struct spead_err *err);

/* Reads the options of an engine from `from` into *own. Both structs begin with a struct spead_engine_options. The rule
 * for structs of older and newer callers applies (speadi/struct_size.h). When `from` is NULL, *own gets the defaults.
 * Returns 0, or -EINVAL with a sentence. */
int speadi_engine_options_read(void *own, const struct speadi_struct_kind *kind,
                               const struct spead_engine_options *from, struct spead_err *err);

#endif
