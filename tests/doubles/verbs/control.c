/* Scripts, settings, counters and refusals of the verbs double. */
#include "double.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RULE_COUNT_MAX = 256, VERB_COUNT_MAX = 128 };

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
};

#define FIELD(name)                               \
    {                                             \
#        name, offsetof(struct vd_settings, name) \
    }
static const struct {
    const char *name;
    size_t offset;
} setting_names[] = {
    FIELD(max_qp_wr),      FIELD(max_sge),    FIELD(max_cqe),       FIELD(max_qp),
    FIELD(max_cq),         FIELD(max_mr),     FIELD(max_pd),        FIELD(max_flows),
    FIELD(max_mr_size),    FIELD(max_pinned), FIELD(max_inline),    FIELD(max_tso),
    FIELD(max_tso_header), FIELD(net_raw),    FIELD(mlx5),          FIELD(striding),
    FIELD(ip_csum),        FIELD(pacing),     FIELD(pacing_burst),  FIELD(timestamps),
    FIELD(wallclock),      FIELD(flow_tag),   FIELD(flow_steering), FIELD(rss),
    FIELD(infiniband),     FIELD(port_down),  FIELD(device_fatal),  FIELD(delay_us),
    FIELD(len_err_fatal),  FIELD(poison),     FIELD(ack_wait_ms),   FIELD(verbose),
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

/* lock protects everything below it. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct script {
    struct vd_settings settings;
    struct rule rules[RULE_COUNT_MAX];
    size_t rule_count;
} script;
static struct vdouble_counters counters;
static struct {
    const char *name; /* a literal in the double */
    uint64_t count;
} calls[VERB_COUNT_MAX];
static size_t call_count;
static char refusal[256];
static vdouble_copy_fn *copy_hook;
static void *copy_user;

/* ---- Refusing ------------------------------------------------------------------------------------ */

static void note_refusal(const char *format, va_list args)
{
    bool verbose;

    pthread_mutex_lock(&lock);
    vsnprintf(refusal, sizeof refusal, format, args);
    counters.refusals++;
    verbose = script.settings.verbose;
    if (verbose)
        fprintf(stderr, "verbs double: %s\n", refusal);
    pthread_mutex_unlock(&lock);
}

int vd_refuse(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_refusal(format, args);
    va_end(args);
    return err;
}

void *vd_refuse_null(int err, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    note_refusal(format, args);
    va_end(args);
    return vd_null(err);
}

void *vd_null(int err)
{
    errno = err;
    return NULL;
}

_Noreturn void vd_abort(const char *format, ...)
{
    va_list args;

    fputs("verbs double: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    abort();
}

VD_EXPORT const char *vdouble_last_refusal(void)
{
    static _Thread_local char copy[sizeof refusal];

    pthread_mutex_lock(&lock);
    memcpy(copy, refusal, sizeof copy);
    pthread_mutex_unlock(&lock);
    return copy;
}

/* ---- Scripts ------------------------------------------------------------------------------------- */

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

/* POINT@[%]N[=ARGUMENT], cut at the '@' and at the '='. */
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

/* All or nothing: a script with a mistake would test something else than its author thinks. */
static bool apply(const char *text)
{
    struct script *trial = malloc(sizeof *trial);
    char *copy = strdup(text), *rest = NULL;
    bool good = trial && copy;

    pthread_mutex_lock(&lock);
    if (good)
        *trial = script;
    for (char *word = good ? strtok_r(copy, " ;\n", &rest) : NULL; word && good;
         word = strtok_r(NULL, " ;\n", &rest)) {
        good = apply_word(trial, word);
        if (!good)
            snprintf(refusal, sizeof refusal, "script: cannot make sense of '%s'", word);
    }
    if (good)
        script = *trial;
    pthread_mutex_unlock(&lock);
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
    memset(&counters, 0, offsetof(struct vdouble_counters, contexts));
    call_count = 0;
    refusal[0] = '\0';
    copy_hook = NULL;
    pthread_mutex_unlock(&lock);
    vd_contexts_changed();
}

__attribute__((constructor)) static void begin(void)
{
    vdouble_reset();
    read_environment();
}

/* ---- What the other files ask -------------------------------------------------------------------- */

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
        counters.faults++;
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
    return fired;
}

int vd_call(const char *verb)
{
    long argument = 0;
    size_t i = 0;
    bool fired;

    pthread_mutex_lock(&lock);
    while (i < call_count && strcmp(calls[i].name, verb) != 0)
        i++;
    if (i == call_count) {
        calls[i].name = verb;
        calls[i].count = 0;
        call_count++;
    }
    calls[i].count++;
    fired = fires(verb, &argument);
    pthread_mutex_unlock(&lock);
    if (!fired)
        return 0;
    return argument > 0 ? (int)argument : EIO;
}

VD_EXPORT uint64_t vdouble_calls(const char *verb)
{
    uint64_t count = 0;

    pthread_mutex_lock(&lock);
    for (size_t i = 0; i < call_count; i++)
        if (!strcmp(calls[i].name, verb))
            count = calls[i].count;
    pthread_mutex_unlock(&lock);
    return count;
}

void vd_count(size_t offset, int64_t amount)
{
    uint64_t *counter = (uint64_t *)((char *)&counters + offset);

    pthread_mutex_lock(&lock);
    *counter += (uint64_t)amount;
    pthread_mutex_unlock(&lock);
}

VD_EXPORT void vdouble_counters(struct vdouble_counters *out)
{
    pthread_mutex_lock(&lock);
    *out = counters;
    pthread_mutex_unlock(&lock);
}

VD_EXPORT void vdouble_copy_hook(vdouble_copy_fn *copy, void *user)
{
    pthread_mutex_lock(&lock);
    copy_hook = copy;
    copy_user = user;
    pthread_mutex_unlock(&lock);
}

uint32_t vd_next_number(void)
{
    static uint32_t last = 0x100;
    uint32_t number;

    pthread_mutex_lock(&lock);
    number = last++;
    pthread_mutex_unlock(&lock);
    return number;
}

void vd_copy_device(void *to, const void *from, size_t bytes)
{
    vdouble_copy_fn *copy;
    void *user;

    pthread_mutex_lock(&lock);
    copy = copy_hook;
    user = copy_user;
    pthread_mutex_unlock(&lock);
    if (copy)
        copy(user, to, from, bytes);
    else
        memcpy(to, from, bytes);
}

VD_EXPORT int vdouble_qp_fatal(uint32_t qp_num)
{
    return vd_contexts_qp_fatal(qp_num);
}

VD_EXPORT bool vdouble_is_mlx5(void)
{
    return VD_SETTING(mlx5);
}

VD_EXPORT bool vdouble_has_striding(void)
{
    return VD_SETTING(mlx5) && VD_SETTING(striding);
}

VD_EXPORT int vdouble_call(const char *verb)
{
    return vd_call(verb);
}
