/* SPDX-License-Identifier: Apache-2.0 */
/* What udp_receive.c and udp_send.c share while they set up a socket. */
#ifndef SPEADI_UDP_SETUP_H
#define SPEADI_UDP_SETUP_H

#include <speadi/udp.h>

/* The facts that the functions need when they set up a socket to receive or to send. */
struct speadi_udp_setup {
    int fd;
    const struct speadi_address *address;
    struct speadi_interface interface;   /* its index is 0 if there is none */
    const struct speadi_address *sender; /* NULL means every sender */
    const struct spead_log *log;
    struct spead_err *err;
    char text[SPEADI_ADDRESS_TEXT_MAX]; /* the address as text */
};

/* Fills *setup. `interface` may be NULL. */
void speadi_udp_setup_begin(struct speadi_udp_setup *setup, const struct speadi_address *address,
                            const struct speadi_interface *interface, const struct spead_log *log,
                            struct spead_err *err);

/* Opens setup->fd. Returns 0, or -errno with a sentence. */
int speadi_udp_setup_socket(struct speadi_udp_setup *setup);

/* Gives the setup another interface, which the kernel has chosen. */
void speadi_udp_setup_choose(struct speadi_udp_setup *setup, unsigned index);

static inline bool speadi_udp_is_v6(const struct speadi_udp_setup *setup)
{
    return setup->address->any.sa_family == AF_INET6;
}

/* Sets an option of the socket; `what` names it in the sentence. Returns 0, or -errno with a sentence. */
int speadi_udp_set(const struct speadi_udp_setup *setup, int level, int option, int value,
                   const char *what);

/* Returns setup->address. A link-local address is only valid with an interface. If a link-local address names no
 * interface, the function adds the interface of the setup. If it names one and the setup has another one, which was
 * made anew, the function replaces it. */
struct speadi_address speadi_udp_with_scope(const struct speadi_udp_setup *setup);

/* Ask the kernel for a receive or a send buffer of `asked` bytes. Return the size that the kernel has granted. */
uint32_t speadi_udp_set_receive_buffer(const struct speadi_udp_setup *setup, uint32_t asked);
uint32_t speadi_udp_set_send_buffer(const struct speadi_udp_setup *setup, uint32_t asked);

/* Takes back that the socket is connected, and that it is bound to an interface. A bound address and port stay. Without
 * this call a program without privileges cannot bind a socket to another interface. */
void speadi_udp_loosen(int fd);

#endif
