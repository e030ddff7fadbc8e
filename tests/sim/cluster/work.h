/* SPDX-License-Identifier: Apache-2.0
 *
 * work.h - what users of a simulated cluster do: single writes, fights for one key, bursts; few
 * keys are written often and many seldom.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_WORK_H
#define WEIR_TESTS_SIM_CLUSTER_WORK_H

#include "node/base/rng.h"

struct weir_sim;

/** One write, somewhere; and the next one later. */
void weir_sim_work_on_event(struct weir_sim *s);
/** All nodes write one key. */
void weir_sim_work_fight(struct weir_sim *s, struct weir_rng *rng);
/** One node writes very much. */
void weir_sim_work_burst(struct weir_sim *s, struct weir_rng *rng);
/** One write of a key of its own, whose acknowledgement the node notes as its last. */
void weir_sim_work_last(struct weir_sim *s, uint32_t node);
/** Operators see to it that there is a record of each node that has come or gone: what is missing
 * is written where that can be done. */
void weir_sim_work_members(struct weir_sim *s);

/** An operator changes the MEMBER record of a node: another zone, or fields of a later version. */
void weir_sim_work_move(struct weir_sim *s, struct weir_rng *rng);
/** A user writes what no node may accept, and an operator a MEMBER record that no node can read. */
void weir_sim_work_mistake(struct weir_sim *s, struct weir_rng *rng);

#endif
