/* SPDX-License-Identifier: Apache-2.0
 * exchange_end.c - the phases and time limits of an exchange, and its end: access record, counters,
 * freed memory.
 */
#include "node/base/addr.h"
#include "node/base/clock.h"
#include "node/base/log_filter.h"
#include "node/base/probe.h"
#include "node/base/siphash.h"
#include "node/base/trace.h"
#include "node/exchange/exchange.h"
#include "node/exchange/exchange_log.h"
#include "node/flow/access.h"
#include "tenants/defaults.h"

/* -- phases -- */

/* A retry begins again at CONNECT or, on a parked connection, at REQUEST. A response of weir's own
 * goes to FLUSH from anywhere. */
static const uint8_t phase_moves[] = {
    [WEIR_PHASE_CONNECT] =
        1 << WEIR_PHASE_CONNECT | 1 << WEIR_PHASE_REQUEST | 1 << WEIR_PHASE_FLUSH,
    [WEIR_PHASE_REQUEST] = 1 << WEIR_PHASE_CONNECT | 1 << WEIR_PHASE_REQUEST |
                           1 << WEIR_PHASE_RESPONSE | 1 << WEIR_PHASE_TRANSFER |
                           1 << WEIR_PHASE_FLUSH,
    [WEIR_PHASE_RESPONSE] = 1 << WEIR_PHASE_CONNECT | 1 << WEIR_PHASE_REQUEST |
                            1 << WEIR_PHASE_TRANSFER | 1 << WEIR_PHASE_FLUSH,
    [WEIR_PHASE_TRANSFER] = 1 << WEIR_PHASE_FLUSH,
    [WEIR_PHASE_FLUSH] = 1 << WEIR_PHASE_DRAIN,
    [WEIR_PHASE_DRAIN] = 0,
};

static const char *const phase_names[] = {
    [WEIR_PHASE_CONNECT] = "connect",   [WEIR_PHASE_REQUEST] = "request",
    [WEIR_PHASE_RESPONSE] = "response", [WEIR_PHASE_TRANSFER] = "transfer",
    [WEIR_PHASE_FLUSH] = "flush",       [WEIR_PHASE_DRAIN] = "drain",
};

void weir_exchange_move(struct weir_exchange *x, enum weir_phase to)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->phase < WEIR_ARRAY_LEN(phase_moves));
    WEIR_ASSERT_MOVE(phase_moves[x->phase] & (1u << to), phase_names[x->phase], phase_names[to]);
    weir_trace("exchange.move", (uintptr_t)x, (uint64_t)x->phase << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE, weir_exchange_log_move(x, phase_names[x->phase], phase_names[to]));
    x->phase = (uint8_t)to;
}

/* -- time -- */

uint64_t weir_exchange_read_clock_ns(struct weir_exchange_env *env)
{
    env->now->ns = weir_clock_mono_ns();
    return env->now->ns;
}

/* How long who has the turn may be silent. */
static uint32_t silence_max_ms(const struct weir_exchange *x)
{
    if (x->turn == WEIR_TURN_ORIGIN)
        return x->upstream->body_timeout_ms;
    return x->tenant ? x->tenant->body_timeout_ms : WEIR_DEFAULT_BODY_TIMEOUT_MS;
}

static uint64_t window_min_bytes(const struct weir_exchange *x)
{
    uint64_t rate = x->tenant ? x->tenant->min_rate : WEIR_DEFAULT_MIN_RATE;
    return rate * WEIR_RATE_WINDOW_MS / 1000;
}

static uint64_t deadline_of(const struct weir_exchange *x)
{
    uint64_t until = 0;
    switch ((enum weir_phase)x->phase) {
    case WEIR_PHASE_CONNECT:
        until = x->phase_ms + x->upstream->connect_timeout_ms;
        return until < x->connect_until_ms ? until : x->connect_until_ms;
    case WEIR_PHASE_RESPONSE:
        return x->phase_ms + x->upstream->response_timeout_ms;
    case WEIR_PHASE_REQUEST:
    case WEIR_PHASE_TRANSFER:
    case WEIR_PHASE_FLUSH:
    case WEIR_PHASE_DRAIN:
        break;
    }
    uint64_t window = x->window_ms + WEIR_RATE_WINDOW_MS;
    until = x->progress_ms + silence_max_ms(x);
    return x->turn == WEIR_TURN_ORIGIN || until < window ? until : window;
}

static enum weir_turn_of turn_of(const struct weir_exchange *x)
{
    const struct weir_origin_side *o = x->origin;
    if (x->downstream->ops->blocked(x->downstream))
        return WEIR_TURN_CLIENT_TAKES;
    if (x->phase == WEIR_PHASE_DRAIN)
        return WEIR_TURN_CLIENT_SENDS;
    /* Once a response has begun, both may have reason to wait for each other. */
    if (x->phase == WEIR_PHASE_REQUEST && (o == NULL || !o->ops->blocked(o)))
        return WEIR_TURN_CLIENT_SENDS;
    return x->phase == WEIR_PHASE_FLUSH ? WEIR_TURN_CLIENT_TAKES : WEIR_TURN_ORIGIN;
}

static void begin_turn(struct weir_exchange *x)
{
    uint64_t now_ms = x->env->now->ms;
    x->progress_ms = now_ms;
    x->window_ms = now_ms;
    x->window_bytes = 0;
    if (x->turn == WEIR_TURN_CLIENT_TAKES)
        x->confirmed = x->downstream->ops->taken(x->downstream);
    weir_timer_set(x->env->wheel, &x->deadline.timer, deadline_of(x));
}

void weir_exchange_note_turn(struct weir_exchange *x)
{
    enum weir_turn_of turn = turn_of(x);
    if (WEIR_LIKELY(x->turn == turn))
        return;
    x->turn = (uint8_t)turn;
    begin_turn(x);
}

void weir_exchange_start_phase(struct weir_exchange *x, enum weir_phase to)
{
    weir_exchange_move(x, to);
    x->phase_ms = x->env->now->ms;
    x->turn = (uint8_t)turn_of(x);
    begin_turn(x);
}

/* A socket becomes writable only when a third of a buffer of megabytes has drained; a slow but
 * steady reader takes bytes long before that. So the client's side is asked how much the client has
 * taken. */
static void refresh_client_progress(struct weir_exchange *x)
{
    uint64_t taken = x->downstream->ops->taken(x->downstream);
    if (taken <= x->confirmed)
        return;
    x->window_bytes += taken - x->confirmed;
    x->confirmed = taken;
    x->progress_ms = x->env->now->ms;
}

/* Whether who has the turn moves too slowly: no byte for body_timeout, or, if it is the client,
 * less than min_rate over a window in which some bytes moved. */
static bool is_too_slow(struct weir_exchange *x)
{
    uint64_t now = x->env->now->ms;
    if (x->turn == WEIR_TURN_CLIENT_TAKES)
        refresh_client_progress(x);
    if (now >= x->progress_ms + silence_max_ms(x))
        return true;
    if (x->turn == WEIR_TURN_ORIGIN || now < x->window_ms + WEIR_RATE_WINDOW_MS)
        return false;
    bool slow = x->window_bytes > 0 && x->window_bytes < window_min_bytes(x);
    x->window_ms = now;
    x->window_bytes = 0;
    return slow;
}

static void end_stalled_exchange(struct weir_exchange *x)
{
    if (x->phase == WEIR_PHASE_DRAIN) {
        weir_exchange_end(x, WEIR_CLIENT_LINGER);
        return;
    }
    if (x->turn == WEIR_TURN_ORIGIN) {
        weir_exchange_failed(x, WEIR_FAILURE_STALLED);
        return;
    }
    weir_metric_add(x->env->metrics, WEIR_M_REQUESTS_TIMED_OUT, 1);
    x->close_after = true;
    if (x->phase == WEIR_PHASE_REQUEST && !x->head_passed)
        weir_exchange_response(x, 408, WEIR_OUTCOME_TIMED_OUT_BODY,
                               WEIR_SPAN_LIT("The request did not arrive in time."));
    else
        weir_exchange_client_gone(x, WEIR_OUTCOME_SLOW_CLIENT);
}

/* The limit of the phase has passed. @return false: it holds after all; measure again */
static bool end_phase(struct weir_exchange *x)
{
    switch ((enum weir_phase)x->phase) {
    case WEIR_PHASE_CONNECT:
        if (x->env->ops->queued(x->env, x))
            weir_exchange_full(x);
        else
            weir_exchange_failed(x, WEIR_FAILURE_CONNECT_TIMEOUT);
        return true;
    case WEIR_PHASE_RESPONSE:
        /* Nothing is read for a client that does not take what it was sent. */
        if (x->downstream->ops->blocked(x->downstream))
            weir_exchange_client_gone(x, WEIR_OUTCOME_SLOW_CLIENT);
        else
            weir_exchange_failed(x, WEIR_FAILURE_RESPONSE_TIMEOUT);
        return true;
    case WEIR_PHASE_REQUEST:
    case WEIR_PHASE_TRANSFER:
    case WEIR_PHASE_FLUSH:
    case WEIR_PHASE_DRAIN:
        if (!is_too_slow(x))
            return false;
        end_stalled_exchange(x);
        return true;
    }
    WEIR_UNREACHABLE();
}

void weir_exchange_expired(struct weir_deadline *d)
{
    struct weir_exchange *x = weir_container_of(d, struct weir_exchange, deadline);
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    if (x->env->now->ms < deadline_of(x) || !end_phase(x))
        weir_timer_set(x->env->wheel, &x->deadline.timer, deadline_of(x));
}

/* -- the record -- */

static struct weir_span marked_span(const struct weir_exchange *x, uint32_t at, uint16_t len)
{
    return x->head != NULL && len > 0 ? weir_span(x->head->bytes + at, len) : WEIR_SPAN_EMPTY;
}

static uint32_t micros_between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns == 0 || to_ns < from_ns ? 0 : (uint32_t)((to_ns - from_ns) / 1000);
}

static void write_access_record(const struct weir_exchange *x, uint64_t now_ns)
{
    const struct weir_client_side *c = x->downstream;
    char client[WEIR_ADDR_TEXT_MAX];
    struct weir_access a = {
        .wall_ms = weir_turn_wall_ms(x->env->now, now_ns),
        .last_time = &x->env->access_time,
        .tenant = x->tenant ? x->tenant->name : WEIR_SPAN_EMPTY,
        .client = weir_span(client, weir_addr_ip_text(&x->client, client)),
        .client_port = x->client.port,
        .local = weir_access_local_text(&x->env->access_local, c->ops->local(c)),
        .scheme = x->https ? WEIR_SPAN_LIT("https") : WEIR_SPAN_LIT("http"),
        .host = marked_span(x, x->marks.host_at, x->marks.host_len),
        .method = marked_span(x, 0, x->method_len),
        .path = marked_span(x, x->marks.target_at, x->marks.target_len),
        .protocol = x->req.framed  ? WEIR_SPAN_LIT("HTTP/2.0")
                    : x->req.minor ? WEIR_SPAN_LIT("HTTP/1.1")
                                   : WEIR_SPAN_LIT("HTTP/1.0"),
        .status = x->status,
        .outcome = x->outcome,
        .fault = weir_span_cstr(x->fault),
        .upstream = x->upstream ? x->upstream->name : WEIR_SPAN_EMPTY,
        .endpoint = x->endpoint ? x->endpoint->text : WEIR_SPAN_EMPTY,
        .reused = x->reused,
        .tries = (uint8_t)(x->tries < 255 ? x->tries : 255),
        .request_bytes = x->req_body.bytes,
        .response_bytes = x->passed_bytes,
        .queue_us = micros_between(x->start_ns, x->dial_ns),
        .connect_us = micros_between(x->dial_ns, x->connected_ns),
        .first_byte_us = micros_between(x->start_ns, x->first_byte_ns),
        .total_us = micros_between(x->start_ns, now_ns),
        .request_id = weir_span(x->request_id, x->request_id_len),
        .user_agent = marked_span(x, x->marks.agent_at, x->marks.agent_len),
        .referer = marked_span(x, x->marks.referer_at, x->marks.referer_len),
    };
    x->env->ops->record(x->env, &a);
}

/* -- counters -- */

static uint64_t tenant_counter_key(const struct weir_exchange *x)
{
    struct weir_siphash h;
    weir_siphash_init(&h, &x->env->marks->secret);
    weir_siphash_add(&h, x->tenant->name.at, x->tenant->name.len);
    return weir_siphash_end(&h);
}

void weir_exchange_count_tenant(struct weir_exchange *x)
{
    struct weir_exchange_env *env = x->env;
    struct weir_tenant *t = x->tenant;
    WEIR_ASSERT(t != NULL);
    WEIR_ASSERT(x->counters == NULL);
    struct weir_counter_hint hint = { t->counters_row, t->counters_version };
    struct weir_counter_row *r = weir_counters_hinted(env->tenant_counters, &hint, env->now->ms);
    if (r == NULL) {
        struct weir_label label = { "tenant", t->name };
        struct weir_labels labels = { &label, 1 };
        r = weir_counters_row(env->tenant_counters, tenant_counter_key(x), labels, env->now->ms,
                              &hint);
        t->counters_row = hint.row;
        t->counters_version = hint.version;
    }
    weir_counter_pin(r);
    weir_counter_add(r, WEIR_TENANT_OPEN, 1);
    x->counters = r;
}

static void leave_endpoint_counters(struct weir_exchange *x)
{
    if (x->endpoint_counters != NULL)
        weir_counter_unpin(x->endpoint_counters);
    x->endpoint_counters = NULL;
}

void weir_exchange_count_attempt(struct weir_exchange *x, struct weir_counter_hint *hint)
{
    struct weir_exchange_env *env = x->env;
    const struct weir_endpoint *e = x->endpoint;
    leave_endpoint_counters(x);
    struct weir_counter_row *r = weir_counters_hinted(env->endpoint_counters, hint, env->now->ms);
    if (r == NULL) {
        struct weir_label three[] = { { "tenant", x->tenant->name },
                                      { "upstream", x->upstream->name },
                                      { "endpoint", e->text } };
        struct weir_labels labels = { three, WEIR_ARRAY_LEN(three) };
        r = weir_counters_row(env->endpoint_counters, e->key, labels, env->now->ms, hint);
    }
    weir_counter_pin(r);
    weir_counter_add(r, WEIR_ENDPOINT_REQUESTS, 1);
    x->endpoint_counters = r;
}

static void count_response_class(const struct weir_exchange *x)
{
    static const struct {
        enum weir_metric metric;
        enum weir_tenant_counter tenant;
    } by_class[] = {
        { WEIR_M_REQUESTS_CUT, WEIR_TENANT_CUT }, { WEIR_M_REQUESTS_CUT, WEIR_TENANT_CUT },
        { WEIR_M_REQUESTS_2XX, WEIR_TENANT_2XX }, { WEIR_M_REQUESTS_3XX, WEIR_TENANT_3XX },
        { WEIR_M_REQUESTS_4XX, WEIR_TENANT_4XX }, { WEIR_M_REQUESTS_5XX, WEIR_TENANT_5XX },
    };
    unsigned class = x->status / 100u;
    if (class > 5)
        class = 0;
    weir_metric_add(x->env->metrics, by_class[class].metric, 1);
    if (x->counters != NULL)
        weir_counter_add(x->counters, by_class[class].tenant, 1);
}

static void observe_phase(const struct weir_exchange *x, enum weir_histogram which,
                          uint64_t from_ns, uint64_t to_ns)
{
    if (from_ns != 0 && to_ns >= from_ns)
        weir_histogram_observe(x->env->metrics, which, (to_ns - from_ns) / 1000);
}

/* Only phases that the exchange has passed, and time that an endpoint or a client can be blamed
 * for: a request that is refused is not observed. */
static void observe_phases(const struct weir_exchange *x, uint64_t now_ns)
{
    if (x->dial_ns == 0)
        return;
    observe_phase(x, WEIR_H_REQUEST_QUEUE, x->start_ns, x->dial_ns);
    if (!x->reused)
        observe_phase(x, WEIR_H_REQUEST_CONNECT, x->dial_ns, x->connected_ns);
    observe_phase(x, WEIR_H_REQUEST_FIRST_BYTE, x->sent_ns, x->first_byte_ns);
    observe_phase(x, WEIR_H_REQUEST_TOTAL, x->start_ns, now_ns);
}

/* The counters are written for the last time. */
static void leave_counters(struct weir_exchange *x)
{
    leave_endpoint_counters(x);
    if (x->counters == NULL)
        return;
    weir_counter_add(x->counters, WEIR_TENANT_OPEN, (uint64_t)0 - 1);
    weir_counter_add(x->counters, WEIR_TENANT_BYTES_IN, x->req_body.bytes);
    weir_counter_add(x->counters, WEIR_TENANT_BYTES_OUT, x->passed_bytes);
    weir_counter_unpin(x->counters);
    x->counters = NULL;
}

void weir_exchange_end(struct weir_exchange *x, enum weir_client_end how)
{
    struct weir_client_side *c = x->downstream;
    struct weir_exchange_env *env = x->env;
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL && x->dial == NULL && x->waiting_in == NULL);
    WEIR_ASSERT(c->x == x);
    uint64_t now_ns = weir_exchange_stamp_ns(env);
    count_response_class(x);
    observe_phases(x, now_ns);
    WEIR_PROBE4(response, x, x->status, x->passed_bytes, x->request_id);
    WEIR_LOG_MAY(WEIR_LOG_DEBUG, weir_exchange_log_response(x, now_ns));
    if (weir_exchange_records(env))
        write_access_record(x, now_ns);
    leave_counters(x);
    weir_timer_stop(env->wheel, &x->deadline.timer);
    weir_stash_release(env->buffers, x->head);
    weir_stash_release(env->buffers, x->gathered);
    weir_tenant_unref(x->tenant);
    x->magic = 0;
    c->x = NULL;
    weir_pool_release(&env->exchanges, x);
    c->ops->end(c, how);
}

void weir_exchange_client_end(struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    bool finish = x->response_done || (x->tenant != NULL && x->tenant->finish_closed);
    if (!finish)
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
}

void weir_exchange_client_gone(struct weir_exchange *x, enum weir_access_outcome outcome)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    struct weir_client_side *c = x->downstream;
    bool torn = !x->response_done || c->ops->blocked(c);
    weir_exchange_leave_origin(x, false);
    x->outcome = outcome;
    if (outcome == WEIR_OUTCOME_CLIENT_GONE && x->status == 0)
        x->status = 499;
    if (torn && x->head_passed)
        weir_metric_add(x->env->metrics, WEIR_M_REQUESTS_CUT, 1);
    weir_exchange_end(x, torn ? WEIR_CLIENT_CUT : WEIR_CLIENT_GONE);
}
