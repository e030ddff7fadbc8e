/* SPDX-License-Identifier: Apache-2.0
 *
 * activation.h - I12: what nodes report of revisions, against what their data planes serve. A
 * report may say less than is true, never more; when all is healed it is exact, and reaches all
 * nodes, so that `weir apply --wait` ends.   Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_ACTIVATION_H
#define WEIR_TESTS_SIM_ORACLE_ACTIVATION_H

#include <stdbool.h>

#include "sync/frame/ack.h"
#include "tests/sim/cluster/node_state.h"
#include "tests/sim/cluster/sim_state.h"

/** An ack that a node puts into its heartbeat. Checks the newest numbers and the listed ones. */
void weir_sim_activation_published(struct weir_sim *s, const struct weir_sim_node *n,
                                   const struct weir_ack *ack);
/** Something changed that has to be reported: is that done soon? Between the input and the next. */
void weir_sim_activation_changed(struct weir_sim *s, const struct weir_sim_node *n);
/** What a node has to report of all writes, and what it counts of some. Linear. */
void weir_sim_activation_check(struct weir_sim *s, struct weir_sim_node *n);
/** Healed: are all reports exact, and is it known by all nodes what became of the last write of
 * each? */
bool weir_sim_activation_has_ended(struct weir_sim *s);
/** Print what is not exact, for a reader of the trace. */
void weir_sim_activation_print(struct weir_sim *s);

#endif
