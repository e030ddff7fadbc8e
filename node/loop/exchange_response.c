/* SPDX-License-Identifier: Apache-2.0
 * exchange_response.c - the way of a response: parsed strictly, rewritten, passed on with
 * back-pressure; and weir's own responses.
 */
#include <string.h>

#include "node/base/clock.h"
#include "node/flow/local_response.h"
#include "node/loop/dial.h"
#include "node/loop/downstream.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/exchange.h"
#include "node/loop/origin_conn.h"
#include "node/loop/splice.h"

/* -- completion -- */

/* The client has all of the response: wait for its next request, or end the connection. */
static void finish_exchange(struct weir_exchange *x)
{
    struct weir_downstream *c = x->downstream;
    bool keep = x->plan.reuse_downstream && !x->close_after;
    if (keep && !x->req_body.done) {
        weir_downstream_move(c, WEIR_DOWNSTREAM_DRAIN);
        x->req_body.max = 0; /* WEIR_DRAIN_BODY_MAX bounds what is dropped */
        weir_exchange_start_phase(x, WEIR_PHASE_REQUEST);
        return;
    }
    c->linger = c->linger || !x->req_body.done || c->in != NULL;
    weir_exchange_end(x);
    if (keep)
        weir_downstream_next(c);
    else
        weir_downstream_finish(c);
}

static void finish_response(struct weir_exchange *x)
{
    struct weir_downstream *c = x->downstream;
    x->response_done = true;
    if (c->out.len > 0) {
        weir_exchange_start_phase(x, WEIR_PHASE_FLUSH);
        return;
    }
    weir_exchange_move(x, WEIR_PHASE_FLUSH);
    finish_exchange(x);
}

void weir_exchange_flushed(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    if (x->response_done) {
        finish_exchange(x);
        return;
    }
    if (x->origin == NULL)
        return;
    if (x->pipe[0] >= 0)
        weir_origin_conn_continue(x->origin);
    else
        weir_origin_conn_arm(x->origin);
}

/* -- weir's own responses -- */

/* The rest of the request's body may be read and dropped, so that the connection can go on. */
static bool can_drain_body(const struct weir_exchange *x)
{
    if (x->req_body.done)
        return true;
    return x->req_body.in == WEIR_BODY_CHUNKED || x->req_body.left <= WEIR_DRAIN_BODY_MAX;
}

static void leave_origin(struct weir_exchange *x)
{
    weir_endpoint_pool_unwait(x);
    weir_splice_end(x);
    weir_dial_cancel(x->dial);
    if (x->origin != NULL)
        weir_origin_conn_close(x->origin);
}

void weir_exchange_response(struct weir_exchange *x, uint16_t status,
                            enum weir_access_outcome outcome, struct weir_span why)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(status >= 300 && status <= 599);
    WEIR_ASSERT(!x->head_passed);
    struct weir_downstream *c = x->downstream;
    struct weir_worker *w = c->worker;
    bool keep =
        x->req.keep_alive && !x->close_after && !w->draining && !c->eof && can_drain_body(x);
    keep = keep && (!x->expects || x->req_body.done);
    struct weir_local_response a = {
        .status = status,
        .tenant = x->tenant,
        .reason_text = why,
        .request_id = weir_span(x->request_id, x->request_id_len),
        .location = outcome == WEIR_OUTCOME_REDIRECTED ? w->admit.location : WEIR_SPAN_EMPTY,
        .date = weir_span(w->date, WEIR_HTTP_DATE_LEN),
        .keep_alive = keep,
        .head_only = x->req.method == WEIR_METHOD_HEAD,
        .minor10 = x->req.minor == 0,
    };
    size_t len = 0;

    leave_origin(x);
    x->status = status;
    x->outcome = outcome;
    x->plan.reuse_downstream = keep;
    x->close_after = !keep;
    if (outcome == WEIR_OUTCOME_UNKNOWN_HOST)
        weir_metric_add(w->metrics, WEIR_M_REQUESTS_UNKNOWN_HOST, 1);
    if (outcome == WEIR_OUTCOME_REDIRECTED)
        weir_metric_add(w->metrics, WEIR_M_REQUESTS_REDIRECTED, 1);
    if (outcome == WEIR_OUTCOME_TOO_LARGE)
        weir_metric_add(w->metrics, WEIR_M_REQUESTS_TOO_LARGE, 1);
    struct weir_pieces *p = &w->pieces;
    weir_pieces_reset(p);
    p->hold = !keep;
    if (weir_local_response_write(&a, w->obuf, sizeof(w->obuf), &len) < 0 ||
        (weir_pieces_add(p, weir_span(w->obuf, len)), !weir_downstream_send(c, p))) {
        weir_exchange_end(x);
        weir_downstream_close(c, true);
        return;
    }
    const uint8_t *end = memmem(w->obuf, len, "\r\n\r\n", 4);
    x->passed_bytes = end ? len - (size_t)(end + 4 - w->obuf) : 0;
    finish_response(x);
}

void weir_exchange_refuse(struct weir_downstream *c, enum weir_h1_fault fault, uint16_t status,
                          enum weir_access_outcome outcome)
{
    struct weir_worker *w = c->worker;
    struct weir_exchange *x = weir_pool_get(&w->exchanges);
    if (x == NULL) {
        weir_downstream_close(c, true);
        return;
    }
    memset(x, 0, sizeof(*x));
    x->magic = WEIR_EXCHANGE_MAGIC;
    x->downstream = c;
    x->pipe[0] = x->pipe[1] = -1;
    x->start_ns = weir_worker_stamp_ns(c->worker);
    x->client = c->peer;
    x->fault = fault == WEIR_FAULT_NONE ? "" : weir_h1_fault_name(fault);
    x->req.minor = 1;
    x->close_after = true;
    weir_list_init(&x->wait_link);
    weir_exchange_make_id(x);
    weir_body_init(&x->req_body, WEIR_BODY_NONE, 0, false);
    c->x = x;
    weir_downstream_move(c, WEIR_DOWNSTREAM_EXCHANGE);
    c->linger = true;
    weir_exchange_response(x, status, outcome,
                           status == 408   ? WEIR_SPAN_LIT("The request did not arrive in time.")
                           : status == 503 ? WEIR_SPAN_LIT("The node has no memory to spare.")
                                           : WEIR_SPAN_LIT("The request is not valid HTTP."));
}

/* -- the endpoint's response -- */

static size_t rewrite_response(struct weir_exchange *x, const struct weir_h1_head *head,
                               const uint8_t *bytes)
{
    struct weir_worker *w = x->downstream->worker;
    struct weir_rewrite_response r = {
        .head = head,
        .bytes = bytes,
        .tenant = x->tenant,
        .downstream_minor = x->req.minor,
        .head_request = x->req.method == WEIR_METHOD_HEAD,
        .chunked = x->plan.out_chunked,
        .close = !x->plan.reuse_downstream,
        .date = w->date,
    };
    if (weir_rewrite_response_max(&r) > sizeof(w->obuf))
        return 0;
    return weir_rewrite_response(&r, w->obuf);
}

/* Pass an interim response (1xx) on and wait for the next head. @return false: the exchange is
 * over */
static bool pass_interim(struct weir_exchange *x, const struct weir_h1_head *head,
                         const uint8_t *bytes)
{
    struct weir_downstream *c = x->downstream;
    struct weir_worker *w = c->worker;
    x->interims++;
    if (!x->plan.pass_interim)
        return true;
    weir_metric_add(w->metrics, WEIR_M_REQUESTS_1XX, 1);
    weir_pieces_reset(&w->pieces);
    weir_pieces_add(&w->pieces, weir_span(w->obuf, rewrite_response(x, head, bytes)));
    bool sent = weir_downstream_send(c, &w->pieces);
    weir_pieces_reset(&w->pieces);
    if (!sent)
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
    return sent;
}

/* The final head: plan its body and rewrite it. Its bytes become the first of w->pieces, before the
 * first body bytes. @return false: it does not fit; nothing of the response may be passed on */
static bool begin_response(struct weir_exchange *x, const struct weir_h1_head *head,
                           const uint8_t *bytes)
{
    struct weir_worker *w = x->downstream->worker;
    x->status = head->status;
    x->origin->reusable = weir_h1_keeps_alive(head) && x->plan.body != WEIR_BODY_CLOSE;
    if (x->close_after)
        x->plan.reuse_downstream = false;
    weir_body_init(&x->res_body, x->plan.body, head->content_length, x->plan.out_chunked);
    size_t len = rewrite_response(x, head, bytes);
    if (len == 0)
        return false;
    weir_pieces_add(&w->pieces, weir_span(w->obuf, len));
    x->confirmed = x->downstream->given;
    weir_exchange_start_phase(x, WEIR_PHASE_TRANSFER);
    return true;
}

enum head_outcome { HEAD_MORE, HEAD_FINAL, HEAD_FAILED, HEAD_GONE };

static bool store_response_head(struct weir_origin_conn *u, const struct weir_h1_head *h)
{
    if (u->head != NULL)
        return true;
    u->head = weir_pool_get(&u->worker->heads);
    if (u->head == NULL)
        return false;
    weir_h1_head_move(u->head, h);
    return true;
}

static void release_response_head(struct weir_origin_conn *u)
{
    weir_pool_release(&u->worker->heads, u->head);
    u->head = NULL;
}

/* Read heads until the final one is complete. @param ret_used bytes of whole heads */
static enum head_outcome read_response_heads(struct weir_exchange *x, struct weir_span in,
                                             size_t *ret_used)
{
    struct weir_origin_conn *u = x->origin;
    struct weir_worker *w = u->worker;
    size_t used = 0;
    for (;;) {
        struct weir_span rest = weir_span_from(in, used);
        struct weir_h1_head *h = u->head;
        if (h == NULL) {
            h = &w->response_head;
            weir_h1_head_init(h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
        }
        *ret_used = used;
        switch (weir_h1_head_feed(h, rest)) {
        case WEIR_STEP_MORE:
            return store_response_head(u, h) ? HEAD_MORE : HEAD_FAILED;
        case WEIR_STEP_FAIL:
        case WEIR_STEP_SOME:
            x->fault = weir_h1_fault_name(h->fault);
            return HEAD_FAILED;
        case WEIR_STEP_DONE:
            break;
        }
        used += h->head_len;
        *ret_used = used;
        struct weir_response_facts facts = { .head = h,
                                             .interims = x->interims,
                                             .request_done = x->req_body.done,
                                             .last = w->draining || x->downstream->eof };
        if (!weir_plan_response(&facts, &x->req, &x->plan)) {
            x->fault = weir_h1_fault_name(WEIR_FAULT_UPGRADE);
            return HEAD_FAILED;
        }
        if (!x->plan.interim) {
            if (!begin_response(x, h, rest.at)) {
                x->fault = weir_h1_fault_name(WEIR_FAULT_HEAD_TOO_BIG);
                return HEAD_FAILED;
            }
            release_response_head(u);
            return HEAD_FINAL;
        }
        bool alive = pass_interim(x, h, rest.at);
        if (!alive)
            return HEAD_GONE;
        release_response_head(u);
        if (used == in.len)
            return HEAD_MORE;
    }
}

/* The endpoint's part is over: park its connection, or close it when anything about it is in
 * doubt. */
static void release_origin_conn(struct weir_exchange *x, size_t extra)
{
    struct weir_origin_conn *u = x->origin;
    struct weir_worker *w = u->worker;
    bool whole_request = x->req_body.done && u->out.len == 0 && x->head_sent && !u->broken;
    x->outcome = x->tries > 1 || x->retries > 0 ? WEIR_OUTCOME_RETRIED_OK : WEIR_OUTCOME_OK;
    if (extra > 0) {
        weir_metric_add(w->metrics, WEIR_M_UPSTREAM_UNSOLICITED, 1);
        u->reusable = false;
    }
    (void)weir_failure_marks_succeeded(w->marks, x->endpoint->key);
    weir_splice_end(x);
    weir_origin_conn_release(u, u->reusable && whole_request);
}

static void complete_response(struct weir_exchange *x, size_t extra)
{
    release_origin_conn(x, extra);
    finish_response(x);
}

/* Pass body bytes on, in as many rounds as the list of pieces needs. @return false: the exchange is
 * over */
static bool pass_response_body(struct weir_exchange *x, struct weir_span in, size_t *ret_used)
{
    struct weir_downstream *c = x->downstream;
    struct weir_worker *w = c->worker;
    struct weir_pieces *p = &w->pieces;
    enum weir_step step;
    size_t used = 0;
    do {
        size_t n = 0;
        step = weir_body_feed(&x->res_body, weir_span_from(in, used), p, &n);
        if (step == WEIR_STEP_FAIL) {
            x->fault = "chunked";
            weir_exchange_failed(x, WEIR_FAILURE_MALFORMED);
            return false;
        }
        used += n;
        if (p->len > 0) {
            x->head_passed = true;
            p->hold = step == WEIR_STEP_DONE && !x->plan.reuse_downstream;
            if (!weir_downstream_send(c, p)) {
                weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
                return false;
            }
        }
        weir_pieces_reset(p);
    } while (step == WEIR_STEP_SOME);
    x->progress_ms = w->now_ms;
    x->window_bytes += used;
    x->passed_bytes = x->res_body.bytes;
    *ret_used = used;
    return true;
}

size_t weir_exchange_response_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin != NULL);
    struct weir_worker *w = x->downstream->worker;
    size_t used = 0;
    *ret_alive = false;
    weir_pieces_reset(&w->pieces);
    if (!x->response_begun) {
        x->response_begun = true;
        x->first_byte_ns = weir_worker_stamp_ns(w);
    }
    if (x->phase != WEIR_PHASE_TRANSFER) {
        switch (read_response_heads(x, in, &used)) {
        case HEAD_MORE:
            *ret_alive = true;
            return used;
        case HEAD_FAILED:
            weir_exchange_failed(x, WEIR_FAILURE_MALFORMED);
            return in.len;
        case HEAD_GONE:
            return in.len;
        case HEAD_FINAL:
            break;
        }
    }
    size_t n = 0;
    if (!pass_response_body(x, weir_span_from(in, used), &n))
        return in.len;
    used += n;
    if (x->res_body.done) {
        complete_response(x, in.len - used);
        return in.len;
    }
    *ret_alive = true;
    return used;
}

void weir_exchange_upstream_end(struct weir_exchange *x, bool clean)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin != NULL);
    struct weir_worker *w = x->downstream->worker;
    if (!x->response_begun) {
        weir_exchange_failed(x, WEIR_FAILURE_CLOSED);
        return;
    }
    weir_pieces_reset(&w->pieces);
    if (x->phase != WEIR_PHASE_TRANSFER || !clean || !weir_body_end(&x->res_body, &w->pieces)) {
        weir_exchange_failed(x, WEIR_FAILURE_CUT);
        return;
    }
    if (!weir_downstream_send(x->downstream, &w->pieces)) {
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
        return;
    }
    x->origin->reusable = false;
    complete_response(x, 0);
}

void weir_exchange_spliced(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->res_body.left == 0 && x->in_pipe == 0);
    x->passed_bytes = x->res_body.bytes;
    complete_response(x, 0);
}
