/* SPDX-License-Identifier: Apache-2.0
 *
 * pool_test.c - reuse, caps, slabs, and what happens when memory runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/internal/poison.h"
#include "node/base/pool.h"
#include "node/base/rng.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

static void random_gets_and_puts_never_share_an_object(void **state)
{
    enum { MAX = 100, LEN = 40 };
    struct weir_pool p;
    struct weir_rng rng;
    uint8_t *held[MAX] = { NULL };
    size_t num_held = 0;

    weir_rng_init(&rng, 9);
    weir_pool_init(&p, LEN, 7, MAX);
    for (int round = 0; round < 20000; round++) {
        size_t i = weir_rng_below(&rng, MAX);
        if (held[i] == NULL) {
            held[i] = weir_pool_get(&p);
            assert_non_null(held[i]);
            assert_int_equal((uintptr_t)held[i] % 8, 0);
            memset(held[i], (int)i, LEN);
            num_held++;
        } else {
            for (size_t k = 0; k < LEN; k++)
                assert_int_equal(held[i][k], i);
            weir_pool_release(&p, held[i]);
            held[i] = NULL;
            num_held--;
        }
        assert_int_equal(p.num_used, num_held);
        assert_true(p.num_made <= MAX);
    }
    for (size_t i = 0; i < MAX; i++)
        weir_pool_release(&p, held[i]);
    weir_pool_deinit(&p);
}

static void cap_is_exact_though_slabs_do_not_divide_it(void **state)
{
    struct weir_pool p;
    void *held[10];
    weir_pool_init(&p, 64, 4, 10);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 10; i++) {
            held[i] = weir_pool_get(&p);
            assert_non_null(held[i]);
        }
        assert_null(weir_pool_get(&p));
        assert_int_equal(p.num_made, 10);
        weir_pool_release(&p, held[3]);
        held[3] = weir_pool_get(&p);
        assert_non_null(held[3]);
        assert_null(weir_pool_get(&p));
        for (size_t i = 0; i < 10; i++)
            weir_pool_release(&p, held[i]);
    }
    weir_pool_deinit(&p);
}

static void cap_zero_gives_nothing_and_allocates_nothing(void **state)
{
    struct weir_pool p;
    weir_pool_init(&p, 64, 4, 0);
    weir_failalloc_after(-1);
    assert_null(weir_pool_get(&p));
    assert_int_equal(weir_failalloc_count(), 0);
    weir_pool_deinit(&p);
}

/* A lower cap takes no object away and ends the growth; a higher one lets it go on. */
static void cap_may_change_while_objects_are_out(void **state)
{
    struct weir_pool p;
    void *objects[7];
    weir_pool_init(&p, 32, 2, 3);
    for (int i = 0; i < 3; i++)
        assert_non_null(objects[i] = weir_pool_get(&p));
    assert_null(weir_pool_get(&p));
    weir_pool_set_max(&p, 1);
    assert_null(weir_pool_get(&p));
    weir_pool_release(&p, objects[2]);
    assert_non_null(objects[2] = weir_pool_get(&p)); /* there is room for it already */
    assert_null(weir_pool_get(&p));
    weir_pool_set_max(&p, 7);
    for (int i = 3; i < 7; i++)
        assert_non_null(objects[i] = weir_pool_get(&p));
    assert_null(weir_pool_get(&p));
    for (int i = 0; i < 7; i++)
        weir_pool_release(&p, objects[i]);
    weir_pool_deinit(&p);
}

static void last_object_given_back_is_the_first_given_out(void **state)
{
    struct weir_pool p;
    weir_pool_init(&p, 32, 8, 8);
    void *a = weir_pool_get(&p);
    void *b = weir_pool_get(&p);
    weir_pool_release(&p, a);
    weir_pool_release(&p, b);
    assert_ptr_equal(weir_pool_get(&p), b);
    assert_ptr_equal(weir_pool_get(&p), a);
    weir_pool_release(&p, a);
    weir_pool_release(&p, b);
    weir_pool_deinit(&p);
}

static void steady_state_allocates_nothing(void **state)
{
    struct weir_pool p;
    weir_pool_init(&p, 32, 1, 8);
    void *a = weir_pool_get(&p);
    weir_pool_release(&p, a);
    weir_failalloc_after(0);
    for (int i = 0; i < 1000; i++) {
        a = weir_pool_get(&p);
        assert_non_null(a);
        weir_pool_release(&p, a);
    }
    assert_int_equal(weir_failalloc_count(), 0);
    weir_failalloc_after(-1);
    weir_pool_deinit(&p);
}

static void putting_null_is_legal(void **state)
{
    struct weir_pool p;
    weir_pool_init(&p, 32, 1, 8);
    weir_pool_release(&p, NULL);
    assert_int_equal(p.num_used, 0);
    weir_pool_deinit(&p);
}

static void every_failing_allocation_refuses_one_get_only(void **state)
{
    unsigned long num_allocs = 1;
    for (unsigned long n = 0; n <= num_allocs; n++) {
        struct weir_pool p;
        void *held[20];
        unsigned nulls = 0;
        weir_pool_init(&p, 100, 3, 20);
        weir_failalloc_once(n == 0 ? -1 : (long)n);
        for (size_t i = 0; i < 20; i++) {
            held[i] = weir_pool_get(&p);
            nulls += held[i] == NULL;
        }
        if (n == 0)
            num_allocs = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(nulls, n == 0 ? 0 : 1);
        assert_int_equal(p.num_used, 20 - nulls);
        for (size_t i = 0; i < 20; i++)
            weir_pool_release(&p, held[i]);
        weir_pool_deinit(&p);
    }
    assert_int_equal(num_allocs, 7);
}

static void deinit_with_a_used_object(void *arg)
{
    weir_pool_deinit(arg);
}

static void init_small(void *arg)
{
    weir_pool_init(arg, 15, 1, 1);
}

static void put_too_many(void *arg)
{
    uint8_t stranger[16];
    weir_pool_release(arg, stranger);
}

static void misuse_breaks_the_contract(void **state)
{
    struct weir_pool p;
    assert_true(weir_death_by_contract(init_small, &p, "object_len >= 16"));
    weir_pool_init(&p, 16, 1, 1);
    assert_true(weir_death_by_contract(put_too_many, &p, "num_used > 0"));
    void *a = weir_pool_get(&p);
    assert_true(weir_death_by_contract(deinit_with_a_used_object, &p, "num_used == 0"));
    weir_pool_release(&p, a);
    weir_pool_deinit(&p);
}

static void sanitizer_sees_an_object_given_back(void **state)
{
#ifdef WEIR_HAS_ASAN
    struct weir_pool p;
    weir_pool_init(&p, 32, 2, 2);
    uint8_t *a = weir_pool_get(&p);
    assert_false(__asan_address_is_poisoned(a));
    assert_false(__asan_address_is_poisoned(a + 31));
    assert_true(__asan_address_is_poisoned(a + 32));
    weir_pool_release(&p, a);
    assert_true(__asan_address_is_poisoned(a));
    weir_pool_deinit(&p);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_gets_and_puts_never_share_an_object),
        cmocka_unit_test(cap_is_exact_though_slabs_do_not_divide_it),
        cmocka_unit_test(cap_zero_gives_nothing_and_allocates_nothing),
        cmocka_unit_test(cap_may_change_while_objects_are_out),
        cmocka_unit_test(last_object_given_back_is_the_first_given_out),
        cmocka_unit_test(steady_state_allocates_nothing),
        cmocka_unit_test(putting_null_is_legal),
        cmocka_unit_test(every_failing_allocation_refuses_one_get_only),
        cmocka_unit_test(misuse_breaks_the_contract),
        cmocka_unit_test(sanitizer_sees_an_object_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
