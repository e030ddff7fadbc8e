/* SPDX-License-Identifier: Apache-2.0
 *
 * members_judge.h - private to the members room: what follows from silence.
 */
#ifndef WEIR_SYNC_MEMBERS_MEMBERS_JUDGE_H
#define WEIR_SYNC_MEMBERS_MEMBERS_JUDGE_H

#include "sync/members/members.h"

/** Judge all nodes by their silence, every WEIR_MEMBERS_SCAN_US; before that nothing happens. */
void weir_members_scan(struct weir_members *m);

#endif
