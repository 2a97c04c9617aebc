/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: whatever bytes a datagram has, the decoded packet lies inside the datagram, and the contract of the decoder
 * holds. Method: libFuzzer. The head is the datagram without some bytes at its end. The first two bytes of the input
 * say how many bytes are missing; the other bytes are the datagram. The head lies at the end of its allocation, so a
 * sanitizer finds a read beyond it. Seeds: corpus/packet, see make_seeds.py. */
#include <stdlib.h>
#include <string.h>

#include <speadi/packet.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_accepted(const struct speadi_packet *packet, const uint8_t *head,
                           uint32_t head_bytes, uint32_t datagram_bytes)
{
    struct spead_flavour flavour = {packet->heap_address_bits};
    uint32_t specials = 0;

    check(spead_flavour_is_valid(flavour));
    check(packet->pointers == head + SPEADI_HEADER_BYTES);
    check(packet->header_bytes ==
          SPEADI_HEADER_BYTES + SPEADI_POINTER_BYTES * packet->pointer_count);
    check(packet->header_bytes <= head_bytes);
    check(packet->header_bytes + packet->payload_bytes == datagram_bytes);
    check(packet->heap_counter <= spead_flavour_value_max(flavour));
    check(packet->payload_offset <= spead_flavour_value_max(flavour));
    check(!packet->has_heap_length ||
          packet->payload_offset + packet->payload_bytes <= packet->heap_length);
    for (uint32_t i = 0; i < packet->pointer_count; i++) {
        uint64_t pointer = speadi_packet_pointer(packet, i);

        specials += speadi_pointer_is_immediate(pointer) &&
                    speadi_pointer_is_special(pointer, packet->heap_address_bits);
    }
    check(specials == packet->special_count);
    check(specials >= 3);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct speadi_packet packet;
    uint32_t lacking, datagram_bytes, head_bytes;
    uint8_t *head;
    int refusal;

    if (size < 2)
        return 0;
    lacking = (uint32_t)(data[0] << 8 | data[1]);
    datagram_bytes = (uint32_t)size - 2;
    head_bytes = lacking < datagram_bytes ? datagram_bytes - lacking : 0;
    head = malloc(head_bytes > 0 ? head_bytes : 1);
    check(head != NULL);
    memcpy(head, data + 2, head_bytes);
    refusal = speadi_packet_decode(&packet, head, head_bytes, datagram_bytes);
    if (refusal == 0)
        check_accepted(&packet, head, head_bytes, datagram_bytes);
    else
        check(refusal >= SPEAD_RECV_MALFORMED_EMPTY &&
              refusal <= SPEAD_RECV_MALFORMED_SIZE_MISMATCH);
    free(head);
    return 0;
}
