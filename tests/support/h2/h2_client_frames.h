/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_client_frames.h - what an HTTP/2 client of tests remembers of the frames that came: part of
 * h2_client.h.
 */
#ifndef WEIR_TESTS_SUPPORT_H2_H2_CLIENT_FRAMES_H
#define WEIR_TESTS_SUPPORT_H2_H2_CLIENT_FRAMES_H

#include <stdio.h>
#include <stdlib.h>

#include <nghttp2/nghttp2.h>

#include "tests/support/peer.h"

#define H2_STREAMS 256
#define H2_BODY    (4u << 20)

/** One request and what came of its response. */
struct h2_stream {
    int32_t id;
    int status, interim, num_interims;
    char fields[4096]; /* "name: value\n" each, of the final head */
    size_t fields_len;
    size_t body_len;
    uint64_t sum; /* of the body's bytes */
    uint8_t body[4096];
    bool ended;  /* END_STREAM came */
    bool closed; /* the stream is closed */
    uint32_t code;
    const char *send; /* the request's body */
    size_t send_len, send_at;
    bool holds; /* the request does not end */
    bool pushed;
    char promise[2048]; /* the request of a pushed one: "name: value\n" each */
    size_t promise_len;
};

struct h2_client {
    struct peer peer;
    nghttp2_session *session;
    struct h2_stream streams[H2_STREAMS];
    int num;
    bool gone; /* the connection has ended */
    int goaways;
    int32_t goaway_last;
    uint32_t goaway_code;
    int settings, pings, updates;
    uint32_t order[64]; /* streams in the order in which their DATA frames came */
    int num_order;
    char frames[1024]; /* "P2 H1 D1 ": promises, heads, data, in the order in which they came */
    size_t frames_len;
};

static inline struct h2_stream *h2_stream_of(struct h2_client *c, int32_t id)
{
    for (int i = 0; i < c->num; i++)
        if (c->streams[i].id == id)
            return &c->streams[i];
    return NULL;
}

static inline int h2_on_begin_headers(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct h2_client *c = data;
    assert_ptr_equal(s, c->session);
    if (f->hd.type != NGHTTP2_PUSH_PROMISE)
        return 0;
    assert_true(c->num < H2_STREAMS);
    struct h2_stream *t = &c->streams[c->num++];
    memset(t, 0, sizeof(*t));
    t->id = f->push_promise.promised_stream_id;
    t->pushed = true;
    return 0;
}

static inline int h2_on_promised_header(struct h2_stream *t, const uint8_t *name, size_t name_len,
                                        const uint8_t *value, size_t value_len)
{
    int n =
        snprintf(t->promise + t->promise_len, sizeof(t->promise) - t->promise_len, "%.*s: %.*s\n",
                 (int)name_len, (const char *)name, (int)value_len, (const char *)value);
    t->promise_len += (size_t)n < sizeof(t->promise) - t->promise_len ? (size_t)n : 0;
    return 0;
}

static inline int h2_on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
                               size_t name_len, const uint8_t *value, size_t value_len,
                               uint8_t flags, void *data)
{
    struct h2_client *c = data;
    struct h2_stream *t = h2_stream_of(c, f->hd.stream_id);
    assert_ptr_equal(s, c->session);
    assert_int_equal(flags & ~NGHTTP2_NV_FLAG_NO_INDEX, 0);
    if (f->hd.type == NGHTTP2_PUSH_PROMISE)
        return h2_on_promised_header(h2_stream_of(c, f->push_promise.promised_stream_id), name,
                                     name_len, value, value_len);
    if (t == NULL)
        return 0;
    if (name_len == 7 && memcmp(name, ":status", 7) == 0) {
        int status = (int)strtol((const char *)value, NULL, 10);
        if (status < 200) {
            t->interim = status;
            t->num_interims++;
        } else {
            t->status = status;
        }
        return 0;
    }
    int n = snprintf(t->fields + t->fields_len, sizeof(t->fields) - t->fields_len, "%.*s: %.*s\n",
                     (int)name_len, (const char *)name, (int)value_len, (const char *)value);
    t->fields_len += (size_t)n < sizeof(t->fields) - t->fields_len ? (size_t)n : 0;
    return 0;
}

static inline int h2_on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *at,
                             size_t len, void *data)
{
    struct h2_client *c = data;
    struct h2_stream *t = h2_stream_of(c, id);
    assert_ptr_equal(s, c->session);
    assert_int_equal(flags & 0x40, 0);
    assert_non_null(t);
    for (size_t i = 0; i < len; i++)
        t->sum += at[i];
    size_t copy = t->body_len < sizeof(t->body) ? sizeof(t->body) - t->body_len : 0;
    memcpy(t->body + (copy > 0 ? t->body_len : 0), at, len < copy ? len : copy);
    t->body_len += len;
    if (c->num_order < 64)
        c->order[c->num_order++] = (uint32_t)id;
    return 0;
}

static inline void h2_note_frame(struct h2_client *c, const nghttp2_frame *f)
{
    bool promise = f->hd.type == NGHTTP2_PUSH_PROMISE;
    if (!promise && f->hd.type != NGHTTP2_HEADERS && f->hd.type != NGHTTP2_DATA)
        return;
    int n = snprintf(c->frames + c->frames_len, sizeof(c->frames) - c->frames_len, "%c%d ",
                     promise                         ? 'P'
                     : f->hd.type == NGHTTP2_HEADERS ? 'H'
                                                     : 'D',
                     promise ? f->push_promise.promised_stream_id : f->hd.stream_id);
    c->frames_len += (size_t)n < sizeof(c->frames) - c->frames_len ? (size_t)n : 0;
}

static inline int h2_on_frame(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct h2_client *c = data;
    struct h2_stream *t = h2_stream_of(c, f->hd.stream_id);
    assert_ptr_equal(s, c->session);
    if (f->hd.type == NGHTTP2_GOAWAY) {
        c->goaways++;
        c->goaway_last = f->goaway.last_stream_id;
        c->goaway_code = f->goaway.error_code;
    }
    h2_note_frame(c, f);
    c->settings += f->hd.type == NGHTTP2_SETTINGS;
    c->pings += f->hd.type == NGHTTP2_PING;
    c->updates += f->hd.type == NGHTTP2_WINDOW_UPDATE;
    if (t != NULL && (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
        (f->hd.flags & NGHTTP2_FLAG_END_STREAM))
        t->ended = true;
    return 0;
}

static inline int h2_on_close(nghttp2_session *s, int32_t id, uint32_t code, void *data)
{
    struct h2_client *c = data;
    struct h2_stream *t = h2_stream_of(c, id);
    assert_ptr_equal(s, c->session);
    if (t != NULL) {
        t->closed = true;
        t->code = code;
    }
    return 0;
}

static inline ssize_t h2_read_body(nghttp2_session *s, int32_t id, uint8_t *buf, size_t len,
                                   uint32_t *flags, nghttp2_data_source *source, void *data)
{
    struct h2_client *c = data;
    struct h2_stream *t = &c->streams[source->fd];
    assert_ptr_equal(s, c->session);
    assert_int_equal(t->id, id);
    size_t n = t->send_len - t->send_at < len ? t->send_len - t->send_at : len;
    if (n > 0)
        memcpy(buf, t->send + t->send_at, n);
    t->send_at += n;
    if (n == 0 && t->holds)
        return NGHTTP2_ERR_DEFERRED;
    if (t->send_at == t->send_len && !t->holds)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

#endif
