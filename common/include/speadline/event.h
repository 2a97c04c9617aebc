/* Device events. An event says "the device is done with this memory" to code that knows no device.
 *
 * The code that owns a device supplies the operations, and chooses the number that stands for an event; the number is
 * never 0. An event has a count of owners. Each message that names the event owns one share of it;
 * spead_message_unref() or spead_region_release() ends that share. */
#ifndef SPEADLINE_EVENT_H
#define SPEADLINE_EVENT_H

#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_event_ops {
    const char *name; /* such as "host" or "cuda"; errors and logs show it */

    /* Returns 1: the event is done; 0: it is not done yet; -errno: nobody can tell any more, because the device has
     * failed. Any thread; never blocks. */
    int (*query)(void *arg, uint64_t event);
    /* Blocks until query() would no longer return 0. Any thread. */
    void (*wait)(void *arg, uint64_t event);
    /* ref() adds one owner, and unref() takes one owner away. Any thread. */
    void (*ref)(void *arg, uint64_t event);
    void (*unref)(void *arg, uint64_t event);
    void *arg; /* passed to each of these functions */
};

/* An event that the program itself completes, for tests and for work that other threads do. */
struct spead_host_event; /* opaque */

/* Makes an event that is not done. Returns 0, and *out holds one reference; or -ENOMEM. */
int spead_host_event_create(struct spead_host_event **out, struct spead_err *err);

/* Adds one owner, and returns the number that stands for the event in a message. */
uint64_t spead_host_event_share(struct spead_host_event *event);

/* Completes the event: error is 0 when it is done, or a negative errno when it can never be done. Only the first call
 * counts. Any thread. */
void spead_host_event_complete(struct spead_host_event *event, int error);

/* Gives back the reference that create gave. NULL is ignored. Any thread. */
void spead_host_event_unref(struct spead_host_event *event);

/* The operations of these events, for the config of a region pool. */
extern const struct spead_event_ops spead_host_event_ops;

#ifdef __cplusplus
}
#endif
#endif
