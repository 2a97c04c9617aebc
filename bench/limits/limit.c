/* SPDX-License-Identifier: Apache-2.0 */
/* See limit.h. */
#include "limit.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

_Noreturn void limit_fail(const char *what)
{
    err(1, "%s", what);
}

double limit_now_s(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

struct limit_cpu limit_cpu(void)
{
    struct rusage usage;

    getrusage(RUSAGE_SELF, &usage);
    return (struct limit_cpu){
        .user_s = (double)usage.ru_utime.tv_sec + (double)usage.ru_utime.tv_usec * 1e-6,
        .system_s = (double)usage.ru_stime.tv_sec + (double)usage.ru_stime.tv_usec * 1e-6,
    };
}

uint64_t limit_number(const struct argp_state *state, const char *option, const char *text,
                      uint64_t least, uint64_t most)
{
    char *end;

    errno = 0;
    unsigned long long number = strtoull(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || number < least || number > most)
        argp_error(state, "%s %s: must be a number from %llu to %llu", option, text,
                   (unsigned long long)least, (unsigned long long)most);
    return number;
}

error_t limit_parse_port(int key, const char *text, const struct argp_state *state, uint16_t *port,
                         const char *purpose)
{
    switch (key) {
    case ARGP_KEY_ARG:
        *port = (uint16_t)limit_number(state, "PORT", text, 1, UINT16_MAX);
        return 0;
    case ARGP_KEY_END:
        if (*port == 0)
            argp_error(state, "PORT is missing: the UDP port on 127.0.0.1 to %s", purpose);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double limit_median(double *values, unsigned count)
{
    qsort(values, count, sizeof *values, compare);
    return count % 2 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
}

static int udp_socket(int buffer_option, int buffer_force_option, int buffer_bytes)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        limit_fail("socket");

    /* The kernel doubles the number that it gets, to have memory for its own structures. If the process does not have
     * CAP_NET_ADMIN, the kernel also limits the number to net.core.{r,w}mem_max, and reports no error. The programs
     * print the effective size with their result. */
    int asked = buffer_bytes / 2;
    if (setsockopt(fd, SOL_SOCKET, buffer_force_option, &asked, sizeof asked) < 0 &&
        setsockopt(fd, SOL_SOCKET, buffer_option, &asked, sizeof asked) < 0)
        limit_fail("setsockopt (socket buffer)");
    return fd;
}

int limit_bound_socket(uint16_t port, int buffer_bytes)
{
    struct sockaddr_in here = loopback(port);
    int fd = udp_socket(SO_RCVBUF, SO_RCVBUFFORCE, buffer_bytes);

    if (bind(fd, (struct sockaddr *)&here, sizeof here) < 0)
        limit_fail("bind");
    return fd;
}

int limit_connected_socket(uint16_t port, int buffer_bytes)
{
    struct sockaddr_in there = loopback(port);
    int fd = udp_socket(SO_SNDBUF, SO_SNDBUFFORCE, buffer_bytes);

    if (connect(fd, (struct sockaddr *)&there, sizeof there) < 0)
        limit_fail("connect");
    return fd;
}

uint8_t *limit_memory(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        limit_fail("mmap");

    (void)madvise(memory, bytes, MADV_HUGEPAGE); /* if this fails, the pages are small */
    memset(memory, 1, bytes);
    return memory;
}
