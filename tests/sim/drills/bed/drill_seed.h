/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_seed.h - what a drill puts into the stores of its engine before that starts, or reads out
 * of them record by record, without a peer that sends it. Owner: one thread.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_SEED_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_SEED_H

#include "tests/sim/drills/bed/drill.h"

#define WEIR_DRILL_EXTRA_MAX 64 /* bytes of fields of a later version that are drawn */

/** Store a record as it is. No turn is open. */
void weir_drill_seed(struct weir_drill *d, const struct weir_stored_record *rec);
/** Store the numbers of a lane. The store is a complete one from then on. */
void weir_drill_seed_row(struct weir_drill *d, enum weir_group g, const struct weir_lane_row *row);
void weir_drill_seed_meta(struct weir_drill *d, enum weir_group g,
                          const struct weir_store_meta *meta);

/** Draw what a record carries beside its key and version: a value of at most `most` bytes or
 * none at all, context, signature, fields of a later version, schema, reader. */
void weir_drill_draw_record(struct weir_drill *d, size_t most, struct weir_stored_record *rec);
/** The message that stands for a record, with its lane. */
Weir__V1__Record *weir_drill_message(struct weir_drill *d, const struct weir_stored_record *rec);
/** Does a message say of a record all that there is to say, and nothing else? */
bool weir_drill_is_message_of(const Weir__V1__Record *m, const struct weir_stored_record *rec);
/** A copy of a record whose bytes lie in `mem`. */
struct weir_stored_record *weir_drill_copy_record(struct weir_drill *d,
                                                  const struct weir_stored_record *rec);
/** Are they the same in all but when they were stored? */
bool weir_drill_is_record(const struct weir_stored_record *a, const struct weir_stored_record *b);
/** All records of a group by class and key, copied into `mem`. */
struct weir_stored_record **weir_drill_records(struct weir_drill *d, enum weir_group g,
                                               size_t *ret_num);

#endif
