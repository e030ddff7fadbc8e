/* SPDX-License-Identifier: Apache-2.0
 *
 * bytes_test.c - the table of byte classes against the grammar as the RFCs spell it, and the scans
 * against the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/wire/bytes.h"
#include "node/wire/scan.h"

static bool among(uint8_t byte, const char *set)
{
    return byte != 0 && strchr(set, byte) != NULL;
}

static void classes_are_those_of_the_grammar(void **state)
{
    for (unsigned i = 0; i < 256; i++) {
        uint8_t b = (uint8_t)i;
        bool digit = b >= '0' && b <= '9';
        bool upper = b >= 'A' && b <= 'Z';
        bool lower = b >= 'a' && b <= 'z';
        bool alnum = digit || upper || lower;
        /* RFC 9110 5.6.2 */
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_TOKEN), alnum || among(b, "!#$%&'*+-.^_`|~"));
        /* RFC 9110 5.5 */
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_VALUE), b == '\t' || (b >= ' ' && b != 0x7f));
        /* RFC 3986 3.3: pchar and "/" */
        bool path = alnum || among(b, "-._~%!$&'()*+,;=:@/");
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_PATH), path);
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_QUERY), path || among(b, "?[]|^`{}\\"));
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_HOST), alnum || among(b, "-._"));
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_DIGIT), digit);
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_ALPHA), upper || lower);
        assert_int_equal(weir_byte_is(b, WEIR_BYTE_HEX), digit || among(b, "abcdefABCDEF"));
    }
}

static void hex_digits_have_their_value(void **state)
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < 256; i++) {
        uint8_t lower = weir_ascii_lower((uint8_t)i);
        const char *at = among(lower, digits) ? strchr(digits, lower) : NULL;
        assert_int_equal(weir_hex_digit((uint8_t)i), at == NULL ? -1 : at - digits);
    }
}

static void all_bytes_of_a_class_means_at_least_one(void **state)
{
    assert_false(weir_bytes_all(WEIR_SPAN_EMPTY, WEIR_BYTE_TOKEN));
    assert_true(weir_bytes_all(WEIR_SPAN_LIT("a"), WEIR_BYTE_TOKEN));
    assert_false(weir_bytes_all(WEIR_SPAN_LIT("a b"), WEIR_BYTE_TOKEN));
    assert_true(weir_bytes_all(WEIR_SPAN_LIT("0042"), WEIR_BYTE_DIGIT));
}

static void trim_takes_spaces_and_tabs_from_both_ends(void **state)
{
    struct weir_span all = WEIR_SPAN_LIT(" \t a b\t \t");
    assert_true(weir_span_eq(weir_bytes_trim(all), WEIR_SPAN_LIT("a b")));
    assert_int_equal(weir_bytes_trim(WEIR_SPAN_LIT(" \t ")).len, 0);
    assert_int_equal(weir_bytes_trim(WEIR_SPAN_EMPTY).len, 0);
    assert_int_equal(weir_bytes_trim(WEIR_SPAN_LIT("\x0b")).len, 1);
}

static void content_length_is_up_to_18_digits(void **state)
{
    uint64_t n = 7;
    assert_true(weir_bytes_content_length(WEIR_SPAN_LIT("0"), &n));
    assert_int_equal(n, 0);
    assert_true(weir_bytes_content_length(WEIR_SPAN_LIT("999999999999999999"), &n));
    assert_true(n == 999999999999999999ULL);
    assert_true(weir_bytes_content_length(WEIR_SPAN_LIT("000000000000000012"), &n));
    assert_int_equal(n, 12);
    static const struct weir_span bad[] = {
        WEIR_SPAN_LIT(""),    WEIR_SPAN_LIT(" 1"),  WEIR_SPAN_LIT("1 "),
        WEIR_SPAN_LIT("+1"),  WEIR_SPAN_LIT("-1"),  WEIR_SPAN_LIT("1_0"),
        WEIR_SPAN_LIT("0x1"), WEIR_SPAN_LIT("1,1"), WEIR_SPAN_LIT("1\0"),
        WEIR_SPAN_LIT("/"),   WEIR_SPAN_LIT(":"),   WEIR_SPAN_LIT("1000000000000000000"),
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bad); i++)
        assert_false(weir_bytes_content_length(bad[i], &n));
    assert_int_equal(n, 12);
}

static size_t naive_value(const uint8_t *p, size_t at, size_t len)
{
    while (at < len && weir_byte_is(p[at], WEIR_BYTE_VALUE))
        at++;
    return at;
}

static size_t naive_name(const uint8_t *p, size_t at, size_t len, bool *underscore)
{
    for (; at < len && weir_byte_is(p[at], WEIR_BYTE_TOKEN); at++)
        if (p[at] == '_')
            *underscore = true;
    return at;
}

static size_t naive_change(const uint8_t *p, size_t at, size_t len)
{
    while (at < len && p[at] < 0x80 && !among(p[at], "%?.[\\]^|"))
        at++;
    return at;
}

/* The path scan may stop early, but never beyond the first byte that needs a check, and always gets
 * on from a plain one. */
static void assert_path_scan(const uint8_t *p, size_t at, size_t len)
{
    size_t end = weir_scan_path(p, at, len);
    assert_in_range(end, at, len);
    for (size_t i = at; i < end; i++)
        assert_true(p[i] != '%' && weir_byte_is(p[i], WEIR_BYTE_PATH));
    if (end < len) {
        bool plain =
            weir_byte_is(p[end], WEIR_BYTE_ALPHA | WEIR_BYTE_DIGIT) || among(p[end], "-./=&_");
        assert_false(plain);
    }
}

/* One byte of every value at every place of every short length: heap copies, so that a read past
 * the end is seen. */
static void scans_stop_at_each_byte_value_at_each_place(void **state)
{
    for (size_t len = 0; len <= 50; len++) {
        uint8_t *exact = malloc(len > 0 ? len : 1);
        assert_non_null(exact);
        memset(exact, 'a', len);
        for (size_t place = 0; place < len; place++) {
            for (unsigned byte = 0; byte < 256; byte++) {
                exact[place] = (uint8_t)byte;
                bool low = false;
                bool naive_low = false;
                assert_int_equal(weir_scan_value(exact, 0, len), naive_value(exact, 0, len));
                assert_int_equal(weir_scan_name(exact, 0, len, &low),
                                 naive_name(exact, 0, len, &naive_low));
                assert_int_equal(low, naive_low);
                assert_int_equal(weir_scan_change(exact, 0, len), naive_change(exact, 0, len));
                assert_path_scan(exact, 0, len);
            }
            exact[place] = 'a';
        }
        assert_int_equal(weir_bytes_value_end(weir_span(exact, len)), len);
        free(exact);
    }
}

static void scans_agree_with_the_table_on_random_bytes(void **state)
{
    static const uint8_t likely[] = "abcXYZ019-_.~%?/ \t:;=&'\r\n\x7f\x80\xff";
    struct weir_rng rng;
    weir_rng_init(&rng, 3);
    for (size_t round = 0; round < 20000; round++) {
        uint8_t p[100];
        size_t len = weir_rng_below(&rng, sizeof(p) + 1);
        size_t at = weir_rng_below(&rng, len + 1);
        size_t spread = 1 + weir_rng_below(&rng, sizeof(likely) - 1);
        for (size_t i = 0; i < len; i++)
            p[i] = likely[weir_rng_below(&rng, spread)];
        bool low = false;
        bool naive_low = false;
        assert_int_equal(weir_scan_value(p, at, len), naive_value(p, at, len));
        assert_int_equal(weir_scan_name(p, at, len, &low), naive_name(p, at, len, &naive_low));
        assert_int_equal(low, naive_low);
        assert_int_equal(weir_scan_change(p, at, len), naive_change(p, at, len));
        assert_path_scan(p, at, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(classes_are_those_of_the_grammar),
        cmocka_unit_test(hex_digits_have_their_value),
        cmocka_unit_test(all_bytes_of_a_class_means_at_least_one),
        cmocka_unit_test(trim_takes_spaces_and_tabs_from_both_ends),
        cmocka_unit_test(content_length_is_up_to_18_digits),
        cmocka_unit_test(scans_stop_at_each_byte_value_at_each_place),
        cmocka_unit_test(scans_agree_with_the_table_on_random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
