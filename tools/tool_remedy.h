/* SPDX-License-Identifier: Apache-2.0 */
/* A remedy: what is lacking on this machine, and the shell commands that provide it.
 *
 * Each command is a whole command line for sh. A program can run it as it stands, and a person can copy it. The
 * commands fit the user who runs this program: an ordinary user gets "sudo" where root is needed. */
#ifndef SPEADLINE_TOOLS_TOOL_REMEDY_H
#define SPEADLINE_TOOLS_TOOL_REMEDY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#define TOOL_REMEDY_COMMANDS_MAX 5u
#define TOOL_COMMAND_MAX         400

struct tool_remedy {
    char lack[160]; /* what is lacking, for the user */
    char command[TOOL_REMEDY_COMMANDS_MAX][TOOL_COMMAND_MAX];
    unsigned command_count; /* 0 if no command helps; then the note says what helps */
    /* The command that keeps the remedy after a reboot. "" if no command is needed, or if the note says what to do. */
    char keep[TOOL_COMMAND_MAX];
    bool on_host; /* this process is in a container, and the commands help only on its host */
    char note[240];
};

__attribute__((format(printf, 2, 3))) void tool_remedy_init(struct tool_remedy *remedy,
                                                            const char *lack, ...);

/* Adds a command that any user can run. */
__attribute__((format(printf, 2, 3))) void tool_remedy_add(struct tool_remedy *remedy,
                                                           const char *command, ...);

/* Adds a command that needs root. */
__attribute__((format(printf, 2, 3))) void tool_remedy_add_as_root(struct tool_remedy *remedy,
                                                                   const char *command, ...);

__attribute__((format(printf, 2, 3))) void tool_remedy_note(struct tool_remedy *remedy,
                                                            const char *note, ...);

/* Adds the command that sets a system setting, and fills `keep` with the command that keeps the setting. The name is
 * one that sysctl(8) takes: with dots between its parts, or with slashes, because the name of an interface can have a
 * dot. */
void tool_remedy_sysctl(struct tool_remedy *remedy, const char *name, unsigned value);

/* Adds the command "ip link set ..." and a note, because no command keeps the change after a reboot on every system. */
__attribute__((format(printf, 2, 3))) void tool_remedy_ip_link(struct tool_remedy *remedy,
                                                               const char *change, ...);

/* Adds the commands that let a group of users run spead-net-raw, which lies at `path`. The capabilities come last,
 * because chgrp takes them away. If a group has the file already, group and mode stay as they are. */
void tool_remedy_net_raw(struct tool_remedy *remedy, const char *path);

/* Writes all commands as one command line, joined by " && ". Returns text. */
char *tool_remedy_line(const struct tool_remedy *remedy, char *text, size_t room);

void tool_remedy_print(FILE *to, const struct tool_remedy *remedy);

/* Returns the remedy as a JSON object, or NULL when out of memory. */
json_t *tool_remedy_json(const struct tool_remedy *remedy);

/* Returns the commands as a JSON array, or NULL when out of memory. */
json_t *tool_remedy_commands(const struct tool_remedy *remedy);

/* Sets the keys commands, commands_to_keep, where and note of the object. Returns 0, or -1 when out of memory. */
int tool_remedy_set_json(json_t *object, const struct tool_remedy *remedy);

/* Writes the path or name as one word of sh. Returns text. */
char *tool_quote(const char *path, char *text, size_t room);

#endif
