/* SPDX-License-Identifier: Apache-2.0 */
/* See engine_survey.h. */
#include "engine_survey.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <speadline/recv.h>
#include <speadline/send.h>

#include <speadi/remedy.h>

#include "port_survey.h"
#include "tool_capability.h"
#include "tool_engines.h"

#define DEVICES_MAX 32u
/* the socket buffer that spead-recv asks for */
#define SOCKET_BUFFER_WANT SPEAD_RECV_SOCKET_BUFFER_BYTES_DEFAULT
#define MEMLOCK_WANT       (256u << 20) /* memory to lock: enough for one or two streams */
#define RINGS_MEMLOCK_WANT (1u << 20)   /* memory to lock for the rings of some streams */
#define FILES_WANT         64u          /* open files: enough for some endpoints */

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

struct tool_remedy *survey_new_remedy(struct survey_engine *engine)
{
    static struct tool_remedy spilled;

    if (engine->remedy_count == SURVEY_REMEDIES_MAX)
        return &spilled;
    return &engine->remedy[engine->remedy_count++];
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

/* ---- Limits of the process ----------------------------------------------------------------------- */

static void check_memlock(struct survey_engine *engine, rlim_t want)
{
    struct tool_remedy *remedy;
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur >= want ||
        tool_has_capability(CAP_IPC_LOCK))
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "only %llu KiB of memory may be locked",
                     (unsigned long long)limit.rlim_cur / 1024);
    tool_remedy_note(remedy, "in a unit: LimitMEMLOCK=infinity; for a container: --ulimit "
                             "memlock=-1; programs that spead-net-raw starts have no limit");
    if (limit.rlim_max >= want) { /* any user can raise the limit to the hard limit */
        tool_remedy_add(remedy, "ulimit -l $(ulimit -H -l)");
    } else if (speadi_may_have_capability(CAP_SYS_RESOURCE)) {
        tool_remedy_add_as_root(remedy, "prlimit --pid $$ --memlock=unlimited:unlimited");
    } else {
        remedy->on_host = true;
        return;
    }
    snprintf(remedy->keep, sizeof remedy->keep,
             "echo \"$(id -un) - memlock unlimited\" | %stee /etc/security/limits.d/"
             "90-speadline.conf",
             speadi_sudo());
}

/* Each endpoint of a stream takes a descriptor, and a tool takes some more. */
static void check_files(struct survey_engine *engine)
{
    struct tool_remedy *remedy;
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= FILES_WANT)
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "only %llu files may be open", (unsigned long long)limit.rlim_cur);
    tool_remedy_note(remedy, "in a unit: LimitNOFILE=1024; for a container: --ulimit nofile=1024");
    if (limit.rlim_max >= FILES_WANT)
        tool_remedy_add(remedy, "ulimit -n $(ulimit -H -n)");
    else if (speadi_may_have_capability(CAP_SYS_RESOURCE))
        tool_remedy_add_as_root(remedy, "prlimit --pid $$ --nofile=1024:1024");
    else
        remedy->on_host = true;
}

/* ---- Sockets and io_uring ------------------------------------------------------------------------ */

static void check_buffer(struct survey_engine *engine, const char *sysctl, const char *path)
{
    long long bytes = read_number(path, "");
    struct tool_remedy *remedy;

    if (bytes < 0 || bytes >= SOCKET_BUFFER_WANT || tool_has_capability(CAP_NET_ADMIN))
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "socket buffers are clipped to %lld KiB by %s", bytes / 1024, sysctl);
    tool_remedy_sysctl(remedy, sysctl, SOCKET_BUFFER_WANT);
}

static void check_sockets(struct survey_engine *engine)
{
    check_files(engine);
    if (engine->usable)
        check_buffer(engine, "net.core.rmem_max", "/proc/sys/net/core/rmem_max");
}

static void check_uring(struct survey_engine *engine)
{
    struct tool_remedy *remedy;

    if (!engine->usable && read_number("/proc/sys/kernel/io_uring_disabled", "") > 0) {
        remedy = survey_new_remedy(engine);
        tool_remedy_init(remedy, "io_uring is disabled");
        tool_remedy_sysctl(remedy, "kernel.io_uring_disabled", 0);
    }
    if (!engine->usable)
        check_memlock(engine, RINGS_MEMLOCK_WANT);
    check_sockets(engine);
}

/* ---- Verbs --------------------------------------------------------------------------------------- */

/* Writes the path of a tool that is installed in the same folder as this program. */
static void path_of_tool(char path[PATH_MAX], const char *tool)
{
    char own[PATH_MAX - 32];
    ssize_t bytes = readlink("/proc/self/exe", own, sizeof own - 1);

    own[bytes > 0 ? bytes : 0] = '\0';
    snprintf(path, PATH_MAX, "%s/%s", bytes > 0 ? dirname(own) : ".", tool);
}

/* Adds the commands that let this user run spead-net-raw. If the user can run it already, adds a command that tries
 * it. */
static void add_net_raw(struct tool_remedy *remedy)
{
    char net_raw[PATH_MAX], info[PATH_MAX], quoted[2][TOOL_COMMAND_MAX];
    bool is_set_up;

    path_of_tool(net_raw, "spead-net-raw");
    path_of_tool(info, "spead-info");
    is_set_up = getxattr(net_raw, "security.capability", NULL, 0) > 0;
    if (!is_set_up)
        tool_remedy_net_raw(remedy, net_raw);
    if (is_set_up && access(net_raw, X_OK) == 0)
        tool_remedy_add(remedy, "%s %s engines", tool_quote(net_raw, quoted[0], sizeof quoted[0]),
                        tool_quote(info, quoted[1], sizeof quoted[1]));
    else if (is_set_up)
        tool_remedy_add_as_root(remedy, "usermod -aG \"$(stat -c %%G %s)\" \"$(id -un)\"",
                                tool_quote(net_raw, quoted[0], sizeof quoted[0]));
    tool_remedy_note(remedy,
                     is_set_up && access(net_raw, X_OK) == 0
                         ? "start programs that use verbs with spead-net-raw"
                         : "log in again, then start programs with spead-net-raw; this lasts "
                           "until spead-net-raw is installed anew");
}

static void check_capability(struct survey_engine *engine)
{
    struct tool_remedy *remedy;

    if (tool_has_capability(CAP_NET_RAW))
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "no CAP_NET_RAW, which raw packets need");
    if (!speadi_may_have_capability(CAP_NET_RAW)) {
        remedy->on_host = true;
        tool_remedy_note(remedy,
                         "start the container with --cap-add=NET_RAW --cap-add=IPC_LOCK; in "
                         "a unit, let CapabilityBoundingSet= and AmbientCapabilities= name "
                         "CAP_NET_RAW and CAP_IPC_LOCK");
    } else if (geteuid() != 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1) {
        tool_remedy_note(remedy, "no_new_privs is set, so no program can gain rights: in a unit, "
                                 "AmbientCapabilities=CAP_NET_RAW CAP_IPC_LOCK; start a container "
                                 "without no-new-privileges");
    } else {
        add_net_raw(remedy);
    }
}

#define HUGE_PAGES "/sys/kernel/mm/hugepages/hugepages-2048kB"

static void check_huge_pages(struct survey_engine *engine)
{
    struct tool_remedy *remedy;

    /* /proc/meminfo counts only pages of the default size, which can be 1 GiB. */
    if (read_number(HUGE_PAGES "/free_hugepages", "") > 0)
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "no huge page of 2 MiB is free, which arenas would use");
    remedy->on_host = !speadi_may_set_sysctl();
    tool_remedy_add(remedy, "echo 64 | %stee " HUGE_PAGES "/nr_hugepages", speadi_sudo());
    snprintf(remedy->keep, sizeof remedy->keep,
             "echo 'w " HUGE_PAGES "/nr_hugepages - - - - 64' | %stee "
             "/etc/tmpfiles.d/90-speadline-hugepages.conf",
             speadi_sudo());
}

static void check_link(struct survey_engine *engine)
{
    const struct speadi_verbs_report *report = &engine->report;
    const char *interface = report->interface.name;
    char word[TOOL_COMMAND_MAX];
    struct tool_remedy *remedy;

    if (report->device[0] == '\0')
        return;
    if (!report->ethernet) {
        remedy = survey_new_remedy(engine);
        tool_remedy_init(remedy, "port %u is InfiniBand", report->port);
        tool_remedy_add_as_root(remedy, "mlxconfig -d %.60s set LINK_TYPE_P%u=2", report->device,
                                report->port);
        remedy->on_host = !speadi_may_have_capability(CAP_SYS_RAWIO);
        tool_remedy_note(remedy, "the device keeps it; it takes effect after a reboot");
    } else if (!report->active) {
        remedy = survey_new_remedy(engine);
        tool_remedy_init(remedy, "port %u is not active", report->port);
        tool_remedy_ip_link(remedy, "%s up", tool_quote(interface, word, sizeof word));
    }
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
    port_survey_take(engine);
    check_capability(engine);
    check_memlock(engine, MEMLOCK_WANT);
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

static struct survey_engine *surveyed(struct survey *survey, const char *name)
{
    for (unsigned i = 0; i < survey->count; i++)
        if (strcmp(survey->engine[i].name, name) == 0)
            return &survey->engine[i];
    return NULL;
}

static void survey_receive(struct survey *survey, const struct speadi_interface *interface)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;

    for (uint32_t i = 0; spead_recv_engine_info(i, &info) == 0; i++)
        if (tool_engine_is_nameable(&info) && !surveyed(survey, info.name))
            survey_one(survey, &info, spead_recv_engine_usable, interface);
}

/* An engine that receives and sends has one entry. It is usable if this process can use it in both directions. */
static void survey_send(struct survey *survey, const struct speadi_interface *interface)
{
    struct spead_engine_info info = SPEAD_ENGINE_INFO_INIT;
    struct survey_engine *known_one;
    struct spead_err err;

    for (uint32_t i = 0; spead_send_engine_info(i, &info) == 0; i++) {
        if (!tool_engine_is_nameable(&info))
            continue;
        known_one = surveyed(survey, info.name);
        if (!known_one)
            survey_one(survey, &info, spead_send_engine_usable, interface);
        else if (known_one->usable && known_one->report.device[0] == '\0' &&
                 spead_send_engine_usable(info.name, &err) < 0)
            mark_unusable(known_one, &err);
    }
}

int survey_take(struct survey *survey, const char *interface, struct spead_err *err)
{
    struct speadi_interface found;
    int ret = speadi_interface_find(&found, interface, err);

    if (ret < 0)
        return ret;
    survey->count = 0;
    survey_receive(survey, interface ? &found : NULL);
    survey_send(survey, interface ? &found : NULL);
    return 0;
}
