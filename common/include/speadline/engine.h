/* SPDX-License-Identifier: Apache-2.0 */
/* Engines: an engine moves packets between the network (or memory) and a stream.
 *
 * The build decides which engines the library has. spead_recv_engine_info() lists the engines of receive streams, and
 * spead_send_engine_info() the engines of send streams. The lists have the order in which "auto" prefers the
 * engines. */
#ifndef SPEADLINE_ENGINE_H
#define SPEADLINE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an engine reads from or sends to. Later versions of the library can add kinds. So a program should ignore an
 * engine whose kind it does not know. */
enum spead_endpoint_kind {
    SPEAD_ENDPOINT_UDP = 0,      /* a UDP address: the text "HOST:PORT" */
    SPEAD_ENDPOINT_MEM_LINK = 1, /* a memory link of this process (speadline/mem_link.h) */
    /* A text that only this one engine understands, such as the name of a file. */
    SPEAD_ENDPOINT_TEXT = 2,
};

/* One engine of this library. The strings live as long as the process. */
struct spead_engine_info {
    uint32_t struct_size; /* size of this struct in bytes; its _INIT macro sets it */
    uint32_t rank;        /* "auto" takes the usable engine with the lowest rank */
    const char *name;     /* the name, for the field `engine` of a stream's configuration */
    const char *caveat;   /* a limitation that a user of this engine should know; NULL: none */
    enum spead_endpoint_kind endpoint; /* what the engine reads from or sends to */
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_ENGINE_INFO_INIT { .struct_size = sizeof(struct spead_engine_info) }
/* clang-format on */
/* Does what SPEAD_ENGINE_INFO_INIT does; `size` is sizeof *info. Any thread. See docs/abi.md. */
void spead_engine_info_init(struct spead_engine_info *info, size_t size);

/* The beginning of the options of one engine. Each engine that has options has a struct of its own. The first member of
 * that struct is a struct spead_engine_options. An _INIT macro fills this member and the defaults:
 *
 *     struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
 *     verbs.device = "mlx5_0";
 *     config.engine_options = &verbs.options;
 *
 * Only the engine that is named in the field `engine` reads the options. Options for an engine that the stream does not
 * use, or that the library does not have, change nothing. */
struct spead_engine_options {
    /* The size of the whole struct of the engine, in bytes. Its _INIT macro sets it. */
    uint32_t struct_size;
    uint32_t reserved;
    /* The name of the engine that reads these options. The _INIT macro sets it. */
    const char *engine;
    const struct spead_engine_options *next; /* options of another engine, or NULL */
};

#ifdef __cplusplus
}
#endif
#endif
