/* SPDX-License-Identifier: Apache-2.0
 *
 * budget_test.c - shares of accounts and the rungs of the ladder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/buffers/budget.h"

#define MAX   1000000u
#define READ  10000u
#define LEAST 100u

static struct weir_budget b;

static size_t read_for(struct weir_account *a)
{
    size_t n = weir_budget_room(&b, a, READ, LEAST);
    weir_budget_take(&b, a, WEIR_MEMORY_RESPONSES, n);
    return n;
}

/* Let accounts read in turns until none gets a whole read. */
static void fill(struct weir_account *const *accounts, int num)
{
    bool more = true;
    while (more) {
        more = false;
        for (int i = 0; i < num; i++)
            more = read_for(accounts[i]) == READ || more;
    }
}

static void one_account_gets_half_and_one_that_comes_later_finds_room(void **state)
{
    weir_budget_init(&b, MAX);
    struct weir_account *hog = weir_budget_account(&b, 1);
    struct weir_account *late = weir_budget_account(&b, 2);
    assert_ptr_not_equal(hog, late);
    fill(&hog, 1);
    assert_in_range(weir_account_used(hog), 400000, 460000);
    assert_int_equal(weir_budget_room(&b, late, READ, LEAST), READ);
    assert_true(weir_budget_is_over(&b, hog) || weir_account_used(hog) + READ > 450000);
    assert_false(weir_budget_is_over(&b, late));
}

static void two_accounts_get_a_third_each(void **state)
{
    weir_budget_init(&b, MAX);
    struct weir_account *two[] = { weir_budget_account(&b, 1), weir_budget_account(&b, 2) };
    fill(two, 2);
    for (int i = 0; i < 2; i++)
        assert_in_range(weir_account_used(two[i]), 270000, 320000);
    assert_int_equal(weir_budget_room(&b, weir_budget_account(&b, 3), READ, LEAST), READ);
}

/* It goes on slowly, up to where memory is short for all. */
static void an_account_above_its_share_reads_little_and_at_last_nothing(void **state)
{
    weir_budget_init(&b, MAX);
    struct weir_account *hog = weir_budget_account(&b, 1);
    fill(&hog, 1);
    assert_int_equal(weir_budget_room(&b, hog, READ, LEAST), LEAST);
    assert_int_equal(weir_budget_room(&b, hog, 7, LEAST), 7);
    while (read_for(hog) == LEAST)
        continue;
    assert_in_range(b.used, 600000 - LEAST, 600000);
    assert_int_equal(weir_budget_room(&b, hog, READ, LEAST), 0);
    assert_int_equal(weir_budget_room(&b, weir_budget_account(&b, 2), READ, LEAST), READ);
}

static void no_read_passes_the_limit_whoever_reads(void **state)
{
    weir_budget_init(&b, MAX);
    for (uint64_t key = 0; key < 5000; key++)
        while (read_for(weir_budget_account(&b, key)) == READ)
            continue;
    assert_true(b.used <= MAX / 100 * 90);
    assert_int_equal(weir_budget_room(&b, weir_budget_account(&b, 9999), READ, LEAST), 0);
}

static void directions_are_counted_apart_and_given_back(void **state)
{
    weir_budget_init(&b, MAX);
    struct weir_account *a = weir_budget_account(&b, 1);
    weir_budget_take(&b, a, WEIR_MEMORY_REQUESTS, 10);
    weir_budget_take(&b, a, WEIR_MEMORY_RESPONSES, 5);
    assert_int_equal(a->used[WEIR_MEMORY_REQUESTS], 10);
    assert_int_equal(a->used[WEIR_MEMORY_RESPONSES], 5);
    assert_int_equal(b.used, 15);
    weir_budget_leave(&b, a, WEIR_MEMORY_REQUESTS, 10);
    weir_budget_leave(&b, a, WEIR_MEMORY_RESPONSES, 5);
    assert_int_equal(weir_account_used(a), 0);
    assert_int_equal(b.used, 0);
}

static void rungs_are_entered_in_order_and_left_a_little_below(void **state)
{
    static const struct {
        unsigned percent;
        uint8_t rung;
    } steps[] = {
        { 74, WEIR_RUNG_NONE },   { 75, WEIR_RUNG_NO_KEEP_ALIVE }, { 71, WEIR_RUNG_NO_KEEP_ALIVE },
        { 69, WEIR_RUNG_NONE },   { 80, WEIR_RUNG_NO_ACCEPT },     { 84, WEIR_RUNG_REFUSE },
        { 81, WEIR_RUNG_REFUSE }, { 88, WEIR_RUNG_SHED },          { 83, WEIR_RUNG_SHED },
        { 81, WEIR_RUNG_REFUSE }, { 100, WEIR_RUNG_SHED },         { 10, WEIR_RUNG_NONE },
    };
    weir_budget_init(&b, MAX);
    uint8_t before = WEIR_RUNG_NONE;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(steps); i++) {
        b.used = MAX / 100 * steps[i].percent;
        bool changed = weir_budget_step(&b);
        assert_int_equal(b.rung, steps[i].rung);
        assert_int_equal(changed, b.rung != before);
        before = b.rung;
    }
}

static void the_heaviest_account_is_found_and_that_of_no_tenant_is_one(void **state)
{
    weir_budget_init(&b, MAX);
    weir_budget_take(&b, &b.accounts[0], WEIR_MEMORY_REQUESTS, 5);
    assert_ptr_equal(weir_budget_heaviest(&b), &b.accounts[0]);
    struct weir_account *a = weir_budget_account(&b, UINT64_MAX);
    assert_ptr_not_equal(a, &b.accounts[0]);
    weir_budget_take(&b, a, WEIR_MEMORY_RESPONSES, 6);
    assert_ptr_equal(weir_budget_heaviest(&b), a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_account_gets_half_and_one_that_comes_later_finds_room),
        cmocka_unit_test(two_accounts_get_a_third_each),
        cmocka_unit_test(an_account_above_its_share_reads_little_and_at_last_nothing),
        cmocka_unit_test(no_read_passes_the_limit_whoever_reads),
        cmocka_unit_test(directions_are_counted_apart_and_given_back),
        cmocka_unit_test(rungs_are_entered_in_order_and_left_a_little_below),
        cmocka_unit_test(the_heaviest_account_is_found_and_that_of_no_tenant_is_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
