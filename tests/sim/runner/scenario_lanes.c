/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_lanes.c - rolling restarts, each while another node is away: each draws a lane (R10),
 * and the lanes before it are folded (R14).
 */
#include "tests/sim/runner/scenario_lanes.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/cluster/sim_node.h"
#include "tests/sim/cluster/work.h"
#include "tests/sim/oracle/heal.h"
#include "tests/sim/runner/scenario_kit.h"

#define RESTART_NODES    50
#define RESTART_ROUNDS   200
#define RESTART_FEW      30 /* rounds that a test has time for */
#define RESTART_OTHERS   5  /* in each round, while one is away */
#define RESTART_STEP     7  /* from round to round; has no factor in common with the nodes */
#define RESTART_EQUAL_MS 60000
#define RESTART_LANES    4 /* of a node */

/* The most lanes of one node that a vector or a floor has. They are sorted by node. */
static uint32_t most_lanes(const struct weir_vector *v)
{
    uint32_t most = 0;
    uint32_t num = 0;

    for (size_t i = 0; i < v->num; i++) {
        bool is_same =
            i > 0 && memcmp(v->items[i - 1].lane, v->items[i].lane, WEIR_NODE_ID_LEN) == 0;
        num = is_same ? num + 1 : 1;
        most = num > most ? num : most;
    }
    return most;
}

static void restart(struct weir_sim *s, uint32_t node)
{
    weir_sim_node_kill(s, &s->nodes[node], false);
    weir_sim_node_start(s, &s->nodes[node], false);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    weir_scenario_write(s, node, node);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US / 4);
}

static void run_round(struct weir_sim *s, uint32_t round)
{
    uint32_t away = round * RESTART_STEP % RESTART_NODES;

    weir_sim_node_kill(s, &s->nodes[away], false);
    for (uint32_t i = 1; i <= RESTART_OTHERS; i++)
        restart(s, (away + i) % RESTART_NODES);
    weir_sim_node_start(s, &s->nodes[away], false);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
}

static bool restart_rounds(uint32_t rounds)
{
    struct weir_sim_plan plan = weir_scenario_plan(RESTART_NODES, 0);
    uint32_t most = 0;
    size_t num = 0;

    struct weir_sim *s = weir_scenario_new(&plan);
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    weir_sim_work_members(s);
    weir_scenario_play_for(s, 5 * WEIR_SIM_SECOND_US);
    for (uint32_t i = 0; i < rounds; i++)
        run_round(s, i);
    weir_scenario_play_for(s, 10 * WEIR_SIM_SECOND_US);
    uint64_t ms = weir_scenario_until_equal(s, RESTART_EQUAL_MS);
    for (uint32_t i = 0; i < RESTART_NODES; i++) {
        uint32_t lanes = most_lanes(weir_engine_vv(s->nodes[i].engine, WEIR_GROUP_C));
        most = lanes > most ? lanes : most;
        num += weir_engine_counter(s->nodes[i].engine, WEIR_COUNT_RESETS);
    }
    printf("%d nodes, %" PRIu32 " restarts: %zu lanes folded, %" PRIu32
           " lanes of a node at most, bar %d; "
           "%zu resets\n",
           RESTART_NODES, rounds * RESTART_OTHERS, weir_engine_folded(s->nodes[0].engine)->num,
           most, RESTART_LANES, num);
    bool ok = weir_scenario_holds(s) && most <= RESTART_LANES && num == 0 &&
              weir_engine_folded(s->nodes[0].engine)->num > rounds;
    ok = weir_scenario_measured("equal after the last", ms, RESTART_EQUAL_MS) && ok;
    weir_scenario_free(s);
    return ok;
}

bool weir_scenario_restarts(void)
{
    return restart_rounds(RESTART_ROUNDS);
}

bool weir_scenario_few_restarts(void)
{
    return restart_rounds(RESTART_FEW);
}
