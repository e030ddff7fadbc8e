/* SPDX-License-Identifier: Apache-2.0
 *
 * failalloc_test.c - the failing allocator fails at the chosen allocations only.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/support/failalloc.h"

/* The compiler may leave out a malloc whose result goes nowhere; it cannot see through these. */
static void *(*volatile call_malloc)(size_t) = malloc;
static void *(*volatile call_calloc)(size_t, size_t) = calloc;
static void *(*volatile call_realloc)(void *, size_t) = realloc;
static char *(*volatile call_strdup)(const char *) = strdup;
static char *(*volatile call_strndup)(const char *, size_t) = strndup;

static bool malloc_works(void)
{
    void *at = call_malloc(10);
    free(at);
    return at != NULL;
}

static void nothing_fails_unless_a_test_asks_for_it(void **state)
{
    weir_failalloc_after(-1);
    for (int i = 0; i < 100; i++)
        assert_true(malloc_works());
    assert_int_equal(weir_failalloc_count(), 100);
}

static void after_fails_the_nth_and_all_later_ones(void **state)
{
    weir_failalloc_after(3);
    assert_true(malloc_works());
    assert_true(malloc_works());
    for (int i = 0; i < 10; i++)
        assert_false(malloc_works());
    assert_int_equal(weir_failalloc_count(), 12);
    weir_failalloc_after(-1);
    assert_true(malloc_works());
}

static void after_zero_and_one_fail_at_once(void **state)
{
    weir_failalloc_after(0);
    assert_false(malloc_works());
    weir_failalloc_after(1);
    assert_false(malloc_works());
    weir_failalloc_after(-1);
}

static void once_fails_the_nth_only(void **state)
{
    weir_failalloc_once(2);
    assert_true(malloc_works());
    assert_false(malloc_works());
    for (int i = 0; i < 10; i++)
        assert_true(malloc_works());
    weir_failalloc_after(-1);
}

static void every_allocation_function_fails_with_enomem(void **state)
{
    void *block = call_malloc(4);
    assert_non_null(block);
    memcpy(block, "abc", 4);
    weir_failalloc_after(0);
    errno = 0;
    void *results[] = { call_malloc(1), call_calloc(1, 1), call_realloc(block, 100),
                        call_strdup("a"), call_strndup("a", 1) };
    int saved_errno = errno;
    weir_failalloc_after(-1);
    for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
        assert_null(results[i]);
    assert_int_equal(saved_errno, ENOMEM);
    assert_string_equal(block, "abc");
    free(block);
}

static void every_allocation_function_works_otherwise(void **state)
{
    char *copy = call_strdup("tenant");
    char *head = call_strndup("tenant", 3);
    char *zeros = call_calloc(2, 3);
    assert_string_equal(copy, "tenant");
    assert_string_equal(head, "ten");
    assert_memory_equal(zeros, "\0\0\0\0\0\0", 6);
    copy = call_realloc(copy, 100);
    assert_string_equal(copy, "tenant");
    free(copy);
    free(head);
    free(zeros);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_fails_unless_a_test_asks_for_it),
        cmocka_unit_test(after_fails_the_nth_and_all_later_ones),
        cmocka_unit_test(after_zero_and_one_fail_at_once),
        cmocka_unit_test(once_fails_the_nth_only),
        cmocka_unit_test(every_allocation_function_fails_with_enomem),
        cmocka_unit_test(every_allocation_function_works_otherwise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
