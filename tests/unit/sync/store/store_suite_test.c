/* SPDX-License-Identifier: Apache-2.0
 *
 * store_suite_test.c - the suite of any record store (tests/support/record_store_suite.h) over the
 * stores of both groups, and its scenario under a failing allocator.
 */
#include "tests/support/failalloc.h"
#include "tests/support/record_store_kit.h"

/* Whichever allocation fails: an error, nothing is left of it, and the same again succeeds. */
static void scenario_without_memory_is_undone_and_can_be_repeated(void **state)
{
    enum weir_group group = rs_group_of(state) == 'C' ? WEIR_GROUP_C : WEIR_GROUP_E;
    enum weir_err err = WEIR_ENOMEM;
    long n = 1;

    for (; err < 0; n++) {
        void *home = NULL;
        struct weir_lane_row lane;
        struct weir_record_store *k = record_store_kit_make(group, &home);
        weir_failalloc_once(n);
        err = record_store_suite_scenario(k, group);
        weir_failalloc_once(-1);
        assert_true(err == WEIR_OK || err == WEIR_ENOMEM || err == WEIR_EIO);
        if (err < 0) {
            assert_int_equal(k->ops->begin(k), WEIR_OK);
            assert_int_equal(k->ops->next_lane(k, NULL, &lane), WEIR_ENOTFOUND);
            k->ops->abort(k);
            assert_int_equal(record_store_suite_scenario(k, group), WEIR_OK);
        }
        record_store_kit_end(home);
    }
    assert_true(n > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RECORD_STORE_BOTH(scenario_without_memory_is_undone_and_can_be_repeated),
    };
    kit_quiet();
    return record_store_suite_run(&record_store_kit_maker) +
           cmocka_run_group_tests(tests, NULL, NULL);
}
