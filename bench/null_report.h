/* SPDX-License-Identifier: Apache-2.0 */
/* The part of the report that bench-send-null and bench-recv-null have in common. */
#ifndef SPEADLINE_BENCH_NULL_REPORT_H
#define SPEADLINE_BENCH_NULL_REPORT_H

#include <stdint.h>
#include <stdio.h>

struct null_report {
    const char *bench;
    const char *engine;
    uint64_t heap_bytes, packet_bytes; /* as given on the command line */
    uint64_t heaps, packets, payload_bytes, ns;
};

/* Prints the beginning of a JSON object. The caller must add its own members and the closing brace. */
static inline void null_report_print(const struct null_report *r)
{
    printf("{\"bench\": \"%s\", \"engine\": \"%s\", \"heap_bytes\": %ju, \"packet_bytes\": %ju, "
           "\"heaps\": %ju, \"packets\": %ju, \"payload_bytes\": %ju, \"ns\": %ju, "
           "\"ns_per_packet\": %.2f, \"ns_per_heap\": %.2f",
           r->bench, r->engine, (uintmax_t)r->heap_bytes, (uintmax_t)r->packet_bytes,
           (uintmax_t)r->heaps, (uintmax_t)r->packets, (uintmax_t)r->payload_bytes,
           (uintmax_t)r->ns, (double)r->ns / (double)r->packets, (double)r->ns / (double)r->heaps);
}

#endif
