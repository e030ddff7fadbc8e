/* SPDX-License-Identifier: Apache-2.0
 *
 * vector_test.c - version vectors: beside a naive twin, at their limit and without memory.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/rng.h"
#include "sync/version/vector.h"
#include "tests/support/failalloc.h"

#define TWIN_LANES 40

/* Naive twin: a table of all lanes that the test knows. */
struct twin {
    uint64_t seq[TWIN_LANES];
};

static const uint8_t *lane_of(unsigned n)
{
    static uint8_t lane[WEIR_LANE_LEN];

    memset(lane, 0, sizeof(lane));
    lane[0] = (uint8_t)(n * 37); /* the order of lanes is not the order of numbers */
    lane[7] = (uint8_t)(n >> 8);
    lane[15] = (uint8_t)n;
    return lane;
}

static void same_as_twin(const struct weir_vector *v, const struct twin *t)
{
    struct weir_vector again = WEIR_VECTOR_ZERO;
    size_t num = 0;

    for (unsigned n = TWIN_LANES; n > 0; n--) {
        uint64_t seq = t->seq[n - 1];
        assert_int_equal(weir_vector_get(v, lane_of(n - 1)), seq);
        assert_true(weir_vector_covers(v, lane_of(n - 1), seq));
        assert_false(weir_vector_covers(v, lane_of(n - 1), seq + 1));
        num += seq > 0;
        assert_int_equal(weir_vector_raise(&again, lane_of(n - 1), seq), WEIR_OK);
    }
    assert_int_equal(v->num, num);
    for (size_t i = 1; i < v->num; i++)
        assert_true(memcmp(v->items[i - 1].lane, v->items[i].lane, WEIR_LANE_LEN) < 0);
    assert_true(weir_vector_eq(v, &again)); /* in whatever order it came */
    assert_int_equal(weir_vector_hash(v), weir_vector_hash(&again));
    weir_vector_deinit(&again);
}

static void change(struct weir_rng *rng, struct weir_vector *v, struct twin *t)
{
    unsigned n = (unsigned)weir_rng_below(rng, TWIN_LANES);
    uint64_t seq = weir_rng_below(rng, 6);

    if (weir_rng_below(rng, 8) == 0) {
        weir_vector_forget(v, lane_of(n));
        t->seq[n] = 0;
        return;
    }
    assert_int_equal(weir_vector_raise(v, lane_of(n), seq), WEIR_OK);
    t->seq[n] = seq > t->seq[n] ? seq : t->seq[n];
}

static void compare(const struct weir_vector *v, const struct twin *tv, const struct weir_vector *w,
                    const struct twin *tw)
{
    bool dominates = true;
    bool eq = true;

    for (unsigned n = 0; n < TWIN_LANES; n++) {
        dominates &= tv->seq[n] >= tw->seq[n];
        eq &= tv->seq[n] == tw->seq[n];
    }
    assert_int_equal(weir_vector_dominates(v, w), dominates);
    assert_int_equal(weir_vector_is_stale(v, w), !dominates);
    assert_int_equal(weir_vector_eq(v, w), eq);
    assert_int_equal(weir_vector_hash(v) == weir_vector_hash(w), eq);
}

static void vector_agrees_with_a_naive_twin(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 20261129);
    for (int round = 0; round < 300; round++) {
        struct weir_vector v[2] = { WEIR_VECTOR_ZERO, WEIR_VECTOR_ZERO };
        struct twin t[2] = { 0 };
        for (int step = 0; step < 80; step++) {
            unsigned i = (unsigned)weir_rng_below(&rng, 2);
            uint64_t what = weir_rng_below(&rng, 24);
            if (what == 0) {
                assert_int_equal(weir_vector_merge(&v[i], &v[1 - i]), WEIR_OK);
                for (unsigned n = 0; n < TWIN_LANES; n++)
                    if (t[1 - i].seq[n] > t[i].seq[n])
                        t[i].seq[n] = t[1 - i].seq[n];
            } else if (what == 1) {
                assert_int_equal(weir_vector_copy(&v[i], &v[1 - i]), WEIR_OK);
                t[i] = t[1 - i];
            } else {
                change(&rng, &v[i], &t[i]);
            }
            compare(&v[0], &t[0], &v[1], &t[1]);
            compare(&v[1], &t[1], &v[0], &t[0]);
        }
        same_as_twin(&v[0], &t[0]);
        same_as_twin(&v[1], &t[1]);
        weir_vector_deinit(&v[0]);
        weir_vector_deinit(&v[1]);
    }
}

static void vector_merged_with_itself_is_unchanged(void **state)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;

    assert_int_equal(weir_vector_merge(&v, &v), WEIR_OK);
    assert_int_equal(weir_vector_raise(&v, lane_of(3), 5), WEIR_OK);
    assert_int_equal(weir_vector_raise(&v, lane_of(1), 7), WEIR_OK);
    uint64_t hash = weir_vector_hash(&v);
    assert_int_equal(weir_vector_merge(&v, &v), WEIR_OK);
    assert_int_equal(weir_vector_copy(&v, &v), WEIR_OK);
    assert_int_equal(v.num, 2);
    assert_int_equal(weir_vector_hash(&v), hash);
    weir_vector_deinit(&v);
}

static void node_is_stale_only_below_a_floor(void **state)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;
    struct weir_vector floor = WEIR_VECTOR_ZERO;

    assert_false(weir_vector_is_stale(&v, &floor));
    assert_int_equal(weir_vector_raise(&v, lane_of(1), 4), WEIR_OK);
    assert_int_equal(weir_vector_raise(&floor, lane_of(1), 4), WEIR_OK);
    assert_false(weir_vector_is_stale(&v, &floor));
    assert_int_equal(weir_vector_raise(&floor, lane_of(1), 5), WEIR_OK);
    assert_true(weir_vector_is_stale(&v, &floor));
    assert_int_equal(weir_vector_raise(&v, lane_of(1), 9), WEIR_OK);
    assert_false(weir_vector_is_stale(&v, &floor));
    assert_int_equal(weir_vector_raise(&floor, lane_of(2), 1), WEIR_OK);
    assert_true(weir_vector_is_stale(&v, &floor)); /* of that lane it has seen nothing */
    weir_vector_deinit(&v);
    weir_vector_deinit(&floor);
}

static void hash_is_the_same_for_ever(void **state)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;

    assert_int_equal(weir_vector_hash(&v), 0);
    assert_int_equal(weir_vector_raise(&v, lane_of(1), 1), WEIR_OK);
    assert_int_equal(weir_vector_raise(&v, lane_of(2), UINT64_C(1) << 47), WEIR_OK);
    assert_int_equal(weir_vector_hash(&v), UINT64_C(0x18b163185958d013));
    weir_vector_reset(&v);
    assert_int_equal(weir_vector_hash(&v), 0);
    assert_int_equal(v.num, 0);
    weir_vector_deinit(&v);
}

static void fill(struct weir_vector *v, uint8_t first, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        uint8_t lane[WEIR_LANE_LEN] = { first, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i };
        assert_int_equal(weir_vector_raise(v, lane, i + 1), WEIR_OK);
    }
}

static void vector_refuses_a_lane_over_the_limit_and_stays_whole(void **state)
{
    struct weir_vector v = WEIR_VECTOR_ZERO;
    struct weir_vector one = WEIR_VECTOR_ZERO;
    uint8_t lane[WEIR_LANE_LEN] = { 0 };

    fill(&v, 1, WEIR_LANES_MAX);
    uint64_t hash = weir_vector_hash(&v);
    assert_int_equal(weir_vector_raise(&v, lane, 1), WEIR_ELIMIT);
    fill(&one, 2, 1);
    assert_int_equal(weir_vector_merge(&v, &one), WEIR_ELIMIT);
    assert_int_equal(weir_vector_hash(&v), hash);
    assert_int_equal(v.num, WEIR_LANES_MAX);
    lane[0] = 1; /* a lane that it has can still rise */
    assert_int_equal(weir_vector_raise(&v, lane, 1000), WEIR_OK);
    weir_vector_forget(&v, lane);
    assert_int_equal(weir_vector_merge(&v, &one), WEIR_OK);
    assert_int_equal(v.num, WEIR_LANES_MAX);
    weir_vector_deinit(&v);
    weir_vector_deinit(&one);
}

static void vector_without_memory_is_unchanged(void **state)
{
    struct weir_vector other = WEIR_VECTOR_ZERO;
    bool done = false;

    fill(&other, 9, 100);
    for (long n = 1; !done; n++) {
        struct weir_vector v = WEIR_VECTOR_ZERO;
        struct weir_vector w = WEIR_VECTOR_ZERO;
        enum weir_err err = WEIR_OK;
        weir_failalloc_once(n);
        for (uint8_t i = 0; i < 70; i++) {
            size_t num = v.num;
            uint64_t hash = v.hash;
            enum weir_err step = weir_vector_raise(&v, lane_of(i), 1);
            assert_true(step == WEIR_OK || (step == WEIR_ENOMEM && v.num == num && v.hash == hash));
            err = step < 0 ? step : err;
        }
        size_t num = v.num;
        uint64_t hash = v.hash;
        enum weir_err step = weir_vector_merge(&v, &other);
        assert_true(step == WEIR_OK || (step == WEIR_ENOMEM && v.num == num && v.hash == hash));
        err = step < 0 ? step : err;
        step = weir_vector_copy(&w, &v);
        assert_true(step == WEIR_OK || (step == WEIR_ENOMEM && w.num == 0));
        err = step < 0 ? step : err;
        done = (unsigned long)n > weir_failalloc_count();
        weir_failalloc_once(-1);
        assert_int_equal(err, done ? WEIR_OK : WEIR_ENOMEM);
        weir_vector_deinit(&v);
        weir_vector_deinit(&w);
    }
    weir_vector_deinit(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vector_agrees_with_a_naive_twin),
        cmocka_unit_test(vector_merged_with_itself_is_unchanged),
        cmocka_unit_test(node_is_stale_only_below_a_floor),
        cmocka_unit_test(hash_is_the_same_for_ever),
        cmocka_unit_test(vector_refuses_a_lane_over_the_limit_and_stays_whole),
        cmocka_unit_test(vector_without_memory_is_unchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
