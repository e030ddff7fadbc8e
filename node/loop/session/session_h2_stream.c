/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h2_stream.c - the streams of an HTTP/2 connection: requests that come, bodies both ways,
 * and the client's side of each exchange.
 */
#include "node/base/log_filter.h"
#include "node/exchange/exchange.h"
#include "node/loop/loop.h"
#include "node/loop/session/session_h2.h"

static struct weir_h2_stream *stream_of(void *p)
{
    struct weir_h2_stream *s = p;
    WEIR_ASSERT(s != NULL);
    WEIR_ASSERT(s->magic == WEIR_H2_STREAM_MAGIC);
    return s;
}

static struct weir_h2_stream *stream_of_side(const struct weir_client_side *c)
{
    return stream_of(
        weir_container_of((struct weir_client_side *)(uintptr_t)c, struct weir_h2_stream, side));
}

static struct weir_h2_link *link_of(void *p)
{
    struct weir_h2_link *l = p;
    WEIR_ASSERT(l != NULL);
    WEIR_ASSERT(l->h->s.magic == WEIR_SESSION_MAGIC);
    return l;
}

static struct weir_worker *worker_of(const struct weir_h2_link *l)
{
    return weir_worker_of(weir_h2_conn_of(l));
}

static const struct weir_client_ops side_ops;

/* -- life -- */

/* Give back what the client may send again. */
static void settle_window(struct weir_h2_link *l)
{
    if (l->owed == 0 || l->stashed > WEIR_H2_STASHED_MAX)
        return;
    weir_h2_take_connection(l->codec, l->owed);
    l->owed = 0;
}

static void use_stash(struct weir_h2_stream *s, size_t n)
{
    s->l->stashed -= (uint32_t)n;
    weir_stash_use(weir_h2_conn_of(s->l)->env->buffers, &s->in, n);
}

struct weir_h2_stream *weir_h2_stream_new(struct weir_h2_link *l)
{
    struct weir_h2_stream *s = weir_pool_get(&l->common->streams);
    if (s == NULL)
        return NULL;
    memset(s, 0, sizeof(*s));
    s->magic = WEIR_H2_STREAM_MAGIC;
    s->l = l;
    s->side.ops = &side_ops;
    s->side.idle_timeout_ms = l->idle_timeout_ms;
    weir_list_init(&s->link);
    weir_list_init(&s->wake_link);
    weir_list_init(&s->batch_link);
    weir_list_init(&s->sent_link);
    weir_list_append(&l->streams, &s->link);
    return s;
}

/* A stream of the client. */
static struct weir_h2_stream *accept_stream(struct weir_h2_link *l, int32_t id)
{
    struct weir_h2_stream *s = weir_h2_stream_new(l);
    if (s == NULL)
        return NULL;
    s->id = id;
    l->num_streams++;
    weir_h2_attach(l->codec, id, s);
    return s;
}

/* Pieces of the batch may point into it: its memory stays until that is sent. */
void weir_h2_stream_end(struct weir_h2_stream *s)
{
    struct weir_h2_link *l = s->l;
    bool counted = s->promise == NULL;
    WEIR_ASSERT(!s->dead);
    WEIR_ASSERT(s->side.x == NULL);
    s->dead = true;
    weir_exchange_drop_held(&s->side);
    l->idle_timeout_ms = s->side.idle_timeout_ms;
    if (!s->closed)
        weir_h2_attach(l->codec, s->id, NULL);
    weir_list_remove(&s->wake_link);
    weir_list_remove(&s->sent_link);
    weir_list_remove(&s->link);
    weir_list_append(&l->dead, &s->link);
    use_stash(s, weir_stash_span(s->in).len);
    settle_window(l);
    if (s->pushed)
        weir_h2_push_ended(s);
    l->num_streams -= counted;
    if (l->num_streams == 0 && counted)
        l->idle_ms = weir_h2_conn_of(l)->env->now->ms;
}

void weir_h2_streams_bury(struct weir_h2_link *l)
{
    struct weir_buffers *b = weir_h2_conn_of(l)->env->buffers;
    WEIR_ASSERT(weir_list_empty(&l->batched));
    while (!weir_list_empty(&l->dead)) {
        struct weir_h2_stream *s = weir_container_of(l->dead.next, struct weir_h2_stream, link);
        weir_list_remove(&s->link);
        weir_outq_clear(b, &s->out);
        s->magic = 0;
        weir_pool_release(&l->common->streams, s);
    }
}

/* A stream without an exchange is one that is only promised. */
static void cut_stream(struct weir_h2_stream *s, enum weir_access_outcome outcome)
{
    if (s->side.x != NULL)
        weir_exchange_client_gone(s->side.x, outcome);
    else
        weir_h2_stream_end(s);
}

void weir_h2_streams_cut(struct weir_h2_link *l, enum weir_access_outcome outcome)
{
    while (!weir_list_empty(&l->streams)) {
        struct weir_h2_stream *s = weir_container_of(l->streams.next, struct weir_h2_stream, link);
        cut_stream(s, outcome);
        WEIR_ASSERT(s->dead);
    }
}

/* -- the client's side of an exchange -- */

static const struct weir_addr *side_peer(const struct weir_client_side *side)
{
    return &stream_of_side(side)->l->h->s.peer;
}

static const struct weir_addr *side_local(const struct weir_client_side *side)
{
    return &stream_of_side(side)->l->h->s.local;
}

static const struct weir_tls *side_tls(const struct weir_client_side *side)
{
    return weir_session_tls_of(&stream_of_side(side)->l->h->s);
}

static void side_wake(struct weir_client_side *side)
{
    struct weir_h2_stream *s = stream_of_side(side);
    if (weir_list_empty(&s->wake_link))
        weir_list_append(&s->l->woken, &s->wake_link);
    weir_h2_link_schedule(s->l, true);
}

static enum weir_sent side_send(struct weir_client_side *side, const struct weir_pieces *p)
{
    struct weir_h2_stream *s = stream_of_side(side);
    bool was_empty = s->out.len == 0;
    if (s->closed)
        return WEIR_SENT_LOST;
    if (weir_outq_add(weir_h2_conn_of(s->l)->env->buffers, &s->out, p, 0) < 0)
        return WEIR_SENT_NO_MEMORY;
    weir_list_remove(&s->sent_link);
    if (was_empty)
        weir_h2_resume(s->l->codec, s->id);
    weir_h2_link_schedule(s->l, false);
    return WEIR_SENT;
}

static enum weir_sent side_head(struct weir_client_side *side,
                                const struct weir_response_fields *fields)
{
    struct weir_h2_stream *s = stream_of_side(side);
    struct weir_h2_response r = {
        .status = fields->status, .ends = fields->ends, .num = fields->num, .fields = fields->fields
    };
    if (s->closed || (s->pushed && fields->status >= 300))
        return WEIR_SENT_LOST; /* a client that asks itself may be served otherwise */
    if (s->pushed && fields->status < 200)
        return WEIR_SENT;
    if (fields->status >= 200) {
        weir_h2_push_links(s, fields);
        weir_h2_hint_learn(s, fields);
    }
    enum weir_err err = weir_h2_respond(s->l->codec, s->id, &r);
    if (err < 0)
        return err == WEIR_ENOMEM ? WEIR_SENT_NO_MEMORY : WEIR_SENT_LOST;
    weir_h2_link_schedule(s->l, false);
    return WEIR_SENT;
}

static void side_finish(struct weir_client_side *side)
{
    struct weir_h2_stream *s = stream_of_side(side);
    s->finished = true;
    if (s->out.len == 0 && !s->closed)
        weir_h2_resume(s->l->codec, s->id);
    weir_h2_link_schedule(s->l, false);
}

static bool side_blocked(const struct weir_client_side *side)
{
    const struct weir_h2_stream *s = stream_of_side(side);
    return s->out.len > 0 || (s->finished && !s->last_sent);
}

/* While the whole connection is held up by a client that reads slowly, what it takes of the
 * connection counts for each stream that it lets send. */
static uint64_t side_taken(const struct weir_client_side *side)
{
    struct weir_h2_stream *s = stream_of_side(side);
    const struct weir_conn *c = weir_h2_conn_of(s->l);
    if (weir_conn_blocked(c) && weir_h2_window(s->l->codec, s->id) > 0) {
        uint64_t confirmed = weir_conn_confirmed(c);
        if (s->confirmed != 0 && confirmed > s->confirmed)
            s->credit += confirmed - s->confirmed;
        s->confirmed = confirmed;
    } else {
        s->confirmed = 0;
    }
    return s->given + s->credit;
}

static void side_end(struct weir_client_side *side, enum weir_client_end how)
{
    struct weir_h2_stream *s = stream_of_side(side);
    struct weir_h2_link *l = s->l;
    bool whole = how != WEIR_CLIENT_CUT && how != WEIR_CLIENT_GONE;
    WEIR_ASSERT(!whole || s->last_sent);
    if (!s->closed && !whole)
        weir_h2_reset(l->codec, s->id, s->pushed ? WEIR_H2_CANCEL : WEIR_H2_INTERNAL_ERROR);
    else if (!s->closed && !s->request_ended) /* RFC 9113 8.1: the rest of it is not wanted */
        weir_h2_reset(l->codec, s->id, WEIR_H2_NO_ERROR);
    weir_h2_stream_end(s);
    weir_h2_link_schedule(l, false);
}

static const struct weir_client_ops side_ops = {
    .peer = side_peer,
    .local = side_local,
    .tls = side_tls,
    .send = side_send,
    .head = side_head,
    .finish = side_finish,
    .blocked = side_blocked,
    .taken = side_taken,
    .wake = side_wake,
    .end = side_end,
};

/* -- bodies of requests -- */

/* The part of `in` that may be used. What would make the request whole waits for the end of its
 * stream: until then the client may send more than it has declared, and the endpoint must not see a
 * request that is malformed. */
static struct weir_span usable(const struct weir_h2_stream *s, struct weir_span in)
{
    const struct weir_body *b = &s->side.x->req_body;
    if (!s->request_ended && b->in == WEIR_BODY_LENGTH && !b->done && in.len >= b->left)
        in.len = (size_t)b->left - 1;
    return in;
}

static bool wants_input(const struct weir_h2_stream *s)
{
    const struct weir_exchange *x = s->side.x;
    return weir_exchange_wants_input(x) && (s->request_ended || x->req_body.in != WEIR_BODY_NONE);
}

/* @return false: nothing more can be used now */
static bool offer_once(struct weir_h2_stream *s)
{
    struct weir_exchange *x = s->side.x;
    if (s->dead || !wants_input(s))
        return false;
    struct weir_span in = usable(s, weir_stash_span(s->in));
    if (in.len == 0 && s->request_ended && x->req_body.in == WEIR_BODY_CLOSE && !x->req_body.done) {
        weir_exchange_request_end(x);
        return false;
    }
    size_t n = weir_exchange_request_input(x, in);
    if (s->dead)
        return false;
    use_stash(s, n);
    weir_h2_take(s->l->codec, s->id, n);
    return n > 0 || (in.len == 0 && s->request_ended && x->req_body.in == WEIR_BODY_CLOSE);
}

/* The first offer sends the head, if it is not sent yet. */
static void offer_input(struct weir_h2_stream *s)
{
    while (offer_once(s))
        continue;
    settle_window(s->l);
}

void weir_h2_streams_offer(struct weir_h2_link *l)
{
    while (!weir_list_empty(&l->woken)) {
        struct weir_h2_stream *s =
            weir_container_of(l->woken.next, struct weir_h2_stream, wake_link);
        weir_list_remove(&s->wake_link);
        if (s->promise != NULL)
            weir_h2_push_begin(s);
        else
            offer_input(s);
    }
}

void weir_h2_streams_flushed(struct weir_h2_link *l)
{
    while (!weir_list_empty(&l->sent) && !weir_conn_blocked(weir_h2_conn_of(l)) && !l->lost) {
        struct weir_h2_stream *s =
            weir_container_of(l->sent.next, struct weir_h2_stream, sent_link);
        weir_list_remove(&s->sent_link);
        WEIR_ASSERT(!s->dead);
        if (!side_blocked(&s->side))
            weir_exchange_flushed(s->side.x);
    }
}

static void on_body(void *owner, void *stream, struct weir_span bytes, bool last)
{
    struct weir_h2_link *l = link_of(owner);
    struct weir_h2_stream *s = stream_of(stream);
    size_t used = 0;
    s->request_ended = s->request_ended || last;
    l->owed += (uint32_t)bytes.len;
    if (s->in == NULL && wants_input(s)) {
        used = weir_exchange_request_input(s->side.x, usable(s, bytes));
        if (!s->dead)
            weir_h2_take(l->codec, s->id, used);
    }
    if (!s->dead && used < bytes.len) {
        struct weir_span rest = weir_span_from(bytes, used);
        if (weir_stash_append(weir_h2_conn_of(l)->env->buffers, &s->in, rest) < 0) {
            weir_metric_add(worker_of(l)->metrics, WEIR_M_POOL_EXHAUSTED, 1);
            weir_exchange_client_gone(s->side.x, WEIR_OUTCOME_OVERLOAD);
        } else {
            l->stashed += (uint32_t)rest.len;
        }
    }
    settle_window(l);
}

/* The codec has checked Content-Length against what came. What goes to an endpoint must not depend
 * on that alone. */
static bool has_wrong_length(const struct weir_h2_stream *s)
{
    const struct weir_body *b = &s->side.x->req_body;
    return s->request_ended && b->in == WEIR_BODY_LENGTH && b->left != weir_stash_span(s->in).len;
}

static void refuse_length(struct weir_h2_stream *s)
{
    struct weir_h2_link *l = s->l;
    weir_metric_add(worker_of(l)->metrics, WEIR_M_REQUESTS_MALFORMED, 1);
    weir_h2_reset(l->codec, s->id, WEIR_H2_PROTOCOL_ERROR);
    weir_exchange_client_gone(s->side.x, WEIR_OUTCOME_MALFORMED);
}

static void on_ended(void *owner, void *stream)
{
    struct weir_h2_stream *s = stream_of(stream);
    WEIR_DCHECK(s->l == owner);
    s->request_ended = true;
    if (has_wrong_length(s))
        refuse_length(s);
    else
        offer_input(s);
}

/* -- requests -- */

static void refuse_request(struct weir_h2_stream *s, struct weir_refusal r,
                           const struct weir_h2_request *req)
{
    const uint8_t *bytes = req->text != NULL ? req->text->bytes : NULL;
    if (bytes != NULL && r.read.method.len == 0) {
        r.read.method = weir_span(bytes + req->method.at, req->method.len);
        r.read.target = weir_span(bytes + req->path.at, req->path.len);
        r.read.host = weir_span(bytes + req->authority.at, req->authority.len);
    }
    if (r.fault != WEIR_FAULT_NONE)
        weir_metric_add(worker_of(s->l)->metrics, WEIR_M_REQUESTS_MALFORMED, 1);
    weir_exchange_refuse(&worker_of(s->l)->exchange, &s->side, &r);
}

void weir_h2_stream_begin(struct weir_h2_stream *s, const struct weir_h1_head *head,
                          const uint8_t *bytes)
{
    struct weir_h2_link *l = s->l;
    struct weir_worker *w = worker_of(l);
    if (WEIR_UNLIKELY(atomic_load_explicit(&w->inbox_ready, memory_order_acquire)))
        weir_worker_drain_inbox(w);
    weir_exchange_begin(&w->exchange, &s->side, head, bytes);
    if (s->dead)
        return;
    l->account = s->side.x->account;
    weir_h2_push_asked(s, head, bytes);
    weir_h2_hint_begun(s, head, bytes);
    if (has_wrong_length(s))
        refuse_length(s);
    else
        offer_input(s);
}

/* The header block as a head of HTTP/1. */
static void serve_request(struct weir_h2_stream *s, const struct weir_h2_request *r,
                          struct weir_span text)
{
    struct weir_h1_head *head = &worker_of(s->l)->request_head;
    weir_h1_head_init(head, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    enum weir_step step = weir_h1_head_feed(head, text);
    if (step == WEIR_STEP_DONE && head->head_len == text.len) {
        weir_h2_stream_begin(s, head, text.at);
        return;
    }
    enum weir_h1_fault fault = step == WEIR_STEP_FAIL ? head->fault : WEIR_FAULT_LINE_END;
    refuse_request(s,
                   (struct weir_refusal){ .fault = fault,
                                          .status = weir_h1_fault_status(fault),
                                          .outcome = WEIR_OUTCOME_MALFORMED },
                   r);
}

/* Whether the connection may have one stream more. Those that were reset lately still count: their
 * work at an endpoint may go on. */
static bool has_slot(struct weir_h2_link *l)
{
    if (l->num_streams + weir_h2_debt(l->codec) < WEIR_H2_STREAMS_MAX)
        return true;
    weir_metric_add(worker_of(l)->metrics, WEIR_M_H2_STREAMS_REFUSED, 1);
    return false;
}

static void on_request(void *owner, int32_t id, struct weir_h2_request *r, bool ends)
{
    static const struct weir_refusal for_size = { .fault = WEIR_FAULT_HEAD_TOO_BIG,
                                                  .status = 431,
                                                  .outcome = WEIR_OUTCOME_MALFORMED };
    static const struct weir_refusal for_fields = { .fault = WEIR_FAULT_TOO_MANY_FIELDS,
                                                    .status = 431,
                                                    .outcome = WEIR_OUTCOME_MALFORMED };
    static const struct weir_refusal for_memory = { .status = 503,
                                                    .outcome = WEIR_OUTCOME_OVERLOAD };
    struct weir_h2_link *l = link_of(owner);
    struct weir_span text = WEIR_SPAN_EMPTY;
    enum weir_h2_request_fault fault = weir_h2_request_end(r, ends, &text);
    l->served = true;
    l->begun++;
    l->h->s.requests++;
    if (fault == WEIR_H2_REQUEST_MALFORMED) {
        weir_metric_add(worker_of(l)->metrics, WEIR_M_REQUESTS_MALFORMED, 1);
        weir_h2_reset(l->codec, id, WEIR_H2_PROTOCOL_ERROR);
        return;
    }
    struct weir_h2_stream *s = has_slot(l) ? accept_stream(l, id) : NULL;
    if (s == NULL) {
        weir_h2_reset(l->codec, id, WEIR_H2_REFUSED_STREAM);
        return;
    }
    s->request_ended = ends;
    switch (fault) {
    case WEIR_H2_REQUEST_OK:
        serve_request(s, r, text);
        break;
    case WEIR_H2_REQUEST_TOO_BIG:
        refuse_request(s, for_size, r);
        break;
    case WEIR_H2_REQUEST_TOO_MANY:
        refuse_request(s, for_fields, r);
        break;
    case WEIR_H2_REQUEST_NO_MEMORY:
        weir_metric_add(worker_of(l)->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        refuse_request(s, for_memory, r);
        break;
    case WEIR_H2_REQUEST_MALFORMED:
    case WEIR_H2_REQUEST_FLOOD:
        WEIR_UNREACHABLE();
    }
}

/* -- the rest of what the codec tells -- */

static void on_closed(void *owner, void *stream, uint32_t code)
{
    struct weir_h2_stream *s = stream_of(stream);
    WEIR_DCHECK(s->l == owner);
    WEIR_ASSERT(!s->dead);
    s->closed = true;
    if (!s->last_sent)
        cut_stream(s, code == WEIR_H2_PROTOCOL_ERROR ? WEIR_OUTCOME_MALFORMED
                                                     : WEIR_OUTCOME_CLIENT_GONE);
}

static size_t on_waiting(void *owner, void *stream, bool *ret_last)
{
    const struct weir_h2_stream *s = stream_of(stream);
    WEIR_DCHECK(s->l == owner);
    *ret_last = s->finished;
    return s->out.len - s->batched;
}

static bool on_data_frame(void *owner, void *stream, struct weir_span head, size_t len)
{
    struct weir_h2_stream *s = stream_of(stream);
    WEIR_DCHECK(s->l == owner);
    return weir_h2_output_frame(s, head, len);
}

static void on_last(void *owner, void *stream)
{
    struct weir_h2_stream *s = stream_of(stream);
    WEIR_DCHECK(s->l == owner);
    s->last_sent = true;
    if (weir_list_empty(&s->sent_link))
        weir_list_append(&s->l->sent, &s->sent_link);
}

const struct weir_h2_owner weir_h2_stream_owner = {
    .request = on_request,
    .body = on_body,
    .ended = on_ended,
    .closed = on_closed,
    .waiting = on_waiting,
    .frame = on_data_frame,
    .last = on_last,
    .promised = weir_h2_push_promised,
};
