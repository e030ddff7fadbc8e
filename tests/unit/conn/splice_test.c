/* SPDX-License-Identifier: Apache-2.0
 *
 * splice_test.c - bytes from one connection to another inside the kernel: one direction, both as a
 * tunnel, a target that blocks, a source that ends with bytes in the pipe, live bursts, and the
 * pipes themselves. The test is at both far ends.
 */
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/ioctl.h>

#include "node/base/rng.h"
#include "node/conn/splice.h"
#include "tests/support/death.h"
#include "tests/unit/conn/conn_rig.h"

#define MANY 3000000 /* bytes; more than pipe and sockets take, and no round number */

/* Two connections; `from` is read, `to` is written. */
struct way {
    struct rig *rig;
    struct owner from, to;
    struct weir_metrics metrics;
    struct weir_pipe_room room;
    struct weir_pipes pool;
    struct weir_pipe pipe;
    struct weir_spliced moved; /* by the last call */
    uint64_t taken, given;     /* by all */
};

static void open_pool(struct way *w)
{
    weir_pipe_limit_read(&w->room.limit);
    weir_pipe_room_set(&w->room, UINT64_C(1) << 30);
    weir_pipes_init(&w->pool, &w->room, &w->metrics, 1);
}

static struct weir_pipe_room pipe_room;
static struct weir_metrics pipe_metrics;

/* Pipes without a limit of the user. */
static void init_pool(struct weir_pipes *pool)
{
    if (pipe_room.limit.page_bytes == 0) {
        weir_pipe_limit_read(&pipe_room.limit);
        pipe_room.limit.user_pages = 0;
        weir_pipe_room_set(&pipe_room, 1ull << 40);
    }
    weir_pipes_init(pool, &pipe_room, &pipe_metrics, 1);
}

static void open_way(struct way *w, bool tcp, uint64_t left)
{
    memset(w, 0, sizeof(*w));
    w->rig = rig_new();
    open_pool(w);
    if (tcp) {
        owner_open_tcp(&w->from, w->rig);
        owner_open_tcp(&w->to, w->rig);
    } else {
        owner_open(&w->from, w->rig);
        owner_open(&w->to, w->rig);
    }
    init_pool(&w->pool);
    assert_true(weir_pipe_open(&w->pool, &w->pipe, left));
}

static void close_way(struct way *w)
{
    weir_pipe_close(&w->pool, &w->pipe);
    weir_pipes_deinit(&w->pool);
    assert_int_equal(w->pool.num, 0);
    owner_close(&w->from);
    owner_close(&w->to);
    rig_free(w->rig);
}

static enum weir_splice move_more(struct way *w, bool more)
{
    enum weir_splice s = weir_splice_move(&w->pipe, &w->from.conn, &w->to.conn, more, &w->moved);
    w->taken += w->moved.taken;
    w->given += w->moved.given;
    assert_int_equal(w->taken - w->given, w->pipe.held);
    assert_int_equal(w->from.conn.received, w->taken);
    assert_int_equal(w->to.conn.given, w->given);
    return s;
}

static enum weir_splice move(struct way *w)
{
    return move_more(w, false);
}

static void expect_bytes(int fd, const char *text)
{
    char got[64];
    size_t len = strlen(text);
    wait_for(fd, POLLIN);
    assert_int_equal(recv(fd, got, sizeof(got), MSG_DONTWAIT), len);
    assert_memory_equal(got, text, len);
}

static void expect_silence(int fd)
{
    char byte;
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    assert_int_equal(errno, EAGAIN);
}

/* -- one direction -- */

static void bytes_are_moved_up_to_the_number_asked_for_and_no_further(void **state)
{
    struct way w;
    open_way(&w, false, 5);
    assert_int_equal(move(&w), WEIR_SPLICE_MORE);
    assert_int_equal(w.taken, 0);
    peer_gives(&w.from, "abc");
    assert_int_equal(move(&w), WEIR_SPLICE_MORE);
    assert_int_equal(w.moved.taken, 3);
    assert_int_equal(w.moved.given, 3);
    expect_bytes(w.to.peer, "abc");
    peer_gives(&w.from, "defgh");
    assert_int_equal(move(&w), WEIR_SPLICE_DONE);
    expect_bytes(w.to.peer, "de");
    assert_int_equal(move(&w), WEIR_SPLICE_DONE);
    w.from.reads = true;
    owner_read(&w.from); /* the rest is another's */
    expect_got(&w.from, "fgh");
    close_way(&w);
}

static void a_source_that_ends_too_early_is_reported(void **state)
{
    struct way w;
    open_way(&w, false, 9);
    peer_gives(&w.from, "abc");
    assert_int_equal(shutdown(w.from.peer, SHUT_WR), 0);
    assert_int_equal(move(&w), WEIR_SPLICE_END);
    expect_bytes(w.to.peer, "abc");
    assert_int_equal(w.pipe.held, 0);
    assert_int_equal(w.pipe.left, 6);
    close_way(&w);
}

static void fill_target(struct way *w)
{
    static uint8_t bytes[65536];
    while (send(w->to.conn.watch.fd, bytes, sizeof(bytes), MSG_DONTWAIT | MSG_NOSIGNAL) > 0)
        continue;
    assert_int_equal(errno, EAGAIN);
}

static void drain_target(struct way *w)
{
    static uint8_t bytes[65536];
    while (recv(w->to.peer, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
}

static void a_blocked_target_is_watched_for_room(void **state)
{
    struct way w;
    open_way(&w, false, 9);
    fill_target(&w);
    peer_gives(&w.from, "abc");
    assert_int_equal(move(&w), WEIR_SPLICE_BLOCKED);
    assert_int_equal(w.moved.taken, 3);
    assert_int_equal(w.moved.given, 0);
    assert_true(weir_conn_blocked(&w.to.conn));
    assert_int_equal(weir_conn_watch(&w.to.conn, false), WEIR_OK);
    rig_turns(w.rig);
    assert_int_equal(w.to.calls, 0);
    drain_target(&w);
    rig_turn(w.rig);
    assert_int_equal(w.to.what, WEIR_CONN_ROOM);
    assert_false(weir_conn_blocked(&w.to.conn));
    assert_int_equal(move(&w), WEIR_SPLICE_MORE);
    expect_bytes(w.to.peer, "abc");
    close_way(&w);
}

/* What is in the pipe goes out before the end is reported. */
static void a_source_that_ends_while_the_target_blocks_loses_nothing(void **state)
{
    struct way w;
    open_way(&w, false, 9);
    fill_target(&w);
    peer_gives(&w.from, "abc");
    assert_int_equal(shutdown(w.from.peer, SHUT_WR), 0);
    assert_int_equal(move(&w), WEIR_SPLICE_BLOCKED);
    assert_int_equal(w.pipe.held, 3);
    assert_int_equal(move(&w), WEIR_SPLICE_BLOCKED);
    drain_target(&w);
    assert_int_equal(move(&w), WEIR_SPLICE_END);
    expect_bytes(w.to.peer, "abc");
    close_way(&w);
}

static void a_target_that_is_lost_is_reported(void **state)
{
    struct way w;
    struct sigaction ignore = { .sa_handler = SIG_IGN }, old;
    assert_int_equal(sigaction(SIGPIPE, &ignore, &old), 0); /* as the program does */
    open_way(&w, false, 9);
    close(w.to.peer);
    w.to.peer = -1;
    peer_gives(&w.from, "abc");
    assert_int_equal(move(&w), WEIR_SPLICE_FAILED);
    assert_false(weir_conn_blocked(&w.to.conn));
    close_way(&w);
    assert_int_equal(sigaction(SIGPIPE, &old, NULL), 0);
}

/* -- a tunnel -- */

/* One far end: what it sends, and what it has got. */
struct far {
    const uint8_t *sends;
    uint8_t *got;
    size_t sent, num_got;
};

static void run_far(struct far *f, int fd)
{
    size_t want = MANY - f->sent < 70000 ? MANY - f->sent : 70000;
    ssize_t n = want > 0 ? send(fd, f->sends + f->sent, want, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;
    f->sent += n > 0 ? (size_t)n : 0;
    want = MANY - f->num_got < 50000 ? MANY - f->num_got : 50000;
    n = want > 0 ? recv(fd, f->got + f->num_got, want, MSG_DONTWAIT) : 0;
    f->num_got += n > 0 ? (size_t)n : 0;
}

static uint8_t *random_bytes(uint64_t seed)
{
    struct weir_rng rng;
    uint8_t *at = malloc(MANY);
    assert_non_null(at);
    weir_rng_init(&rng, seed);
    for (size_t i = 0; i < MANY; i++)
        at[i] = (uint8_t)weir_rng_next(&rng);
    return at;
}

static void two_pipes_are_a_tunnel(void **state)
{
    for (int tcp = 0; tcp < 2; tcp++) {
        struct way w;
        struct weir_pipe back;
        struct weir_spliced moved;
        uint8_t *left = random_bytes(1), *right = random_bytes(2);
        struct far a = { .sends = left, .got = malloc(MANY) };
        struct far b = { .sends = right, .got = malloc(MANY) };
        enum weir_splice there = WEIR_SPLICE_MORE, again = WEIR_SPLICE_MORE;
        open_way(&w, tcp, MANY);
        memset(&back, 0, sizeof(back));
        assert_true(weir_pipe_open(&w.pool, &back, MANY));
        for (int i = 0; i < 1000000 && (a.num_got < MANY || b.num_got < MANY); i++) {
            run_far(&a, w.from.peer);
            run_far(&b, w.to.peer);
            there = weir_splice_move(&w.pipe, &w.from.conn, &w.to.conn, false, &moved);
            again = weir_splice_move(&back, &w.to.conn, &w.from.conn, false, &moved);
            assert_true(there <= WEIR_SPLICE_DONE && again <= WEIR_SPLICE_DONE);
        }
        assert_int_equal(there, WEIR_SPLICE_DONE);
        assert_int_equal(again, WEIR_SPLICE_DONE);
        assert_memory_equal(b.got, left, MANY);
        assert_memory_equal(a.got, right, MANY);
        weir_pipe_close(&w.pool, &back);
        assert_int_equal(w.pool.num, 1);
        close_way(&w);
        free(left);
        free(right);
        free(a.got);
        free(b.got);
    }
}

/* -- live bytes -- */

/* Bytes that the kernel has taken and not yet put on the wire. */
static int unsent(int fd)
{
    int len = -1;
    assert_int_equal(ioctl(fd, SIOCOUTQNSD, &len), 0);
    return len;
}

/* A slow stream of known length: after each burst the rest is only expected, so nothing may be held
 * back for it. The reader has each burst although nothing more is sent. */
static void each_burst_of_a_slow_source_passes_at_once(void **state)
{
    static const char *const bursts[] = { "a", "some more bytes", "0123456789", "z" };
    struct way w;
    open_way(&w, true, 1000000);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(bursts); i++) {
        peer_gives(&w.from, bursts[i]);
        wait_for(w.from.conn.watch.fd, POLLIN);
        assert_int_equal(move(&w), WEIR_SPLICE_MORE);
        assert_int_equal(unsent(w.to.conn.watch.fd), 0);
        expect_bytes(w.to.peer, bursts[i]);
        expect_silence(w.to.peer);
    }
    close_way(&w);
}

/* The kernel holds them back for 200 ms at most: on a slow machine they may be gone already when
 * the test looks. */
static void bytes_are_held_back_for_those_that_are_in_hand(void **state)
{
    struct way w;
    bool held = false;
    open_way(&w, true, 1000000);
    for (int i = 0; i < 100 && !held; i++) {
        peer_gives(&w.from, "abc");
        wait_for(w.from.conn.watch.fd, POLLIN);
        assert_int_equal(move_more(&w, true), WEIR_SPLICE_MORE);
        held = unsent(w.to.conn.watch.fd) > 0;
    }
    assert_true(held);
    assert_int_equal(send_text(&w.to, "x"), WEIR_CONN_SENT);
    assert_int_equal(unsent(w.to.conn.watch.fd), 0);
    close_way(&w);
}

/* -- pipes -- */

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static void an_empty_pipe_is_used_again_and_one_with_bytes_is_not(void **state)
{
    struct way w;
    open_way(&w, false, 9);
    int fds[] = { w.pipe.fd[0], w.pipe.fd[1] };
    weir_pipe_close(&w.pool, &w.pipe);
    assert_false(w.pipe.open);
    weir_pipe_close(&w.pool, &w.pipe); /* legal */
    assert_int_equal(w.pool.num, 1);
    assert_true(weir_pipe_open(&w.pool, &w.pipe, 9));
    assert_int_equal(w.pipe.fd[0], fds[0]);
    assert_int_equal(w.pipe.fd[1], fds[1]);
    assert_int_equal(w.pool.num, 0);
    fill_target(&w);
    peer_gives(&w.from, "abc");
    assert_int_equal(move(&w), WEIR_SPLICE_BLOCKED);
    weir_pipe_close(&w.pool, &w.pipe); /* or another's response would begin with "abc" */
    assert_int_equal(w.pool.num, 0);
    assert_false(is_open(fds[0]) || is_open(fds[1]));
    close_way(&w);
}

/* -- contracts -- */

static void move_past_a_queue(void *arg)
{
    struct way *w = arg;
    static uint8_t bytes[65536];
    while (!weir_conn_blocked(&w->to.conn)) {
        struct weir_pieces p;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_span(bytes, sizeof(bytes)));
        if (weir_conn_send(&w->to.conn, &p) != WEIR_CONN_SENT)
            return;
    }
    (void)move(w);
}

static void move_without_a_pipe(void *arg)
{
    struct way *w = arg;
    weir_pipe_close(&w->pool, &w->pipe);
    (void)move(w);
}

static void move_below_a_layer(void *arg)
{
    struct way *w = arg;
    static struct weir_conn_layer layer;
    weir_conn_set_layer(&w->to.conn, &layer);
    (void)move(w);
}

static void bytes_do_not_pass_a_queue_or_a_layer(void **state)
{
    static struct weir_conn_layer layer;
    struct way w;
    open_way(&w, false, 9);
    assert_true(weir_splice_can(&w.from.conn, &w.to.conn));
    w.to.conn.layer = &layer;
    assert_false(weir_splice_can(&w.from.conn, &w.to.conn));
    assert_false(weir_splice_can(&w.to.conn, &w.from.conn));
    w.to.conn.layer = NULL;
    assert_true(weir_death_by_contract(move_past_a_queue, &w, "to->out.len == 0"));
    assert_true(weir_death_by_contract(move_without_a_pipe, &w, "p->open"));
    assert_true(weir_death_by_contract(move_below_a_layer, &w, "weir_splice_can(from, to)"));
    close_way(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_are_moved_up_to_the_number_asked_for_and_no_further),
        cmocka_unit_test(a_source_that_ends_too_early_is_reported),
        cmocka_unit_test(a_blocked_target_is_watched_for_room),
        cmocka_unit_test(a_source_that_ends_while_the_target_blocks_loses_nothing),
        cmocka_unit_test(a_target_that_is_lost_is_reported),
        cmocka_unit_test(two_pipes_are_a_tunnel),
        cmocka_unit_test(each_burst_of_a_slow_source_passes_at_once),
        cmocka_unit_test(bytes_are_held_back_for_those_that_are_in_hand),
        cmocka_unit_test(an_empty_pipe_is_used_again_and_one_with_bytes_is_not),
        cmocka_unit_test(bytes_do_not_pass_a_queue_or_a_layer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
