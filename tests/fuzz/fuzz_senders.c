/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever several senders send in whatever order, no heap holds bytes of two senders or of two runs, every hole
 * is zero, memory stays within its plan, and every packet is counted once. Method: libFuzzer. The input is a script
 * (sender_script.h). Seeds: corpus/senders, see make_seeds.py. */
#include <stdio.h>
#include <stdlib.h>

#include "sender_script.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *failure = sender_script_run(data, size);

    if (failure) {
        fprintf(stderr, "fuzz_senders: %s\n", failure);
        abort();
    }
    return 0;
}
