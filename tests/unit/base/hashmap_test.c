/* SPDX-License-Identifier: Apache-2.0
 *
 * hashmap_test.c - the table against an array of all keys, at its bounds, and when memory runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/hashmap.h"
#include "node/base/rng.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

struct entry {
    char name[24];
    bool present;
    bool seen;
};

static struct weir_span key_of(const struct entry *e)
{
    return weir_span_cstr(e->name);
}

static struct entry *entries_new(size_t num)
{
    struct entry *all = calloc(num, sizeof(*all));
    assert_non_null(all);
    for (size_t i = 0; i < num; i++)
        (void)snprintf(all[i].name, sizeof(all[i].name), "host-%u", (unsigned)i);
    return all;
}

static void assert_same(struct weir_hashmap *m, struct entry *all, size_t num)
{
    size_t num_present = 0;
    size_t num_walked = 0;
    size_t pos = 0;

    for (size_t i = 0; i < num; i++) {
        all[i].seen = false;
        num_present += all[i].present;
        assert_ptr_equal(weir_hashmap_find(m, key_of(&all[i])), all[i].present ? &all[i] : NULL);
    }
    for (struct entry *e; (e = weir_hashmap_next(m, &pos)) != NULL; num_walked++) {
        assert_true(e->present);
        assert_false(e->seen);
        e->seen = true;
    }
    assert_null(weir_hashmap_next(m, &pos));
    assert_int_equal(num_walked, num_present);
    assert_int_equal(m->len, num_present);
    assert_true(m->len * 4 <= m->num_slots * 3);
}

static void random_operations_match_an_array(void **state)
{
    enum { NUM = 300 };
    struct entry *all = entries_new(NUM);
    struct weir_rng rng;

    for (uint64_t seed = 0; seed < 10; seed++) {
        struct weir_hashmap m;
        weir_rng_init(&rng, seed);
        weir_hashmap_init(&m, seed, SIZE_MAX);
        for (int round = 0; round < 4000; round++) {
            /* The share of additions swings, so that the table is full at times and empty at
             * others. */
            bool filling = round / 500 % 2 == 0;
            struct entry *e = &all[weir_rng_below(&rng, NUM)];
            if (weir_rng_below(&rng, 4) == 0 ? !filling : filling) {
                enum weir_err expected = e->present ? WEIR_EEXIST : WEIR_OK;
                assert_int_equal(weir_hashmap_add(&m, key_of(e), e), expected);
                e->present = true;
            } else {
                assert_ptr_equal(weir_hashmap_remove(&m, key_of(e)), e->present ? e : NULL);
                e->present = false;
            }
            if (round % 97 == 0)
                assert_same(&m, all, NUM);
        }
        assert_same(&m, all, NUM);
        weir_hashmap_deinit(&m);
        for (size_t i = 0; i < NUM; i++)
            all[i].present = false;
    }
    free(all);
}

/* Only the low bits choose the slot: keys are picked so that they pile up at the end and run on at
 * the start. */
static void removal_within_a_run_that_wraps_around_leaves_the_others(void **state)
{
    enum { NUM = 9 };
    struct entry all[NUM] = { { .name = "" } };
    struct weir_hashmap m;
    size_t found = 0;

    weir_hashmap_init(&m, 0, SIZE_MAX);
    for (unsigned i = 0; found < NUM; i++) {
        struct entry *e = &all[found];
        (void)snprintf(e->name, sizeof(e->name), "k%u", i);
        assert_int_equal(weir_hashmap_add(&m, key_of(e), e), WEIR_OK);
        uint64_t home = 0;
        for (size_t s = 0; s < m.num_slots; s++)
            if (m.slots[s].value == e)
                home = m.slots[s].hash & 15;
        assert_ptr_equal(weir_hashmap_remove(&m, key_of(e)), e);
        if (home >= 13)
            found++;
    }
    assert_int_equal(m.num_slots, 16);
    for (size_t first = 0; first < NUM; first++) {
        for (size_t i = 0; i < NUM; i++) {
            all[i].present = true;
            assert_int_equal(weir_hashmap_add(&m, key_of(&all[i]), &all[i]), WEIR_OK);
        }
        for (size_t i = 0; i < NUM; i++) {
            struct entry *e = &all[(first + i * 4) % NUM];
            assert_ptr_equal(weir_hashmap_remove(&m, key_of(e)), e);
            e->present = false;
            assert_same(&m, all, NUM);
        }
    }
    weir_hashmap_deinit(&m);
}

static void equal_bytes_at_another_place_are_the_same_key(void **state)
{
    struct weir_hashmap m;
    int value = 1;
    char key[] = "a\0b";
    char copy[] = "a\0b";

    weir_hashmap_init(&m, 3, 10);
    assert_int_equal(weir_hashmap_add(&m, weir_span(key, 3), &value), WEIR_OK);
    assert_ptr_equal(weir_hashmap_find(&m, weir_span(copy, 3)), &value);
    assert_null(weir_hashmap_find(&m, weir_span(copy, 1)));
    weir_hashmap_deinit(&m);
}

static void empty_key_is_a_key(void **state)
{
    struct weir_hashmap m;
    int value = 1;

    weir_hashmap_init(&m, 3, 10);
    assert_null(weir_hashmap_find(&m, WEIR_SPAN_EMPTY));
    assert_int_equal(weir_hashmap_add(&m, WEIR_SPAN_EMPTY, &value), WEIR_OK);
    assert_ptr_equal(weir_hashmap_find(&m, WEIR_SPAN_LIT("")), &value);
    assert_ptr_equal(weir_hashmap_remove(&m, WEIR_SPAN_EMPTY), &value);
    weir_hashmap_deinit(&m);
}

static void table_at_its_bound_refuses_until_something_is_removed(void **state)
{
    struct entry *all = entries_new(51);
    struct weir_hashmap m;

    weir_hashmap_init(&m, 1, 50);
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(weir_hashmap_add(&m, key_of(&all[i]), &all[i]), WEIR_OK);
        all[i].present = true;
    }
    assert_int_equal(weir_hashmap_add(&m, key_of(&all[50]), &all[50]), WEIR_ELIMIT);
    assert_int_equal(weir_hashmap_add(&m, key_of(&all[0]), &all[0]), WEIR_EEXIST);
    assert_same(&m, all, 51);
    assert_ptr_equal(weir_hashmap_remove(&m, key_of(&all[7])), &all[7]);
    assert_int_equal(weir_hashmap_add(&m, key_of(&all[50]), &all[50]), WEIR_OK);
    weir_hashmap_deinit(&m);
    free(all);
}

static void unused_table_finds_nothing_and_allocates_nothing(void **state)
{
    struct weir_hashmap m;
    size_t pos = 0;

    weir_failalloc_after(-1);
    weir_hashmap_init(&m, 1, 0);
    assert_null(weir_hashmap_find(&m, WEIR_SPAN_LIT("a")));
    assert_null(weir_hashmap_remove(&m, WEIR_SPAN_LIT("a")));
    assert_null(weir_hashmap_next(&m, &pos));
    assert_int_equal(weir_hashmap_add(&m, WEIR_SPAN_LIT("a"), &m), WEIR_ELIMIT);
    assert_int_equal(weir_failalloc_count(), 0);
    weir_hashmap_deinit(&m);
}

static void filling_and_emptying_for_ever_does_not_grow_the_table(void **state)
{
    struct entry *all = entries_new(1000);
    struct weir_hashmap m;

    weir_hashmap_init(&m, 1, 12);
    for (size_t i = 0; i < 1000; i++) {
        if (i >= 12)
            assert_ptr_equal(weir_hashmap_remove(&m, key_of(&all[i - 12])), &all[i - 12]);
        assert_int_equal(weir_hashmap_add(&m, key_of(&all[i]), &all[i]), WEIR_OK);
    }
    assert_int_equal(m.num_slots, 16);
    weir_hashmap_deinit(&m);
    free(all);
}

static void every_failing_allocation_leaves_the_table_as_it_was(void **state)
{
    enum { NUM = 100 };
    struct entry *all = entries_new(NUM);
    unsigned long num_allocs = 1;

    for (unsigned long n = 0; n <= num_allocs; n++) {
        struct weir_hashmap m;
        unsigned failed = 0;
        weir_hashmap_init(&m, n, SIZE_MAX);
        weir_failalloc_once(n == 0 ? -1 : (long)n);
        for (size_t i = 0; i < NUM; i++) {
            enum weir_err err = weir_hashmap_add(&m, key_of(&all[i]), &all[i]);
            assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
            failed += err == WEIR_ENOMEM;
            all[i].present = err == WEIR_OK;
        }
        if (n == 0)
            num_allocs = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(failed, n == 0 ? 0 : 1);
        assert_same(&m, all, NUM);
        weir_hashmap_deinit(&m);
    }
    assert_int_equal(num_allocs, 5); /* 16, 32, 64, 128, 256 slots */
    free(all);
}

static void add_null(void *arg)
{
    (void)!weir_hashmap_add(arg, WEIR_SPAN_LIT("a"), NULL);
}

static void value_null_breaks_the_contract(void **state)
{
    struct weir_hashmap m;
    weir_hashmap_init(&m, 1, 1);
    assert_true(weir_death_by_contract(add_null, &m, "value != NULL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_operations_match_an_array),
        cmocka_unit_test(removal_within_a_run_that_wraps_around_leaves_the_others),
        cmocka_unit_test(equal_bytes_at_another_place_are_the_same_key),
        cmocka_unit_test(empty_key_is_a_key),
        cmocka_unit_test(table_at_its_bound_refuses_until_something_is_removed),
        cmocka_unit_test(unused_table_finds_nothing_and_allocates_nothing),
        cmocka_unit_test(filling_and_emptying_for_ever_does_not_grow_the_table),
        cmocka_unit_test(every_failing_allocation_leaves_the_table_as_it_was),
        cmocka_unit_test(value_null_breaks_the_contract),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
