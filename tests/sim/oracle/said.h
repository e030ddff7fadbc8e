/* SPDX-License-Identifier: Apache-2.0
 *
 * said.h - whether a node's frames say what it has: its own writes, each published once and in
 * order; Hello, as soon as a link is up, with its vector, floor and what it met of the peer;
 * heartbeats, with the end of what was published and the hash of the vector.
 * Owner: one thread.   Limits: links 0..63 of a node.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_SAID_H
#define WEIR_TESTS_SIM_ORACLE_SAID_H

#include "sync/engine/engine.h"
#include "sync/frame/frame.h"
#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** The process was started: nothing was said in this life. */
void weir_sim_said_start(struct weir_sim_node *n);
/** A turn begins. */
void weir_sim_said_turn(struct weir_sim_node *n);
/** A link is up or down, by an input of the turn. */
void weir_sim_said_link(struct weir_sim_node *n, uint32_t slot, bool up);
/** An output of a turn that was committed. @param f  its frame, or NULL */
void weir_sim_said_output(struct weir_sim *s, struct weir_sim_node *n,
                          const struct weir_engine_out *out, const struct weir_frame *f);
/** The turn has ended, and those were its outputs. @param err  it failed: nothing was due */
void weir_sim_said_end(struct weir_sim *s, struct weir_sim_node *n, enum weir_err err);

#endif
