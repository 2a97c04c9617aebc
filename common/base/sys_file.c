/* SPDX-License-Identifier: Apache-2.0 */
/* See sys_file.h. */
#include <speadi/sys_file.h>

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *speadi_sys_root = "";

__attribute__((format(printf, 2, 0))) static bool make_path(char path[PATH_MAX], const char *format,
                                                            va_list args)
{
    int root = snprintf(path, PATH_MAX, "%s", speadi_sys_root), rest;

    if (root >= PATH_MAX)
        return false;
    rest = vsnprintf(path + root, (size_t)(PATH_MAX - root), format, args);
    return rest < PATH_MAX - root;
}

static bool read_line(char *text, size_t room, const char *path)
{
    FILE *file = fopen(path, "re");
    bool read;

    text[0] = '\0';
    if (!file)
        return false;
    read = fgets(text, (int)room, file) != NULL;
    fclose(file);
    text[strcspn(text, "\n")] = '\0';
    return read;
}

bool speadi_sys_line(char *text, size_t room, const char *format, ...)
{
    char path[PATH_MAX];
    bool made;
    va_list args;

    va_start(args, format);
    made = make_path(path, format, args);
    va_end(args);
    text[0] = '\0';
    return made && read_line(text, room, path);
}

bool speadi_sys_number(int64_t *number, const char *format, ...)
{
    char path[PATH_MAX], text[32], *end;
    int64_t value;
    bool made;
    va_list args;

    va_start(args, format);
    made = make_path(path, format, args);
    va_end(args);
    if (!made || !read_line(text, sizeof text, path))
        return false;
    value = strtoll(text, &end, 10);
    if (end == text)
        return false;
    *number = value;
    return true;
}

static void visit_path(void (*visit)(void *arg, const char *name), void *arg, const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;

    if (!folder)
        return;
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            visit(arg, entry->d_name);
    closedir(folder);
}

void speadi_sys_each(void (*visit)(void *arg, const char *name), void *arg, const char *format, ...)
{
    char path[PATH_MAX];
    bool made;
    va_list args;

    va_start(args, format);
    made = make_path(path, format, args);
    va_end(args);
    if (made)
        visit_path(visit, arg, path);
}

struct first {
    const char *prefix;
    char name[NAME_MAX + 1];
};

static void take_first(void *arg, const char *name)
{
    struct first *first = arg;

    if (strncmp(name, first->prefix, strlen(first->prefix)) == 0 &&
        (first->name[0] == '\0' || strcmp(name, first->name) < 0))
        snprintf(first->name, sizeof first->name, "%s", name);
}

bool speadi_sys_entry(char *name, size_t room, const char *prefix, const char *format, ...)
{
    struct first first = {.prefix = prefix};
    char path[PATH_MAX];
    bool made;
    va_list args;

    va_start(args, format);
    made = make_path(path, format, args);
    va_end(args);
    if (made)
        visit_path(take_first, &first, path);
    snprintf(name, room, "%s", first.name);
    return first.name[0] != '\0';
}

bool speadi_sys_link(char *name, size_t room, const char *format, ...)
{
    char path[PATH_MAX], target[PATH_MAX];
    const char *slash;
    ssize_t bytes;
    bool made;
    va_list args;

    va_start(args, format);
    made = make_path(path, format, args);
    va_end(args);
    bytes = made ? readlink(path, target, sizeof target - 1) : -1;
    target[bytes > 0 ? bytes : 0] = '\0';
    slash = strrchr(target, '/');
    snprintf(name, room, "%s", slash ? slash + 1 : target);
    return name[0] != '\0';
}
