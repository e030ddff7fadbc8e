/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_frames.c - what nghttp2 tells of frames that come and go: counted against floods, then passed
 * to the owner.
 */
#include <nghttp2/nghttp2.h>

#include "node/wire/h2/h2_private.h"

#define WINDOWS_OF_FRAME 4 /* WINDOW_UPDATEs that a DATA frame earns the client */

static struct weir_h2 *h2_of(void *p)
{
    struct weir_h2 *h = p;
    WEIR_ASSERT(h != NULL);
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    return h;
}

static void *stream_of(struct weir_h2 *h, int32_t id)
{
    return nghttp2_session_get_stream_user_data(h->session, id);
}

/* -- frames that come, by their heads -- */

/* @return false: the connection ends */
static bool count_frame(struct weir_h2 *h, enum weir_h2_flood_kind kind)
{
    if (weir_h2_flood_take(&h->flood, kind, h->now->ms))
        return true;
    weir_h2_note_flood(h, kind);
    return false;
}

static bool refuse_frame(struct weir_h2 *h, uint32_t code)
{
    weir_h2_terminate(h, code);
    return false;
}

/* Streams that closed lately, the last ones. The client may not know yet that one was reset, but
 * what it has ended itself it may not go on with. */
static void remember_closed(struct weir_h2 *h, int32_t id, bool by_client)
{
    h->closed[h->num_closed++ % WEIR_H2_CLOSED_MAX] = by_client ? -id : id;
}

/* @return the id, below 0 if the client ended it; 0: it is not among the last ones */
static int32_t find_closed(const struct weir_h2 *h, int32_t id)
{
    for (size_t i = 0; i < WEIR_H2_CLOSED_MAX; i++)
        if (h->closed[i] == id || h->closed[i] == -id)
            return h->closed[i];
    return 0;
}

/* RFC 9113 5.1: frames on streams that are closed, or never were open. nghttp2 ignores them all. */
static bool check_stream(struct weir_h2 *h, const struct weir_h2_frame_head *f)
{
    if (f->id > h->last_id || nghttp2_session_find_stream(h->session, f->id) != NULL)
        return true;
    int32_t closed = find_closed(h, f->id);
    if (closed < 0)
        return refuse_frame(h, NGHTTP2_STREAM_CLOSED);
    bool opens = closed == 0 && f->type == NGHTTP2_HEADERS && f->id % 2 == 1;
    return !opens || refuse_frame(h, NGHTTP2_PROTOCOL_ERROR);
}

/* nghttp2 skips the priorities of RFC 7540. A stream that depends on itself is seen here, if the
 * frame came in one piece. */
static bool check_priority(struct weir_h2 *h, const struct weir_h2_frame_head *f,
                           struct weir_span payload)
{
    if (f->id == 0)
        return refuse_frame(h, NGHTTP2_PROTOCOL_ERROR);
    if (f->len == 5 && payload.len >= 5) {
        const uint8_t *p = payload.at;
        uint32_t on =
            (uint32_t)(p[0] & 0x7f) << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
        if (on == (uint32_t)f->id)
            return refuse_frame(h, NGHTTP2_PROTOCOL_ERROR);
    }
    return count_frame(h, WEIR_H2_FLOOD_PRIORITIES);
}

bool weir_h2_frames_check(struct weir_h2 *h, const struct weir_h2_frame_head *f,
                          struct weir_span payload)
{
    switch (f->type) {
    case NGHTTP2_DATA:
        return check_stream(h, f) && (f->len > 0 || (f->flags & NGHTTP2_FLAG_END_STREAM) ||
                                      count_frame(h, WEIR_H2_FLOOD_EMPTY));
    case NGHTTP2_HEADERS:
        return check_stream(h, f);
    case NGHTTP2_RST_STREAM:
        return count_frame(h, WEIR_H2_FLOOD_RESETS);
    case NGHTTP2_PING:
        return (f->flags & NGHTTP2_FLAG_ACK) || count_frame(h, WEIR_H2_FLOOD_PINGS);
    case NGHTTP2_SETTINGS:
        return count_frame(h, WEIR_H2_FLOOD_SETTINGS);
    case NGHTTP2_PRIORITY:
        return check_priority(h, f, payload);
    case NGHTTP2_PRIORITY_UPDATE:
        return count_frame(h, WEIR_H2_FLOOD_PRIORITIES);
    case NGHTTP2_WINDOW_UPDATE:
        return count_frame(h, WEIR_H2_FLOOD_WINDOWS);
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_PUSH_PROMISE:
    case NGHTTP2_GOAWAY:
        return true; /* nghttp2 counts the first and refuses the second */
    default:
        return count_frame(h, WEIR_H2_FLOOD_UNKNOWN);
    }
}

/* -- what they bring -- */

/* Trailers are not passed on, but read to their end: the table of the compression depends on them.
 */
static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    weir_h2_request_deinit(&h->request);
    weir_h2_request_init(&h->request, h->shared->memory.buffers, h->list_max);
    h->block_id = f->hd.stream_id;
    if (h->last_id < f->hd.stream_id)
        h->last_id = f->hd.stream_id;
    if (f->headers.cat != NGHTTP2_HCAT_REQUEST)
        weir_h2_request_skip(&h->request);
    return 0;
}

static int on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
                     size_t name_len, const uint8_t *value, size_t value_len, uint8_t flags,
                     void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    if (h->block_id != f->hd.stream_id)
        return 0;
    weir_h2_request_add(&h->request, weir_span(name, name_len), weir_span(value, value_len));
    if (h->request.fault != WEIR_H2_REQUEST_FLOOD)
        return 0;
    weir_h2_note_flood(h, WEIR_H2_FLOOD_HEADERS);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

static void end_block(struct weir_h2 *h)
{
    weir_h2_request_deinit(&h->request);
    h->block_id = 0;
}

static void on_headers(struct weir_h2 *h, const nghttp2_frame *f)
{
    bool ends = (f->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (f->headers.cat == NGHTTP2_HCAT_REQUEST && h->block_id == f->hd.stream_id)
        h->owner->request(h->owner_data, f->hd.stream_id, &h->request, ends);
    else if (ends && stream_of(h, f->hd.stream_id) != NULL)
        h->owner->ended(h->owner_data, stream_of(h, f->hd.stream_id));
    end_block(h);
}

static int on_frame(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    if (f->hd.type == NGHTTP2_RST_STREAM)
        h->reset_id = f->hd.stream_id; /* it is closed after this call */
    if (f->hd.type == NGHTTP2_HEADERS)
        on_headers(h, f);
    else if (f->hd.type == NGHTTP2_DATA && (f->hd.flags & NGHTTP2_FLAG_END_STREAM) &&
             stream_of(h, f->hd.stream_id) != NULL)
        h->owner->ended(h->owner_data, stream_of(h, f->hd.stream_id));
    return 0;
}

static int on_data(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *at, size_t len,
                   void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    void *stream = stream_of(h, id);
    if (stream != NULL)
        h->owner->body(h->owner_data, stream, weir_span(at, len),
                       (flags & NGHTTP2_FLAG_END_STREAM) && h->skip == 0);
    else /* nobody wants them any longer */
        weir_h2_take_connection(h, len);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    void *stream = stream_of(h, id);
    bool ended = nghttp2_session_get_stream_remote_close(h->session, id) == 1;
    remember_closed(h, id, ended || h->reset_id == id);
    if (h->block_id == id)
        end_block(h);
    if (stream == NULL)
        return 0;
    weir_h2_attach(h, id, NULL);
    h->owner->closed(h->owner_data, stream, code);
    return 0;
}

/* -- frames that go -- */

static ssize_t on_read(nghttp2_session *s, int32_t id, uint8_t *buf, size_t len, uint32_t *flags,
                       nghttp2_data_source *source, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    void *stream = stream_of(h, id);
    bool last = false;
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    size_t waiting = h->owner->waiting(h->owner_data, stream, &last);
    if (waiting == 0 && !last)
        return NGHTTP2_ERR_DEFERRED;
    size_t n = waiting < len ? waiting : len;
    if (n > 0)
        *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (n == waiting && last)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static int on_send_data(nghttp2_session *s, nghttp2_frame *f, const uint8_t *head, size_t len,
                        nghttp2_data_source *source, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    WEIR_ASSERT_CMP(f->data.padlen, ==, 0);
    void *stream = stream_of(h, f->hd.stream_id);
    if (stream == NULL)
        return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    weir_h2_flood_earn(&h->flood, WEIR_H2_FLOOD_WINDOWS, WINDOWS_OF_FRAME);
    if (h->owner->frame(h->owner_data, stream, weir_span(head, WEIR_H2_FRAME_HEAD), len))
        return 0;
    h->paused = true;
    return NGHTTP2_ERR_PAUSE;
}

static bool is_push(int32_t id)
{
    return id % 2 == 0;
}

/* A stream that the client's fault has ended counts like one that it reset: what it asked for has
 * been begun. */
static int on_sent(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    if (f->hd.type == NGHTTP2_PUSH_PROMISE) {
        h->owner->promised(h->owner_data, f->push_promise.promised_stream_id, true);
        return 0;
    }
    if (f->hd.type == NGHTTP2_RST_STREAM && !is_push(f->hd.stream_id) &&
        f->rst_stream.error_code != NGHTTP2_NO_ERROR &&
        f->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR) {
        enum weir_h2_flood_kind kind = f->rst_stream.error_code == NGHTTP2_REFUSED_STREAM
                                           ? WEIR_H2_FLOOD_REFUSED
                                           : WEIR_H2_FLOOD_RESETS;
        if (!weir_h2_flood_take(&h->flood, kind, h->now->ms))
            weir_h2_note_flood(h, kind);
        return 0;
    }
    bool ends = (f->hd.type == NGHTTP2_HEADERS || f->hd.type == NGHTTP2_DATA) &&
                (f->hd.flags & NGHTTP2_FLAG_END_STREAM);
    void *stream = ends ? stream_of(h, f->hd.stream_id) : NULL;
    if (stream != NULL)
        h->owner->last(h->owner_data, stream);
    return 0;
}

/* A head that cannot be sent leaves its stream without a response. */
static int on_not_sent(nghttp2_session *s, const nghttp2_frame *f, int code, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    if (f->hd.type == NGHTTP2_PUSH_PROMISE)
        h->owner->promised(h->owner_data, f->push_promise.promised_stream_id, false);
    else if (f->hd.type == NGHTTP2_HEADERS && stream_of(h, f->hd.stream_id) != NULL)
        weir_h2_reset(h, f->hd.stream_id, WEIR_H2_INTERNAL_ERROR);
    return 0;
}

static nghttp2_nv nv_of(const struct weir_span_pair *f)
{
    return (nghttp2_nv){ (uint8_t *)(uintptr_t)f->name.at, (uint8_t *)(uintptr_t)f->value.at,
                         f->name.len, f->value.len, NGHTTP2_NV_FLAG_NONE };
}

bool weir_h2_takes_pushes(const struct weir_h2 *h)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    return weir_h2_is_open(h) &&
           nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_ENABLE_PUSH) != 0;
}

uint32_t weir_h2_pushes_max(const struct weir_h2 *h)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    return nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
}

enum weir_err weir_h2_promise(struct weir_h2 *h, int32_t id, const struct weir_span_pair *fields,
                              size_t num, int32_t *ret_id)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    WEIR_ASSERT(num > 0 && num <= WEIR_H2_PROMISE_FIELDS_MAX);
    nghttp2_nv *nv = h->shared->fields;
    uint64_t list = 0;
    for (size_t i = 0; i < num; i++) {
        nv[i] = nv_of(&fields[i]);
        list += fields[i].name.len + fields[i].value.len + WEIR_H2_FIELD_COST;
    }
    if (list >
        nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE))
        return WEIR_ELIMIT;
    int32_t rv = nghttp2_submit_push_promise(h->session, NGHTTP2_FLAG_NONE, id, nv, num, NULL);
    if (rv > 0) {
        *ret_id = rv;
        return WEIR_OK;
    }
    weir_h2_expect(h, rv);
    return rv == NGHTTP2_ERR_NOMEM ? WEIR_ENOMEM : WEIR_ECLOSED;
}

enum weir_err weir_h2_respond(struct weir_h2 *h, int32_t id, const struct weir_h2_response *r)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    WEIR_ASSERT(r->status >= 100 && r->status <= 999);
    WEIR_ASSERT_CMP(r->num, <=, WEIR_H2_RESPONSE_FIELDS_MAX);
    nghttp2_nv *nv = h->shared->fields;
    uint8_t status[3] = { (uint8_t)('0' + r->status / 100), (uint8_t)('0' + r->status / 10 % 10),
                          (uint8_t)('0' + r->status % 10) };
    nv[0] = (nghttp2_nv){ (uint8_t *)(uintptr_t) ":status", status, 7, 3, NGHTTP2_NV_FLAG_NONE };
    for (size_t i = 0; i < r->num; i++)
        nv[i + 1] = nv_of(&r->fields[i]);
    nghttp2_data_provider data = { .read_callback = on_read };
    int rv =
        r->status < 200
            ? nghttp2_submit_headers(h->session, NGHTTP2_FLAG_NONE, id, NULL, nv, r->num + 1, NULL)
            : nghttp2_submit_response(h->session, id, nv, r->num + 1, r->ends ? NULL : &data);
    weir_h2_expect(h, rv);
    return rv >= 0 ? WEIR_OK : rv == NGHTTP2_ERR_NOMEM ? WEIR_ENOMEM : WEIR_ECLOSED;
}

void weir_h2_frames_set(nghttp2_session_callbacks *c)
{
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_not_sent);
}
