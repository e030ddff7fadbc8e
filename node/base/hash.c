/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.c - the seeded 64-bit hash: folded 64x64 -> 128 bit multiplication over little-endian words.
 * Every operand of every multiplication carries a secret derived from the seed. Without that, bytes
 * chosen to make one operand zero would wipe out the other one, and collisions could be made
 * without knowing the seed.
 */
#include "node/base/hash.h"

#include <string.h>

/* Bits after the point of square roots, made odd: numbers with nothing up their sleeve. Never
 * change: see hash.h. */
#define KEY_A 0x6a09e667f3bcc909ull /* sqrt 2 */
#define KEY_B 0xbb67ae8584caa73bull /* sqrt 3 */
#define KEY_C 0x3c6ef372fe94f82bull /* sqrt 5 */

static inline uint64_t load64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap64(v);
#endif
    return v;
}

static inline uint64_t load32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof(v));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    v = __builtin_bswap32(v);
#endif
    return v;
}

/* The product's upper half has the diffusion of the high bits, the lower half that of the low ones:
 * keep both. */
static inline uint64_t fold(uint64_t x, uint64_t y)
{
    unsigned __int128 product = (unsigned __int128)x * y;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

uint64_t weir_hash64(uint64_t seed, const void *at, size_t len)
{
    const uint8_t *p = at;
    size_t left = len;
    uint64_t key = weir_mix64(seed ^ KEY_A);
    uint64_t acc = weir_mix64(seed + KEY_B);
    uint64_t a = 0;
    uint64_t b = 0;

    for (; left > 16; left -= 16, p += 16)
        acc = fold(load64(p) ^ key, load64(p + 8) ^ acc);

    /* The last 1..16 bytes as two words that may overlap; the length below distinguishes inputs
     * that overlaps alike. */
    if (left >= 8) {
        a = load64(p);
        b = load64(p + left - 8);
    } else if (left >= 4) {
        a = load32(p);
        b = load32(p + left - 4);
    } else if (left > 0) {
        a = (uint64_t)p[0] << 16 | (uint64_t)p[left / 2] << 8 | p[left - 1];
    }
    acc = fold(a ^ key, b ^ acc ^ (uint64_t)len * KEY_C);
    return fold(acc ^ KEY_C, key ^ KEY_B);
}
