/* SPDX-License-Identifier: Apache-2.0
 *
 * hlc_test.c - stamps: what a write gets is above what it follows and never behind its own clock,
 * whatever the two are; the order of versions is total.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/rng.h"
#include "sync/version/hlc.h"

#define ROUNDS 100000

/* Numbers near the edges, and any. */
static uint64_t draw(struct weir_rng *rng)
{
    static const uint64_t edges[] = {
        0, 1, 0xffff, 0x10000, WEIR_HLC_MS_MAX, WEIR_HLC_MAX - 1, WEIR_HLC_MAX, UINT64_MAX
    };
    uint64_t n = weir_rng_next(rng);

    return n % 4 == 0 ? edges[weir_rng_below(rng, WEIR_ARRAY_LEN(edges))] : n >> n % 64;
}

static void a_stamp_is_above_what_it_follows_and_not_behind_the_clock(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 1);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t wall_ms = draw(&rng);
        uint64_t above = draw(&rng);
        uint64_t hlc = 7;
        enum weir_err err = weir_hlc_next(wall_ms, above, &hlc);
        if (above >= WEIR_HLC_MAX || weir_hlc_of_ms(wall_ms) > WEIR_HLC_MAX) {
            assert_int_equal(err, WEIR_ELIMIT);
            assert_int_equal(hlc, 7);
            continue;
        }
        assert_int_equal(err, WEIR_OK);
        assert_true(hlc > above);
        assert_true(hlc <= WEIR_HLC_MAX);
        assert_true(hlc >= weir_hlc_of_ms(wall_ms));
        /* and no larger than one of the two asks for: nothing else moves a clock */
        assert_true(hlc == weir_hlc_of_ms(wall_ms) || hlc == above + 1);
    }
}

static void a_millisecond_comes_back_out_of_its_stamp(void **state)
{
    struct weir_rng rng;

    weir_rng_init(&rng, 2);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t ms = draw(&rng);
        uint64_t least = ms < WEIR_HLC_MS_MAX ? ms : WEIR_HLC_MS_MAX;
        assert_int_equal(weir_hlc_ms(weir_hlc_of_ms(ms)), least);
        assert_int_equal(weir_hlc_of_ms(ms) & 0xffff, 0);
    }
    assert_int_equal(weir_hlc_ms(WEIR_HLC_MAX) + 1, UINT64_C(253402300800000));
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

/* Stamp and lane as one number of 24 bytes, the most significant first. */
static int naive(uint64_t a, const uint8_t *a_lane, uint64_t b, const uint8_t *b_lane)
{
    uint8_t x[24];
    uint8_t y[24];

    for (unsigned i = 0; i < 8; i++) {
        x[i] = (uint8_t)(a >> (56 - 8 * i));
        y[i] = (uint8_t)(b >> (56 - 8 * i));
    }
    memcpy(x + 8, a_lane, 16);
    memcpy(y + 8, b_lane, 16);
    return sign(memcmp(x, y, sizeof(x)));
}

static void versions_are_ordered_as_their_bytes_are(void **state)
{
    struct weir_rng rng;
    uint8_t lane[2][16] = { { 0 } };

    weir_rng_init(&rng, 3);
    for (unsigned i = 0; i < ROUNDS; i++) {
        uint64_t a = draw(&rng);
        uint64_t b = weir_rng_below(&rng, 3) == 0 ? a : draw(&rng);
        lane[0][weir_rng_below(&rng, 16)] = (uint8_t)weir_rng_below(&rng, 3);
        lane[1][weir_rng_below(&rng, 16)] = (uint8_t)weir_rng_below(&rng, 3);
        int order = sign(weir_hlc_cmp(a, lane[0], b, lane[1]));
        assert_int_equal(order, naive(a, lane[0], b, lane[1]));
        assert_int_equal(order, -sign(weir_hlc_cmp(b, lane[1], a, lane[0])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stamp_is_above_what_it_follows_and_not_behind_the_clock),
        cmocka_unit_test(a_millisecond_comes_back_out_of_its_stamp),
        cmocka_unit_test(versions_are_ordered_as_their_bytes_are),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
