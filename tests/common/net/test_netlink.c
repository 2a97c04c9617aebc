/* SPDX-License-Identifier: Apache-2.0 */
/* Goal: the code reads no byte beyond a netlink answer, whatever the lengths in the answer say.
 * Method: the tests make messages byte by byte, in memory of exactly their size. AddressSanitizer sees a read beyond
 * this memory. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "netlink.h"

/* Makes an answer with one attribute of `bytes` bytes, without padding behind the attribute. */
static struct nlmsghdr *answer_with(uint16_t attribute, const void *data, size_t bytes)
{
    const size_t all = NLMSG_SPACE(sizeof(struct ndmsg)) + RTA_LENGTH(bytes);
    struct nlmsghdr *header = calloc(1, all);
    struct rtattr *rta =
        (struct rtattr *)(void *)((uint8_t *)header + NLMSG_SPACE(sizeof(struct ndmsg)));

    header->nlmsg_len = (uint32_t)all;
    rta->rta_type = attribute;
    rta->rta_len = (unsigned short)RTA_LENGTH(bytes);
    memcpy(RTA_DATA(rta), data, bytes);
    return header;
}

Test(netlink, an_attribute_at_the_end_is_found_without_its_padding)
{
    const uint8_t mac[6] = {2, 0, 0, 0, 0, 1};
    struct nlmsghdr *header = answer_with(NDA_LLADDR, mac, sizeof mac);
    const void *found = speadi_netlink_find(header, sizeof(struct ndmsg), NDA_LLADDR, sizeof mac);

    cr_assert_not_null(found);
    cr_assert_arr_eq(found, mac, sizeof mac);
    free(header);
}

Test(netlink, nothing_is_read_behind_a_last_attribute_without_its_padding)
{
    struct nlmsghdr *header = answer_with(NDA_LLADDR, "abcdef", 6);

    cr_assert_null(speadi_netlink_find(header, sizeof(struct ndmsg), NDA_DST, 4));
    free(header);
}

Test(netlink, an_attribute_shorter_than_what_is_wanted_is_not_taken)
{
    struct nlmsghdr *header = answer_with(NDA_LLADDR, "abcd", 4);

    cr_assert_null(speadi_netlink_find(header, sizeof(struct ndmsg), NDA_LLADDR, 6));
    free(header);
}
