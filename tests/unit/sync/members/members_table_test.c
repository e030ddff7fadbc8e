/* SPDX-License-Identifier: Apache-2.0
 *
 * members_table_test.c - the moves of a node's life: only a member is judged by its silence.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sync/members/members_table.h"
#include "tests/support/death.h"

struct move {
    struct weir_members *m;
    struct members_entry *e;
    enum weir_members_life from;
    enum weir_members_life to;
};

/* The entry begins as a stranger and goes to `from` as its record would make it, then by silence.
 */
static void move(void *arg)
{
    const struct move *v = arg;

    weir_members_entry_move(v->m, v->e, WEIR_MEMBERS_SUSPECT);
    weir_members_entry_move(v->m, v->e, v->from);
    weir_members_entry_move(v->m, v->e, v->to);
}

static bool is_by_silence(enum weir_members_life life)
{
    return life == WEIR_MEMBERS_DOWN || life == WEIR_MEMBERS_LOST;
}

static bool is_judged(enum weir_members_life life)
{
    return life == WEIR_MEMBERS_ALIVE || life == WEIR_MEMBERS_SUSPECT || is_by_silence(life);
}

static void a_node_without_a_joined_record_is_never_down_or_lost(void **state)
{
    static const uint8_t node[WEIR_NODE_ID_LEN] = { 1 };
    struct weir_members_config cfg = { .schema_max = 1 };
    struct weir_members *m = NULL;
    struct members_entry *e = NULL;

    (void)state;
    assert_int_equal(weir_members_new(&cfg, &m), WEIR_OK);
    assert_int_equal(weir_members_entry_add(m, node, &e), WEIR_OK);
    for (unsigned from = 0; from < WEIR_MEMBERS_NUM_LIVES; from++)
        for (unsigned to = 0; to < WEIR_MEMBERS_NUM_LIVES; to++) {
            struct move v = { m, e, (enum weir_members_life)from, (enum weir_members_life)to };
            bool is_legal = from == to || is_judged(v.from) || !is_by_silence(v.to);
            if (is_legal) {
                move(&v);
                assert_int_equal(e->item.life, to);
                weir_members_entry_move(m, e, WEIR_MEMBERS_STRANGER);
            } else {
                assert_true(weir_death_by_contract(move, &v, "moves[e->item.life] & BIT(life)"));
            }
        }
    weir_members_free(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_node_without_a_joined_record_is_never_down_or_lost),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
