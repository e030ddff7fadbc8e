/* SPDX-License-Identifier: Apache-2.0
 *
 * store_env.h - private to the store: LMDB's environment, our own map of the file, and what both
 * may find damaged.
 */
#ifndef WEIR_SYNC_STORE_STORE_ENV_H
#define WEIR_SYNC_STORE_STORE_ENV_H

#include "sync/store/store_lmdb.h"

/** An error code of LMDB, or an errno, as an error of weir. MDB_SUCCESS is WEIR_OK. */
enum weir_err weir_store_err(int rc);

/**
 * Open LMDB and our own map on the file `name`; a new file gets its trees.
 * @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_store_env_open(struct weir_store *s, const char *name);

/** Close both. Also after an open that failed. */
void weir_store_env_close(struct weir_store *s);

/**
 * The meta page of transaction `txnid`, one of the two newest.
 * @return WEIR_OK | WEIR_ECORRUPT: it is damaged, or of another transaction
 */
WEIR_MUST_USE enum weir_err weir_store_state_meta(const struct weir_tree_file *pages,
                                                  uint64_t txnid, struct weir_tree_meta *ret);

/**
 * The trees of the state that transaction `txnid` left, one of the two newest. Not read through
 * LMDB, which would trust the page in which it finds them.
 * @return WEIR_OK | WEIR_ECORRUPT, also when two commits came since
 */
WEIR_MUST_USE enum weir_err weir_store_roots_load(const struct weir_tree_file *pages,
                                                  uint64_t txnid, int num_trees,
                                                  struct store_roots *ret);

/** The file as it is now. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_store_pages_now(const struct weir_store *s,
                                                 struct weir_tree_file *ret);

/** Note that a page is damaged; logged once. Any thread. */
void weir_store_suspect(struct weir_store *s, const char *what);

/** Count a row or record with a wrong checksum, and log it under a rate limit. Any thread. */
void weir_store_count_corrupt(struct weir_store *s, struct weir_span rec_key);

/** The clock of versions, Unix ms. */
uint64_t weir_store_wall_ms(const struct weir_store *s);

#endif
