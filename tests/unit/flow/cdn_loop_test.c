/* SPDX-License-Identifier: Apache-2.0
 *
 * cdn_loop_test.c - CDN-Loop by the grammar of RFC 8586: the identity is found wherever it may
 * stand, and nothing that is not by the grammar hides it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/flow/cdn_loop.h"

/* Of a request with these values of CDN-Loop, one a line, in a block of exactly its length. */
static enum weir_cdn_loop read_values(const char *values, size_t values_len)
{
    char text[2048];
    struct weir_h1_head h;
    size_t len = (size_t)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nCDN-Loop: ");
    for (size_t i = 0; i < values_len; i++) {
        if (values[i] == '\n')
            len += (size_t)snprintf(text + len, sizeof(text) - len, "\r\ncdn-loop: ");
        else
            text[len++] = values[i];
    }
    memcpy(text + len, "\r\n\r\n", 4);
    len += 4;
    uint8_t *bytes = malloc(len);
    assert_non_null(bytes);
    memcpy(bytes, text, len);
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(&h, weir_span(bytes, len)), WEIR_STEP_DONE);
    enum weir_cdn_loop loop = weir_cdn_loop_read(&h, bytes, WEIR_SPAN_LIT("weir-edge"));
    free(bytes);
    return loop;
}

static void check_all(const char *const *values, size_t num, enum weir_cdn_loop expected)
{
    for (size_t i = 0; i < num; i++)
        if (read_values(values[i], strlen(values[i])) != expected)
            fail_msg("CDN-Loop: %s", values[i]);
}

static void the_identity_is_found_wherever_it_stands(void **state)
{
    static const char *const met[] = {
        "weir-edge",
        "WEIR-Edge",
        "a, weir-edge",
        "weir-edge,a",
        "a\nweir-edge",
        "weir-edge\na\nb",
        "a;x=\"y, \\\" ;\" ; z=1,weir-edge;v=1",
        ", ,\tweir-edge ,",
        "fastly, cdn.example:80;n=1, [2001:db8::1], weir-edge",
    };
    (void)state;
    check_all(met, WEIR_ARRAY_LEN(met), WEIR_CDN_LOOP_MET);
}

static void other_identities_are_no_loop(void **state)
{
    static const char *const clear[] = {
        "",
        ",",
        "weir",
        "weir-edge2",
        "weir-edge:80",
        "a;weir-edge=1",
        "a;x=weir-edge",
        "a;x=\", weir-edge\"",
        "cloudflare; subreqs=1",
        "akamai;v=1.0;c=1",
    };
    (void)state;
    check_all(clear, WEIR_ARRAY_LEN(clear), WEIR_CDN_LOOP_CLEAR);
    struct weir_h1_head h;
    static const char none[] = "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 weir-edge\r\n\r\n";
    weir_h1_head_init(&h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    assert_int_equal(weir_h1_head_feed(&h, weir_span(none, sizeof(none) - 1)), WEIR_STEP_DONE);
    assert_int_equal(weir_cdn_loop_read(&h, (const uint8_t *)none, WEIR_SPAN_LIT("weir-edge")),
                     WEIR_CDN_LOOP_CLEAR);
}

static void what_is_not_by_the_grammar_hides_nothing(void **state)
{
    static const char *const bad[] = {
        "\"weir-edge\"",
        "\"",
        "a b",
        "weir-edge x",
        "a;",
        "a;;x=1",
        "a;x",
        "a;x=",
        "a;=1",
        "a;x =1",
        "a;x= 1",
        "a;x=\"y, weir-edge",
        "a;x=\"y\\",
        "a;x=\"y\"z",
        "a;x=1 2",
        ";x=1",
        "a@b:80",
        "[::1",
        "a:99999",
        "\xc3\xa9",
        "weir-edge, (",
        "a\n\"\nweir-edge",
    };
    (void)state;
    check_all(bad, WEIR_ARRAY_LEN(bad), WEIR_CDN_LOOP_MALFORMED);
}

/* Whatever a value is cut to, an identity that stands before the cut is found or the value is
 * malformed. */
static void a_value_may_end_at_any_byte(void **state)
{
    static const char whole[] = "weir-edge;x=\"y\\\"\";z=1, other:80;q=\"\", [::1];r=1";
    (void)state;
    for (size_t len = 9; len < sizeof(whole); len++)
        assert_int_not_equal(read_values(whole, len), WEIR_CDN_LOOP_CLEAR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_identity_is_found_wherever_it_stands),
        cmocka_unit_test(other_identities_are_no_loop),
        cmocka_unit_test(what_is_not_by_the_grammar_hides_nothing),
        cmocka_unit_test(a_value_may_end_at_any_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
