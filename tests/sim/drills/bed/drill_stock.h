/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_stock.h - what a drill's stores have before the engine starts, and peers that have the
 * same: for drills of what an engine does with its records without any input.
 * Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_STOCK_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_STOCK_H

#include "sync/version/sums.h"
#include "tests/sim/drills/bed/drill.h"

/** A transaction of a store, while the engine has none. */
void weir_drill_stock_begin(struct weir_drill *d, enum weir_group g);
/** A record, in the open transaction. @param r  with a lane; a ban that is no tombstone gets
 * `expires` of `when`, any other record is stored at the ms `when` */
void weir_drill_stock_put(struct weir_drill *d, const struct weir_drill_rec *r, uint64_t when);
/** All lanes but those that have a vector already are covered to their last record; the store is
 * that of a live node; commit. */
void weir_drill_stock_end(struct weir_drill *d, enum weir_group g);
/** The row of a lane, in a transaction of its own. */
void weir_drill_stock_lane(struct weir_drill *d, enum weir_group g,
                           const struct weir_lane_row *row);
/** Turn a bit of the key of a record: it is damaged, or sound again. */
void weir_drill_damage(struct weir_drill *d, enum weir_group g, enum weir_class class,
                       struct weir_span key);

/** The audit sums of a class as its live records are. Until the next call. */
const struct weir_sums *weir_drill_sums(struct weir_drill *d, enum weir_class class);
/** Are the engine's sums these, bucket by bucket, in all classes? */
bool weir_drill_is_summed(struct weir_drill *d);

/** The peer has what the engine has. */
void weir_drill_level(struct weir_drill *d, uint32_t link);
/** Respond to the requests of the last turn, and to those that follow, with all that the peers
 * have: no record. */
void weir_drill_settle_all(struct weir_drill *d);
/** Level peers 1..`num` are met and pulled from. Link 0 was never up. */
void weir_drill_meet_level(struct weir_drill *d, uint32_t num);
/** A heartbeat of the peer comes: it has the vector of its last Hello, and the sums of the engine,
 * but for the classes of a bit set: those are off by `off`, or with 0 not there. */
void weir_drill_beat_sums(struct weir_drill *d, uint32_t link, uint32_t classes, uint64_t off);

/** The request for keys of the last turn, to this link. NULL: none */
const Weir__V1__PullReq *weir_drill_forced(const struct weir_drill *d, uint32_t link);

#endif
