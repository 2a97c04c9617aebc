/* SPDX-License-Identifier: Apache-2.0 */
/* The program of consumer.c in C++17. It uses the functions that set the defaults, because the _INIT macros need C++20. */
#include <cstdio>
#include <cstring>

#include <speadline/recv.h>
#include <speadline/send.h>

static int fail(const char *what, const spead_err &err)
{
    std::fprintf(stderr, "%s: %s\n", what, err.text);
    return 1;
}

int main()
{
    static const char text[] = "one heap, through memory and back";
    spead_err err;
    spead_mem_link *link;
    spead_send_stream *sender;
    spead_recv_stream *receiver;
    spead_send_heap *out;
    spead_heap *in;
    spead_send_stream_config send_config;
    spead_recv_stream_config recv_config;
    const spead_flavour flavour = SPEAD_FLAVOUR_64_48;

    if (spead_mem_link_create(&link, 64, 1472, &err) < 0)
        return fail("link", err);
    spead_send_stream_config_init(&send_config, sizeof send_config);
    send_config.links = &link;
    send_config.link_count = 1;
    if (spead_send_stream_create(&sender, &send_config, &err) < 0)
        return fail("sender", err);
    spead_recv_stream_config_init(&recv_config, sizeof recv_config);
    recv_config.links = &link;
    recv_config.link_count = 1;
    if (spead_recv_stream_create(&receiver, &recv_config, &err) < 0)
        return fail("receiver", err);

    spead_message message = {}, other = {};
    spead_message_inherit(&message, &other);
    spead_message_move_ticket(&message, &other);
    if (spead_send_heap_create(&out, flavour) < 0 ||
        spead_send_heap_add_item(out, 0x1000, text, sizeof text, false) < 0 ||
        spead_send_stream_start(sender, &err) < 0 ||
        spead_send_stream_submit(sender, out, nullptr) < 0)
        return fail("heap", err);
    spead_send_stream_stop(sender);
    while (spead_send_stream_poll(sender) >= 0)
        ;
    spead_mem_link_close(link);
    if (spead_recv_stream_run(receiver, &err) < 0 ||
        spead_recv_stream_take(receiver, &in, spead_deadline_after_ms(1000)) < 0)
        return fail("receive", err);

    const bool differs = spead_heap_length(in) != sizeof text ||
                         std::memcmp(spead_heap_payload(in), text, sizeof text) != 0;
    std::printf("speadline %s: %s\n", spead_version(), text);
    spead_heap_unref(in);
    spead_recv_stream_destroy(receiver);
    spead_send_stream_destroy(sender);
    spead_send_heap_destroy(out);
    spead_mem_link_unref(link);
    return differs ? 1 : 0;
}
