/* See tool_remedy.h. */
#include "tool_remedy.h"

#include <ctype.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include <speadi/remedy.h>

/* The group of the file spead-net-raw. The commands of tool_remedy_net_raw() create this group. */
#define GROUP "speadline"

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
    remedy->on_host = !speadi_may_set_sysctl();
    tool_remedy_add_as_root(remedy, "sysctl -w %s=%u", name, value);
    snprintf(remedy->keep, sizeof remedy->keep,
             "echo %s=%u | %stee /etc/sysctl.d/90-speadline-%s.conf", name, value, speadi_sudo(),
             name);
}

void tool_remedy_net_raw(struct tool_remedy *remedy, const char *path)
{
    char quoted[TOOL_COMMAND_MAX];

    tool_quote(path, quoted, sizeof quoted);
    tool_remedy_add_as_root(remedy, "groupadd -f " GROUP);
    tool_remedy_add_as_root(remedy, "chgrp " GROUP " %s", quoted);
    tool_remedy_add_as_root(remedy, "chmod 0750 %s", quoted);
    tool_remedy_add_as_root(remedy, "setcap cap_net_raw,cap_ipc_lock+p %s", quoted);
    if (speadi_sudo()[0] != '\0')
        tool_remedy_add_as_root(remedy, "usermod -aG " GROUP " \"$(id -un)\"");
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

json_t *tool_remedy_json(const struct tool_remedy *remedy)
{
    char line[TOOL_REMEDY_COMMANDS_MAX * (TOOL_COMMAND_MAX + 4)];
    json_t *commands = json_array(), *keep = json_array();

    for (unsigned i = 0; i < remedy->command_count; i++)
        if (json_array_append_new(commands, json_string(remedy->command[i])) < 0)
            goto err_free_arrays;
    if (remedy->keep[0] != '\0' && json_array_append_new(keep, json_string(remedy->keep)) < 0)
        goto err_free_arrays;
    return json_pack("{s:s, s:s, s:o, s:o, s:s, s:s}", "lack", remedy->lack, "command",
                     tool_remedy_line(remedy, line, sizeof line), "commands", commands,
                     "commands_to_keep", keep, "where", remedy->on_host ? "host" : "here", "note",
                     remedy->note);

err_free_arrays:
    json_decref(commands);
    json_decref(keep);
    return NULL;
}
