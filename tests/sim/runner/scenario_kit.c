/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_kit.c - what measured scenarios are made of.
 */
#include "tests/sim/runner/scenario_kit.h"

#include <inttypes.h>
#include <stdlib.h>

#include "tests/sim/cluster/work.h"
#include "tests/sim/oracle/heal.h"

#define TURN_WRITES 2000

/* 10 ms from node to node: half of the frames are faster, a few take several times as long. */
struct weir_sim_plan weir_scenario_plan(uint32_t num_nodes, uint64_t features)
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
struct weir_sim *weir_scenario_nodes_new(const struct weir_sim_plan *plan)
{
    struct weir_sim *s = calloc(1, sizeof(*s));

    WEIR_ASSERT(s != NULL);
    weir_sim_init(s, plan, NULL);
    return s;
}

struct weir_sim *weir_scenario_new(const struct weir_sim_plan *plan)
{
    struct weir_sim *s = weir_scenario_nodes_new(plan);

    weir_sim_join_all(s);
    return s;
}

void weir_scenario_free(struct weir_sim *s)
{
    weir_sim_deinit(s);
    free(s);
}

void weir_scenario_start_all(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++)
        weir_sim_node_start(s, &s->nodes[i], true);
}

void weir_scenario_play_for(struct weir_sim *s, uint64_t us)
{
    weir_sim_play(s, s->events.now_us + us);
}

void weir_scenario_write(struct weir_sim *s, uint32_t node, uint32_t key)
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

void weir_scenario_delete(struct weir_sim *s, uint32_t node, uint32_t key)
{
    struct weir_sim_input input = {
        .kind = WEIR_SIM_INPUT_WRITE,
        .op = {
            .class = WEIR_CLASS_SETTING,
            .key = key,
            .delete = true,
            .token = ++s->num_tokens,
        },
    };

    weir_sim_node_give(s, &s->nodes[node], &input);
}

bool weir_scenario_measured(const char *what, uint64_t ms, uint64_t bar_ms)
{
    printf("%s: %" PRIu64 " ms, bar %" PRIu64 " ms\n", what, ms, bar_ms);
    return ms <= bar_ms;
}

bool weir_scenario_holds(const struct weir_sim *s)
{
    if (s->check.found.broken == WEIR_SIM_HOLDS)
        return true;
    printf("does not hold: %s\n", weir_sim_broken_text(s->check.found.broken));
    return false;
}

/* As many writes as a turn has room for, turn after turn. */
void weir_scenario_write_many(struct weir_sim *s, uint32_t node, uint32_t first, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        weir_scenario_write(s, node, first + i);
        if (i % TURN_WRITES == TURN_WRITES - 1)
            weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
    }
    weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
}

/* The second node has all that the first has, but a lane of its own. */
void weir_scenario_copy_store(struct weir_sim *s)
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

uint64_t weir_scenario_until_equal(struct weir_sim *s, uint64_t most_ms)
{
    uint64_t began_us = s->events.now_us;

    while (!weir_sim_is_equal(s) && s->events.now_us - began_us < most_ms * WEIR_SCENARIO_MS_US &&
           s->check.found.broken == WEIR_SIM_HOLDS)
        weir_scenario_play_for(s, 10 * WEIR_SCENARIO_MS_US);
    return (s->events.now_us - began_us) / WEIR_SCENARIO_MS_US;
}
