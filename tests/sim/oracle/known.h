/* SPDX-License-Identifier: Apache-2.0
 *
 * known.h - what nodes know of each other: the records of members, and what heartbeats said.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_KNOWN_H
#define WEIR_TESTS_SIM_ORACLE_KNOWN_H

#include "tests/sim/cluster/sim.h"

/** Does every node show its members as they are? */
bool weir_sim_known_holds(const struct weir_sim *s);
/** For nodes that are equal and were calm for some heartbeats: each knows the members that its
 * store has, hears those that it is linked with, and has measured its clock by theirs. */
void weir_sim_known_check(struct weir_sim *s);

#endif
