/* SPDX-License-Identifier: Apache-2.0
 *
 * store_index.h - private to the store: derived rows: which record owns a name.
 */
#ifndef WEIR_SYNC_STORE_STORE_INDEX_H
#define WEIR_SYNC_STORE_STORE_INDEX_H

#include "sync/store/store_lmdb.h"

/** Free the rows; the struct is zero again. */
void weir_store_index_rows_deinit(struct weir_index_rows *rows);

/**
 * Derive the rows of a value, and sort them. A value that does not unpack has none.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT
 */
WEIR_MUST_USE enum weir_err weir_store_index_derive(struct weir_store *s, struct weir_span rec_key,
                                                    const struct weir_span *value,
                                                    struct weir_index_rows *rows);

/**
 * The key of the row of WEIR_INDEX_REVERSED that belongs to a claim.
 * @return false: it has none, since it is of another index or its name is too long
 */
bool weir_store_index_reverse(const struct store_claim *claim, struct store_key *ret);

/** Replace `s->old_rows` of a record with `s->new_rows`. @return WEIR_OK | as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_index_change(struct store_txn *t, bool *ret_changed);

/**
 * Remove every row of a record whose old value cannot be read.
 * @return WEIR_OK | as weir_store_del
 */
WEIR_MUST_USE enum weir_err weir_store_index_sweep(struct store_txn *t, struct weir_span rec_key,
                                                   bool *ret_changed);

#endif
