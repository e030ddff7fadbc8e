/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_lies.h - what the hostile peer states that is not so: a feature of the plan for each way.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_LIES_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_LIES_H

#include <stdint.h>

struct weir_sim;

/** In how many ways it lies in this run. */
uint32_t weir_sim_hostile_num_lies(const struct weir_sim *s);
/** It lies in one of them. @param way  below their number */
void weir_sim_hostile_lie(struct weir_sim *s, uint32_t way);

#endif
