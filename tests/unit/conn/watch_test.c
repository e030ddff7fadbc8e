/* SPDX-License-Identifier: Apache-2.0
 *
 * watch_test.c - a descriptor on a loop: what it waits for, that it enters the loop only when there
 * is something to wait for, and how it leaves.
 */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/conn/sock.h"
#include "node/conn/watch.h"

struct watched {
    uv_loop_t loop;
    struct weir_watch watch;
    int peer;
    int events; /* seen since last asked */
    unsigned calls;
    unsigned closed;
};

static void on_event(uv_poll_t *p, int status, int events)
{
    struct watched *w = p->data;
    assert_int_equal(status, 0);
    w->events |= events;
    w->calls++;
}

static void on_closed(uv_handle_t *h)
{
    struct watched *w = h->data;
    w->closed++;
}

static void open_pair(struct watched *w)
{
    int fds[2];
    *w = (struct watched){ .peer = -1 };
    assert_int_equal(uv_loop_init(&w->loop), 0);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    weir_watch_init(&w->watch, fds[0], w);
    w->peer = fds[1];
}

static void close_pair(struct watched *w)
{
    (void)uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    close(w->peer);
}

/* One turn; what it brought. */
static int turn(struct watched *w)
{
    w->events = 0;
    (void)uv_run(&w->loop, UV_RUN_NOWAIT);
    return w->events;
}

static void a_watch_sees_what_it_asked_for_and_nothing_else(void **state)
{
    struct watched w;
    open_pair(&w);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, UV_READABLE, on_event), WEIR_OK);
    assert_int_equal(turn(&w), 0);
    assert_int_equal(write(w.peer, "x", 1), 1);
    assert_int_equal(turn(&w), UV_READABLE);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, UV_WRITABLE, on_event), WEIR_OK);
    assert_int_equal(turn(&w), UV_WRITABLE);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, UV_READABLE | UV_WRITABLE, on_event),
                     WEIR_OK);
    assert_int_equal(turn(&w), UV_READABLE | UV_WRITABLE);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, 0, on_event), WEIR_OK);
    assert_int_equal(turn(&w), 0);
    assert_true(weir_watch_close(&w.watch, false, on_closed));
    close_pair(&w);
    assert_int_equal(w.closed, 1);
}

static void what_never_waited_never_enters_the_loop(void **state)
{
    struct watched w;
    open_pair(&w);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, 0, on_event), WEIR_OK);
    assert_false(w.watch.made);
    assert_int_equal(uv_loop_alive(&w.loop), 0);
    assert_false(weir_watch_close(&w.watch, false, on_closed));
    assert_int_equal(w.watch.fd, -1);
    close_pair(&w);
    assert_int_equal(w.closed, 0);
}

static void the_descriptor_is_closed_at_once_and_the_memory_let_go_later(void **state)
{
    struct watched w;
    open_pair(&w);
    assert_int_equal(weir_watch_want(&w.watch, &w.loop, UV_READABLE, on_event), WEIR_OK);
    assert_true(weir_watch_close(&w.watch, false, on_closed));
    char byte;
    assert_int_equal(read(w.peer, &byte, 1), 0); /* the peer sees the end already */
    assert_int_equal(w.closed, 0);
    assert_int_equal(turn(&w), 0);
    assert_int_equal(w.closed, 1);
    close_pair(&w);
    assert_int_equal(w.calls, 0);
}

/* The number of a descriptor that was closed is the next one's, in the same turn. */
static void a_descriptor_that_comes_again_is_watched_anew(void **state)
{
    struct watched old, new;
    open_pair(&old);
    assert_int_equal(weir_watch_want(&old.watch, &old.loop, UV_READABLE, on_event), WEIR_OK);
    int fd = old.watch.fd;
    assert_true(weir_watch_close(&old.watch, false, on_closed));
    new = (struct watched){ .peer = -1 };
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(fds[0], fd);
    weir_watch_init(&new.watch, fds[0], &new);
    assert_int_equal(weir_watch_want(&new.watch, &old.loop, UV_READABLE, on_event), WEIR_OK);
    assert_int_equal(write(fds[1], "x", 1), 1);
    (void)uv_run(&old.loop, UV_RUN_NOWAIT);
    assert_int_equal(new.events, UV_READABLE);
    assert_int_equal(old.calls, 0);
    assert_true(weir_watch_close(&new.watch, false, on_closed));
    close(fds[1]);
    close_pair(&old);
}

static void an_abort_is_seen_as_a_reset(void **state)
{
    struct weir_addr addr;
    int listener = -1, client = -1, server = -1, sys_errno = 0;
    bool connected = false;
    struct weir_addr peer;
    struct weir_watch watch;
    char byte;
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &addr), WEIR_OK);
    assert_int_equal(weir_sock_listen(&addr, true, &listener, &sys_errno), WEIR_OK);
    assert_int_equal(weir_sock_local(listener, &addr), WEIR_OK);
    assert_int_equal(weir_sock_dial(&addr, &client, &connected), WEIR_OK);
    while (weir_sock_accept(listener, &server, &peer) == WEIR_EBUSY)
        continue;
    weir_watch_init(&watch, server, NULL);
    assert_false(weir_watch_close(&watch, true, on_closed));
    ssize_t n;
    do {
        n = recv(client, &byte, 1, 0);
    } while (n < 0 && errno == EAGAIN);
    assert_int_equal(n, -1);
    assert_int_equal(errno, ECONNRESET);
    close(client);
    close(listener);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_sees_what_it_asked_for_and_nothing_else),
        cmocka_unit_test(what_never_waited_never_enters_the_loop),
        cmocka_unit_test(the_descriptor_is_closed_at_once_and_the_memory_let_go_later),
        cmocka_unit_test(a_descriptor_that_comes_again_is_watched_anew),
        cmocka_unit_test(an_abort_is_seen_as_a_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
