/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_store_test.c - stored tenants, their index rows and the cache over the real store.
 */
#include "node/base/limits.h"
#include "tenants/cache.h"
#include "tests/support/store_kit.h"
#include "tests/support/tenant_values.h"

static const struct weir_tenant_seeds seeds = { .hosts = 99, .endpoints = { { 3, 4 } } };

struct world {
    struct kit kit;
    struct weir_tenant_cache *cache;
    struct weir_addr local;
    /* what the store reported of the last commit; the writer is done when a write is */
    bool names_changed;
};

static void on_change(void *arg, const struct weir_change *changes, size_t num)
{
    struct world *w = arg;

    for (size_t i = 0; i < num; i++)
        w->names_changed = changes[i].index_changed;
}

static struct world *world_new(void)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    kit_init(&w->kit);
    w->kit.cfg.index = weir_tenant_index;
    w->kit.cfg.on_change = on_change;
    w->kit.cfg.on_change_arg = w;
    kit_open(&w->kit);
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.1:80"), &w->local), WEIR_OK);
    assert_int_equal(weir_tenant_cache_new(w->kit.s, &seeds, 64, NULL, &w->cache), WEIR_OK);
    return w;
}

static void world_free(struct world *w)
{
    weir_tenant_cache_free(&w->cache);
    kit_deinit(&w->kit);
    free(w);
}

/** Push or delete (value empty), and report the change to the cache as to a worker. */
static void push(struct world *w, const char *name, struct weir_span value)
{
    struct kit_write kw;

    kit_write_init(&kw, weir_span_cstr(name), value);
    kw.w.delete = value.len == 0;
    assert_int_equal(kit_run(&w->kit, &kw), WEIR_OK);
    weir_tenant_cache_changed(w->cache, weir_span_cstr(name), w->names_changed);
}

static void push_tenant(struct world *w, const char *name, const char *host, uint64_t revision,
                        uint64_t since)
{
    struct stored s;

    stored_init_small(&s, name, host);
    s.m.revision = revision;
    stored_claim(&s, host, since);
    push(w, name, stored_pack(&s));
    stored_deinit(&s);
}

static long serves(struct world *w, const char *host)
{
    struct weir_tenant *t = NULL;
    enum weir_err err = weir_tenant_cache_find(w->cache, &w->local, weir_span_cstr(host), &t);

    return err < 0 ? err : (long)t->revision;
}

static void a_push_is_served_at_the_next_request(void **state)
{
    struct world *w = world_new();

    (void)state;
    assert_int_equal(serves(w, "shop.example"), WEIR_ENOTFOUND);
    push_tenant(w, "shop", "shop.example", 1, 10);
    assert_true(w->names_changed);
    assert_int_equal(serves(w, "shop.example"), 1);
    push_tenant(w, "shop", "shop.example", 2, 10);
    assert_false(w->names_changed);
    assert_int_equal(serves(w, "shop.example"), 2);
    push_tenant(w, "shop", "*.shop.example", 3, 11);
    assert_int_equal(serves(w, "shop.example"), WEIR_ENOTFOUND);
    assert_int_equal(serves(w, "a.shop.example"), 3);
    push(w, "shop", WEIR_SPAN_EMPTY);
    assert_int_equal(serves(w, "a.shop.example"), WEIR_ENOTFOUND);
    assert_int_equal(weir_tenant_cache_len(w->cache), 0);
    world_free(w);
}

static void of_two_claims_the_earlier_serves_and_the_other_follows_it(void **state)
{
    struct world *w = world_new();

    (void)state;
    push_tenant(w, "late", "a.example", 2, 200);
    assert_int_equal(serves(w, "a.example"), 2);
    push_tenant(w, "early", "a.example", 1, 100);
    assert_int_equal(serves(w, "a.example"), 1);
    push_tenant(w, "never", "a.example", 3, 300);
    assert_int_equal(serves(w, "a.example"), 1);
    push(w, "early", WEIR_SPAN_EMPTY);
    assert_int_equal(serves(w, "a.example"), 2);
    world_free(w);
}

static void a_dedicated_address_is_served_whatever_the_host(void **state)
{
    struct world *w = world_new();
    struct stored s;

    (void)state;
    push_tenant(w, "shop", "shop.example", 1, 10);
    assert_int_equal(serves(w, "shop.example"), 1);
    stored_init(&s, "own");
    s.m.revision = 7;
    stored_address(&s, "192.0.2.1");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    push(w, "own", stored_pack(&s));
    assert_int_equal(serves(w, "shop.example"), 7);
    assert_int_equal(serves(w, ""), 7);
    push(w, "own", WEIR_SPAN_EMPTY);
    assert_int_equal(serves(w, "shop.example"), 1);
    stored_deinit(&s);
    world_free(w);
}

static void a_record_that_does_not_unpack_claims_nothing_until_it_is_replaced(void **state)
{
    struct world *w = world_new();

    (void)state;
    push_tenant(w, "shop", "shop.example", 1, 10);
    assert_int_equal(serves(w, "shop.example"), 1);
    push(w, "shop", WEIR_SPAN_LIT("\xff\xff\xff"));
    assert_int_equal(serves(w, "shop.example"), WEIR_ENOTFOUND);
    push_tenant(w, "shop", "shop.example", 3, 10);
    assert_int_equal(serves(w, "shop.example"), 3);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_push_is_served_at_the_next_request),
        cmocka_unit_test(of_two_claims_the_earlier_serves_and_the_other_follows_it),
        cmocka_unit_test(a_dedicated_address_is_served_whatever_the_host),
        cmocka_unit_test(a_record_that_does_not_unpack_claims_nothing_until_it_is_replaced),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
