/* SPDX-License-Identifier: Apache-2.0
 *
 * hashmap.h - open hash table from a byte key to a pointer; keys are borrowed from the values they
 * lead to. Owner: one thread. Grows by doubling (amortised), bounded by `max`. Iteration order is
 * unspecified.
 */
#ifndef WEIR_NODE_BASE_HASHMAP_H
#define WEIR_NODE_BASE_HASHMAP_H

#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"

struct weir_hashmap_slot {
    uint64_t hash; /* 0 = free */
    struct weir_span key;
    void *value;
};

struct weir_hashmap {
    struct weir_hashmap_slot *slots; /* owns */
    size_t num_slots;                /* power of two, or 0 */
    size_t len;
    size_t max;
    uint64_t seed;
};

/** Allocates nothing. @param seed random for tables keyed by outside bytes  @param max entries */
void weir_hashmap_init(struct weir_hashmap *m, uint64_t seed, size_t max);
/** Free the table. The values and keys are the caller's. */
void weir_hashmap_deinit(struct weir_hashmap *m);
/** The value, or NULL. */
void *weir_hashmap_find(const struct weir_hashmap *m, struct weir_span key);
/**
 * Add; the key is borrowed until the entry is removed.
 *
 * @param value  not NULL (contract)
 * @return WEIR_OK | WEIR_EEXIST | WEIR_ELIMIT (at max) | WEIR_ENOMEM; on these the map is unchanged
 */
WEIR_MUST_USE enum weir_err weir_hashmap_add(struct weir_hashmap *m, struct weir_span key,
                                             void *value);
/** Remove and return the value, or NULL when absent. */
void *weir_hashmap_remove(struct weir_hashmap *m, struct weir_span key);
/**
 * Walk: start with *pos = 0; returns the next value or NULL at the end. No change of the map
 * during a walk.
 */
void *weir_hashmap_next(const struct weir_hashmap *m, size_t *pos);

#endif
