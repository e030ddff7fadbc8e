/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_floors.c - sync/engine/engine_link.c: R6 and R15, what follows when a Hello shows that
 * either side missed purges of the other: who resets, when, and on the word of how many.
 */
#include <string.h>

#include "sync/engine/engine_members.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/drills.h"

#define SECOND WEIR_DRILL_SECOND
#define A      0
#define B      1
#define C      3 /* link 2 is never up, but as another link to A */
#define TWIN   2
#define AWAY   6
#define MOTION 0x100
#define HELD   5 /* numbers of the lane that all are about */

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* The lane of a node that is not connected, and what a peer purged of it. */
static void state_floor(struct weir_drill *d, uint32_t link, uint64_t floor)
{
    struct weir_drill_peer *p = &d->peer[link];
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    weir_vector_reset(&p->floor);
    if (floor == 0)
        return;
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, floor);
    weir_drill_raise(&p->floor, lane, floor);
}

/* An engine that has HELD numbers of the lane. */
static void start(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = HELD, .seen = HELD, .floor = 2 };

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, row.lane);
    for (uint32_t i = 0; i < WEIR_DRILL_PEERS; i++)
        weir_drill_raise(&d->peer[i].vv[WEIR_GROUP_C], row.lane, HELD);
    weir_drill_fill(d, WEIR_GROUP_C, &row, 1);
    weir_drill_start(d);
}

static bool is_stale(const struct weir_drill *d)
{
    return weir_engine_state(d->e) == WEIR_ENGINE_STALE;
}

/* Nothing of the two sides' floors is beyond the other. */
static bool is_sound(const struct weir_drill *d, uint32_t link)
{
    const struct engine_link *l = weir_drill_link(d, link);

    return !l->stale && !l->beyond && !l->split && !l->behind && !l->floor_told;
}

/* -- the only other node -- */

/* Its floor is within what is here: nothing. One beyond: this node resets. */
static void believe_the_only_other(struct weir_drill *d)
{
    start(d);
    state_floor(d, A, HELD);
    weir_drill_meet(d, A);
    CLAIM(!is_stale(d) && is_sound(d, A));
    CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 1);
    weir_drill_respond(d, A);
    state_floor(d, A, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(is_stale(d) && weir_drill_link(d, A)->stale && weir_drill_link(d, A)->beyond);
    CLAIM(!weir_drill_link(d, A)->split);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
    CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 0);
    weir_drill_wait(d, 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_EXPORT) == 1);
    /* A Hello changes nothing of that, until it has reset. */
    weir_drill_link(d, A)->beyond_us = 77;
    weir_drill_link(d, A)->behind = true;
    state_floor(d, A, 0);
    weir_drill_hello(d, A, true);
    CLAIM(is_stale(d) && weir_drill_link(d, A)->beyond && weir_drill_link(d, A)->behind);
}

/* Neither side resets while one of the two is not complete. */
static void compare_live_ones(struct weir_drill *d)
{
    bool is_peer = weir_sim_draw(d->x, 2) == 0;

    start(d);
    if (!is_peer) {
        d->e->state = WEIR_ENGINE_JOINING;
        d->e->pull_at = UINT64_MAX;
    }
    d->peer[A].live = !is_peer;
    weir_vector_reset(&d->peer[A].vv[WEIR_GROUP_C]);
    weir_drill_meet(d, A); /* it missed purges of this node */
    CLAIM(is_sound(d, A) && !is_stale(d));
    state_floor(d, A, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(is_sound(d, A) && !is_stale(d));
    CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
    CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
}

/* While the disk fails nothing is decided. */
static void decide_nothing_without_disk(struct weir_drill *d)
{
    start(d);
    weir_drill_meet(d, A);
    d->e->readonly = true;
    d->e->retry_at = UINT64_MAX;
    weir_drill_link(d, A)->behind = true;
    state_floor(d, A, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(d->e->state == WEIR_ENGINE_LIVE && weir_drill_link(d, A)->behind);
    CLAIM(!weir_drill_link(d, A)->beyond && !weir_drill_link(d, A)->stale);
}

/* -- one of several -- */

/* One peer alone: nothing is accepted of it, and after ten seconds the operator is told, once for
 * each time that it begins. */
static void tell_of_one_alone(struct weir_drill *d)
{
    uint64_t since;

    start(d);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    d->e->pull_at = UINT64_MAX;
    for (unsigned i = 0; i < 2; i++) {
        state_floor(d, A, HELD + 1 + i);
        weir_drill_hello(d, A, true);
        since = d->mono_us;
        CLAIM(!is_stale(d) && weir_drill_link(d, A)->stale && weir_drill_link(d, A)->beyond);
        CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 0);
        CLAIM(weir_drill_link(d, A)->beyond_us == since);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && is_sound(d, B));
        weir_drill_wait(d, 10 * SECOND - 1);
        weir_drill_hello(d, A, true);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && !weir_drill_link(d, A)->floor_told);
        weir_drill_wait(d, 1);
        weir_drill_hello(d, A, true);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 1);
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_FLOOR, A) == 1);
        CLAIM(weir_drill_link(d, A)->beyond_us == since);
        weir_drill_wait(d, 60 * SECOND);
        weir_drill_hello(d, A, true);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && weir_drill_link(d, A)->floor_told);
        CLAIM(!is_stale(d));
        state_floor(d, A, 0);
        weir_drill_hello(d, A, true);
        CLAIM(is_sound(d, A) && weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 1);
        weir_drill_respond(d, A);
    }
}

/* The second one decides at once; two links to one node are one. */
static void believe_two(struct weir_drill *d)
{
    start(d);
    memcpy(d->peer[TWIN].node, d->peer[A].node, WEIR_NODE_ID_LEN);
    memcpy(d->peer[TWIN].incarnation, d->peer[A].incarnation, WEIR_INCARNATION_LEN);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    weir_drill_settle(d, C);
    weir_drill_settle(d, TWIN);
    CLAIM(weir_engine_members_others(d->e) == 3);
    CLAIM(weir_engine_is_repeated(d->e, TWIN) && !weir_engine_is_repeated(d->e, A));
    CLAIM(!weir_engine_is_repeated(d->e, B) && !weir_engine_is_repeated(d->e, C));
    for (uint32_t i = 0; i < 4; i++)
        if (i != B)
            state_floor(d, i, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(!is_stale(d));
    weir_drill_hello(d, TWIN, true);
    CLAIM(!is_stale(d));
    if (weir_sim_draw(d->x, 2) == 0) {
        weir_drill_down(d, C); /* what it said would count no more */
        weir_drill_meet(d, C);
        CLAIM(is_stale(d));
        return;
    }
    weir_drill_hello(d, C, true);
    CLAIM(is_stale(d) && weir_drill_num(d, WEIR_OUT_ALARM) == 0);
}

/* A link that is down has no word, whatever it said. */
static void forget_the_word_of_who_left(struct weir_drill *d)
{
    start(d);
    for (uint32_t i = 0; i < 4; i++)
        weir_drill_settle(d, i);
    state_floor(d, B, HELD + 1);
    weir_drill_hello(d, B, true);
    weir_drill_down(d, B);
    state_floor(d, C, HELD + 1);
    weir_drill_hello(d, C, true);
    CLAIM(!is_stale(d) && weir_drill_link(d, C)->stale);
}

/* -- members -- */

/* Where records of members are, those alone are counted and have a vote; who left has none. */
static void count_members(struct weir_drill *d)
{
    start(d);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    CLAIM(weir_engine_members_others(d->e) == 2);
    CLAIM(weir_engine_members_votes(d->e, weir_drill_link(d, A)));
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_members_others(d->e) == 2);
    weir_drill_join(d, 1u << B);
    CLAIM(weir_engine_members_others(d->e) == 1);
    CLAIM(!weir_engine_members_votes(d->e, weir_drill_link(d, A)));
    CLAIM(weir_engine_members_votes(d->e, weir_drill_link(d, B)));
    weir_drill_join(d, 1u << AWAY);
    CLAIM(weir_engine_members_others(d->e) == 2);
    CLAIM(weir_drill_member(d, d->peer[AWAY].node, WEIR_MEMBER_LEFT) == WEIR_OK);
    weir_drill_wait(d, 0);
    CLAIM(weir_engine_members_others(d->e) == 1);

    /* A has no record: it alone decides nothing, though only one other member is there. */
    state_floor(d, A, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(!is_stale(d) && weir_drill_link(d, A)->stale);
    weir_drill_beat(d, B, WEIR_ENGINE_LIVE);
    state_floor(d, B, HELD + 1);
    weir_drill_hello(d, B, true);
    CLAIM(is_stale(d));
}

/* A member that is lost is one still. */
static void count_lost_members(struct weir_drill *d)
{
    start(d);
    weir_drill_settle(d, A);
    weir_drill_join(d, 1u << A | 1u << AWAY);
    weir_drill_wait(d, WEIR_MEMBERS_LOST_US + SECOND);
    CLAIM(weir_members_find(d->e->members, d->peer[AWAY].node)->life == WEIR_MEMBERS_LOST);
    CLAIM(weir_engine_members_others(d->e) == 2);
    CLAIM(weir_engine_members_votes(d->e, weir_drill_link(d, A)));
}

/* The states of a third member, and whether this node waits for it. */
static const struct {
    uint32_t state;
    bool waits;
} thirds[] = {
    { WEIR_ENGINE_JOINING, true },
    { WEIR_ENGINE_STALE, true },
    { WEIR_ENGINE_LIVE, false },
    { WEIR_ENGINE_READONLY, false },
    { MOTION | WEIR_ENGINE_JOINING, true },
    { MOTION | WEIR_ENGINE_STALE, true },
    { MOTION | WEIR_ENGINE_LIVE, false },
};

/* Two members state the purges. While another one resets, this node does not, for 30 seconds. */
static void let_others_reset_first(struct weir_drill *d)
{
    unsigned n = (unsigned)weir_sim_draw(d->x, WEIR_ARRAY_LEN(thirds));
    uint64_t since;

    start(d);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    weir_drill_settle(d, C);
    weir_drill_join(d, 1u << A | 1u << B | 1u << C);
    d->e->pull_at = UINT64_MAX;
    weir_drill_beat(d, A, WEIR_ENGINE_LIVE);
    weir_drill_beat(d, B, WEIR_ENGINE_LIVE);
    weir_drill_beat(d, C, thirds[n].state);
    state_floor(d, A, HELD + 1);
    state_floor(d, B, HELD + 1);
    weir_drill_hello(d, A, true);
    weir_drill_wait(d, SECOND);
    weir_drill_hello(d, B, true);
    since = d->mono_us;
    CLAIM(is_stale(d) == !thirds[n].waits);
    if (!thirds[n].waits)
        return;
    while (d->mono_us + 3 * SECOND < since + 30 * SECOND) {
        weir_drill_beat(d, C, thirds[n].state);
        weir_drill_wait(d, 3 * SECOND);
    }
    weir_drill_wait(d, since + 30 * SECOND - 1 - d->mono_us);
    weir_drill_hello(d, B, true);
    CLAIM(!is_stale(d) && weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    weir_drill_wait(d, 1);
    weir_drill_hello(d, B, true);
    CLAIM(is_stale(d));
}

/* A member whose state nobody has heard, since others alone vouch for it, is not waited for. Nor is
 * one that is silent, or has no record. */
static void wait_for_who_was_heard(struct weir_drill *d)
{
    unsigned how = (unsigned)weir_sim_draw(d->x, 3);
    Weir__V1__Echo echo;
    Weir__V1__Echo *list[1] = { &echo };

    start(d);
    weir_drill_settle(d, A);
    weir_drill_settle(d, B);
    if (how != 0) {
        weir_drill_settle(d, C);
        weir_drill_beat(d, C, WEIR_ENGINE_JOINING);
    }
    weir_drill_join(d, 1u << A | 1u << B | (how == 1 ? 1u << C : 1u << AWAY));
    for (unsigned i = 0; i < 4; i++) {
        for (uint32_t link = A; link <= B; link++) {
            Weir__V1__Heartbeat *h = weir_drill_make_beat(d, link);
            weir__v1__echo__init(&echo);
            echo.has_node = echo.has_n = echo.has_held_us = 1;
            echo.node = weir_drill_bytes(d, d->peer[AWAY].node, WEIR_NODE_ID_LEN);
            echo.n = 1 + i;
            h->echo = list;
            h->n_echo = how == 0;
            weir_drill_receive(d, link, WEIR_FRAME_HEARTBEAT, &h->base);
        }
        weir_drill_wait(d, 2 * SECOND);
    }
    const struct weir_members_item *m = weir_members_find(d->e->members, d->peer[AWAY].node);
    if (how == 0)
        CLAIM(m != NULL && m->life == WEIR_MEMBERS_ALIVE && !m->heard);
    if (how == 1)
        CLAIM(weir_members_find(d->e->members, d->peer[C].node)->life == WEIR_MEMBERS_SUSPECT);
    state_floor(d, A, HELD + 1);
    state_floor(d, B, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(!is_stale(d));
    weir_drill_hello(d, B, true);
    CLAIM(is_stale(d));
}

/* -- the peer, and both -- */

/* It missed purges of this node: nothing is accepted from it until it has reset. */
static void refuse_who_missed_purges(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[A];
    uint8_t lane[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, lane);
    start(d);
    weir_vector_reset(&p->vv[WEIR_GROUP_C]);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 2); /* as far as was purged */
    weir_drill_meet(d, A);
    CLAIM(is_sound(d, A) && weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
    weir_drill_respond(d, A);
    weir_vector_reset(&p->vv[WEIR_GROUP_C]);
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, 1);
    for (unsigned i = 0; i < 2; i++) {
        weir_drill_hello(d, A, true);
        const struct engine_link *l = weir_drill_link(d, A);
        CLAIM(l->stale && !l->beyond && !l->split && !is_stale(d));
        CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == (i == 0));
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0);
        CLAIM(weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, A) == 0);
    }
    weir_drill_raise(&p->vv[WEIR_GROUP_C], lane, HELD + 1);
    weir_drill_hello(d, A, true);
    CLAIM(is_sound(d, A) && weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 1);
}

/* Each missed purges of the other: the operator decides, and is told once for each time. */
static void tell_of_a_split(struct weir_drill *d)
{
    struct weir_drill_peer *p = &d->peer[A];
    uint8_t theirs[WEIR_LANE_LEN], ours[WEIR_LANE_LEN];

    weir_drill_lane(d->peer[7].node, WEIR_GROUP_C, 1, ours);
    weir_drill_lane(p->node, WEIR_GROUP_C, 2, theirs);
    start(d);
    weir_drill_settle(d, A);
    for (unsigned i = 0; i < 2; i++) {
        weir_vector_reset(&p->vv[WEIR_GROUP_C]);
        weir_drill_raise(&p->vv[WEIR_GROUP_C], ours, 1);
        weir_drill_raise(&p->vv[WEIR_GROUP_C], theirs, 4);
        weir_drill_raise(&p->floor, theirs, 3);
        weir_drill_hello(d, A, true);
        const struct engine_link *l = weir_drill_link(d, A);
        CLAIM(l->split && l->stale && l->beyond && !is_stale(d));
        CLAIM(weir_drill_alarms(d, WEIR_ALARM_BOTH_STALE, A) == 1);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 1);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 1);
        CLAIM(weir_drill_num_pulls(d, A, WEIR_GROUP_C) == 0);
        weir_drill_wait(d, 40 * SECOND);
        weir_drill_hello(d, A, true);
        CLAIM(weir_drill_num(d, WEIR_OUT_ALARM) == 0 && !is_stale(d) && l->split);
        CLAIM(weir_drill_counted(d, WEIR_COUNT_STALE_REFUSED) == 0);
        weir_vector_reset(&p->floor);
        weir_drill_raise(&p->vv[WEIR_GROUP_C], ours, HELD);
        weir_drill_hello(d, A, true);
        CLAIM(is_sound(d, A) && weir_drill_num(d, WEIR_OUT_ALARM) == 0);
    }
}

/* -- all -- */

static const weir_drill_fn all[] = {
    believe_the_only_other,      compare_live_ones,
    compare_live_ones,           decide_nothing_without_disk,
    tell_of_one_alone,           believe_two,
    forget_the_word_of_who_left, count_members,
    count_lost_members,          let_others_reset_first,
    let_others_reset_first,      let_others_reset_first,
    wait_for_who_was_heard,      wait_for_who_was_heard,
    refuse_who_missed_purges,    tell_of_a_split,
};

void weir_drill_floors(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
}
