/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_client.h - an HTTP/2 client of tests over a blocking socket: nghttp2's client, or frames made
 * by hand. A wait that takes longer than PEER_WAIT_S fails the test.
 */
#ifndef WEIR_TESTS_SUPPORT_H2_H2_CLIENT_H
#define WEIR_TESTS_SUPPORT_H2_H2_CLIENT_H

#include "node/base/clock.h"
#include "tests/support/h2/h2_client_frames.h"

/** A client on a connection that is open; its preface waits to be sent. With a window other than
 * 65535 none is opened further but by the test. */
static inline void h2_begin_settings(struct h2_client *c, const struct weir_addr *to,
                                     const nghttp2_settings_entry *entries, size_t num)
{
    nghttp2_session_callbacks *cb;
    nghttp2_option *o;
    uint32_t window = entries[0].value;
    assert_int_equal(entries[0].settings_id, NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE);
    memset(c, 0, sizeof(*c));
    peer_dial(&c->peer, to);
    assert_int_equal(nghttp2_session_callbacks_new(&cb), 0);
    assert_int_equal(nghttp2_option_new(&o), 0);
    nghttp2_option_set_no_http_messaging(o, 1); /* a test may send anything */
    nghttp2_option_set_no_auto_window_update(o, window != 65535);
    nghttp2_session_callbacks_set_on_begin_headers_callback(cb, h2_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(cb, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, h2_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(cb, h2_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, h2_on_close);
    assert_int_equal(nghttp2_session_client_new2(&c->session, cb, c, o), 0);
    nghttp2_session_callbacks_del(cb);
    nghttp2_option_del(o);
    assert_int_equal(nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, entries, num), 0);
}

/** One that takes no pushes. @param window  bytes of each stream's response that are taken at first
 */
static inline void h2_begin(struct h2_client *c, const struct weir_addr *to, uint32_t window)
{
    nghttp2_settings_entry entries[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window },
                                         { NGHTTP2_SETTINGS_ENABLE_PUSH, 0 } };
    h2_begin_settings(c, to, entries, 2);
}

static inline void h2_end(struct h2_client *c)
{
    nghttp2_session_del(c->session);
    c->session = NULL;
    peer_close(&c->peer);
}

/** Send all that waits. */
static inline void h2_flush(struct h2_client *c)
{
    const uint8_t *at;
    ssize_t n;
    while (!c->gone && (n = nghttp2_session_mem_send(c->session, &at)) > 0)
        c->gone = !peer_send_bytes(&c->peer, at, (size_t)n);
}

/** Ask. @param fields  name, value, name, value, ..., NULL  @param body  NULL: none; "": an empty
 * DATA frame follows */
static inline struct h2_stream *h2_ask_fields(struct h2_client *c, const char *const *fields,
                                              const char *body, bool holds)
{
    nghttp2_nv nv[300];
    size_t num = 0;
    for (; fields[2 * num] != NULL; num++)
        nv[num] = (nghttp2_nv){ (uint8_t *)(uintptr_t)fields[2 * num],
                                (uint8_t *)(uintptr_t)fields[2 * num + 1], strlen(fields[2 * num]),
                                strlen(fields[2 * num + 1]), NGHTTP2_NV_FLAG_NONE };
    assert_true(c->num < H2_STREAMS);
    struct h2_stream *t = &c->streams[c->num];
    memset(t, 0, sizeof(*t));
    t->send = body;
    t->send_len = body != NULL ? strlen(body) : 0;
    t->holds = holds;
    nghttp2_data_provider data = { .source = { .fd = c->num }, .read_callback = h2_read_body };
    t->id = nghttp2_submit_request(c->session, NULL, nv, num, body != NULL || holds ? &data : NULL,
                                   NULL);
    assert_true(t->id > 0);
    c->num++;
    h2_flush(c);
    return t;
}

static inline struct h2_stream *h2_ask(struct h2_client *c, const char *method, const char *path,
                                       const char *body)
{
    const char *fields[] = { ":method",      method,  ":scheme", "https", ":authority",
                             "shop.example", ":path", path,      NULL };
    return h2_ask_fields(c, fields, body, false);
}

/** Read what is there within `ms`. @return false: nothing came, or the end */
static inline bool h2_read(struct h2_client *c, int ms)
{
    h2_flush(c);
    if (c->gone || !peer_ready(c->peer.fd, ms))
        return false;
    ssize_t n = peer_receive(&c->peer);
    if (n <= 0) {
        c->gone = true;
        return false;
    }
    ssize_t used = nghttp2_session_mem_recv(c->session, c->peer.bytes, c->peer.len);
    assert_int_equal(used, c->peer.len);
    c->peer.len = 0;
    h2_flush(c);
    return true;
}

/** Wait until `*flag` is set. */
static inline void h2_await(struct h2_client *c, const bool *flag)
{
    uint64_t until = weir_clock_mono_ns() + PEER_WAIT_S * UINT64_C(1000000000);
    while (!*flag) {
        if (c->gone || weir_clock_mono_ns() > until)
            fail_msg("waited in vain: gone=%d goaways=%d code=%u", c->gone, c->goaways,
                     c->goaway_code);
        (void)h2_read(c, 1000);
    }
}

/** Wait for the whole response. */
static inline void h2_await_end(struct h2_client *c, struct h2_stream *t)
{
    h2_await(c, &t->closed);
    assert_true(t->ended);
}

/** Wait until the connection ends, and GOAWAY has come before. */
static inline void h2_await_goaway(struct h2_client *c, uint32_t code)
{
    while (!c->gone)
        if (!h2_read(c, PEER_WAIT_S * 1000) && !c->gone)
            fail_msg("the connection stays open");
    assert_true(c->goaways > 0);
    assert_int_equal(c->goaway_code, code);
}

/** Whether the final head has this field, "name: value". */
static inline bool h2_has_field(const struct h2_stream *t, const char *field)
{
    char line[512];
    (void)snprintf(line, sizeof(line), "%s\n", field);
    return strstr(t->fields, line) != NULL;
}

static inline bool h2_body_is(const struct h2_stream *t, const char *text)
{
    return t->body_len == strlen(text) && memcmp(t->body, text, t->body_len) == 0;
}

/** Send a frame made by hand. */
static inline void h2_send_frame(struct h2_client *c, uint8_t type, uint8_t flags, int32_t id,
                                 struct weir_span payload)
{
    uint8_t head[9] = { (uint8_t)(payload.len >> 16),
                        (uint8_t)(payload.len >> 8),
                        (uint8_t)payload.len,
                        type,
                        flags,
                        (uint8_t)(id >> 24),
                        (uint8_t)(id >> 16),
                        (uint8_t)(id >> 8),
                        (uint8_t)id };
    c->gone = c->gone || !peer_send_bytes(&c->peer, head, 9) ||
              (payload.len > 0 && !peer_send_bytes(&c->peer, payload.at, payload.len));
}

#endif
