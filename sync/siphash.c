/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - two rounds for each eight bytes, four for each half of the result.
 */
#include "sync/siphash.h"

#include "sync/num.h"

struct sip {
    uint64_t v0, v1, v2, v3;
};

static uint64_t turn(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static void rounds(struct sip *s, unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = turn(s->v1, 13) ^ s->v0;
        s->v3 = turn(s->v3, 16) ^ s->v2;
        s->v0 = turn(s->v0, 32) + s->v3;
        s->v2 += s->v1;
        s->v1 = turn(s->v1, 17) ^ s->v2;
        s->v3 = turn(s->v3, 21) ^ s->v0;
        s->v2 = turn(s->v2, 32);
    }
}

static void word(struct sip *s, uint64_t m)
{
    s->v3 ^= m;
    rounds(s, 2);
    s->v0 ^= m;
}

struct weir_siphash128 weir_siphash128(const uint8_t key[WEIR_SIPHASH_KEY_LEN], struct weir_span in)
{
    uint64_t k0 = weir_num_get_le(key, 8);
    uint64_t k1 = weir_num_get_le(key + 8, 8);
    struct sip s = {
        .v0 = k0 ^ UINT64_C(0x736f6d6570736575),
        .v1 = k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee, /* 0xee: the variant of 128 bits */
        .v2 = k0 ^ UINT64_C(0x6c7967656e657261),
        .v3 = k1 ^ UINT64_C(0x7465646279746573),
    };
    struct weir_siphash128 out;
    size_t at = 0;

    for (; in.len - at >= 8; at += 8)
        word(&s, weir_num_get_le(in.at + at, 8));
    uint64_t last = (uint64_t)in.len << 56;
    if (at < in.len)
        last |= weir_num_get_le(in.at + at, (unsigned)(in.len - at));
    word(&s, last);
    s.v2 ^= 0xee;
    rounds(&s, 4);
    out.lo = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    s.v1 ^= 0xdd;
    rounds(&s, 4);
    out.hi = s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
    return out;
}
