/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_boot.c - sync/engine/engine_pull.c: the bootstrap of a node without records.
 */
#include <string.h>

#include "tests/sim/drills/bed/drill_pulls.h"
#include "tests/sim/drills/drills.h"

#define MILLISECOND UINT64_C(1000)
#define SECOND      UINT64_C(1000000)
#define FIRST_US    (10 * SECOND)
#define RETRY_LAST  (250 * MILLISECOND)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static size_t num_records(const struct weir_drill *d)
{
    return weir_memory_counts(d->store[WEIR_GROUP_C]).num_records;
}

/* An empty node that meets a source with `num` records and `floor` purges of one lane. */
static const Weir__V1__PullReq *begin(struct weir_drill *d, uint64_t num, uint64_t floor,
                                      uint8_t lane[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[WEIR_DRILL_SOURCE].node, WEIR_GROUP_C, 1, lane);
    if (floor > 0)
        weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].floor, lane, floor);
    d->cfg.bootstrap = false;
    d->cfg.intervals.pull_us = 100 * SECOND;
    weir_drill_meet_source(d, num, lane);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    CLAIM(d->req[WEIR_GROUP_C] != NULL);
    return d->req[WEIR_GROUP_C];
}

/* The first of two responses: one record, and the cursor behind it. @return the next request */
static const Weir__V1__PullReq *take_first(struct weir_drill *d, const Weir__V1__PullReq *req,
                                           const uint8_t lane[WEIR_LANE_LEN])
{
    if (req == NULL)
        return NULL;
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_more(d, rep, lane, 1);
    weir_drill_add_record(d, rep, "a", lane, 1);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(num_records(d) == 1);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM(req != NULL);
    return req;
}

/* One session at a time, of group C alone, with nothing of its own in the request. */
static void ask_one_source_for_all(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    const Weir__V1__PullReq *req = begin(d, 3, 2, lane);

    if (req == NULL)
        return;
    CLAIM(req->has_boot && req->boot && req->n_cursor == 0 && req->n_floor == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 1);
    weir_drill_raise(&d->peer[1].vv[WEIR_GROUP_C], lane, 3);
    weir_drill_meet(d, 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_pass(d, SECOND);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
}

/* At its end the node is complete: vector, floor and stamp of purges are the source's; peers hear
 * of it; bans are pulled. */
static void take_all_over_at_the_end(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t stamp = weir_drill_stamp(d) - weir_sim_draw(d->x, 1000);
    const Weir__V1__PullReq *req = begin(d, 3, 2, lane);

    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, SECOND);
    req = take_first(d, req, lane);
    if (req == NULL)
        return;
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    CLAIM(!weir_memory_meta(d->store[WEIR_GROUP_C]).live);
    CLAIM(req->boot && weir_drill_listed(req->cursor, req->n_cursor, lane) == 1 &&
          req->n_floor == 0);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    rep->has_hlc_floor = 1;
    rep->hlc_floor = stamp;
    weir_drill_add_record(d, rep, "b", lane, 3);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_RESTARTED) == 0);
    CLAIM(weir_drill_has(d, "a", "a") && weir_drill_has(d, "b", "b"));
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 3);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), lane) == 2);
    struct weir_store_meta meta = weir_memory_meta(d->store[WEIR_GROUP_C]);
    CLAIM(meta.live && meta.hlc_floor == stamp);
    struct weir_lane_row row = weir_drill_row(d, WEIR_GROUP_C, lane);
    CLAIM(row.vv == 3 && row.floor == 2);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_SOURCE) == 1);
    const struct weir_frame *hello = weir_drill_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_SOURCE, 0);
    CLAIM(hello != NULL && hello->msg.hello->live);
    CLAIM(weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E) != NULL);
    weir_drill_wait(d, 1);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM(req != NULL && !req->boot && weir_drill_listed(req->floor, req->n_floor, lane) == 2);
}

/* A stamp below this node's own changes nothing. */
static void leave_the_larger_stamp(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    const Weir__V1__PullReq *req = begin(d, 3, 0, lane);

    if (req == NULL)
        return;
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == 0);
}

/* R5, R8: the source has another incarnation or floor than at the start: from the start again, with
 * an empty store. */
static void begin_again_when_the_source_changes(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[WEIR_DRILL_SOURCE];
    bool purges = weir_sim_draw(d->x, 2) == 0;
    uint8_t lane[WEIR_LANE_LEN];
    const Weir__V1__PullReq *req = take_first(d, begin(d, 9, 4, lane), lane);

    if (req == NULL)
        return;
    if (purges)
        weir_drill_raise(&p->floor, lane, 5 + weir_sim_draw(d->x, 4));
    else
        p->incarnation[weir_sim_draw(d->x, WEIR_INCARNATION_LEN)] ^= 4;
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_add_record(d, rep, "b", lane, 2);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_RESTARTED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 0);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
    CLAIM(num_records(d) == 0);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(req->boot && req->n_cursor == 0 && !req->has_want_incarnation);
    req = take_first(d, req, lane); /* the floor of now is the one that counts */
    if (req == NULL)
        return;
    weir_drill_respond_to(d, WEIR_DRILL_SOURCE, req);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_RESTARTED) == 0);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
}

/* What an attempt left behind is gone before the next. */
static void wipe_what_an_attempt_left(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    const Weir__V1__PullReq *req = take_first(d, begin(d, 9, 0, lane), lane);

    if (req == NULL)
        return;
    weir_drill_pass(d, WEIR_ENGINE_PULL_TIMEOUT_US);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 1);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (req == NULL) { /* the next attempt may have begun in that turn */
        CLAIM(num_records(d) == 1);
        weir_drill_pass(d, RETRY_LAST);
        req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    }
    CLAIM(num_records(d) == 0);
    CLAIM(req != NULL && req->boot && req->n_cursor == 0 && !req->has_want_incarnation);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 1);
}

/* A node without a peer looks for one every 50 to 150 ms; one that is complete, every half to one
 * and a half of its interval. */
static void look_for_a_source_at_intervals(struct weir_drill *d)
{
    bool joins = weir_sim_draw(d->x, 2) == 0;
    uint64_t every = joins ? 100 * MILLISECOND : WEIR_ENGINE_PULL_US;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.bootstrap = !joins;
    d->peer[WEIR_DRILL_SOURCE].live = false;
    weir_drill_meet_source(d, 2, lane);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_pass(d, 2 * every);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    d->peer[WEIR_DRILL_SOURCE].live = true;
    weir_drill_hello(d, WEIR_DRILL_SOURCE, true);
    CLAIM((weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E) != NULL) == !joins);
    d->req[WEIR_GROUP_E] = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    weir_drill_respond_to(d, WEIR_DRILL_SOURCE,
                          weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C));
    if (joins) /* bans come with the end of the bootstrap */
        d->req[WEIR_GROUP_E] = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_LIVE);
    const Weir__V1__PullReq *next =
        joins ? weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C) : NULL;
    if (joins && next == NULL) { /* and a pull follows at once */
        weir_drill_wait(d, 1);
        next = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    }
    if (joins)
        weir_drill_respond_to(d, WEIR_DRILL_SOURCE, next);
    for (unsigned n = 0; n < 3; n++) {
        weir_drill_pass(d, WEIR_ENGINE_PULL_US / 2 + WEIR_ENGINE_PULL_US - 1);
        size_t num = weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_SOURCE);
        CLAIM(num >= WEIR_GROUP_COUNT && num <= 3 * WEIR_GROUP_COUNT);
    }
}

/* -- after a reset -- */

/* The only other node states purges that this one missed: it exports, resets and joins again. */
static bool reset(struct weir_drill *d, uint8_t lane[WEIR_LANE_LEN])
{
    struct weir_drill_peer *p = &d->peer[WEIR_DRILL_SOURCE];

    weir_drill_lane(p->node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 4);
    weir_drill_raise(&p->floor, lane, 4);
    WEIR_SIM_CLAIM(d->x, weir_drill_start(d));
    weir_drill_put(d, "mine", "1");
    weir_drill_meet(d, WEIR_DRILL_SOURCE);
    if (!CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_STALE))
        return false;
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 1);
    weir_drill_begin(d);
    weir_engine_exported(d->e, true);
    weir_drill_end(d);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_RESETS) == 1);
    CLAIM(num_records(d) == 0);
    return CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING);
}

/* Its records come from the node whose purges made it reset, for ten seconds from no other. */
static void prefer_whose_purges_were_missed(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.heartbeat_us = 1000 * SECOND;
    if (!reset(d, lane))
        return;
    d->peer[WEIR_DRILL_SOURCE].live = weir_sim_draw(d->x, 2) == 0;
    weir_drill_hello(d, WEIR_DRILL_SOURCE, true);
    weir_drill_meet(d, 1);
    bool is_first = d->peer[WEIR_DRILL_SOURCE].live;
    if (!is_first) /* it cannot be the source, so there is no first choice */
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) == 1);
    else
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) == 0);
}

/* The first choice is silent: then the others are asked too. */
static void ask_others_when_the_first_is_silent(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    if (!reset(d, lane))
        return;
    weir_drill_hello(d, WEIR_DRILL_SOURCE, true);
    weir_drill_meet(d, 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) == 0);
    weir_drill_pass(d, WEIR_ENGINE_PULL_TIMEOUT_US + RETRY_LAST);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) >= 1);
    weir_drill_pass(d, WEIR_ENGINE_PULL_TIMEOUT_US + RETRY_LAST);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) +
              weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_SOURCE) >=
          1);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    ask_one_source_for_all,          take_all_over_at_the_end,
    leave_the_larger_stamp,          begin_again_when_the_source_changes,
    wipe_what_an_attempt_left,       look_for_a_source_at_intervals,
    prefer_whose_purges_were_missed, ask_others_when_the_first_is_silent,
};

void weir_drill_boot(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
