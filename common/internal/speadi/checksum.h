/* The Internet checksum (RFC 1071). The sum adds 16-bit words in the byte order in which they lie in memory, so the
 * result can be stored without a conversion on every machine. */
#ifndef SPEADI_CHECKSUM_H
#define SPEADI_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/* Returns sum plus the bytes at data. `offset` says where these bytes begin in the whole that is summed: so a piece may
 * follow a piece of odd length. The sum cannot overflow as long as the whole is less than 4 GiB. */
uint64_t speadi_checksum_add(uint64_t sum, size_t offset, const void *data, size_t bytes);

/* Returns 16 bits. Their complement is the checksum. */
static inline uint16_t speadi_checksum_fold(uint64_t sum)
{
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffffffff) + (sum >> 32);
    sum = (sum & 0xffff) + (sum >> 16);
    sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)sum;
}

#endif
