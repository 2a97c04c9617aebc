/* SPDX-License-Identifier: Apache-2.0 */
/* The registry of message types. A thread that writes to it holds a lock. A thread that reads it needs no lock. */
#include <speadline/message.h>

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <speadi/err.h>
#include <speadline/heap.h>
#include <speadline/region.h>

#include "region_message.h"
#include "ticket.h"

static_assert(sizeof(struct spead_message) == 64, "a message is one cache line");

static void heap_ref(const struct spead_message *message)
{
    spead_heap_ref((struct spead_heap *)(uintptr_t)message->reference);
}

static void heap_unref(const struct spead_message *message)
{
    spead_heap_unref((struct spead_heap *)(uintptr_t)message->reference);
}

static const struct spead_message_type plain = {.name = "plain"};
static const struct spead_message_type heap = {
    .name = "heap", .ref = heap_ref, .unref = heap_unref};
static const struct spead_message_type region = {
    .name = "region", .ref = speadi_region_message_ref, .unref = speadi_region_message_unref};

static _Atomic(const struct spead_message_type *) types[SPEAD_TYPES_MAX] = {
    [SPEAD_TYPE_PLAIN] = &plain,
    [SPEAD_TYPE_HEAP] = &heap,
    [SPEAD_TYPE_REGION] = &region,
};
static atomic_uint type_count = 3;
static pthread_mutex_t registering = PTHREAD_MUTEX_INITIALIZER;

static bool is_name(const char *name)
{
    size_t length = 0;

    if (!name)
        return false;
    for (; name[length]; length++)
        if (!islower((unsigned char)name[length]) && !isdigit((unsigned char)name[length]) &&
            name[length] != '.' && name[length] != '-')
            return false;
    return length >= 1 && length <= 63;
}

const struct spead_message_type *spead_message_type_get(uint16_t id)
{
    /* TYPE1 acquire: this thread sees the complete struct behind the pointer. */
    return id < SPEAD_TYPES_MAX ? atomic_load_explicit(&types[id], memory_order_acquire) : NULL;
}

int spead_message_type_find(const char *name)
{
    /* TYPE2 acquire: this thread sees the pointers of all types whose id is below the count. */
    unsigned count = atomic_load_explicit(&type_count, memory_order_acquire);

    for (unsigned id = 0; id < count; id++)
        if (strcmp(spead_message_type_get((uint16_t)id)->name, name) == 0)
            return (int)id;
    return -ENOENT;
}

/* Adds a type to the registry and returns its id, or -errno. If the same struct was registered before, the function
 * only returns its id. The caller must hold the lock `registering`. */
static int add(const struct spead_message_type *type, struct spead_err *err)
{
    /* relaxed: the count changes only under the lock, which the caller holds. */
    unsigned id = atomic_load_explicit(&type_count, memory_order_relaxed);
    int known = spead_message_type_find(type->name);

    if (known >= 0 && spead_message_type_get((uint16_t)known) == type)
        return known;
    if (known >= 0)
        return speadi_err_set(err, -EEXIST, "message type \"%s\" is registered already",
                              type->name);
    if (id == SPEAD_TYPES_MAX)
        return speadi_err_set(err, -ENOSPC,
                              "message type \"%s\": there are %d types already, and no more fit",
                              type->name, SPEAD_TYPES_MAX);
    /* TYPE1 release: a thread that finds the pointer sees the complete struct. */
    atomic_store_explicit(&types[id], type, memory_order_release);
    /* TYPE2 release: a thread that sees the new count also sees the pointer. */
    atomic_store_explicit(&type_count, id + 1, memory_order_release);
    return (int)id;
}

int spead_message_type_register(const struct spead_message_type *type, struct spead_err *err)
{
    int ret;

    if (!is_name(type->name))
        return speadi_err_set(err, -EINVAL,
                              "message type \"%s\": a name has 1 to 63 of a-z, 0-9, '.' and '-'",
                              type->name ? type->name : "");
    if (!type->pack != !type->unpack)
        return speadi_err_set(err, -EINVAL, "message type \"%s\": pack and unpack go together",
                              type->name);
    pthread_mutex_lock(&registering);
    ret = add(type, err);
    pthread_mutex_unlock(&registering);
    return ret;
}

void spead_message_ref(const struct spead_message *message)
{
    const struct spead_message_type *type = spead_message_type_get(message->type);

    if (type && type->ref && message->reference)
        type->ref(message);
    if (message->flags & SPEAD_MESSAGE_TICKET)
        speadi_ticket_copy(message);
}

void spead_message_unref(const struct spead_message *message)
{
    const struct spead_message_type *type = spead_message_type_get(message->type);

    if (type && type->unref && message->reference)
        type->unref(message);
    /* The ticket comes back last. So the memory of the object is free when the next thread or node begins its work. */
    if (message->flags & SPEAD_MESSAGE_TICKET)
        speadi_ticket_end(message);
}
