/* SPDX-License-Identifier: Apache-2.0 */
/* Loads libibverbs and libmlx5. Some verbs are inline functions of verbs.h. A program that calls these inline functions
 * must be linked with libibverbs. So this file has functions of its own for these verbs. */
#include <speadi/verbs_library.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/err.h>

struct symbol {
    const char *name;
    size_t offset; /* where the table has the pointer to this symbol: the offset of that member */
    bool optional;
};

#define SYMBOL(member)                                               \
    {                                                                \
        "ibv_" #member, offsetof(struct speadi_verbs, member), false \
    }

static const struct symbol verbs_symbols[] = {
    SYMBOL(get_device_list),
    SYMBOL(free_device_list),
    SYMBOL(get_device_name),
    SYMBOL(open_device),
    SYMBOL(close_device),
    SYMBOL(query_device),
    SYMBOL(query_port),
    SYMBOL(query_gid),
    SYMBOL(get_async_event),
    SYMBOL(ack_async_event),
    SYMBOL(alloc_pd),
    SYMBOL(dealloc_pd),
    SYMBOL(reg_mr),
    SYMBOL(dereg_mr),
    SYMBOL(create_comp_channel),
    SYMBOL(destroy_comp_channel),
    SYMBOL(create_cq),
    SYMBOL(destroy_cq),
    SYMBOL(get_cq_event),
    SYMBOL(ack_cq_events),
    SYMBOL(create_qp),
    SYMBOL(modify_qp),
    SYMBOL(destroy_qp),
    SYMBOL(wc_status_str),
    SYMBOL(event_type_str),
    {"ibv_reg_mr_iova2", offsetof(struct speadi_verbs, reg_mr_iova2), true},
    {"ibv_reg_dmabuf_mr", offsetof(struct speadi_verbs, reg_dmabuf_mr), true},
    {"_ibv_query_gid_table", offsetof(struct speadi_verbs, query_gid_table), true},
};

static const struct symbol mlx5_symbols[] = {
    {"mlx5dv_is_supported", offsetof(struct speadi_mlx5, is_supported), false},
    {"mlx5dv_query_device", offsetof(struct speadi_mlx5, query_device), false},
    {"mlx5dv_create_wq", offsetof(struct speadi_mlx5, create_wq), false},
    {"mlx5dv_init_obj", offsetof(struct speadi_mlx5, init_obj), false},
};

/* A library and the table of its symbols. The code fills the table once. The lock protects `loaded`. It also protects
 * the table until `loaded` is true. After that nobody writes to the table any more. */
struct library {
    const char *variable, *file, *package;
    const struct symbol *symbols;
    size_t symbol_count;
    void *table;
    pthread_mutex_t lock;
    bool loaded;
};

static struct speadi_verbs verbs_table;
static struct library verbs_library = {
    .variable = SPEADI_VERBS_PATH_VARIABLE,
    .file = "libibverbs.so.1",
    .package = "libibverbs1",
    .symbols = verbs_symbols,
    .symbol_count = sizeof verbs_symbols / sizeof *verbs_symbols,
    .table = &verbs_table,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

static struct speadi_mlx5 mlx5_table;
static struct library mlx5_library = {
    .variable = SPEADI_MLX5_PATH_VARIABLE,
    .file = "libmlx5.so.1",
    .package = "ibverbs-providers",
    .symbols = mlx5_symbols,
    .symbol_count = sizeof mlx5_symbols / sizeof *mlx5_symbols,
    .table = &mlx5_table,
    .lock = PTHREAD_MUTEX_INITIALIZER,
};

static int resolve(const struct library *library, void *handle, const char *path,
                   struct spead_err *err)
{
    for (size_t i = 0; i < library->symbol_count; i++) {
        const struct symbol *symbol = &library->symbols[i];
        void *address = dlsym(handle, symbol->name);

        if (!address && !symbol->optional)
            return speadi_err_set(err, -ENOENT, "%.120s has no %s: a newer %s is needed", path,
                                  symbol->name, library->package);
        memcpy((char *)library->table + symbol->offset, &address, sizeof address);
    }
    return 0;
}

static int load_locked(struct library *library, struct spead_err *err)
{
    /* secure_getenv() returns NULL if the program has extra privileges, such as file capabilities. In such a program
     * the environment variable has no effect. */
    const char *path = secure_getenv(library->variable);
    void *handle;
    int ret = speadi_verbs_check_environment(err);

    if (ret < 0)
        return ret;
    if (!path || !*path)
        path = library->file;
    handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return speadi_err_set(err, -ENOENT, "%.150s; install it: apt install %s", dlerror(),
                              library->package);
    ret = resolve(library, handle, path, err);
    if (ret < 0)
        dlclose(handle);
    library->loaded = ret == 0;
    return ret;
}

static int load(struct library *library, struct spead_err *err)
{
    int ret = 0;

    pthread_mutex_lock(&library->lock);
    if (!library->loaded)
        ret = load_locked(library, err);
    pthread_mutex_unlock(&library->lock);
    return ret;
}

int speadi_verbs_load(const struct speadi_verbs **verbs, struct spead_err *err)
{
    int ret = load(&verbs_library, err);

    if (ret == 0)
        *verbs = &verbs_table;
    return ret;
}

int speadi_mlx5_load(const struct speadi_mlx5 **mlx5, struct spead_err *err)
{
    int ret = load(&mlx5_library, err);

    if (ret == 0)
        *mlx5 = &mlx5_table;
    return ret;
}

int speadi_verbs_query_device(const struct speadi_verbs *verbs, struct ibv_context *context,
                              struct ibv_device_attr_ex *attr)
{
    struct verbs_context *extended = verbs_get_ctx_op(context, query_device_ex);
    int code = EOPNOTSUPP;

    if (extended)
        code = extended->query_device_ex(context, NULL, attr, sizeof *attr);
    if (code != EOPNOTSUPP && code != ENOSYS)
        return code;
    memset(attr, 0, sizeof *attr);
    return verbs->query_device(context, &attr->orig_attr);
}

int speadi_verbs_query_port(const struct speadi_verbs *verbs, struct ibv_context *context,
                            uint8_t port, struct ibv_port_attr *attr)
{
    struct verbs_context *extended = verbs_get_ctx_op(context, query_port);

    if (extended)
        return extended->query_port(context, port, attr, sizeof *attr);
    memset(attr, 0, sizeof *attr);
    return verbs->query_port(context, port, (struct _compat_ibv_port_attr *)attr);
}

struct ibv_qp *speadi_verbs_create_qp(const struct speadi_verbs *verbs, struct ibv_context *context,
                                      struct ibv_qp_init_attr_ex *attr)
{
    struct verbs_context *extended = verbs_get_ctx_op(context, create_qp_ex);

    if (attr->comp_mask == IBV_QP_INIT_ATTR_PD)
        return verbs->create_qp(attr->pd, (struct ibv_qp_init_attr *)(void *)attr);
    if (extended)
        return extended->create_qp_ex(context, attr);
    errno = EOPNOTSUPP;
    return NULL;
}
