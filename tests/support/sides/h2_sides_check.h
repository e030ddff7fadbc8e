/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_sides_check.h - what a client of HTTP/2 may see, whatever happens: whole frames in an order
 * that RFC 9113 section 5 allows, heads that its decoder can read, and bodies of the length that
 * their heads declare if they end in order.
 */
#ifndef WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_CHECK_H
#define WEIR_TESTS_SUPPORT_SIDES_H2_SIDES_CHECK_H

#include <nghttp2/nghttp2.h>

#include "node/base/span.h"
#include "tests/support/naive_http.h"

#define H2_SEEN_STREAMS 512

/** What was seen of a stream's response. */
struct h2_seen_stream {
    int32_t id;
    bool final; /* its head is there */
    bool ended; /* in order */
    bool reset;
    bool bodiless; /* 204, 304, or of a HEAD: the length is of what is not there */
    int status;
    int64_t length; /* declared; -1: none */
    int64_t body;
};

struct h2_seen {
    nghttp2_hd_inflater *inflater; /* owns */
    uint8_t head[9];
    size_t head_len;
    uint8_t payload[16384];
    size_t payload_len, payload_want;
    struct h2_seen_stream streams[H2_SEEN_STREAMS];
    int num;
    unsigned frames, goaways, resets;
    uint32_t goaway_code;
    bool head_asked; /* some request was a HEAD: lengths are not compared */
};

static inline void h2_seen_init(struct h2_seen *s)
{
    memset(s, 0, sizeof(*s));
    MUST(nghttp2_hd_inflate_new(&s->inflater) == 0);
}

static inline void h2_seen_deinit(struct h2_seen *s)
{
    nghttp2_hd_inflate_del(s->inflater);
    s->inflater = NULL;
}

/** NULL: nothing came on it. */
static inline struct h2_seen_stream *h2_seen_find(struct h2_seen *s, int32_t id)
{
    for (int i = 0; i < s->num; i++)
        if (s->streams[i].id == id)
            return &s->streams[i];
    return NULL;
}

/* A new one; where all are taken, that of a stream that has ended. */
static inline struct h2_seen_stream *h2_seen_slot(struct h2_seen *s)
{
    if (s->num < H2_SEEN_STREAMS)
        return &s->streams[s->num++];
    for (int i = 0; i < s->num; i++)
        if (s->streams[i].ended || s->streams[i].reset)
            return &s->streams[i];
    MUST(false);
    return NULL;
}

static inline struct h2_seen_stream *h2_seen_stream(struct h2_seen *s, int32_t id)
{
    struct h2_seen_stream *t = h2_seen_find(s, id);
    if (t != NULL)
        return t;
    MUST(id % 2 == 1);
    t = h2_seen_slot(s);
    *t = (struct h2_seen_stream){ .id = id, .length = -1 };
    return t;
}

static inline void h2_seen_field(struct h2_seen_stream *t, const nghttp2_nv *nv, int *ret_status)
{
    struct weir_span name = weir_span(nv->name, nv->namelen);
    struct weir_span value = weir_span(nv->value, nv->valuelen);
    static const char *const forbidden[] = {
        "connection", "keep-alive", "upgrade", "transfer-encoding", "te", "proxy-connection"
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(forbidden); i++)
        MUST(!weir_span_eq(name, weir_span_cstr(forbidden[i])));
    for (size_t i = 0; i < name.len; i++)
        MUST(name.at[i] > 0x20 && (name.at[i] < 'A' || name.at[i] > 'Z'));
    for (size_t i = 0; i < value.len; i++)
        MUST(value.at[i] != '\r' && value.at[i] != '\n' && value.at[i] != 0);
    if (weir_span_eq(name, WEIR_SPAN_LIT(":status")))
        *ret_status = (int)naive_number(value, 10);
    if (weir_span_eq(name, WEIR_SPAN_LIT("content-length")))
        t->length = (int64_t)naive_number(value, 10);
}

/* A whole header block in one frame: weir's heads fit one, or CONTINUATIONs follow. */
static inline int h2_seen_block(struct h2_seen *s, struct h2_seen_stream *t, struct weir_span in,
                                bool last)
{
    int status = 0;
    for (;;) {
        nghttp2_nv nv;
        int flags = 0;
        ssize_t n = nghttp2_hd_inflate_hd2(s->inflater, &nv, &flags, in.at, in.len, last);
        MUST(n >= 0);
        in = weir_span_from(in, (size_t)n);
        if (flags & NGHTTP2_HD_INFLATE_EMIT)
            h2_seen_field(t, &nv, &status);
        if (flags & NGHTTP2_HD_INFLATE_FINAL) {
            MUST(nghttp2_hd_inflate_end_headers(s->inflater) == 0);
            break;
        }
        if (!(flags & NGHTTP2_HD_INFLATE_EMIT) && in.len == 0)
            break;
    }
    return status;
}

static inline void h2_seen_end(struct h2_seen *s, struct h2_seen_stream *t)
{
    t->ended = true;
    MUST(t->final);
    if (t->length >= 0 && !t->bodiless && !s->head_asked)
        MUST(t->body == t->length);
}

static inline void h2_seen_headers(struct h2_seen *s, int32_t id, uint8_t flags,
                                   struct weir_span in)
{
    struct h2_seen_stream *t = h2_seen_stream(s, id);
    MUST(!t->ended && !t->reset && !t->final);
    int status = h2_seen_block(s, t, in, (flags & NGHTTP2_FLAG_END_HEADERS) != 0);
    if (!(flags & NGHTTP2_FLAG_END_HEADERS)) { /* longer than a frame: of no further interest */
        t->final = true;
        t->bodiless = true;
        return;
    }
    MUST(status >= 100 && status <= 599 && status != 101);
    t->final = status >= 200;
    t->status = status;
    t->bodiless = status == 204 || status == 304;
    if (flags & NGHTTP2_FLAG_END_STREAM)
        h2_seen_end(s, t);
}

static inline void h2_seen_frame(struct h2_seen *s)
{
    const uint8_t *h = s->head;
    uint8_t type = h[3], flags = h[4];
    int32_t id =
        (int32_t)((uint32_t)h[5] << 24 | (uint32_t)h[6] << 16 | (uint32_t)h[7] << 8 | h[8]);
    struct weir_span in = weir_span(s->payload, s->payload_len);
    s->frames++;
    MUST(s->frames > 1 || type == NGHTTP2_SETTINGS);
    if (type == NGHTTP2_HEADERS) {
        h2_seen_headers(s, id, flags, in);
    } else if (type == NGHTTP2_CONTINUATION) {
        (void)h2_seen_block(s, h2_seen_stream(s, id), in, (flags & NGHTTP2_FLAG_END_HEADERS) != 0);
    } else if (type == NGHTTP2_DATA) {
        struct h2_seen_stream *t = h2_seen_stream(s, id);
        MUST(t->final && !t->ended && !t->reset);
        t->body += (int64_t)in.len;
        if (flags & NGHTTP2_FLAG_END_STREAM)
            h2_seen_end(s, t);
    } else if (type == NGHTTP2_RST_STREAM) {
        s->resets++;
        if (id % 2 == 1)
            h2_seen_stream(s, id)->reset = true;
    } else if (type == NGHTTP2_GOAWAY) {
        s->goaways++;
        s->goaway_code = (uint32_t)in.at[4] << 24 | (uint32_t)in.at[5] << 16 |
                         (uint32_t)in.at[6] << 8 | in.at[7];
    } else {
        MUST(type == NGHTTP2_SETTINGS || type == NGHTTP2_PING || type == NGHTTP2_WINDOW_UPDATE);
    }
}

/** Bytes that the client got. */
static inline void h2_seen_feed(struct h2_seen *s, struct weir_span in)
{
    while (in.len > 0) {
        if (s->head_len < 9) {
            s->head[s->head_len++] = in.at[0];
            in = weir_span_from(in, 1);
            if (s->head_len < 9)
                continue;
            s->payload_want = (size_t)s->head[0] << 16 | (size_t)s->head[1] << 8 | s->head[2];
            s->payload_len = 0;
            MUST(s->payload_want <= sizeof(s->payload));
        }
        size_t n = s->payload_want - s->payload_len;
        if (n > in.len)
            n = in.len;
        if (n > 0)
            memcpy(s->payload + s->payload_len, in.at, n);
        s->payload_len += n;
        in = weir_span_from(in, n);
        if (s->payload_len < s->payload_want)
            return;
        h2_seen_frame(s);
        s->head_len = 0;
    }
}

#endif
