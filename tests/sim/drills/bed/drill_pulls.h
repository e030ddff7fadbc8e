/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_pulls.h - private to tests/sim/drills/: a source of pulls, and its responses.
 */
#ifndef WEIR_TESTS_SIM_DRILLS_BED_DRILL_PULLS_H
#define WEIR_TESTS_SIM_DRILLS_BED_DRILL_PULLS_H

#include "tests/sim/drills/bed/drill.h"

#define WEIR_DRILL_SOURCE 0 /* the link of the source */

/** The request of the last turn for a group. @return NULL: there is none */
const Weir__V1__PullReq *weir_drill_request(const struct weir_drill *d, uint32_t link,
                                            enum weir_group g);
/** Start the engine and meet the source, which has `num` records of a lane of its own; its requests
 * are noted. */
void weir_drill_meet_source(struct weir_drill *d, uint64_t num, uint8_t lane[WEIR_LANE_LEN]);
/** The response is not the last: the cursor of this lane is at `seq`. */
void weir_drill_more(struct weir_drill *d, Weir__V1__PullRep *rep,
                     const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);
/** One record of a tenant more, whose value is its key. */
void weir_drill_add_record(struct weir_drill *d, Weir__V1__PullRep *rep, const char *key,
                           const uint8_t lane[WEIR_LANE_LEN], uint64_t seq);
/** A complete response without a record comes. */
void weir_drill_respond_to(struct weir_drill *d, uint32_t link, const Weir__V1__PullReq *req);
/** The same, to the request that was noted of this group. */
void weir_drill_finish(struct weir_drill *d, uint32_t link, enum weir_group g);

#endif
