/* SPDX-License-Identifier: Apache-2.0
 *
 * guess_limit_test.c - how often wrong tokens are looked at. Time is an argument.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/ctl/access/guess_limit.h"

#define START_MS 1000000

static struct weir_guess_limit limit;

static int setup(void **state)
{
    const struct weir_siphash_key key = { { 1, 2 } };
    (void)state;
    weir_guess_limit_init(&limit, &key);
    return 0;
}

static struct weir_addr address(const char *text)
{
    struct weir_addr a = { .port = 0 };
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

/* Fail until it must wait. @return how often it could */
static unsigned fail_until_limited(const struct weir_addr *a, uint64_t now_ms)
{
    unsigned num = 0;
    while (weir_guess_wait_ms(&limit, a, now_ms) == 0) {
        (void)weir_guess_failed(&limit, a, now_ms);
        num++;
        assert_true(num <= WEIR_GUESS_BURST);
    }
    return num;
}

static void an_address_waits_after_its_burst_and_recovers(void **state)
{
    struct weir_addr a = address("192.0.2.1");
    (void)state;
    assert_int_equal(fail_until_limited(&a, START_MS), WEIR_GUESS_BURST);
    assert_int_equal(weir_guess_wait_ms(&limit, &a, START_MS), WEIR_GUESS_EACH_MS);
    assert_int_equal(weir_guess_wait_ms(&limit, &a, START_MS + WEIR_GUESS_EACH_MS - 1), 1);
    assert_int_equal(fail_until_limited(&a, START_MS + WEIR_GUESS_EACH_MS), 1);
    /* Long after it has its whole burst again, and no more. */
    assert_int_equal(fail_until_limited(&a, START_MS + 10000000), WEIR_GUESS_BURST);
}

static void another_address_need_not_wait(void **state)
{
    struct weir_addr a = address("192.0.2.1");
    struct weir_addr b = address("192.0.2.2");
    (void)state;
    (void)fail_until_limited(&a, START_MS);
    assert_int_equal(weir_guess_wait_ms(&limit, &b, START_MS), 0);
}

static void addresses_of_one_network_of_ipv6_are_one(void **state)
{
    struct weir_addr a = address("2001:db8:1:2::1");
    struct weir_addr b = address("2001:db8:1:2:ffff::9");
    struct weir_addr c = address("2001:db8:1:3::1");
    (void)state;
    (void)fail_until_limited(&a, START_MS);
    assert_true(weir_guess_wait_ms(&limit, &b, START_MS) > 0);
    assert_int_equal(weir_guess_wait_ms(&limit, &c, START_MS), 0);
}

static void all_addresses_together_have_a_bound(void **state)
{
    unsigned told = 0;
    (void)state;
    for (unsigned i = 0; i < 5000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.0.%u.%u", i / 250, i % 250);
        struct weir_addr a = address(text);
        told += weir_guess_failed(&limit, &a, START_MS) ? 1 : 0;
    }
    assert_int_equal(told, WEIR_GUESS_ALL_BURST);
    /* It refuses nobody before the token is known to be bad, and recovers. */
    struct weir_addr other = address("192.0.2.1");
    assert_int_equal(weir_guess_wait_ms(&limit, &other, START_MS), 0);
    assert_true(weir_guess_failed(&limit, &other, START_MS + WEIR_GUESS_ALL_EACH_MS));
}

/* A flood of addresses pushes out those that have recovered most; memory stays as it is. */
static void the_worst_offender_stays_while_others_come_and_go(void **state)
{
    struct weir_addr bad = address("192.0.2.1");
    (void)state;
    (void)fail_until_limited(&bad, START_MS);
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof(text), "10.%u.%u.%u", i / 60000, i / 250 % 240, i % 250);
        struct weir_addr a = address(text);
        (void)weir_guess_failed(&limit, &a, START_MS);
    }
    assert_true(weir_guess_wait_ms(&limit, &bad, START_MS) > 0);
}

#define TEST(f) cmocka_unit_test_setup(f, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_address_waits_after_its_burst_and_recovers),
        TEST(another_address_need_not_wait),
        TEST(addresses_of_one_network_of_ipv6_are_one),
        TEST(all_addresses_together_have_a_bound),
        TEST(the_worst_offender_stays_while_others_come_and_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
