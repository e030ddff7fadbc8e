/* SPDX-License-Identifier: Apache-2.0
 *
 * scenario_turns.c - how long the longest turn of a node is, and how much memory it takes, while a
 * lot is to be done at once. A turn is measured from its first input to the end of its commit, in
 * CPU time of its thread, over stores in memory; memory is that of the process behind each turn,
 * less what the records in the stores take.
 */
#include "tests/sim/runner/scenario_turns.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "sync/frame/member.h"
#include "tests/sim/oracle/heal.h"
#include "tests/sim/runner/scenario_kit.h"

#define TURN_MS  100 /* CPU */
#define PEAK_MIB 64
#define MIB      ((size_t)1 << 20)

#define RECORDS      1000000
#define BOOTSTRAP_MS 60000
#define AUDIT_MS     60000
#define TOMBSTONES   100000
#define TOMBSTONE_MS 20000
#define PURGE_MS     40000
#define MEMBERS      1000
#define MEMBERS_S    30
#define MEMBERS_UP   8
#define SLOW_NODES   5
#define SLOW_WRITES  2000
#define SLOW_US      500000
#define SLOW_MS      10000

static size_t num_records(const struct weir_sim *s, uint32_t node)
{
    return weir_memory_counts(s->nodes[node].store[WEIR_GROUP_C]).num_records;
}

/* Measure from here on. @param filled_bytes  what `num` records took */
static void measure(struct weir_sim *s, size_t filled_bytes, size_t num)
{
    s->turns.is_measured = true;
    s->turns.longest_ns = 0;
    s->turns.peak_bytes = 0;
    s->turns.record_bytes = num > 0 ? filled_bytes / num : 0;
}

static bool print_turns(const struct weir_sim *s)
{
    size_t mib = s->turns.peak_bytes / MIB;

    printf("memory beyond the stores: %zu MiB, bar %d MiB\n", mib, PEAK_MIB);
    bool is_short =
        weir_scenario_measured("longest turn, CPU", s->turns.longest_ns / 1000000, TURN_MS);
    return is_short && mib <= PEAK_MIB;
}

/* Two nodes, the first with a million records, and its figures from now on. */
static struct weir_sim *filled_new(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(2, 0);

    plan.unchecked = true;
    plan.net.bytes_per_s = 64 << 20;
    struct weir_sim *s = weir_scenario_new(&plan);
    s->turns.base_bytes = weir_sim_heap_bytes();
    weir_sim_node_start(s, &s->nodes[0], true);
    weir_scenario_write_many(s, 0, 0, RECORDS);
    measure(s, weir_sim_heap_bytes() - s->turns.base_bytes, RECORDS);
    return s;
}

bool weir_scenario_bootstrap(void)
{
    struct weir_sim *s = filled_new();

    weir_sim_node_start(s, &s->nodes[1], false);
    uint64_t ms = weir_scenario_until_equal(s, BOOTSTRAP_MS);
    printf("%zu records of %zu have come\n", num_records(s, 1), num_records(s, 0));
    bool ok = print_turns(s);
    ok = weir_scenario_measured("equal after the start", ms, BOOTSTRAP_MS - 1) && ok;
    weir_scenario_free(s);
    return ok;
}

/* Take one record out of a store, as if it had never come. */
static void lose_record(struct weir_sim *s, uint32_t node, uint32_t key)
{
    struct weir_record_store *k = weir_memory_record_store(s->nodes[node].store[WEIR_GROUP_C]);
    const struct weir_sim_op op = { .class = WEIR_CLASS_SETTING, .key = key };
    uint8_t name[WEIR_SIM_KEY_NAME_MAX];
    size_t len = weir_sim_op_key(&op, NULL, name);

    enum weir_err err = k->ops->begin(k);
    if (err == WEIR_OK)
        err = k->ops->drop(k, WEIR_CLASS_SETTING, weir_span(name, len));
    if (err == WEIR_OK)
        err = k->ops->commit(k);
    WEIR_ASSERT(err == WEIR_OK);
}

bool weir_scenario_audit(void)
{
    struct weir_sim *s = filled_new();

    weir_scenario_copy_store(s);
    lose_record(s, 1, RECORDS / 2);
    size_t was = num_records(s, 1);
    weir_sim_node_start(s, &s->nodes[1], false);
    uint64_t began_us = s->events.now_us;
    while (num_records(s, 1) < RECORDS && s->events.now_us - began_us < AUDIT_MS * UINT64_C(1000))
        weir_scenario_play_for(s, 100 * WEIR_SCENARIO_MS_US);
    printf("%zu records, %zu after the audit\n", was, num_records(s, 1));
    bool ok = print_turns(s);
    ok = weir_scenario_measured("mended after the start", (s->events.now_us - began_us) / 1000,
                                AUDIT_MS - 1) &&
         ok;
    weir_scenario_free(s);
    return ok;
}

static void delete_all(struct weir_sim *s, uint32_t num)
{
    for (uint32_t i = 0; i < num; i++) {
        weir_scenario_delete(s, 0, i);
        if (i % 2000 == 1999)
            weir_scenario_play_for(s, WEIR_SCENARIO_MS_US);
    }
}

bool weir_scenario_purge(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(2, 0);
    struct weir_sim *s;

    plan.unchecked = true;
    plan.intervals.tombstone_ms = TOMBSTONE_MS;
    plan.intervals.purge_us = 1000000;
    s = weir_scenario_new(&plan);
    s->turns.base_bytes = weir_sim_heap_bytes();
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, 5 * WEIR_SIM_SECOND_US);
    delete_all(s, TOMBSTONES);
    uint64_t most_ms = weir_scenario_until_equal(s, TOMBSTONE_MS / 2);
    size_t num = num_records(s, 1);
    measure(s, 0, 0);
    uint64_t began_us = s->events.now_us;
    while (num_records(s, 0) + num_records(s, 1) > 0 &&
           s->events.now_us - began_us < PURGE_MS * UINT64_C(1000))
        weir_scenario_play_for(s, 100 * WEIR_SCENARIO_MS_US);
    printf("%zu tombstones, equal after %" PRIu64 " ms\n", num, most_ms);
    bool ok = weir_scenario_measured("longest turn, CPU", s->turns.longest_ns / 1000000, TURN_MS);
    ok = weir_scenario_measured("purged after", (s->events.now_us - began_us) / 1000,
                                PURGE_MS - 1) &&
         num == TOMBSTONES && ok;
    weir_scenario_free(s);
    return ok;
}

/* All nodes are members; those behind the first few have no process. */
static void write_members(struct weir_sim *s)
{
    for (uint32_t i = 0; i < s->num_nodes; i++) {
        struct weir_sim_input input = {
            .kind = WEIR_SIM_INPUT_WRITE,
            .op = {
                .class = WEIR_CLASS_MEMBER,
                .key = i,
                .state = WEIR_MEMBER_JOINED,
                .token = ++s->num_tokens,
            },
        };
        input.op.value_len = weir_sim_op_member_len(&input.op, s->nodes[i].id);
        weir_sim_node_give(s, &s->nodes[0], &input);
    }
}

bool weir_scenario_members(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(MEMBERS, 0);

    plan.unchecked = true;
    struct weir_sim *s = weir_scenario_nodes_new(&plan);
    s->turns.base_bytes = weir_sim_heap_bytes();
    for (uint32_t a = 0; a < MEMBERS_UP; a++)
        for (uint32_t b = a + 1; b < MEMBERS_UP; b++)
            weir_sim_join(s, a, b);
    for (uint32_t i = 0; i < MEMBERS_UP; i++)
        weir_sim_node_start(s, &s->nodes[i], true);
    measure(s, 0, 0);
    write_members(s);
    weir_scenario_play_for(s, MEMBERS_S * WEIR_SIM_SECOND_US);
    size_t num = num_records(s, MEMBERS_UP - 1);
    printf("%zu members at the last node that runs\n", num);
    bool ok = print_turns(s) && num == MEMBERS;
    weir_scenario_free(s);
    return ok;
}

bool weir_scenario_slow_disk(void)
{
    struct weir_sim_plan plan = weir_scenario_plan(SLOW_NODES, 0);

    plan.commit = (struct weir_sim_delay){ WEIR_SIM_LAW_FIXED, SLOW_US, 0 };
    struct weir_sim *s = weir_scenario_new(&plan);
    s->turns.base_bytes = weir_sim_heap_bytes();
    weir_scenario_start_all(s);
    weir_scenario_play_for(s, 10 * WEIR_SIM_SECOND_US);
    measure(s, 0, 0);
    for (uint32_t i = 0; i < SLOW_WRITES; i++) {
        weir_scenario_write(s, i % SLOW_NODES, i);
        weir_scenario_play_for(s, 10 * WEIR_SCENARIO_MS_US);
    }
    uint64_t ms = weir_scenario_until_equal(s, SLOW_MS);
    uint64_t num_resets = 0;
    for (uint32_t i = 0; i < SLOW_NODES; i++)
        num_resets += weir_engine_counter(s->nodes[i].engine, WEIR_COUNT_RESETS);
    printf("%d nodes, %d writes at 100/s, %zu stored, %" PRIu64 " resets\n", SLOW_NODES,
           SLOW_WRITES, num_records(s, 0), num_resets);
    bool ok = weir_scenario_holds(s) && num_resets == 0 && num_records(s, 0) == SLOW_WRITES;
    ok = print_turns(s) && ok;
    ok = weir_scenario_measured("equal after the last write", ms, SLOW_MS - 1) && ok;
    weir_scenario_free(s);
    return ok;
}
