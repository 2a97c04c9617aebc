/* SPDX-License-Identifier: Apache-2.0 */
/* Where the port of a network interface is in this host: its NUMA node, the CPUs that serve its interrupts, and what its
 * driver does. All of it comes from sysfs and /proc (sys_file.h). Control plane; any thread. */
#ifndef SPEADI_PORT_PLACE_H
#define SPEADI_PORT_PLACE_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include <speadi/cpu_set.h>

/* Room for one sentence. */
#define SPEADI_PORT_TEXT_MAX 400u

/* Whether a device gives multicast that a program sends past the kernel back to other programs on the same port. */
enum speadi_port_loopback {
    SPEADI_LOOPBACK_UNKNOWN, /* the driver does not tell */
    SPEADI_LOOPBACK_ON,
    SPEADI_LOOPBACK_OFF, /* force_local_lb_disable of mlx5 is set */
};

struct speadi_port_place {
    char interface[IF_NAMESIZE]; /* the interface that was asked for */
    /* The interface of the port: `interface` itself, or the one on which a VLAN or bond lies. "" if sysfs does not know
     * the interface, or belongs to another network namespace. Then nothing below is known. */
    char port[IF_NAMESIZE];
    char driver[32]; /* "" if not known */
    uint32_t mtu;    /* of `interface`, in bytes; 0 if not known */
    /* The interface whose frames reach the same port: the one below a VLAN, or the physical function of a virtual
     * function. "" if there is none. wider_mtu is its MTU in bytes. */
    char wider[IF_NAMESIZE];
    uint32_t wider_mtu;
    bool is_virtual_function;
    int node;                        /* NUMA node of the port; -1 if not known */
    unsigned node_count;             /* NUMA nodes of this host; 0 if not known */
    struct speadi_cpu_set node_cpus; /* the CPUs of `node` */
    unsigned interrupts;             /* message-signalled interrupts of the port; 0 if not known */
    struct speadi_cpu_set irq_cpus;  /* the CPUs on which these may run */
    struct speadi_cpu_set isolated;  /* the CPUs that the kernel was told to isolate */
    enum speadi_port_loopback loopback;
};

/* Fills *place for the interface of this name, in the network namespace of the calling thread. */
void speadi_port_place_read(struct speadi_port_place *place, const char *interface);

/* Writes on which NUMA node the port is. Writes "" if the node is not known or is the only one. Returns `text`. */
char *speadi_port_node_text(char text[SPEADI_PORT_TEXT_MAX], const struct speadi_port_place *place);

/* Compares the CPUs of the calling thread with the NUMA node of the port. Returns false if all is well or not known.
 * Else it returns true, and *text says what differs and what to do. */
bool speadi_port_thread_advice(char text[SPEADI_PORT_TEXT_MAX],
                               const struct speadi_port_place *place);

/* Says if the calling thread is pinned to a CPU that also serves interrupts of the port. Returns as
 * speadi_port_thread_advice() does. */
bool speadi_port_interrupt_advice(char text[SPEADI_PORT_TEXT_MAX],
                                  const struct speadi_port_place *place);

/* Compares the memory policy of the calling thread with the NUMA node of the port. Returns as
 * speadi_port_thread_advice() does. */
bool speadi_port_memory_advice(char text[SPEADI_PORT_TEXT_MAX],
                               const struct speadi_port_place *place);

#endif
