/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a receive stream as a text of bytes says: several senders, endpoints and runs, silences, pauses of the stream,
 * counters that jump and wrap, heaps that are striped over ports, start and stop items, and damaged packets. An oracle
 * (sender_oracle.h) checks what the stream delivers. Every text of bytes is a valid script, so a fuzzer and a test with
 * random numbers can both make scripts. */
#ifndef TEST_SENDER_SCRIPT_H
#define TEST_SENDER_SCRIPT_H

#include <stddef.h>
#include <stdint.h>

/* The number of bytes at the beginning of a script that choose the configuration. */
#define SENDER_SCRIPT_CONFIG 7u

/* Runs the script. Returns NULL, or a sentence in static storage that says what was wrong. */
const char *sender_script_run(const uint8_t *bytes, size_t size);

#endif
