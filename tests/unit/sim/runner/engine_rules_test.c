/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_rules_test.c - rules can be left out of the simulator's engine and of no other: read from
 * the symbols of the two libraries.
 */
#include "node/base/contract.h"
#include "sync/engine/engine.h"
#include "tests/support/run_program.h"

/* How many of a library's objects define or ask for a symbol that begins like this. */
static unsigned count_symbols(const char *library, const char *prefix)
{
    char arguments[512];

    int len = snprintf(arguments, sizeof(arguments), "'%s' | grep ' [TUtu] %s'", library, prefix);
    assert_in_range(len, 1, sizeof(arguments) - 1);
    return run_program(WEIR_NM, arguments).num_lines;
}

static void engine_of_a_node_has_no_table_of_rules(void **state)
{
    assert_true(count_symbols(WEIR_ENGINE_LIBRARY, "weir_engine_new$") > 0);
    assert_int_equal(count_symbols(WEIR_ENGINE_LIBRARY, "weir_engine_rule_"), 0);
    assert_int_equal(count_symbols(WEIR_ENGINE_SIM_LIBRARY, "weir_engine_rule_"), 2);
}

static void each_rule_has_a_name_of_its_own_and_a_text(void **state)
{
    for (unsigned i = 0; i < WEIR_RULE_COUNT; i++) {
        const char *name = weir_engine_rule_name((enum weir_engine_rule)i);
        assert_true(strlen(name) > 0);
        assert_true(strlen(weir_engine_rule_text((enum weir_engine_rule)i)) > 0);
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name, weir_engine_rule_name((enum weir_engine_rule)j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(engine_of_a_node_has_no_table_of_rules),
        cmocka_unit_test(each_rule_has_a_name_of_its_own_and_a_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
