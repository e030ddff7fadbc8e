/* SPDX-License-Identifier: Apache-2.0
 *
 * states_test.c - the state machines of node/loop: which moves are legal, written here once more,
 * and that every other move, and a move of a freed struct, is a broken contract.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/origin_conn.h"
#include "node/loop/session/session_h1.h"
#include "node/loop/session/session_h2.h"
#include "tests/support/death.h"

#define STATES_MAX 8

/* One state machine: how a test sets the state of an object and moves it. */
struct state_machine {
    int num;
    const char *legal[STATES_MAX]; /* by state: the digits of the states that may follow */
    int (*move)(int from, int to); /* @return the state afterwards */
    const char *contract;
};

struct attempt {
    const struct state_machine *m;
    int from, to;
};

static void attempt_move(void *arg)
{
    const struct attempt *a = arg;
    (void)a->m->move(a->from, a->to);
}

static bool is_legal(const struct state_machine *m, int from, int to)
{
    for (const char *s = m->legal[from]; *s != '\0'; s++)
        if (*s - '0' == to)
            return true;
    return false;
}

static void check_all_moves(const struct state_machine *m)
{
    for (int from = 0; from < m->num; from++)
        for (int to = 0; to < m->num; to++) {
            struct attempt a = { m, from, to };
            if (is_legal(m, from, to))
                assert_int_equal(m->move(from, to), to);
            else if (!weir_death_by_contract(attempt_move, &a, m->contract))
                fail_msg("the move from %d to %d is not refused", from, to);
        }
}

static int move_session(int from, int to)
{
    struct weir_session_h1 h = { .s = { .magic = WEIR_SESSION_MAGIC }, .state = (uint8_t)from };
    weir_session_h1_move(&h, (enum weir_session_h1_state)to);
    return h.state;
}

static void a_session_moves_by_its_table_only(void **state)
{
    static const struct state_machine m = {
        .num = 4,
        .legal = { [WEIR_SESSION_H1_HEAD] = "13",
                   [WEIR_SESSION_H1_EXCHANGE] = "023",
                   [WEIR_SESSION_H1_LINGER] = "3",
                   [WEIR_SESSION_H1_CLOSED] = "" },
        .move = move_session,
        .contract = "session_moves[h->state] & (1u << to)",
    };
    check_all_moves(&m);
}

static int move_session_h2(int from, int to)
{
    struct weir_session_h2 h = { .s = { .magic = WEIR_SESSION_MAGIC }, .state = (uint8_t)from };
    weir_session_h2_move(&h, (enum weir_session_h2_state)to);
    return h.state;
}

static void a_session_of_http2_moves_by_its_table_only(void **state)
{
    static const struct state_machine m = {
        .num = 4,
        .legal = { [WEIR_SESSION_H2_OPEN] = "13",
                   [WEIR_SESSION_H2_ENDING] = "23",
                   [WEIR_SESSION_H2_LINGER] = "3",
                   [WEIR_SESSION_H2_CLOSED] = "" },
        .move = move_session_h2,
        .contract = "session_moves[h->state] & (1u << to)",
    };
    check_all_moves(&m);
}

static int move_origin_conn(int from, int to)
{
    struct weir_origin_conn u = { .magic = WEIR_ORIGIN_CONN_MAGIC, .state = (uint8_t)from };
    weir_origin_conn_move(&u, (enum weir_origin_conn_state)to);
    return u.state;
}

static void an_origin_connection_moves_by_its_table_only(void **state)
{
    static const struct state_machine m = {
        .num = 5,
        .legal = { [WEIR_ORIGIN_CONN_CONNECTING] = "125",
                   [WEIR_ORIGIN_CONN_HANDSHAKING] = "25",
                   [WEIR_ORIGIN_CONN_BUSY] = "345",
                   [WEIR_ORIGIN_CONN_PARKED] = "25",
                   [WEIR_ORIGIN_CONN_HELD] = "25",
                   [WEIR_ORIGIN_CONN_CLOSED] = "" },
        .move = move_origin_conn,
        .contract = "origin_conn_moves[u->state] & (1u << to)",
    };
    check_all_moves(&m);
}

static int move_exchange(int from, int to)
{
    struct weir_exchange x = { .magic = WEIR_EXCHANGE_MAGIC, .phase = (uint8_t)from };
    weir_exchange_move(&x, (enum weir_phase)to);
    return x.phase;
}

static void an_exchange_moves_by_its_table_only(void **state)
{
    static const struct state_machine m = {
        .num = 6,
        .legal = { [WEIR_PHASE_CONNECT] = "014",
                   [WEIR_PHASE_REQUEST] = "01234",
                   [WEIR_PHASE_RESPONSE] = "0134",
                   [WEIR_PHASE_TRANSFER] = "4",
                   [WEIR_PHASE_FLUSH] = "5",
                   [WEIR_PHASE_DRAIN] = "" },
        .move = move_exchange,
        .contract = "phase_moves[x->phase] & (1u << to)",
    };
    check_all_moves(&m);
}

static int move_address_pool(int from, int to)
{
    static struct weir_address_pool p;
    p = (struct weir_address_pool){ .magic = WEIR_ADDRESS_POOL_MAGIC,
                                    .resolve_state = (uint8_t)from };
    weir_address_pool_move(&p, (enum weir_resolve_state)to);
    return p.resolve_state;
}

static void a_look_up_moves_by_its_table_only(void **state)
{
    static const struct state_machine m = {
        .num = 4,
        .legal = { [WEIR_RESOLVE_NONE] = "13",
                   [WEIR_RESOLVE_RUNNING] = "23",
                   [WEIR_RESOLVE_DONE] = "13",
                   [WEIR_RESOLVE_FAILED] = "13" },
        .move = move_address_pool,
        .contract = "resolve_moves[p->resolve_state] & (1u << to)",
    };
    check_all_moves(&m);
}

static void move_freed_session(void *arg)
{
    struct weir_session_h1 h = { .state = WEIR_SESSION_H1_HEAD };
    weir_session_h1_move(&h, WEIR_SESSION_H1_EXCHANGE);
}

static void move_freed_session_h2(void *arg)
{
    struct weir_session_h2 h = { .state = WEIR_SESSION_H2_OPEN };
    weir_session_h2_move(&h, WEIR_SESSION_H2_ENDING);
}

static void move_freed_origin_conn(void *arg)
{
    struct weir_origin_conn u = { .state = WEIR_ORIGIN_CONN_CONNECTING };
    weir_origin_conn_move(&u, WEIR_ORIGIN_CONN_BUSY);
}

static void move_freed_exchange(void *arg)
{
    struct weir_exchange x = { .phase = WEIR_PHASE_CONNECT };
    weir_exchange_move(&x, WEIR_PHASE_REQUEST);
}

static void move_freed_address_pool(void *arg)
{
    static struct weir_address_pool p;
    weir_address_pool_move(&p, WEIR_RESOLVE_RUNNING);
}

static void a_struct_without_its_magic_is_not_moved(void **state)
{
    assert_true(weir_death_by_contract(move_freed_session, NULL, "WEIR_SESSION_MAGIC"));
    assert_true(weir_death_by_contract(move_freed_session_h2, NULL, "WEIR_SESSION_MAGIC"));
    assert_true(weir_death_by_contract(move_freed_origin_conn, NULL, "WEIR_ORIGIN_CONN_MAGIC"));
    assert_true(weir_death_by_contract(move_freed_exchange, NULL, "WEIR_EXCHANGE_MAGIC"));
    assert_true(weir_death_by_contract(move_freed_address_pool, NULL, "WEIR_ADDRESS_POOL_MAGIC"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_session_moves_by_its_table_only),
        cmocka_unit_test(a_session_of_http2_moves_by_its_table_only),
        cmocka_unit_test(an_origin_connection_moves_by_its_table_only),
        cmocka_unit_test(an_exchange_moves_by_its_table_only),
        cmocka_unit_test(a_look_up_moves_by_its_table_only),
        cmocka_unit_test(a_struct_without_its_magic_is_not_moved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
