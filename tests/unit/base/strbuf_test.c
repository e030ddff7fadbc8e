/* SPDX-License-Identifier: Apache-2.0
 *
 * strbuf_test.c - appending, bounds, JSON strings, and what happens when memory runs out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/rng.h"
#include "node/base/strbuf.h"
#include "tests/support/failalloc.h"

static void pieces_add_up(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&b, "one");
    weir_strbuf_putc(&b, ',');
    weir_strbuf_add(&b, weir_span("two\0three", 9));
    weir_strbuf_printf(&b, "<%s:%d>", "port", 80);
    weir_strbuf_add(&b, WEIR_SPAN_EMPTY);
    weir_strbuf_puts(&b, NULL);
    assert_int_equal(b.len, 22);
    assert_memory_equal(b.at, "one,two\0three<port:80>", 23);
    assert_false(b.failed);
    weir_strbuf_deinit(&b);
    assert_null(b.at);
    weir_strbuf_deinit(&b);
}

static void random_pieces_match_a_flat_array(void **state)
{
    enum { MAX = 20000 };
    char *twin = malloc(MAX + 300);
    struct weir_rng rng;

    assert_non_null(twin);
    for (uint64_t seed = 0; seed < 20; seed++) {
        struct weir_strbuf b = WEIR_STRBUF_ZERO;
        size_t len = 0;
        weir_rng_init(&rng, seed);
        while (len < MAX) {
            size_t num = weir_rng_below(&rng, weir_rng_below(&rng, 8) == 0 ? 300 : 20);
            char c = (char)('a' + weir_rng_below(&rng, 26));
            memset(twin + len, c, num);
            if (weir_rng_below(&rng, 2) == 0) {
                weir_strbuf_add(&b, weir_span(twin + len, num));
            } else {
                twin[len + num] = '\0';
                weir_strbuf_printf(&b, "%s", twin + len);
            }
            len += num;
            assert_int_equal(b.len, len);
            if (b.at != NULL)
                assert_int_equal(b.at[len], '\0');
        }
        assert_memory_equal(b.at, twin, len);
        weir_strbuf_deinit(&b);
    }
    free(twin);
}

static void bound_is_exact_and_what_passes_it_is_left_out_whole(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    b.max = 10;
    weir_strbuf_puts(&b, "12345");
    weir_strbuf_printf(&b, "%d", 67890);
    assert_false(b.failed);
    assert_string_equal(b.at, "1234567890");
    weir_strbuf_putc(&b, 'x');
    assert_true(b.failed);
    assert_string_equal(b.at, "1234567890");
    weir_strbuf_reset(&b);
    weir_strbuf_puts(&b, "abc");
    weir_strbuf_printf(&b, "%s", "12345678");
    assert_true(b.failed);
    assert_string_equal(b.at, "abc");
    weir_strbuf_puts(&b, "d");
    weir_strbuf_printf(&b, "e");
    weir_strbuf_json(&b, WEIR_SPAN_LIT("f"));
    assert_string_equal(b.at, "abc");
    weir_strbuf_deinit(&b);
}

static void reset_forgets_bytes_and_failure_but_not_memory(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    weir_strbuf_reset(&b);
    weir_strbuf_printf(&b, "%0500d", 1);
    size_t cap = b.cap;
    b.failed = true;
    weir_strbuf_reset(&b);
    weir_failalloc_after(0);
    weir_strbuf_puts(&b, "again");
    assert_int_equal(weir_failalloc_count(), 0);
    weir_failalloc_after(-1);
    assert_string_equal(b.at, "again");
    assert_int_equal(b.cap, cap);
    weir_strbuf_deinit(&b);
}

static void printf_fits_at_each_distance_from_the_end(void **state)
{
    for (int before = 0; before < 80; before++) {
        for (int len = 0; len < 80; len += 3) {
            struct weir_strbuf b = WEIR_STRBUF_ZERO;
            for (int i = 0; i < before; i++)
                weir_strbuf_putc(&b, '.');
            weir_strbuf_printf(&b, "%.*s", len,
                               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"
                               "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
            assert_int_equal(b.len, before + len);
            assert_int_equal(strlen(b.at), b.len);
            if (len > 0)
                assert_int_equal(b.at[b.len - 1], 'a' + (len - 1) % 26);
            weir_strbuf_deinit(&b);
        }
    }
}

static void take_gives_the_bytes_and_leaves_the_zero_state(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len = 99;
    weir_strbuf_puts(&b, "result");
    char *at = weir_strbuf_take(&b, &len);
    assert_string_equal(at, "result");
    assert_int_equal(len, 6);
    assert_null(b.at);
    assert_int_equal(b.len, 0);
    free(at);
    at = weir_strbuf_take(&b, &len);
    assert_string_equal(at, "");
    assert_int_equal(len, 0);
    free(at);
}

static void take_of_a_failed_buffer_is_null(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len = 99;
    b.max = 3;
    weir_strbuf_puts(&b, "abc");
    weir_strbuf_puts(&b, "d");
    assert_null(weir_strbuf_take(&b, &len));
    assert_int_equal(len, 99);
    assert_null(b.at);
    assert_false(b.failed);
}

static void assert_json(struct weir_span in, const char *expected)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    weir_strbuf_json(&b, in);
    assert_string_equal(b.at, expected);
    weir_strbuf_deinit(&b);
}

static void json_escapes_what_json_must(void **state)
{
    assert_json(WEIR_SPAN_EMPTY, "\"\"");
    assert_json(WEIR_SPAN_LIT("plain ~"), "\"plain ~\"");
    assert_json(WEIR_SPAN_LIT("a\"b\\c/d"), "\"a\\\"b\\\\c/d\"");
    assert_json(WEIR_SPAN_LIT("\n\r\t"), "\"\\n\\r\\t\"");
    assert_json(weir_span("\0\x01\x1f\x7f", 4), "\"\\u0000\\u0001\\u001f\\u007f\"");
}

static void json_writes_valid_utf8_as_its_code_points(void **state)
{
    assert_json(WEIR_SPAN_LIT("\xc2\x80"), "\"\\u0080\"");
    assert_json(WEIR_SPAN_LIT("\xc3\xa9"), "\"\\u00e9\"");
    assert_json(WEIR_SPAN_LIT("\xdf\xbf"), "\"\\u07ff\"");
    assert_json(WEIR_SPAN_LIT("\xe0\xa0\x80"), "\"\\u0800\"");
    assert_json(WEIR_SPAN_LIT("\xe2\x82\xac"), "\"\\u20ac\"");
    assert_json(WEIR_SPAN_LIT("\xed\x9f\xbf"), "\"\\ud7ff\"");
    assert_json(WEIR_SPAN_LIT("\xee\x80\x80"), "\"\\ue000\"");
    assert_json(WEIR_SPAN_LIT("\xef\xbf\xbf"), "\"\\uffff\"");
    assert_json(WEIR_SPAN_LIT("\xf0\x90\x80\x80"), "\"\\ud800\\udc00\"");
    assert_json(WEIR_SPAN_LIT("\xf0\x9f\x98\x80"), "\"\\ud83d\\ude00\"");
    assert_json(WEIR_SPAN_LIT("\xf4\x8f\xbf\xbf"), "\"\\udbff\\udfff\"");
}

static void json_writes_invalid_utf8_byte_by_byte(void **state)
{
    assert_json(WEIR_SPAN_LIT("\x80"), "\"\\u0080\"");
    assert_json(WEIR_SPAN_LIT("\xff"), "\"\\u00ff\"");
    assert_json(WEIR_SPAN_LIT("\xc0\xaf"), "\"\\u00c0\\u00af\"");            /* overlong */
    assert_json(WEIR_SPAN_LIT("\xc1\xbf"), "\"\\u00c1\\u00bf\"");            /* overlong */
    assert_json(WEIR_SPAN_LIT("\xe0\x9f\xbf"), "\"\\u00e0\\u009f\\u00bf\""); /* overlong */
    assert_json(WEIR_SPAN_LIT("\xf0\x8f\xbf\xbf"), "\"\\u00f0\\u008f\\u00bf\\u00bf\"");
    assert_json(WEIR_SPAN_LIT("\xed\xa0\x80"), "\"\\u00ed\\u00a0\\u0080\""); /* surrogate */
    assert_json(WEIR_SPAN_LIT("\xed\xbf\xbf"), "\"\\u00ed\\u00bf\\u00bf\""); /* surrogate */
    assert_json(WEIR_SPAN_LIT("\xf4\x90\x80\x80"), "\"\\u00f4\\u0090\\u0080\\u0080\"");
    assert_json(WEIR_SPAN_LIT("\xf5\x80\x80\x80"), "\"\\u00f5\\u0080\\u0080\\u0080\"");
    assert_json(WEIR_SPAN_LIT("\xe2\x82"), "\"\\u00e2\\u0082\""); /* truncated */
    assert_json(WEIR_SPAN_LIT("\xe2\x82x"), "\"\\u00e2\\u0082x\"");
    assert_json(WEIR_SPAN_LIT("\xc3\xa9\xc3"), "\"\\u00e9\\u00c3\"");
}

/* Whatever comes in, what goes out is plain ASCII, quoted, with every quote inside escaped. */
static void json_of_random_bytes_is_plain_and_closed(void **state)
{
    struct weir_rng rng;
    uint8_t in[64];

    weir_rng_init(&rng, 11);
    for (int round = 0; round < 20000; round++) {
        struct weir_strbuf b = WEIR_STRBUF_ZERO;
        size_t len = weir_rng_below(&rng, sizeof(in));
        for (size_t i = 0; i < len; i++)
            in[i] = (uint8_t)(weir_rng_next(&rng) | (weir_rng_below(&rng, 2) ? 0x80 : 0));
        weir_strbuf_json(&b, weir_span(in, len));
        assert_int_equal(b.at[0], '"');
        size_t i = 1;
        for (; b.at[i] != '"'; i++) {
            assert_in_range(b.at[i], 0x20, 0x7e);
            if (b.at[i] == '\\')
                i++;
        }
        assert_int_equal(i, b.len - 1);
        weir_strbuf_deinit(&b);
    }
}

static void every_failing_allocation_marks_the_buffer_and_leaves_its_head(void **state)
{
    unsigned long num_allocs = 1;
    for (unsigned long n = 0; n <= num_allocs; n++) {
        struct weir_strbuf b = WEIR_STRBUF_ZERO;
        size_t len = 0;
        weir_failalloc_once(n == 0 ? -1 : (long)n);
        for (int i = 0; i < 50; i++) {
            weir_strbuf_puts(&b, "0123456789");
            weir_strbuf_printf(&b, "%s", "abcdefghij");
            weir_strbuf_json(&b, WEIR_SPAN_LIT("\xc3\xa9"));
        }
        if (n == 0)
            num_allocs = weir_failalloc_count();
        weir_failalloc_after(-1);
        assert_int_equal(b.failed, n != 0);
        if (b.at != NULL)
            assert_int_equal(strlen(b.at), b.len);
        char *at = weir_strbuf_take(&b, &len);
        assert_true((at == NULL) == (n != 0));
        free(at);
    }
    assert_true(num_allocs > 5);
}

static void take_of_an_empty_buffer_without_memory_is_null(void **state)
{
    struct weir_strbuf b = WEIR_STRBUF_ZERO;
    size_t len = 99;
    weir_failalloc_after(0);
    char *at = weir_strbuf_take(&b, &len);
    weir_failalloc_after(-1);
    assert_null(at);
    assert_int_equal(len, 99);
    assert_false(b.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_add_up),
        cmocka_unit_test(random_pieces_match_a_flat_array),
        cmocka_unit_test(bound_is_exact_and_what_passes_it_is_left_out_whole),
        cmocka_unit_test(reset_forgets_bytes_and_failure_but_not_memory),
        cmocka_unit_test(printf_fits_at_each_distance_from_the_end),
        cmocka_unit_test(take_gives_the_bytes_and_leaves_the_zero_state),
        cmocka_unit_test(take_of_a_failed_buffer_is_null),
        cmocka_unit_test(json_escapes_what_json_must),
        cmocka_unit_test(json_writes_valid_utf8_as_its_code_points),
        cmocka_unit_test(json_writes_invalid_utf8_byte_by_byte),
        cmocka_unit_test(json_of_random_bytes_is_plain_and_closed),
        cmocka_unit_test(every_failing_allocation_marks_the_buffer_and_leaves_its_head),
        cmocka_unit_test(take_of_an_empty_buffer_without_memory_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
