/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.c - clusters without chance faults but for the loss that is asked for, and what they
 * take for one thing. Virtual time is exact; the hour of fifty nodes is measured by the clock.
 */
#include "tests/sim/scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/contract.h"
#include "sync/overlay.h"
#include "tests/sim/faults.h"
#include "tests/sim/heal.h"
#include "tests/sim/sim.h"
#include "tests/sim/work.h"

#define MS          UINT64_C(1000)
#define STEP_US     (1 * MS) /* between two looks */
#define BATCH       500
#define SETTLE_US   (60 * WEIR_SIM_SECOND_US)
#define HOUR_WALL_S 60
#define RECORDS     1000000
#define MISSED      10000
#define VALUE_LEN   60
#define FLOOD_NODES 1000
#define FLOOD_HOPS  8

/* What all scenarios begin with: links of 10 ms, paces as in a node. */
static struct weir_sim_plan plain(uint32_t num_nodes, uint32_t loss)
{
    return (struct weir_sim_plan){
        .seed = 1,
        .num_nodes = num_nodes,
        .seconds = 3600,
        .net = {
            .delay = { WEIR_SIM_LAW_LOGNORMAL, 0, 10000 },
            .dial = { WEIR_SIM_LAW_FIXED, 10000, 0 },
            .notice = { WEIR_SIM_LAW_FIXED, 10000, 0 },
            .redial = { WEIR_SIM_LAW_FIXED, 100000, 0 },
            .loss = loss,
            .loss_run = 1,
            .queue = 1024,
        },
        .sync_ms = 5000,
        .num_keys = 2 * RECORDS,
        .num_bans = 1,
        .ban_ttl_s = 60,
        .value_max = VALUE_LEN,
    };
}

static struct weir_sim *begin(const struct weir_sim_plan *plan)
{
    struct weir_sim *s = calloc(1, sizeof(*s));

    WEIR_ASSERT(s != NULL);
    weir_sim_init(s, plan, NULL);
    s->checks = false;
    return s;
}

static void end(struct weir_sim **s)
{
    weir_sim_deinit(*s);
    free(*s);
    *s = NULL;
}

static bool is_live(const struct weir_sim_node *n)
{
    return n->engine != NULL && weir_engine_state(n->engine) == WEIR_ENGINE_LIVE;
}

/* Are all vectors of settings equal to the first node's? */
static bool are_equal(const struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (!is_live(&s->nodes[i]) ||
            !weir_vector_eq(weir_engine_vv(s->nodes[i].engine, WEIR_GROUP_C),
                            weir_engine_vv(s->nodes[0].engine, WEIR_GROUP_C)))
            return false;
    return true;
}

/* Play until it holds. @return how long it took; WEIR_SIM_NEVER: longer than most_us */
static uint64_t play_until(struct weir_sim *s, bool (*holds)(const struct weir_sim *s),
                           uint64_t step_us, uint64_t most_us)
{
    uint64_t from_us = s->events.now_us;

    while (!holds(s)) {
        if (s->events.now_us - from_us >= most_us)
            return WEIR_SIM_NEVER;
        weir_sim_play(s, s->events.now_us + step_us);
    }
    return s->events.now_us - from_us;
}

static void write_keys(struct weir_sim *s, struct weir_sim_node *n, uint32_t first, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        struct weir_sim_input input = {
            .kind = WEIR_SIM_INPUT_WRITE,
            .op = {
                .class = WEIR_CLASS_TENANT,
                .key = first + i,
                .value_len = VALUE_LEN,
                .token = ++s->num_tokens,
            },
        };
        weir_sim_node_give(s, n, &input);
        if (i % BATCH == BATCH - 1)
            weir_sim_play(s, s->events.now_us + STEP_US);
    }
    weir_sim_play(s, s->events.now_us + STEP_US);
}

static bool verdict(FILE *out, const char *what, uint64_t us, uint64_t bar_us)
{
    bool met = us <= bar_us;

    if (us == WEIR_SIM_NEVER)
        fprintf(out, "%s: not within a minute of virtual time, bar %" PRIu64 " ms: MISSED\n", what,
                bar_us / MS);
    else
        fprintf(out, "%s: %" PRIu64 " ms of virtual time, bar %" PRIu64 " ms: %s\n", what, us / MS,
                bar_us / MS, met ? "met" : "MISSED");
    return met;
}

/* -- an hour -- */

static bool run_hour(FILE *out)
{
    struct weir_sim_plan plan = plain(50, 0);

    plan.writes_per_s = 1;
    plan.num_keys = 1000;
    struct weir_sim *s = begin(&plan);
    uint64_t from_ns = weir_clock_mono_ns();
    weir_sim_join_all(s);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_faults_join(s, i, i == 0);
    weir_sim_events_add(&s->events, 0, WEIR_SIM_EVENT_WORK, 0, 0);
    weir_sim_play(s, 3600 * WEIR_SIM_SECOND_US);
    s->is_healing = true; /* no further work */
    uint64_t took_us = play_until(s, are_equal, STEP_US, SETTLE_US);
    uint64_t wall_ms = (weir_clock_mono_ns() - from_ns) / 1000000;
    bool met = took_us != WEIR_SIM_NEVER && wall_ms <= HOUR_WALL_S * 1000;
    fprintf(out,
            "50 nodes, one hour: %" PRIu64 ".%03" PRIu64 " s by the clock, bar %u s; %" PRIu64
            " events, equal %s: %s\n",
            wall_ms / 1000, wall_ms % 1000, HOUR_WALL_S, s->tally.num_events,
            took_us != WEIR_SIM_NEVER ? "in the end" : "NEVER", met ? "met" : "MISSED");
    end(&s);
    return met;
}

/* -- floods -- */

static int by_id(const void *a, const void *b)
{
    return memcmp(((const struct weir_overlay_node *)a)->id,
                  ((const struct weir_overlay_node *)b)->id, WEIR_NODE_ID_LEN);
}

static uint32_t index_of(const struct weir_sim *s, const uint8_t id[WEIR_NODE_ID_LEN])
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (memcmp(s->nodes[i].id, id, WEIR_NODE_ID_LEN) == 0)
            return i;
    WEIR_UNREACHABLE();
}

/* The links that nodes would choose, all of them alive and in one zone. */
static void join_overlay(struct weir_sim *s)
{
    struct weir_overlay_node *nodes = calloc(s->num_nodes, sizeof(*nodes));
    struct weir_overlay_links links;

    WEIR_ASSERT(nodes != NULL);
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        memcpy(nodes[i].id, s->nodes[i].id, WEIR_NODE_ID_LEN);
        nodes[i].alive = true;
    }
    qsort(nodes, s->num_nodes, sizeof(*nodes), by_id);
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        weir_overlay_compute(nodes, s->num_nodes, s->nodes[i].id, &links);
        for (size_t k = 0; k < links.num; k++) {
            uint32_t peer = index_of(s, links.peer[k].id);
            if (peer < i)
                continue; /* joined from the other end */
            weir_sim_net_join(&s->net, i, peer);
            s->nodes[i].num_links++;
            s->nodes[peer].num_links++;
        }
    }
    free(nodes);
}

/* How many links the farthest node is away from the first. */
static uint32_t hops_from_first(const struct weir_sim *s)
{
    uint32_t *far = malloc(s->num_nodes * sizeof(*far));
    uint32_t most = 0;
    bool changed = true;

    WEIR_ASSERT(far != NULL);
    memset(far, 0xff, s->num_nodes * sizeof(*far));
    far[0] = 0;
    while (changed) {
        changed = false;
        for (uint32_t l = 0; l < s->net.num_links; l++) {
            uint32_t ends[2];
            weir_sim_net_ends(&s->net, l, ends);
            for (unsigned k = 0; k < 2; k++) {
                uint32_t via = far[ends[k]];
                if (via == UINT32_MAX || far[ends[1 - k]] <= via + 1)
                    continue;
                far[ends[1 - k]] = via + 1;
                changed = true;
            }
        }
    }
    for (uint32_t i = 0; i < s->num_nodes; i++)
        most = far[i] > most ? far[i] : most;
    free(far);
    return most;
}

static bool run_flood_with(FILE *out, const char *what, uint32_t loss, uint64_t bar_us)
{
    struct weir_sim_plan plan = plain(FLOOD_NODES, 0);

    plan.features |= UINT64_C(1) << WEIR_SIM_WITH_OVERLAY;
    struct weir_sim *s = begin(&plan);
    join_overlay(s);
    uint32_t hops = hops_from_first(s);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_start(s, &s->nodes[i], i == 0);
    if (play_until(s, are_equal, 100 * MS, SETTLE_US) == WEIR_SIM_NEVER)
        fprintf(out, "%s: the nodes did not come together\n", what);
    s->net.cfg.loss = loss;
    uint64_t worst_us = 0;
    for (unsigned i = 0; i < 5 && worst_us != WEIR_SIM_NEVER; i++) {
        weir_sim_play(s, s->events.now_us + WEIR_SIM_SECOND_US + 137 * MS * i);
        write_keys(s, &s->nodes[i * 199], i, 1);
        uint64_t took_us = play_until(s, are_equal, STEP_US, SETTLE_US);
        worst_us = took_us > worst_us ? took_us : worst_us;
    }
    fprintf(out, "%u nodes, at most %u hops from the first, bar %u\n", s->num_nodes, hops,
            FLOOD_HOPS);
    bool met = verdict(out, what, worst_us, bar_us) && hops <= FLOOD_HOPS;
    end(&s);
    return met;
}

static bool run_flood(FILE *out)
{
    return run_flood_with(out, "the slowest of 5 changes, 1 % loss", 10000, 100 * MS);
}

static bool run_lossy_flood(FILE *out)
{
    return run_flood_with(out, "the slowest of 5 changes, 30 % loss", 300000,
                          2 * WEIR_SIM_SECOND_US);
}

/* -- rejoin and partition -- */

static void forget_lane(struct weir_memory *m)
{
    struct weir_keep *k = weir_memory_keep(m);
    struct weir_keep_meta meta = weir_memory_meta(m);

    memset(meta.lane, 0, sizeof(meta.lane));
    meta.seq = 0;
    WEIR_ASSERT(k->ops->begin(k) == WEIR_OK);
    WEIR_ASSERT(k->ops->put_meta(k, &meta) == WEIR_OK);
    WEIR_ASSERT(k->ops->commit(k) == WEIR_OK);
}

/* Write to the first node alone, and give its store to the others before they start. */
static void fill(struct weir_sim *s, uint32_t num)
{
    weir_sim_node_start(s, &s->nodes[0], true);
    for (uint32_t i = 0; i < num; i += BATCH)
        write_keys(s, &s->nodes[0], i, BATCH);
    for (uint32_t i = 1; i < s->num_nodes; i++) {
        WEIR_ASSERT(weir_memory_restore(s->nodes[i].store[WEIR_GROUP_C],
                                        s->nodes[0].store[WEIR_GROUP_C]) == WEIR_OK);
        forget_lane(s->nodes[i].store[WEIR_GROUP_C]);
        weir_sim_node_start(s, &s->nodes[i], false);
    }
}

static void part(struct weir_sim *s, uint32_t first_of_others)
{
    uint32_t groups[WEIR_SIM_NODES_MAX];

    for (uint32_t i = 0; i < s->num_nodes; i++)
        groups[i] = i >= first_of_others;
    weir_sim_net_part(&s->net, groups);
}

static bool run_rejoin(FILE *out)
{
    struct weir_sim_plan plan = plain(3, 0);
    struct weir_sim *s = begin(&plan);

    weir_sim_join_all(s);
    fill(s, RECORDS);
    if (play_until(s, are_equal, 100 * MS, SETTLE_US) == WEIR_SIM_NEVER)
        fprintf(out, "the nodes did not come together\n");
    part(s, 2);
    weir_sim_play(s, s->events.now_us + WEIR_SIM_SECOND_US);
    write_keys(s, &s->nodes[0], 0, MISSED / 2);
    write_keys(s, &s->nodes[1], RECORDS / 2, MISSED / 2);
    part(s, s->num_nodes);
    uint64_t took_us = play_until(s, are_equal, STEP_US, SETTLE_US);
    fprintf(out, "%zu records, of which %u were missed\n",
            weir_memory_counts(s->nodes[2].store[WEIR_GROUP_C]).num_records, MISSED);
    bool met = verdict(out, "rejoin, from the end of the cut", took_us, 2 * WEIR_SIM_SECOND_US);
    end(&s);
    return met;
}

struct losers {
    uint8_t lane[2][WEIR_LANE_LEN];
    unsigned num_lanes;
    bool is_listed[2][MISSED + 1]; /* by lane, seq */
};

static bool note_loser(void *arg, const struct weir_keep_conflict *c)
{
    struct losers *l = arg;
    const struct weir_version *v = &c->loser.rec.version;
    unsigned i = 0;

    while (i < l->num_lanes && memcmp(l->lane[i], v->lane, WEIR_LANE_LEN) != 0)
        i++;
    WEIR_ASSERT(i < 2);
    WEIR_ASSERT(v->seq <= MISSED);
    if (i == l->num_lanes)
        memcpy(l->lane[l->num_lanes++], v->lane, WEIR_LANE_LEN);
    l->is_listed[i][v->seq] = true;
    return true;
}

/* Losers that some node lists: one that never met the loser cannot. */
static size_t num_losers(const struct weir_sim *s)
{
    struct losers *l = calloc(1, sizeof(*l));
    size_t num = 0;

    WEIR_ASSERT(l != NULL);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_memory_each_conflict(s->nodes[i].store[WEIR_GROUP_C], note_loser, l);
    for (unsigned lane = 0; lane < 2; lane++)
        for (size_t seq = 1; seq <= MISSED; seq++)
            num += l->is_listed[lane][seq];
    free(l);
    return num;
}

static bool run_partition(FILE *out)
{
    struct weir_sim_plan plan = plain(6, 0);
    struct weir_sim *s = begin(&plan);

    weir_sim_join_all(s);
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_start(s, &s->nodes[i], i == 0);
    if (play_until(s, are_equal, 100 * MS, SETTLE_US) == WEIR_SIM_NEVER)
        fprintf(out, "the nodes did not come together\n");
    part(s, 3);
    weir_sim_play(s, s->events.now_us + WEIR_SIM_SECOND_US);
    write_keys(s, &s->nodes[0], 0, MISSED);
    write_keys(s, &s->nodes[3], 0, MISSED);
    part(s, s->num_nodes);
    uint64_t took_us = play_until(s, are_equal, STEP_US, SETTLE_US);
    size_t num = num_losers(s);
    fprintf(out, "%u writes on each side to the same keys; %zu losers are listed\n", MISSED, num);
    bool met =
        verdict(out, "equal, from the end of the partition", took_us, 5 * WEIR_SIM_SECOND_US);
    end(&s);
    return met && num == MISSED;
}

/* -- by name -- */

static const struct {
    const char *name;
    const char *shows;
    bool (*run)(FILE *out);
} scenarios[] = {
    { "hour50", "50 nodes, one hour of virtual time: at most 60 s by the clock", run_hour },
    { "flood1000", "1,000 nodes, 1 % loss: a change is on all in 100 ms", run_flood },
    { "flood1000-30", "1,000 nodes, 30 % loss: in 2 s", run_lossy_flood },
    { "rejoin", "1,000,000 records, 10,000 missed: equal in 2 s", run_rejoin },
    { "partition", "10,000 writes on each side: equal in 5 s, losers listed", run_partition },
};

bool weir_sim_has_scenario(const char *name)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(scenarios); i++)
        if (strcmp(name, scenarios[i].name) == 0)
            return true;
    return false;
}

void weir_sim_list_scenarios(FILE *out)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(scenarios); i++)
        fprintf(out, "%-14s %s\n", scenarios[i].name, scenarios[i].shows);
}

bool weir_sim_scenario(const char *name, FILE *out)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(scenarios); i++)
        if (strcmp(name, scenarios[i].name) == 0)
            return scenarios[i].run(out);
    WEIR_UNREACHABLE();
}
