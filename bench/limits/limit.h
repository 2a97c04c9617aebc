/* The common functions of the raw loops: clocks, options that are plain numbers, loopback sockets. The raw loops use
 * nothing of the library. Otherwise a mistake in the library could slow down both the library and the raw loop, and a
 * comparison of the two would not show it.
 *
 * Threads: each program has one thread. Errors: one line on stderr and exit status 1, or 2 for wrong usage. */
#ifndef SPEADLINE_BENCH_LIMIT_H
#define SPEADLINE_BENCH_LIMIT_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_MESSAGE_MAX 65507 /* largest UDP payload of an IPv4 datagram, or of a train */
/* Every kernel with UDP_SEGMENT accepts so many datagrams in a train. */
#define LIMIT_SEGMENTS_MAX 64

struct limit_cpu {
    double user_s, system_s;
};

double limit_now_s(void);         /* CLOCK_MONOTONIC */
struct limit_cpu limit_cpu(void); /* CPU time of this process so far */

/* Reads text as a whole number from `least` to `most` and returns the number. If text is no such number, the function
 * calls argp_error(), which names the option and exits with status 2. */
uint64_t limit_number(const struct argp_state *state, const char *option, const char *text,
                      uint64_t least, uint64_t most);

/* For a program with one argument, PORT. Its argp parser calls this function in its last case. The function reads the
 * argument. When the argument is missing, it prints a sentence and exits; `purpose` says in this sentence what the port
 * is for ("listen on"). For every other key it returns ARGP_ERR_UNKNOWN. */
error_t limit_parse_port(int key, const char *text, const struct argp_state *state, uint16_t *port,
                         const char *purpose);

/* Returns the median of the values. There must be at least one. The function sorts the array. */
double limit_median(double *values, unsigned count);

/* These two functions make a UDP socket. The first binds it to this port of 127.0.0.1, the second connects it to this
 * port. Its effective SO_RCVBUF (bound) or SO_SNDBUF (connected) is at least buffer_bytes if the kernel allows that.
 * Exits when the socket cannot be made. */
int limit_bound_socket(uint16_t port, int buffer_bytes);
int limit_connected_socket(uint16_t port, int buffer_bytes);

/* Returns populated memory, on huge pages if the kernel has them. Nobody frees this memory: the process ends after its
 * run. */
uint8_t *limit_memory(size_t bytes);

/* Prints "PROGRAM: what: text of errno" and exits with status 1. */
_Noreturn void limit_fail(const char *what);

#endif
