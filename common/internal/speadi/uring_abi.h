/* What the kernel's io_uring has and the headers of liburing 2.3 lack, under names of our own, so that
 * a later liburing cannot clash with them. Source: linux/io_uring.h of 6.12. */
#ifndef SPEADI_URING_ABI_H
#define SPEADI_URING_ABI_H

/* Set-up: no index array between us and the submission queue (6.6). */
#define SPEADI_URING_SETUP_NO_SQARRAY (1u << 16)

/* Features, as io_uring_params.features reports them. */
#define SPEADI_URING_FEAT_REG_RING (1u << 13) /* registration through a registered ring (6.3) */
#define SPEADI_URING_FEAT_BUNDLE \
    (1u << 14) /* send/recv bundles (6.10): cut UDP silently, never use */
#define SPEADI_URING_FEAT_MIN_WAIT (1u << 15) /* a least time to gather completions (6.12) */

#endif
