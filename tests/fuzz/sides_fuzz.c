/* SPDX-License-Identifier: Apache-2.0
 *
 * sides_fuzz.c - whole requests between a client and origins of memory, whatever either does and
 * when: both send any bytes in any pieces, block, take bytes again, end in order or not; dials fail
 * or wait, time passes. What must hold of each exchange is in memory_sides_check.h; at the end
 * nothing may be left.
 * Input: steps. A step is one byte, op and argument; bytes to send follow behind their length.
 */
#include "tests/support/sides/memory_sides_new.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HOST   "\r\nHost: shop.example\r\n"
#define BODY_2 "Content-Length: 2\r\n\r\nhi"

static const char *const requests[] = {
    "GET / HTTP/1.1" HOST "\r\n",
    "GET /one HTTP/1.1" HOST "Authorization: NTLM abc\r\n\r\n",
    "HEAD / HTTP/1.1" HOST "\r\n",
    "GET / HTTP/1.0" HOST "\r\n",
    "GET / HTTP/1.0" HOST "Connection: keep-alive\r\n\r\n",
    "GET / HTTP/1.1" HOST "Connection: close\r\n\r\n",
    "POST / HTTP/1.1" HOST BODY_2,
    "POST / HTTP/1.1" HOST "Expect: 100-continue\r\n" BODY_2,
    "PUT / HTTP/1.1" HOST "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "POST / HTTP/1.1" HOST "Transfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n",
    "0\r\nT: v\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: unknown.example\r\n" BODY_2,
    "POST / HTTP/1.1" HOST "Content-Length: 2001\r\n\r\n",
    "POST / HTTP/1.1" HOST "Content-Length: 9\r\n\r\nabc",
    "abc",
    "GET / HTTP/1.1\r\n bad\r\n\r\n",
};

static const char *const responses[] = {
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
    "abc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "1;x=y\r\nz\r\n",
    "0\r\n\r\n",
    "HTTP/1.1 200 OK\r\n\r\nuntil",
    "HTTP/1.1 401 U\r\nWWW-Authenticate: Negotiate\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 2",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 500 E\r\nContent-Length: x\r\n\r\n",
};

enum op {
    OP_CLIENT_GIVES,
    OP_ORIGIN_GIVES,
    OP_REQUEST,
    OP_RESPONSE,
    OP_CLIENT_ENDS,
    OP_ORIGIN_ENDS,
    OP_CLIENT_ROOM,
    OP_ORIGIN_ROOM,
    OP_TIME,
    OP_ACQUIRE,
    OP_CONNECT,
    OP_KNOBS,
    OP_COUNT
};

/* The connection that a step is about: the one in use, else any. */
static struct memory_origin *some_origin(struct sides *s, unsigned which)
{
    struct weir_exchange *x = s->client.side.x;
    return x != NULL && (x->origin != NULL || x->dial != NULL)
               ? busy_origin(s)
               : &s->origins[which % MEMORY_ORIGINS];
}

static void give_origin(struct sides *s, unsigned which, struct weir_span in)
{
    struct memory_origin *o = some_origin(s, which);
    if (o->state != MEMORY_ORIGIN_NONE && o->state != MEMORY_ORIGIN_CONNECTING && !o->ends)
        origin_gives(o, in);
}

static void end_origin(struct sides *s, unsigned arg)
{
    struct memory_origin *o = some_origin(s, arg >> 1);
    if (o->state == MEMORY_ORIGIN_CONNECTING)
        origin_connects(o, false);
    else if (o->state != MEMORY_ORIGIN_NONE && !o->ends)
        origin_ends(o, (arg & 1) != 0);
}

static void connect_origin(struct sides *s)
{
    struct weir_exchange *x = s->client.side.x;
    if (x == NULL)
        return;
    if (x->waiting_in != NULL)
        queue_moves(s);
    else if (x->dial != NULL)
        origin_connects(s->dialling, true);
}

/* Serve clients that have ended their sending side. */
static void finish_closed(struct sides *s)
{
    struct weir_tenant *t = sides_tenant(s);
    t->finish_closed = !t->finish_closed;
}

static void turn_knob(struct sides *s, unsigned arg)
{
    struct memory_origin *o = some_origin(s, arg >> 2);
    switch (arg & 3) {
    case 0:
        if (arg & 4)
            o->full = !o->full;
        else
            o->deaf = !o->deaf;
        break;
    case 1:
        o->piece = arg >> 2;
        break;
    case 2:
        if (arg & 4)
            s->client.full = !s->client.full;
        else
            s->pipes = !s->pipes;
        break;
    default:
        if (arg & 4)
            finish_closed(s);
        else
            s->env.draining = !s->env.draining;
    }
}

static size_t room_of(unsigned arg)
{
    return arg == 15 ? MEMORY_ALL : arg * arg;
}

static void end_client(struct sides *s, unsigned arg)
{
    if (arg & 1)
        client_is_lost(s);
    else
        client_ends(s);
}

/* @return bytes of `in` used, behind the step's first */
static size_t run_step(struct sides *s, enum op op, unsigned arg, struct weir_span in)
{
    size_t len = in.len > 0 && in.at[0] < in.len ? in.at[0] : 0;
    struct weir_span bytes = len > 0 ? weir_span(in.at + 1, len) : WEIR_SPAN_EMPTY;
    struct memory_client *c = &s->client;
    switch (op) {
    case OP_CLIENT_GIVES:
        if (!c->side.eof && len > 0)
            client_gives(s, bytes);
        return len + (len > 0);
    case OP_ORIGIN_GIVES:
        if (len > 0)
            give_origin(s, arg, bytes);
        return len + (len > 0);
    case OP_REQUEST:
        if (!c->side.eof)
            client_gives(s, weir_span_cstr(requests[arg]));
        return 0;
    case OP_RESPONSE:
        give_origin(s, 0, weir_span_cstr(responses[arg]));
        return 0;
    case OP_CLIENT_ENDS:
        end_client(s, arg);
        return 0;
    case OP_ORIGIN_ENDS:
        end_origin(s, arg);
        return 0;
    case OP_CLIENT_ROOM:
        client_takes(s, room_of(arg));
        return 0;
    case OP_ORIGIN_ROOM:
        origin_takes(some_origin(s, 0), room_of(arg));
        return 0;
    case OP_TIME:
        time_passes(s, 300u * (arg + 1));
        return 0;
    case OP_ACQUIRE:
        if (s->num_acquires < sizeof(s->acquires))
            s->acquires[s->num_acquires++] = (uint8_t)(arg % (ACQUIRE_FULL + 1));
        return 0;
    case OP_CONNECT:
        connect_origin(s);
        return 0;
    case OP_KNOBS:
        turn_knob(s, arg);
        return 0;
    case OP_COUNT:
        break;
    }
    MUST(false);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct sides *s;
    if (s == NULL)
        s = sides_new();
    next_client(s);
    forget_origins(s);
    s->pipes = s->env.draining = sides_tenant(s)->finish_closed = false;
    for (size_t at = 0; at < size && !s->client.ended;) {
        unsigned arg = data[at] & 15u;
        enum op op = (data[at] >> 4) % OP_COUNT;
        at++;
        at += run_step(s, op, arg, weir_span(data + at, size - at));
    }
    check_nothing_left(s);
    return 0;
}
