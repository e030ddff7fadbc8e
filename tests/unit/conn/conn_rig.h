/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_rig.h - a loop with an environment for connections, and connections whose other end is the
 * test. Turns are run one by one and never wait.
 */
#ifndef WEIR_TESTS_UNIT_CONN_CONN_RIG_H
#define WEIR_TESTS_UNIT_CONN_CONN_RIG_H

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/conn/conn.h"

#define RIG_SCRATCH_LEN 65536

struct rig {
    uv_loop_t loop;
    struct weir_wheel wheel;
    struct weir_buffers buffers;
    struct weir_turn now;
    struct weir_conn_env env;
    uint8_t scratch[RIG_SCRATCH_LEN];
};

/** A connection and what it told its owner. */
struct owner {
    struct weir_conn conn;
    struct rig *rig;
    int peer;      /* the test's end */
    unsigned what; /* all events so far */
    unsigned calls, expired, closed;
    bool listens; /* watch for input again after each event */
    bool reads;   /* read once in each event with input, and watch again */
    size_t room;  /* of such a read */
    uint8_t got[256];
    size_t num_got;
    enum weir_io last;             /* of the reads */
    void (*then)(struct owner *o); /* at the end of each event */
    struct owner *other;           /* for it */
};

static inline void owner_read(struct owner *o)
{
    struct weir_span in = WEIR_SPAN_EMPTY;
    o->last = weir_conn_read(&o->conn, o->room, &in);
    if (o->last != WEIR_IO_DONE)
        return;
    assert_in_range(in.len, 1, o->room);
    assert_true(o->num_got + in.len <= sizeof(o->got));
    memcpy(o->got + o->num_got, in.at, in.len);
    o->num_got += in.len;
}

static inline void on_owner_event(struct weir_conn *c, unsigned what)
{
    struct owner *o = weir_container_of(c, struct owner, conn);
    o->calls++;
    o->what |= what;
    if (o->reads && (what & WEIR_CONN_READABLE))
        owner_read(o);
    if (o->then != NULL)
        o->then(o);
    if (!weir_conn_is_closed(c))
        assert_int_equal(weir_conn_watch(c, (o->reads || o->listens) && o->last != WEIR_IO_END),
                         WEIR_OK);
}

static inline void on_owner_expired(struct weir_conn *c)
{
    weir_container_of(c, struct owner, conn)->expired++;
}

static inline void on_owner_closed(struct weir_conn *c)
{
    weir_container_of(c, struct owner, conn)->closed++;
}

static const struct weir_conn_owner owner_table = { .task = WEIR_CONN_TASK,
                                                    .event = on_owner_event,
                                                    .expired = on_owner_expired,
                                                    .closed = on_owner_closed };

static inline struct rig *rig_new(void)
{
    struct rig *r = calloc(1, sizeof(*r));
    assert_non_null(r);
    assert_int_equal(uv_loop_init(&r->loop), 0);
    weir_wheel_init(&r->wheel, 1000);
    weir_buffers_init(&r->buffers, 8u << 20);
    r->env = (struct weir_conn_env){ .loop = &r->loop,
                                     .wheel = &r->wheel,
                                     .buffers = &r->buffers,
                                     .scratch = r->scratch,
                                     .scratch_len = sizeof(r->scratch),
                                     .now = &r->now };
    assert_int_equal(weir_conn_env_start(&r->env), WEIR_OK);
    return r;
}

/** One turn of the loop, without a wait. */
static inline void rig_turn(struct rig *r)
{
    (void)uv_run(&r->loop, UV_RUN_NOWAIT);
}

/** As many turns as make no difference any more. */
static inline void rig_turns(struct rig *r)
{
    for (int i = 0; i < 20; i++)
        rig_turn(r);
}

/** Whether the loop would wait for events now. */
static inline bool rig_would_wait(const struct rig *r)
{
    return uv_backend_timeout(&r->loop) != 0;
}

/** Nothing may be left. */
static inline void rig_free(struct rig *r)
{
    rig_turn(r);
    weir_conn_env_stop(&r->env);
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&r->loop), 0);
    assert_int_equal(r->wheel.num_armed, 0);
    weir_buffers_deinit(&r->buffers); /* asserts that all was given back */
    free(r);
}

static inline void owner_init(struct owner *o, struct rig *r, int fd, int peer)
{
    *o = (struct owner){ .rig = r, .peer = peer, .room = 64 };
    weir_conn_init(&o->conn, &r->env, &owner_table, fd);
}

/** A connection over a pair of sockets of the system. */
static inline void owner_open(struct owner *o, struct rig *r)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    owner_init(o, r, fds[0], fds[1]);
}

static inline void wait_for(int fd, short events)
{
    struct pollfd p = { .fd = fd, .events = events };
    assert_int_equal(poll(&p, 1, 10000), 1);
}

/** A connection over TCP. */
static inline void owner_open_tcp(struct owner *o, struct rig *r)
{
    struct weir_addr addr, peer;
    int listener = -1, fd = -1, test = -1, sys_errno = 0;
    bool connected = false;
    assert_int_equal(weir_addr_parse_ip(WEIR_SPAN_LIT("127.0.0.1"), &addr), WEIR_OK);
    assert_int_equal(weir_sock_listen(&addr, false, &listener, &sys_errno), WEIR_OK);
    assert_int_equal(weir_sock_local(listener, &addr), WEIR_OK);
    assert_int_equal(weir_sock_dial(&addr, &fd, &connected), WEIR_OK);
    wait_for(listener, POLLIN);
    assert_int_equal(weir_sock_accept(listener, &test, &peer), WEIR_OK);
    wait_for(fd, POLLOUT);
    close(listener);
    owner_init(o, r, fd, test);
}

/** Close both ends; its owner hears of it. */
static inline void owner_close(struct owner *o)
{
    if (!weir_conn_is_closed(&o->conn))
        weir_conn_close(&o->conn, false);
    if (o->peer >= 0)
        close(o->peer);
    o->peer = -1;
    rig_turn(o->rig);
    rig_turn(o->rig);
    assert_int_equal(o->closed, 1);
}

static inline void peer_gives(const struct owner *o, const char *text)
{
    assert_int_equal(send(o->peer, text, strlen(text), MSG_NOSIGNAL), strlen(text));
}

static inline void expect_got(const struct owner *o, const char *text)
{
    assert_int_equal(o->num_got, strlen(text));
    assert_memory_equal(o->got, text, o->num_got);
}

/** Send text; the result. */
static inline enum weir_conn_sent send_text(struct owner *o, const char *text)
{
    struct weir_pieces p;
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span_cstr(text));
    return weir_conn_send(&o->conn, &p);
}

#endif
