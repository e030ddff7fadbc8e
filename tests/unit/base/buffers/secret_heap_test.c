/* SPDX-License-Identifier: Apache-2.0
 *
 * secret_heap_test.c - memory that is in no core dump, from several threads.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/buffers/secret_heap.h"
#include "node/base/rng.h"

static void pieces_are_aligned_apart_and_large_enough(void **state)
{
    static void *at[2000];
    struct weir_rng rng;

    weir_rng_init(&rng, 7);
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < 2000; i++) {
            size_t len = weir_rng_below(&rng, i % 50 == 0 ? 60000 : 500);
            at[i] = weir_secret_heap_alloc(len);
            assert_non_null(at[i]);
            assert_int_equal((uintptr_t)at[i] % 16, 0);
            assert_true(weir_secret_heap_owns(at[i]));
            assert_true(weir_secret_heap_size(at[i]) >= len);
            memset(at[i], (int)(i % 251), weir_secret_heap_size(at[i]));
        }
        for (size_t i = 0; i < 2000; i++) {
            const uint8_t *bytes = at[i];
            size_t len = weir_secret_heap_size(at[i]);
            assert_int_equal(bytes[0], i % 251);
            assert_int_equal(bytes[len - 1], i % 251);
            weir_secret_heap_free(at[i]);
        }
    }
}

static void a_freed_piece_is_wiped_and_used_again(void **state)
{
    uint8_t *at = weir_secret_heap_alloc(100);

    assert_non_null(at);
    memset(at, 0xaa, 100);
    weir_secret_heap_free(at);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(at[i], 0);
    assert_ptr_equal(weir_secret_heap_alloc(100), at);
    weir_secret_heap_free(at);
}

static void what_is_too_large_or_of_others_is_not_ours(void **state)
{
    int local = 0;

    assert_null(weir_secret_heap_alloc(WEIR_SECRET_PIECE_MAX));
    assert_null(weir_secret_heap_alloc(SIZE_MAX));
    assert_false(weir_secret_heap_owns(&local));
    assert_false(weir_secret_heap_owns(NULL));
    void *at = weir_secret_heap_alloc(WEIR_SECRET_PIECE_MAX - 16);
    assert_non_null(at);
    weir_secret_heap_free(at);
}

static void a_thread_is_inside_by_itself(void **state)
{
    assert_false(weir_secret_heap_inside());
    weir_secret_heap_enter();
    weir_secret_heap_enter();
    weir_secret_heap_leave();
    assert_true(weir_secret_heap_inside());
    weir_secret_heap_leave();
    assert_false(weir_secret_heap_inside());
}

static void *run_thread(void *arg)
{
    struct weir_rng rng;
    void *at[32] = { NULL };

    weir_rng_init(&rng, (uint64_t)(uintptr_t)arg);
    for (int i = 0; i < 20000; i++) {
        size_t k = weir_rng_below(&rng, 32);
        if (at[k] != NULL)
            weir_secret_heap_free(at[k]);
        at[k] = weir_secret_heap_alloc(weir_rng_below(&rng, 2000));
    }
    for (size_t k = 0; k < 32; k++)
        if (at[k] != NULL)
            weir_secret_heap_free(at[k]);
    return NULL;
}

static void threads_share_it(void **state)
{
    pthread_t threads[4];

    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_thread, (void *)(i + 1)), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_apart_and_large_enough),
        cmocka_unit_test(a_freed_piece_is_wiped_and_used_again),
        cmocka_unit_test(what_is_too_large_or_of_others_is_not_ours),
        cmocka_unit_test(a_thread_is_inside_by_itself),
        cmocka_unit_test(threads_share_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
