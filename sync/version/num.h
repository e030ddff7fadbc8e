/* SPDX-License-Identifier: Apache-2.0
 *
 * num.h - whole numbers of 1 to 8 bytes at any address: little-endian in values, big-endian in
 * keys, so that keys sort by their numbers. Header only.
 */
#ifndef WEIR_SYNC_VERSION_NUM_H
#define WEIR_SYNC_VERSION_NUM_H

#include <stddef.h>
#include <stdint.h>

/** Write the low `len` bytes of v, least significant first. */
static inline void weir_num_write_le(uint8_t *at, uint64_t v, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        at[i] = (uint8_t)(v >> (8 * i));
}

static inline uint64_t weir_num_get_le(const uint8_t *at, unsigned len)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < len; i++)
        v |= (uint64_t)at[i] << (8 * i);
    return v;
}

/** Write the low `len` bytes of v, most significant first. */
static inline void weir_num_write_be(uint8_t *at, uint64_t v, unsigned len)
{
    for (unsigned i = 0; i < len; i++)
        at[i] = (uint8_t)(v >> (8 * (len - 1 - i)));
}

static inline uint64_t weir_num_get_be(const uint8_t *at, unsigned len)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < len; i++)
        v = v << 8 | at[i];
    return v;
}

#endif
