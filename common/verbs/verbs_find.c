/* SPDX-License-Identifier: Apache-2.0 */
/* Finds the device and the port that the user wishes for. sysfs describes ports, bonds and VLANs. But in a container or
 * in another network namespace, sysfs can be missing. Then the address tables (GID tables) of the ports say which
 * interface a port belongs to. */
#include "verbs_find.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>
#include <speadi/remedy.h>
#include <speadi/sys_file.h>

#include "verbs_interface.h"

enum { GIDS_MAX = 1024 };

struct finder {
    const struct speadi_verbs *verbs;
    struct ibv_device **list;
    int count;
    struct speadi_verbs_found *found;
    /* the error of a device that could not be opened; it is possibly the wanted device */
    struct spead_err open_err;
};

/* ---- Address tables ------------------------------------------------------------------------------ */

static bool is_mapped_v4(const union ibv_gid *gid, const struct in_addr *address)
{
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

    return memcmp(gid->raw, prefix, sizeof prefix) == 0 &&
           memcmp(gid->raw + sizeof prefix, address, sizeof *address) == 0;
}

/* Returns true if the address is fe80:: followed by the MAC address as an EUI-64. The first address of each RoCE port
 * has this form. */
static bool is_eui64_of(const union ibv_gid *gid, const uint8_t mac[6])
{
    const uint8_t wanted[16] = {0xfe, 0x80, [8] = mac[0] ^ 2, mac[1], mac[2],
                                0xff, 0xfe, mac[3],           mac[4], mac[5]};

    return memcmp(gid->raw, wanted, sizeof wanted) == 0;
}

static bool is_address_of(const union ibv_gid *gid, const char *name)
{
    struct ifaddrs *list;
    bool found = false;

    if (getifaddrs(&list) < 0)
        return false;
    for (const struct ifaddrs *at = list; at && !found; at = at->ifa_next) {
        const void *address = at->ifa_addr;

        if (!address || strcmp(at->ifa_name, name) != 0)
            continue;
        if (at->ifa_addr->sa_family == AF_INET)
            found = is_mapped_v4(gid, &((const struct sockaddr_in *)address)->sin_addr);
        else if (at->ifa_addr->sa_family == AF_INET6)
            found = memcmp(gid->raw, &((const struct sockaddr_in6 *)address)->sin6_addr,
                           sizeof gid->raw) == 0;
    }
    freeifaddrs(list);
    return found;
}

/* Reads the addresses of all ports one by one. The caller uses this function when libibverbs is too old to say which
 * interface an address belongs to. */
static ssize_t read_plain_gids(const struct speadi_verbs *verbs, struct ibv_context *context,
                               struct ibv_gid_entry *entries, uint8_t ports)
{
    ssize_t count = 0;

    for (uint8_t port = 1; port <= ports; port++)
        for (int i = 0; count < GIDS_MAX; i++) {
            struct ibv_gid_entry *entry = &entries[count];

            *entry = (struct ibv_gid_entry){.port_num = port};
            if (verbs->query_gid(context, port, i, &entry->gid) != 0)
                break;
            if (entry->gid.global.interface_id != 0)
                count++;
        }
    return count;
}

static ssize_t read_gids(const struct speadi_verbs *verbs, struct ibv_context *context,
                         struct ibv_gid_entry *entries)
{
    struct ibv_device_attr attr;
    ssize_t count = -1;

    if (verbs->query_gid_table)
        count = verbs->query_gid_table(context, entries, GIDS_MAX, 0, sizeof *entries);
    if (count >= 0)
        return count;
    if (verbs->query_device(context, &attr) != 0)
        return 0;
    return read_plain_gids(verbs, context, entries, attr.phys_port_cnt);
}

static bool is_of(const struct ibv_gid_entry *entry, const struct speadi_verbs_interface *interface)
{
    if (entry->ndev_ifindex != 0)
        return entry->ndev_ifindex == interface->index;
    return is_eui64_of(&entry->gid, interface->mac) || is_address_of(&entry->gid, interface->name);
}

/* Searches the address tables of an open device for an address of the interface. Returns the number of the port that
 * has such an address, or 0 if there is no such port. If `interface` is NULL, the function returns the number of the
 * first port that has any interface, and sets *index to the index of that interface. */
static uint8_t search_gids(const struct speadi_verbs *verbs, struct ibv_context *context,
                           const struct speadi_verbs_interface *interface, unsigned *index)
{
    struct ibv_gid_entry *entries = calloc(GIDS_MAX, sizeof *entries);
    ssize_t count = entries ? read_gids(verbs, context, entries) : 0;
    uint8_t port = 0;

    for (ssize_t i = 0; i < count && port == 0; i++) {
        if (interface ? !is_of(&entries[i], interface) : entries[i].ndev_ifindex == 0)
            continue;
        port = (uint8_t)entries[i].port_num;
        if (!interface)
            *index = entries[i].ndev_ifindex;
    }
    free(entries);
    return port;
}

/* ---- Finding a device ---------------------------------------------------------------------------- */

static int open_nth(struct finder *finder, int n, struct spead_err *err)
{
    const char *name = finder->verbs->get_device_name(finder->list[n]);

    finder->found->context = finder->verbs->open_device(finder->list[n]);
    if (!finder->found->context)
        return speadi_verbs_failed(err, "open_device", name, errno ? errno : EIO);
    snprintf(finder->found->device, sizeof finder->found->device, "%s", name);
    return 0;
}

static void close_again(struct finder *finder)
{
    finder->verbs->close_device(finder->found->context);
    finder->found->context = NULL;
}

static int nth_named(const struct finder *finder, const char *name)
{
    for (int n = 0; n < finder->count; n++)
        if (strcmp(finder->verbs->get_device_name(finder->list[n]), name) == 0)
            return n;
    return -1;
}

/* Writes the names of all devices into `text`, for an error sentence. */
static void list_names(const struct finder *finder, char *text, size_t text_bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (int n = 0; n < finder->count && used < text_bytes; n++)
        used += (size_t)snprintf(text + used, text_bytes - used, "%s%s", n ? ", " : "",
                                 finder->verbs->get_device_name(finder->list[n]));
}

static int find_by_sysfs(struct finder *finder, const struct speadi_verbs_interface *interface,
                         struct spead_err *err)
{
    char name[SPEADI_VERBS_NAME_MAX];
    int n;

    if (!speadi_verbs_interface_device("/sys", interface->name, interface->index, name,
                                       &finder->found->port))
        return 0;
    n = nth_named(finder, name);
    return n < 0 ? 0 : open_nth(finder, n, err);
}

/* Opens one device after another until it finds the device of the interface. If a device cannot be opened, the function
 * continues with the next device, because that can be the right device. */
static void find_by_gids(struct finder *finder, const struct speadi_verbs_interface *interface)
{
    for (int n = 0; n < finder->count && !finder->found->context; n++) {
        if (open_nth(finder, n, &finder->open_err) < 0)
            continue;
        finder->found->port = search_gids(finder->verbs, finder->found->context, interface, NULL);
        if (finder->found->port == 0)
            close_again(finder);
    }
}

static int find_by_interface(struct finder *finder, unsigned index, struct spead_err *err)
{
    struct speadi_verbs_interface interface, below;
    char names[100];
    unsigned below_index;
    int ret = speadi_verbs_interface_read(&interface, index, err);

    if (ret == 0)
        ret = find_by_sysfs(finder, &interface, err);
    if (ret < 0)
        return ret;
    if (!finder->found->context)
        find_by_gids(finder, &interface);
    below_index = finder->found->context ? 0 : speadi_verbs_interface_below(interface.name);
    if (below_index && speadi_verbs_interface_read(&below, below_index, NULL) == 0)
        find_by_gids(finder, &below);
    finder->found->interface_index = index;
    if (finder->found->context)
        return 0;
    if (finder->open_err.code != 0)
        return speadi_err_copy(err, &finder->open_err);
    list_names(finder, names, sizeof names);
    return speadi_err_set(err, -ENODEV,
                          "interface %s belongs to none of the RDMA devices %s (see: rdma link)",
                          interface.name, names);
}

/* Finds the device with the name `device`, and an interface of this device. If the interface with the index `index`
 * belongs to the device, the function takes that interface. Otherwise it takes the interface of the first port that has
 * an interface. */
static int find_by_name(struct finder *finder, const char *device, unsigned index,
                        struct spead_err *err)
{
    char names[100];
    int n = nth_named(finder, device), ret;

    if (n < 0) {
        list_names(finder, names, sizeof names);
        return speadi_err_field(err, -ENODEV, "verbs.device",
                                " \"%.60s\": there is no such RDMA device; there are %s", device,
                                names);
    }
    if (index && find_by_interface(finder, index, NULL) == 0) {
        if (strcmp(finder->found->device, device) == 0)
            return 0;
        close_again(finder);
    }
    ret = open_nth(finder, n, err);
    if (ret < 0)
        return ret;
    finder->found->port =
        search_gids(finder->verbs, finder->found->context, NULL, &finder->found->interface_index);
    if (finder->found->port != 0)
        return 0;
    close_again(finder);
    return speadi_err_set(
        err, -ENODEV, "RDMA device %.60s has no network interface here (see: rdma link)", device);
}

static int find_only(struct finder *finder, struct spead_err *err)
{
    char names[100];

    list_names(finder, names, sizeof names);
    if (finder->count != 1)
        return speadi_err_field(err, -EINVAL, "verbs.device",
                                ": which one? Name an interface, or one of the RDMA devices %s",
                                names);
    return find_by_name(finder, finder->verbs->get_device_name(finder->list[0]), 0, err);
}

static unsigned wished_interface(const struct speadi_verbs_wish *wish)
{
    if (wish->interface && wish->interface->index)
        return wish->interface->index;
    return wish->address ? speadi_interface_towards(wish->address) : 0;
}

#define FUNCTION_MAX 32 /* room for the address of a PCI function, such as 0000:3b:00.0 */

/* If the PCI function is a NIC of NVIDIA (Mellanox), and comes before `nic`, takes its address. */
static void take_nic(void *arg, const char *function)
{
    char *nic = arg, line[16];

    if (nic[0] != '\0' && strcmp(function, nic) > 0)
        return;
    if (speadi_sys_line(line, sizeof line, "/sys/bus/pci/devices/%s/vendor", function) &&
        strcmp(line, "0x15b3") == 0 &&
        speadi_sys_line(line, sizeof line, "/sys/bus/pci/devices/%s/class", function) &&
        strncmp(line, "0x02", 4) == 0)
        snprintf(nic, FUNCTION_MAX, "%s", function);
}

/* Proposes the driver only to a host with a NIC that it is for. */
static int no_device(struct spead_err *err)
{
    char load[128], nic[FUNCTION_MAX] = "";

    speadi_sys_each(take_nic, nic, "/sys/bus/pci/devices");
    if (nic[0] == '\0')
        return speadi_err_set(err, -ENODEV, "no RDMA device");
    return speadi_err_set(
        err, -ENODEV,
        "no RDMA device; the NIC at %s becomes one, if it is a "
        "ConnectX-4 or later, by its driver: %s (a file in "
        "/etc/modules-load.d keeps it)",
        nic, speadi_remedy_command(load, sizeof load, CAP_SYS_MODULE, "modprobe mlx5_ib"));
}

static int find_wished(struct finder *finder, const struct speadi_verbs_wish *wish,
                       struct spead_err *err)
{
    unsigned index = wished_interface(wish);

    if (finder->count == 0)
        return no_device(err);
    if (wish->device)
        return find_by_name(finder, wish->device, index, err);
    return index ? find_by_interface(finder, index, err) : find_only(finder, err);
}

/* Lists the RDMA devices. On a kernel without RDMA (ENOSYS) the list is empty. */
static int list_devices(const struct speadi_verbs *verbs, struct ibv_device ***list, int *count,
                        struct spead_err *err)
{
    *count = 0;
    errno = 0;
    *list = verbs->get_device_list(count);
    if (*list || errno == ENOSYS)
        return 0;
    return speadi_verbs_failed(err, "get_device_list", "this host", errno);
}

int speadi_verbs_find(const struct speadi_verbs *verbs, const struct speadi_verbs_wish *wish,
                      struct speadi_verbs_found *found, struct spead_err *err)
{
    struct finder finder = {.verbs = verbs, .found = found};
    int ret = list_devices(verbs, &finder.list, &finder.count, err);

    *found = (struct speadi_verbs_found){0};
    if (ret == 0)
        ret = find_wished(&finder, wish, err);
    if (finder.list)
        verbs->free_device_list(finder.list);
    return ret;
}

int speadi_verbs_list(char (*names)[SPEADI_VERBS_NAME_MAX], unsigned max, struct spead_err *err)
{
    const struct speadi_verbs *verbs;
    struct ibv_device **list = NULL;
    int count, stored = 0, ret = speadi_verbs_load(&verbs, err);

    if (ret == 0)
        ret = list_devices(verbs, &list, &count, err);
    if (ret < 0)
        return ret;
    for (; stored < count && (unsigned)stored < max; stored++)
        snprintf(names[stored], SPEADI_VERBS_NAME_MAX, "%s", verbs->get_device_name(list[stored]));
    if (list)
        verbs->free_device_list(list);
    return stored;
}
