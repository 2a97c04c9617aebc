/* What the raw loops share: clocks, options that are plain numbers, loopback sockets. The raw loops use nothing of the
 * library, so that a mistake in the library cannot slow down both sides of a comparison.
 *
 * Threads: each program has one. Errors: one line on stderr and exit status 1, or 2 for wrong usage. */
#ifndef SPEADLINE_BENCH_LIMIT_H
#define SPEADLINE_BENCH_LIMIT_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_MESSAGE_MAX  65507 /* most UDP payload of an IPv4 datagram, and of a train */
#define LIMIT_SEGMENTS_MAX 64 /* datagrams in a train that every kernel with UDP_SEGMENT accepts */

struct limit_cpu {
    double user_s, system_s;
};

double limit_now_s(void);         /* CLOCK_MONOTONIC */
struct limit_cpu limit_cpu(void); /* CPU time of this process so far */

/* Returns text as a whole number from least to most. Otherwise it calls argp_error(), which names the option and exits
 * with status 2. */
uint64_t limit_number(const struct argp_state *state, const char *option, const char *text,
                      uint64_t least, uint64_t most);

/* The last case of an argp parser of a program with one argument, PORT. It reads the argument, and exits with a
 * sentence when the argument is missing; purpose says what the port is for ("listen on"). It returns
 * ARGP_ERR_UNKNOWN for every other key. */
error_t limit_parse_port(int key, const char *text, const struct argp_state *state, uint16_t *port,
                         const char *purpose);

/* Returns the median of count values (at least one), and sorts them. */
double limit_median(double *values, unsigned count);

/* Makes a UDP socket that is bound to, or connected to, this port of 127.0.0.1. Its effective SO_RCVBUF (bound) or
 * SO_SNDBUF (connected) is at least buffer_bytes if the kernel allows that. Exits when the socket cannot be made. */
int limit_bound_socket(uint16_t port, int buffer_bytes);
int limit_connected_socket(uint16_t port, int buffer_bytes);

/* Returns populated memory, on huge pages if the kernel has them. It is never freed: the process ends after its run. */
uint8_t *limit_memory(size_t bytes);

/* Prints "PROGRAM: what: text of errno" and exits with status 1. */
_Noreturn void limit_fail(const char *what);

#endif
