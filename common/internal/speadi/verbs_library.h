/* SPDX-License-Identifier: Apache-2.0 */
/* libibverbs and libmlx5. The library of this project is not linked with them. It loads them when an engine first needs
 * them.
 *
 * The header <infiniband/verbs.h> implements some verbs inline: polling, posting, flow rules, work queues, extended
 * completion queues, rate limits. These verbs call functions that the device context points to, and need no symbol of
 * libibverbs. So the engines call these verbs directly. The engines call all other verbs through the tables below.
 * Never call ibv_create_qp_ex(), ibv_query_device_ex(), ibv_query_port() or ibv_reg_mr(), because their inline parts
 * need symbols of libibverbs. Call the functions at the end of this file, or the tables, instead. */
#ifndef SPEADI_VERBS_LIBRARY_H
#define SPEADI_VERBS_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <infiniband/mlx5dv.h>
#include <infiniband/verbs.h>

#include <speadline/error.h>

/* Environment variables. Each names a file that is loaded instead of the library of the system. In a program that has
 * more rights than its user (AT_SECURE: file capabilities, setuid) they have no effect. */
#define SPEADI_VERBS_PATH_VARIABLE "SPEADLINE_LIBIBVERBS" /* default libibverbs.so.1 */
#define SPEADI_MLX5_PATH_VARIABLE  "SPEADLINE_LIBMLX5"    /* default libmlx5.so.1 */

/* Each member has the signature and the meaning of the verb of the same name. Only the last three members may be
 * NULL. */
struct speadi_verbs {
    struct ibv_device **(*get_device_list)(int *count);
    void (*free_device_list)(struct ibv_device **list);
    const char *(*get_device_name)(struct ibv_device *device);
    struct ibv_context *(*open_device)(struct ibv_device *device);
    int (*close_device)(struct ibv_context *context);
    int (*query_device)(struct ibv_context *context, struct ibv_device_attr *attr);
    int (*query_port)(struct ibv_context *context, uint8_t port,
                      struct _compat_ibv_port_attr *attr);
    int (*query_gid)(struct ibv_context *context, uint8_t port, int index, union ibv_gid *gid);
    int (*get_async_event)(struct ibv_context *context, struct ibv_async_event *event);
    void (*ack_async_event)(struct ibv_async_event *event);
    struct ibv_pd *(*alloc_pd)(struct ibv_context *context);
    int (*dealloc_pd)(struct ibv_pd *pd);
    struct ibv_mr *(*reg_mr)(struct ibv_pd *pd, void *data, size_t bytes, int access);
    int (*dereg_mr)(struct ibv_mr *mr);
    struct ibv_comp_channel *(*create_comp_channel)(struct ibv_context *context);
    int (*destroy_comp_channel)(struct ibv_comp_channel *channel);
    struct ibv_cq *(*create_cq)(struct ibv_context *context, int cqe, void *cq_context,
                                struct ibv_comp_channel *channel, int comp_vector);
    int (*destroy_cq)(struct ibv_cq *cq);
    int (*get_cq_event)(struct ibv_comp_channel *channel, struct ibv_cq **cq, void **cq_context);
    void (*ack_cq_events)(struct ibv_cq *cq, unsigned count);
    struct ibv_qp *(*create_qp)(struct ibv_pd *pd, struct ibv_qp_init_attr *attr);
    int (*modify_qp)(struct ibv_qp *qp, struct ibv_qp_attr *attr, int mask);
    int (*destroy_qp)(struct ibv_qp *qp);
    const char *(*wc_status_str)(enum ibv_wc_status status);
    const char *(*event_type_str)(enum ibv_event_type type);
    /* The three members below are NULL if libibverbs is too old to have them. */
    struct ibv_mr *(*reg_mr_iova2)(struct ibv_pd *pd, void *data, size_t bytes, uint64_t iova,
                                   unsigned access);
    struct ibv_mr *(*reg_dmabuf_mr)(struct ibv_pd *pd, uint64_t offset, size_t bytes, uint64_t iova,
                                    int fd, int access);
    ssize_t (*query_gid_table)(struct ibv_context *context, struct ibv_gid_entry *entries,
                               size_t entries_max, uint32_t flags, size_t entry_bytes);
};

struct speadi_mlx5 {
    bool (*is_supported)(struct ibv_device *device);
    int (*query_device)(struct ibv_context *context, struct mlx5dv_context *attr);
    struct ibv_wq *(*create_wq)(struct ibv_context *context, struct ibv_wq_init_attr *attr,
                                struct mlx5dv_wq_init_attr *mlx5);
    int (*init_obj)(struct mlx5dv_obj *object, uint64_t type);
};

/* Each function sets its first argument to a table. It loads libibverbs, or libmlx5, at the first call. It never
 * unloads them, because the providers of libibverbs cannot be unloaded safely. Any thread may call these functions.
 * Returns 0, -ENOENT with a sentence that names the file and the package, or what speadi_verbs_check_environment()
 * returned. */
int speadi_verbs_load(const struct speadi_verbs **verbs, struct spead_err *err);
int speadi_mlx5_load(const struct speadi_mlx5 **mlx5, struct spead_err *err);

/* Says whether libibverbs may be loaded and called. The answer is no if the program has more rights than its user, and
 * the environment has a variable by which the user can make libibverbs load a library or trust a folder. The library
 * does not change the environment, because other threads of the program may read it. Returns 0, or -EPERM with a
 * sentence that names the variable. */
int speadi_verbs_check_environment(struct spead_err *err);

/* These functions replace ibv_query_device_ex(), ibv_query_port() and ibv_create_qp_ex(). They call libibverbs through
 * the table and return the same results. */
int speadi_verbs_query_device(const struct speadi_verbs *verbs, struct ibv_context *context,
                              struct ibv_device_attr_ex *attr);
int speadi_verbs_query_port(const struct speadi_verbs *verbs, struct ibv_context *context,
                            uint8_t port, struct ibv_port_attr *attr);
struct ibv_qp *speadi_verbs_create_qp(const struct speadi_verbs *verbs, struct ibv_context *context,
                                      struct ibv_qp_init_attr_ex *attr);

/* Describes the failure of a verb in *err; `code` is the positive errno of the verb. The sentence names the verb, the
 * device, the reason and, if one is known, the remedy. Returns -code, or -EIO if code is not positive. */
int speadi_verbs_failed(struct spead_err *err, const char *verb, const char *device, int code);

#endif
