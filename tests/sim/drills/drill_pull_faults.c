/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_pull_faults.c - sync/engine/engine_pull.c: requests and responses for which there is no
 * memory, or a store that fails.
 */
#include <string.h>

#include "sync/engine/engine_state.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_pulls.h"
#include "tests/sim/drills/drills.h"

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static void lane_of_source(const struct weir_drill *d, uint8_t lane[WEIR_LANE_LEN])
{
    weir_drill_lane(d->peer[WEIR_DRILL_SOURCE].node, WEIR_GROUP_C, 1, lane);
}

static void meet(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_meet_source(d, 3, lane);
}

static void meet_empty(struct weir_drill *d)
{
    d->cfg.bootstrap = false;
    meet(d);
}

static void give(struct weir_drill *d, const Weir__V1__PullRep *rep)
{
    size_t len = weir_frame_packed_len(&rep->base);
    uint8_t *bytes = weir_drill_alloc(d, len);

    weir_frame_pack(WEIR_FRAME_PULL_REP, &rep->base, bytes);
    weir_engine_receive(d->e, WEIR_DRILL_SOURCE, weir_span(bytes, len));
}

/* The first of two responses: a record, a cursor, and what is beyond it. */
static void take_first(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);

    lane_of_source(d, lane);
    weir_drill_more(d, rep, lane, 1);
    weir_drill_add_record(d, rep, "a", lane, 1);
    weir_drill_raise(&d->scratch, lane, 3);
    rep->beyond = weir_drill_lanes(d, &d->scratch);
    rep->n_beyond = 1;
    rep->gen = 2;
    give(d, rep);
}

static void take_last(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__PullRep *rep = weir_drill_make_rep(d, WEIR_DRILL_SOURCE, d->req[WEIR_GROUP_C]);

    lane_of_source(d, lane);
    weir_drill_add_record(d, rep, "a", lane, 3);
    give(d, rep);
}

/* A turn that failed has stored nothing and ended the sessions; one that did not says all that
 * there is to say. A response that could not be read is as one that was lost. */
static void check_first(struct weir_drill *d, bool failed)
{
    uint8_t lane[WEIR_LANE_LEN];
    const Weir__V1__PullReq *req = weir_drill_request(d, WEIR_DRILL_SOURCE, WEIR_GROUP_C);

    lane_of_source(d, lane);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == 0);
    CLAIM(failed || (d->err == WEIR_OK && req != NULL));
    CLAIM(req == NULL || weir_drill_has(d, "a", "a"));
    if (d->err < 0) {
        CLAIM(weir_drill_has(d, "a", NULL));
        CLAIM(req == NULL && !d->e->pulls[0].open && !d->e->pulls[1].open);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) >= 1);
    }
    if (req == NULL)
        return;
    CLAIM(weir_drill_listed(req->cursor, req->n_cursor, lane) == 1);
    CLAIM(weir_drill_listed(req->beyond, req->n_beyond, lane) == 3 && req->gen == 2);
    CLAIM(req->has_want_incarnation);
}

static void check_last(struct weir_drill *d, bool failed)
{
    uint8_t lane[WEIR_LANE_LEN];
    bool is_done = weir_drill_has(d, "a", "a");

    lane_of_source(d, lane);
    CLAIM(failed || is_done);
    CLAIM(weir_engine_durable(d->e, WEIR_GROUP_C, lane) == (is_done ? 3 : 0));
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, lane).vv == (is_done ? 3 : 0));
    CLAIM(d->err == WEIR_OK || (!is_done && !d->e->pulls[0].open && !d->e->pulls[1].open));
    bool is_live = d->e->state == WEIR_ENGINE_LIVE;
    CLAIM(is_live == (d->cfg.bootstrap || is_done));
    CLAIM(d->cfg.bootstrap || weir_memory_meta(d->store[WEIR_GROUP_C]).live == is_done);
}

static const struct weir_drill_scene first = { meet, take_first, check_first };
static const struct weir_drill_scene last = { meet, take_last, check_last };
static const struct weir_drill_scene first_of_boot = { meet_empty, take_first, check_first };
static const struct weir_drill_scene last_of_boot = { meet_empty, take_last, check_last };

void weir_drill_pull_faults(struct weir_sim_exam *x)
{
    const struct weir_drill_scene *scenes[] = { &first, &last, &first_of_boot, &last_of_boot };
    const struct weir_drill_scene *s = scenes[weir_sim_draw(x, WEIR_ARRAY_LEN(scenes))];

    weir_drill_fail_allocs(x, s);
    weir_drill_fail_ops(x, WEIR_GROUP_C, s);
}
