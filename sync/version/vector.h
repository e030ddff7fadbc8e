/* SPDX-License-Identifier: Apache-2.0
 *
 * vector.h - strict version vectors: lane -> the sequence number up to which none is missing. Also
 * floors and cursors, which have the same form.
 * Pure. Owner: one thread.   Limits: WEIR_LANES_MAX lanes of 24 bytes, sorted by their bytes;
 * memory grows by doubling.
 * Ref: sync/REPLICATION.md, "Versions".
 */
#ifndef WEIR_SYNC_VERSION_VECTOR_H
#define WEIR_SYNC_VERSION_VECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "sync/version/version.h"

/** seq is at least 1: a lane of which nothing is known has no entry. */
struct weir_vector_entry {
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t seq;
};

struct weir_vector {
    struct weir_vector_entry *items; /* owns; ascending by lane. To iterate: 0..num-1 */
    size_t num;
    size_t cap;
    uint64_t hash; /* sum of the entries' hashes: depends on the entries, not on the order in which
                      they came */
};

#define WEIR_VECTOR_ZERO ((struct weir_vector){ NULL, 0, 0, 0 })

/** Free the entries; the vector is zero again. */
void weir_vector_deinit(struct weir_vector *v);
/** Drop the entries, but not the memory. */
void weir_vector_reset(struct weir_vector *v);

/** @return the lane's sequence number, 0 when it has no entry */
uint64_t weir_vector_get(const struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN]);
/** Is the dot (lane, seq) in the past of this vector? Always so for seq 0. */
bool weir_vector_covers(const struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN],
                        uint64_t seq);
/**
 * The lane's number becomes `seq`, if that is larger; else nothing changes. Cheap in ascending
 * order of lanes; a new lane in the middle moves those behind it.
 * @return WEIR_OK | WEIR_ELIMIT (a new lane over WEIR_LANES_MAX) | WEIR_ENOMEM; unchanged on both
 */
WEIR_MUST_USE enum weir_err weir_vector_raise(struct weir_vector *v,
                                              const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);
/** Drop a lane's entry, if there is one: for lanes that nothing refers to any more. */
void weir_vector_forget(struct weir_vector *v, const uint8_t lane[WEIR_LANE_LEN]);
/**
 * The larger number of every lane. Linear in both. `other` may be `v`.
 * @return WEIR_OK | WEIR_ELIMIT | WEIR_ENOMEM; on both v is unchanged
 */
WEIR_MUST_USE enum weir_err weir_vector_merge(struct weir_vector *v,
                                              const struct weir_vector *other);
/** Make v equal to other. @return WEIR_OK | WEIR_ENOMEM: v is unchanged */
WEIR_MUST_USE enum weir_err weir_vector_copy(struct weir_vector *v,
                                             const struct weir_vector *other);

/**
 * Rule R6: has a deletion been purged that the owner of `v` may never have seen? That is so when
 * v[l] < floor[l] for some lane. Linear.
 */
bool weir_vector_is_stale(const struct weir_vector *v, const struct weir_vector *floor);
/** Is v[l] >= other[l] for every lane? Linear. */
bool weir_vector_dominates(const struct weir_vector *v, const struct weir_vector *other);
/** The same entries. Linear, up to the first that differs. */
bool weir_vector_eq(const struct weir_vector *a, const struct weir_vector *b);
/**
 * The number that heartbeats carry (Heartbeat.vv_hash), O(1): same entries, same number, on every
 * host and in every version. Not keyed: a node that makes two vectors collide delays a pull to
 * the next periodic one, no more.
 */
uint64_t weir_vector_hash(const struct weir_vector *v);

#endif
