/* SPDX-License-Identifier: Apache-2.0 */
/* Measures the highest rate at which two pinned threads can pass messages on this machine. */
#include <stdio.h>

#include "bare_ring.h"
#include "limit.h"

static int parse(int key, char *text, struct argp_state *state)
{
    struct ring_run *run = state->input;

    switch (key) {
    case 'b':
        run->batch = (uint32_t)limit_number(state, "--batch", text, 1, RING_BATCH_MAX);
        return 0;
    case 'c':
        run->capacity = (uint32_t)limit_number(state, "--capacity", text, 1, 1u << 24);
        if (run->capacity & (run->capacity - 1))
            argp_error(state, "--capacity %s: must be a power of two", text);
        return 0;
    case 'n':
        run->messages = limit_number(state, "--messages", text, 1, UINT64_C(1) << 40);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

int main(int argc, char **argv)
{
    static const struct argp_option arguments[] = {
        {"batch", 'b', "COUNT", 0, "Messages in one step (1)", 0},
        {"capacity", 'c', "COUNT", 0, "Messages that the ring can hold (64)", 0},
        {"messages", 'n', "COUNT", 0, "Messages in all (20000000)", 0},
        {0}};
    static const struct argp program = {
        arguments, parse, NULL, "Pass 64-byte messages from CPU 0 to CPU 1.", NULL, NULL, NULL};
    struct ring_run run = {
        .capacity = 64, .batch = 1, .messages = 20000000, .sender_cpu = 0, .receiver_cpu = 1};

    argp_err_exit_status = 2;
    argp_parse(&program, argc, argv, 0, NULL, &run);
    printf("{\"program\": \"limit-ring\", \"capacity\": %u, \"batch\": %u, \"messages\": %llu, "
           "\"million_per_s\": %.2f}\n",
           run.capacity, run.batch, (unsigned long long)run.messages, bare_ring_run(&run));
    return 0;
}
