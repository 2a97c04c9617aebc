/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of libmlx5 that the double does not have, and that perftest must find when it is loaded. */
#include <errno.h>
#include <stddef.h>

#define VD_EXPORT __attribute__((visibility("default")))

#define ABSENT(name)         \
    int name(void);          \
    VD_EXPORT int name(void) \
    {                        \
        return EOPNOTSUPP;   \
    }

#define ABSENT_OBJECT(name)    \
    void *name(void);          \
    VD_EXPORT void *name(void) \
    {                          \
        errno = EOPNOTSUPP;    \
        return NULL;           \
    }

ABSENT_OBJECT(mlx5dv_create_qp)
ABSENT_OBJECT(mlx5dv_open_device)
ABSENT_OBJECT(mlx5dv_create_mkey)
ABSENT_OBJECT(mlx5dv_qp_ex_from_ibv_qp_ex)
ABSENT_OBJECT(mlx5dv_dek_create)
ABSENT(mlx5dv_devx_general_cmd)
ABSENT(mlx5dv_destroy_mkey)
ABSENT(mlx5dv_crypto_login)
ABSENT(mlx5dv_dek_destroy)
