/* SPDX-License-Identifier: Apache-2.0 */
/* The objects inside the verbs double, and the functions that more than one of its files call.
 *
 * Each context has one lock, which protects every object made from the context. A thread must take locks in this order:
 * first the lock of the context, then cq->mutex or qp->mutex, then the locks of script.c and control.c. The double
 * models behaviour, not speed. */
#ifndef TESTS_DOUBLES_VERBS_DOUBLE_H
#define TESTS_DOUBLES_VERBS_DOUBLE_H

#include "control.h"

#include <assert.h>
#include <infiniband/verbs.h>
#include <net/if.h>
#include <pthread.h>

/* verbs.h defines these names as macros. The macros call functions of the same names, which the double must define. */
#undef ibv_reg_mr
#undef ibv_reg_mr_iova
#undef ibv_query_port
#undef ibv_get_device_list

#define VD_EXPORT        __attribute__((visibility("default")))
#define VD_SGE_MAX       30u
#define VD_MR_COUNT_MAX  4096u
#define VD_GID_COUNT_MAX 32
#define VD_FRAME_MAX     65600u
#define VD_POISON        0xa5
/* How many bytes a frame can have in addition to the MTU: its Ethernet header and one VLAN tag. */
#define VD_ETHERNET_EXTRA 18u

/* ---- script.c, control.c ---------------------------------------------------------------------------------- */

/* The settings that a script can change; a script uses the names of these fields. script.c holds the defaults. */
struct vd_settings {
    uint64_t max_qp_wr, max_sge, max_cqe, max_qp, max_cq, max_mr, max_pd, max_flows, max_mr_size;
    /* The largest number of bytes that can be registered at the same time, like RLIMIT_MEMLOCK. */
    uint64_t max_pinned;
    uint64_t max_inline, max_tso, max_tso_header;
    uint64_t net_raw;  /* 1 if the process is allowed to make raw queue pairs */
    uint64_t mlx5;     /* 1 if the device is an mlx5 */
    uint64_t striding; /* 1 if the device has multi-packet queues */
    uint64_t ip_csum, pacing, pacing_burst, timestamps, wallclock, flow_tag, flow_steering, rss;
    /* 1 if the link layer is InfiniBand, not Ethernet. */
    uint64_t infiniband;
    /* 1 if the port is down, or the device has failed. A change of these settings sends an event. */
    uint64_t port_down, device_fatal;
    /* The delay of each completion, in microseconds. Until it has passed, the program does not see the completion. */
    uint64_t delay_us;
    /* For how many microseconds a verb that creates, modifies or destroys something blocks its caller. */
    uint64_t verb_us;
    /* The delay of the completions of flushed receives, in microseconds. */
    uint64_t flush_us;
    /* If this is more than 1, the device withholds frames, and delivers so many of them at once. */
    uint64_t burst;
    uint64_t port_speed; /* active_speed of the port; it has four lanes */
    /* 1 if a frame that is longer than its buffers moves the queue pair to the state ERR. */
    uint64_t len_err_fatal;
    /* 1 if multicast frames that another context, or the kernel, sends on the interface come in. A context reads this
     * when it is opened. */
    uint64_t loopback;
    /* 1 if the device writes memory in lines of 64 bytes, in another order than that of the addresses. */
    uint64_t dma_lines;
    uint64_t poison; /* 1 if the post of a receive immediately overwrites its memory */
    /* 1 if the double accepts what the kernel accepts, although it is probably a mistake: memory that is deregistered
     * while posted work names it, and a device that is closed while its objects exist. */
    uint64_t lenient;
    /* The time, in milliseconds, for which a destroy call waits for acknowledgements of events. After that it
     * aborts. */
    uint64_t ack_wait_ms;
    uint64_t verbose;
    /* 1 if the device reports that the checksums of a frame with the UDP checksum 0 are right. */
    uint64_t zero_csum_ok;
    /* The clock of the day: how many seconds it is ahead of UTC, and how many millionths it gains from 2023-11-14 on. */
    uint64_t wallclock_offset_s, wallclock_drift_ppm;
    uint64_t real_time; /* 1 if stamps are seconds and nanoseconds in two halves, not a counter */
    /* 1 if the kernel has a page with the clock; and at every which reading of it libmlx5 finds it in change. */
    uint64_t clock_page, clock_busy;
    /* 1 if events stay when their queue pair is destroyed, and the next queue pair has its address. */
    uint64_t stale_events;
    uint64_t csum_blind; /* 1 if the device says of every frame that its checksums are right */
    uint64_t cqe_shift;  /* how many entries the entries in memory are ahead of the completions */
    uint64_t cqe_bytes;  /* the length of an entry of a completion queue: 64 or 128 */
};

uint64_t vd_setting(size_t offset);
#define VD_SETTING(name) vd_setting(offsetof(struct vd_settings, name))

void vd_control_reset(void);

/* Counts a call of the verb. If the script makes this call fail, returns the errno with which it must fail. Otherwise
 * returns 0. */
int vd_call(const char *verb);

/* Returns true if a fault of the script happens at this point now. If `argument` is not NULL, *argument gets the
 * argument from the script, or -1 if there is none. */
bool vd_fault(const char *point, long *argument);

/* vd_refuse() and vd_refuse_null() record why a call is refused. vd_refuse() returns err. vd_refuse_null() and
 * vd_null() set errno to err and return NULL. */
int vd_refuse(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *vd_refuse_null(int err, const char *format, ...) __attribute__((format(printf, 2, 3)));
void *vd_null(int err);

/* Prints a text and aborts the process. The double calls this when a mistake of the program would lead to wrong data, a
 * hang or a crash on real hardware. */
_Noreturn void vd_abort(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Adds `amount` to the counter at this offset in struct vdouble_counters. */
void vd_count(size_t offset, int64_t amount);
#define VD_COUNT(name, amount) vd_count(offsetof(struct vdouble_counters, name), amount)

/* Counts a frame for which the queue with this number had no posted receive, or was not ready. */
void vd_count_out_of_buffer(uint32_t number);

/* Keeps the rate for vdouble_rate(). */
void vd_note_rate(const struct vdouble_rate *rate);

/* Returns a number for a queue pair or a work queue. No other queue of this process has the same number. */
uint32_t vd_next_number(void);

/* Copies bytes to or from memory that is registered as a dma-buf. If there is a copy hook, the hook copies. */
void vd_copy_device(void *to, const void *from, size_t bytes);

/* ---- Objects ------------------------------------------------------------------------------------ */

struct vd_event_pipe {
    int read_fd, write_fd;
};

struct vd_device {
    struct ibv_device device; /* must be the first member, because programs get its address */
    int interface_index;
    char interface[IF_NAMESIZE];
    uint8_t mac[6];
    union ibv_gid gids[VD_GID_COUNT_MAX];
    int gid_count;
    unsigned references; /* devices_lock of device.c protects it */
};

struct vd_frame {
    size_t length;
    uint64_t time_ns;
    uint8_t bytes[VD_FRAME_MAX];
};

/* A frame that the setting `burst` withholds. */
struct vd_withheld {
    size_t length;
    uint64_t time_ns;
    uint8_t *bytes;
};

struct vd_context {
    struct vd_device *device;
    pthread_mutex_t lock;
    pthread_t thread;
    /* The descriptor of the AF_PACKET socket. If the socket could not be opened, this is -errno, and no queue pair can
     * be made. */
    int packet_fd;
    int wake_fd;
    bool stopping;
    unsigned mtu;
    struct vd_event_pipe async;
    bool port_down_told, device_fatal_told;
    struct vd_context *next; /* contexts_lock of device.c protects it */

    struct vd_qp *qps;
    struct vd_flow *flows;
    struct vd_cq *cqs;
    struct vd_mr *mrs[VD_MR_COUNT_MAX];
    uint32_t mr_generation;
    uint64_t pinned_bytes;
    unsigned pd_count, mr_count, channel_count, cq_count, qp_count, flow_count, wq_count;
    unsigned ind_table_count;
    /* rx_frame is the frame that arrives now, and tx_frame is the frame that leaves now. A script can delay a frame
     * until the next frame has passed. rx_held and tx_held are such delayed frames. */
    struct vd_frame rx_frame, rx_held, tx_frame, tx_held;
    /* The frames that the setting `burst` withholds, in order of arrival. */
    struct vd_withheld *withheld;
    unsigned withheld_count;
    uint64_t withheld_ns; /* when the latest of them came, by CLOCK_MONOTONIC */

    /* This must be the last member. verbs.h reads fields of verbs_context that lie before its ibv_context. */
    struct verbs_context verbs;
};

struct vd_pd {
    struct ibv_pd pd;
    unsigned users;
};

struct vd_mr {
    struct ibv_mr mr;
    uint64_t iova;
    unsigned access, users; /* `users` counts the posted requests that name this memory */
    /* The mapping that the double uses, only for a dma-buf. */
    void *mapping;
    size_t mapping_bytes;
    bool gone; /* deregistered, but posted work still names it */
};

struct vd_channel {
    struct ibv_comp_channel channel;
    struct vd_event_pipe events;
};

struct vd_work {
    uint64_t wr_id;
    unsigned sge_count;
    struct ibv_sge sges[VD_SGE_MAX];
    /* mrs[i] is NULL if scatter or gather entry i was wrong when the work was posted */
    struct vd_mr *mrs[VD_SGE_MAX];
};

/* A ring of posted work. It has `capacity` entries, exactly as many as the program asked for. `head` and `tail` count
 * work and never become smaller. The index of an entry in the ring is such a count modulo `capacity`. */
struct vd_queue {
    struct vd_work *ring;
    unsigned capacity, sge_max;
    uint64_t head, tail;
    bool of_work_queue; /* false if the queue belongs to a queue pair */
};

struct vd_cqe {
    struct ibv_wc wc;
    uint64_t time_ns, due_ns;
    uint32_t flow_tag;
    bool sums_right; /* the device has checked the checksums of the frame and found them right */
    /* The queue pair or work queue that this entry belongs to. When that queue is destroyed, the double removes the
     * entry. */
    const void *owner;
    /* When the program reads the entry, `retired` send slots of this queue pair become free. */
    struct vd_qp *send_from;
    unsigned retired;
};

struct vd_cq {
    union {
        struct ibv_cq cq;
        struct ibv_cq_ex ex; /* its first members are those of ibv_cq */
    };
    struct vd_cq *next;
    struct vd_cqe *ring;
    unsigned capacity, users;
    uint64_t head, tail;
    uint64_t wc_flags;
    uint64_t clock_reads; /* how often a program has begun a batch for which the clock was read */
    /* The same entries as mlx5 lays them out; see cqe.c. raw_count is a power of two. */
    uint8_t *raw;
    size_t raw_bytes;
    uint32_t raw_count;
    bool extended, failed, armed, armed_solicited;
    bool polling; /* true between start_poll and end_poll of the program */
    bool holding; /* true if `current` holds an entry */
    struct vd_cqe current;
    unsigned events_read, async_events_read; /* cq.mutex protects both */
};

struct vd_qp {
    struct ibv_qp qp;
    struct vd_qp *next;
    struct vd_queue sq, rq;
    unsigned unsignalled; /* number of sends after the last signalled send */
    unsigned inline_max, tso_header_max;
    bool signal_all;
    struct vd_ind_table *ind_table; /* NULL if received frames go to the field `rq` */
    uint8_t hash_key[40];
    uint64_t hash_fields;
    unsigned async_events_read; /* qp.mutex protects it */
};

struct vd_wq {
    struct ibv_wq wq;
    unsigned users;
    struct vd_queue queue; /* used only by an ordinary work queue, not by a multi-packet queue */
    /* The fields below are for a multi-packet queue. In such a queue the program itself writes the entries and the
     * doorbell record. */
    bool striding;
    uint32_t stride_log, strides_log, entry_count;
    uint8_t *entries;
    uint32_t *doorbell;
    /* The device reads the doorbell record when a frame arrives, and then copies the entries that are new to `fetched`.
     * `known` counts the entries that it has read, and `consumed` those that it has used up. After 65535 both continue
     * with 0. */
    uint8_t *fetched;
    uint16_t known, consumed;
    uint32_t strides_used;
    unsigned async_events_read; /* wq.mutex protects it */
};

struct vd_ind_table {
    struct ibv_rwq_ind_table table;
    unsigned users, count;
    struct vd_wq *wqs[];
};

/* The fields of a frame that a rule can compare, in network byte order. A field is zero if the frame does not have
 * it. */
struct vd_key {
    uint8_t dst_mac[6], src_mac[6];
    uint16_t ether_type, vlan;
    uint8_t src_ip[16], dst_ip[16]; /* an IPv4 address uses the first four bytes */
    uint16_t src_port, dst_port;
    uint8_t ip_version, protocol, tos;
};

struct vd_flow {
    struct ibv_flow flow;
    struct vd_flow *next;
    struct vd_qp *qp;
    enum ibv_flow_attr_type type;
    struct vd_key value, mask;
    uint32_t tag;
};

/* A frame that the double is delivering to a queue. */
struct vd_arrival {
    const uint8_t *frame;
    size_t length;
    uint64_t time_ns;
    uint32_t flow_tag;
    bool sums_right;
    struct vd_key key;
};

static inline struct vd_context *vd_context(struct ibv_context *context)
{
    return (struct vd_context *)((char *)context - offsetof(struct vd_context, verbs.context));
}

/* ---- events.c ----------------------------------------------------------------------------------- */

int vd_event_pipe_open(struct vd_event_pipe *pipe);
void vd_event_pipe_close(struct vd_event_pipe *pipe);
void vd_channel_notify(struct vd_cq *cq);
void vd_channel_forget(struct vd_cq *cq);
void vd_async_notify(struct vd_context *context, struct ibv_async_event event);
void vd_async_forget(struct vd_context *context, const void *element);
void vd_wait_acked(const char *verb, pthread_mutex_t *mutex, pthread_cond_t *cond,
                   const uint32_t *completed, const unsigned *read);

/* ---- memory.c ----------------------------------------------------------------------------------- */

/* Returns the registered memory that a scatter or gather entry names. Returns NULL in four cases: the key is unknown,
 * the memory belongs to another protection domain, the entry is out of bounds, or `write` is true and the device is not
 * allowed to write to the memory. */
struct vd_mr *vd_mr_resolve(struct vd_context *context, const struct ibv_pd *pd,
                            const struct ibv_sge *sge, bool write);
void *vd_mr_at(const struct vd_mr *mr, uint64_t address);
void vd_mr_write(struct vd_mr *mr, uint64_t address, const void *from, size_t bytes);
void vd_mr_read(void *to, struct vd_mr *mr, uint64_t address, size_t bytes);
void vd_mr_poison(struct vd_mr *mr, uint64_t address, size_t bytes);
/* Ends the use of the memory by one entry of posted work. */
void vd_mr_unuse(struct vd_mr *mr);

/* ---- cq.c --------------------------------------------------------------------------------------- */

void vd_cq_push(struct vd_cq *cq, const struct vd_cqe *entry);
void vd_cq_purge(struct vd_cq *cq, const void *owner);
/* Sends the events of delayed completions whose time has come. */
void vd_cq_notify_due(struct vd_context *context);
uint64_t vd_now_ns(clockid_t clock);
struct ibv_cq_ex *vd_create_cq_ex(struct ibv_context *context, struct ibv_cq_init_attr_ex *attr);
int vd_poll_cq(struct ibv_cq *cq, int count, struct ibv_wc *wcs);
int vd_req_notify_cq(struct ibv_cq *cq, int solicited_only);

/* ---- clock.c ------------------------------------------------------------------------------------ */

/* The counter of the device at this time. */
uint64_t vd_counter(uint64_t utc_ns);
/* What the device writes into a completion at this time: the counter, or the clock of the day in two halves. */
uint64_t vd_raw_stamp(uint64_t utc_ns);
/* What libmlx5 makes of it for a program that asks for the clock of the day. */
uint64_t vd_wallclock(uint64_t utc_ns);
/* What libmlx5 does when a program begins a batch with a completion in it: it reads the page with the clock of the
 * kernel, if the queue needs it. Returns 0, EBUSY or EINVAL. */
int vd_clock_page(struct vd_cq *cq);

/* ---- cqe.c -------------------------------------------------------------------------------------- */

/* Allocates the entries in the layout of mlx5. Returns false if there is no memory. */
bool vd_cqe_open(struct vd_cq *cq);
/* Writes the entry with this index again from cq->ring. The index counts as cq->head and cq->tail do. */
void vd_cqe_write(struct vd_cq *cq, uint64_t index);
/* Overwrites the entry: the program does not look at it any more. */
void vd_cqe_discard(struct vd_cq *cq, uint64_t index);

/* ---- queue.c ------------------------------------------------------------------------------------ */

int vd_queue_init(struct vd_queue *queue, unsigned capacity, unsigned sge_max);
/* Drops all posted work. The program may then deregister the memory that the work names. */
void vd_queue_release(struct vd_queue *queue);
void vd_queue_add(struct vd_queue *queue, struct vd_context *context, const struct ibv_pd *pd,
                  uint64_t wr_id, const struct ibv_sge *sges, unsigned count, bool write);
void vd_queue_retire(struct vd_queue *queue, unsigned count);
static inline bool vd_queue_full(const struct vd_queue *queue)
{
    return queue->tail - queue->head == queue->capacity;
}
int vd_queue_post_recv(struct vd_queue *queue, struct vd_context *context, const struct ibv_pd *pd,
                       const char *verb, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
struct ibv_wc vd_wc_failed(uint64_t wr_id, enum ibv_wc_status status, uint32_t number);
/* Writes the frame to the oldest posted receive and puts a completion on `cq`. Returns the status of the completion. */
enum ibv_wc_status vd_queue_receive(struct vd_queue *queue, struct vd_cq *cq, uint32_t number,
                                    const void *owner, const struct vd_arrival *arrival);
void vd_queue_flush_recv(struct vd_queue *queue, struct vd_cq *cq, uint32_t number,
                         const void *owner);

/* ---- qp.c, send.c, wq.c ------------------------------------------------------------------------- */

struct ibv_qp *vd_create_qp_ex(struct ibv_context *context, struct ibv_qp_init_attr_ex *attr);
int vd_modify_qp_rate_limit(struct ibv_qp *qp, struct ibv_qp_rate_limit_attr *attr);
int vd_post_recv(struct ibv_qp *qp, struct ibv_recv_wr *wr, struct ibv_recv_wr **bad);
int vd_post_send(struct ibv_qp *qp, struct ibv_send_wr *wr, struct ibv_send_wr **bad);
void vd_qp_to_error(struct vd_qp *qp, bool tell);
/* Delivers a frame to the queue pair. Returns false if no receive was posted. */
bool vd_qp_receive(struct vd_qp *qp, const struct vd_arrival *arrival);

struct ibv_wq *vd_create_wq(struct ibv_context *context, struct ibv_wq_init_attr *attr);
int vd_modify_wq(struct ibv_wq *wq, struct ibv_wq_attr *attr);
int vd_destroy_wq(struct ibv_wq *wq);
struct ibv_rwq_ind_table *vd_create_ind_table(struct ibv_context *context,
                                              struct ibv_rwq_ind_table_init_attr *attr);
int vd_destroy_ind_table(struct ibv_rwq_ind_table *table);
bool vd_wq_receive(struct vd_wq *wq, const struct vd_arrival *arrival);

/* ---- flow.c, frame.c --------------------------------------------------------------------------- */

struct ibv_flow *vd_create_flow(struct ibv_qp *qp, struct ibv_flow_attr *attr);
int vd_destroy_flow(struct ibv_flow *flow);
bool vd_flows_want(struct vd_context *context, const struct vd_key *key);
/* Delivers the frame once to every queue pair that has a matching rule. */
void vd_flows_deliver(struct vd_context *context, struct vd_arrival *arrival);

void vd_key_read(struct vd_key *key, const uint8_t *frame, size_t length);
bool vd_checksums_right(const uint8_t *frame, size_t length);
void vd_checksums_fill(uint8_t *frame, size_t length);
uint32_t vd_toeplitz(const uint8_t hash_key[40], uint64_t fields, const struct vd_key *key);

/* ---- device.c, afpacket.c ----------------------------------------------------------------------- */

int vd_query_device_ex(struct ibv_context *context, const struct ibv_query_device_ex_input *input,
                       struct ibv_device_attr_ex *attr, size_t bytes);
int vd_query_port(struct ibv_context *context, uint8_t port, struct ibv_port_attr *attr,
                  size_t bytes);
int vd_query_rt_values(struct ibv_context *context, struct ibv_values_ex *values);
/* The clock counter has 48 bits, and one tick per nanosecond. */
#define VD_CLOCK_MASK ((UINT64_C(1) << 48) - 1)

/* If port_down or device_fatal has changed, sends an event to every open context. */
void vd_contexts_changed(void);
int vd_contexts_qp_fatal(uint32_t qp_num);

int vd_network_open(struct vd_context *context);
void vd_network_close(struct vd_context *context);
bool vd_network_link_up(const struct vd_context *context);
/* Sends context->tx_frame, with the faults of the script. Returns 0 or an errno. */
int vd_network_send(struct vd_context *context);

/* ---- For the libmlx5 double --------------------------------------------------------------------- */

struct vd_striding {
    uint32_t stride_log, strides_log;
};
struct ibv_wq *vdouble_create_striding_wq(struct ibv_context *context,
                                          struct ibv_wq_init_attr *attr,
                                          const struct vd_striding *striding);
/* Returns 0, or EINVAL if wq is not a multi-packet queue. */
int vdouble_cq_entries(struct ibv_cq *cq, void **entries, uint32_t *count, uint32_t *bytes);
int vdouble_striding_ring(struct ibv_wq *wq, void **entries, __be32 **doorbell, uint32_t *count);
bool vdouble_is_mlx5(void);
bool vdouble_has_striding(void);
bool vdouble_is_real_time(void);
int vdouble_call(const char *verb);

#endif
