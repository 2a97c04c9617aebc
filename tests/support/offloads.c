/* SPDX-License-Identifier: Apache-2.0 */
/* Turns offloads of a network interface off, by ioctl(SIOCETHTOOL). */
#include "offloads.h"

#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static bool ask(int fd, const char *interface, void *command)
{
    struct ifreq request = {0};

    strncpy(request.ifr_name, interface, IFNAMSIZ - 1);
    request.ifr_data = command;
    return ioctl(fd, SIOCETHTOOL, &request) == 0;
}

static uint32_t feature_count(int fd, const char *interface)
{
    struct ethtool_sset_info *sets = calloc(1, sizeof *sets + sizeof sets->data[0]);
    uint32_t count = 0;

    if (!sets)
        return 0;
    sets->cmd = ETHTOOL_GSSET_INFO;
    sets->sset_mask = UINT64_C(1) << ETH_SS_FEATURES;
    if (ask(fd, interface, sets) && sets->sset_mask)
        count = sets->data[0];
    free(sets);
    return count;
}

/* Finds the number of a feature by its name, because the number differs between kernels. */
static bool find_feature(int fd, const char *interface, const char *name, uint32_t *index)
{
    uint32_t count = feature_count(fd, interface);
    struct ethtool_gstrings *names = calloc(1, sizeof *names + count * ETH_GSTRING_LEN);
    bool found = false;

    if (!names)
        return false;
    names->cmd = ETHTOOL_GSTRINGS;
    names->string_set = ETH_SS_FEATURES;
    names->len = count;
    if (ask(fd, interface, names))
        for (uint32_t i = 0; i < count && !found; i++) {
            found = !strcmp((char *)names->data + i * ETH_GSTRING_LEN, name);
            *index = i;
        }
    free(names);
    return found;
}

static bool clear_feature(int fd, const char *interface, const char *name)
{
    struct ethtool_sfeatures *set;
    uint32_t index;
    bool done;

    if (!find_feature(fd, interface, name, &index))
        return false;
    set = calloc(1, sizeof *set + (index / 32 + 1) * sizeof set->features[0]);
    if (!set)
        return false;
    set->cmd = ETHTOOL_SFEATURES;
    set->size = index / 32 + 1;
    set->features[index / 32].valid = 1u << index % 32;
    done = ask(fd, interface, set);
    free(set);
    return done;
}

bool test_offloads_off(const char *interface)
{
    struct ethtool_value checksums = {.cmd = ETHTOOL_STXCSUM, .data = 0};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool done;

    if (fd < 0)
        return false;
    done = clear_feature(fd, interface, "tx-udp-segmentation") && ask(fd, interface, &checksums);
    close(fd);
    return done;
}
