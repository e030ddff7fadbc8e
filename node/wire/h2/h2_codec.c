/* SPDX-License-Identifier: Apache-2.0
 *
 * h2_codec.c - see h2.h: what the owner calls. The callbacks of nghttp2 are in h2_frames.c.
 */
#include <stdlib.h>
#include <string.h>

#include <nghttp2/nghttp2.h>

#include "node/wire/h2/h2.h"
#include "node/wire/h2/h2_private.h"

#define DEFLATE_TABLE_LEN 2048 /* bytes: the fields that each response of a site repeats */
#define ACKS_MAX          256  /* responses to SETTINGS and PING that wait to be sent */

/* -- what is shared -- */

struct weir_h2_shared *weir_h2_shared_new(struct weir_buffers *buffers)
{
    struct weir_h2_shared *s = calloc(1, sizeof(*s));
    if (s == NULL)
        return NULL;
    weir_h2_memory_init(&s->memory, buffers);
    weir_pool_init(&s->connections, sizeof(struct weir_h2), 32, 1u << 20);
    s->fields = calloc(WEIR_H2_RESPONSE_FIELDS_MAX + 1, sizeof(nghttp2_nv));
    if (s->fields == NULL || nghttp2_session_callbacks_new(&s->callbacks) != 0 ||
        nghttp2_option_new(&s->option) != 0) {
        weir_h2_shared_free(&s);
        return NULL;
    }
    weir_h2_frames_set(s->callbacks);
    nghttp2_option_set_no_auto_window_update(s->option, 1);
    nghttp2_option_set_no_closed_streams(s->option, 1);
    nghttp2_option_set_builtin_recv_extension_type(s->option, NGHTTP2_PRIORITY_UPDATE);
    nghttp2_option_set_max_deflate_dynamic_table_size(s->option, DEFLATE_TABLE_LEN);
    nghttp2_option_set_max_outbound_ack(s->option, ACKS_MAX);
    return s;
}

void weir_h2_shared_free(struct weir_h2_shared **sp)
{
    struct weir_h2_shared *s = *sp;
    if (s == NULL)
        return;
    nghttp2_session_callbacks_del(s->callbacks);
    nghttp2_option_del(s->option);
    weir_pool_deinit(&s->connections);
    weir_h2_memory_deinit(&s->memory);
    free(s->fields);
    free(s);
    *sp = NULL;
}

/* -- memory: what nghttp2 calls -- */

static void *h2_malloc(size_t len, void *u)
{
    return weir_h2_malloc(u, len);
}

static void *h2_calloc(size_t num, size_t len, void *u)
{
    return weir_h2_calloc(u, num, len);
}

static void *h2_realloc(void *p, size_t len, void *u)
{
    return weir_h2_realloc(u, p, len);
}

static void h2_free(void *p, void *u)
{
    weir_h2_release(u, p);
}

/* -- life -- */

static bool begin_session(struct weir_h2 *h, const struct weir_h2_setup *setup)
{
    nghttp2_mem mem = { &h->use, h2_malloc, h2_free, h2_calloc, h2_realloc };
    nghttp2_settings_entry settings[] = {
        { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, setup->max_streams },
        { NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, setup->list_max },
        { NGHTTP2_SETTINGS_NO_RFC7540_PRIORITIES, 1 },
    };
    h->use.making = true;
    int rv =
        nghttp2_session_server_new3(&h->session, h->shared->callbacks, h, h->shared->option, &mem);
    h->use.making = false;
    if (rv != 0)
        return false;
    return nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, settings,
                                   WEIR_ARRAY_LEN(settings)) == 0 &&
           nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
                                                 WEIR_H2_CONNECTION_WINDOW) == 0;
}

struct weir_h2 *weir_h2_new(const struct weir_h2_setup *setup)
{
    WEIR_ASSERT(setup->list_max > 0 && setup->list_max <= WEIR_H2_LIST_MAX);
    struct weir_h2 *h = weir_pool_get(&setup->shared->connections);
    if (h == NULL)
        return NULL;
    *h = (struct weir_h2){
        .magic = WEIR_H2_MAGIC,
        .shared = setup->shared,
        .owner = setup->owner,
        .owner_data = setup->owner_data,
        .now = setup->now,
        .list_max = setup->list_max,
        .flooded = WEIR_H2_FLOOD_KINDS,
        .skip = NGHTTP2_CLIENT_MAGIC_LEN,
    };
    weir_h2_use_init(&h->use, &setup->shared->memory, setup->account);
    weir_h2_flood_init(&h->flood, setup->now->ms);
    if (!begin_session(h, setup))
        weir_h2_free(&h);
    return h;
}

void weir_h2_free(struct weir_h2 **hp)
{
    struct weir_h2 *h = *hp;
    if (h == NULL)
        return;
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    WEIR_ASSERT(!h->busy);
    weir_h2_request_deinit(&h->request);
    nghttp2_session_del(h->session);
    weir_h2_use_deinit(&h->use);
    h->magic = 0;
    weir_pool_release(&h->shared->connections, h);
    *hp = NULL;
}

/* -- bytes -- */

static struct weir_h2_frame_head frame_head(const uint8_t *p)
{
    return (struct weir_h2_frame_head){
        .len = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2],
        .type = p[3],
        .flags = p[4],
        .id = (int32_t)((uint32_t)(p[5] & 0x7f) << 24 | (uint32_t)p[6] << 16 | (uint32_t)p[7] << 8 |
                        p[8]),
    };
}

/* The part of `in` that nghttp2 gets next: at most the rest of a frame, whose head is judged when
 * it is whole. nghttp2 itself tells nothing of frames that it ignores. @return 0: the connection
 * ends */
static size_t next_part(struct weir_h2 *h, struct weir_span in)
{
    size_t head = 0;
    if (h->skip == 0) {
        head = WEIR_H2_FRAME_HEAD - h->head_len;
        if (head > in.len)
            head = in.len;
        memcpy(h->head + h->head_len, in.at, head);
        h->head_len += (uint8_t)head;
        if (h->head_len < WEIR_H2_FRAME_HEAD)
            return head;
        struct weir_h2_frame_head f = frame_head(h->head);
        h->head_len = 0;
        h->begun = true;
        if (!weir_h2_frames_check(h, &f, weir_span_from(in, head)))
            return 0;
        h->skip = f.len;
    }
    size_t rest = in.len - head < h->skip ? in.len - head : h->skip;
    h->skip -= (uint32_t)rest;
    return head + rest;
}

void weir_h2_feed(struct weir_h2 *h, struct weir_span in)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    WEIR_ASSERT(!h->busy);
    ssize_t rv = 0;
    weir_h2_use_wake(&h->use);
    h->busy = true;
    while (in.len > 0 && rv >= 0 && weir_h2_is_open(h)) {
        size_t n = next_part(h, in);
        if (n == 0)
            break;
        rv = nghttp2_session_mem_recv(h->session, in.at, n);
        in = weir_span_from(in, n);
    }
    h->busy = false;
    if (rv == NGHTTP2_ERR_FLOODED)
        weir_h2_note_flood(h, WEIR_H2_FLOOD_ACKS);
    else if (rv == NGHTTP2_ERR_BAD_CLIENT_MAGIC)
        weir_h2_terminate(h, WEIR_H2_PROTOCOL_ERROR);
    else if (rv < 0 && !h->ended)
        weir_h2_terminate(h, WEIR_H2_INTERNAL_ERROR);
    h->ended = h->ended || rv < 0;
}

enum weir_step weir_h2_next(struct weir_h2 *h, struct weir_span *ret)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    WEIR_ASSERT(!h->busy);
    const uint8_t *at = NULL;
    if (nghttp2_session_want_write(h->session))
        weir_h2_use_wake(&h->use);
    h->busy = true;
    h->paused = false;
    ssize_t n = nghttp2_session_mem_send(h->session, &at);
    h->busy = false;
    if (n < 0)
        return WEIR_STEP_FAIL;
    *ret = weir_span(at, (size_t)n);
    return n > 0 || h->paused ? WEIR_STEP_SOME : WEIR_STEP_DONE;
}

bool weir_h2_wants_output(const struct weir_h2 *h)
{
    return nghttp2_session_want_write(h->session) != 0;
}

bool weir_h2_is_open(const struct weir_h2 *h)
{
    return !h->ended && nghttp2_session_want_read(h->session) != 0;
}

bool weir_h2_in_block(const struct weir_h2 *h)
{
    return h->block_id != 0;
}

bool weir_h2_has_begun(const struct weir_h2 *h)
{
    return h->begun;
}

enum weir_h2_flood_kind weir_h2_flooded(const struct weir_h2 *h)
{
    return (enum weir_h2_flood_kind)h->flooded;
}

void weir_h2_rest(struct weir_h2 *h)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    if (h->block_id == 0 && !weir_h2_wants_output(h))
        weir_h2_use_rest(&h->use);
}

uint32_t weir_h2_debt(struct weir_h2 *h)
{
    return weir_h2_flood_debt(&h->flood, WEIR_H2_FLOOD_RESETS, h->now->ms);
}

/* -- streams -- */

void weir_h2_expect(struct weir_h2 *h, int rv)
{
    h->ended = h->ended || nghttp2_is_fatal(rv);
}

void weir_h2_attach(struct weir_h2 *h, int32_t id, void *stream)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_session_set_stream_user_data(h->session, id, stream));
}

void weir_h2_resume(struct weir_h2 *h, int32_t id)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_session_resume_data(h->session, id));
}

void weir_h2_reset(struct weir_h2 *h, int32_t id, uint32_t code)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_submit_rst_stream(h->session, NGHTTP2_FLAG_NONE, id, code));
}

void weir_h2_take(struct weir_h2 *h, int32_t id, size_t n)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_session_consume_stream(h->session, id, n));
}

void weir_h2_take_connection(struct weir_h2 *h, size_t n)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_session_consume_connection(h->session, n));
}

int32_t weir_h2_window(const struct weir_h2 *h, int32_t id)
{
    int32_t stream = nghttp2_session_get_stream_remote_window_size(h->session, id);
    int32_t all = nghttp2_session_get_remote_window_size(h->session);
    return stream < all ? stream : all;
}

/* -- the end -- */

void weir_h2_announce_end(struct weir_h2 *h)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_submit_shutdown_notice(h->session));
}

void weir_h2_refuse_further(struct weir_h2 *h)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
                                            nghttp2_session_get_last_proc_stream_id(h->session),
                                            NGHTTP2_NO_ERROR, NULL, 0));
}

void weir_h2_terminate(struct weir_h2 *h, uint32_t code)
{
    WEIR_ASSERT(h->magic == WEIR_H2_MAGIC);
    weir_h2_expect(h, nghttp2_session_terminate_session(h->session, code));
    h->ended = true;
}

void weir_h2_note_flood(struct weir_h2 *h, enum weir_h2_flood_kind kind)
{
    if (h->flooded != WEIR_H2_FLOOD_KINDS)
        return;
    h->flooded = (uint8_t)kind;
    weir_h2_terminate(h, WEIR_H2_CALM);
}
