/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_group.h - private to the engine: vectors, floors, retired lanes and this node's lane of a
 * group.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_GROUP_H
#define WEIR_SYNC_ENGINE_ENGINE_GROUP_H

#include "sync/engine/engine_state.h"

#define ENGINE_FINAL_LEN 8 /* bytes of the value of a record of class LANE */

/**
 * Read vectors and numbers of a group from its store, inside its transaction.
 * @return WEIR_OK | WEIR_EIO | WEIR_ENOMEM | WEIR_ELIMIT: they are not usable
 */
WEIR_MUST_USE enum weir_err weir_engine_load(struct weir_engine *e, enum weir_group g);

/**
 * Write the lanes and numbers that changed in this turn.
 * @return as put_lane and put_meta of record_store.h
 */
WEIR_MUST_USE enum weir_err weir_engine_store_lanes(struct weir_engine *e, enum weir_group g);

/** Does the lane have an entry in the vectors, or is there room for one? Counted when not. */
WEIR_MUST_USE bool weir_engine_has_room(struct weir_engine *e, enum weir_group g,
                                        const uint8_t lane[WEIR_LANE_LEN]);

/** A record of this lane with this number was met. */
void weir_engine_note_seen(struct weir_engine *e, enum weir_group g,
                           const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);

/** From now on the vector covers (lane, seq). */
void weir_engine_raise(struct weir_engine *e, enum weir_group g, const uint8_t lane[WEIR_LANE_LEN],
                       uint64_t seq);

/** Join the vector, and in group C the floor, with those of a pull's source. */
void weir_engine_join(struct weir_engine *e, enum weir_group g, const struct weir_vector *vv,
                      const struct weir_vector *floor);

/** The floor of group C rises to cover a purged tombstone. */
void weir_engine_raise_floor(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN],
                             uint64_t seq);

/** Draw a new lane for what is written next. */
void weir_engine_draw_lane(struct weir_engine *e, enum weir_group g);

/**
 * R10: a peer knows more of this node's own lane than this node does: stop writing on it.
 * @param link  of that peer, for the alarm
 */
void weir_engine_lane_lost(struct weir_engine *e, enum weir_group g, uint32_t link);

/**
 * The lanes of one group out of a decoded list; `ret` must be initialised.
 * @return false: no memory, `ret` is empty and the turn has failed
 */
WEIR_MUST_USE bool weir_engine_split(struct weir_engine *e, enum weir_group g,
                                     Weir__V1__Lv *const *lanes, size_t num,
                                     struct weir_vector *ret);

/** A record was stored. If it is of class LANE, the lane that it names has an end now. */
void weir_engine_retire_stored(struct weir_engine *e, const struct weir_stored_record *rec);

/**
 * The retired lanes that this node has up to their ends, and not beyond. Borrowed until the next
 * change.
 */
const struct weir_vector *weir_engine_retired(struct weir_engine *e);

/** The hash of weir_engine_retired; 0: there are none. */
uint64_t weir_engine_retired_hash(struct weir_engine *e);

/** Copy `v` without the retired lanes. @return false: `ret` is empty, the turn has failed */
WEIR_MUST_USE bool weir_engine_leave_out(struct weir_engine *e, const struct weir_vector *v,
                                         struct weir_vector *ret);

/**
 * Add the retired lanes that a peer left out of `v`.
 * @param hash  of those it left out
 * @return false: they are not the ones that are retired here, or the turn has failed
 */
WEIR_MUST_USE bool weir_engine_fill_in(struct weir_engine *e, uint64_t hash, struct weir_vector *v);

#endif
