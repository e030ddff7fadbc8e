/* SPDX-License-Identifier: Apache-2.0
 *
 * store_meta.h - private to the store: what the database states about itself, and its lanes.
 */
#ifndef WEIR_SYNC_STORE_STORE_META_H
#define WEIR_SYNC_STORE_STORE_META_H

#include "sync/store/store_lmdb.h"

/**
 * Open LMDB and load what the database states about itself, or begin a new one. Rows that an older
 * program did not write are made.
 * @return as weir_store_open | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_store_open_database(struct weir_store *s);

/**
 * Load all of it.
 * @return WEIR_OK | WEIR_ENOTFOUND: a new database | WEIR_ECORRUPT | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_store_meta_load(struct weir_store *s);

/**
 * Write the first rows of a new database, with a lane of its own unless a record store's caller
 * will draw one.
 * @param node_id  NULL: a random one
 * @return as weir_store_txn_commit
 */
WEIR_MUST_USE enum weir_err weir_store_meta_create(struct weir_store *s, const uint8_t *node_id);

/** Read a row of meta that may be missing. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT */
WEIR_MUST_USE enum weir_err weir_store_meta_find(struct weir_store *s, const char *name, void *ret,
                                                 size_t len);

/**
 * For the writer thread over a database that a record store wrote: draw a lane whose numbers
 * no other writer has given out.
 * @return WEIR_OK | as weir_store_txn_commit
 */
WEIR_MUST_USE enum weir_err weir_store_lane_own(struct weir_store *s);

/** Append a lane. @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT */
WEIR_MUST_USE enum weir_err weir_store_lane_add(struct weir_store *s,
                                                const struct store_lane *lane);

/** A random id of a lane of this node. @return WEIR_OK | WEIR_EIO */
WEIR_MUST_USE enum weir_err weir_store_lane_draw(const struct weir_store *s,
                                                 uint8_t ret_id[WEIR_LANE_LEN]);

#endif
