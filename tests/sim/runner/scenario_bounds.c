/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_bounds.c - more than fits: of writes in a turn, of batches that wait, of damaged records
 * at once, of tombstones to purge. No run of a minute comes near to these bounds.
 */
#include "tests/sim/runner/scenario_bounds.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "node/base/limits.h"
#include "tests/sim/oracle/heal.h"
#include "tests/sim/oracle/judge.h"
#include "tests/sim/runner/scenario_kit.h"

#define BOUND_NODES     3
#define BOUND_OVER      500 /* writes */
#define BOUND_LARGE     100 /* values */
#define BOUND_LARGE_LEN 60000
#define BOUND_DAMAGED   1000
#define BOUND_LOST      3000
#define BOUND_SOON_MS   3000
#define BOUND_WALK_MS   60000 /* the walk over all records reads 200 a second */

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
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
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
        weir_scenario_play_for(s, WEIR_SCENARIO_MS_US / 4);
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
    for (uint32_t i = 0; i < num; i++)
        weir_scenario_delete(s, 0, i);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
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
        weir_scenario_play_for(s, 100 * WEIR_SCENARIO_MS_US);
        ms = (s->events.now_us - began_us) / WEIR_SCENARIO_MS_US;
    }
    return weir_scenario_measured(what, ms, bar_ms);
}

bool weir_scenario_bounds(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(BOUND_NODES, 0);
    const size_t num = WEIR_WRITE_GROUP_MAX + BOUND_LARGE + 1;

    plan.unchecked = true;
    plan.intervals.tombstone_ms = 1000;
    plan.intervals.purge_us = 100 * WEIR_SCENARIO_MS_US;
    struct weir_sim *s = weir_scenario_new(&plan);
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, 10 * WEIR_SIM_SECOND_US);
    write_at_once(s, WEIR_CLASS_SETTING, WEIR_WRITE_GROUP_MAX + BOUND_OVER);
    write_at_once(s, WEIR_CLASS_BAN, WEIR_WRITE_GROUP_MAX + BOUND_OVER);
    bool ok = s->nodes[0].num_refused == 2 * (uint64_t)BOUND_OVER;
    printf("%" PRIu64 " writes refused, since a turn has room for %d\n", s->nodes[0].num_refused,
           WEIR_WRITE_GROUP_MAX);
    write_behind_gap(s);
    ok = until_whole(s, "equal after more had waited than there is room for", num, BOUND_SOON_MS) &&
         ok;
    damage(s->nodes[1].store[WEIR_GROUP_C], BOUND_DAMAGED);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    ok = until_whole(s, "equal after damage to 1,000 neighbours", num, BOUND_WALK_MS) && ok;
    lose_records(s, &s->nodes[2], BOUND_LOST);
    weir_scenario_play_for(s, WEIR_SIM_SECOND_US);
    ok = until_whole(s, "equal after 3,000 records were gone", num, BOUND_WALK_MS) && ok;
    delete_keys(s, BOUND_LOST);
    ok = until_whole(s, "purged of 3,000 tombstones", num - BOUND_LOST, BOUND_SOON_MS) && ok;
    weir_scenario_free(s);
    return ok;
}
