/* SPDX-License-Identifier: Apache-2.0 */
/* The message type "chunk". */
#include <speadline/message.h>
#include <speadline/recv_chunk.h>

static struct spead_chunk *chunk_of(const struct spead_message *message)
{
    return (struct spead_chunk *)(uintptr_t)message->reference;
}

static void ref(const struct spead_message *message)
{
    (void)spead_chunk_ref(chunk_of(message));
}

static void unref(const struct spead_message *message)
{
    spead_chunk_unref(chunk_of(message));
}

int spead_chunk_message_type(void)
{
    static const struct spead_message_type type = {.name = "chunk", .ref = ref, .unref = unref};

    return spead_message_type_register(&type, NULL);
}
