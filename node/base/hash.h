/* SPDX-License-Identifier: Apache-2.0
 *
 * hash.h - CRC32C for stored records, a seeded 64-bit hash for tables and balancing.
 * weir_hash64 is not cryptographic; tables keyed by outside bytes take a random seed (weir_rng)
 * against flooding, and what is compared by its hash alone takes siphash.h. weir_hash64 with seed 0
 * never changes and is the same on every host: IP-hash balancing depends on it.
 */
#ifndef WEIR_NODE_BASE_HASH_H
#define WEIR_NODE_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/**
 * CRC-32C (Castagnoli, RFC 3720 B.4), continued from `crc` (0 to begin). Uses SSE4.2 where the
 * processor has it.
 */
uint32_t weir_crc32c(uint32_t crc, const void *at, size_t len);

/**
 * 64-bit hash of `len` bytes, keyed by `seed`; its bits are well mixed, but it is not
 * cryptographic. The same value on every platform.
 */
uint64_t weir_hash64(uint64_t seed, const void *at, size_t len);

/** Finaliser for integers (bijective). */
static inline uint64_t weir_mix64(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebull;
    x ^= x >> 31;
    return x;
}

#endif
