/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a flavour. */
#include <speadline/flavour.h>

bool spead_flavour_is_valid(struct spead_flavour flavour)
{
    unsigned bits = flavour.heap_address_bits;

    return bits >= 8 && bits <= 56 && bits % 8 == 0;
}

uint64_t spead_flavour_value_max(struct spead_flavour flavour)
{
    return (1ull << flavour.heap_address_bits) - 1;
}

uint64_t spead_flavour_id_max(struct spead_flavour flavour)
{
    return (1ull << (63 - flavour.heap_address_bits)) - 1;
}
