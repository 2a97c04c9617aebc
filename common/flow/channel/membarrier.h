/* The heavy half of an asymmetric barrier: a thread about to sleep makes every other thread of the process
 * pass a full memory barrier, so that the threads that stay awake need none of their own. */
#ifndef SPEADI_MEMBARRIER_H
#define SPEADI_MEMBARRIER_H

#include <stdbool.h>

/* True when membarrier(2) can be used by this process; asked of the kernel once. Any thread. */
bool speadi_membarrier_is_available(void);

/* Only after the above answered true. */
void speadi_membarrier_heavy(void);

#endif
