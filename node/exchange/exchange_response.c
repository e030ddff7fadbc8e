/* SPDX-License-Identifier: Apache-2.0
 * exchange_response.c - the way of a response: parsed strictly, rewritten, passed on with
 * back-pressure; and weir's own responses.
 */
#include <string.h>

#include "node/base/clock.h"
#include "node/exchange/exchange.h"
#include "node/flow/identity.h"
#include "node/flow/local_response.h"
#include "node/flow/methods.h"

/* -- completion -- */

/* The client has all of the response: on to its next request, or the end. */
static void finish_exchange(struct weir_exchange *x)
{
    bool keep = x->plan.reuse_downstream && !x->close_after;
    if (keep && !x->req_body.done) {
        x->req_body.max = 0; /* WEIR_DRAIN_BODY_MAX bounds what is dropped */
        weir_exchange_start_phase(x, WEIR_PHASE_DRAIN);
        x->downstream->ops->wake(x->downstream);
        return;
    }
    bool linger = x->linger || !x->req_body.done;
    weir_exchange_end(x, keep ? WEIR_CLIENT_NEXT : linger ? WEIR_CLIENT_LINGER : WEIR_CLIENT_LAST);
}

static void finish_response(struct weir_exchange *x)
{
    struct weir_client_side *c = x->downstream;
    x->response_done = true;
    if (x->req.framed)
        c->ops->finish(c);
    if (c->ops->blocked(c)) {
        weir_exchange_start_phase(x, WEIR_PHASE_FLUSH);
        return;
    }
    weir_exchange_move(x, WEIR_PHASE_FLUSH);
    finish_exchange(x);
}

void weir_exchange_flushed(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    x->progress_ms = x->env->now->ms;
    if (x->phase == WEIR_PHASE_FLUSH)
        finish_exchange(x);
    else if (x->origin != NULL) {
        weir_exchange_note_turn(x);
        x->origin->ops->resume(x->origin);
    }
}

/* -- weir's own responses -- */

/* Responses are the last of their connections: the node drains, or memory is short. */
static bool is_last(const struct weir_exchange_env *env)
{
    return env->draining || env->buffers->budget.rung >= WEIR_RUNG_NO_KEEP_ALIVE;
}

/* The rest of the request's body may be read and dropped, so that the connection can go on. */
static bool can_drain_body(const struct weir_exchange *x)
{
    if (x->req_body.done)
        return true;
    return x->req_body.in == WEIR_BODY_CHUNKED || x->req_body.left <= WEIR_DRAIN_BODY_MAX;
}

void weir_exchange_leave_origin(struct weir_exchange *x, bool reusable)
{
    struct weir_origin_side *o = x->origin;
    x->env->ops->unwait(x->env, x);
    weir_pool_release(&x->env->heads, x->response_head);
    x->response_head = NULL;
    x->origin = NULL;
    if (o == NULL)
        return;
    o->x = NULL;
    o->ops->release(o, reusable);
}

static void count_own_response(const struct weir_exchange *x, enum weir_access_outcome outcome)
{
    static const struct {
        enum weir_access_outcome outcome;
        enum weir_metric metric;
    } counted[] = {
        { WEIR_OUTCOME_UNKNOWN_HOST, WEIR_M_REQUESTS_UNKNOWN_HOST },
        { WEIR_OUTCOME_MISDIRECTED, WEIR_M_REQUESTS_MISDIRECTED },
        { WEIR_OUTCOME_REDIRECTED, WEIR_M_REQUESTS_REDIRECTED },
        { WEIR_OUTCOME_LOOP, WEIR_M_REQUESTS_LOOPED },
        { WEIR_OUTCOME_TOO_LARGE, WEIR_M_REQUESTS_TOO_LARGE },
        { WEIR_OUTCOME_REFUSED, WEIR_M_REQUESTS_REFUSED },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(counted); i++)
        if (counted[i].outcome == outcome)
            weir_metric_add(x->env->metrics, counted[i].metric, 1);
}

/* The methods that the tenant has, where a response of this kind must or may list them. */
static struct weir_span allow_of(const struct weir_exchange *x, uint16_t status,
                                 enum weir_access_outcome outcome)
{
    bool lists = status == 405 ||
                 (outcome == WEIR_OUTCOME_MAX_FORWARDS && x->req.method == WEIR_METHOD_OPTIONS);
    return lists && x->tenant != NULL ? weir_methods_allowed(x->tenant->trace) : WEIR_SPAN_EMPTY;
}

/* Its head as a list, read by the parser that reads an endpoint's, then its body. */
static enum weir_sent send_own_fields(struct weir_exchange *x, struct weir_span response)
{
    struct weir_client_side *c = x->downstream;
    struct weir_exchange_env *env = x->env;
    struct weir_h1_head *h = &env->response_head;
    weir_h1_head_init(h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
    enum weir_step step = weir_h1_head_feed(h, response);
    WEIR_ASSERT(step == WEIR_STEP_DONE);
    struct weir_rewrite_response r = { .head = h, .bytes = response.at, .local = true };
    weir_rewrite_response_fields(&r, &env->fields);
    weir_pieces_add(&env->pieces, weir_span_from(response, h->head_len));
    env->fields.ends = env->pieces.len == 0;
    enum weir_sent sent = c->ops->head(c, &env->fields);
    return sent != WEIR_SENT || env->pieces.len == 0 ? sent : c->ops->send(c, &env->pieces);
}

static enum weir_sent send_own_response(struct weir_exchange *x, struct weir_span response)
{
    if (x->req.framed)
        return send_own_fields(x, response);
    weir_pieces_add(&x->env->pieces, response);
    return x->downstream->ops->send(x->downstream, &x->env->pieces);
}

void weir_exchange_response(struct weir_exchange *x, uint16_t status,
                            enum weir_access_outcome outcome, struct weir_span why)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(status >= 200 && status <= 599);
    WEIR_ASSERT(!x->head_passed);
    struct weir_client_side *c = x->downstream;
    struct weir_exchange_env *env = x->env;
    bool keep =
        x->req.keep_alive && !x->close_after && !is_last(env) && !c->eof && can_drain_body(x);
    keep = keep && (!x->expects || x->req_body.done);
    struct weir_local_response a = {
        .status = status,
        .tenant = x->tenant,
        .reason_text = why,
        .request_id = weir_span(x->request_id, x->request_id_len),
        .location = outcome == WEIR_OUTCOME_REDIRECTED ? env->admit.location : WEIR_SPAN_EMPTY,
        .allow = allow_of(x, status, outcome),
        .message = outcome == WEIR_OUTCOME_MAX_FORWARDS ? env->admit.message : WEIR_SPAN_EMPTY,
        .date = weir_span(env->date, WEIR_HTTP_DATE_LEN),
        .keep_alive = keep,
        .head_only = x->req.method == WEIR_METHOD_HEAD,
        .minor10 = x->req.minor == 0,
    };
    size_t len = 0;

    weir_exchange_leave_origin(x, false);
    x->status = status;
    x->outcome = outcome;
    x->plan.reuse_downstream = keep;
    x->close_after = !keep;
    count_own_response(x, outcome);
    weir_pieces_reset(&env->pieces);
    env->pieces.hold = !keep;
    if (weir_local_response_write(&a, env->out, env->out_len, &len) < 0 ||
        send_own_response(x, weir_span(env->out, len)) != WEIR_SENT) {
        weir_exchange_end(x, WEIR_CLIENT_CUT);
        return;
    }
    const uint8_t *end = memmem(env->out, len, "\r\n\r\n", 4);
    x->passed_bytes = end ? len - (size_t)(end + 4 - env->out) : 0;
    finish_response(x);
}

static struct weir_span text_of_refusal(uint16_t status)
{
    if (status == 408)
        return WEIR_SPAN_LIT("The request did not arrive in time.");
    if (status == 503)
        return WEIR_SPAN_LIT("The node has no memory to spare.");
    return WEIR_SPAN_LIT("The request is not valid HTTP.");
}

void weir_exchange_refuse(struct weir_exchange_env *env, struct weir_client_side *c,
                          const struct weir_refusal *refusal)
{
    struct weir_exchange *x = weir_exchange_new(env, c);
    if (x == NULL) {
        weir_metric_add(env->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        c->ops->end(c, WEIR_CLIENT_CUT);
        return;
    }
    WEIR_ASSERT(refusal->begun_ms <= env->now->ms);
    if (refusal->begun_ms != 0)
        x->start_ns -= (env->now->ms - refusal->begun_ms) * 1000000u;
    x->fault = refusal->fault == WEIR_FAULT_NONE ? "" : weir_h1_fault_name(refusal->fault);
    x->req.minor = 1;
    x->req.framed = weir_client_frames(c);
    x->close_after = true;
    x->linger = true;
    weir_exchange_make_id(x);
    weir_body_init(&x->req_body, WEIR_BODY_NONE, 0, false);
    weir_exchange_store_record(x, &refusal->read);
    weir_exchange_response(x, refusal->status, refusal->outcome, text_of_refusal(refusal->status));
}

/* -- the endpoint's response -- */

/* Write the head into env->out, or as a list into env->fields. @return bytes in env->out; 0: they
 * do not fit */
static size_t rewrite_response(struct weir_exchange *x, const struct weir_h1_head *head,
                               const uint8_t *bytes)
{
    struct weir_exchange_env *env = x->env;
    struct weir_rewrite_response r = {
        .head = head,
        .bytes = bytes,
        .tenant = x->tenant,
        .downstream_minor = x->req.minor,
        .head_request = x->req.method == WEIR_METHOD_HEAD,
        .chunked = x->plan.out_chunked,
        .close = !x->plan.reuse_downstream,
        .date = env->date,
    };
    if (x->req.framed) {
        weir_rewrite_response_fields(&r, &env->fields);
        return 0;
    }
    if (weir_rewrite_response_max(&r) > env->out_len)
        return 0;
    return weir_rewrite_response(&r, env->out);
}

static enum weir_sent send_head_and_pieces(struct weir_exchange *x)
{
    struct weir_client_side *c = x->downstream;
    struct weir_exchange_env *env = x->env;
    if (x->head_due) {
        x->head_due = false;
        enum weir_sent sent = c->ops->head(c, &env->fields);
        if (sent != WEIR_SENT || env->pieces.len == 0)
            return sent;
    }
    return c->ops->send(c, &env->pieces);
}

/* Send env->pieces to the client, and the head before them that is due. @return false: the exchange
 * is over */
static bool send_to_client(struct weir_exchange *x)
{
    switch (send_head_and_pieces(x)) {
    case WEIR_SENT:
        return true;
    case WEIR_SENT_LOST:
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
        return false;
    case WEIR_SENT_NO_MEMORY:
        weir_metric_add(x->env->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        weir_exchange_client_gone(x, WEIR_OUTCOME_OVERLOAD);
        return false;
    }
    WEIR_UNREACHABLE();
}

/* Pass an interim response (1xx) on and wait for the next head. @return false: the exchange is
 * over */
static bool pass_interim(struct weir_exchange *x, const struct weir_h1_head *head,
                         const uint8_t *bytes)
{
    struct weir_exchange_env *env = x->env;
    x->interims++;
    if (!x->plan.pass_interim)
        return true;
    weir_metric_add(env->metrics, WEIR_M_REQUESTS_1XX, 1);
    weir_pieces_reset(&env->pieces);
    weir_pieces_add(&env->pieces, weir_span(env->out, rewrite_response(x, head, bytes)));
    x->head_due = x->req.framed;
    env->fields.ends = false;
    bool sent = send_to_client(x);
    weir_pieces_reset(&env->pieces);
    return sent;
}

/* The final head: plan its body and rewrite it. Its bytes become the first of env->pieces, before
 * the first body bytes; or it is due as a list. @return false: it does not fit; nothing of the
 * response may be passed on */
static bool begin_response(struct weir_exchange *x, const struct weir_h1_head *head,
                           const uint8_t *bytes)
{
    struct weir_exchange_env *env = x->env;
    x->status = head->status;
    x->bound = x->bound || weir_identity_binds(head, bytes);
    x->reusable = weir_h1_keeps_alive(head) && x->plan.body != WEIR_BODY_CLOSE;
    if (x->origin->http10 != NULL)
        *x->origin->http10 = head->minor == 0;
    if (x->close_after)
        x->plan.reuse_downstream = false;
    weir_body_init(&x->res_body, x->plan.body, head->content_length, x->plan.out_chunked);
    size_t len = rewrite_response(x, head, bytes);
    if (len == 0 && !x->req.framed)
        return false;
    x->head_due = x->req.framed;
    env->fields.ends = x->plan.body == WEIR_BODY_NONE;
    weir_pieces_add(&env->pieces, weir_span(env->out, len));
    weir_exchange_start_phase(x, WEIR_PHASE_TRANSFER);
    return true;
}

enum head_outcome { HEAD_MORE, HEAD_FINAL, HEAD_FAILED, HEAD_GONE };

static bool store_response_head(struct weir_exchange *x, const struct weir_h1_head *h)
{
    if (x->response_head != NULL)
        return true;
    x->response_head = weir_pool_get(&x->env->heads);
    if (x->response_head == NULL)
        return false;
    weir_h1_head_move(x->response_head, h);
    return true;
}

static void release_response_head(struct weir_exchange *x)
{
    weir_pool_release(&x->env->heads, x->response_head);
    x->response_head = NULL;
}

/* Read heads until the final one is complete. @param ret_used bytes of whole heads */
static enum head_outcome read_response_heads(struct weir_exchange *x, struct weir_span in,
                                             size_t *ret_used)
{
    struct weir_exchange_env *env = x->env;
    size_t used = 0;
    for (;;) {
        struct weir_span rest = weir_span_from(in, used);
        struct weir_h1_head *h = x->response_head;
        if (h == NULL) {
            h = &env->response_head;
            weir_h1_head_init(h, WEIR_H1_RESPONSE, WEIR_HEAD_MAX);
            h->max_fields = x->tenant->max_fields;
        }
        *ret_used = used;
        switch (weir_h1_head_feed(h, rest)) {
        case WEIR_STEP_MORE:
            if (store_response_head(x, h))
                return HEAD_MORE;
            weir_exchange_end_without_memory(x);
            return HEAD_GONE;
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
                                             .last = is_last(env) || x->downstream->eof };
        if (!weir_plan_response(&facts, &x->req, &x->plan)) {
            x->fault = weir_h1_fault_name(WEIR_FAULT_UPGRADE);
            return HEAD_FAILED;
        }
        if (!x->plan.interim) {
            if (!begin_response(x, h, rest.at)) {
                x->fault = weir_h1_fault_name(WEIR_FAULT_HEAD_TOO_BIG);
                return HEAD_FAILED;
            }
            release_response_head(x);
            return HEAD_FINAL;
        }
        bool alive = pass_interim(x, h, rest.at);
        if (!alive)
            return HEAD_GONE;
        release_response_head(x);
        if (used == in.len)
            return HEAD_MORE;
    }
}

void weir_exchange_drop_held(struct weir_client_side *c)
{
    struct weir_origin_side *o = c->held;
    if (o == NULL)
        return;
    c->held = NULL;
    o->held_by = NULL;
    o->ops->release(o, false);
}

/* The connection carries this client's identity: it waits for the client's next request. */
static void hold_origin(struct weir_exchange *x)
{
    struct weir_origin_side *o = x->origin;
    weir_exchange_drop_held(x->downstream);
    x->origin = NULL;
    o->x = NULL;
    o->held_by = x->downstream;
    x->downstream->held = o;
    o->ops->hold(o);
}

/* The endpoint's part is over: its connection may carry another exchange, or is closed when
 * anything about it is in doubt. */
static void release_origin(struct weir_exchange *x, size_t extra)
{
    struct weir_exchange_env *env = x->env;
    struct weir_origin_side *o = x->origin;
    bool whole_request = x->req_body.done && x->head_sent && !o->broken && !o->ops->blocked(o);
    x->outcome = x->tries > 1 || x->retries > 0 ? WEIR_OUTCOME_RETRIED_OK : WEIR_OUTCOME_OK;
    if (extra > 0)
        weir_metric_add(env->metrics, WEIR_M_UPSTREAM_UNSOLICITED, 1);
    (void)weir_failure_marks_succeeded(env->marks, x->endpoint->key, &x->client, env->now->ms);
    bool reusable = x->reusable && whole_request && extra == 0;
    if (!x->bound)
        weir_exchange_leave_origin(x, reusable);
    else if (reusable && x->plan.reuse_downstream && !x->close_after)
        hold_origin(x);
    else
        weir_exchange_leave_origin(x, false); /* nobody else may have it */
}

static void complete_response(struct weir_exchange *x, size_t extra)
{
    release_origin(x, extra);
    finish_response(x);
}

/* Pass body bytes on, in as many rounds as the list of pieces needs. @return false: the exchange is
 * over */
static bool pass_response_body(struct weir_exchange *x, struct weir_span in, size_t *ret_used)
{
    struct weir_exchange_env *env = x->env;
    struct weir_pieces *p = &env->pieces;
    enum weir_step step;
    size_t used = 0;
    do {
        size_t n = 0;
        step = weir_body_feed(&x->res_body, weir_span_from(in, used), p, &n);
        if (step == WEIR_STEP_FAIL) {
            x->fault = "chunked";
            x->head_due = false;
            weir_exchange_failed(x, WEIR_FAILURE_MALFORMED);
            return false;
        }
        used += n;
        if (p->len > 0 || x->head_due) {
            x->head_passed = true;
            p->hold = step == WEIR_STEP_DONE && !x->plan.reuse_downstream;
            if (!send_to_client(x))
                return false;
        }
        weir_pieces_reset(p);
    } while (step == WEIR_STEP_SOME);
    x->progress_ms = env->now->ms;
    x->passed_bytes = x->res_body.bytes;
    weir_exchange_note_turn(x);
    *ret_used = used;
    return true;
}

size_t weir_exchange_response_input(struct weir_exchange *x, struct weir_span in, bool *ret_alive)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin != NULL);
    struct weir_exchange_env *env = x->env;
    size_t used = 0;
    *ret_alive = false;
    weir_pieces_reset(&env->pieces);
    if (!x->response_begun) {
        x->response_begun = true;
        x->first_byte_ns = weir_exchange_stamp_ns(env);
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

void weir_exchange_origin_end(struct weir_exchange *x, bool clean)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin != NULL);
    struct weir_exchange_env *env = x->env;
    if (!x->response_begun) {
        weir_exchange_failed(x, WEIR_FAILURE_CLOSED);
        return;
    }
    weir_pieces_reset(&env->pieces);
    if (x->phase != WEIR_PHASE_TRANSFER || !clean || !weir_body_end(&x->res_body, &env->pieces)) {
        weir_exchange_failed(x, WEIR_FAILURE_CUT);
        return;
    }
    if (env->pieces.len > 0 && !send_to_client(x))
        return;
    x->reusable = false;
    complete_response(x, 0);
}

/* -- bytes that go past the codec -- */

uint64_t weir_exchange_can_pass(const struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    if (x->phase != WEIR_PHASE_TRANSFER || x->res_body.in != WEIR_BODY_LENGTH ||
        x->res_body.out_chunked || x->downstream->ops->blocked(x->downstream))
        return 0;
    return x->res_body.left;
}

void weir_exchange_passed(struct weir_exchange *x, uint64_t taken, uint64_t given)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->phase == WEIR_PHASE_TRANSFER);
    weir_body_skip(&x->res_body, taken);
    x->passed_bytes += given;
    if (taken + given > 0)
        x->progress_ms = x->env->now->ms;
    weir_exchange_note_turn(x);
}

void weir_exchange_passed_all(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->res_body.left == 0);
    WEIR_ASSERT_CMP(x->passed_bytes, ==, x->res_body.bytes);
    complete_response(x, 0);
}
