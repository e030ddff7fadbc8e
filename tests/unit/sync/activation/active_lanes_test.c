/* SPDX-License-Identifier: Apache-2.0
 *
 * active_lanes_test.c - the moves of a record that is not active: what its state cannot become
 * breaks the contract.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/activation/active_lanes.h"
#include "tests/support/death.h"

struct move {
    struct weir_active *a;
    struct active_lane *l;
    enum weir_active_state from;
    enum weir_active_state to;
};

static void move(void *arg)
{
    const struct move *m = arg;

    assert_true(weir_active_hole_add(m->a, m->l, 7, m->from));
    struct active_hole *h = weir_active_hole_find(m->l, 7);
    weir_active_hole_move(m->a, h, m->to);
    assert_int_equal(h->state, m->to);
    weir_active_hole_drop(m->a, m->l, h);
}

static void a_record_moves_only_along_its_table(void **state)
{
    static const uint8_t lane[WEIR_LANE_LEN] = { 1 };
    static const struct {
        enum weir_active_state from;
        enum weir_active_state to;
        bool is_legal;
    } rows[] = {
        { WEIR_ACTIVE_STORED, WEIR_ACTIVE_COMPILED, true },
        { WEIR_ACTIVE_COMPILED, WEIR_ACTIVE_STAGED, true },
        { WEIR_ACTIVE_STAGED, WEIR_ACTIVE_REJECTED, true },
        { WEIR_ACTIVE_REJECTED, WEIR_ACTIVE_COMPILED, true },
        { WEIR_ACTIVE_HELD, WEIR_ACTIVE_STORED, true },
        { WEIR_ACTIVE_HELD_SCHEMA, WEIR_ACTIVE_REPLACED, true },
        { WEIR_ACTIVE_STORED, WEIR_ACTIVE_STAGED, false },
        { WEIR_ACTIVE_STAGED, WEIR_ACTIVE_COMPILED, false },
        { WEIR_ACTIVE_HELD, WEIR_ACTIVE_STAGED, false },
        { WEIR_ACTIVE_HELD_SCHEMA, WEIR_ACTIVE_COMPILED, false },
        { WEIR_ACTIVE_REPLACED, WEIR_ACTIVE_STORED, false },
        { WEIR_ACTIVE_REPLACED, WEIR_ACTIVE_REJECTED, false },
        { WEIR_ACTIVE_LIVE, WEIR_ACTIVE_STORED, false },
    };
    struct weir_active_config cfg = { .compiled = 1u << WEIR_CLASS_TENANT };
    struct weir_active *a = NULL;

    (void)state;
    assert_int_equal(weir_active_new(&cfg, &a), WEIR_OK);
    struct active_lane *l = weir_active_lane_touch(a, lane);
    assert_non_null(l);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct move m = { a, l, rows[i].from, rows[i].to };
        if (rows[i].is_legal)
            move(&m);
        else
            assert_true(weir_death_by_contract(move, &m, "moves[h->state] & BIT(state)"));
    }
    weir_active_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_record_moves_only_along_its_table) };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
