/* SPDX-License-Identifier: Apache-2.0 */
/* Chooses the engine of a stream, and writes the line that says why. */
#include <speadi/engine_list.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/sentence.h>

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

/* What "auto" says: why it did not take the engines that it has asked so far. */
struct account {
    char others[SPEADI_ENGINE_REASON_MAX]; /* for the reason of the choice */
    char refusal[SPEAD_ERR_TEXT_MAX];      /* for the error if no engine can be used */
    bool refusal_lacks;                    /* a sentence did not fit into `refusal` */
};

/* The end of a refusal in which not all sentences fit. */
static const char more[] = "; spead-info engines says more";

static void note(struct account *account, const char *name, const char *what)
{
    speadi_sentence_add(account->others, sizeof account->others, "; %s: %s", name, what);
    if (!speadi_sentence_add(account->refusal, sizeof account->refusal - strlen(more), "; %s: %s",
                             name, what))
        account->refusal_lacks = true;
}

/* Writes the reason. The parts about the chosen engine come first, because they must not be left out. */
static void explain(const struct speadi_engine_choice *choice,
                    const struct speadi_engine_about *taken, const char *why, const char *others,
                    char reason[SPEADI_ENGINE_REASON_MAX])
{
    reason[0] = '\0';
    speadi_sentence_add(reason, SPEADI_ENGINE_REASON_MAX, "%s", why);
    if (taken->caveat)
        speadi_sentence_add(reason, SPEADI_ENGINE_REASON_MAX, "; %s", taken->caveat);
    if (choice->shape && choice->shape[0])
        speadi_sentence_add(reason, SPEADI_ENGINE_REASON_MAX, "; %s", choice->shape);
    speadi_sentence_add(reason, SPEADI_ENGINE_REASON_MAX, "%s", others);
}

static int none_usable(const struct speadi_engine_choice *choice, const struct account *account,
                       struct spead_err *err)
{
    if (account->others[0] == '\0')
        return speadi_err_set(err, -ENOTSUP, "this library has no %s engine for %s",
                              choice->list->direction, words_of(choice->endpoint));
    return speadi_err_set(err, -ENOTSUP, "%s%s", account->refusal,
                          account->refusal_lacks ? more : "");
}

static int choose_auto(const struct speadi_engine_choice *choice,
                       char reason[SPEADI_ENGINE_REASON_MAX], struct spead_err *err)
{
    const struct speadi_engine_about *engine, *taken = NULL;
    struct account account = {0};
    char why_taken[80];

    speadi_sentence_add(account.refusal, sizeof account.refusal,
                        "no %s engine for %s can be used here", choice->list->direction,
                        words_of(choice->endpoint));
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
        note(&account, engine->name, ret < 0 ? why.text : "usable, costs more");
    }
    if (!taken)
        return none_usable(choice, &account, err);
    snprintf(why_taken, sizeof why_taken, "auto: %.40s, the cheapest usable one", taken->name);
    explain(choice, taken, why_taken, account.others, reason);
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
