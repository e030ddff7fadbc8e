/* SPDX-License-Identifier: Apache-2.0
 *
 * timerwheel_test.c - the wheel against an array that is searched from end to end.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/contract.h"
#include "node/base/rng.h"
#include "node/base/timerwheel.h"

#define TICK WEIR_WHEEL_TICK_MS
#define HOUR ((uint64_t)3600 * 1000)

static unsigned pop_all(struct weir_wheel *w)
{
    unsigned num = 0;
    for (struct weir_timer *t; (t = weir_wheel_pop(w)) != NULL; num++) {
        assert_int_equal(t->deadline_ms, 0);
        assert_true(weir_list_empty(&t->link));
    }
    return num;
}

static void timer_fires_at_its_time_and_not_a_millisecond_before(void **state)
{
    static const uint64_t dues[] = { 1,    63,       64,        65,         16384,      16385,
                                     HOUR, 5 * HOUR, 24 * HOUR, 400 * HOUR, 9999 * HOUR };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(dues); i++) {
        struct weir_wheel w;
        struct weir_timer t;
        weir_wheel_init(&w, 1000);
        weir_timer_init(&t);
        weir_timer_set(&w, &t, 1000 + dues[i]);
        weir_wheel_advance(&w, 1000 + dues[i] - 1);
        assert_null(weir_wheel_pop(&w));
        weir_wheel_advance(&w, 1000 + dues[i] + TICK - 1);
        assert_ptr_equal(weir_wheel_pop(&w), &t);
        assert_null(weir_wheel_pop(&w));
        assert_int_equal(w.num_armed, 0);
    }
}

static void timer_set_to_the_past_fires_at_the_next_advance(void **state)
{
    struct weir_wheel w;
    struct weir_timer a;
    struct weir_timer b;
    weir_wheel_init(&w, 5000);
    weir_timer_init(&a);
    weir_timer_init(&b);
    weir_timer_set(&w, &a, 4000);
    weir_timer_set(&w, &b, 0);
    assert_null(weir_wheel_pop(&w));
    weir_wheel_advance(&w, 5000);
    assert_int_equal(pop_all(&w), 2);
    weir_timer_set(&w, &a, 5000);
    weir_wheel_advance(&w, 5000);
    assert_int_equal(pop_all(&w), 1);
}

static void stopped_timer_does_not_fire(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 0);
    weir_timer_init(&t);
    weir_timer_stop(&w, &t);
    weir_timer_set(&w, &t, 100);
    weir_timer_stop(&w, &t);
    weir_timer_stop(&w, &t);
    assert_int_equal(w.num_armed, 0);
    weir_wheel_advance(&w, 1000);
    assert_null(weir_wheel_pop(&w));
    weir_timer_set(&w, &t, 1100);
    weir_wheel_advance(&w, 1200);
    weir_timer_stop(&w, &t); /* expired, not popped yet */
    assert_null(weir_wheel_pop(&w));
    assert_int_equal(w.num_armed, 0);
}

static void setting_to_later_touches_no_list(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 0);
    weir_timer_init(&t);
    weir_timer_set(&w, &t, 1000);
    struct weir_list before = t.link;
    for (uint64_t deadline = 1000; deadline < 100000; deadline += 7) {
        weir_timer_set(&w, &t, deadline);
        assert_memory_equal(&before, &t.link, sizeof(before));
    }
    weir_timer_set(&w, &t, 90000);
    assert_memory_equal(&before, &t.link, sizeof(before));
    for (uint64_t now = 0; now < 90000; now += 50) {
        weir_wheel_advance(&w, now);
        assert_null(weir_wheel_pop(&w));
    }
    weir_wheel_advance(&w, 90000 + TICK);
    assert_ptr_equal(weir_wheel_pop(&w), &t);
}

static void setting_to_earlier_moves_the_timer(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 0);
    weir_timer_init(&t);
    weir_timer_set(&w, &t, 10 * HOUR);
    weir_timer_set(&w, &t, 500);
    assert_int_equal(w.num_armed, 1);
    weir_wheel_advance(&w, 500 + TICK);
    assert_ptr_equal(weir_wheel_pop(&w), &t);
    weir_wheel_advance(&w, 11 * HOUR);
    assert_null(weir_wheel_pop(&w));
}

static void expired_timer_set_to_later_before_its_pop_does_not_fire(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 0);
    weir_timer_init(&t);
    weir_timer_set(&w, &t, 100);
    weir_wheel_advance(&w, 200);
    weir_timer_set(&w, &t, 300);
    assert_null(weir_wheel_pop(&w));
    assert_int_equal(w.num_armed, 1);
    weir_wheel_advance(&w, 299);
    assert_null(weir_wheel_pop(&w));
    weir_wheel_advance(&w, 300 + TICK);
    assert_ptr_equal(weir_wheel_pop(&w), &t);
}

static void handler_that_sets_its_timer_to_now_is_called_once_an_advance(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 0);
    weir_timer_init(&t);
    weir_timer_set(&w, &t, 10);
    for (uint64_t now = TICK; now < 100 * TICK; now += 10) {
        unsigned num = 0;
        weir_wheel_advance(&w, now);
        for (struct weir_timer *fired; (fired = weir_wheel_pop(&w)) != NULL; num++) {
            assert_int_equal(num, 0);
            weir_timer_set(&w, fired, now);
        }
        assert_int_equal(num, 1);
    }
}

static void handler_may_stop_and_set_other_timers(void **state)
{
    struct weir_wheel w;
    struct weir_timer t[3];
    weir_wheel_init(&w, 0);
    for (size_t i = 0; i < 3; i++) {
        weir_timer_init(&t[i]);
        weir_timer_set(&w, &t[i], 100);
    }
    weir_wheel_advance(&w, 200);
    struct weir_timer *first = weir_wheel_pop(&w);
    assert_non_null(first);
    for (size_t i = 0; i < 3; i++)
        if (&t[i] != first)
            weir_timer_stop(&w, &t[i]);
    assert_null(weir_wheel_pop(&w));
    weir_timer_set(&w, first, 300);
    assert_int_equal(w.num_armed, 1);
    weir_wheel_advance(&w, 400);
    assert_ptr_equal(weir_wheel_pop(&w), first);
}

static void time_that_runs_backwards_stands_still(void **state)
{
    struct weir_wheel w;
    struct weir_timer t;
    weir_wheel_init(&w, 10000);
    weir_timer_init(&t);
    weir_wheel_advance(&w, 20000);
    weir_wheel_advance(&w, 1);
    weir_timer_set(&w, &t, 20100);
    weir_wheel_advance(&w, 15000);
    assert_null(weir_wheel_pop(&w));
    weir_wheel_advance(&w, 20100 + TICK);
    assert_ptr_equal(weir_wheel_pop(&w), &t);
}

static void timer_beyond_the_rings_waits_for_its_time(void **state)
{
    static const uint64_t year = 365 * 24 * HOUR;
    struct weir_wheel w;
    struct weir_timer far;
    struct weir_timer never;
    uint64_t now = 77;

    weir_wheel_init(&w, now);
    weir_timer_init(&far);
    weir_timer_init(&never);
    weir_timer_set(&w, &far, now + 30 * year);
    weir_timer_set(&w, &never, UINT64_MAX);
    for (unsigned step = 1; step < 300; step++) {
        weir_wheel_advance(&w, now + step * (year / 10));
        assert_null(weir_wheel_pop(&w));
    }
    weir_wheel_advance(&w, now + 30 * year + TICK);
    assert_ptr_equal(weir_wheel_pop(&w), &far);
    assert_null(weir_wheel_pop(&w));
    assert_int_equal(w.num_armed, 1);
}

enum { NUM = 60 };

struct twin {
    struct weir_timer timers[NUM];
    uint64_t deadline_ms[NUM]; /* 0 = off */
};

static uint64_t random_span_ms(struct weir_rng *rng)
{
    /* Each magnitude from a millisecond to some hundred days is as likely as the others. */
    return weir_rng_below(rng, (uint64_t)1 << (1 + weir_rng_below(rng, 34)));
}

static void change_some(struct weir_wheel *w, struct twin *twin, struct weir_rng *rng, uint64_t now)
{
    for (uint64_t i = weir_rng_below(rng, 8); i > 0; i--) {
        size_t which = weir_rng_below(rng, NUM);
        if (weir_rng_below(rng, 5) == 0) {
            weir_timer_stop(w, &twin->timers[which]);
            twin->deadline_ms[which] = 0;
        } else {
            uint64_t deadline = now + random_span_ms(rng);
            if (weir_rng_below(rng, 10) == 0)
                deadline = now - weir_rng_below(rng, now);
            weir_timer_set(w, &twin->timers[which], deadline);
            twin->deadline_ms[which] = deadline;
        }
    }
}

/* What fires must have expired; what expired a tick ago must have fired; what is armed must be so
 * in both. */
static void advance_and_compare(struct weir_wheel *w, struct twin *twin, struct weir_rng *rng,
                                uint64_t now)
{
    size_t num_armed = 0;

    weir_wheel_advance(w, now);
    for (struct weir_timer *t; (t = weir_wheel_pop(w)) != NULL;) {
        size_t which = (size_t)(t - twin->timers);
        assert_int_not_equal(twin->deadline_ms[which], 0);
        assert_true(twin->deadline_ms[which] <= now);
        twin->deadline_ms[which] = 0;
        if (weir_rng_below(rng, 4) == 0)
            change_some(w, twin, rng, now);
    }
    /* What handlers set to the past comes with the next advance. */
    weir_wheel_advance(w, now);
    for (struct weir_timer *t; (t = weir_wheel_pop(w)) != NULL;)
        twin->deadline_ms[t - twin->timers] = 0;
    for (size_t i = 0; i < NUM; i++) {
        assert_int_equal(twin->timers[i].deadline_ms, twin->deadline_ms[i]);
        num_armed += twin->deadline_ms[i] != 0;
        if (twin->deadline_ms[i] != 0)
            assert_true(twin->deadline_ms[i] + TICK > now);
    }
    assert_int_equal(w->num_armed, num_armed);
}

static void random_sequences_match_the_naive_twin(void **state)
{
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct weir_wheel w;
        struct twin twin = { .deadline_ms = { 0 } };
        struct weir_rng rng;
        weir_rng_init(&rng, seed);
        uint64_t now = 1 + random_span_ms(&rng);

        weir_wheel_init(&w, now);
        for (size_t i = 0; i < NUM; i++)
            weir_timer_init(&twin.timers[i]);
        for (int round = 0; round < 1500; round++) {
            change_some(&w, &twin, &rng, now);
            now += weir_rng_below(&rng, 20) == 0 ? random_span_ms(&rng) : weir_rng_below(&rng, 300);
            advance_and_compare(&w, &twin, &rng, now);
        }
    }
}

/* All distances around each border between rings, from a tick at each place in the lowest ring. */
static void borders_between_rings_lose_no_timer(void **state)
{
    static const uint64_t borders[] = { 255, 256, 257, 511, 512, 65535, 65536, 65537, 65791 };
    struct weir_wheel w;
    struct weir_timer t;

    weir_timer_init(&t);
    for (uint64_t start = 0; start < 520; start += 5) {
        for (size_t i = 0; i < WEIR_ARRAY_LEN(borders); i++) {
            uint64_t deadline = (start + borders[i]) * TICK;
            weir_wheel_init(&w, 0);
            weir_wheel_advance(&w, start * TICK);
            weir_timer_set(&w, &t, deadline);
            /* Steps of 1000 ticks turn the rings; the last one stops right before. */
            for (uint64_t now = start * TICK; now < deadline; now += 1000 * TICK)
                weir_wheel_advance(&w, now);
            weir_wheel_advance(&w, deadline - 1);
            assert_null(weir_wheel_pop(&w));
            weir_wheel_advance(&w, deadline);
            assert_ptr_equal(weir_wheel_pop(&w), &t);
        }
    }
}

static void pop_looks_at_no_more_timers_than_its_budget(void **state)
{
    struct weir_wheel w;
    static struct weir_timer timers[1000];
    unsigned fired = 0;
    weir_wheel_init(&w, 0);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(timers); i++) {
        weir_timer_init(&timers[i]);
        /* Half of them are only dealt out from the second ring when it turns. */
        weir_timer_set(&w, &timers[i], (i % 2 ? 256 : 500) * TICK);
    }
    weir_wheel_advance(&w, 256 * TICK);
    for (int turn = 0; weir_wheel_has_reached(&w); turn++) {
        uint32_t budget = 100;
        unsigned now = 0;
        assert_true(turn < 11);
        while (weir_wheel_pop_within(&w, &budget) != NULL)
            now++;
        assert_true(now <= 100);
        fired += now;
    }
    assert_int_equal(fired, 500);
    assert_int_equal(w.num_armed, 500);
    weir_wheel_advance(&w, 500 * TICK);
    assert_int_equal(pop_all(&w), 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pop_looks_at_no_more_timers_than_its_budget),
        cmocka_unit_test(timer_fires_at_its_time_and_not_a_millisecond_before),
        cmocka_unit_test(timer_set_to_the_past_fires_at_the_next_advance),
        cmocka_unit_test(stopped_timer_does_not_fire),
        cmocka_unit_test(setting_to_later_touches_no_list),
        cmocka_unit_test(setting_to_earlier_moves_the_timer),
        cmocka_unit_test(expired_timer_set_to_later_before_its_pop_does_not_fire),
        cmocka_unit_test(handler_that_sets_its_timer_to_now_is_called_once_an_advance),
        cmocka_unit_test(handler_may_stop_and_set_other_timers),
        cmocka_unit_test(time_that_runs_backwards_stands_still),
        cmocka_unit_test(timer_beyond_the_rings_waits_for_its_time),
        cmocka_unit_test(random_sequences_match_the_naive_twin),
        cmocka_unit_test(borders_between_rings_lose_no_timer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
