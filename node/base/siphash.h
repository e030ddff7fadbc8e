/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.h - SipHash-2-4: a keyed hash. Without the key nobody can make two inputs collide, even
 * with a free choice of all bytes. It is slower than weir_hash64; use it where two things are
 * compared by their hashes alone.   Owner: its holder.   Limits: none. Ref: Aumasson and Bernstein
 * 2012, "SipHash: a fast short-input PRF".
 */
#ifndef WEIR_NODE_BASE_SIPHASH_H
#define WEIR_NODE_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/** Secret: from weir_rng_secret. */
struct weir_siphash_key {
    uint64_t k[2];
};

struct weir_siphash {
    uint64_t v[4];
    uint64_t tail; /* the bytes behind the last whole word, the first of them lowest */
    uint64_t len;  /* bytes added so far */
};

/** The two halves of a hash of 128 bits; the reference writes each little-endian, lo first. */
struct weir_siphash128 {
    uint64_t lo;
    uint64_t hi;
};

/** Begin. Copies what it needs of the key. */
void weir_siphash_init(struct weir_siphash *h, const struct weir_siphash_key *key);
/** Add bytes. The split into calls does not change the result. */
void weir_siphash_add(struct weir_siphash *h, const void *at, size_t len);
/** The hash of all that was added; `h` is used up. Same value on every platform. */
uint64_t weir_siphash_end(struct weir_siphash *h);
/** Begin a hash of 128 bits: then add as above, and end with weir_siphash_end128. */
void weir_siphash_init128(struct weir_siphash *h, const struct weir_siphash_key *key);
/** As weir_siphash_end, for a hash begun with weir_siphash_init128. */
struct weir_siphash128 weir_siphash_end128(struct weir_siphash *h);

#endif
