/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_pulls.c - a source of pulls, and its responses.
 */
#include "tests/sim/drills/bed/drill_pulls.h"

#include <string.h>

#define RECORDS_MAX 8 /* of one response */

const Weir__V1__PullReq *weir_drill_request(const struct weir_drill *d, uint32_t link,
                                            enum weir_group g)
{
    uint32_t topic = g == WEIR_GROUP_E ? WEIR_FRAME_BATCH_E : WEIR_FRAME_BATCH_C;
    const struct weir_frame *f;

    for (size_t i = 0; (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, i)) != NULL; i++)
        if (f->msg.pull_req->n_groups == 1 && f->msg.pull_req->groups[0] == topic)
            return f->msg.pull_req;
    return NULL;
}

void weir_drill_meet_source(struct weir_drill *d, uint64_t num, uint8_t lane[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[WEIR_DRILL_SOURCE].node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].vv[WEIR_GROUP_C], lane, num);
    WEIR_SIM_CLAIM(d->x, weir_drill_start(d));
    weir_drill_meet(d, WEIR_DRILL_SOURCE);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        d->req[g] = weir_drill_request(d, WEIR_DRILL_SOURCE, (enum weir_group)g);
}

void weir_drill_more(struct weir_drill *d, Weir__V1__PullRep *rep,
                     const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    struct weir_vector cursor = WEIR_VECTOR_ZERO;

    weir_drill_raise(&cursor, lane, seq);
    rep->complete = 0;
    rep->cursor = weir_drill_lanes(d, &cursor);
    rep->n_cursor = 1;
    weir_vector_deinit(&cursor);
}

void weir_drill_add_record(struct weir_drill *d, Weir__V1__PullRep *rep, const char *key,
                           const uint8_t lane[WEIR_LANE_LEN], uint64_t seq)
{
    if (rep->r == NULL)
        rep->r = weir_drill_alloc(d, RECORDS_MAX * sizeof(*rep->r));
    WEIR_ASSERT(rep->n_r < RECORDS_MAX);
    rep->r[rep->n_r++] = weir_drill_make_record(
        d, &(struct weir_drill_rec){
               .key = weir_span_cstr(key), .value = key, .lane = lane, .seq = seq });
}

void weir_drill_respond_to(struct weir_drill *d, uint32_t link, const Weir__V1__PullReq *req)
{
    if (WEIR_SIM_CLAIM(d->x, req != NULL))
        weir_drill_receive(d, link, WEIR_FRAME_PULL_REP, &weir_drill_make_rep(d, link, req)->base);
}

void weir_drill_finish(struct weir_drill *d, uint32_t link, enum weir_group g)
{
    weir_drill_respond_to(d, link, d->req[g]);
}
