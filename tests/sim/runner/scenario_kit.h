/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_kit.h - what measured scenarios (scenario.h) are made of: a plan without faults, nodes,
 * writes by the thousand, and a figure beside its bar.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_KIT_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/cluster/sim.h"

#define WEIR_SCENARIO_MS_US UINT64_C(1000)

/** No faults, nothing lost, log-normal delays of 10 ms. @param features  enum weir_sim_feature */
struct weir_sim_plan weir_scenario_plan(uint32_t num_nodes, uint64_t features);
/** Nodes without links. The caller frees them. */
struct weir_sim *weir_scenario_nodes_new(const struct weir_sim_plan *plan);
/** Nodes and the links of the plan. The caller frees them. */
struct weir_sim *weir_scenario_new(const struct weir_sim_plan *plan);
void weir_scenario_free(struct weir_sim *s);

/** Start each node as the first of its cluster. */
void weir_scenario_start_all(struct weir_sim *s);
void weir_scenario_play_for(struct weir_sim *s, uint64_t us);
/** Give a node one write of a setting, for its next turn. */
void weir_scenario_write(struct weir_sim *s, uint32_t node, uint32_t key);
/** Give a node one delete of a setting, for its next turn. */
void weir_scenario_delete(struct weir_sim *s, uint32_t node, uint32_t key);
/** Keys first..first+num-1, as many in a turn as it has room for. */
void weir_scenario_write_many(struct weir_sim *s, uint32_t node, uint32_t first, uint32_t num);
/** Give node 1 all that node 0 has in group C, without the lane of node 0. */
void weir_scenario_copy_store(struct weir_sim *s);
/** Play until all nodes are equal, or so long. @return the ms that it took */
uint64_t weir_scenario_until_equal(struct weir_sim *s, uint64_t most_ms);

/** Print a figure. @return whether it is within its bar */
bool weir_scenario_measured(const char *what, uint64_t ms, uint64_t bar_ms);
/** Has no check found anything? Prints what it was. */
bool weir_scenario_holds(const struct weir_sim *s);

#endif
