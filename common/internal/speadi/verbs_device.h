/* SPDX-License-Identifier: Apache-2.0 */
/* One port of an RDMA device that an engine has opened for raw Ethernet packets, with its limits and with the memory
 * that is registered with it.
 *
 * Threads: One thread at a time uses a device. Any thread may call speadi_verbs_list(), speadi_verbs_probe() and
 * speadi_verbs_suits().
 * Lifetime: open -> register... -> deregister... -> close. Before close(), the engine must destroy everything that it
 * made from `context` or `pd`: flow rules, queue pairs, completion queues (after it has acknowledged their events), the
 * channel, registered memory. */
#ifndef SPEADI_VERBS_DEVICE_H
#define SPEADI_VERBS_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadi/log_pause.h>
#include <speadi/verbs_library.h>

#define SPEADI_VERBS_NAME_MAX 64

/* The log line that names the chosen engine contains this caveat. */
#define SPEADI_VERBS_CAVEAT "packets bypass sockets, firewall and tcpdump"

/* The network interface that the kernel has for the port. */
struct speadi_verbs_interface {
    /* The name of the interface that the caller asked for. It can be a VLAN interface. */
    char name[IF_NAMESIZE];
    unsigned index;
    uint32_t mtu; /* bytes of the longest IP packet */
    uint8_t mac[6];
    uint16_t vlan; /* VLAN number of a VLAN interface; 0 if it is no VLAN interface */
    bool up;
};

/* The properties that the device reports. The library has only asked for these properties. It has not tried whether
 * they work. */
struct speadi_verbs_report {
    char device[SPEADI_VERBS_NAME_MAX];
    char firmware[SPEADI_VERBS_NAME_MAX];
    struct speadi_verbs_interface interface;
    uint8_t port;
    bool ethernet;      /* the link layer of the port is Ethernet */
    bool active;        /* the port is active */
    uint32_t rate_mbps; /* of the port; 0 if it is not known */
    uint32_t max_qp_wr, max_cqe, max_sge;
    uint64_t max_mr_bytes;
    uint32_t comp_vectors;
    bool flow_steering;
    bool checksum; /* the device writes and checks IP and UDP checksums */
    /* the valid bits of the raw time stamps in completions; 0 means no time stamps */
    uint64_t timestamp_mask;
    uint64_t clock_khz; /* frequency, in kHz, of the counter that the time stamps come from */
    /* The length of the longest request that the device can segment (TSO), in bytes. 0 means no TSO. */
    uint32_t tso_bytes_max;
    /* The lowest and the highest rate at which the device can pace, in kbit/s. Both are 0 when the device reports no
     * range. Some devices can pace although they report no range. */
    uint32_t rate_kbps_min, rate_kbps_max;
    bool mlx5; /* libmlx5 knows the device */
    /* mlx5: the time stamps are no counter, but seconds in the upper half and nanoseconds in the lower half */
    bool real_time_stamps;
    uint32_t rss_queues_max; /* largest number of queues in one indirection table; 0: no RSS */
    struct {
        bool usable; /* true for an mlx5 device with striding receive queues for raw packets */
        /* The least and the largest size of a stride. The size is two to this power, in bytes. */
        uint32_t stride_log_min, stride_log_max;
        /* The least and the largest number of strides in a queue entry. The number is two to this power. */
        uint32_t strides_log_min, strides_log_max;
    } mprq;
};

/* Which device to open. The library uses the first field that is given, in this order: device, interface, address. If
 * `device` is given together with an interface or an address, these still choose the network interface, but only when
 * that interface belongs to the device. */
struct speadi_verbs_wish {
    const char *device;                       /* name of the device; NULL if not given */
    const struct speadi_interface *interface; /* NULL or index 0 if not given */
    /* A local address, a multicast group or a destination. NULL if not given. */
    const struct speadi_address *address;
};

struct speadi_verbs_device {
    const struct speadi_verbs *verbs;
    const struct speadi_mlx5 *mlx5; /* NULL if report.mlx5 is false */
    struct ibv_context *context;    /* NULL if the device is not open */
    struct ibv_pd *pd;
    struct speadi_verbs_report report;
    unsigned registrations; /* how many pieces of memory are registered now */
    /* True after speadi_verbs_next_event() has reported that the kernel has ended the event descriptor. */
    bool removed;
    /* Of the lines that the port is down, that it is up, and about other events. */
    struct speadi_log_pause down_said, up_said, other_said;
};

/* Opens the device and its protection domain, and makes its event descriptor non-blocking. Returns 0, or -errno with a
 * sentence that contains the remedy. The errors are -ENODEV (there is no device, or the interface has none),
 * -EPROTONOSUPPORT (the link is not Ethernet), -ENETDOWN (the port is not active), -ENOTSUP (the device has no flow
 * steering), or the error of a verb. After a failure nothing is open, and device->report holds what was read until
 * then. */
int speadi_verbs_device_open(struct speadi_verbs_device *device,
                             const struct speadi_verbs_wish *wish, struct spead_err *err);

/* Closes the device. The caller must have destroyed everything that was made from the device; the function asserts
 * this. The function does nothing if *device is all zero or closed already. */
void speadi_verbs_device_close(struct speadi_verbs_device *device);

/* Stores the names of the RDMA devices of this host. Returns how many names it stored (at most max), or -errno with a
 * sentence. Any thread may call this function. */
int speadi_verbs_list(char (*names)[SPEADI_VERBS_NAME_MAX], unsigned max, struct spead_err *err);

/* Opens the device, makes a queue pair of one entry to see whether this process may use raw packets, and closes
 * everything again. report may be NULL. After a failure too, *report holds what was read. Returns 0, or -errno with the
 * reason why the device cannot be used. Any thread may call this function. */
int speadi_verbs_probe(const struct speadi_verbs_wish *wish, struct speadi_verbs_report *report,
                       struct spead_err *err);

/* Says whether "auto" may choose verbs for a stream with these endpoints. All of them must belong to one interface, and
 * this process must be able to use the device of that interface. Returns 0 if both are true, else -errno with the
 * reason. Any thread may call this function. */
int speadi_verbs_suits(const char *device, const struct speadi_interface *interface,
                       const struct speadi_address *addresses, uint32_t count,
                       struct spead_err *err);

/* Refuses endpoints that name several interfaces. Returns -ENOTSUP, with a sentence. */
int speadi_verbs_refuse_interfaces(struct spead_err *err);

/* Checks that the device has this completion vector. The vector -1 means that the caller wants none. Returns 0, or
 * -EINVAL with a sentence that names the range. */
int speadi_verbs_check_vector(const struct speadi_verbs_device *device, int vector,
                              struct spead_err *err);

/* ---- Events of the port, the device and its queues ---------------------------------------------- */

enum speadi_verbs_event_kind {
    SPEADI_VERBS_PORT_DOWN,
    SPEADI_VERBS_PORT_UP,
    SPEADI_VERBS_QP_FATAL, /* `qp` or `wq` has failed, and the engine must rebuild it */
    /* `cq` has failed, and the engine must rebuild it and all queues that complete on it */
    SPEADI_VERBS_CQ_OVERRUN,
    SPEADI_VERBS_DEVICE_GONE, /* the device was removed or has failed, and nothing works any more */
    SPEADI_VERBS_OTHER,
};

struct speadi_verbs_event {
    enum speadi_verbs_event_kind kind;
    const char *text; /* the name that libibverbs gives to the event; a static string */
    /* The pointer to the queue that the event is about. The other two pointers are NULL. The caller only compares these
     * pointers. */
    const struct ibv_qp *qp;
    const struct ibv_wq *wq;
    const struct ibv_cq *cq;
};

/* Gets the next event and acknowledges it. Returns 1, or 0 when there is no event now. The descriptor context->async_fd
 * becomes readable when an event comes. */
int speadi_verbs_next_event(struct speadi_verbs_device *device, struct speadi_verbs_event *event);

/* The queues that an engine has now. speadi_verbs_take_events() compares an event with these pointers. It ignores
 * events of other queues, such as queues that the engine has already destroyed. */
struct speadi_verbs_queues {
    const struct ibv_qp *qp;  /* NULL if there is no queue pair now */
    struct ibv_cq *const *cq; /* array of cq_count completion queues */
    unsigned cq_count;
    struct ibv_wq *const *wq; /* array of wq_count work queues */
    unsigned wq_count;
};

/* Summary of the events that speadi_verbs_take_events() has read. */
struct speadi_verbs_news {
    bool queue_failed;   /* the queue pair or a work queue has failed; the engine must rebuild it */
    bool cq_overrun;     /* a completion queue has failed; the engine must rebuild all queues */
    bool device_gone;    /* the device was removed or has failed; the engine must end the stream */
    unsigned link_downs; /* how often the port went down */
};

/* Reads all events that there are now, and returns a summary of them. If log is not NULL, the function logs the events
 * of the port and of the device. */
struct speadi_verbs_news speadi_verbs_take_events(struct speadi_verbs_device *device,
                                                  const struct speadi_verbs_queues *queues,
                                                  const struct spead_log *log);

/* ---- Queues ------------------------------------------------------------------------------------- */

/* Makes a channel for completion events. Its descriptor does not block. Returns 0 or -errno with a sentence. If
 * *channel is not NULL after a failure, the caller must destroy it. */
int speadi_verbs_channel_open(struct ibv_comp_channel **channel, struct speadi_verbs_device *device,
                              struct spead_err *err);

/* Reads the events that the channel holds. Returns true when there was at least one event. The function acknowledges
 * each event immediately, because a completion queue can be destroyed only when all its events are acknowledged. */
bool speadi_verbs_channel_clear(struct ibv_comp_channel *channel,
                                struct speadi_verbs_device *device);

/* Moves a queue pair into a state. Returns 0 or a positive errno, as the verb does. */
int speadi_verbs_pair_move(struct ibv_qp *qp, struct speadi_verbs_device *device,
                           enum ibv_qp_state state);

/* ---- Memory ------------------------------------------------------------------------------------- */

/* Memory that is registered with a device, so that the device may read or write it. */
struct speadi_verbs_memory {
    struct ibv_mr *mr; /* NULL if the memory is not registered */
    uint64_t address;  /* the address that scatter and gather entries use for the first byte */
    uint32_t key;      /* the lkey that scatter and gather entries use */
};

/* Memory that a caller wants to register. If fd < 0, it is host memory at `data`. Otherwise it is the part of the
 * dma-buf `fd` that begins at fd_offset. This part must consist of whole pages. `iova` is then the address that scatter
 * and gather entries use for its first byte. */
struct speadi_verbs_span {
    void *data;
    size_t bytes;
    int fd;
    uint64_t fd_offset, iova;
    /* true: the device writes into the memory (receive); false: the device only reads it */
    bool write;
};

/* Registers memory. For host memory the function asks for relaxed ordering if libibverbs knows it: the completion of a
 * packet is written in strict order behind the packet, to host memory too. For the memory of a device (a dma-buf) it
 * never asks for relaxed ordering: the completion goes another way than the payload there, so nothing would order the
 * writes before the flush of the heap. Returns 0 or -errno with a sentence that contains the remedy. -ENOMEM means that the limit of locked memory is
 * too low. */
int speadi_verbs_register(struct speadi_verbs_device *device, struct speadi_verbs_memory *memory,
                          const struct speadi_verbs_span *span, struct spead_err *err);

/* Ends the registration. The caller must make sure that no posted request names the memory any more. The function does
 * nothing when the memory is not registered. */
void speadi_verbs_deregister(struct speadi_verbs_device *device,
                             struct speadi_verbs_memory *memory);

/* Host memory that the engine allocates for a device. speadi_verbs_arena_create() tries these kinds of pages in the
 * order of the enumerators. A child process after fork() does not have this memory. So the pages that the device uses
 * stay with the parent. */
enum speadi_arena_pages {
    SPEADI_ARENA_HUGETLB, /* reserved huge pages */
    SPEADI_ARENA_THP,     /* the kernel was asked for transparent huge pages */
    SPEADI_ARENA_SMALL,   /* pages of the usual size */
};

struct speadi_verbs_arena {
    uint8_t *data; /* zeroed, resident and aligned to a page; NULL if there is no memory */
    size_t bytes;  /* a multiple of the page size */
    enum speadi_arena_pages pages;
};

/* Allocates at least `bytes` bytes. Returns 0, or -ENOMEM with a sentence. */
int speadi_verbs_arena_create(struct speadi_verbs_arena *arena, size_t bytes,
                              struct spead_err *err);
/* does nothing if *arena is all zero */
void speadi_verbs_arena_destroy(struct speadi_verbs_arena *arena);

/* Makes an arena and registers it with the device. `write` says whether the device writes into the arena. Returns 0 or
 * -errno with a sentence. After a failure too, the caller must deregister *memory and destroy *arena. */
int speadi_verbs_arena_register(struct speadi_verbs_arena *arena,
                                struct speadi_verbs_memory *memory,
                                struct speadi_verbs_device *device, size_t bytes, bool write,
                                struct spead_err *err);
const char *speadi_arena_pages_name(enum speadi_arena_pages pages);

#endif
