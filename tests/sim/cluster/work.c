/* SPDX-License-Identifier: Apache-2.0
 *
 * work.c - writes.
 */
#include "tests/sim/cluster/work.h"

#include "sync/frame/member.h"
#include "tests/sim/cluster/mistakes.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/sim_state.h"

#define BIG_LEAST   40000 /* bytes of a value that is announced, or nearly */
#define BIG_MOST    200000
#define BURST_LEAST 50
#define BURST_MOST  600

static const enum weir_class classes[] = { WEIR_CLASS_TENANT, WEIR_CLASS_SETTING, WEIR_CLASS_TENANT,
                                           WEIR_CLASS_LIST };

static uint32_t draw(struct weir_rng *rng, uint32_t below)
{
    return (uint32_t)weir_rng_below(rng, below);
}

/* The smaller a number, the more often: something like Zipf's law. */
static uint32_t draw_key(struct weir_rng *rng, uint32_t num)
{
    uint32_t below = num;

    while (below > 1 && draw(rng, 3) > 0)
        below = (below + 1) / 2;
    return draw(rng, below);
}

static struct weir_sim_op draw_op(struct weir_sim *s, struct weir_rng *rng)
{
    const struct weir_sim_plan *p = &s->plan;
    struct weir_sim_op op = { .token = ++s->num_tokens };
    bool is_ban = draw(rng, 100) < p->bans;

    op.key = draw_key(rng, is_ban ? p->num_bans : p->num_keys);
    op.class = is_ban ? WEIR_CLASS_BAN : classes[op.key % WEIR_ARRAY_LEN(classes)];
    op.delete = draw(rng, 100) < p->deletes;
    uint32_t len = 8 + draw(rng, p->value_max + 1);
    uint32_t big = BIG_LEAST + draw(rng, BIG_MOST - BIG_LEAST);
    bool is_big = draw(rng, 1000) < p->big;
    uint32_t ttl_s = 1 + draw(rng, p->ban_ttl_s);
    if (op.delete)
        return op;
    op.value_len = is_ban ? 1 : is_big ? big : len;
    op.ttl_s = is_ban ? ttl_s : 0;
    return op;
}

static void give_write(struct weir_sim *s, struct weir_sim_node *n, const struct weir_sim_op *op)
{
    struct weir_sim_input input = { .kind = WEIR_SIM_INPUT_WRITE, .op = *op };

    weir_sim_node_give(s, n, &input);
}

void weir_sim_work_on_event(struct weir_sim *s)
{
    struct weir_rng *rng = &s->work_rng;
    uint64_t mean_us = WEIR_SIM_SECOND_US / s->plan.writes_per_s;
    uint32_t node = draw(rng, s->num_nodes);
    struct weir_sim_op op = draw_op(s, rng);

    weir_sim_events_add(&s->events, s->events.now_us + weir_rng_below(rng, 2 * mean_us) + 1,
                        WEIR_SIM_EVENT_WORK, 0, 0);
    give_write(s, &s->nodes[node], &op);
}

void weir_sim_work_fight(struct weir_sim *s, struct weir_rng *rng)
{
    uint32_t key = draw_key(rng, s->plan.num_keys);
    uint32_t rounds = 1 + draw(rng, 3);

    for (uint32_t i = 0; i < rounds * s->num_nodes; i++) {
        struct weir_sim_op op = draw_op(s, rng);
        if (op.class == WEIR_CLASS_BAN)
            continue;
        op.key = key;
        op.class = classes[key % WEIR_ARRAY_LEN(classes)];
        give_write(s, &s->nodes[i % s->num_nodes], &op);
    }
}

void weir_sim_work_burst(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = &s->nodes[draw(rng, s->num_nodes)];
    uint32_t num = BURST_LEAST + draw(rng, BURST_MOST - BURST_LEAST);
    bool are_bans = s->plan.bans > 0 && draw(rng, 2) == 0;

    for (uint32_t i = 0; i < num; i++) {
        struct weir_sim_op op = draw_op(s, rng);
        if (are_bans) {
            op.class = WEIR_CLASS_BAN;
            op.key = s->plan.num_bans + i;
            op.delete = false;
            op.value_len = 1;
            op.ttl_s = 1 + i % s->plan.ban_ttl_s;
        }
        give_write(s, n, &op);
    }
}

void weir_sim_work_last(struct weir_sim *s, uint32_t node)
{
    struct weir_sim_op op = {
        .class = WEIR_CLASS_TENANT,
        .key = s->plan.num_keys + node,
        .value_len = 8,
        .token = ++s->num_tokens,
    };

    s->nodes[node].last_token = op.token;
    give_write(s, &s->nodes[node], &op);
}

static void write_member(struct weir_sim *s, struct weir_sim_node *at, uint32_t node,
                         enum weir_sim_member_form form)
{
    struct weir_sim_op op = {
        .class = WEIR_CLASS_MEMBER,
        .key = node,
        .state = s->nodes[node].member,
        .form = form,
        .token = ++s->num_tokens,
    };

    op.value_len = weir_sim_op_member_len(&op, s->nodes[node].id);
    give_write(s, at, &op);
}

/* Does the store have the node's MEMBER record, in the state that it should have? */
static bool has_member(const struct weir_sim *s, const struct weir_sim_node *at, uint32_t node)
{
    const struct weir_sim_node *n = &s->nodes[node];
    struct weir_span key = weir_span(n->id, WEIR_NODE_ID_LEN);
    struct weir_stored_record rec;
    struct weir_member member;

    return weir_memory_find(at->store[WEIR_GROUP_C], WEIR_CLASS_MEMBER, key, &rec) == WEIR_OK &&
           weir_member_unpack(key, rec.rec.value, &member) == WEIR_OK && member.state == n->member;
}

/* A node that accepts writes. @return NULL: there is none */
static struct weir_sim_node *find_writer(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (weir_sim_node_is_up(&s->nodes[i]) &&
            weir_engine_state(s->nodes[i].engine) == WEIR_ENGINE_LIVE)
            return &s->nodes[i];
    return NULL;
}

void weir_sim_work_members(struct weir_sim *s)
{
    struct weir_sim_node *at = find_writer(s);

    for (uint32_t i = 0; i < s->num_nodes && at != NULL; i++)
        if (s->nodes[i].has_joined && !has_member(s, at, i))
            write_member(s, at, i, WEIR_SIM_MEMBER_PLAIN);
}

void weir_sim_work_move(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *at = find_writer(s);
    uint32_t node = draw(rng, s->num_nodes);
    enum weir_sim_member_form form = (enum weir_sim_member_form)draw(rng, WEIR_SIM_MEMBER_READABLE);

    if (at != NULL && s->nodes[node].has_joined)
        write_member(s, at, node, form);
}

void weir_sim_work_mistake(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = &s->nodes[draw(rng, s->num_nodes)];
    uint32_t what = draw(rng, WEIR_SIM_MISTAKES);
    uint32_t forms = WEIR_SIM_MEMBER_FORMS - WEIR_SIM_MEMBER_READABLE;
    struct weir_sim_input input = { .kind = WEIR_SIM_INPUT_MISTAKE, .slot = what };

    weir_sim_node_give(s, n, &input);
    if (n->has_joined) /* operators mend it when they see that it says nothing */
        write_member(s, n, n->index,
                     (enum weir_sim_member_form)(WEIR_SIM_MEMBER_READABLE + draw(rng, forms)));
}
