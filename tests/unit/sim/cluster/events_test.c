/* SPDX-License-Identifier: Apache-2.0
 *
 * events_test.c - the heap of what will happen in a simulated cluster.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/rng.h"
#include "tests/sim/cluster/events.h"
#include "tests/support/death.h"

static void an_empty_heap_has_no_event(void **state)
{
    struct weir_sim_events e = { 0 };
    struct weir_sim_event event;

    assert_true(weir_sim_events_next_us(&e) == UINT64_MAX);
    assert_false(weir_sim_events_next(&e, &event));
    weir_sim_events_deinit(&e);
}

static void events_of_one_time_come_in_the_order_they_were_added(void **state)
{
    struct weir_sim_events e = { 0 };
    struct weir_sim_event event;

    weir_sim_events_add(&e, 9, 1, 100, 0);
    for (uint32_t i = 0; i < 50; i++)
        weir_sim_events_add(&e, 7, 2, i, 1000 + i);
    assert_true(weir_sim_events_next_us(&e) == 7);
    for (uint32_t i = 0; i < 50; i++) {
        assert_true(weir_sim_events_next(&e, &event));
        assert_int_equal(event.at_us, 7);
        assert_int_equal(event.kind, 2);
        assert_int_equal(event.subject, i);
        assert_int_equal(event.arg, 1000 + i);
    }
    assert_true(weir_sim_events_next(&e, &event));
    assert_int_equal(event.subject, 100);
    assert_int_equal(e.now_us, 9);
    weir_sim_events_deinit(&e);
}

/* Against a twin that visits every event each time. */
static void random_events_come_as_from_a_naive_twin(void **state)
{
    struct weir_sim_events e = { 0 };
    static struct weir_sim_event twin[4096];
    size_t num = 0;
    struct weir_rng rng;

    weir_rng_init(&rng, 7);
    for (uint32_t step = 0; step < 20000; step++) {
        if (num < WEIR_ARRAY_LEN(twin) && weir_rng_below(&rng, 100) < 51) {
            uint64_t at_us = e.now_us + weir_rng_below(&rng, 20);
            twin[num++] = (struct weir_sim_event){ .at_us = at_us, .order = e.num_added };
            weir_sim_events_add(&e, at_us, 0, 0, 0);
            continue;
        }
        struct weir_sim_event event;
        assert_int_equal(weir_sim_events_next(&e, &event), num > 0);
        if (num == 0)
            continue;
        size_t first = 0;
        for (size_t i = 1; i < num; i++) {
            if (twin[i].at_us < twin[first].at_us ||
                (twin[i].at_us == twin[first].at_us && twin[i].order < twin[first].order))
                first = i;
        }
        assert_int_equal(event.at_us, twin[first].at_us);
        assert_int_equal(event.order, twin[first].order);
        twin[first] = twin[--num];
    }
    assert_true(e.num_added > 5000);
    weir_sim_events_deinit(&e);
}

static void add_to_the_past(void *arg)
{
    weir_sim_events_add(arg, 4, 0, 0, 0);
}

static void nothing_is_added_to_the_past(void **state)
{
    struct weir_sim_events e = { 0 };
    struct weir_sim_event event;

    weir_sim_events_add(&e, 5, 0, 0, 0);
    assert_true(weir_sim_events_next(&e, &event));
    assert_true(weir_death_by_contract(add_to_the_past, &e, "at_us >= e->now_us"));
    weir_sim_events_deinit(&e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_heap_has_no_event),
        cmocka_unit_test(events_of_one_time_come_in_the_order_they_were_added),
        cmocka_unit_test(random_events_come_as_from_a_naive_twin),
        cmocka_unit_test(nothing_is_added_to_the_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
