/* SPDX-License-Identifier: Apache-2.0
 *
 * model_members.c - the table of nodes against a second one, members_twin.h: records, links,
 * heartbeats, echoes and time in any order, and time often to where a rule begins to hold.
 */
#include <stdlib.h>
#include <string.h>

#include "sync/members/members.h"
#include "sync/version/hlc.h"
#include "tests/sim/models/members_twin.h"
#include "tests/sim/models/model.h"

#define SECOND UINT64_C(1000000) /* us */
#define FEW    9
#define STEPS  400
#define MANY   66 /* so many members, and more, do not all hear each other */
#define ABOVE  100

/* The table, its twin, and the nodes that inputs are about: 0..num_nodes-1. */
struct pair {
    struct weir_sim_exam *x;
    struct weir_members *m;
    struct weir_twin t;
    unsigned num_nodes;
    uint64_t n; /* of the last heartbeat of any node */
    uint64_t sent_n;
};

static uint64_t draw(struct pair *p, uint64_t below)
{
    return weir_sim_draw(p->x, below);
}

static unsigned draw_node(struct pair *p)
{
    return (unsigned)draw(p, p->num_nodes);
}

/* -- what the table shows -- */

static void check_record(struct pair *p, const struct weir_members_item *is,
                         const struct weir_members_item *want)
{
    WEIR_SIM_CLAIM(p->x, memcmp(is->node, want->node, WEIR_NODE_ID_LEN) == 0);
    WEIR_SIM_CLAIM(p->x, memcmp(is->key_hash, want->key_hash, WEIR_MEMBER_KEY_HASH_LEN) == 0);
    WEIR_SIM_CLAIM(p->x, is->roles == want->roles);
    WEIR_SIM_CLAIM(p->x, is->zone_len == want->zone_len);
    WEIR_SIM_CLAIM(p->x, memcmp(is->zone, want->zone, WEIR_MEMBER_ZONE_MAX) == 0);
}

static void check_item(struct pair *p, const struct weir_members_item *is,
                       const struct weir_members_item *want)
{
    check_record(p, is, want);
    WEIR_SIM_CLAIM(p->x, is->life == want->life);
    WEIR_SIM_CLAIM(p->x, is->heard == want->heard);
    WEIR_SIM_CLAIM(p->x, is->heard_us == want->heard_us);
    WEIR_SIM_CLAIM(p->x, is->num_links == want->num_links);
    WEIR_SIM_CLAIM(p->x, memcmp(is->incarnation, want->incarnation, WEIR_INCARNATION_LEN) == 0);
    WEIR_SIM_CLAIM(p->x, is->n == want->n);
    WEIR_SIM_CLAIM(p->x, is->load == want->load);
    WEIR_SIM_CLAIM(p->x, is->state == want->state);
    WEIR_SIM_CLAIM(p->x, is->schema_max == want->schema_max);
}

/* The least schema of all members that are not away for good. */
static void check_level(struct pair *p)
{
    uint16_t is = 77;
    uint16_t level = p->t.schema_max;
    bool known = true;

    for (unsigned i = 0; i < p->num_nodes; i++) {
        const struct weir_twin_node *node = &p->t.node[i];
        if (!node->is_recorded || node->state != WEIR_MEMBER_JOINED ||
            node->item.life == WEIR_MEMBERS_LOST)
            continue;
        known = known && node->item.schema_max > 0;
        level = node->item.schema_max < level ? node->item.schema_max : level;
    }
    WEIR_SIM_CLAIM(p->x, weir_members_level(p->m, &is) == known);
    WEIR_SIM_CLAIM(p->x, is == (known ? level : 77));
}

static void check_clock(struct pair *p)
{
    const struct weir_twin *t = &p->t;
    size_t peers = weir_twin_count(t, WEIR_MEMBERS_ALIVE);
    int64_t is = INT64_MIN;
    int64_t want = INT64_MIN;

    if (t->node[t->me].is_here && t->node[t->me].item.life == WEIR_MEMBERS_ALIVE)
        peers--;
    if (t->num_offsets % 2 == 1) {
        want = t->offset_ms[t->num_offsets / 2];
    } else if (t->num_offsets > 0) {
        int64_t low = t->offset_ms[t->num_offsets / 2 - 1];
        int64_t high = t->offset_ms[t->num_offsets / 2];
        want = low <= 0 && high >= 0 ? 0 : low > 0 ? low : high;
    }
    WEIR_SIM_CLAIM(p->x, weir_members_clock_offset(p->m, &is) == (t->num_offsets > 0));
    WEIR_SIM_CLAIM(p->x, is == want);
    bool is_sure = t->num_offsets >= 2 || (t->num_offsets == 1 && peers < 2);
    WEIR_SIM_CLAIM(p->x,
                   weir_members_clock_off(p->m) == (is_sure && (want > 2000 || want < -2000)));
}

static void check_all(struct pair *p)
{
    size_t num = 0;

    for (unsigned i = 0; i < p->num_nodes; i++) {
        const struct weir_members_item *is = weir_members_find(p->m, weir_twin_id(i));
        WEIR_SIM_CLAIM(p->x, (is != NULL) == p->t.node[i].is_here);
        if (is == NULL || num >= weir_members_num(p->m))
            continue;
        WEIR_SIM_CLAIM(p->x, weir_members_at(p->m, num) == is);
        check_item(p, is, &p->t.node[i].item);
        num++;
    }
    WEIR_SIM_CLAIM(p->x, weir_members_num(p->m) == num);
    for (unsigned life = 0; life < WEIR_MEMBERS_NUM_LIVES; life++)
        WEIR_SIM_CLAIM(p->x, weir_members_count(p->m, (enum weir_members_life)life) ==
                                 weir_twin_count(&p->t, (enum weir_members_life)life));
    WEIR_SIM_CLAIM(p->x, weir_members_joined(p->m) == weir_twin_joined(&p->t));
    WEIR_SIM_CLAIM(p->x, weir_members_factor(p->m) == p->t.factor);
    WEIR_SIM_CLAIM(p->x, weir_members_deadline(p->m) == p->t.scan_us);
    check_level(p);
    check_clock(p);
}

/* -- hearing -- */

static void check_admission(struct pair *p, enum weir_members_admission is,
                            enum weir_members_admission want, const uint8_t *younger,
                            const uint8_t *want_younger)
{
    WEIR_SIM_CLAIM(p->x, is == want);
    WEIR_SIM_CLAIM(p->x, memcmp(younger, want_younger, WEIR_INCARNATION_LEN) == 0);
}

static void hear(struct pair *p, unsigned node, unsigned incarnation, uint64_t n)
{
    uint8_t younger[WEIR_INCARNATION_LEN] = { 99 };
    uint8_t want[WEIR_INCARNATION_LEN] = { 99 };
    unsigned want_younger = 0;
    struct weir_members_heartbeat h = {
        .node = weir_twin_id(node),
        .incarnation = weir_twin_incarnation(incarnation),
        .n = n,
        .load = (uint32_t)draw(p, 1000),
        .state = (uint32_t)draw(p, 4),
        .schema_max = (uint16_t)draw(p, 40) % 8,
    };
    enum weir_members_admission admission =
        weir_twin_heard(&p->t, node, incarnation, &h, &want_younger);

    if (admission == WEIR_MEMBERS_DUPLICATE)
        memcpy(want, weir_twin_incarnation(want_younger), WEIR_INCARNATION_LEN);
    check_admission(p, weir_members_heard(p->m, &h, younger), admission, younger, want);
}

/* All nodes are heard, or most of them. */
static void hear_all(struct pair *p)
{
    uint64_t of = draw(p, 4);

    for (unsigned i = 0; i < p->num_nodes; i++)
        if (of == 0 || draw(p, 4) > of - 1)
            hear(p, i, 1, ++p->n);
}

static void hear_some(struct pair *p)
{
    unsigned node = draw_node(p);
    unsigned incarnation =
        (unsigned)(draw(p, 3) == 0 ? draw(p, WEIR_TWIN_INCARNATIONS) : draw(p, 2));
    uint64_t back = draw(p, 3) == 0 ? draw(p, 30) : 0;

    p->n++;
    hear(p, node, incarnation, back < p->n ? p->n - back : p->n);
}

static void link_up(struct pair *p)
{
    uint8_t younger[WEIR_INCARNATION_LEN] = { 99 };
    uint8_t want[WEIR_INCARNATION_LEN] = { 99 };
    unsigned node = draw_node(p);
    unsigned incarnation = (unsigned)draw(p, WEIR_TWIN_INCARNATIONS);
    unsigned want_younger = 0;
    enum weir_members_admission admission =
        weir_twin_link_up(&p->t, node, incarnation, &want_younger);

    if (admission == WEIR_MEMBERS_DUPLICATE)
        memcpy(want, weir_twin_incarnation(want_younger), WEIR_INCARNATION_LEN);
    check_admission(
        p,
        weir_members_link_up(p->m, weir_twin_id(node), weir_twin_incarnation(incarnation), younger),
        admission, younger, want);
}

static void link_down(struct pair *p)
{
    unsigned node = draw_node(p);

    weir_twin_link_down(&p->t, node);
    weir_members_link_down(p->m, weir_twin_id(node));
}

/* -- time -- */

static void pass(struct pair *p, uint64_t us)
{
    uint64_t now_us = p->t.now_us + us;
    uint64_t wall_ms = p->t.wall_ms + us / 1000;

    if (draw(p, 20) == 0)
        wall_ms += draw(p, 6000) - 3000;
    weir_twin_tick(&p->t, now_us, wall_ms);
    weir_members_tick(p->m, now_us, wall_ms);
    check_all(p);
}

/* A point in time that a rule may count from. */
static uint64_t draw_origin(struct pair *p)
{
    const struct weir_twin_node *node = &p->t.node[draw_node(p)];

    switch (draw(p, 7)) {
    case 0:
        return node->item.heard_us;
    case 1:
        return node->direct_us;
    case 2:
        return node->measured_us;
    case 3:
        return node->life[1].first_us;
    case 4:
        return node->life[1].last_us;
    case 5:
        return node->life[0].last_us;
    default:
        return node->reported_us[draw_node(p)];
    }
}

/* To where a rule begins or ends to hold, or to one microsecond beside it. If that is long, all
 * are heard shortly before. */
static void pass_to_edge(struct pair *p)
{
    static const uint64_t seconds[] = { 2, 2, 4, 4, 5, 5, 10, 15, 20, 30, 40, 60, 60, 86400 };
    uint64_t edge_us =
        draw_origin(p) + seconds[draw(p, WEIR_ARRAY_LEN(seconds))] * SECOND + draw(p, 3) - 1;

    if (edge_us > p->t.now_us + 5 * SECOND && draw(p, 2) == 0) {
        pass(p, edge_us - p->t.now_us - 3 * SECOND);
        hear_all(p);
    }
    if (edge_us > p->t.now_us)
        pass(p, edge_us - p->t.now_us);
}

static void pass_some(struct pair *p)
{
    switch (draw(p, 4)) {
    case 0:
        pass(p, SECOND / 4 * draw(p, 3) + draw(p, 2));
        return;
    case 1:
        pass(p, SECOND * draw(p, 4));
        return;
    case 2:
        if (p->t.scan_us > p->t.now_us + 1)
            pass(p, p->t.scan_us - p->t.now_us - draw(p, 2));
        return;
    default:
        pass_to_edge(p);
        return;
    }
}

/* -- records -- */

static void put_record(struct pair *p, unsigned node, enum weir_member_state state)
{
    static const uint8_t zone[WEIR_MEMBER_ZONE_MAX + 1] =
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijkl";
    static const size_t zone_lens[] = { 0, 1, 7, WEIR_MEMBER_ZONE_MAX };
    uint8_t value[WEIR_MEMBER_LEN_MAX];
    struct weir_member rec = {
        .state = state,
        .roles = (uint32_t)draw(p, 4),
        .schema_max = (uint16_t)draw(p, 40) % 8,
        .zone = weir_span(zone, zone_lens[draw(p, WEIR_ARRAY_LEN(zone_lens))]),
    };

    memcpy(rec.node, weir_twin_id(node), WEIR_NODE_ID_LEN);
    weir_sim_draw_bytes(p->x, rec.key_hash, sizeof(rec.key_hash));
    weir_member_pack(&rec, value);
    struct weir_span key = weir_span(rec.node, WEIR_NODE_ID_LEN);
    struct weir_span bytes = weir_span(value, weir_member_packed_len(&rec));
    struct weir_span short_by_one = weir_span(value, bytes.len - 1);
    WEIR_SIM_CLAIM(p->x, weir_members_put(p->m, key, short_by_one) == WEIR_EPROTO);
    WEIR_SIM_CLAIM(p->x, weir_members_put(p->m, key, bytes) == WEIR_OK);
    weir_twin_put(&p->t, node, &rec);
}

static void remove_record(struct pair *p, unsigned node)
{
    struct weir_span key = weir_span(weir_twin_id(node), WEIR_NODE_ID_LEN);

    weir_members_remove(p->m, weir_span(key.at, WEIR_NODE_ID_LEN - 1));
    weir_members_remove(p->m, key);
    weir_twin_remove(&p->t, node);
}

static void change_record(struct pair *p)
{
    static const enum weir_member_state states[] = {
        WEIR_MEMBER_JOINED, WEIR_MEMBER_JOINED, WEIR_MEMBER_JOINED,
        WEIR_MEMBER_JOINED, WEIR_MEMBER_LEFT,   WEIR_MEMBER_EVICTED,
    };

    if (draw(p, 4) == 0)
        remove_record(p, draw_node(p));
    else
        put_record(p, draw_node(p), states[draw(p, WEIR_ARRAY_LEN(states))]);
}

/* A member leaves, and joins again when it was silent for just so long that it matters. */
static void rejoin(struct pair *p)
{
    unsigned node = draw_node(p);

    hear(p, node, 1, ++p->n);
    put_record(p, node, WEIR_MEMBER_LEFT);
    pass(p, 5 * SECOND + draw(p, 3) - 1);
    put_record(p, node, WEIR_MEMBER_JOINED);
}

/* Two or three incarnations of one node, heard where the rules about them begin to hold. */
static void clash(struct pair *p)
{
    static const uint64_t seconds[] = { 2, 2, 4, 4, 5 };
    unsigned node = draw_node(p);
    const struct weir_twin_life *life = p->t.node[node].life;

    for (unsigned i = 0; i < 8; i++) {
        uint64_t from_us = draw(p, 2) == 0 ? life[1].first_us : life[draw(p, 2)].last_us;
        uint64_t edge_us =
            from_us + seconds[draw(p, WEIR_ARRAY_LEN(seconds))] * SECOND + draw(p, 3) - 1;
        hear(p, node, (unsigned)draw(p, 3), ++p->n);
        pass(p, edge_us > p->t.now_us && draw(p, 2) == 0 ? edge_us - p->t.now_us : draw(p, SECOND));
    }
}

/* -- reports and clocks -- */

static void vouch(struct pair *p)
{
    static const uint64_t held_us[] = { 0, 0, SECOND, 4 * SECOND, 5 * SECOND, UINT64_MAX };

    for (uint64_t i = draw(p, 6); i > 0; i--) {
        unsigned from = draw_node(p);
        unsigned node = draw_node(p);
        struct weir_members_echo echo = {
            .n = p->n - draw(p, p->n < 20 ? p->n + 1 : 20) + draw(p, 2),
            .held_us = held_us[draw(p, WEIR_ARRAY_LEN(held_us))],
        };
        memcpy(echo.node, weir_twin_id(node), WEIR_NODE_ID_LEN);
        weir_twin_vouched(&p->t, from, node, &echo);
        weir_members_vouched(p->m, weir_twin_id(from), &echo);
    }
}

static void send(struct pair *p)
{
    if (p->t.num_sent == WEIR_TWIN_SENT)
        return;
    p->sent_n++;
    weir_twin_sent(&p->t, p->sent_n);
    weir_members_sent(p->m, p->sent_n);
}

static uint64_t draw_held(struct pair *p, uint64_t n)
{
    uint64_t since_us = 0;

    for (size_t i = 0; i < p->t.num_sent; i++)
        if (p->t.sent[i].n == n)
            since_us = p->t.now_us - p->t.sent[i].at_us;
    switch (draw(p, 5)) {
    case 0:
        return draw(p, 2 * SECOND);
    case 1:
        return draw(p, 2) == 0 ? since_us + 1 : UINT64_MAX;
    case 2:
        return since_us - 2 * SECOND < since_us ? since_us - 2 * SECOND - draw(p, 2) : since_us;
    case 3:
        return since_us;
    default:
        return since_us - draw(p, since_us < SECOND ? since_us + 1 : SECOND);
    }
}

/* Nodes echo heartbeats of this one, and of others. */
static void echo_some(struct pair *p)
{
    static const int64_t offset_ms[] = { 0, 2000, 2001, -2000, -2001, 1, -1 };
    uint64_t about = draw(p, 4) == 0 ? draw_node(p) : p->t.me;

    for (unsigned i = 0; i < p->num_nodes; i++) {
        uint64_t back = draw(p, 3) == 0 ? draw(p, 70) : 0;
        struct weir_members_echo echo = { .n = p->sent_n - (back < p->sent_n ? back : 0) };
        uint64_t wall_ms = p->t.wall_ms + 1500 - draw(p, 3000);
        if (draw(p, 2) == 0)
            wall_ms =
                (uint64_t)((int64_t)p->t.wall_ms - offset_ms[draw(p, WEIR_ARRAY_LEN(offset_ms))]);
        if (draw(p, 20) == 0)
            wall_ms = WEIR_HLC_MS_MAX + draw(p, 2);
        if (draw(p, 10) == 0)
            echo.n = draw(p, 2) * UINT64_MAX;
        echo.held_us = draw_held(p, echo.n);
        memcpy(echo.node, weir_twin_id((unsigned)about), WEIR_NODE_ID_LEN);
        if (draw(p, 4) == 0)
            continue;
        weir_twin_echoed(&p->t, i, (unsigned)about, &echo, wall_ms);
        weir_members_echoed(p->m, weir_twin_id(i), &echo, wall_ms);
    }
}

static void measure(struct pair *p)
{
    send(p);
    pass(p, draw(p, 3 * SECOND));
    hear_all(p);
    echo_some(p);
    pass(p, SECOND / 4);
}

static void digest(struct pair *p)
{
    struct weir_members_echo echo[WEIR_TWIN_NODES];
    struct weir_members_echo want;
    size_t max = draw(p, 2) == 0 ? draw(p, 4) : WEIR_TWIN_NODES;
    size_t num = weir_members_digest(p->m, echo, max);
    size_t i = 0;

    for (; i < max && weir_twin_digest_next(&p->t, &want); i++)
        if (i < num) {
            WEIR_SIM_CLAIM(p->x, memcmp(echo[i].node, want.node, WEIR_NODE_ID_LEN) == 0);
            WEIR_SIM_CLAIM(p->x, echo[i].n == want.n);
            WEIR_SIM_CLAIM(p->x, echo[i].held_us == want.held_us);
        }
    WEIR_SIM_CLAIM(p->x, num == i);
    if (draw(p, 3) == 0)
        remove_record(p, p->t.told); /* the next one is found without it */
}

/* A node is heard in person and by others with the same heartbeat. */
static void repeat_report(struct pair *p)
{
    unsigned node = draw_node(p);
    unsigned from = draw_node(p);
    struct weir_members_echo echo = { .n = ++p->n };

    memcpy(echo.node, weir_twin_id(node), WEIR_NODE_ID_LEN);
    weir_twin_vouched(&p->t, from, node, &echo);
    weir_members_vouched(p->m, weir_twin_id(from), &echo);
    pass(p, SECOND);
    hear(p, node, 1, echo.n);
    pass(p, SECOND);
    digest(p);
}

static void step(struct pair *p)
{
    static void (*const inputs[])(struct pair * p) = {
        pass_some,     pass_some, pass_some, pass_some, hear_some, hear_some,     hear_some,
        hear_all,      link_up,   link_down, vouch,     vouch,     echo_some,     measure,
        change_record, digest,    send,      rejoin,    clash,     repeat_report,
    };

    inputs[draw(p, WEIR_ARRAY_LEN(inputs))](p);
    check_all(p);
}

static bool is_begun(struct pair *p, unsigned num_nodes)
{
    struct weir_members_config cfg = {
        .schema_max = (uint16_t)(3 + draw(p, 4)),
        .mono_us = draw(p, 2) * 77 * SECOND,
    };
    struct weir_twin *t = &p->t;

    p->num_nodes = num_nodes;
    p->n = p->sent_n = draw(p, 100);
    t->me = draw_node(p);
    t->incarnation = (unsigned)draw(p, 2);
    t->schema_max = cfg.schema_max;
    t->now_us = cfg.mono_us;
    t->wall_ms = UINT64_C(1800000000000);
    t->scan_us = cfg.mono_us + SECOND / 4;
    t->factor = 1;
    memcpy(cfg.node, weir_twin_id(t->me), WEIR_NODE_ID_LEN);
    memcpy(cfg.incarnation, weir_twin_incarnation(t->incarnation), WEIR_INCARNATION_LEN);
    if (!WEIR_SIM_CLAIM(p->x, weir_members_new(&cfg, &p->m) == WEIR_OK))
        return false;
    weir_members_tick(p->m, t->now_us, t->wall_ms);
    return true;
}

static void compare_table(struct weir_sim_exam *x, unsigned num_nodes, unsigned num_members,
                          unsigned steps)
{
    struct pair *p = calloc(1, sizeof(*p));

    if (!WEIR_SIM_CLAIM(x, p != NULL))
        return;
    p->x = x;
    if (is_begun(p, num_nodes)) {
        for (unsigned i = 0; i < num_members; i++)
            put_record(p, i, WEIR_MEMBER_JOINED);
        for (unsigned i = 0; i < steps && x->claim == NULL; i++)
            step(p);
        weir_members_free(&p->m);
        WEIR_SIM_CLAIM(x, p->m == NULL);
        weir_members_free(&p->m);
    }
    free(p);
}

void weir_sim_model_members(struct weir_sim_exam *x)
{
    unsigned few = 2 + (unsigned)weir_sim_draw(x, FEW - 1);

    compare_table(x, few, (unsigned)weir_sim_draw(x, few + 1), STEPS);
    compare_table(x, MANY, MANY, ABOVE);
}
