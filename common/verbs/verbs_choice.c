/* SPDX-License-Identifier: Apache-2.0 */
/* Decides whether the engine choice "auto" is allowed to choose verbs for the endpoints of a stream. */
#include <speadi/verbs_device.h>

#include <errno.h>

#include <speadi/err.h>

/* Finds the interface that all addresses belong to. A socket that is bound to the any-address receives from every
 * interface, but a device receives only from its own interface. So "auto" needs to know the interface. The function
 * fails if the addresses belong to no interface or to more than one. */
static int find_interface(const struct speadi_address *addresses, uint32_t count,
                          struct speadi_interface *interface, struct spead_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        unsigned index = speadi_interface_towards(&addresses[i]);

        if (index == 0)
            return speadi_err_set(err, -EINVAL, "no interface named, and no address tells");
        if (i > 0 && index != interface->index)
            return speadi_err_set(err, -EINVAL, "the endpoints are on several interfaces");
        interface->index = index;
    }
    return 0;
}

int speadi_verbs_refuse_interfaces(struct spead_err *err)
{
    return speadi_err_set(err, -ENOTSUP,
                          "a verbs device has one interface, and the endpoints name several: use a "
                          "stream for each, or engine socket");
}

int speadi_verbs_suits(const char *device, const struct speadi_interface *interface,
                       const struct speadi_address *addresses, uint32_t count,
                       struct spead_err *err)
{
    struct speadi_interface found = {0};
    int ret = 0;

    if (interface && interface->index)
        found = *interface;
    else
        ret = find_interface(addresses, count, &found, err);
    if (ret < 0)
        return ret;
    return speadi_verbs_probe(&(struct speadi_verbs_wish){.device = device, .interface = &found},
                              NULL, err);
}
