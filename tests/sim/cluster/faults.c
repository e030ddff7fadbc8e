/* SPDX-License-Identifier: Apache-2.0
 *
 * faults.c - faults, and their ends.
 */
#include "tests/sim/cluster/faults.h"

#include "tests/sim/cluster/hostile.h"
#include "tests/sim/cluster/hostile_acts.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/work.h"

#define JUMP_MS_MOST 20000
#define AHEAD_MS     (INT64_C(10) * 365 * 86400 * 1000)
#define QUIET_US     (2 * WEIR_SIM_SECOND_US) /* at the beginning: the cluster comes up */
#define RESTART_US   (3 * WEIR_SIM_SECOND_US) /* of a process, at most */
#define PART_US      (9 * WEIR_SIM_SECOND_US) /* what lasts, lasts so long at most */
#define NODES_LEAST  2                        /* that stay when others leave */

static uint32_t draw(struct weir_rng *rng, uint64_t below)
{
    return (uint32_t)weir_rng_below(rng, below);
}

static struct weir_sim_node *draw_node(struct weir_sim *s, struct weir_rng *rng)
{
    return &s->nodes[draw(rng, s->num_nodes)];
}

static void over_later(struct weir_sim *s, enum weir_sim_fault fault, struct weir_rng *rng,
                       uint64_t arg)
{
    uint64_t at_us = s->events.now_us + 1000 + weir_rng_below(rng, PART_US);

    weir_sim_events_add(&s->events, at_us, WEIR_SIM_EVENT_OVER, fault, arg);
}

static void next_later(struct weir_sim *s, enum weir_sim_fault fault, uint64_t after_us)
{
    uint64_t mean_us = (uint64_t)s->plan.every_ms[fault] * 1000;
    uint64_t at_us =
        s->events.now_us + after_us + weir_rng_below(&s->fault_rng[fault], 2 * mean_us);

    weir_sim_events_add(&s->events, at_us, WEIR_SIM_EVENT_FAULT, fault, 0);
}

void weir_sim_faults_begin(struct weir_sim *s)
{
    for (unsigned i = 0; i < WEIR_SIM_FAULTS; i++)
        if (s->plan.every_ms[i] > 0)
            next_later(s, (enum weir_sim_fault)i, QUIET_US);
}

static void start_later(struct weir_sim *s, struct weir_sim_node *n, struct weir_rng *rng)
{
    uint64_t at_us = s->events.now_us + 20000 + weir_rng_below(rng, RESTART_US);

    weir_sim_events_add(&s->events, at_us, WEIR_SIM_EVENT_START, n->index, n->life);
}

void weir_sim_faults_join(struct weir_sim *s, uint32_t node, bool bootstrap)
{
    weir_sim_node_start(s, &s->nodes[node], bootstrap);
    weir_sim_work_members(s);
}

/* -- the network -- */

static void fault_break(struct weir_sim *s, struct weir_rng *rng)
{
    weir_sim_net_break(&s->net, draw(rng, s->net.num_links));
}

static void fault_cut(struct weir_sim *s, struct weir_rng *rng)
{
    uint32_t link = draw(rng, s->net.num_links);
    unsigned side = draw(rng, 2);

    weir_sim_net_cut(&s->net, link, side, true);
    over_later(s, WEIR_SIM_FAULT_CUT, rng, (uint64_t)link << 1 | side);
}

static void part(struct weir_sim *s, struct weir_rng *rng)
{
    uint32_t groups[WEIR_SIM_NODES_MAX + 1] = { 0 };
    uint32_t num = 2 + (draw(rng, 5) == 0);

    for (uint32_t i = 0; i < s->net.num_nodes; i++)
        groups[i] = draw(rng, num);
    weir_sim_net_part(&s->net, groups);
}

static void unpart(struct weir_sim *s)
{
    const uint32_t groups[WEIR_SIM_NODES_MAX + 1] = { 0 };

    weir_sim_net_part(&s->net, groups);
}

static void fault_part(struct weir_sim *s, struct weir_rng *rng)
{
    part(s, rng);
    over_later(s, WEIR_SIM_FAULT_PART, rng, 0);
}

/* -- clocks and disks -- */

static void fault_jump(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    n->skew_ms = (int64_t)draw(rng, 2 * JUMP_MS_MOST) - JUMP_MS_MOST;
    n->jumped_us = s->events.now_us;
}

static void trouble(struct weir_sim_node *n, enum weir_memory_trouble t)
{
    weir_memory_set_trouble(n->store[WEIR_GROUP_C], t);
    weir_memory_set_trouble(n->store[WEIR_GROUP_E], t);
}

static void fault_full(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    trouble(n, draw(rng, 2) == 0 ? WEIR_MEMORY_FULL : WEIR_MEMORY_RESERVE);
    over_later(s, WEIR_SIM_FAULT_FULL, rng, n->index);
}

static void fault_eio(struct weir_sim *s, struct weir_rng *rng)
{
    static const enum weir_err errors[] = { WEIR_EIO, WEIR_EIO, WEIR_EFULL, WEIR_ENOMEM };
    struct weir_sim_node *n = draw_node(s, rng);
    struct weir_memory *m = n->store[draw(rng, 4) == 0 ? WEIR_GROUP_E : WEIR_GROUP_C];
    uint32_t how = draw(rng, 10);
    enum weir_err err = errors[draw(rng, WEIR_ARRAY_LEN(errors))];

    if (how < 5) {
        weir_memory_fail_commit(m, 1 + draw(rng, 3), err);
    } else if (how < 9) {
        weir_memory_fail_op(m, 1 + draw(rng, 20), err);
    } else {
        trouble(n, draw(rng, 2) == 0 ? WEIR_MEMORY_NOWRITE : WEIR_MEMORY_DEAD);
        over_later(s, WEIR_SIM_FAULT_EIO, rng, n->index);
    }
}

static void fault_memory(struct weir_sim *s, struct weir_rng *rng)
{
    weir_sim_scarce_draw(&draw_node(s, rng)->scarce, rng);
}

/* The record at a place; its spans are good until the store changes. */
struct nth {
    size_t at;
    struct weir_stored_record rec;
    bool found;
};

static bool find_nth(void *arg, const struct weir_stored_record *rec, bool damaged)
{
    struct nth *n = arg;

    if (n->at-- > 0)
        return true;
    n->rec = *rec;
    n->found = !damaged;
    return false;
}

static void fault_flip(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);
    struct weir_memory *m = n->store[draw(rng, 4) == 0 ? WEIR_GROUP_E : WEIR_GROUP_C];
    size_t num = weir_memory_counts(m).num_records;
    enum weir_memory_part where = (enum weir_memory_part)draw(rng, WEIR_MEMORY_KEY + 1);
    uint64_t bit = weir_rng_next(rng);
    struct nth nth = { .at = num > 0 ? draw(rng, num) : 0 };
    size_t at = nth.at;

    if (num == 0 || n->is_busy)
        return;
    weir_memory_each_record(m, find_nth, &nth);
    if (!nth.found)
        return;
    weir_sim_check_spoilt(&s->check, n->index, &nth.rec);
    (void)weir_memory_flip(m, at, where, bit);
}

/* -- processes and volumes -- */

static void fault_crash(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);
    enum weir_sim_step step = (enum weir_sim_step)draw(rng, WEIR_SIM_STEPS);
    bool whole = draw(rng, 2) == 0;

    if (n->engine == NULL)
        return;
    if (step != WEIR_SIM_STEP_NONE) {
        n->dies_at = step; /* in its next turn; started again by WEIR_SIM_EVENT_START */
        n->dies_whole = whole;
    } else {
        weir_sim_node_kill(s, n, whole);
    }
    start_later(s, n, rng);
}

static void reload(struct weir_sim *s, struct weir_sim_node *n)
{
    for (unsigned g = 0; g < WEIR_GROUP_COUNT && s->checks; g++)
        weir_sim_check_reload(&s->check, n->index, (enum weir_group)g, n->store[g]);
}

static void fault_wipe(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (n->engine == NULL)
        return;
    weir_sim_node_kill(s, n, true);
    weir_memory_lose(n->store[WEIR_GROUP_C]);
    weir_memory_lose(n->store[WEIR_GROUP_E]);
    reload(s, n);
    start_later(s, n, rng);
}

/* A copy of the volume, as it is on the disk. */
static void fault_backup(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        weir_memory_free(&n->backup[g]);
        enum weir_err err = weir_memory_clone(n->store[g], &n->backup[g]);
        WEIR_ASSERT(err == WEIR_OK);
    }
}

static void fault_rollback(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (n->engine == NULL || n->backup[WEIR_GROUP_C] == NULL)
        return;
    weir_sim_node_kill(s, n, true);
    for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
        enum weir_err err = weir_memory_restore(n->store[g], n->backup[g]);
        WEIR_ASSERT(err == WEIR_OK);
    }
    reload(s, n);
    start_later(s, n, rng);
}

static void fault_pause(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (n->engine == NULL || n->is_paused)
        return;
    weir_sim_node_pause(s, n, true);
    over_later(s, WEIR_SIM_FAULT_PAUSE, rng, (uint64_t)n->index << 32 | n->life);
}

/* -- members -- */

static void fault_join(struct weir_sim *s, struct weir_rng *rng)
{
    (void)rng;
    for (uint32_t i = 1; i < s->num_nodes; i++) {
        if (s->nodes[i].has_joined)
            continue;
        weir_sim_faults_join(s, i, false);
        return;
    }
}

/* The nodes that an overlay still has link themselves anew; here links stay as they are. */
static bool may_go(const struct weir_sim *s, const struct weir_sim_node *n)
{
    uint32_t num = 0;

    for (uint32_t i = 0; i < s->num_nodes; i++)
        num += weir_sim_node_is_up(&s->nodes[i]);
    return weir_sim_node_is_up(n) && n->index != 0 && num > NODES_LEAST &&
           !weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_OVERLAY);
}

/* Its record says so; the process knows nothing of it, goes on and tries to come back in. */
static void fault_evict(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (!may_go(s, n))
        return;
    n->has_left = true;
    n->member = WEIR_MEMBER_EVICTED;
    s->check.views[n->index].is_evicted = true;
    weir_sim_work_members(s);
}

static void fault_leave(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (!may_go(s, n))
        return;
    weir_sim_node_kill(s, n, true);
    n->has_left = true;
    s->check.views[n->index].lost_us = s->events.now_us; /* it does not come back */
    n->member = draw(rng, 2) == 0 ? WEIR_MEMBER_LEFT : WEIR_MEMBER_EVICTED;
    weir_sim_work_members(s);
}

/* A clean restart with the next schema, or back. */
static void fault_upgrade(struct weir_sim *s, struct weir_rng *rng)
{
    struct weir_sim_node *n = draw_node(s, rng);

    if (n->engine == NULL)
        return;
    weir_sim_node_kill(s, n, false);
    n->schema = n->schema == 1 ? 2 : 1;
    start_later(s, n, rng);
}

static void fault_later(struct weir_sim *s, struct weir_rng *rng)
{
    (void)rng;
    weir_sim_hostile_write(s);
}

static void fault_hostile(struct weir_sim *s, struct weir_rng *rng)
{
    (void)rng;
    weir_sim_hostile_act(s);
}

static void (*const happens[])(struct weir_sim *s, struct weir_rng *rng) = {
    [WEIR_SIM_FAULT_BREAK] = fault_break,         [WEIR_SIM_FAULT_CUT] = fault_cut,
    [WEIR_SIM_FAULT_PART] = fault_part,           [WEIR_SIM_FAULT_JUMP] = fault_jump,
    [WEIR_SIM_FAULT_FULL] = fault_full,           [WEIR_SIM_FAULT_EIO] = fault_eio,
    [WEIR_SIM_FAULT_FLIP] = fault_flip,           [WEIR_SIM_FAULT_CRASH] = fault_crash,
    [WEIR_SIM_FAULT_WIPE] = fault_wipe,           [WEIR_SIM_FAULT_BACKUP] = fault_backup,
    [WEIR_SIM_FAULT_ROLLBACK] = fault_rollback,   [WEIR_SIM_FAULT_PAUSE] = fault_pause,
    [WEIR_SIM_FAULT_FIGHT] = weir_sim_work_fight, [WEIR_SIM_FAULT_BURST] = weir_sim_work_burst,
    [WEIR_SIM_FAULT_JOIN] = fault_join,           [WEIR_SIM_FAULT_LEAVE] = fault_leave,
    [WEIR_SIM_FAULT_UPGRADE] = fault_upgrade,     [WEIR_SIM_FAULT_LATER] = fault_later,
    [WEIR_SIM_FAULT_HOSTILE] = fault_hostile,     [WEIR_SIM_FAULT_MISTAKE] = weir_sim_work_mistake,
    [WEIR_SIM_FAULT_MOVE] = weir_sim_work_move,   [WEIR_SIM_FAULT_EVICT] = fault_evict,
    [WEIR_SIM_FAULT_MEMORY] = fault_memory,
};
_Static_assert(WEIR_ARRAY_LEN(happens) == WEIR_SIM_FAULTS, "each fault does something");

void weir_sim_faults_on_event(struct weir_sim *s, enum weir_sim_fault fault)
{
    WEIR_ASSERT((unsigned)fault < WEIR_SIM_FAULTS);
    if (s->is_healing)
        return;
    next_later(s, fault, 0);
    weir_sim_trace(&s->trace, s->events.now_us, WEIR_SIM_LINE_FAULT, UINT32_MAX, fault);
    s->tally.num_faults++;
    happens[fault](s, &s->fault_rng[fault]);
}

void weir_sim_faults_on_over(struct weir_sim *s, enum weir_sim_fault fault, uint64_t arg)
{
    weir_sim_trace(&s->trace, s->events.now_us, WEIR_SIM_LINE_OVER, UINT32_MAX, fault);
    if (s->is_healing)
        return; /* all is over already */
    if (fault == WEIR_SIM_FAULT_CUT)
        weir_sim_net_cut(&s->net, (uint32_t)(arg >> 1), arg & 1, false);
    else if (fault == WEIR_SIM_FAULT_PART)
        unpart(s);
    else if (fault == WEIR_SIM_FAULT_PAUSE && s->nodes[arg >> 32].life == (uint32_t)arg)
        weir_sim_node_pause(s, &s->nodes[arg >> 32], false);
    else if (fault == WEIR_SIM_FAULT_FULL || fault == WEIR_SIM_FAULT_EIO)
        trouble(&s->nodes[arg], WEIR_MEMORY_SOUND);
}

static void node_end(struct weir_sim *s, struct weir_sim_node *n)
{
    trouble(n, WEIR_MEMORY_SOUND);
    weir_memory_fail_op(n->store[WEIR_GROUP_C], UINT64_MAX, WEIR_EIO);
    weir_memory_fail_op(n->store[WEIR_GROUP_E], UINT64_MAX, WEIR_EIO);
    weir_memory_fail_commit(n->store[WEIR_GROUP_C], UINT64_MAX, WEIR_EIO);
    weir_memory_fail_commit(n->store[WEIR_GROUP_E], UINT64_MAX, WEIR_EIO);
    n->skew_ms = 0;
    n->drift_ppm = 0;
    n->dies_at = WEIR_SIM_STEP_NONE;
    n->scarce = (struct weir_sim_scarce){ 0 };
    if (n->is_paused)
        weir_sim_node_pause(s, n, false);
}

void weir_sim_faults_end(struct weir_sim *s)
{
    struct weir_sim_net_config *net = &s->net.cfg;

    s->is_healing = true;
    net->loss = 0;
    net->unanswered = 0;
    net->doubled = 0;
    net->bytes_per_s = 0;
    net->notice.spread_us = 100000;
    net->delay = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 1000, 20000 };
    if (s->hostile.is_there)
        weir_sim_net_stop(&s->net, s->hostile.node);
    for (uint32_t link = 0; link < s->net.num_links; link++) {
        weir_sim_net_cut(&s->net, link, 0, false);
        weir_sim_net_cut(&s->net, link, 1, false);
    }
    unpart(s);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        node_end(s, &s->nodes[i]);
}
