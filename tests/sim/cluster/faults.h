/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.h - what goes wrong in a simulated cluster, now and then, and how it ends.
 * Each fault has random numbers of its own, so that leaving one out changes no other.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_FAULTS_H
#define WEIR_TESTS_SIM_CLUSTER_FAULTS_H

#include "tests/sim/cluster/sim_state.h"

/** The first of each kind that the plan has. */
void weir_sim_faults_begin(struct weir_sim *s);
/** One happens; and the next of its kind later. */
void weir_sim_faults_on_event(struct weir_sim *s, enum weir_sim_fault fault);
/** One is over. @param arg  the node or link that it was about */
void weir_sim_faults_on_over(struct weir_sim *s, enum weir_sim_fault fault, uint64_t arg);
/** All are over: the network carries everything, disks and clocks are right, processes that were
 * stopped or have crashed run. Only what was lost stays lost. */
void weir_sim_faults_end(struct weir_sim *s);
/** A node joins the cluster: its process, and its MEMBER record. */
void weir_sim_faults_join(struct weir_sim *s, uint32_t node, bool bootstrap);

#endif
