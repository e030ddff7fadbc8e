/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect_test.c - which redirect decides, and where it leads; the search against a plain scan.
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
#include "tenants/redirect.h"
#include "tenants/schema/schema.h"
#include "tests/support/failalloc.h"
#include "tests/support/tenant_values.h"

static const struct weir_siphash_key secret = { { 3, 4 } };

/**
 * In place of the schema's check, which refuses rules that certainly lead in a circle or can never
 * be met: the order of rules and what is made of them are to hold without it.
 */
enum weir_err weir_schema_check(enum weir_kind kind, const ProtobufCMessage *m,
                                struct weir_diags *diags)
{
    (void)kind;
    (void)m;
    (void)diags;
    return WEIR_OK;
}

/** A rule as a test writes it; NULL or 0: not given. */
struct rule {
    const char *scheme;
    const char *host;
    uint16_t port;
    const char *path;
    bool none;
    uint16_t code;
    const char *to_scheme;
    const char *to_host;
    uint16_t to_port;
    const char *to_path;
    bool drop_query;
};

static char *text_or_null(struct stored *s, const char *text)
{
    return text ? stored_text(s, text) : NULL;
}

static void add_rule(struct stored *s, const struct rule *from)
{
    Weir__V1__Redirect *r = stored_redirect(s);

    r->scheme = text_or_null(s, from->scheme);
    r->host = text_or_null(s, from->host);
    r->has_port = from->port != 0;
    r->port = from->port;
    r->path = text_or_null(s, from->path);
    if (from->none) {
        r->to->has_none = r->to->none = 1;
        return;
    }
    r->to->has_code = from->code != 0;
    r->to->code = from->code;
    r->to->scheme = text_or_null(s, from->to_scheme);
    r->to->host = text_or_null(s, from->to_host);
    r->to->has_port = from->to_port != 0;
    r->to->port = from->to_port;
    r->to->path = text_or_null(s, from->to_path);
    r->to->has_query = from->drop_query;
    r->to->query = 0;
}

static struct weir_tenant *tenant_of(const struct rule *rules, size_t num)
{
    char why[WEIR_TENANT_WHY_MAX] = "";
    struct weir_tenant *t = NULL;
    struct stored s;

    stored_init_small(&s, "shop", "shop.example.com");
    for (size_t i = 0; i < num; i++)
        add_rule(&s, &rules[i]);
    enum weir_err err = weir_tenant_compile_why(stored_pack(&s), &secret, &t, why);
    if (err < 0)
        print_error("%s\n", why);
    assert_int_equal(err, WEIR_OK);
    stored_deinit(&s);
    return t;
}

/** The response as text: "301 https://..." or "pass" or "carved by 1". */
static const char *ask_request(const struct weir_tenant *t, const struct weir_redirect_request *req)
{
    static char out[5000];
    uint8_t location[4096];
    struct weir_redirect_result ret;

    assert_int_equal(weir_redirect_find(t, req, location, sizeof(location), &ret), WEIR_OK);
    if (ret.code != 0) {
        assert_false(ret.carved);
        snprintf(out, sizeof(out), "%u %.*s", ret.code, (int)ret.location_len,
                 (const char *)location);
    } else if (ret.carved) {
        snprintf(out, sizeof(out), "carved by %u", ret.rule);
    } else {
        snprintf(out, sizeof(out), "pass");
    }
    return out;
}

/** The same for a request whose client wrote the port on which it arrived, unless it is the
 * scheme's own. The raw path is its own normal form. */
static const char *ask(const struct weir_tenant *t, const char *scheme, const char *host,
                       uint16_t port, const char *raw)
{
    bool https = strcmp(scheme, "https") == 0;
    struct weir_redirect_request req = {
        .https = https,
        .port = port,
        .host = weir_span_cstr(host),
        .authority_port = port == (https ? 443 : 80) ? 0 : port,
        .raw = weir_span_cstr(raw),
        .path = weir_span(raw, strcspn(raw, "?")),
    };

    return ask_request(t, &req);
}

/* -- which rule -- */

static void a_tenant_without_redirects_passes_everything(void **state)
{
    struct weir_tenant *t = tenant_of(NULL, 0);

    (void)state;
    assert_string_equal(ask(t, "http", "a.example", 80, "/"), "pass");
    weir_tenant_unref(t);
}

static void none_is_a_carve_out_whatever_the_order(void **state)
{
    const struct rule rules[] = { { .port = 80, .path = "/", .to_scheme = "https" },
                                  { .port = 80, .path = "/.well-known/", .none = true } };
    const struct rule reversed[] = { rules[1], rules[0] };
    struct weir_tenant *t = tenant_of(rules, 2);

    (void)state;
    assert_string_equal(ask(t, "http", "a.example", 80, "/x?y=1"), "301 https://a.example/x?y=1");
    assert_string_equal(ask(t, "http", "a.example", 80, "/.well-known/acme"), "carved by 1");
    assert_string_equal(ask(t, "http", "a.example", 8080, "/x"), "pass");
    weir_tenant_unref(t);
    t = tenant_of(reversed, 2);
    assert_string_equal(ask(t, "http", "a.example", 80, "/.well-known/acme"), "carved by 0");
    assert_string_equal(ask(t, "http", "a.example", 80, "/x"), "301 https://a.example/x");
    weir_tenant_unref(t);
}

static void each_step_of_specificity_beats_all_behind_it(void **state)
{
    /* From the least specific to the most: a later rule must win wherever both match. */
    const struct rule rules[] = {
        { .path = "/", .to_path = "/r0" },
        { .path = "/", .scheme = "http", .to_path = "/r1" },
        { .path = "/", .port = 80, .to_path = "/r2" },
        { .path = "/", .port = 80, .scheme = "http", .to_path = "/r3" },
        { .path = "/", .host = "*.example", .to_path = "/r4" },
        { .path = "/", .host = "*.a.example", .to_path = "/r5" },
        { .path = "/", .host = "x.a.example", .to_path = "/r6" },
        { .path = "/p", .to_path = "/r7" },
        { .path = "/p", .host = "x.a.example", .to_path = "/r8" },
        { .path = "/pq", .to_path = "/r9" },
        { .path = "=/pqr", .to_path = "/r10" },
    };
    struct rule left[WEIR_ARRAY_LEN(rules)];
    char expected[64];

    (void)state;
    for (size_t num = WEIR_ARRAY_LEN(rules); num > 0; num--) {
        for (size_t i = 0; i < num; i++)
            left[i] = rules[num - 1 - i]; /* the order of the file is the opposite */
        struct weir_tenant *t = tenant_of(left, num);
        const char *got = ask(t, "http", "x.a.example", 80, "/pqr");
        int len = snprintf(expected, sizeof(expected), "301 http://x.a.example/r%zu", num - 1);
        assert_memory_equal(got, expected, (size_t)len);
        assert_true(got[len] < '0' || got[len] > '9');
        weir_tenant_unref(t);
    }
}

static void equal_rules_are_decided_by_their_order(void **state)
{
    const struct rule rules[] = { { .path = "/a", .to_path = "/first" },
                                  { .path = "/%61", .to_path = "/second" } };
    struct weir_tenant *t = tenant_of(rules, 2);

    (void)state;
    assert_string_equal(ask(t, "http", "h.example", 80, "/a"), "301 http://h.example/first");
    weir_tenant_unref(t);
}

static void a_wildcard_covers_names_below_it_and_not_its_own(void **state)
{
    const struct rule rules[] = { { .host = "*.Shop.example", .to_host = "www.shop.example" } };
    struct weir_tenant *t = tenant_of(rules, 1);

    (void)state;
    assert_string_equal(ask(t, "http", "a.shop.example", 80, "/"), "301 http://www.shop.example/");
    assert_string_equal(ask(t, "http", "a.b.shop.example", 80, "/"),
                        "301 http://www.shop.example/");
    assert_string_equal(ask(t, "http", "shop.example", 80, "/"), "pass");
    assert_string_equal(ask(t, "http", "ashop.example", 80, "/"), "pass");
    assert_string_equal(ask(t, "http", ".shop.example", 80, "/"), "pass");
    weir_tenant_unref(t);
}

/* -- where to -- */

static void a_port_follows_its_scheme(void **state)
{
    const struct rule rules[] = { { .path = "/s", .to_scheme = "https" },
                                  { .path = "/p", .to_scheme = "https", .to_port = 8443 },
                                  { .path = "/d", .to_scheme = "https", .to_port = 443 },
                                  { .path = "/k", .to_path = "/kept" },
                                  { .path = "/h", .to_host = "other.example" } };
    struct weir_tenant *t = tenant_of(rules, WEIR_ARRAY_LEN(rules));

    (void)state;
    assert_string_equal(ask(t, "http", "h.example", 8080, "/s"), "301 https://h.example/s");
    assert_string_equal(ask(t, "http", "h.example", 8080, "/p"), "301 https://h.example:8443/p");
    assert_string_equal(ask(t, "http", "h.example", 8080, "/d"), "301 https://h.example/d");
    assert_string_equal(ask(t, "http", "h.example", 8080, "/k"), "301 http://h.example:8080/kept");
    assert_string_equal(ask(t, "http", "h.example", 80, "/k"), "301 http://h.example/kept");
    assert_string_equal(ask(t, "https", "h.example", 80, "/k"), "301 https://h.example:80/kept");
    assert_string_equal(ask(t, "http", "h.example", 8080, "/h"), "301 http://other.example:8080/h");
    weir_tenant_unref(t);
}

/* Fault 20: a load balancer or a port mapping in front of weir hides the listener's port. */
static void location_has_the_port_of_the_authority_and_not_of_the_listener(void **state)
{
    const struct rule rules[] = { { .path = "/k", .to_path = "/kept" },
                                  { .path = "/h", .to_host = "other.example" },
                                  { .path = "/s", .to_scheme = "https" },
                                  { .path = "/l", .port = 21900, .to_path = "/listener" },
                                  { .path = "/o", .to_port = 8080 } };
    struct weir_tenant *t = tenant_of(rules, WEIR_ARRAY_LEN(rules));
    static const struct {
        uint16_t authority_port;
        const char *raw;
        const char *expected;
    } cases[] = {
        { 0, "/k", "301 http://h.example/kept" },
        { 80, "/k", "301 http://h.example:80/kept" },
        { 8080, "/k", "301 http://h.example:8080/kept" },
        { 0, "/h", "301 http://other.example/h" },
        { 8080, "/h", "301 http://other.example:8080/h" },
        { 8080, "/s", "301 https://h.example/s" },
        { 443, "/s", "301 https://h.example/s" },
        { 0, "/l", "301 http://h.example/listener" },
        { 0, "/o", "301 http://h.example:8080/o" },
        { 8080, "/o", "pass" },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct weir_redirect_request req = { .port = 21900,
                                             .host = WEIR_SPAN_LIT("h.example"),
                                             .authority_port = cases[i].authority_port,
                                             .raw = weir_span_cstr(cases[i].raw),
                                             .path = weir_span_cstr(cases[i].raw) };
        assert_string_equal(ask_request(t, &req), cases[i].expected);
    }
    weir_tenant_unref(t);
}

static void a_request_without_authority_is_led_on_by_path_alone(void **state)
{
    const struct rule rules[] = {
        { .path = "/k", .to_path = "/kept" },   { .path = "/i", .to_path = "/i" },
        { .path = "/s", .to_scheme = "https" }, { .path = "/h", .to_host = "other.example" },
        { .path = "/o", .to_port = 8081 },      { .path = "/p", .to_port = 8080 }
    };
    struct weir_tenant *t = tenant_of(rules, WEIR_ARRAY_LEN(rules));
    static const char *const cases[][2] = {
        { "/k?q", "301 /kept?q" },
        { "/i?q", "pass" },
        { "/s", "301 https://192.0.2.1/s" },
        { "/h", "301 http://other.example/h" },
        { "/o", "301 http://192.0.2.1:8081/o" },
        { "/p", "pass" }, /* it would arrive here again, without an authority */
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        const char *raw = cases[i][0];
        struct weir_redirect_request req = { .port = 8080,
                                             .host = WEIR_SPAN_LIT("192.0.2.1"),
                                             .no_authority = true,
                                             .raw = weir_span_cstr(raw),
                                             .path = weir_span(raw, strcspn(raw, "?")) };
        assert_string_equal(ask_request(t, &req), cases[i][1]);
    }
    weir_tenant_unref(t);
}

static void a_path_replaces_what_was_matched_and_the_query_stays(void **state)
{
    const struct rule rules[] = {
        { .path = "/old/", .code = 308, .to_path = "/new/" },
        { .path = "=/one", .code = 302, .to_path = "/two" },
        { .path = "/cut", .code = 307, .to_path = "/c", .drop_query = true },
        { .host = "any.example", .code = 303, .to_path = "/all/" }
    };
    struct weir_tenant *t = tenant_of(rules, WEIR_ARRAY_LEN(rules));

    (void)state;
    assert_string_equal(ask(t, "http", "h.example", 80, "/old/a/b?q=1?2"),
                        "308 http://h.example/new/a/b?q=1?2");
    assert_string_equal(ask(t, "http", "h.example", 80, "/old/"), "308 http://h.example/new/");
    assert_string_equal(ask(t, "http", "h.example", 80, "/one?x"), "302 http://h.example/two?x");
    assert_string_equal(ask(t, "http", "h.example", 80, "/one/more"), "pass");
    assert_string_equal(ask(t, "http", "h.example", 80, "/cut/it?x=y"),
                        "307 http://h.example/c/it");
    assert_string_equal(ask(t, "http", "any.example", 80, "/deep/er"),
                        "303 http://any.example/all/deep/er");
    weir_tenant_unref(t);
}

static void location_preserves_the_received_spelling_unless_its_path_is_replaced(void **state)
{
    const struct rule rules[] = { { .path = "/a", .to_scheme = "https" },
                                  { .path = "/b/", .to_path = "/c/" } };
    struct weir_tenant *t = tenant_of(rules, 2);
    struct weir_redirect_request req = { .port = 80, .host = WEIR_SPAN_LIT("h.example") };
    struct weir_redirect_result ret;
    uint8_t location[256];

    (void)state;
    req.raw = WEIR_SPAN_LIT("/%61/x/../%2f?q");
    req.path = WEIR_SPAN_LIT("/a/%2F");
    assert_int_equal(weir_redirect_find(t, &req, location, sizeof(location), &ret), WEIR_OK);
    assert_true(weir_span_eq(weir_span(location, ret.location_len),
                             WEIR_SPAN_LIT("https://h.example/%61/x/../%2f?q")));

    req.raw = WEIR_SPAN_LIT("/x/../b/%7e?q");
    req.path = WEIR_SPAN_LIT("/b/~");
    assert_int_equal(weir_redirect_find(t, &req, location, sizeof(location), &ret), WEIR_OK);
    assert_true(weir_span_eq(weir_span(location, ret.location_len),
                             WEIR_SPAN_LIT("http://h.example/c/~?q")));

    /* The absolute form without a path: the query comes right behind the authority. */
    req.raw = WEIR_SPAN_LIT("?q");
    req.path = WEIR_SPAN_LIT("/a");
    assert_int_equal(weir_redirect_find(t, &req, location, sizeof(location), &ret), WEIR_OK);
    assert_true(weir_span_eq(weir_span(location, ret.location_len),
                             WEIR_SPAN_LIT("https://h.example/a?q")));
    weir_tenant_unref(t);
}

static void a_redirect_to_itself_is_left_out(void **state)
{
    const struct rule rules[] = { { .path = "/s", .to_scheme = "https" },
                                  { .path = "/h", .to_host = "h.example" },
                                  { .path = "/p", .to_path = "/p" },
                                  { .path = "/q", .to_path = "/q", .drop_query = true },
                                  { .path = "/o", .to_port = 8080 } };
    struct weir_tenant *t = tenant_of(rules, WEIR_ARRAY_LEN(rules));

    (void)state;
    assert_string_equal(ask(t, "https", "h.example", 443, "/s"), "pass");
    assert_string_equal(ask(t, "https", "h.example", 8443, "/s"), "pass");
    assert_string_equal(ask(t, "http", "h.example", 80, "/h?x"), "pass");
    assert_string_equal(ask(t, "http", "g.example", 80, "/h"), "301 http://h.example/h");
    assert_string_equal(ask(t, "http", "h.example", 80, "/p/x?y"), "pass");
    assert_string_equal(ask(t, "http", "h.example", 80, "/q?y"), "301 http://h.example/q");
    assert_string_equal(ask(t, "http", "h.example", 80, "/q"), "pass");
    assert_string_equal(ask(t, "http", "h.example", 8080, "/o"), "pass");
    assert_string_equal(ask(t, "http", "h.example", 80, "/o"), "301 http://h.example:8080/o");
    weir_tenant_unref(t);
}

static void without_a_host_only_a_rule_that_names_one_can_lead_anywhere(void **state)
{
    const struct rule rules[] = { { .path = "/s", .to_scheme = "https" },
                                  { .path = "/h", .to_host = "h.example" } };
    struct weir_tenant *t = tenant_of(rules, 2);

    (void)state;
    assert_string_equal(ask(t, "http", "", 80, "/s"), "pass");
    assert_string_equal(ask(t, "http", "", 80, "/h"), "301 http://h.example/h");
    weir_tenant_unref(t);
}

static void a_location_fits_exactly_or_is_refused(void **state)
{
    const struct rule rules[] = { { .path = "/", .to_scheme = "https", .to_port = 8443 } };
    struct weir_tenant *t = tenant_of(rules, 1);
    struct weir_redirect_request req = { .port = 80,
                                         .host = WEIR_SPAN_LIT("h.example"),
                                         .path = WEIR_SPAN_LIT("/abc"),
                                         .raw = WEIR_SPAN_LIT("/abc?d") };
    const struct weir_span expected = WEIR_SPAN_LIT("https://h.example:8443/abc?d");
    struct weir_redirect_result ret;

    (void)state;
    for (size_t max = 0; max <= expected.len + 1; max++) {
        uint8_t *location = malloc(max + 1);
        assert_non_null(location);
        enum weir_err err = weir_redirect_find(t, &req, location, max, &ret);
        assert_int_equal(err, max < expected.len ? WEIR_ELIMIT : WEIR_OK);
        if (err == WEIR_OK)
            assert_true(weir_span_eq(weir_span(location, ret.location_len), expected));
        free(location);
    }
    weir_tenant_unref(t);
}

/* -- against a plain scan -- */

struct asked {
    bool https;
    uint16_t port;
    char host[32];
    char path[16];
};

static bool rule_matches(const struct rule *r, const struct asked *a)
{
    const char *path = r->path ? r->path : "/";
    size_t host_len = strlen(a->host), want_len = r->host ? strlen(r->host) : 0;

    if (r->scheme && strcmp(r->scheme, a->https ? "https" : "http") != 0)
        return false;
    if (r->port && r->port != a->port)
        return false;
    if (r->host && r->host[0] == '*' &&
        (host_len < want_len || strcmp(a->host + host_len - (want_len - 1), r->host + 1) != 0))
        return false;
    if (r->host && r->host[0] != '*' && strcmp(r->host, a->host) != 0)
        return false;
    return path[0] == '=' ? strcmp(path + 1, a->path) == 0
                          : strncmp(path, a->path, strlen(path)) == 0;
}

/** redirect.h word by word: positive when x is more specific. */
static int more_specific(const struct rule *x, const struct rule *y)
{
    const char *px = x->path ? x->path : "/", *py = y->path ? y->path : "/";
    bool ex = px[0] == '=', ey = py[0] == '=';

    if (ex != ey)
        return ex ? 1 : -1;
    if (strlen(px) != strlen(py))
        return strlen(px) > strlen(py) ? 1 : -1;
    int hx = !x->host            ? 0
             : x->host[0] == '*' ? 1
                                 : 2,
        hy = !y->host            ? 0
             : y->host[0] == '*' ? 1
                                 : 2;
    if (hx != hy)
        return hx - hy;
    if (hx == 1 && strlen(x->host) != strlen(y->host))
        return strlen(x->host) > strlen(y->host) ? 1 : -1;
    if ((x->port != 0) != (y->port != 0))
        return x->port ? 1 : -1;
    return (x->scheme != NULL) - (y->scheme != NULL);
}

static const struct rule *naive_find(const struct rule *rules, size_t num, const struct asked *a)
{
    const struct rule *best = NULL;

    for (size_t i = 0; i < num; i++)
        if (rule_matches(&rules[i], a) && (!best || more_specific(&rules[i], best) > 0))
            best = &rules[i];
    return best;
}

static const char *const hosts[] = { "a.example", "b.example", "x.a.example", "y.x.a.example",
                                     "c.test" };
static const char *const host_rules[] = {
    NULL,          "a.example", "b.example",     "x.a.example",
    "*.a.example", "*.example", "*.x.a.example", "*.test"
};

static void random_path(struct weir_rng *rng, char out[16])
{
    size_t len = 1 + weir_rng_below(rng, 6);

    out[0] = '/';
    for (size_t i = 1; i < len; i++)
        out[i] = "ab/"[weir_rng_below(rng, 3)];
    out[len] = '\0';
}

static void random_rule(struct weir_rng *rng, struct rule *r, char path[24])
{
    char plain[16];

    random_path(rng, plain);
    snprintf(path, 24, "%s%s", weir_rng_below(rng, 3) == 0 ? "=" : "", plain);
    *r = (struct rule){
        .scheme = weir_rng_below(rng, 2)   ? NULL
                  : weir_rng_below(rng, 2) ? "http"
                                           : "https",
        .host = host_rules[weir_rng_below(rng, WEIR_ARRAY_LEN(host_rules))],
        .port = (uint16_t)(weir_rng_below(rng, 2) ? 0 : 80 + weir_rng_below(rng, 3)),
        .path = weir_rng_below(rng, 8) == 0 ? NULL : path,
        .none = weir_rng_below(rng, 4) == 0,
        .to_host = "target.example", /* never the request's own: no rule is skipped for leading to
                                        itself */
    };
}

static void rules_match_naive(struct weir_rng *rng, size_t num)
{
    struct rule *rules = calloc(num, sizeof(*rules));
    char(*paths)[24] = calloc(num, sizeof(*paths));
    struct weir_redirect_result ret;
    uint8_t location[128];

    assert_non_null(rules);
    assert_non_null(paths);
    for (size_t i = 0; i < num; i++)
        random_rule(rng, &rules[i], paths[i]);
    struct weir_tenant *t = tenant_of(rules, num);
    for (unsigned i = 0; i < 1000; i++) {
        struct asked a = { .https = weir_rng_below(rng, 2),
                           .port = (uint16_t)(80 + weir_rng_below(rng, 4)) };
        snprintf(a.host, sizeof(a.host), "%s", hosts[weir_rng_below(rng, WEIR_ARRAY_LEN(hosts))]);
        random_path(rng, a.path);
        struct weir_redirect_request req = { .https = a.https,
                                             .port = a.port,
                                             .host = weir_span_cstr(a.host),
                                             .path = weir_span_cstr(a.path),
                                             .raw = weir_span_cstr(a.path) };
        const struct rule *expected = naive_find(rules, num, &a);

        assert_int_equal(weir_redirect_find(t, &req, location, sizeof(location), &ret), WEIR_OK);
        assert_int_equal(ret.carved, expected && expected->none);
        assert_int_equal(ret.code, expected && !expected->none ? 301 : 0);
        if (expected)
            assert_int_equal(ret.rule, expected - rules);
    }
    weir_tenant_unref(t);
    free(paths);
    free(rules);
}

static void the_search_agrees_with_a_plain_scan(void **state)
{
    static const size_t sizes[] = { 1, 2, 3, 5, 8, 16, 17, 40, 300, WEIR_REDIRECTS_MAX };
    struct weir_rng rng;

    (void)state;
    weir_rng_init(&rng, 5);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(sizes); i++)
        for (unsigned turn = 0; turn < (sizes[i] < 50 ? 10 : 1); turn++)
            rules_match_naive(&rng, sizes[i]);
}

/* -- limits -- */

static void assert_refused(struct stored *s)
{
    struct weir_tenant *t = NULL;

    assert_int_equal(weir_tenant_compile(stored_pack(s), &secret, &t), WEIR_EINVAL);
    assert_null(t);
    s->t.n_redirects = 0;
}

static void rules_that_do_not_hold_are_refused(void **state)
{
    struct rule bad[] = { { .path = "no-slash" },
                          { .path = "=" },
                          { .path = "/..%2" },
                          { .scheme = "ftp", .to_host = "a.example" },
                          { .code = 200 },
                          { .code = 304, .to_host = "a.example" },
                          { .code = 306 },
                          { .to_scheme = "ws" },
                          { .to_path = "no-slash" },
                          { .to_path = "/a b" },
                          { .to_path = "/a\r\nb" },
                          { .to_host = "a b" },
                          { .to_host = "a.example:80" },
                          { .to_host = "user@a.example" },
                          { .host = "a..b", .to_host = "a.example" },
                          { .host = "*.a..b", .to_host = "a.example" } };
    struct stored s;
    char long_path[WEIR_PATH_MAX + 2];

    (void)state;
    stored_init_small(&s, "shop", "shop.example.com");
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        add_rule(&s, &bad[i]);
        assert_refused(&s);
    }
    memset(long_path, 'a', sizeof(long_path));
    long_path[0] = '/';
    long_path[WEIR_PATH_MAX + 1] = '\0';
    add_rule(&s, &(struct rule){ .path = long_path, .to_host = "a.example" });
    assert_refused(&s);
    add_rule(&s, &(struct rule){ .path = "/a", .to_host = "a.example" });
    s.t.redirects[0]->to = NULL;
    assert_refused(&s);
    add_rule(&s, &(struct rule){ .path = "/a", .to_host = "a.example" });
    s.t.redirects[0]->has_port = 1;
    s.t.redirects[0]->port = 65536;
    assert_refused(&s);
    char path[16];
    for (unsigned i = 0; i <= WEIR_REDIRECTS_MAX; i++) {
        snprintf(path, sizeof(path), "/%u", i);
        add_rule(&s, &(struct rule){ .path = stored_text(&s, path), .to_host = "a.example" });
    }
    assert_refused(&s);
    stored_deinit(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tenant_without_redirects_passes_everything),
        cmocka_unit_test(none_is_a_carve_out_whatever_the_order),
        cmocka_unit_test(each_step_of_specificity_beats_all_behind_it),
        cmocka_unit_test(equal_rules_are_decided_by_their_order),
        cmocka_unit_test(a_wildcard_covers_names_below_it_and_not_its_own),
        cmocka_unit_test(a_port_follows_its_scheme),
        cmocka_unit_test(location_has_the_port_of_the_authority_and_not_of_the_listener),
        cmocka_unit_test(a_request_without_authority_is_led_on_by_path_alone),
        cmocka_unit_test(a_path_replaces_what_was_matched_and_the_query_stays),
        cmocka_unit_test(location_preserves_the_received_spelling_unless_its_path_is_replaced),
        cmocka_unit_test(a_redirect_to_itself_is_left_out),
        cmocka_unit_test(without_a_host_only_a_rule_that_names_one_can_lead_anywhere),
        cmocka_unit_test(a_location_fits_exactly_or_is_refused),
        cmocka_unit_test(the_search_agrees_with_a_plain_scan),
        cmocka_unit_test(rules_that_do_not_hold_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
