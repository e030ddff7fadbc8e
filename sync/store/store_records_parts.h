/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_parts.h - private to the store: the state behind a record store, and what the files
 * of the keep offer one another. Owner of everything here is the record store's caller.
 */
#ifndef WEIR_SYNC_STORE_STORE_RECORDS_PARTS_H
#define WEIR_SYNC_STORE_STORE_RECORDS_PARTS_H

#include "node/base/arena.h"
#include "sync/store/record_store.h"
#include "sync/store/store_parts.h"

/** The lanes of a store by name, and how they were before this transaction. A lane has a number as
 * soon as a record or a context mentions it; the record store's caller sees those that have
 * numbers. */
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
    } * before; /* owns; lanes of the begin that have changed */
    size_t num_before, cap_before;
    bool wiped;               /* and these were all lanes then: */
    struct store_lane *stash; /* owns */
    uint32_t stash_num, stash_cap;
};

struct store_records {
    struct weir_record_store base; /* first */
    struct weir_store *s;
    struct store_txn t;
    bool open;
    bool touched; /* an operation before the present one has changed a row */
    struct store_names names;

    /* What the last look at a key found; until something changes. */
    struct store_key looked_key;
    struct store_current looked;
    bool looked_valid;

    /* What is told after the commit. */
    struct weir_change *changes; /* owns */
    size_t num_changes, cap_changes;
    struct weir_arena keys; /* of the changes */

    uint8_t *scratch; /* owns; the bytes of the record that is put, which may lie in a page */
    size_t cap_scratch;

    /* Where the last conflict was found; until one is put or dropped. */
    struct store_key conflict_key;
    uint64_t conflict_at;
    bool conflict_known;
};

/** What is said of an operation that failed. Damage of pages is I/O to the record store's caller.
 */
enum weir_err weir_store_records_err(enum weir_err err);
/** An operation begins that changes rows: what was found before no longer counts. */
void weir_store_records_change(struct store_records *kp);
/** It failed, or not. When it had changed a row the transaction can only be undone. @return what to
 * tell the caller */
enum weir_err weir_store_records_changed(struct store_records *kp, enum weir_err err);
/** The record store behind the interface, in a transaction or not as `open` says (contract). */
struct store_records *weir_store_records_of(struct weir_record_store *k, bool open);
/** Signature, extra and value in memory of the record store, until the next copy: the caller's may
 * lie in a page that is about to change. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_records_copy(struct store_records *kp,
                                                    const struct weir_stored_record *rec,
                                                    struct weir_record_parts *parts);
/** A record as the record store's caller sees it. Spans borrow from rec_key and parts. @return
 * false: it names a lane that there is not */
WEIR_MUST_USE bool weir_store_stored_record(const struct weir_store *s, struct weir_span rec_key,
                                            const struct weir_record_parts *parts,
                                            struct weir_stored_record *ret);

/* store_records_find.c: the operations that look for records, as sync/store/record_store.h says. */
enum weir_err weir_store_records_get(struct weir_record_store *k, enum weir_class class,
                                     struct weir_span key, struct weir_stored_record *ret);
enum weir_err weir_store_records_next_dot(struct weir_record_store *k,
                                          const uint8_t lane[WEIR_LANE_LEN], uint64_t after,
                                          struct weir_stored_record *ret);
enum weir_err weir_store_records_next_key(struct weir_record_store *k, enum weir_class class,
                                          struct weir_span after, struct weir_stored_record *ret);
enum weir_err weir_store_records_next_tombstone(struct weir_record_store *k, uint64_t until_ms,
                                                struct weir_stored_record *ret);
enum weir_err weir_store_records_next_expired(struct weir_record_store *k, uint64_t until_s,
                                              struct weir_stored_record *ret);
/** What is under a key, remembered until something changes. @return WEIR_OK | WEIR_EIO | EFULL */
enum weir_err weir_store_records_look(struct store_records *kp, struct weir_span rec_key,
                                      struct store_current *ret, struct weir_span *ret_key);

/* store_names.c: lanes by name. */
void weir_store_names_deinit(struct store_names *n);
/** Find all lanes of the store again. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_names_load(struct store_names *n, struct weir_store *s);
/** A transaction begins: what changes from now on can be undone. */
void weir_store_names_begin(struct store_names *n, const struct weir_store *s);
/** Write the rows of the lanes that have changed. @return as weir_store_put_row */
WEIR_MUST_USE enum weir_err weir_store_names_flush(struct store_names *n, struct store_txn *t);
bool weir_store_names_changed(const struct store_names *n, const struct weir_store *s);
/** The transaction is over: forget, or undo, what it did. */
void weir_store_names_keep(struct store_names *n);
void weir_store_names_undo(struct store_names *n, struct weir_store *s);
/** @return a lane's lane_idx, or STORE_LANE_NONE */
uint32_t weir_store_names_find(const struct store_names *n, const struct weir_store *s,
                               const uint8_t lane[WEIR_LANE_LEN]);
/** The same; a lane without number gets one. @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT */
WEIR_MUST_USE enum weir_err weir_store_names_lane(struct store_names *n, struct weir_store *s,
                                                  const uint8_t lane[WEIR_LANE_LEN],
                                                  uint32_t *ret_idx);
/** A lane by its last bytes, as a context names it: the first of those that share them, or a new
 * one whose beginning is filled in when the lane itself is met. @return as weir_store_names_lane */
WEIR_MUST_USE enum weir_err weir_store_names_tail(struct store_names *n, struct weir_store *s,
                                                  const uint8_t tail[WEIR_LANE_TAIL_LEN],
                                                  uint32_t *ret_idx);
/** Change a lane's numbers; all zero: the caller sees it no more. @return WEIR_OK | WEIR_ENOMEM |
 * WEIR_ELIMIT (WEIR_LANES_MAX) */
WEIR_MUST_USE enum weir_err weir_store_names_set(struct store_names *n, struct weir_store *s,
                                                 uint32_t idx, const struct store_lane *numbers);
/** The seen lane with the smallest name above `after`, NULL: the first. @return its lane_idx, or
 * STORE_LANE_NONE */
uint32_t weir_store_names_next(const struct store_names *n, const struct weir_store *s,
                               const uint8_t *after);
/** There are no lanes any more. */
void weir_store_names_wipe(struct store_names *n, struct weir_store *s);

/* store_conflict.c: the operations on conflicts, as sync/store/record_store.h says. */
enum weir_err weir_store_records_put_conflict(struct weir_record_store *k,
                                              const struct weir_conflict *c);
enum weir_err weir_store_records_get_conflict(struct weir_record_store *k, uint64_t at,
                                              struct weir_conflict *ret);
enum weir_err weir_store_records_drop_conflicts(struct weir_record_store *k, uint64_t until_ms);

#endif
