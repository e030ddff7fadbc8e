/* SPDX-License-Identifier: Apache-2.0
 *
 * store_upgrade.h - private to the store: makes the rows of WEIR_INDEX_REVERSED for a database that
 * a program without them wrote, and the row of meta that says whether they are whole.
 */
#ifndef WEIR_SYNC_STORE_STORE_UPGRADE_H
#define WEIR_SYNC_STORE_STORE_UPGRADE_H

#include "sync/store/store_lmdb.h"

/**
 * Make the reversed rows if they are not whole, in transactions of a bounded number of rows. A call
 * that is cut off is continued by the next one. Nothing else of the database changes. When the disk
 * does not take the rows this is logged, s->reversed_whole stays false and the result is WEIR_OK.
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM | as weir_store_txn_begin
 */
WEIR_MUST_USE enum weir_err weir_store_upgrade(struct weir_store *s);

/**
 * Write into this transaction that the reversed rows are whole as of it, if they are. An older
 * program does not write this, so its commits invalidate the mark.
 * @return as weir_store_put
 */
WEIR_MUST_USE enum weir_err weir_store_upgrade_mark(struct store_txn *t);

#endif
