/* SPDX-License-Identifier: Apache-2.0 */
/* Reads properties of a network interface through ioctl and sysfs. */
#include "verbs_interface.h"

#include <dirent.h>
#include <errno.h>
#include <linux/if_vlan.h>
#include <linux/sockios.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <speadi/err.h>

enum { DEPTH_MAX = 3 }; /* how deep a search goes: a VLAN on top of a bond on top of a port */

/* ---- ioctl --------------------------------------------------------------------------------------- */

static bool ask(int fd, unsigned long request, const char *name, struct ifreq *answer)
{
    *answer = (struct ifreq){0};
    snprintf(answer->ifr_name, sizeof answer->ifr_name, "%s", name);
    return ioctl(fd, request, answer) == 0;
}

static bool ask_vlan(int fd, enum vlan_ioctl_cmds command, const char *name,
                     struct vlan_ioctl_args *answer)
{
    *answer = (struct vlan_ioctl_args){.cmd = (int)command};
    snprintf(answer->device1, sizeof answer->device1, "%s", name);
    return ioctl(fd, SIOCGIFVLAN, answer) == 0;
}

static int read_facts(int fd, struct speadi_verbs_interface *interface, struct spead_err *err)
{
    struct vlan_ioctl_args vlan;
    struct ifreq answer;

    if (!ask(fd, SIOCGIFHWADDR, interface->name, &answer))
        return speadi_err_errno(err, "interface %s", interface->name);
    if (answer.ifr_hwaddr.sa_family != ARPHRD_ETHER)
        return speadi_err_set(err, -ENOTSUP, "interface %s is not Ethernet", interface->name);
    memcpy(interface->mac, answer.ifr_hwaddr.sa_data, sizeof interface->mac);
    if (!ask(fd, SIOCGIFMTU, interface->name, &answer))
        return speadi_err_errno(err, "MTU of interface %s", interface->name);
    interface->mtu = (uint32_t)answer.ifr_mtu;
    if (ask(fd, SIOCGIFFLAGS, interface->name, &answer))
        interface->up = (answer.ifr_flags & IFF_UP) != 0;
    if (ask_vlan(fd, GET_VLAN_VID_CMD, interface->name, &vlan))
        interface->vlan = (uint16_t)vlan.u.VID;
    return 0;
}

int speadi_verbs_interface_read(struct speadi_verbs_interface *interface, unsigned index,
                                struct spead_err *err)
{
    int fd, ret;

    *interface = (struct speadi_verbs_interface){.index = index};
    if (!if_indextoname(index, interface->name))
        return speadi_err_set(err, -ENODEV, "there is no interface with index %u", index);
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return speadi_err_errno(err, "a socket to ask for interface %s", interface->name);
    ret = read_facts(fd, interface, err);
    close(fd);
    return ret;
}

unsigned speadi_verbs_interface_below(const char *name)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    struct vlan_ioctl_args answer;
    unsigned index = 0;

    if (fd < 0)
        return 0;
    if (ask_vlan(fd, GET_VLAN_REALDEV_NAME_CMD, name, &answer))
        index = if_nametoindex(answer.u.device2);
    close(fd);
    return index;
}

/* ---- sysfs --------------------------------------------------------------------------------------- */

static long read_number(const char *root, const char *name, const char *file)
{
    char path[256], text[32] = "";
    long number = -1;
    FILE *stream;

    snprintf(path, sizeof path, "%s/class/net/%s/%s", root, name, file);
    stream = fopen(path, "re");
    if (!stream)
        return -1;
    if (fgets(text, sizeof text, stream))
        number = strtol(text, NULL, 10);
    fclose(stream);
    return number;
}

/* Calls accept() for each entry of the folder whose name begins with `prefix`. Stops when accept() returns true.
 * Returns true if accept() returned true for an entry. */
static bool find_entry(const char *path, const char *prefix,
                       bool (*accept)(void *arg, const char *entry), void *arg)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    bool accepted = false;

    if (!folder)
        return false;
    while (!accepted && (entry = readdir(folder)))
        if (entry->d_name[0] != '.' && strncmp(entry->d_name, prefix, strlen(prefix)) == 0)
            accepted = accept(arg, entry->d_name);
    closedir(folder);
    return accepted;
}

struct search {
    const char *root;
    char *device;
    uint8_t *port;
    int depth;
};

static bool search_interface(struct search *search, const char *name);

static bool accept_device(void *arg, const char *entry)
{
    struct search *search = arg;

    snprintf(search->device, SPEADI_VERBS_NAME_MAX, "%.63s", entry);
    return true;
}

static bool search_lower(void *arg, const char *entry)
{
    return search_interface(arg, entry + strlen("lower_"));
}

static bool search_interface(struct search *search, const char *name)
{
    char path[256];
    bool found;

    snprintf(path, sizeof path, "%s/class/net/%s/device/infiniband", search->root, name);
    if (find_entry(path, "", accept_device, search)) {
        long port = read_number(search->root, name, "dev_port");

        *search->port = (uint8_t)(port > 0 && port < UINT8_MAX ? port + 1 : 1);
        return true;
    }
    if (search->depth == DEPTH_MAX)
        return false;
    search->depth++;
    snprintf(path, sizeof path, "%s/class/net/%s", search->root, name);
    found = find_entry(path, "lower_", search_lower, search);
    search->depth--;
    return found;
}

bool speadi_verbs_interface_device(const char *root, const char *name, unsigned index,
                                   char device[SPEADI_VERBS_NAME_MAX], uint8_t *port)
{
    struct search search = {root, device, port, 0};

    /* The mounted sysfs can belong to another network namespace than the namespace of this process. The interface then
     * has another index in sysfs, and this function does not use sysfs. */
    return read_number(root, name, "ifindex") == (long)index && search_interface(&search, name);
}
