/* SPDX-License-Identifier: Apache-2.0 */
/* Finds out which engines this process could use at this moment. For an engine that this process could not use, the
 * survey says why, and which command changes that. */
#ifndef SPEADLINE_TOOLS_ENGINE_SURVEY_H
#define SPEADLINE_TOOLS_ENGINE_SURVEY_H

#include <stdbool.h>

#include <speadline/engine.h>

#include <speadi/port_place.h>
#include <speadi/verbs_device.h>

#include "tool_remedy.h"

#define SURVEY_ENGINES_MAX  64u /* engine verbs has one entry for each device */
#define SURVEY_REMEDIES_MAX 8u

struct survey_engine {
    const char *name;
    enum spead_endpoint_kind endpoint;
    bool usable;
    char reason[SPEAD_ERR_TEXT_MAX]; /* why the engine is not usable; "" if it is usable */
    /* What the engine lacks: without it the engine cannot be used, or is slower. */
    struct tool_remedy remedy[SURVEY_REMEDIES_MAX];
    unsigned remedy_count;
    /* What engine verbs knows about its device. report.device is "" for other engines, and for engine verbs when it has
     * found no device. */
    struct speadi_verbs_report report;
    struct speadi_port_place place; /* where the port of this device is in the host */
};

struct survey {
    struct survey_engine engine[SURVEY_ENGINES_MAX];
    unsigned count;
};

/* Fills *survey with the engines of the library. First come the receive engines in the order of their ranks, then the
 * send engines that are not receive engines. Engines for memory links are left out, because a user cannot name a memory
 * link. The survey opens and closes the devices that it looks at.
 *
 * `interface` is the name or address of the interface that engine verbs would use. If it is NULL, the survey looks at
 * every device. Returns 0, or -errno with a sentence when there is no such interface. */
int survey_take(struct survey *survey, const char *interface, struct spead_err *err);

/* Returns a new remedy of the engine. If the engine has SURVEY_REMEDIES_MAX remedies already, it returns a remedy that
 * nobody sees. */
struct tool_remedy *survey_new_remedy(struct survey_engine *engine);

#endif
