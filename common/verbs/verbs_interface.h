/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that ask the kernel about the network interface of an RDMA port. */
#ifndef SPEADI_VERBS_INTERFACE_H
#define SPEADI_VERBS_INTERFACE_H

#include <speadi/verbs_device.h>

/* Reads the properties of the interface with this index into *interface. Returns 0, or -errno with a sentence. The
 * error is -ENODEV (there is no such interface), -ENOTSUP (the interface is not Ethernet), or the error of a system
 * call. */
int speadi_verbs_interface_read(struct speadi_verbs_interface *interface, unsigned index,
                                struct spead_err *err);

/* A VLAN interface lies on top of another interface. Returns the index of the interface below `name`, or 0 if `name` is
 * not a VLAN interface. */
unsigned speadi_verbs_interface_below(const char *name);

/* Finds the RDMA device and the port of an interface in the sysfs at `root` ("/sys"). The first port has the number 1.
 * If the interface is a bond or a VLAN, the function also looks at the interfaces below it. Returns false when sysfs
 * knows no device of this interface. */
bool speadi_verbs_interface_device(const char *root, const char *name, unsigned index,
                                   char device[SPEADI_VERBS_NAME_MAX], uint8_t *port);

#endif
