/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_turn.h - private to the engine: a turn and its transactions. An input opens the turn; the
 * group's transaction begins when something is needed of its store; an error ends it.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_TURN_H
#define WEIR_SYNC_ENGINE_ENGINE_TURN_H

#include "sync/engine/engine_state.h"

/** An input came: open a turn, if none is open. */
void weir_engine_turn(struct weir_engine *e);

/**
 * The turn cannot be carried out; weir_engine_commit undoes it. The first error stays.
 * @param err an error, not WEIR_OK (contract)
 */
void weir_engine_fail(struct weir_engine *e, enum weir_err err);

/** Open the group's transaction, if it is not open. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_begin(struct weir_engine *e, enum weir_group g);

/** Undo the transactions that are open. */
void weir_engine_abort_stores(struct weir_engine *e);

#endif
