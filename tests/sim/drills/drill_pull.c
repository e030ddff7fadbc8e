/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_pull.c - sync/engine/engine_pull.c: sessions as puller of a node that is complete.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill_pulls.h"
#include "tests/sim/drills/drills.h"

#define MILLISECOND UINT64_C(1000)
#define SECOND      UINT64_C(1000000)
#define RETRY_FIRST (50 * MILLISECOND)
#define RETRY_LAST  (250 * MILLISECOND)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- one session -- */

/* A node asks for what is beyond its vector, once for each group, in messages that say all. */
static void request_what_a_peer_has(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.chunk_bytes = 1000 + (uint32_t)weir_sim_draw(d->x, 1000);
    weir_drill_meet_source(d, 2, lane);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS) == WEIR_GROUP_COUNT);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        const Weir__V1__PullReq *m = weir_drill_request(d, WEIR_DRILL_SOURCE, (enum weir_group)g);
        if (!CLAIM(m != NULL))
            return;
        CLAIM(m->n_groups == 1 && m->n_cursor == 0 && m->n_beyond == 0 && m->n_force_keys == 0);
        CLAIM(!m->has_boot && !m->has_want_incarnation && !m->has_gen && m->n_floor == 0);
        CLAIM(m->has_session && m->session.len == 8);
        CLAIM(m->has_max_bytes && m->max_bytes == d->cfg.intervals.chunk_bytes);
    }
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == WEIR_GROUP_COUNT);
    const Weir__V1__PullReq *c = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    const Weir__V1__PullReq *e = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    CLAIM(memcmp(c->session.data, e->session.data, 8) != 0);
}

/* Records are stored as they come, the vector rises at the end alone; cursors, records beyond them
 * and their count travel back to the source. */
static void pull_in_three_responses(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t other[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[1].node, WEIR_GROUP_C, 2, other);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].vv[WEIR_GROUP_C], other, 7);
    weir_drill_meet_source(d, 2, lane);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    uint8_t name[8];
    memcpy(name, req->session.data, sizeof(name));

    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_more(d, rep, lane, 1);
    weir_drill_add_record(d, rep, "a", lane, 1);
    weir_drill_raise(&d->scratch, other, 9);
    rep->beyond = weir_drill_lanes(d, &d->scratch);
    rep->n_beyond = 1;
    rep->gen = 5;
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_has(d, "a", "a"));
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_REPAIRED) == 0);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(req->n_cursor == 1 && weir_drill_listed(req->cursor, req->n_cursor, lane) == 1);
    CLAIM(req->n_beyond == 1 && weir_drill_listed(req->beyond, req->n_beyond, other) == 9);
    CLAIM(req->has_gen && req->gen == 5);
    CLAIM(req->has_want_incarnation &&
          memcmp(req->want_incarnation.data, d->peer[WEIR_DRILL_SOURCE].incarnation,
                 WEIR_INCARNATION_LEN) == 0);
    CLAIM(memcmp(req->session.data, name, sizeof(name)) != 0);

    /* of another count: what was said to be beyond holds no more */
    rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_more(d, rep, lane, 2);
    rep->gen = 6;
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(weir_drill_listed(req->cursor, req->n_cursor, lane) == 2);
    CLAIM(req->n_beyond == 0 && !req->has_gen);

    rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_add_record(d, rep, "b", lane, 2);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_has(d, "b", "b"));
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 2);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_ANY) == 0);
}

/* What stays the same while the count of the source does is kept, also where a response has none of
 * it. */
static void carry_what_is_beyond(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 9, lane);
    for (uint64_t i = 1; i <= 2; i++) {
        const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
        if (!CLAIM(req != NULL))
            return;
        CLAIM(weir_drill_listed(req->beyond, req->n_beyond, lane) == (i == 2 ? 9 : 0));
        Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
        weir_drill_more(d, rep, lane, i);
        rep->gen = 4;
        weir_vector_reset(&d->scratch);
        weir_drill_raise(&d->scratch, lane, 9);
        rep->beyond = weir_drill_lanes(d, &d->scratch);
        rep->n_beyond = i == 1 ? 1 : 0;
        weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    }
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (CLAIM(req != NULL))
        CLAIM(weir_drill_listed(req->beyond, req->n_beyond, lane) == 9 && req->gen == 4);
}

/* A cursor of the other group's lane is no part of it, and one with more than the vector of its
 * message cuts the peer off (R4, R15). */
static void reject_what_a_session_has_no_place_for(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 2, lane);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    if (!CLAIM(req != NULL))
        return;
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_add_record(d, rep, "a", lane, 1); /* a tenant in a session of bans */
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 1);
    CLAIM(weir_drill_has(d, "a", NULL));
}

/* A late copy of a response, or one to another peer, changes nothing. */
static void ignore_responses_to_no_request(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 2, lane);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_more(d, rep, lane, 1);
    weir_drill_meet(d, 1);
    weir_drill_receive(d, 1, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_SOURCE) == 1);
    rep->complete = 1;
    weir_drill_add_record(d, rep, "late", lane, 1);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_has(d, "late", NULL));
    weir_drill_receive(d, 5, WEIR_FRAME_PULL_REP, &rep->base); /* a link that was never up */
    CLAIM(weir_drill_has(d, "late", NULL));
}

/* -- how a session ends without success -- */

/* The one that waits for its time is sent, and the next need not wait. */
static void wait_for_hellos(struct weir_drill *d)
{
    weir_drill_wait(d, SECOND);
    weir_drill_wait(d, SECOND);
}

/* The time of a response is over exactly when it is; then the peer is asked again soon. */
static void give_up_a_silent_source(struct weir_drill *d)
{
    uint64_t timeout = SECOND / 2 + weir_sim_draw(d->x, SECOND);
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.pull_timeout_us = timeout;
    d->cfg.intervals.pull_us = 100 * SECOND;
    d->cfg.intervals.heartbeat_us = 100 * SECOND;
    weir_drill_meet_source(d, 2, lane);
    weir_drill_wait(d, timeout - 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    CLAIM(weir_engine_deadline(d->e) <= d->mono_us + 1);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == WEIR_GROUP_COUNT);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_engine_deadline(d->e) <= d->e->links[WEIR_DRILL_SOURCE]->want_us[WEIR_GROUP_C]);
    CLAIM(weir_engine_deadline(d->e) <= d->e->links[WEIR_DRILL_SOURCE]->want_us[WEIR_GROUP_E]);
    weir_drill_pass(d, RETRY_FIRST - 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    weir_drill_pass(d, RETRY_LAST - RETRY_FIRST);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == WEIR_GROUP_COUNT);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (CLAIM(req != NULL))
        CLAIM(!req->has_want_incarnation && req->n_cursor == 0);
}

/* The sessions of the link that goes down end, no other. */
static void lose_the_sessions_of_a_link(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 2, lane);
    weir_drill_raise(&d->peer[1].vv[WEIR_GROUP_C], lane, 2);
    weir_drill_meet(d, 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) == WEIR_GROUP_COUNT);
    weir_drill_down(d, 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == WEIR_GROUP_COUNT);
    weir_drill_pass(d, SECOND);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, 1) == 0);
    weir_drill_down(d, WEIR_DRILL_SOURCE);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == WEIR_GROUP_COUNT);
}

/* Whatever a source says instead of a response: nothing of it is stored, the session is over, and
 * it is asked again: soon, or when it says that it is live. */
static void take_refusal(struct weir_drill *d, Weir__V1__PullRep__Status st)
{
    bool is_stale =
        st == WEIR__V1__PULL_REP__STATUS__STALE_YOU || st == WEIR__V1__PULL_REP__STATUS__STALE_ME;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.pull_us = 100 * SECOND;
    weir_drill_meet_source(d, 2, lane);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    wait_for_hellos(d);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);
    rep->st = st;
    weir_drill_add_record(d, rep, "a", lane, 1);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_has(d, "a", NULL));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_ANY) == (is_stale ? 1 : 0));
    weir_drill_pass(d, RETRY_LAST);
    bool is_asked = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C) != NULL;
    CLAIM(is_asked == (st != WEIR__V1__PULL_REP__STATUS__NOT_LIVE));
}

static void take_busy(struct weir_drill *d)
{
    take_refusal(d, WEIR__V1__PULL_REP__STATUS__BUSY);
}

static void take_stale_you(struct weir_drill *d)
{
    take_refusal(d, WEIR__V1__PULL_REP__STATUS__STALE_YOU);
}

static void take_stale_me(struct weir_drill *d)
{
    take_refusal(d, WEIR__V1__PULL_REP__STATUS__STALE_ME);
}

static void take_not_live(struct weir_drill *d)
{
    take_refusal(d, WEIR__V1__PULL_REP__STATUS__NOT_LIVE);
}

/* R5: another incarnation than the one that the session began with knows other records. */
static void begin_again_with_another_incarnation(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[WEIR_DRILL_SOURCE];
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 3, lane);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);
    weir_drill_more(d, rep, lane, 1);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    p->incarnation[weir_sim_draw(d->x, WEIR_INCARNATION_LEN)] ^= 1;
    rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    weir_drill_add_record(d, rep, "a", lane, 2);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_RESTARTED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    CLAIM(weir_drill_has(d, "a", NULL));
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 0);
    req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(req->n_cursor == 0 && !req->has_want_incarnation);
    weir_drill_respond_to(d, WEIR_DRILL_SOURCE, req);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 3);
}

/* R6: the source states purges that this node missed: both say Hello before more is accepted. */
static void leave_a_source_with_more_purges(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 3, lane);
    wait_for_hellos(d);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].floor, lane, 2);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);
    weir_drill_add_record(d, rep, "a", lane, 3);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 1);
    CLAIM(weir_drill_has(d, "a", NULL));
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 0);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_HELLO, WEIR_DRILL_SOURCE) == 1);
}

/* A floor that this node is above is none of its business, and only a bootstrap takes it over. */
static void leave_floors_apart(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 3, lane);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].floor, lane, 3);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].vv[WEIR_GROUP_C], lane, 5);
    weir_drill_hello(d, WEIR_DRILL_SOURCE, true);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL))
        return;
    CLAIM(req->n_cursor == 1 && weir_drill_listed(req->cursor, req->n_cursor, lane) == 3);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    rep->has_hlc_floor = 1;
    rep->hlc_floor = weir_drill_stamp(d);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 5);
    CLAIM(weir_vector_get(weir_engine_floor(d->e, WEIR_GROUP_C), lane) == 0);
    CLAIM(weir_memory_meta(d->store[WEIR_GROUP_C]).hlc_floor == 0);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    request_what_a_peer_has,
    pull_in_three_responses,
    carry_what_is_beyond,
    reject_what_a_session_has_no_place_for,
    ignore_responses_to_no_request,
    give_up_a_silent_source,
    lose_the_sessions_of_a_link,
    take_busy,
    take_stale_you,
    take_stale_me,
    take_not_live,
    begin_again_with_another_incarnation,
    leave_a_source_with_more_purges,
    leave_floors_apart,
};

void weir_drill_pull(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
