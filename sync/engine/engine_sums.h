/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_sums.h - private to the engine: audit sums of the records that are stored here (R12), and
 * the records that were found damaged (R11).
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_SUMS_H
#define WEIR_SYNC_ENGINE_ENGINE_SUMS_H

#include "sync/engine/engine_state.h"

#define ENGINE_REPAIR_KEYS 64 /* of one request for records by key */

/** Is this stored record part of the sums? It is not while the walk has yet to reach it. */
bool weir_engine_is_summed(const struct weir_engine *e, const struct weir_stored_record *rec);
/** Add a record to the sums at the commit, or take it away then. */
void weir_engine_sum(struct weir_engine *e, const struct weir_stored_record *rec, bool add);

/** The turn is durable: change the sums. One that is undone restarts them. */
void weir_engine_sums_end(struct weir_engine *e);

/** Start the walk over all records again, with sums of zero. */
void weir_engine_sums_restart(struct weir_engine *e);

/** A record with a wrong checksum was found: drop it, and note that it must be fetched. */
void weir_engine_drop_damaged(struct weir_engine *e, enum weir_class class, struct weir_span key);

/**
 * R11: the peer of this link did not have all that this node had: ask it for the damaged records
 * once more, later.
 */
void weir_engine_ask_again(struct weir_engine *e, uint32_t link);
/** Was the peer of this link asked for the damaged record since it was found? */
bool weir_engine_was_asked(const struct engine_damaged *d, uint32_t link);

#endif
