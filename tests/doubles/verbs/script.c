/* SPDX-License-Identifier: Apache-2.0 */
/* Scripts of the verbs double: settings, and faults that will happen later. */
#include "double.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_COUNT_MAX = 256 };

struct rule {
    char point[40];
    uint64_t nth, seen;
    bool every, spent;
    long argument;
};

static const struct vd_settings defaults = {
    .max_qp_wr = 32768,
    .max_sge = VD_SGE_MAX,
    .max_cqe = 1 << 22,
    .max_qp = 1024,
    .max_cq = 1024,
    .max_mr = VD_MR_COUNT_MAX - 1,
    .max_pd = 1024,
    .max_flows = 1024,
    .max_mr_size = UINT64_MAX,
    .max_pinned = UINT64_MAX,
    .max_inline = 512,
    .max_tso = 65535,
    .max_tso_header = 128,
    .net_raw = 1,
    .mlx5 = 1,
    .striding = 1,
    .ip_csum = 1,
    .pacing = 1,
    .pacing_burst = 1,
    .timestamps = 1,
    .wallclock = 1,
    .flow_tag = 1,
    .flow_steering = 1,
    .rss = 1,
    .len_err_fatal = 1,
    .poison = 1,
    .ack_wait_ms = 5000,
    .port_speed = 32,
    .cqe_bytes = 64,
    .clock_page = 1,
    .clock_busy = 16,
};

#define FIELD(name)                               \
    {                                             \
#        name, offsetof(struct vd_settings, name) \
    }
static const struct {
    const char *name;
    size_t offset;
} setting_names[] = {
    FIELD(max_qp_wr),
    FIELD(max_sge),
    FIELD(max_cqe),
    FIELD(max_qp),
    FIELD(max_cq),
    FIELD(max_mr),
    FIELD(max_pd),
    FIELD(max_flows),
    FIELD(max_mr_size),
    FIELD(max_pinned),
    FIELD(max_inline),
    FIELD(max_tso),
    FIELD(max_tso_header),
    FIELD(net_raw),
    FIELD(mlx5),
    FIELD(striding),
    FIELD(ip_csum),
    FIELD(pacing),
    FIELD(pacing_burst),
    FIELD(timestamps),
    FIELD(wallclock),
    FIELD(flow_tag),
    FIELD(flow_steering),
    FIELD(rss),
    FIELD(infiniband),
    FIELD(port_down),
    FIELD(device_fatal),
    FIELD(delay_us),
    FIELD(len_err_fatal),
    FIELD(poison),
    FIELD(ack_wait_ms),
    FIELD(verbose),
    FIELD(verb_us),
    FIELD(flush_us),
    FIELD(burst),
    FIELD(zero_csum_ok),
    FIELD(cqe_bytes),
    FIELD(csum_blind),
    FIELD(cqe_shift),
    FIELD(lenient),
    FIELD(loopback),
    FIELD(dma_lines),
    FIELD(wallclock_offset_s),
    FIELD(wallclock_drift_ppm),
    FIELD(real_time),
    FIELD(clock_page),
    FIELD(clock_busy),
    FIELD(stale_events),
    FIELD(port_speed),
};

#define STATUS(name)         \
    {                        \
#        name, IBV_WC_##name \
    }
static const struct {
    const char *name;
    long value;
} status_names[] = {
    STATUS(LOC_LEN_ERR),    STATUS(LOC_QP_OP_ERR), STATUS(LOC_PROT_ERR),
    STATUS(WR_FLUSH_ERR),   STATUS(MW_BIND_ERR),   STATUS(BAD_RESP_ERR),
    STATUS(LOC_ACCESS_ERR), STATUS(FATAL_ERR),     STATUS(GENERAL_ERR),
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* protects `script` */
static struct script {
    struct vd_settings settings;
    struct rule rules[RULE_COUNT_MAX];
    size_t rule_count;
} script;

/* ---- Reading ------------------------------------------------------------------------------------- */

static bool parse_number(const char *text, uint64_t *out)
{
    char *end;

    errno = 0;
    *out = strtoull(text, &end, 0);
    return isdigit((unsigned char)text[0]) && *end == '\0' && errno == 0;
}

static bool parse_argument(const char *text, long *out)
{
    uint64_t number;

    if (parse_number(text, &number) && number <= INT32_MAX) {
        *out = (long)number;
        return true;
    }
    for (size_t i = 0; i < sizeof status_names / sizeof status_names[0]; i++) {
        *out = status_names[i].value;
        if (!strcmp(text, status_names[i].name))
            return true;
    }
    for (int err = 1; err < 200; err++) {
        const char *name = strerrorname_np(err);

        *out = err;
        if (name && !strcmp(text, name))
            return true;
    }
    return false;
}

/* Adds the fault of a word POINT@[%]N[=ARGUMENT]. The caller must have divided the word at the '@' and at the '='. */
static bool add_rule(struct script *to, const char *point, const char *when, const char *argument)
{
    struct rule rule = {.every = when[0] == '%', .argument = -1};

    if (to->rule_count == RULE_COUNT_MAX || strlen(point) >= sizeof rule.point)
        return false;
    strcpy(rule.point, point);
    if (!parse_number(when + rule.every, &rule.nth) || rule.nth == 0)
        return false;
    if (argument && !parse_argument(argument, &rule.argument))
        return false;
    to->rules[to->rule_count++] = rule;
    return true;
}

static bool set(struct script *to, const char *name, const char *value)
{
    uint64_t number;

    if (!value || !parse_number(value, &number))
        return false;
    for (size_t i = 0; i < sizeof setting_names / sizeof setting_names[0]; i++) {
        if (strcmp(name, setting_names[i].name) != 0)
            continue;
        memcpy((char *)&to->settings + setting_names[i].offset, &number, sizeof number);
        return true;
    }
    return false;
}

static bool apply_word(struct script *to, char *word)
{
    char *argument = strchr(word, '='), *when = strchr(word, '@');

    if (argument)
        *argument++ = '\0';
    if (!when)
        return set(to, word, argument);
    *when++ = '\0';
    return add_rule(to, word, when, argument);
}

/* Makes a script active. If one word is wrong, no part of the script becomes active. With only a part of the script, a
 * test would not test what its author wants. */
static bool apply(const char *text)
{
    struct script *trial = malloc(sizeof *trial);
    char *copy = strdup(text), *rest = NULL, *word = NULL;
    bool good = trial && copy;

    pthread_mutex_lock(&lock);
    if (good)
        *trial = script;
    if (good)
        word = strtok_r(copy, " ;\n", &rest);
    while (good && word) {
        good = apply_word(trial, word);
        if (good)
            word = strtok_r(NULL, " ;\n", &rest);
    }
    if (good)
        script = *trial;
    pthread_mutex_unlock(&lock);
    if (!good)
        vd_refuse(EINVAL, "script: cannot make sense of '%s'", word ? word : "it: no memory");
    free(trial);
    free(copy);
    return good;
}

VD_EXPORT int vdouble_script(const char *text)
{
    if (!apply(text))
        return -EINVAL;
    vd_contexts_changed();
    return 0;
}

static void read_environment(void)
{
    const char *text = getenv("VDOUBLE");

    if (text && !apply(text))
        vd_abort("VDOUBLE: %s", vdouble_last_refusal());
}

VD_EXPORT void vdouble_reset(void)
{
    pthread_mutex_lock(&lock);
    script = (struct script){.settings = defaults};
    pthread_mutex_unlock(&lock);
    vd_control_reset();
    vd_contexts_changed();
}

__attribute__((constructor)) static void begin(void)
{
    vdouble_reset();
    read_environment();
}

/* ---- Using the script --------------------------------------------------------------- */

uint64_t vd_setting(size_t offset)
{
    uint64_t value;

    pthread_mutex_lock(&lock);
    memcpy(&value, (char *)&script.settings + offset, sizeof value);
    pthread_mutex_unlock(&lock);
    return value;
}

static bool fires(const char *point, long *argument)
{
    bool fired = false;

    for (size_t i = 0; i < script.rule_count; i++) {
        struct rule *rule = &script.rules[i];

        if (rule->spent || strcmp(rule->point, point) != 0)
            continue;
        if (++rule->seen % rule->nth != 0)
            continue;
        rule->spent = !rule->every;
        fired = true;
        if (argument)
            *argument = rule->argument;
    }
    return fired;
}

bool vd_fault(const char *point, long *argument)
{
    bool fired;

    pthread_mutex_lock(&lock);
    fired = fires(point, argument);
    pthread_mutex_unlock(&lock);
    if (fired)
        VD_COUNT(faults, 1);
    return fired;
}
