/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_year.c - a year of a fleet in an hour and a quarter: restarts every day, each week a
 * container that is replaced by another, which leaves by itself or is evicted, each month a rolling
 * upgrade, and records that come and go. What a node keeps may grow with the records and with the
 * members that there ever were, and with nothing else.
 */
#include "tests/sim/runner/scenario_year.h"

#include <inttypes.h>
#include <stdio.h>

#include "sync/members/members.h"
#include "tests/sim/cluster/faults.h"
#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/work.h"
#include "tests/sim/runner/scenario_kit.h"

#define YEAR_DAYS     364
#define YEAR_DAY_US   (12 * WEIR_SIM_SECOND_US)
#define YEAR_FLEET    8
#define YEAR_WEEK     7  /* days */
#define YEAR_MONTH    28 /* days */
#define YEAR_NODES    (YEAR_FLEET + YEAR_DAYS / YEAR_WEEK)
#define YEAR_KEYS     50
#define YEAR_LANES    (4 * YEAR_FLEET) /* of a vector */
#define YEAR_MEMORY   (UINT64_C(1) << 20)
#define YEAR_EQUAL_MS 60000

/* Node first.. are the fleet. */
static void restart(struct weir_sim *s, uint32_t node, bool upgrades)
{
    struct weir_sim_node *n = &s->nodes[node];

    weir_sim_node_kill(s, n, false);
    if (upgrades)
        n->schema = n->schema == 1 ? 2 : 1;
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US / 2);
    weir_sim_node_start(s, n, false);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
}

/* The oldest goes, for good, and another comes with an empty disk. */
static void replace(struct weir_sim *s, uint32_t oldest, bool leaves)
{
    struct weir_sim_node *n = &s->nodes[oldest];

    weir_sim_node_kill(s, n, true);
    n->has_left = true;
    n->member = leaves ? WEIR_MEMBER_LEFT : WEIR_MEMBER_EVICTED;
    s->check.views[n->index].lost_us = s->events.now_us;
    weir_sim_work_members(s);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    weir_sim_faults_join(s, oldest + YEAR_FLEET, false);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
}

static void live_day(struct weir_sim *s, uint32_t day, uint32_t first)
{
    uint64_t end_us = s->events.now_us + YEAR_DAY_US;

    for (uint32_t i = 0; i < YEAR_FLEET; i++) {
        uint32_t key = (day + i) * 13 % YEAR_KEYS;
        if (i == 0)
            weir_scenario_delete(s, first + i, key);
        else
            weir_scenario_write(s, first + i, key);
    }
    restart(s, first + day % YEAR_FLEET, false);
    for (uint32_t i = 0; day % YEAR_MONTH == YEAR_MONTH - 1 && i < YEAR_FLEET; i++)
        restart(s, first + i, true);
    if (s->events.now_us < end_us)
        weir_scenario_play_for(s, end_us - s->events.now_us);
}

static bool measure_node(const struct weir_sim_node *n, uint32_t num_members)
{
    size_t num_lanes = weir_engine_vv(n->engine, WEIR_GROUP_C)->num;
    size_t memory = weir_engine_memory(n->engine);
    struct weir_memory_counts stored = weir_memory_counts(n->store[WEIR_GROUP_C]);
    size_t num_ended = weir_engine_folded(n->engine)->num;
    size_t num_known = weir_members_num(weir_engine_members(n->engine));

    printf("node %" PRIu32 ": %zu lanes, bar %d; %zu folded; %zu records, %zu of %" PRIu32
           " members; %zu bytes of links and sessions, bar %" PRIu64 "\n",
           n->index, num_lanes, YEAR_LANES, num_ended, stored.num_records, num_known, num_members,
           memory, YEAR_MEMORY);
    /* a record of each key, member and lane that ended, and no more */
    return num_lanes <= YEAR_LANES && memory <= YEAR_MEMORY && num_known <= num_members &&
           stored.num_records <= YEAR_KEYS + num_members + num_ended + YEAR_LANES;
}

bool weir_scenario_year(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(YEAR_NODES, 0);
    uint32_t first = 0;
    bool ok = true;

    plan.intervals.tombstone_ms = 30 * YEAR_DAY_US / WEIR_SCENARIO_MS_US;
    plan.intervals.purge_us = YEAR_DAY_US;
    struct weir_sim *s = weir_scenario_new(&plan);
    for (uint32_t i = 0; i < YEAR_FLEET; i++)
        weir_sim_faults_join(s, i, i == 0);
    weir_scenario_play_for(s, 5 * WEIR_SIM_SECOND_US);
    for (uint32_t day = 0; day < YEAR_DAYS && s->check.found.broken == WEIR_SIM_HOLDS; day++) {
        live_day(s, day, first);
        if (day % YEAR_WEEK == YEAR_WEEK - 1)
            replace(s, first++, day / YEAR_WEEK % 2 == 0);
    }
    weir_scenario_play_for(s, 30 * WEIR_SIM_SECOND_US);
    uint64_t ms = weir_scenario_until_equal(s, YEAR_EQUAL_MS);
    for (uint32_t i = first; i < first + YEAR_FLEET; i++)
        ok = measure_node(&s->nodes[i], first + YEAR_FLEET) && ok;
    ok = weir_scenario_measured("equal after the last day", ms, YEAR_EQUAL_MS) && ok;
    ok = weir_scenario_holds(s) && ok;
    weir_scenario_free(s);
    return ok;
}
