/* SPDX-License-Identifier: Apache-2.0 */
/* What a network namespace counts about datagrams that have come and that no program has received. The kernel shows
 * these counters in /proc/net/snmp and /proc/net/snmp6. They are sums over all sockets of the namespace, not only over
 * ours. */
#ifndef SPEADI_UDP_ERRORS_H
#define SPEADI_UDP_ERRORS_H

#include <stdbool.h>
#include <stdint.h>

/* Counters since the namespace was made: the sums of IPv4 and IPv6. */
struct speadi_udp_errors {
    uint64_t checksum; /* the UDP checksum was wrong (InCsumErrors) */
    /* the buffer of the socket was full, or UDP had no memory left (RcvbufErrors and MemErrors) */
    uint64_t buffer;
    /* InErrors: all of the above, what a socket filter refused, and datagrams with a wrong length */
    uint64_t all;
};

/* The open files of one namespace. */
struct speadi_udp_errors_files {
    int v4, v6; /* -1 if the file is not open */
};

/* Opens the files of the namespace of the calling thread. The files keep to this namespace, whatever thread reads
 * them. A file that cannot be opened counts as zeros. Returns false if no file could be opened. */
bool speadi_udp_errors_open(struct speadi_udp_errors_files *files);
void speadi_udp_errors_close(struct speadi_udp_errors_files *files);

/* Reads the counters: one system call for each file, about 20 us. Returns false if no file could be read; then *out is
 * zeros. */
bool speadi_udp_errors_read(const struct speadi_udp_errors_files *files,
                            struct speadi_udp_errors *out);

#endif
