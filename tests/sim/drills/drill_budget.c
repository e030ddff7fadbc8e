/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_budget.c - sync/engine/engine_pull.c: how many sessions, from whom, and how many bytes.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill_pulls.h"
#include "tests/sim/drills/drills.h"

#define MILLISECOND  UINT64_C(1000)
#define SECOND       UINT64_C(1000000)
#define RETRY_LAST   (250 * MILLISECOND)
#define SESSIONS_MAX (WEIR_ENGINE_PULLS_MAX / WEIR_GROUP_COUNT)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static size_t num_requests(const struct weir_drill *d, enum weir_group g)
{
    size_t num = 0;

    for (uint32_t link = 0; link < WEIR_DRILL_PEERS; link++)
        num += weir_drill_request(d, link, g) != NULL;
    return num;
}

/* Four peers have more: two are asked at a time for each group, each once, and the next when one
 * has ended. */
static void pull_from_two_at_a_time(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    size_t num = 0;

    d->cfg.intervals.pull_us = 100 * SECOND;
    weir_drill_meet_source(d, 2, lane);
    for (uint32_t link = 1; link < 4; link++) {
        weir_drill_raise(&d->peer[link].vv[WEIR_GROUP_C], lane, 2);
        weir_drill_meet(d, link);
        CLAIM(num_requests(d, WEIR_GROUP_C) == (link < SESSIONS_MAX ? 1 : 0));
        CLAIM(num_requests(d, WEIR_GROUP_E) == (link < SESSIONS_MAX ? 1 : 0));
        num += num_requests(d, WEIR_GROUP_C);
    }
    CLAIM(num + 1 == SESSIONS_MAX);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_E);
    CLAIM(num_requests(d, WEIR_GROUP_E) == 1 && num_requests(d, WEIR_GROUP_C) == 0);
    CLAIM(weir_drill_request(d, 2, WEIR_GROUP_E) != NULL);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM(num_requests(d, WEIR_GROUP_C) == 1);
    CLAIM(weir_drill_request(d, 2, WEIR_GROUP_C) != NULL);
}

/* A link with a session of a group has no second one; what it wants then is tried again soon. */
static void have_one_session_with_a_link(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.pull_us = 100 * SECOND;
    weir_drill_meet_source(d, 2, lane);
    weir_drill_raise(&d->peer[WEIR_DRILL_SOURCE].vv[WEIR_GROUP_C], lane, 3);
    weir_drill_hello(d, WEIR_DRILL_SOURCE, true);
    CLAIM(num_requests(d, WEIR_GROUP_C) == 0);
    weir_drill_finish(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM(num_requests(d, WEIR_GROUP_C) == 0);
    weir_drill_pass(d, RETRY_LAST);
    CLAIM(num_requests(d, WEIR_GROUP_C) == 1);
}

/* From time to time a node asks any peer that is live and not stale; never while a session of that
 * group runs. */
static void ask_any_peer_from_time_to_time(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint32_t num_met = 1 + (uint32_t)weir_sim_draw(d->x, 4);
    bool was_asked[WEIR_DRILL_PEERS] = { false };

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    CLAIM(weir_drill_start(d));
    d->peer[5].live = false;
    weir_drill_meet(d, 5);
    for (uint32_t link = 0; link < num_met; link++) {
        weir_drill_meet(d, link);
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            if (weir_drill_request(d, link, (enum weir_group)g) != NULL)
                weir_drill_respond_to(d, link, weir_drill_request(d, link, (enum weir_group)g));
    }
    for (unsigned n = 0; n < 12; n++) {
        weir_drill_wait(d, 3 * WEIR_ENGINE_PULL_US / 2);
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            CLAIM(num_requests(d, (enum weir_group)g) == 1);
        for (uint32_t link = 0; link < WEIR_DRILL_PEERS; link++)
            if (weir_drill_request(d, link, WEIR_GROUP_C) != NULL)
                was_asked[link] = true;
        weir_drill_wait(d, WEIR_ENGINE_PULL_TIMEOUT_US); /* nobody responds */
        weir_drill_pass(d, 1);
        for (uint32_t link = 0; link < num_met; link++) {
            weir_drill_down(d, link);
            weir_drill_meet(d, link);
            for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
                if (weir_drill_request(d, link, (enum weir_group)g) != NULL)
                    weir_drill_respond_to(d, link, weir_drill_request(d, link, (enum weir_group)g));
        }
    }
    for (uint32_t link = num_met; link < WEIR_DRILL_PEERS; link++)
        CLAIM(!was_asked[link]);
}

/* -- bytes -- */

/* What comes takes its time of the budget, and what was not used is kept for a second: then the
 * next request, or another session, waits to the microsecond. */
static void wait_for_the_budget(struct weir_drill *d)
{
    uint64_t per_s = 20 + weir_sim_draw(d->x, 30);
    bool is_last = weir_sim_draw(d->x, 2) == 0;
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.pull_bytes_per_s = per_s;
    d->cfg.intervals.pull_us = 100 * SECOND;
    d->cfg.intervals.pull_timeout_us = 50 * SECOND;
    weir_drill_meet_source(d, 100, lane);
    weir_drill_wait(d, 7 * SECOND + weir_sim_draw(d->x, SECOND));
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);
    if (!is_last)
        weir_drill_more(d, rep, lane, 1);
    weir_drill_raise(&d->peer[1].vv[WEIR_GROUP_C], lane, 101);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(num_requests(d, WEIR_GROUP_C) == 0);
    uint64_t wait_us = weir_frame_packed_len(&rep->base) * SECOND / per_s - SECOND;
    uint64_t ready_us = d->mono_us + wait_us;
    weir_drill_meet(d, 1);
    weir_drill_wait(d, wait_us / 2);
    CLAIM(num_requests(d, WEIR_GROUP_C) + num_requests(d, WEIR_GROUP_E) == 0);
    CLAIM(weir_engine_deadline(d->e) > d->mono_us && weir_engine_deadline(d->e) <= ready_us);
    weir_drill_wait(d, ready_us - d->mono_us - 1);
    CLAIM(num_requests(d, WEIR_GROUP_C) + num_requests(d, WEIR_GROUP_E) == 0);
    CLAIM(weir_engine_deadline(d->e) == ready_us);
    weir_drill_wait(d, 1);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM((req != NULL) == !is_last);
    CLAIM(weir_drill_request(d, 1, WEIR_GROUP_C) != NULL);
    if (req != NULL)
        CLAIM(weir_drill_listed(req->cursor, req->n_cursor, lane) == 1);
}

/* Within the budget a request follows at once. */
static void go_on_within_the_budget(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 100, lane);
    weir_drill_wait(d, SECOND);
    const Weir__V1__PullReq *req = d->req[WEIR_GROUP_C];
    for (uint64_t seq = 1; seq < 20 && req != NULL; seq++) {
        Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
        weir_drill_more(d, rep, lane, seq);
        weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
        req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
        CLAIM(req != NULL && weir_drill_listed(req->cursor, req->n_cursor, lane) == seq);
    }
}

/* -- floors that rise meanwhile -- */

/* R6: this node purged while a response was under way. A peer that did not know of it is asked
 * again; a complete response of one that has all that was purged is as good as any. */
static void purge_during_response(struct weir_drill *d, unsigned how)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_drill_peer *p = &d->peer[WEIR_DRILL_SOURCE];

    d->cfg.intervals.tombstone_ms = 500;
    d->cfg.intervals.purge_us = 600 * MILLISECOND;
    d->cfg.intervals.pull_us = 100 * SECOND;
    weir_drill_lane(p->node, WEIR_GROUP_C, 1, lane);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 3);
    CLAIM(weir_drill_start(d));
    weir_drill_put(d, "gone", "1");
    weir_drill_put(d, "gone", NULL);
    struct weir_lane_row own = { { 0 }, 0, 0, 0, 0 };
    memcpy(own.lane, weir_memory_meta(d->store[WEIR_GROUP_C]).lane, WEIR_LANE_LEN);
    if (how > 0) /* else it lacks what will be purged */
        weir_drill_raise(&p->vv[WEIR_GROUP_C], own.lane, 2);
    weir_drill_meet(d, WEIR_DRILL_SOURCE);
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    if (!CLAIM(req != NULL && req->n_floor == 0))
        return;
    weir_drill_pass(d, 1500 * MILLISECOND);
    CLAIM(weir_drill_num(d, WEIR_OUT_PURGED) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, req);
    if (how == 1)
        weir_drill_more(d, rep, lane, 1);
    weir_drill_add_record(d, rep, "a", lane, 1);
    weir_drill_receive(d, WEIR_DRILL_SOURCE, WEIR_FRAME_PULL_REP, &rep->base);
    CLAIM(weir_drill_has(d, "a", how == 2 ? "a" : NULL));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == (how == 2 ? 1 : 0));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 0);
    const Weir__V1__PullReq *again = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);
    CLAIM((again != NULL) == (how != 2));
    if (again == NULL)
        return;
    CLAIM(memcmp(again->session.data, req->session.data, 8) != 0);
    CLAIM(weir_drill_listed(again->floor, again->n_floor, own.lane) == 2);
    CLAIM(weir_drill_listed(again->cursor, again->n_cursor, own.lane) == 2);
    weir_drill_respond_to(d, WEIR_DRILL_SOURCE, again);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_DONE) == 1);
}

static void ask_again_one_that_lacks_the_purge(struct weir_drill *d)
{
    purge_during_response(d, 0);
}

static void ask_again_one_that_is_not_done(struct weir_drill *d)
{
    purge_during_response(d, 1);
}

static void accept_one_that_has_the_purge(struct weir_drill *d)
{
    purge_during_response(d, 2);
}

/* -- from time to time -- */

/* A node without records looks for a source every 50 to 150 ms, a complete one for news every half
 * to one and a half of its interval: each group from one peer. */
static void look_at_intervals(struct weir_drill *d)
{
    uint64_t every = SECOND + weir_sim_draw(d->x, SECOND);
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.intervals.pull_us = every;
    weir_drill_lane(d->peer[WEIR_DRILL_SOURCE].node, WEIR_GROUP_C, 1, lane);
    CLAIM(weir_drill_start(d));
    uint64_t at = d->e->pull_at;
    CLAIM(at >= d->mono_us + every / 2 && at < d->mono_us + every / 2 + every);
    weir_drill_meet(d, WEIR_DRILL_SOURCE);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        d->req[g] = weir_drill_request(d, WEIR_DRILL_SOURCE, (enum weir_group)g);
        CLAIM(d->req[g] != NULL);
    }
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_drill_finish(d, WEIR_DRILL_SOURCE, (enum weir_group)g);
    weir_drill_wait(d, at - d->mono_us - 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
    CLAIM(weir_engine_deadline(d->e) <= at);
    weir_drill_wait(d, 1);
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_SOURCE) == WEIR_GROUP_COUNT);
    at = d->e->pull_at;
    CLAIM(at >= d->mono_us + every / 2 && at < d->mono_us + every / 2 + every);
    weir_drill_wait(d, at - d->mono_us); /* while they run, none is added */
    CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, WEIR_DRILL_ANY) == 0);
}

static void look_for_a_first_source(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    CLAIM(weir_drill_start(d));
    for (unsigned i = 0; i < 3; i++) {
        uint64_t at = d->e->pull_at;
        CLAIM(at >= d->mono_us + 50 * MILLISECOND && at < d->mono_us + 150 * MILLISECOND);
        CLAIM(weir_engine_deadline(d->e) <= at);
        weir_drill_wait(d, at - d->mono_us);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    pull_from_two_at_a_time,
    have_one_session_with_a_link,
    ask_any_peer_from_time_to_time,
    wait_for_the_budget,
    go_on_within_the_budget,
    ask_again_one_that_lacks_the_purge,
    ask_again_one_that_is_not_done,
    accept_one_that_has_the_purge,
    look_at_intervals,
    look_for_a_first_source,
};

void weir_drill_budget(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
