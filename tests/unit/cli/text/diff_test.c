/* SPDX-License-Identifier: Apache-2.0
 *
 * diff_test.c - known differences in their exact form; random texts, whose difference must turn one
 * into the other and be as short as the longest common subsequence allows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "node/cli/text/diff.h"
#include "tests/support/failalloc.h"

static const char *const names[2] = { "a", "b" };

static char *diff_of(const char *before, const char *after)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    bool differ = false;
    assert_int_equal(
        weir_diff_unified(weir_span_cstr(before), weir_span_cstr(after), names, &out, &differ),
        WEIR_OK);
    assert_int_equal(differ, strcmp(before, after) != 0);
    assert_int_equal(differ, out.len > 0);
    weir_strbuf_puts(&out, "");
    return out.at != NULL ? out.at : strdup("");
}

static void differences_have_the_form_of_diff_u(void **state)
{
    static const struct {
        const char *before, *after, *diff;
    } cases[] = {
        { "", "", "" },
        { "a\nb\n", "a\nb\n", "" },
        { "", "a\nb\n", "--- a\n+++ b\n@@ -0,0 +1,2 @@\n+a\n+b\n" },
        { "a\nb\n", "", "--- a\n+++ b\n@@ -1,2 +0,0 @@\n-a\n-b\n" },
        { "a\n", "b\n", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n+b\n" },
        { "a\nb\nc\n", "a\nx\nc\n", "--- a\n+++ b\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n" },
        { "1\n2\n3\n4\n5\n6\n", "1\n2\n3\n4\n5\n6\n7\n",
          "--- a\n+++ b\n@@ -4,3 +4,4 @@\n 4\n 5\n 6\n+7\n" },
        { "a", "a\n", "--- a\n+++ b\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n" },
        { "a\nb", "x\nb",
          "--- a\n+++ b\n@@ -1,2 +1,2 @@\n-a\n+x\n b\n\\ No newline at end of file\n" },
        /* six lines between two changes are one hunk, seven are two */
        { "A\n1\n2\n3\n4\n5\n6\nB\n", "x\n1\n2\n3\n4\n5\n6\ny\n",
          "--- a\n+++ b\n@@ -1,8 +1,8 @@\n-A\n+x\n 1\n 2\n 3\n 4\n 5\n 6\n-B\n+y\n" },
        { "A\n1\n2\n3\n4\n5\n6\n7\nB\n", "x\n1\n2\n3\n4\n5\n6\n7\ny\n",
          "--- a\n+++ b\n@@ -1,4 +1,4 @@\n-A\n+x\n 1\n 2\n 3\n@@ -6,4 +6,4 @@\n 5\n 6\n "
          "7\n-B\n+y\n" },
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char *diff = diff_of(cases[i].before, cases[i].after);
        assert_string_equal(diff, cases[i].diff);
        free(diff);
    }
}

/* -- random texts -- */

#define LINES 40

static size_t random_text(struct weir_rng *rng, char *out)
{
    size_t num = (size_t)weir_rng_below(rng, LINES);
    size_t len = 0;
    for (size_t i = 0; i < num; i++) {
        out[len++] = (char)('a' + weir_rng_below(rng, 4));
        out[len++] = '\n';
    }
    out[len] = '\0';
    return num;
}

/* Length of the longest common subsequence of lines of one letter, by the book. */
static size_t lcs(const char *a, size_t n, const char *b, size_t m)
{
    static size_t table[LINES + 1][LINES + 1];
    for (size_t i = 0; i <= n; i++)
        for (size_t k = 0; k <= m; k++) {
            if (i == 0 || k == 0)
                table[i][k] = 0;
            else if (a[2 * (i - 1)] == b[2 * (k - 1)])
                table[i][k] = table[i - 1][k - 1] + 1;
            else
                table[i][k] = table[i - 1][k] > table[i][k - 1] ? table[i - 1][k] : table[i][k - 1];
        }
    return table[n][m];
}

/* Applies the difference to `before`, checking every line of it, and counts the changes. */
static size_t patch(const char *before, const char *diff, char *out)
{
    size_t num = 0;
    size_t at = 0; /* in before */
    size_t len = 0;
    const char *line = strstr(diff, "@@");
    while (line != NULL && *line != '\0') {
        size_t from = 0;
        size_t line_len = strcspn(line, "\n") + 1;
        if (line[0] == '@') {
            assert_int_equal(sscanf(line, "@@ -%zu", &from), 1);
            size_t begin = strstr(line, ",0 +") != NULL ? 2 * from : 2 * (from - 1);
            assert_true(begin >= at);
            memcpy(out + len, before + at, begin - at);
            len += begin - at;
            at = begin;
        } else if (line[0] == '+') {
            memcpy(out + len, line + 1, line_len - 1);
            len += line_len - 1;
        } else {
            assert_memory_equal(before + at, line + 1, line_len - 1);
            at += line_len - 1;
            if (line[0] == ' ') {
                memcpy(out + len, line + 1, line_len - 1);
                len += line_len - 1;
            }
        }
        num += line[0] == '+' || line[0] == '-';
        line += line_len;
    }
    memcpy(out + len, before + at, strlen(before + at) + 1);
    return num;
}

static void difference_turns_one_text_into_the_other_by_the_fewest_changes(void **state)
{
    struct weir_rng rng;
    weir_rng_init(&rng, 20261121);
    for (unsigned round = 0; round < 3000; round++) {
        char before[2 * LINES + 1];
        char after[2 * LINES + 1];
        char patched[4 * LINES + 1];
        size_t n = random_text(&rng, before);
        size_t m = random_text(&rng, after);
        char *diff = diff_of(before, after);
        size_t num = patch(before, diff, patched);
        assert_string_equal(patched, after);
        assert_int_equal(num, n + m - 2 * lcs(before, n, after, m));
        free(diff);
    }
}

/* -- limits -- */

static char *numbers(size_t num, unsigned step)
{
    char *text = malloc(num * 12 + 1);
    size_t len = 0;
    assert_non_null(text);
    for (size_t i = 0; i < num; i++)
        len += (size_t)snprintf(text + len, 12, "%zu\n", i * step);
    text[len] = '\0';
    return text;
}

static void texts_too_far_apart_are_one_replaced_block(void **state)
{
    const size_t num = WEIR_DIFF_CHANGES_MAX;
    char *before = numbers(num, 1);
    char *after = numbers(num, 1);
    char *diff = NULL;
    for (char *at = after; *at != '\0'; at++)
        if (*at == '\n' && at[1] != '\0')
            at[1] = 'x'; /* all lines but the first */
    diff = diff_of(before, after);
    assert_non_null(strstr(diff, "@@ -1,2000 +1,2000 @@\n 0\n-1\n-2\n-3\n"));
    free(diff);
    free(before);
    free(after);
}

static void long_texts_with_few_changes_are_quick(void **state)
{
    const size_t num = 300000;
    char *before = numbers(num, 2);
    char *after = strdup(before);
    assert_non_null(after);
    after[0] = '1';
    after[strlen(after) - 2] = 'x';
    char *diff = diff_of(before, after);
    assert_non_null(strstr(diff, "@@ -1,4 +1,4 @@\n-0\n+1\n 2\n"));
    assert_non_null(strstr(diff, "@@ -299997,4 +299997,4 @@\n"));
    free(diff);
    free(before);
    free(after);
}

static void too_many_lines_are_refused(void **state)
{
    size_t len = WEIR_DIFF_LINES_MAX + 1;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    bool differ = true;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, '\n', len);
    assert_int_equal(weir_diff_unified(weir_span(text, len), WEIR_SPAN_EMPTY, names, &out, &differ),
                     WEIR_ELIMIT);
    assert_int_equal(
        weir_diff_unified(weir_span(text, len - 1), WEIR_SPAN_EMPTY, names, &out, &differ),
        WEIR_OK);
    weir_strbuf_deinit(&out);
    free(text);
}

static enum weir_err diff_small(struct weir_strbuf *out)
{
    bool differ = false;
    return weir_diff_unified(WEIR_SPAN_LIT("a\nb\nc\nd\n"), WEIR_SPAN_LIT("a\nx\nc\ny\n"), names,
                             out, &differ);
}

static void no_memory_at_any_point_is_an_error_without_a_leak(void **state)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_failalloc_once(-1);
    assert_int_equal(diff_small(&out), WEIR_OK);
    unsigned long num = weir_failalloc_count();
    weir_strbuf_deinit(&out);
    assert_true(num > 5);
    for (unsigned long n = 1; n <= num; n++) {
        out = WEIR_STRBUF_ZERO;
        weir_failalloc_once((long)n);
        enum weir_err err = diff_small(&out);
        weir_failalloc_once(-1);
        assert_int_equal(err, WEIR_ENOMEM);
        weir_strbuf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_have_the_form_of_diff_u),
        cmocka_unit_test(difference_turns_one_text_into_the_other_by_the_fewest_changes),
        cmocka_unit_test(texts_too_far_apart_are_one_replaced_block),
        cmocka_unit_test(long_texts_with_few_changes_are_quick),
        cmocka_unit_test(too_many_lines_are_refused),
        cmocka_unit_test(no_memory_at_any_point_is_an_error_without_a_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
