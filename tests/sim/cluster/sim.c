/* SPDX-License-Identifier: Apache-2.0
 *
 * sim.c - the cluster and its events.
 */
#include "tests/sim/cluster/sim.h"

#include <stdlib.h>

#include "tests/sim/cluster/faults.h"
#include "tests/sim/cluster/hostile.h"
#include "tests/sim/cluster/plane.h"
#include "tests/sim/cluster/work.h"
#include "tests/sim/oracle/activation.h"
#include "tests/sim/oracle/barred.h"
#include "tests/sim/oracle/covered.h"
#include "tests/sim/oracle/told.h"

#define CHECK_US     (WEIR_SIM_SECOND_US / 2)
#define AHEAD_MS     (INT64_C(10) * 365 * 86400 * 1000)
#define CHORDS       3     /* of a node of an overlay, beside its two neighbours on the ring */
#define BUSY_EVENTS  10000 /* of a node in a second */
#define BUSY_GRACE_S 5
#define COME_LATE    3 /* one of so many nodes, when some join later */

static void set_clocks(struct weir_sim *s)
{
    const struct weir_sim_plan *p = &s->plan;
    struct weir_rng rng;

    weir_rng_init(&rng, weir_sim_seed_of(s, 0x636c6f636b));
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        bool is_off = weir_rng_below(&rng, 2) == 0;
        int64_t skew = (int64_t)weir_rng_below(&rng, 2 * (uint64_t)p->skew_ms + 1) - p->skew_ms;
        int64_t drift =
            (int64_t)weir_rng_below(&rng, 2 * (uint64_t)p->drift_ppm + 1) - p->drift_ppm;
        n->skew_ms = is_off ? skew : 0;
        n->drift_ppm = drift;
    }
    uint64_t ahead = weir_rng_below(&rng, s->num_nodes);
    if (weir_sim_plan_has(p, WEIR_SIM_WITH_AHEAD))
        s->nodes[ahead].skew_ms = AHEAD_MS;
}

void weir_sim_init(struct weir_sim *s, const struct weir_sim_plan *plan, FILE *trace)
{
    WEIR_ASSERT(plan->num_nodes >= 1);
    WEIR_ASSERT(plan->num_nodes <= WEIR_SIM_NODES_MAX);
    *s = (struct weir_sim){ .plan = *plan, .num_nodes = plan->num_nodes };
    s->checks = !plan->unchecked;
    s->trace.out = trace;
    weir_rng_init(&s->net_rng, weir_sim_seed_of(s, 0x6e6574));
    weir_rng_init(&s->node_rng, weir_sim_seed_of(s, 0x6e6f6465));
    weir_rng_init(&s->work_rng, weir_sim_seed_of(s, 0x776f726b));
    weir_rng_init(&s->plane_rng, weir_sim_seed_of(s, 0x706c616e65));
    for (unsigned i = 0; i < WEIR_SIM_FAULTS; i++)
        weir_rng_init(&s->fault_rng[i], weir_sim_seed_of(s, 0x6661756c7400 + i));
    s->audit_key = (struct weir_siphash_key){ { plan->seed, ~plan->seed } };
    weir_sim_check_init(&s->check, s->num_nodes, &s->trace);
    s->check.is_lied_to =
        weir_sim_plan_has(plan, WEIR_SIM_LIE_VECTOR) || weir_sim_plan_has(plan, WEIR_SIM_LIE_OWN);
    weir_sim_net_init(&s->net, s->num_nodes + 1, &s->events, &s->net_rng);
    s->net.cfg = plan->net;
    s->nodes = calloc(s->num_nodes, sizeof(*s->nodes));
    WEIR_ASSERT(s->nodes != NULL);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_init(s, &s->nodes[i], i);
    set_clocks(s);
}

void weir_sim_deinit(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_deinit(&s->nodes[i]);
    free(s->nodes);
    weir_sim_hostile_deinit(&s->hostile);
    weir_sim_net_deinit(&s->net);
    weir_sim_events_deinit(&s->events);
    weir_sim_check_deinit(&s->check);
}

void weir_sim_join(struct weir_sim *s, uint32_t a, uint32_t b)
{
    weir_sim_net_join(&s->net, a, b);
    s->nodes[a].num_links++;
    s->nodes[b].num_links++;
}

/* Neighbours on a ring, and three of the nodes behind that seed and number choose: each node has
 * eight links or nearly so. */
static void join_overlay(struct weir_sim *s)
{
    uint32_t num = s->num_nodes;
    struct weir_rng rng;

    weir_rng_init(&rng, weir_sim_seed_of(s, 0x72696e67));
    for (uint32_t i = 0; i < num; i++) {
        if (num > 2 || i == 0)
            weir_sim_join(s, i, (i + 1) % num);
        for (unsigned k = 0; k < CHORDS && num > 4; k++) {
            uint32_t ahead = 2 + (uint32_t)weir_rng_below(&rng, num - 3);
            weir_sim_join(s, i, (i + ahead) % num);
        }
    }
}

void weir_sim_join_all(struct weir_sim *s)
{
    if (weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_OVERLAY)) {
        join_overlay(s);
    } else {
        for (uint32_t a = 0; a < s->num_nodes; a++)
            for (uint32_t b = a + 1; b < s->num_nodes; b++)
                weir_sim_join(s, a, b);
    }
    weir_sim_hostile_init(s);
}

/* -- events -- */

static void on_net_event(struct weir_sim *s, struct weir_sim_net_event *event)
{
    static const enum weir_sim_input_kind kinds[] = {
        [WEIR_SIM_NET_FRAME] = WEIR_SIM_INPUT_FRAME,
        [WEIR_SIM_NET_UP] = WEIR_SIM_INPUT_UP,
        [WEIR_SIM_NET_DOWN] = WEIR_SIM_INPUT_DOWN,
    };
    struct weir_sim_input input = {
        .slot = event->slot,
        .peer = event->peer,
        .parcel = event->parcel,
    };

    if (event->what == WEIR_SIM_NET_NOTHING)
        return;
    if (event->node >= s->num_nodes) {
        weir_sim_hostile_on_event(s, event);
        if (event->parcel != NULL)
            weir_sim_parcel_drop(&event->parcel);
        return;
    }
    input.kind = event->is_published ? WEIR_SIM_INPUT_HINT : kinds[event->what];
    weir_sim_node_give(s, &s->nodes[event->node], &input);
}

static void on_start(struct weir_sim *s, struct weir_sim_node *n, uint64_t life)
{
    /* It is to die at a step that it has not reached: try again later. */
    if (n->engine == NULL && !n->has_left)
        weir_sim_node_start(s, n, false);
    else if (n->dies_at != WEIR_SIM_STEP_NONE && n->life == life)
        weir_sim_events_add(&s->events, s->events.now_us + WEIR_SIM_SECOND_US, WEIR_SIM_EVENT_START,
                            n->index, life);
}

static void on_input(struct weir_sim *s, struct weir_sim_node *n, uint64_t arg)
{
    struct weir_sim_input input = { .kind = (enum weir_sim_input_kind)(arg & 0xff) };

    if (n->life == arg >> 8)
        weir_sim_node_give(s, n, &input);
}

static void on_report(struct weir_sim *s, struct weir_sim_node *n, uint64_t arg)
{
    struct weir_sim_input input = {
        .kind = WEIR_SIM_INPUT_ACTIVATED,
        .write = (uint32_t)arg,
        .state = (enum weir_active_state)(arg >> 32 & 0xff),
    };

    if (arg >> 40 == n->plane.epoch)
        weir_sim_node_give(s, n, &input);
}

static bool is_beyond(const struct weir_sim_node *a, const struct weir_sim_node *b)
{
    const struct weir_vector *gone[] = { weir_engine_floor(b->engine, WEIR_GROUP_C),
                                         weir_engine_folded(b->engine) };

    for (unsigned k = 0; k < WEIR_ARRAY_LEN(gone); k++)
        for (size_t i = 0; i < gone[k]->num; i++)
            if (weir_engine_durable(a->engine, WEIR_GROUP_C, gone[k]->items[i].lane) <
                gone[k]->items[i].seq)
                return true;
    return false;
}

static bool is_live(const struct weir_sim_node *n)
{
    return weir_sim_node_is_up(n) && weir_engine_state(n->engine) == WEIR_ENGINE_LIVE;
}

/* Is the node to give up its records: did it miss purges of one that stays? Of two that missed each
 * other's, the later one does; when some node asked (R15), all that missed purges of one. */
static bool must_give_up(const struct weir_sim *s, const struct weir_sim_node *n,
                         const bool *gives_up, bool is_asked)
{
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        const struct weir_sim_node *other = &s->nodes[i];
        if (other == n || gives_up[i] || !is_live(other) || !is_beyond(n, other))
            continue;
        if (is_beyond(other, n) ? i < n->index : is_asked)
            return true;
    }
    return false;
}

void weir_sim_operate(struct weir_sim *s)
{
    const struct weir_sim_input give_up = { .kind = WEIR_SIM_INPUT_GIVE_UP };
    bool gives_up[WEIR_SIM_NODES_MAX] = { false };

    s->is_operator_called = false;
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_node *n = &s->nodes[i];
        gives_up[i] = is_live(n) && must_give_up(s, n, gives_up, s->is_floor_disputed);
        if (gives_up[i])
            weir_sim_node_give(s, n, &give_up);
    }
    s->is_floor_disputed = false;
}

/* One node in turn is checked as a whole. */
static void on_check(struct weir_sim *s)
{
    struct weir_sim_node *n = &s->nodes[s->checked_node++ % s->num_nodes];

    weir_sim_events_add(&s->events, s->events.now_us + CHECK_US, WEIR_SIM_EVENT_CHECK, 0, 0);
    if (!s->is_healing)
        weir_sim_work_members(s);
    if (n->engine == NULL)
        return;
    weir_sim_check_memory(&s->check, n->index, n->engine, n->num_links + 1);
    if (!s->checks)
        return;
    weir_sim_covered_all(&s->check, n->index, n->store[WEIR_GROUP_C]);
    weir_sim_activation_check(s, n);
    weir_sim_barred_check(s, n);
    weir_sim_plane_repeat(s, n);
    if (weir_engine_state(n->engine) != WEIR_ENGINE_READONLY)
        weir_sim_told_mirror(&s->check, n->index, n->engine, n->store);
}

static void on_event(struct weir_sim *s, const struct weir_sim_event *e)
{
    if (e->kind < WEIR_SIM_NET_KINDS) {
        struct weir_sim_net_event event = weir_sim_net_step(&s->net, e);
        on_net_event(s, &event);
        return;
    }
    switch ((enum weir_sim_event_kind)e->kind) {
    case WEIR_SIM_EVENT_TURN:
        weir_sim_node_on_turn(s, &s->nodes[e->subject], e->at_us);
        return;
    case WEIR_SIM_EVENT_DONE:
        weir_sim_node_on_done(s, &s->nodes[e->subject], e->arg);
        return;
    case WEIR_SIM_EVENT_START:
        on_start(s, &s->nodes[e->subject], e->arg);
        return;
    case WEIR_SIM_EVENT_INPUT:
        on_input(s, &s->nodes[e->subject], e->arg);
        return;
    case WEIR_SIM_EVENT_OPERATOR:
        weir_sim_operate(s);
        return;
    case WEIR_SIM_EVENT_WORK:
        if (!s->is_healing)
            weir_sim_work_on_event(s);
        return;
    case WEIR_SIM_EVENT_FAULT:
        weir_sim_faults_on_event(s, (enum weir_sim_fault)e->subject);
        return;
    case WEIR_SIM_EVENT_OVER:
        weir_sim_faults_on_over(s, (enum weir_sim_fault)e->subject, e->arg);
        return;
    case WEIR_SIM_EVENT_CHECK:
        on_check(s);
        return;
    case WEIR_SIM_EVENT_PLANE:
        weir_sim_plane_on_event(s, &s->nodes[e->subject], e->arg);
        return;
    case WEIR_SIM_EVENT_REPORT:
        on_report(s, &s->nodes[e->subject], e->arg);
        return;
    }
    WEIR_UNREACHABLE();
}

/* A flood that never ends, or a node that spins: no seed comes near to this. */
static bool is_busy(const struct weir_sim *s)
{
    uint64_t seconds = s->events.now_us / WEIR_SIM_SECOND_US + BUSY_GRACE_S;

    return s->tally.num_events > BUSY_EVENTS * seconds * s->num_nodes;
}

void weir_sim_play(struct weir_sim *s, uint64_t until_us)
{
    struct weir_sim_event event;

    while (weir_sim_events_next_us(&s->events) <= until_us &&
           s->check.found.broken == WEIR_SIM_HOLDS) {
        if (!weir_sim_events_next(&s->events, &event))
            break;
        s->check.now_us = event.at_us;
        s->tally.num_events++;
        if (is_busy(s))
            weir_sim_check_found(&s->check, WEIR_SIM_BUSY, UINT32_MAX, WEIR_SIM_NO_NAME);
        on_event(s, &event);
    }
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        s->events.now_us = until_us;
}

void weir_sim_begin(struct weir_sim *s)
{
    bool all_boot = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_ALL_BOOT);
    bool some_late = weir_sim_plan_has(&s->plan, WEIR_SIM_WITH_JOINS);

    weir_sim_join_all(s);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (i == 0 || !some_late || i % COME_LATE != 0)
            weir_sim_faults_join(s, i, i == 0 || all_boot);
    weir_sim_faults_begin(s);
    weir_sim_events_add(&s->events, 0, WEIR_SIM_EVENT_WORK, 0, 0);
    weir_sim_events_add(&s->events, CHECK_US, WEIR_SIM_EVENT_CHECK, 0, 0);
}
