/* SPDX-License-Identifier: Apache-2.0
 *
 * barred.h - who may not take part: a node that was evicted has no links with those that know it
 * (I14), and one whose clock is off writes no settings.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_BARRED_H
#define WEIR_TESTS_SIM_ORACLE_BARRED_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/engine/engine.h"
#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** Between turns: the links of a node, and since when it knows of evictions. */
void weir_sim_barred_check(struct weir_sim *s, struct weir_sim_node *n);
/** Has the node known for a while that the other was evicted? */
bool weir_sim_barred_is(const struct weir_sim *s, const struct weir_sim_node *n, uint32_t other);
/** A write of this class had this result. */
void weir_sim_barred_wrote(struct weir_sim *s, const struct weir_sim_node *n, enum weir_class class,
                           enum weir_err err);

#endif
