/* SPDX-License-Identifier: Apache-2.0 */
/* Constants of the kernel's io_uring that the headers of liburing 2.3 do not have. They have names of this library,
 * so that they cannot clash with the names of a later liburing. Source: linux/io_uring.h of Linux 6.12. */
#ifndef SPEADI_URING_ABI_H
#define SPEADI_URING_ABI_H

/* Set-up flag: the submission queue is used without an index array (since Linux 6.6). */
#define SPEADI_URING_SETUP_NO_SQARRAY (1u << 16)

/* The names with FEAT are feature bits, as io_uring_params.features reports them. */
/* A process can register files and buffers through a registered ring (since Linux 6.3). */
#define SPEADI_URING_FEAT_REG_RING (1u << 13)
/* One request can send or receive a bundle of buffers (since Linux 6.10). Bundles cut UDP datagrams without an error,
 * so the library never uses them. */
#define SPEADI_URING_FEAT_BUNDLE (1u << 14)
/* A wait can last a minimum time and collect completions meanwhile (since Linux 6.12). */
#define SPEADI_URING_FEAT_MIN_WAIT (1u << 15)

#endif
