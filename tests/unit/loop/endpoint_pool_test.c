/* SPDX-License-Identifier: Apache-2.0
 *
 * endpoint_pool_test.c - how an endpoint finds its pool: without a look-up while nothing changed,
 * and never a pool that was freed or that has the settings of another tenant.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/loop/address_pool.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/origin_tls.h"

#define LONG_MS 600000

/* As much of a worker as pools need: no loop, no listener, no store. */
static struct weir_worker *worker_new(void)
{
    struct weir_worker *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    w->magic = WEIR_WORKER_MAGIC;
    w->cfg.num_workers = 1;
    w->now.ms = 1000;
    weir_list_init(&w->refill);
    weir_list_init(&w->idle_lru);
    weir_pool_init(&w->endpoint_pools, sizeof(struct weir_endpoint_pool), 4, 64);
    weir_pool_init(&w->address_pools, sizeof(struct weir_address_pool), 4, 64);
    weir_hashmap_init(&w->pools, 1, 64);
    weir_hashmap_init(&w->address_pool_map, 2, 64);
    weir_hashmap_init(&w->origin_tls, 3, 64);
    return w;
}

static void worker_free(struct weir_worker *w)
{
    weir_endpoint_pool_free_all(w);
    weir_address_pool_free_all(w);
    free(w);
}

static struct weir_endpoint endpoint_at(const char *text, uint64_t key)
{
    struct weir_endpoint e = { .text = weir_span_cstr(text), .key = key };
    assert_int_equal(weir_addr_parse(e.text, &e.addr), WEIR_OK);
    return e;
}

static struct weir_upstream upstream_of(uint32_t max, uint32_t max_idle)
{
    return (struct weir_upstream){ .pool_max = max,
                                   .pool_max_idle = max_idle,
                                   .pool_idle_timeout_ms = 1000 };
}

static void *find_by_key(const struct weir_worker *w, const struct weir_endpoint_pool *p)
{
    return weir_hashmap_find(&w->pools, weir_span(&p->key, sizeof(p->key)));
}

static void an_endpoint_finds_its_pool_without_a_look_up(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    struct weir_upstream u = upstream_of(8, 4);
    struct weir_endpoint e = endpoint_at("127.0.0.1:80", 7);
    struct weir_endpoint_pool *p = weir_endpoint_pool_of(w, &u, &e);
    assert_non_null(p);
    /* Whoever looks it up now does not find it. */
    assert_ptr_equal(weir_hashmap_remove(&w->pools, weir_span(&p->key, sizeof(p->key))), p);
    w->now.ms += 10;
    assert_ptr_equal(weir_endpoint_pool_of(w, &u, &e), p);
    assert_int_equal(p->used_ms, w->now.ms);
    assert_int_equal(p->address_pool->used_ms, w->now.ms);
    assert_int_equal(weir_hashmap_add(&w->pools, weir_span(&p->key, sizeof(p->key)), p), WEIR_OK);
    worker_free(w);
}

static void a_pool_that_was_freed_is_not_found_through_its_endpoint(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    struct weir_upstream u = upstream_of(8, 4);
    struct weir_endpoint e = endpoint_at("127.0.0.1:80", 7);
    struct weir_endpoint other = endpoint_at("127.0.0.1:81", 8);
    assert_non_null(weir_endpoint_pool_of(w, &u, &e));
    w->now.ms += LONG_MS;
    struct weir_endpoint_pool *stays = weir_endpoint_pool_of(w, &u, &other);
    assert_int_equal(w->pools.len, 2);
    for (int i = 0; i < 4; i++)
        weir_endpoint_pool_tick(w);
    assert_int_equal(w->pools.len, 1);
    assert_int_equal(w->endpoint_pools_freed, 1);
    struct weir_endpoint_pool *again = weir_endpoint_pool_of(w, &u, &e);
    assert_non_null(again);
    assert_ptr_equal(find_by_key(w, again), again);
    assert_ptr_equal(weir_endpoint_pool_of(w, &u, &other), stays);
    assert_ptr_equal(find_by_key(w, stays), stays);
    worker_free(w);
}

static void a_push_changes_the_limit_of_a_pool_in_use(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    struct weir_upstream before = upstream_of(8, 4);
    struct weir_upstream after = upstream_of(3, 2);
    struct weir_endpoint e = endpoint_at("127.0.0.1:80", 7);
    struct weir_endpoint pushed = endpoint_at("127.0.0.1:80", 7);
    struct weir_endpoint_pool *p = weir_endpoint_pool_of(w, &before, &e);
    assert_ptr_equal(weir_endpoint_pool_of(w, &after, &pushed), p);
    assert_int_equal(p->max, 3);
    assert_int_equal(p->address_pool->max_idle, 2);
    worker_free(w);
}

static void connections_are_shared_only_where_they_are_secured_alike(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    const struct weir_upstream_tls one = { .identity = { 1 } }, two = { .identity = { 2 } };
    const struct weir_upstream_tls like_one = { .identity = { 1 } };
    struct weir_upstream clear = upstream_of(8, 4), tls[3];
    const struct weir_upstream_tls *settings[] = { &one, &two, &like_one };
    const struct weir_endpoint e = endpoint_at("127.0.0.1:443", 7);
    struct weir_address_pool *p[3];
    struct weir_address_pool *in_clear = weir_address_pool_of(w, &clear, &e);
    for (int i = 0; i < 3; i++) {
        tls[i] = upstream_of(8, 4);
        tls[i].tls = settings[i];
        p[i] = weir_address_pool_of(w, &tls[i], &e);
        assert_ptr_not_equal(p[i], in_clear);
        assert_int_equal(p[i]->text_len, e.text.len);
        assert_memory_equal(p[i]->text, e.text.at, e.text.len);
    }
    assert_ptr_not_equal(p[0], p[1]);
    assert_ptr_equal(p[0], p[2]);
    assert_ptr_equal(weir_address_pool_of(w, &clear, &e), in_clear);
    assert_int_equal(w->address_pool_map.len, 3);
    assert_int_equal(w->origin_tls.len, 2);
    assert_int_equal(p[0]->tls->refs, 1);
    assert_null(in_clear->tls);
    worker_free(w);
}

static void the_longest_name_has_room_in_a_key(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    static const struct weir_upstream_tls settings = { .identity = { [31] = 9 } };
    char text[WEIR_ENDPOINT_TEXT_MAX + 1];
    memset(text, 'a', sizeof(text));
    text[WEIR_ENDPOINT_TEXT_MAX] = '\0';
    struct weir_endpoint e = { .text = weir_span_cstr(text),
                               .host = weir_span(text, WEIR_HOST_MAX),
                               .key = 7 };
    struct weir_upstream u = upstream_of(8, 4);
    u.tls = &settings;
    struct weir_address_pool *p = weir_address_pool_of(w, &u, &e);
    assert_non_null(p);
    assert_int_equal(p->key_len, sizeof(p->text));
    assert_int_equal(p->text[sizeof(p->text) - 1], 9);
    worker_free(w);
}

static void an_address_has_the_settings_of_the_tenant_that_used_it_last(void **state)
{
    (void)state;
    struct weir_worker *w = worker_new();
    struct weir_upstream one = upstream_of(8, 4);
    struct weir_upstream two = upstream_of(9, 5);
    struct weir_endpoint first = endpoint_at("127.0.0.1:80", 7);
    struct weir_endpoint second = endpoint_at("127.0.0.1:80", 8);
    for (int i = 0; i < 3; i++) {
        struct weir_endpoint_pool *p = weir_endpoint_pool_of(w, &one, &first);
        assert_int_equal(p->max, 8);
        assert_int_equal(p->address_pool->max_idle, 4);
        assert_int_equal(p->address_pool->mark_key, 7);
        struct weir_endpoint_pool *q = weir_endpoint_pool_of(w, &two, &second);
        assert_ptr_not_equal(p, q);
        assert_ptr_equal(p->address_pool, q->address_pool);
        assert_int_equal(q->max, 9);
        assert_int_equal(q->address_pool->max_idle, 5);
        assert_int_equal(q->address_pool->mark_key, 8);
    }
    worker_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_finds_its_pool_without_a_look_up),
        cmocka_unit_test(a_pool_that_was_freed_is_not_found_through_its_endpoint),
        cmocka_unit_test(a_push_changes_the_limit_of_a_pool_in_use),
        cmocka_unit_test(connections_are_shared_only_where_they_are_secured_alike),
        cmocka_unit_test(the_longest_name_has_room_in_a_key),
        cmocka_unit_test(an_address_has_the_settings_of_the_tenant_that_used_it_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
