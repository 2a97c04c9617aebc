/* See tool_options.h. */
#include "tool_options.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

/* ---- Values -------------------------------------------------------------------------------- */

static unsigned suffix_shift(char suffix)
{
    switch (suffix) {
    case 'k':
    case 'K':
        return 10;
    case 'm':
    case 'M':
        return 20;
    case 'g':
    case 'G':
        return 30;
    case 't':
    case 'T':
        return 40;
    default:
        return 0;
    }
}

static int parse_number(uint64_t *value, const char *text, bool suffixes, uint64_t min,
                        uint64_t max, struct spead_err *err)
{
    uint64_t number, scaled;
    unsigned shift;
    char *end;

    /* strtoull() would take " -1" for a large number. */
    if (*text < '0' || *text > '9')
        return speadi_err_set(err, -EINVAL, "not a number");
    errno = 0;
    number = strtoull(text, &end, 10);
    shift = suffixes ? suffix_shift(*end) : 0;
    end += shift != 0;
    if (*end != '\0')
        return speadi_err_set(err, -EINVAL,
                              suffixes ? "not a size (like 65536, 64K, 4M or 1G)"
                                       : "not a whole number");
    scaled = number << shift;
    if (errno == ERANGE || scaled >> shift != number || scaled > max)
        return speadi_err_set(err, -EINVAL, "largest is %" PRIu64, max);
    if (scaled < min)
        return speadi_err_set(err, -EINVAL, "smallest is %" PRIu64, min);
    *value = scaled;
    return 0;
}

int tool_parse_count(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                     struct spead_err *err)
{
    return parse_number(value, text, false, min, max, err);
}

int tool_parse_size(uint64_t *value, const char *text, uint64_t min, uint64_t max,
                    struct spead_err *err)
{
    return parse_number(value, text, true, min, max, err);
}

int tool_parse_real(double *value, const char *text, double min, double max, struct spead_err *err)
{
    double number;
    char *end;

    number = strtod(text, &end);
    if (end == text || *end != '\0' || !isfinite(number))
        return speadi_err_set(err, -EINVAL, "not a number");
    if (number < min)
        return speadi_err_set(err, -EINVAL, "smallest is %g", min);
    if (number > max)
        return speadi_err_set(err, -EINVAL, "largest is %g", max);
    *value = number;
    return 0;
}

int tool_parse_choice(int *index, const char *text, const char *const *words, struct spead_err *err)
{
    char list[128] = "";

    for (int i = 0; words[i] != NULL; i++) {
        if (strcmp(text, words[i]) == 0) {
            *index = i;
            return 0;
        }
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i == 0 ? "" : ", ",
                 words[i]);
    }
    return speadi_err_set(err, -EINVAL, "use one of %s", list);
}

static int parse_into(const struct tool_value *row, const char *text, void *to,
                      struct spead_err *err)
{
    switch (row->kind) {
    case TOOL_COUNT:
        return tool_parse_count(to, text, row->min, row->max, err);
    case TOOL_SIZE:
        return tool_parse_size(to, text, row->min, row->max, err);
    case TOOL_REAL:
        return tool_parse_real(to, text, (double)row->min, (double)row->max, err);
    case TOOL_CHOICE:
        return tool_parse_choice(to, text, row->words, err);
    }
    return -EINVAL;
}

bool tool_value_take(const struct tool_value *table, size_t count, int key, const char *text,
                     void *options)
{
    struct spead_err err;

    for (size_t i = 0; i < count; i++) {
        if (table[i].key != key)
            continue;
        if (parse_into(&table[i], text, (char *)options + table[i].offset, &err) < 0)
            tool_usage("%s %s: %s", table[i].name, text, err.text);
        return true;
    }
    return false;
}

/* ---- What both tools have ------------------------------------------------------------------ */

#define SECONDS_MAX (100ull * 366 * 86400)
#define ROW(key, name, kind, min, max, field)                                \
    {                                                                        \
        key, name, kind, min, max, NULL, offsetof(struct tool_common, field) \
    }

static const struct tool_value common_values[] = {
    ROW(TOOL_KEY_PACKET, "--packet", TOOL_SIZE, TOOL_PACKET_BYTES_MIN, TOOL_PACKET_BYTES_MAX,
        packet),
    ROW(TOOL_KEY_BUFFER, "--buffer", TOOL_SIZE, 1, 1u << 30, buffer),
    ROW(TOOL_KEY_HEAPS, "--heaps", TOOL_COUNT, 1, UINT64_MAX, heaps),
    ROW(TOOL_KEY_SECONDS, "--seconds", TOOL_REAL, 0, SECONDS_MAX, seconds),
    ROW(TOOL_KEY_MAX_POLL, "--max-poll", TOOL_COUNT, 0, UINT32_MAX, max_poll),
};

static void take_cpu(struct tool_common *common, const char *text)
{
    struct spead_err err;
    cpu_set_t allowed;
    uint64_t cpu;

    if (tool_parse_count(&cpu, text, 0, UINT32_MAX, &err) < 0)
        tool_usage("--cpu %s: %s", text, err.text);
    if (cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) < 0 ||
        !CPU_ISSET(cpu, &allowed))
        tool_usage("--cpu %s: no such CPU, or this process may not use it (see taskset -p)", text);
    common->cpu = (int)cpu;
}

static void take_comp_vector(struct tool_common *common, const char *text)
{
    struct spead_err err;
    uint64_t vector;

    if (strcmp(text, "poll") == 0 || strcmp(text, "-1") == 0) {
        common->comp_vector = -1;
        return;
    }
    if (tool_parse_count(&vector, text, 0, INT16_MAX, &err) < 0)
        tool_usage("--comp-vector %s: %s; or \"poll\"", text, err.text);
    common->comp_vector = (int)vector;
}

static void take_engine(struct tool_common *common, const char *text)
{
    const char *const *names = tool_engine_names(common->engine_info);
    struct spead_err err;
    int index;

    if (tool_parse_choice(&index, text, names, &err) < 0)
        tool_usage("--engine %s: %s", text, err.text);
    common->engine = names[index];
}

static void take_endpoint(struct tool_common *common, const char *text)
{
    if (common->endpoint_count == TOOL_ENDPOINTS_MAX)
        tool_usage("\"%s\" is one endpoint too many: most is %u", text, TOOL_ENDPOINTS_MAX);
    common->endpoints[common->endpoint_count++] = text;
}

error_t tool_common_take(int key, char *argument, struct argp_state *state,
                         struct tool_common *common)
{
    if (tool_value_take(common_values, sizeof common_values / sizeof *common_values, key, argument,
                        common))
        return 0;
    switch (key) {
    case TOOL_KEY_CPU:
        take_cpu(common, argument);
        return 0;
    case TOOL_KEY_ENGINE:
        take_engine(common, argument);
        return 0;
    case TOOL_KEY_BIND:
        common->bind = argument;
        return 0;
    case TOOL_KEY_FAULT:
        common->fault = argument;
        return 0;
    case TOOL_KEY_VERBS_DEVICE:
        common->verbs_device = argument;
        return 0;
    case TOOL_KEY_COMP_VECTOR:
        take_comp_vector(common, argument);
        return 0;
    case TOOL_KEY_VERIFY:
        common->verify = true;
        return 0;
    case TOOL_KEY_JSON:
        common->json = true;
        return 0;
    case TOOL_KEY_QUIET:
        common->quiet = true;
        return 0;
    case ARGP_KEY_ARG:
        take_endpoint(common, argument);
        return 0;
    case ARGP_KEY_INIT:
        /* Without a stream argp keeps its second line ("Try ...") to itself; getopt's own line, which
         * names the option, stays. */
        state->err_stream = NULL;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static void print_version(FILE *stream, struct argp_state *state)
{
    fprintf(stream, "%s (Speadline) %s\n", state->name, spead_version());
}

void tool_parse(const struct argp *argp, int argc, char **argv, void *options)
{
    argp_program_version_hook = print_version;
    argp_err_exit_status = TOOL_USAGE;
    if (argp_parse(argp, argc, argv, 0, NULL, options) != 0)
        exit(TOOL_USAGE);
}

/* ---- Failures ------------------------------------------------------------------------------ */

static void print_line(const char *format, va_list arguments)
{
    char line[1024];

    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "%s: %s\n", program_invocation_short_name, line);
}

void tool_usage(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    exit(TOOL_USAGE);
}

int tool_failed(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    print_line(format, arguments);
    va_end(arguments);
    return TOOL_FAILED;
}

/* Fields that the library alone can judge, as they depend on others. It names them first. */
static const struct {
    const char *field, *option;
} options_of_fields[] = {
    {"live_heaps_max ", "--concurrent-heaps "},
    {"memory_bytes_max ", "--memory "},
};

int tool_failed_call(int code, const struct spead_err *err)
{
    const char *said = err->text[0] != '\0' ? err->text : strerror(-code), *option = "";

    for (size_t i = 0; i < sizeof options_of_fields / sizeof *options_of_fields; i++) {
        size_t length = strlen(options_of_fields[i].field);

        if (strncmp(said, options_of_fields[i].field, length) == 0) {
            option = options_of_fields[i].option;
            said += length;
            break;
        }
    }
    tool_failed("%s%s", option, said);
    return code == -EINVAL ? TOOL_USAGE : TOOL_FAILED;
}
