/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_nodes.h - private to engine*.c: what concerns nodes rather than records - members, lanes
 * of those that are gone, and what is active where.   Owner: as engine.h.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_NODES_H
#define WEIR_SYNC_ENGINE_ENGINE_NODES_H

#include "sync/engine/engine_state.h"

/* engine_members.c */
/** Time, and what the records of class MEMBER say; once a turn. */
void weir_engine_members_tick(struct weir_engine *e);
/** A link greeted. @return false: it was refused */
WEIR_MUST_USE bool weir_engine_members_up(struct weir_engine *e, uint32_t link);
void weir_engine_members_down(struct weir_engine *e, uint32_t link);
/** A heartbeat. @return false: its link was refused */
WEIR_MUST_USE bool weir_engine_members_heard(struct weir_engine *e, uint32_t link,
                                             const Weir__V1__Heartbeat *h);
/** What to say of others. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_members_gossip(struct weir_engine *e, Weir__V1__Heartbeat *m);
/** R10: has every other member said that it has nothing of the own lane that this node has not? */
WEIR_MUST_USE bool weir_engine_members_confirm(const struct weir_engine *e);
/** Are the links an overlay, in which what is new is published once more? */
bool weir_engine_relays(const struct weir_engine *e);

/* engine_retire.c */
/** A record was put: if it is of class LANE, a lane has an end now. */
void weir_engine_retire_stored(struct weir_engine *e, const struct weir_stored_record *rec);
/** The retired lanes that are here up to their ends. Borrowed until the next change. */
const struct weir_vector *weir_engine_retired(struct weir_engine *e);
/** Of these; 0: there are none. */
uint64_t weir_engine_retired_hash(struct weir_engine *e);
/** `v` without them. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_leave_out(struct weir_engine *e, const struct weir_vector *v,
                                         struct weir_vector *ret);
/** Undo a peer's leaving out. @return false: it has others retired than this node */
WEIR_MUST_USE bool weir_engine_fill_in(struct weir_engine *e, uint64_t hash, struct weir_vector *v);
/** Lanes of which there is more than their records say. */
void weir_engine_retire_tick(struct weir_engine *e);

/* engine_active.c */
void weir_engine_active_tick(struct weir_engine *e);
/** All of the store is to be told anew: after a start, a reset, or a loss of memory. */
void weir_engine_active_load(struct weir_engine *e);
void weir_engine_active_deinit(struct weir_engine *e);
/** A record was put; told when the turn is durable. */
void weir_engine_active_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                               const struct weir_stored_record *old);
/** The walk over all records came past one, or around. */
void weir_engine_active_walk(struct weir_engine *e, const struct weir_stored_record *rec);
void weir_engine_active_walked(struct weir_engine *e);
/** The turn ended; done = false: it was undone. */
void weir_engine_active_end(struct weir_engine *e, bool done);
/** What to say in a heartbeat. @return false: the turn has failed */
WEIR_MUST_USE bool weir_engine_active_publish(struct weir_engine *e, Weir__V1__Heartbeat *m);
void weir_engine_active_heard(struct weir_engine *e, const Weir__V1__Heartbeat *h);

#endif
