/* SPDX-License-Identifier: Apache-2.0
 *
 * arena_test.c - alignment, caps, reset, and what happens when memory runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/arena.h"
#include "node/base/internal/poison.h"
#include "node/base/rng.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

static void pieces_are_aligned_apart_and_writable(void **state)
{
    enum { NUM = 500 };
    struct weir_arena a;
    struct weir_rng rng;
    uint8_t *pieces[NUM];
    size_t lens[NUM];

    weir_rng_init(&rng, 8);
    weir_arena_init(&a, 1024, SIZE_MAX);
    for (size_t i = 0; i < NUM; i++) {
        lens[i] = weir_rng_below(&rng, i % 10 == 0 ? 5000 : 200);
        pieces[i] = weir_arena_alloc(&a, lens[i]);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)(i % 251), lens[i]);
    }
    for (size_t i = 0; i < NUM; i++)
        for (size_t k = 0; k < lens[i]; k++)
            assert_int_equal(pieces[i][k], i % 251);
    weir_arena_deinit(&a);
}

static void length_zero_gives_pointers_of_their_own(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 64);
    void *one = weir_arena_alloc(&a, 0);
    void *two = weir_arena_alloc(&a, 0);
    assert_non_null(one);
    assert_non_null(two);
    assert_ptr_not_equal(one, two);
    weir_arena_deinit(&a);
}

static void cap_is_reached_by_the_byte_and_survives_reset(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 1000);
    for (int round = 0; round < 3; round++) {
        assert_null(weir_arena_alloc(&a, 1001));
        assert_non_null(weir_arena_alloc(&a, 496));
        assert_null(weir_arena_alloc(&a, 505));
        assert_non_null(weir_arena_alloc(&a, 504));
        assert_null(weir_arena_alloc(&a, 1));
        assert_null(weir_arena_alloc(&a, 0));
        weir_arena_reset(&a);
        assert_int_equal(a.used, 0);
    }
    weir_arena_deinit(&a);
}

static void lengths_near_the_end_of_numbers_are_refused(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, SIZE_MAX);
    weir_failalloc_after(-1);
    assert_null(weir_arena_alloc(&a, SIZE_MAX));
    assert_null(weir_arena_alloc(&a, SIZE_MAX - 14));
    assert_null(weir_arena_alloc(&a, SIZE_MAX - 15));
    assert_null(weir_arena_alloc(&a, SIZE_MAX - 31));
    assert_null(weir_arena_calloc(&a, SIZE_MAX / 2, 3));
    assert_null(weir_arena_strdup(&a, weir_span("x", SIZE_MAX)));
    assert_int_equal(weir_failalloc_count(), 0);
    weir_arena_deinit(&a);
}

static void calloc_is_zeroed_after_a_reset_too(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 4096);
    memset(weir_arena_alloc(&a, 100), 0xff, 100);
    weir_arena_reset(&a);
    uint8_t *at = weir_arena_calloc(&a, 25, 4);
    assert_non_null(at);
    for (size_t i = 0; i < 100; i++)
        assert_int_equal(at[i], 0);
    weir_arena_deinit(&a);
}

static void reset_leaves_one_block_so_that_rounds_allocate_nothing(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 512, 1u << 20);
    assert_non_null(weir_arena_alloc(&a, 3000)); /* oversized and first: this block is not reused */
    for (int i = 0; i < 20; i++)
        assert_non_null(weir_arena_alloc(&a, 200));
    weir_arena_reset(&a);
    weir_failalloc_after(0);
    for (int round = 0; round < 5; round++) {
        assert_non_null(weir_arena_alloc(&a, 256));
        assert_non_null(weir_arena_alloc(&a, 256));
        assert_int_equal(weir_failalloc_count(), 0);
        weir_arena_reset(&a);
    }
    weir_failalloc_after(-1);
    weir_arena_deinit(&a);
}

static void oversized_piece_does_not_cost_the_rest_of_the_block(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 512, 1u << 20);
    uint8_t *first = weir_arena_alloc(&a, 16);
    assert_non_null(weir_arena_alloc(&a, 5000));
    assert_ptr_equal(weir_arena_alloc(&a, 16), first + 16);
    weir_arena_deinit(&a);
}

static void only_oversized_pieces_leave_nothing_after_reset(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 1u << 20);
    assert_non_null(weir_arena_alloc(&a, 1000));
    assert_non_null(weir_arena_alloc(&a, 2000));
    weir_arena_reset(&a);
    assert_null(a.blocks);
    assert_non_null(weir_arena_alloc(&a, 10));
    weir_arena_deinit(&a);
}

static void block_length_that_is_no_multiple_of_16_still_aligns(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 1001, 1u << 20);
    for (int i = 0; i < 200; i++) {
        void *at = weir_arena_alloc(&a, 48);
        assert_non_null(at);
        assert_int_equal((uintptr_t)at % 16, 0);
        memset(at, 1, 48);
    }
    weir_arena_reset(&a);
    assert_non_null(a.blocks);
    weir_arena_deinit(&a);
}

static void strdup_copies_and_terminates(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 4096);
    assert_string_equal(weir_arena_strdup(&a, WEIR_SPAN_LIT("shop.example")), "shop.example");
    assert_string_equal(weir_arena_strdup(&a, weir_span("shop.example", 4)), "shop");
    assert_string_equal(weir_arena_strdup(&a, WEIR_SPAN_EMPTY), "");
    weir_arena_deinit(&a);
}

static void printf_writes_short_and_long_texts(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 1u << 20);
    assert_string_equal(weir_arena_printf(&a, "%s:%d", "port", 80), "port:80");
    assert_string_equal(weir_arena_printf(&a, "%s", ""), "");
    for (int len = 250; len < 260; len++) {
        char *text = weir_arena_printf(&a, "%0*d", len, 7);
        assert_int_equal(strlen(text), len);
        assert_int_equal(text[0], '0');
        assert_int_equal(text[len - 1], '7');
    }
    weir_arena_deinit(&a);
}

static void printf_over_the_cap_is_null(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 300);
    assert_null(weir_arena_printf(&a, "%0*d", 300, 7));
    assert_null(weir_arena_printf(&a, "%0*d", 400, 7));
    assert_non_null(weir_arena_printf(&a, "%0*d", 299, 7));
    assert_null(weir_arena_printf(&a, "%s", "x"));
    weir_arena_deinit(&a);
}

static void deinit_of_an_unused_and_a_used_arena_leaves_it_usable(void **state)
{
    struct weir_arena a;
    weir_arena_init(&a, 256, 1000);
    weir_arena_reset(&a);
    weir_arena_deinit(&a);
    assert_non_null(weir_arena_alloc(&a, 100));
    weir_arena_deinit(&a);
    assert_int_equal(a.used, 0);
    assert_non_null(weir_arena_alloc(&a, 1000));
    weir_arena_deinit(&a);
}

static void every_failing_allocation_gives_null_and_nothing_else(void **state)
{
    unsigned long num_allocs = 1;
    for (unsigned long n = 0; n <= num_allocs; n++) {
        struct weir_arena a;
        unsigned nulls = 0;
        weir_arena_init(&a, 256, 1u << 20);
        weir_failalloc_once(n == 0 ? -1 : (long)n);
        for (int i = 0; i < 8; i++) {
            nulls += weir_arena_alloc(&a, 100) == NULL;
            nulls += weir_arena_calloc(&a, 10, 60) == NULL;
            nulls += weir_arena_strdup(&a, WEIR_SPAN_LIT("weir")) == NULL;
            nulls += weir_arena_printf(&a, "%0300d", i) == NULL;
        }
        if (n == 0)
            num_allocs = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(nulls, n == 0 ? 0 : 1);
        assert_non_null(weir_arena_alloc(&a, 100));
        weir_arena_deinit(&a);
    }
    assert_true(num_allocs > 10);
}

static void init_small(void *arg)
{
    weir_arena_init(arg, 255, 1000);
}

static void init_large(void *arg)
{
    weir_arena_init(arg, (1u << 20) + 1, 1000);
}

static void block_length_out_of_range_breaks_the_contract(void **state)
{
    struct weir_arena a;
    assert_true(weir_death_by_contract(init_small, &a, "block_len >= 256"));
    assert_true(weir_death_by_contract(init_large, &a, "block_len <= "));
}

static void sanitizer_sees_beyond_a_piece_and_after_reset(void **state)
{
#ifdef WEIR_HAS_ASAN
    struct weir_arena a;
    weir_arena_init(&a, 256, 1000);
    uint8_t *at = weir_arena_alloc(&a, 21);
    assert_false(__asan_address_is_poisoned(at + 20));
    assert_true(__asan_address_is_poisoned(at + 21));
    weir_arena_reset(&a);
    assert_true(__asan_address_is_poisoned(at));
    weir_arena_deinit(&a);
#else
    skip();
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_apart_and_writable),
        cmocka_unit_test(length_zero_gives_pointers_of_their_own),
        cmocka_unit_test(cap_is_reached_by_the_byte_and_survives_reset),
        cmocka_unit_test(lengths_near_the_end_of_numbers_are_refused),
        cmocka_unit_test(calloc_is_zeroed_after_a_reset_too),
        cmocka_unit_test(reset_leaves_one_block_so_that_rounds_allocate_nothing),
        cmocka_unit_test(oversized_piece_does_not_cost_the_rest_of_the_block),
        cmocka_unit_test(only_oversized_pieces_leave_nothing_after_reset),
        cmocka_unit_test(block_length_that_is_no_multiple_of_16_still_aligns),
        cmocka_unit_test(strdup_copies_and_terminates),
        cmocka_unit_test(printf_writes_short_and_long_texts),
        cmocka_unit_test(printf_over_the_cap_is_null),
        cmocka_unit_test(deinit_of_an_unused_and_a_used_arena_leaves_it_usable),
        cmocka_unit_test(every_failing_allocation_gives_null_and_nothing_else),
        cmocka_unit_test(block_length_out_of_range_breaks_the_contract),
        cmocka_unit_test(sanitizer_sees_beyond_a_piece_and_after_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
