/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_life.c - sync/engine/engine_life.c and engine_peer.c: giving up, resets, and what ends with
 * a session or a link; and of engine_members.c the echoes, and who confirms this node's lane (R10).
 */
#include <string.h>

#include "sync/engine/engine_life.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_peer.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"

#define SECOND    WEIR_DRILL_SECOND
#define A         0
#define B         1
#define C         3 /* link 2 is never up */
#define RETRY_MIN 50000
#define RETRY_MAX 250000

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

static void give_up(struct weir_drill *d)
{
    weir_drill_begin(d);
    weir_engine_give_up(d->e);
    (void)weir_drill_end(d);
}

static void export(struct weir_drill *d)
{
    weir_drill_begin(d);
    weir_engine_exported(d->e, true);
    (void)weir_drill_end(d);
}

/* -- resets -- */

static bool is_empty(const struct weir_drill *d)
{
    struct weir_store_meta meta = weir_memory_meta(d->store[WEIR_GROUP_C]);

    return weir_memory_counts(d->store[WEIR_GROUP_C]).num_records == 0 && !meta.live &&
           meta.seq == 0 && weir_engine_vv(d->e, WEIR_GROUP_C)->num == 0;
}

/* The disk fails at the reset: all is as before, and it is asked for again a second later. */
static void reset_again_after_failure(struct weir_drill *d)
{
    uint8_t was[WEIR_INCARNATION_LEN];
    unsigned how = (unsigned)weir_sim_draw(d->x, 3);

    weir_drill_start(d);
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_OK);
    weir_drill_settle(d, A);
    give_up(d);
    weir_drill_wait(d, SECOND);
    d->e->has_pulled = true;
    memcpy(was, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN);
    weir_memory_fail_op(d->store[WEIR_GROUP_C], 1 + how, WEIR_EIO); /* begin, wipe, reading */
    export(d);
    CLAIM(d->err == WEIR_EIO && d->e->state == WEIR_ENGINE_STALE && weir_drill_has(d, "k", "v"));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_RESETS) == 0 && d->e->has_pulled);
    CLAIM(memcmp(was, weir_engine_incarnation(d->e), WEIR_INCARNATION_LEN) == 0);
    weir_drill_wait(d, SECOND);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 1);
    export(d);
    CLAIM(weir_engine_state(d->e) == WEIR_ENGINE_JOINING && is_empty(d));
}

/* -- sessions -- */

/* A session ends with its link, alone; it is begun again a moment later. */
static void lose_sessions(struct weir_drill *d)
{
    weir_drill_start(d);
    d->e->pull_at = UINT64_MAX;
    weir_drill_meet(d, A);
    weir_drill_meet(d, C);
    struct engine_pull *p = d->e->pulls;
    CLAIM(p[0].open && p[1].open && p[2].open && p[3].open);
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        uint8_t lane[WEIR_LANE_LEN];
        weir_drill_lane(d->peer[7].node, p[i].group, 1, lane);
        weir_drill_raise(&p[i].cursor, lane, 1);
        weir_drill_raise(&p[i].beyond, lane, 1);
        weir_drill_raise(&p[i].floor, lane, 1);
        p[i].began_us = 1000 + i;
        p[i].forced = i == 3;
        p[i].boot = i == 0;
    }
    weir_drill_link(d, A)->first_until_us = weir_drill_link(d, C)->first_until_us = 7;
    d->e->vouch[0] = d->e->vouch[1] = false;
    weir_drill_begin(d);
    weir_engine_pulls_lost(d->e, A);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 2 && d->e->vouch[0] && d->e->vouch[1]);
    for (unsigned i = 0; i < WEIR_ENGINE_PULLS_MAX; i++) {
        CLAIM(p[i].open == (p[i].link == C));
        CLAIM(p[i].cursor.num == p[i].open && p[i].beyond.num == p[i].open);
        CLAIM(p[i].floor.num == p[i].open);
    }
    struct engine_link *l = weir_drill_link(d, A);
    CLAIM(l->first_until_us == 0 && weir_drill_link(d, C)->first_until_us == 7);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        CLAIM(l->asked_us[g] >= 1000 && l->asked_us[g] < 1004);
        CLAIM(l->want_us[g] >= d->mono_us + RETRY_MIN && l->want_us[g] < d->mono_us + RETRY_MAX);
    }
    weir_drill_link(d, C)->asked_us[0] = weir_drill_link(d, C)->asked_us[1] = 3;
    weir_engine_pulls_lost(d->e, WEIR_ENGINE_NO_LINK);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 4);
    CLAIM(weir_drill_link(d, C)->asked_us[p[3].group] == 3); /* keys, not lanes */
    CLAIM(weir_drill_link(d, C)->asked_us[1 - p[3].group] != 3);
    CLAIM(weir_drill_link(d, C)->first_until_us == 7);
    weir_engine_pull_lost(d->e, &p[0]);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 4);
    /* The earlier of two wishes stands, and it is no doubt. */
    l->want_us[0] = 500;
    l->is_doubt[0] = l->is_doubt[1] = true;
    weir_engine_want_pull(d->e, A, WEIR_GROUP_C, 501);
    CLAIM(l->want_us[0] == 500 && !l->is_doubt[0] && l->is_doubt[1]);
    weir_engine_want_pull(d->e, A, WEIR_GROUP_C, 499);
    CLAIM(l->want_us[0] == 499);
    weir_engine_want_pull(d->e, 2, WEIR_GROUP_C, 1);
    weir_engine_want_hello(d->e, 2);
    weir_engine_want_hello(d->e, WEIR_ENGINE_LINKS_MAX);
    /* What was given is forgotten of all. */
    uint8_t lane[WEIR_LANE_LEN];
    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        weir_drill_raise(&l->given[g], lane, 1);
        weir_drill_raise(&weir_drill_link(d, C)->given[g], lane, 1);
    }
    weir_engine_forget_given(d->e);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        CLAIM(l->given[g].num == 0 && weir_drill_link(d, C)->given[g].num == 0);
    (void)weir_drill_end(d);
}

/* Sessions with a peer that is cut off end; without memory for the CUT the next one does it. */
static void refuse_once(struct weir_drill *d)
{
    weir_drill_start(d);
    weir_drill_meet(d, A);
    CLAIM(d->e->pulls[0].open);
    weir_drill_link(d, A)->hello_wanted = true;
    weir_drill_begin(d);
    weir_engine_false_claim(d->e, A);
    weir_engine_false_claim(d->e, A);
    CLAIM(!weir_drill_link(d, A)->hello_wanted);
    CLAIM(weir_drill_link(d, A)->hello_again_us == ENGINE_NEVER);
    weir_engine_want_hello(d->e, A);
    CLAIM(!weir_drill_link(d, A)->hello_wanted);
    (void)weir_drill_end(d);
    CLAIM(weir_drill_is_cut(d, A, WEIR_ALARM_FALSE_CLAIM) && !d->e->pulls[0].open);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FALSE_CLAIMS) == 2);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_FRAMES_STRANGE) == 1);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_PULLS_LOST) == 2);
    const struct weir_members_item *m = weir_members_find(d->e->members, d->peer[A].node);
    CLAIM(m != NULL && m->num_links == 0);
}

/* -- R10 -- */

/* All that were ever members, and at least one other, after a session. */
static void confirm_by_all(struct weir_drill *d)
{
    weir_drill_start(d);
    d->peer[B].met = false;
    weir_drill_settle(d, A);
    CLAIM(d->e->has_pulled && !weir_engine_members_confirm(d->e)); /* no member is known */
    weir_drill_join(d, 0);
    CLAIM(!weir_engine_members_confirm(d->e));
    weir_drill_join(d, 1u << A);
    weir_drill_link(d, A)->confirmed = d->e->lane_number;
    CLAIM(weir_engine_members_confirm(d->e));
    d->e->has_pulled = false;
    CLAIM(!weir_engine_members_confirm(d->e));
    d->e->has_pulled = true;
    weir_drill_link(d, A)->confirmed++;
    CLAIM(!weir_engine_members_confirm(d->e));
    weir_drill_link(d, A)->confirmed = d->e->lane_number;
    weir_drill_settle(d, B); /* a stranger */
    CLAIM(weir_engine_members_confirm(d->e));
    CLAIM(weir_drill_member(d, d->peer[B].node, WEIR_MEMBER_LEFT) == WEIR_OK);
    weir_drill_wait(d, 0);
    weir_drill_link(d, A)->confirmed = d->e->lane_number;
    weir_drill_link(d, B)->confirmed = 0;
    CLAIM(!weir_engine_members_confirm(d->e));
    weir_drill_link(d, B)->confirmed = d->e->lane_number;
    CLAIM(weir_engine_members_confirm(d->e));
    weir_drill_down(d, B);
    CLAIM(!weir_engine_members_confirm(d->e));
}

/* -- echoes -- */

/* Eight in a full mesh, all in an overlay; each node once until it is heard again. */
static void echo_what_was_heard(struct weir_drill *d)
{
    struct weir_members_heartbeat h = { .incarnation = d->peer[A].incarnation, .n = 41, .load = 3 };
    uint8_t node[WEIR_NODE_ID_LEN], younger[WEIR_INCARNATION_LEN];

    d->cfg.relay = weir_sim_draw(d->x, 2) == 0;
    weir_drill_start(d);
    weir_drill_settle(d, A);
    memcpy(node, d->peer[B].node, WEIR_NODE_ID_LEN);
    h.node = node;
    for (uint8_t i = 0; i < 10; i++) {
        node[7] = i;
        CLAIM(weir_members_heard(d->e->members, &h, younger) == WEIR_MEMBERS_FINE);
    }
    d->mono_us = d->e->heartbeat_at;
    weir_drill_wait(d, 0);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_HEARTBEAT, WEIR_ENGINE_NO_LINK, 0);
    if (!CLAIM(f != NULL && f->msg.heartbeat->n_echo == (d->cfg.relay ? 10u : 8u)))
        return;
    const Weir__V1__Echo *e = f->msg.heartbeat->echo[1];
    CLAIM(e->has_node && e->node.len == WEIR_NODE_ID_LEN && e->has_n && e->n == 41);
    CLAIM(e->has_held_us && e->held_us >= 1 && memcmp(e->node.data, node, 7) == 0);
    CLAIM(weir_engine_relays(d->e) == d->cfg.relay);
    uint64_t n = f->msg.heartbeat->n;

    /* The peer echoes this one: the clocks are measured by it; and what it says of itself. */
    d->mono_us += 300000;
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    Weir__V1__Heartbeat *m = weir_drill_make_beat(d, A);
    Weir__V1__Echo echo, *list[1] = { &echo };
    weir__v1__echo__init(&echo);
    echo.has_node = echo.has_n = echo.has_held_us = 1;
    echo.node = weir_drill_bytes(d, d->cfg.node, WEIR_NODE_ID_LEN);
    echo.n = n;
    echo.held_us = 100000;
    m->wall_ms -= 5000;
    m->echo = list;
    m->n_echo = 1;
    m->has_load = 1;
    m->load = 77;
    m->schema_max = 9;
    weir_drill_join(d, 1u << A);
    weir_drill_receive(d, A, WEIR_FRAME_HEARTBEAT, &m->base);
    weir_drill_wait(d, SECOND);
    int64_t offset = 0;
    CLAIM(weir_members_clock_offset(d->e->members, &offset) && offset == 4900);
    CLAIM(weir_members_clock_off(d->e->members));
    CLAIM(weir_drill_put(d, "k", "v") == WEIR_EPERM);
    const struct weir_members_item *i = weir_members_find(d->e->members, d->peer[A].node);
    CLAIM(i->load == 77 && i->schema_max == 9 && i->n == m->n && i->state == WEIR_ENGINE_LIVE);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    reset_again_after_failure, lose_sessions, refuse_once, confirm_by_all, echo_what_was_heard,
};

void weir_drill_life(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
