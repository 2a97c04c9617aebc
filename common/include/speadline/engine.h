/* Engines: what moves packets between the network (or memory) and a stream.
 *
 * Which engines a library has is its build's affair: spead_recv_engine_info() and spead_send_engine_info() list those of
 * receive and of send streams, in the order in which "auto" prefers them. */
#ifndef SPEADLINE_ENGINE_H
#define SPEADLINE_ENGINE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What an engine reads, or sends to. More kinds will follow: a caller passes over those that it does not know. */
enum spead_endpoint_kind {
    SPEAD_ENDPOINT_UDP = 0,      /* "HOST:PORT" */
    SPEAD_ENDPOINT_MEM_LINK = 1, /* a link of this process (speadline/mem_link.h) */
    /* A text that this engine alone understands, such as the name of a file. */
    SPEAD_ENDPOINT_TEXT = 2,
};

/* One engine of this library. The strings live as long as the library. */
struct spead_engine_info {
    uint32_t struct_size; /* set by _INIT */
    uint32_t rank;        /* "auto" takes the usable engine of the lowest rank */
    const char *name;     /* for `engine` of a stream's configuration */
    const char *caveat;   /* what a user should know once it is taken; NULL: nothing */
    enum spead_endpoint_kind endpoint;
    uint32_t reserved;
};
/* clang-format off */
#define SPEAD_ENGINE_INFO_INIT { .struct_size = sizeof(struct spead_engine_info) }
/* clang-format on */

/* The head of one engine's options. Each engine that has options has a struct of its own that begins with this head, and
 * an _INIT for it that fills the head and the defaults:
 *
 *     struct spead_recv_verbs_config verbs = SPEAD_RECV_VERBS_CONFIG_INIT;
 *     verbs.device = "mlx5_0";
 *     config.engine_options = &verbs.options;
 *
 * Only the named engine reads them; options of an engine that is not taken, or is not in the library, change nothing. */
struct spead_engine_options {
    uint32_t struct_size; /* of the whole struct that begins here */
    uint32_t reserved;
    const char *engine;                      /* the name of the engine that reads it */
    const struct spead_engine_options *next; /* options of another engine; NULL: no more */
};

#ifdef __cplusplus
}
#endif
#endif
