/* SPDX-License-Identifier: Apache-2.0 */
/* Sorts item pointers into the order in which the items of a heap are read.
 *
 * The sort is a stable merge sort in place. The pointers of most heaps are already sorted when they arrive, and one
 * pass is enough for them. A hostile sender can cause the full sort, but it must not be able to make the receiver
 * allocate memory. */
#include <string.h>

#include <speadi/heap_view.h>
#include <speadi/packet.h>

/* The largest number of pointers that merge_small() copies to its stack. They take 4 KiB. merge_small() merges two runs
 * in linear time. */
#define SCRATCH_POINTERS 512

/* Returns the key by which a pointer is sorted: 0 for an immediate pointer, more than 0 for an addressed pointer. */
static inline uint64_t order_key(uint64_t pointer, unsigned heap_address_bits)
{
    return speadi_pointer_is_immediate(pointer)
               ? 0
               : 1 + speadi_pointer_value(pointer, heap_address_bits);
}

static bool is_sorted(const uint64_t *pointers, size_t count, unsigned bits)
{
    for (size_t i = 1; i < count; i++)
        if (order_key(pointers[i - 1], bits) > order_key(pointers[i], bits))
            return false;
    return true;
}

static void reverse(uint64_t *pointers, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        uint64_t other = pointers[count - 1 - i];

        pointers[count - 1 - i] = pointers[i];
        pointers[i] = other;
    }
}

/* Swaps two runs that are next to each other, so that the right run comes first. */
static void swap_runs(uint64_t *pointers, size_t left, size_t right)
{
    reverse(pointers, left);
    reverse(pointers + left, right);
    reverse(pointers, left + right);
}

/* Returns how many pointers of a sorted run have a key below `key`. */
static size_t count_below(const uint64_t *run, size_t count, uint64_t key, unsigned bits)
{
    size_t low = 0;

    while (low < count) {
        size_t middle = low + (count - low) / 2;

        if (order_key(run[middle], bits) < key)
            low = middle + 1;
        else
            count = middle;
    }
    return low;
}

/* Merges two sorted runs that are next to each other. It copies the left run first, so the left run must not have more
 * than SCRATCH_POINTERS pointers. */
static void merge_small(uint64_t *pointers, size_t left, size_t right, unsigned bits)
{
    uint64_t scratch[SCRATCH_POINTERS];
    const uint64_t *a = scratch, *a_end = scratch + left;
    const uint64_t *b = pointers + left, *b_end = b + right;

    memcpy(scratch, pointers, left * sizeof *scratch);
    while (a < a_end)
        *pointers++ = b < b_end && order_key(*b, bits) < order_key(*a, bits) ? *b++ : *a++;
}

/* Merges two sorted runs that are next to each other. In each recursion the left run has half the length. So the depth
 * of the recursion is at most log2(count / SCRATCH_POINTERS). */
static void merge(uint64_t *pointers, size_t left, size_t right, unsigned bits)
{
    size_t half, below;

    if (left == 0 || right == 0)
        return;
    if (left <= SCRATCH_POINTERS) {
        merge_small(pointers, left, right, bits);
        return;
    }
    half = left / 2;
    below = count_below(pointers + left, right, order_key(pointers[half], bits), bits);
    swap_runs(pointers + half, left - half, below);
    merge(pointers, half, below, bits);
    merge(pointers + half + below, left - half, right - below, bits);
}

void speadi_item_order_sort(uint64_t *pointers, size_t count, unsigned heap_address_bits)
{
    if (is_sorted(pointers, count, heap_address_bits))
        return;
    for (size_t width = 1; width < count; width *= 2)
        for (size_t start = 0; start + width < count; start += 2 * width) {
            size_t right = count - start - width;

            merge(pointers + start, width, right < width ? right : width, heap_address_bits);
        }
}
