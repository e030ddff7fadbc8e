/* SPDX-License-Identifier: Apache-2.0
 *
 * store_names.h - private to the store: the lanes of a store by name, for a record store.
 */
#ifndef WEIR_SYNC_STORE_STORE_NAMES_H
#define WEIR_SYNC_STORE_STORE_NAMES_H

#include "sync/store/store_lmdb.h"
#include "sync/version/version.h"

/**
 * The lanes of a store by name, and how they were before this transaction. A lane has an index as
 * soon as a record or a context mentions it; the record store's caller sees those that have
 * numbers.
 */
struct store_names {
    uint32_t *by_id;   /* owns; lane_idx by lane */
    uint32_t *by_tail; /* owns; lane_idx by last bytes, then number */
    uint64_t *noted;   /* owns; transaction in which the lane is in `before` */
    uint32_t cap;
    uint32_t num_seen; /* lanes that the caller sees */

    uint64_t turn; /* counts transactions */
    uint32_t num_at_begin;
    uint32_t seen_at_begin;
    struct store_lane_before {
        uint32_t idx;
        struct store_lane lane;
    } * before; /* owns; lanes that were there at the begin and have changed */
    size_t num_before, cap_before;
    bool wiped;               /* then `stash` has all lanes of the begin */
    struct store_lane *stash; /* owns */
    uint32_t stash_num, stash_cap;
};

/** Free the tables. */
void weir_store_names_deinit(struct store_names *n);

/** Find all lanes of the store again. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_names_load(struct store_names *n, struct weir_store *s);

/** A transaction begins: changes from now on can be undone. */
void weir_store_names_begin(struct store_names *n, const struct weir_store *s);

/** Write the rows of the lanes that have changed. @return as weir_store_put_row */
WEIR_MUST_USE enum weir_err weir_store_names_flush(struct store_names *n, struct store_txn *t);

/** Has this transaction changed a lane? */
bool weir_store_names_changed(const struct store_names *n, const struct weir_store *s);

/** The transaction was committed: its changes stay. */
void weir_store_names_commit(struct store_names *n);

/** The transaction was aborted: undo its changes. */
void weir_store_names_undo(struct store_names *n, struct weir_store *s);

/** @return a lane's lane_idx, or STORE_LANE_NONE */
uint32_t weir_store_names_find(const struct store_names *n, const struct weir_store *s,
                               const uint8_t lane[WEIR_LANE_LEN]);

/**
 * The lane's lane_idx; a lane without one gets one.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT
 */
WEIR_MUST_USE enum weir_err weir_store_names_lane(struct store_names *n, struct weir_store *s,
                                                  const uint8_t lane[WEIR_LANE_LEN],
                                                  uint32_t *ret_idx);

/**
 * A lane by its last bytes, as a context names it: the first of those that share them, or a new
 * one whose first bytes are filled in when the lane itself is met.
 * @return as weir_store_names_lane
 */
WEIR_MUST_USE enum weir_err weir_store_names_tail(struct store_names *n, struct weir_store *s,
                                                  const uint8_t tail[WEIR_LANE_TAIL_LEN],
                                                  uint32_t *ret_idx);

/**
 * Change a lane's numbers. When all are zero the caller no longer sees the lane.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT (WEIR_LANES_MAX)
 */
WEIR_MUST_USE enum weir_err weir_store_names_set(struct store_names *n, struct weir_store *s,
                                                 uint32_t idx, const struct store_lane *numbers);

/**
 * The lane that the caller sees with the smallest name above `after`, NULL: the first.
 * @return its lane_idx, or STORE_LANE_NONE
 */
uint32_t weir_store_names_next(const struct store_names *n, const struct weir_store *s,
                               const uint8_t *after);

/** There are no lanes any more. */
void weir_store_names_wipe(struct store_names *n, struct weir_store *s);

#endif
