/* SPDX-License-Identifier: Apache-2.0
 *
 * conn_test.c - one connection: what it reads and sends, what waits and is reported, its deadline
 * and its end; and the same through a layer that changes bytes and holds some of them back, as TLS
 * does.
 */
#include "node/base/rng.h"
#include "tests/support/death.h"
#include "tests/unit/conn/conn_rig.h"

#define MANY 2097152 /* bytes; more than sockets take */

/* -- clear text -- */

static void input_is_reported_read_and_counted(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    o.reads = true;
    o.room = 4;
    assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
    rig_turns(r);
    assert_int_equal(o.calls, 0);
    peer_gives(&o, "0123456789");
    rig_turns(r);
    expect_got(&o, "0123456789");
    assert_int_equal(o.calls, 3); /* of four bytes each */
    assert_int_equal(o.what, WEIR_CONN_READABLE);
    assert_int_equal(o.conn.received, 10);
    assert_int_equal(shutdown(o.peer, SHUT_WR), 0);
    rig_turns(r);
    assert_int_equal(o.last, WEIR_IO_END);
    assert_int_equal(o.calls, 4);
    owner_close(&o);
    rig_free(r);
}

static void an_owner_that_does_not_read_is_left_alone(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    peer_gives(&o, "x");
    rig_turns(r);
    assert_int_equal(o.calls, 0);
    owner_close(&o);
    rig_free(r);
}

/* @return bytes read */
static size_t read_some(int fd, uint8_t *at, size_t len)
{
    ssize_t n = recv(fd, at, len, MSG_DONTWAIT);
    assert_true(n > 0 || (n < 0 && errno == EAGAIN));
    return n > 0 ? (size_t)n : 0;
}

static void what_the_socket_does_not_take_waits_and_goes_out_in_order(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct weir_rng rng;
    uint8_t *sent = malloc(MANY), *got = malloc(MANY);
    size_t len = 0;
    assert_true(sent != NULL && got != NULL);
    weir_rng_init(&rng, 3);
    for (size_t i = 0; i < MANY; i++)
        sent[i] = (uint8_t)weir_rng_next(&rng);
    owner_open(&o, r);
    for (size_t at = 0; at < MANY; at += 65536) {
        struct weir_pieces p;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_span(sent + at, 1000));
        weir_pieces_add(&p, weir_span(sent + at + 1000, 65536 - 1000));
        assert_int_equal(weir_conn_send(&o.conn, &p), WEIR_CONN_SENT);
    }
    assert_true(weir_conn_blocked(&o.conn));
    assert_int_equal(o.conn.given + o.conn.out.len, MANY);
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    rig_turns(r);
    assert_int_equal(o.calls == 0 ? 0 : o.what, 0); /* no room yet */
    for (int i = 0; i < 100000 && len < MANY; i++) {
        len += read_some(o.peer, got + len, MANY - len);
        rig_turn(r);
    }
    assert_int_equal(len, MANY);
    assert_memory_equal(got, sent, MANY);
    assert_int_equal(o.what, WEIR_CONN_ROOM);
    assert_int_equal(o.conn.given, MANY);
    assert_false(weir_conn_blocked(&o.conn));
    unsigned calls = o.calls;
    rig_turns(r);
    assert_int_equal(o.calls, calls); /* it is no longer watched for room */
    owner_close(&o);
    rig_free(r);
    free(sent);
    free(got);
}

static void room_is_reported_when_it_is_wanted_with_an_empty_queue(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    o.conn.room_wanted = true;
    assert_true(weir_conn_blocked(&o.conn));
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    rig_turn(r);
    assert_int_equal(o.what, WEIR_CONN_ROOM);
    assert_false(weir_conn_blocked(&o.conn));
    owner_close(&o);
    rig_free(r);
}

static void a_peer_that_is_gone_is_reported_by_the_send_or_by_the_flush(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    static uint8_t bytes[65536];
    struct weir_pieces p;
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span(bytes, sizeof(bytes)));
    owner_open(&o, r);
    while (!weir_conn_blocked(&o.conn))
        assert_int_equal(weir_conn_send(&o.conn, &p), WEIR_CONN_SENT);
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    close(o.peer);
    o.peer = -1;
    rig_turn(r);
    assert_true(o.what & WEIR_CONN_FAILED);
    weir_conn_clear_out(&o.conn);
    assert_int_equal(send_text(&o, "x"), WEIR_CONN_LOST);
    owner_close(&o);
    rig_free(r);
}

static void a_queue_without_memory_is_reported(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    static uint8_t bytes[65536];
    enum weir_conn_sent sent = WEIR_CONN_SENT;
    weir_pool_set_max(&r->buffers.small, 0);
    weir_pool_set_max(&r->buffers.large, 0);
    owner_open(&o, r);
    for (int i = 0; i < 1000 && sent == WEIR_CONN_SENT; i++) {
        struct weir_pieces p;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_span(bytes, sizeof(bytes)));
        sent = weir_conn_send(&o.conn, &p);
    }
    assert_int_equal(sent, WEIR_CONN_NO_MEMORY);
    owner_close(&o);
    rig_free(r);
}

static void bytes_are_confirmed_once_the_peer_has_them(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    static uint8_t bytes[65536];
    owner_open_tcp(&o, r);
    while (!weir_conn_blocked(&o.conn)) {
        struct weir_pieces p;
        weir_pieces_reset(&p);
        weir_pieces_add(&p, weir_span(bytes, sizeof(bytes)));
        assert_int_equal(weir_conn_send(&o.conn, &p), WEIR_CONN_SENT);
    }
    assert_true(weir_conn_confirmed(&o.conn) < o.conn.given);
    weir_conn_clear_out(&o.conn);
    for (size_t len = 0; len < o.conn.given;) {
        wait_for(o.peer, POLLIN);
        len += read_some(o.peer, bytes, sizeof(bytes));
    }
    for (int i = 0; i < 1000 && weir_conn_confirmed(&o.conn) < o.conn.given; i++)
        (void)poll(NULL, 0, 10);
    assert_int_equal(weir_conn_confirmed(&o.conn), o.conn.given);
    owner_close(&o);
    rig_free(r);
}

/* -- work, time, end -- */

static void
a_woken_connection_is_called_after_the_event_and_a_deferred_one_in_the_next_turn(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    weir_conn_wake(&o.conn);
    weir_conn_wake(&o.conn);
    assert_int_equal(o.calls, 0);
    weir_conn_env_leave(&r->env);
    assert_int_equal(o.calls, 1);
    assert_int_equal(o.what, 0); /* nothing has happened */
    weir_conn_defer(&o.conn);
    weir_conn_env_leave(&r->env);
    assert_int_equal(o.calls, 1);
    rig_turn(r);
    assert_int_equal(o.calls, 2);
    owner_close(&o);
    rig_free(r);
}

/* The wheel's owner calls what has expired. */
static void advance(struct rig *r, uint64_t now_ms)
{
    weir_wheel_advance(&r->wheel, now_ms);
    for (struct weir_timer *t; (t = weir_wheel_pop(&r->wheel)) != NULL;)
        weir_timer_expire(&r->wheel, t);
}

static void a_deadline_expires_once_moves_and_ends_with_the_connection(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    weir_conn_set_deadline(&o.conn, 2000);
    advance(r, 1999);
    assert_int_equal(o.expired, 0);
    weir_conn_set_deadline(&o.conn, 3000);
    advance(r, 2500);
    assert_int_equal(o.expired, 0);
    advance(r, 3000 + WEIR_WHEEL_TICK_MS);
    assert_int_equal(o.expired, 1);
    advance(r, 10000);
    assert_int_equal(o.expired, 1);
    weir_conn_set_deadline(&o.conn, 11000);
    owner_close(&o);
    advance(r, 20000);
    assert_int_equal(o.expired, 1);
    rig_free(r);
}

/* Callers up the stack may still look at it. */
static void a_closed_connection_stays_until_the_stack_has_unwound(void **state)
{
    for (int watched = 0; watched < 2; watched++) {
        struct rig *r = rig_new();
        struct owner o;
        owner_open(&o, r);
        if (watched)
            assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
        weir_conn_close(&o.conn, false);
        assert_true(weir_conn_is_closed(&o.conn));
        assert_int_equal(o.closed, 0);
        assert_int_equal(o.conn.magic, WEIR_CONN_MAGIC);
        owner_close(&o);
        assert_int_equal(o.conn.magic, 0);
        rig_free(r);
    }
}

static void a_connection_that_is_closed_while_it_is_queued_is_not_called(void **state)
{
    struct rig *r = rig_new();
    struct owner woken, deferred;
    owner_open(&woken, r);
    owner_open(&deferred, r);
    weir_conn_wake(&woken.conn);
    weir_conn_defer(&deferred.conn);
    weir_conn_close(&woken.conn, false);
    weir_conn_close(&deferred.conn, false);
    rig_turns(r);
    assert_int_equal(woken.calls + deferred.calls, 0);
    assert_int_equal(woken.closed + deferred.closed, 2);
    owner_close(&woken);
    owner_close(&deferred);
    rig_free(r);
}

static void close_other(struct owner *o)
{
    if (!weir_conn_is_closed(&o->other->conn))
        weir_conn_close(&o->other->conn, false);
}

/* Both have an event in one turn; whichever comes first ends the other. */
static void a_connection_that_another_closed_in_the_same_turn_is_not_called(void **state)
{
    struct rig *r = rig_new();
    struct owner a, b;
    owner_open(&a, r);
    owner_open(&b, r);
    a.other = &b;
    b.other = &a;
    a.then = b.then = close_other;
    assert_int_equal(weir_conn_watch(&a.conn, true), WEIR_OK);
    assert_int_equal(weir_conn_watch(&b.conn, true), WEIR_OK);
    peer_gives(&a, "x");
    peer_gives(&b, "x");
    rig_turn(r);
    assert_int_equal(a.calls + b.calls, 1);
    owner_close(&a);
    owner_close(&b);
    rig_free(r);
}

static void closing_gives_back_what_waited(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    static uint8_t bytes[65536];
    struct weir_pieces p;
    owner_open(&o, r);
    assert_int_equal(weir_stash_append(&r->buffers, &o.conn.in, WEIR_SPAN_LIT("input")), WEIR_OK);
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span(bytes, sizeof(bytes)));
    while (!weir_conn_blocked(&o.conn))
        assert_int_equal(weir_conn_send(&o.conn, &p), WEIR_CONN_SENT);
    assert_true(r->buffers.small.num_used + r->buffers.large.num_used >= 2);
    weir_conn_close(&o.conn, false);
    assert_int_equal(r->buffers.small.num_used + r->buffers.large.num_used, 0);
    owner_close(&o);
    rig_free(r);
}

static void an_abort_is_seen_as_a_reset(void **state)
{
    for (int abort = 0; abort < 2; abort++) {
        struct rig *r = rig_new();
        struct owner o;
        uint8_t byte;
        owner_open_tcp(&o, r);
        weir_conn_close(&o.conn, abort);
        wait_for(o.peer, POLLIN);
        ssize_t n = recv(o.peer, &byte, 1, 0);
        assert_int_equal(n, abort ? -1 : 0);
        if (abort)
            assert_int_equal(errno, ECONNRESET);
        owner_close(&o);
        rig_free(r);
    }
}

static void close_twice(void *arg)
{
    struct owner *o = arg;
    weir_conn_close(&o->conn, false);
    weir_conn_close(&o->conn, false);
}

static void a_connection_is_not_closed_twice(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    assert_true(weir_death_by_contract(close_twice, &o, "!weir_conn_is_closed(c)"));
    owner_close(&o);
    rig_free(r);
}

/* -- a layer -- */

#define KEY      0x55
#define GIVE_MAX 3   /* bytes of one read */
#define TAKE_MAX 5   /* of one write */
#define OWN      '~' /* a byte between the two layers alone */

/* Changes each byte, reads ahead, and holds the last byte that it took until it is flushed. */
struct layer {
    struct weir_conn_layer layer;
    uint8_t in[256];
    size_t num_in;
    uint8_t out;
    bool holds_out;
    bool blocked; /* waits for the other direction */
    unsigned ended, shut;
};

static struct layer *layer_of(const struct weir_conn_layer *l)
{
    return weir_container_of(l, struct layer, layer);
}

static enum weir_io layer_read(struct weir_conn_layer *state, int fd, uint8_t *at, size_t len,
                               size_t *ret_len)
{
    struct layer *l = layer_of(state);
    size_t n = 0;
    enum weir_io io = weir_sock_read(fd, l->in + l->num_in, sizeof(l->in) - l->num_in, &n);
    for (size_t i = 0, from = l->num_in; i < n; i++) {
        uint8_t byte = l->in[from + i] ^ KEY;
        if (byte != OWN)
            l->in[l->num_in++] = byte;
    }
    if (l->num_in == 0)
        return io == WEIR_IO_DONE ? WEIR_IO_BLOCKED : io;
    n = l->num_in < len ? l->num_in : len;
    n = n < GIVE_MAX ? n : GIVE_MAX;
    memcpy(at, l->in, n);
    l->num_in -= n;
    memmove(l->in, l->in + n, l->num_in);
    *ret_len = n;
    return WEIR_IO_DONE;
}

static enum weir_io layer_flush(struct weir_conn_layer *state, int fd)
{
    struct layer *l = layer_of(state);
    struct weir_pieces p;
    size_t sent = 0;
    if (!l->holds_out)
        return WEIR_IO_DONE;
    weir_pieces_reset(&p);
    weir_pieces_add(&p, weir_span(&l->out, 1));
    enum weir_io io = weir_sock_write(fd, &p, &sent);
    l->holds_out = sent == 0;
    return io;
}

static enum weir_io layer_write(struct weir_conn_layer *state, int fd, const struct weir_pieces *p,
                                size_t *ret_sent)
{
    struct layer *l = layer_of(state);
    size_t taken = 0;
    if (l->blocked)
        return WEIR_IO_BLOCKED;
    for (int i = 0; i < p->num; i++)
        for (size_t k = 0; k < p->iov[i].iov_len; k++) {
            enum weir_io io = taken == TAKE_MAX ? WEIR_IO_BLOCKED : layer_flush(&l->layer, fd);
            if (io != WEIR_IO_DONE) {
                *ret_sent = taken;
                return io;
            }
            l->out = ((const uint8_t *)p->iov[i].iov_base)[k] ^ KEY;
            l->holds_out = true;
            taken++;
        }
    *ret_sent = taken;
    return WEIR_IO_DONE;
}

static bool layer_holds_input(const struct weir_conn_layer *state)
{
    return layer_of(state)->num_in > 0;
}

static bool layer_holds_output(const struct weir_conn_layer *state)
{
    return layer_of(state)->holds_out;
}

static void layer_shut(struct weir_conn_layer *state, int fd)
{
    layer_of(state)->shut++;
}

static void layer_end(struct weir_conn_layer *state)
{
    layer_of(state)->ended++;
}

static const struct weir_conn_layer_ops layer_table = { .read = layer_read,
                                                        .write = layer_write,
                                                        .flush = layer_flush,
                                                        .holds_input = layer_holds_input,
                                                        .holds_output = layer_holds_output,
                                                        .shut = layer_shut,
                                                        .end = layer_end };

static void change(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        at[i] ^= KEY;
}

static void peer_gives_changed(const struct owner *o, const char *text)
{
    uint8_t bytes[64];
    size_t len = strlen(text);
    memcpy(bytes, text, len);
    change(bytes, len);
    assert_int_equal(send(o->peer, bytes, len, 0), len);
}

static void open_layered(struct owner *o, struct rig *r, struct layer *l)
{
    *l = (struct layer){ .layer = { &layer_table } };
    owner_open(o, r);
    weir_conn_set_layer(&o->conn, &l->layer);
}

/* The socket is empty after the first read: no event comes for the rest. */
static void input_that_a_layer_holds_is_reported_without_any_event(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    open_layered(&o, r, &l);
    o.reads = true;
    assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
    peer_gives_changed(&o, "0123456789");
    rig_turn(r); /* the event */
    expect_got(&o, "012");
    for (size_t len = 6; len <= 9; len += GIVE_MAX) {
        rig_turn(r);
        assert_int_equal(o.num_got, len);
        assert_false(rig_would_wait(r));
    }
    rig_turn(r);
    expect_got(&o, "0123456789");
    assert_int_equal(o.calls, 4);
    assert_int_equal(o.conn.received, 10);
    rig_turn(r);
    assert_true(rig_would_wait(r));
    assert_int_equal(o.calls, 4);
    owner_close(&o);
    assert_int_equal(l.ended, 1);
    assert_int_equal(l.shut, 1);
    rig_free(r);
}

static void stop_reading(struct owner *o)
{
    o->reads = false;
}

static void input_that_a_layer_holds_waits_for_an_owner_that_reads(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    open_layered(&o, r, &l);
    o.reads = true;
    o.then = stop_reading;
    assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
    peer_gives_changed(&o, "0123456789");
    rig_turns(r);
    expect_got(&o, "012");
    assert_true(rig_would_wait(r));
    weir_conn_wake(&o.conn); /* for something else */
    weir_conn_env_leave(&r->env);
    assert_int_equal(o.what, WEIR_CONN_READABLE);
    expect_got(&o, "012");
    o.then = NULL;
    o.reads = true;
    assert_int_equal(weir_conn_watch(&o.conn, true), WEIR_OK);
    rig_turns(r);
    expect_got(&o, "0123456789");
    owner_close(&o);
    rig_free(r);
}

static void expect_peer_got(const struct owner *o, const char *text)
{
    uint8_t got[64];
    size_t len = read_some(o->peer, got, sizeof(got));
    change(got, len);
    assert_int_equal(len, strlen(text));
    assert_memory_equal(got, text, len);
}

static void what_a_layer_takes_part_of_goes_out_in_order_to_the_last_byte(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    open_layered(&o, r, &l);
    assert_int_equal(send_text(&o, "0123456789abcdef"), WEIR_CONN_SENT);
    assert_int_equal(o.conn.given, TAKE_MAX);
    assert_true(weir_conn_blocked(&o.conn));
    assert_int_equal(send_text(&o, "ghi"), WEIR_CONN_SENT); /* behind what waits */
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    rig_turns(r);
    assert_true(o.what & WEIR_CONN_ROOM);
    assert_int_equal(o.conn.given, 19);
    assert_false(weir_conn_blocked(&o.conn));
    assert_false(l.holds_out);
    expect_peer_got(&o, "0123456789abcdefghi");
    assert_true(rig_would_wait(r));
    owner_close(&o);
    rig_free(r);
}

static void the_byte_that_a_layer_holds_is_flushed_with_an_empty_queue(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    open_layered(&o, r, &l);
    assert_int_equal(send_text(&o, "abc"), WEIR_CONN_SENT);
    assert_int_equal(o.conn.out.len, 0);
    assert_true(l.holds_out);
    assert_true(weir_conn_blocked(&o.conn));
    expect_peer_got(&o, "ab");
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    rig_turn(r);
    expect_peer_got(&o, "c");
    assert_true(o.what & WEIR_CONN_ROOM);
    assert_false(weir_conn_blocked(&o.conn));
    unsigned calls = o.calls;
    rig_turns(r);
    assert_int_equal(o.calls, calls);
    owner_close(&o);
    rig_free(r);
}

static void a_layer_below_a_lost_socket_is_reported(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    open_layered(&o, r, &l);
    assert_int_equal(send_text(&o, "0123456789"), WEIR_CONN_SENT);
    close(o.peer);
    o.peer = -1;
    assert_int_equal(weir_conn_watch(&o.conn, false), WEIR_OK);
    rig_turn(r);
    assert_true(o.what & WEIR_CONN_FAILED);
    owner_close(&o);
    rig_free(r);
}

static void an_idle_connection_is_quiet_until_its_peer_sends_or_ends(void **state)
{
    static const struct {
        const char *text;
        bool ends, quiet;
    } cases[] = { { "", false, true },   { "~", false, true },   { "~~~", false, true },
                  { "a", false, false }, { "~a", false, false }, { "", true, false },
                  { "~", true, false } };
    struct rig *r = rig_new();
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct owner o;
        struct layer l;
        open_layered(&o, r, &l);
        peer_gives_changed(&o, cases[i].text);
        if (cases[i].ends)
            assert_int_equal(shutdown(o.peer, SHUT_WR), 0);
        assert_int_equal(weir_conn_is_quiet(&o.conn), cases[i].quiet);
        if (cases[i].quiet)
            assert_true(weir_conn_is_quiet(&o.conn));
        owner_close(&o);
    }
    rig_free(r);
}

static void a_peer_that_sends_much_to_its_layer_is_not_quiet(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    struct layer l;
    uint8_t bytes[8 * sizeof(l.in)];
    open_layered(&o, r, &l);
    memset(bytes, OWN ^ KEY, sizeof(bytes));
    assert_int_equal(send(o.peer, bytes, sizeof(bytes), 0), sizeof(bytes));
    assert_false(weir_conn_is_quiet(&o.conn));
    owner_close(&o);
    rig_free(r);
}

static void a_connection_in_clear_is_quiet_until_its_peer_sends_or_ends(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    assert_true(weir_conn_is_quiet(&o.conn));
    peer_gives(&o, "a");
    assert_false(weir_conn_is_quiet(&o.conn));
    owner_close(&o);
    rig_free(r);
}

static void layer_too_late(void *arg)
{
    struct owner *o = arg;
    static struct layer l = { .layer = { &layer_table } };
    peer_gives(o, "x");
    owner_read(o);
    weir_conn_set_layer(&o->conn, &l.layer);
}

static void two_layers(void *arg)
{
    struct owner *o = arg;
    static struct layer l = { .layer = { &layer_table } };
    weir_conn_set_layer(&o->conn, &l.layer);
    weir_conn_set_layer(&o->conn, &l.layer);
}

static void a_layer_comes_once_and_before_the_first_byte(void **state)
{
    struct rig *r = rig_new();
    struct owner o;
    owner_open(&o, r);
    assert_true(weir_death_by_contract(layer_too_late, &o, "c->received == 0"));
    assert_true(weir_death_by_contract(two_layers, &o, "c->layer == NULL"));
    owner_close(&o);
    rig_free(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(input_is_reported_read_and_counted),
        cmocka_unit_test(an_owner_that_does_not_read_is_left_alone),
        cmocka_unit_test(what_the_socket_does_not_take_waits_and_goes_out_in_order),
        cmocka_unit_test(room_is_reported_when_it_is_wanted_with_an_empty_queue),
        cmocka_unit_test(a_peer_that_is_gone_is_reported_by_the_send_or_by_the_flush),
        cmocka_unit_test(a_queue_without_memory_is_reported),
        cmocka_unit_test(bytes_are_confirmed_once_the_peer_has_them),
        cmocka_unit_test(
            a_woken_connection_is_called_after_the_event_and_a_deferred_one_in_the_next_turn),
        cmocka_unit_test(a_deadline_expires_once_moves_and_ends_with_the_connection),
        cmocka_unit_test(a_closed_connection_stays_until_the_stack_has_unwound),
        cmocka_unit_test(a_connection_that_is_closed_while_it_is_queued_is_not_called),
        cmocka_unit_test(a_connection_that_another_closed_in_the_same_turn_is_not_called),
        cmocka_unit_test(closing_gives_back_what_waited),
        cmocka_unit_test(an_abort_is_seen_as_a_reset),
        cmocka_unit_test(a_connection_is_not_closed_twice),
        cmocka_unit_test(input_that_a_layer_holds_is_reported_without_any_event),
        cmocka_unit_test(an_idle_connection_is_quiet_until_its_peer_sends_or_ends),
        cmocka_unit_test(a_peer_that_sends_much_to_its_layer_is_not_quiet),
        cmocka_unit_test(a_connection_in_clear_is_quiet_until_its_peer_sends_or_ends),
        cmocka_unit_test(input_that_a_layer_holds_waits_for_an_owner_that_reads),
        cmocka_unit_test(what_a_layer_takes_part_of_goes_out_in_order_to_the_last_byte),
        cmocka_unit_test(the_byte_that_a_layer_holds_is_flushed_with_an_empty_queue),
        cmocka_unit_test(a_layer_below_a_lost_socket_is_reported),
        cmocka_unit_test(a_layer_comes_once_and_before_the_first_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
