/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_test.c - the replication engine rule by rule, over stores in memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/sim/memory.h"
#include "tests/support/cluster.h"

#define SECOND UINT64_C(1000000)

struct bed {
    struct cluster c;
    struct weir_memory *memory[CLUSTER_MAX][WEIR_GROUP_COUNT];
};

static void bed_init(struct bed *b, unsigned num)
{
    cluster_init(&b->c, num);
    for (unsigned i = 0; i < num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++) {
            assert_int_equal(weir_memory_new((enum weir_group)g, &b->memory[i][g]), WEIR_OK);
            b->c.node[i].keep[g] = weir_memory_keep(b->memory[i][g]);
        }
    b->c.node[0].bootstrap = true;
    for (unsigned i = 0; i < num; i++)
        cluster_start(&b->c, i);
    cluster_run(&b->c, SECOND);
    for (unsigned i = 0; i < num; i++)
        assert_int_equal(weir_engine_state(b->c.node[i].engine), WEIR_ENGINE_LIVE);
}

static size_t num_records(const struct weir_memory *m)
{
    return weir_memory_counts(m).num_records;
}

static void bed_deinit(struct bed *b)
{
    cluster_deinit(&b->c);
    for (unsigned i = 0; i < b->c.num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            weir_memory_free(&b->memory[i][g]);
}

static void assert_equal_vectors(struct bed *b)
{
    for (unsigned i = 1; i < b->c.num; i++)
        assert_true(weir_vector_eq(weir_engine_vv(b->c.node[0].engine, WEIR_GROUP_C),
                                   weir_engine_vv(b->c.node[i].engine, WEIR_GROUP_C)));
}

static void a_write_is_on_all_nodes_at_once(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(cluster_write(&b.c, 1, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    assert_int_equal(b.c.node[1].num_acked, 1);
    assert_int_equal(b.c.node[1].last_ack, WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_true(cluster_has(&b.c, i, WEIR_CLASS_TENANT, "a", "one"));
    assert_int_equal(cluster_write(&b.c, 2, WEIR_CLASS_TENANT, "a", NULL), WEIR_OK);
    for (unsigned i = 0; i < 3; i++)
        assert_true(cluster_has(&b.c, i, WEIR_CLASS_TENANT, "a", NULL));
    assert_equal_vectors(&b);
    bed_deinit(&b);
}

static void a_lost_batch_is_pulled_after_the_next(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    b.c.deaf[1] = true;
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", NULL));
    b.c.deaf[1] = false;
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "b", "two"), WEIR_OK);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "one"));
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "b", "two"));
    assert_int_equal(weir_engine_counter(b.c.node[1].engine, WEIR_COUNT_PARKED), 1);
    bed_deinit(&b);
}

static void a_lost_batch_is_pulled_after_a_heartbeat(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    b.c.deaf[1] = true;
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    assert_int_equal(cluster_ban(&b.c, 0, 1, 600), WEIR_OK);
    cluster_run(&b.c, 2 * SECOND);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "one"));
    assert_int_equal(num_records(b.memory[1][WEIR_GROUP_E]), 1);
    bed_deinit(&b);
}

static bool assert_left_lost(void *arg, const struct weir_keep_conflict *x)
{
    assert_true(weir_span_eq(x->loser.rec.value, WEIR_SPAN_LIT("left")));
    return true;
}

static void a_concurrent_loser_is_kept_as_a_conflict(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "base"), WEIR_OK);
    assert_int_equal(cluster_write(&b.c, 1, WEIR_CLASS_TENANT, "a", "seen"), WEIR_OK);
    assert_int_equal(weir_memory_counts(b.memory[0][WEIR_GROUP_C]).num_conflicts, 0);
    cluster_cut(&b.c, 0, 1, true);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "left"), WEIR_OK);
    cluster_run(&b.c, 5000);
    assert_int_equal(cluster_write(&b.c, 1, WEIR_CLASS_TENANT, "a", "right"), WEIR_OK);
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    for (unsigned i = 0; i < 2; i++)
        assert_true(cluster_has(&b.c, i, WEIR_CLASS_TENANT, "a", "right"));
    assert_int_equal(weir_memory_counts(b.memory[0][WEIR_GROUP_C]).num_conflicts, 1);
    weir_memory_each_conflict(b.memory[0][WEIR_GROUP_C], assert_left_lost, NULL);
    bed_deinit(&b);
}

static void who_is_beyond_a_purge_resets_and_comes_back(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    cluster_stop(&b.c, 2);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", NULL), WEIR_OK);
    b.c.wall_ms += UINT64_C(401) * 86400000;
    cluster_run(&b.c, 120 * SECOND);
    assert_int_equal(b.c.node[0].num_purged, 1);
    assert_int_equal(num_records(b.memory[0][WEIR_GROUP_C]), 0);
    cluster_start(&b.c, 2);
    cluster_run(&b.c, 5 * SECOND);
    assert_int_equal(weir_engine_counter(b.c.node[2].engine, WEIR_COUNT_RESETS), 1);
    assert_int_equal(weir_engine_state(b.c.node[2].engine), WEIR_ENGINE_LIVE);
    assert_true(cluster_has(&b.c, 2, WEIR_CLASS_TENANT, "a", NULL));
    assert_true(cluster_has(&b.c, 0, WEIR_CLASS_TENANT, "a", NULL));
    assert_equal_vectors(&b);
    bed_deinit(&b);
}

static void a_damaged_record_is_fetched_again(void **state)
{
    struct bed b;

    bed_init(&b, 3);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_OK);
    assert_true(weir_memory_flip(b.memory[1][WEIR_GROUP_C], 0, WEIR_MEMORY_VALUE, 3));
    cluster_run(&b.c, 5 * SECOND);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "one"));
    assert_int_equal(weir_engine_counter(b.c.node[1].engine, WEIR_COUNT_CORRUPT), 1);
    bed_deinit(&b);
}

static void a_failed_commit_acknowledges_nothing_and_is_over_when_the_disk_is_back(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    weir_memory_set_trouble(b.memory[0][WEIR_GROUP_C], WEIR_MEMORY_FULL);
    assert_true(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one") < 0);
    assert_int_equal(weir_engine_state(b.c.node[0].engine), WEIR_ENGINE_READONLY);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", NULL));
    assert_int_equal(b.c.node[0].num_alarms[WEIR_ALARM_DISK], 1);
    cluster_run(&b.c, 3 * SECOND);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "one"), WEIR_EIO);
    weir_memory_set_trouble(b.memory[0][WEIR_GROUP_C], WEIR_MEMORY_SOUND);
    cluster_run(&b.c, 3 * SECOND);
    assert_int_equal(weir_engine_state(b.c.node[0].engine), WEIR_ENGINE_LIVE);
    assert_int_equal(cluster_write(&b.c, 0, WEIR_CLASS_TENANT, "a", "two"), WEIR_OK);
    assert_true(cluster_has(&b.c, 1, WEIR_CLASS_TENANT, "a", "two"));
    bed_deinit(&b);
}

static void many_records_come_in_chunks(void **state)
{
    struct bed b;
    char key[16];

    bed_init(&b, 2);
    cluster_cut(&b.c, 0, 1, true);
    for (unsigned i = 0; i < 3000; i++) {
        snprintf(key, sizeof(key), "t%04u", i);
        assert_int_equal(cluster_write(&b.c, i % 2, WEIR_CLASS_TENANT, key, "0123456789"), WEIR_OK);
    }
    cluster_cut(&b.c, 0, 1, false);
    cluster_run(&b.c, SECOND);
    assert_int_equal(num_records(b.memory[0][WEIR_GROUP_C]), 3000);
    assert_int_equal(num_records(b.memory[1][WEIR_GROUP_C]), 3000);
    assert_equal_vectors(&b);
    bed_deinit(&b);
}

static void bans_travel_and_expire(void **state)
{
    struct bed b;

    bed_init(&b, 2);
    for (uint8_t i = 0; i < 10; i++)
        assert_int_equal(cluster_ban(&b.c, 0, i, 5), WEIR_OK);
    cluster_run(&b.c, SECOND);
    assert_int_equal(num_records(b.memory[1][WEIR_GROUP_E]), 10);
    cluster_run(&b.c, 7 * SECOND);
    assert_int_equal(num_records(b.memory[0][WEIR_GROUP_E]), 0);
    assert_int_equal(num_records(b.memory[1][WEIR_GROUP_E]), 0);
    bed_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_on_all_nodes_at_once),
        cmocka_unit_test(a_lost_batch_is_pulled_after_the_next),
        cmocka_unit_test(a_lost_batch_is_pulled_after_a_heartbeat),
        cmocka_unit_test(a_concurrent_loser_is_kept_as_a_conflict),
        cmocka_unit_test(who_is_beyond_a_purge_resets_and_comes_back),
        cmocka_unit_test(a_damaged_record_is_fetched_again),
        cmocka_unit_test(a_failed_commit_acknowledges_nothing_and_is_over_when_the_disk_is_back),
        cmocka_unit_test(many_records_come_in_chunks),
        cmocka_unit_test(bans_travel_and_expire),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
