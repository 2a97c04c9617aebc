/* SPDX-License-Identifier: Apache-2.0 */
/* The common functions of the raw loops: clocks, options that are plain numbers, loopback sockets. The raw loops use
 * nothing of the library. Otherwise a mistake in the library could slow down both the library and the raw loop. A
 * comparison of the two would then not show the mistake.
 *
 * Threads: each program has one thread. Errors: the program prints one line on stderr and exits with status 1, or with
 * status 2 for wrong usage. */
#ifndef SPEADLINE_BENCH_LIMIT_H
#define SPEADLINE_BENCH_LIMIT_H

#include <argp.h>
#include <stddef.h>
#include <stdint.h>

#define LIMIT_MESSAGE_MAX 65507 /* largest UDP payload of an IPv4 datagram, or of a train */
/* The number of datagrams in a train that every kernel with UDP_SEGMENT accepts. */
#define LIMIT_SEGMENTS_MAX 64

struct limit_cpu {
    double user_s, system_s;
};

double limit_now_s(void);         /* the time of CLOCK_MONOTONIC */
struct limit_cpu limit_cpu(void); /* the CPU time of this process so far */

/* Reads `text` as a whole number from `least` to `most`, and returns the number. If `text` is not such a number, the
 * function calls argp_error(), which names the option and exits with status 2. */
uint64_t limit_number(const struct argp_state *state, const char *option, const char *text,
                      uint64_t least, uint64_t most);

/* Reads the argument of a program that has only one argument, PORT. The argp parser of the program must call this
 * function in its last case. When the argument is missing, the function prints a sentence and exits. The sentence
 * contains `purpose`, which says what the port is for ("listen on"). For every other key the function returns
 * ARGP_ERR_UNKNOWN. */
error_t limit_parse_port(int key, const char *text, const struct argp_state *state, uint16_t *port,
                         const char *purpose);

/* Returns the median of the values. `count` must be at least 1. The function sorts the array. */
double limit_median(double *values, unsigned count);

/* These two functions make a UDP socket. The first function binds the socket to this port of 127.0.0.1. The second
 * function connects the socket to this port of 127.0.0.1. The effective SO_RCVBUF of the bound socket, or the effective
 * SO_SNDBUF of the connected socket, is at least buffer_bytes if the kernel allows that. If the socket cannot be made,
 * the function exits the process. */
int limit_bound_socket(uint16_t port, int buffer_bytes);
int limit_connected_socket(uint16_t port, int buffer_bytes);

/* Returns memory whose pages the kernel has supplied already, on huge pages if the kernel has them. Nobody frees this
 * memory, because the process ends after its run. */
uint8_t *limit_memory(size_t bytes);

/* Prints "PROGRAM: what: text of errno" and exits with status 1. */
_Noreturn void limit_fail(const char *what);

#endif
