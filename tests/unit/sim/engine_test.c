/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_test.c - the suite of the replication engine over stores in memory, and what only a store
 * that fails on demand can show.
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
#include "tests/support/engine_suite.h"

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

static void bed_deinit(struct bed *b)
{
    cluster_deinit(&b->c);
    for (unsigned i = 0; i < b->c.num; i++)
        for (unsigned g = 0; g < WEIR_GROUP_COUNT; g++)
            weir_memory_free(&b->memory[i][g]);
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

static struct weir_keep *make(enum weir_group group, void **ret_home)
{
    struct weir_memory *m = NULL;

    assert_int_equal(weir_memory_new(group, &m), WEIR_OK);
    *ret_home = m;
    return weir_memory_keep(m);
}

static struct weir_keep *reopen(void *home)
{
    return weir_memory_keep(home);
}

static void end(void *home)
{
    struct weir_memory *m = home;

    weir_memory_free(&m);
}

int main(void)
{
    const struct keep_maker maker = { "memory", make, reopen, end };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_damaged_record_is_fetched_again),
        cmocka_unit_test(a_failed_commit_acknowledges_nothing_and_is_over_when_the_disk_is_back),
    };

    return engine_suite_run(&maker) + cmocka_run_group_tests(tests, NULL, NULL);
}
