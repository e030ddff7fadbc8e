/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_life.h - private to the engine: the states of a node, and its lives.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_LIFE_H
#define WEIR_SYNC_ENGINE_ENGINE_LIFE_H

#include "sync/engine/engine_state.h"

/** The one place where the state changes. The move must be legal (contract). */
void weir_engine_move(struct weir_engine *e, enum weir_engine_state to);

/** The turn has failed (contract) and is undone: back to the state at its start. */
void weir_engine_move_back(struct weir_engine *e);

/** Draw another incarnation: what peers know of the last one no longer holds. */
void weir_engine_draw_incarnation(struct weir_engine *e);
/** Drop all records of group C, and the lane. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_wipe(struct weir_engine *e);

/** Wipe, and begin a new life: JOINING, with another incarnation. */
void weir_engine_reset(struct weir_engine *e);

/**
 * R6: become STALE, so that the records are exported before the reset. STALE already: nothing
 * happens.
 */
void weir_engine_go_stale(struct weir_engine *e);

#endif
