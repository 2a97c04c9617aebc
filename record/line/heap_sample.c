/* SPDX-License-Identifier: Apache-2.0 */
/* See heap_sample.h. */
#include "heap_sample.h"

#include <pthread.h>

#define POLYNOMIAL 0xedb88320u

/* table[k][b] is the CRC-32 of the byte b with k zero bytes behind it. So eight bytes need eight look-ups that do not
 * wait for each other. */
static uint32_t table[8][256];

static void make_table(void)
{
    for (uint32_t byte = 0; byte < 256; byte++) {
        uint32_t crc = byte;

        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
        table[0][byte] = crc;
    }
    for (uint32_t byte = 0; byte < 256; byte++)
        for (unsigned k = 1; k < 8; k++)
            table[k][byte] = table[k - 1][byte] >> 8 ^ table[0][table[k - 1][byte] & 0xff];
}

uint32_t speadi_crc32(uint32_t crc, const uint8_t *data, size_t bytes)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_table);
    crc = ~crc;
    for (; bytes >= 8; bytes -= 8, data += 8) {
        crc ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
               (uint32_t)data[3] << 24;
        crc = table[7][crc & 0xff] ^ table[6][crc >> 8 & 0xff] ^ table[5][crc >> 16 & 0xff] ^
              table[4][crc >> 24] ^ table[3][data[4]] ^ table[2][data[5]] ^ table[1][data[6]] ^
              table[0][data[7]];
    }
    for (; bytes > 0; bytes--)
        crc = crc >> 8 ^ table[0][(crc ^ *data++) & 0xff];
    return ~crc;
}

uint32_t speadi_heap_sample(const uint8_t *payload, uint64_t bytes)
{
    size_t tail, head = speadi_heap_sample_head(bytes, &tail);
    uint32_t crc = speadi_crc32(0, payload, head);

    return tail > 0 ? speadi_crc32(crc, payload + bytes - tail, tail) : crc;
}
