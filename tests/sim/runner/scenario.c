/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario.c - clusters without random faults, and how long they take.
 */
#include "tests/sim/runner/scenario.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "node/base/limits.h"
#include "sync/members/overlay.h"
#include "tests/sim/cluster/work.h"
#include "tests/sim/oracle/heal.h"
#include "tests/sim/oracle/judge.h"

#define MS_US UINT64_C(1000)

#define HOUR_NODES   50
#define HOUR_S       3600
#define HOUR_WALL_MS 60000

#define FLOOD_NODES    1000
#define FLOOD_SETTLE_S 15
#define FLOOD_WRITES   10
#define FLOOD_MOST_MS  5000
#define FLOOD_HOPS     8

#define REJOIN_RECORDS 1000000
#define REJOIN_MISSED  10000
#define REJOIN_MS      2000
#define TURN_WRITES    2000

#define PART_NODES  10
#define PART_WRITES 10000 /* of each side, to the same keys */
#define PART_MS     5000

#define BOUND_NODES     3
#define BOUND_OVER      500 /* writes */
#define BOUND_LARGE     100 /* values */
#define BOUND_LARGE_LEN 60000
#define BOUND_DAMAGED   1000
#define BOUND_LOST      3000
#define BOUND_SOON_MS   3000
#define BOUND_WALK_MS   60000 /* the walk over all records reads 200 a second */

/* 10 ms from node to node: half of the frames are faster, a few take several times as long. */
static struct weir_sim_plan plan_of(uint32_t num_nodes, uint64_t features)
{
    struct weir_sim_plan p = {
        .seed = 1,
        .num_nodes = num_nodes,
        .features = features,
        .sync_ms = 5000,
        .writes_per_s = 1,
        .num_keys = 1000,
        .num_bans = 1,
        .ban_ttl_s = 1,
        .value_max = 100,
    };

    p.net.delay = (struct weir_sim_delay){ WEIR_SIM_LAW_LOGNORMAL, 0, 10000 };
    p.net.dial = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 20000, 0 };
    p.net.notice = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 10000, 0 };
    p.net.redial = (struct weir_sim_delay){ WEIR_SIM_LAW_UNIFORM, 100000, 400000 };
    p.net.loss_run = 1;
    p.net.queue = 1024;
    return p;
}

/* Nodes without links. */
static struct weir_sim *nodes_new(const struct weir_sim_plan *plan)
{
    struct weir_sim *s = calloc(1, sizeof(*s));

    WEIR_ASSERT(s != NULL);
    weir_sim_init(s, plan, NULL);
    return s;
}

static struct weir_sim *cluster_new(const struct weir_sim_plan *plan)
{
    struct weir_sim *s = nodes_new(plan);

    weir_sim_join_all(s);
    return s;
}

static void cluster_free(struct weir_sim *s)
{
    weir_sim_deinit(s);
    free(s);
}

static void start_all(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_start(s, &s->nodes[i], true);
}

static void play_for(struct weir_sim *s, uint64_t us)
{
    weir_sim_play(s, s->events.now_us + us);
}

static void write_key(struct weir_sim *s, uint32_t node, uint32_t key)
{
    struct weir_sim_input input = {
        .kind = WEIR_SIM_INPUT_WRITE,
        .op = {
            .class = WEIR_CLASS_SETTING,
            .key = key,
            .value_len = 32,
            .token = ++s->num_tokens,
        },
    };

    weir_sim_node_give(s, &s->nodes[node], &input);
}

static bool print_measure(const char *what, uint64_t ms, uint64_t bar_ms)
{
    printf("%s: %" PRIu64 " ms, bar %" PRIu64 " ms\n", what, ms, bar_ms);
    return ms <= bar_ms;
}

static bool holds(const struct weir_sim *s)
{
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        return true;
    printf("does not hold: %s\n", weir_sim_broken_text(s->check.found.broken));
    return false;
}

/* -- an hour -- */

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool run_hour(void)
{
    struct weir_sim_plan plan = plan_of(HOUR_NODES, 0);
    uint64_t began_ms = wall_ms();
    struct weir_sim *s = cluster_new(&plan);

    start_all(s);
    weir_sim_events_add(&s->events, 0, WEIR_SIM_EVENT_WORK, 0, 0);
    play_for(s, HOUR_S * WEIR_SIM_SECOND_US);
    printf("%d nodes, %d s: %" PRIu64 " events, %" PRIu64 " frames\n", HOUR_NODES, HOUR_S,
           s->tally.num_events, s->net.num_carried);
    bool ok = holds(s);
    cluster_free(s);
    return print_measure("on the wall", wall_ms() - began_ms, HOUR_WALL_MS) && ok;
}

/* -- floods -- */

static uint32_t index_of(const struct weir_sim *s, const uint8_t id[WEIR_NODE_ID_LEN])
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (memcmp(s->nodes[i].id, id, WEIR_NODE_ID_LEN) == 0)
            return i;
    WEIR_UNREACHABLE();
}

/* The links that the nodes themselves would choose, all alive and in one zone. */
static void join_overlay(struct weir_sim *s)
{
    struct weir_overlay_node *nodes = calloc(s->num_nodes, sizeof(*nodes));
    struct weir_overlay_links links;

    WEIR_ASSERT(nodes != NULL);
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        memcpy(nodes[i].id, s->nodes[i].id, WEIR_NODE_ID_LEN);
        nodes[i].alive = true;
    }
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        weir_overlay_compute(nodes, s->num_nodes, s->nodes[i].id, &links);
        for (size_t k = 0; k < links.num; k++) {
            uint32_t peer = index_of(s, links.peer[k].id);
            if (peer > i) /* each link once */
                weir_sim_join(s, i, peer);
        }
    }
    free(nodes);
}

/* How many links the farthest node is away from `from`. */
static uint32_t links_from(const struct weir_sim *s, uint32_t from)
{
    uint32_t *far = malloc(s->num_nodes * sizeof(*far));
    uint32_t most = 0;
    bool has_changed = true;

    WEIR_ASSERT(far != NULL);
    memset(far, 0xff, s->num_nodes * sizeof(*far));
    far[from] = 0;
    while (has_changed) {
        has_changed = false;
        for (uint32_t link = 0; link < s->net.num_links; link++) {
            uint32_t ends[2];
            weir_sim_net_ends(&s->net, link, ends);
            uint32_t near = far[ends[0]] < far[ends[1]] ? ends[0] : ends[1];
            uint32_t other = ends[0] == near ? ends[1] : ends[0];
            if (far[near] == UINT32_MAX || far[other] <= far[near] + 1)
                continue;
            far[other] = far[near] + 1;
            has_changed = true;
        }
    }
    for (uint32_t i = 0; i < s->num_nodes; i++)
        most = far[i] > most ? far[i] : most;
    free(far);
    return most;
}

static bool all_cover(const struct weir_sim *s, const struct weir_store_meta *dot)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (!weir_vector_covers(weir_engine_vv(s->nodes[i].engine, WEIR_GROUP_C), dot->lane,
                                dot->seq))
            return false;
    return true;
}

/* One write, until all have it. */
static uint64_t flood_once(struct weir_sim *s, uint32_t node)
{
    uint64_t began_us = s->events.now_us;

    write_key(s, node, node);
    play_for(s, MS_US);
    struct weir_store_meta dot = weir_memory_meta(s->nodes[node].store[WEIR_GROUP_C]);
    while (!all_cover(s, &dot) && s->events.now_us - began_us < FLOOD_MOST_MS * MS_US)
        play_for(s, MS_US);
    return (s->events.now_us - began_us) / MS_US;
}

static bool run_flood(uint32_t loss, uint64_t bar_ms)
{
    struct weir_sim_plan plan = plan_of(FLOOD_NODES, UINT64_C(1) << WEIR_SIM_WITH_OVERLAY);
    uint64_t most_ms = 0;
    uint32_t most_links = 0;

    plan.unchecked = true;
    plan.net.loss = loss;
    plan.commit = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 300, 0 };
    struct weir_sim *s = nodes_new(&plan);
    join_overlay(s);
    start_all(s);
    play_for(s, FLOOD_SETTLE_S * WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < FLOOD_WRITES; i++) {
        uint32_t writer = i * (FLOOD_NODES / FLOOD_WRITES);
        uint64_t ms = flood_once(s, writer);
        uint32_t num_links = links_from(s, writer);
        most_ms = ms > most_ms ? ms : most_ms;
        most_links = num_links > most_links ? num_links : most_links;
        play_for(s, WEIR_SIM_SECOND_US);
    }
    printf("%d nodes, %" PRIu32 " %% lost, %d writes; the farthest is %" PRIu32
           " links away, bar %d\n",
           FLOOD_NODES, loss * 100 / WEIR_SIM_MILLION, FLOOD_WRITES, most_links, FLOOD_HOPS);
    cluster_free(s);
    return print_measure("the slowest was everywhere after", most_ms, bar_ms) &&
           most_links <= FLOOD_HOPS;
}

static bool run_flood_1(void)
{
    return run_flood(WEIR_SIM_MILLION / 100, 100);
}

static bool run_flood_30(void)
{
    return run_flood(3 * (WEIR_SIM_MILLION / 10), 2000);
}

/* -- a node that missed something -- */

/* As many writes as a turn has room for, turn after turn. */
static void write_many(struct weir_sim *s, uint32_t node, uint32_t first, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        write_key(s, node, first + i);
        if (i % TURN_WRITES == TURN_WRITES - 1)
            play_for(s, MS_US);
    }
    play_for(s, MS_US);
}

/* The second node has all that the first has, but a lane of its own. */
static void copy_store(struct weir_sim *s)
{
    struct weir_memory *to = s->nodes[1].store[WEIR_GROUP_C];
    struct weir_record_store *k = weir_memory_record_store(to);
    enum weir_err err = weir_memory_restore(to, s->nodes[0].store[WEIR_GROUP_C]);
    struct weir_store_meta meta = { .hlc_floor = weir_memory_meta(to).hlc_floor, .live = true };

    WEIR_ASSERT(err == WEIR_OK);
    err = k->ops->begin(k);
    WEIR_ASSERT(err == WEIR_OK);
    err = k->ops->put_meta(k, &meta);
    WEIR_ASSERT(err == WEIR_OK);
    err = k->ops->commit(k);
    WEIR_ASSERT(err == WEIR_OK);
}

static uint64_t until_equal(struct weir_sim *s, uint64_t most_ms)
{
    uint64_t began_us = s->events.now_us;

    while (!weir_sim_is_equal(s) && s->events.now_us - began_us < most_ms * MS_US &&
           s->check.found.broken == WEIR_SIM_HOLDS)
        play_for(s, 10 * MS_US);
    return (s->events.now_us - began_us) / MS_US;
}

static bool run_rejoin(void)
{
    struct weir_sim_plan plan = plan_of(2, 0);
    const uint32_t apart[] = { 0, 1, 0 };
    const uint32_t together[] = { 0, 0, 0 };

    plan.unchecked = true;
    plan.net.bytes_per_s = 64 << 20;
    struct weir_sim *s = cluster_new(&plan);
    weir_sim_node_start(s, &s->nodes[0], true);
    write_many(s, 0, 0, REJOIN_RECORDS);
    copy_store(s);
    weir_sim_node_start(s, &s->nodes[1], false);
    play_for(s, 10 * WEIR_SIM_SECOND_US);
    weir_sim_net_part(&s->net, apart);
    play_for(s, WEIR_SIM_SECOND_US);
    write_many(s, 0, REJOIN_RECORDS / 2, REJOIN_MISSED);
    weir_sim_net_part(&s->net, together);
    while (!weir_sim_net_is_up(&s->net, 0, 0) || !weir_sim_net_is_up(&s->net, 1, 0))
        play_for(s, MS_US);
    uint64_t ms = until_equal(s, 60000);
    printf("%zu records, %d missed\n",
           weir_memory_counts(s->nodes[1].store[WEIR_GROUP_C]).num_records, REJOIN_MISSED);
    cluster_free(s);
    return print_measure("equal after the link was up", ms, REJOIN_MS);
}

/* -- two halves -- */

/* Writes that are in some node's list of conflicts; known after weir_sim_judge. */
static uint32_t num_losers(const struct weir_sim *s)
{
    uint32_t num = 0;

    for (uint32_t w = 0; w < s->check.dots.num; w++)
        num += s->check.writes[w].listed;
    return num;
}

static bool run_partition(void)
{
    struct weir_sim_plan plan = plan_of(PART_NODES, 0);
    uint32_t groups[PART_NODES + 1] = { 0 };

    struct weir_sim *s = cluster_new(&plan);
    start_all(s);
    play_for(s, 5 * WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < PART_NODES; i++)
        groups[i] = i % 2;
    weir_sim_net_part(&s->net, groups);
    play_for(s, WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < PART_WRITES; i++) {
        write_key(s, 2 * (i % (PART_NODES / 2)), i);
        write_key(s, 2 * (i % (PART_NODES / 2)) + 1, i);
        if (i % 100 == 99)
            play_for(s, 20 * MS_US);
    }
    play_for(s, 3 * WEIR_SIM_SECOND_US);
    memset(groups, 0, sizeof(groups));
    weir_sim_net_part(&s->net, groups);
    uint64_t ms = until_equal(s, 60000);
    weir_sim_judge(s); /* among others: each loser is listed somewhere */
    uint32_t num_listed = num_losers(s);
    printf("%d nodes, %d writes a side to the same keys, %" PRIu32 " losers listed\n", PART_NODES,
           PART_WRITES, num_listed);
    bool ok = holds(s) && num_listed == PART_WRITES;
    ok = print_measure("equal after the partition ended", ms, PART_MS) && ok;
    cluster_free(s);
    return ok;
}

/* -- bounds -- */

static void write_at_once(struct weir_sim *s, enum weir_class class, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        struct weir_sim_input input = {
            .kind = WEIR_SIM_INPUT_WRITE,
            .op = {
                .class = class,
                .key = i,
                .value_len = class == WEIR_CLASS_BAN ? 1 : 8,
                .ttl_s = class == WEIR_CLASS_BAN ? 600 : 0,
                .token = ++s->num_tokens,
            },
        };
        weir_sim_node_give(s, &s->nodes[0], &input);
    }
    play_for(s, WEIR_SIM_SECOND_US);
}

/* Values that together are more than may wait, behind one that is lost. */
static void write_behind_gap(struct weir_sim *s)
{
    for (uint32_t i = 0; i <= BOUND_LARGE; i++) {
        struct weir_sim_input input = {
            .kind = WEIR_SIM_INPUT_WRITE,
            .op = {
                .class = WEIR_CLASS_TENANT,
                .key = i,
                .value_len = BOUND_LARGE_LEN,
                .token = ++s->num_tokens,
            },
        };
        s->net.cfg.loss = i == 0 ? WEIR_SIM_MILLION : 0;
        weir_sim_node_give(s, &s->nodes[0], &input);
        play_for(s, MS_US / 4);
    }
}

/* A page of the disk is gone: neighbours, by their keys. */
static void damage(struct weir_memory *m, size_t num)
{
    for (size_t i = 0; i < num; i++)
        (void)weir_memory_flip(m, i, WEIR_MEMORY_VALUE, i);
}

/* A defect: records are gone, and the vector covers them. */
static void lose_records(struct weir_sim *s, struct weir_sim_node *n, uint32_t num)
{
    struct weir_record_store *k = weir_memory_record_store(n->store[WEIR_GROUP_C]);

    weir_sim_node_kill(s, n, false);
    enum weir_err err = k->ops->begin(k);
    for (uint32_t i = 0; err == WEIR_OK && i < num; i++) {
        struct weir_sim_op op = { .class = WEIR_CLASS_SETTING, .key = i };
        uint8_t key[WEIR_SIM_KEY_NAME_MAX];
        size_t len = weir_sim_op_key(&op, NULL, key);
        err = k->ops->drop(k, WEIR_CLASS_SETTING, weir_span(key, len));
    }
    WEIR_ASSERT(err == WEIR_OK);
    err = k->ops->commit(k);
    WEIR_ASSERT(err == WEIR_OK);
    weir_sim_node_start(s, n, false);
}

static void delete_keys(struct weir_sim *s, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        struct weir_sim_input input = {
            .kind = WEIR_SIM_INPUT_WRITE,
            .op = {
                .class = WEIR_CLASS_SETTING,
                .key = i,
                .delete = true,
                .token = ++s->num_tokens,
            },
        };
        weir_sim_node_give(s, &s->nodes[0], &input);
    }
    play_for(s, WEIR_SIM_SECOND_US);
}

/* Are all nodes equal, each with `num` records and sums that are those of the records? */
static bool are_whole(struct weir_sim *s, size_t num)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        if (weir_memory_counts(s->nodes[i].store[WEIR_GROUP_C]).num_records != num)
            return false;
    return weir_sim_is_equal(s) && weir_sim_sums_hold(s);
}

static bool until_whole(struct weir_sim *s, const char *what, size_t num, uint64_t bar_ms)
{
    uint64_t began_us = s->events.now_us;
    uint64_t ms = 0;

    while (!are_whole(s, num) && ms < 2 * bar_ms) {
        play_for(s, 100 * MS_US);
        ms = (s->events.now_us - began_us) / MS_US;
    }
    return print_measure(what, ms, bar_ms);
}

static bool run_bounds(void)
{
    struct weir_sim_plan plan = plan_of(BOUND_NODES, 0);
    const size_t num = WEIR_WRITE_GROUP_MAX + BOUND_LARGE + 1;

    plan.unchecked = true;
    plan.intervals.tombstone_ms = 1000;
    plan.intervals.purge_us = 100 * MS_US;
    struct weir_sim *s = cluster_new(&plan);
    start_all(s);
    play_for(s, 10 * WEIR_SIM_SECOND_US);
    write_at_once(s, WEIR_CLASS_SETTING, WEIR_WRITE_GROUP_MAX + BOUND_OVER);
    write_at_once(s, WEIR_CLASS_BAN, WEIR_WRITE_GROUP_MAX + BOUND_OVER);
    bool ok = s->nodes[0].num_refused == 2 * (uint64_t)BOUND_OVER;
    printf("%" PRIu64 " writes refused, since a turn has room for %d\n", s->nodes[0].num_refused,
           WEIR_WRITE_GROUP_MAX);
    write_behind_gap(s);
    ok = until_whole(s, "equal after more had waited than there is room for", num, BOUND_SOON_MS) &&
         ok;
    damage(s->nodes[1].store[WEIR_GROUP_C], BOUND_DAMAGED);
    play_for(s, WEIR_SIM_SECOND_US);
    ok = until_whole(s, "equal after damage to 1,000 neighbours", num, BOUND_WALK_MS) && ok;
    lose_records(s, &s->nodes[2], BOUND_LOST);
    play_for(s, WEIR_SIM_SECOND_US);
    ok = until_whole(s, "equal after 3,000 records were gone", num, BOUND_WALK_MS) && ok;
    delete_keys(s, BOUND_LOST);
    ok = until_whole(s, "purged of 3,000 tombstones", num - BOUND_LOST, BOUND_SOON_MS) && ok;
    cluster_free(s);
    return ok;
}

static const struct weir_sim_scenario scenarios[] = {
    { "hour50", "50 nodes for an hour", run_hour },
    { "flood1000", "a write to 1,000 nodes, 1 % lost", run_flood_1 },
    { "flood1000-30", "a write to 1,000 nodes, 30 % lost", run_flood_30 },
    { "rejoin", "10,000 missed of 1,000,000 records", run_rejoin },
    { "partition", "two halves, 10,000 writes each", run_partition },
    { "bounds", "more than fits, of writes, waiting batches, damage and tombstones", run_bounds },
};

const struct weir_sim_scenario *weir_sim_scenarios(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(scenarios);
    return scenarios;
}
