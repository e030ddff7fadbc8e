/* SPDX-License-Identifier: Apache-2.0
 *
 * store_guard.h - private to the store: checks the pages that LMDB is about to use.
 */
#ifndef WEIR_SYNC_STORE_STORE_GUARD_H
#define WEIR_SYNC_STORE_STORE_GUARD_H

#include "sync/store/store_lmdb.h"

/**
 * At the start of a transaction: check what LMDB reads for each, both meta pages and the main
 * tree.
 * @return WEIR_OK | WEIR_ECORRUPT: LMDB must not touch any key
 */
WEIR_MUST_USE enum weir_err weir_store_guard_roots(struct store_txn *t);

/** Remember the roots as t has them; guard_roots then finds every change of them. */
void weir_store_guard_remember(const struct store_txn *t);

/**
 * Check the pages that LMDB will read to find exactly this key.
 * @return WEIR_OK | WEIR_ECORRUPT: LMDB must not touch it | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_guard(struct store_txn *t, enum store_tree tree,
                                             struct weir_span key);

/** The same, before this key is written. */
WEIR_MUST_USE enum weir_err weir_store_guard_put(struct store_txn *t, enum store_tree tree,
                                                 struct weir_span key);

/** The same, before a cursor moves on to the entry after this key. */
WEIR_MUST_USE enum weir_err weir_store_guard_next(struct store_txn *t, enum store_tree tree,
                                                  struct weir_span key);

/** The same, before this key is removed: its page may then merge with others. */
WEIR_MUST_USE enum weir_err weir_store_guard_del(struct store_txn *t, enum store_tree tree,
                                                 struct weir_span key);

/**
 * The key was removed, and there are fewer pages now: some have merged. Check them before LMDB
 * touches the tree again.
 * @return WEIR_OK | WEIR_ECORRUPT, WEIR_ENOMEM: abort
 */
WEIR_MUST_USE enum weir_err weir_store_guard_merged(struct store_txn *t, enum store_tree tree,
                                                    struct weir_span key);

#endif
