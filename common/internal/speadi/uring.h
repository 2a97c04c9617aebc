/* io_uring as both uring engines use it: what this process may use of it, and one ring.
 *
 * A ring is made disabled and enabled by the thread that will own it (IORING_SETUP_SINGLE_ISSUER), and
 * completions are delivered only when the owner asks for them (IORING_SETUP_DEFER_TASKRUN). Both are
 * required: they came together in Linux 6.1, and a kernel that lacks them is told apart by its refusal,
 * never by its version. */
#ifndef SPEADI_URING_H
#define SPEADI_URING_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include <speadline/error.h>

#include <speadi/uring_abi.h>

/* What this kernel offers beyond what every ring of ours has. */
struct speadi_uring_features {
    uint32_t bits;          /* IORING_FEAT_*, SPEADI_URING_FEAT_* as the kernel reported them */
    bool multishot_recvmsg; /* one receive request, many completions */
    bool buffer_rings;      /* provided buffers through shared memory */
    bool min_wait;          /* waits may gather completions for a least time */
};

/* Tries a ring of the kind above and looks into it. Returns 0, or -errno with the reason in words:
 * -EPERM (forbidden: kernel.io_uring_disabled, seccomp), -ENOSYS (not there), -ENOTSUP (too old). */
int speadi_uring_probe(struct speadi_uring_features *features, struct spead_err *err);

/* Makes a disabled ring with room for `entries` submissions and at least `completions` completions.
 * Any thread. Registrations may follow at once, from the same thread. Errors as above. */
int speadi_uring_open(struct io_uring *ring, unsigned entries, unsigned completions,
                      struct spead_err *err);

/* Owner thread, once: from here on it alone may use the ring. */
int speadi_uring_enable(struct io_uring *ring, struct spead_err *err);

#endif
