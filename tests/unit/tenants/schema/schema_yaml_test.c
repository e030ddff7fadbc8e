/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_yaml_test.c - what of YAML is read, and what is refused so that a file cannot mean two
 * things or grow.
 */
#include "tests/support/schemas.h"

static void anchors_aliases_and_tags_are_refused_wherever_they_stand(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "http: &limits { max_header: 5 }\n"
                                "headers: *limits\n"
                                "routes: !!seq []\n"
                                "upstreams: !weird {}\n",
                 "5:7: anchors and aliases are not supported: write the value out\n"
                 "5:17: http.max_header: 5 is out of range 1KiB..63KiB\n"
                 "6:10: anchors and aliases are not supported: write the value out\n"
                 "7:9: tags are not supported: leave it out\n"
                 "8:12: tags are not supported: leave it out\n");
    schemas_yaml("apiVersion: weir/v1\nkind: Tenant\nname: !!str shop\nhosts: [&a a.example.com]\n",
                 "3:7: tags are not supported: leave it out\n"
                 "4:9: anchors and aliases are not supported: write the value out\n");
    struct schemas s;
    schemas_read(&s, WEIR_SPAN_LIT(SCHEMAS_TENANT "http: &limits { max_header: 5KiB }\n"),
                 WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_EINVAL);
    assert_int_equal(s.docs.len, 0);
    schemas_end(&s);
    schemas_yaml("&a\n", "1:1: anchors and aliases are not supported: write the value out\n");
    schemas_yaml(SCHEMAS_TENANT "<<: { a: b }\n",
                 "5:1: <<: unknown key: known are name, hosts, addresses, tls, upstreams, routes, "
                 "redirects, headers, http, tcp, limits, error_pages, allow_overlap\n");
}

/** The classic bomb: each line stands for ten of the line before. */
static void a_bomb_of_aliases_costs_nothing(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT "a0: &a0 [x]\n");
    for (int i = 1; i < 40; i++)
        weir_strbuf_printf(&text, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i,
                           i, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_int_equal(s.err, WEIR_EINVAL);
    assert_non_null(strstr(s.reported.at, "anchors and aliases are not supported"));
    schemas_end(&s);
    weir_strbuf_deinit(&text);
}

static void broken_yaml_is_reported_with_its_place(void **state)
{
    (void)state;
    schemas_yaml("a: [b\n", "2:1: YAML: did not find expected ',' or ']', while parsing a flow "
                            "sequence that begins in line 1\n");
    schemas_yaml("a: b: c\n", "1:5: YAML: mapping values are not allowed in this context\n");
    schemas_yaml("a:\n\t- b\n", "2:1: a tab indents this line: YAML is indented by spaces alone\n");
    schemas_check(WEIR_SPAN_LIT("a: b\nc: \xff\n"), WEIR_FORMAT_YAML,
                  "2:4: YAML: invalid leading UTF-8 octet\n");
    schemas_check(WEIR_SPAN_LIT("a: b\nc: \x01\n"), WEIR_FORMAT_YAML,
                  "2:4: YAML: control characters are not allowed\n");
}

static void documents_before_a_break_are_still_checked(void **state)
{
    (void)state;
    schemas_yaml(SCHEMAS_TENANT "x: 1\n---\n[\n",
                 "5:1: x: unknown key: known are name, hosts, addresses, tls, upstreams, routes, "
                 "redirects, headers, http, tcp, limits, error_pages, allow_overlap\n"
                 "8:1: YAML: did not find expected node content, while parsing a flow node that "
                 "begins in line 8\n");
}

static void every_style_of_a_text_is_read(void **state)
{
    struct schemas s;

    (void)state;
    schemas_read(
        &s,
        WEIR_SPAN_LIT(
            "%YAML 1.1\n---\n"
            "\"apiVersion\": 'weir/v1'\n"
            "kind: \"Ten\\x61nt\"\n"
            "name: 42\n"
            "hosts:\n- >-\n  shop.example.com\n- \"b.\\\n  example.com\"\n"
            "headers: { add_request: { X-Off: off, X-Null: \"null\", X-N: 010, X-Yes: yes } }\n"
            "error_pages:\n  503:\n    body: |+\n      a\n\n  504: { body: \"\\e[0m\" }\n"),
        WEIR_FORMAT_YAML);
    assert_string_equal(s.reported.at, "");
    const Weir__V1__Tenant *t = s.docs.items[0].tenant;
    assert_string_equal(t->name, "42");
    assert_string_equal(t->hosts[0], "shop.example.com");
    assert_string_equal(t->hosts[1], "b.example.com");
    assert_string_equal(t->headers->add_request[0]->value, "off");
    assert_string_equal(t->headers->add_request[1]->value, "null");
    assert_string_equal(t->headers->add_request[2]->value, "010");
    assert_string_equal(t->headers->add_request[3]->value, "yes");
    assert_int_equal(t->error_pages[0]->value->body.len, 3);
    assert_memory_equal(t->error_pages[1]->value->body.data, "\x1b[0m", 4);
    schemas_end(&s);
}

static void empty_values_and_wrong_kinds_are_reported(void **state)
{
    (void)state;
    schemas_yaml("apiVersion: weir/v1\nkind: Tenant\nname: ~\nhosts:\nhttp: null\n"
                 "headers: 5\nroutes: /\nupstreams: []\nredirects: [ 5, ~, [] ]\n"
                 "addresses: [ [a], {b: c} ]\nerror_pages: { ? [a] : b }\n? { x: y }\n: z\n",
                 "3:1: name: has an empty value: give one or leave the key out\n"
                 "4:1: hosts: is empty, must be a list\n"
                 "5:1: http: \"null\" is not a map\n"
                 "6:1: headers: \"5\" is not a map\n"
                 "7:1: routes: \"/\" is not a list\n"
                 "8:1: upstreams: is a list, must be a map\n"
                 "9:14: redirects[0]: \"5\" is not a map\n"
                 "9:17: redirects[1]: \"~\" is not a map\n"
                 "9:20: redirects[2]: is a list, must be a map\n"
                 "10:14: addresses[0]: is a list, must be a single value\n"
                 "10:19: addresses[1]: is a map, must be a single value\n"
                 "11:18: error_pages: a key must be text, not a list\n"
                 "12:3: a key must be text, not a map\n");
}

static void booleans_are_true_and_false(void **state)
{
#define BACKUP(value)                                                                              \
    SCHEMAS_TENANT "upstreams: { w: { endpoints: [ { address: \"a:1\", backup: " value " } ] } "   \
                   "}\n"
#define FAULT(text) "5:50: upstreams.w.endpoints[0].backup: " text "\n"
    (void)state;
    schemas_yaml(BACKUP("true"), "");
    schemas_yaml(BACKUP("false"), "");
    schemas_yaml(BACKUP("\"true\""), FAULT("\"true\" is not true or false, write true"));
    schemas_yaml(BACKUP("True"), FAULT("True is not true or false, write true"));
    schemas_yaml(BACKUP("on"), FAULT("on is not true or false, write true"));
    schemas_yaml(BACKUP("NO"), FAULT("NO is not true or false, write false"));
    schemas_yaml(BACKUP("0"), FAULT("0 is not true or false, write false"));
    schemas_yaml(BACKUP("maybe"), FAULT("maybe is not true or false"));
    schemas_yaml(BACKUP("\"\""), FAULT("\"\" is not true or false"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(anchors_aliases_and_tags_are_refused_wherever_they_stand),
        cmocka_unit_test(a_bomb_of_aliases_costs_nothing),
        cmocka_unit_test(broken_yaml_is_reported_with_its_place),
        cmocka_unit_test(documents_before_a_break_are_still_checked),
        cmocka_unit_test(every_style_of_a_text_is_read),
        cmocka_unit_test(empty_values_and_wrong_kinds_are_reported),
        cmocka_unit_test(booleans_are_true_and_false),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
