/* SPDX-License-Identifier: Apache-2.0 */
/* Allocates slots and builds frames of packets in them. */
#include "verbs_frames.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <speadi/cache_line.h>
#include <speadi/checksum.h>
#include <speadi/err.h>
#include <speadi/numbers.h>

/* The engine makes from SLOTS_MIN to SLOTS_MAX slots. With fewer slots the device would be idle between two chains.
 * With more slots they would not fit into the cache. */
enum { SLOTS_MIN = 128, SLOTS_MAX = 16384 };

/* The largest numbers of entries of a request. The queue has memory for this number of entries in each of its places:
 * the more entries, the fewer packets it holds. A packet of most heaps has its header and one or two pieces of payload.
 * In a packet of more pieces the CPU copies what does not fit. It cannot do that with memory of a device. A request that
 * carries several packets has about the number of entries that NICs can gather. */
enum { ENTRIES_MAX = 4, DEVICE_ENTRIES_MAX = SPEADI_PACKET_IOVECS_MAX, RUN_ENTRIES_MAX = 32 };

/* ---- Memory ------------------------------------------------------------------------------- */

static uint32_t slot_bytes(uint32_t payload_max)
{
    return (uint32_t)speadi_round_up(SPEADI_FRAME_TEMPLATE_BYTES_MAX + payload_max,
                                     SPEADI_CACHE_LINE);
}

uint32_t speadi_verbs_frames_slots(const struct speadi_verbs_frames_options *options)
{
    return speadi_power_of_two_up_to(speadi_clamp_u32(
        options->buffer_bytes / slot_bytes(options->payload_max), SLOTS_MIN, SLOTS_MAX));
}

uint32_t speadi_verbs_frames_entries(const struct speadi_verbs_frames_options *options,
                                     const struct speadi_verbs_report *report)
{
    uint32_t entries = ENTRIES_MAX;

    for (uint32_t i = 0; i < options->memory_count; i++)
        if (options->memory[i].is_dma_buf)
            entries = DEVICE_ENTRIES_MAX;
    return speadi_min_u32(report->max_sge, options->run_bytes_max ? RUN_ENTRIES_MAX : entries);
}

static int make_requests(struct speadi_verbs_frames *frames, struct spead_err *err)
{
    const size_t sges = (size_t)frames->slots * frames->sge_max;

    frames->wr = calloc(frames->slots, sizeof *frames->wr);
    frames->sge = calloc(sges, sizeof *frames->sge);
    if (!frames->wr || !frames->sge)
        return speadi_err_set(err, -ENOMEM, "no memory for %u frames", frames->slots);
    for (uint32_t i = 0; i < frames->slots; i++) {
        struct ibv_sge *entry = &frames->sge[(size_t)i * frames->sge_max];

        frames->wr[i] = (struct ibv_send_wr){
            .next = &frames->wr[(i + 1) & (frames->slots - 1)],
            .sg_list = entry,
            .opcode = IBV_WR_SEND,
        };
        entry[0].addr = (uintptr_t)frames->arena.data + (uint64_t)i * frames->slot_bytes;
        entry[0].lkey = frames->memory.key;
    }
    frames->memory_bytes =
        frames->arena.bytes + frames->slots * sizeof *frames->wr + sges * sizeof *frames->sge;
    return 0;
}

int speadi_verbs_frames_init(struct speadi_verbs_frames *frames, struct speadi_verbs_device *device,
                             const struct speadi_verbs_frames_options *options,
                             struct spead_err *err)
{
    int ret;

    *frames = (struct speadi_verbs_frames){
        .sources.device = device,
        .slots = options->slots,
        .slot_bytes = slot_bytes(options->payload_max),
        .sge_max = options->entries,
        .payload_max = options->payload_max,
        .run_bytes_max = options->run_bytes_max,
        .offload = device->report.checksum,
    };
    ret = speadi_verbs_arena_register(&frames->arena, &frames->memory, device,
                                      (size_t)frames->slots * frames->slot_bytes, false, err);
    if (ret == 0)
        ret = make_requests(frames, err);
    if (ret < 0)
        return ret;
    return speadi_verbs_sources_init(&frames->sources, device, options->memory,
                                     options->memory_count, err);
}

void speadi_verbs_frames_release(struct speadi_verbs_frames *frames)
{
    if (!frames->sources.device)
        return;
    speadi_verbs_deregister(frames->sources.device, &frames->memory);
    speadi_verbs_sources_release(&frames->sources);
    speadi_verbs_arena_destroy(&frames->arena);
    free(frames->wr);
    free(frames->sge);
    *frames = (struct speadi_verbs_frames){0};
}

/* ---- Frames --------------------------------------------------------------------------------- */

/* The frame that is being built. `entry` and `count` are its entries so far, and the next copied byte goes to `end`. */
struct build {
    struct ibv_sge *entry;
    uint32_t count;
    uint8_t *end;
};

/* Copies a piece of payload to the end of the slot. If the last entry of the frame ends there, the function makes that
 * entry longer. Otherwise it adds an entry. */
static void copy_piece(struct speadi_verbs_frames *frames, struct build *build,
                       const struct iovec *piece)
{
    struct ibv_sge *last = &build->entry[build->count - 1];

    memcpy(build->end, piece->iov_base, piece->iov_len);
    if (last->addr + last->length == (uintptr_t)build->end)
        last->length += (uint32_t)piece->iov_len;
    else
        build->entry[build->count++] =
            (struct ibv_sge){(uintptr_t)build->end, (uint32_t)piece->iov_len, frames->memory.key};
    build->end += piece->iov_len;
    frames->copied_bytes += piece->iov_len;
}

static struct ibv_sge entry_in(const struct speadi_verbs_source *source, const struct iovec *piece)
{
    return (struct ibv_sge){source->memory.address + ((uintptr_t)piece->iov_base - source->first),
                            (uint32_t)piece->iov_len, source->memory.key};
}

/* Returns true if the CPU can read the piece. *source is the source that contains it, or NULL: then the piece may still
 * have a part in a source, for example where two sources meet. */
static bool may_copy(const struct speadi_verbs_frames *frames,
                     const struct speadi_verbs_source *source, const struct iovec *piece)
{
    return source ? source->is_readable
                  : speadi_verbs_sources_are_readable(&frames->sources, piece->iov_base,
                                                      piece->iov_len);
}

/* Adds the payload of a packet to its frame. The first entry of the frame is already filled and ends at `end`. The
 * function works for every packet. Returns the number of entries, or 0 if no frame can carry the packet (see
 * speadi_verbs_frames_make()). */
__attribute__((noinline)) static uint32_t add_payload(struct speadi_verbs_frames *frames,
                                                      struct ibv_sge *entry, uint8_t *end,
                                                      const struct speadi_tx_packet *packet)
{
    struct build build = {.entry = entry, .count = 1, .end = end};
    const uint64_t copied_before = frames->copied_bytes;

    for (unsigned i = 1; i < packet->iov_count; i++) {
        const struct iovec *piece = &packet->iov[i];
        const struct speadi_verbs_source *source =
            speadi_verbs_sources_find(&frames->sources, piece->iov_base, piece->iov_len);
        /* The pieces after this one. They need one entry at least, because the CPU may have to copy them. */
        const unsigned rest = i + 1 < packet->iov_count ? 1 : 0;

        if (source && build.count + rest < frames->sge_max)
            build.entry[build.count++] = entry_in(source, piece);
        else if (may_copy(frames, source, piece))
            copy_piece(frames, &build, piece);
        else
            return 0;
    }
    frames->copied_packets += frames->copied_bytes != copied_before;
    return build.count;
}

static uint64_t sum_payload(const struct speadi_tx_packet *packet)
{
    uint64_t sum = 0;
    size_t offset = 0;

    for (unsigned i = 0; i < packet->iov_count; i++) {
        sum = speadi_checksum_add(sum, offset, packet->iov[i].iov_base, packet->iov[i].iov_len);
        offset += packet->iov[i].iov_len;
    }
    return sum;
}

/* Writes the checksums of a frame if the device does not write them. IPv4 packets then get no UDP checksum, because
 * reading all payload would cost more than everything else here. IPv6 packets must have a UDP checksum. */
static void write_checksums(const struct speadi_frame_template *head, uint8_t *slot,
                            const struct speadi_tx_packet *packet)
{
    speadi_frame_template_write_ip_checksum(head, slot, packet->bytes);
    if (head->v6)
        speadi_frame_template_write_udp_checksum(head, slot, packet->bytes, sum_payload(packet));
}

/* Does the same as add_payload(), but only for a packet with one piece of payload. Nearly all packets are of this
 * kind. */
static inline uint32_t add_only_piece(struct speadi_verbs_frames *frames, struct ibv_sge *entry,
                                      uint8_t *end, const struct iovec *piece)
{
    const struct speadi_verbs_source *source =
        speadi_verbs_sources_find(&frames->sources, piece->iov_base, piece->iov_len);

    if (source && frames->sge_max >= 2) {
        entry[1] = entry_in(source, piece);
        return 2;
    }
    if (!may_copy(frames, source, piece))
        return 0;
    memcpy(end, piece->iov_base, piece->iov_len);
    entry->length += (uint32_t)piece->iov_len;
    frames->copied_bytes += piece->iov_len;
    frames->copied_packets++;
    return 1;
}

__attribute__((always_inline)) static inline uint32_t gather(
    struct speadi_verbs_frames *frames, uint32_t slot, struct ibv_sge *entry,
    const struct speadi_frame_template *head, const struct speadi_tx_packet *packet)
{
    uint8_t *at = frames->arena.data + (size_t)slot * frames->slot_bytes;
    uint32_t head_bytes, first_bytes;

    if (packet->bytes > frames->payload_max)
        return 0;
    head_bytes = speadi_frame_template_write(head, at, packet->bytes);
    first_bytes = head_bytes + (uint32_t)packet->iov[0].iov_len;
    memcpy(at + head_bytes, packet->iov[0].iov_base, packet->iov[0].iov_len);
    entry[0] = (struct ibv_sge){(uintptr_t)at, first_bytes, frames->memory.key};
    return packet->iov_count == 2 ? add_only_piece(frames, entry, at + first_bytes, &packet->iov[1])
                                  : add_payload(frames, entry, at + first_bytes, packet);
}

uint32_t speadi_verbs_frames_gather(struct speadi_verbs_frames *frames, uint64_t number,
                                    struct ibv_sge *entry, const struct speadi_frame_template *head,
                                    const struct speadi_tx_packet *packet)
{
    return gather(frames, (uint32_t)number & (frames->slots - 1), entry, head, packet);
}

static inline bool make_one(struct speadi_verbs_frames *frames, uint64_t number,
                            const struct speadi_frame_template *head,
                            const struct speadi_tx_packet *packet)
{
    const uint32_t slot = (uint32_t)number & (frames->slots - 1);
    struct ibv_send_wr *wr = &frames->wr[slot];
    const uint32_t entries = gather(frames, slot, wr->sg_list, head, packet);

    if (entries == 0)
        return false;
    if (!frames->offload)
        write_checksums(head, frames->arena.data + (size_t)slot * frames->slot_bytes, packet);
    wr->wr_id = number;
    wr->num_sge = (int)entries;
    wr->send_flags = frames->offload ? IBV_SEND_IP_CSUM : 0;
    return true;
}

/* The lengths of nearly all SPEAD headers, in bytes. A copy of two pieces that overlap needs no loop and no call. */
enum { HEADER_PIECE = 32, HEADER_MIN = HEADER_PIECE, HEADER_MAX = 2 * HEADER_PIECE };

static inline void copy_header(uint8_t *to, const uint8_t *header, size_t bytes)
{
    memcpy(to, header, HEADER_PIECE);
    memcpy(to + bytes - HEADER_PIECE, header + bytes - HEADER_PIECE, HEADER_PIECE);
}

/* Returns true if the packet has a header of the usual length and one piece of payload, and if this piece lies in
 * *source. */
static inline bool is_usual(const struct speadi_tx_packet *packet, uint32_t payload_max,
                            const struct speadi_verbs_source *source)
{
    return packet->iov_count == 2 && packet->bytes <= payload_max &&
           packet->iov[0].iov_len - HEADER_MIN <= HEADER_MAX - HEADER_MIN &&
           speadi_verbs_source_has(source, (uintptr_t)packet->iov[1].iov_base,
                                   packet->iov[1].iov_len);
}

/* Does the same as make_one() for packets from the beginning of the array, until a packet comes that is not usual.
 * Nearly all packets are usual. All that is the same for them is copied first, so that the compiler can keep it in
 * registers. Returns how many frames it has built. */
static unsigned make_usual(const struct speadi_verbs_frames *frames, uint64_t number,
                           const struct speadi_frame_template *heads,
                           const struct speadi_tx_packet *packets, unsigned count)
{
    const struct speadi_verbs_source source = frames->sources.source[frames->sources.latest];
    const uint64_t to_device = source.memory.address - source.first;
    const uint32_t payload_max = frames->payload_max;
    struct ibv_send_wr *wr = speadi_verbs_frames_request(frames, number);
    unsigned made = 0;

    for (; made < count && is_usual(&packets[made], payload_max, &source); made++) {
        const struct speadi_tx_packet *packet = &packets[made];
        struct ibv_sge *entry = wr->sg_list;
        /* The first entry of a slot always begins at the slot. */
        uint8_t *at = (uint8_t *)(uintptr_t)entry[0].addr;
        const uint32_t head_bytes =
            speadi_frame_template_write(&heads[packet->destination], at, packet->bytes);
        const size_t header_bytes = packet->iov[0].iov_len;

        copy_header(at + head_bytes, packet->iov[0].iov_base, header_bytes);
        entry[0].length = head_bytes + (uint32_t)header_bytes;
        entry[1] = (struct ibv_sge){(uintptr_t)packet->iov[1].iov_base + to_device,
                                    (uint32_t)packet->iov[1].iov_len, source.memory.key};
        wr->wr_id = number + made;
        wr->num_sge = 2;
        wr->send_flags = IBV_SEND_IP_CSUM;
        wr = wr->next;
    }
    return made;
}

unsigned speadi_verbs_frames_make(struct speadi_verbs_frames *frames, uint64_t number,
                                  const struct speadi_frame_template *heads,
                                  const struct speadi_tx_packet *packets, unsigned count)
{
    const bool may_be_usual = frames->offload && frames->sge_max >= 2 && frames->sources.count > 0;
    unsigned made = 0;

    for (;;) {
        if (may_be_usual)
            made += make_usual(frames, number + made, heads, packets + made, count - made);
        if (made == count ||
            !make_one(frames, number + made, &heads[packets[made].destination], &packets[made]))
            return made;
        made++;
    }
}
