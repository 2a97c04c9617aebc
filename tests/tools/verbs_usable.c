/* SPDX-License-Identifier: Apache-2.0 */
/* A program that uses the library: it asks whether engine verbs can be used, prints the answer and exits with 0 or
 * 1. */
#include <stdio.h>

#include <speadline/recv.h>

int main(void)
{
    struct spead_err err = {0};

    if (spead_recv_engine_usable("verbs", &err) == 0)
        return 0;
    puts(err.text);
    return 1;
}
