/* SPDX-License-Identifier: Apache-2.0
 *
 * table_test.c - what reaches a terminal, and how wide it is there.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/cli/text/table.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

static void text_from_outside_is_made_harmless(void **state)
{
    static const struct {
        struct weir_span text;
        const char *shown;
    } cases[] = {
        { WEIR_SPAN_LIT("shop-1.example"), "shop-1.example" },
        { WEIR_SPAN_LIT("\033[2J\a"), "\\u{1B}[2J\\u{7}" },
        { WEIR_SPAN_LIT("a\nb\tc\r"), "a\\u{A}b\\u{9}c\\u{D}" },
        { WEIR_SPAN_LIT("a\0b"), "a\\u{0}b" },
        { WEIR_SPAN_LIT("\x7f\xc2\x9b"), "\\u{7F}\\u{9B}" }, /* DEL, and CSI of 8 bits */
        { WEIR_SPAN_LIT("\xe2\x80\xae"
                        "abc"),
          "\\u{202E}abc" }, /* right to left from here */
        { WEIR_SPAN_LIT("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f" },
        { WEIR_SPAN_LIT("\xff\xc3"), "\\xFF\\xC3" },
        { WEIR_SPAN_LIT("\xc0\xaf\xed\xa0\x80"),
          "\\xC0\\xAF\\xED\\xA0\\x80" }, /* overlong, surrogate */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        weir_table_escape(&out, cases[i].text);
        assert_string_equal(out.at, cases[i].shown);
        weir_strbuf_deinit(&out);
    }
}

static void width_is_that_of_a_terminal(void **state)
{
    assert_int_equal(weir_table_width(WEIR_SPAN_EMPTY), 0);
    assert_int_equal(weir_table_width(WEIR_SPAN_LIT("abc")), 3);
    assert_int_equal(weir_table_width(WEIR_SPAN_LIT("gr\xc3\xbc\xc3\x9f")), 4);
    assert_int_equal(weir_table_width(WEIR_SPAN_LIT("e\xcc\x81")), 1); /* e and acute */
    assert_int_equal(weir_table_width(WEIR_SPAN_LIT("\xe6\x97\xa5\xe6\x9c\xac")), 4); /* Japan */
}

static void columns_line_up_and_the_last_has_no_blanks_behind_it(void **state)
{
    static const char *const headers[] = { "NAME", "N", "WHERE" };
    struct weir_table t;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_table_init(&t, headers, 3, false);
    weir_table_cstr(&t, "gr\xc3\xbc\xc3\x9f"
                        "e");
    weir_table_number(&t, 18446744073709551615u);
    weir_table_cstr(&t, "here");
    weir_table_cstr(&t, "b\n");
    weir_table_number(&t, 7);
    weir_table_cstr(&t, "");
    assert_int_equal(weir_table_write(&t, &out), WEIR_OK);
    assert_string_equal(out.at, "NAME    N                     WHERE\n"
                                "gr\xc3\xbc\xc3\x9f"
                                "e   18446744073709551615  here\n"
                                "b\\u{A}  7                     -\n");
    weir_table_deinit(&t);
    weir_strbuf_deinit(&out);
}

static void parts_of_a_list_keep_their_columns(void **state)
{
    static const char *const headers[] = { "A", "B" };
    struct weir_table t;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_table_init(&t, headers, 2, false);
    weir_table_cstr(&t, "long-name");
    weir_table_cstr(&t, "1");
    assert_int_equal(weir_table_write(&t, &out), WEIR_OK);
    weir_table_cstr(&t, "x");
    weir_table_cstr(&t, "2");
    assert_int_equal(weir_table_write(&t, &out), WEIR_OK);
    assert_int_equal(weir_table_write(&t, &out), WEIR_OK); /* nothing new */
    assert_string_equal(out.at, "A          B\nlong-name  1\nx          2\n");
    weir_table_deinit(&t);
    weir_strbuf_deinit(&out);
}

static void table_without_headers_is_as_narrow_as_its_cells(void **state)
{
    static const char *const headers[] = { "A LONG HEADER", "B" };
    struct weir_table t;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_table_init(&t, headers, 2, true);
    weir_table_cstr(&t, "x");
    weir_table_cstr(&t, NULL);
    assert_int_equal(weir_table_write(&t, &out), WEIR_OK);
    assert_string_equal(out.at, "x  -\n");
    weir_table_deinit(&t);
    weir_strbuf_deinit(&out);
}

static void half_a_row_is_written(void *arg)
{
    static const char *const headers[] = { "A", "B" };
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_table t;
    weir_table_init(&t, headers, 2, false);
    weir_table_cstr(&t, "x");
    if (weir_table_write(&t, &out) < 0)
        return;
}

static void half_a_row_breaks_the_contract(void **state)
{
    assert_true(weir_death_by_contract(half_a_row_is_written, NULL, "num_cells % t->num_columns"));
}

static void no_memory_is_reported_at_the_write(void **state)
{
    static const char *const headers[] = { "A" };
    struct weir_table t;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_table_init(&t, headers, 1, false);
    weir_failalloc_after(1);
    weir_table_cstr(&t, "x");
    weir_failalloc_after(-1);
    assert_int_equal(weir_table_write(&t, &out), WEIR_ENOMEM);
    weir_table_deinit(&t);
    weir_strbuf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(half_a_row_breaks_the_contract),
        cmocka_unit_test(text_from_outside_is_made_harmless),
        cmocka_unit_test(width_is_that_of_a_terminal),
        cmocka_unit_test(columns_line_up_and_the_last_has_no_blanks_behind_it),
        cmocka_unit_test(parts_of_a_list_keep_their_columns),
        cmocka_unit_test(table_without_headers_is_as_narrow_as_its_cells),
        cmocka_unit_test(no_memory_is_reported_at_the_write),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
