/* SPDX-License-Identifier: Apache-2.0
 *
 * names_test.c - numbers for long names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/sim/cluster/names.h"

static void names_are_numbered_in_the_order_in_which_they_come(void **state)
{
    struct weir_sim_names n = { 0 };

    assert_int_equal(weir_sim_names_find(&n, WEIR_SPAN_LIT("a")), WEIR_SIM_NO_NAME);
    assert_int_equal(weir_sim_names_add(&n, WEIR_SPAN_LIT("a")), 0);
    assert_int_equal(weir_sim_names_add(&n, WEIR_SPAN_EMPTY), 1);
    assert_int_equal(weir_sim_names_add(&n, WEIR_SPAN_LIT("ab")), 2);
    assert_int_equal(weir_sim_names_add(&n, WEIR_SPAN_LIT("a")), 0);
    assert_int_equal(weir_sim_names_find(&n, WEIR_SPAN_EMPTY), 1);
    assert_true(weir_span_eq(weir_sim_names_at(&n, 2), WEIR_SPAN_LIT("ab")));
    weir_sim_names_deinit(&n);
    assert_int_equal(n.num, 0);
}

static void ten_thousand_names_have_stable_numbers(void **state)
{
    struct weir_sim_names n = { 0 };

    for (uint32_t i = 0; i < 10000; i++)
        assert_int_equal(weir_sim_names_add(&n, weir_span(&i, sizeof(i))), i);
    for (uint32_t i = 0; i < 10000; i++) {
        assert_int_equal(weir_sim_names_find(&n, weir_span(&i, sizeof(i))), i);
        assert_int_equal(weir_sim_names_add(&n, weir_span(&i, sizeof(i))), i);
    }
    weir_sim_names_deinit(&n);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_numbered_in_the_order_in_which_they_come),
        cmocka_unit_test(ten_thousand_names_have_stable_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
