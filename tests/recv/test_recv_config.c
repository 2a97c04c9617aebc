/* What a receive stream's configuration brings about. Method: the mem engine, so that the whole way from
 * configuration to ledger is the real one. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include <speadline/recv.h>

#include "packet_builder.h"

TestSuite(recv_config);

static int create(struct spead_recv_stream **out, struct spead_mem_link *const *link,
                  const char *fault, struct spead_err *err)
{
    struct spead_recv_stream_config config = SPEAD_RECV_STREAM_CONFIG_INIT;

    config.links = link;
    config.link_count = 1;
    config.engine = "mem";
    config.fault = fault;
    return spead_recv_stream_create(out, &config, err);
}

Test(recv_config, a_fault_specification_reaches_the_packets)
{
    struct spead_recv_stats stats = SPEAD_RECV_STATS_INIT;
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;
    static struct test_packet packet;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    cr_assert_eq(create(&stream, &link, "loss=1", NULL), 0);
    test_packet_data(&packet, 40, 1, 64, 0, NULL, 64);
    cr_assert_eq(spead_mem_link_push(link, packet.bytes, packet.length), 0);
    cr_assert_eq(spead_recv_stream_start(stream, NULL), 0);
    while (spead_recv_stream_poll(stream) > 0)
        ;
    spead_recv_stream_stats(stream, &stats);
    cr_expect_eq(stats.total.bucket[SPEAD_RECV_INJECTED].packets, 1);
    spead_recv_stream_destroy(stream);
    spead_mem_link_unref(link);
}

Test(recv_config, a_wrong_fault_specification_is_refused_by_word)
{
    struct spead_recv_stream *stream;
    struct spead_mem_link *link;
    struct spead_err err;

    cr_assert_eq(spead_mem_link_create(&link, 4, 1472, NULL), 0);
    cr_expect_eq(create(&stream, &link, "bogus=1", &err), -EINVAL);
    cr_expect_not_null(strstr(err.text, "bogus"), "%s", err.text);
    spead_mem_link_unref(link);
}
