/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_ladder.h - connections and the memory of their worker: who waits until some is free, and
 * what is given up when it stays short. The accounts and the rungs are in base/buffers/budget.h.
 * Private to node/loop. Owner: one worker.
 */
#ifndef WEIR_NODE_LOOP_MEMORY_LADDER_H
#define WEIR_NODE_LOOP_MEMORY_LADDER_H

#include <stddef.h>

#include "node/base/contract.h"

struct weir_worker;
struct weir_session;

/** How much of `want` a session may read; 0: it waits, and does not watch for input meanwhile. */
WEIR_MUST_USE size_t weir_memory_session_room(struct weir_session *s, size_t want);
/** Bytes have left, or it is time to look: let some of those that wait go on, from the run list.
 * Cheap when none waits. */
void weir_memory_freed(struct weir_worker *w);
/** Part of that: the sessions. */
void weir_memory_resume(struct weir_worker *w);
/** Each tick: find the rung, publish what is used, shed if need be. */
void weir_memory_tick(struct weir_worker *w);

#endif
