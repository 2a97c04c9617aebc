/* SPDX-License-Identifier: Apache-2.0 */
/* See index_tail.h. */
#include "index_tail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "capture_file.h"

#define BLOCK      (1u << 20)
#define ZEROS_FROM (256ull << 20)

/* Sets *end to the offset of the first zero byte in the last part of the file, or to `bytes` if there is none. */
static int find_zero(int fd, uint64_t bytes, char *block, uint64_t *end)
{
    uint64_t at = bytes > ZEROS_FROM ? bytes - ZEROS_FROM : 0;
    int ret = 0;

    *end = bytes;
    while (at < bytes && ret == 0) {
        size_t count = bytes - at < BLOCK ? (size_t)(bytes - at) : BLOCK;
        const char *zero;

        ret = speadi_capture_file_read(fd, at, block, count);
        zero = ret == 0 ? memchr(block, '\0', count) : NULL;
        if (zero) {
            *end = at + (uint64_t)(zero - block);
            return 0;
        }
        at += count;
    }
    return ret;
}

/* Sets *behind to the offset behind the last newline before `end`, or to 0 if there is none. */
static int find_newline(int fd, uint64_t end, char *block, uint64_t *behind)
{
    int ret = 0;

    while (end > 0 && ret == 0) {
        size_t count = end < BLOCK ? (size_t)end : BLOCK;
        const char *newline;

        ret = speadi_capture_file_read(fd, end - count, block, count);
        newline = ret == 0 ? memrchr(block, '\n', count) : NULL;
        if (newline) {
            *behind = end - count + (uint64_t)(newline - block) + 1;
            return 0;
        }
        end -= count;
    }
    *behind = 0;
    return ret;
}

int speadi_index_tail_find(int fd, uint64_t bytes, struct speadi_index_tail *tail)
{
    char *block = malloc(BLOCK);
    uint64_t end;
    int ret = block ? find_zero(fd, bytes, block, &end) : -ENOMEM;

    *tail = (struct speadi_index_tail){0};
    if (ret == 0)
        ret = find_newline(fd, end, block, &tail->line_end);
    if (ret == 0 && tail->line_end > 0)
        ret = find_newline(fd, tail->line_end - 1, block, &tail->line_start);
    if (ret == 0 && tail->line_start > 0)
        ret = find_newline(fd, tail->line_start - 1, block, &tail->before_start);
    free(block);
    return ret;
}
