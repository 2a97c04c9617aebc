/* SPDX-License-Identifier: Apache-2.0 */
/* Opens the rings of io_uring. If a ring cannot be opened, a sentence says why. */
#include <speadi/uring.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <speadi/err.h>
#include <speadi/remedy.h>

#define RING_FLAGS \
    (IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN)

#define MEMORY_TRIES    20u
#define MEMORY_PAUSE_NS 5000000

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

/* Says why the kernel has refused a system call of io_uring. */
static int explain_refusal(int code, const char *call, struct spead_err *err)
{
    char sysctl = disabled_sysctl(), remedy[128];

    if (code == -ENOSYS)
        return speadi_err_set(
            err, code, "io_uring is not there: the kernel or a seccomp profile has no %s", call);
    if (sysctl == '1' || sysctl == '2')
        return speadi_err_set(
            err, -EPERM, "io_uring is forbidden here: kernel.io_uring_disabled is %c: %s", sysctl,
            speadi_remedy_sysctl(remedy, sizeof remedy, "kernel.io_uring_disabled", 0));
    return speadi_err_set(err, -EPERM,
                          "io_uring is forbidden here: %s is refused, probably by the seccomp "
                          "profile of a container",
                          call);
}

static int explain_memory(struct spead_err *err)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return speadi_err_set(err, -ENOMEM, "no memory for an io_uring ring");
    return speadi_err_set(err, -ENOMEM,
                          "no memory for an io_uring ring: only %llu KiB may be locked: raise "
                          "`ulimit -l`, or LimitMEMLOCK= of the unit",
                          (unsigned long long)limit.rlim_cur / 1024);
}

static int explain(int code, const char *call, struct spead_err *err)
{
    switch (-code) {
    case EPERM:
    case EACCES:
    case ENOSYS:
        return explain_refusal(code, call, err);
    case EINVAL:
        return speadi_err_set(
            err, -ENOTSUP,
            "this kernel's io_uring lacks SINGLE_ISSUER or DEFER_TASKRUN (Linux 6.1 "
            "has them)");
    case ENOMEM:
        return explain_memory(err);
    default:
        return speadi_err_code(err, code, "cannot use io_uring (%s)", call);
    }
}

int speadi_uring_open(struct io_uring *ring, unsigned entries, unsigned completions,
                      struct spead_err *err)
{
    int ret = -ENOMEM;

    /* Some time after a ring is closed, the kernel gives back its memory to the limit of locked memory. So after the
     * trial of speadi_uring_probe() the limit can be reached for a while. */
    for (unsigned tries = 0; ret == -ENOMEM && tries < MEMORY_TRIES; tries++) {
        struct io_uring_params params = {
            .flags = RING_FLAGS | IORING_SETUP_CQSIZE,
            .cq_entries = completions > 2 * entries ? completions : 2 * entries,
        };

        if (tries > 0)
            nanosleep(&(struct timespec){.tv_nsec = MEMORY_PAUSE_NS}, NULL);
        ret = io_uring_queue_init_params(entries, ring, &params);
    }
    return ret < 0 ? explain(ret, "io_uring_setup", err) : 0;
}

int speadi_uring_enable(struct io_uring *ring, struct spead_err *err)
{
    /* The header of liburing 2.3 declares io_uring_enable_rings(), but the library file of liburing 2.3 does not export
     * it. */
    int ret = io_uring_register((unsigned)ring->ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);

    return ret < 0 ? explain(ret, "io_uring_register", err) : 0;
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

struct speadi_uring_features speadi_uring_features_of(struct io_uring *ring)
{
    return (struct speadi_uring_features){
        .bits = ring->features,
        .multishot_recvmsg = has_multishot_recvmsg(ring),
        .buffer_rings = has_buffer_rings(ring),
        .min_wait = ring->features & SPEADI_URING_FEAT_MIN_WAIT,
    };
}

/* Lets the ring do a request that has no effect. A seccomp profile can allow io_uring_setup() and refuse the other
 * system calls. */
static int use(struct io_uring *ring, struct spead_err *err)
{
    int ret = speadi_uring_enable(ring, err);

    if (ret < 0)
        return ret;
    io_uring_prep_nop(io_uring_get_sqe(ring));
    do {
        ret = io_uring_submit_and_wait(ring, 1);
    } while (ret == -EINTR);
    return ret < 0 ? explain(ret, "io_uring_enter", err) : 0;
}

int speadi_uring_probe(unsigned entries, unsigned completions,
                       struct speadi_uring_features *features, struct spead_err *err)
{
    struct io_uring ring;
    int ret = speadi_uring_open(&ring, entries, completions, err);

    if (ret < 0)
        return ret;
    *features = speadi_uring_features_of(&ring);
    ret = use(&ring, err);
    io_uring_queue_exit(&ring);
    return ret;
}
