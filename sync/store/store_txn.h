/* SPDX-License-Identifier: Apache-2.0
 *
 * store_txn.h - private to the store: one write transaction, and rows in and out of it.
 */
#ifndef WEIR_SYNC_STORE_STORE_TXN_H
#define WEIR_SYNC_STORE_STORE_TXN_H

#include "sync/store/store_lmdb.h"

/**
 * Begin a write transaction; there is none (LMDB allows one).
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_EIO | WEIR_EFULL | WEIR_ENOMEM: there is nothing to
 * abort
 */
WEIR_MUST_USE enum weir_err weir_store_txn_begin(struct weir_store *s, struct store_txn *ret);

/**
 * Make it durable, and make its tally that of the store. The transaction is over in any case.
 * @return WEIR_OK | WEIR_EIO | WEIR_EFULL | WEIR_ECORRUPT | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_txn_commit(struct store_txn *t);

/** Undo all that it did. */
void weir_store_txn_abort(struct store_txn *t);

/**
 * The row under this key, as this transaction sees it. Spans borrow until the next change of the
 * transaction.
 * @param ret_key  its key there; may be NULL
 * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_find(struct store_txn *t, enum store_tree tree,
                                            struct weir_span key, struct weir_span *ret_key,
                                            struct weir_span *ret_row);

/**
 * Room for a row of `len` bytes, which the caller fills at once.
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_EFULL | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_put(struct store_txn *t, enum store_tree tree,
                                           struct weir_span key, size_t len, uint8_t **ret_at);

/** Write a whole row, with its checksum. @return as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_put_row(struct store_txn *t, enum store_tree tree,
                                               struct weir_span key, struct weir_span payload);

/**
 * Remove a row.
 * @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | WEIR_EFULL | WEIR_EIO | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_del(struct store_txn *t, enum store_tree tree,
                                           struct weir_span key);

/**
 * The first row whose key is larger than `from`. Spans borrow until the next change of the
 * transaction.
 * @return as weir_store_find
 */
WEIR_MUST_USE enum weir_err weir_store_seek(struct store_txn *t, enum store_tree tree,
                                            struct weir_span from, struct weir_span *ret_key,
                                            struct weir_span *ret_row);

/**
 * Go on to the row after *key, which seek or step returned and which has not changed.
 * @return as weir_store_find
 */
WEIR_MUST_USE enum weir_err weir_store_step(struct store_txn *t, enum store_tree tree,
                                            struct weir_span *key, struct weir_span *row);

/**
 * Fill last page and free tree of the state that t's roots belong to, the newest one, from its
 * meta page. Only the writer's thread writes meta pages, so none changes while it reads.
 * @return WEIR_OK | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_store_txn_meta(struct store_txn *t);

/**
 * Bytes in use at the start of the transaction.
 * @param exact  count the free pages now; false: the last count will do
 */
uint64_t weir_store_used(struct store_txn *t, bool exact);

/** Write a row of meta. @return as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_meta_put(struct store_txn *t, const char *name,
                                                const void *at, size_t len);

/** The row of meta that states whether the reversed rows are whole as of the transaction that wrote
 * it: txn 8, whole 1, and while they are not, a key. It holds while it names the newest one. */
#define STORE_REVERSED_ROW "reversed"
#define STORE_REVERSED_LEN 9
/**
 * Write that row.
 * @param from  not whole: the last row of `idx` whose reversed row was made
 * @return as weir_store_put
 */
WEIR_MUST_USE enum weir_err weir_store_reversed_put(struct store_txn *t, bool whole,
                                                    struct weir_span from);

/** Write the row of a lane. @return as weir_store_put */
WEIR_MUST_USE enum weir_err weir_store_lane_put(struct store_txn *t, uint32_t lane_idx,
                                                const struct store_lane *lane);

/**
 * The last commit: mark the database as closed. If that fails, it stays marked as not closed.
 */
void weir_store_write_clean(struct weir_store *s);

#endif
