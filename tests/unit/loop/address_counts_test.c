/* SPDX-License-Identifier: Apache-2.0
 *
 * address_counts_test.c - connections counted by address: at the limit, one beyond, by several
 * threads, and when the table is full.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/loop/address_counts.h"

static const struct weir_siphash_key key = { { 1, 2 } };

static struct weir_address_counts *table(uint32_t connections)
{
    struct weir_address_counts *t = weir_address_counts_new(connections, &key);
    assert_non_null(t);
    return t;
}

static struct weir_addr ip(const char *text)
{
    struct weir_addr a;
    assert_int_equal(weir_addr_parse_ip(weir_span_cstr(text), &a), WEIR_OK);
    return a;
}

static void one_beyond_the_limit_is_refused_until_one_leaves(void **state)
{
    struct weir_address_counts *t = table(1000);
    struct weir_addr a = ip("192.0.2.1");
    struct weir_addr b = ip("192.0.2.2");
    for (int i = 0; i < 3; i++)
        assert_int_equal(weir_address_counts_take(t, &a, 3), WEIR_ADDRESS_COUNTED);
    assert_int_equal(weir_address_counts_take(t, &a, 3), WEIR_ADDRESS_OVER);
    assert_int_equal(weir_address_counts_take(t, &b, 3), WEIR_ADDRESS_COUNTED);
    weir_address_counts_leave(t, &a);
    a.port = 4711; /* the port does not count */
    assert_int_equal(weir_address_counts_take(t, &a, 3), WEIR_ADDRESS_COUNTED);
    assert_int_equal(weir_address_counts_take(t, &a, 3), WEIR_ADDRESS_OVER);
    weir_address_counts_free(&t);
}

static void ipv6_clients_are_counted_by_their_64(void **state)
{
    struct weir_address_counts *t = table(1000);
    struct weir_addr a = ip("2001:db8:0:1::1");
    struct weir_addr same = ip("2001:db8:0:1:ffff::2");
    struct weir_addr other = ip("2001:db8:0:2::1");
    assert_int_equal(weir_address_counts_take(t, &a, 1), WEIR_ADDRESS_COUNTED);
    assert_int_equal(weir_address_counts_take(t, &same, 1), WEIR_ADDRESS_OVER);
    assert_int_equal(weir_address_counts_take(t, &other, 1), WEIR_ADDRESS_COUNTED);
    weir_address_counts_leave(t, &same);
    assert_int_equal(weir_address_counts_take(t, &a, 1), WEIR_ADDRESS_COUNTED);
    weir_address_counts_free(&t);
}

/* A full table limits nobody, and what was not counted must not be given back. */
static void a_full_table_lets_in_what_it_cannot_count(void **state)
{
    struct weir_address_counts *t = table(1);
    struct weir_addr a = ip("10.0.0.0");
    unsigned counted = 0;
    unsigned not_counted = 0;
    for (unsigned i = 0; i < 4096; i++) {
        a.ip[14] = (uint8_t)(i >> 8);
        a.ip[15] = (uint8_t)i;
        switch (weir_address_counts_take(t, &a, 1)) {
        case WEIR_ADDRESS_COUNTED:
            counted++;
            break;
        case WEIR_ADDRESS_NO_CELL:
            not_counted++;
            break;
        case WEIR_ADDRESS_OVER:
            fail();
        }
    }
    assert_in_range(counted, 800, 1024);
    assert_int_equal(counted + not_counted, 4096);
    weir_address_counts_free(&t);
}

#define THREADS 4
#define ROUNDS  20000
#define MAX     7

struct crowd {
    struct weir_address_counts *t;
    struct weir_addr a;
    _Atomic int inside, most, refused;
};

static void *come_and_go(void *arg)
{
    struct crowd *c = arg;
    int held = 0;
    for (int i = 0; i < ROUNDS; i++) {
        if (held < 4 && weir_address_counts_take(c->t, &c->a, MAX) == WEIR_ADDRESS_COUNTED) {
            int now = atomic_fetch_add(&c->inside, 1) + 1;
            int most = atomic_load(&c->most);
            while (now > most && !atomic_compare_exchange_weak(&c->most, &most, now))
                continue;
            held++;
        } else {
            atomic_fetch_add(&c->refused, 1);
            for (; held > 0; held--) {
                atomic_fetch_sub(&c->inside, 1);
                weir_address_counts_leave(c->t, &c->a);
            }
        }
    }
    for (; held > 0; held--) {
        atomic_fetch_sub(&c->inside, 1);
        weir_address_counts_leave(c->t, &c->a);
    }
    return NULL;
}

static void workers_together_never_pass_the_limit(void **state)
{
    struct crowd c = { .t = table(1000), .a = ip("192.0.2.1") };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, &c), 0);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_in_range(atomic_load(&c.most), 1, MAX);
    /* Nothing was left behind. */
    for (int i = 0; i < MAX; i++)
        assert_int_equal(weir_address_counts_take(c.t, &c.a, MAX), WEIR_ADDRESS_COUNTED);
    assert_int_equal(weir_address_counts_take(c.t, &c.a, MAX), WEIR_ADDRESS_OVER);
    weir_address_counts_free(&c.t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_beyond_the_limit_is_refused_until_one_leaves),
        cmocka_unit_test(ipv6_clients_are_counted_by_their_64),
        cmocka_unit_test(a_full_table_lets_in_what_it_cannot_count),
        cmocka_unit_test(workers_together_never_pass_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
