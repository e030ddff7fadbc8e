/* SPDX-License-Identifier: Apache-2.0
 *
 * schemas.h - for the tests of the schema: read a text, compare everything that is reported of it,
 * and a tenant and a node that give every key that is supported. Header only.
 */
#ifndef WEIR_TESTS_SUPPORT_SCHEMAS_H
#define WEIR_TESTS_SUPPORT_SCHEMAS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/strbuf.h"
#include "tenants/schema/schema.h"

#define SCHEMAS_TENANT "apiVersion: weir/v1\nkind: Tenant\nname: shop\nhosts: [shop.example.com]\n"
#define SCHEMAS_NODE   "apiVersion: weir/v1\nkind: Node\n"

/** Every key of a tenant that is supported, as weir writes it. */
static const char schemas_full_tenant[] =
    "apiVersion: weir/v1\n"
    "kind: Tenant\n"
    "name: shop\n"
    "hosts: [shop.example.com, \"*.shop.example.com\"]\n"
    "addresses: [203.0.113.10, \"2001:db8::1\"]\n"
    "upstreams:\n"
    "  web:\n"
    "    balance: ip_hash\n"
    "    protocol: http\n"
    "    pool:\n"
    "      min_idle: 4\n"
    "      max_idle: 64\n"
    "      max: 256\n"
    "      idle_timeout: 1m\n"
    "    connect_timeout: 5s\n"
    "    response_timeout: 90s\n"
    "    endpoints:\n"
    "      - { address: \"10.0.0.1:8080\", weight: 100 }\n"
    "      - { address: \"[2001:db8::9]:8080\", weight: 0, backup: true }\n"
    "  db:\n"
    "    endpoints:\n"
    "      - { address: \"origin.example.net:80\" }\n"
    "routes:\n"
    "  - { path: /api/, upstream: web, websocket: false }\n"
    "  - { path: \"=/exact\", upstream: db }\n"
    "  - { path: /, upstream: web }\n"
    "redirects:\n"
    "  - { port: 80, path: /, to: { code: 308, scheme: https } }\n"
    "  - { port: 80, path: /.well-known/, to: none }\n"
    "  - scheme: http\n"
    "    host: \"*.shop.example.com\"\n"
    "    path: /old/\n"
    "    to: { host: shop.example.com, port: 8080, path: /new/, query: false }\n"
    "headers:\n"
    "  underscores: keep\n"
    "  add_request:\n"
    "    X-Edge: weir\n"
    "  remove_request: [X-Secret]\n"
    "  add_response:\n"
    "    Strict-Transport-Security: \"max-age=31536000\"\n"
    "  remove_response: [Server, X-Powered-By]\n"
    "  via: edge-1\n"
    "http:\n"
    "  max_header: 32KiB\n"
    "  max_body: 1000\n"
    "  head_timeout: 10s\n"
    "  body_timeout: 1500ms\n"
    "  min_rate: 500B/s\n"
    "  idle_timeout: 75s\n"
    "  max_fields: 200\n"
    "  trace: true\n"
    "error_pages:\n"
    "  \"404\":\n"
    "    file: missing.html\n"
    "  \"502\":\n"
    "    body: |\n"
    "      <h1>Sorry</h1>\n"
    "\n"
    "      Come back soon: \"caf\xc3\xa9\".\n"
    "    content_type: \"text/html; charset=utf-8\"\n";

/** Every key of a node that is supported, as weir writes it. */
static const char schemas_full_node[] = "apiVersion: weir/v1\n"
                                        "kind: Node\n"
                                        "name: ams-1\n"
                                        "data: /var/lib/weir\n"
                                        "listen:\n"
                                        "  http: [\"0.0.0.0:80\", \"[::]:80\", \"127.0.0.1:0\"]\n"
                                        "admin:\n"
                                        "  socket: /run/weir/admin.sock\n"
                                        "  listen: \"127.0.0.1:7400\"\n"
                                        "workers: 4\n"
                                        "limits:\n"
                                        "  connections: 100000\n"
                                        "  memory: 1GiB\n"
                                        "  store: 16GiB\n"
                                        "log:\n"
                                        "  access: \"off\"\n"
                                        "  level: debug\n"
                                        "trusted_proxies: [\"10.0.0.0/8\", \"fe80::/10\"]\n";

/** One reading. */
struct schemas {
    struct weir_docs docs;
    struct weir_diags diags;
    struct weir_strbuf reported; /* the diagnostics as text */
    enum weir_err err;
};

static inline void schemas_read(struct schemas *s, struct weir_span text, enum weir_format format)
{
    struct weir_schema_source src = { .text = text, .format = format };

    weir_docs_init(&s->docs);
    weir_diags_init(&s->diags);
    s->reported = WEIR_STRBUF_ZERO;
    s->err = weir_schema_read(&src, &s->docs, &s->diags);
    weir_diags_write(&s->diags, &s->reported);
    weir_strbuf_puts(&s->reported, "");
}

static inline void schemas_end(struct schemas *s)
{
    weir_docs_deinit(&s->docs);
    weir_diags_deinit(&s->diags);
    weir_strbuf_deinit(&s->reported);
}

/** What is reported of a text is exactly `reported`: "" for a text without a fault. Warnings alone
 * leave it valid. */
static inline void schemas_check(struct weir_span text, enum weir_format format,
                                 const char *reported)
{
    struct schemas s;

    schemas_read(&s, text, format);
    if (strcmp(s.reported.at, reported) != 0)
        fprintf(stderr, "reported:\n%s", s.reported.at); /* cmocka cuts long texts */
    assert_string_equal(s.reported.at, reported);
    assert_int_equal(s.err, weir_diags_num_errors(&s.diags) == 0 ? WEIR_OK : WEIR_EINVAL);
    schemas_end(&s);
}

static inline void schemas_yaml(const char *text, const char *reported)
{
    schemas_check(weir_span_cstr(text), WEIR_FORMAT_YAML, reported);
}

static inline void schemas_json(const char *text, const char *reported)
{
    schemas_check(weir_span_cstr(text), WEIR_FORMAT_JSON, reported);
}

/** Write a message, and check that reading it back gives the same text and no difference. */
static inline void schemas_round(const struct weir_doc *doc, enum weir_format format,
                                 struct weir_strbuf *out)
{
    struct weir_strbuf again = WEIR_STRBUF_ZERO;
    struct schemas s;
    const char *items[8];
    struct weir_diff_paths paths = { .items = items, .max = 8, .len = 1 };

    assert_int_equal(weir_schema_write(doc->kind, doc->message, format, out), WEIR_OK);
    schemas_read(&s, weir_span(out->at, out->len), format);
    if (s.err != WEIR_OK)
        print_error("%s\n%s", out->at, s.reported.at);
    assert_int_equal(s.err, WEIR_OK);
    assert_int_equal(s.docs.len, 1);
    assert_int_equal(weir_schema_diff(doc->message, s.docs.items[0].message, &s.docs.arena, &paths),
                     WEIR_OK);
    if (paths.len > 0)
        print_error("%s differs\n%s", items[0], out->at);
    assert_int_equal(paths.len, 0);
    assert_int_equal(weir_schema_write(doc->kind, s.docs.items[0].message, format, &again),
                     WEIR_OK);
    assert_string_equal(again.at, out->at);
    weir_strbuf_deinit(&again);
    schemas_end(&s);
}

#endif
