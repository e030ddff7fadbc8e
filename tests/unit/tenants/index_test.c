/* SPDX-License-Identifier: Apache-2.0
 *
 * index_test.c - the index rows of stored tenants, collected by a store's stand-in.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/rng.h"
#include "tenants/tenant.h"
#include "tests/support/failalloc.h"
#include "tests/support/tenant_values.h"

struct row {
    enum weir_index index;
    uint8_t key[300];
    size_t len;
    uint64_t since;
};

/** A stand-in for what the store collects: it stores the first rows and counts all. */
struct weir_index_rows {
    struct row rows[32];
    size_t num;
    size_t max; /* WEIR_ELIMIT beyond */
    bool no_memory;
};

enum weir_err weir_index_rows_add(struct weir_index_rows *rows, enum weir_index index,
                                  struct weir_span key, uint64_t since_hlc)
{
    if (rows->no_memory)
        return WEIR_ENOMEM;
    if (rows->num == rows->max)
        return WEIR_ELIMIT;
    assert_true(key.len > 0 && key.len <= sizeof(rows->rows[0].key));
    if (rows->num < WEIR_ARRAY_LEN(rows->rows)) {
        struct row *r = &rows->rows[rows->num];

        *r = (struct row){ .index = index, .len = key.len, .since = since_hlc };
        memcpy(r->key, key.at, key.len);
    }
    rows->num++;
    return WEIR_OK;
}

static struct weir_index_rows rows_of(struct stored *s)
{
    struct weir_index_rows rows = { .max = SIZE_MAX };

    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("shop"), stored_pack(s), &rows),
        WEIR_OK);
    return rows;
}

static void assert_row(const struct row *r, enum weir_index index, struct weir_span key,
                       uint64_t since)
{
    assert_int_equal(r->index, index);
    assert_true(weir_span_eq(weir_span(r->key, r->len), key));
    assert_true(r->since == since);
}

static void hosts_and_wildcards_are_indexed_with_their_claims(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "Shop.Example.com");
    stored_host(&s, "*.shop.example.com");
    stored_host(&s, "unclaimed.example.com");
    stored_claim(&s, "*.shop.example.com", 9);
    stored_claim(&s, "Shop.Example.com", 7);
    stored_claim(&s, "other.example.com", 5);
    struct weir_index_rows rows = rows_of(&s);

    assert_int_equal(rows.num, 3);
    assert_row(&rows.rows[0], WEIR_INDEX_HOST, WEIR_SPAN_LIT("shop.example.com"), 7);
    assert_row(&rows.rows[1], WEIR_INDEX_WILDCARD, WEIR_SPAN_LIT("shop.example.com"), 9);
    assert_row(&rows.rows[2], WEIR_INDEX_HOST, WEIR_SPAN_LIT("unclaimed.example.com"), 0);
    stored_deinit(&s);
}

static void addresses_are_indexed_as_sixteen_bytes_and_with_their_ports(void **state)
{
    static const uint8_t v4[18] = { 0, 0,    0,    0,   0, 0,   0,  0,    0,
                                    0, 0xff, 0xff, 203, 0, 113, 10, 0x0c, 0xea };
    static const uint8_t v6[18] = { 0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0,    0,
                                    0,    0, 0,    0,    0, 0, 1, 0x0c, 0xea };
    Weir__V1__TcpPort tcp = WEIR__V1__TCP_PORT__INIT;
    struct stored s;

    (void)state;
    stored_init(&s, "shop");
    stored_address(&s, "203.0.113.10");
    stored_address(&s, "2001:db8::1");
    tcp.has_port = 1;
    tcp.port = 3306;
    stored_append(&s, &s.t.tcp, &s.t.n_tcp, &tcp);
    stored_claim(&s, "203.0.113.10", 3);
    stored_claim(&s, "203.0.113.10:3306", 4);
    stored_claim(&s, "[2001:db8::1]:3306", 6);
    struct weir_index_rows rows = rows_of(&s);

    assert_int_equal(rows.num, 4);
    assert_row(&rows.rows[0], WEIR_INDEX_ADDRESS, weir_span(v4, 16), 3);
    assert_row(&rows.rows[1], WEIR_INDEX_ADDRESS_PORT, weir_span(v4, 18), 4);
    assert_row(&rows.rows[2], WEIR_INDEX_ADDRESS, weir_span(v6, 16), 0);
    assert_row(&rows.rows[3], WEIR_INDEX_ADDRESS_PORT, weir_span(v6, 18), 6);
    stored_deinit(&s);
}

static void a_port_without_an_address_is_indexed_at_the_unspecified_one(void **state)
{
    static const uint8_t any[18] = { [16] = 0x0c, [17] = 0xea };
    Weir__V1__TcpPort tcp = WEIR__V1__TCP_PORT__INIT;
    struct stored s;

    (void)state;
    stored_init(&s, "shop");
    tcp.has_port = 1;
    tcp.port = 3306;
    stored_append(&s, &s.t.tcp, &s.t.n_tcp, &tcp);
    stored_claim(&s, "[::]:3306", 8);
    struct weir_index_rows rows = rows_of(&s);

    assert_int_equal(rows.num, 1);
    assert_row(&rows.rows[0], WEIR_INDEX_ADDRESS_PORT, weir_span(any, 18), 8);
    stored_deinit(&s);
}

static void of_equal_claims_the_earliest_counts(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "a.example");
    stored_claim(&s, "a.example", 30);
    stored_claim(&s, "a.example", 10);
    stored_claim(&s, "a.example", 20);
    struct weir_index_rows rows = rows_of(&s);

    assert_row(&rows.rows[0], WEIR_INDEX_HOST, WEIR_SPAN_LIT("a.example"), 10);
    stored_deinit(&s);
}

static void what_is_no_name_claims_nothing_and_the_rest_does(void **state)
{
    static const char *const bad[] = { "",     ".",     "a..b", "a b", "*",   "*.",
                                       "**.a", "a.*.b", "a\nb", "a,b", "a:80" };
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "good.example");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        stored_host(&s, bad[i]);
    stored_address(&s, "10.0.0.0/8");
    stored_address(&s, "10.0.0.1:80");
    stored_address(&s, "");
    stored_host(&s, "last.example");
    struct weir_index_rows rows = rows_of(&s);

    assert_int_equal(rows.num, 2);
    assert_row(&rows.rows[0], WEIR_INDEX_HOST, WEIR_SPAN_LIT("good.example"), 0);
    assert_row(&rows.rows[1], WEIR_INDEX_HOST, WEIR_SPAN_LIT("last.example"), 0);
    stored_deinit(&s);
}

static void hosts_at_the_limit_are_indexed_and_more_are_not(void **state)
{
    struct stored s;
    char host[32];

    (void)state;
    stored_init(&s, "shop");
    for (unsigned i = 0; i < WEIR_HOSTS_MAX + 5; i++) {
        snprintf(host, sizeof(host), "h%u.example", i);
        stored_host(&s, host);
    }
    assert_int_equal(rows_of(&s).num, WEIR_HOSTS_MAX);
    stored_deinit(&s);
}

static void other_classes_have_no_rows(void **state)
{
    struct weir_index_rows rows = { .max = SIZE_MAX };

    (void)state;
    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_BAN, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("\xff\xff"), &rows),
        WEIR_OK);
    assert_int_equal(rows.num, 0);
}

static void bytes_that_do_not_unpack_are_corrupt_and_never_a_crash(void **state)
{
    struct weir_index_rows rows = { .max = SIZE_MAX };
    struct weir_rng rng;
    struct stored s;

    (void)state;
    weir_rng_init(&rng, 9);
    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), WEIR_SPAN_LIT("\xff\xff"), &rows),
        WEIR_ECORRUPT);
    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), WEIR_SPAN_EMPTY, &rows),
        WEIR_ECORRUPT);
    stored_init_small(&s, "shop", "a.example");
    stored_host(&s, "*.b.example");
    stored_address(&s, "10.0.0.1");
    stored_claim(&s, "a.example", 30);
    struct weir_span value = stored_pack(&s);
    uint8_t *copy = malloc(value.len);
    assert_non_null(copy);
    for (size_t at = 0; at < value.len; at++)
        for (unsigned i = 0; i < 16; i++) {
            memcpy(copy, value.at, value.len);
            copy[at] = (uint8_t)weir_rng_next(&rng);
            rows.num = 0;
            enum weir_err err = weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"),
                                                  weir_span(copy, i < 8 ? value.len : at), &rows);
            assert_true(err == WEIR_OK || err == WEIR_ECORRUPT);
        }
    free(copy);
    stored_deinit(&s);
}

static void the_collector_s_refusals_are_passed_on(void **state)
{
    struct weir_index_rows none = { .max = SIZE_MAX, .no_memory = true }, one = { .max = 1 };
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "a.example");
    stored_host(&s, "b.example");
    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), stored_pack(&s), &none),
        WEIR_ENOMEM);
    assert_int_equal(
        weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), stored_pack(&s), &one),
        WEIR_ECORRUPT);
    stored_deinit(&s);
}

static void every_failed_allocation_is_reported(void **state)
{
    struct stored s;
    char host[32];

    (void)state;
    stored_init_small(&s, "shop", "a.example");
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(host, sizeof(host), "h%u.example", i);
        stored_host(&s, host);
        stored_claim(&s, host, i);
    }
    struct weir_span value = stored_pack(&s);
    for (long n = 1;; n++) {
        struct weir_index_rows rows = { .max = SIZE_MAX };

        weir_failalloc_after(n);
        enum weir_err err = weir_tenant_index(WEIR_CLASS_TENANT, WEIR_SPAN_LIT("k"), value, &rows);
        unsigned long asked = weir_failalloc_count();
        weir_failalloc_after(-1);
        if (asked < (unsigned long)n) {
            assert_int_equal(err, WEIR_OK);
            assert_int_equal(rows.num, 1001);
            assert_true(n > 2);
            break;
        }
        assert_int_equal(err, WEIR_ENOMEM);
    }
    stored_deinit(&s);
}

static void revision_is_the_one_the_value_carries(void **state)
{
    struct stored s;
    struct weir_span key = WEIR_SPAN_LIT("shop");

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    s.m.revision = 418;
    struct weir_span value = stored_pack(&s);
    assert_int_equal(weir_tenant_revision(WEIR_CLASS_TENANT, key, value), 418);
    assert_int_equal(weir_tenant_revision(WEIR_CLASS_SETTING, key, value), 0);
    value.len--;
    assert_int_equal(weir_tenant_revision(WEIR_CLASS_TENANT, key, value), 0);
    s.m.has_revision = 0;
    assert_int_equal(weir_tenant_revision(WEIR_CLASS_TENANT, key, stored_pack(&s)), 0);
    stored_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_wildcards_are_indexed_with_their_claims),
        cmocka_unit_test(addresses_are_indexed_as_sixteen_bytes_and_with_their_ports),
        cmocka_unit_test(a_port_without_an_address_is_indexed_at_the_unspecified_one),
        cmocka_unit_test(of_equal_claims_the_earliest_counts),
        cmocka_unit_test(what_is_no_name_claims_nothing_and_the_rest_does),
        cmocka_unit_test(hosts_at_the_limit_are_indexed_and_more_are_not),
        cmocka_unit_test(other_classes_have_no_rows),
        cmocka_unit_test(bytes_that_do_not_unpack_are_corrupt_and_never_a_crash),
        cmocka_unit_test(the_collector_s_refusals_are_passed_on),
        cmocka_unit_test(every_failed_allocation_is_reported),
        cmocka_unit_test(revision_is_the_one_the_value_carries),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
