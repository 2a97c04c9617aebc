/* SPDX-License-Identifier: Apache-2.0 */
/* The size of a normal page of the system. */
#ifndef SPEADI_PAGE_SIZE_H
#define SPEADI_PAGE_SIZE_H

#include <stddef.h>

size_t speadi_pages_size(void); /* in bytes: 4 KiB, 16 KiB or 64 KiB, as the kernel was built */

#endif
