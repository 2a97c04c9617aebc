/* Device events: "the device is done with this memory", for code that knows no device.
 *
 * Whoever owns a device supplies the operations; the number that stands for an event is theirs, never 0.
 * An event is counted by its owners: one share travels with each message that names it, and ends with
 * spead_message_unref() or spead_region_release(). */
#ifndef SPEADLINE_EVENT_H
#define SPEADLINE_EVENT_H

#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_event_ops {
    const char *name; /* "host", "cuda": for errors and logs */

    /* 1: done, 0: not yet, -errno: it can never be known any more (the device has failed). Any thread,
     * never blocks. */
    int (*query)(void *arg, uint64_t event);
    /* Waits until query() would no longer answer 0. Any thread. */
    void (*wait)(void *arg, uint64_t event);
    /* One more owner, and one less. Any thread. */
    void (*ref)(void *arg, uint64_t event);
    void (*unref)(void *arg, uint64_t event);
    void *arg; /* passed to each of them */
};

/* An event that the program itself completes: for tests, and for work that other threads do. */
struct spead_host_event; /* opaque */

int spead_host_event_create(struct spead_host_event **out, struct spead_err *err);

/* The number under which it travels: one more owner. */
uint64_t spead_host_event_share(struct spead_host_event *event);

/* It has happened (error 0), or never can (a negative errno). The first call counts. Any thread. */
void spead_host_event_complete(struct spead_host_event *event, int error);

void spead_host_event_unref(struct spead_host_event *event); /* NULL is ignored */

extern const struct spead_event_ops spead_host_event_ops;

#ifdef __cplusplus
}
#endif
#endif
