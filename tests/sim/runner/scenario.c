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
#include "tests/sim/oracle/judge.h"
#include "tests/sim/runner/scenario_bounds.h"
#include "tests/sim/runner/scenario_kit.h"
#include "tests/sim/runner/scenario_lanes.h"
#include "tests/sim/runner/scenario_turns.h"
#include "tests/sim/runner/scenario_year.h"

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

#define PART_NODES  10
#define PART_WRITES 10000 /* of each side, to the same keys */
#define PART_MS     5000

/* -- an hour -- */

static uint64_t wall_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool run_hour(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(HOUR_NODES, 0);
    uint64_t began_ms = wall_ms();
    struct weir_sim *s = weir_scenario_new(&plan);

    weir_scenario_start_all(s);
    weir_sim_events_add(&s->events, 0, WEIR_SIM_EVENT_WORK, 0, 0);
    weir_scenario_play_for(s, HOUR_S * WEIR_SIM_SECOND_US);
    printf("%d nodes, %d s: %" PRIu64 " events, %" PRIu64 " frames\n", HOUR_NODES, HOUR_S,
           s->tally.num_events, s->net.num_carried);
    bool ok = weir_scenario_holds(s);
    weir_scenario_free(s);
    return weir_scenario_measured("on the wall", wall_ms() - began_ms, HOUR_WALL_MS) && ok;
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

    weir_scenario_write(s, node, node);
    weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
    struct weir_store_meta dot = weir_memory_meta(s->nodes[node].store[WEIR_GROUP_C]);
    while (!all_cover(s, &dot) && s->events.now_us - began_us < FLOOD_MOST_MS * WEIR_SCENARIO_MS_US)
        weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
    return (s->events.now_us - began_us) / WEIR_SCENARIO_MS_US;
}

static bool run_flood(uint32_t loss, uint64_t bar_ms)
{
    struct weir_sim_plan plan =
        weir_scenario_plan(FLOOD_NODES, UINT64_C(1) << WEIR_SIM_WITH_OVERLAY);
    uint64_t most_ms = 0;
    uint32_t most_links = 0;

    plan.unchecked = true;
    plan.net.loss = loss;
    plan.commit = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, 300, 0 };
    struct weir_sim *s = weir_scenario_nodes_new(&plan);
    join_overlay(s);
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, FLOOD_SETTLE_S * WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < FLOOD_WRITES; i++) {
        uint32_t writer = i * (FLOOD_NODES / FLOOD_WRITES);
        uint64_t ms = flood_once(s, writer);
        uint32_t num_links = links_from(s, writer);
        most_ms = ms > most_ms ? ms : most_ms;
        most_links = num_links > most_links ? num_links : most_links;
        weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    }
    printf("%d nodes, %" PRIu32 " %% lost, %d writes; the farthest is %" PRIu32
           " links away, bar %d\n",
           FLOOD_NODES, loss * 100 / WEIR_SIM_MILLION, FLOOD_WRITES, most_links, FLOOD_HOPS);
    weir_scenario_free(s);
    return weir_scenario_measured("the slowest was everywhere after", most_ms, bar_ms) &&
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

static bool run_rejoin(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(2, 0);
    const uint32_t apart[] = { 0, 1, 0 };
    const uint32_t together[] = { 0, 0, 0 };

    plan.unchecked = true;
    plan.net.bytes_per_s = 64 << 20;
    struct weir_sim *s = weir_scenario_new(&plan);
    weir_sim_node_start(s, &s->nodes[0], true);
    weir_scenario_write_many(s, 0, 0, REJOIN_RECORDS);
    weir_scenario_copy_store(s);
    weir_sim_node_start(s, &s->nodes[1], false);
    weir_scenario_play_for(s, 10 * WEIR_SIM_SECOND_US);
    weir_sim_net_part(&s->net, apart);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    weir_scenario_write_many(s, 0, REJOIN_RECORDS / 2, REJOIN_MISSED);
    weir_sim_net_part(&s->net, together);
    while (!weir_sim_net_is_up(&s->net, 0, 0) || !weir_sim_net_is_up(&s->net, 1, 0))
        weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
    uint64_t ms = weir_scenario_until_equal(s, 60000);
    printf("%zu records, %d missed\n",
           weir_memory_counts(s->nodes[1].store[WEIR_GROUP_C]).num_records, REJOIN_MISSED);
    weir_scenario_free(s);
    return weir_scenario_measured("equal after the link was up", ms, REJOIN_MS);
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
    struct weir_sim_plan plan = weir_scenario_plan(PART_NODES, 0);
    uint32_t groups[PART_NODES + 1] = { 0 };

    struct weir_sim *s = weir_scenario_new(&plan);
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, 5 * WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < PART_NODES; i++)
        groups[i] = i % 2;
    weir_sim_net_part(&s->net, groups);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < PART_WRITES; i++) {
        weir_scenario_write(s, 2 * (i % (PART_NODES / 2)), i);
        weir_scenario_write(s, 2 * (i % (PART_NODES / 2)) + 1, i);
        if (i % 100 == 99)
            weir_scenario_play_for(s, 20 * WEIR_SCENARIO_MS_US);
    }
    weir_scenario_play_for(s, 3 * WEIR_SIM_SECOND_US);
    memset(groups, 0, sizeof(groups));
    weir_sim_net_part(&s->net, groups);
    uint64_t ms = weir_scenario_until_equal(s, 60000);
    weir_sim_judge(s); /* among others: each loser is listed somewhere */
    uint32_t num_listed = num_losers(s);
    printf("%d nodes, %d writes a side to the same keys, %" PRIu32 " losers listed\n", PART_NODES,
           PART_WRITES, num_listed);
    bool ok = weir_scenario_holds(s) && num_listed == PART_WRITES;
    ok = weir_scenario_measured("equal after the partition ended", ms, PART_MS) && ok;
    weir_scenario_free(s);
    return ok;
}

static const struct weir_sim_scenario scenarios[] = {
    { "hour50", "50 nodes for an hour", run_hour },
    { "flood1000", "a write to 1,000 nodes, 1 % lost", run_flood_1 },
    { "flood1000-30", "a write to 1,000 nodes, 30 % lost", run_flood_30 },
    { "rejoin", "10,000 missed of 1,000,000 records", run_rejoin },
    { "partition", "two halves, 10,000 writes each", run_partition },
    { "bounds", "more than fits, of writes, waiting batches, damage and tombstones",
      weir_scenario_bounds },
    { "restarts50", "1,000 restarts of 50 nodes, one always away", weir_scenario_restarts },
    { "restarts50-few", "150 restarts of 50 nodes", weir_scenario_few_restarts },
    { "year", "a year of 8 nodes: restarts, replacements, upgrades", weir_scenario_year },
    { "turns-bootstrap", "1,000,000 records to an empty disk", weir_scenario_bootstrap },
    { "turns-audit", "one of 1,000,000 records is missing", weir_scenario_audit },
    { "turns-purge", "100,000 tombstones at once", weir_scenario_purge },
    { "turns-members", "1,000 members", weir_scenario_members },
    { "turns-slow", "commits of half a second", weir_scenario_slow_disk },
};

const struct weir_sim_scenario *weir_sim_scenarios(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(scenarios);
    return scenarios;
}
