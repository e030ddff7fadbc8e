/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_group.h - private to the engine: vectors, floors, folded lanes (R14) and this node's lane
 * of a group.
 */
#ifndef WEIR_SYNC_ENGINE_ENGINE_GROUP_H
#define WEIR_SYNC_ENGINE_ENGINE_GROUP_H

#include "sync/engine/engine_state.h"

#define ENGINE_FINAL_LEN 8                   /* bytes of the value of a record of class LANE */
#define ENGINE_FOLDED    (UINT64_C(1) << 63) /* in it: all members have the lane to its end */

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

/** Up to where this node has a lane, folded or not. */
uint64_t weir_engine_reach(const struct weir_engine *e, enum weir_group g,
                           const uint8_t lane[WEIR_LANE_LEN]);

/** Is the dot in the past of this node? */
bool weir_engine_covers(const struct weir_engine *e, enum weir_group g,
                        const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);

/**
 * The hash of what this node has, folded lanes included: nodes that have the same and fold at
 * different times do not differ in it.
 */
uint64_t weir_engine_hash(const struct weir_engine *e, enum weir_group g);

/** Does `v`, a peer's vector or floor, reach beyond what this node has? */
bool weir_engine_lacks(const struct weir_engine *e, enum weir_group g, const struct weir_vector *v);

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

/** The value of a record of class LANE: where the lane ends, and ENGINE_FOLDED; 0: nowhere. */
uint64_t weir_engine_end_of(const struct weir_stored_record *rec);

/**
 * A record was stored. If it is of class LANE, the lane that it names ends, goes on, or is to be
 * folded by the next weir_engine_retire_tick.
 * @param was  weir_engine_end_of the record that it replaced, and its version
 */
void weir_engine_end_stored(struct weir_engine *e, const struct weir_stored_record *rec,
                            uint64_t was, const struct weir_version *by);

/** A lane that this node has to its end leaves vectors and floors; its row in the store stays. */
void weir_engine_fold(struct weir_engine *e, const uint8_t lane[WEIR_LANE_LEN]);

/**
 * What to show a peer: `v` and the folded lanes that the peer has in its vector `to`, which it has
 * not folded and would think unknown here; of NULL all.
 * @param ret  initialised
 * @return false: `ret` is empty, the turn has failed
 */
WEIR_MUST_USE bool weir_engine_show(struct weir_engine *e, const struct weir_vector *v,
                                    const struct weir_vector *to, struct weir_vector *ret);

#endif
