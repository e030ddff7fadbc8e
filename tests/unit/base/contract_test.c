/* SPDX-License-Identifier: Apache-2.0
 *
 * contract_test.c - contracts abort and say where; container_of finds the outer object.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "tests/support/death.h"

struct outer {
    int before;
    int member;
};

static void break_it(void *arg)
{
    int *one = arg;
    WEIR_ASSERT(*one == 2);
}

static void reach_it(void *arg)
{
    (void)arg;
    WEIR_UNREACHABLE();
}

static void break_with_long_text(void *arg)
{
    (void)arg;
    char what[2000];
    for (size_t i = 0; i < sizeof(what); i++)
        what[i] = 'x';
    what[sizeof(what) - 1] = '\0';
    weir_contract_broken(what, "file.c", 1);
}

static void broken_assert_aborts_and_names_the_condition(void **state)
{
    int one = 1;
    assert_true(weir_death_by_contract(break_it, &one, "*one == 2 at "));
    assert_true(weir_death_by_contract(break_it, &one, "contract_test.c:"));
}

static void kept_assert_goes_on(void **state)
{
    int two = 2;
    break_it(&two);
    assert_false(weir_death_by_contract(break_it, &two, "*one == 2"));
}

static void unreachable_aborts(void **state)
{
    assert_true(weir_death_by_contract(reach_it, NULL, "unreachable"));
}

static void text_longer_than_the_buffer_is_cut(void **state)
{
    assert_true(weir_death_by_contract(break_with_long_text, NULL, "xxxxxxxx"));
}

static void dcheck_does_not_evaluate_in_release_builds(void **state)
{
    int calls = 0;
    WEIR_DCHECK(++calls > 0);
#ifdef WEIR_DEBUG
    assert_int_equal(calls, 1);
#else
    assert_int_equal(calls, 0);
#endif
}

static void container_of_finds_the_outer_object(void **state)
{
    struct outer o = { 1, 2 };
    assert_ptr_equal(weir_container_of(&o.member, struct outer, member), &o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_assert_aborts_and_names_the_condition),
        cmocka_unit_test(kept_assert_goes_on),
        cmocka_unit_test(unreachable_aborts),
        cmocka_unit_test(text_longer_than_the_buffer_is_cut),
        cmocka_unit_test(dcheck_does_not_evaluate_in_release_builds),
        cmocka_unit_test(container_of_finds_the_outer_object),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
