/* SPDX-License-Identifier: Apache-2.0 */
/* See own_file.h. */
#include <speadi/own_file.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include <speadi/err.h>

#define LINKS_MAX 40u /* as in the kernel */
#define TRIES_MAX 8u

/* A walk along a path, folder by folder, to the folder of the file. */
struct walk {
    const char *path; /* for sentences */
    char rest[PATH_MAX];
    int folder; /* descriptor of the folder in which `rest` begins */
    unsigned links;
};

/* Returns the user whose rights this thread has when it opens files. */
static uid_t me(void)
{
    return (uid_t)setfsuid((uid_t)-1);
}

static bool is_trusted(const struct stat *st)
{
    return st->st_uid == me() || st->st_uid == 0;
}

static int failed(const struct walk *walk, struct spead_err *err)
{
    return speadi_err_errno(err, "cannot open %s", walk->path);
}

/* ---- The folder ------------------------------------------------------------------------------ */

/* Puts the walk into the folder with this descriptor, which then belongs to the walk. */
static void enter(struct walk *walk, int folder)
{
    if (walk->folder >= 0)
        close(walk->folder);
    walk->folder = folder;
}

/* Begins a walk along walk->rest, at the root if the path is absolute. */
static int begin(struct walk *walk, struct spead_err *err)
{
    bool absolute = walk->rest[0] == '/';
    int folder = absolute || walk->folder < 0
                     ? open(absolute ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC)
                     : walk->folder;

    if (folder < 0)
        return failed(walk, err);
    if (folder != walk->folder)
        enter(walk, folder);
    return 0;
}

/* Puts the text of the link before the rest of the path. */
static int follow(struct walk *walk, int link, const struct stat *st, struct spead_err *err)
{
    char text[PATH_MAX];
    ssize_t bytes;

    if (!is_trusted(st))
        return speadi_err_set(err, -ELOOP,
                              "%s leads through a link of another user (uid %u): name the folder "
                              "behind it",
                              walk->path, (unsigned)st->st_uid);
    bytes = readlinkat(link, "", text, sizeof text);
    if (bytes < 0)
        return failed(walk, err);
    if (++walk->links > LINKS_MAX)
        return speadi_err_set(err, -ELOOP, "cannot open %s: too many links", walk->path);
    if ((size_t)bytes + 1 + strlen(walk->rest) + 1 > sizeof text)
        return speadi_err_set(err, -ENAMETOOLONG, "cannot open %s: too long", walk->path);
    text[bytes] = '/';
    strcpy(text + bytes + 1, walk->rest);
    strcpy(walk->rest, text);
    return begin(walk, err);
}

/* Goes one step, into the folder `name`, which lies in walk->folder. walk->rest no longer contains this name. */
static int step(struct walk *walk, const char *name, struct spead_err *err)
{
    int ret, fd = openat(walk->folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        ret = failed(walk, err);
        if (fd >= 0)
            close(fd);
        return ret;
    }
    if (!S_ISLNK(st.st_mode)) {
        enter(walk, fd); /* if it is no folder, the next openat() says so */
        return 0;
    }
    ret = follow(walk, fd, &st, err);
    close(fd);
    return ret;
}

/* Walks to the folder of the file. walk->rest is the name of the file then. */
static int walk_to_folder(struct walk *walk, struct spead_err *err)
{
    int ret = begin(walk, err);
    char *slash;

    while (ret == 0 && (slash = strchr(walk->rest, '/'))) {
        char name[NAME_MAX + 1];
        size_t length = (size_t)(slash - walk->rest);

        if (length > NAME_MAX)
            return speadi_err_set(err, -ENAMETOOLONG, "cannot open %s: too long", walk->path);
        memcpy(name, walk->rest, length);
        name[length] = '\0';
        memmove(walk->rest, slash + 1, strlen(slash + 1) + 1);
        if (length > 0)
            ret = step(walk, name, err);
    }
    return ret;
}

/* ---- The file -------------------------------------------------------------------------------- */

/* Says whether this program may write to a file that is there already. */
static int judge(const char *path, const struct stat *st, unsigned how, struct spead_err *err)
{
    if (S_ISLNK(st->st_mode))
        return speadi_err_set(err, -ELOOP, "%s is a link: name the file behind it", path);
    if (S_ISDIR(st->st_mode))
        return speadi_err_set(err, -EISDIR, "cannot write to %s: a folder", path);
    if (!S_ISREG(st->st_mode) && !(how & SPEADI_OWN_FILE_ANY_KIND))
        return speadi_err_set(err, -EINVAL, "cannot write to %s: not a regular file", path);
    if (S_ISREG(st->st_mode) ? st->st_uid != me() : !is_trusted(st))
        return speadi_err_set(
            err, -EPERM,
            "cannot write to %s: it belongs to another user (uid %u); use another "
            "name",
            path, (unsigned)st->st_uid);
    if (S_ISREG(st->st_mode) && st->st_nlink > 1 && !(how & SPEADI_OWN_FILE_FOLLOW))
        return speadi_err_set(err, -EMLINK,
                              "cannot write to %s: the file has %u names; use another name", path,
                              (unsigned)st->st_nlink);
    return 0;
}

/* Opens the file behind the O_PATH descriptor `seen`. A file that has got the same name in the meantime is not
 * opened. */
static int open_seen(const struct walk *walk, int seen, int flags, unsigned how,
                     struct spead_err *err)
{
    char name[40];
    struct stat st;
    int fd, ret;

    if (fstat(seen, &st) < 0)
        return failed(walk, err);
    ret = judge(walk->path, &st, how, err);
    if (ret < 0)
        return ret;
    snprintf(name, sizeof name, "/proc/self/fd/%d", seen);
    fd = open(name, flags);
    return fd < 0 ? failed(walk, err) : fd;
}

/* Opens or makes the file in the folder of the walk. */
static int open_in_folder(const struct walk *walk, int flags, unsigned how, struct spead_err *err)
{
    if (walk->rest[0] == '\0')
        return speadi_err_set(err, -EISDIR, "cannot write to \"%s\": no name of a file",
                              walk->path);
    for (unsigned i = 0; i < TRIES_MAX; i++) {
        int ret, seen, fd = openat(walk->folder, walk->rest, flags | O_CREAT | O_EXCL, 0666);

        if (fd >= 0 || errno != EEXIST)
            return fd >= 0 ? fd : failed(walk, err);
        seen = openat(walk->folder, walk->rest, O_PATH | O_NOFOLLOW | O_CLOEXEC);
        if (seen < 0 && errno == ENOENT)
            continue; /* it has just been removed */
        if (seen < 0)
            return failed(walk, err);
        ret = open_seen(walk, seen, flags, how, err);
        close(seen);
        return ret;
    }
    return speadi_err_set(err, -EBUSY, "cannot open %s: it comes and goes", walk->path);
}

static int open_following(const char *path, int flags, unsigned how, struct spead_err *err)
{
    int ret, fd = open(path, flags | O_CREAT, 0666);
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0) {
        ret = speadi_err_errno(err, "cannot open %s", path);
        if (fd >= 0)
            close(fd);
        return ret;
    }
    ret = judge(path, &st, how, err);
    if (ret < 0)
        close(fd);
    return ret < 0 ? ret : fd;
}

int speadi_own_file_open(const char *path, int flags, unsigned how, struct spead_err *err)
{
    struct walk walk = {.path = path, .folder = -1};
    int ret;

    flags |= O_CLOEXEC | O_NOCTTY;
    if (how & SPEADI_OWN_FILE_FOLLOW)
        return open_following(path, flags, how, err);
    if (strlen(path) >= sizeof walk.rest)
        return speadi_err_set(err, -ENAMETOOLONG, "cannot open %.80s...: too long", path);
    strcpy(walk.rest, path);
    ret = walk_to_folder(&walk, err);
    if (ret == 0)
        ret = open_in_folder(&walk, flags, how, err);
    if (walk.folder >= 0)
        close(walk.folder);
    return ret;
}
