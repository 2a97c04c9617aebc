/* SPDX-License-Identifier: Apache-2.0 */
/* A first program that uses the installed library: it sends one heap over a memory link and receives it. */
#include <stdio.h>
#include <string.h>

#include <speadline/recv.h>
#include <speadline/send.h>

static int fail(const char *what, const struct spead_err *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    return 1;
}

int main(void)
{
    static const char text[] = "one heap, through memory and back";
    struct spead_err err = {0};
    struct spead_mem_link *link;
    struct spead_send_stream *sender;
    struct spead_recv_stream *receiver;
    struct spead_send_heap *out;
    struct spead_heap *in;

    if (spead_mem_link_create(&link, 64, 1472, &err) < 0)
        return fail("link", &err);
    struct spead_send_stream_config send_config = SPEAD_SEND_STREAM_CONFIG_INIT;
    send_config.links = &link;
    send_config.link_count = 1;
    if (spead_send_stream_create(&sender, &send_config, &err) < 0)
        return fail("sender", &err);
    struct spead_recv_stream_config recv_config = SPEAD_RECV_STREAM_CONFIG_INIT;
    recv_config.links = &link;
    recv_config.link_count = 1;
    if (spead_recv_stream_create(&receiver, &recv_config, &err) < 0)
        return fail("receiver", &err);

    if (spead_send_heap_create(&out, (struct spead_flavour)SPEAD_FLAVOUR_64_48) < 0 ||
        spead_send_heap_add_item(out, 0x1000, text, sizeof text, false) < 0 ||
        spead_send_stream_start(sender, &err) < 0 ||
        spead_send_stream_submit(sender, out, NULL) < 0)
        return fail("heap", &err);
    spead_send_stream_stop(sender);
    while (spead_send_stream_poll(sender) >= 0)
        ;
    spead_mem_link_close(link);
    if (spead_recv_stream_run(receiver, &err) < 0 || spead_recv_stream_take(receiver, &in, 0) < 0)
        return fail("receive", &err);

    int differs = spead_heap_length(in) != sizeof text ||
                  memcmp(spead_heap_payload(in), text, sizeof text) != 0;
    printf("speadline %s: %s\n", spead_version(), (const char *)spead_heap_payload(in));
    spead_heap_unref(in);
    spead_recv_stream_destroy(receiver);
    spead_send_stream_destroy(sender);
    spead_send_heap_destroy(out);
    spead_mem_link_unref(link);
    return differs;
}
