/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_json_test.c - the strict reader: RFC 8259 to the letter, with places; and admin messages
 * both ways.
 */
#include "tenants/schema/schema_reader.h"
#include "tenants/schema/schema_report.h"
#include "tests/support/failalloc.h"
#include "tests/support/schemas.h"
#include "weir/v1/admin.pb-c.h"
#include "weir/v1/record.pb-c.h"

/** Read one value; what is reported, or "" and the tree in *ret. */
struct value {
    struct weir_arena arena;
    struct weir_diags diags;
    struct weir_tree *root;
    enum weir_err err;
};

static void value_read(struct value *v, struct weir_span text)
{
    struct weir_report report;
    struct weir_tree_builder b = { .arena = &v->arena, .report = &report };
    struct weir_json j;

    v->root = NULL;
    weir_arena_init(&v->arena, 4096, 64u << 20);
    weir_diags_init(&v->diags);
    weir_report_init(&report, &v->diags, NULL);
    weir_json_init(&j, text);
    v->err = weir_json_whole(&j, &b, &v->root);
    assert_int_equal(v->err == WEIR_OK, v->diags.len == 0);
}

static void value_end(struct value *v)
{
    weir_diags_deinit(&v->diags);
    weir_arena_deinit(&v->arena);
}

static void what_the_rfc_allows_is_read(void **state)
{
    static const char *const good[] = {
        "0",
        "-0",
        "5",
        "-5",
        "10",
        "1.5",
        "-0.0",
        "1e3",
        "1E+3",
        "1.5e-10",
        "true",
        "false",
        "null",
        "\"\"",
        "\"a\"",
        "[]",
        "{}",
        "[ ]",
        "{ }",
        "[1,2]",
        " [1 , 2 ] ",
        "{\"a\":1,\"b\":[{}]}",
        "\t\r\n 5 \t\r\n",
        "\"\\u0000\"",
        "\"\x7f\"",
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(good); i++) {
        struct value v;
        value_read(&v, weir_span_cstr(good[i]));
        if (v.err != WEIR_OK)
            fail_msg("%s: %s", good[i], v.diags.items[0].message);
        assert_non_null(v.root);
        value_end(&v);
    }
}

static const struct weir_span broken[] = {
    WEIR_SPAN_LIT(""),
    WEIR_SPAN_LIT(" "),
    WEIR_SPAN_LIT("00"),
    WEIR_SPAN_LIT("01"),
    WEIR_SPAN_LIT("+1"),
    WEIR_SPAN_LIT("-"),
    WEIR_SPAN_LIT(".5"),
    WEIR_SPAN_LIT("1."),
    WEIR_SPAN_LIT("1e"),
    WEIR_SPAN_LIT("1e+"),
    WEIR_SPAN_LIT("0x10"),
    WEIR_SPAN_LIT("NaN"),
    WEIR_SPAN_LIT("Infinity"),
    WEIR_SPAN_LIT("True"),
    WEIR_SPAN_LIT("truee"),
    WEIR_SPAN_LIT("tru"),
    WEIR_SPAN_LIT("nul"),
    WEIR_SPAN_LIT("'a'"),
    WEIR_SPAN_LIT("\"a"),
    WEIR_SPAN_LIT("\"\\\""),
    WEIR_SPAN_LIT("\"\\x41\""),
    WEIR_SPAN_LIT("\"\\u12\""),
    WEIR_SPAN_LIT("\"\\u12g4\""),
    WEIR_SPAN_LIT("\"\\ud800\""),
    WEIR_SPAN_LIT("\"\\udc00\""),
    WEIR_SPAN_LIT("\"\\ud800\\u0041\""),
    WEIR_SPAN_LIT("\"\\ud800x\""),
    WEIR_SPAN_LIT("\"a\nb\""),
    WEIR_SPAN_LIT("\"a\tb\""),
    WEIR_SPAN_LIT("\"\0\""),
    WEIR_SPAN_LIT("\"\xff\""),
    WEIR_SPAN_LIT("\"\xed\xa0\x80\""),
    WEIR_SPAN_LIT("["),
    WEIR_SPAN_LIT("[1"),
    WEIR_SPAN_LIT("[1,"),
    WEIR_SPAN_LIT("[1,]"),
    WEIR_SPAN_LIT("[,1]"),
    WEIR_SPAN_LIT("[1 2]"),
    WEIR_SPAN_LIT("[1}"),
    WEIR_SPAN_LIT("{"),
    WEIR_SPAN_LIT("{\"a\"}"),
    WEIR_SPAN_LIT("{\"a\":}"),
    WEIR_SPAN_LIT("{\"a\":1,}"),
    WEIR_SPAN_LIT("{a:1}"),
    WEIR_SPAN_LIT("{1:1}"),
    WEIR_SPAN_LIT("{\"a\" 1}"),
    WEIR_SPAN_LIT("{\"a\":1]"),
    WEIR_SPAN_LIT("1 2"),
    WEIR_SPAN_LIT("1,"),
    WEIR_SPAN_LIT("{} x"),
    WEIR_SPAN_LIT("// a\n1"),
    WEIR_SPAN_LIT("/**/1"),
    WEIR_SPAN_LIT("\xef\xbb\xbf"
                  "1"),
    WEIR_SPAN_LIT("1\0"),
    WEIR_SPAN_LIT("\0"),
    WEIR_SPAN_LIT("\v1"),
};

static void what_the_rfc_does_not_allow_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(broken); i++) {
        struct value v;
        value_read(&v, broken[i]);
        if (v.err != WEIR_EINVAL)
            fail_msg("case %zu is taken", i);
        assert_true(
            weir_span_starts(weir_span_cstr(v.diags.items[0].message), WEIR_SPAN_LIT("JSON: ")));
        value_end(&v);
    }
}

static void escapes_become_the_bytes_they_mean(void **state)
{
    static const struct {
        const char *text;
        struct weir_span bytes;
    } examples[] = {
        { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", WEIR_SPAN_LIT("\"\\/\b\f\n\r\t") },
        { "\"a\\u0041\\u00e9\\u20AC\"", WEIR_SPAN_LIT("aA\xc3\xa9\xe2\x82\xac") },
        { "\"\\ud83d\\ude00\"", WEIR_SPAN_LIT("\xf0\x9f\x98\x80") },
        { "\"\\uDBFF\\uDFFF\"", WEIR_SPAN_LIT("\xf4\x8f\xbf\xbf") },
        { "\"\\u0000x\"", WEIR_SPAN_LIT("\0x") },
        { "\"plain\"", WEIR_SPAN_LIT("plain") },
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(examples); i++) {
        struct value v;
        value_read(&v, weir_span_cstr(examples[i].text));
        assert_int_equal(v.err, WEIR_OK);
        assert_true(weir_span_eq(v.root->text, examples[i].bytes));
        assert_true(v.root->quoted);
        value_end(&v);
    }
}

static void places_count_characters_and_lines(void **state)
{
    struct value v;

    (void)state;
    value_read(&v, WEIR_SPAN_LIT("{\"caf\xc3\xa9\": 1,\n\r\n \"b\": [ true,\n\"x\"]}"));
    assert_int_equal(v.err, WEIR_OK);
    const struct weir_tree *b_key = NULL;
    const struct weir_tree *first = weir_tree_member(v.root, WEIR_SPAN_LIT("caf\xc3\xa9"), NULL);
    const struct weir_tree *b = weir_tree_member(v.root, WEIR_SPAN_LIT("b"), &b_key);
    assert_int_equal(v.root->num, 2);
    assert_int_equal(first->line, 1);
    assert_int_equal(first->column, 10);
    assert_int_equal(b_key->line, 3);
    assert_int_equal(b_key->column, 2);
    assert_int_equal(b->column, 7);
    assert_int_equal(weir_tree_item(b, 1)->line, 4);
    assert_int_equal(weir_tree_item(b, 1)->column, 1);
    assert_null(weir_tree_item(b, 2));
    assert_null(weir_tree_member(v.root, WEIR_SPAN_LIT("c"), NULL));
    value_end(&v);
}

static void depth_is_bounded(void **state)
{
    char text[80];

    (void)state;
    for (int depth = 31; depth <= 33; depth++) {
        struct value v;
        memset(text, '[', (size_t)depth);
        memset(text + depth, ']', (size_t)depth);
        value_read(&v, weir_span(text, 2 * (size_t)depth));
        assert_int_equal(v.err, depth <= 32 ? WEIR_OK : WEIR_EINVAL);
        value_end(&v);
    }
}

/* -- admin messages -- */

static ProtobufCMessage *read_back(const ProtobufCMessageDescriptor *desc, const char *text,
                                   struct weir_arena *arena)
{
    ProtobufCMessage *m = NULL;

    weir_arena_init(arena, 4096, 1u << 20);
    assert_int_equal(weir_schema_read_json(desc, weir_span_cstr(text), arena, &m), WEIR_OK);
    return m;
}

static void admin_responses_travel_both_ways(void **state)
{
    Weir__V1__NodeStatus node = WEIR__V1__NODE_STATUS__INIT;
    Weir__V1__NodeStatus *nodes[] = { &node };
    char *warnings[] = { (char *)"a \"quoted\"\nline", (char *)"caf\xc3\xa9" };
    Weir__V1__StatusResponse response = WEIR__V1__STATUS_RESPONSE__INIT;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_arena arena;

    (void)state;
    node.name = (char *)"ams-1";
    node.has_uptime_s = 1;
    node.uptime_s = UINT64_MAX;
    node.has_requests_per_s = 1;
    node.requests_per_s = 0.1;
    node.has_workers = 1;
    node.workers = 0;
    node.warnings = warnings;
    node.n_warnings = 2;
    response.nodes = nodes;
    response.n_nodes = 1;
    assert_int_equal(weir_schema_write_json(&response.base, &out), WEIR_OK);
    assert_string_equal(out.at, "{\"nodes\":[{\"name\":\"ams-1\",\"uptime_s\":18446744073709551615,"
                                "\"workers\":0,\"requests_per_s\":0.1,\"warnings\":[\"a "
                                "\\\"quoted\\\"\\nline\",\"caf\\u00e9\"]}]}");
    Weir__V1__StatusResponse *back = (Weir__V1__StatusResponse *)read_back(
        &weir__v1__status_response__descriptor, out.at, &arena);
    assert_true(back->nodes[0]->uptime_s == UINT64_MAX);
    assert_true(back->nodes[0]->has_workers);
    assert_false(back->nodes[0]->has_tenants);
    assert_true(back->nodes[0]->requests_per_s == 0.1);
    assert_string_equal(back->nodes[0]->warnings[0], warnings[0]);
    assert_string_equal(back->nodes[0]->warnings[1], warnings[1]);
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&out);
}

static void a_tenant_inside_a_response_has_its_text_form(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO, again = WEIR_STRBUF_ZERO;
    struct weir_arena arena;
    struct schemas s;
    Weir__V1__TenantResponse response = WEIR__V1__TENANT_RESPONSE__INIT;
    const char *items[4];
    struct weir_diff_paths paths = { .items = items, .max = 4, .len = 1 };

    (void)state;
    schemas_read(&s, weir_span_cstr(schemas_full_tenant), WEIR_FORMAT_YAML);
    response.tenant = s.docs.items[0].tenant;
    assert_int_equal(weir_schema_write_json(&response.base, &out), WEIR_OK);
    assert_non_null(strstr(out.at, "\"connect_timeout\":\"5s\""));
    assert_non_null(strstr(out.at, "\"to\":\"none\""));
    Weir__V1__TenantResponse *back = (Weir__V1__TenantResponse *)read_back(
        &weir__v1__tenant_response__descriptor, out.at, &arena);
    assert_int_equal(weir_schema_diff(&response.base, &back->base, &arena, &paths), WEIR_OK);
    assert_int_equal(paths.len, 0);
    assert_int_equal(weir_schema_write_json(&back->base, &again), WEIR_OK);
    assert_string_equal(again.at, out.at);
    weir_strbuf_deinit(&again);
    weir_strbuf_deinit(&out);
    weir_arena_deinit(&arena);
    schemas_end(&s);
}

/** A node of a later version may send more than this client knows. */
static void unknown_keys_and_refused_ones_do_not_stop_a_client(void **state)
{
    struct weir_arena arena;
    Weir__V1__TenantResponse *a = (Weir__V1__TenantResponse *)read_back(
        &weir__v1__tenant_response__descriptor,
        "{\"tenant\":{\"name\":\"a\",\"tls\":{\"http2\":true},\"later\":[{\"x\":null}],"
        "\"upstreams\":{\"w\":{\"health\":{\"interval\":\"15s\"}}}},\"revision\":3,\"why\":null}",
        &arena);

    (void)state;
    assert_string_equal(a->tenant->name, "a");
    assert_true(a->tenant->tls->http2);
    assert_int_equal(a->tenant->upstreams[0]->value->health->interval, 15000);
    assert_int_equal(a->revision, 3);
    assert_null(a->why);
    weir_arena_deinit(&arena);
}

static void bytes_without_a_rule_are_base64(void **state)
{
    Weir__V1__Record r = WEIR__V1__RECORD__INIT;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_arena arena;

    (void)state;
    r.has_key = 1;
    r.key = (ProtobufCBinaryData){ .len = 4, .data = (uint8_t *)(uintptr_t) "\x00\xff\x10z" };
    assert_int_equal(weir_schema_write_json(&r.base, &out), WEIR_OK);
    assert_string_equal(out.at, "{\"key\":\"AP8Qeg==\"}");
    Weir__V1__Record *back =
        (Weir__V1__Record *)read_back(&weir__v1__record__descriptor, out.at, &arena);
    assert_int_equal(back->key.len, 4);
    assert_memory_equal(back->key.data, r.key.data, 4);
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&out);
}

static void a_broken_response_is_refused_and_leaves_the_result_alone(void **state)
{
    static const char *const bad[] = { "",
                                       "{",
                                       "[]",
                                       "5",
                                       "{\"nodes\":{}}",
                                       "{\"nodes\":[5]}",
                                       "{\"cluster\":5}",
                                       "{\"nodes\":[{\"workers\":-1}]}",
                                       "{\"nodes\":[{\"workers\":4294967296}]}" };
    struct weir_arena arena;

    (void)state;
    weir_arena_init(&arena, 4096, 1u << 20);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        ProtobufCMessage *m = NULL;
        assert_int_equal(weir_schema_read_json(&weir__v1__status_response__descriptor,
                                               weir_span_cstr(bad[i]), &arena, &m),
                         WEIR_EINVAL);
        assert_null(m);
    }
    weir_arena_deinit(&arena);
}

static void no_memory_for_a_response_is_reported(void **state)
{
    static const char text[] = "{\"nodes\":[{\"name\":\"a\",\"warnings\":[\"x\"],\"workers\":4}]}";
    unsigned long num = 1;

    (void)state;
    for (unsigned long n = 0; n <= num; n++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        struct weir_arena arena;
        ProtobufCMessage *m = NULL;

        weir_arena_init(&arena, 256, 1u << 20);
        weir_failalloc_after(n == 0 ? -1 : (long)n);
        enum weir_err err = weir_schema_read_json(&weir__v1__status_response__descriptor,
                                                  weir_span_cstr(text), &arena, &m);
        if (err == WEIR_OK)
            err = weir_schema_write_json(m, &out);
        if (n == 0)
            num = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(err, n == 0 ? WEIR_OK : WEIR_ENOMEM);
        if (n == 0)
            assert_string_equal(
                out.at, "{\"nodes\":[{\"name\":\"a\",\"workers\":4,\"warnings\":[\"x\"]}]}");
        weir_strbuf_deinit(&out);
        weir_arena_deinit(&arena);
    }
    assert_true(num > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_rfc_allows_is_read),
        cmocka_unit_test(what_the_rfc_does_not_allow_is_refused),
        cmocka_unit_test(escapes_become_the_bytes_they_mean),
        cmocka_unit_test(places_count_characters_and_lines),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(admin_responses_travel_both_ways),
        cmocka_unit_test(a_tenant_inside_a_response_has_its_text_form),
        cmocka_unit_test(unknown_keys_and_refused_ones_do_not_stop_a_client),
        cmocka_unit_test(bytes_without_a_rule_are_base64),
        cmocka_unit_test(no_memory_for_a_response_is_reported),
        cmocka_unit_test(a_broken_response_is_refused_and_leaves_the_result_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
