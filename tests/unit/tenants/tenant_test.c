/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant_test.c - compiling stored tenants, and the routes of the result.
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
#include "node/wire/h1.h"
#include "tenants/defaults.h"
#include "tenants/tenant.h"
#include "tests/support/failalloc.h"
#include "tests/support/tenant_values.h"

static const struct weir_siphash_key secret = { { 3, 4 } };

static void assert_text(struct weir_span s, const char *text)
{
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.at, text, s.len);
}

/** Compile what must compile. */
static struct weir_tenant *compiled(struct stored *s)
{
    char why[WEIR_TENANT_WHY_MAX] = "";
    struct weir_tenant *t = NULL;
    enum weir_err err = weir_tenant_compile_why(stored_pack(s), &secret, &t, why);

    if (err != WEIR_OK)
        print_error("%s: %s\n", weir_err_name(err), why);
    assert_int_equal(err, WEIR_OK);
    assert_int_equal(t->refs, 1);
    assert_false(t->stale);
    return t;
}

/** The only endpoint of a tenant, its texts left behind. */
static struct weir_endpoint endpoint_of(const char *tenant, const char *address,
                                        const struct weir_siphash_key *key)
{
    struct weir_tenant *t = NULL;
    struct stored s;

    stored_init(&s, tenant);
    stored_host(&s, "shop.example.com");
    stored_endpoint(&s, stored_upstream(&s, "web"), address);
    assert_int_equal(weir_tenant_compile(stored_pack(&s), key, &t), WEIR_OK);
    struct weir_endpoint e = t->upstreams[0].endpoints[0];
    weir_tenant_unref(t);
    stored_deinit(&s);
    return e;
}

/** Compile what must be refused; the result stays untouched. */
static void assert_refused(struct stored *s, enum weir_err expected)
{
    struct weir_tenant *mark = (struct weir_tenant *)s, *t = mark;
    char why[WEIR_TENANT_WHY_MAX] = "";

    assert_int_equal(weir_tenant_compile_why(stored_pack(s), &secret, &t, why), expected);
    assert_ptr_equal(t, mark);
    assert_true(why[0] != '\0');
}

/* -- fields -- */

static void compile_applies_every_default(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    struct weir_tenant *t = compiled(&s);

    assert_text(t->name, "shop");
    assert_int_equal(t->revision, 1);
    assert_int_equal(t->max_header, WEIR_DEFAULT_MAX_HEADER);
    assert_int_equal(t->max_fields, 128);
    assert_false(t->trace);
    assert_int_equal(t->max_body, WEIR_DEFAULT_MAX_BODY);
    assert_int_equal(t->head_timeout_ms, WEIR_DEFAULT_HEAD_TIMEOUT_MS);
    assert_int_equal(t->body_timeout_ms, WEIR_DEFAULT_BODY_TIMEOUT_MS);
    assert_int_equal(t->min_rate, WEIR_DEFAULT_MIN_RATE);
    assert_int_equal(t->idle_timeout_ms, WEIR_DEFAULT_IDLE_TIMEOUT_MS);
    assert_int_equal(t->underscores, WEIR_UNDERSCORES_DROP);
    assert_int_equal(t->num_add_request, 0);
    assert_int_equal(t->num_error_pages, 0);
    assert_null(t->redirects);

    assert_int_equal(t->num_upstreams, 1);
    const struct weir_upstream *u = &t->upstreams[0];
    assert_text(u->name, "web");
    assert_int_equal(u->balance, WEIR_BALANCE_ROUND_ROBIN);
    assert_int_equal(u->connect_timeout_ms, WEIR_DEFAULT_CONNECT_TIMEOUT_MS);
    assert_int_equal(u->response_timeout_ms, WEIR_DEFAULT_RESPONSE_TIMEOUT_MS);
    assert_int_equal(u->http10_buffer, 0);
    assert_int_equal(u->pool_min_idle, WEIR_DEFAULT_POOL_MIN_IDLE);
    assert_int_equal(u->pool_max_idle, WEIR_DEFAULT_POOL_MAX_IDLE);
    assert_int_equal(u->pool_max, WEIR_DEFAULT_POOL_MAX);
    assert_int_equal(u->pool_idle_timeout_ms, WEIR_DEFAULT_POOL_IDLE_MS);
    assert_int_equal(u->pool_max_age_ms, WEIR_DEFAULT_POOL_MAX_AGE_MS);
    assert_int_equal(u->num_endpoints, 1);
    assert_int_equal(u->num_backups, 0);
    assert_int_equal(u->endpoints[0].weight, WEIR_DEFAULT_WEIGHT);
    assert_false(u->endpoints[0].backup);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void compile_has_what_the_document_gives(void **state)
{
    struct stored s;
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    Weir__V1__Pool pool = WEIR__V1__POOL__INIT;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    s.m.revision = 42;
    http.has_max_header = http.has_max_body = http.has_head_timeout = 1;
    http.has_body_timeout = http.has_min_rate = http.has_idle_timeout = 1;
    http.max_header = 8192;
    http.has_max_fields = http.has_trace = http.trace = 1;
    http.max_fields = 256;
    http.max_body = 5000000000ull;
    http.head_timeout = 3000;
    http.body_timeout = 4000;
    http.min_rate = 0;
    http.idle_timeout = 5000;
    s.t.http = &http;
    Weir__V1__Upstream *u = s.t.upstreams[0]->value;
    u->has_balance = u->has_connect_timeout = u->has_response_timeout = 1;
    u->balance = WEIR__V1__UPSTREAM__BALANCE__ip_hash;
    u->connect_timeout = 1500;
    u->response_timeout = 2500;
    u->has_http10_buffer = 1;
    u->http10_buffer = 1000;
    pool.has_min_idle = pool.has_max_idle = pool.has_max = pool.has_idle_timeout = 1;
    pool.has_max_age = 1;
    pool.max_age = 70000;
    pool.min_idle = 0;
    pool.max_idle = 3;
    pool.max = 7;
    pool.idle_timeout = 9000;
    u->pool = &pool;
    Weir__V1__Endpoint *e = stored_endpoint(&s, u, "10.0.0.2:81");
    e->has_weight = e->has_backup = 1;
    e->weight = 0;
    e->backup = 1;
    struct weir_tenant *t = compiled(&s);

    assert_int_equal(t->revision, 42);
    assert_int_equal(t->max_header, 8192);
    assert_int_equal(t->max_fields, 256);
    assert_true(t->trace);
    assert_true(t->max_body == 5000000000ull);
    assert_int_equal(t->head_timeout_ms, 3000);
    assert_int_equal(t->body_timeout_ms, 4000);
    assert_int_equal(t->min_rate, 0);
    assert_int_equal(t->idle_timeout_ms, 5000);
    assert_int_equal(t->upstreams[0].balance, WEIR_BALANCE_IP_HASH);
    assert_int_equal(t->upstreams[0].connect_timeout_ms, 1500);
    assert_int_equal(t->upstreams[0].response_timeout_ms, 2500);
    assert_int_equal(t->upstreams[0].http10_buffer, 1000);
    assert_int_equal(t->upstreams[0].pool_min_idle, 0);
    assert_int_equal(t->upstreams[0].pool_max_idle, 3);
    assert_int_equal(t->upstreams[0].pool_max, 7);
    assert_int_equal(t->upstreams[0].pool_idle_timeout_ms, 9000);
    assert_int_equal(t->upstreams[0].pool_max_age_ms, 70000);
    assert_int_equal(t->upstreams[0].num_backups, 1);
    assert_int_equal(t->upstreams[0].endpoints[1].index, 1);
    assert_int_equal(t->upstreams[0].endpoints[1].weight, 0);
    assert_true(t->upstreams[0].endpoints[1].backup);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static Weir__V1__Headers__AddRequestEntry *pair(struct stored *s, const char *key,
                                                const char *value)
{
    Weir__V1__Headers__AddRequestEntry *e = stored_new(s, sizeof(*e));

    weir__v1__headers__add_request_entry__init(e);
    e->key = stored_text(s, key);
    e->value = stored_text(s, value);
    return e;
}

static void via_is_a_pseudonym_or_nothing(void **state)
{
    static const char *const cases[][2] = {
        { NULL, "weir" }, { "on", "weir" }, { "off", "" }, { "edge-1", "edge-1" }
    };
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct stored s;
        Weir__V1__Headers h = WEIR__V1__HEADERS__INIT;
        stored_init_small(&s, "shop", "shop.example.com");
        if (cases[i][0] != NULL) {
            h.via = stored_text(&s, cases[i][0]);
            s.t.headers = &h;
        }
        struct weir_tenant *t = compiled(&s);
        assert_text(t->via, cases[i][1]);
        weir_tenant_unref(t);
        stored_deinit(&s);
    }
}

static void headers_and_error_pages_are_compiled_and_removals_are_lower_case(void **state)
{
    struct stored s;
    Weir__V1__Headers h = WEIR__V1__HEADERS__INIT;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    h.has_underscores = 1;
    h.underscores = WEIR__V1__HEADERS__UNDERSCORES__refuse;
    stored_append(&s, &h.add_request, &h.n_add_request, pair(&s, "X-Edge", "weir"));
    stored_append(&s, &h.remove_request, &h.n_remove_request, stored_text(&s, "X-Secret"));
    stored_append(&s, &h.remove_request, &h.n_remove_request, stored_text(&s, "VIA"));
    stored_append(&s, &h.remove_request, &h.n_remove_request, stored_text(&s, "x-real-ip"));
    stored_append(&s, &h.remove_response, &h.n_remove_response, stored_text(&s, "Server"));
    stored_append(&s, &h.remove_response, &h.n_remove_response, stored_text(&s, "X-Powered-By"));
    s.t.headers = &h;
    stored_error_page(&s, "502", "<p>Sorry.</p>", NULL);
    stored_error_page(&s, "404", "nothing", "text/plain");
    struct weir_tenant *t = compiled(&s);

    assert_int_equal(t->underscores, WEIR_UNDERSCORES_REFUSE);
    assert_int_equal(t->num_add_request, 1);
    assert_text(t->add_request[0].name, "X-Edge");
    assert_text(t->add_request[0].value, "weir");
    assert_int_equal(t->num_remove_request, 3);
    assert_text(t->remove_request[0], "x-secret");
    assert_int_equal(t->remove_request_ids, 1u << WEIR_FIELD_VIA | 1u << WEIR_FIELD_X_REAL_IP);
    assert_int_equal(t->num_add_response, 0);
    assert_int_equal(t->num_remove_response, 2);
    assert_text(t->remove_response[1], "x-powered-by");
    assert_int_equal(t->num_error_pages, 2);
    assert_int_equal(t->error_pages[0].status, 502);
    assert_text(t->error_pages[0].content_type, "text/html; charset=utf-8");
    assert_text(t->error_pages[0].body, "<p>Sorry.</p>");
    assert_text(t->error_pages[1].content_type, "text/plain");
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void endpoints_are_addresses_or_names(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    stored_endpoint(&s, s.t.upstreams[0]->value, "[2001:db8::1]:443");
    stored_endpoint(&s, s.t.upstreams[0]->value, "Origin.example.com:8080");
    struct weir_tenant *t = compiled(&s);
    const struct weir_endpoint *e = t->upstreams[0].endpoints;
    struct weir_addr expected;

    assert_int_equal(weir_addr_parse(WEIR_SPAN_LIT("10.0.0.1:8080"), &expected), WEIR_OK);
    assert_true(weir_addr_eq(&e[0].addr, &expected));
    assert_int_equal(e[0].addr.port, 8080);
    assert_int_equal(e[0].host.len, 0);
    assert_text(e[1].text, "[2001:db8::1]:443");
    assert_int_equal(e[1].addr.port, 443);
    assert_text(e[2].text, "Origin.example.com:8080");
    assert_text(e[2].host, "origin.example.com");
    assert_int_equal(e[2].host.at[e[2].host.len], 0);
    assert_int_equal(e[2].addr.port, 8080);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void the_key_of_an_endpoint_outlives_changes_elsewhere(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    stored_endpoint(&s, s.t.upstreams[0]->value, "10.0.0.2:8080");
    struct weir_tenant *before = compiled(&s);

    /* Another weight, another host, an endpoint in front: the same endpoint still. */
    s.t.upstreams[0]->value->endpoints[1]->has_weight = 1;
    s.t.upstreams[0]->value->endpoints[1]->weight = 7;
    stored_host(&s, "www.example.com");
    s.t.upstreams[0]->value->endpoints[0]->address = stored_text(&s, "10.0.0.9:8080");
    struct weir_tenant *after = compiled(&s);
    assert_true(before->upstreams[0].endpoints[1].key == after->upstreams[0].endpoints[1].key);
    assert_true(before->upstreams[0].endpoints[0].key != after->upstreams[0].endpoints[0].key);
    assert_true(before->upstreams[0].endpoints[1].stable_hash ==
                after->upstreams[0].endpoints[1].stable_hash);
    weir_tenant_unref(after);

    s.t.name = stored_text(&s, "shop2");
    after = compiled(&s);
    assert_true(before->upstreams[0].endpoints[1].key != after->upstreams[0].endpoints[1].key);
    weir_tenant_unref(after);
    weir_tenant_unref(before);
    stored_deinit(&s);
}

static void the_key_of_an_endpoint_hangs_on_the_secret_and_its_hash_does_not(void **state)
{
    struct weir_endpoint known = endpoint_of("shop", "10.0.0.1:8080", &secret);

    (void)state;
    for (unsigned bit = 0; bit < 128; bit++) {
        struct weir_siphash_key other = secret;

        other.k[bit / 64] ^= 1ull << (bit % 64);
        struct weir_endpoint e = endpoint_of("shop", "10.0.0.1:8080", &other);
        assert_true(e.key != known.key);
        assert_true(e.stable_hash == known.stable_hash);
    }
    /* For ever: another value would send clients of IP hash to other endpoints. */
    assert_true(known.stable_hash == 0xb9f23c44a6ca8f0eull);
}

/** Endpoints of two tenants with one stable hash, such as anybody can find in minutes. Were it the
 * key, the first could have the other marked out. */
static void endpoints_made_to_share_a_hash_do_not_share_a_key(void **state)
{
    static const struct weir_siphash_key secrets[] = { { { 0, 0 } },
                                                       { { 3, 4 } },
                                                       { { ~0ull, 1 } } };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(secrets); i++) {
        struct weir_endpoint a = endpoint_of("attacker", "k4bahba6srlom.test:80", &secrets[i]);
        struct weir_endpoint b = endpoint_of("victim", "zaiuo7xtyrmum.test:80", &secrets[i]);

        assert_true(a.stable_hash == b.stable_hash);
        assert_true(a.key != b.key);
    }
}

static void a_usual_tenant_is_smaller_than_a_kibibyte(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    stored_host(&s, "www.shop.example.com");
    stored_host(&s, "*.shop.example.com");
    stored_endpoint(&s, s.t.upstreams[0]->value, "10.0.0.2:8080");
    stored_route(&s, "/", "web");
    struct weir_tenant *t = compiled(&s);

    assert_in_range(t->block_len, 1, 1023);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

/* -- routes -- */

static const char *route_of(const struct weir_tenant *t, const char *path)
{
    static char out[WEIR_PATH_MAX + 2];
    const struct weir_route *r = weir_tenant_route(t, weir_span_cstr(path));

    if (!r)
        return "none";
    snprintf(out, sizeof(out), "%s%.*s", r->exact ? "=" : "", (int)r->path.len,
             (const char *)r->path.at);
    return out;
}

static void one_upstream_and_no_route_serves_every_path(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    struct weir_tenant *t = compiled(&s);

    assert_string_equal(route_of(t, "/anything"), "/");
    assert_ptr_equal(t->routes[0].upstream, &t->upstreams[0]);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void an_exact_route_beats_the_longest_prefix(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    stored_endpoint(&s, stored_upstream(&s, "other"), "10.0.0.3:80");
    stored_route(&s, "/api/", "web");
    stored_route(&s, "/api", "other");
    stored_route(&s, "=/api/x", "other");
    stored_route(&s, "/api/x", "web");
    struct weir_tenant *t = compiled(&s);

    assert_string_equal(route_of(t, "/api/x"), "=/api/x");
    assert_string_equal(route_of(t, "/api/xy"), "/api/x");
    assert_string_equal(route_of(t, "/api/y"), "/api/");
    assert_string_equal(route_of(t, "/apis"), "/api");
    assert_string_equal(route_of(t, "/"), "none");
    assert_text(weir_tenant_route(t, WEIR_SPAN_LIT("/apis"))->upstream->name, "other");
    assert_int_equal(weir_tenant_route(t, WEIR_SPAN_LIT("/apis"))->index, 1);
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void routes_come_exact_first_then_longest_first(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    stored_route(&s, "/", "web");
    stored_route(&s, "/long/prefix/", "web");
    stored_route(&s, "=/z", "web");
    stored_route(&s, "/mid/", "web");
    stored_route(&s, "=/a", "web");
    struct weir_tenant *t = compiled(&s);

    assert_int_equal(t->num_routes, 5);
    assert_text(t->routes[0].path, "/a");
    assert_text(t->routes[1].path, "/z");
    assert_text(t->routes[2].path, "/long/prefix/");
    assert_text(t->routes[3].path, "/mid/");
    assert_text(t->routes[4].path, "/");
    weir_tenant_unref(t);
    stored_deinit(&s);
}

/** The rule in words: an exact route that equals, else the longest prefix. */
static const struct weir_route *naive_route(const struct weir_tenant *t, struct weir_span path)
{
    const struct weir_route *best = NULL;

    for (size_t i = 0; i < t->num_routes; i++) {
        const struct weir_route *r = &t->routes[i];

        if (r->exact && weir_span_eq(r->path, path))
            return r;
        if (!r->exact && weir_span_starts(path, r->path) && (!best || r->path.len > best->path.len))
            best = r;
    }
    return best;
}

static void random_path(struct weir_rng *rng, char out[20])
{
    size_t len = 1 + weir_rng_below(rng, 10);

    out[0] = '/';
    for (size_t i = 1; i < len; i++)
        out[i] = "abc/"[weir_rng_below(rng, 4)];
    out[len] = '\0';
}

/** @param num distinct routes, exact and prefix mixed */
static void routes_match_naive(struct weir_rng *rng, size_t num)
{
    struct stored s;
    char path[20], text[24];

    stored_init_small(&s, "shop", "shop.example.com");
    for (size_t tries = 0; s.t.n_routes < num && tries < 50 * num; tries++) {
        bool known = false;

        random_path(rng, path);
        snprintf(text, sizeof(text), "%s%s", weir_rng_below(rng, 3) == 0 ? "=" : "", path);
        for (size_t i = 0; i < s.t.n_routes; i++)
            known |= strcmp(s.t.routes[i]->path, text) == 0;
        if (!known)
            stored_route(&s, text, "web");
    }
    struct weir_tenant *t = compiled(&s);
    assert_int_equal(t->num_routes, s.t.n_routes);
    for (unsigned i = 0; i < 2000; i++) {
        random_path(rng, path);
        assert_ptr_equal(weir_tenant_route(t, weir_span_cstr(path)),
                         naive_route(t, weir_span_cstr(path)));
    }
    weir_tenant_unref(t);
    stored_deinit(&s);
}

static void routes_agree_with_a_naive_search(void **state)
{
    static const size_t sizes[] = { 1, 2, 7, 8, 9, 30, 200, WEIR_ROUTES_MAX };
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 11);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++)
        routes_match_naive(&rng, sizes[i]);
}

/* -- limits and hostile bytes -- */

static void counts_at_their_limit_pass_and_one_beyond_is_refused(void **state)
{
    struct stored s;
    char text[64];

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    for (unsigned i = 1; i < WEIR_ENDPOINTS_MAX; i++) {
        snprintf(text, sizeof(text), "10.1.%u.%u:80", i / 250, i % 250 + 1);
        stored_endpoint(&s, s.t.upstreams[0]->value, text);
    }
    for (unsigned i = 0; i < WEIR_ROUTES_MAX; i++) {
        snprintf(text, sizeof(text), "/r%u/", i);
        stored_route(&s, text, "web");
    }
    struct weir_tenant *t = compiled(&s);
    assert_int_equal(t->upstreams[0].num_endpoints, WEIR_ENDPOINTS_MAX);
    assert_int_equal(t->num_routes, WEIR_ROUTES_MAX);
    weir_tenant_unref(t);

    stored_route(&s, "/one-too-many/", "web");
    assert_refused(&s, WEIR_EINVAL);
    s.t.n_routes = 0;
    stored_endpoint(&s, s.t.upstreams[0]->value, "10.2.0.1:80");
    assert_refused(&s, WEIR_EINVAL);
    stored_deinit(&s);
}

static void what_does_not_hold_is_refused(void **state)
{
    static const char *const bad_addresses[] = {
        "",    "10.0.0.1", "10.0.0.1:0", "10.0.0.1:65536", "origin",
        ":80", "a b:80",   "[::1]",      "user@x:80"
    };
    struct stored s;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad_addresses); i++) {
        stored_init_small(&s, "shop", "shop.example.com");
        stored_endpoint(&s, s.t.upstreams[0]->value, bad_addresses[i]);
        assert_refused(&s, WEIR_EINVAL);
        stored_deinit(&s);
    }
    stored_init_small(&s, "shop", "shop.example.com");
    stored_route(&s, "/", "nowhere");
    assert_refused(&s, WEIR_EINVAL);
    s.t.n_routes = 0;
    stored_route(&s, "no-slash", "web");
    assert_refused(&s, WEIR_EINVAL);
    s.t.n_routes = 0;
    s.t.upstreams[0]->value->endpoints[0]->has_weight = 1;
    s.t.upstreams[0]->value->endpoints[0]->weight = 65536;
    assert_refused(&s, WEIR_EINVAL);
    s.t.n_upstreams = 0;
    stored_upstream(&s, "empty");
    assert_refused(&s, WEIR_EINVAL);
    stored_deinit(&s);
}

static void absent_parts_of_a_message_are_no_crash(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    s.t.name = NULL;
    assert_refused(&s, WEIR_EINVAL);
    s.t.name = stored_text(&s, "shop");
    s.t.upstreams[0]->key = NULL;
    assert_refused(&s, WEIR_EINVAL);
    s.t.upstreams[0]->key = stored_text(&s, "web");
    s.t.upstreams[0]->value->endpoints[0]->address = NULL;
    assert_refused(&s, WEIR_EINVAL);
    s.t.upstreams[0]->value = NULL;
    assert_refused(&s, WEIR_EINVAL);
    s.m.tenant = NULL;
    assert_refused(&s, WEIR_ECORRUPT);
    stored_deinit(&s);
}

static void tries_compile(struct weir_span value)
{
    uint8_t *copy = malloc(value.len + 1); /* its own block: the sanitizer sees every byte beyond */
    struct weir_tenant *t = NULL;

    assert_non_null(copy);
    memcpy(copy, value.at, value.len);
    enum weir_err err = weir_tenant_compile(weir_span(copy, value.len), &secret, &t);
    free(copy);
    assert_true(err == WEIR_OK || err == WEIR_EINVAL || err == WEIR_ECORRUPT);
    if (err == WEIR_OK)
        weir_tenant_unref(t);
    else
        assert_null(t);
}

/** A tenant with something of everything. */
static void stored_init_full(struct stored *s)
{
    stored_init_small(s, "shop", "shop.example.com");
    stored_endpoint(s, s->t.upstreams[0]->value, "origin.example.com:8080");
    stored_route(s, "/", "web");
    stored_route(s, "=/exact", "web");
    Weir__V1__Redirect *r = stored_redirect(s);
    r->has_port = 1;
    r->port = 80;
    r->path = stored_text(s, "/");
    r->to->scheme = stored_text(s, "https");
    r = stored_redirect(s);
    r->path = stored_text(s, "/.well-known/");
    r->to->has_none = r->to->none = 1;
    stored_error_page(s, "502", "<p>Sorry.</p>", NULL);
    stored_claim(s, "shop.example.com", 77);
}

static void every_truncation_and_every_changed_byte_is_survived(void **state)
{
    struct stored s;
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 3);
    stored_init_full(&s);
    struct weir_span value = stored_pack(&s);
    for (size_t len = 0; len <= value.len; len++)
        tries_compile(weir_span(value.at, len));
    uint8_t *bytes = (uint8_t *)stored_new(&s, value.len);
    for (size_t at = 0; at < value.len; at++)
        for (unsigned i = 0; i < 8; i++) {
            memcpy(bytes, value.at, value.len);
            bytes[at] = (uint8_t)weir_rng_next(&rng);
            tries_compile(weir_span(bytes, value.len));
        }
    stored_deinit(&s);
}

static void a_message_that_swells_is_refused(void **state)
{
    size_t len = WEIR_RECORD_MAX;
    uint8_t *value = malloc(len);
    struct weir_tenant *t = NULL;

    (void)state;
    assert_non_null(value);
    /* Field 1 of StoredTenant, as long as the record; in it nothing but empty routes: 2 bytes in,
     * 64 out. */
    const uint8_t head[] = { 0x0a, 0xfc, 0xff, 0x3f };
    memcpy(value, head, sizeof(head));
    for (size_t i = sizeof(head); i + 1 < len; i += 2) {
        value[i] = 0x32;
        value[i + 1] = 0x00;
    }
    assert_int_equal(weir_tenant_compile(weir_span(value, len), &secret, &t), WEIR_ECORRUPT);
    assert_null(t);
    free(value);

    value = calloc(1, len + 1);
    assert_non_null(value);
    assert_int_equal(weir_tenant_compile(weir_span(value, len + 1), &secret, &t), WEIR_ECORRUPT);
    free(value);
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    struct stored s;

    (void)state;
    stored_init_full(&s);
    struct weir_span value = stored_pack(&s);
    for (long n = 1;; n++) {
        struct weir_tenant *t = NULL;

        weir_failalloc_after(n);
        enum weir_err err = weir_tenant_compile(value, &secret, &t);
        unsigned long asked = weir_failalloc_count();
        weir_failalloc_after(-1);
        if (asked < (unsigned long)n) {
            assert_int_equal(err, WEIR_OK);
            weir_tenant_unref(t);
            assert_true(n > 2);
            break;
        }
        assert_int_equal(err, WEIR_ENOMEM);
        assert_null(t);
    }
    stored_deinit(&s);
}

static void the_last_reference_frees(void **state)
{
    struct stored s;

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    struct weir_tenant *t = compiled(&s);

    assert_ptr_equal(weir_tenant_ref(t), t);
    assert_int_equal(t->refs, 2);
    weir_tenant_unref(t);
    assert_int_equal(t->refs, 1);
    weir_tenant_unref(t);
    weir_tenant_unref(NULL);
    stored_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compile_applies_every_default),
        cmocka_unit_test(compile_has_what_the_document_gives),
        cmocka_unit_test(via_is_a_pseudonym_or_nothing),
        cmocka_unit_test(headers_and_error_pages_are_compiled_and_removals_are_lower_case),
        cmocka_unit_test(endpoints_are_addresses_or_names),
        cmocka_unit_test(the_key_of_an_endpoint_outlives_changes_elsewhere),
        cmocka_unit_test(the_key_of_an_endpoint_hangs_on_the_secret_and_its_hash_does_not),
        cmocka_unit_test(endpoints_made_to_share_a_hash_do_not_share_a_key),
        cmocka_unit_test(a_usual_tenant_is_smaller_than_a_kibibyte),
        cmocka_unit_test(one_upstream_and_no_route_serves_every_path),
        cmocka_unit_test(an_exact_route_beats_the_longest_prefix),
        cmocka_unit_test(routes_come_exact_first_then_longest_first),
        cmocka_unit_test(routes_agree_with_a_naive_search),
        cmocka_unit_test(counts_at_their_limit_pass_and_one_beyond_is_refused),
        cmocka_unit_test(what_does_not_hold_is_refused),
        cmocka_unit_test(absent_parts_of_a_message_are_no_crash),
        cmocka_unit_test(every_truncation_and_every_changed_byte_is_survived),
        cmocka_unit_test(a_message_that_swells_is_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
        cmocka_unit_test(the_last_reference_frees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
