/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.h - a simulated cluster: nodes with the real engine, a network, faults, work, and what is
 * checked; one thread, virtual time. The seed, the wish and the scenario determine all of it.
 * Private to tests/sim/.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_H

#include <stdint.h>
#include <stdio.h>

#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"

/** A cluster as planned: stores, links, no process yet. @param s  zero, or deinit */
void weir_sim_init(struct weir_sim *s, const struct weir_sim_plan *plan, FILE *trace);
void weir_sim_deinit(struct weir_sim *s);
/** A link between two nodes, a != b; before they run. */
void weir_sim_join(struct weir_sim *s, uint32_t a, uint32_t b);
/** Links between all nodes, or with OVERLAY a ring with chords; and to the hostile peer. */
void weir_sim_join_all(struct weir_sim *s);
/** Play all events up to a time, or until something does not hold. */
void weir_sim_play(struct weir_sim *s, uint64_t until_us);
/** Processes, faults, users and checks begin, as planned: what a run is until its end. */
void weir_sim_begin(struct weir_sim *s);
/** Of nodes that are beyond one another's purges the operator picks the side of the first that is
 * live: all on the other side give up. */
void weir_sim_operate(struct weir_sim *s);

#endif
