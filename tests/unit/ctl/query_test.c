/* SPDX-License-Identifier: Apache-2.0
 *
 * query_test.c - the query of an admin request is read one way or refused.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/ctl/admin/query.h"

static struct weir_query q;

static enum weir_err parse(const char *text)
{
    return weir_query_parse(&q, weir_span_cstr(text));
}

static void assert_value(const char *name, const char *value)
{
    const struct weir_span *v = weir_query_find(&q, name);
    assert_non_null(v);
    assert_true(weir_span_eq(*v, weir_span_cstr(value)));
}

static void an_empty_text_is_a_query_without_pairs(void **state)
{
    assert_int_equal(parse(""), WEIR_OK);
    assert_int_equal(q.num, 0);
    assert_null(weir_query_find(&q, "a"));
}

static void pairs_are_found_by_name(void **state)
{
    assert_int_equal(parse("after=shop&limit=10&prefix="), WEIR_OK);
    assert_int_equal(q.num, 3);
    assert_value("after", "shop");
    assert_value("limit", "10");
    assert_value("prefix", "");
    assert_null(weir_query_find(&q, "Limit"));
    assert_null(weir_query_find(&q, "lim"));
}

static void escapes_are_decoded_in_names_and_values(void **state)
{
    assert_int_equal(parse("u%72l=http%3a%2F%2Fa%26b%3Dc+d"), WEIR_OK);
    assert_value("url", "http://a&b=c+d");
}

static void only_the_first_equals_sign_divides(void **state)
{
    assert_int_equal(parse("url=a=b=c"), WEIR_OK);
    assert_value("url", "a=b=c");
}

static void what_is_not_a_list_of_pairs_is_refused(void **state)
{
    static const char *const bad[] = { "a",     "&",       "a=1&",      "&a=1",  "a=1&&b=2", "=1",
                                       "a=%",   "a=%4",    "a=%zz",     "a=%4x", "a=%00",    "%=1",
                                       "a=1&a", "a=1&a=2", "a=1&%61=2", "a=%%41" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_int_equal(parse(bad[i]), WEIR_EINVAL);
}

/* Each cut of a good query is either good too or refused; nothing is read beyond its end. */
static void every_prefix_of_a_query_is_judged_within_its_bytes(void **state)
{
    static const char whole[] = "url=http%3A%2F%2Fa.example%2F&method=GET";
    for (size_t len = 0; len < sizeof(whole); len++) {
        uint8_t exact[sizeof(whole)];
        memcpy(exact, whole, len);
        enum weir_err err = weir_query_parse(&q, weir_span(exact, len));
        bool in_escape = len > 0 && len < sizeof(whole) - 1 &&
                         (whole[len - 1] == '%' || (len > 1 && whole[len - 2] == '%'));
        bool in_name = len > 0 && len < 4;
        bool in_second_name = len >= 30 && len <= 36;
        if (in_escape || in_name || in_second_name)
            assert_int_equal(err, WEIR_EINVAL);
        else
            assert_int_equal(err, WEIR_OK);
    }
}

static void sixteen_pairs_fit_and_seventeen_do_not(void **state)
{
    char text[256] = "";
    size_t len = 0;
    for (int i = 0; i < WEIR_QUERY_PARAMS_MAX; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%sp%d=%d", i > 0 ? "&" : "", i, i);
    assert_int_equal(parse(text), WEIR_OK);
    assert_value("p15", "15");
    snprintf(text + len, sizeof(text) - len, "&q=1");
    assert_int_equal(parse(text), WEIR_ELIMIT);
}

static void the_buffer_may_be_full_but_not_passed(void **state)
{
    static char text[WEIR_QUERY_BYTES_MAX + 3];
    memset(text, 'x', sizeof(text) - 1);
    text[1] = '=';
    assert_int_equal(weir_query_parse(&q, weir_span(text, WEIR_QUERY_BYTES_MAX + 1)), WEIR_OK);
    assert_int_equal(weir_query_parse(&q, weir_span(text, WEIR_QUERY_BYTES_MAX + 2)), WEIR_ELIMIT);
}

static void numbers_are_digits_without_sign_or_leading_zeros(void **state)
{
    static const char *const bad[] = { "n=",   "n=-1",  "n=%2B1",
                                       "n=01", "n=1.0", "n=0x1",
                                       "n=1 ", "n=a",   "n=12345678901234567890" };
    uint64_t n = 7;
    assert_int_equal(parse("m=1"), WEIR_OK);
    assert_int_equal(weir_query_u64(&q, "n", &n), WEIR_OK);
    assert_int_equal(n, 7);
    assert_int_equal(parse("n=0"), WEIR_OK);
    assert_int_equal(weir_query_u64(&q, "n", &n), WEIR_OK);
    assert_int_equal(n, 0);
    assert_int_equal(parse("n=9999999999999999999"), WEIR_OK);
    assert_int_equal(weir_query_u64(&q, "n", &n), WEIR_OK);
    assert_true(n == 9999999999999999999u);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++) {
        assert_int_equal(parse(bad[i]), WEIR_OK);
        assert_int_equal(weir_query_u64(&q, "n", &n), WEIR_EINVAL);
    }
}

static void flags_are_one_of_four_words(void **state)
{
    bool on = true;
    assert_int_equal(parse(""), WEIR_OK);
    assert_int_equal(weir_query_bool(&q, "f", &on), WEIR_OK);
    assert_false(on);
    assert_int_equal(parse("f=1&g=true&h=0&i=false&j=yes&k="), WEIR_OK);
    assert_int_equal(weir_query_bool(&q, "f", &on), WEIR_OK);
    assert_true(on);
    assert_int_equal(weir_query_bool(&q, "h", &on), WEIR_OK);
    assert_false(on);
    assert_int_equal(weir_query_bool(&q, "g", &on), WEIR_OK);
    assert_true(on);
    assert_int_equal(weir_query_bool(&q, "i", &on), WEIR_OK);
    assert_false(on);
    assert_int_equal(weir_query_bool(&q, "j", &on), WEIR_EINVAL);
    assert_int_equal(weir_query_bool(&q, "k", &on), WEIR_EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_text_is_a_query_without_pairs),
        cmocka_unit_test(pairs_are_found_by_name),
        cmocka_unit_test(escapes_are_decoded_in_names_and_values),
        cmocka_unit_test(only_the_first_equals_sign_divides),
        cmocka_unit_test(what_is_not_a_list_of_pairs_is_refused),
        cmocka_unit_test(every_prefix_of_a_query_is_judged_within_its_bytes),
        cmocka_unit_test(sixteen_pairs_fit_and_seventeen_do_not),
        cmocka_unit_test(the_buffer_may_be_full_but_not_passed),
        cmocka_unit_test(numbers_are_digits_without_sign_or_leading_zeros),
        cmocka_unit_test(flags_are_one_of_four_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
