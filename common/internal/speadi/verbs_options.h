/* What a stream's configuration says about verbs, on its way to an engine. */
#ifndef SPEADI_VERBS_OPTIONS_H
#define SPEADI_VERBS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include <speadline/verbs.h>

/* For the line that says which engine was chosen. */
#define SPEADI_VERBS_CAVEAT "packets bypass sockets, firewall and tcpdump"

struct speadi_verbs_options {
    const char *device; /* NULL: by interface or address; borrowed by open() */
    int comp_vector;    /* -1: never sleep on completion events */
    uint32_t max_poll;  /* polls in a row that found nothing before it sleeps */
    enum spead_verbs_mprq mprq;
    uint32_t queues; /* receiving: work queues that packets are hashed over; 0, 1: none */
    uint32_t mprq_stride_log, mprq_entry_log; /* bytes of a stride, of an entry; log2, 0: chosen */
    bool hardware_rate;                       /* sending: the device paces */
    bool tso; /* sending: the device makes packets of runs (experimental) */
};

#endif
