/* SPDX-License-Identifier: Apache-2.0
 *
 * name_cache_test.c - names without servers and without time: who gets what, when, and whose turn
 * it is. The test is the workers and the servers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/ctl/name_cache.h"

struct kit {
    struct weir_name_cache *c;
    struct weir_metrics metrics;
    struct weir_inbox reply;
    uint64_t now_ms;
    unsigned num_asked, num_given;
    enum weir_resolved last; /* of the responses */
    uint32_t last_ttl_ms;
    uint8_t last_byte; /* of the first address */
};

static struct kit *kit_new(uint32_t lookups_per_tenant)
{
    struct kit *k = calloc(1, sizeof(*k));
    assert_non_null(k);
    k->now_ms = 1000;
    k->c = weir_name_cache_new(1, &k->metrics);
    assert_non_null(k->c);
    weir_name_cache_set_limit(k->c, lookups_per_tenant);
    assert_int_equal(weir_inbox_init(&k->reply, 1u << 20, NULL, NULL), WEIR_OK);
    return k;
}

static void take_responses(struct kit *k)
{
    bool overflowed = false;
    struct weir_msg *m = weir_inbox_take(&k->reply, &overflowed);
    while (m != NULL) {
        struct weir_lookup *l = weir_container_of(m, struct weir_lookup, msg);
        m = m->next;
        k->num_given++;
        k->last = l->result;
        k->last_ttl_ms = l->ttl_ms;
        k->last_byte = l->num_addrs > 0 ? l->addrs[0].ip[15] : 0;
        free(l);
    }
}

static void kit_free(struct kit *k)
{
    weir_name_cache_free(&k->c);
    assert_null(k->c);
    take_responses(k);
    assert_int_equal(k->num_given, k->num_asked);
    weir_inbox_deinit(&k->reply);
    free(k);
}

static void ask(struct kit *k, uint64_t tenant, const char *host)
{
    struct weir_lookup *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    l->reply = &k->reply;
    l->tenant = tenant;
    (void)snprintf(l->host, sizeof(l->host), "%s", host);
    k->num_asked++;
    weir_name_cache_ask(k->c, l, k->now_ms);
    take_responses(k);
}

static void end(struct kit *k, struct weir_name *n, enum weir_resolved result, uint8_t byte)
{
    struct weir_name_found found = { .result = result, .ttl_ms = 10000 };
    if (result == WEIR_RESOLVED_FOUND) {
        found.num_addrs = 1;
        found.addrs[0].ip[15] = byte;
    }
    weir_name_cache_end(k->c, n, &found, k->now_ms);
    take_responses(k);
}

static uint64_t counted(struct kit *k, enum weir_metric which)
{
    return atomic_load(&k->metrics.cells[which]);
}

/* The next name to look up, which must be this one. */
static struct weir_name *begin(struct kit *k, const char *host)
{
    struct weir_name *n = weir_name_cache_begin(k->c);
    assert_non_null(n);
    assert_string_equal(weir_name_text(n), host);
    return n;
}

static void a_look_up_serves_all_that_ask_meanwhile(void **state)
{
    struct kit *k = kit_new(4);
    ask(k, 1, "a.example");
    ask(k, 2, "a.example"); /* while it waits */
    struct weir_name *n = begin(k, "a.example");
    ask(k, 3, "a.example"); /* while it runs */
    assert_null(weir_name_cache_begin(k->c));
    end(k, n, WEIR_RESOLVED_FOUND, 7);
    assert_int_equal(k->num_given, 3);
    assert_int_equal(k->last, WEIR_RESOLVED_FOUND);
    assert_int_equal(k->last_byte, 7);
    assert_int_equal(counted(k, WEIR_M_RESOLVER_JOINED), 2);
    kit_free(k);
}

static void what_was_found_holds_for_its_ttl(void **state)
{
    struct kit *k = kit_new(4);
    ask(k, 1, "a.example");
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FOUND, 7);
    k->now_ms += 9999;
    ask(k, 1, "a.example");
    assert_int_equal(k->num_given, 2);
    assert_int_equal(k->last_ttl_ms, 1);
    assert_int_equal(counted(k, WEIR_M_RESOLVER_HITS), 1);
    k->now_ms += 1;
    ask(k, 1, "a.example");
    assert_int_equal(k->num_given, 2);
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FOUND, 8);
    assert_int_equal(k->last_byte, 8);
    kit_free(k);
}

static void a_ttl_is_bounded(void **state)
{
    static const struct {
        uint32_t ttl_ms, given_ms;
    } cases[] = { { 0, WEIR_NAME_TTL_MIN_MS },
                  { 999, WEIR_NAME_TTL_MIN_MS },
                  { 1001, 1001 },
                  { UINT32_MAX, WEIR_NAME_TTL_MAX_MS } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct kit *k = kit_new(1);
        struct weir_name_found found = { .result = WEIR_RESOLVED_FOUND,
                                         .ttl_ms = cases[i].ttl_ms,
                                         .num_addrs = 1 };
        ask(k, 1, "a.example");
        weir_name_cache_end(k->c, begin(k, "a.example"), &found, k->now_ms);
        take_responses(k);
        assert_int_equal(k->last_ttl_ms, cases[i].given_ms);
        kit_free(k);
    }
}

static void a_name_that_does_not_exist_is_remembered_briefly(void **state)
{
    struct kit *k = kit_new(4);
    ask(k, 1, "a.example");
    end(k, begin(k, "a.example"), WEIR_RESOLVED_NONE, 0);
    assert_int_equal(k->last, WEIR_RESOLVED_NONE);
    k->now_ms += WEIR_NAME_NONE_MS - 1;
    ask(k, 1, "a.example");
    assert_int_equal(k->num_given, 2);
    assert_null(weir_name_cache_begin(k->c));
    k->now_ms += 1;
    ask(k, 1, "a.example");
    assert_non_null(weir_name_cache_begin(k->c));
    kit_free(k);
}

static void old_addresses_stay_in_use_while_a_look_up_fails(void **state)
{
    struct kit *k = kit_new(4);
    ask(k, 1, "a.example");
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FOUND, 7);
    k->now_ms += 10000;
    ask(k, 1, "a.example");
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FAILED, 0);
    assert_int_equal(k->last, WEIR_RESOLVED_STALE);
    assert_int_equal(k->last_byte, 7);
    k->now_ms += WEIR_NAME_FAILED_MS;
    ask(k, 1, "a.example");
    struct weir_name *n = begin(k, "a.example");
    unsigned before = k->num_given;
    weir_name_cache_serve_stale(k->c, n);
    take_responses(k);
    assert_int_equal(k->num_given, before + 1);
    assert_int_equal(k->last, WEIR_RESOLVED_STALE);
    end(k, n, WEIR_RESOLVED_FOUND, 9);
    ask(k, 1, "a.example");
    assert_int_equal(k->last_byte, 9);
    kit_free(k);
}

static void a_tenant_has_so_many_look_ups_at_once_and_others_go_on(void **state)
{
    struct kit *k = kit_new(2);
    ask(k, 1, "a1.example");
    ask(k, 1, "a2.example");
    ask(k, 1, "a3.example");
    ask(k, 2, "b1.example");
    struct weir_name *a1 = begin(k, "a1.example");
    (void)begin(k, "b1.example"); /* tenants take turns */
    (void)begin(k, "a2.example");
    assert_null(weir_name_cache_begin(k->c));
    end(k, a1, WEIR_RESOLVED_FOUND, 1);
    (void)begin(k, "a3.example");
    kit_free(k);
}

static void a_name_behind_one_tenants_others_is_looked_up_for_another_tenant(void **state)
{
    struct kit *k = kit_new(1);
    ask(k, 1, "slow.example");
    ask(k, 1, "shared.example");
    (void)begin(k, "slow.example");
    assert_null(weir_name_cache_begin(k->c));
    ask(k, 2, "shared.example");
    end(k, begin(k, "shared.example"), WEIR_RESOLVED_FOUND, 5);
    assert_int_equal(k->num_given, 2);
    kit_free(k);
}

static void a_tenant_cannot_have_more_names_wait_than_the_limit(void **state)
{
    struct kit *k = kit_new(1);
    char name[32];
    for (int i = 0; i < WEIR_NAMES_WAIT_MAX + 2; i++) {
        (void)snprintf(name, sizeof(name), "n%d.example", i);
        ask(k, 1, name);
        if (i == 0)
            (void)begin(k, name);
    }
    assert_int_equal(k->num_given, 1);
    assert_int_equal(k->last, WEIR_RESOLVED_FAILED);
    assert_int_equal(counted(k, WEIR_M_RESOLVER_REFUSED), 1);
    ask(k, 2, "other.example");
    end(k, begin(k, "other.example"), WEIR_RESOLVED_FOUND, 1);
    assert_int_equal(k->num_given, 2);
    kit_free(k);
}

static void the_name_unused_for_longest_makes_room(void **state)
{
    struct kit *k = kit_new(1);
    char name[32];
    for (int i = 0; i <= WEIR_NAMES_MAX; i++) {
        (void)snprintf(name, sizeof(name), "n%d.example", i);
        ask(k, 1, name);
        end(k, begin(k, name), WEIR_RESOLVED_FOUND, 1);
        ask(k, 1, "n0.example"); /* stays in use */
    }
    assert_int_equal(counted(k, WEIR_M_RESOLVER_FOUND), WEIR_NAMES_MAX + 1);
    ask(k, 1, "n1.example");
    assert_non_null(weir_name_cache_begin(k->c));
    kit_free(k);
}

static void an_expired_cache_looks_everything_up_again(void **state)
{
    struct kit *k = kit_new(1);
    ask(k, 1, "a.example");
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FOUND, 7);
    weir_name_cache_expire(k->c);
    ask(k, 1, "a.example");
    assert_int_equal(k->num_given, 1);
    end(k, begin(k, "a.example"), WEIR_RESOLVED_FOUND, 8);
    assert_int_equal(k->last_byte, 8);
    kit_free(k);
}

/* Whatever happens in whatever order: each question gets one response, and no tenant runs more than
 * its limit. */
static void every_question_gets_one_response(void **state)
{
    struct weir_rng rng;
    weir_rng_init(&rng, 20261201);
    for (int round = 0; round < 50; round++) {
        struct kit *k = kit_new(1 + (uint32_t)weir_rng_below(&rng, 3));
        struct weir_name *running[64];
        size_t num = 0;
        char name[32];
        for (int step = 0; step < 500; step++) {
            k->now_ms += weir_rng_below(&rng, 2000);
            (void)snprintf(name, sizeof(name), "n%llu.example",
                           (unsigned long long)weir_rng_below(&rng, 12));
            ask(k, weir_rng_below(&rng, 4), name);
            if (num < WEIR_ARRAY_LEN(running) && (running[num] = weir_name_cache_begin(k->c)))
                num++;
            if (num > 0 && weir_rng_below(&rng, 3) == 0) {
                size_t at = weir_rng_below(&rng, num);
                end(k, running[at], (enum weir_resolved)(weir_rng_below(&rng, 2) * 2), 1);
                running[at] = running[--num];
            }
        }
        assert_true(num <= 12);
        kit_free(k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_up_serves_all_that_ask_meanwhile),
        cmocka_unit_test(what_was_found_holds_for_its_ttl),
        cmocka_unit_test(a_ttl_is_bounded),
        cmocka_unit_test(a_name_that_does_not_exist_is_remembered_briefly),
        cmocka_unit_test(old_addresses_stay_in_use_while_a_look_up_fails),
        cmocka_unit_test(a_tenant_has_so_many_look_ups_at_once_and_others_go_on),
        cmocka_unit_test(a_name_behind_one_tenants_others_is_looked_up_for_another_tenant),
        cmocka_unit_test(a_tenant_cannot_have_more_names_wait_than_the_limit),
        cmocka_unit_test(the_name_unused_for_longest_makes_room),
        cmocka_unit_test(an_expired_cache_looks_everything_up_again),
        cmocka_unit_test(every_question_gets_one_response),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
