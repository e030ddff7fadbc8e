/* SPDX-License-Identifier: Apache-2.0
 *
 * hex.h - 64 bits as 16 lower-case hex digits, without a loop over digits. Header only.
 */
#ifndef WEIR_NODE_BASE_HEX_H
#define WEIR_NODE_BASE_HEX_H

#include <stdint.h>
#include <string.h>

/* Eight digits, the most significant first: each nibble is spread to a byte of its own, then made a
 * digit. */
static inline void weir_hex32(uint32_t v, char *out)
{
    uint64_t x = v;
    x = (x << 16 | x) & 0x0000ffff0000ffffull;
    x = (x << 8 | x) & 0x00ff00ff00ff00ffull;
    x = (x << 4 | x) & 0x0f0f0f0f0f0f0f0full;
    uint64_t letters = (x + 0x0606060606060606ull) >> 4 & 0x0101010101010101ull;
    x += 0x3030303030303030ull + letters * 0x27;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    x = __builtin_bswap64(x); /* the most significant digit is the first byte */
#endif
    memcpy(out, &x, sizeof(x));
}

/** Write 16 digits, the most significant first. No NUL. @param out 16 bytes */
static inline void weir_hex64(uint64_t v, char *out)
{
    weir_hex32((uint32_t)(v >> 32), out);
    weir_hex32((uint32_t)v, out + 8);
}

#endif
