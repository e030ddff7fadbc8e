/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_test.c - reading documents: envelopes, several in one text, places, all faults at once,
 * memory.
 */
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"

static void every_supported_key_is_read(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s, weir_span_cstr(schemas_full_tenant), WEIR_FORMAT_YAML);
    assert_string_equal(s.reported.at, "");
    assert_int_equal(s.docs.len, 1);
    const Weir__V1__Tenant *t = s.docs.items[0].tenant;
    assert_int_equal(s.docs.items[0].kind, WEIR_KIND_TENANT);
    assert_string_equal(t->name, "shop");
    assert_int_equal(t->n_hosts, 2);
    assert_string_equal(t->addresses[1], "2001:db8::1");
    assert_string_equal(t->upstreams[0]->key, "web");
    assert_int_equal(t->upstreams[0]->value->balance, WEIR__V1__UPSTREAM__BALANCE__ip_hash);
    assert_int_equal(t->upstreams[0]->value->pool->idle_timeout, 60000);
    assert_int_equal(t->upstreams[0]->value->endpoints[1]->weight, 0);
    assert_true(t->upstreams[0]->value->endpoints[1]->has_weight);
    assert_false(t->upstreams[1]->value->endpoints[0]->has_weight);
    assert_true(t->redirects[1]->to->none);
    assert_int_equal(t->redirects[2]->to->port, 8080);
    assert_false(t->redirects[2]->to->query);
    assert_int_equal(t->headers->underscores, WEIR__V1__HEADERS__UNDERSCORES__keep);
    assert_int_equal(t->http->max_header, 32768);
    assert_int_equal(t->http->min_rate, 500);
    assert_int_equal(t->error_pages[1]->value->body.len,
                     strlen("<h1>Sorry</h1>\n\nCome back soon: \"caf\xc3\xa9\".\n"));
    schemas_end(&s);

    schemas_read(&s, weir_span_cstr(schemas_full_node), WEIR_FORMAT_YAML);
    assert_string_equal(s.reported.at, "");
    const Weir__V1__Node *n = s.docs.items[0].node;
    assert_int_equal(s.docs.items[0].kind, WEIR_KIND_NODE);
    assert_string_equal(n->workers, "4");
    assert_string_equal(n->log->access, "off");
    assert_int_equal(n->limits->memory, 1u << 30);
    assert_int_equal(n->n_trusted_proxies, 2);
    schemas_end(&s);
}

/** Each key of a later feature, and the words for it. */
static void keys_of_later_features_are_refused_by_name(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "tls: { certificates: auto }\n"
                                "upstreams:\n"
                                "  web:\n"
                                "    protocol: http\n"
                                "    endpoints: [ { address: \"10.0.0.1:80\" } ]\n"
                                "    health: []\n"
                                "routes: [ { path: /, upstream: web, websocket: true } ]\n"
                                "tcp: 5\n"
                                "limits: null\n",
                 "5:8: tls.certificates: not supported by this version\n"
                 "10:5: upstreams.web.health: not supported by this version\n"
                 "11:37: routes[0].websocket: true is not supported by this version\n"
                 "12:1: tcp: not supported by this version\n"
                 "13:1: limits: not supported by this version\n");
    schemas_yaml(SCHEMAS_NODE "listen: { http: [], tcp: [] }\n"
                              "cluster: { name: edge }\n"
                              "admin: { listen: \"10.0.0.1\" }\n",
                 "3:21: listen.tcp: not supported by this version\n"
                 "4:1: cluster: not supported by this version\n"
                 "5:10: admin.listen: \"10.0.0.1\" is not ip:port or [v6]:port\n");
}

static void everything_wrong_is_reported_at_once_with_its_place(void **state)
{
    (void)state;
    schemas_yaml(
        "apiVersion: weir/v1\n"
        "kind: Tenant\n"
        "name: Shop!\n"
        "host: [shop.example.com]\n"
        "upstreams:\n"
        "  web:\n"
        "    conect_timeout: 5s\n"
        "    response_timeout: 5\n"
        "    balance: roundrobin\n"
        "    pool: { max: \"256\", min_idle: -1 }\n"
        "    endpoints:\n"
        "      - address: \"10.0.0.1:8080\"\n"
        "        weight: 70000\n"
        "        backup: yes\n"
        "      - { weight: 1.5 }\n"
        "      - { address: \"10.0.0.1:8080\" }\n"
        "routes: { path: / }\n"
        "redirects:\n"
        "  - { port: 80, path: /, to: { code: 300, scheme: htps } }\n"
        "  - { to: nowhere }\n"
        "  - { port: 443 }\n"
        "name: again\n",
        "3:1: name: \"Shop!\" is not a name: 1..63 of a-z, 0-9 and \"-\", no \"-\" at its "
        "ends\n"
        "4:1: host: unknown key, did you mean \"hosts\"?\n"
        "7:5: upstreams.web.conect_timeout: unknown key, did you mean "
        "\"connect_timeout\"?\n"
        "8:5: upstreams.web.response_timeout: \"5\" is not a duration like 500ms, 5s, 1m30s, "
        "24h, allowed is 10ms..24h\n"
        "9:5: upstreams.web.balance: \"roundrobin\" is not one of round_robin, ip_hash, did "
        "you mean \"round_robin\"?\n"
        "10:13: upstreams.web.pool.max: \"256\" is not a whole number without quotes, "
        "allowed is 1..65536\n"
        "10:25: upstreams.web.pool.min_idle: -1 is out of range 0..1024\n"
        "13:9: upstreams.web.endpoints[0].weight: 70000 is out of range 0..65535\n"
        "14:9: upstreams.web.endpoints[0].backup: yes is not true or false, write true\n"
        "15:9: upstreams.web.endpoints[1].address: is missing\n"
        "15:11: upstreams.web.endpoints[1].weight: 1.5 is not a whole number, allowed is "
        "0..65535\n"
        "16:11: upstreams.web.endpoints[2].address: \"10.0.0.1:8080\" is given twice, first "
        "in endpoints[0]\n"
        "17:1: routes: is a map, must be a list\n"
        "19:32: redirects[0].to.code: 300 is not one of 301, 302, 303, 307, 308\n"
        "19:43: redirects[0].to.scheme: \"htps\" is not one of http, https, did you mean "
        "\"https\"?\n"
        "20:7: redirects[1].to: \"nowhere\" is not a map or \"none\"\n"
        "21:5: redirects[2].to: is missing\n"
        "22:1: name: is given twice, first in line 3\n");
}

static void json_reports_the_same_as_yaml(void **state)
{
    (void)state;
    schemas_json(
        "{\"apiVersion\": \"weir/v1\", \"kind\": \"Tenant\", \"name\": 5,\n"
        " \"hosts\": [\"a.example.com\", true, null],\n"
        " \"routes\": [{\"path\": \"/\", \"upstrem\": \"web\"}],\n"
        " \"http\": {\"max_header\": 32768, \"idle_timeout\": 75, \"max_body\": \"1GiB\"},\n"
        " \"http\": {}}",
        "1:45: name: 5 is not text: write it in quotes\n"
        "2:29: hosts[1]: true is not text: write it in quotes\n"
        "2:35: hosts[2]: has an empty value: give one or leave the key out\n"
        "3:27: routes[0].upstrem: unknown key, did you mean \"upstream\"?\n"
        "4:32: http.idle_timeout: \"75\" is not a duration like 500ms, 5s, 1m30s, 24h, "
        "allowed is 100ms..24h\n"
        "5:2: http: is given twice, first in line 4\n");
}

static void an_envelope_is_required_unless_it_is_assumed(void **state)
{
    static const enum weir_kind tenant = WEIR_KIND_TENANT;
    struct weir_schema_source src = { .text = WEIR_SPAN_LIT("name: shop\nhosts: [a.example.com]\n"),
                                      .assume = &tenant };
    struct weir_docs docs;
    struct weir_diags diags;

    (void)state;
    schemas_yaml("name: shop\n", "1:1: apiVersion: is missing\n1:1: kind: is missing\n");
    schemas_yaml(
        "apiVersion: v1\nkind: Tennant\nname: shop\n",
        "1:1: apiVersion: \"v1\" is not weir/v1\n"
        "1:1: hosts: is missing or empty: a tenant needs a host or an address\n"
        "2:1: kind: \"Tennant\" is not Tenant, Node or Certificate, did you mean \"Tenant\"?\n");
    schemas_yaml("apiVersion: [weir/v1]\nkind: {}\n", "1:1: apiVersion: is a list, must be text\n"
                                                      "2:1: kind: is a map, must be text\n");
    schemas_yaml(SCHEMAS_TENANT "kind: Node\n", "5:1: kind: is given twice, first in line 2\n");
    schemas_yaml("apiVersion: weir/v2\nkind: Tenant\nhosts: [a.example.com]\n",
                 "1:1: apiVersion: \"weir/v2\" is not weir/v1, did you mean \"weir/v1\"?\n"
                 "1:1: name: is missing\n");
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    assert_int_equal(weir_schema_read(&src, &docs, &diags), WEIR_OK);
    src.text = WEIR_SPAN_LIT(SCHEMAS_NODE "name: ams-1\n");
    assert_int_equal(weir_schema_read(&src, &docs, &diags), WEIR_OK);
    assert_int_equal(docs.len, 2);
    assert_int_equal(docs.items[0].kind, WEIR_KIND_TENANT);
    assert_int_equal(docs.items[1].kind, WEIR_KIND_NODE);
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
}

static void the_valid_documents_of_a_text_are_read(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(
        &s,
        WEIR_SPAN_LIT("# a comment\n---\n" SCHEMAS_TENANT "---\n---\n- a list\n...\n---\n"
                      "apiVersion: weir/v1\nkind: Tenant\nname: b\nhosts: [b.example.com]\n"
                      "---\n" SCHEMAS_NODE),
        WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_EINVAL);
    assert_string_equal(s.reported.at, "9:1: a document is a map of keys, not a list\n");
    assert_int_equal(s.docs.len, 3);
    assert_int_equal(s.docs.items[0].line, 3);
    assert_string_equal(s.docs.items[1].tenant->name, "b");
    assert_int_equal(s.docs.items[2].kind, WEIR_KIND_NODE);
    schemas_end(&s);
    schemas_yaml("", "");
    schemas_yaml("# nothing\n---\n", "");
    schemas_json("  ", "");
    schemas_json("[]", "");
}

static void two_documents_of_one_name_are_a_fault(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "---\n" SCHEMAS_NODE "name: shop\n---\n" SCHEMAS_TENANT,
                 "12:1: name: \"shop\" is described twice, first in line 3\n");
}

static void json_documents_stand_in_an_array_or_behind_each_other(void **state)
{
#define ONE(name)                                                                                  \
    "{\"kind\":\"Tenant\",\"apiVersion\":\"weir/v1\",\"name\":\"" name "\",\"hosts\":[\"" name     \
    ".example.com\"]}"
    static const char *const texts[] = { "[" ONE("a") "," ONE("b") "]", ONE("a") ONE("b"),
                                         ONE("a") "\n" ONE("b") "\n",
                                         " [ " ONE("a") " ,\n " ONE("b") " ] " };
    struct schemas s;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(texts); i++) {
        schemas_read(&s, weir_span_cstr(texts[i]), WEIR_FORMAT_JSON);
        assert_string_equal(s.reported.at, "");
        assert_int_equal(s.docs.len, 2);
        assert_string_equal(s.docs.items[1].tenant->name, "b");
        schemas_end(&s);
    }
    schemas_json("[" ONE("a") ",]", "1:80: JSON: a value is expected here\n");
    schemas_json("[" ONE("a") "] x", "1:81: JSON: nothing may follow the array of documents\n");
    schemas_json(ONE("a") "," ONE("b"), "1:78: JSON: a value is expected here\n");
    schemas_json("[" ONE("a"), "1:79: JSON: \",\" or \"]\" is expected here\n");
    schemas_json("5", "1:1: a document is a map of keys, not text\n");
}

static void hosts_and_addresses_have_one_spelling(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(
        &s,
        WEIR_SPAN_LIT("apiVersion: weir/v1\nkind: Tenant\nname: shop\n"
                      "hosts: [Shop.Example.COM., \"*.SHOP.example.com\"]\n"
                      "addresses: [\"2001:DB8:0::1\", \"::ffff:192.0.2.1\"]\n"
                      "upstreams: { web: { endpoints: [ { address: \"Origin.Example:80\" }, "
                      "{ address: \"[2001:DB8::0]:80\" } ] } }\n"),
        WEIR_FORMAT_YAML);
    assert_string_equal(s.reported.at, "");
    const Weir__V1__Tenant *t = s.docs.items[0].tenant;
    assert_string_equal(t->hosts[0], "shop.example.com");
    assert_string_equal(t->hosts[1], "*.shop.example.com");
    assert_string_equal(t->addresses[0], "2001:db8::1");
    assert_string_equal(t->addresses[1], "192.0.2.1");
    assert_string_equal(t->upstreams[0]->value->endpoints[0]->address, "origin.example:80");
    assert_string_equal(t->upstreams[0]->value->endpoints[1]->address, "[2001:db8::]:80");
    schemas_end(&s);
    schemas_yaml(SCHEMAS_TENANT "addresses: [\"::ffff:192.0.2.1\", 192.0.2.1]\n",
                 "5:33: addresses[1]: \"192.0.2.1\" is given twice, first in addresses[0]\n");
}

static void two_hundred_faults_are_stored_and_all_are_counted(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT "routes:\n");
    for (int i = 0; i < 300; i++)
        weir_strbuf_printf(&text, "- { path: /%d, upstream: web }\n", i);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_EINVAL);
    assert_int_equal(s.diags.len, 200);
    assert_int_equal(s.diags.total, 300);
    assert_string_equal(s.diags.items[199].field, "routes[199].upstream");
    assert_non_null(strstr(s.reported.at, "\nand 100 more\n"));
    schemas_end(&s);
    weir_strbuf_deinit(&text);
}

static void sixteen_thousand_documents_are_read_and_one_more_is_not(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    for (int i = 0; i < 16384; i++)
        weir_strbuf_printf(&text, "---\n{apiVersion: weir/v1, kind: Node, name: n%d}\n", i);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_string_equal(s.reported.at, "");
    assert_int_equal(s.docs.len, 16384);
    assert_string_equal(s.docs.items[16383].node->name, "n16383");
    schemas_end(&s);
    weir_strbuf_puts(&text, "---\n{apiVersion: weir/v1, kind: Node, name: one-more}\n");
    schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML,
                  "32770:1: more than 16384 documents in one text\n");
    weir_strbuf_deinit(&text);
}

static void a_text_above_64_mib_is_not_read(void **state)
{
    size_t max = 64u << 20;
    char *text = malloc(max + 1);

    (void)state;
    memset(text, '\n', max + 1);
    schemas_check(weir_span(text, max), WEIR_FORMAT_JSON, "");
    schemas_check(weir_span(text, max + 1), WEIR_FORMAT_JSON,
                  "the text has 67108865 bytes, at most 67108864 are allowed\n");
    free(text);
}

static void depth_and_values_of_a_document_are_bounded(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    (void)state;
    for (int depth = 32; depth <= 33; depth++) {
        weir_strbuf_reset(&text);
        for (int i = 0; i < depth; i++)
            weir_strbuf_puts(&text, "[");
        for (int i = 0; i < depth; i++)
            weir_strbuf_puts(&text, "]");
        /* In JSON the outermost brackets hold the documents and are not part of one. */
        schemas_check(weir_span(text.at + 1, text.len - 2), WEIR_FORMAT_YAML,
                      "1:1: a document is a map of keys, not a list\n");
        schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML,
                      depth == 32 ? "1:1: a document is a map of keys, not a list\n"
                                  : "1:33: values are nested deeper than 32 levels\n");
        schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_JSON,
                      "1:2: a document is a map of keys, not a list\n");
    }
    weir_strbuf_reset(&text);
    weir_strbuf_puts(&text, "[");
    for (int i = 0; i < 524287; i++)
        weir_strbuf_puts(&text, "a,");
    weir_strbuf_puts(&text, "]");
    schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML,
                  "1:1: a document is a map of keys, not a list\n");
    text.len--;
    weir_strbuf_puts(&text, "a]");
    schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML,
                  "1:1048576: the document has more than 524288 values\n");
    weir_strbuf_deinit(&text);
}

/** A full text, cut after each byte, is read or refused; nothing beyond its end is touched. */
static void each_prefix_of_a_text_is_read_or_refused(void **state)
{
    struct weir_strbuf json = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    schemas_read(&s, weir_span_cstr(schemas_full_tenant), WEIR_FORMAT_YAML);
    assert_int_equal(
        weir_schema_write(WEIR_KIND_TENANT, s.docs.items[0].message, WEIR_FORMAT_JSON, &json),
        WEIR_OK);
    schemas_end(&s);
    for (size_t len = 0; len < sizeof(schemas_full_tenant); len++) {
        char *cut = malloc(len + 1);
        memcpy(cut, schemas_full_tenant, len);
        schemas_read(&s, weir_span(cut, len), WEIR_FORMAT_YAML);
        assert_true(s.err == WEIR_OK || s.diags.len > 0);
        schemas_end(&s);
        free(cut);
    }
    for (size_t len = 1; len < json.len - 1; len++) { /* the last byte is a line feed */
        char *cut = malloc(len);
        memcpy(cut, json.at, len);
        schemas_read(&s, weir_span(cut, len), WEIR_FORMAT_JSON);
        assert_int_equal(s.err, WEIR_EINVAL);
        assert_int_equal(s.docs.len, 0);
        schemas_end(&s);
        free(cut);
    }
    weir_strbuf_deinit(&json);
}

/** Read, write both ways, check, diff: with the n-th allocation failing, each reports it or
 * succeeds.
 */
static enum weir_err whole_life(const char *text, enum weir_format format)
{
    struct weir_schema_source src = { .text = weir_span_cstr(text), .format = format, .file = "f" };
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_docs docs;
    struct weir_diags diags;
    const char *items[4];
    struct weir_diff_paths paths = { .items = items, .max = 4 };

    weir_docs_init(&docs);
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_read(&src, &docs, &diags);
    if (err == WEIR_OK)
        err = weir_schema_check(docs.items[0].kind, docs.items[0].message, &diags);
    if (err == WEIR_OK)
        err = weir_schema_write(docs.items[0].kind, docs.items[0].message, format, &out);
    if (err == WEIR_OK)
        err = weir_schema_diff(docs.items[0].message, docs.items[0].message, &docs.arena, &paths);
    weir_strbuf_deinit(&out);
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
    return err;
}

static void no_memory_at_any_point_is_reported_and_leaks_nothing(void **state)
{
    static const struct {
        const char *text;
        enum weir_format format;
        enum weir_err err;
    } cases[] = {
        { schemas_full_tenant, WEIR_FORMAT_YAML, WEIR_OK },
        { schemas_full_node, WEIR_FORMAT_YAML, WEIR_OK },
        { SCHEMAS_TENANT "tls: {}\nname: b\nrotes: []\nhttp: { max_header: 5 }\n", WEIR_FORMAT_YAML,
          WEIR_EINVAL },
        { "[{\"kind\":\"Node\",\"apiVersion\":\"weir/v1\",\"name\":\"\\u0061\"},"
          "{\"kind\":\"Node\",\"apiVersion\":\"weir/v1\",\"name\":\"b\"}]",
          WEIR_FORMAT_JSON, WEIR_OK },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        weir_failalloc_after(-1);
        assert_int_equal(whole_life(cases[i].text, cases[i].format), cases[i].err);
        unsigned long num = weir_failalloc_count();
        assert_true(num > 3);
        for (unsigned long n = 1; n <= num; n++) {
            weir_failalloc_after((long)n);
            enum weir_err after = whole_life(cases[i].text, cases[i].format);
            weir_failalloc_once((long)n);
            enum weir_err once = whole_life(cases[i].text, cases[i].format);
            weir_failalloc_after(-1);
            assert_int_equal(after, WEIR_ENOMEM);
            assert_int_equal(once, WEIR_ENOMEM);
        }
    }
}

static void an_unread_file_of_an_error_page_is_seen(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(&s, weir_span_cstr(schemas_full_tenant), WEIR_FORMAT_YAML);
    Weir__V1__Tenant *t = s.docs.items[0].tenant;
    assert_true(weir_schema_has_unread_files(t));
    t->error_pages[0]->value->file = NULL;
    t->error_pages[0]->value->has_body = 1;
    assert_false(weir_schema_has_unread_files(t));
    t->n_error_pages = 0;
    assert_false(weir_schema_has_unread_files(t));
    schemas_end(&s);
}

static void a_diagnostic_names_its_file(void **state)
{
    struct weir_schema_source src = { .text = WEIR_SPAN_LIT(SCHEMAS_TENANT "x: 1\n"),
                                      .file = "shop.yaml" };
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_docs docs;
    struct weir_diags diags;

    (void)state;
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    assert_int_equal(weir_schema_read(&src, &docs, &diags), WEIR_EINVAL);
    weir_diags_write(&diags, &out);
    assert_string_equal(out.at,
                        "shop.yaml:5:1: x: unknown key: known are name, hosts, addresses, tls, "
                        "upstreams, routes, redirects, headers, http, tcp, limits, "
                        "error_pages, allow_overlap\n");
    assert_int_equal(docs.len, 0);
    weir_strbuf_deinit(&out);
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_supported_key_is_read),
        cmocka_unit_test(keys_of_later_features_are_refused_by_name),
        cmocka_unit_test(everything_wrong_is_reported_at_once_with_its_place),
        cmocka_unit_test(json_reports_the_same_as_yaml),
        cmocka_unit_test(an_envelope_is_required_unless_it_is_assumed),
        cmocka_unit_test(the_valid_documents_of_a_text_are_read),
        cmocka_unit_test(two_documents_of_one_name_are_a_fault),
        cmocka_unit_test(json_documents_stand_in_an_array_or_behind_each_other),
        cmocka_unit_test(hosts_and_addresses_have_one_spelling),
        cmocka_unit_test(two_hundred_faults_are_stored_and_all_are_counted),
        cmocka_unit_test(sixteen_thousand_documents_are_read_and_one_more_is_not),
        cmocka_unit_test(a_text_above_64_mib_is_not_read),
        cmocka_unit_test(depth_and_values_of_a_document_are_bounded),
        cmocka_unit_test(each_prefix_of_a_text_is_read_or_refused),
        cmocka_unit_test(no_memory_at_any_point_is_reported_and_leaks_nothing),
        cmocka_unit_test(an_unread_file_of_an_error_page_is_seen),
        cmocka_unit_test(a_diagnostic_names_its_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
