/* SPDX-License-Identifier: Apache-2.0 */
/* Builds runs of packets. */
#include "verbs_runs.h"

#include "verbs_send_queue.h"

/* Returns true if the packet first[run] fits into the run that begins with *first. That run already has `run` packets,
 * and its request has `entries` entries. */
static bool fits_run(const struct speadi_verbs_frames *frames, uint32_t run, uint32_t entries,
                     uint32_t head_bytes, const struct speadi_tx_packet *first)
{
    const struct speadi_tx_packet *packet = first + run;

    return packet->bytes == first->bytes && packet->destination == first->destination &&
           entries + packet->iov_count <= frames->sge_max &&
           run < SPEADI_VERBS_REQUEST_FRAMES_MAX &&
           head_bytes + (uint64_t)(run + 1) * first->bytes <= frames->run_bytes_max;
}

/* Shortens the entry, so that it no longer contains the head of the frame. The device writes the head of each segment
 * itself. */
static void drop_head(struct ibv_sge *entry, uint32_t head_bytes)
{
    entry->addr += head_bytes;
    entry->length -= head_bytes;
}

/* Changes the request so that the device cuts it into segments. The device repeats the head of the first frame in every
 * segment. The length fields of that head are right for this, because they say the length of one frame. */
static void segment(struct ibv_send_wr *wr, uint32_t head_bytes, uint32_t packet_bytes)
{
    void *head = (void *)(uintptr_t)wr->sg_list->addr;

    drop_head(wr->sg_list, head_bytes);
    wr->opcode = IBV_WR_TSO;
    wr->tso.hdr = head;
    wr->tso.hdr_sz = (uint16_t)head_bytes;
    wr->tso.mss = (uint16_t)packet_bytes;
}

/* Builds one request, which carries as many packets from the beginning of the array as fit into it. Returns how many
 * packets it carries, or 0 if no frame can carry the first packet. */
static unsigned make_run(struct speadi_verbs_frames *frames, uint64_t number,
                         const struct speadi_frame_template *head,
                         const struct speadi_tx_packet *packets, unsigned count)
{
    struct ibv_send_wr *wr = speadi_verbs_frames_request(frames, number);
    uint32_t entries = speadi_verbs_frames_gather(frames, number, wr->sg_list, head, packets);
    unsigned run = 1;

    if (entries == 0)
        return 0;
    while (run < count && fits_run(frames, run, entries, head->bytes, packets)) {
        struct ibv_sge *entry = wr->sg_list + entries;
        const uint32_t more =
            speadi_verbs_frames_gather(frames, number + run, entry, head, &packets[run]);

        if (more == 0)
            break;
        drop_head(entry, head->bytes);
        entries += more;
        run++;
    }
    wr->opcode = IBV_WR_SEND;
    if (run > 1)
        segment(wr, head->bytes, packets->bytes);
    wr->wr_id = speadi_verbs_request_id(number + run - 1, run);
    wr->num_sge = (int)entries;
    wr->send_flags = IBV_SEND_IP_CSUM;
    return run;
}

unsigned speadi_verbs_runs_make(struct speadi_verbs_frames *frames, uint64_t number,
                                const struct speadi_frame_template *heads,
                                const struct speadi_tx_packet *packets, unsigned count,
                                struct ibv_send_wr **last)
{
    struct ibv_send_wr *before = NULL;
    unsigned made = 0;

    while (made < count) {
        struct ibv_send_wr *wr = speadi_verbs_frames_request(frames, number + made);
        const unsigned run = make_run(frames, number + made, &heads[packets[made].destination],
                                      packets + made, count - made);

        if (run == 0)
            break;
        if (before)
            before->next = wr;
        before = wr;
        made += run;
    }
    *last = before;
    return made;
}
