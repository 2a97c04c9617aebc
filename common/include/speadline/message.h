/* Messages, which travel through channels, and the registry of their types.
 *
 * A message is 64 bytes, passed by value. It refers to an object that it does not contain: `reference` names the
 * object, and offset and length say which part of the object is meant. The object itself keeps its map of gaps, further
 * times and the origin of its data. Nothing allocates per message.
 *
 * Ownership: A message owns one reference to its object. The code that holds the message holds that reference: a send
 * passes the reference on, a receive takes it over, and the code that is done with the message calls
 * spead_message_unref() once.
 *
 * Inheritance: The node or stream where a message first appears (its source) sets stream and sequence: sequence counts
 * the messages of one stream from 0 without gaps. time_ns says when the data came into being there. When a node makes a
 * message out of another message, the new one inherits stream, sequence, time, key and priority from the other
 * (spead_message_inherit()). A message that is made out of several inherits from the one that came first. A node may
 * set another key. Two messages with the same stream and sequence are parts of one thing. */
#ifndef SPEADLINE_MESSAGE_H
#define SPEADLINE_MESSAGE_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#endif

struct spead_message {
    uint64_t reference; /* the object, as its type understands it (mostly a pointer); 0: none */
    uint64_t offset;    /* where the part begins, in bytes from the start of the object's data */
    uint64_t length;    /* bytes of the part */
    uint64_t sequence;  /* number in its stream */
    uint64_t time_ns;   /* in the clock of its source; 0: unknown */
    uint64_t key;       /* for nodes that route, group or join; 0 unless set */
    uint64_t event;     /* device event (event.h): the data may be read after it; 0: immediately */
    uint32_t stream;
    uint16_t type;    /* an id of the registry */
    uint8_t priority; /* lane of a channel: 0 is the lowest and the first to be shed */
    uint8_t flags;    /* SPEAD_MESSAGE_... */
};
static_assert(sizeof(struct spead_message) == 64, "a message is one cache line");

/* Flags. */
enum {
    /* A node failed on the message, which therefore went to the output port "error" of the node. */
    SPEAD_MESSAGE_FAILED = 1u << 0,
    /* Parts of the object are missing; the object knows which. */
    SPEAD_MESSAGE_INCOMPLETE = 1u << 1,
};

/* Types that the library itself registers. Other types get the next free id, which may differ from run to run: only
 * the name of a type is stable. */
enum {
    /* "plain": no object; reference, offset and length are numbers of the program. */
    SPEAD_TYPE_PLAIN = 0,
    SPEAD_TYPE_HEAP = 1,   /* "heap": struct spead_heap *; carries no event */
    SPEAD_TYPE_REGION = 2, /* "region": struct spead_region * */
    SPEAD_TYPES_MAX = 1024,
};

struct spead_message_type {
    const char *name; /* stable, [a-z0-9.-]{1,63}, e.g. "beam.spectrum" */

    /* ref() takes one reference to the object of the message, and one share of its event if it has one. unref() gives
     * both back. Any thread. NULL: the object needs no references; then no message of this type carries an event. */
    void (*ref)(const struct spead_message *message);
    void (*unref)(const struct spead_message *message);

    /* For checkpoints and for other processes. Set both or neither (NULL). pack() writes the bytes that are needed to
     * make the object again, and returns how many bytes these are. If they are more than max, pack() still returns
     * their number, and need not write anything. unpack() makes an object out of such bytes, and sets reference, offset
     * and length of *message; it must check every byte. Both return -errno on failure. */
    int64_t (*pack)(const struct spead_message *message, void *bytes, size_t max);
    int (*unpack)(struct spead_message *message, const void *bytes, size_t count);
};

/* Registers *type, which is borrowed for the life of the process. Returns its id (the same id when the same *type is
 * registered again), -EINVAL (the name is not valid, or only one of pack and unpack is set), -EEXIST (another type
 * has the name) or -ENOSPC (SPEAD_TYPES_MAX types are registered). Any thread. err may be NULL. */
int spead_message_type_register(const struct spead_message_type *type, struct spead_err *err);

/* The first returns the id of the type with this name, or -ENOENT. The second returns the type with this id, or NULL.
 * Any thread; they never block. */
int spead_message_type_find(const char *name);
const struct spead_message_type *spead_message_type_get(uint16_t id);

/* Takes one more reference to the object, and one more share of the event, for a copy of the message. Any thread. */
void spead_message_ref(const struct spead_message *message);

/* Gives the reference of the message back. The caller need not have looked at the data. If a device still works on
 * the object (message->event), the device may go on: the memory is not given out again before it is done. Any
 * thread. */
void spead_message_unref(const struct spead_message *message);

/* Copies stream, sequence, time, key and priority to *child, and leaves the rest of *child as it is. */
static inline void spead_message_inherit(struct spead_message *child,
                                         const struct spead_message *parent)
{
    child->stream = parent->stream;
    child->sequence = parent->sequence;
    child->time_ns = parent->time_ns;
    child->key = parent->key;
    child->priority = parent->priority;
}

#ifdef __cplusplus
}
#endif
#endif
