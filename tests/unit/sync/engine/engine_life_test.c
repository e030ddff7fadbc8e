/* SPDX-License-Identifier: Apache-2.0
 *
 * engine_life_test.c - the states of a node: every legal move is made, every other one breaks the
 * contract, and a public function of the engine rejects arguments that it cannot work with.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sync/engine/engine_life.h"
#include "tests/support/death.h"

#define NUM_STATES (WEIR_ENGINE_READONLY + 1)

struct move {
    enum weir_engine_state from;
    enum weir_engine_state to;
};

/* From row to column. */
static const bool is_legal[NUM_STATES][NUM_STATES] = {
    [WEIR_ENGINE_JOINING] = { [WEIR_ENGINE_LIVE] = true, [WEIR_ENGINE_STALE] = true },
    [WEIR_ENGINE_LIVE] = { [WEIR_ENGINE_STALE] = true },
    [WEIR_ENGINE_STALE] = { [WEIR_ENGINE_JOINING] = true },
};

static struct weir_engine engine;

static void move(void *arg)
{
    const struct move *m = arg;

    engine.state = m->from;
    weir_engine_move(&engine, m->to);
}

static void a_state_moves_only_along_its_table(void **state)
{
    (void)state;
    for (unsigned from = 0; from < NUM_STATES; from++)
        for (unsigned to = 0; to < NUM_STATES; to++) {
            struct move m = { (enum weir_engine_state)from, (enum weir_engine_state)to };
            if (is_legal[from][to]) {
                move(&m);
                assert_int_equal(engine.state, to);
            } else {
                assert_true(weir_death_by_contract(move, &m, "moves[e->state] & BIT(to)"));
            }
        }
}

static void move_to_no_state(void *arg)
{
    (void)arg;
    weir_engine_move(&engine, (enum weir_engine_state)NUM_STATES);
}

static void move_back(void *arg)
{
    (void)arg;
    weir_engine_move_back(&engine);
}

static void a_state_goes_back_only_when_a_turn_failed(void **state)
{
    (void)state;
    memset(&engine, 0, sizeof(engine));
    assert_true(weir_death_by_contract(move_to_no_state, NULL, "(size_t)to"));
    assert_true(weir_death_by_contract(move_back, NULL, "e->in_turn"));
    engine.in_turn = true;
    assert_true(weir_death_by_contract(move_back, NULL, "e->turn_err < 0"));
    engine.turn_err = WEIR_EIO;
    engine.state_before = WEIR_ENGINE_STALE;
    weir_engine_move_back(&engine);
    assert_int_equal(engine.state, WEIR_ENGINE_STALE);
}

static void make_without_stores(void *arg)
{
    struct weir_engine_config cfg = { .cluster = WEIR_SPAN_LIT("test") };
    struct weir_engine *e = NULL;

    (void)arg;
    (void)!weir_engine_new(&cfg, &e);
}

static void read_a_vector_of_no_group(void *arg)
{
    (void)arg;
    (void)weir_engine_vv(&engine, WEIR_GROUP_COUNT);
}

static void receive_a_frame_that_is_nowhere(void *arg)
{
    (void)arg;
    weir_engine_receive(&engine, 0, weir_span(NULL, 1));
}

static void write_a_key_that_is_nowhere(void *arg)
{
    struct weir_engine_write w = { .class = WEIR_CLASS_SETTING, .key = weir_span(NULL, 1) };

    (void)arg;
    (void)!weir_engine_write(&engine, &w);
}

static void the_engine_asserts_its_arguments(void **state)
{
    (void)state;
    memset(&engine, 0, sizeof(engine));
    assert_true(weir_death_by_contract(make_without_stores, NULL, "cfg->records[g] != NULL"));
    assert_true(weir_death_by_contract(read_a_vector_of_no_group, NULL, "WEIR_GROUP_COUNT"));
    assert_true(weir_death_by_contract(receive_a_frame_that_is_nowhere, NULL, "frame.at != NULL"));
    assert_true(weir_death_by_contract(write_a_key_that_is_nowhere, NULL, "w->key.at != NULL"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_state_moves_only_along_its_table),
        cmocka_unit_test(a_state_goes_back_only_when_a_turn_failed),
        cmocka_unit_test(the_engine_asserts_its_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
