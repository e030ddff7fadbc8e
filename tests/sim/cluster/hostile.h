/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile.h - a peer that is no engine: it has a valid certificate, so the nodes listen to it.
 * As a node of a later version it writes records with fields that no engine here knows, and follows
 * all rules. As an enemy it sends frames that are cut short, replayed, wrong or far too many.
 * Whatever it says, honest nodes must stay as right as without it.
 * Owner: one thread.   Limits: WEIR_SIM_REPLAYS_MAX frames to replay, WEIR_SIM_LATER_MAX
 * records written.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_H

#include "tests/sim/cluster/hostile_state.h"

struct weir_sim;

/** Join it to all nodes, when the plan has a use for it. */
void weir_sim_hostile_init(struct weir_sim *s);
void weir_sim_hostile_deinit(struct weir_sim_hostile *h);
/** An event of the network for it: a link, or a frame, which is borrowed. */
void weir_sim_hostile_on_event(struct weir_sim *s, const struct weir_sim_net_event *event);
/** It writes a record with fields of a later version, and publishes it. */
void weir_sim_hostile_write(struct weir_sim *s);

#endif
