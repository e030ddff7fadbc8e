/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_turns.h - scenarios that measure the longest turn and the memory of an engine with a lot
 * to do: each prints its figures and returns whether they are within its bars.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_TURNS_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_TURNS_H

#include <stdbool.h>

/** A node with an empty disk joins one that has 1,000,000 records. */
bool weir_scenario_bootstrap(void);
/** Of 1,000,000 records one differs, and an audit mends it. */
bool weir_scenario_audit(void);
/** 100,000 tombstones come of age at once. */
bool weir_scenario_purge(void);
/** 1,000 members, of whom one is connected. */
bool weir_scenario_members(void);
/** Five nodes whose commits take half a second. */
bool weir_scenario_slow_disk(void);

#endif
