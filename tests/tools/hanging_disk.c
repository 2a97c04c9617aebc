/* SPDX-License-Identifier: Apache-2.0 */
/* Imitates a disk that stops answering. A test preloads this library into a program. Then the third pwritev() of the
 * program hangs, and so does each later one. Without syncs, each batch of heaps makes one call for payloads and one
 * call for index lines. So the third call writes the payloads of the second batch. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    static atomic_int calls;

    while (calls == 2)
        pause();
    calls++;
    return syscall(SYS_pwritev, fd, iov, (long)count, (long)offset, 0L);
}
