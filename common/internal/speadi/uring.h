/* SPDX-License-Identifier: Apache-2.0 */
/* io_uring for both uring engines: what this process may use of it, and how to open a ring.
 *
 * A ring is disabled when it is made. The thread that will own the ring enables it (IORING_SETUP_SINGLE_ISSUER). The
 * kernel delivers completions only when the owner asks for them (IORING_SETUP_DEFER_TASKRUN). Both flags are required.
 * Linux 6.1 is the first kernel that has both. The library never compares kernel versions. It tries the flags and sees
 * whether the kernel refuses them. */
#ifndef SPEADI_URING_H
#define SPEADI_URING_H

#include <stdbool.h>
#include <stdint.h>

#include <liburing.h>

#include <speadline/error.h>

#include <speadi/uring_abi.h>

/* Optional features of this kernel. The library can work without them. */
struct speadi_uring_features {
    uint32_t bits;          /* IORING_FEAT_*, SPEADI_URING_FEAT_* as the kernel reported them */
    bool multishot_recvmsg; /* one receive request can have many completions */
    bool buffer_rings;      /* the kernel takes free receive buffers from a ring in shared memory */
    bool min_wait;          /* a wait can last a minimum time and collect completions meanwhile */
};

/* Opens a ring of this size with the two required flags, finds out what this kernel offers, lets the ring do a request,
 * and closes the ring. So it makes each system call of io_uring that an engine needs. Returns 0, or -errno with a
 * sentence. The error is -EPERM (the system forbids io_uring: kernel.io_uring_disabled or seccomp), -ENOSYS (the kernel
 * has no io_uring), -ENOMEM (RLIMIT_MEMLOCK) or -ENOTSUP (the kernel's io_uring is too old). */
int speadi_uring_probe(unsigned entries, unsigned completions,
                       struct speadi_uring_features *features, struct spead_err *err);

/* Finds out what this kernel offers. The ring must be disabled. */
struct speadi_uring_features speadi_uring_features_of(struct io_uring *ring);

/* Makes a disabled ring with room for `entries` submissions and at least `completions` completions. Any thread may call
 * this function. The same thread may register files and buffers immediately after this call. The errors are those of
 * speadi_uring_probe(). */
int speadi_uring_open(struct io_uring *ring, unsigned entries, unsigned completions,
                      struct spead_err *err);

/* Enables the ring. The owner thread must call this function once. After the call only the owner thread may use the
 * ring. */
int speadi_uring_enable(struct io_uring *ring, struct spead_err *err);

#endif
