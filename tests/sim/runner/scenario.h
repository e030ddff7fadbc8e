/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.h - large clusters and large stores without random faults: how long does it take?
 * Each has a bar that it must not miss. Figures are virtual time, but for the hour, which is of the
 * clock on the wall.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_RUNNER_SCENARIO_H
#define WEIR_TESTS_SIM_RUNNER_SCENARIO_H

#include <stdbool.h>
#include <stddef.h>

struct weir_sim_scenario {
    const char *name;
    const char *text;
    bool (*run)(void); /* prints its figures; true: within the bar */
};

/** All of them. Static. */
const struct weir_sim_scenario *weir_sim_scenarios(size_t *ret_num);

#endif
