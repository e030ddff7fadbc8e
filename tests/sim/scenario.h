/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.h - runs of weir-sim that measure instead of searching: how long a flood, a rejoin, the
 * healing of a partition take, in virtual time, and what an hour of fifty nodes costs.
 * Owner: one thread.   Limits: what each of them says; 24 GiB of memory for the largest.
 */
#ifndef WEIR_TESTS_SIM_SCENARIO_H
#define WEIR_TESTS_SIM_SCENARIO_H

#include <stdbool.h>
#include <stdio.h>

/** Is there one of that name? */
bool weir_sim_has_scenario(const char *name);
/** Names and what each shows, a line each. */
void weir_sim_list_scenarios(FILE *out);
/** Run it and print what was measured beside its bar. `name` must be one (contract).
 * @return whether the bar is met */
bool weir_sim_scenario(const char *name, FILE *out);

#endif
