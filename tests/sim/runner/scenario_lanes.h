/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_lanes.h - the scenario restarts50.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_LANES_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_LANES_H

#include <stdbool.h>

/** Fifty nodes that are restarted in turn a thousand times. @return whether it is within its bar */
bool weir_scenario_restarts(void);
/** The same, 150 times. */
bool weir_scenario_few_restarts(void);

#endif
