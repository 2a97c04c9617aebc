/* SPDX-License-Identifier: Apache-2.0 */
/* Messages, which travel through channels, and the registry of their types.
 *
 * A message is 64 bytes, passed by value. It refers to an object that lies elsewhere in memory: `reference` names the
 * object, and `offset` and `length` say which part of the object is meant. The object itself keeps its map of gaps,
 * further times and the origin of its data. The library allocates no memory for a message.
 *
 * Ownership: A message owns one reference to its object. The code that holds the message also holds that reference.
 * Sending a message passes its reference on. Receiving a message gives the reference to the receiver. Code that no
 * longer needs the message must call spead_message_unref() once.
 *
 * Inheritance: The node or stream in which a message first appears is the source of the message. The source sets
 * `stream`, `sequence` and `time_ns`. `sequence` counts the messages of one stream from 0, without gaps. `time_ns` says
 * when the data came into being at the source. When a node makes a message out of another message, the new message
 * inherits stream, sequence, time, key and priority from that message (spead_message_inherit()). A message that is made
 * out of several messages inherits from the message that came first. A node may set another key. Two messages with the
 * same stream and sequence come from the same message of the source. */
#ifndef SPEADLINE_MESSAGE_H
#define SPEADLINE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include <speadline/error.h>

#ifdef __cplusplus
extern "C" {
#    define SPEAD_NARROW(type, value) static_cast<type>(value)
#else
#    define SPEAD_NARROW(type, value) ((type)(value))
#endif

/* One message. It refers to an object and does not contain it. */
struct spead_message {
    /* The object; the type of the message says how to read this number. Mostly it is a pointer. 0 means that there is
     * no object. */
    uint64_t reference;
    /* Where the part that is meant begins, in bytes from the start of the object's data. */
    uint64_t offset;
    uint64_t length;   /* length of the part that is meant, in bytes */
    uint64_t sequence; /* index of the message in its stream, counted from 0 */
    uint64_t time_ns;  /* when the data came into being, by the clock of its source; 0: not known */
    uint64_t key;      /* a number by which nodes route, group or join; 0 if nobody has set it */
    /* A device event (event.h): the data may be read when the event is done. 0: the data may be read immediately. */
    uint64_t event;
    uint32_t stream;  /* number of the stream that the message belongs to */
    uint16_t type;    /* type of the object: an id of the registry */
    uint8_t priority; /* the priority: it chooses the lane of a channel; 0 is the lowest */
    /* bits SPEAD_MESSAGE_FAILED, SPEAD_MESSAGE_INCOMPLETE and SPEAD_MESSAGE_TICKET */
    uint8_t flags;
};

/* The bits of the field `flags` of a message. */
enum {
    /* A node failed on the message, which therefore went to the output port "error" of the node. */
    SPEAD_MESSAGE_FAILED = 1u << 0,
    /* Parts of the object are missing. The object knows which parts. */
    SPEAD_MESSAGE_INCOMPLETE = 1u << 1,
    /* At least one of these bits is set if the message has a ticket of a throttle (throttle.h). Only the library sets
     * and clears these bits. A program must set and clear the other flags one by one (|= and &=), so that these bits
     * stay as they are. */
    SPEAD_MESSAGE_TICKET = 0xfcu,
};

/* The ids of the types that the library itself registers. A type of the program gets the next free id. This id can
 * differ from run to run; only the name of a type stays the same. */
enum {
    /* The type "plain": the message has no object. The program may use `reference`, `offset` and `length` for numbers
     * of its own. */
    SPEAD_TYPE_PLAIN = 0,
    SPEAD_TYPE_HEAP = 1,    /* the type "heap": the object is a struct spead_heap; no event */
    SPEAD_TYPE_REGION = 2,  /* the type "region": the object is a struct spead_region */
    SPEAD_TYPES_MAX = 1024, /* this is not a type, but the largest number of types */
};

/* A type of messages: its name, and the functions that work on the objects of such messages. */
struct spead_message_type {
    /* The name: 1 to 63 characters of a-z, 0-9, "." and "-", such as "beam.spectrum". It must stay the same from
     * version to version of the program. */
    const char *name;

    /* ref() adds one reference to the object of the message. If the message has an event, ref() also adds one share of
     * the event. unref() gives both back. Any thread. NULL: the objects need no references; then no message of this
     * type may have an event. */
    void (*ref)(const struct spead_message *message);
    void (*unref)(const struct spead_message *message);

    /* These two functions serve to store an object, or to send it to another process. Set both functions, or leave both
     * NULL. pack() writes the bytes from which unpack() can make the object again, and returns the number of these
     * bytes. If this number is larger than max, pack() still returns it, and need not write anything. unpack() makes an
     * object out of such bytes, and sets `reference`, `offset` and `length` of *message. It must check every byte. Both
     * functions return -errno on failure. */
    int64_t (*pack)(const struct spead_message *message, void *bytes, size_t max);
    int (*unpack)(struct spead_message *message, const void *bytes, size_t count);
};

/* Registers a type. *type is borrowed until the process ends. Returns the id of the type; a second call with the same
 * *type returns the same id. Returns -EINVAL (the name is not valid, or only one of pack and unpack is set), -EEXIST
 * (another type has the name) or -ENOSPC (SPEAD_TYPES_MAX types are registered). Any thread. err may be NULL. */
int spead_message_type_register(const struct spead_message_type *type, struct spead_err *err);

/* The two functions find a registered type. spead_message_type_find() returns the id of the type with this name, or
 * -ENOENT. spead_message_type_get() returns the type with this id, or NULL. Any thread; the functions never block. */
int spead_message_type_find(const char *name);
const struct spead_message_type *spead_message_type_get(uint16_t id);

/* Adds one reference to the object, and one share of the event, for a copy of the message. If the message has a ticket,
 * the copy gets a ticket of its own, even if no ticket is free. In that case more tickets are out than the throttle
 * has, until one of the two messages has ended. Any thread. */
void spead_message_ref(const struct spead_message *message);

/* Ends a message: gives back the reference to its object, and also its ticket, if it has one. The caller need not have
 * read the data. If a device still works on the object (message->event), the library gives the memory to nobody else
 * until the device is done. Any thread. */
void spead_message_unref(const struct spead_message *message);

/* Gives the ticket of the message back, if it has one, and leaves the rest of the message as it is. Any thread. */
void spead_message_give_ticket(struct spead_message *message);

/* Moves the ticket of *from to *to, if *from has one. *to must not have a ticket. A node that makes a message out of
 * another message calls this if the work that the throttle limits goes on with the new message. The thread that holds
 * both messages calls it. */
static inline void spead_message_move_ticket(struct spead_message *to, struct spead_message *from)
{
    const uint8_t ticket = SPEAD_MESSAGE_TICKET;

    to->flags = SPEAD_NARROW(uint8_t, to->flags | (from->flags & ticket));
    from->flags = SPEAD_NARROW(uint8_t, from->flags & ~ticket);
}

/* Copies stream, sequence, time, key and priority to *child, and leaves the rest of *child as it is. The thread that
 * holds both messages calls it. */
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
