/* SPDX-License-Identifier: Apache-2.0 */
/* See recv_remedies.h. */
#include "recv_remedies.h"

#define NOT_SPEAD "something else than SPEAD is sent to this port"

/* clang-format off */
static const char *const sentences[] = {
    [SPEAD_RECV_FLUSHED] =
        "in heaps that were incomplete at the end: packets were lost, or the sender was still "
        "sending; --incomplete takes such heaps",
    [SPEAD_RECV_DUPLICATE] =
        "came again: the network or the sender doubled them, which loses nothing",
    [SPEAD_RECV_OVERLAP] =
        "whose heap had a part of their bytes already: two senders use one heap counter, or the "
        "sender cuts one heap in two ways",
    [SPEAD_RECV_LATE] =
        "for heaps already given up: raise --concurrent-heaps or --heap-timeout",
    [SPEAD_RECV_OUT_OF_ORDER] =
        "came in another order than they were sent, and none is missing: --out-of-order takes them",
    [SPEAD_RECV_EVICTED] =
        "in heaps pushed out incomplete by newer ones: packets were lost, or more heaps are sent at "
        "a time than --concurrent-heaps",
    [SPEAD_RECV_TIMED_OUT] =
        "in heaps older than --heap-timeout: packets were lost, or the sender pauses inside a heap; "
        "--incomplete takes such heaps",
    [SPEAD_RECV_SHED] =
        "in heaps that found the channel full: what is done with heaps is slower than the network; if "
        "it only stalls at times, a larger --buffer lets packets wait in the socket",
    [SPEAD_RECV_NO_MEMORY] =
        "found no heap memory: what is done with heaps keeps them too long",
    [SPEAD_RECV_TRUNCATED] =
        "longer than --packet: raise it",
    [SPEAD_RECV_START_UP] =
        "came before the program was ready: start it earlier than the sender",
    [SPEAD_RECV_AFTER_STOP] =
        "came after the end: --no-stop-item goes on past a stop item",
    [SPEAD_RECV_INJECTED] =
        "were dropped on purpose, as --fault says",
    [SPEAD_RECV_FOREIGN_FLAVOUR] =
        "of another flavour than their heap: two senders use one heap counter, or the sender changes "
        "its flavour inside a heap",
    [SPEAD_RECV_OVER_CAP_HEAP_SIZE] =
        "for heaps above --max-heap-size: raise it if the heaps are meant to be so large",
    [SPEAD_RECV_OVER_CAP_POINTERS] =
        "with more item pointers in a heap than --pointers: raise it if the heaps are meant to have "
        "so many items",
    [SPEAD_RECV_OVER_CAP_RANGES] =
        "would have left their heap in too many pieces: too many packets of it are lost or out of "
        "order; look for the loss first",
    [SPEAD_RECV_MALFORMED_EMPTY] =
        "without a byte: " NOT_SPEAD ", for example by a port scanner; look for its sender",
    [SPEAD_RECV_MALFORMED_SHORT] =
        "shorter than the 8 bytes of a SPEAD header: " NOT_SPEAD "; look for its sender",
    [SPEAD_RECV_MALFORMED_MAGIC] =
        "that do not begin with the byte 0x53: " NOT_SPEAD "; check which port the sender uses",
    [SPEAD_RECV_MALFORMED_VERSION] =
        "of another SPEAD version than 4: set the sender to version 4",
    [SPEAD_RECV_MALFORMED_WIDTHS] =
        "whose item pointers have no 8 bytes: set the sender to a flavour SPEAD-64-N",
    [SPEAD_RECV_MALFORMED_POINTERS] =
        "whose item pointers reach beyond the end of the packet: the sender counts them wrongly, or "
        "the packets were cut on the way",
    [SPEAD_RECV_MALFORMED_NO_COUNTER] =
        "without an immediate heap counter (item 0x01): make the sender put it into every packet",
    [SPEAD_RECV_MALFORMED_NO_OFFSET] =
        "without an immediate payload offset (item 0x03): make the sender put it into every packet",
    [SPEAD_RECV_MALFORMED_NO_LENGTH] =
        "without an immediate payload length (item 0x04): make the sender put it into every packet",
    [SPEAD_RECV_MALFORMED_PAYLOAD] =
        "shorter than their payload length (item 0x04) says: the sender computes it wrongly, or the "
        "packets were cut on the way",
    [SPEAD_RECV_MALFORMED_BEYOND_HEAP] =
        "whose payload reaches beyond the heap length (item 0x02): the sender computes the length, or "
        "the payload offset (item 0x03), wrongly",
    [SPEAD_RECV_MALFORMED_SIZE_MISMATCH] =
        "longer than their payload length (item 0x04) says: the sender pads packets, or computes the "
        "length wrongly",
    [SPEAD_RECV_MALFORMED_UNSIZED] =
        "without a heap length (item 0x02), which this stream demands: make the sender put it into "
        "every packet",
    [SPEAD_RECV_MALFORMED_HEAP_LENGTH] =
        "with another heap length (item 0x02) than earlier packets of their heap: two senders use "
        "one heap counter, or the sender changes the length inside a heap",
    [SPEAD_RECV_FOREIGN_FRAME] =
        "not for an endpoint of this program: the device passes on other traffic too, which only "
        "costs time; keep it away at the switch if it is much",
    [SPEAD_RECV_MALFORMED_FRAME] =
        "with Ethernet, IP and UDP headers that contradict each other: look for a sender that makes "
        "its own headers, or for a damaged link",
    [SPEAD_RECV_MALFORMED_FRAGMENT] =
        "in IP fragments, which are not put together: make the sender's packets fit the MTU of the "
        "path (spead-send --packet)",
    [SPEAD_RECV_MALFORMED_OPTIONS] =
        "with IPv4 options or IPv6 extension headers, which engine verbs does not read: switch them "
        "off at the sender, or take --engine socket",
    [SPEAD_RECV_MALFORMED_CHECKSUM] =
        RECV_REMEDY_CHECKSUM,
    [SPEAD_RECV_REGION_ERROR] =
        "in heaps on whose device memory an operation failed: check the device and its driver",
    [SPEAD_RECV_REPEATED_COUNTER] =
        "for a heap counter that had ended, with another length or item, or much later: the counter "
        "is stuck, too short or starts anew, or two senders use it; see --sender-key and "
        "--repeat-time",
    [SPEAD_RECV_OVER_CAP_SENDERS] =
        "from senders that found no place among --senders: raise it, or look for foreign senders",
    [SPEAD_RECV_OVER_CAP_NEWCOMERS] =
        "from new senders, while heaps of senders that work took all places: raise "
        "--concurrent-heaps, or look for foreign senders",
    [SPEAD_RECV_BEFORE_START] =
        "in heaps before the start point, as --start-at says",
    [SPEAD_RECV_REJECTED] = "of heaps that the place function rejected",
    [SPEAD_RECV_BAD_PLACE] = "of heaps for which the place function named a place outside of the "
                             "chunk: correct the place function",
    [SPEAD_RECV_PLACE_TAKEN] = "of heaps whose place in the chunk another heap has: look for two "
                               "senders that send the same, or correct the place function",
    [SPEAD_RECV_TOO_OLD] = "of heaps whose chunk had left: open more chunks at a time (window)",
};
/* clang-format on */

/* Tells reordering from loss. In a reordering, packets came after later packets of their heap. If no packet did so,
 * earlier packets were lost. */
static const char *out_of_order(const struct spead_recv_counters *counters)
{
    if (counters->packets_reordered == 0)
        return "came behind a packet of their heap that is missing: the loss is the fault, not the "
               "order; --out-of-order --incomplete takes what came";
    if (counters->missing_packets == 0)
        return sentences[SPEAD_RECV_OUT_OF_ORDER];
    return "came in another order than they were sent, or behind packets that are missing: "
           "--out-of-order takes them, and --incomplete the heaps with losses";
}

/* Returns what helps where heaps have found no memory, or NULL. If the heaps cannot need more than the memory, only
 * heaps that are held too long can use it up. */
static const char *no_memory(const struct recv_report *report, unsigned bucket)
{
    if (report->stats.counters.heaps_no_memory == 0 ||
        report->plan.memory_need_bytes <= report->plan.memory_bytes)
        return NULL;
    switch (bucket) {
    case SPEAD_RECV_NO_MEMORY:
        return "found no heap memory: raise --memory, or lower --max-heap-size if heaps are shorter";
    case SPEAD_RECV_EVICTED:
        return "in heaps pushed out incomplete, because newer ones found no heap memory: raise "
               "--memory, or lower --max-heap-size if heaps are shorter; or packets were lost";
    case SPEAD_RECV_LATE:
        return "for heaps already given up, as heaps found no memory: raise --memory, or lower "
               "--max-heap-size if heaps are shorter";
    default:
        return NULL;
    }
}

const char *recv_remedy(const struct recv_report *report, unsigned bucket)
{
    if (bucket == SPEAD_RECV_SHED && report->cancelled)
        return "in heaps that waited when it was told to end at once, or that found the channel full "
               "before";
    if (bucket == SPEAD_RECV_OUT_OF_ORDER)
        return out_of_order(&report->stats.counters);
    if (no_memory(report, bucket))
        return no_memory(report, bucket);
    return bucket < sizeof sentences / sizeof *sentences ? sentences[bucket] : NULL;
}
