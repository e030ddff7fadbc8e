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

/* @return for nghttp2: go on, or end */
static int count_frame(struct weir_h2 *h, enum weir_h2_flood_kind kind)
{
    if (weir_h2_flood_take(&h->flood, kind, h->now->ms))
        return 0;
    weir_h2_note_flood(h, kind);
    return NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* -- frames that come -- */

static int on_begin_frame(nghttp2_session *s, const nghttp2_frame_hd *hd, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    h->begun = true;
    switch (hd->type) {
    case NGHTTP2_DATA:
        return hd->length == 0 && !(hd->flags & NGHTTP2_FLAG_END_STREAM)
                   ? count_frame(h, WEIR_H2_FLOOD_EMPTY)
                   : 0;
    case NGHTTP2_RST_STREAM:
        return count_frame(h, WEIR_H2_FLOOD_RESETS);
    case NGHTTP2_PING:
        return hd->flags & NGHTTP2_FLAG_ACK ? 0 : count_frame(h, WEIR_H2_FLOOD_PINGS);
    case NGHTTP2_SETTINGS:
        return count_frame(h, WEIR_H2_FLOOD_SETTINGS);
    case NGHTTP2_PRIORITY:
    case NGHTTP2_PRIORITY_UPDATE:
        return count_frame(h, WEIR_H2_FLOOD_PRIORITIES);
    case NGHTTP2_WINDOW_UPDATE:
        return count_frame(h, WEIR_H2_FLOOD_WINDOWS);
    case NGHTTP2_HEADERS:
    case NGHTTP2_CONTINUATION:
    case NGHTTP2_PUSH_PROMISE:
    case NGHTTP2_GOAWAY:
        return 0;
    default:
        return count_frame(h, WEIR_H2_FLOOD_UNKNOWN);
    }
}

/* Trailers are not passed on, but read to their end: the table of the compression depends on them.
 */
static int on_begin_headers(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    weir_h2_request_deinit(&h->request);
    weir_h2_request_init(&h->request, h->shared->memory.buffers, h->list_max);
    h->block_id = f->hd.stream_id;
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
        h->owner->body(h->owner_data, stream, weir_span(at, len));
    else /* nobody wants them any longer */
        weir_h2_take_connection(h, len);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    void *stream = stream_of(h, id);
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

/* A stream that the client's fault has ended counts like one that it reset: what it asked for has
 * been begun. */
static int on_sent(nghttp2_session *s, const nghttp2_frame *f, void *data)
{
    struct weir_h2 *h = h2_of(data);
    WEIR_DCHECK(s == h->session);
    if (f->hd.type == NGHTTP2_RST_STREAM && f->rst_stream.error_code != NGHTTP2_NO_ERROR &&
        f->rst_stream.error_code != NGHTTP2_INTERNAL_ERROR) {
        if (!weir_h2_flood_take(&h->flood, WEIR_H2_FLOOD_RESETS, h->now->ms))
            weir_h2_note_flood(h, WEIR_H2_FLOOD_RESETS);
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
    if (f->hd.type == NGHTTP2_HEADERS && stream_of(h, f->hd.stream_id) != NULL)
        weir_h2_reset(h, f->hd.stream_id, WEIR_H2_INTERNAL_ERROR);
    return 0;
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
    for (size_t i = 0; i < r->num; i++) {
        struct weir_span name = r->fields[i].name;
        struct weir_span value = r->fields[i].value;
        nv[i + 1] = (nghttp2_nv){ (uint8_t *)(uintptr_t)name.at, (uint8_t *)(uintptr_t)value.at,
                                  name.len, value.len, NGHTTP2_NV_FLAG_NONE };
    }
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
    nghttp2_session_callbacks_set_on_begin_frame_callback(c, on_begin_frame);
    nghttp2_session_callbacks_set_on_begin_headers_callback(c, on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(c, on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(c, on_frame);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(c, on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(c, on_close);
    nghttp2_session_callbacks_set_send_data_callback(c, on_send_data);
    nghttp2_session_callbacks_set_on_frame_send_callback(c, on_sent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(c, on_not_sent);
}
