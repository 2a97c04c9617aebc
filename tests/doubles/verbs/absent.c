/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that the double does not have, and that programs and other libraries must nevertheless find when they are
 * loaded: perftest and librdmacm name them, and so does libefa, which perftest is linked with. Each call is refused.
 *
 * This file does not include the headers of libibverbs, because its functions ignore their arguments and have other
 * types than there. */
#include <errno.h>
#include <stddef.h>

#define VD_EXPORT __attribute__((visibility("default")))

int vd_refuse(int err, const char *format, ...);
void *vd_refuse_null(int err, const char *format, ...);

/* Defines a function that returns an error number. */
#define ABSENT(name)                                                         \
    int name(void);                                                          \
    VD_EXPORT int name(void)                                                 \
    {                                                                        \
        return vd_refuse(EOPNOTSUPP, "%s: the double has no " #name, #name); \
    }

/* Defines a function that returns an object, or NULL and errno. */
#define ABSENT_OBJECT(name)                                                       \
    void *name(void);                                                             \
    VD_EXPORT void *name(void)                                                    \
    {                                                                             \
        return vd_refuse_null(EOPNOTSUPP, "%s: the double has no " #name, #name); \
    }

/* Defines a function of providers. Providers are libraries that libibverbs loads for hardware; the double loads none.
 * libefa registers itself as a provider when it is loaded, and nothing comes of it. */
#define IDLE(name)             \
    void *name(void);          \
    VD_EXPORT void *name(void) \
    {                          \
        return NULL;           \
    }

/* ---- libibverbs ---------------------------------------------------------------------------------- */

ABSENT(ibv_attach_mcast)
ABSENT(ibv_detach_mcast)
ABSENT_OBJECT(ibv_create_ah)
ABSENT_OBJECT(ibv_create_ah_from_wc)
ABSENT(ibv_init_ah_from_wc)
ABSENT(ibv_destroy_ah)
ABSENT_OBJECT(ibv_create_srq)
ABSENT(ibv_modify_srq)
ABSENT(ibv_query_srq)
ABSENT(ibv_destroy_srq)
ABSENT(ibv_resize_cq)
ABSENT(ibv_rereg_mr)
ABSENT(ibv_resolve_eth_l2_from_gid)
ABSENT(ibv_get_pkey_index)
ABSENT_OBJECT(ibv_qp_to_qp_ex)
ABSENT(ibv_query_ece)
ABSENT(ibv_set_ece)
ABSENT(ibv_query_qp_data_in_order)
IDLE(ibv_copy_path_rec_from_kern)
IDLE(ibv_copy_qp_attr_from_kern)
IDLE(ibv_copy_ah_attr_from_kern)

/* ---- What libibverbs has for providers ----------------------------------------------------------- */

IDLE(verbs_register_driver_34)
IDLE(verbs_set_ops)
IDLE(verbs_uninit_context)
IDLE(__verbs_log)
IDLE(_verbs_init_and_alloc_context)
ABSENT(ibv_cmd_alloc_pd)
ABSENT(ibv_cmd_create_ah)
ABSENT(ibv_cmd_create_cq_ex)
ABSENT(ibv_cmd_create_qp_ex)
ABSENT(ibv_cmd_dealloc_pd)
ABSENT(ibv_cmd_dereg_mr)
ABSENT(ibv_cmd_destroy_ah)
ABSENT(ibv_cmd_destroy_cq)
ABSENT(ibv_cmd_destroy_qp)
ABSENT(ibv_cmd_get_context)
ABSENT(ibv_cmd_modify_qp)
ABSENT(ibv_cmd_query_device_any)
ABSENT(ibv_cmd_query_port)
ABSENT(ibv_cmd_query_qp)
ABSENT(ibv_cmd_reg_dmabuf_mr)
ABSENT(ibv_cmd_reg_mr)
