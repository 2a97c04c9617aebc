/* SPDX-License-Identifier: Apache-2.0 */
/* See port_survey.h. */
#include "port_survey.h"

#include <linux/capability.h>
#include <string.h>

#include <speadi/remedy.h>
#include <speadi/sys_file.h>

#define JUMBO_MTU 9000u

/* Room for one line. It holds some lists of CPUs. */
#define LINE_BYTES 512u

/* ---- Sentences ----------------------------------------------------------------------------------- */

static void write_node(char line[LINE_BYTES], const struct speadi_port_place *place)
{
    char text[SPEADI_PORT_TEXT_MAX];

    if (place->port[0] == '\0')
        snprintf(line, LINE_BYTES,
                 "the kernel does not tell where the port of %s is in this host: sysfs does not "
                 "know it here",
                 place->interface);
    else if (speadi_port_node_text(text, place)[0] != '\0')
        snprintf(line, LINE_BYTES, "%s: run streams there (--cpu, numactl --membind=%d)", text,
                 place->node);
    else if (place->node_count == 1)
        snprintf(line, LINE_BYTES, "this host has one NUMA node");
    else
        snprintf(line, LINE_BYTES, "it is not known on which NUMA node %s is", place->port);
}

static void write_interrupts(char line[LINE_BYTES], const struct speadi_port_place *place)
{
    char cpus[SPEADI_CPU_LIST_MAX], part[SPEADI_CPU_LIST_MAX];
    struct speadi_cpu_set some;
    size_t used;

    if (place->interrupts == 0) {
        snprintf(line, LINE_BYTES, "the kernel lists no interrupts of %s",
                 place->port[0] ? place->port : place->interface);
        return;
    }
    snprintf(line, LINE_BYTES, "the %u interrupts of %s may run on CPUs %s", place->interrupts,
             place->port, speadi_cpu_set_list(cpus, &place->irq_cpus));
    used = strlen(line);
    speadi_cpu_set_both(&some, &place->irq_cpus, &place->isolated);
    if (speadi_cpu_set_count(&some) > 0)
        used += (size_t)snprintf(line + used, LINE_BYTES - used,
                                 "; of these, %s are isolated for other work",
                                 speadi_cpu_set_list(part, &some));
    else
        used += (size_t)snprintf(line + used, LINE_BYTES - used, "; none of them is isolated");
    speadi_cpu_set_without(&some, &place->irq_cpus, &place->node_cpus);
    if (place->node >= 0 && place->node_count > 1 && speadi_cpu_set_count(&some) > 0)
        snprintf(line + used, LINE_BYTES - used, ", and %s are on another NUMA node",
                 speadi_cpu_set_list(part, &some));
}

static void write_loopback(char line[LINE_BYTES], const struct speadi_port_place *place)
{
    const char *port = place->port[0] ? place->port : place->interface;

    if (place->loopback == SPEADI_LOOPBACK_OFF)
        snprintf(line, LINE_BYTES,
                 "multicast that a program sends by engine verbs does not come back to programs on "
                 "%s (force_local_lb_disable is on)",
                 port);
    else if (place->loopback == SPEADI_LOOPBACK_ON)
        snprintf(line, LINE_BYTES,
                 "multicast that a program sends by engine verbs comes back to other programs on "
                 "%s, which slows senders",
                 port);
    else
        snprintf(
            line, LINE_BYTES,
            "it is not known whether multicast that a program sends by engine verbs comes back "
            "to other programs on %s%s",
            port,
            strncmp(place->driver, "mlx5", 4) == 0
                ? ": mlx5 gives it back unless it is told otherwise, and that slows senders"
                : "");
}

static void (*const writers[])(char line[LINE_BYTES], const struct speadi_port_place *place) = {
    write_node, write_interrupts, write_loopback};

void port_survey_print(FILE *to, const struct speadi_port_place *place)
{
    char line[LINE_BYTES];

    if (place->interface[0] == '\0')
        return; /* the device was not read so far */
    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        writers[i](line, place);
        fprintf(to, "        %s\n", line);
    }
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static json_t *known_list(const struct speadi_cpu_set *set, bool known)
{
    char list[SPEADI_CPU_LIST_MAX];

    return known ? json_string(speadi_cpu_set_list(list, set)) : json_null();
}

static json_t *known_word(const char *word)
{
    return word[0] != '\0' ? json_string(word) : json_null();
}

static json_t *known_number(uint64_t number, bool known)
{
    return known ? json_integer((json_int_t)number) : json_null();
}

static json_t *loopback_json(enum speadi_port_loopback loopback)
{
    return loopback == SPEADI_LOOPBACK_UNKNOWN ? json_null()
                                               : json_boolean(loopback == SPEADI_LOOPBACK_ON);
}

static json_t *notes_json(const struct speadi_port_place *place)
{
    json_t *notes = json_array();
    char line[LINE_BYTES];

    for (size_t i = 0; i < sizeof writers / sizeof *writers; i++) {
        writers[i](line, place);
        if (json_array_append_new(notes, json_string(line)) < 0) {
            json_decref(notes);
            return NULL;
        }
    }
    return notes;
}

json_t *port_survey_json(const struct speadi_port_place *place)
{
    bool known = place->port[0] != '\0';

    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "interface",
                     known_word(place->port), "driver", known_word(place->driver), "wider",
                     known_word(place->wider), "wider_mtu",
                     known_number(place->wider_mtu, place->wider_mtu > 0), "numa_node",
                     known_number((uint64_t)place->node, place->node >= 0), "numa_nodes",
                     known_number(place->node_count, place->node_count > 0), "node_cpus",
                     known_list(&place->node_cpus, place->node >= 0), "interrupts",
                     known_number(place->interrupts, place->interrupts > 0), "interrupt_cpus",
                     known_list(&place->irq_cpus, place->interrupts > 0), "isolated_cpus",
                     known_list(&place->isolated, known), "multicast_loopback",
                     loopback_json(place->loopback), "notes", notes_json(place));
}

/* ---- Remedies ------------------------------------------------------------------------------------ */

/* Frames of the interface `wider` reach the same port, and the slots of a queue hold them. */
static void check_mtu(struct survey_engine *engine)
{
    const struct speadi_port_place *place = &engine->place;
    const uint32_t mtu = engine->report.interface.mtu;
    char word[TOOL_COMMAND_MAX], wider[TOOL_COMMAND_MAX];
    const char *name = engine->report.interface.name;
    struct tool_remedy *remedy;

    if (mtu == 0 || (mtu >= place->wider_mtu && mtu >= JUMBO_MTU))
        return;
    remedy = survey_new_remedy(engine);
    tool_quote(name, word, sizeof word);
    tool_quote(place->wider, wider, sizeof wider);
    if (mtu < place->wider_mtu) {
        tool_remedy_init(remedy,
                         "MTU of %s is %u and that of %s, %s, is %u: streams receive frames of "
                         "both, but send only the shorter ones",
                         name, mtu, place->wider,
                         place->is_virtual_function ? "its physical function" : "which it lies on",
                         place->wider_mtu);
        tool_remedy_ip_link(remedy, "%s mtu %u", word, place->wider_mtu);
        return;
    }
    tool_remedy_init(remedy, "MTU of %s is %u: packets are small", name, mtu);
    if (place->wider_mtu > 0 && place->wider_mtu < JUMBO_MTU && !place->is_virtual_function)
        tool_remedy_ip_link(remedy, "%s mtu %u", wider, JUMBO_MTU);
    tool_remedy_ip_link(remedy, "%s mtu %u", word, JUMBO_MTU);
}

/* Interrupts on isolated CPUs take time from the streams that run there. */
static void check_interrupts(struct survey_engine *engine)
{
    const struct speadi_port_place *place = &engine->place;
    char list[SPEADI_CPU_LIST_MAX], online[256], word[TOOL_COMMAND_MAX];
    struct speadi_cpu_set some, others = {{0}};
    struct tool_remedy *remedy;

    speadi_cpu_set_both(&some, &place->irq_cpus, &place->isolated);
    if (speadi_cpu_set_count(&some) == 0)
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "interrupts of %s run on the isolated CPUs %s", place->port,
                     speadi_cpu_set_list(list, &some));
    tool_remedy_note(remedy, "stop irqbalance first, or it moves them back; it lasts until the "
                             "driver is loaded again");
    if (speadi_sys_line(online, sizeof online, "/sys/devices/system/cpu/online"))
        speadi_cpu_set_add_list(&others, online);
    speadi_cpu_set_without(&others, &others, &place->isolated);
    speadi_cpu_set_both(&some, &others, &place->node_cpus);
    if (speadi_cpu_set_count(&some) > 0)
        others = some; /* CPUs of the NUMA node of the port are better */
    if (speadi_cpu_set_count(&others) == 0)
        return;
    remedy->on_host = !speadi_may_set_sysctl();
    tool_remedy_add(remedy,
                    "for i in /sys/class/net/%s/device/msi_irqs/*; do echo %s | %stee "
                    "/proc/irq/\"${i##*/}\"/smp_affinity_list; done",
                    tool_quote(place->port, word, sizeof word), speadi_cpu_set_list(list, &others),
                    speadi_sudo());
}

static void check_loopback(struct survey_engine *engine)
{
    const struct speadi_port_place *place = &engine->place;
    char word[TOOL_COMMAND_MAX];
    struct tool_remedy *remedy;

    if (place->loopback != SPEADI_LOOPBACK_ON)
        return;
    remedy = survey_new_remedy(engine);
    tool_remedy_init(remedy, "%s gives multicast back to its own host, which slows senders",
                     place->port);
    remedy->on_host = !speadi_may_set_sysctl();
    tool_remedy_add(remedy, "echo 1 | %stee /sys/class/net/%s/settings/force_local_lb_disable",
                    speadi_sudo(), tool_quote(place->port, word, sizeof word));
    tool_remedy_note(remedy, "only if no program of this host reads what another one sends by this "
                             "port; it lasts until the driver is loaded again");
}

void port_survey_take(struct survey_engine *engine)
{
    speadi_port_place_read(&engine->place, engine->report.interface.name);
    check_mtu(engine);
    check_interrupts(engine);
    check_loopback(engine);
}
