/* What the raw loops share: clocks, options that are plain numbers, loopback sockets. They use nothing of
 * the library, so that a slip in the library cannot slow both sides of a comparison.
 *
 * Threads: each program has one. Errors: one line on stderr and exit status 1, or 2 for wrong usage. */
#ifndef SPEADLINE_BENCH_LIMIT_H
#define SPEADLINE_BENCH_LIMIT_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_MESSAGE_MAX  65507 /* UDP payload of one IPv4 datagram, and of one GSO train */
#define LIMIT_SEGMENTS_MAX 64    /* what every kernel that has UDP_SEGMENT takes in one train */

struct limit_cpu {
    double user_s, system_s;
};

double limit_now_s(void);         /* monotonic */
struct limit_cpu limit_cpu(void); /* of this process so far */

/* A whole number between least and most, or argp_error() (exit status 2) naming the option. */
uint64_t limit_number(const struct argp_state *state, const char *option, const char *text,
                      uint64_t least, uint64_t most);

/* The end of a parser whose program takes one argument, PORT: reads it, and demands it; purpose says what the
 * port is for. Other keys are unknown. */
error_t limit_parse_port(int key, const char *text, const struct argp_state *state, uint16_t *port,
                         const char *purpose);

/* Sorts the values; count is not 0. */
double limit_median(double *values, unsigned count);

/* A UDP socket whose effective SO_RCVBUF (bound) or SO_SNDBUF (connected) is at least buffer_bytes where
 * the kernel allows it. Exits where it cannot be had. */
int limit_bound_socket(uint16_t port, int buffer_bytes);
int limit_connected_socket(uint16_t port, int buffer_bytes);

/* Populated memory, on huge pages where the kernel has them. Never freed: the process ends with its run. */
uint8_t *limit_memory(size_t bytes);

_Noreturn void limit_fail(const char *what); /* prints "PROGRAM: what: errno text" */

#endif
