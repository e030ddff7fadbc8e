/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_trees.h - private to memory*.c: records in four orders at once, as treaps whose shape
 * comes from a generator of their own. Owner: as memory.h.
 */
#ifndef WEIR_TESTS_SIM_MEMORY_TREES_H
#define WEIR_TESTS_SIM_MEMORY_TREES_H

#include "sync/keep.h"

enum memory_order {
    MEMORY_BY_KEY,  /* class, key */
    MEMORY_BY_DOT,  /* lane, seq */
    MEMORY_BY_TOMB, /* tombstones: when stored, class, key */
    MEMORY_BY_EXP,  /* live and mortal: when it ends, class, key */
    MEMORY_ORDERS,
};

/** A record. Its spans point into bytes. */
struct memory_rec {
    struct memory_rec *left[MEMORY_ORDERS];
    struct memory_rec *right[MEMORY_ORDERS];
    uint32_t priority;
    uint32_t crc;
    bool is_flipped;
    struct weir_kept kept;
    size_t len;
    uint8_t bytes[];
};

struct memory_trees {
    struct memory_rec *root[MEMORY_ORDERS];
    uint64_t random;
    size_t num;
};

/** A copy with its checksum. @return NULL: no memory */
struct memory_rec *memory_rec_new(const struct weir_kept *kept);
/** Of what the bytes and numbers are now. */
uint32_t memory_rec_crc(const struct memory_rec *rec);
/** Into every order that it belongs to. No other record has its key or dot (contract). */
void memory_trees_add(struct memory_trees *t, struct memory_rec *rec);
/** Out of all; the caller has it. */
void memory_trees_remove(struct memory_trees *t, struct memory_rec *rec);
/** The first record that is not below the probe's (`above`: that is above it). NULL: none. */
struct memory_rec *memory_trees_find(const struct memory_trees *t, enum memory_order order,
                                     const struct weir_kept *probe, bool above);
/** The at-th in order of keys, slowly. */
struct memory_rec *memory_trees_at(const struct memory_trees *t, size_t at);
/** Free all records. */
void memory_trees_clear(struct memory_trees *t);

#endif
