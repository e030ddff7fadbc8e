/* SPDX-License-Identifier: Apache-2.0
 *
 * failure_marks_test.c - marks of failed endpoints: how long they last, which endpoint each is for,
 * and their use from many threads at once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/base/hash.h"
#include "node/base/rng.h"
#include "node/flow/failure_marks.h"
#include "tests/support/death.h"
#include "tests/support/failalloc.h"

#define KEY 0x1234567890abcdefull

static const struct weir_addr somebody = { { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 }, 0 };

static bool succeeded(struct weir_failure_marks *v, uint64_t key)
{
    return weir_failure_marks_succeeded(v, key, &somebody, 1);
}

static void an_endpoint_is_usable_until_it_fails_and_again_after_its_time(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();

    (void)state;
    assert_non_null(v);
    assert_true(weir_failure_marks_usable(v, KEY, 5000));
    assert_true(weir_failure_marks_failed(v, KEY, 5000));
    assert_false(weir_failure_marks_usable(v, KEY, 5000));
    assert_false(weir_failure_marks_usable(v, KEY, 5999));
    assert_true(weir_failure_marks_usable(v, KEY, 6000));
    assert_true(weir_failure_marks_usable(v, KEY + 1, 5000));
    weir_failure_marks_free(&v);
    assert_null(v);
    weir_failure_marks_free(&v);
}

static void each_further_failure_doubles_the_time_up_to_a_minute(void **state)
{
    static const uint64_t expected_ms[] = { 1000,  2000,  4000,  8000, 16000,
                                            32000, 60000, 60000, 60000 };
    struct weir_failure_marks *v = weir_failure_marks_new();
    uint64_t now = 100000;

    (void)state;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(expected_ms); i++) {
        assert_true(weir_failure_marks_failed(v, KEY, now));
        assert_false(weir_failure_marks_usable(v, KEY, now + expected_ms[i] - 1));
        assert_true(weir_failure_marks_usable(v, KEY, now + expected_ms[i]));
        now += expected_ms[i] + 10;
    }
    weir_failure_marks_free(&v);
}

static void failures_while_it_is_out_belong_to_the_same_incident(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();

    (void)state;
    assert_true(weir_failure_marks_failed(v, KEY, 1000));
    for (uint64_t now = 1000; now < 2000; now += 7)
        assert_false(weir_failure_marks_failed(v, KEY, now));
    assert_true(weir_failure_marks_usable(v, KEY, 2000));
    weir_failure_marks_free(&v);
}

static void a_success_clears_the_mark_and_the_count(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();

    (void)state;
    assert_false(succeeded(v, KEY));
    assert_true(weir_failure_marks_failed(v, KEY, 1000));
    assert_true(weir_failure_marks_failed(v, KEY, 3000));
    assert_true(succeeded(v, KEY));
    assert_true(weir_failure_marks_usable(v, KEY, 3001));
    assert_false(succeeded(v, KEY));
    assert_true(weir_failure_marks_failed(v, KEY, 4000));
    assert_true(weir_failure_marks_usable(v, KEY, 5000)); /* one second again */
    weir_failure_marks_free(&v);
}

static void old_failures_are_forgotten(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();

    (void)state;
    assert_true(weir_failure_marks_failed(v, KEY, 1000));
    assert_true(weir_failure_marks_failed(v, KEY, 2000));         /* out until 4000 */
    assert_true(weir_failure_marks_failed(v, KEY, 4000 + 60000)); /* just in time: the third */
    assert_false(weir_failure_marks_usable(v, KEY, 64000 + 3999));
    assert_true(weir_failure_marks_failed(v, KEY, 68000 + 60001)); /* too late: the first */
    assert_true(weir_failure_marks_usable(v, KEY, 128001 + 1000));
    weir_failure_marks_free(&v);
}

/** Keys whose home is the same slot, so that they fill one window. */
static void keys_of_one_home(uint64_t *keys, size_t num)
{
    uint64_t home = weir_mix64(KEY) % WEIR_FAILURE_MARKS_MAX;
    size_t found = 0;

    for (uint64_t k = 1; found < num; k++)
        if (weir_mix64(k << 40 | k) % WEIR_FAILURE_MARKS_MAX == home)
            keys[found++] = k << 40 | k;
}

static void a_full_window_hides_nobody_and_makes_room_when_marks_are_over(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    uint64_t keys[10];

    (void)state;
    keys_of_one_home(keys, 10);
    for (size_t i = 0; i < 8; i++)
        assert_true(weir_failure_marks_failed(v, keys[i], 1000));
    for (size_t i = 0; i < 8; i++)
        assert_false(weir_failure_marks_usable(v, keys[i], 1500));
    assert_false(weir_failure_marks_failed(v, keys[8], 1500)); /* no room: it stays usable */
    assert_true(weir_failure_marks_usable(v, keys[8], 1500));
    assert_false(succeeded(v, keys[8]));

    assert_true(succeeded(v, keys[3])); /* its slot may change hands */
    assert_true(weir_failure_marks_failed(v, keys[8], 1600));
    assert_false(weir_failure_marks_usable(v, keys[8], 1700));
    assert_true(weir_failure_marks_usable(v, keys[3], 1700));
    assert_false(weir_failure_marks_usable(v, keys[7], 1700)); /* behind it, still found */

    assert_false(weir_failure_marks_failed(v, keys[9], 2100)); /* over, but not forgotten yet */
    assert_true(weir_failure_marks_failed(v, keys[9], 2000 + 60001));
    assert_false(weir_failure_marks_usable(v, keys[9], 62002));
    weir_failure_marks_free(&v);
}

static void many_endpoints_are_distinguished(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    unsigned unmarked = 0;

    (void)state;
    for (uint64_t i = 1; i <= 8000; i++)
        unmarked += !weir_failure_marks_failed(v, weir_mix64(i), 1000);
    assert_int_equal(unmarked, 0);
    for (uint64_t i = 1; i <= 8000; i++)
        assert_false(weir_failure_marks_usable(v, weir_mix64(i), 1500));
    for (uint64_t i = 8001; i <= 16000; i++)
        assert_true(weir_failure_marks_usable(v, weir_mix64(i), 1500));
    weir_failure_marks_free(&v);
}

static void no_memory_is_null(void **state)
{
    (void)state;
    weir_failalloc_once(1);
    struct weir_failure_marks *v = weir_failure_marks_new();
    weir_failalloc_once(-1);
    assert_null(v);
}

static void each_table_has_a_secret_of_its_own(void **state)
{
    static const struct weir_siphash_key zero;
    struct weir_failure_marks *a = weir_failure_marks_new(), *b = weir_failure_marks_new();

    (void)state;
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_not_equal(&a->secret, &zero, sizeof(zero));
    assert_memory_not_equal(&a->secret, &b->secret, sizeof(zero));
    weir_failure_marks_free(&a);
    weir_failure_marks_free(&b);
}

/* -- responses -- */

static struct weir_addr client_of(unsigned number)
{
    struct weir_addr a = somebody;
    a.ip[14] = (uint8_t)(number >> 8);
    a.ip[15] = (uint8_t)number;
    return a;
}

static bool respond_badly(struct weir_failure_marks *v, unsigned client, uint64_t now_ms)
{
    struct weir_addr a = client_of(client);
    return weir_failure_marks_response_failed(v, KEY, &a, now_ms);
}

static void respond_well(struct weir_failure_marks *v, unsigned client, uint64_t now_ms)
{
    struct weir_addr a = client_of(client);
    (void)weir_failure_marks_succeeded(v, KEY, &a, now_ms);
}

/* Fault 9: however often one client fails, whatever others do, the endpoint serves on. */
static void a_single_client_takes_no_endpoint_out(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        assert_false(respond_badly(v, 7, 100000 + i));
        if (i % 50 == 0)
            respond_well(v, i / 50 % 3, 100000 + i);
    }
    assert_true(weir_failure_marks_usable(v, KEY, 120000));
    /* Addresses of one IPv6 network are one client. */
    struct weir_addr six = { { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4 }, 0 };
    for (unsigned i = 0; i < 256; i++) {
        six.ip[15] = (uint8_t)i;
        assert_false(weir_failure_marks_response_failed(v, KEY + 1, &six, 120000));
    }
    weir_failure_marks_free(&v);
}

/* Two clients may share a bit, but not all of many. */
static void responses_that_fail_for_several_clients_mark(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    bool out = false;
    unsigned num = 0;
    (void)state;
    while (!out && num < 30)
        out = respond_badly(v, num++ % 10, 100000);
    assert_true(out);
    assert_in_range(num, 5, 14);
    assert_false(weir_failure_marks_usable(v, KEY, 100999));
    assert_false(respond_badly(v, 40, 100500)); /* in flight: the same incident */
    assert_true(weir_failure_marks_usable(v, KEY, 101000));
    /* It has to prove itself anew, and then is out for twice the time. */
    for (unsigned i = 0; i < 4; i++)
        assert_false(respond_badly(v, i, 101000));
    out = false;
    for (unsigned i = 4; i < 20 && !out; i++)
        out = respond_badly(v, i, 101000);
    assert_true(out);
    assert_false(weir_failure_marks_usable(v, KEY, 102999));
    assert_true(weir_failure_marks_usable(v, KEY, 103000));
    weir_failure_marks_free(&v);
}

static void a_good_response_does_not_end_a_mark_by_rate(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    bool out = false;
    (void)state;
    for (unsigned i = 0; i < 20 && !out; i++)
        out = respond_badly(v, i, 100000);
    assert_true(out);
    assert_false(succeeded(v, KEY));
    assert_false(weir_failure_marks_usable(v, KEY, 100999));
    /* A failed connect makes it one that a success ends. */
    assert_true(weir_failure_marks_failed(v, KEY, 101000));
    assert_true(succeeded(v, KEY));
    assert_true(weir_failure_marks_usable(v, KEY, 101001));
    weir_failure_marks_free(&v);
}

static void an_endpoint_that_mostly_serves_is_not_marked(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    uint64_t now = 100000;
    (void)state;
    /* 40 of 100, of any clients, for long: also where counts are halved. */
    for (unsigned i = 0; i < 100000; i++, now += i % 32 == 0) {
        if (i % 5 < 3)
            respond_well(v, i % 97, now);
        else
            assert_false(respond_badly(v, i % 89, now));
    }
    /* 60 of 100: marked before long. */
    bool out = false;
    for (unsigned i = 0; i < 10000 && !out; i++) {
        if (i % 5 < 2)
            respond_well(v, i % 97, now);
        else
            out = respond_badly(v, i % 89, now);
    }
    assert_true(out);
    weir_failure_marks_free(&v);
}

static void failures_far_apart_are_no_rate(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        assert_false(respond_badly(v, i, 100000 + i * 3000ull));
    /* Successes before the first failure are not counted: they cost one load. */
    weir_failure_marks_free(&v);
}

static void a_slot_that_counts_is_not_given_away(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    uint64_t keys[9];
    (void)state;
    keys_of_one_home(keys, 9);
    for (size_t i = 0; i < 8; i++)
        assert_false(weir_failure_marks_response_failed(v, keys[i], &somebody, 100000));
    assert_false(weir_failure_marks_failed(v, keys[8], 105000)); /* no room */
    assert_true(weir_failure_marks_failed(v, keys[8], 111000));  /* windows are over */
    weir_failure_marks_free(&v);
}

/* -- threads -- */

#define THREADS 4
#define STEPS   40000

struct run {
    struct weir_failure_marks *marks;
    uint64_t seed;
    unsigned turned_out;
    unsigned brought_back;
};

/** All threads work on few keys, some of which share a home: every race there is happens. */
static void *run_steps(void *arg)
{
    struct run *r = arg;
    struct weir_rng rng;
    uint64_t keys[12];

    weir_rng_init(&rng, r->seed);
    keys_of_one_home(keys, 12);
    for (uint64_t now = 1; now <= STEPS; now++) {
        uint64_t key = keys[weir_rng_below(&rng, 12)];

        switch (weir_rng_below(&rng, 5)) {
        case 4:
            r->turned_out += weir_failure_marks_response_failed(
                r->marks, key, &(struct weir_addr){ { [0] = (uint8_t)now }, 0 }, now);
            break;
        case 0:
            r->turned_out += weir_failure_marks_failed(r->marks, key, now);
            break;
        case 1:
            r->brought_back += succeeded(r->marks, key);
            break;
        default:
            (void)weir_failure_marks_usable(r->marks, key, now);
            break;
        }
    }
    return NULL;
}

static void threads_may_do_anything_at_once(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    struct run runs[THREADS];
    pthread_t threads[THREADS];
    unsigned out = 0;
    uint64_t keys[12];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        runs[i] = (struct run){ .marks = v, .seed = i + 1 };
        assert_int_equal(pthread_create(&threads[i], NULL, run_steps, &runs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        out += runs[i].turned_out;
    }
    assert_true(out > 0);
    /* Whatever the races left, no mark outlives its longest time, and the table works on. */
    keys_of_one_home(keys, 12);
    for (unsigned i = 0; i < 12; i++)
        assert_true(weir_failure_marks_usable(v, keys[i], STEPS + 60001));
    assert_true(weir_failure_marks_failed(v, keys[0], STEPS + 200000));
    assert_false(weir_failure_marks_usable(v, keys[0], STEPS + 200001));
    weir_failure_marks_free(&v);
}

/** When threads see one endpoint fail at the same moment, exactly one of them gets true. */
static void *fail_once(void *arg)
{
    struct run *r = arg;

    for (uint64_t i = 1; i <= 2000; i++)
        r->turned_out += weir_failure_marks_failed(r->marks, weir_mix64(i), 1000);
    return NULL;
}

static void each_incident_is_reported_to_one_thread_alone(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    struct run runs[THREADS];
    pthread_t threads[THREADS];
    unsigned out = 0;

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        runs[i] = (struct run){ .marks = v };
        assert_int_equal(pthread_create(&threads[i], NULL, fail_once, &runs[i]), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        out += runs[i].turned_out;
    }
    assert_int_equal(out, 2000);
    weir_failure_marks_free(&v);
}

static void fail_key_zero(void *arg)
{
    (void)weir_failure_marks_failed(arg, 0, 1);
}

static void key_that_means_a_free_slot_breaks_the_contract(void **state)
{
    struct weir_failure_marks *v = weir_failure_marks_new();
    assert_non_null(v);
    assert_true(weir_death_by_contract(fail_key_zero, v, "key != 0"));
    weir_failure_marks_free(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_endpoint_is_usable_until_it_fails_and_again_after_its_time),
        cmocka_unit_test(each_further_failure_doubles_the_time_up_to_a_minute),
        cmocka_unit_test(a_single_client_takes_no_endpoint_out),
        cmocka_unit_test(responses_that_fail_for_several_clients_mark),
        cmocka_unit_test(a_good_response_does_not_end_a_mark_by_rate),
        cmocka_unit_test(an_endpoint_that_mostly_serves_is_not_marked),
        cmocka_unit_test(failures_far_apart_are_no_rate),
        cmocka_unit_test(a_slot_that_counts_is_not_given_away),
        cmocka_unit_test(failures_while_it_is_out_belong_to_the_same_incident),
        cmocka_unit_test(a_success_clears_the_mark_and_the_count),
        cmocka_unit_test(old_failures_are_forgotten),
        cmocka_unit_test(a_full_window_hides_nobody_and_makes_room_when_marks_are_over),
        cmocka_unit_test(many_endpoints_are_distinguished),
        cmocka_unit_test(no_memory_is_null),
        cmocka_unit_test(each_table_has_a_secret_of_its_own),
        cmocka_unit_test(key_that_means_a_free_slot_breaks_the_contract),
        cmocka_unit_test(threads_may_do_anything_at_once),
        cmocka_unit_test(each_incident_is_reported_to_one_thread_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
