/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_writes.h - private to tests/sim/drills/: what several files ask of writes and records.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_WRITES_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_WRITES_H

#include "tests/sim/drills/bed/drill.h"

/** Allocations that a drill lets fail, one after another, before it believes that there are no
 * more. */
#define WEIR_DRILL_ALLOCS 64

/** A write of a tenant's record, or with a key of weir_drill_ban_key of a ban for `ttl_s` that has
 * room in a column; cookie 7. To be changed. */
struct weir_engine_write weir_drill_make_write(const struct weir_drill *d, const char *key,
                                               const char *value);
struct weir_engine_write weir_drill_make_ban(struct weir_drill *d, uint8_t n, uint64_t ttl_s);
/** It is written, in a turn of its own. @return as weir_drill_write */
enum weir_err weir_drill_write_one(struct weir_drill *d, const struct weir_engine_write *w);
/** What the store has, damaged or not; class 0: nothing. Borrows until the next change. */
struct weir_stored_record weir_drill_find(const struct weir_drill *d, enum weir_class class,
                                          struct weir_span key);
/** The lane that this database writes on, and its last number. */
struct weir_store_meta weir_drill_meta(const struct weir_drill *d, enum weir_group g);
/** Change the numbers of a store while no engine is over it. */
void weir_drill_set_meta(struct weir_drill *d, enum weir_group g,
                         const struct weir_store_meta *meta);
/** Put a row of a lane into a store while no engine is over it. */
void weir_drill_set_row(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row);

#endif
