/* A disk that stops answering: preloaded into a program, it makes the third pwritev() and all after it hang. That
 * is the data of the second batch, as each batch has data and index lines. */
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
