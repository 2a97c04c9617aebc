/* Engines: what moves packets between the network (or memory) and a stream.
 *
 * The build decides which engines the library has. spead_recv_engine_info() lists those of receive streams and
 * spead_send_engine_info() those of send streams, in the order in which "auto" prefers them. */
#ifndef SPEADLINE_ENGINE_H
#define SPEADLINE_ENGINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an engine reads from or sends to. Later versions may add kinds: a caller should skip an engine whose kind it
 * does not know. */
enum spead_endpoint_kind {
    SPEAD_ENDPOINT_UDP = 0,      /* "HOST:PORT" */
    SPEAD_ENDPOINT_MEM_LINK = 1, /* a memory link of this process (speadline/mem_link.h) */
    /* A text that only this engine understands, such as the name of a file. */
    SPEAD_ENDPOINT_TEXT = 2,
};

/* One engine of this library. The strings live as long as the library. */
struct spead_engine_info {
    uint32_t struct_size; /* set by _INIT */
    uint32_t rank;        /* "auto" takes the usable engine of the lowest rank */
    const char *name;     /* for `engine` of a stream's configuration */
    const char *caveat;   /* what a user of this engine should know; NULL: nothing */
    enum spead_endpoint_kind endpoint;
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_ENGINE_INFO_INIT { .struct_size = sizeof(struct spead_engine_info) }
/* clang-format on */

/* The first member of the options of one engine. Each engine that has options has a struct of its own that begins with
 * this struct, and an _INIT macro that fills this part and the defaults:
 *
 *     struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
 *     verbs.device = "mlx5_0";
 *     config.engine_options = &verbs.options;
 *
 * Only the engine that is named in `engine` reads the options. Options for an engine that the stream does not use, or
 * that the library does not have, change nothing. */
struct spead_engine_options {
    uint32_t struct_size; /* size of the struct of the engine, whose first member is this head */
    uint32_t reserved;
    const char *engine;                      /* the name of the engine that reads them */
    const struct spead_engine_options *next; /* options of another engine, or NULL */
};

#ifdef __cplusplus
}
#endif
#endif
