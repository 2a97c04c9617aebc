/* SPDX-License-Identifier: Apache-2.0 */
/* Device events. An event is a number by which a device says "I no longer use this memory". Code that holds an event
 * need not know the device.
 *
 * The code that owns the device supplies the operations (struct spead_event_ops). It also chooses the number of each
 * event, which is never 0. Several messages can carry the number of one event. Each of these messages owns one share of
 * the event; spead_message_unref() or spead_region_release() gives that share back. */
#ifndef SPEADLINE_EVENT_H
#define SPEADLINE_EVENT_H

#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The operations on the events of one device. The code that owns the device supplies them. Any thread may call each of
 * them. */
struct spead_event_ops {
    const char *name; /* name such as "host" or "cuda", for errors and logs */

    /* Asks for the state of the event. Returns 1 when the event is done, and 0 when it is not done yet. Returns -errno
     * when the device has failed, so that the event can never be done. Never blocks. */
    int (*query)(void *arg, uint64_t event);
    /* Blocks until the event is done or has failed: until query() would return 1 or -errno. */
    void (*wait)(void *arg, uint64_t event);
    /* ref() adds one share to the event, and unref() takes one share away. When unref() takes the last share away, it
     * is allowed to free the event. */
    void (*ref)(void *arg, uint64_t event);
    void (*unref)(void *arg, uint64_t event);
    void *arg; /* first argument of each function in this struct */
};

/* A host event: an event that the program itself completes. It is for tests, and for work that other threads of the
 * program do. */
struct spead_host_event; /* opaque */

/* Makes a host event that is not done. Returns 0 and gives the caller one reference in *out, or -ENOMEM. err may be
 * NULL. Any thread. */
int spead_host_event_create(struct spead_host_event **out, struct spead_err *err);

/* Adds one share to the event. Returns the number of the event, for the field `event` of a message; that message then
 * owns the share. Any thread. */
uint64_t spead_host_event_share(struct spead_host_event *event);

/* Completes the event. `error` is 0 when the event is done, or a negative errno when the event can never be done. Only
 * the first call has an effect. Any thread. */
void spead_host_event_complete(struct spead_host_event *event, int error);

/* Gives back the reference that spead_host_event_create() gave. NULL is ignored. Any thread. */
void spead_host_event_unref(struct spead_host_event *event);

/* The operations of host events, for `event_ops` in the configuration of a region pool. */
extern const struct spead_event_ops spead_host_event_ops;

#ifdef __cplusplus
}
#endif
#endif
