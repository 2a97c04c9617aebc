/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences about the place of a port in its host. See port_place.h. */
#include <speadi/port_place.h>

#include <linux/mempolicy.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* the kernel refuses a mask that has less room than its largest number of nodes */
#define NODES_MAX 4096u

/* The node matters only where there are several. */
static bool has_nodes(const struct speadi_port_place *place)
{
    return place->node >= 0 && place->node_count > 1 && speadi_cpu_set_count(&place->node_cpus) > 0;
}

char *speadi_port_node_text(char text[SPEADI_PORT_TEXT_MAX], const struct speadi_port_place *place)
{
    char cpus[SPEADI_CPU_LIST_MAX];

    text[0] = '\0';
    if (has_nodes(place))
        snprintf(text, SPEADI_PORT_TEXT_MAX, "%s is on NUMA node %d of %u, whose CPUs are %s",
                 place->port, place->node, place->node_count,
                 speadi_cpu_set_list(cpus, &place->node_cpus));
    return text;
}

bool speadi_port_thread_advice(char text[SPEADI_PORT_TEXT_MAX],
                               const struct speadi_port_place *place)
{
    struct speadi_cpu_set own, far;
    char cpus[SPEADI_CPU_LIST_MAX], near[SPEADI_CPU_LIST_MAX];

    if (!has_nodes(place) || !speadi_cpu_set_of_thread(&own))
        return false;
    speadi_cpu_set_without(&far, &own, &place->node_cpus);
    if (speadi_cpu_set_count(&far) == 0)
        return false;
    snprintf(
        text, SPEADI_PORT_TEXT_MAX,
        "this thread may run on CPUs %s, and %s is on NUMA node %d, whose CPUs are %s: run the "
        "thread on one of these (spead-recv --cpu, numactl --cpunodebind=%d)",
        speadi_cpu_set_list(cpus, &own), place->port, place->node,
        speadi_cpu_set_list(near, &place->node_cpus), place->node);
    return true;
}

bool speadi_port_interrupt_advice(char text[SPEADI_PORT_TEXT_MAX],
                                  const struct speadi_port_place *place)
{
    struct speadi_cpu_set own, shared;
    char cpus[SPEADI_CPU_LIST_MAX];

    if (place->interrupts == 0 || !speadi_cpu_set_of_thread(&own) ||
        speadi_cpu_set_count(&own) != 1)
        return false;
    speadi_cpu_set_both(&shared, &own, &place->irq_cpus);
    if (speadi_cpu_set_count(&shared) == 0)
        return false;
    snprintf(text, SPEADI_PORT_TEXT_MAX,
             "this thread runs on CPU %s, which also serves interrupts of %s: give it another CPU, "
             "or move the interrupts (/proc/irq/NUMBER/smp_affinity_list)",
             speadi_cpu_set_list(cpus, &own), place->port);
    return true;
}

/* Fills *nodes with the nodes that the memory policy of the calling thread names. Returns false if the policy names
 * none, as the default policy does. */
static bool read_policy(struct speadi_cpu_set *nodes)
{
    int mode;

    memset(nodes, 0, sizeof *nodes);
    if (syscall(SYS_get_mempolicy, &mode, nodes->word, (unsigned long)NODES_MAX, NULL, 0ul) != 0)
        return false;
    mode &= ~MPOL_MODE_FLAGS;
    return mode == MPOL_BIND || mode == MPOL_INTERLEAVE || mode == MPOL_PREFERRED;
}

bool speadi_port_memory_advice(char text[SPEADI_PORT_TEXT_MAX],
                               const struct speadi_port_place *place)
{
    struct speadi_cpu_set policy, other;
    char nodes[SPEADI_CPU_LIST_MAX];

    if (!has_nodes(place) || !read_policy(&policy) || speadi_cpu_set_count(&policy) == 0)
        return false;
    other = policy;
    other.word[(unsigned)place->node / (8 * sizeof(unsigned long))] &=
        ~(1ul << (unsigned)place->node % (8 * sizeof(unsigned long)));
    if (speadi_cpu_set_count(&other) == 0)
        return false;
    snprintf(text, SPEADI_PORT_TEXT_MAX,
             "the memory policy names the NUMA nodes %s, and %s is on node %d: start the program "
             "with numactl --membind=%d",
             speadi_cpu_set_list(nodes, &policy), place->port, place->node, place->node);
    return true;
}
