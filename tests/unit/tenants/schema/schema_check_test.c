/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_check_test.c - the forms of text fields, fields against each other, and messages that
 * never were a text.
 */
#include "tenants/defaults.h"
#include "tenants/schema/schema_form.h"
#include "tests/support/schemas.h"

/** Texts that have a form, NULL at the end, and texts that do not. */
struct form_case {
    enum weir_form form;
    const char *good[12];
    const char *bad[20];
};

#define WEB "upstreams: { web: { endpoints: [ { address: \"a:1\" } ] } }\n"
#define A63 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct form_case form_cases[] = {
    { WEIR_FORM_LABEL,
      { "a", "0", "shop", "a-b", "x--y", A63 },
      { "", "-a", "a-", "Shop", "a_b", "a.b", "a b", "caf\xc3\xa9", A63 "a", "a\n" } },
    { WEIR_FORM_UPSTREAM, { "a", "web_1", "-", "_a-", A63 }, { "", "Web", "a.b", "a b", A63 "a" } },
    { WEIR_FORM_NODE_NAME,
      { "ams-1", "ams-1.example.com", "a_b" },
      { "", "a..b", "*.a.b", "10.0.0.1", "a b" } },
    { WEIR_FORM_HOST,
      { "shop.example.com", "localhost", "*.example.com", "*.a.b.c", "xn--caf-dma.example",
        "10.0.0.1", "[::1]" },
      { "", "*", "*.", "*.com", "*example.com", "a.*.com", "a..b", ".a", "shop.example.com:80",
        "*.10.0.0.1", "::1", "a/b", "caf\xc3\xa9.example", "a b", "-.*" } },
    { WEIR_FORM_HOST_OR_IP,
      { "shop.example.com", "*.example", "10.0.0.1", "[2001:db8::1]" },
      { "", "*", "*.", "*.10.0.0.1", "2001:db8::1", "a:80", "10.0.0.256", "[::1" } },
    { WEIR_FORM_TARGET_HOST,
      { "a", "a.b", "10.0.0.1", "[::1]" },
      { "", "*.a.b", "a:80", "::1", "a@b", "a,b" } },
    { WEIR_FORM_IP,
      { "10.0.0.1", "::1", "2001:db8::1", "0.0.0.0" },
      { "", "10.0.0.1:80", "[::1]", "10.0.0", "010.0.0.1", "a.b", "fe80::1%eth0", "10.0.0.0/8" } },
    { WEIR_FORM_PREFIX,
      { "10.0.0.0/8", "10.0.0.1", "fe80::/10", "0.0.0.0/0" },
      { "", "10.0.0.1/8", "10.0.0.0/33", "/8", "10.0.0.0/", "a/8", "10.0.0.0/08" } },
    { WEIR_FORM_ENDPOINT,
      { "10.0.0.1:8080", "[::1]:80", "origin.example.net:80", "localhost:65535" },
      { "", "10.0.0.1", "a", "a:", "a:0", "a:65536", "a:080", "10.0.0.1:0", "::1:80", "http://a:80",
        "a:80/", "*.a:80", "999.0.0.1:80", "a b:80" } },
    { WEIR_FORM_LISTEN,
      { "0.0.0.0:80", "[::]:80", "127.0.0.1:0", "[::1]:0" },
      { "", ":80", "80", "localhost:80", "0.0.0.0", "0.0.0.0:65536", "[::]", "::0", ":0",
        "1.2.3.4:00" } },
    { WEIR_FORM_NAME_SERVER,
      { "10.0.0.1", "10.0.0.1:53", "::1", "[::1]:5353" },
      { "", "10.0.0.1:0", "10.0.0.1:65536", "ns.example.com", "ns.example.com:53", "[::1]",
        "10.0.0" } },
    { WEIR_FORM_RULE_PATH,
      { "/", "/api/", "=/", "=/a", "/a%20b", "/a%2Fb", "//", "/a;b=c,d@e:f!$&'()*+", "/~a" },
      { "", "=", "a", "==/a", "= /a", "/a?b", "/a#b", "/a b", "/a%", "/a%2", "/a%zz", "/a%00",
        "/%61", "/a%2f", "/./a", "/a/..", "/\xc3\xa9", "/a\\b", "/a\"b" } },
    { WEIR_FORM_PATH, { "/", "/a/b", "/a%C3%A9" }, { "", "=/a", "a", "/..", "/a/../b", "/a%2f" } },
    { WEIR_FORM_FIELD_NAME,
      { "X-Edge", "server", "Cache-Control", "x_y", "Date", "!#$%&'*+.^_`|~" },
      { "", "X Edge", "X:", "caf\xc3\xa9", "Host", "content-length", "Transfer-Encoding",
        "CONNECTION", "Keep-Alive", "Upgrade", "TE", "Trailer", "Via", "X-Forwarded-For",
        "x-forwarded-anything", "X-Real-IP", "X-Request-ID", "Expect", "Forwarded" } },
    { WEIR_FORM_FIELD_GONE,
      { "X-Edge", "Via", "X-Forwarded-For", "x-real-ip", "X-Request-ID", "Forwarded", "Date" },
      { "", "X Edge", "Host", "content-length", "Transfer-Encoding", "CONNECTION", "Keep-Alive",
        "Upgrade", "TE", "Trailer", "Expect", "CDN-Loop", "Proxy-Connection", "HTTP2-Settings" } },
    { WEIR_FORM_VIA,
      { "on", "off", "edge-1", "a.b", "none" },
      { "", "ON", "Off", "true", "yes", "No", "FALSE", "a b", "a@b", "caf\xc3\xa9", "a/b" } },
    { WEIR_FORM_TOKEN, { "a", "weir-edge", "a.b_c~" }, { "", "a b", "a:80", "a,b", "\"a\"" } },
    { WEIR_FORM_FIELD_VALUE,
      { "", "a", "a b\tc", "caf\xc3\xa9", "\"x\"; y=1" },
      { " a", "a ", "\ta", "a\n", "a\r\nb", "a\x01", "a\x7f", "\xff", "\xc3" } },
    { WEIR_FORM_MEDIA_TYPE,
      { "text/html", "text/html; charset=utf-8", "application/problem+json", "a/b;c" },
      { "", "text", "/html", "text/", "te xt/html", "text/html\n", "text/html, a", "text/h@l" } },
    { WEIR_FORM_FILE,
      { "/", "/var/lib/weir", "/a b", "/caf\xc3\xa9" },
      { "", "var", "./a", "/a\n", "/a\xff" } },
    { WEIR_FORM_STATUS,
      { "400", "404", "502", "599" },
      { "", "399", "600", "40", "4040", "4o4", "+40", " 404" } },
    { WEIR_FORM_WORKERS,
      { "auto", "1", "64" },
      { "", "0", "65", "01", "Auto", "-1", "1.5", "many" } },
    { WEIR_FORM_ACCESS,
      { "stdout", "off", "/var/log/access.log" },
      { "", "on", "stderr", "access.log", "Stdout" } },
    { WEIR_FORM_PIN,
      { "sha256/Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7Pk09CMZY=" },
      { "", "sha256/",
        "sha1/AAAAAAAAAAAAAAAAAAAAAAAAAAA=", "Bl+DUpirqRh2HTX3mB3/fB11+/zwAEKMiS7P" } },
    { WEIR_FORM_CIPHER,
      { "ECDHE-RSA-AES128-GCM-SHA256", "DES-CBC3-SHA", "AES256-SHA" },
      { "", "ALL", "aes256-sha", "RC4-MD5", "TLS_AES_128_GCM_SHA256", "AES256-SHA:AES128-SHA" } },
    { WEIR_FORM_ANY, { "", "text", "caf\xc3\xa9" }, { "a\nb", "\x01", "\xff", "\xe2\x80\xae" } },
    { WEIR_FORM_LINES, { "", "a\nb\tc", "\x01" }, { "\xff", "a\xc3" } },
};

static void each_form_accepts_what_it_names_and_nothing_else(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(form_cases); i++) {
        const struct form_case *c = &form_cases[i];
        struct weir_form_text canonical, again;
        const char *why = NULL;

        for (size_t k = 0; k < WEIR_ARRAY_LEN(c->good) && c->good[k] != NULL; k++) {
            if (!weir_form_check(c->form, weir_span_cstr(c->good[k]), &canonical, &why))
                fail_msg("%s %s", c->good[k], why);
            assert_true(weir_form_check(c->form, canonical.text, &again, &why));
            assert_true(weir_span_eq(canonical.text, again.text));
        }
        for (size_t k = 0; k < WEIR_ARRAY_LEN(c->bad) && c->bad[k] != NULL; k++) {
            why = NULL;
            if (weir_form_check(c->form, weir_span_cstr(c->bad[k]), &canonical, &why))
                fail_msg("%s is taken for a %s", c->bad[k], weir_form_name(c->form));
            assert_true(why != NULL && why[0] != '\0');
        }
    }
}

static void a_nul_hides_nothing(void **state)
{
    struct weir_form_text canonical;
    const char *why = NULL;

    (void)state;
    for (int form = 0; form < WEIR_FORM_NUM; form++) {
        if (form == WEIR_FORM_LINES)
            continue;
        assert_false(
            weir_form_check((enum weir_form)form, WEIR_SPAN_LIT("/a\0b"), &canonical, &why));
        assert_string_equal(why, "holds a NUL");
    }
    schemas_yaml(SCHEMAS_TENANT "http: { \"max\\0\": 1 }\n",
                 "5:9: http.max\\u0000: unknown key: known are max_header, max_body, head_timeout, "
                 "body_timeout, min_rate, idle_timeout, server_push, "
                 "on_client_close, max_fields, "
                 "trace, early_hints\n");
    schemas_json("{\"apiVersion\":\"weir/v1\",\"kind\":\"Node\",\"data\":\"/a\\u0000b\"}",
                 "1:39: data: \"/a\\u0000b\" holds a NUL\n");
    schemas_yaml(SCHEMAS_TENANT "upstreams: { \"a\\0b\": { endpoints: [ { address: a:1 } ] } }\n",
                 "5:14: upstreams.a\\u0000b: \"a\\u0000b\" holds a NUL\n");
}

static void names_that_are_there_twice_are_reported(void **state)
{
    (void)state;
    schemas_yaml(
        "apiVersion: weir/v1\nkind: Tenant\nname: shop\n"
        "hosts: [a.example.com, b.example.com, A.example.com, a.example.com]\n"
        "upstreams:\n"
        "  web: { endpoints: [ { address: \"a:1\" }, { address: \"A:1\" } ] }\n"
        "  web: {}\n"
        "routes:\n"
        "  - { path: /a, upstream: web }\n"
        "  - { path: =/a, upstream: web }\n"
        "  - { path: /a, upstream: web }\n"
        "headers: { add_request: { X-A: a, x-a: b }, remove_response: [Server, server] }\n",
        "4:39: hosts[2]: \"a.example.com\" is given twice, first in hosts[0]\n"
        "4:54: hosts[3]: \"a.example.com\" is given twice, first in hosts[0]\n"
        "6:45: upstreams.web.endpoints[1].address: \"a:1\" is given twice, first in "
        "endpoints[0]\n"
        "7:3: upstreams.web: is given twice, first in line 6\n"
        "11:7: routes[2].path: \"/a\" is given twice, first in routes[0]\n"
        "12:35: headers.add_request.x-a: is given twice, first as \"X-A\"\n"
        "12:71: headers.remove_response[1]: \"server\" is given twice, first in "
        "headers.remove_response[0]\n");
    schemas_yaml(SCHEMAS_NODE "listen: { http: [\"0.0.0.0:80\", \"127.0.0.1:0\", \"127.0.0.1:0\", "
                              "\"0.0.0.0:80\", \"127.0.0.1:81\"] }\n"
                              "admin: { listen: \"127.0.0.1:81\" }\n"
                              "trusted_proxies: [10.0.0.1, 10.0.0.1]\n",
                 "3:62: listen.http[3]: \"0.0.0.0:80\" is given twice, first in listen.http[0]\n"
                 "4:10: admin.listen: \"127.0.0.1:81\" is given twice, first in listen.http[4]\n"
                 "5:29: trusted_proxies[1]: \"10.0.0.1\" is given twice, first in "
                 "trusted_proxies[0]\n");
}

static void metrics_may_listen_anywhere_but_where_another_listener_is(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_NODE "listen: { http: [\"0.0.0.0:80\"] }\n"
                              "admin: { listen: \"127.0.0.1:7400\", metrics: \"0.0.0.0:9464\" }\n",
                 "");
    schemas_yaml(SCHEMAS_NODE "admin: { metrics: \"127.0.0.1:0\", listen: \"127.0.0.1:0\" }\n", "");
    schemas_yaml(SCHEMAS_NODE "admin: { listen: \"127.0.0.1:81\", metrics: \"127.0.0.1:81\" }\n",
                 "3:34: admin.metrics: \"127.0.0.1:81\" is given twice, first in admin.listen\n");
    schemas_yaml(SCHEMAS_NODE "listen: { http: [\"0.0.0.0:80\"] }\n"
                              "admin: { metrics: \"0.0.0.0:80\" }\n",
                 "4:10: admin.metrics: \"0.0.0.0:80\" is given twice, first in listen.http[0]\n");
    schemas_yaml(SCHEMAS_NODE "admin: { metrics: host:80 }\n",
                 "3:10: admin.metrics: \"host:80\" is not ip:port or [v6]:port\n");
}

static void a_path_that_ends_like_a_glob_is_warned_of(void **state)
{
    (void)state;
    schemas_yaml(
        SCHEMAS_TENANT WEB
        "routes: [ { path: \"/*\", upstream: web }, { path: /api/*, upstream: web },"
        " { path: \"=/a**\", upstream: web }, { path: /a*b, upstream: web } ]\n"
        "redirects: [ { path: \"*\", to: { path: /x } }, { path: /old/*, to: { path: /n } } "
        "]\n",
        "6:13: warning: routes[0].path: \"/*\": a path is a prefix and no pattern, so \"*\" "
        "stands for itself: write \"/\"\n"
        "6:44: warning: routes[1].path: \"/api/*\": a path is a prefix and no pattern, so "
        "\"*\" stands for itself: write \"/api/\"\n"
        "6:77: warning: routes[2].path: \"=/a**\": a path is a prefix and no pattern, so "
        "\"*\" stands for itself: write \"/a\"\n"
        "7:16: redirects[0].path: \"*\" is not a path in normal form: \"/\" or \"=/\" in "
        "front, no dot segments, escapes like %2F only where needed\n"
        "7:49: warning: redirects[1].path: \"/old/*\": a path is a prefix and no pattern, so "
        "\"*\" stands for itself: write \"/old/\"\n");
}

static void a_document_with_warnings_alone_is_valid(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s,
                 WEIR_SPAN_LIT(SCHEMAS_TENANT WEB "routes: [ { path: \"/*\", upstream: web } ]\n"),
                 WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_OK);
    assert_int_equal(s.docs.len, 1);
    assert_int_equal(s.diags.len, 1);
    assert_int_equal(s.diags.num_warnings, 1);
    assert_int_equal(weir_diags_num_errors(&s.diags), 0);
    assert_null(weir_diags_first_error(&s.diags));
    schemas_end(&s);
}

static void many_warnings_leave_room_for_an_error(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT WEB "routes:\n");
    for (int i = 0; i < 300; i++)
        weir_strbuf_printf(&text, "- { path: /%d*, upstream: web }\n", i);
    weir_strbuf_puts(&text, "---\napiVersion: weir/v1\nkind: Tenant\nname: Bad\nhosts: [a.test]\n");
    assert_false(text.failed);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_EINVAL);
    assert_int_equal(s.diags.num_warnings, 300);
    assert_int_equal(s.diags.total, 301);
    assert_int_equal(s.diags.len, WEIR_WARNINGS_MAX + 1);
    assert_string_equal(weir_diags_first_error(&s.diags)->field, "name");
    schemas_end(&s);
    weir_strbuf_deinit(&text);
}

static void an_owner_lists_other_tenants_that_may_overlap_it(void **state)
{
    (void)state;
    schemas_yaml("apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: [\"*.example.com\"]\n"
                 "allow_overlap: [pay, blog]\n",
                 "");
    schemas_yaml(
        "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: [\"*.example.com\"]\n"
        "allow_overlap: [shop, pay, pay, Blog]\n",
        "5:17: allow_overlap[0]: \"shop\" is this tenant itself: list the other tenants that "
        "may claim names inside its own\n"
        "5:28: allow_overlap[2]: \"pay\" is given twice, first in allow_overlap[1]\n"
        "5:33: allow_overlap[3]: \"Blog\" is not a name: 1..63 of a-z, 0-9 and \"-\", no "
        "\"-\" at its ends\n");
}

static void the_read_only_socket_is_not_the_one_that_writes(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_NODE "admin: { socket: /run/a.sock, socket_ro: /run/b.sock }\n", "");
    schemas_yaml(SCHEMAS_NODE "admin: { socket: /run/a.sock, socket_ro: /run/a.sock }\n",
                 "3:31: admin.socket_ro: \"/run/a.sock\" is the path of admin.socket: give another "
                 "one\n");
    schemas_yaml(SCHEMAS_NODE "admin: { socket_ro: " WEIR_DEFAULT_SOCKET " }\n",
                 "3:10: admin.socket_ro: \"" WEIR_DEFAULT_SOCKET
                 "\" is the path of admin.socket: give another one\n");
    schemas_yaml(SCHEMAS_NODE "admin: { socket_ro: run/a.sock }\n",
                 "3:10: admin.socket_ro: \"run/a.sock\" is not an absolute path\n");
}

static void routes_lead_to_upstreams_that_are_there(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT WEB
                 "routes: [ { path: /, upstream: wbe }, { path: /a, upstream: other } ]\n",
                 "6:22: routes[0].upstream: there is no upstream \"wbe\", did you mean \"web\"?\n"
                 "6:51: routes[1].upstream: there is no upstream \"other\"\n");
    schemas_yaml(
        SCHEMAS_TENANT "upstreams:\n"
                       "  a: { endpoints: [ { address: \"a:1\" } ] }\n"
                       "  b: { endpoints: [ { address: \"b:1\" } ] }\n",
        "1:1: routes: is missing or empty: with 2 upstreams it must state which serves what\n");
    schemas_yaml(SCHEMAS_TENANT WEB, "");
    schemas_yaml(SCHEMAS_TENANT, "");
    schemas_yaml(
        SCHEMAS_TENANT "upstreams: { web: { endpoints: [] }, db: }\nroutes: []\n",
        "5:21: upstreams.web.endpoints: is missing or empty, allowed are 1..256 entries\n"
        "5:38: upstreams.db: is empty, must be a map\n"
        "6:1: routes: is missing or empty: with 2 upstreams it must state which serves what\n");
}

static void a_pool_holds_together(void **state)
{
#define POOL(p)                                                                                    \
    SCHEMAS_TENANT "upstreams: { web: { endpoints: [ { address: \"a:1\" } ], pool: { " p " } } "   \
                   "}\n"
    (void)state;
    schemas_yaml(POOL("min_idle: 5, max_idle: 5, max: 5"), "");
    schemas_yaml(POOL("max: 1"), "");
    schemas_yaml(POOL("min_idle: 1000"), "");
    schemas_yaml(POOL("min_idle: 6, max_idle: 5, max: 4"),
                 "5:64: upstreams.web.pool.min_idle: 6 is above max_idle, which is 5\n"
                 "5:77: upstreams.web.pool.max_idle: 5 is above max, which is 4\n");
    schemas_yaml(POOL("min_idle: 6, max: 5"),
                 "5:64: upstreams.web.pool.min_idle: 6 is above max, which is 5\n");
}

static void an_error_page_is_a_file_or_a_body(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    (void)state;
    schemas_yaml(SCHEMAS_TENANT "error_pages:\n"
                                "  404: { body: \"\" }\n"
                                "  \"500\": { file: a.html, body: x }\n"
                                "  502: { content_type: text/html }\n"
                                "  200: { body: x }\n"
                                "  503: { body: x, content_type: html }\n",
                 "7:12: error_pages.500.file: is not allowed beside body: give one of them\n"
                 "8:3: error_pages.502: needs a file or a body\n"
                 "9:3: error_pages.200: \"200\" is not a status 400..599\n"
                 "10:19: error_pages.503.content_type: \"html\" is not a media type like "
                 "\"text/html\"\n");
    for (int extra = 0; extra <= 1; extra++) {
        weir_strbuf_reset(&text);
        weir_strbuf_puts(&text, SCHEMAS_TENANT "error_pages:\n");
        for (int i = 0; i < 4; i++)
            weir_strbuf_printf(&text, "  50%d: { body: \"%0*d\" }\n", i, 65536, 0);
        if (extra)
            weir_strbuf_puts(&text, "  504: { body: x }\n");
        schemas_check(
            weir_span(text.at, text.len), WEIR_FORMAT_YAML,
            extra ? "5:1: error_pages: all bodies together are 262145 bytes, at most 262144 "
                    "are allowed\n"
                  : "");
    }
    weir_strbuf_deinit(&text);
}

static void added_fields_fit_a_head(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    (void)state;
    /* Two names of one byte and their four bytes of framing, and the values. */
    for (int extra = 0; extra <= 1; extra++) {
        weir_strbuf_reset(&text);
        weir_strbuf_puts(&text, SCHEMAS_TENANT "headers:\n  add_request:\n");
        weir_strbuf_printf(&text, "    A: \"%0*d\"\n    B: \"%0*d\"\n", 4096, 0, 4086 + extra, 0);
        schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML,
                      extra
                          ? "6:3: headers.add_request: all fields together are 8193 bytes, at most "
                            "8192 are allowed\n"
                          : "");
    }
    weir_strbuf_deinit(&text);
}

static void a_tenant_fits_one_record(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT "redirects:\n");
    for (int i = 0; i < 600; i++)
        weir_strbuf_printf(&text, "- { path: /%0*d, to: none }\n", 2000, i);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_int_equal(s.diags.total, 1);
    assert_string_equal(s.diags.items[0].field, "");
    assert_non_null(strstr(s.reported.at, "1:1: the tenant takes 12"));
    assert_non_null(strstr(s.reported.at, "bytes, at most 1048576 are allowed"));
    schemas_end(&s);
    weir_strbuf_deinit(&text);
}

/* -- messages that never were a text -- */

static void check_reports(const ProtobufCMessage *m, enum weir_kind kind, const char *expected)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_diags diags;

    weir_diags_init(&diags);
    enum weir_err err = weir_schema_check(kind, m, &diags);
    weir_diags_write(&diags, &out);
    weir_strbuf_puts(&out, "");
    assert_string_equal(out.at, expected);
    assert_int_equal(err, expected[0] == '\0' ? WEIR_OK : WEIR_EINVAL);
    weir_strbuf_deinit(&out);
    weir_diags_deinit(&diags);
}

static void a_record_of_a_peer_is_not_trusted(void **state)
{
    char *hosts[] = { (char *)"shop.example.com", (char *)"\xff\n", (char *)"",
                      (char *)"a.example.com.", (char *)"A.Example.com" };
    Weir__V1__Upstream upstream = WEIR__V1__UPSTREAM__INIT;
    Weir__V1__Tenant__UpstreamsEntry entries[] = { WEIR__V1__TENANT__UPSTREAMS_ENTRY__INIT,
                                                   WEIR__V1__TENANT__UPSTREAMS_ENTRY__INIT,
                                                   WEIR__V1__TENANT__UPSTREAMS_ENTRY__INIT };
    Weir__V1__Tenant__UpstreamsEntry *upstreams[] = { &entries[0], &entries[1], &entries[2] };
    Weir__V1__Route route = WEIR__V1__ROUTE__INIT;
    Weir__V1__Route *routes[] = { &route };
    Weir__V1__RedirectTo to = WEIR__V1__REDIRECT_TO__INIT;
    Weir__V1__Redirect redirect = WEIR__V1__REDIRECT__INIT;
    Weir__V1__Redirect *redirects[] = { &redirect };
    Weir__V1__Tenant t = WEIR__V1__TENANT__INIT;

    (void)state;
    t.name = (char *)"shop";
    t.hosts = hosts;
    t.n_hosts = 5;
    upstream.has_balance = 1;
    upstream.balance = (Weir__V1__Upstream__Balance)77;
    entries[0].key = (char *)"web";
    entries[0].value = &upstream;
    entries[1].key = (char *)"web";
    t.upstreams = upstreams;
    t.n_upstreams = 3;
    t.routes = routes;
    t.n_routes = 1;
    to.has_none = to.none = 1;
    to.scheme = (char *)"https";
    redirect.to = &to;
    t.redirects = redirects;
    t.n_redirects = 1;
    check_reports(&t.base, WEIR_KIND_TENANT,
                  "hosts[1]: \"\\xff\\u000a\" is not a host name like shop.example.com or "
                  "\"*.example.com\"\n"
                  "hosts[2]: must not be empty\n"
                  "hosts[3]: \"a.example.com.\" must be written \"a.example.com\"\n"
                  "upstreams.web.balance: 77 is not one of round_robin, ip_hash\n"
                  "upstreams.web.endpoints: is missing or empty, allowed are 1..256 entries\n"
                  "upstreams.web: is empty\n"
                  "upstreams: has an empty key\n"
                  "upstreams.: is empty\n"
                  "upstreams.web: is given twice, first as \"web\"\n"
                  "routes[0].path: is missing\n"
                  "routes[0].upstream: is missing\n"
                  "redirects[0].to.scheme: is not allowed beside \"none\"\n");
}

static void an_empty_message_lacks_only_what_it_must_have(void **state)
{
    Weir__V1__Tenant t = WEIR__V1__TENANT__INIT;
    Weir__V1__Node n = WEIR__V1__NODE__INIT;

    (void)state;
    check_reports(
        &t.base, WEIR_KIND_TENANT,
        "name: is missing\nhosts: is missing or empty: a tenant needs a host or an address\n");
    check_reports(&n.base, WEIR_KIND_NODE, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_form_accepts_what_it_names_and_nothing_else),
        cmocka_unit_test(a_nul_hides_nothing),
        cmocka_unit_test(names_that_are_there_twice_are_reported),
        cmocka_unit_test(metrics_may_listen_anywhere_but_where_another_listener_is),
        cmocka_unit_test(a_path_that_ends_like_a_glob_is_warned_of),
        cmocka_unit_test(a_document_with_warnings_alone_is_valid),
        cmocka_unit_test(many_warnings_leave_room_for_an_error),
        cmocka_unit_test(an_owner_lists_other_tenants_that_may_overlap_it),
        cmocka_unit_test(the_read_only_socket_is_not_the_one_that_writes),
        cmocka_unit_test(routes_lead_to_upstreams_that_are_there),
        cmocka_unit_test(a_pool_holds_together),
        cmocka_unit_test(an_error_page_is_a_file_or_a_body),
        cmocka_unit_test(added_fields_fit_a_head),
        cmocka_unit_test(a_tenant_fits_one_record),
        cmocka_unit_test(a_record_of_a_peer_is_not_trusted),
        cmocka_unit_test(an_empty_message_lacks_only_what_it_must_have),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
