/* SPDX-License-Identifier: Apache-2.0
 *
 * ladder_test.c - what a worker gives up as its memory runs short, rung by rung. The test takes the
 * memory from the budget itself, and runs the worker's loop.
 */
#include "node/base/hash.h"
#include "tests/unit/loop/bench.h"

#define NOBODY "GET / HTTP/1.1\r\nHost: nobody\r\n\r\n"
#define SHOP   "GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"

static uint64_t metric(const struct bench *b, enum weir_metric which)
{
    const struct weir_metrics *blocks = b->g->metrics;
    return weir_metrics_sum(&blocks, 1, which);
}

static struct weir_budget *budget(struct bench *b)
{
    return &b->w->buffers.budget;
}

static struct weir_account *account_of_shop(struct bench *b)
{
    return weir_budget_account(budget(b), weir_hash64(0, "shop", 4));
}

/* Let the account hold so much that `percent` is used, and wait for the tick. */
static void use(struct bench *b, struct weir_account *a, unsigned percent, uint8_t rung)
{
    size_t want = budget(b)->max / 100 * percent;
    if (want > budget(b)->used)
        weir_budget_take(budget(b), a, WEIR_MEMORY_RESPONSES, want - budget(b)->used);
    else
        weir_budget_leave(budget(b), a, WEIR_MEMORY_RESPONSES, budget(b)->used - want);
    for (int i = 0; i < TURNS_MAX && budget(b)->rung != rung; i++) {
        turn(b);
        (void)usleep(1000);
    }
    assert_int_equal(budget(b)->rung, rung);
}

static bool await(struct bench *b, int fd)
{
    for (int i = 0; i < TURNS_MAX; i++) {
        turn(b);
        if (peer_ready(fd, 0))
            return true;
        (void)usleep(500);
    }
    return false;
}

static void ask(struct bench *b, struct peer *p, const char *request, uint16_t status)
{
    peer_send(p, request);
    assert_true(await(b, p->fd));
    peer_read_response(p, &b->rig->response, WEIR_METHOD_GET);
    assert_int_equal(b->rig->response.h.status, status);
}

static struct peer *connect_one(struct bench *b, int i)
{
    peer_dial(&b->peers[i], &b->at);
    ask(b, &b->peers[i], NOBODY, 404);
    return &b->peers[i];
}

static void first_responses_become_the_last_of_their_connections(void **state)
{
    struct bench *b = bench_new();
    struct peer *p = connect_one(b, 0);
    assert_false(b->rig->response.h.connection_close);
    use(b, account_of_shop(b), 76, WEIR_RUNG_NO_KEEP_ALIVE);
    ask(b, p, NOBODY, 404);
    assert_true(b->rig->response.h.connection_close);
    assert_int_equal(metric(b, WEIR_M_MEMORY_NO_KEEPALIVE), 1);
    assert_int_equal(metric(b, WEIR_M_MEMORY_NO_ACCEPT), 0);
    use(b, account_of_shop(b), 10, WEIR_RUNG_NONE);
    (void)connect_one(b, 1);
    assert_false(b->rig->response.h.connection_close);
    bench_free(b);
}

static void then_new_connections_wait_in_the_backlog(void **state)
{
    struct bench *b = bench_new();
    use(b, account_of_shop(b), 81, WEIR_RUNG_NO_ACCEPT);
    turn(b);
    peer_dial(&b->peers[0], &b->at);
    peer_send(&b->peers[0], NOBODY);
    for (uint64_t until = b->w->ticks + 5; b->w->ticks < until;) {
        turn(b);
        (void)usleep(1000);
    }
    assert_int_equal(b->w->num_sessions, 0);
    assert_int_equal(metric(b, WEIR_M_MEMORY_NO_ACCEPT), 1);
    use(b, account_of_shop(b), 10, WEIR_RUNG_NONE);
    assert_true(await(b, b->peers[0].fd));
    peer_read_response(&b->peers[0], &b->rig->response, WEIR_METHOD_GET);
    assert_int_equal(b->rig->response.h.status, 404);
    bench_free(b);
}

static void then_requests_of_tenants_above_their_share_are_refused(void **state)
{
    struct bench *b = bench_new();
    struct peer *shop = connect_one(b, 0);
    struct peer *other = connect_one(b, 1);
    use(b, account_of_shop(b), 85, WEIR_RUNG_REFUSE);
    ask(b, shop, SHOP, 503);
    ask(b, other, NOBODY, 404);
    assert_int_equal(metric(b, WEIR_M_MEMORY_REFUSED), 1);
    assert_int_equal(metric(b, WEIR_M_MEMORY_REFUSE), 1);
    bench_free(b);
}

/* A response that its client does not take, so that bytes of it wait in the worker. */
static void begin_slow_response(struct bench *b, struct peer *p)
{
    static char chunk[65536 + 9];
    int small = 4096;
    struct peer *server = &b->rig->server;
    memcpy(chunk, "10000\r\n", 7);
    memset(chunk + 7, 'x', 65536);
    memcpy(chunk + 7 + 65536, "\r\n", 2);
    assert_int_equal(setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    peer_send(p, SHOP);
    assert_true(await(b, b->rig->origin));
    peer_accept(server, b->rig->origin);
    assert_true(await(b, server->fd));
    peer_read_request(server, &b->rig->request);
    peer_send(server, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    size_t at = 0;
    for (int i = 0; i < 20 * TURNS_MAX && account_of_shop(b)->used[WEIR_MEMORY_RESPONSES] == 0;
         i++) {
        ssize_t n = send(server->fd, chunk + at, sizeof(chunk) - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        at = n > 0 ? (at + (size_t)n) % sizeof(chunk) : at;
        turn(b);
    }
    assert_true(account_of_shop(b)->used[WEIR_MEMORY_RESPONSES] > 0);
}

static void last_the_slowest_of_the_heaviest_are_cut(void **state)
{
    struct bench *b = bench_new();
    struct peer *slow = connect_one(b, 0);
    struct peer *other = connect_one(b, 1);
    begin_slow_response(b, slow);
    assert_int_equal(b->w->num_sessions, 2);
    use(b, account_of_shop(b), 88, WEIR_RUNG_SHED);
    for (int i = 0; i < TURNS_MAX && b->w->num_sessions > 1; i++) {
        turn(b);
        (void)usleep(1000);
    }
    assert_int_equal(b->w->num_sessions, 1);
    assert_int_equal(metric(b, WEIR_M_MEMORY_SHED_CONNS), 1);
    ask(b, other, NOBODY, 404);
    bench_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(first_responses_become_the_last_of_their_connections),
        cmocka_unit_test(then_new_connections_wait_in_the_backlog),
        cmocka_unit_test(then_requests_of_tenants_above_their_share_are_refused),
        cmocka_unit_test(last_the_slowest_of_the_heaviest_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
