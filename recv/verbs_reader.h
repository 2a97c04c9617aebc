/* Received frames become packets to lend: whose they are, where their SPEAD bytes lie, or why not. */
#ifndef SPEADLINE_RECV_VERBS_READER_H
#define SPEADLINE_RECV_VERBS_READER_H

#include "rx_engine.h"

struct speadi_verbs_reader {
    struct speadi_address address[SPEADI_RX_SOURCES_MAX];
    uint32_t count;
    uint16_t source;                            /* of the latest frame: likely the next one's too */
    uint32_t frame_head[SPEADI_RX_SOURCES_MAX]; /* bytes before the datagram in the source's latest
                                                   frame; 0: none came yet */
};

/* A frame in memory, in up to three pieces. */
struct speadi_verbs_frame {
    const uint8_t *head;
    const uint8_t *body; /* NULL: there is none, or the CPU cannot touch it */
    const uint8_t *tail;
    uint32_t head_bytes, body_bytes; /* the tail has the rest */
    uint32_t frame_bytes;
    bool checked; /* the device found its checksums right */
    uint64_t time_ns;
};

void speadi_verbs_reader_init(struct speadi_verbs_reader *reader,
                              const struct speadi_rx_config *config);

/* Fills *packet, UNPLACED. What the device has not checked is checked here, as far as the CPU can reach it. */
void speadi_verbs_read(struct speadi_verbs_reader *reader, const struct speadi_verbs_frame *frame,
                       struct speadi_rx_packet *packet);

#endif
