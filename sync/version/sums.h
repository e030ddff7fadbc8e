/* SPDX-License-Identifier: Apache-2.0
 *
 * sums.h - audit sums (rule R12): do two nodes with equal vectors really hold the same records?
 * One set for each class: 4,096 buckets, each the sum mod 2^128 of a keyed hash over the records
 * that were added. The engine adds live records only, since tombstones are purged at different
 * times. A record costs the same few nanoseconds whenever it comes, changes or goes.
 * Pure. Owner: one thread.   Limits: WEIR_SUMS_BUCKETS, WEIR_KEY_MAX bytes a key; 64 KiB a class.
 */
#ifndef WEIR_SYNC_VERSION_SUMS_H
#define WEIR_SYNC_VERSION_SUMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "sync/version/version.h"

#define WEIR_SUMS_BUCKETS 4096
#define WEIR_SUM_LEN      16 /* bytes of one sum on the wire */
/** Bytes of a set on the wire, as in Audit.buckets. */
#define WEIR_SUMS_PACKED_LEN (WEIR_SUMS_BUCKETS * WEIR_SUM_LEN)

/** A number mod 2^128. */
struct weir_sum {
    uint64_t lo;
    uint64_t hi;
};

/** One class. Zero is the set of no records. */
struct weir_sums {
    struct weir_sum total; /* of all buckets */
    struct weir_sum bucket[WEIR_SUMS_BUCKETS];
};

/** What is summed of a record: which one, and which version of it. */
struct weir_sums_item {
    enum weir_class class;
    struct weir_span key; /* 0..WEIR_KEY_MAX bytes (contract) */
    struct weir_version version;
};

/** Where a record is summed, 0..WEIR_SUMS_BUCKETS-1. Depends on class and key, not on versions. */
unsigned weir_sums_bucket(const struct weir_siphash_key *key, enum weir_class class,
                          struct weir_span record_key);
/** What one record adds to a set. */
struct weir_sums_part {
    unsigned bucket;
    struct weir_sum sum;
};
/**
 * Hash an item now and apply it later with weir_sums_change, when it is known whether the record
 * was stored.
 */
struct weir_sums_part weir_sums_part(const struct weir_siphash_key *key,
                                     const struct weir_sums_item *item);
/** Add the part, or take it away. */
void weir_sums_change(struct weir_sums *s, const struct weir_sums_part *part, bool add);
/** The record is stored now. @param key  the cluster's audit key */
void weir_sums_add(struct weir_sums *s, const struct weir_siphash_key *key,
                   const struct weir_sums_item *item);
/** The record is no longer stored, or not in this version: undoes the add of the same item. */
void weir_sums_remove(struct weir_sums *s, const struct weir_siphash_key *key,
                      const struct weir_sums_item *item);

/** Both halves agree. */
static inline bool weir_sum_eq(struct weir_sum a, struct weir_sum b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/** Write one sum little-endian, for a heartbeat. */
void weir_sum_pack(struct weir_sum s, uint8_t out[WEIR_SUM_LEN]);
/** Read what weir_sum_pack wrote. Every value is legal. */
struct weir_sum weir_sum_unpack(const uint8_t in[WEIR_SUM_LEN]);
/** Write all buckets, in order, for an audit. */
void weir_sums_pack(const struct weir_sums *s, uint8_t out[WEIR_SUMS_PACKED_LEN]);
/**
 * The buckets in which a peer's set differs from this one, ascending.
 *
 * @param theirs   what the peer's weir_sums_pack wrote
 * @param bad      room for WEIR_SUMS_BUCKETS numbers
 * @param ret_num  how many differ; 0: the sets agree
 * @return WEIR_OK | WEIR_EPROTO: not WEIR_SUMS_PACKED_LEN bytes
 */
WEIR_MUST_USE enum weir_err weir_sums_compare(const struct weir_sums *s, struct weir_span theirs,
                                              uint16_t *bad, size_t *ret_num);

#endif
