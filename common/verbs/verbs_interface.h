/* The kernel's side of an RDMA port: interface, what lies below it, which device sysfs says it is. */
#ifndef SPEADI_VERBS_INTERFACE_H
#define SPEADI_VERBS_INTERFACE_H

#include <speadi/verbs_device.h>

/* Facts of an interface. Returns 0, -ENODEV, or -ENOTSUP when it is not Ethernet. */
int speadi_verbs_interface_read(struct speadi_verbs_interface *interface, unsigned index,
                                struct spead_err *err);

/* Index of the interface that a VLAN interface sits on; 0 when it is none. */
unsigned speadi_verbs_interface_below(const char *name);

/* The RDMA device and port (from 1) of an interface by sysfs below root ("/sys"), looking below bonds and
 * VLANs too. False: sysfs knows none. */
bool speadi_verbs_interface_device(const char *root, const char *name, unsigned index,
                                   char device[SPEADI_VERBS_NAME_MAX], uint8_t *port);

#endif
