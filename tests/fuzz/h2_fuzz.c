/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_fuzz.c - an HTTP/2 session with exchanges behind it, between a client and origins of memory:
 * the client sends any bytes, also frames that are whole, and takes bytes when it likes; origins
 * respond, block, end; dials fail; time passes. What the client gets is checked frame by frame
 * (h2_sides_check.h); at the end nothing may be left.
 * Input: steps. A step is one byte, op and argument; bytes to send follow behind their length.
 */
#include "tests/support/sides/h2_sides_new.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Header blocks without the dynamic table. */
#define HOST      "\x41\x0cshop.example"
#define OF_LENGTH "\x5c\x01"

struct frame {
    uint8_t type, flags;
    const char *payload;
    uint8_t len;
};

#define FRAME(type, flags, payload)                                                                \
    {                                                                                              \
        type, flags, payload, sizeof(payload) - 1                                                  \
    }

static const struct frame frames[] = {
    FRAME(1, 5, "\x82\x84\x87" HOST),                              /* GET, whole */
    FRAME(1, 4, "\x83\x84\x87" HOST),                              /* POST, a body follows */
    FRAME(1, 4, "\x83\x84\x87" HOST OF_LENGTH "2"),                /* of two bytes */
    FRAME(1, 5, "\x42\x04HEAD\x84\x87" HOST),                      /* HEAD */
    FRAME(1, 5, "\x82\x84\x87\x41\x05other"),                      /* of no tenant */
    FRAME(1, 1, "\x82\x84"),                                       /* CONTINUATION follows */
    FRAME(9, 4, "\x87" HOST),                                      /* the rest of it */
    FRAME(0, 0, "a"),                                              /* DATA */
    FRAME(0, 1, "b"),                                              /* its end */
    FRAME(0, 1, ""),                                               /* the end alone */
    FRAME(1, 5, "\x00\x01t\x01v"),                                 /* trailers */
    FRAME(3, 0, "\0\0\0\x08"),                                     /* RST_STREAM */
    FRAME(8, 0, "\0\0\x10\0"),                                     /* WINDOW_UPDATE */
    FRAME(8, 0, "\x7f\xff\xff\xff"),                               /* too much of it */
    FRAME(1, 5, "\x82\x84\x87" HOST "\x40\x08priority\x06u=1, i"), /* RFC 9218 */
    FRAME(1, 4,
          "\x83\x84\x87" HOST "\x40\x06"
          "expect\x0c"
          "100-continue"),
};

/* On the connection. */
static const struct frame others[] = {
    FRAME(4, 0, ""),
    FRAME(4, 1, ""),
    FRAME(4, 0, "\0\x04\0\0\0\x01"), /* a window of one byte */
    FRAME(4, 0, "\0\x04\0\0\xff\xff"),
    FRAME(4, 0, "\0\x01\0\0\0\0"), /* no dynamic table */
    FRAME(6, 0, "12345678"),
    FRAME(7, 0, "\0\0\0\0\0\0\0\0"),
    FRAME(8, 0, "\0\0\xff\xff"),
    FRAME(0x10, 0, "\0\0\0\1u=0"),
    FRAME(2, 0, "\0\0\0\0\0"),
    FRAME(5, 0, "\0\0\0\2"),
    FRAME(0x77, 0, "x"),
    FRAME(6, 1, "12345678"),
    FRAME(4, 0, "\0\x05\0\x7f\xff\xff"),
    FRAME(4, 0, "\0\x06\0\0\0\x10"),
    FRAME(8, 0, "\0\0\0\0"),
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
    "HTTP/1.1 401 U\r\nWWW-Authenticate: NTLM\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.0 200 OK\r\nConnection: close\r\nX_y: a\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 204 No Content\r\n\r\n",
    "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 2",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "HTTP/1.1 500 E\r\nContent-Length: x\r\n\r\n",
};

enum op {
    OP_FRAME_NEW,
    OP_FRAME_LAST,
    OP_FRAME_OTHER,
    OP_BYTES,
    OP_RESPONSE,
    OP_RESPONSE_BYTES,
    OP_ORIGIN,
    OP_CLIENT_ROOM,
    OP_TIME,
    OP_ACQUIRE,
    OP_CONNECT,
    OP_LARGE,
    OP_COUNT
};

struct run {
    struct h2_sides *t;
    int32_t next_id;
    unsigned large;
};

static void give_frame(struct run *r, const struct frame *f, int32_t id)
{
    uint8_t bytes[9 + 255] = { 0, 0, f->len, f->type, f->flags };
    bytes[5] = (uint8_t)(id >> 24);
    bytes[6] = (uint8_t)(id >> 16);
    bytes[7] = (uint8_t)(id >> 8);
    bytes[8] = (uint8_t)id;
    memcpy(bytes + 9, f->payload, f->len);
    r->t->l.seen.head_asked = r->t->l.seen.head_asked || f == &frames[3];
    h2_client_gives(r->t, weir_span(bytes, 9u + f->len));
}

static void change_origin(struct run *r, unsigned arg)
{
    struct h2_origin *o = h2_sides_origin(r->t, arg >> 2);
    if (o == NULL)
        return;
    switch (arg & 3) {
    case 0:
        o->full = true;
        break;
    case 1:
        h2_origin_takes(r->t, o);
        break;
    case 2:
        h2_origin_ends(r->t, o, (arg & 4) != 0);
        break;
    default:
        o->deaf = true;
    }
}

/* Bodies of more than a frame, and of more than a window. */
static void give_large(struct run *r, unsigned arg)
{
    static char body[100000];
    char head[64];
    struct h2_origin *o = h2_sides_origin(r->t, arg & 3);
    if (o == NULL || r->large++ >= 4)
        return;
    size_t len = (arg & 8) ? sizeof(body) : 20000;
    memset(body, 'l', sizeof(body));
    (void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n", len);
    h2_origin_gives(r->t, o, weir_span_cstr(head));
    h2_origin_gives(r->t, o, weir_span(body, (arg & 4) ? len : len / 2));
}

/* @return bytes of `in` used, behind the step's first */
static size_t run_step(struct run *r, enum op op, unsigned arg, struct weir_span in)
{
    size_t len = in.len > 0 && in.at[0] < in.len ? in.at[0] : 0;
    struct weir_span bytes = len > 0 ? weir_span(in.at + 1, len) : WEIR_SPAN_EMPTY;
    struct h2_sides *t = r->t;
    switch (op) {
    case OP_FRAME_NEW:
        give_frame(r, &frames[arg], r->next_id);
        r->next_id += 2;
        return 0;
    case OP_FRAME_LAST:
        give_frame(r, &frames[arg], r->next_id - 2);
        return 0;
    case OP_FRAME_OTHER:
        give_frame(r, &others[arg], 0);
        return 0;
    case OP_BYTES:
        t->l.seen.head_asked = true; /* whatever it asks */
        h2_client_gives(t, bytes);
        return len + (len > 0);
    case OP_RESPONSE:
        h2_origin_gives(t, h2_sides_origin(t, 0), weir_span_cstr(responses[arg]));
        return 0;
    case OP_RESPONSE_BYTES:
        h2_origin_gives(t, h2_sides_origin(t, arg), bytes);
        return len + (len > 0);
    case OP_ORIGIN:
        change_origin(r, arg);
        return 0;
    case OP_CLIENT_ROOM:
        h2_client_takes(t, arg == 15 ? H2_SIDES_ALL : arg * arg * arg);
        return 0;
    case OP_TIME:
        h2_time_passes(t, 200u << (arg & 7));
        return 0;
    case OP_ACQUIRE:
        t->acquire = (enum h2_acquire)(arg & 3);
        return 0;
    case OP_CONNECT:
        h2_origin_connects(t, h2_sides_origin(t, arg >> 1), (arg & 1) != 0);
        return 0;
    case OP_LARGE:
        give_large(r, arg);
        return 0;
    case OP_COUNT:
        break;
    }
    MUST(false);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct h2_sides *t;
    if (t == NULL)
        t = h2_sides_new();
    struct run r = { .t = t, .next_id = 1 };
    h2_sides_connect(t);
    size_t at = 0;
    if (size > 0 && data[0] != 0xff) { /* else the preface is the input's as well */
        h2_client_gives(t, WEIR_SPAN_LIT("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
        give_frame(&r, &others[0], 0);
    } else if (size > 0) {
        at = 1;
    }
    while (at < size && t->s != NULL) {
        unsigned arg = data[at] & 15u;
        enum op op = (data[at] >> 4) % OP_COUNT;
        at++;
        at += run_step(&r, op, arg, weir_span(data + at, size - at));
    }
    if (size % 7 == 0)
        h2_client_ends(t, true);
    h2_sides_disconnect(t);
    return 0;
}
