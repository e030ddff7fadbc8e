/* SPDX-License-Identifier: Apache-2.0
 *
 * rng.c - xoshiro256** (Blackman and Vigna, 2018), seeded by SplitMix64; secrets from getrandom(2).
 */
#include "node/base/rng.h"

#include <errno.h>
#include <sys/random.h>

#include "node/base/hash.h"

static inline uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

void weir_rng_init(struct weir_rng *r, uint64_t seed)
{
    /* SplitMix64 visits each 64-bit value once, so the four words are never all zero. */
    for (size_t i = 0; i < WEIR_ARRAY_LEN(r->s); i++) {
        seed += 0x9e3779b97f4a7c15ull;
        r->s[i] = weir_mix64(seed);
    }
}

enum weir_err weir_rng_init_random(struct weir_rng *r)
{
    uint64_t seed;
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    if (err == WEIR_OK)
        weir_rng_init(r, seed);
    return err;
}

uint64_t weir_rng_next(struct weir_rng *r)
{
    uint64_t result = rotl(r->s[1] * 5, 7) * 9;
    uint64_t t = r->s[1] << 17;

    r->s[2] ^= r->s[0];
    r->s[3] ^= r->s[1];
    r->s[1] ^= r->s[2];
    r->s[0] ^= r->s[3];
    r->s[2] ^= t;
    r->s[3] = rotl(r->s[3], 45);
    return result;
}

uint64_t weir_rng_below(struct weir_rng *r, uint64_t below)
{
    WEIR_ASSERT(below > 0);
    /* Scale by multiplication and refuse the low products that would be hit once too often. */
    unsigned __int128 product = (unsigned __int128)weir_rng_next(r) * below;
    if ((uint64_t)product < below) {
        uint64_t refuse = (0 - below) % below;
        while ((uint64_t)product < refuse)
            product = (unsigned __int128)weir_rng_next(r) * below;
    }
    return (uint64_t)(product >> 64);
}

enum weir_err weir_rng_secret(void *at, size_t len)
{
    uint8_t *p = at;

    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return WEIR_EIO;
        p += n;
        len -= (size_t)n;
    }
    return WEIR_OK;
}
