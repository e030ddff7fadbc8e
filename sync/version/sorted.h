/* SPDX-License-Identifier: Apache-2.0
 *
 * sorted.h - the position of a name in a sorted array of structs that begin with their names:
 * lanes, node ids. Header only, pure.
 */
#ifndef WEIR_SYNC_VERSION_SORTED_H
#define WEIR_SYNC_VERSION_SORTED_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/**
 * The position of the first of `num` items that is not below `name`; num: all are.
 * @param items  each of item_len bytes, ascending by its first name_len
 */
static inline size_t weir_sorted_position(const void *items, size_t num, size_t item_len,
                                          const uint8_t *name, size_t name_len)
{
    const uint8_t *first = items;
    size_t low = 0;
    size_t high = num;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(first + middle * item_len, name, name_len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

#endif
