/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_state.h - private to the store: the state behind a record store. Owner of
 * everything here is the record store's caller.
 */
#ifndef WEIR_SYNC_STORE_STORE_RECORDS_STATE_H
#define WEIR_SYNC_STORE_STORE_RECORDS_STATE_H

#include "node/base/arena.h"
#include "sync/store/record_store.h"
#include "sync/store/store_names.h"
#include "sync/store/store_write.h"

struct store_records {
    struct weir_record_store base; /* first */
    struct weir_store *s;
    struct store_txn t;
    bool open;
    bool touched; /* an operation before the present one has changed a row */
    struct store_names names;

    /* What find_current found under the last key; valid until something changes. */
    struct store_key found_key;
    struct store_current found;
    bool found_valid;

    /* What is passed to on_change after the commit. */
    struct weir_change *changes; /* owns */
    size_t num_changes, cap_changes;
    struct weir_arena keys; /* of the changes */

    uint8_t *scratch; /* owns; the bytes of the record to write, which may lie in a page */
    size_t cap_scratch;

    /* Where the last conflict was found; until one is written or dropped. */
    struct store_key conflict_key;
    uint64_t conflict_at;
    bool conflict_known;
};

/**
 * The error of an operation, as the caller of the record store sees it: damaged pages are
 * WEIR_EIO.
 */
enum weir_err weir_store_records_err(enum weir_err err);

/** An operation that changes rows begins: what was found before is no longer valid. */
void weir_store_records_change(struct store_records *kp);

/**
 * Such an operation ends. If it failed after it had changed a row, the transaction can only be
 * undone.
 * @return what to return to the caller
 */
enum weir_err weir_store_records_changed(struct store_records *kp, enum weir_err err);

/** The record store behind the interface, in a transaction if `open`, else outside of one
 * (contract). */
struct store_records *weir_store_records_of(struct weir_record_store *k, bool open);

/**
 * Copy signature, extra and value into memory of the record store, until the next copy: the
 * caller's may lie in a page that is about to change.
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_records_copy(struct store_records *kp,
                                                    const struct weir_stored_record *rec,
                                                    struct weir_record_parts *parts);

/**
 * A record as the caller of the record store sees it. Spans borrow from rec_key and parts.
 * @return false: it names a lane that does not exist
 */
WEIR_MUST_USE bool weir_store_stored_record(const struct weir_store *s, struct weir_span rec_key,
                                            const struct weir_record_parts *parts,
                                            struct weir_stored_record *ret);

#endif
