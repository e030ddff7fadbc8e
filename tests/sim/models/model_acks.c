/* SPDX-License-Identifier: Apache-2.0
 *
 * model_acks.c - the acks of all nodes against a table of them. Some seeds fill it up first, so
 * that there is no room for lists and reasons, for lanes, or for acks.
 */
#include <string.h>

#include "sync/activation/acks.h"
#include "sync/version/num.h"
#include "tests/sim/models/model.h"

#define LANES     4
#define NODES     14
#define SEQS      8
#define STEPS     120
#define SECOND_US UINT64_C(1000000)
#define SILENCES  21 /* seconds at the end of the day */
#define NODES_MAX (WEIR_MEMBERS_MAX + WEIR_STRANGERS_MAX)

/* The last ack of a node for a lane. */
struct told {
    bool is_there;
    struct weir_ack ack;
    char why[WEIR_ACK_WHY_MAX];
};

struct twin {
    struct weir_acks *acks;
    struct weir_members *members;
    struct told told[LANES][NODES];
    bool has_lane[LANES];
    size_t num; /* of the fill-up; the others are in `told` */
    size_t num_lanes;
    size_t num_lists;
    size_t num_whys;
};

struct name {
    uint8_t at[WEIR_LANE_LEN];
};

static struct name lane_at(uint64_t i)
{
    struct name n = { { 0 } };

    n.at[0] = (uint8_t)(i / 2 * 100);
    n.at[WEIR_LANE_LEN - 1] = (uint8_t)(i % 2 * 85);
    return n;
}

static struct name node_at(uint64_t i)
{
    struct name n = { { 0 } };

    n.at[0] = (uint8_t)(i / 4 * 60);
    n.at[WEIR_NODE_ID_LEN - 1] = (uint8_t)(i % 4 * 80);
    return n;
}

/* Lanes and nodes of a fill-up, behind those above; ascending. */
static struct name many_at(uint64_t i)
{
    struct name n;

    memset(n.at, 0xff, sizeof(n.at));
    weir_num_write_be(n.at + 1, i, WEIR_NODE_ID_LEN - 1);
    return n;
}

/* -- members: some of each life -- */

static enum weir_members_life life_of(size_t node)
{
    static const enum weir_members_life lives[] = {
        WEIR_MEMBERS_SUSPECT, WEIR_MEMBERS_DOWN,    WEIR_MEMBERS_LOST,
        WEIR_MEMBERS_LEFT,    WEIR_MEMBERS_EVICTED, WEIR_MEMBERS_STRANGER,
    };

    return node < WEIR_ARRAY_LEN(lives) ? lives[node] : WEIR_MEMBERS_ALIVE;
}

static void hear(struct weir_sim_exam *x, struct weir_members *m, size_t node, uint64_t now_us)
{
    static const uint8_t incarnation[WEIR_INCARNATION_LEN] = { 1 };
    uint8_t younger[WEIR_INCARNATION_LEN];
    struct name id = node_at(node);
    struct weir_members_heartbeat h = { .node = id.at, .incarnation = incarnation, .n = now_us };

    WEIR_SIM_CLAIM(x, weir_members_heard(m, &h, younger) == WEIR_MEMBERS_FINE);
}

static void put_member(struct weir_sim_exam *x, struct weir_members *m, size_t node)
{
    uint8_t value[WEIR_MEMBER_LEN_MAX];
    struct weir_member rec = { .state = WEIR_MEMBER_JOINED };
    struct name id = node_at(node);

    if (life_of(node) == WEIR_MEMBERS_LEFT)
        rec.state = WEIR_MEMBER_LEFT;
    if (life_of(node) == WEIR_MEMBERS_EVICTED)
        rec.state = WEIR_MEMBER_EVICTED;
    memcpy(rec.node, id.at, WEIR_NODE_ID_LEN);
    weir_member_pack(&rec, value);
    WEIR_SIM_CLAIM(x, weir_members_put(m, weir_span(id.at, WEIR_NODE_ID_LEN),
                                       weir_span(value, weir_member_packed_len(&rec))) == WEIR_OK);
}

/* Nodes fall silent one after another: a day ago, and within the last seconds. The last node is
 * nowhere, the one before is this one. */
static struct weir_members *make_members(struct weir_sim_exam *x)
{
    static const unsigned silent_from[] = { 15, 2, 1 }; /* steps */
    const uint64_t end_us = WEIR_MEMBERS_LOST_US + SECOND_US;
    struct weir_members_config cfg = { .mono_us = 0 };
    struct name self = node_at(NODES - 2);
    struct weir_members *m = NULL;

    memcpy(cfg.node, self.at, WEIR_NODE_ID_LEN);
    if (!WEIR_SIM_CLAIM(x, weir_members_new(&cfg, &m) == WEIR_OK))
        return NULL;
    for (size_t i = 0; i < NODES - 1; i++)
        if (life_of(i) != WEIR_MEMBERS_STRANGER)
            put_member(x, m, i);
    for (unsigned step = 0; step <= SILENCES; step++) {
        uint64_t at_us = step == 0 ? 0 : end_us - (SILENCES - step) * SECOND_US;
        weir_members_tick(m, at_us, at_us / 1000);
        for (size_t i = 0; i < NODES - 2; i++)
            if ((i >= WEIR_ARRAY_LEN(silent_from) || step < silent_from[i]) &&
                life_of(i) != WEIR_MEMBERS_LEFT && life_of(i) != WEIR_MEMBERS_EVICTED)
                hear(x, m, i, at_us);
    }
    for (size_t i = 0; i < NODES - 1; i++) {
        const struct weir_members_item *item = weir_members_find(m, node_at(i).at);
        WEIR_SIM_CLAIM(x, item != NULL && item->life == life_of(i));
    }
    return m;
}

/* -- the twin -- */

static bool has_list(const struct weir_ack *a)
{
    return a->num_held + a->num_refused > 0;
}

static void drop_told(struct twin *t, struct told *old)
{
    t->num_lists -= old->is_there && has_list(&old->ack);
    t->num_whys -= old->is_there && old->ack.why.len > 0;
    old->is_there = false;
}

/* `active` ends before the numbers that there is no room for. */
static void end_before_lists(struct weir_ack *a)
{
    uint64_t active = a->active;

    for (uint64_t seq = a->active; seq > 0; seq--) {
        struct weir_ack only = *a;
        only.rejected = 0;
        if (weir_ack_of(&only, seq) != WEIR_ACK_ACTIVE)
            active = seq - 1;
    }
    a->active = active;
    a->num_held = a->num_refused = 0;
}

static void note(struct twin *t, size_t lane, size_t node, const struct weir_ack *ack)
{
    struct told *w = &t->told[lane][node];

    weir_acks_note(t->acks, node_at(node).at, ack);
    drop_told(t, w);
    t->has_lane[lane] = true;
    w->is_there = true;
    w->ack = *ack;
    if (has_list(ack) && t->num_lists == WEIR_ACKS_LISTS_MAX)
        end_before_lists(&w->ack);
    if (t->num_whys == WEIR_ACKS_WHYS_MAX)
        w->ack.why.len = 0;
    if (w->ack.why.len > 0)
        memcpy(w->why, ack->why.at, w->ack.why.len);
    w->ack.why.at = (const uint8_t *)w->why;
    t->num_lists += has_list(&w->ack);
    t->num_whys += w->ack.why.len > 0;
}

static void forget(struct twin *t, size_t node)
{
    weir_acks_forget(t->acks, node_at(node).at);
    for (size_t i = 0; i < LANES; i++)
        drop_told(t, &t->told[i][node]);
}

/* -- comparison -- */

static void check_count(struct weir_sim_exam *x, struct twin *t, size_t lane, uint64_t seq)
{
    struct weir_acks_count is;
    struct weir_acks_count want = { .members = 0 };

    for (size_t i = 0; i < NODES - 1; i++) {
        const struct told *w = &t->told[lane][i];
        enum weir_members_life life = life_of(i);
        enum weir_ack_state state = w->is_there ? weir_ack_of(&w->ack, seq) : WEIR_ACK_ABSENT;
        bool is_away = life == WEIR_MEMBERS_DOWN || life == WEIR_MEMBERS_LOST;
        bool is_here = life == WEIR_MEMBERS_ALIVE || life == WEIR_MEMBERS_SUSPECT;
        want.members += is_away || is_here;
        want.unreachable += is_away;
        want.durable += (is_away || is_here) && state != WEIR_ACK_ABSENT;
        want.active += is_here && state == WEIR_ACK_ACTIVE;
        want.rejected += is_here && state == WEIR_ACK_REJECTED;
        want.waiting += is_here && state == WEIR_ACK_WAITING;
    }
    weir_acks_count(t->acks, t->members, lane_at(lane).at, seq, &is);
    WEIR_SIM_CLAIM(x, is.members == want.members && is.unreachable == want.unreachable);
    WEIR_SIM_CLAIM(x, is.durable == want.durable && is.active == want.active);
    WEIR_SIM_CLAIM(x, is.rejected == want.rejected && is.waiting == want.waiting);
}

/* All of a list, also with a node that is not in it as the one before. */
static void check_rejections(struct weir_sim_exam *x, const struct twin *t, size_t lane,
                             uint64_t seq)
{
    struct weir_acks_rejection rej = { .why = WEIR_SPAN_LIT("before") };
    struct name after;
    bool is_first = true;

    for (size_t i = 0; i < NODES; i++) {
        const struct told *w = &t->told[lane][i];
        if (w->is_there && weir_ack_of(&w->ack, seq) == WEIR_ACK_REJECTED) {
            struct weir_span why = seq == w->ack.rejected ? w->ack.why : WEIR_SPAN_EMPTY;
            bool is_there = weir_acks_next_rejection(t->acks, lane_at(lane).at, seq,
                                                     is_first ? NULL : after.at, &rej);
            if (!WEIR_SIM_CLAIM(x, is_there))
                return;
            WEIR_SIM_CLAIM(x, memcmp(rej.node, node_at(i).at, WEIR_NODE_ID_LEN) == 0);
            WEIR_SIM_CLAIM(x, weir_span_eq(rej.why, why));
            is_first = false;
        }
        is_first = is_first && weir_sim_draw(x, 2) == 0;
        after = node_at(i);
    }
    after = node_at(NODES);
    rej.why = WEIR_SPAN_LIT("before");
    WEIR_SIM_CLAIM(x, !weir_acks_next_rejection(t->acks, lane_at(lane).at, seq, after.at, &rej));
    WEIR_SIM_CLAIM(x, weir_span_eq(rej.why, WEIR_SPAN_LIT("before")));
}

static void check_sizes(struct weir_sim_exam *x, const struct twin *t)
{
    size_t num = t->num;
    size_t num_lanes = t->num_lanes;

    for (size_t i = 0; i < LANES; i++) {
        num_lanes += t->has_lane[i];
        for (size_t j = 0; j < NODES; j++)
            num += t->told[i][j].is_there;
    }
    WEIR_SIM_CLAIM(x, weir_acks_num(t->acks) == num);
    WEIR_SIM_CLAIM(x, weir_acks_num_lanes(t->acks) == num_lanes);
    WEIR_SIM_CLAIM(x, weir_acks_dropped(t->acks) == 0);
}

static void check_all(struct weir_sim_exam *x, struct twin *t)
{
    check_sizes(x, t);
    for (size_t lane = 0; lane < LANES; lane++)
        for (uint64_t seq = 1; seq <= SEQS; seq++) {
            check_count(x, t, lane, seq);
            check_rejections(x, t, lane, seq);
        }
}

/* -- the steps -- */

static void draw_ack(struct weir_sim_exam *x, struct weir_ack *ack)
{
    uint64_t part = weir_sim_draw(x, 5);

    if (part == 0 || ack->durable == 0)
        ack->durable = ack->active = weir_sim_draw(x, SEQS + 1);
    if (part <= 1)
        ack->active = weir_sim_draw(x, ack->durable + 1);
    if (part <= 2 || ack->rejected > ack->durable)
        ack->rejected = weir_sim_draw(x, ack->durable + 1);
    if (part <= 3) {
        ack->num_held = ack->num_refused = 0;
        for (uint64_t seq = 1; seq <= ack->active; seq++)
            switch (weir_sim_draw(x, 4)) {
            case 0:
                ack->held[ack->num_held++] = seq;
                break;
            case 1:
                ack->refused[ack->num_refused++] = seq;
                break;
            default:
                break;
            }
    }
}

static void step(struct weir_sim_exam *x, struct twin *t)
{
    size_t lane = weir_sim_draw(x, LANES);
    size_t node = weir_sim_draw(x, NODES);
    struct weir_ack ack = t->told[lane][node].ack;
    char why[WEIR_ACK_WHY_MAX];

    if (weir_sim_draw(x, 12) == 0) {
        forget(t, node);
        return;
    }
    draw_ack(x, &ack);
    memcpy(ack.lane, lane_at(lane).at, WEIR_LANE_LEN);
    memset(why, 'a' + (int)weir_sim_draw(x, 3), sizeof(why));
    ack.why = weir_span(why, weir_sim_draw(x, 2) * weir_sim_draw(x, WEIR_ACK_WHY_MAX + 1));
    for (uint64_t i = weir_sim_draw(x, 4); i < 4; i += 2) /* again, as most are */
        note(t, lane, node, &ack);
}

static void run_steps(struct weir_sim_exam *x, struct twin *t)
{
    for (unsigned i = 0; i < STEPS; i++) {
        size_t lane = weir_sim_draw(x, LANES);
        uint64_t seq = 1 + weir_sim_draw(x, SEQS);
        step(x, t);
        check_sizes(x, t);
        check_count(x, t, lane, seq);
        check_rejections(x, t, lane, seq);
    }
    check_all(x, t);
}

/* -- fill-ups -- */

/* What is noted of a node of a fill-up: number `seq` is rejected, and number 1 is refused. */
static struct weir_ack ack_of_many(uint64_t lane, uint64_t seq, bool is_full)
{
    struct weir_ack ack = { .durable = seq, .active = seq, .rejected = seq };
    struct name name = many_at(lane);

    memcpy(ack.lane, name.at, WEIR_LANE_LEN);
    ack.num_refused = is_full;
    ack.refused[0] = 1;
    ack.why = is_full ? WEIR_SPAN_LIT("why") : WEIR_SPAN_EMPTY;
    return ack;
}

static void note_many(struct weir_acks *a, uint64_t lane, uint64_t node, uint64_t seq)
{
    struct weir_ack ack = ack_of_many(lane, seq, false);

    weir_acks_note(a, many_at(node).at, &ack);
}

static bool has_many(const struct weir_acks *a, uint64_t lane, uint64_t node, uint64_t seq)
{
    struct weir_acks_rejection rej;
    struct name before = many_at(node - 1);

    return weir_acks_next_rejection(a, many_at(lane).at, seq, before.at, &rej) &&
           memcmp(rej.node, many_at(node).at, WEIR_NODE_ID_LEN) == 0;
}

/* All but a few lists and reasons are used; then the same steps. In the end a lane that made room
 * has given its lists and reasons back. */
static void compare_lists(struct weir_sim_exam *x, struct twin *t)
{
    uint64_t few = weir_sim_draw(x, 4);
    uint64_t node = 1;
    struct weir_acks_rejection rej;

    for (; node <= WEIR_ACKS_LISTS_MAX - few; node++) {
        struct weir_ack ack = ack_of_many(node / NODES_MAX, 2, true);
        if (node > WEIR_ACKS_WHYS_MAX - few)
            ack.why = WEIR_SPAN_EMPTY;
        weir_acks_note(t->acks, many_at(node).at, &ack);
    }
    t->num = t->num_lists = node - 1;
    t->num_whys = WEIR_ACKS_WHYS_MAX - few;
    t->num_lanes = (node - 1) / NODES_MAX + 1;
    run_steps(x, t);
    for (uint64_t lane = 100; weir_acks_dropped(t->acks) == 0; lane++)
        note_many(t->acks, lane, node, 2);
    struct weir_ack ack = ack_of_many(3, 2, true);
    weir_acks_note(t->acks, many_at(node).at, &ack);
    WEIR_SIM_CLAIM(x, has_many(t->acks, 3, node, 1));
    WEIR_SIM_CLAIM(x, weir_acks_next_rejection(t->acks, ack.lane, 2, many_at(node - 1).at, &rej));
    WEIR_SIM_CLAIM(x, weir_span_eq(rej.why, ack.why));
}

#define MORE_LANES 40

/* The names of late lanes are between those of the first ones. */
static uint64_t late_lane(uint64_t i)
{
    return i < WEIR_ACKS_LANES_MAX ? 2 * i : (i - WEIR_ACKS_LANES_MAX) * 50 + 1;
}

/* The lane that was used least recently makes room. */
static void compare_lanes(struct weir_sim_exam *x, struct twin *t)
{
    uint64_t used[WEIR_ACKS_LANES_MAX + MORE_LANES] = { 0 }; /* 0: not there */
    uint64_t uses = 0;
    uint64_t num = 0;
    struct weir_acks_count count;

    while (num < WEIR_ARRAY_LEN(used)) {
        uint64_t i =
            weir_sim_draw(x, 2) == 0 || num < WEIR_ACKS_LANES_MAX ? num++ : weir_sim_draw(x, num);
        if (used[i] > 0 && weir_sim_draw(x, 2) == 0) {
            weir_acks_count(t->acks, t->members, many_at(late_lane(i)).at, i + 1, &count);
            used[i] = ++uses;
            continue;
        }
        size_t oldest = i;
        for (size_t j = 0; j < num && num > WEIR_ACKS_LANES_MAX && used[i] == 0; j++)
            if (used[j] > 0 && (oldest == i || used[j] < used[oldest]))
                oldest = j;
        used[oldest] = 0;
        used[i] = ++uses;
        note_many(t->acks, late_lane(i), 1, i + 1);
        WEIR_SIM_CLAIM(x, weir_acks_num(t->acks) == weir_acks_num_lanes(t->acks));
    }
    WEIR_SIM_CLAIM(x, weir_acks_num(t->acks) == WEIR_ACKS_LANES_MAX);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(used); i++)
        WEIR_SIM_CLAIM(x, has_many(t->acks, late_lane(i), 1, i + 1) == (used[i] > 0));
}

#define LAST_LANE 999

/* Lane 1 is used least recently, then 2, whose only node is forgotten, then the last one. Room for
 * another ack of lane 1 is made by these two. */
static void compare_acks(struct weir_sim_exam *x, struct twin *t)
{
    struct weir_acks *a = t->acks;
    uint64_t num_lanes = 2;

    note_many(a, 1, 5, 1);
    note_many(a, 2, NODES_MAX + 9, 1);
    weir_acks_forget(a, many_at(NODES_MAX + 9).at);
    for (uint64_t lane = LAST_LANE; weir_acks_num(a) < WEIR_ACKS_MAX; lane = ++num_lanes)
        for (uint64_t i = 1; i <= NODES_MAX && weir_acks_num(a) < WEIR_ACKS_MAX; i++)
            note_many(a, lane, i, 1);
    WEIR_SIM_CLAIM(x, weir_acks_num_lanes(a) == num_lanes);
    WEIR_SIM_CLAIM(x, weir_acks_dropped(a) == 0);
    note_many(a, 1, 6, 1);
    WEIR_SIM_CLAIM(x, weir_acks_dropped(a) == NODES_MAX);
    WEIR_SIM_CLAIM(x, weir_acks_num(a) == WEIR_ACKS_MAX - NODES_MAX + 1);
    WEIR_SIM_CLAIM(x, weir_acks_num_lanes(a) == num_lanes - 2);
    WEIR_SIM_CLAIM(x, has_many(a, 1, 5, 1) && has_many(a, 1, 6, 1) && has_many(a, 3, 1, 1));
    WEIR_SIM_CLAIM(x, !has_many(a, LAST_LANE, 9, 1));
    weir_acks_forget(a, many_at(9).at);
    WEIR_SIM_CLAIM(x, weir_acks_num(a) == WEIR_ACKS_MAX - NODES_MAX + 1 - (num_lanes - 3));
    note_many(a, 3, 9, 1);
    note_many(a, 3, NODES_MAX + 1, 1); /* one node more than there can be */
    WEIR_SIM_CLAIM(x, weir_acks_dropped(a) == NODES_MAX + 1);
    WEIR_SIM_CLAIM(x, !has_many(a, 3, NODES_MAX + 1, 1) && has_many(a, 3, NODES_MAX, 1));
}

static void compare(struct weir_sim_exam *x, struct weir_members *members,
                    void (*steps)(struct weir_sim_exam *x, struct twin *t))
{
    static struct twin t;

    memset(&t, 0, sizeof(t));
    t.members = members;
    if (WEIR_SIM_CLAIM(x, weir_acks_new(&t.acks) == WEIR_OK))
        steps(x, &t);
    weir_acks_free(&t.acks);
    WEIR_SIM_CLAIM(x, t.acks == NULL);
    weir_acks_free(&t.acks); /* again, as nothing */
}

void weir_sim_model_acks(struct weir_sim_exam *x)
{
    struct weir_members *members = make_members(x);
    uint64_t fill = weir_sim_draw(x, 32); /* the first seeds draw each of the cases below */

    if (members == NULL)
        return;
    compare(x, members, run_steps);
    switch (fill) {
    case 3:
        compare(x, members, compare_acks);
        break;
    case 8:
    case 24:
        compare(x, members, compare_lists);
        break;
    case 6:
    case 22:
        compare(x, members, compare_lanes);
        break;
    default:
        break;
    }
    weir_members_free(&members);
}
