/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_gather.c - see exchange_gather.h. The body is decoded into one stash; the head, which is
 * written already, gets a length in place of its chunks.
 */
#include "node/exchange/exchange_gather.h"

#include "node/flow/plan.h"
#include "node/flow/rewrite.h"

_Static_assert(WEIR_HTTP10_BUFFER_MAX <= WEIR_LARGE_LEN, "a gathered body fits one stash");

static enum weir_request_way way_of(const struct weir_exchange *x)
{
    bool http10 = x->origin->http10 != NULL && *x->origin->http10;
    return weir_plan_request(x->req_body.in, http10, x->upstream->http10_buffer);
}

bool weir_exchange_gathers(const struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin != NULL);
    if (x->head_sent || (x->req_body.in != WEIR_BODY_CHUNKED && x->req_body.in != WEIR_BODY_CLOSE))
        return false;
    return x->gathering || way_of(x) != WEIR_REQUEST_STREAM;
}

/* A server of HTTP/1.0 never asks for the body. @return false: the client is gone, and x with it */
static bool ask_for_body(struct weir_exchange *x)
{
    struct weir_client_side *c = x->downstream;
    struct weir_pieces *p = &x->env->pieces;
    enum weir_sent sent;
    x->expects = false;
    weir_pieces_reset(p);
    if (weir_client_frames(c)) {
        x->env->fields.status = 100;
        x->env->fields.ends = false;
        x->env->fields.num = 0;
        sent = c->ops->head(c, &x->env->fields);
    } else {
        weir_pieces_add(p, WEIR_SPAN_LIT("HTTP/1.1 100 Continue\r\n\r\n"));
        sent = c->ops->send(c, p);
    }
    if (sent == WEIR_SENT)
        return true;
    weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
    return false;
}

/* @return false: x has responded, or is over */
static bool begin_gathering(struct weir_exchange *x)
{
    if (way_of(x) == WEIR_REQUEST_411) {
        weir_exchange_response(
            x, 411, WEIR_OUTCOME_REFUSED,
            WEIR_SPAN_LIT("The site's server needs to know the length of the request's body."));
        return false;
    }
    uint64_t max = x->upstream->http10_buffer;
    x->gathering = true;
    x->req_body.out_chunked = false;
    if (x->req_body.max == 0 || x->req_body.max > max)
        x->req_body.max = max;
    return !x->expects || ask_for_body(x);
}

/* Decode and store. @return false: x has responded, or is over */
static bool store_body(struct weir_exchange *x, struct weir_span in, size_t *ret_used)
{
    struct weir_exchange_env *env = x->env;
    struct weir_pieces *p = &env->pieces;
    enum weir_step step;
    size_t used = 0;
    do {
        size_t n = 0;
        weir_pieces_reset(p);
        step = weir_body_feed(&x->req_body, weir_span_from(in, used), p, &n);
        if (step == WEIR_STEP_FAIL) {
            weir_exchange_refuse_body(x);
            return false;
        }
        used += n;
        for (int i = 0; i < p->num; i++) {
            struct weir_span run = weir_span(p->iov[i].iov_base, p->iov[i].iov_len);
            if (weir_stash_append(env->buffers, &x->gathered, run) < 0) {
                weir_exchange_end_without_memory(x);
                return false;
            }
        }
    } while (step == WEIR_STEP_SOME);
    x->progress_ms = env->now->ms;
    x->window_bytes += used;
    *ret_used = used;
    return true;
}

/* The body is whole: send it with its length. @return false: x is over */
static bool send_gathered(struct weir_exchange *x)
{
    struct weir_pieces *p = &x->env->pieces;
    x->head->len =
        (uint32_t)weir_rewrite_set_length(x->head->bytes, x->head->len, x->req_body.bytes);
    x->body_taken = true;
    weir_pieces_reset(p);
    weir_pieces_add(p, weir_stash_span(x->head));
    weir_pieces_add(p, weir_stash_span(x->gathered));
    return weir_exchange_send_request(x);
}

void weir_exchange_end_gathering(struct weir_exchange *x)
{
    WEIR_ASSERT(weir_exchange_gathers(x));
    if (!x->gathering && !begin_gathering(x))
        return;
    weir_pieces_reset(&x->env->pieces);
    bool whole = weir_body_end(&x->req_body, &x->env->pieces);
    WEIR_ASSERT(whole);
    (void)send_gathered(x);
}

size_t weir_exchange_gather(struct weir_exchange *x, struct weir_span in)
{
    WEIR_ASSERT(weir_exchange_gathers(x));
    struct weir_client_side *c = x->downstream;
    size_t used = 0;
    if (!x->gathering && !begin_gathering(x)) {
        /* What is here of the body may be all of it: no further input would bring the exchange to
         * drop it. */
        if (c->x == NULL)
            return in.len;
        return weir_exchange_wants_input(c->x) ? weir_exchange_request_input(c->x, in) : 0;
    }
    if (!store_body(x, in, &used))
        return in.len;
    if (!x->req_body.done)
        return used;
    return send_gathered(x) ? used : in.len;
}
