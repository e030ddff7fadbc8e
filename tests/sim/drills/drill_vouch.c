/* SPDX-License-Identifier: Apache-2.0
 *
 * drill_vouch.c - sync/engine/engine_vouch.c: on whose word the vector is raised after a session,
 * and how far.
 */
#include <string.h>

#include "sync/engine/engine_group.h"
#include "sync/engine/engine_members.h"
#include "sync/engine/engine_pull.h"
#include "sync/frame/member.h"
#include "tests/sim/drills/bed/drill_faults.h"
#include "tests/sim/drills/bed/drill_links.h"
#include "tests/sim/drills/bed/drill_seed.h"
#include "tests/sim/drills/drills.h"

/* Links of peers; those between were never up. */
#define FIRST  0
#define SECOND 2
#define THIRD  3
#define WRITER 6 /* whose lane it is about */
#define SEC_US UINT64_C(1000000)

#define CLAIM(claim) WEIR_SIM_CLAIM(d->x, claim)

/* -- sessions -- */

static enum weir_group group_of_req(const Weir__V1__PullReq *m)
{
    return m->groups[0] == WEIR_FRAME_BATCH_E ? WEIR_GROUP_E : WEIR_GROUP_C;
}

static void meet(struct weir_drill *d, uint32_t link)
{
    weir_drill_meet(d, link);
    weir_drill_respond(d, link);
}

/* A peer sent all that it has, up to here. */
static void note(struct weir_drill *d, uint32_t link, enum weir_group g,
                 const struct weir_vector *vv)
{
    weir_drill_begin(d);
    weir_engine_note_given(d->e, link, g, vv);
    CLAIM(d->e->vouch[g]);
    (void)weir_drill_end(d);
    CLAIM(d->err == WEIR_OK);
}

/* The same for one lane; 0: nothing. */
static void note_one(struct weir_drill *d, uint32_t link, const uint8_t *lane, uint64_t seq)
{
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    enum weir_group g = lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;

    weir_drill_raise(&vv, lane, seq);
    note(d, link, g, &vv);
    CLAIM(weir_vector_eq(&d->e->links[link]->given[g], &vv));
    weir_vector_deinit(&vv);
}

static void claim_reach(struct weir_drill *d, const uint8_t *lane, uint64_t end)
{
    enum weir_group g = lane[WEIR_NODE_ID_LEN] == 'E' ? WEIR_GROUP_E : WEIR_GROUP_C;

    CLAIM(weir_engine_durable(d->e, g, lane) == end);
    CLAIM(weir_drill_row(d, g, lane).vv == end);
}

static enum weir_group begin(struct weir_drill *d, uint8_t lane[WEIR_LANE_LEN])
{
    enum weir_group g = weir_drill_draw_group(d);

    weir_drill_lane(d->peer[WRITER].node, g, 1, lane);
    weir_drill_start(d);
    meet(d, FIRST);
    return g;
}

static size_t num_asked(struct weir_drill *d, uint32_t link)
{
    return weir_drill_num_sent(d, WEIR_FRAME_PULL_REQ, link);
}

/* -- whose word is enough -- */

static void believe_the_writer(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    meet(d, WRITER);
    meet(d, SECOND);
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 0);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0); /* the writer's word comes by itself */
    note_one(d, WRITER, lane, 4);
    claim_reach(d, lane, 4);
    CLAIM(!d->e->vouch[g]);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
}

/* Up to where two of them agree; what three state, in any order, is the middle one. */
static void believe_two(struct weir_drill *d)
{
    static const uint32_t links[] = { FIRST, SECOND, THIRD };
    uint64_t ends[] = { 7, 5, 3 };
    uint8_t lane[WEIR_LANE_LEN];
    uint64_t turn = weir_sim_draw(d->x, 3);
    uint64_t most = 0;
    uint64_t middle = 0;

    (void)begin(d, lane);
    meet(d, SECOND);
    meet(d, THIRD);
    meet(d, WRITER);
    weir_drill_wait(d, 1000);
    for (unsigned i = 0; i < 3; i++) {
        uint64_t end = ends[(i + turn) % 3];
        note_one(d, links[i], lane, end);
        middle = end > most ? most : end > middle ? end : middle;
        most = end > most ? end : most;
        claim_reach(d, lane, middle);
    }
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
}

/* Two are enough: the third is not asked. */
static void ask_no_third(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    meet(d, SECOND);
    meet(d, THIRD);
    weir_drill_wait(d, 1000);
    weir_drill_raise(&d->e->links[SECOND]->given[g], lane, 5);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 5);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
}

/* Two links to a node are one word. */
static void believe_a_node_once(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    memcpy(d->peer[SECOND].node, d->peer[FIRST].node, WEIR_NODE_ID_LEN);
    memcpy(d->peer[SECOND].incarnation, d->peer[FIRST].incarnation, WEIR_INCARNATION_LEN);
    (void)begin(d, lane);
    meet(d, SECOND);
    meet(d, WRITER);
    note_one(d, FIRST, lane, 5);
    note_one(d, SECOND, lane, 5);
    claim_reach(d, lane, 0);
}

/* A link without a Hello has no say, and is no writer that is waited for. */
static void believe_no_stranger(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    weir_drill_up(d, WRITER);
    weir_drill_up(d, SECOND);
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 5);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
    weir_drill_hello(d, WRITER, true);
    weir_drill_respond(d, WRITER);
    weir_drill_raise(&d->e->links[SECOND]->given[g], lane, 7);
    note_one(d, FIRST, lane, 7);
    claim_reach(d, lane, 5);
}

/* In an overlay a neighbour's word is enough. */
static void believe_neighbours(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    d->cfg.relay = true;
    (void)begin(d, lane);
    meet(d, SECOND);
    meet(d, WRITER);
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 5);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
}

/* -- the last word -- */

/* The writer is away: all others are asked, and then no node has more. */
static void ask_all_others(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    bool is_loss = weir_sim_draw(d->x, 2) == 0;

    d->peer[5].live = false; /* it has nothing to say */
    enum weir_group g = begin(d, lane);
    meet(d, SECOND);
    meet(d, THIRD);
    meet(d, 5);
    weir_drill_wait(d, 1000);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 0);
    CLAIM(d->e->links[FIRST]->given_us[g] == d->mono_us);
    CLAIM(num_asked(d, SECOND) == 1 && num_asked(d, THIRD) == 1);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 2);
    const struct weir_frame *f = weir_drill_sent(d, WEIR_FRAME_PULL_REQ, THIRD, 0);
    if (!CLAIM(f != NULL))
        return;
    CLAIM(group_of_req(f->msg.pull_req) == g);
    Weir__V1__PullReq *req = weir_drill_make_req(d, THIRD, g);
    req->session = weir_drill_bytes(d, f->msg.pull_req->session.data, f->msg.pull_req->session.len);
    weir_drill_respond(d, SECOND);
    claim_reach(d, lane, 0);
    if (is_loss)
        weir_drill_down(d, THIRD);
    else
        weir_drill_receive(d, THIRD, WEIR_FRAME_PULL_REP,
                           &weir_drill_make_rep(d, THIRD, req)->base);
    claim_reach(d, lane, 5);
}

/* A node that went away since may have told another. */
static void ask_again_when_one_went(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    enum weir_group g = begin(d, lane);

    meet(d, SECOND);
    meet(d, WRITER);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 0);
    CLAIM(d->e->links[FIRST]->given_us[g] == 0); /* the writer was here */
    weir_drill_wait(d, 1000);
    weir_drill_down(d, WRITER);
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 0);
    CLAIM(num_asked(d, SECOND) == 1 && num_asked(d, WEIR_DRILL_ANY) == 1);
    CLAIM(d->e->links[FIRST]->given_us[g] == 0);
    weir_drill_respond(d, SECOND); /* begun in the moment in which the other went */
    claim_reach(d, lane, 5);
}

/* All were asked in the very moment, or there is no other. */
static void ask_nobody_twice(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];

    memcpy(d->peer[THIRD].node, d->peer[FIRST].node, WEIR_NODE_ID_LEN);
    memcpy(d->peer[THIRD].incarnation, d->peer[FIRST].incarnation, WEIR_INCARNATION_LEN);
    (void)begin(d, lane);
    meet(d, SECOND);
    meet(d, THIRD);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        d->e->links[SECOND]->asked_us[g] = d->mono_us;
        d->e->links[THIRD]->asked_us[g] = 0;
    }
    note_one(d, FIRST, lane, 5);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
    claim_reach(d, lane, 5);
}

/* -- members -- */

static void wait_for_members(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t bans[WEIR_LANE_LEN];

    weir_drill_start(d);
    meet(d, FIRST);
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, lane);
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_E, 1, bans);
    CLAIM(!weir_engine_is_member_away(d->e));
    CLAIM(weir_drill_member(d, d->cfg.node, WEIR_MEMBER_JOINED) == WEIR_OK);
    CLAIM(weir_drill_member(d, d->peer[FIRST].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 1000);
    CLAIM(!weir_engine_is_member_away(d->e));
    note_one(d, FIRST, lane, 5);
    claim_reach(d, lane, 5);
    CLAIM(weir_drill_member(d, d->peer[7].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 1000);
    CLAIM(weir_engine_is_member_away(d->e));
    note_one(d, FIRST, lane, 6);
    claim_reach(d, lane, 5);
    note_one(d, FIRST, bans, 6); /* bans wait for no member */
    claim_reach(d, bans, 6);
    weir_drill_up(d, 7); /* without a Hello it is still away */
    CLAIM(weir_engine_is_member_away(d->e));
    weir_drill_hello(d, 7, true);
    CLAIM(!weir_engine_is_member_away(d->e));
    weir_drill_down(d, 7);
    weir_drill_wait(d, SEC_US);
    CLAIM(weir_engine_is_member_away(d->e));
    for (unsigned i = 0; i < 16; i++)
        weir_drill_wait(d, WEIR_MEMBERS_DOWN_US);
    const struct weir_members_item *m = weir_members_find(d->e->members, d->peer[7].node);
    CLAIM(m != NULL && m->life == WEIR_MEMBERS_DOWN && weir_engine_is_member_away(d->e));
    unsigned state = weir_sim_draw(d->x, 2) == 0 ? WEIR_MEMBER_LEFT : WEIR_MEMBER_EVICTED;
    CLAIM(weir_drill_member(d, d->peer[7].node, state) == WEIR_OK);
    weir_drill_wait(d, 1000);
    CLAIM(!weir_engine_is_member_away(d->e));
    note_one(d, FIRST, lane, 6);
    claim_reach(d, lane, 6);
}

/* A member that was silent for a day is not waited for. */
static void wait_for_a_day(struct weir_drill *d)
{
    if (!CLAIM(weir_engine_new(&d->cfg, &d->e) == WEIR_OK))
        return;
    CLAIM(!weir_engine_is_member_away(d->e)); /* none is known before the first tick */
    weir_drill_begin(d);
    (void)weir_drill_end(d);
    CLAIM(weir_drill_member(d, d->peer[FIRST].node, WEIR_MEMBER_JOINED) == WEIR_OK);
    weir_drill_wait(d, 1000);
    CLAIM(weir_engine_is_member_away(d->e));
    for (unsigned i = 0; i < 12; i++)
        weir_drill_wait(d, WEIR_MEMBERS_LOST_US / 8);
    const struct weir_members_item *m = weir_members_find(d->e->members, d->peer[FIRST].node);
    CLAIM(m != NULL && m->life == WEIR_MEMBERS_LOST);
    CLAIM(!weir_engine_is_member_away(d->e));
}

/* -- records without a gap -- */

static void believe_what_is_here(struct weir_drill *d)
{
    static const uint64_t seqs[] = { 2, 3, 5 };
    enum weir_group g = weir_drill_draw_group(d);
    struct weir_lane_row row = { .vv = 1, .seen = 5 };
    bool is_second = weir_sim_draw(d->x, 2) == 0;

    weir_drill_lane(d->peer[WRITER].node, g, 1, row.lane);
    for (size_t i = 0; i < 3; i++) {
        uint8_t name[] = { 'k', (uint8_t)i };
        struct weir_stored_record rec = {
            .rec = { .class = g == WEIR_GROUP_E ? WEIR_CLASS_BAN : WEIR_CLASS_TENANT,
                     .key =
                         g == WEIR_GROUP_E ? weir_drill_ban_key(d, (uint8_t)i) : weir_span(name, 2),
                     .version = { .hlc = weir_drill_stamp(d), .seq = seqs[i] } },
            .stored_ms = d->wall_ms,
        };
        memcpy(rec.rec.version.lane, row.lane, WEIR_LANE_LEN);
        weir_drill_seed(d, &rec);
    }
    weir_drill_seed_row(d, g, &row);
    weir_drill_start(d);
    meet(d, FIRST);
    meet(d, SECOND);
    meet(d, WRITER);
    note_one(d, FIRST, row.lane, 2); /* as far as is stated */
    claim_reach(d, row.lane, 2);
    note_one(d, FIRST, row.lane, 9);
    claim_reach(d, row.lane, 3);
    if (is_second) { /* the other peer's word goes further */
        note_one(d, SECOND, row.lane, 4);
        claim_reach(d, row.lane, 5 - 1);
        note_one(d, FIRST, row.lane, 10); /* and a record follows it */
        claim_reach(d, row.lane, 5);
    }
}

/* -- what is noted -- */

static void note_since_when(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t known[WEIR_LANE_LEN];
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    enum weir_group g = begin(d, lane);
    struct engine_link *l = d->e->links[FIRST];

    meet(d, SECOND);
    weir_drill_lane(d->peer[FIRST].node, g, 1, known);
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, known, 3); /* its own lane: it is here to speak for it */
    claim_reach(d, known, 3);
    CLAIM(l->given_us[g] == 0);
    weir_drill_wait(d, 1000);
    weir_drill_raise(&vv, known, 3);
    weir_drill_raise(&vv, lane, 4);
    note(d, FIRST, g, &vv);
    CLAIM(l->given_us[g] == d->mono_us && l->given_us[1 - g] == 0);
    CLAIM(weir_vector_eq(&l->given[g], &vv) && l->given[1 - g].num == 0);
    CLAIM(num_asked(d, SECOND) == 1);
    uint64_t since_us = d->mono_us;
    weir_drill_wait(d, 1000);
    note(d, FIRST, g, &vv); /* nothing new */
    CLAIM(l->given_us[g] == since_us);
    claim_reach(d, lane, 0);
    weir_drill_raise(&vv, lane, 5);
    note(d, FIRST, g, &vv);
    CLAIM(l->given_us[g] == d->mono_us);
    since_us = d->mono_us;
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, lane, 2); /* less than before: forgotten */
    CLAIM(l->given_us[g] == since_us);
    note_one(d, FIRST, lane, 3); /* new again */
    CLAIM(l->given_us[g] == d->mono_us);
    weir_vector_deinit(&vv);
}

/* What is covered is nothing new. */
static void note_nothing_known(struct weir_drill *d)
{
    enum weir_group g = weir_drill_draw_group(d);
    struct weir_lane_row row = { .vv = 4, .seen = 4 };

    weir_drill_lane(d->peer[WRITER].node, g, 1, row.lane);
    weir_drill_seed_row(d, g, &row);
    weir_drill_start(d);
    meet(d, FIRST);
    meet(d, SECOND);
    weir_drill_wait(d, 1000);
    note_one(d, FIRST, row.lane, 4);
    CLAIM(d->e->links[FIRST]->given_us[g] == 0);
    CLAIM(num_asked(d, WEIR_DRILL_ANY) == 0);
    claim_reach(d, row.lane, 4);
    struct weir_vector vv = WEIR_VECTOR_ZERO;
    uint8_t other[WEIR_LANE_LEN];
    weir_drill_lane(d->peer[4].node, g, 1, other); /* of a smaller name, and new */
    weir_drill_raise(&vv, other, 1);
    weir_drill_raise(&vv, row.lane, 4);
    note(d, FIRST, g, &vv);
    CLAIM(d->e->links[FIRST]->given_us[g] == d->mono_us);
    weir_vector_deinit(&vv);
}

/* R10: a peer knows more of this node's lane than this node itself. */
static void note_own_lane(struct weir_drill *d)
{
    enum weir_group g = weir_drill_draw_group(d);
    uint64_t seq = 5 + weir_sim_draw(d->x, 2);
    struct weir_lane_row row = { .vv = 3, .seen = 3 };
    struct weir_store_meta meta = { .live = true, .seq = 5 };
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    weir_drill_lane(d->cfg.node, g, 1, row.lane);
    memcpy(meta.lane, row.lane, WEIR_LANE_LEN);
    weir_drill_seed_row(d, g, &row);
    weir_drill_seed_meta(d, g, &meta);
    weir_drill_start(d);
    meet(d, FIRST);
    weir_drill_raise(&vv, row.lane, seq);
    note(d, FIRST, g, &vv);
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, WEIR_DRILL_ANY) ==
          (seq > 5 && g == WEIR_GROUP_C));
    CLAIM(weir_drill_alarms(d, WEIR_ALARM_ROLLBACK, FIRST) == (seq > 5 && g == WEIR_GROUP_C));
    CLAIM(weir_memory_meta(d->store[g]).seq == (seq > 5 ? 0 : 5));
    if (seq == 5)
        claim_reach(d, row.lane, 3); /* its own lane needs nobody's word */
    weir_vector_deinit(&vv);
}

/* Several lanes, of both groups, in one turn; and only what a session has ended for. */
static void raise_each_group_alone(struct weir_drill *d)
{
    uint8_t lane[WEIR_GROUP_COUNT][2][WEIR_LANE_LEN];
    struct weir_vector vv[WEIR_GROUP_COUNT] = { WEIR_VECTOR_ZERO, WEIR_VECTOR_ZERO };

    weir_drill_start(d);
    meet(d, SECOND);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        for (uint8_t n = 0; n < 2; n++) {
            weir_drill_lane(d->peer[WRITER].node, (enum weir_group)g, n, lane[g][n]);
            weir_drill_raise(&vv[g], lane[g][n], 3 + n);
        }
    note(d, SECOND, WEIR_GROUP_E, &vv[WEIR_GROUP_E]);
    for (uint8_t n = 0; n < 2; n++) {
        claim_reach(d, lane[WEIR_GROUP_E][n], 3 + n);
        claim_reach(d, lane[WEIR_GROUP_C][n], 0);
    }
    (void)!weir_vector_copy(&d->e->links[SECOND]->given[WEIR_GROUP_C], &vv[WEIR_GROUP_C]);
    weir_drill_wait(d, 0);
    claim_reach(d, lane[WEIR_GROUP_C][0], 0); /* no session has ended */
    note(d, SECOND, WEIR_GROUP_C, &vv[WEIR_GROUP_C]);
    for (uint8_t n = 0; n < 2; n++)
        claim_reach(d, lane[WEIR_GROUP_C][n], 3 + n);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
        weir_vector_deinit(&vv[g]);
}

/* While it joins a node believes nobody; it looks again when it lives. */
static void raise_nothing_while_joining(struct weir_drill *d)
{
    uint8_t lane[WEIR_LANE_LEN];
    struct weir_vector vv = WEIR_VECTOR_ZERO;

    d->cfg.bootstrap = false;
    weir_drill_start(d);
    weir_drill_meet(d, FIRST);
    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_E, 1, lane);
    weir_drill_raise(&vv, lane, 3);
    note(d, FIRST, WEIR_GROUP_E, &vv);
    claim_reach(d, lane, 0);
    CLAIM(d->e->vouch[WEIR_GROUP_E]);
    weir_vector_deinit(&vv);
}

/* -- faults -- */

static uint8_t fault_lane[WEIR_LANE_LEN];
static struct weir_vector fault_vv;

static void prepare(struct weir_drill *d)
{
    struct weir_lane_row row = { .vv = 0, .seen = 3 };

    weir_drill_lane(d->peer[WRITER].node, WEIR_GROUP_C, 1, fault_lane);
    memcpy(row.lane, fault_lane, WEIR_LANE_LEN);
    for (uint64_t seq = 1; seq <= 3; seq++) {
        uint8_t name[] = { 'k', (uint8_t)seq };
        struct weir_stored_record rec = {
            .rec = { .class = WEIR_CLASS_TENANT,
                     .key = weir_span(name, 2),
                     .version = { .hlc = weir_drill_stamp(d), .seq = seq } },
            .stored_ms = d->wall_ms,
        };
        memcpy(rec.rec.version.lane, fault_lane, WEIR_LANE_LEN);
        weir_drill_seed(d, &rec);
    }
    weir_drill_seed_row(d, WEIR_GROUP_C, &row);
    weir_drill_start(d);
    meet(d, FIRST);
    meet(d, WRITER);
    weir_drill_raise(&fault_vv, fault_lane, 9);
}

static void give_inputs(struct weir_drill *d)
{
    weir_engine_note_given(d->e, FIRST, WEIR_GROUP_C, &fault_vv);
}

/* All of the raise or nothing, and after a failure no word is believed that was given before. */
static void check(struct weir_drill *d, bool failed)
{
    uint64_t end = weir_engine_durable(d->e, WEIR_GROUP_C, fault_lane);

    CLAIM(end == (failed ? 0 : 3) || (end == 3 && d->err == WEIR_OK));
    CLAIM(weir_drill_row(d, WEIR_GROUP_C, fault_lane).vv == end);
    if (failed && end == 0)
        CLAIM(d->err < 0 && d->e->links[FIRST]->given[WEIR_GROUP_C].num == 0);
    weir_vector_deinit(&fault_vv);
}

static void fail_everything(struct weir_sim_exam *x)
{
    static const struct weir_drill_scene scene = { prepare, give_inputs, check };

    weir_drill_fail_allocs(x, &scene);
    weir_drill_fail_ops(x, WEIR_GROUP_C, &scene);
}

/* -- all -- */

static const weir_drill_fn all[] = {
    believe_the_writer,
    believe_two,
    ask_no_third,
    believe_a_node_once,
    believe_no_stranger,
    believe_neighbours,
    ask_all_others,
    ask_again_when_one_went,
    ask_nobody_twice,
    wait_for_members,
    wait_for_a_day,
    believe_what_is_here,
    believe_what_is_here,
    note_since_when,
    note_nothing_known,
    note_own_lane,
    note_own_lane,
    raise_each_group_alone,
    raise_nothing_while_joining,
};

void weir_drill_vouch(struct weir_sim_exam *x)
{
    weir_drill_run(x, all, WEIR_ARRAY_LEN(all));
    if (x->claim == NULL)
        fail_everything(x);
}
