/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the rings of io_uring. If a ring cannot be opened, a sentence says why. */
#include <speadi/uring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

#define RING_FLAGS \
    (IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

/* Returns the value of the sysctl kernel.io_uring_disabled as a character. '0' means that all processes are allowed to
 * use io_uring. '1' means that only the group io_uring_group is allowed to use it. '2' means that nobody is. Returns
 * '?' if the value cannot be read. */
static char disabled_sysctl(void)
{
    char value = '?';
    int fd = open("/proc/sys/kernel/io_uring_disabled", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return '?';
    if (read(fd, &value, 1) != 1)
        value = '?';
    close(fd);
    return value;
}

static int explain(int code, struct spead_err *err)
{
    char sysctl, remedy[128];

    switch (-code) {
    case EPERM:
    case EACCES:
        sysctl = disabled_sysctl();
        if (sysctl == '1' || sysctl == '2')
            return speadi_err_set(
                err, -EPERM, "io_uring is forbidden here: kernel.io_uring_disabled is %c: %s",
                sysctl, speadi_remedy_sysctl(remedy, sizeof remedy, "kernel.io_uring_disabled", 0));
        return speadi_err_set(
            err, -EPERM, "io_uring is forbidden here, probably by a container's seccomp profile");
    case ENOSYS:
        return speadi_err_set(
            err, -ENOSYS,
            "io_uring is not there: the kernel lacks it or a seccomp profile hides it");
    case EINVAL:
        return speadi_err_set(
            err, -ENOTSUP,
            "this kernel's io_uring lacks SINGLE_ISSUER or DEFER_TASKRUN (Linux 6.1 "
            "has them)");
    case ENOMEM:
        return speadi_err_set(err, -ENOMEM,
                              "no memory for an io_uring ring (the limit may be RLIMIT_MEMLOCK)");
    default:
        return speadi_err_code(err, code, "cannot make an io_uring ring");
    }
}

int speadi_uring_open(struct io_uring *ring, unsigned entries, unsigned completions,
                      struct spead_err *err)
{
    struct io_uring_params params = {
        .flags = RING_FLAGS | IORING_SETUP_CQSIZE,
        .cq_entries = completions > 2 * entries ? completions : 2 * entries,
    };
    int ret = io_uring_queue_init_params(entries, ring, &params);

    return ret < 0 ? explain(ret, err) : 0;
}

int speadi_uring_enable(struct io_uring *ring, struct spead_err *err)
{
    /* The header of liburing 2.3 declares io_uring_enable_rings(), but the library file of liburing 2.3 does not export
     * it. */
    int ret = io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

    if (ret < 0)
        return speadi_err_code(err, ret, "cannot enable the io_uring ring");
    return 0;
}

/* Returns true if the kernel knows IORING_REGISTER_PBUF_RING. No feature bit tells this. So the function tries to
 * register a buffer ring in one page. */
static bool has_buffer_rings(struct io_uring *ring)
{
    size_t page_bytes = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, page_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct io_uring_buf_reg registration = {.ring_addr = (uintptr_t)page, .ring_entries = 8};
    bool has;

    if (page == MAP_FAILED)
        return false;
    has = io_uring_register_buf_ring(ring, &registration, 0) == 0;
    if (has)
        io_uring_unregister_buf_ring(ring, 0);
    munmap(page, page_bytes);
    return has;
}

/* Returns true if the kernel knows multishot receives. No feature bit tells this. But every kernel that knows
 * IORING_OP_SEND_ZC (since Linux 6.0) also knows multishot receives. So the function asks for IORING_OP_SEND_ZC. */
static bool has_multishot_recvmsg(struct io_uring *ring)
{
    struct io_uring_probe *probe = io_uring_get_probe_ring(ring);
    bool has;

    if (!probe)
        return false;
    has = io_uring_opcode_supported(probe, IORING_OP_SEND_ZC);
    io_uring_free_probe(probe);
    return has;
}

int speadi_uring_probe(struct speadi_uring_features *features, struct spead_err *err)
{
    struct io_uring ring;
    int ret = speadi_uring_open(&ring, 4, 8, err);

    if (ret < 0)
        return ret;
    *features = (struct speadi_uring_features){
        .bits = ring.features,
        .multishot_recvmsg = has_multishot_recvmsg(&ring),
        .buffer_rings = has_buffer_rings(&ring),
        .min_wait = ring.features & SPEADI_URING_FEAT_MIN_WAIT,
    };
    io_uring_queue_exit(&ring);
    return 0;
}
