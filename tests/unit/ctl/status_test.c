/* SPDX-License-Identifier: Apache-2.0
 *
 * status_test.c - the rate of requests from samples of a counter.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/ctl/node_counters.h"
#include "node/ctl/status.h"
#include "tests/unit/ctl/worker_double.h"

#define SECOND 1000000000ull

static void assert_rate(const struct weir_rate *rate, double want)
{
    double got = weir_rate_per_s(rate);
    assert_true(got > want - 0.001 && got < want + 0.001);
}

static void a_rate_needs_two_samples(void **state)
{
    struct weir_rate rate = { .num = 0 };
    assert_rate(&rate, 0);
    weir_rate_sample(&rate, 5 * SECOND, 100);
    assert_rate(&rate, 0);
    weir_rate_sample(&rate, 6 * SECOND, 150);
    assert_rate(&rate, 50);
}

static void a_rate_is_over_the_stored_samples(void **state)
{
    struct weir_rate rate = { .num = 0 };
    for (uint64_t i = 0; i < 3 * WEIR_RATE_SAMPLES; i++) {
        weir_rate_sample(&rate, i * SECOND, i < 2 * WEIR_RATE_SAMPLES ? 0 : (i - 15) * 10);
        if (i >= 1 && i < 2 * WEIR_RATE_SAMPLES)
            assert_rate(&rate, 0);
    }
    assert_rate(&rate, 10);
}

static void two_samples_at_one_moment_are_no_rate(void **state)
{
    struct weir_rate rate = { .num = 0 };
    weir_rate_sample(&rate, SECOND, 1);
    weir_rate_sample(&rate, SECOND, 9);
    assert_rate(&rate, 0);
}

static void a_process_has_resident_bytes(void **state)
{
    assert_in_range(weir_resident_bytes(), 1 << 20, 1ull << 40);
}

static void the_state_is_readonly_only_while_serving(void **state)
{
    struct weir_node node = { .state = WEIR_NODE_STARTING };
    struct weir_store_stats stats = { .writable = false };
    assert_string_equal(weir_node_state_name(&node, &stats), "starting");
    node.state = WEIR_NODE_SERVING;
    assert_string_equal(weir_node_state_name(&node, &stats), "readonly");
    stats.writable = true;
    assert_string_equal(weir_node_state_name(&node, &stats), "serving");
    node.state = WEIR_NODE_DRAINING;
    stats.writable = false;
    assert_string_equal(weir_node_state_name(&node, &stats), "draining");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rate_needs_two_samples),
        cmocka_unit_test(a_rate_is_over_the_stored_samples),
        cmocka_unit_test(two_samples_at_one_moment_are_no_rate),
        cmocka_unit_test(a_process_has_resident_bytes),
        cmocka_unit_test(the_state_is_readonly_only_while_serving),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
