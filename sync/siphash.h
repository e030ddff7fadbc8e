/* SPDX-License-Identifier: Apache-2.0
 *
 * siphash.h - SipHash-2-4 with 128 bits: a short keyed hash that who lacks the key cannot steer.
 * Pure; the same bytes on every machine. Any thread.   Limits: none.
 * Ref: Aumasson and Bernstein, "SipHash: a fast short-input PRF", 2012, and its 128-bit variant.
 */
#ifndef WEIR_SYNC_SIPHASH_H
#define WEIR_SYNC_SIPHASH_H

#include "node/base/span.h"

#include <stdint.h>

#define WEIR_SIPHASH_KEY_LEN 16

/** The two halves of the result; the reference writes each little-endian, lo first. */
struct weir_siphash128 {
    uint64_t lo;
    uint64_t hi;
};

/** Hash `in` under `key`. */
struct weir_siphash128 weir_siphash128(const uint8_t key[WEIR_SIPHASH_KEY_LEN],
                                       struct weir_span in);

#endif
