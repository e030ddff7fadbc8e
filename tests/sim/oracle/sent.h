/* SPDX-License-Identifier: Apache-2.0
 *
 * sent.h - what a node sends, frame by frame: rules that its peers could see.
 * Owner: one thread.   Limits: none.
 */
#ifndef WEIR_TESTS_SIM_ORACLE_SENT_H
#define WEIR_TESTS_SIM_ORACLE_SENT_H

#include "sync/engine/engine.h"
#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** A turn was committed, and this is one of its frames. @param out  SEND or PUBLISH */
void weir_sim_sent_check(struct weir_sim *s, struct weir_sim_node *n,
                         const struct weir_engine_out *out);

#endif
