/* SPDX-License-Identifier: Apache-2.0 */
/* See host_file.h. */
#include "host_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool test_host_file_write(const char *folder, const char *name, const char *text)
{
    char path[256];
    bool written;
    int fd;

    snprintf(path, sizeof path, "%s/%s", folder, name);
    fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    written = write(fd, text, strlen(text)) > 0;
    close(fd);
    return written;
}
