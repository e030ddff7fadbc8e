/* SPDX-License-Identifier: Apache-2.0
 *
 * counted.h - the engine's counters against what was seen to happen in a turn: frames that it was
 * given, writes that it refused, records that it stored or purged, what it sent.
 * Owner: one thread.   Limits: none.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_COUNTED_H
#define WEIR_TESTS_SIM_ORACLE_COUNTED_H

#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** A turn begins. */
void weir_sim_counted_turn(struct weir_sim_node *n);
/** One of these has happened. */
void weir_sim_counted_note(struct weir_sim_node *n, enum weir_engine_count counter);
/** A frame that the node sends. */
void weir_sim_counted_frame(struct weir_sim_node *n, const struct weir_frame *f);
/** The turn has ended. @param err  it failed: what was undone has been counted */
void weir_sim_counted_end(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err);

#endif
