/* SPDX-License-Identifier: Apache-2.0
 *
 * store_steps.h - private to the store: what open, close and the writer ask of files that no other
 * file calls.
 */
#ifndef WEIR_SYNC_STORE_STORE_STEPS_H
#define WEIR_SYNC_STORE_STORE_STEPS_H

#include "sync/store/store_lmdb.h"

/* -- store_writer.c -- */

/** Start the writer thread. @return WEIR_OK | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_store_writer_start(struct weir_store *s);

/** Finish what is queued, and join the thread. Also when it was never started. */
void weir_store_writer_stop(struct weir_store *s);

/* -- store_purge.c -- */

/** Purge old tombstones, at most STORE_PURGE_BATCH. @return whether there are more */
bool weir_store_purge_step(struct weir_store *s);

/* -- store_upgrade.c -- */

/**
 * Make the reversed rows if they are not whole, in transactions of a bounded number of rows. A call
 * that is cut off is continued by the next one. Nothing else of the database changes. When the disk
 * does not take the rows this is logged, s->reversed_whole stays false and the result is WEIR_OK.
 * @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOMEM | as weir_store_txn_begin
 */
WEIR_MUST_USE enum weir_err weir_store_upgrade(struct weir_store *s);

/* -- store_salvage.c -- */

/**
 * Build a new file from what can be read of the present one, and move it to its place.
 * @param why  for the log
 * @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_store_salvage(struct weir_store *s, const char *why);

/** Remove what a rescue that was cut off left behind. @param sound  the present file is sound */
void weir_store_salvage_tidy(struct weir_store *s, bool sound);

/* -- store_eph.c -- */

/**
 * Delete the file of group E, which is then made anew.
 * @param why  for the log
 * @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_store_eph_wipe(struct weir_store *s, const char *why);

/**
 * The database of group E is open. If it is of another boot and was not closed it is deleted.
 * From now on commits do not wait for the disk.
 * @return as weir_store_open
 */
WEIR_MUST_USE enum weir_err weir_store_eph_start(struct weir_store *s, const uint8_t *boot_id);

/** From now on commits wait for the disk again, and for all that were before. */
void weir_store_eph_end(struct weir_store *s);

#endif
