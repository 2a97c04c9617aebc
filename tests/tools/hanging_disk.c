/* SPDX-License-Identifier: Apache-2.0 */
/* Imitates a disk that stops answering. A test preloads this library into a program. Then the third pwritev() of the
 * program hangs, and so does each later one. Without syncs, each batch of heaps makes one call for payloads and one
 * call for index lines. So the third call writes the payloads of the second batch. The library says on standard error
 * when the disk has stopped. */
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t offset)
{
    static atomic_int calls;

    static const char words[] = "the disk hangs\n";

    if (calls == 2 && write(STDERR_FILENO, words, sizeof words - 1) < 0)
        _exit(125);
    while (calls == 2)
        pause();
    calls++;
    return syscall(SYS_pwritev, fd, iov, (long)count, (long)offset, 0L);
}
