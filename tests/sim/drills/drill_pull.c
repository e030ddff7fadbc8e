/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_pull.c - sync/engine/engine_pull.c: sessions as puller.
 */
#include <string.h>

#include "tests/sim/drills/drill.h"
#include "tests/sim/drills/drills.h"

#define SOURCE 0
#define SECOND UINT64_C(1000000)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static const Weir__V1__PullReq *request(const struct weir_drill *d, uint32_t link)
{
    const struct weir_frame *f;

    for (size_t i = 0; (f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, link, i)) != NULL; i++)
        if (f->msg.pull_req->n_groups == 1 && f->msg.pull_req->groups[0] == WEIR_FRAME_BATCH_C)
            return f->msg.pull_req;
    return NULL;
}

/* The engine and a peer that has `num` records of a lane of its own. */
static void meet_source(struct weir_drill *d, uint64_t num, uint8_t lane[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[SOURCE].node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&d->peer[SOURCE].vv[WEIR_GROUP_C], lane, num);
    weir_drill_start(d);
    weir_drill_meet(d, SOURCE);
}

/* A node that lives asks for what is beyond its vector, once, and has what it was sent at the end
 * alone. */
static void pull_in_two_responses(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    meet_source(d, 2, lane);
    const Weir__V1__PullReq *req = request(d, SOURCE);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == WEIR_GROUP_COUNT);
    CLAIM(req->n_cursor == 0 && req->n_beyond == 0 && !req->boot && req->n_force_keys == 0);
    CLAIM(!req->has_want_incarnation);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS) == WEIR_GROUP_COUNT);

    Weir__V1__Record *rec = weir_drill_make_record(
        d, &(struct weir_drill_rec){
               .key = WEIR_SPAN_LIT("a"), .value = "1", .lane = lane, .seq = 1 });
    struct weir_vector cursor = WEIR_VECTOR_ZERO;
    weir_drill_raise(&cursor, lane, 1);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, SOURCE, req);
    rep->complete = 0;
    rep->r = &rec;
    rep->n_r = 1;
    rep->cursor = weir_drill_lanes(d, &cursor);
    rep->n_cursor = 1;
    weir_drill_receive(d, SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_has(d, "a", "1"));
    CLAIM(weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_C), lane) == 0);
    req = request(d, SOURCE);
    if (CLAIM(req != NULL)) {
        CLAIM(weir_drill_listed(req->cursor, req->n_cursor, lane) == 1);
        CLAIM(req->has_want_incarnation);
        rec = weir_drill_make_record(
            d, &(struct weir_drill_rec){
                   .key = WEIR_SPAN_LIT("b"), .value = "2", .lane = lane, .seq = 2 });
        rep = weir_drill_make_rep(d, SOURCE, req);
        rep->r = &rec;
        rep->n_r = 1;
        weir_drill_receive(d, SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
        CLAIM(weir_drill_has(d, "b", "2"));
        CLAIM(weir_vector_get(weir_engine_vv(d->e, WEIR_GROUP_C), lane) == 2);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 1);
    }
    weir_vector_deinit(&cursor);
}

/* -- all -- */

typedef void (*drill_fn)(struct weir_drill *d);

static const drill_fn all[] = {
    pull_in_two_responses,
};

void weir_drill_pull(struct weir_sim_exam *x)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(all) && x->claim == NULL; i++) {
        struct weir_drill d;
        weir_drill_init(&d, x);
        all[i](&d);
        weir_drill_deinit(&d);
    }
}
