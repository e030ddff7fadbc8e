/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_memory_test.c - HTTP/2 without a socket: whole exchanges in memory, and the same without
 * memory, allocation by allocation.
 */
#include "node/wire/h2/h2_memory.h"
#include "tests/support/failalloc.h"
#include "tests/support/sides/h2_sides_new.h"

#define PREFACE    "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
#define GET(id)    "\0\0\x11\1\5\0\0\0" id "\x82\x84\x87\x41\x0cshop.example"
#define POST(id)   "\0\0\x11\1\4\0\0\0" id "\x83\x84\x87\x41\x0cshop.example"
#define BODY(id)   "\0\0\5\0\1\0\0\0" id "hello"
#define WHOLE      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BYTES(lit) weir_span((const uint8_t *)(lit), sizeof(lit) - 1)

static void h2_serves_an_exchange_in_memory(void **state)
{
    struct h2_sides *t = h2_sides_new();
    h2_sides_connect(t);
    h2_client_gives(t, BYTES(PREFACE));
    h2_client_gives(t, BYTES(GET("\1")));
    struct h2_origin *o = h2_sides_origin(t, 0);
    assert_non_null(o);
    assert_true(o->got > 0);
    h2_origin_gives(t, o, weir_span_cstr(WHOLE));
    struct h2_seen_stream *s = h2_seen_find(&t->l.seen, 1);
    assert_non_null(s);
    assert_true(s->ended);
    assert_int_equal(s->status, 200);
    assert_int_equal(s->body, 2);
    h2_sides_disconnect(t);
    h2_sides_free(t);
}

/* The result does not depend on how the bytes are split. */
static void h2_serves_requests_that_come_byte_by_byte(void **state)
{
    static const char all[] = PREFACE GET("\1") POST("\3") BODY("\3");
    struct h2_sides *t = h2_sides_new();
    h2_sides_connect(t);
    for (size_t i = 0; i < sizeof(all) - 1; i++)
        h2_client_gives(t, weir_span((const uint8_t *)all + i, 1));
    for (int i = 0; i < 2; i++)
        h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(WHOLE));
    assert_true(h2_seen_find(&t->l.seen, 1)->ended);
    assert_true(h2_seen_find(&t->l.seen, 3)->ended);
    h2_sides_disconnect(t);
    h2_sides_free(t);
}

/* Frames to a client that takes a byte at a time are the same frames. */
static void h2_serves_a_client_that_takes_little_at_a_time(void **state)
{
    struct h2_sides *t = h2_sides_new();
    h2_sides_connect(t);
    h2_client_takes(t, 0);
    h2_client_gives(t, BYTES(PREFACE));
    h2_client_gives(t, BYTES(GET("\1")));
    h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(WHOLE));
    for (int i = 0; i < 2000; i++)
        h2_client_takes(t, 1);
    assert_true(h2_seen_find(&t->l.seen, 1)->ended);
    h2_sides_disconnect(t);
    h2_sides_free(t);
}

/* A window that opens a byte at a time is slower than the least rate: its stream ends, and with it
 * what it holds. */
static void h2_ends_a_stream_whose_window_trickles(void **state)
{
    static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n";
    static const char body[100000];
    struct h2_sides *t = h2_sides_new();
    int updates = 0;
    h2_sides_connect(t);
    h2_client_gives(t, BYTES(PREFACE "\0\0\6\4\0\0\0\0\0\0\4\0\0\0\0"));
    h2_client_gives(t, BYTES(GET("\1")));
    struct h2_origin *o = h2_sides_origin(t, 0);
    h2_origin_gives(t, o, weir_span_cstr(head));
    h2_origin_gives(t, o, weir_span((const uint8_t *)body, sizeof(body)));
    struct h2_seen_stream *s = h2_seen_find(&t->l.seen, 1);
    assert_non_null(s);
    for (; !s->reset && updates < 1000; updates++) {
        h2_client_gives(t, BYTES("\0\0\4\x8\0\0\0\0\1\0\0\0\1"));
        h2_time_passes(t, 500);
    }
    assert_true(s->reset && !s->ended);
    assert_true(updates > 10 && updates < 100);
    assert_int_equal(s->body, updates);
    h2_sides_disconnect(t);
    h2_sides_free(t);
}

/* An idle connection gives back what holds nothing, and serves again. */
static void h2_rests_while_it_is_idle(void **state)
{
    struct h2_sides *t = h2_sides_new();
    struct weir_budget *b = &t->w->buffers.budget;
    h2_sides_connect(t);
    h2_client_gives(t, BYTES(PREFACE));
    for (int i = 0; i < 3; i++) {
        char ask[] = GET("\1");
        ask[8] = (char)(2 * i + 1);
        h2_client_gives(t, weir_span((const uint8_t *)ask, sizeof(ask) - 1));
        size_t busy = b->used;
        h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(WHOLE));
        assert_true(h2_seen_find(&t->l.seen, 2 * i + 1)->ended);
        h2_time_passes(t, 1500);
        assert_true(b->used + WEIR_H2_PAGES_USED < busy);
        assert_true(b->used < 8192);
    }
    /* A stream that is announced but not open keeps its place in the table. */
    h2_client_gives(t, BYTES("\0\0\7\x10\0\0\0\0\0\0\0\0\x09u=1"));
    h2_time_passes(t, 1500);
    assert_true(b->used > WEIR_H2_PAGES_USED);
    h2_sides_disconnect(t);
    h2_sides_free(t);
}

static void run_scenario(struct h2_sides *t)
{
    h2_client_gives(t, BYTES(PREFACE));
    h2_client_gives(t, BYTES(GET("\1")));
    h2_client_gives(t, BYTES(POST("\3")));
    h2_client_gives(t, BYTES(BODY("\3")));
    h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(WHOLE));
    h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(WHOLE));
}

/* Whichever allocation fails, the worst is a connection that ends. */
static void h2_without_memory_ends_a_stream_or_the_connection(void **state)
{
    for (long n = 1, done = 0; !done; n++) {
        struct h2_sides *t = h2_sides_new();
        weir_failalloc_once(n);
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        struct weir_session *s = weir_session_h2.open(t->w, fds[0]);
        close(fds[1]);
        if (s == NULL)
            close(fds[0]);
        else
            h2_sides_adopt(t, s);
        run_scenario(t);
        done = weir_failalloc_count() < (unsigned long)n;
        weir_failalloc_once(-1);
        h2_sides_disconnect(t);
        h2_sides_free(t);
        assert_true(n < 500);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(h2_serves_an_exchange_in_memory),
        cmocka_unit_test(h2_serves_requests_that_come_byte_by_byte),
        cmocka_unit_test(h2_serves_a_client_that_takes_little_at_a_time),
        cmocka_unit_test(h2_ends_a_stream_whose_window_trickles),
        cmocka_unit_test(h2_rests_while_it_is_idle),
        cmocka_unit_test(h2_without_memory_ends_a_stream_or_the_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
