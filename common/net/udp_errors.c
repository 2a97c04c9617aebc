/* SPDX-License-Identifier: Apache-2.0 */
/* Reads what a network namespace counts about UDP datagrams that nobody has received. */
#include <speadi/udp_errors.h>

#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FILE_BYTES_MAX \
    16384u /* /proc/net/snmp6 has about 4 KiB; what lies behind this size is not read */

bool speadi_udp_errors_open(struct speadi_udp_errors_files *files)
{
    files->v4 = open("/proc/thread-self/net/snmp", O_RDONLY | O_CLOEXEC);
    files->v6 = open("/proc/thread-self/net/snmp6", O_RDONLY | O_CLOEXEC);
    return files->v4 >= 0 || files->v6 >= 0;
}

void speadi_udp_errors_close(struct speadi_udp_errors_files *files)
{
    if (files->v4 >= 0)
        close(files->v4);
    if (files->v6 >= 0)
        close(files->v6);
    files->v4 = files->v6 = -1;
}

/* Reads the whole file as text. Returns false if that is not possible. */
static bool read_text(int fd, char text[FILE_BYTES_MAX])
{
    ssize_t got = fd < 0 ? -1 : pread(fd, text, FILE_BYTES_MAX - 1, 0);

    text[got < 0 ? 0 : got] = '\0';
    return got > 0;
}

static void add(struct speadi_udp_errors *sum, const char *name, size_t length, uint64_t value)
{
    static const struct {
        const char *name;
        size_t offset;
    } counters[] = {
        {"InErrors", offsetof(struct speadi_udp_errors, all)},
        {"InCsumErrors", offsetof(struct speadi_udp_errors, checksum)},
        {"RcvbufErrors", offsetof(struct speadi_udp_errors, buffer)},
        {"MemErrors", offsetof(struct speadi_udp_errors, buffer)},
    };

    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
        if (strlen(counters[i].name) == length && memcmp(counters[i].name, name, length) == 0)
            *(uint64_t *)(void *)((char *)sum + counters[i].offset) += value;
}

/* /proc/net/snmp has two lines that begin with "Udp:". The first has the names, the second has the values in the same
 * order. */
static void add_v4(struct speadi_udp_errors *sum, const char *text)
{
    const char *names = strstr(text, "\nUdp:"), *values;

    if (!names || !(values = strstr(names + 1, "\nUdp:")))
        return;
    names += strlen("\nUdp:");
    values += strlen("\nUdp:");
    while (*names == ' ') {
        size_t length = strcspn(++names, " \n");
        char *end;
        uint64_t value = strtoull(values, &end, 10);

        if (end == values)
            return;
        add(sum, names, length, value);
        names += length;
        values = end;
    }
}

/* /proc/net/snmp6 has a line "Udp6InErrors   12" for each counter. */
static void add_v6(struct speadi_udp_errors *sum, const char *text)
{
    for (const char *at = text; (at = strstr(at, "\nUdp6")) != NULL;) {
        const char *name = at + strlen("\nUdp6");
        size_t length = strcspn(name, " \t\n");

        add(sum, name, length, strtoull(name + length, NULL, 10));
        at = name + length;
    }
}

bool speadi_udp_errors_read(const struct speadi_udp_errors_files *files,
                            struct speadi_udp_errors *out)
{
    char text[FILE_BYTES_MAX];
    bool v4, v6;

    *out = (struct speadi_udp_errors){0};
    v4 = read_text(files->v4, text);
    if (v4)
        add_v4(out, text);
    v6 = read_text(files->v6, text);
    if (v6)
        add_v6(out, text);
    return v4 || v6;
}
