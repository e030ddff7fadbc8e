/* SPDX-License-Identifier: Apache-2.0
 *
 * sim_node.h - one node of a simulated cluster: an engine over two stores, with a clock, a process
 * that can be killed or stopped, and a disk that takes its time. While a commit is under way, what
 * comes waits; when it is done, the outputs of the turn are sent, unless the process died in
 * between. Owner: one thread.   Limits: WEIR_SIM_INBOX_MAX inputs wait; then the oldest hint is
 * dropped.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_SIM_NODE_H
#define WEIR_TESTS_SIM_CLUSTER_SIM_NODE_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/sim/cluster/node_state.h"

struct weir_sim;

/** Stores and an id; no process. @param n  memory of the caller */
void weir_sim_node_init(struct weir_sim *s, struct weir_sim_node *n, uint32_t index);
void weir_sim_node_deinit(struct weir_sim_node *n);
/** Unix ms by its clock. */
uint64_t weir_sim_node_wall(const struct weir_sim *s, const struct weir_sim_node *n);
/** Start a process on the stores as they are; later again when they cannot be read. */
void weir_sim_node_start(struct weir_sim *s, struct weir_sim_node *n, bool bootstrap);
/** End it at once. @param whole  the host stops: bans that were not synced are lost */
void weir_sim_node_kill(struct weir_sim *s, struct weir_sim_node *n, bool whole);
/** An input; takes the parcel. Without a process the input is dropped. */
void weir_sim_node_give(struct weir_sim *s, struct weir_sim_node *n,
                        const struct weir_sim_input *input);
/** Take a turn no later than this. */
void weir_sim_node_poke(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us);
/** Its events. */
void weir_sim_node_on_turn(struct weir_sim *s, struct weir_sim_node *n, uint64_t at_us);
void weir_sim_node_on_done(struct weir_sim *s, struct weir_sim_node *n, uint64_t life);
void weir_sim_node_pause(struct weir_sim *s, struct weir_sim_node *n, bool on);
/** Bytes that this process has allocated and not freed. */
size_t weir_sim_heap_bytes(void);
/** Is it part of the cluster now, with a process? */
bool weir_sim_node_is_up(const struct weir_sim_node *n);

#endif
