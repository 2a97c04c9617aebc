/* SPDX-License-Identifier: Apache-2.0 */
/* The end of an index: where its last whole lines are, and what is torn behind them. */
#ifndef SPEADI_INDEX_TAIL_H
#define SPEADI_INDEX_TAIL_H

#include <stddef.h>
#include <stdint.h>

struct speadi_index_tail {
    /* The last whole line begins at line_start. line_end is behind its newline. Both are 0 if there is none. The line
     * before it begins at before_start, which is equal to line_start if there is none. */
    uint64_t before_start, line_start, line_end;
};

/* Finds the last whole line in the first `bytes` bytes of the file. A zero byte ends the index: after a crash a file
 * system may know the length of a file and not yet its content, and such a file ends with zeros. Only the last 256 MiB
 * are searched for zeros, because no more than that is written without a sync. Returns 0 or -errno. */
int speadi_index_tail_find(int fd, uint64_t bytes, struct speadi_index_tail *tail);

#endif
