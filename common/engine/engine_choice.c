/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the engine of a stream, and writes the line that says why. */
#include <speadi/engine_list.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>

/* What is with the other engines. Each text is a whole sentence of a struct spead_err: it may hold a command. */
enum { OTHERS_BYTES = SPEADI_ENGINE_REASON_MAX - 160 };

static const char *words_of(enum spead_endpoint_kind kind)
{
    switch (kind) {
    case SPEAD_ENDPOINT_UDP:
        return "UDP endpoints";
    case SPEAD_ENDPOINT_MEM_LINK:
        return "memory links";
    case SPEAD_ENDPOINT_TEXT:
        break;
    }
    return "endpoints that it alone understands";
}

static void note(char others[OTHERS_BYTES], const char *name, const char *what)
{
    size_t used = strlen(others);

    snprintf(others + used, OTHERS_BYTES - used, "; %s: %s", name, what);
}

static void explain(const struct speadi_engine_choice *choice,
                    const struct speadi_engine_about *taken, const char *why, const char *others,
                    char reason[SPEADI_ENGINE_REASON_MAX])
{
    const char *caveat = taken->caveat, *shape = choice->shape;

    snprintf(reason, SPEADI_ENGINE_REASON_MAX, "%s%s%s%s%s%s", why, caveat ? "; " : "",
             caveat ? caveat : "", shape && shape[0] ? "; " : "", shape ? shape : "", others);
}

static int none_usable(const struct speadi_engine_choice *choice, const char *others,
                       struct spead_err *err)
{
    const char *direction = choice->list->direction, *words = words_of(choice->endpoint);

    if (others[0] == '\0')
        return speadi_err_set(err, -ENOTSUP, "this library has no %s engine for %s", direction,
                              words);
    return speadi_err_set(err, -ENOTSUP, "no %s engine for %s can be used here%s", direction, words,
                          others);
}

static int choose_auto(const struct speadi_engine_choice *choice,
                       char reason[SPEADI_ENGINE_REASON_MAX], struct spead_err *err)
{
    const struct speadi_engine_about *engine, *taken = NULL;
    char others[OTHERS_BYTES] = "", why_taken[80];

    for (uint32_t i = 0; (engine = speadi_engine_by_rank(choice->list, i)) != NULL; i++) {
        struct spead_err why = {0};
        int ret;

        if (engine->endpoint != choice->endpoint)
            continue;
        ret = choice->usable(choice->arg, engine, &why);
        if (ret == 0 && !taken) {
            ret = choice->open(choice->arg, engine, &why);
            if (ret == 0) {
                taken = engine;
                continue;
            }
            if (!engine->gives_way)
                return speadi_err_copy(err, &why);
        }
        note(others, engine->name, ret < 0 ? why.text : "usable, costs more");
    }
    if (!taken)
        return none_usable(choice, others, err);
    snprintf(why_taken, sizeof why_taken, "auto: %.40s, the cheapest usable one", taken->name);
    explain(choice, taken, why_taken, others, reason);
    return 0;
}

static int choose_named(const struct speadi_engine_choice *choice, const char *name,
                        char reason[SPEADI_ENGINE_REASON_MAX], struct spead_err *err)
{
    const struct speadi_engine_list *list = choice->list;
    const struct speadi_engine_about *engine = speadi_engine_find(list, name);
    char why[64];
    int ret;

    if (!engine)
        return speadi_engine_unknown(list, name, err);
    if (engine->endpoint != choice->endpoint)
        return speadi_err_field(err, -EINVAL, "engine", " \"%s\" %s %s, but the stream has %s",
                                name, list->verb, words_of(engine->endpoint),
                                words_of(choice->endpoint));
    ret = choice->open(choice->arg, engine, err);
    if (ret < 0)
        return ret;
    snprintf(why, sizeof why, "%.40s: asked for", name);
    explain(choice, engine, why, "", reason);
    return 0;
}

int speadi_engine_choose(const struct speadi_engine_choice *choice, const char *name,
                         char reason[SPEADI_ENGINE_REASON_MAX], struct spead_err *err)
{
    if (!name || strcmp(name, "auto") == 0)
        return choose_auto(choice, reason, err);
    return choose_named(choice, name, reason, err);
}
