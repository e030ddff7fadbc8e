/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_year.h - the scenario year.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_YEAR_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_YEAR_H

#include <stdbool.h>

/** 364 days of eight nodes with restarts, replacements and upgrades. @return whether it is within
 * its bars */
bool weir_scenario_year(void);

#endif
