/* SPDX-License-Identifier: Apache-2.0 */
/* See tool_remedy.h. */
#include "tool_remedy.h"

#include <ctype.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/remedy.h>

/* The group of the file spead-net-raw. The commands of tool_remedy_net_raw() create this group, unless the file has
 * been given to another one. */
#define GROUP "speadline"

#define SETTING_MAX 128 /* room for the name of a system setting */

void tool_remedy_init(struct tool_remedy *remedy, const char *lack, ...)
{
    va_list arguments;

    memset(remedy, 0, sizeof *remedy);
    va_start(arguments, lack);
    vsnprintf(remedy->lack, sizeof remedy->lack, lack, arguments);
    va_end(arguments);
}

/* A command that does not fit is left out, because a part of a command would do something else. */
static void add(struct tool_remedy *remedy, const char *prefix, const char *command,
                va_list arguments)
{
    char *text = remedy->command[remedy->command_count];
    int length, begun;

    if (remedy->command_count == TOOL_REMEDY_COMMANDS_MAX)
        return;
    begun = snprintf(text, TOOL_COMMAND_MAX, "%s", prefix);
    length = vsnprintf(text + begun, TOOL_COMMAND_MAX - (size_t)begun, command, arguments);
    if (length >= 0 && length < TOOL_COMMAND_MAX - begun)
        remedy->command_count++;
}

void tool_remedy_add(struct tool_remedy *remedy, const char *command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    add(remedy, "", command, arguments);
    va_end(arguments);
}

void tool_remedy_add_as_root(struct tool_remedy *remedy, const char *command, ...)
{
    va_list arguments;

    va_start(arguments, command);
    add(remedy, speadi_sudo(), command, arguments);
    va_end(arguments);
}

void tool_remedy_note(struct tool_remedy *remedy, const char *note, ...)
{
    va_list arguments;

    va_start(arguments, note);
    vsnprintf(remedy->note, sizeof remedy->note, note, arguments);
    va_end(arguments);
}

/* ---- Remedies that several tools have -------------------------------------------------------- */

void tool_remedy_sysctl(struct tool_remedy *remedy, const char *name, unsigned value)
{
    char word[SETTING_MAX], path[SETTING_MAX + 40], file[SETTING_MAX + 40];

    tool_quote(name, word, sizeof word);
    /* The kernel keeps what the last file says, and 60-speadline.conf of the administrator sorts behind this name. */
    snprintf(path, sizeof path, "/etc/sysctl.d/50-speadline-%s.conf", name);
    for (char *c = path + strlen("/etc/sysctl.d/"); *c != '\0'; c++)
        *c = *c == '/' ? '.' : *c;
    tool_quote(path, file, sizeof file);
    remedy->on_host = !speadi_may_set_sysctl();
    tool_remedy_add_as_root(remedy, "sysctl -w %s=%u", word, value);
    snprintf(remedy->keep, sizeof remedy->keep, "echo %s=%u | %stee %s", word, value, speadi_sudo(),
             file);
}

void tool_remedy_ip_link(struct tool_remedy *remedy, const char *change, ...)
{
    char command[TOOL_COMMAND_MAX];
    va_list arguments;

    va_start(arguments, change);
    vsnprintf(command, sizeof command, change, arguments);
    va_end(arguments);
    tool_remedy_add_as_root(remedy, "ip link set %s", command);
    remedy->on_host = !speadi_may_have_capability(CAP_NET_ADMIN);
    tool_remedy_note(remedy,
                     "this lasts until a reboot: write it into the network configuration of "
                     "this host too");
}

/* Returns the name of the group whose users alone may execute the file, or NULL if the file is not given to a group.
 * An upgrade takes only the capabilities away, where dpkg-statoverride keeps the group and the mode. */
static const char *group_of_file(const char *path)
{
    struct stat file;
    const struct group *group;

    if (stat(path, &file) < 0 || file.st_gid == 0 || !(file.st_mode & S_IXGRP) ||
        file.st_mode & (S_IWGRP | S_IWOTH | S_IXOTH))
        return NULL;
    group = getgrgid(file.st_gid);
    return group ? group->gr_name : NULL;
}

void tool_remedy_net_raw(struct tool_remedy *remedy, const char *path)
{
    const char *group = group_of_file(path);
    bool joins = speadi_sudo()[0] != '\0' && (!group || access(path, X_OK) < 0);
    char quoted[TOOL_COMMAND_MAX], name[TOOL_COMMAND_MAX];

    tool_quote(path, quoted, sizeof quoted);
    tool_quote(group ? group : GROUP, name, sizeof name);
    if (!group) {
        tool_remedy_add_as_root(remedy, "groupadd -f %s", name);
        tool_remedy_add_as_root(remedy, "chgrp %s %s", name, quoted);
        tool_remedy_add_as_root(remedy, "chmod 0750 %s", quoted);
    }
    tool_remedy_add_as_root(remedy, "setcap cap_net_raw,cap_ipc_lock+p %s", quoted);
    if (joins)
        tool_remedy_add_as_root(remedy, "usermod -aG %s \"$(id -un)\"", name);
}

/* ---- Showing them ---------------------------------------------------------------------------- */

char *tool_quote(const char *path, char *text, size_t room)
{
    size_t at = 0;
    bool plain = path[0] != '\0';

    for (const char *c = path; *c != '\0'; c++)
        plain = plain && (isalnum((unsigned char)*c) || strchr("/._-+@", *c));
    if (plain) {
        snprintf(text, room, "%s", path);
        return text;
    }
    text[at++] = '\'';
    for (; *path != '\0' && at + 6 < room; path++) {
        if (*path == '\'')
            at += (size_t)sprintf(text + at, "'\\''");
        else
            text[at++] = *path;
    }
    text[at++] = '\'';
    text[at] = '\0';
    return text;
}

char *tool_remedy_line(const struct tool_remedy *remedy, char *text, size_t room)
{
    size_t at = 0;

    text[0] = '\0';
    for (unsigned i = 0; i < remedy->command_count && at < room; i++)
        at +=
            (size_t)snprintf(text + at, room - at, "%s%s", i > 0 ? " && " : "", remedy->command[i]);
    return text;
}

void tool_remedy_print(FILE *to, const struct tool_remedy *remedy)
{
    fprintf(to, "        %s%s\n", remedy->lack,
            remedy->on_host ? " (only the host of this container can change that)" : "");
    for (unsigned i = 0; i < remedy->command_count; i++)
        fprintf(to, "            %s\n", remedy->command[i]);
    if (remedy->keep[0] != '\0')
        fprintf(to, "          and to keep it over a reboot:\n            %s\n", remedy->keep);
    if (remedy->note[0] != '\0')
        fprintf(to, "          %s\n", remedy->note);
}

json_t *tool_remedy_commands(const struct tool_remedy *remedy)
{
    json_t *commands = json_array();

    for (unsigned i = 0; i < remedy->command_count; i++)
        if (json_array_append_new(commands, json_string(remedy->command[i])) < 0) {
            json_decref(commands);
            return NULL;
        }
    return commands;
}

int tool_remedy_set_json(json_t *object, const struct tool_remedy *remedy)
{
    json_t *keep = json_array();
    int ret = 0;

    if (remedy->keep[0] != '\0')
        ret |= json_array_append_new(keep, json_string(remedy->keep));
    /* json_object_set_new() takes its value over, also when it fails. */
    ret |= json_object_set_new(object, "commands", tool_remedy_commands(remedy));
    ret |= json_object_set_new(object, "commands_to_keep", keep);
    ret |= json_object_set_new(object, "where", json_string(remedy->on_host ? "host" : "here"));
    ret |= json_object_set_new(object, "note", json_string(remedy->note));
    return ret;
}

json_t *tool_remedy_json(const struct tool_remedy *remedy)
{
    char line[TOOL_REMEDY_COMMANDS_MAX * (TOOL_COMMAND_MAX + 4)];
    json_t *object = json_pack("{s:s, s:s}", "lack", remedy->lack, "command",
                               tool_remedy_line(remedy, line, sizeof line));

    if (tool_remedy_set_json(object, remedy) < 0) {
        json_decref(object);
        return NULL;
    }
    return object;
}
