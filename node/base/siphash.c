/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.c - SipHash-2-4: two rounds for each eight bytes, four for each half of the result.
 */
#include "node/base/siphash.h"

#define ROUNDS_WORD 2
#define ROUNDS_END  4

static inline uint64_t rotl(uint64_t x, unsigned by)
{
    return x << by | x >> (64 - by);
}

static uint64_t load_word(const uint8_t *at)
{
    uint64_t word = 0;

    for (unsigned i = 0; i < 8; i++)
        word |= (uint64_t)at[i] << (8 * i);
    return word;
}

static void run_rounds(uint64_t v[4], unsigned num)
{
    for (unsigned i = 0; i < num; i++) {
        v[0] += v[1];
        v[2] += v[3];
        v[1] = rotl(v[1], 13) ^ v[0];
        v[3] = rotl(v[3], 16) ^ v[2];
        v[0] = rotl(v[0], 32);
        v[2] += v[1];
        v[0] += v[3];
        v[1] = rotl(v[1], 17) ^ v[2];
        v[3] = rotl(v[3], 21) ^ v[0];
        v[2] = rotl(v[2], 32);
    }
}

static void add_word(struct weir_siphash *h, uint64_t word)
{
    h->v[3] ^= word;
    run_rounds(h->v, ROUNDS_WORD);
    h->v[0] ^= word;
}

void weir_siphash_init(struct weir_siphash *h, const struct weir_siphash_key *key)
{
    /* "somepseudorandomlygeneratedbytes" */
    *h = (struct weir_siphash){
        .v = { key->k[0] ^ 0x736f6d6570736575ull, key->k[1] ^ 0x646f72616e646f6dull,
               key->k[0] ^ 0x6c7967656e657261ull, key->k[1] ^ 0x7465646279746573ull }
    };
}

void weir_siphash_add(struct weir_siphash *h, const void *at, size_t len)
{
    const uint8_t *p = at;

    for (size_t i = 0; i < len;) {
        if ((h->len & 7) == 0 && len - i >= 8) {
            add_word(h, load_word(p + i));
            h->len += 8;
            i += 8;
            continue;
        }
        h->tail |= (uint64_t)p[i++] << (8 * (h->len & 7));
        if ((++h->len & 7) != 0)
            continue;
        add_word(h, h->tail);
        h->tail = 0;
    }
}

uint64_t weir_siphash_end(struct weir_siphash *h)
{
    add_word(h, h->tail | h->len << 56);
    h->v[2] ^= 0xff;
    run_rounds(h->v, ROUNDS_END);
    return h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
}

void weir_siphash_init128(struct weir_siphash *h, const struct weir_siphash_key *key)
{
    weir_siphash_init(h, key);
    h->v[1] ^= 0xee;
}

struct weir_siphash128 weir_siphash_end128(struct weir_siphash *h)
{
    struct weir_siphash128 out;

    add_word(h, h->tail | h->len << 56);
    h->v[2] ^= 0xee;
    run_rounds(h->v, ROUNDS_END);
    out.lo = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
    h->v[1] ^= 0xdd;
    run_rounds(h->v, ROUNDS_END);
    out.hi = h->v[0] ^ h->v[1] ^ h->v[2] ^ h->v[3];
    return out;
}
