/* Which engines this process could use here and now, why not, and what mends it. */
#ifndef SPEADLINE_TOOLS_ENGINE_SURVEY_H
#define SPEADLINE_TOOLS_ENGINE_SURVEY_H

#include <stdbool.h>

#include <speadline/engine.h>

#include <speadi/verbs_device.h>

#define SURVEY_ENGINES_MAX  64u /* those of the library; one with devices once a device */
#define SURVEY_REMEDIES_MAX 6u

/* Something that stands in the way, or only makes it slower, and a command that changes it. */
struct survey_remedy {
    char lack[120];
    char command[400];
};

struct survey_engine {
    const char *name;
    enum spead_endpoint_kind endpoint;
    bool usable;
    char reason[SPEAD_ERR_TEXT_MAX]; /* why not; "" when usable */
    struct survey_remedy remedy[SURVEY_REMEDIES_MAX];
    unsigned remedy_count;
    struct speadi_verbs_report report; /* of verbs: the device; device "" when nothing is known */
};

struct survey {
    struct survey_engine engine[SURVEY_ENGINES_MAX];
    unsigned count;
};

/* The engines of the library that a tool can name, by rank. Opens and closes what it looks at. interface: name or address of
 * the one that verbs would use; NULL: every device there is. Returns 0, or -errno with a sentence when there is no such
 * interface. */
int survey_take(struct survey *survey, const char *interface, struct spead_err *err);

#endif
