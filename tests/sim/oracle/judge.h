/* SPDX-License-Identifier: Apache-2.0
 *
 * judge.h - the judgement at the end of a run: what was seen of the nodes is compared with what
 * they hold.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_JUDGE_H
#define WEIR_TESTS_SIM_ORACLE_JUDGE_H

#include <stdbool.h>

#include "tests/sim/cluster/sim.h"

/**
 * I8: has each node sent the sums of the records that it holds since the healing, and do those of
 * its last heartbeat, if it has any, still agree? A node that pulls sends none, and of many nodes
 * some always do.
 * @return false as well when a store holds a damaged record
 */
bool weir_sim_sums_hold(struct weir_sim *s);
/** I1, I2, I4, I5 by the oracle, I11, and that no expired ban is held. For nodes that are equal. */
void weir_sim_judge(struct weir_sim *s);

#endif
