/* SPDX-License-Identifier: Apache-2.0 */
/* The library's version. */
#include <speadline/error.h>

const char *spead_version(void)
{
    return SPEADLINE_VERSION;
}
