/* SPDX-License-Identifier: Apache-2.0
 *
 * covered.h - I2: what a vector covers is there, or there is a reason why it is not.
 * Owner: one thread.   Limits: none.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_COVERED_H
#define WEIR_TESTS_SIM_ORACLE_COVERED_H

#include "tests/sim/oracle/check.h"

/** What the turn has covered, when its records are there. */
void weir_sim_covered_raised(struct weir_sim_view *v);
/** All that a node covers, and the floors that its purges left behind. @param store  of group C */
void weir_sim_covered_all(struct weir_sim_check *c, uint32_t node, const struct weir_memory *store);

#endif
