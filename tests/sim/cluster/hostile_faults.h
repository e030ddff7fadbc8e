/* SPDX-License-Identifier: Apache-2.0
 *
 * hostile_faults.h - the hostile peer sends frames with one fault each: what a node sent, with one
 * thing about it that no frame may have. Every node must reject each of them where it is decoded.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_CLUSTER_HOSTILE_FAULTS_H
#define WEIR_TESTS_SIM_CLUSTER_HOSTILE_FAULTS_H

struct weir_sim;

/** Send the next few faults in turn; one for which no frame has come yet is left out. */
void weir_sim_hostile_malformed(struct weir_sim *s);

#endif
