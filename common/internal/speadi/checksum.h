/* The Internet checksum (RFC 1071). A sum is of 16-bit words as they lie in memory, so that the result is
 * stored as it is on any machine. */
#ifndef SPEADI_CHECKSUM_H
#define SPEADI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* sum + the bytes at data, which lie `offset` bytes from the start of what is summed: pieces of odd length
 * may follow each other. Never wraps for less than 4 GiB in all. */
uint64_t speadi_checksum_add(uint64_t sum, size_t offset, const void *data, size_t bytes);

/* The 16 bits whose complement is the checksum. */
static inline uint16_t speadi_checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

#endif
