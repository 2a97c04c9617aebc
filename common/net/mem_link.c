/* SPDX-License-Identifier: Apache-2.0 */
/* Memory links: a ring of packet slots of a fixed size between one producer and one consumer.
 *
 * A position (`head` or `tail`) is the number of packets since the start. It never overflows in practice (2^64). Two
 * pairs of atomic accesses pass the slots between the threads: LINK1 and LINK2. Release and acquire are not enough for
 * these accesses. They are sequentially consistent, because each of them also decides whether a thread sleeps.
 * A thread that wants to sleep first announces the sleep and then reads the position of the other end. The other end
 * first moves its position and then reads the announcement. These four accesses have one total order. So at least one
 * of the two threads sees what the other thread did, and no wake-up is lost. */
#include <speadi/cache_line.h>
#include <speadi/mem_wire.h>

#include <errno.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <speadi/err.h>
#include <speadi/iovec_copy.h>
#include <speadi/numbers.h>
#include <speadi/packet.h>

/* How the other thread wakes the thread of this end. A thread takes the lock in two cases only: to set the descriptor,
 * and to signal the descriptor when this end has announced a sleep. So a thread does not take the lock for each
 * packet. */
struct link_waker {
    atomic_bool wanted; /* true if this end has announced a sleep */
    pthread_mutex_t lock;
    /* `lock` protects this field; borrowed; NULL if this end has no descriptor */
    const struct speadi_wake_fd *wake_fd;
};

struct spead_mem_link {
    /* The values that never change: */
    size_t packet_count, packet_bytes, slot_bytes, mask, mapped_bytes;
    uint8_t *slots;
    /* lengths[i] is the length of the packet in slot i; the array lies behind the slots */
    uint32_t *lengths;

    atomic_uint references;
    atomic_bool closed;
    struct link_waker consumer_waker, producer_waker;

    /* Only the producer writes the two fields below. They lie in a cache line of their own. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t tail; /* how many packets were pushed so far */
    uint64_t head_seen; /* the value of `head` that the producer read last */

    /* Only the consumer writes the two fields below. They lie in a cache line of their own. */
    alignas(SPEADI_CACHE_LINE) _Atomic uint64_t head; /* how many packets were given back so far */
    uint64_t tail_seen; /* the value of `tail` that the consumer read last */
};

/* ---- Waking -------------------------------------------------------------------------------- */

static void waker_init(struct link_waker *waker)
{
    atomic_init(&waker->wanted, false);
    pthread_mutex_init(&waker->lock, NULL);
}

static void waker_attach(struct link_waker *waker, const struct speadi_wake_fd *wake_fd)
{
    pthread_mutex_lock(&waker->lock);
    waker->wake_fd = wake_fd;
    pthread_mutex_unlock(&waker->lock);
}

static void waker_call(struct link_waker *waker)
{
    pthread_mutex_lock(&waker->lock);
    if (waker->wake_fd)
        speadi_wake_fd_signal(waker->wake_fd);
    pthread_mutex_unlock(&waker->lock);
}

/* If the other end has announced a sleep, wakes that end. LINK4 load: the load comes after the caller's store of its
 * position. The comment at the top of this file says why. */
static inline void waker_call_if_wanted(struct link_waker *waker)
{
    /* relaxed: the exchange only makes sure that one thread signals. The LINK4 load has already given the order. */
    if (atomic_load_explicit(&waker->wanted, memory_order_seq_cst) &&
        atomic_exchange_explicit(&waker->wanted, false, memory_order_relaxed))
        waker_call(waker);
}

/* Announces that the caller is about to sleep. LINK4 store: the store comes before the caller's load of the other end's
 * position. */
static inline void waker_want(struct link_waker *waker)
{
    atomic_store_explicit(&waker->wanted, true, memory_order_seq_cst);
}

/* ---- Making and unmaking ------------------------------------------------------------------- */

static int allocate_slots(struct spead_mem_link *link)
{
    size_t slots = speadi_power_of_two_from(link->packet_count), per_slot;

    link->mask = slots - 1;
    link->slot_bytes = speadi_round_up(link->packet_bytes, SPEADI_CACHE_LINE);
    per_slot = link->slot_bytes + sizeof *link->lengths;
    if (__builtin_mul_overflow(slots, per_slot, &link->mapped_bytes))
        return -ENOMEM;
    link->slots =
        mmap(NULL, link->mapped_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (link->slots == MAP_FAILED) {
        link->slots = NULL;
        return -ENOMEM;
    }
    link->lengths = (uint32_t *)(void *)(link->slots + slots * link->slot_bytes);
    return 0;
}

static void destroy(struct spead_mem_link *link)
{
    pthread_mutex_destroy(&link->consumer_waker.lock);
    pthread_mutex_destroy(&link->producer_waker.lock);
    if (link->slots)
        munmap(link->slots, link->mapped_bytes);
    free(link);
}

int spead_mem_link_create(struct spead_mem_link **out, size_t packet_count, size_t packet_bytes,
                          struct spead_err *err)
{
    struct spead_mem_link *link;

    if (packet_count == 0)
        return speadi_err_range(err, "packet_count", packet_count, 1, UINT64_MAX);
    if (packet_bytes == 0 || packet_bytes > SPEADI_UDP_BYTES_MAX)
        return speadi_err_range(err, "packet_bytes", packet_bytes, 1, SPEADI_UDP_BYTES_MAX);
    link = packet_count > SIZE_MAX / 2
               ? NULL
               : aligned_alloc(alignof(struct spead_mem_link), sizeof *link);
    if (link) {
        memset(link, 0, sizeof *link);
        link->packet_count = packet_count;
        link->packet_bytes = packet_bytes;
        atomic_init(&link->references, 1);
        waker_init(&link->consumer_waker);
        waker_init(&link->producer_waker);
    }
    if (!link || allocate_slots(link) < 0) {
        if (link)
            destroy(link);
        return speadi_err_set(err, -ENOMEM, "no memory for a link of %zu packets of %zu bytes",
                              packet_count, packet_bytes);
    }
    *out = link;
    return 0;
}

struct spead_mem_link *spead_mem_link_ref(struct spead_mem_link *link)
{
    /* relaxed: the caller has a reference already, so no other thread frees the link */
    atomic_fetch_add_explicit(&link->references, 1, memory_order_relaxed);
    return link;
}

void spead_mem_link_unref(struct spead_mem_link *link)
{
    /* LINK5 release, acquire: the thread that frees the link sees everything that the other threads did with it. */
    if (link && atomic_fetch_sub_explicit(&link->references, 1, memory_order_acq_rel) == 1)
        destroy(link);
}

void spead_mem_link_close(struct spead_mem_link *link)
{
    /* This function holds a reference of its own, because an end that finds the link closed can give back the last
     * other reference. */
    spead_mem_link_ref(link);
    atomic_store_explicit(&link->closed, true, memory_order_seq_cst); /* LINK3 store */
    waker_call(&link->consumer_waker);
    waker_call(&link->producer_waker);
    spead_mem_link_unref(link);
}

/* ---- Producer ------------------------------------------------------------------------------ */

static bool is_full(struct spead_mem_link *link)
{
    /* relaxed: only this thread writes `tail` */
    uint64_t tail = atomic_load_explicit(&link->tail, memory_order_relaxed);

    if (tail - link->head_seen < link->packet_count)
        return false;
    /* LINK2 load: the consumer has finished with all slots that lie before this value of `head`. */
    link->head_seen = atomic_load_explicit(&link->head, memory_order_seq_cst);
    return tail - link->head_seen >= link->packet_count;
}

int speadi_mem_wire_push(struct spead_mem_link *link, const struct iovec *iov, unsigned iov_count)
{
    /* relaxed: only this thread writes `tail` */
    uint64_t tail = atomic_load_explicit(&link->tail, memory_order_relaxed);
    size_t slot = (size_t)tail & link->mask, bytes = 0;

    /* relaxed: this thread concludes nothing about other data from this flag */
    if (atomic_load_explicit(&link->closed, memory_order_relaxed))
        return -EPIPE;
    for (unsigned i = 0; i < iov_count; i++) {
        if (iov[i].iov_len > link->packet_bytes - bytes)
            return -EMSGSIZE;
        bytes += iov[i].iov_len;
    }
    if (is_full(link))
        return -EAGAIN;
    speadi_iovec_copy(link->slots + slot * link->slot_bytes, iov, iov_count);
    link->lengths[slot] = (uint32_t)bytes;
    /* LINK1 store: the packet becomes visible to the consumer only when all its bytes are in the slot. */
    atomic_store_explicit(&link->tail, tail + 1, memory_order_seq_cst);
    waker_call_if_wanted(&link->consumer_waker);
    return 0;
}

int spead_mem_link_push(struct spead_mem_link *link, const void *packet, size_t bytes)
{
    return speadi_mem_wire_push(
        link, &(struct iovec){.iov_base = (void *)(uintptr_t)packet, .iov_len = bytes}, 1);
}

bool speadi_mem_wire_producer_may_sleep(struct spead_mem_link *link)
{
    waker_want(&link->producer_waker);
    /* LINK3 load: a close() that comes after this load signals the descriptor. */
    return is_full(link) && !atomic_load_explicit(&link->closed, memory_order_seq_cst);
}

void speadi_mem_wire_set_producer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd)
{
    waker_attach(&link->producer_waker, wake_fd);
}

/* ---- Consumer ------------------------------------------------------------------------------ */

/* Returns how many packets wait in the link. The function first uses `tail_seen`, the value of `tail` that it has read
 * before. If that value shows fewer than `wanted` packets, it reads `tail` again. */
static uint64_t waiting(struct spead_mem_link *link, uint64_t wanted)
{
    /* relaxed: only this thread writes `head` */
    uint64_t head = atomic_load_explicit(&link->head, memory_order_relaxed);

    if (link->tail_seen < head + wanted) /* LINK1 load */
        link->tail_seen = atomic_load_explicit(&link->tail, memory_order_seq_cst);
    return link->tail_seen - head;
}

const uint8_t *speadi_mem_wire_peek(struct spead_mem_link *link, size_t i, uint32_t *bytes)
{
    size_t slot;

    if (waiting(link, i + 1) <= i)
        return NULL;
    /* relaxed: only this thread writes `head` */
    slot = ((size_t)atomic_load_explicit(&link->head, memory_order_relaxed) + i) & link->mask;
    *bytes = link->lengths[slot];
    return link->slots + slot * link->slot_bytes;
}

struct spead_count speadi_mem_wire_waiting(struct spead_mem_link *link)
{
    /* relaxed: only this thread writes head */
    uint64_t head = atomic_load_explicit(&link->head, memory_order_relaxed);
    struct spead_count count = {.packets = waiting(link, link->packet_count)};

    for (uint64_t i = 0; i < count.packets; i++)
        count.bytes += link->lengths[(size_t)(head + i) & link->mask];
    return count;
}

void speadi_mem_wire_pop(struct spead_mem_link *link, size_t count)
{
    /* relaxed: only this thread writes `head` */
    uint64_t head = atomic_load_explicit(&link->head, memory_order_relaxed);

    if (count == 0)
        return;
    /* LINK2 store: this thread has finished with the slots before this store. The producer can write them again only
     * after it. */
    atomic_store_explicit(&link->head, head + count, memory_order_seq_cst);
    waker_call_if_wanted(&link->producer_waker);
}

double speadi_mem_wire_fill(struct spead_mem_link *link)
{
    return (double)waiting(link, link->packet_count) / (double)link->packet_count;
}

bool speadi_mem_wire_ended(struct spead_mem_link *link)
{
    /* LINK3 load: waiting() loads tail after this load. So it sees all packets that were pushed before close(). */
    return atomic_load_explicit(&link->closed, memory_order_seq_cst) && waiting(link, 1) == 0;
}

bool speadi_mem_wire_consumer_may_sleep(struct spead_mem_link *link)
{
    waker_want(&link->consumer_waker);
    /* LINK3 load: a close() that comes after this load signals the descriptor. */
    return waiting(link, 1) == 0 && !atomic_load_explicit(&link->closed, memory_order_seq_cst);
}

void speadi_mem_wire_set_consumer_wake_fd(struct spead_mem_link *link,
                                          const struct speadi_wake_fd *wake_fd)
{
    waker_attach(&link->consumer_waker, wake_fd);
}
