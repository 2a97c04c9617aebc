/* Finds out which engines this process could use at this moment. For an engine that it could not use, the survey says
 * why, and which command changes that. */
#ifndef SPEADLINE_TOOLS_ENGINE_SURVEY_H
#define SPEADLINE_TOOLS_ENGINE_SURVEY_H

#include <stdbool.h>

#include <speadline/engine.h>

#include <speadi/verbs_device.h>

#define SURVEY_ENGINES_MAX  64u /* an engine with devices (verbs) has one entry for each device */
#define SURVEY_REMEDIES_MAX 6u

/* A thing that the engine lacks: without it the engine cannot be used, or is slower. */
struct survey_remedy {
    char lack[120];    /* what is lacking */
    char command[400]; /* the command that provides it */
};

struct survey_engine {
    const char *name;
    enum spead_endpoint_kind endpoint;
    bool usable;
    char reason[SPEAD_ERR_TEXT_MAX]; /* why the engine is not usable; "" when it is */
    struct survey_remedy remedy[SURVEY_REMEDIES_MAX];
    unsigned remedy_count;
    /* For engine verbs: its device. report.device is "" for other engines, and when no device was found. */
    struct speadi_verbs_report report;
};

struct survey {
    struct survey_engine engine[SURVEY_ENGINES_MAX];
    unsigned count;
};

/* Fills *survey with the engines of the library that a user can name (not those that read memory links), ordered by
 * rank. It opens and closes the devices that it looks at. interface is the name or address of the interface that
 * engine verbs would use; NULL means every device. Returns 0, or -errno with a sentence when there is no such
 * interface. */
int survey_take(struct survey *survey, const char *interface, struct spead_err *err);

#endif
