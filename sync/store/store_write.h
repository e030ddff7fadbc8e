/* SPDX-License-Identifier: Apache-2.0
 *
 * store_write.h - private to the store: one record in a transaction, and its revisions.
 */
#ifndef WEIR_SYNC_STORE_STORE_WRITE_H
#define WEIR_SYNC_STORE_STORE_WRITE_H

#include "sync/store/store_lmdb.h"

struct store_current {
    bool found; /* there is a row */
    bool sound; /* and its checksum is right */
    bool tombstone;
    struct weir_record_parts parts; /* borrowed until the transaction's next change */
};
struct store_put {
    struct weir_span rec_key; /* class, key */
    struct weir_record_parts parts;
    uint64_t revision; /* 0: no revision is stored */
};

/**
 * What is stored under a key now. A damaged row is counted.
 * @return WEIR_OK | as weir_store_find
 */
WEIR_MUST_USE enum weir_err weir_store_current(struct store_txn *t, struct weir_span rec_key,
                                               struct store_current *ret);

/**
 * Make a record current: record, dot, tombstone queue, index, revision, counts.
 * @return WEIR_OK | as weir_store_put
 */
WEIR_MUST_USE enum weir_err weir_store_apply(struct store_txn *t, const struct store_put *p,
                                             const struct store_current *cur,
                                             bool *ret_index_changed);

/**
 * Remove a record with its revisions; cur->found (contract).
 * @return WEIR_OK | as weir_store_del
 */
WEIR_MUST_USE enum weir_err weir_store_drop(struct store_txn *t, struct weir_span rec_key,
                                            const struct store_current *cur,
                                            bool *ret_index_changed);

/** Set when a record came, Unix ms, as its header stores it: in days, in group E in seconds. */
void weir_store_stored_set(const struct weir_store *s, struct weir_record_head *head,
                           uint64_t stored_ms);

/** When a record came, Unix ms, rounded down by weir_store_stored_set. */
uint64_t weir_store_stored_ms(const struct weir_store *s, const struct weir_record_head *head);

/** A tombstone's position in the queue of tombstones. */
uint32_t weir_store_tomb_when(const struct weir_store *s, const struct weir_record_head *head);

/** Such a position as Unix ms. */
uint64_t weir_store_tomb_ms(const struct weir_store *s, uint32_t when);

/**
 * A submitted write, up to the commit, which is the caller's. Sets w->version.
 * @return as weir_write.err
 */
WEIR_MUST_USE enum weir_err weir_store_write_one(struct store_txn *t, struct weir_write *w,
                                                 struct weir_change *ret_change);

/** Store a value as a revision of a record. @return as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_rev_put(struct store_txn *t, struct weir_span rec_key,
                                               uint64_t revision, struct weir_span value);

/** Drop all but the newest `records` revisions of a record. @return as weir_store_del */
WEIR_MUST_USE enum weir_err weir_store_rev_trim(struct store_txn *t, struct weir_span rec_key,
                                                size_t records);

#endif
