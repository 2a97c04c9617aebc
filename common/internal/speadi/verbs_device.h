/* One port of an RDMA device, found and opened for raw Ethernet packets; its limits; memory registered
 * with it.
 *
 * Threads:  one at a time, except that speadi_verbs_list(), _probe() and _suits() are for any.
 * Lifetime: open -> register... -> deregister... -> close. Whatever was made from context or pd is gone before
 *           close(): flow rules, queue pairs, completion queues (events acknowledged), channel, memory. */
#ifndef SPEADI_VERBS_DEVICE_H
#define SPEADI_VERBS_DEVICE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <speadi/address.h>
#include <speadi/verbs_library.h>

#define SPEADI_VERBS_NAME_MAX 64

/* For the line that says which engine was chosen. */
#define SPEADI_VERBS_CAVEAT "packets bypass sockets, firewall and tcpdump"

/* The kernel's side of the port. */
struct speadi_verbs_interface {
    char name[IF_NAMESIZE]; /* as asked for: a VLAN interface's own name */
    unsigned index;
    uint32_t mtu; /* of IP packets */
    uint8_t mac[6];
    uint16_t vlan; /* tag of a VLAN interface; 0: none */
    bool up;
};

/* What the device says of itself. Everything is a fact of the device, nothing was tried. */
struct speadi_verbs_report {
    char device[SPEADI_VERBS_NAME_MAX];
    char firmware[SPEADI_VERBS_NAME_MAX];
    struct speadi_verbs_interface interface;
    uint8_t port;
    bool ethernet; /* the link layer */
    bool active;   /* the port's state */
    uint32_t max_qp_wr, max_cqe, max_sge;
    uint64_t max_mr_bytes;
    uint32_t comp_vectors;
    bool flow_steering;
    bool checksum;                         /* writes and checks IP and UDP checksums */
    uint64_t timestamp_mask;               /* of raw completion time stamps; 0: none */
    uint64_t clock_khz;                    /* their frequency */
    uint32_t tso_bytes_max;                /* 0: no segmentation */
    uint32_t rate_kbps_min, rate_kbps_max; /* pacing; 0, 0: none (some stacks say so and can) */
    bool rate_burst;                       /* burst and packet size may be given with the rate */
    uint32_t rss_queues_max;               /* of one indirection table; 0: none */
    struct {
        bool usable; /* mlx5 with striding receive queues for raw packets */
        uint32_t stride_log_min, stride_log_max;   /* bytes of a stride, log2 */
        uint32_t strides_log_min, strides_log_max; /* strides of an entry, log2 */
    } mprq;
};

/* What to open: by name, by interface, or for an address (first that is given). */
struct speadi_verbs_wish {
    const char *device;                       /* name, or NULL */
    const struct speadi_interface *interface; /* NULL or index 0: none given */
    const struct speadi_address *address;     /* a local address, a group, or a destination */
};

struct speadi_verbs_device {
    const struct speadi_verbs *verbs;
    const struct speadi_mlx5 *mlx5; /* NULL unless report.mprq.usable */
    struct ibv_context *context;    /* NULL: not open */
    struct ibv_pd *pd;
    struct speadi_verbs_report report;
    unsigned registrations; /* alive */
    bool removed;           /* its descriptor of events has ended, and that was said */
};

/* Opens the device, its protection domain and its event descriptor (non-blocking). Returns 0, or
 * -errno with a sentence and its remedy: -ENODEV (none, or none of that interface), -EPROTONOSUPPORT
 * (the link is not Ethernet), -ENETDOWN (port not active), -ENOTSUP (no flow steering), or a verb's error.
 * A failed open leaves nothing open. */
int speadi_verbs_device_open(struct speadi_verbs_device *device,
                             const struct speadi_verbs_wish *wish, struct spead_err *err);

/* Safe on a zeroed device and twice. Nothing made from the device may be alive (asserted). */
void speadi_verbs_device_close(struct speadi_verbs_device *device);

/* The names of the devices there are. Returns how many were stored (at most max), or -errno. */
int speadi_verbs_list(char (*names)[SPEADI_VERBS_NAME_MAX], unsigned max, struct spead_err *err);

/* Opens, tries whether this process may use raw packets there (a queue pair of one entry), and closes again.
 * *report (nullable) is filled as far as the probe came. Returns 0 or what stands in the way. */
int speadi_verbs_probe(const struct speadi_verbs_wish *wish, struct speadi_verbs_report *report,
                       struct spead_err *err);

/* Whether "auto" may take verbs for a stream with these endpoints: one interface that all of them mean, whose
 * device this process can use. Returns 0, or -errno with the reason. Any thread. */
int speadi_verbs_suits(const char *device, const struct speadi_interface *interface,
                       const struct speadi_address *addresses, uint32_t count,
                       struct spead_err *err);

/* Whether the device has this completion vector (-1: none is wanted). 0 or -EINVAL with the range. */
int speadi_verbs_check_vector(const struct speadi_verbs_device *device, int vector,
                              struct spead_err *err);

/* ---- Events of the port, the device and its queues ---------------------------------------------- */

enum speadi_verbs_event_kind {
    SPEADI_VERBS_PORT_DOWN,
    SPEADI_VERBS_PORT_UP,
    SPEADI_VERBS_QP_FATAL,    /* qp or wq: rebuild it */
    SPEADI_VERBS_CQ_OVERRUN,  /* cq: rebuild it and all that complete on it */
    SPEADI_VERBS_DEVICE_GONE, /* nothing works any more */
    SPEADI_VERBS_OTHER,
};

struct speadi_verbs_event {
    enum speadi_verbs_event_kind kind;
    const char *text;        /* libibverbs' words for it; static */
    const struct ibv_qp *qp; /* whose event, for comparison only; NULL: not a queue pair's */
    const struct ibv_wq *wq;
    const struct ibv_cq *cq;
};

/* The next event, acknowledged already: 1, or 0 when there is none now. Poll context->async_fd for more. */
int speadi_verbs_next_event(struct speadi_verbs_device *device, struct speadi_verbs_event *event);

/* The queues of one engine, by which it tells its own events from those of others; for comparison only. */
struct speadi_verbs_queues {
    const struct ibv_qp *qp; /* NULL: none now */
    const struct ibv_cq *cq;
    struct ibv_wq *const *wq; /* wq_count of them */
    unsigned wq_count;
};

/* What a device's events come to for an engine. */
struct speadi_verbs_news {
    bool queue_failed; /* the queue pair, or one of the work queues: rebuild it */
    bool cq_overrun;   /* the completion queue: rebuild all */
    bool device_gone;  /* the stream ends */
    unsigned link_downs;
};

/* Takes all events that there are now, and tells the log (nullable) of those of the port and the device. */
struct speadi_verbs_news speadi_verbs_take_events(struct speadi_verbs_device *device,
                                                  const struct speadi_verbs_queues *queues,
                                                  const struct spead_log *log);

/* ---- Queues ------------------------------------------------------------------------------------- */

/* A channel for completion events, whose descriptor does not block. Returns 0 or -errno with a sentence;
 * what a failure leaves in *channel is the caller's to destroy. */
int speadi_verbs_channel_open(struct ibv_comp_channel **channel, struct speadi_verbs_device *device,
                              struct spead_err *err);

/* Takes the events that the channel holds; true when there was one. Each is acknowledged at once: a queue with
 * events that are not acknowledged cannot be destroyed. */
bool speadi_verbs_channel_clear(struct ibv_comp_channel *channel,
                                struct speadi_verbs_device *device);

/* Brings a queue pair into a state. Returns 0 or a positive errno, as the verb does. */
int speadi_verbs_pair_move(struct ibv_qp *qp, struct speadi_verbs_device *device,
                           enum ibv_qp_state state);

/* ---- Memory ------------------------------------------------------------------------------------- */

/* Memory that a device reads or writes, registered once. */
struct speadi_verbs_memory {
    struct ibv_mr *mr; /* NULL: not registered */
    uint64_t address;  /* what an sge names the first byte by */
    uint32_t key;      /* lkey */
};

/* Memory of a kind. fd < 0: host memory at data. Else a dma-buf: bytes at fd_offset, named by `iova`
 * from then on; whole pages. */
struct speadi_verbs_span {
    void *data;
    size_t bytes;
    int fd;
    uint64_t fd_offset, iova;
    bool write; /* the device writes into it (receive); else it only reads */
};

/* Host memory is registered for relaxed ordering where the library knows that; a device's memory never
 * (its writes must not be overtaken by the completion). Returns 0 or -errno with the remedy (ENOMEM: memlock). */
int speadi_verbs_register(struct speadi_verbs_device *device, struct speadi_verbs_memory *memory,
                          const struct speadi_verbs_span *span, struct spead_err *err);

/* No posted work names it any more. Safe when not registered. */
void speadi_verbs_deregister(struct speadi_verbs_device *device,
                             struct speadi_verbs_memory *memory);

/* Host memory of ours for a device: on huge pages where the system has some, else where it makes some,
 * else on small ones. Not there in a child after fork(): the device's pages stay the parent's. */
enum speadi_arena_pages {
    SPEADI_ARENA_HUGETLB, /* reserved huge pages */
    SPEADI_ARENA_THP,     /* transparent ones were asked for */
    SPEADI_ARENA_SMALL,
};

struct speadi_verbs_arena {
    uint8_t *data; /* zeroed, resident, aligned to a page; NULL: none */
    size_t bytes;  /* rounded up to pages */
    enum speadi_arena_pages pages;
};

int speadi_verbs_arena_create(struct speadi_verbs_arena *arena, size_t bytes,
                              struct spead_err *err);              /* 0 or -ENOMEM */
void speadi_verbs_arena_destroy(struct speadi_verbs_arena *arena); /* safe when there is none */

/* An arena that is registered with the device; write: the device writes into it. Returns 0 or -errno with a
 * sentence; what was made by then is the caller's to deregister and destroy. */
int speadi_verbs_arena_register(struct speadi_verbs_arena *arena,
                                struct speadi_verbs_memory *memory,
                                struct speadi_verbs_device *device, size_t bytes, bool write,
                                struct spead_err *err);
const char *speadi_arena_pages_name(enum speadi_arena_pages pages);

#endif
