/* SPDX-License-Identifier: Apache-2.0
 *
 * cache_test.c - the tenant cache over a stand-in for the store that counts what it is asked and
 * fails on command.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/rng.h"
#include "tenants/cache.h"
#include "tests/support/failalloc.h"
#include "tests/support/store_stand_in.h"
#include "tests/support/tenant_values.h"

static const struct weir_tenant_seeds seeds = { .hosts = 99, .endpoints = { { 3, 4 } } };

/* -- a cache over it -- */

struct world {
    struct weir_store store;
    struct weir_metrics metrics;
    struct weir_tenant_cache *cache;
    struct weir_addr local;
};

static struct world *world_new(size_t max)
{
    struct world *w = aligned_alloc(64, (sizeof(*w) + 63) / 64 * 64);

    assert_non_null(w);
    memset(w, 0, sizeof(*w));
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.1:80"), &w->local), WEIR_OK);
    assert_int_equal(weir_tenant_cache_new(&w->store, &seeds, max, &w->metrics, &w->cache),
                     WEIR_OK);
    return w;
}

static void world_free(struct world *w)
{
    weir_tenant_cache_free(&w->cache);
    assert_null(w->cache);
    weir_tenant_cache_free(&w->cache);
    assert_int_equal(w->store.readers, 0);
    assert_int_equal(w->metrics.cells[WEIR_M_TENANTS_CACHED], 0);
    free(w);
}

static enum weir_err find(struct world *w, const char *host, struct weir_tenant **ret)
{
    return weir_tenant_cache_find(w->cache, &w->local, weir_span_cstr(host), ret);
}

/** The revision that serves a host, or the error as a negative number. */
static long serves(struct world *w, const char *host)
{
    struct weir_tenant *t = NULL;
    enum weir_err err = find(w, host, &t);

    if (err < 0) {
        assert_null(t);
        return err;
    }
    assert_false(t->stale);
    return (long)t->revision;
}

static void changed(struct world *w, const char *name, bool names)
{
    weir_tenant_cache_changed(w->cache, weir_span_cstr(name), names);
}

static uint64_t metric(const struct world *w, enum weir_metric m)
{
    return w->metrics.cells[m];
}

/** Reads of the store that `serves` costs. */
static unsigned reads_of(struct world *w, const char *host)
{
    unsigned before = w->store.begins;

    (void)serves(w, host);
    return w->store.begins - before;
}

/* -- finding -- */

static void a_hit_reads_nothing(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "shop", 7);
    own(&w->store, WEIR_INDEX_HOST, "shop.example", "shop");
    assert_int_equal(serves(w, "shop.example"), 7);
    unsigned begins = w->store.begins;
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(serves(w, "shop.example"), 7);
    assert_int_equal(w->store.begins, begins);
    assert_int_equal(weir_tenant_cache_len(w->cache), 1);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 1);
    assert_int_equal(metric(w, WEIR_M_TENANTS_CACHED), 1);
    world_free(w);
}

static void a_host_that_nobody_owns_is_not_remembered(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    assert_int_equal(serves(w, "a.example"), WEIR_ENOTFOUND);
    assert_int_equal(reads_of(w, "a.example"), 1);
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), 1); /* even before the change is reported */
    world_free(w);
}

static void an_exact_host_beats_a_wildcard_and_the_longest_wildcard_the_others(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "one", 1);
    put_tenant(&w->store, "two", 2);
    put_tenant(&w->store, "three", 3);
    own(&w->store, WEIR_INDEX_WILDCARD, "example", "one");
    own(&w->store, WEIR_INDEX_WILDCARD, "shop.example", "two");
    own(&w->store, WEIR_INDEX_HOST, "a.shop.example", "three");
    assert_int_equal(serves(w, "a.shop.example"), 3);
    assert_int_equal(serves(w, "b.shop.example"), 2);
    assert_int_equal(serves(w, "x.y.shop.example"), 2);
    assert_int_equal(serves(w, "shop.example"), 1);
    assert_int_equal(serves(w, "example"), WEIR_ENOTFOUND);
    assert_int_equal(serves(w, "b.shop.example."), WEIR_ENOTFOUND);
    assert_int_equal(reads_of(w, "b.shop.example"), 0);
    world_free(w);
}

static void without_wildcards_only_the_host_itself_is_looked_up(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    (void)serves(w, "warm.up.example");
    unsigned before = w->store.lookups;
    (void)serves(w, "a.b.c.d.e.f.example");
    assert_int_equal(w->store.lookups - before, 1);
    world_free(w);
}

static void the_walk_over_labels_is_bounded(void **state)
{
    struct world *w = world_new(16);
    char host[254];

    (void)state;
    put_tenant(&w->store, "deep", 5);
    own(&w->store, WEIR_INDEX_WILDCARD, "a.example", "deep");
    for (unsigned labels = 1; labels <= 120; labels++) {
        char *at = host;
        for (unsigned i = 0; i < labels; i++)
            at += snprintf(at, 3, "b.");
        snprintf(at, 16, "a.example");
        unsigned before = w->store.lookups;
        assert_int_equal(serves(w, host), labels <= 32 ? 5 : WEIR_ENOTFOUND);
        assert_in_range(w->store.lookups - before, 1, 33);
    }
    world_free(w);
}

static void hosts_of_every_length_are_found(void **state)
{
    struct world *w = world_new(128);
    char host[300];

    (void)state;
    put_tenant(&w->store, "shop", 3);
    for (size_t len = 1; len <= 255; len += 2) {
        memset(host, 'a', len);
        host[len] = '\0';
        w->store.num_rows = 0;
        own(&w->store, WEIR_INDEX_HOST, host, "shop");
        assert_int_equal(serves(w, host), 3);
        assert_int_equal(reads_of(w, host), 0);
    }
    memset(host, 'a', 256);
    host[256] = '\0';
    assert_int_equal(serves(w, host), WEIR_ENOTFOUND);
    assert_int_equal(serves(w, ""), WEIR_ENOTFOUND);
    world_free(w);
}

static void a_dedicated_address_comes_before_any_host(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "byname", 1);
    put_tenant(&w->store, "byaddress", 2);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "byname");
    assert_int_equal(serves(w, "a.example"), 1);

    own_address(&w->store, "192.0.2.1", "byaddress");
    changed(w, "byaddress", true);
    assert_int_equal(serves(w, "a.example"), 2);
    assert_int_equal(serves(w, ""), 2);
    assert_int_equal(serves(w, "unknown.example"), 2);
    assert_int_equal(reads_of(w, "another.example"), 0);

    /* On another address the host decides, and that the address is nobody's is remembered. */
    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("192.0.2.2:80"), &w->local), WEIR_OK);
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(reads_of(w, "a.example"), 0);
    assert_int_equal(serves(w, ""), WEIR_ENOTFOUND);

    /* And forgotten when names change. */
    own_address(&w->store, "192.0.2.2", "byaddress");
    changed(w, "byaddress", true);
    assert_int_equal(serves(w, "a.example"), 2);
    world_free(w);
}

/* -- changes -- */

static void a_push_recompiles_its_tenant_at_the_next_request_and_no_other(void **state)
{
    struct world *w = world_new(16);
    struct weir_tenant *old = NULL;

    (void)state;
    put_tenant(&w->store, "shop", 1);
    put_tenant(&w->store, "other", 100);
    own(&w->store, WEIR_INDEX_HOST, "shop.example", "shop");
    own(&w->store, WEIR_INDEX_HOST, "other.example", "other");
    assert_int_equal(find(w, "shop.example", &old), WEIR_OK);
    weir_tenant_ref(old);
    assert_int_equal(serves(w, "other.example"), 100);

    put_tenant(&w->store, "shop", 2);
    changed(w, "shop", false);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 2);
    assert_false(old->stale);
    assert_int_equal(reads_of(w, "other.example"), 0);
    assert_int_equal(serves(w, "shop.example"), 2);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 3);
    assert_true(old->stale);
    assert_int_equal(old->revision, 1); /* a reference keeps it valid */
    assert_int_equal(old->refs, 1);
    weir_tenant_unref(old);
    assert_int_equal(reads_of(w, "shop.example"), 0);
    world_free(w);
}

static void when_names_change_each_host_is_asked_for_once_and_nothing_is_recompiled(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    own(&w->store, WEIR_INDEX_HOST, "b.example", "shop");
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(serves(w, "b.example"), 1);
    changed(w, "somebody", true);
    (void)serves(w, "a.example");
    assert_int_equal(reads_of(w, "a.example"), 0);
    assert_int_equal(reads_of(w, "b.example"), 1);
    assert_int_equal(reads_of(w, "b.example"), 0);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 1);
    world_free(w);
}

static void a_host_that_moves_leads_to_its_new_tenant(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "one", 1);
    put_tenant(&w->store, "two", 2);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "one");
    assert_int_equal(serves(w, "a.example"), 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "two");
    changed(w, "two", true);
    assert_int_equal(serves(w, "a.example"), 2);
    w->store.num_rows = 0;
    changed(w, "two", true);
    assert_int_equal(serves(w, "a.example"), WEIR_ENOTFOUND);
    assert_int_equal(weir_tenant_cache_len(w->cache), 2); /* their records are there still */
    world_free(w);
}

static void a_deleted_tenant_leaves_at_once(void **state)
{
    struct world *w = world_new(16);
    struct weir_tenant *held = NULL;

    (void)state;
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(find(w, "a.example", &held), WEIR_OK);
    weir_tenant_ref(held);
    delete_tenant(&w->store, "shop");
    changed(w, "shop", true);
    assert_true(held->stale);
    assert_int_equal(held->refs, 1);
    assert_int_equal(weir_tenant_cache_len(w->cache), 0);
    assert_int_equal(serves(w, "a.example"), WEIR_ENOTFOUND);
    weir_tenant_unref(held);
    world_free(w);
}

static void drop_all_checks_everything_again_and_compiles_only_what_changed(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "same", 1);
    put_tenant(&w->store, "newer", 1);
    put_tenant(&w->store, "gone", 1);
    own(&w->store, WEIR_INDEX_HOST, "same.example", "same");
    own(&w->store, WEIR_INDEX_HOST, "newer.example", "newer");
    own(&w->store, WEIR_INDEX_HOST, "gone.example", "gone");
    assert_int_equal(serves(w, "same.example"), 1);
    assert_int_equal(serves(w, "newer.example"), 1);
    assert_int_equal(serves(w, "gone.example"), 1);
    put_tenant(&w->store, "newer", 2);
    delete_tenant(&w->store, "gone");
    weir_tenant_cache_drop_all(w->cache);
    assert_int_equal(serves(w, "same.example"), 1);
    assert_int_equal(serves(w, "newer.example"), 2);
    assert_int_equal(serves(w, "gone.example"), WEIR_ENOTFOUND);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 4);
    assert_int_equal(weir_tenant_cache_len(w->cache), 2);
    assert_int_equal(reads_of(w, "same.example"), 0);
    world_free(w);
}

/* -- faults -- */

static void a_newer_record_that_does_not_compile_leaves_the_old_one_in_service(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), 1);
    put_bad(&w->store, "shop");
    changed(w, "shop", false);
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILE_ERRORS), 1);
    assert_int_equal(reads_of(w, "a.example"), 0);
    weir_tenant_cache_drop_all(w->cache); /* the same version again: not tried, not logged again */
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILE_ERRORS), 1);
    put_tenant(&w->store, "shop", 3);
    changed(w, "shop", false);
    assert_int_equal(serves(w, "a.example"), 3);
    world_free(w);
}

static void a_record_that_never_compiled_is_refused_without_trying_again(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_bad(&w->store, "shop");
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), WEIR_ECORRUPT);
    assert_int_equal(reads_of(w, "a.example"), 0);
    assert_int_equal(serves(w, "a.example"), WEIR_ECORRUPT);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILE_ERRORS), 1);
    put_tenant(&w->store, "shop", 2);
    changed(w, "shop", false);
    assert_int_equal(serves(w, "a.example"), 2);
    world_free(w);
}

static void a_record_under_another_tenant_s_name_is_refused(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_named(&w->store, "shop", "bank", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), WEIR_EINVAL);
    own(&w->store, WEIR_INDEX_HOST, "b.example",
        "a-name-of-more-bytes-than-any-tenant-may-have-which-is-sixty-three");
    assert_int_equal(serves(w, "b.example"), WEIR_EINVAL);
    world_free(w);
}

static void a_damaged_record_leaves_the_old_one_in_service(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), 1);
    w->store.get_err = WEIR_ECORRUPT;
    changed(w, "shop", false);
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(reads_of(w, "a.example"), 0);
    w->store.get_err = WEIR_OK;
    world_free(w);
}

static void an_index_row_without_its_record_is_nobody_s(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    own(&w->store, WEIR_INDEX_HOST, "a.example", "ghost");
    assert_int_equal(serves(w, "a.example"), WEIR_ENOTFOUND);
    assert_int_equal(weir_tenant_cache_len(w->cache), 0);
    world_free(w);
}

static void what_is_known_is_served_while_the_store_cannot_be_read(void **state)
{
    struct world *w = world_new(16);

    (void)state;
    put_tenant(&w->store, "shop", 1);
    own(&w->store, WEIR_INDEX_HOST, "a.example", "shop");
    assert_int_equal(serves(w, "a.example"), 1);
    w->store.begin_err = WEIR_EIO;
    put_tenant(&w->store, "shop", 2);
    changed(w, "shop", true);
    assert_int_equal(serves(w, "a.example"), 1);
    assert_int_equal(serves(w, "b.example"), WEIR_EIO);
    w->store.begin_err = WEIR_OK;
    w->store.get_err = WEIR_EIO; /* the index is read, the record is not */
    assert_int_equal(serves(w, "a.example"), 1);
    w->store.get_err = WEIR_OK;
    assert_int_equal(serves(w, "a.example"), 2);
    world_free(w);
}

static void every_failed_allocation_is_a_response_and_the_next_request_is_served(void **state)
{
    static const char host[] = "a-host-that-is-too-long-for-one-cache-line.shop.example";

    (void)state;
    for (long n = 1;; n++) {
        struct world *w = world_new(16);
        struct weir_tenant *t = NULL;

        put_tenant(&w->store, "shop", 1);
        own(&w->store, WEIR_INDEX_HOST, host, "shop");
        weir_failalloc_once(n);
        enum weir_err err = find(w, host, &t);
        unsigned long asked = weir_failalloc_count();
        weir_failalloc_once(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM);
        assert_int_equal(serves(w, host), 1);
        world_free(w);
        if (asked < (unsigned long)n) {
            assert_int_equal(err, WEIR_OK);
            assert_true(n > 3);
            break;
        }
    }
    for (long n = 1;; n++) {
        struct weir_store store = { .clock = 0 };
        struct weir_tenant_cache *c = NULL;

        weir_failalloc_once(n);
        enum weir_err err = weir_tenant_cache_new(&store, &seeds, 8, NULL, &c);
        unsigned long asked = weir_failalloc_count();
        weir_failalloc_once(-1);
        assert_int_equal(err, asked < (unsigned long)n ? WEIR_OK : WEIR_ENOMEM);
        weir_tenant_cache_free(&c);
        assert_int_equal(store.readers, 0);
        if (asked < (unsigned long)n)
            break;
    }
}

/* -- bounds -- */

static void the_cache_holds_at_most_its_maximum_and_lets_the_unused_go(void **state)
{
    struct world *w = world_new(4);
    struct weir_tenant *held = NULL;
    char name[16], host[32];

    (void)state;
    for (unsigned i = 0; i < 12; i++) {
        snprintf(name, sizeof(name), "t%u", i);
        snprintf(host, sizeof(host), "t%u.example", i);
        put_tenant(&w->store, name, i + 1);
        own(&w->store, WEIR_INDEX_HOST, host, name);
    }
    assert_int_equal(find(w, "t0.example", &held), WEIR_OK);
    weir_tenant_ref(held);
    for (unsigned i = 1; i < 12; i++) {
        snprintf(host, sizeof(host), "t%u.example", i);
        assert_int_equal(serves(w, host), i + 1);
        assert_int_equal(serves(w, "t1.example"), 2); /* in use all the time: stays */
        assert_in_range(weir_tenant_cache_len(w->cache), 1, 4);
    }
    assert_int_equal(weir_tenant_cache_len(w->cache), 4);
    assert_int_equal(metric(w, WEIR_M_TENANTS_CACHED), 4);
    assert_int_equal(metric(w, WEIR_M_TENANT_EVICTIONS), 8);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 12);
    assert_int_equal(held->refs, 1);
    assert_false(held->stale); /* evicted is not replaced: what runs may start more */
    weir_tenant_unref(held);
    assert_int_equal(serves(w, "t0.example"), 1);
    world_free(w);
}

static void a_flood_of_names_under_a_wildcard_costs_no_other_tenant_its_place(void **state)
{
    struct world *w = world_new(4);
    char host[32];

    (void)state;
    put_tenant(&w->store, "wide", 1);
    put_tenant(&w->store, "shop", 2);
    own(&w->store, WEIR_INDEX_WILDCARD, "wide.example", "wide");
    own(&w->store, WEIR_INDEX_HOST, "shop.example", "shop");
    assert_int_equal(serves(w, "shop.example"), 2);
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(host, sizeof(host), "n%u.wide.example", i);
        assert_int_equal(serves(w, host), 1);
        assert_int_equal(reads_of(w, "shop.example"), 0);
    }
    assert_int_equal(weir_tenant_cache_len(w->cache), 2);
    assert_int_equal(metric(w, WEIR_M_TENANT_COMPILES), 2);
    world_free(w);
}

/* -- against the store's own truth -- */

#define TENANTS 12
#define HOSTS   20

static const char *owner_of(const struct weir_store *s, const char *host)
{
    for (size_t i = 0; i < s->num_rows; i++)
        if (s->rows[i].index == WEIR_INDEX_HOST &&
            weir_span_eq(weir_span(s->rows[i].key, s->rows[i].len), weir_span_cstr(host)))
            return s->rows[i].owner;
    for (const char *dot = strchr(host, '.'); dot; dot = strchr(dot + 1, '.'))
        for (size_t i = 0; i < s->num_rows; i++)
            if (s->rows[i].index == WEIR_INDEX_WILDCARD &&
                weir_span_eq(weir_span(s->rows[i].key, s->rows[i].len), weir_span_cstr(dot + 1)))
                return s->rows[i].owner;
    return NULL;
}

static void random_change(struct world *w, struct weir_rng *rng, uint64_t revisions[TENANTS])
{
    unsigned i = (unsigned)weir_rng_below(rng, TENANTS);
    char name[16], host[32];

    snprintf(name, sizeof(name), "t%u", i);
    snprintf(host, sizeof(host), "h%u.d%u.example", (unsigned)weir_rng_below(rng, HOSTS),
             (unsigned)weir_rng_below(rng, 3));
    switch (weir_rng_below(rng, 5)) {
    case 0:
        delete_tenant(&w->store, name);
        revisions[i] = 0;
        break;
    case 1:
        if (revisions[i] != 0)
            own(&w->store, WEIR_INDEX_WILDCARD, strchr(host, '.') + 1, name);
        break;
    case 2:
        if (revisions[i] != 0)
            own(&w->store, WEIR_INDEX_HOST, host, name);
        break;
    default:
        revisions[i] = w->store.clock + 1;
        put_tenant(&w->store, name, revisions[i]);
        break;
    }
    if (weir_rng_below(rng, 20) == 0)
        weir_tenant_cache_drop_all(w->cache);
    else
        changed(w, name, true);
}

static void whatever_happens_the_cache_finds_what_the_store_has(void **state)
{
    uint64_t revisions[TENANTS] = { 0 }; /* by tenant; 0: no record */
    struct world *w = world_new(5);      /* fewer than there are: evictions all the time */
    struct weir_rng rng;
    char host[32];

    (void)state;
    weir_rng_init(&rng, 4);
    for (unsigned turn = 0; turn < 20000; turn++) {
        if (weir_rng_below(&rng, 10) == 0)
            random_change(w, &rng, revisions);
        snprintf(host, sizeof(host), "h%u.d%u.example", (unsigned)weir_rng_below(&rng, HOSTS),
                 (unsigned)weir_rng_below(&rng, 3));
        const char *owner = owner_of(&w->store, host);
        long expected = owner ? (long)revisions[strtoul(owner + 1, NULL, 10)] : WEIR_ENOTFOUND;

        assert_int_equal(serves(w, host), expected);
        assert_in_range(weir_tenant_cache_len(w->cache), 0, 5);
    }
    assert_true(metric(w, WEIR_M_TENANT_EVICTIONS) > 100);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hit_reads_nothing),
        cmocka_unit_test(a_host_that_nobody_owns_is_not_remembered),
        cmocka_unit_test(an_exact_host_beats_a_wildcard_and_the_longest_wildcard_the_others),
        cmocka_unit_test(without_wildcards_only_the_host_itself_is_looked_up),
        cmocka_unit_test(the_walk_over_labels_is_bounded),
        cmocka_unit_test(hosts_of_every_length_are_found),
        cmocka_unit_test(a_dedicated_address_comes_before_any_host),
        cmocka_unit_test(a_push_recompiles_its_tenant_at_the_next_request_and_no_other),
        cmocka_unit_test(when_names_change_each_host_is_asked_for_once_and_nothing_is_recompiled),
        cmocka_unit_test(a_host_that_moves_leads_to_its_new_tenant),
        cmocka_unit_test(a_deleted_tenant_leaves_at_once),
        cmocka_unit_test(drop_all_checks_everything_again_and_compiles_only_what_changed),
        cmocka_unit_test(a_newer_record_that_does_not_compile_leaves_the_old_one_in_service),
        cmocka_unit_test(a_record_that_never_compiled_is_refused_without_trying_again),
        cmocka_unit_test(a_record_under_another_tenant_s_name_is_refused),
        cmocka_unit_test(a_damaged_record_leaves_the_old_one_in_service),
        cmocka_unit_test(an_index_row_without_its_record_is_nobody_s),
        cmocka_unit_test(what_is_known_is_served_while_the_store_cannot_be_read),
        cmocka_unit_test(every_failed_allocation_is_a_response_and_the_next_request_is_served),
        cmocka_unit_test(the_cache_holds_at_most_its_maximum_and_lets_the_unused_go),
        cmocka_unit_test(a_flood_of_names_under_a_wildcard_costs_no_other_tenant_its_place),
        cmocka_unit_test(whatever_happens_the_cache_finds_what_the_store_has),
    };
    weir_log_init(WEIR_LOG_ERROR, -1); /* refusals are expected: nothing to see */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
