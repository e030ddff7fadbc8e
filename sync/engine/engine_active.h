/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_active.h - private to the engine: the engine's side of sync/activation/.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_ACTIVE_H
#define WEIR_SYNC_ENGINE_ENGINE_ACTIVE_H

#include "sync/engine/engine_state.h"

/** Time, once a turn; makes the tables when they are missing. */
void weir_engine_active_tick(struct weir_engine *e);

/** Feed all stored records to active.h again: after a start, a reset, or a loss of memory. */
void weir_engine_active_load(struct weir_engine *e);

/** Free the tables. */
void weir_engine_active_deinit(struct weir_engine *e);

/**
 * A record was stored. active.h learns of it when the turn is durable.
 * @param old  the record that it replaced, or NULL
 */
void weir_engine_active_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                               const struct weir_stored_record *old);

/** A tombstone is purged: once the turn is durable, nothing waits for it to become active. */
void weir_engine_active_purged(struct weir_engine *e, const struct weir_stored_record *rec);

/** The walk over all records has reached this one. */
void weir_engine_active_walk(struct weir_engine *e, const struct weir_stored_record *rec);

/** The walk over all records is complete. */
void weir_engine_active_walked(struct weir_engine *e);

/** The turn ended. @param done  false: it was undone */
void weir_engine_active_end(struct weir_engine *e, bool done);

/** Add acks to a heartbeat. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_active_publish(struct weir_engine *e, Weir__V1__Heartbeat *m);

/** A peer came that remembers no ack of this node: all lanes are reported once more. */
void weir_engine_active_repeat(struct weir_engine *e);

/** The acks of a peer's heartbeat. */
void weir_engine_active_heard(struct weir_engine *e, const Weir__V1__Heartbeat *h);

#endif
