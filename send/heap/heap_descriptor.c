/* SPDX-License-Identifier: Apache-2.0 */
/* Descriptors in heaps to send. The heap owns their encoded bytes, because a program that describes its items has no
 * other use for these bytes. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#include <speadline/descriptor.h>
#include <speadline/send.h>

#include <speadi/err.h>

#include "heap_builder.h"

/* Encodes the descriptor into memory of its own. Returns the number of its bytes, or an error. */
static int encode(struct speadi_send_bytes **out, const struct spead_send_heap *heap,
                  const struct spead_descriptor *descriptor, uint32_t bug_compat,
                  struct spead_err *err)
{
    int bytes = spead_descriptor_encode(descriptor, heap->flavour, bug_compat, NULL, 0, err);
    struct speadi_send_bytes *owned;

    if (bytes < 0)
        return bytes;
    owned = malloc(offsetof(struct speadi_send_bytes, bytes) + (size_t)bytes);
    if (!owned)
        return speadi_err_set(err, -ENOMEM, "no memory for a descriptor of %d bytes", bytes);
    bytes = spead_descriptor_encode(descriptor, heap->flavour, bug_compat, owned->bytes,
                                    (size_t)bytes, err);
    if (bytes < 0) {
        free(owned);
        return bytes;
    }
    *out = owned;
    return bytes;
}

int spead_send_heap_add_descriptor(struct spead_send_heap *heap,
                                   const struct spead_descriptor *descriptor, uint32_t bug_compat,
                                   struct spead_err *err)
{
    struct speadi_send_bytes *owned = NULL;
    int handle, bytes = encode(&owned, heap, descriptor, bug_compat, err);

    if (bytes < 0)
        return bytes;
    handle =
        spead_send_heap_add_item(heap, SPEAD_ID_DESCRIPTOR, owned->bytes, (size_t)bytes, false);
    if (handle < 0) {
        free(owned);
        return speadi_err_code(err, handle, "the descriptor of %d bytes does not go into the heap",
                               bytes);
    }
    owned->next = heap->owned;
    heap->owned = owned;
    heap->item[handle].is_fixed = true;
    return handle;
}
