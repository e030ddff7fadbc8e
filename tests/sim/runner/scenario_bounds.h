/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_bounds.h - a scenario in which more comes than fits.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_BOUNDS_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_BOUNDS_H

#include <stdbool.h>

/** Prints its figures. @return whether nothing was lost, and all was mended in time */
bool weir_scenario_bounds(void);

#endif
