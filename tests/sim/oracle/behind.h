/* SPDX-License-Identifier: Apache-2.0
 *
 * behind.h - I2 for what one node's vector was raised by in a turn, beside what the engines of the
 * other nodes say: who missed purges of this node, or is STALE, gives its records up. No node
 * accepts anything of it, so that what it alone holds is not to come back but by its export.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_BEHIND_H
#define WEIR_TESTS_SIM_ORACLE_BEHIND_H

struct weir_sim;
struct weir_sim_node;

/** Note who is behind this node, which has an engine: for weir_sim_covered_all. */
void weir_sim_behind_note(struct weir_sim *s, const struct weir_sim_node *n);
/** After its turn: the same, and weir_sim_covered_raised. */
void weir_sim_behind_turn(struct weir_sim *s, const struct weir_sim_node *n);

#endif
