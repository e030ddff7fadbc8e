/* SPDX-License-Identifier: Apache-2.0
 *
 * turn_test.c - one turn of a worker's loop is bounded: what 100,000 connections do at once is
 * spread over turns that do not wait. The test runs the loop itself, turn by turn.
 */
#include <sys/resource.h>

#include "node/loop/session/session_h1.h"
#include "tests/unit/loop/bench.h"

#define CLIENTS BENCH_PEERS

/* Clients that have sent `text`, which the worker has read. */
static void connect_all(struct bench *b, const char *text)
{
    for (uint32_t i = 0; i < CLIENTS; i++) {
        peer_dial(&b->peers[i], &b->at);
        peer_send(&b->peers[i], text);
        for (int k = 0; k < TURNS_MAX && b->w->num_sessions <= i; k++)
            turn(b);
        assert_int_equal(b->w->num_sessions, i + 1);
    }
}

/* Run turns until all clients are gone; no turn may end more than its budget, and there must be no
 * pause between them. @return turns that ended some */
static unsigned run_until_gone(struct bench *b)
{
    unsigned num = 0;
    for (int k = 0; k < TURNS_MAX * 100 && b->w->num_sessions > 0; k++) {
        uint32_t before = b->w->num_sessions;
        turn(b);
        uint32_t ended = before - b->w->num_sessions;
        assert_true(ended <= 2 * WEIR_TURN_BUDGET); /* a tick and the rest of the last one */
        num += ended > 0;
        if (ended > 0 && b->w->num_sessions > 0)
            assert_false(weir_list_empty(&b->w->unfinished.link));
    }
    assert_int_equal(b->w->num_sessions, 0);
    return num;
}

static void heads_that_time_out_together_are_spread_over_turns(void **state)
{
    struct bench *b = bench_new();
    connect_all(b, "GET / HT");
    for (struct weir_list *l = b->w->sessions.next; l != &b->w->sessions; l = l->next) {
        struct weir_session_h1 *h = weir_container_of(l, struct weir_session_h1, s.link);
        weir_pool_release(&b->w->exchange.heads, h->head);
        h->head = NULL; /* as an idle one: it is closed at once */
        weir_conn_set_deadline(&h->s.conn, b->w->now.ms + 1);
    }
    assert_in_range(run_until_gone(b), CLIENTS / (2 * WEIR_TURN_BUDGET), CLIENTS);
    bench_free(b);
}

static void a_drain_closes_idle_connections_in_slices(void **state)
{
    struct bench *b = bench_new();
    connect_all(b, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    turn(b);
    atomic_store(&b->w->asked_deadline, UINT64_C(2) << 32 | 60001);
    (void)uv_async_send(&b->w->wake);
    assert_in_range(run_until_gone(b), CLIENTS / (2 * WEIR_TURN_BUDGET), CLIENTS);
    assert_int_equal(atomic_load(&b->w->num_cut), 0);
    bench_free(b);
}

static void a_drain_that_is_undone_half_way_leaves_the_rest_alone(void **state)
{
    struct bench *b = bench_new();
    connect_all(b, "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n");
    turn(b);
    atomic_store(&b->w->asked_deadline, UINT64_C(2) << 32 | 60001);
    (void)uv_async_send(&b->w->wake);
    for (int k = 0; k < TURNS_MAX && b->w->num_sessions == CLIENTS; k++)
        turn(b);
    uint32_t left = b->w->num_sessions;
    assert_true(left > 0);
    struct weir_worker_change *change = calloc(1, sizeof(*change));
    assert_non_null(change);
    change->order = 3;
    change->undrain = true;
    change->max_connections = 2 * CLIENTS;
    change->max_memory = 256u << 20;
    change->head_timeout_ms = WEIR_DEFAULT_HEAD_TIMEOUT_MS;
    change->idle_timeout_ms = WEIR_DEFAULT_IDLE_TIMEOUT_MS;
    atomic_store(&b->w->asked_change, change);
    (void)uv_async_send(&b->w->wake);
    for (int k = 0; k < 20; k++)
        turn(b);
    /* A tick and the rest of the last turn came before it at most. */
    assert_in_range(b->w->num_sessions, left - 2 * WEIR_TURN_BUDGET, left);
    assert_true(weir_list_empty(&b->w->undrained));
    bench_free(b);
}

static void the_cut_at_a_deadline_is_spread_over_turns(void **state)
{
    struct bench *b = bench_new();
    connect_all(b, "GET / HT");
    atomic_store(&b->w->asked_deadline, UINT64_C(2) << 32 | 1);
    (void)uv_async_send(&b->w->wake);
    assert_in_range(run_until_gone(b), CLIENTS / (2 * WEIR_TURN_BUDGET), CLIENTS);
    assert_int_equal(atomic_load(&b->w->num_cut), CLIENTS);
    bench_free(b);
}

/* Both ends of each connection are in this process. */
static int raise_descriptors(void **state)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 4u * CLIENTS)
        limit.rlim_cur = limit.rlim_max < 4u * CLIENTS ? limit.rlim_max : 4u * CLIENTS;
    return setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_that_time_out_together_are_spread_over_turns),
        cmocka_unit_test(a_drain_closes_idle_connections_in_slices),
        cmocka_unit_test(a_drain_that_is_undone_half_way_leaves_the_rest_alone),
        cmocka_unit_test(the_cut_at_a_deadline_is_spread_over_turns),
    };
    return cmocka_run_group_tests(tests, raise_descriptors, NULL);
}
