/* SPDX-License-Identifier: Apache-2.0
 *
 * rng_test.c - published outputs of the generator, its bounds, and its evenness.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "tests/support/death.h"

static void next_gives_the_published_outputs_of_xoshiro256(void **state)
{
    static const uint64_t expected[] = {
        11520,
        0,
        1509978240,
        1215971899390074240,
        1216172134540287360,
        607988272756665600,
        16172922978634559625u,
        8476171486693032832,
        10595114339597558777u,
        2904607092377533576,
    };
    struct weir_rng r = { { 1, 2, 3, 4 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(expected); i++)
        assert_int_equal(weir_rng_next(&r), expected[i]);
}

static void init_fills_the_state_from_splitmix64(void **state)
{
    struct weir_rng r;
    weir_rng_init(&r, 0);
    assert_int_equal(r.s[0], 0xe220a8397b1dcdafull);
    assert_int_equal(r.s[1], 0x6e789e6aa1b965f4ull);
}

static void same_seed_gives_the_same_numbers(void **state)
{
    struct weir_rng a;
    struct weir_rng b;
    struct weir_rng other;
    weir_rng_init(&a, 77);
    weir_rng_init(&b, 77);
    weir_rng_init(&other, 78);
    for (int i = 0; i < 100; i++) {
        uint64_t n = weir_rng_next(&a);
        assert_int_equal(n, weir_rng_next(&b));
        assert_int_not_equal(n, weir_rng_next(&other));
    }
}

static void below_stays_below_and_reaches_every_value(void **state)
{
    struct weir_rng r;
    weir_rng_init(&r, 5);
    for (uint64_t below = 1; below <= 70; below++) {
        unsigned seen[70] = { 0 };
        for (unsigned i = 0; i < below * 200; i++) {
            uint64_t n = weir_rng_below(&r, below);
            assert_true(n < below);
            seen[n]++;
        }
        /* 200 expected, standard deviation 14: 100 to 300 is seven of them. */
        for (size_t i = 0; i < below && below > 1; i++)
            assert_in_range(seen[i], 100, 300);
    }
}

/* Without refusing some products, each third of 3 * 2^62 values would come up twice as often. */
static void below_is_even_for_bounds_near_the_top(void **state)
{
    struct weir_rng r;
    uint64_t below = 3ull << 62;
    unsigned thirds[3] = { 0 };

    weir_rng_init(&r, 6);
    for (int i = 0; i < 9000; i++) {
        uint64_t n = weir_rng_below(&r, below);
        assert_true(n < below);
        thirds[n % 3]++;
    }
    for (size_t i = 0; i < 3; i++)
        assert_in_range(thirds[i], 2700, 3300);
    assert_true(weir_rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void ask_below_zero(void *arg)
{
    (void)weir_rng_below(arg, 0);
}

static void below_zero_breaks_the_contract(void **state)
{
    struct weir_rng r;
    weir_rng_init(&r, 1);
    assert_true(weir_death_by_contract(ask_below_zero, &r, "below > 0"));
}

static void kernel_seeds_differ(void **state)
{
    struct weir_rng a;
    struct weir_rng b;
    assert_int_equal(weir_rng_init_random(&a), WEIR_OK);
    assert_int_equal(weir_rng_init_random(&b), WEIR_OK);
    assert_memory_not_equal(&a, &b, sizeof(a));
}

static void secret_fills_exactly_its_bytes(void **state)
{
    uint8_t bytes[1002];
    size_t zeros = 0;

    memset(bytes, 0, sizeof(bytes));
    assert_int_equal(weir_rng_secret(bytes + 1, 1000), WEIR_OK);
    assert_int_equal(bytes[0], 0);
    assert_int_equal(bytes[1001], 0);
    for (size_t i = 1; i < 1001; i++)
        zeros += bytes[i] == 0;
    assert_true(zeros < 40); /* 4 expected */
    assert_int_equal(weir_rng_secret(bytes, 0), WEIR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(next_gives_the_published_outputs_of_xoshiro256),
        cmocka_unit_test(init_fills_the_state_from_splitmix64),
        cmocka_unit_test(same_seed_gives_the_same_numbers),
        cmocka_unit_test(below_stays_below_and_reaches_every_value),
        cmocka_unit_test(below_is_even_for_bounds_near_the_top),
        cmocka_unit_test(below_zero_breaks_the_contract),
        cmocka_unit_test(kernel_seeds_differ),
        cmocka_unit_test(secret_fills_exactly_its_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
