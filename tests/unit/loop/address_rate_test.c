/* SPDX-License-Identifier: Apache-2.0
 *
 * address_rate_test.c - counts by address and second, from one thread and from several.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "node/loop/address_rate.h"

static const struct weir_siphash_key key = { { 1, 2 } };

static struct weir_addr addr(const char *text)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

static void an_address_has_so_many_in_a_second(void **state)
{
    struct weir_address_rate *r = weir_address_rate_new(&key);
    struct weir_addr a = addr("192.0.2.1"), b = addr("192.0.2.2");
    assert_non_null(r);
    for (int i = 0; i < 3; i++)
        assert_true(weir_address_rate_take(r, &a, 3, 5000));
    assert_false(weir_address_rate_take(r, &a, 3, 5999));
    assert_true(weir_address_rate_take(r, &a, 4, 5999));
    assert_true(weir_address_rate_take(r, &b, 3, 5000));
    assert_true(weir_address_rate_take(r, &a, 3, 6000));
    weir_address_rate_free(&r);
    weir_address_rate_free(&r);
}

static void an_ipv6_client_is_its_64(void **state)
{
    struct weir_address_rate *r = weir_address_rate_new(&key);
    struct weir_addr a = addr("2001:db8:0:1::1"), b = addr("2001:db8:0:1:ffff::2"),
                     c = addr("2001:db8:0:2::1");
    assert_true(weir_address_rate_take(r, &a, 1, 0));
    assert_false(weir_address_rate_take(r, &b, 1, 0));
    assert_true(weir_address_rate_take(r, &c, 1, 0));
    weir_address_rate_free(&r);
}

#define TAKES 1000

struct taker {
    struct weir_address_rate *r;
    unsigned taken;
};

static void *take_many(void *arg)
{
    struct taker *t = arg;
    struct weir_addr a;
    if (weir_addr_parse_ip(WEIR_SPAN_LIT("192.0.2.1"), &a) < 0)
        return NULL;
    for (int i = 0; i < TAKES; i++)
        t->taken += weir_address_rate_take(t->r, &a, TAKES, 1000);
    return NULL;
}

static void threads_share_the_count(void **state)
{
    struct taker takers[4] = { { 0 } };
    pthread_t threads[4];
    unsigned sum = 0;
    struct weir_address_rate *r = weir_address_rate_new(&key);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(takers); i++) {
        takers[i].r = r;
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    }
    for (size_t i = 0; i < WEIR_ARRAY_LEN(takers); i++) {
        pthread_join(threads[i], NULL);
        sum += takers[i].taken;
    }
    assert_int_equal(sum, TAKES);
    weir_address_rate_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_address_has_so_many_in_a_second),
        cmocka_unit_test(an_ipv6_client_is_its_64),
        cmocka_unit_test(threads_share_the_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
