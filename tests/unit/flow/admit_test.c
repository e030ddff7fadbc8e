/* SPDX-License-Identifier: Apache-2.0
 *
 * admit_test.c - what becomes of a request, with real tenants in a real store behind the cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/admit.h"
#include "tests/support/sites.h"

static const struct weir_tenant_seeds seeds = { .hosts = 99, .endpoints = { { 3, 4 } } };

#define SHARED    "192.0.2.1:80"
#define DEDICATED "203.0.113.10:8080"

struct world {
    struct kit kit;
    struct weir_metrics metrics;
    struct weir_tenant_cache *cache;
    struct weir_admit admit;
};

static void put_redirect(struct stored *s, const char *path, const char *to_path, unsigned code)
{
    Weir__V1__Redirect *r = stored_redirect(s);
    r->path = stored_text(s, path);
    r->to->path = stored_text(s, to_path);
    r->to->has_code = code != 0;
    r->to->code = code;
}

/* Two upstreams, routes of both kinds, redirects. */
static void put_shop(struct kit *k)
{
    struct stored s;
    stored_init(&s, "shop");
    stored_host(&s, "shop.example");
    stored_host(&s, "*.shop.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    stored_endpoint(&s, stored_upstream(&s, "api"), "10.0.0.2:80");
    stored_route(&s, "/", "web");
    stored_host(&s, "[2001:db8::9]");
    stored_route(&s, "/api/", "api");
    stored_route(&s, "/caf%C3%A9/", "api");
    stored_route(&s, "/%5Bx%5D/", "api");
    stored_route(&s, "=/exact", "api");
    put_redirect(&s, "/old/", "/new/", 308);
    put_redirect(&s, "=/home", "/", 0);
    sites_put(k, &s);
}

/* Limits, "_" refused, and one path only. */
static void put_strict(struct kit *k)
{
    struct stored s;
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    Weir__V1__Headers headers = WEIR__V1__HEADERS__INIT;
    stored_init(&s, "strict");
    stored_host(&s, "strict.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    stored_route(&s, "/only/", "web");
    put_redirect(&s, "/only/moved/", "/only/new/", 301);
    http.has_max_header = http.has_max_body = 1;
    http.max_header = 1024;
    http.max_body = 10;
    http.has_max_fields = 1;
    http.max_fields = 20;
    headers.has_underscores = 1;
    headers.underscores = WEIR__V1__HEADERS__UNDERSCORES__refuse;
    s.t.http = &http;
    s.t.headers = &headers;
    sites_put(k, &s);
}

/* A whole destination address; its redirects have no host of their own. */
static void put_dedicated(struct kit *k)
{
    struct stored s;
    stored_init(&s, "dedicated");
    stored_address(&s, "203.0.113.10");
    stored_host(&s, "dedicated.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.3:80");
    put_redirect(&s, "/old/", "/new/", 302);
    Weir__V1__Http http = WEIR__V1__HTTP__INIT;
    http.has_trace = http.trace = 1;
    s.t.http = &http;
    sites_put(k, &s);
}

/* Everything has moved. */
static void put_moved(struct kit *k)
{
    struct stored s;
    stored_init(&s, "moved");
    stored_host(&s, "moved.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    Weir__V1__Redirect *r = stored_redirect(&s);
    r->to->host = stored_text(&s, "new.example");
    sites_put(k, &s);
}

/* Only for https. */
static void put_secure(struct kit *k)
{
    struct stored s;
    stored_init(&s, "secure");
    stored_host(&s, "secure.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    Weir__V1__Redirect *r = stored_redirect(&s);
    r->to->scheme = stored_text(&s, "https");
    sites_put(k, &s);
}

/* A record that claims a host and cannot be served: its route leads nowhere. */
static void put_broken(struct kit *k)
{
    struct stored s;
    stored_init(&s, "broken");
    stored_host(&s, "broken.example");
    stored_endpoint(&s, stored_upstream(&s, "web"), "10.0.0.1:80");
    stored_route(&s, "/", "elsewhere");
    sites_put(k, &s);
}

static int set_up(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    kit_quiet();
    sites_open(&w->kit);
    put_shop(&w->kit);
    put_strict(&w->kit);
    put_dedicated(&w->kit);
    put_moved(&w->kit);
    put_secure(&w->kit);
    put_broken(&w->kit);
    assert_int_equal(weir_tenant_cache_new(w->kit.s, &seeds, 16, &w->metrics, &w->cache), WEIR_OK);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    weir_tenant_cache_free(&w->cache);
    sites_close(&w->kit);
    free(w);
    return 0;
}

/* The head must outlive the checks of the result, which borrows from it. */
static void admit_as(struct world *w, struct weir_span head, const char *local_text, bool https)
{
    struct weir_h1_head h;
    struct weir_addr local;
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    enum weir_step step = weir_h1_head_feed(&h, head);
    if (step != WEIR_STEP_DONE)
        print_error("%s: %.200s\n", weir_h1_fault_name(h.fault), (const char *)head.at);
    assert_int_equal(step, WEIR_STEP_DONE);
    assert_int_equal(weir_addr_parse(weir_span_cstr(local_text), &local), WEIR_OK);
    struct weir_arrival arrival = { .head = &h,
                                    .bytes = head.at,
                                    .local = &local,
                                    .https = https,
                                    .cdn_id = WEIR_SPAN_LIT("weir-edge") };
    weir_admit_request(&w->admit, w->cache, &arrival);
}

static void admit(struct world *w, struct weir_span head, const char *local_text)
{
    admit_as(w, head, local_text, false);
}

static void assert_text(struct weir_span s, const char *text)
{
    if (!weir_span_eq(s, weir_span_cstr(text)))
        fail_msg("\"%.*s\" instead of \"%s\"", (int)s.len, (const char *)s.at, text);
}

/* -- forwarded -- */

struct forward_case {
    const char *local;
    const char *head;
    const char *tenant, *upstream, *host;
};

#define GET(target, host) "GET " target " HTTP/1.1\r\nHost: " host "\r\n\r\n"

static const struct forward_case forwards[] = {
    { SHARED, GET("/", "shop.example"), "shop", "web", "shop.example" },
    /* The one authority: in any case, with a port, with its final dot, by the wildcard. */
    { SHARED, GET("/", "SHOP.example:8080"), "shop", "web", "SHOP.example:8080" },
    { SHARED, GET("/", "shop.example."), "shop", "web", "shop.example." },
    { SHARED, GET("/", "a.b.shop.example"), "shop", "web", "a.b.shop.example" },
    { SHARED, "GET http://shop.example/api/x HTTP/1.1\r\nHost: strict.example\r\n\r\n", "shop",
      "api", "shop.example" },
    { SHARED, "GET http://shop.example HTTP/1.1\r\nHost: x\r\n\r\n", "shop", "web",
      "shop.example" },
    /* Routing compares the one normal form of the path. */
    { SHARED, GET("/api/x?y", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/%61pi/x", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/x/../api/y", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/api/%2e%2e/y", "shop.example"), "shop", "web", "shop.example" },
    { SHARED, GET("/caf%C3%A9/x", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/caf%c3%a9/x", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/caf\xc3\xa9/x", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/%5Bx%5d/", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/[x]/", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, "GET http://shop.example?/api/ HTTP/1.1\r\nHost: x\r\n\r\n", "shop", "web",
      "shop.example" },
    /* An empty port; every spelling of an address. */
    { SHARED, GET("/", "shop.example:"), "shop", "web", "shop.example" },
    { SHARED, GET("/", "[2001:DB8:0::0:9]:8080"), "shop", "web", "[2001:DB8:0::0:9]:8080" },
    { SHARED, GET("/", "[2001:db8::9]"), "shop", "web", "[2001:db8::9]" },
    { SHARED, GET("/exact", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/exact?q=1", "shop.example"), "shop", "api", "shop.example" },
    { SHARED, GET("/exact/", "shop.example"), "shop", "web", "shop.example" },
    { SHARED, "OPTIONS * HTTP/1.1\r\nHost: shop.example\r\n\r\n", "shop", "web", "shop.example" },
    { SHARED, "GET / HTTP/1.0\r\nHost: shop.example\r\n\r\n", "shop", "web", "shop.example" },
    /* What is about the server as a whole has no path to be redirected by. */
    { SHARED, "OPTIONS * HTTP/1.1\r\nHost: moved.example\r\n\r\n", "moved", "web",
      "moved.example" },
    { SHARED, "OPTIONS http://moved.example HTTP/1.1\r\nHost: x\r\n\r\n", "moved", "web",
      "moved.example" },
    /* A dedicated address wins over any name, and needs none. */
    { DEDICATED, GET("/", "shop.example"), "dedicated", "web", "shop.example" },
    { DEDICATED, GET("/", "unknown.example"), "dedicated", "web", "unknown.example" },
    { DEDICATED, "GET / HTTP/1.0\r\n\r\n", "dedicated", "web", DEDICATED },
    { SHARED, GET("/", "dedicated.example"), "dedicated", "web", "dedicated.example" },
    /* Another cluster's identity is no loop. */
    { SHARED, "GET / HTTP/1.1\r\nHost: shop.example\r\nCDN-Loop: weir, weir-edge2\r\n\r\n", "shop",
      "web", "shop.example" },
    /* Where it is allowed, TRACE goes on like anything else; so does OPTIONS everywhere. */
    { SHARED, "TRACE / HTTP/1.1\r\nHost: dedicated.example\r\n\r\n", "dedicated", "web",
      "dedicated.example" },
    { SHARED, "TRACE / HTTP/1.1\r\nHost: dedicated.example\r\nMax-Forwards: 1\r\n\r\n", "dedicated",
      "web", "dedicated.example" },
    { SHARED, "OPTIONS / HTTP/1.1\r\nHost: shop.example\r\nMax-Forwards: 1\r\n\r\n", "shop", "web",
      "shop.example" },
    { SHARED, "GET / HTTP/1.1\r\nHost: shop.example\r\nMax-Forwards: 0\r\n\r\n", "shop", "web",
      "shop.example" },
    /* The body's limit is a limit, not one less. */
    { SHARED, "POST /only/ HTTP/1.1\r\nHost: strict.example\r\nContent-Length: 10\r\n\r\n",
      "strict", "web", "strict.example" },
    { SHARED, "POST /only/ HTTP/1.1\r\nHost: strict.example\r\nTransfer-Encoding: chunked\r\n\r\n",
      "strict", "web", "strict.example" },
};

static void a_request_goes_to_the_route_of_its_tenant(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(forwards); i++) {
        const struct forward_case *c = &forwards[i];
        admit(w, weir_span_cstr(c->head), c->local);
        if (w->admit.what != WEIR_ADMIT_FORWARD)
            print_error("%s\n", c->head);
        assert_int_equal(w->admit.what, WEIR_ADMIT_FORWARD);
        assert_int_equal(w->admit.outcome, WEIR_OUTCOME_OK);
        assert_int_equal(w->admit.status, 0);
        assert_text(w->admit.tenant->name, c->tenant);
        assert_text(w->admit.route->upstream->name, c->upstream);
        assert_text(w->admit.host, c->host);
        assert_text(w->admit.why, "");
    }
}

/* -- responses -- */

struct response_case {
    const char *local;
    const char *head;
    uint16_t status;
    enum weir_access_outcome outcome;
    const char *tenant; /* NULL: no tenant has the host */
};

static const struct response_case responses[] = {
    { SHARED, GET("/", "unknown.example"), 404, WEIR_OUTCOME_UNKNOWN_HOST, NULL },
    { SHARED, GET("/", "192.0.2.1"), 404, WEIR_OUTCOME_UNKNOWN_HOST, NULL },
    { SHARED, GET("/", "[::1]:80"), 404, WEIR_OUTCOME_UNKNOWN_HOST, NULL },
    { SHARED, "GET / HTTP/1.0\r\n\r\n", 404, WEIR_OUTCOME_UNKNOWN_HOST, NULL },
    { SHARED, GET("/", "broken.example"), 503, WEIR_OUTCOME_TENANT_BROKEN, NULL },
    { SHARED, GET("/", "strict.example"), 404, WEIR_OUTCOME_NO_ROUTE, "strict" },
    { SHARED, GET("/onlyx", "strict.example"), 404, WEIR_OUTCOME_NO_ROUTE, "strict" },
    { SHARED, GET("/../x", "shop.example"), 400, WEIR_OUTCOME_MALFORMED, "shop" },
    { SHARED, GET("/%2e%2e/%2E./x", "shop.example"), 400, WEIR_OUTCOME_MALFORMED, "shop" },
    { SHARED, "POST /only/ HTTP/1.1\r\nHost: strict.example\r\nContent-Length: 11\r\n\r\n", 413,
      WEIR_OUTCOME_TOO_LARGE, "strict" },
    { SHARED, "GET /only/ HTTP/1.1\r\nHost: strict.example\r\nX_Y: 1\r\n\r\n", 400,
      WEIR_OUTCOME_REFUSED, "strict" },
    /* Fault 6: it was here before. */
    { SHARED, "GET / HTTP/1.1\r\nHost: shop.example\r\nCDN-Loop: a, weir-edge\r\n\r\n", 508,
      WEIR_OUTCOME_LOOP, "shop" },
    { SHARED, "GET / HTTP/1.1\r\nHost: shop.example\r\nCDN-Loop: \"a\r\n\r\n", 400,
      WEIR_OUTCOME_MALFORMED, "shop" },
};

static void request_that_cannot_be_forwarded_gets_a_response_with_a_reason(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(responses); i++) {
        const struct response_case *c = &responses[i];
        admit(w, weir_span_cstr(c->head), c->local);
        assert_int_equal(w->admit.what, WEIR_ADMIT_RESPONSE);
        assert_int_equal(w->admit.status, c->status);
        assert_int_equal(w->admit.outcome, c->outcome);
        assert_true(w->admit.why.len > 0);
        assert_null(w->admit.route);
        if (c->tenant == NULL)
            assert_null(w->admit.tenant);
        else
            assert_text(w->admit.tenant->name, c->tenant);
    }
}

#define ENDS(method, target, host)                                                                 \
    method " " target " HTTP/1.1\r\nHost: " host "\r\nMax-Forwards: 0\r\nCookie: a\r\n\r\n"

/* RFC 9110 7.6.2: the request ends here, before any redirect and whatever its route. */
static void options_and_trace_with_max_forwards_0_end_here(void **state)
{
    static const struct {
        const char *head, *message;
        uint16_t status;
        enum weir_access_outcome outcome;
    } cases[] = {
        { ENDS("OPTIONS", "*", "shop.example"), "", 200, WEIR_OUTCOME_MAX_FORWARDS },
        { ENDS("OPTIONS", "/x", "moved.example"), "", 200, WEIR_OUTCOME_MAX_FORWARDS },
        { ENDS("OPTIONS", "/", "strict.example"), "", 200, WEIR_OUTCOME_MAX_FORWARDS },
        { ENDS("TRACE", "/?a", "dedicated.example"),
          "TRACE /?a HTTP/1.1\r\nHost: dedicated.example\r\nMax-Forwards: 0\r\n\r\n", 200,
          WEIR_OUTCOME_MAX_FORWARDS },
        { ENDS("TRACE", "/", "shop.example"), "", 405, WEIR_OUTCOME_REFUSED },
        { "TRACE / HTTP/1.1\r\nHost: shop.example\r\n\r\n", "", 405, WEIR_OUTCOME_REFUSED },
        { "TRACE /x HTTP/1.1\r\nHost: moved.example\r\n\r\n", "", 405, WEIR_OUTCOME_REFUSED },
        { ENDS("OPTIONS", "*", "unknown.example"), "", 404, WEIR_OUTCOME_UNKNOWN_HOST },
    };
    struct world *w = *state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        admit(w, weir_span_cstr(cases[i].head), SHARED);
        assert_int_equal(w->admit.what, WEIR_ADMIT_RESPONSE);
        assert_int_equal(w->admit.status, cases[i].status);
        assert_int_equal(w->admit.outcome, cases[i].outcome);
        assert_text(w->admit.message, cases[i].message);
        assert_false(w->admit.close);
    }
}

/* A head for strict.example of exactly this length. */
static struct weir_span head_of_length(char *out, size_t len)
{
    static const char begin[] = "GET /only/ HTTP/1.1\r\nHost: strict.example\r\nA: ";
    size_t from = sizeof(begin) - 1;
    memcpy(out, begin, from);
    memset(out + from, 'a', len - from - 4);
    memcpy(out + len - 4, "\r\n\r\n", 4);
    return weir_span(out, len);
}

static void a_head_may_be_as_long_as_its_site_allows_and_no_longer(void **state)
{
    struct world *w = *state;
    static char head[2048];
    for (size_t len = 1023; len <= 1025; len++) {
        admit(w, head_of_length(head, len), SHARED);
        assert_int_equal(w->admit.what, len > 1024 ? WEIR_ADMIT_RESPONSE : WEIR_ADMIT_FORWARD);
        assert_int_equal(w->admit.status, len > 1024 ? 431 : 0);
    }
}

/* A head for this host with `num` fields, Host among them. */
static struct weir_span head_of_fields(char *out, size_t size, const char *host, size_t num)
{
    int len = snprintf(out, size, "GET /only/ HTTP/1.1\r\nHost: %s\r\n", host);
    for (size_t i = 1; i < num; i++)
        len += snprintf(out + len, size - (size_t)len, "A%zu: b\r\n", i);
    len += snprintf(out + len, size - (size_t)len, "\r\n");
    assert_in_range(len, 1, size - 1);
    return weir_span(out, (size_t)len);
}

/* The parser's own limit ends the connection; so does this one, which nobody should meet by luck.
 */
static void a_head_may_have_as_many_fields_as_its_site_allows_and_no_more(void **state)
{
    struct world *w = *state;
    static char head[4096];
    for (size_t num = 19; num <= 21; num++) {
        admit(w, head_of_fields(head, sizeof(head), "strict.example", num), SHARED);
        assert_int_equal(w->admit.what, num > 20 ? WEIR_ADMIT_RESPONSE : WEIR_ADMIT_FORWARD);
        assert_int_equal(w->admit.status, num > 20 ? 431 : 0);
        assert_int_equal(w->admit.close, num > 20);
    }
    for (size_t num = 128; num <= 129; num++) {
        admit(w, head_of_fields(head, sizeof(head), "shop.example", num), SHARED);
        assert_int_equal(w->admit.status, num > 128 ? 431 : 0);
    }
    admit(w, weir_span_cstr(GET("/../", "shop.example")), SHARED);
    assert_false(w->admit.close);
}

/* -- redirected -- */

struct redirect_case {
    const char *local;
    const char *head;
    uint16_t status;
    const char *location;
};

static const struct redirect_case redirects[] = {
    { SHARED, GET("/old/a?b=c", "shop.example"), 308, "http://shop.example/new/a?b=c" },
    { SHARED, "GET http://moved.example HTTP/1.1\r\nHost: x\r\n\r\n", 301, "http://new.example/" },
    { SHARED, "OPTIONS /x HTTP/1.1\r\nHost: moved.example\r\n\r\n", 301, "http://new.example/x" },
    { SHARED, GET("/home", "x.shop.example"), 301, "http://x.shop.example/" },
    { SHARED, GET("/%6fld/a", "shop.example"), 308, "http://shop.example/new/a" },
    { SHARED, "GET http://moved.example?a%b HTTP/1.1\r\nHost: x\r\n\r\n", 301,
      "http://new.example/?a%b" },
    { SHARED, GET("/old/caf\xc3\xa9|", "shop.example"), 308,
      "http://shop.example/new/caf%C3%A9%7C" },
    { SHARED, "POST /old/a HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\n", 308,
      "http://shop.example/new/a" },
    /* Before the body's limit and before routes: no server is asked. */
    { SHARED, "POST /only/moved/x HTTP/1.1\r\nHost: strict.example\r\nContent-Length: 11\r\n\r\n",
      301, "http://strict.example/only/new/x" },
    /* Fault 20: the port is that of the authority, whatever port weir listens on. */
    { DEDICATED, GET("/old/", "any.example"), 302, "http://any.example/new/" },
    { DEDICATED, GET("/old/", "any.example:8080"), 302, "http://any.example:8080/new/" },
    { SHARED, GET("/old/", "shop.example:8080"), 308, "http://shop.example:8080/new/" },
    { SHARED, GET("/old/", "shop.example:80"), 308, "http://shop.example:80/new/" },
    { SHARED, "GET http://shop.example:81/old/ HTTP/1.1\r\nHost: x:82\r\n\r\n", 308,
      "http://shop.example:81/new/" },
    /* Without an authority nothing is known of the port: the client keeps its own. */
    { DEDICATED, "GET /old/?q HTTP/1.0\r\n\r\n", 302, "/new/?q" },
};

static void a_redirect_is_decided_before_any_server_is_sought(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(redirects); i++) {
        const struct redirect_case *c = &redirects[i];
        admit(w, weir_span_cstr(c->head), c->local);
        assert_int_equal(w->admit.what, WEIR_ADMIT_REDIRECT);
        assert_int_equal(w->admit.status, c->status);
        assert_int_equal(w->admit.outcome, WEIR_OUTCOME_REDIRECTED);
        assert_text(w->admit.location, c->location);
        assert_null(w->admit.route);
    }
}

/* Fault 19: behind a proxy that ends TLS the client's scheme is what the proxy says. */
static void the_clients_scheme_decides_about_redirects(void **state)
{
    struct world *w = *state;
    admit_as(w, weir_span_cstr(GET("/old/", "shop.example")), SHARED, true);
    assert_text(w->admit.location, "https://shop.example/new/");
    admit_as(w, weir_span_cstr(GET("/x", "secure.example")), SHARED, false);
    assert_text(w->admit.location, "https://secure.example/x");
    admit_as(w, weir_span_cstr(GET("/x", "secure.example")), SHARED, true);
    assert_int_equal(w->admit.what, WEIR_ADMIT_FORWARD);
}

static void a_redirect_has_nothing_of_the_request_before_it(void **state)
{
    struct world *w = *state;
    admit(w, weir_span_cstr(GET("/", "unknown.example")), SHARED);
    assert_true(w->admit.why.len > 0);
    admit(w, weir_span_cstr(GET("/old/", "shop.example")), SHARED);
    assert_int_equal(w->admit.what, WEIR_ADMIT_REDIRECT);
    assert_text(w->admit.why, "");
}

static void a_location_that_does_not_fit_is_414(void **state)
{
    static char head[16384];
    struct world *w = *state;
    size_t at = 0;
    memcpy(head, "GET /old/", 9);
    memset(head + 9, 'a', WEIR_LOCATION_MAX);
    at = 9 + WEIR_LOCATION_MAX;
    static const char rest[] = " HTTP/1.1\r\nHost: shop.example\r\n\r\n";
    memcpy(head + at, rest, sizeof(rest) - 1);
    admit(w, weir_span(head, at + sizeof(rest) - 1), SHARED);
    assert_int_equal(w->admit.what, WEIR_ADMIT_RESPONSE);
    assert_int_equal(w->admit.status, 414);
    assert_int_equal(w->admit.outcome, WEIR_OUTCOME_TOO_LARGE);
}

/* -- the store -- */

static void a_new_tenant_is_found_and_a_deleted_one_is_not(void **state)
{
    struct world *w = *state;
    static const char head[] = GET("/", "later.example");
    admit(w, weir_span_cstr(head), SHARED);
    assert_int_equal(w->admit.status, 404);
    sites_put_small(&w->kit, "later", "later.example", "10.0.0.9:80");
    weir_tenant_cache_changed(w->cache, WEIR_SPAN_LIT("later"), true);
    admit(w, weir_span_cstr(head), SHARED);
    assert_int_equal(w->admit.what, WEIR_ADMIT_FORWARD);
    assert_text(w->admit.tenant->name, "later");
    assert_int_equal(kit_delete(&w->kit, "later"), WEIR_OK);
    weir_tenant_cache_changed(w->cache, WEIR_SPAN_LIT("later"), true);
    admit(w, weir_span_cstr(head), SHARED);
    assert_int_equal(w->admit.status, 404);
    assert_null(w->admit.tenant);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_to_the_route_of_its_tenant),
        cmocka_unit_test(request_that_cannot_be_forwarded_gets_a_response_with_a_reason),
        cmocka_unit_test(options_and_trace_with_max_forwards_0_end_here),
        cmocka_unit_test(a_head_may_have_as_many_fields_as_its_site_allows_and_no_more),
        cmocka_unit_test(a_head_may_be_as_long_as_its_site_allows_and_no_longer),
        cmocka_unit_test(a_redirect_is_decided_before_any_server_is_sought),
        cmocka_unit_test(the_clients_scheme_decides_about_redirects),
        cmocka_unit_test(a_redirect_has_nothing_of_the_request_before_it),
        cmocka_unit_test(a_location_that_does_not_fit_is_414),
        cmocka_unit_test(a_new_tenant_is_found_and_a_deleted_one_is_not),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
