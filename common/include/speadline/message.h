/* Messages: what travels through channels, and the registry of their types.
 *
 * A message is 64 bytes, passed by value, and speaks of an object that somebody else owns: `reference`
 * names the object, offset and length the part of it that is meant. Gap maps, further time stamps and
 * lineage live in the object. Nothing allocates per message.
 *
 * Ownership: a message owns one reference to its object. Whoever holds the message holds that reference:
 * sending passes it on, receiving takes it over, and who is done calls spead_message_unref() once.
 *
 * Inheritance: stream and sequence are assigned where a message first appears (its source: one counter per
 * stream, from 0, without gaps), time_ns is when its data came into being there. What a node makes out of
 * a message inherits stream, sequence, time, key and priority from it (spead_message_inherit()): of
 * several parents it is the one that came first. A node may set another key. Two messages with the same
 * stream and sequence are parts of one thing. */
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
    uint64_t offset;    /* the part meant, in bytes from the start of the object's data */
    uint64_t length;
    uint64_t sequence;
    uint64_t time_ns; /* in the clock of its source; 0: unknown */
    uint64_t key;     /* for whoever routes, groups or joins; 0 unless set */
    uint64_t event;   /* a device event (speadline/event.h): read only once it is done; 0: now */
    uint32_t stream;
    uint16_t type;    /* an id of the registry */
    uint8_t priority; /* lane of a channel: 0 is the lowest and the first to be shed */
    uint8_t flags;
};
static_assert(sizeof(struct spead_message) == 64, "a message is one cache line");

/* Flags. */
enum {
    /* Handed to an error channel: a node could not do its work on it. */
    SPEAD_MESSAGE_FAILED = 1u << 0,
    SPEAD_MESSAGE_INCOMPLETE = 1u << 1, /* parts of the object are missing: it knows which */
};

/* Types that the library brings. Others get the next free id, which may differ from run to run: what is
 * stable is the name. */
enum {
    /* "plain": no object; reference, offset and length are the user's numbers. */
    SPEAD_TYPE_PLAIN = 0,
    SPEAD_TYPE_HEAP = 1,   /* "heap": struct spead_heap *; carries no event */
    SPEAD_TYPE_REGION = 2, /* "region": struct spead_region * */
    SPEAD_TYPES_MAX = 1024,
};

struct spead_message_type {
    const char *name; /* stable, [a-z0-9.-]{1,63}, e.g. "beam.spectrum" */

    /* Take and give back one reference to the message's object, and one share of its event if it has one;
     * any thread. NULL: the object needs none (then no message of the type carries an event). */
    void (*ref)(const struct spead_message *message);
    void (*unref)(const struct spead_message *message);

    /* For checkpoints and other processes; both or neither (NULL). pack() writes what the object needs
     * to be made again and returns how many bytes that is: also when it is more than max, and then
     * nothing need be written. unpack() makes an object out of them, sets reference, offset and length
     * of *message, and trusts no byte. Both answer -errno on failure. */
    int64_t (*pack)(const struct spead_message *message, void *bytes, size_t max);
    int (*unpack)(struct spead_message *message, const void *bytes, size_t count);
};

/* Makes *type known; it is borrowed for the life of the process. Returns its id (the same one when the same
 * *type comes again), -EINVAL (name, or only one of pack and unpack), -EEXIST (another type has
 * the name) or -ENOSPC. Any thread. err may be NULL. */
int spead_message_type_register(const struct spead_message_type *type, struct spead_err *err);

/* Id of a name, or -ENOENT. Type of an id, or NULL. Any thread; never block. */
int spead_message_type_find(const char *name);
const struct spead_message_type *spead_message_type_get(uint16_t id);

/* One more reference to the object (and share of the event), for a copy of the message. Any thread. */
void spead_message_ref(const struct spead_message *message);

/* Done with the message, whoever did or did not look at it. A device that still works on the object
 * (message->event) goes on: its memory is not given out again before. Any thread. */
void spead_message_unref(const struct spead_message *message);

/* See the top. Leaves the rest of *child as it is. */
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
