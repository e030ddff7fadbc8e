/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_test.c - the store in memory is a record store as any other, checks its contracts, and
 * survives want of memory at each allocation.
 */
#include "tests/support/death.h"
#include "tests/support/failalloc.h"
#include "tests/unit/sim/memory/memory_kit.h"

/* -- the suite of all record stores -- */

static struct weir_record_store *suite_make(enum weir_group group, void **ret_home)
{
    struct weir_memory *m = kit_new(group);

    *ret_home = m;
    return weir_memory_record_store(m);
}

static struct weir_record_store *suite_reopen(void *home)
{
    weir_memory_sync(home);
    weir_memory_crash(home);
    return weir_memory_record_store(home);
}

static void suite_free(void *home)
{
    struct weir_memory *m = home;

    weir_memory_free(&m);
    assert_null(m);
}

/* -- want of memory -- */

/* The scenario with its n-th allocation failing. @return whether there was such a one */
static bool fail_scenario_at(enum weir_group group, long n)
{
    struct weir_memory *m = kit_new(group);
    struct weir_record_store *k = weir_memory_record_store(m);

    kit_fill(m, group);
    weir_memory_sync(m);
    uint64_t before = weir_memory_hash(m);
    weir_failalloc_once(n);
    enum weir_err err = record_store_suite_scenario(k, group);
    bool failed = weir_failalloc_count() >= (unsigned long)n;
    weir_failalloc_after(-1);
    /* What is lent in a debug build needs no copy, so some go well all the same. */
    assert_true(err == WEIR_OK || (failed && (err == WEIR_ENOMEM || err == WEIR_EIO)));
    assert_true((weir_memory_hash(m) == before) == (err < 0));
    assert_int_equal(record_store_suite_scenario(k, group), WEIR_OK);
    weir_memory_free(&m);
    return failed;
}

static void a_transaction_fails_whole_at_each_allocation(void **state)
{
    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        long n = 1;
        while (fail_scenario_at((enum weir_group)g, n))
            n++;
        assert_true(n > 5);
    }
}

static void an_operation_without_memory_leaves_the_transaction_as_it_was(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_stored_record a = kit_rec(WEIR_GROUP_C, "a", 1, 1);
    struct weir_stored_record b = kit_rec(WEIR_GROUP_C, "b", 2, 1);
    struct weir_stored_record got;

    kit_begin(m);
    assert_int_equal(kit_put(m, &a), WEIR_OK);
    uint64_t before = weir_memory_hash(m);
    for (long n = 1; n <= 2; n++) { /* the record, its lane */
        weir_failalloc_once(n);
        assert_int_equal(kit_put(m, &b), WEIR_ENOMEM);
        weir_failalloc_after(-1);
        assert_int_equal(weir_memory_hash(m), before);
    }
    assert_int_equal(kit_commit(m), WEIR_OK);
    assert_int_equal(weir_memory_find(m, WEIR_CLASS_TENANT, a.rec.key, &got), WEIR_OK);
    assert_int_equal(weir_memory_find(m, WEIR_CLASS_TENANT, b.rec.key, &got), WEIR_ENOTFOUND);
    weir_memory_free(&m);
}

static void a_store_or_a_copy_is_made_whole_or_not_at_all(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_memory *other = kit_new(WEIR_GROUP_C);
    struct weir_memory *made = NULL;
    enum weir_err err = WEIR_ENOMEM;

    kit_fill(m, WEIR_GROUP_C);
    uint64_t empty = weir_memory_hash(other);
    weir_failalloc_once(1);
    assert_int_equal(weir_memory_new(WEIR_GROUP_C, &made), WEIR_ENOMEM);
    for (long n = 1; err < 0; n++) {
        weir_failalloc_once(n);
        err = weir_memory_restore(other, m);
        weir_failalloc_after(-1);
        if (err < 0) {
            assert_int_equal(err, WEIR_ENOMEM);
            assert_int_equal(weir_memory_hash(other), empty);
        }
    }
    assert_int_equal(weir_memory_hash(other), weir_memory_hash(m));
    for (long n = 1; made == NULL; n++) {
        weir_failalloc_once(n);
        err = weir_memory_clone(m, &made);
        weir_failalloc_after(-1);
        assert_int_equal(err, made == NULL ? WEIR_ENOMEM : WEIR_OK);
    }
    assert_int_equal(weir_memory_hash(made), weir_memory_hash(m));
    weir_memory_free(&made);
    weir_memory_free(&other);
    weir_memory_free(&m);
}

/* -- contracts -- */

static void get_outside(void *arg)
{
    struct weir_stored_record got;

    (void)kit_ops(arg)->get(weir_memory_record_store(arg), WEIR_CLASS_TENANT, WEIR_SPAN_LIT("a"),
                            &got);
}

static void commit_outside(void *arg)
{
    (void)kit_commit(arg);
}

static void abort_outside(void *arg)
{
    kit_abort(arg);
}

static void begin_twice(void *arg)
{
    kit_begin(arg);
    kit_begin(arg);
}

static void flip_inside(void *arg)
{
    kit_begin(arg);
    (void)weir_memory_flip(arg, 0, WEIR_MEMORY_VALUE, 0);
}

static void sync_inside(void *arg)
{
    kit_begin(arg);
    weir_memory_sync(arg);
}

static void drop_a_lane_in_use(void *arg)
{
    uint8_t lane[WEIR_LANE_LEN];

    kit_begin(arg);
    (void)kit_ops(arg)->drop_lane(weir_memory_record_store(arg), kit_lane(1, lane));
}

static void put_a_ban_among_settings(void *arg)
{
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, "a", 1, 1);

    kit_begin(arg);
    (void)kit_put(arg, &rec);
}

static void put_a_tombstone_with_a_value(void *arg)
{
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 1);

    rec.rec.tombstone = true;
    kit_begin(arg);
    (void)kit_put(arg, &rec);
}

static void put_without_number(void *arg)
{
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 0);

    kit_begin(arg);
    (void)kit_put(arg, &rec);
}

static void fail_with_success(void *arg)
{
    weir_memory_fail_op(arg, 1, WEIR_OK);
}

static void contracts_of_record_stores_are_checked(void **state)
{
    static const struct {
        void (*fn)(void *arg);
        const char *what;
    } rows[] = {
        { get_outside, "is_open" },
        { commit_outside, "is_open" },
        { abort_outside, "is_open" },
        { begin_twice, "!m->is_open" },
        { flip_inside, "!m->is_open" },
        { sync_inside, "!m->is_open" },
        { drop_a_lane_in_use, "dots.num == 0" },
        { put_a_ban_among_settings, "WEIR_CLASS_BAN" },
        { put_a_tombstone_with_a_value, "value.len == 0" },
        { put_without_number, "seq >= 1" },
        { fail_with_success, "WEIR_ENOMEM" },
    };
    struct weir_memory *m = kit_new(WEIR_GROUP_C);

    kit_fill(m, WEIR_GROUP_C);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++)
        assert_true(weir_death_by_contract(rows[i].fn, m, rows[i].what));
    weir_memory_free(&m);
}

static void a_store_may_be_freed_with_a_transaction_open(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_E);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, "d", 4, 1);

    kit_fill(m, WEIR_GROUP_E);
    kit_begin(m);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    assert_int_equal(kit_ops(m)->wipe(weir_memory_record_store(m)), WEIR_OK);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    weir_memory_free(&m);
    assert_null(m);
    weir_memory_free(&m);
}

int main(void)
{
    const struct rs_maker maker = { "memory", suite_make, suite_reopen, suite_free };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transaction_fails_whole_at_each_allocation),
        cmocka_unit_test(an_operation_without_memory_leaves_the_transaction_as_it_was),
        cmocka_unit_test(a_store_or_a_copy_is_made_whole_or_not_at_all),
        cmocka_unit_test(contracts_of_record_stores_are_checked),
        cmocka_unit_test(a_store_may_be_freed_with_a_transaction_open),
    };
    int num_failed = record_store_suite_run(&maker);

    return num_failed + cmocka_run_group_tests(tests, NULL, NULL);
}
