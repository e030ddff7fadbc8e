/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_redirects_test.c - redirects that can never be used or that lead to themselves are
 * refused, others are not.
 */
#include "tests/support/schemas.h"

/** What is reported of the redirects alone. */
static void rules_report(const char *rules, const char *expected)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;

    weir_strbuf_puts(&text, "apiVersion: weir/v1\nkind: Tenant\nname: shop\n"
                            "hosts: [shop.example.com, \"*.shop.example.com\"]\nredirects:\n");
    weir_strbuf_puts(&text, rules);
    schemas_check(weir_span(text.at, text.len), WEIR_FORMAT_YAML, expected);
    weir_strbuf_deinit(&text);
}

static void usual_redirects_are_fine(void **state)
{
    static const char *const fine[] = {
        ("- { port: 80, path: /, to: { code: 301, scheme: https } }\n"
         "- { port: 80, path: /.well-known/, to: none }\n"),
        "- { to: { scheme: https } }\n",
        "- { scheme: http, to: { scheme: https } }\n",
        "- { to: { host: shop.example.com } }\n",
        "- { host: \"*.shop.example.com\", to: { host: shop.example.com } }\n",
        "- { path: /old/, to: { path: /new/ } }\n",
        "- { path: =/, to: { path: /start } }\n",
        "- { path: /a, to: { query: false } }\n",
        "- { port: 80, to: { port: 8080 } }\n",
        "- { scheme: https, port: 443, to: { scheme: http } }\n",
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(fine); i++)
        rules_report(fine[i], "");
}

static void a_rule_that_changes_nothing_is_refused(void **state)
{
    static const char *const useless[] = {
        "- { to: {} }\n",
        "- { to: { code: 302 } }\n",
        "- { path: /a, to: { path: /a } }\n",
        "- { path: =/a, to: { path: /a, query: true } }\n",
        "- { to: { path: / } }\n",
        "- { scheme: https, to: { scheme: https } }\n",
        "- { host: shop.example.com, to: { host: shop.example.com } }\n",
        ("- { host: Shop.example.com, port: 81, scheme: http, path: /, to: { host: "
         "shop.example.com, "
         "port: 81, scheme: http, path: / } }\n"),
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(useless); i++) {
        char expected[128];
        const char *to = strstr(useless[i], "to: ");
        snprintf(expected, sizeof(expected),
                 "6:%d: redirects[0].to: leads each request to where it already is\n",
                 (int)(to - useless[i]) + 1);
        rules_report(useless[i], expected);
    }
}

#define ENDLESS(column) "6:" column ": redirects[0].to: leads to itself without end\n"

static void a_rule_that_lengthens_its_path_for_ever_is_refused(void **state)
{
    (void)state;
    rules_report("- { path: /a, to: { path: /a/b } }\n", ENDLESS("15"));
    rules_report("- { path: /k, to: { path: /kept } }\n", ENDLESS("15"));
    rules_report("- { to: { path: /new/ } }\n", ENDLESS("5"));
    rules_report("- { to: { path: /new/, host: www.shop.example.com } }\n", ENDLESS("5"));
    rules_report(
        "- { host: \"*.shop.example.com\", to: { path: /x, host: www.shop.example.com } }\n",
        ENDLESS("33"));
    rules_report("- { scheme: https, to: { path: /x, scheme: https } }\n", ENDLESS("20"));
    rules_report("- { port: 81, to: { path: /x } }\n", ENDLESS("15"));
    rules_report("- { to: { path: /x } }\n- { path: /y, to: none }\n", ENDLESS("5"));
}

static void where_the_next_request_may_go_elsewhere_nothing_is_reported(void **state)
{
    static const char *const open[] = {
        "- { path: =/a, to: { path: /a/b } }\n",                          /* exact: met once */
        "- { path: /a/b, to: { path: /a } }\n",                           /* grows shorter */
        "- { to: { path: /new/ } }\n- { path: /new/, to: none }\n",       /* carved out */
        "- { to: { path: /new/ } }\n- { path: /new/x, to: none }\n",      /* maybe carved out */
        "- { to: { path: /new/ } }\n- { path: /n, to: none }\n",          /* longer than / */
        "- { to: { path: /new/ } }\n- { path: /, port: 80, to: none }\n", /* more specific */
        "- { to: { path: /new/, host: other.example } }\n",               /* not ours */
        "- { host: shop.example.com, to: { path: /x, host: a.shop.example.com } }\n",
        "- { scheme: http, to: { path: /x, scheme: https } }\n",
        "- { to: { path: /x, port: 8443 } }\n",
        "- { port: 80, to: { path: /x, scheme: https } }\n",
        "- { port: 80, to: { path: /x, port: 81 } }\n",
    };

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(open); i++)
        rules_report(open[i], "");
}

static void of_two_rules_for_the_same_requests_the_second_is_refused(void **state)
{
    (void)state;
    rules_report(
        ("- { path: /a, to: none }\n"
         "- { path: =/a, to: none }\n"
         "- { path: /a, port: 80, to: none }\n"
         "- { path: /a, host: a.example, to: none }\n"
         "- { path: /a, host: A.example, to: { path: /b } }\n"
         "- { path: /a, to: { path: /b } }\n"
         "- { to: none }\n"
         "- { path: /, scheme: \"\", host: \"\", to: none }\n"),
        "10:3: redirects[4]: is for the same requests as redirects[3] and could never be used\n"
        "11:3: redirects[5]: is for the same requests as redirects[0] and could never be used\n"
        "13:3: redirects[7]: is for the same requests as redirects[6] and could never be "
        "used\n");
}

/** 4,096 rules, each of which might lead to itself, with paths that share their beginnings. */
static void many_rules_are_checked_in_bounded_time(void **state)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    struct schemas s;

    (void)state;
    weir_strbuf_puts(&text, SCHEMAS_TENANT "redirects:\n");
    for (int i = 0; i < 4096; i++)
        weir_strbuf_printf(&text, "- { path: /%0*d, to: { path: /%0*d/x } }\n", i % 64 + 4, i,
                           i % 64 + 4, i);
    schemas_read(&s, weir_span(text.at, text.len), WEIR_FORMAT_YAML);
    assert_int_equal(s.diags.total, 4096);
    assert_string_equal(s.diags.items[7].message, "leads to itself without end");
    schemas_end(&s);
    weir_strbuf_deinit(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_redirects_are_fine),
        cmocka_unit_test(a_rule_that_changes_nothing_is_refused),
        cmocka_unit_test(a_rule_that_lengthens_its_path_for_ever_is_refused),
        cmocka_unit_test(where_the_next_request_may_go_elsewhere_nothing_is_reported),
        cmocka_unit_test(of_two_rules_for_the_same_requests_the_second_is_refused),
        cmocka_unit_test(many_rules_are_checked_in_bounded_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
