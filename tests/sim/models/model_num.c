/* SPDX-License-Identifier: Apache-2.0
 *
 * model_num.c - numbers in bytes, stamps, and positions in sorted arrays.
 */
#include <string.h>

#include "sync/version/hlc.h"
#include "sync/version/num.h"
#include "sync/version/sorted.h"
#include "tests/sim/models/model.h"

#define ITEMS  9
#define MS_MAX 0xffffffffffff
#define END_MS UINT64_C(253402300800000) /* the first millisecond of the year 10000 */

static void check_numbers(struct weir_sim_exam *x)
{
    uint64_t v = weir_rng_next(&x->rng);

    for (unsigned len = 1; len <= 8; len++) {
        uint64_t low = len == 8 ? v : v % (UINT64_C(1) << (8 * len));
        uint8_t le[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
        uint8_t be[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };
        weir_num_write_le(le + 1, v, len);
        weir_num_write_be(be + 1, v, len);
        for (unsigned i = 0; i < len; i++) {
            WEIR_SIM_CLAIM(x, le[1 + i] == (uint8_t)(v >> (8 * i)));
            WEIR_SIM_CLAIM(x, be[len - i] == le[1 + i]);
        }
        WEIR_SIM_CLAIM(x, le[0] == 1 && le[1 + len] == 2 + len);
        WEIR_SIM_CLAIM(x, be[0] == 1 && be[1 + len] == 2 + len);
        WEIR_SIM_CLAIM(x, weir_num_get_le(le + 1, len) == low);
        WEIR_SIM_CLAIM(x, weir_num_get_be(be + 1, len) == low);
    }
}

/* A time near one of the limits, or any. */
static uint64_t draw_ms(struct weir_sim_exam *x)
{
    static const uint64_t near[] = { 3, END_MS, MS_MAX };

    uint64_t i = weir_sim_draw(x, 4);
    return i < 3 ? near[i] - 2 + weir_sim_draw(x, 4) : weir_sim_draw(x, END_MS);
}

static void check_stamps(struct weir_sim_exam *x)
{
    uint64_t ms = draw_ms(x);
    uint64_t above_ms = weir_sim_draw(x, 2) == 0 ? ms : draw_ms(x);
    uint64_t above = weir_hlc_of_ms(above_ms) + weir_sim_draw(x, 3) - 1;
    uint64_t stamp = 77;
    uint64_t wall = (ms < MS_MAX ? ms : MS_MAX) * 65536;

    WEIR_SIM_CLAIM(x, weir_hlc_of_ms(ms) == wall);
    WEIR_SIM_CLAIM(x, weir_hlc_ms(wall) == wall / 65536);
    WEIR_SIM_CLAIM(x, weir_hlc_ms(wall + 65535) == wall / 65536);
    enum weir_err err = weir_hlc_next(ms, above, &stamp);
    bool is_late = wall >= END_MS * 65536 || above >= END_MS * 65536 - 1;
    WEIR_SIM_CLAIM(x, err == (is_late ? WEIR_ELIMIT : WEIR_OK));
    WEIR_SIM_CLAIM(x, stamp == (is_late ? 77 : wall > above ? wall : above + 1));
}

static void check_order(struct weir_sim_exam *x)
{
    uint8_t a[16] = { 0 };
    uint8_t b[16] = { 0 };
    uint64_t i = weir_sim_draw(x, 16);
    uint64_t v = weir_sim_draw(x, 1000);

    WEIR_SIM_CLAIM(x, weir_hlc_cmp(v, a, v, b) == 0);
    b[i] = (uint8_t)(1 + weir_sim_draw(x, 255));
    WEIR_SIM_CLAIM(x, weir_hlc_cmp(v, a, v, b) < 0);
    WEIR_SIM_CLAIM(x, weir_hlc_cmp(v, b, v, a) > 0);
    WEIR_SIM_CLAIM(x, weir_hlc_cmp(v + 1, a, v, b) > 0);
    WEIR_SIM_CLAIM(x, weir_hlc_cmp(v, b, v + 1, a) < 0);
}

static void check_positions(struct weir_sim_exam *x)
{
    uint8_t items[ITEMS][3];
    size_t num = weir_sim_draw(x, ITEMS + 1);

    for (size_t i = 0; i < num; i++) {
        items[i][0] = (uint8_t)(2 * i + 1);
        items[i][1] = 128;
        items[i][2] = (uint8_t)weir_sim_draw(x, 256); /* no part of the name */
    }
    for (unsigned first = 0; first <= 2 * ITEMS; first++)
        for (unsigned second = 127; second < 130; second++) {
            uint8_t name[2] = { (uint8_t)first, (uint8_t)second };
            size_t at = 0;
            while (at < num && memcmp(items[at], name, 2) < 0)
                at++;
            WEIR_SIM_CLAIM(x, weir_sorted_position(items, num, 3, name, 2) == at);
        }
}

void weir_sim_model_num(struct weir_sim_exam *x)
{
    for (unsigned i = 0; i < 20; i++) {
        check_numbers(x);
        check_stamps(x);
        check_order(x);
    }
    check_positions(x);
}
