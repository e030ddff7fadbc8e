/* SPDX-License-Identifier: Apache-2.0
 * exchange_request.c - the way of a request: admitted, rewritten, sent to an endpoint, retried or
 * given up.
 */
#include <string.h>

#include "node/base/clock.h"
#include "node/base/hash.h"
#include "node/base/hex.h"
#include "node/base/log_filter.h"
#include "node/base/probe.h"
#include "node/exchange/exchange.h"
#include "node/exchange/exchange_gather.h"
#include "node/exchange/exchange_log.h"
#include "node/flow/forwarded.h"
#include "node/flow/identity.h"
#include "node/wire/tls_server.h"

/* -- beginning -- */

void weir_exchange_make_id(struct weir_exchange *x)
{
    for (size_t at = 0; at < WEIR_REQUEST_ID_LEN; at += 16)
        weir_hex64(weir_rng_next(x->env->rng), x->request_id + at);
    x->request_id_len = WEIR_REQUEST_ID_LEN;
}

static void set_request_id(struct weir_exchange *x, const struct weir_h1_head *head,
                           const uint8_t *bytes)
{
    const struct weir_h1_field *f = x->trusted ? weir_h1_find(head, WEIR_FIELD_X_REQUEST_ID) : NULL;
    if (f != NULL && weir_request_id_valid(weir_h1_value(bytes, f))) {
        memcpy(x->request_id, bytes + f->value_at, f->value_len);
        x->request_id_len = (uint8_t)f->value_len;
        return;
    }
    weir_exchange_make_id(x);
}

/* NULL: the client came in clear. */
static const struct weir_tls *tls_of(const struct weir_exchange *x)
{
    const struct weir_client_side *c = x->downstream;
    return c->ops->tls != NULL ? c->ops->tls(c) : NULL;
}

static void set_client(struct weir_exchange *x, const struct weir_h1_head *head,
                       const uint8_t *bytes)
{
    struct weir_exchange_env *env = x->env;
    struct weir_forwarded said;
    weir_forwarded_read(head, bytes, env->trusted, x->downstream->ops->peer(x->downstream), &said);
    if (said.malformed)
        weir_metric_add(env->metrics, WEIR_M_REQUESTS_FORWARDED_MALFORMED, 1);
    x->client = said.client;
    x->trusted = said.trusted;
    x->https =
        said.scheme == WEIR_SCHEME_UNSAID ? tls_of(x) != NULL : said.scheme == WEIR_SCHEME_HTTPS;
}

struct weir_exchange *weir_exchange_new(struct weir_exchange_env *env, struct weir_client_side *c)
{
    WEIR_ASSERT(c->x == NULL);
    struct weir_exchange *x = weir_pool_get(&env->exchanges);
    if (x == NULL)
        return NULL;
    memset(x, 0, sizeof(*x));
    x->magic = WEIR_EXCHANGE_MAGIC;
    x->env = env;
    x->account = &env->buffers->budget.accounts[0];
    x->downstream = c;
    x->client = *c->ops->peer(c);
    x->fault = "";
    x->start_ns = weir_exchange_stamp_ns(env);
    x->deadline.expired = weir_exchange_expired;
    weir_timer_init(&x->deadline.timer);
    weir_list_init(&x->wait_link);
    c->x = x;
    return x;
}

void weir_exchange_store_record(struct weir_exchange *x, const struct weir_h1_partial *read)
{
    WEIR_ASSERT(x->head == NULL);
    size_t target_at = read->method.len;
    size_t host_at = target_at + read->target.len;
    size_t len = host_at + read->host.len;
    if (len == 0 || !weir_exchange_records(x->env))
        return;
    x->head = weir_stash_get(x->env->buffers, len);
    if (x->head == NULL)
        return;
    memcpy(x->head->bytes, read->method.at, read->method.len);
    if (read->target.len > 0)
        memcpy(x->head->bytes + target_at, read->target.at, read->target.len);
    if (read->host.len > 0)
        memcpy(x->head->bytes + host_at, read->host.at, read->host.len);
    x->head->len = (uint32_t)len;
    x->method_len = (uint16_t)read->method.len;
    x->marks = (struct weir_rewrite_marks){ .target_at = (uint32_t)target_at,
                                            .target_len = (uint16_t)read->target.len,
                                            .host_at = (uint32_t)host_at,
                                            .host_len = (uint16_t)read->host.len };
}

/* Of a complete head. */
static void store_record_bytes(struct weir_exchange *x, const struct weir_h1_head *head,
                               const uint8_t *bytes)
{
    struct weir_h1_partial read = {
        .method = weir_span(bytes + head->method_at, head->method_len),
        .target = weir_span(bytes + head->target_at, head->target_len),
        .host = weir_span(bytes + head->authority_at, head->authority_len),
    };
    weir_exchange_store_record(x, &read);
}

/* Of a tenant that asks for one; empty: the client presented none. */
static struct weir_span client_cert_of(const struct weir_exchange *x)
{
    const struct weir_tls *tls = x->tenant->tls_ask != WEIR_TLS_ASK_NONE ? tls_of(x) : NULL;
    return tls != NULL && tls->peer_presented ? weir_tls_peer_certificate(tls) : WEIR_SPAN_EMPTY;
}

static bool write_request_head(struct weir_exchange *x, const struct weir_h1_head *head,
                               const uint8_t *bytes)
{
    struct weir_exchange_env *env = x->env;
    struct weir_rewrite_request r = {
        .head = head,
        .bytes = bytes,
        .tenant = x->tenant,
        .host = env->admit.host,
        .peer = x->downstream->ops->peer(x->downstream),
        .client = &x->client,
        .trusted = x->trusted,
        .https = x->https,
        .request_id = weir_span(x->request_id, x->request_id_len),
        .cdn_id = env->cdn_id,
        .client_cert = client_cert_of(x),
        .http2 = x->req.framed,
    };
    x->head = weir_stash_get(env->buffers, weir_rewrite_request_max(&r));
    if (x->head == NULL)
        return false;
    x->head->len = (uint32_t)weir_rewrite_request(&r, x->head->bytes, &x->marks);
    x->method_len = head->method_len;
    return true;
}

static void set_request_facts(struct weir_exchange *x, const struct weir_h1_head *head,
                              const uint8_t *bytes)
{
    enum weir_h1_body body = weir_h1_body_of(head, WEIR_METHOD_OTHER);
    x->req.method = head->method;
    x->req.minor = head->minor;
    x->req.has_body = body != WEIR_BODY_NONE;
    x->req.framed = weir_client_frames(x->downstream);
    x->req.keep_alive = weir_h1_keeps_alive(head) && !x->req.framed;
    x->bound = weir_identity_binds(head, bytes);
    if (x->req.framed && body == WEIR_BODY_CHUNKED)
        body = WEIR_BODY_CLOSE; /* its bytes come plain, until weir_exchange_request_end */
    weir_body_init(&x->req_body, body, head->content_length, head->chunked);
}

/* Memory is short, and its tenant holds more than is left. */
static bool is_refused_for_memory(const struct weir_exchange *x)
{
    const struct weir_budget *b = &x->env->buffers->budget;
    return b->rung >= WEIR_RUNG_REFUSE && weir_budget_is_over(b, x->account);
}

void weir_exchange_begin(struct weir_exchange_env *env, struct weir_client_side *c,
                         const struct weir_h1_head *head, const uint8_t *bytes)
{
    struct weir_exchange *x = weir_exchange_new(env, c);
    if (x == NULL) {
        weir_metric_add(env->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        c->ops->end(c, WEIR_CLIENT_CUT);
        return;
    }
    set_client(x, head, bytes);
    set_request_id(x, head, bytes);
    set_request_facts(x, head, bytes);
    struct weir_admit *a = &env->admit;
    const struct weir_tls *tls = tls_of(x);
    struct weir_arrival arrival = { .head = head,
                                    .bytes = bytes,
                                    .local = c->ops->local(c),
                                    .https = x->https,
                                    .scope = tls != NULL ? tls->scope : NULL,
                                    .cdn_id = env->cdn_id };
    weir_admit_request(a, env->cache, &arrival);
    if (a->tenant != NULL) {
        x->tenant = weir_tenant_ref(a->tenant);
        weir_exchange_count_tenant(x);
        x->account = weir_budget_account(&env->buffers->budget,
                                         weir_hash64(0, x->tenant->name.at, x->tenant->name.len));
        weir_buffers_charge(env->buffers, x->account, WEIR_MEMORY_REQUESTS);
        x->req_body.max = a->tenant->max_body;
        c->idle_timeout_ms = a->tenant->idle_timeout_ms;
    }
    x->expects = head->expect_continue;
    WEIR_PROBE4(request, x, bytes, head->head_len, x->request_id);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_exchange_log_request(x, head, bytes));
    if (a->what != WEIR_ADMIT_FORWARD) {
        store_record_bytes(x, head, bytes);
        x->close_after = a->close;
        weir_exchange_response(x, a->status, a->outcome, a->why);
        return;
    }
    x->upstream = a->route->upstream;
    if (WEIR_UNLIKELY(is_refused_for_memory(x))) {
        weir_metric_add(env->metrics, WEIR_M_MEMORY_REFUSED, 1);
        weir_exchange_response(x, 503, WEIR_OUTCOME_OVERLOAD,
                               WEIR_SPAN_LIT("The node has no memory to spare."));
        return;
    }
    if (!write_request_head(x, head, bytes)) {
        weir_metric_add(env->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        weir_exchange_response(x, 503, WEIR_OUTCOME_OVERLOAD,
                               WEIR_SPAN_LIT("The node has no memory to spare."));
        return;
    }
    weir_exchange_connect(x);
}

/* -- connecting -- */

static void respond_none_left(struct weir_exchange *x)
{
    weir_metric_add(x->env->metrics, WEIR_M_UPSTREAM_NONE_LEFT, 1);
    if (x->tries == 0)
        weir_exchange_response(
            x, 503, WEIR_OUTCOME_NO_ENDPOINT,
            WEIR_SPAN_LIT("None of the site's servers takes work at the moment."));
    else if (x->outcome == WEIR_OUTCOME_UPSTREAM_TIMEOUT)
        weir_exchange_response(x, 504, x->outcome,
                               WEIR_SPAN_LIT("The site's servers did not respond in time."));
    else
        weir_exchange_response(
            x, 502, x->outcome != WEIR_OUTCOME_OK ? x->outcome : WEIR_OUTCOME_UPSTREAM_REFUSED,
            WEIR_SPAN_LIT("None of the site's servers could be reached."));
}

/* There is a connection: send. */
static void begin_request(struct weir_exchange *x)
{
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_exchange_log_origin(x));
    weir_exchange_start_phase(x, WEIR_PHASE_REQUEST);
    x->downstream->ops->wake(x->downstream);
}

/* The connection that carries the client's identity, if it leads where this request goes. */
static bool take_held(struct weir_exchange *x)
{
    struct weir_origin_side *o = x->downstream->held;
    struct weir_counter_hint unknown = { 0 };
    if (o == NULL || x->fresh)
        return false;
    for (size_t i = 0; i < x->upstream->num_endpoints; i++) {
        struct weir_endpoint *e = &x->upstream->endpoints[i];
        if (e->key != o->endpoint_key)
            continue;
        x->downstream->held = NULL;
        o->held_by = NULL;
        if (!o->ops->take(o, x)) {
            o->ops->release(o, false);
            return false;
        }
        x->endpoint = e;
        x->tries++;
        x->dial_ns = weir_exchange_stamp_ns(x->env);
        weir_exchange_count_attempt(x, &unknown);
        x->reused = true;
        x->bound = true;
        return true;
    }
    return false;
}

void weir_exchange_connect(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->upstream != NULL);
    WEIR_ASSERT(x->origin == NULL && x->dial == NULL);
    struct weir_exchange_env *env = x->env;
    if (take_held(x)) {
        begin_request(x);
        return;
    }
    if (x->connect_until_ms == 0)
        x->connect_until_ms = env->now->ms + x->upstream->connect_total_ms;
    for (;;) {
        if (x->tries >= WEIR_TRIES_MAX || (x->tries > 0 && env->now->ms >= x->connect_until_ms)) {
            respond_none_left(x);
            return;
        }
        struct weir_endpoint *e =
            weir_balance_pick(x->upstream, env->marks, &x->client, &x->tried, env->now->ms);
        if (e == NULL) {
            e = x->again;
            x->again = NULL;
        }
        if (e == NULL) {
            respond_none_left(x);
            return;
        }
        x->endpoint = e;
        x->fault = ""; /* of an endpoint that was tried before */
        x->tries++;
        x->dial_ns = weir_exchange_stamp_ns(env);
        switch (env->ops->acquire(env, x)) {
        case WEIR_ACQUIRED_READY:
            begin_request(x);
            return;
        case WEIR_ACQUIRED_WAIT:
            weir_exchange_start_phase(x, WEIR_PHASE_CONNECT);
            return;
        case WEIR_ACQUIRED_REFUSED:
            weir_metric_add(env->metrics, WEIR_M_UPSTREAM_CONNECT_ERRORS, 1);
            weir_counter_add(x->endpoint_counters, WEIR_ENDPOINT_FAILURES, 1);
            WEIR_LOG_MAY(WEIR_LOG_DEBUG,
                         weir_exchange_log_failed(
                             x, weir_access_outcome_name(WEIR_OUTCOME_UPSTREAM_REFUSED)));
            (void)weir_failure_marks_failed(env->marks, e->key, env->now->ms);
            weir_tried_add(&x->tried, e->index);
            continue;
        case WEIR_ACQUIRED_FULL:
            weir_exchange_full(x);
            return;
        }
    }
}

void weir_exchange_dialling(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->waiting_in == NULL);
    x->dial_ns = weir_exchange_stamp_ns(x->env);
    weir_exchange_start_phase(x, WEIR_PHASE_CONNECT);
}

void weir_exchange_connected(struct weir_exchange *x, struct weir_origin_side *o)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == o);
    x->connected_ns = weir_exchange_stamp_ns(x->env);
    begin_request(x);
}

/* -- the request's bytes -- */

/* Also while a response is passed on: a server that responds early may need the rest of the request
 * to go on. */
bool weir_exchange_wants_input(const struct weir_exchange *x)
{
    const struct weir_origin_side *o = x->origin;
    if (x->phase == WEIR_PHASE_DRAIN)
        return true;
    if (x->phase != WEIR_PHASE_REQUEST && x->phase != WEIR_PHASE_TRANSFER)
        return false;
    return o != NULL && !o->broken && (!x->head_sent || !x->req_body.done) && !o->ops->blocked(o);
}

void weir_exchange_refuse_body(struct weir_exchange *x)
{
    bool too_large = x->req_body.over_max;
    struct weir_exchange_env *env = x->env;
    weir_metric_add(env->metrics, too_large ? WEIR_M_REQUESTS_TOO_LARGE : WEIR_M_REQUESTS_MALFORMED,
                    1);
    x->close_after = true;
    if (x->head_passed) {
        weir_exchange_client_gone(x, too_large ? WEIR_OUTCOME_TOO_LARGE : WEIR_OUTCOME_MALFORMED);
        return;
    }
    if (too_large)
        weir_exchange_response(x, 413, WEIR_OUTCOME_TOO_LARGE,
                               WEIR_SPAN_LIT("The request's body is larger than this site takes."));
    else
        weir_exchange_response(x, 400, WEIR_OUTCOME_MALFORMED,
                               WEIR_SPAN_LIT("The request's body is not framed rightly."));
}

static void finish_request(struct weir_exchange *x)
{
    if (x->phase != WEIR_PHASE_REQUEST)
        return;
    x->sent_ns = weir_exchange_stamp_ns(x->env);
    weir_exchange_start_phase(x, WEIR_PHASE_RESPONSE);
}

/* After an early response: read and dropped within bounds, so that the connection can go on. */
static size_t drop_request_input(struct weir_exchange *x, struct weir_span in)
{
    struct weir_pieces *p = &x->env->pieces;
    size_t used = 0;
    weir_pieces_reset(p);
    enum weir_step step = weir_body_feed(&x->req_body, in, p, &used);
    x->progress_ms = x->env->now->ms;
    x->window_bytes += used;
    if (step == WEIR_STEP_FAIL || x->req_body.bytes > WEIR_DRAIN_BODY_MAX) {
        weir_exchange_end(x, WEIR_CLIENT_LINGER);
        return in.len;
    }
    if (step == WEIR_STEP_DONE)
        weir_exchange_end(x, WEIR_CLIENT_NEXT);
    return used;
}

void weir_exchange_end_without_memory(struct weir_exchange *x)
{
    weir_metric_add(x->env->metrics, WEIR_M_POOL_EXHAUSTED, 1);
    x->close_after = true;
    if (x->head_passed)
        weir_exchange_client_gone(x, WEIR_OUTCOME_OVERLOAD);
    else
        weir_exchange_response(x, 503, WEIR_OUTCOME_OVERLOAD,
                               WEIR_SPAN_LIT("The node has no memory to spare."));
}

bool weir_exchange_send_request(struct weir_exchange *x)
{
    struct weir_origin_side *o = x->origin;
    x->head_sent = true;
    switch (o->ops->send(o, &x->env->pieces)) {
    case WEIR_SENT:
        if (x->req_body.done && !o->ops->blocked(o))
            finish_request(x);
        else
            weir_exchange_note_turn(x);
        return true;
    case WEIR_SENT_LOST:
        /* A server may respond and close before it has read everything: its response is read before
         * the connection is given up. */
        o->broken = true;
        return true;
    case WEIR_SENT_NO_MEMORY:
        weir_exchange_end_without_memory(x);
        return false;
    }
    WEIR_UNREACHABLE();
}

static size_t pass_request_input(struct weir_exchange *x, struct weir_span in)
{
    struct weir_exchange_env *env = x->env;
    struct weir_pieces *p = &env->pieces;
    size_t used = 0;
    enum weir_step step = WEIR_STEP_DONE;

    weir_pieces_reset(p);
    if (!x->head_sent)
        weir_pieces_add(p, weir_stash_span(x->head));
    if (!x->req_body.done)
        step = weir_body_feed(&x->req_body, in, p, &used);
    if (step == WEIR_STEP_FAIL) {
        weir_exchange_refuse_body(x);
        return in.len;
    }
    if (p->len == 0)
        return used;
    if (used > 0) {
        x->body_taken = true;
        x->progress_ms = env->now->ms;
        x->window_bytes += used;
    }
    return weir_exchange_send_request(x) ? used : in.len;
}

size_t weir_exchange_request_input(struct weir_exchange *x, struct weir_span in)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_DCHECK(weir_exchange_wants_input(x));
    if (x->phase == WEIR_PHASE_DRAIN)
        return drop_request_input(x, in);
    return weir_exchange_gathers(x) ? weir_exchange_gather(x, in) : pass_request_input(x, in);
}

void weir_exchange_request_end(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->req_body.in == WEIR_BODY_CLOSE && !x->req_body.done);
    WEIR_DCHECK(weir_exchange_wants_input(x));
    struct weir_pieces *p = &x->env->pieces;
    if (weir_exchange_gathers(x)) {
        weir_exchange_end_gathering(x);
        return;
    }
    weir_pieces_reset(p);
    if (!x->head_sent)
        weir_pieces_add(p, weir_stash_span(x->head));
    bool whole = weir_body_end(&x->req_body, p);
    WEIR_ASSERT(whole);
    (void)weir_exchange_send_request(x);
}

void weir_exchange_origin_drained(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    x->progress_ms = x->env->now->ms;
    if (x->req_body.done) {
        finish_request(x);
        return;
    }
    weir_exchange_note_turn(x);
    x->downstream->ops->wake(x->downstream);
}

/* -- failures -- */

static void count_failure(struct weir_exchange *x, enum weir_failure failure)
{
    static const enum weir_metric metric[] = {
        [WEIR_FAILURE_CONNECT] = WEIR_M_UPSTREAM_CONNECT_ERRORS,
        [WEIR_FAILURE_CONNECT_TIMEOUT] = WEIR_M_UPSTREAM_TIMEOUTS,
        [WEIR_FAILURE_TLS] = WEIR_M_UPSTREAM_CONNECT_ERRORS,
        [WEIR_FAILURE_CLOSED] = WEIR_M_UPSTREAM_CUT,
        [WEIR_FAILURE_RESPONSE_TIMEOUT] = WEIR_M_UPSTREAM_TIMEOUTS,
        [WEIR_FAILURE_MALFORMED] = WEIR_M_UPSTREAM_MALFORMED,
        [WEIR_FAILURE_CUT] = WEIR_M_UPSTREAM_CUT,
        [WEIR_FAILURE_STALLED] = WEIR_M_UPSTREAM_TIMEOUTS,
    };
    static const enum weir_access_outcome outcome[] = {
        [WEIR_FAILURE_CONNECT] = WEIR_OUTCOME_UPSTREAM_REFUSED,
        [WEIR_FAILURE_CONNECT_TIMEOUT] = WEIR_OUTCOME_UPSTREAM_TIMEOUT,
        [WEIR_FAILURE_TLS] = WEIR_OUTCOME_UPSTREAM_TLS,
        [WEIR_FAILURE_CLOSED] = WEIR_OUTCOME_UPSTREAM_CUT,
        [WEIR_FAILURE_RESPONSE_TIMEOUT] = WEIR_OUTCOME_UPSTREAM_TIMEOUT,
        [WEIR_FAILURE_MALFORMED] = WEIR_OUTCOME_UPSTREAM_MALFORMED,
        [WEIR_FAILURE_CUT] = WEIR_OUTCOME_UPSTREAM_CUT,
        [WEIR_FAILURE_STALLED] = WEIR_OUTCOME_SLOW_UPSTREAM,
    };
    weir_metric_add(x->env->metrics, metric[failure], 1);
    x->outcome = outcome[failure];
}

static void mark_endpoint(struct weir_exchange *x, enum weir_mark mark)
{
    static struct weir_log_limit limit;
    struct weir_exchange_env *env = x->env;
    uint32_t suppressed = 0;
    weir_counter_add(x->endpoint_counters, WEIR_ENDPOINT_FAILURES, 1);
    bool out = mark == WEIR_MARK_AT_ONCE
                   ? weir_failure_marks_failed(env->marks, x->endpoint->key, env->now->ms)
                   : weir_failure_marks_response_failed(env->marks, x->endpoint->key, &x->client,
                                                        env->now->ms);
    if (!out)
        return;
    if (weir_log_allowed(&limit, 10, &suppressed))
        log_warn("upstream.endpoint_out",
                 "tenant=%.*s upstream=%.*s endpoint=%.*s outcome=%s fault=\"%s\" suppressed=%u",
                 (int)x->tenant->name.len, x->tenant->name.at, (int)x->upstream->name.len,
                 x->upstream->name.at, (int)x->endpoint->text.len, x->endpoint->text.at,
                 weir_access_outcome_name(x->outcome), x->fault, suppressed);
}

static void retry_request(struct weir_exchange *x, bool fresh)
{
    x->head_sent = false;
    x->response_begun = false;
    x->sent_ns = 0;
    x->first_byte_ns = 0;
    x->connected_ns = 0;
    x->fresh = x->fresh || fresh;
    weir_exchange_connect(x);
}

void weir_exchange_full(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    weir_exchange_response(x, 503, WEIR_OUTCOME_OVERLOAD,
                           WEIR_SPAN_LIT("Too many requests wait for the site's servers."));
}

void weir_exchange_tls_failed(struct weir_exchange *x, const char *fault)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    x->fault = fault;
    weir_exchange_failed(x, WEIR_FAILURE_TLS);
}

void weir_exchange_failed(struct weir_exchange *x, enum weir_failure failure)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    struct weir_exchange_env *env = x->env;
    struct weir_failure_facts facts = {
        .method = x->req.method,
        .reused = x->reused,
        .sent = x->head_sent,
        .body_taken = x->body_taken,
        .response_begun = x->response_begun,
        .request_done = x->req_body.done,
        .head_passed = x->head_passed,
        .retries = x->retries,
    };
    weir_exchange_leave_origin(x, false);
    count_failure(x, failure);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_exchange_log_failed(x, weir_access_outcome_name(x->outcome)));
    enum weir_mark mark = weir_plan_marks_endpoint(failure, &facts);
    if (mark != WEIR_MARK_NONE)
        mark_endpoint(x, mark);
    switch (weir_plan_after_failure(failure, &facts)) {
    case WEIR_NEXT_ENDPOINT:
        if (failure == WEIR_FAILURE_CLOSED && !facts.request_done)
            x->again = x->endpoint; /* it waited for the client, and is not at fault */
        if (failure != WEIR_FAILURE_CLOSED || !facts.reused)
            weir_tried_add(&x->tried, x->endpoint->index);
        retry_request(x, false);
        break;
    case WEIR_NEXT_FRESH:
        x->retries++;
        x->again = x->endpoint;
        weir_metric_add(env->metrics, WEIR_M_REQUESTS_RETRIED, 1);
        if (!facts.reused)
            weir_tried_add(&x->tried, x->endpoint->index);
        retry_request(x, true);
        break;
    case WEIR_NEXT_502:
        weir_exchange_response(x, 502, x->outcome,
                               WEIR_SPAN_LIT("The site's server did not give a usable response."));
        break;
    case WEIR_NEXT_504:
        weir_exchange_response(x, 504, x->outcome,
                               WEIR_SPAN_LIT("The site's server did not respond in time."));
        break;
    case WEIR_NEXT_CUT:
        weir_metric_add(env->metrics, WEIR_M_REQUESTS_CUT, 1);
        /* A reset: without a length or chunks, an orderly end would pass for the end of the
         * response. */
        weir_exchange_end(x, WEIR_CLIENT_CUT);
        break;
    }
}
