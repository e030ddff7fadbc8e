/* SPDX-License-Identifier: Apache-2.0
 *
 * rng.h - pseudo-random numbers: xoshiro256**, seeded from the kernel or from a test's seed.
 * Owner: one thread. For keys use weir_rng_secret.
 */
#ifndef WEIR_NODE_BASE_RNG_H
#define WEIR_NODE_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"

struct weir_rng {
    uint64_t s[4];
};

/** Deterministic: the same seed gives the same numbers on every host. */
void weir_rng_init(struct weir_rng *r, uint64_t seed);
/** Seed from the kernel. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_rng_init_random(struct weir_rng *r);
/** Uniform over all 64-bit values. */
uint64_t weir_rng_next(struct weir_rng *r);
/** Uniform in 0..below-1; below > 0 (contract). */
uint64_t weir_rng_below(struct weir_rng *r, uint64_t below);
/** `len` bytes from the kernel's generator. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_rng_secret(void *at, size_t len);

#endif
