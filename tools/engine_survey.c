/* See engine_survey.h. */
#include "engine_survey.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#include <speadi/uring.h>

#include "tool_capability.h"
#include "tool_engines.h"

#define DEVICES_MAX 32u
/* the socket buffer that spead-recv asks for */
#define SOCKET_BUFFER_WANT SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT
#define MEMLOCK_WANT       (256u << 20) /* memory to lock: enough for one or two streams */
#define JUMBO_MTU          9000u

static struct survey_engine *add_engine(struct survey *survey, const char *name,
                                        enum spead_endpoint_kind endpoint)
{
    struct survey_engine *engine;

    if (survey->count == SURVEY_ENGINES_MAX)
        return NULL;
    engine = &survey->engine[survey->count++];
    *engine = (struct survey_engine){.name = name, .endpoint = endpoint, .usable = true};
    return engine;
}

/* Adds a remedy to the engine. The formatted text must have three parts: what is lacking, a tab, and the command that
 * provides it. */
__attribute__((format(printf, 2, 3))) static void add_remedy(struct survey_engine *engine,
                                                             const char *format, ...)
{
    struct survey_remedy *remedy = &engine->remedy[engine->remedy_count];
    char text[sizeof *remedy], *tab;
    va_list arguments;

    if (engine->remedy_count == SURVEY_REMEDIES_MAX)
        return;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    tab = strchr(text, '\t');
    if (!tab)
        return;
    *tab = '\0';
    snprintf(remedy->lack, sizeof remedy->lack, "%.119s", text);
    snprintf(remedy->command, sizeof remedy->command, "%.399s", tab + 1);
    engine->remedy_count++;
}

static void mark_unusable(struct survey_engine *engine, const struct spead_err *err)
{
    engine->usable = false;
    snprintf(engine->reason, sizeof engine->reason, "%s", err->text);
}

/* Reads the file at path. Returns the number in the first line that begins with `word`, or -1 when there is no such
 * line. */
static long long read_number(const char *path, const char *word)
{
    char line[128];
    long long number = -1;
    FILE *file = fopen(path, "re");

    if (!file)
        return -1;
    while (number < 0 && fgets(line, sizeof line, file))
        if (strncmp(line, word, strlen(word)) == 0)
            number = strtoll(line + strlen(word), NULL, 10);
    fclose(file);
    return number;
}

/* ---- Sockets and io_uring ------------------------------------------------------------------------ */

static void check_buffer(struct survey_engine *engine, const char *sysctl, const char *path)
{
    long long bytes = read_number(path, "");

    if (bytes < 0 || bytes >= SOCKET_BUFFER_WANT || tool_has_capability(CAP_NET_ADMIN))
        return;
    add_remedy(engine, "socket buffers are clipped to %lld KiB by %s\tsudo sysctl -w %s=%u",
               bytes / 1024, sysctl, sysctl, SOCKET_BUFFER_WANT);
}

static void check_sockets(struct survey_engine *engine)
{
    if (engine->usable)
        check_buffer(engine, "net.core.rmem_max", "/proc/sys/net/core/rmem_max");
}

static void check_uring(struct survey_engine *engine)
{
    if (!engine->usable && read_number("/proc/sys/kernel/io_uring_disabled", "") > 0)
        add_remedy(engine, "io_uring is disabled\tsudo sysctl -w kernel.io_uring_disabled=0");
    check_sockets(engine);
}

/* ---- Verbs --------------------------------------------------------------------------------------- */

/* Writes the path of the folder in which the file of this program lies. The program spead-net-raw is installed in the
 * same folder. */
static void own_folder(char folder[PATH_MAX])
{
    char path[PATH_MAX];
    ssize_t bytes = readlink("/proc/self/exe", path, sizeof path - 1);

    path[bytes > 0 ? bytes : 0] = '\0';
    snprintf(folder, PATH_MAX, "%s", bytes > 0 ? dirname(path) : ".");
}

static void check_capability(struct survey_engine *engine)
{
    char folder[PATH_MAX];

    if (tool_has_capability(CAP_NET_RAW))
        return;
    own_folder(folder);
    add_remedy(engine,
               "no CAP_NET_RAW, which raw packets need\tspead-net-raw spead-recv ... (once: sudo "
               "setcap cap_net_raw,cap_ipc_lock+p %.300s/spead-net-raw)",
               folder);
}

static void check_memlock(struct survey_engine *engine)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= MEMLOCK_WANT ||
        tool_has_capability(CAP_IPC_LOCK))
        return;
    add_remedy(engine,
               "only %llu KiB of memory may be locked\tulimit -l unlimited (in a unit: "
               "LimitMEMLOCK=infinity)",
               (unsigned long long)limit.rlim_cur / 1024);
}

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB"

static void check_huge_pages(struct survey_engine *engine)
{
    /* /proc/meminfo counts only pages of the default size, which can be 1 GiB. */
    if (read_number(HUGE_PAGES "/free_hugepages", "") <= 0)
        add_remedy(engine, "no huge page of 2 MiB is free, which arenas would use\techo 64 | "
                           "sudo tee " HUGE_PAGES "/nr_hugepages");
}

static void check_link(struct survey_engine *engine)
{
    const struct speadi_verbs_report *report = &engine->report;
    const char *interface = report->interface.name;

    if (report->device[0] == '\0')
        return;
    if (!report->ethernet)
        add_remedy(engine, "port %u is InfiniBand\tsudo mlxconfig -d %.60s set LINK_TYPE_P%u=2",
                   report->port, report->device, report->port);
    else if (!report->active)
        add_remedy(engine, "port %u is not active\tsudo ip link set %s up", report->port,
                   interface);
    if (report->interface.mtu != 0 && report->interface.mtu < JUMBO_MTU)
        add_remedy(engine, "MTU of %s is %u: packets are small\tsudo ip link set %s mtu %u",
                   interface, report->interface.mtu, interface, JUMBO_MTU);
}

static void survey_wish(struct survey *survey, const struct speadi_verbs_wish *wish)
{
    struct survey_engine *engine = add_engine(survey, "verbs", SPEAD_ENDPOINT_UDP);
    struct spead_err err;

    if (!engine)
        return;
    if (speadi_verbs_probe(wish, &engine->report, &err) < 0)
        mark_unusable(engine, &err);
    if (engine->report.device[0] == '\0')
        return; /* without a device no other remedy would help */
    check_link(engine);
    check_capability(engine);
    check_memlock(engine);
    check_huge_pages(engine);
}

static void survey_devices(struct survey *survey, const struct speadi_interface *interface)
{
    char names[DEVICES_MAX][SPEADI_VERBS_NAME_MAX];
    int count;

    if (interface) {
        survey_wish(survey, &(struct speadi_verbs_wish){.interface = interface});
        return;
    }
    count = speadi_verbs_list(names, DEVICES_MAX, NULL);
    if (count <= 0) /* without a device there is one entry, which says why */
        survey_wish(survey, &(struct speadi_verbs_wish){0});
    for (int i = 0; i < count; i++)
        survey_wish(survey, &(struct speadi_verbs_wish){.device = names[i]});
}

/* ---- All engines --------------------------------------------------------------------------------- */

/* The survey knows these engines by name, and says more about them than the library does. The survey also lists the
 * engines that are not in this table. */
static const struct {
    const char *name;
    /* Adds remedies to the entry of the engine. NULL if the survey knows no remedy for this engine. */
    void (*check)(struct survey_engine *engine);
    /* Adds the entries of the engine. If `interface` is NULL, each device gets an entry, else only the device of that
     * interface. This field is NULL for an engine that always has one entry. */
    void (*devices)(struct survey *survey, const struct speadi_interface *interface);
} known[] = {
    {"verbs", NULL, survey_devices},
    {"socket", check_sockets, NULL},
    {"uring", check_uring, NULL},
};

static void survey_one(struct survey *survey, const struct spead_engine_info *info,
                       int (*usable)(const char *name, struct spead_err *err),
                       const struct speadi_interface *interface)
{
    struct survey_engine *engine;
    struct spead_err err;
    size_t i = 0;

    while (i < sizeof known / sizeof *known && strcmp(known[i].name, info->name) != 0)
        i++;
    if (i < sizeof known / sizeof *known && known[i].devices) {
        known[i].devices(survey, interface);
        return;
    }
    engine = add_engine(survey, info->name, info->endpoint);
    if (!engine)
        return;
    if (usable(info->name, &err) < 0)
        mark_unusable(engine, &err);
    if (i < sizeof known / sizeof *known && known[i].check)
        known[i].check(engine);
}

static bool is_surveyed(const struct survey *survey, const char *name)
{
    for (unsigned i = 0; i < survey->count; i++)
        if (strcmp(survey->engine[i].name, name) == 0)
            return true;
    return false;
}

static void survey_list(struct survey *survey, tool_engine_info_fn *info,
                        int (*usable)(const char *name, struct spead_err *err),
                        const struct speadi_interface *interface)
{
    struct spead_engine_info engine = SPEAD_ENGINE_INFO_INIT;

    for (uint32_t i = 0; info(i, &engine) == 0; i++)
        if (tool_engine_is_nameable(&engine) && !is_surveyed(survey, engine.name))
            survey_one(survey, &engine, usable, interface);
}

int survey_take(struct survey *survey, const char *interface, struct spead_err *err)
{
    struct speadi_interface found;
    int ret = speadi_interface_find(&found, interface, err);

    if (ret < 0)
        return ret;
    survey->count = 0;
    survey_list(survey, spead_recv_engine_info, spead_recv_engine_usable,
                interface ? &found : NULL);
    survey_list(survey, spead_send_engine_info, spead_send_engine_usable,
                interface ? &found : NULL);
    return 0;
}
