/* SPDX-License-Identifier: Apache-2.0 */
/* A socket filter that accepts only the datagrams of one sender. The filter is a program in classic BPF, which needs no
 * privilege. */
#include <speadi/frame_layout.h>
#include <speadi/udp.h>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <net/ethernet.h>
#include <string.h>

#include <speadi/err.h>

#define INSTRUCTIONS_MAX 16u

/* An offset for BPF. `area` is one of the areas that BPF knows, such as the IP header (SKF_NET_OFF). In the area 0 an
 * offset counts from the UDP header. */
#define AT(area, offset) ((uint32_t)(area) + (offset))

struct program {
    struct sock_filter code[INSTRUCTIONS_MAX];
    unsigned short count;
};

/* Adds a comparison to the program. A datagram passes the filter only if its value at the offset `at` equals
 * `value`. */
static void require(struct program *program, unsigned short size, uint32_t at, uint32_t value)
{
    program->code[program->count++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_ABS | size, at);
    program->code[program->count++] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, 0);
}

/* Adds the end of the program. It accepts the whole datagram when all comparisons have succeeded, and refuses it
 * otherwise. */
static void finish(struct program *program)
{
    unsigned refuse = program->count + 1u;

    for (unsigned i = 1; i < program->count; i += 2)
        program->code[i].jf = (uint8_t)(refuse - i - 1);
    program->code[program->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
    program->code[program->count++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, 0);
}

static void require_sender(struct program *program, const struct speadi_address *sender)
{
    uint32_t words[4];

    /* The socket can receive both IP versions, so the filter also checks the version. */
    if (sender->any.sa_family == AF_INET) {
        require(program, BPF_W, AT(SKF_AD_OFF, SKF_AD_PROTOCOL), ETHERTYPE_IP);
        require(program, BPF_W, AT(SKF_NET_OFF, SPEADI_IPV4_SOURCE_AT),
                ntohl(sender->v4.sin_addr.s_addr));
        return;
    }
    require(program, BPF_W, AT(SKF_AD_OFF, SKF_AD_PROTOCOL), ETHERTYPE_IPV6);
    memcpy(words, &sender->v6.sin6_addr, sizeof words);
    for (unsigned i = 0; i < 4; i++)
        require(program, BPF_W, AT(SKF_NET_OFF, SPEADI_IPV6_SOURCE_AT + 4 * i), ntohl(words[i]));
}

int speadi_udp_hear_only(int fd, const struct speadi_address *sender, struct spead_err *err)
{
    /* this reads the port of IPv6 too: it has the same offset */
    in_port_t port = sender->v4.sin_port;
    struct program program = {.count = 0};
    struct sock_fprog attached = {.filter = program.code};

    require_sender(&program, sender);
    if (port)
        require(&program, BPF_H, SPEADI_UDP_SOURCE_PORT_AT, ntohs(port));
    finish(&program);
    attached.len = program.count;
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &attached, sizeof attached) < 0)
        return speadi_err_errno(err, "cannot attach a filter for one source to a socket");
    return 0;
}
