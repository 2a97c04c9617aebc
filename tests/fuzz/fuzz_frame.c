/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: for every frame, the payload that the parser finds lies inside the frame. The checksum code reads no byte
 * outside the frame.
 * Method: libFuzzer. The first byte of the input says where the test cuts the frame into two parts; the other bytes are
 * the frame. Each part lies at the end of its allocation, so a sanitizer finds a read beyond it. Seeds: corpus/frame,
 * see make_seeds.py. */
#include <stdlib.h>
#include <string.h>

#include <speadi/frame_parse.h>
#include <speadline/stats.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static uint8_t *copy(const uint8_t *from, uint32_t bytes)
{
    uint8_t *to = malloc(bytes > 0 ? bytes : 1);

    check(to != NULL);
    memcpy(to, from, bytes);
    return to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct speadi_frame frame;
    uint32_t bytes, head_bytes;
    uint8_t *head, *body;
    int refusal;

    if (size < 1 || size > 65535)
        return 0;
    bytes = (uint32_t)size - 1;
    head_bytes = data[0] < bytes ? data[0] : bytes;
    head = copy(data + 1, head_bytes);
    body = copy(data + 1 + head_bytes, bytes - head_bytes);
    refusal = speadi_frame_parse(&frame, head, head_bytes, bytes);
    if (refusal == 0) {
        struct speadi_frame_part parts[] = {{head + frame.ip_at, head_bytes - frame.ip_at},
                                            {body, bytes - head_bytes}};

        check(frame.payload_at <= head_bytes && frame.payload_at + frame.payload_bytes <= bytes);
        check(frame.to >= head && frame.to < head + head_bytes);
        check(frame.from >= head && frame.from + (frame.ip_version == 4 ? 4 : 16) <= frame.to);
        (void)speadi_frame_checksums_hold(&frame, parts, 2);
    } else {
        check(refusal >= SPEAD_RECV_FOREIGN_FRAME && refusal <= SPEAD_RECV_MALFORMED_OPTIONS);
    }
    free(head);
    free(body);
    return 0;
}
