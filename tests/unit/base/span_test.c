/* SPDX-License-Identifier: Apache-2.0
 *
 * span_test.c - comparisons and cuts of spans, with the empty span at every place.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/span.h"

static void literal_and_string_have_their_length(void **state)
{
    assert_int_equal(WEIR_SPAN_LIT("abc").len, 3);
    assert_int_equal(WEIR_SPAN_LIT("").len, 0);
    assert_int_equal(weir_span_cstr("hello").len, 5);
    assert_int_equal(weir_span_cstr(NULL).len, 0);
    assert_null(weir_span_cstr(NULL).at);
}

static void equality_is_of_length_and_bytes(void **state)
{
    assert_true(weir_span_eq(WEIR_SPAN_LIT("abc"), weir_span_cstr("abc")));
    assert_false(weir_span_eq(WEIR_SPAN_LIT("abc"), WEIR_SPAN_LIT("abd")));
    assert_false(weir_span_eq(WEIR_SPAN_LIT("abc"), WEIR_SPAN_LIT("ab")));
    assert_true(weir_span_eq(WEIR_SPAN_EMPTY, WEIR_SPAN_LIT("")));
    assert_true(weir_span_eq(weir_span("a\0b", 3), weir_span("a\0b", 3)));
    assert_false(weir_span_eq(weir_span("a\0b", 3), weir_span("a\0c", 3)));
}

static void case_is_ignored_for_ascii_letters_only(void **state)
{
    assert_true(weir_span_eq_nocase(WEIR_SPAN_LIT("Host"), WEIR_SPAN_LIT("hOST")));
    assert_false(weir_span_eq_nocase(WEIR_SPAN_LIT("a["), WEIR_SPAN_LIT("a{")));
    assert_false(weir_span_eq_nocase(WEIR_SPAN_LIT("\xc4"), WEIR_SPAN_LIT("\xe4")));
    assert_false(weir_span_eq_nocase(WEIR_SPAN_LIT("ab"), WEIR_SPAN_LIT("abc")));
    for (int c = 0; c < 256; c++) {
        int lower = c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
        assert_int_equal(weir_ascii_lower((uint8_t)c), lower);
    }
}

static void starts_and_ends_check_their_side(void **state)
{
    struct weir_span s = WEIR_SPAN_LIT("weir.example");
    assert_true(weir_span_starts(s, WEIR_SPAN_LIT("weir")));
    assert_false(weir_span_starts(s, WEIR_SPAN_LIT("example")));
    assert_true(weir_span_ends(s, WEIR_SPAN_LIT(".example")));
    assert_false(weir_span_ends(s, WEIR_SPAN_LIT("weir")));
    assert_true(weir_span_starts(s, s));
    assert_true(weir_span_ends(s, s));
    assert_false(weir_span_starts(WEIR_SPAN_LIT("a"), s));
    assert_false(weir_span_ends(WEIR_SPAN_LIT("a"), s));
    assert_true(weir_span_starts(WEIR_SPAN_EMPTY, WEIR_SPAN_EMPTY));
    assert_true(weir_span_ends(WEIR_SPAN_EMPTY, WEIR_SPAN_EMPTY));
}

static void from_beyond_the_end_is_empty(void **state)
{
    struct weir_span s = WEIR_SPAN_LIT("abc");
    assert_true(weir_span_eq(weir_span_from(s, 1), WEIR_SPAN_LIT("bc")));
    assert_true(weir_span_eq(weir_span_from(s, 0), s));
    assert_int_equal(weir_span_from(s, 3).len, 0);
    assert_ptr_equal(weir_span_from(s, 99).at, s.at + 3);
    assert_null(weir_span_from(WEIR_SPAN_EMPTY, 5).at);
}

static void order_is_by_bytes_then_length(void **state)
{
    assert_true(weir_span_cmp(WEIR_SPAN_LIT("a"), WEIR_SPAN_LIT("b")) < 0);
    assert_true(weir_span_cmp(WEIR_SPAN_LIT("b"), WEIR_SPAN_LIT("a")) > 0);
    assert_true(weir_span_cmp(WEIR_SPAN_LIT("a"), WEIR_SPAN_LIT("aa")) < 0);
    assert_true(weir_span_cmp(WEIR_SPAN_LIT("\x80"), WEIR_SPAN_LIT("a")) > 0);
    assert_int_equal(weir_span_cmp(WEIR_SPAN_LIT("aa"), WEIR_SPAN_LIT("aa")), 0);
    assert_int_equal(weir_span_cmp(WEIR_SPAN_EMPTY, WEIR_SPAN_LIT("")), 0);
    assert_true(weir_span_cmp(WEIR_SPAN_EMPTY, WEIR_SPAN_LIT("a")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(literal_and_string_have_their_length),
        cmocka_unit_test(equality_is_of_length_and_bytes),
        cmocka_unit_test(case_is_ignored_for_ascii_letters_only),
        cmocka_unit_test(starts_and_ends_check_their_side),
        cmocka_unit_test(from_beyond_the_end_is_empty),
        cmocka_unit_test(order_is_by_bytes_then_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
