/* SPDX-License-Identifier: Apache-2.0
 *
 * err_test.c - every error number has a name of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/err.h"

static void every_number_has_its_own_name(void **state)
{
    for (int a = WEIR_ETIMEOUT; a <= WEIR_OK; a++) {
        const char *name = weir_err_name((enum weir_err)a);
        assert_non_null(name);
        assert_string_not_equal(name, "unknown error");
        for (const char *c = name; *c != '\0'; c++)
            assert_false(*c >= 'A' && *c <= 'Z');
        for (int b = WEIR_ETIMEOUT; b < a; b++)
            assert_string_not_equal(name, weir_err_name((enum weir_err)b));
    }
}

static void unknown_number_has_a_name_too(void **state)
{
    assert_string_equal(weir_err_name((enum weir_err)1), "unknown error");
    assert_string_equal(weir_err_name((enum weir_err)(WEIR_ETIMEOUT - 1)), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_number_has_its_own_name),
        cmocka_unit_test(unknown_number_has_a_name_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
