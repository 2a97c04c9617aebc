/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: each flavour has the limits that its bits allow.
 * Method: for every number N of address bits, the tests compare the limits with the arithmetic of item pointers. */
#include <criterion/criterion.h>

#include <speadi/packet.h>
#include <speadline/flavour.h>

Test(flavour, whole_bytes_from_8_to_56_bits_are_valid)
{
    unsigned valid = 0;

    for (unsigned bits = 0; bits < 256; bits++) {
        bool wanted = bits % 8 == 0 && bits >= 8 && bits <= 56;

        cr_expect_eq(spead_flavour_is_valid((struct spead_flavour){(uint8_t)bits}), wanted, "64-%u",
                     bits);
        valid += wanted;
    }
    cr_expect_eq(valid, 7);
}

Test(flavour, usual_flavours_have_known_limits)
{
    struct spead_flavour f40 = SPEAD_FLAVOUR_64_40, f48 = SPEAD_FLAVOUR_64_48;

    cr_expect_eq(spead_flavour_value_max(f40), 0xffffffffffull);
    cr_expect_eq(spead_flavour_id_max(f40), 0x7fffffull);
    cr_expect_eq(spead_flavour_value_max(f48), 0xffffffffffffull);
    cr_expect_eq(spead_flavour_id_max(f48), 0x7fffull);
}

/* The mode bit, the identifier and the value together use all 64 bits of an item pointer. */
Test(flavour, largest_id_and_value_fill_a_pointer)
{
    for (unsigned bits = 8; bits <= 56; bits += 8) {
        struct spead_flavour flavour = {(uint8_t)bits};
        uint64_t id = spead_flavour_id_max(flavour), value = spead_flavour_value_max(flavour);
        uint64_t pointer = speadi_pointer_immediate(bits, id, value);

        cr_expect_eq(pointer, UINT64_MAX, "64-%u", bits);
        cr_expect_eq(speadi_pointer_id(pointer, bits), id, "64-%u", bits);
        cr_expect_eq(speadi_pointer_value(pointer, bits), value, "64-%u", bits);
        pointer = speadi_pointer_addressed(bits, id, value);
        cr_expect_eq(pointer, UINT64_MAX >> 1, "64-%u", bits);
        cr_expect_not(speadi_pointer_is_immediate(pointer));
    }
}
