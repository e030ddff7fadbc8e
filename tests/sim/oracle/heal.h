/* SPDX-License-Identifier: Apache-2.0
 *
 * heal.h - the end of a run: no faults any more, until all nodes are equal; then the judgement.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_HEAL_H
#define WEIR_TESTS_SIM_ORACLE_HEAL_H

#include "tests/sim/cluster/sim.h"

/** End all faults, wait until the nodes are equal, judge the end. */
void weir_sim_heal(struct weir_sim *s);
/** Are all nodes LIVE, with equal vectors and equal live records? */
bool weir_sim_is_equal(const struct weir_sim *s);

#endif
