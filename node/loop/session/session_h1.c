/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h1.c - see session_h1.h. The connection's events are noted and the pump is called; the
 * pump is the one place that moves a session forward.
 */
#include "node/loop/session/session_h1.h"

#include <string.h>
#include <sys/socket.h>

#include "node/base/clock.h"
#include "node/base/log_filter.h"
#include "node/base/trace.h"
#include "node/exchange/exchange.h"
#include "node/loop/loop.h"
#include "node/loop/memory_ladder.h"
#include "tenants/cache.h"

static const uint8_t session_moves[] = {
    [WEIR_SESSION_H1_HEAD] = 1 << WEIR_SESSION_H1_EXCHANGE | 1 << WEIR_SESSION_H1_CLOSED,
    [WEIR_SESSION_H1_EXCHANGE] =
        1 << WEIR_SESSION_H1_HEAD | 1 << WEIR_SESSION_H1_LINGER | 1 << WEIR_SESSION_H1_CLOSED,
    [WEIR_SESSION_H1_LINGER] = 1 << WEIR_SESSION_H1_CLOSED,
    [WEIR_SESSION_H1_CLOSED] = 0,
};

static const char *const session_state_names[] = {
    [WEIR_SESSION_H1_HEAD] = "head",
    [WEIR_SESSION_H1_EXCHANGE] = "exchange",
    [WEIR_SESSION_H1_LINGER] = "linger",
    [WEIR_SESSION_H1_CLOSED] = "closed",
};

static struct weir_session_h1 *session_of(struct weir_conn *c)
{
    struct weir_session_h1 *h = weir_container_of(c, struct weir_session_h1, s.conn);
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    WEIR_DCHECK(weir_session_kind_of(&h->s) == &weir_session_h1);
    return h;
}

static struct weir_session_h1 *session_of_side(const struct weir_client_side *c)
{
    struct weir_session_h1 *h =
        weir_container_of((struct weir_client_side *)(uintptr_t)c, struct weir_session_h1, side);
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    return h;
}

static struct weir_worker *worker_of(const struct weir_session_h1 *h)
{
    return weir_worker_of(&h->s.conn);
}

static struct weir_span tenant_of(const struct weir_exchange *x)
{
    return x != NULL && x->tenant != NULL ? x->tenant->name : WEIR_SPAN_EMPTY;
}

void weir_session_h1_move(struct weir_session_h1 *h, enum weir_session_h1_state to)
{
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    WEIR_ASSERT(h->state < WEIR_ARRAY_LEN(session_moves));
    WEIR_ASSERT_MOVE(session_moves[h->state] & (1u << to), session_state_names[h->state],
                     session_state_names[to]);
    weir_trace("connection.move", (uintptr_t)h, (uint64_t)h->state << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE,
                 weir_session_log_move(&h->s, tenant_of(h->side.x), session_state_names[h->state],
                                       session_state_names[to]));
    h->state = (uint8_t)to;
}

/* -- closing -- */

static void on_closed(struct weir_conn *c)
{
    struct weir_session_h1 *h = session_of(c);
    WEIR_ASSERT(h->state == WEIR_SESSION_H1_CLOSED);
    h->s.magic = 0;
    weir_pool_release(&worker_of(h)->session_pool, h);
}

/* Count what has left since the last time: far less than 2^32 bytes, for it is called after each
 * send, splice and event. */
static void account_given(struct weir_session_h1 *h)
{
    uint32_t given = (uint32_t)h->s.conn.given;
    weir_metric_add(worker_of(h)->metrics, WEIR_M_DOWNSTREAM_BYTES_OUT, given - h->counted_given);
    h->counted_given = given;
}

static void close_session(struct weir_session_h1 *h, bool abort)
{
    WEIR_ASSERT(h->side.x == NULL);
    account_given(h);
    weir_exchange_drop_held(&h->side);
    weir_session_h1_move(h, WEIR_SESSION_H1_CLOSED);
    weir_pool_release(&worker_of(h)->exchange.heads, h->head);
    h->head = NULL;
    weir_session_close(&h->s, abort);
}

static void finish_session(struct weir_session_h1 *h, bool linger)
{
    struct weir_conn *c = &h->s.conn;
    WEIR_ASSERT(!weir_conn_holds_output(c));
    weir_session_note(&h->s, WEIR_CLOSE_LAST_RESPONSE);
    if ((!linger && c->in == NULL) || h->side.eof) {
        close_session(h, false);
        return;
    }
    weir_session_h1_move(h, WEIR_SESSION_H1_LINGER);
    if (h->s.starved) { /* what is dropped needs no memory */
        h->s.starved = false;
        weir_list_remove(&h->s.idle.link);
    }
    h->dropped = 0;
    weir_conn_shut(c);
    weir_stash_release(c->env->buffers, c->in);
    c->in = NULL;
    weir_conn_set_deadline(c, c->env->now->ms + WEIR_LINGER_MS);
}

static void await_next_request(struct weir_session_h1 *h)
{
    struct weir_conn *c = &h->s.conn;
    weir_session_h1_move(h, WEIR_SESSION_H1_HEAD);
    h->head_timed = false;
    weir_conn_set_deadline(c, c->env->now->ms + h->side.idle_timeout_ms);
}

/* -- the client's side of an exchange -- */

static const struct weir_addr *side_peer(const struct weir_client_side *side)
{
    return &session_of_side(side)->s.peer;
}

static const struct weir_addr *side_local(const struct weir_client_side *side)
{
    return &session_of_side(side)->s.local;
}

/* The pump that runs looks at the exchange again by itself. */
static void side_wake(struct weir_client_side *side)
{
    struct weir_conn *c = &session_of_side(side)->s.conn;
    if (c->env->running != c)
        weir_conn_wake(c);
}

static const struct weir_tls *side_tls(const struct weir_client_side *side)
{
    return weir_session_tls_of(&session_of_side(side)->s);
}

static enum weir_sent side_send(struct weir_client_side *side, const struct weir_pieces *p)
{
    struct weir_session_h1 *h = session_of_side(side);
    enum weir_conn_sent sent = weir_conn_send(&h->s.conn, p);
    account_given(h);
    if (weir_conn_blocked(&h->s.conn))
        side_wake(side); /* it has to watch for room */
    return sent == WEIR_CONN_SENT   ? WEIR_SENT
           : sent == WEIR_CONN_LOST ? WEIR_SENT_LOST
                                    : WEIR_SENT_NO_MEMORY;
}

static bool side_blocked(const struct weir_client_side *side)
{
    return weir_conn_blocked(&session_of_side(side)->s.conn);
}

static uint64_t side_taken(const struct weir_client_side *side)
{
    return weir_conn_confirmed(&session_of_side(side)->s.conn);
}

static void side_end(struct weir_client_side *side, enum weir_client_end how)
{
    struct weir_session_h1 *h = session_of_side(side);
    switch (how) {
    case WEIR_CLIENT_NEXT:
        await_next_request(h);
        break;
    case WEIR_CLIENT_LAST:
        finish_session(h, false);
        break;
    case WEIR_CLIENT_LINGER:
        finish_session(h, true);
        break;
    case WEIR_CLIENT_CUT:
        close_session(h, true);
        return;
    case WEIR_CLIENT_GONE:
        close_session(h, false);
        return;
    }
    if (h->state != WEIR_SESSION_H1_CLOSED)
        side_wake(side);
}

static const struct weir_client_ops side_ops = {
    .peer = side_peer,
    .local = side_local,
    .tls = side_tls,
    .send = side_send,
    .blocked = side_blocked,
    .taken = side_taken,
    .wake = side_wake,
    .end = side_end,
};

struct weir_conn *weir_session_conn(struct weir_client_side *c)
{
    return c->ops == &side_ops ? &session_of_side(c)->s.conn : NULL;
}

void weir_session_count_given(struct weir_client_side *c)
{
    WEIR_ASSERT(c->ops == &side_ops);
    account_given(session_of_side(c));
}

/* -- heads -- */

/* The node's head_timeout applies, until the tenant is known. */
static void begin_head_time(struct weir_session_h1 *h)
{
    uint64_t now_ms = h->s.conn.env->now->ms;
    h->head_timed = true;
    h->since_ms = (uint32_t)now_ms;
    weir_conn_set_deadline(&h->s.conn, now_ms + worker_of(h)->cfg.head_timeout_ms);
}

static uint64_t head_since_ms(const struct weir_session_h1 *h)
{
    WEIR_DCHECK(h->head_timed);
    return weir_clock_ms_of(h->since_ms, h->s.conn.env->now->ms);
}

/* Store the parser's state beside the stored bytes, so that the next read goes on where this one
 * stopped. */
static bool store_request_head(struct weir_session_h1 *h, const struct weir_h1_head *head)
{
    if (h->head != NULL)
        return true;
    h->head = weir_pool_get(&worker_of(h)->exchange.heads);
    if (h->head == NULL)
        return false;
    h->head_ms = (uint32_t)h->s.conn.env->now->ms;
    weir_h1_head_move(h->head, head);
    return true;
}

/* As soon as the Host is known, its tenant's head_timeout applies. Looked up once for each head
 * that comes in pieces. */
static void find_head_owner(struct weir_session_h1 *h, const struct weir_h1_head *head)
{
    const struct weir_authority *a = &head->authority;
    struct weir_tenant *t = NULL;
    if (head->authority_len == 0)
        return;
    h->head_owner_known = true;
    if (weir_tenant_cache_find(worker_of(h)->cache, &h->s.local, weir_span(a->host, a->host_len),
                               &t) == WEIR_OK)
        weir_conn_set_deadline(&h->s.conn, head_since_ms(h) + t->head_timeout_ms);
}

/* The head cannot be served, whatever it is.
 * @param head   as the parser left it; NULL: it read nothing   @param in  what came of it */
static void refuse_head(struct weir_session_h1 *h, struct weir_refusal r,
                        const struct weir_h1_head *head, struct weir_span in)
{
    if (head != NULL)
        weir_h1_partial_read(head, in, &r.read);
    r.begun_ms = h->head != NULL ? weir_clock_ms_of(h->head_ms, h->s.conn.env->now->ms) : 0;
    weir_session_h1_move(h, WEIR_SESSION_H1_EXCHANGE);
    weir_exchange_refuse(&worker_of(h)->exchange, &h->side, &r);
}

static const struct weir_refusal for_memory = { .status = 503, .outcome = WEIR_OUTCOME_OVERLOAD };
static const struct weir_refusal for_time = { .status = 408,
                                              .outcome = WEIR_OUTCOME_TIMED_OUT_HEAD };

static void begin_exchange(struct weir_session_h1 *h, const struct weir_h1_head *head,
                           const uint8_t *bytes)
{
    struct weir_worker *w = worker_of(h);
    struct weir_conn *c = &h->s.conn;
    h->begun++;
    h->s.requests++;
    if (WEIR_UNLIKELY(atomic_load_explicit(&w->inbox_ready, memory_order_acquire)))
        weir_worker_drain_inbox(w);
    if (!c->watch.made)
        weir_conn_set_deadline(c, c->env->now->ms + WEIR_WATCH_AFTER_MS);
    weir_session_h1_move(h, WEIR_SESSION_H1_EXCHANGE);
    weir_exchange_begin(&w->exchange, &h->side, head, bytes);
    weir_pool_release(&w->exchange.heads, h->head);
    h->head = NULL;
    h->head_timed = false;
    h->head_owner_known = false;
}

/* @return bytes used: the whole head, or none while it is incomplete */
static size_t feed_request_head(struct weir_session_h1 *h, struct weir_span in)
{
    struct weir_worker *w = worker_of(h);
    struct weir_h1_head *head = h->head;
    size_t used = 0;
    if (head == NULL) {
        head = &w->request_head;
        weir_h1_head_init(head, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    }
    switch (weir_h1_head_feed(head, in)) {
    case WEIR_STEP_DONE:
        used = head->head_len;
        begin_exchange(h, head, in.at);
        return used;
    case WEIR_STEP_MORE:
        if (!h->head_timed)
            begin_head_time(h);
        if (!store_request_head(h, head)) {
            weir_metric_add(w->metrics, WEIR_M_POOL_EXHAUSTED, 1);
            refuse_head(h, for_memory, head, in);
        } else if (!h->head_owner_known) {
            find_head_owner(h, head);
        }
        return 0;
    case WEIR_STEP_FAIL:
    case WEIR_STEP_SOME:
        weir_metric_add(w->metrics, WEIR_M_REQUESTS_MALFORMED, 1);
        refuse_head(h,
                    (struct weir_refusal){ .fault = head->fault,
                                           .status = weir_h1_fault_status(head->fault),
                                           .outcome = WEIR_OUTCOME_MALFORMED },
                    head, in);
        return in.len;
    }
    WEIR_UNREACHABLE();
}

/* -- input -- */

/* Whether another head may be served in this turn. */
static bool may_begin(struct weir_session_h1 *h)
{
    uint32_t turn = h->s.conn.env->turns;
    if (h->begun_turn != turn) {
        h->begun_turn = turn;
        h->begun = 0;
    }
    return h->begun < WEIR_PIPELINE_BUDGET;
}

/* Use what can be used of `in`, in order. @return bytes used */
static size_t consume_input(struct weir_session_h1 *h, struct weir_span in)
{
    size_t used = 0;
    for (;;) {
        struct weir_span rest = weir_span_from(in, used);
        size_t n = 0;
        switch ((enum weir_session_h1_state)h->state) {
        case WEIR_SESSION_H1_HEAD:
            if (rest.len == 0 || !may_begin(h))
                return used;
            n = feed_request_head(h, rest);
            break;
        case WEIR_SESSION_H1_EXCHANGE:
            if (!weir_exchange_wants_input(h->side.x))
                return used;
            n = weir_exchange_request_input(h->side.x, rest);
            break;
        case WEIR_SESSION_H1_LINGER:
        case WEIR_SESSION_H1_CLOSED:
            return in.len;
        }
        used += n;
        if (n == 0 && (h->state == WEIR_SESSION_H1_HEAD || h->state == WEIR_SESSION_H1_EXCHANGE))
            return used;
    }
}

/* Input that waited may be usable now. It is taken out of the connection meanwhile, so that nothing
 * is appended to it. */
static void consume_stored(struct weir_session_h1 *h)
{
    struct weir_conn *c = &h->s.conn;
    struct weir_stash *s = c->in;
    c->in = NULL;
    size_t used = consume_input(h, weir_stash_span(s));
    weir_stash_use(c->env->buffers, &s, used);
    if (h->state == WEIR_SESSION_H1_CLOSED || h->state == WEIR_SESSION_H1_LINGER)
        weir_stash_release(c->env->buffers, s);
    else
        c->in = s;
}

/* @param in  what was not used of the input */
static void end_for_memory(struct weir_session_h1 *h, struct weir_span in)
{
    weir_metric_add(worker_of(h)->metrics, WEIR_M_POOL_EXHAUSTED, 1);
    if (h->side.x != NULL)
        weir_exchange_client_gone(h->side.x, WEIR_OUTCOME_OVERLOAD);
    else if (h->state == WEIR_SESSION_H1_HEAD)
        refuse_head(h, for_memory, h->head, in);
}

/* New bytes: appended to the input that waits, or used in place. */
static void use_client_input(struct weir_session_h1 *h, struct weir_span in)
{
    struct weir_conn *c = &h->s.conn;
    struct weir_buffers *b = c->env->buffers;
    weir_metric_add(worker_of(h)->metrics, WEIR_M_DOWNSTREAM_BYTES_IN, in.len);
    h->fresh = false;
    if (c->in != NULL) {
        if (weir_stash_append(b, &c->in, in) < 0)
            end_for_memory(h, weir_stash_span(c->in));
        else
            consume_stored(h);
        return;
    }
    size_t used = consume_input(h, in);
    if (used == in.len || h->state == WEIR_SESSION_H1_CLOSED)
        return;
    if (weir_stash_append(b, &c->in, weir_span_from(in, used)) < 0)
        end_for_memory(h, weir_span_from(in, used));
}

static void handle_client_end(struct weir_session_h1 *h)
{
    h->side.eof = true;
    weir_session_note(&h->s, WEIR_CLOSE_CLIENT_END);
    if (h->side.x == NULL)
        close_session(h, false);
    else if (weir_exchange_request_is_read(h->side.x))
        weir_exchange_client_end(h->side.x);
    else
        weir_exchange_client_gone(h->side.x, WEIR_OUTCOME_CLIENT_GONE);
}

static void handle_client_failure(struct weir_session_h1 *h)
{
    h->side.eof = true;
    weir_session_note(&h->s, WEIR_CLOSE_CLIENT_LOST);
    if (h->side.x != NULL)
        weir_exchange_client_gone(h->side.x, WEIR_OUTCOME_CLIENT_GONE);
    else
        close_session(h, false);
}

static void read_and_drop(struct weir_session_h1 *h)
{
    struct weir_conn *c = &h->s.conn;
    struct weir_span in = WEIR_SPAN_EMPTY;
    enum weir_io io = weir_conn_read(c, c->env->scratch_len, &in);
    if (io == WEIR_IO_BLOCKED)
        return;
    h->dropped += (uint32_t)in.len;
    if (io != WEIR_IO_DONE || h->dropped > WEIR_LINGER_MAX)
        close_session(h, false);
}

/* How much may be read now. An incomplete head or a pipelined request may wait, but not without
 * bound. */
static size_t client_read_room(const struct weir_session_h1 *h)
{
    size_t held = weir_stash_span(h->s.conn.in).len;
    size_t room = held < WEIR_LARGE_LEN - WEIR_HEAD_MAX ? WEIR_IO_CHUNK
                  : held < WEIR_LARGE_LEN               ? WEIR_LARGE_LEN - held
                                                        : 0;
    return room < WEIR_IO_CHUNK ? room : WEIR_IO_CHUNK;
}

/* @return true: there may be more to read now */
static bool read_once(struct weir_session_h1 *h)
{
    size_t room = client_read_room(h);
    struct weir_span in;
    if (room > 0)
        room = weir_memory_session_room(&h->s, room);
    if (room == 0)
        return false;
    switch (weir_conn_read(&h->s.conn, room, &in)) {
    case WEIR_IO_DONE:
        use_client_input(h, in);
        return in.len == room && h->state == WEIR_SESSION_H1_EXCHANGE;
    case WEIR_IO_BLOCKED:
        return false;
    case WEIR_IO_END:
        handle_client_end(h);
        return false;
    case WEIR_IO_FAILED:
        handle_client_failure(h);
        return false;
    }
    WEIR_UNREACHABLE();
}

static void read_from_client(struct weir_session_h1 *h)
{
    if (h->state == WEIR_SESSION_H1_LINGER) {
        read_and_drop(h);
        return;
    }
    for (int i = 0; i < WEIR_READ_BUDGET; i++)
        if (h->state == WEIR_SESSION_H1_CLOSED || h->side.eof || !read_once(h))
            return;
}

/* -- the pump -- */

static struct weir_account *account_of(const struct weir_session_h1 *h)
{
    return h->side.x != NULL ? h->side.x->account : &worker_of(h)->buffers.budget.accounts[0];
}

/* What is held from now on is the account's. */
static void begin_pump(struct weir_session_h1 *h)
{
    struct weir_conn *c = &h->s.conn;
    weir_pump_begin(c->env, c);
    weir_buffers_charge(c->env->buffers, account_of(h), WEIR_MEMORY_REQUESTS);
}

/* A new connection whose request is read as a whole and whose response is awaited: most often the
 * response is sent before anything else happens on the connection. Entering and leaving epoll would
 * be five system calls for nothing. */
static bool can_stay_out_of_epoll(const struct weir_session_h1 *h)
{
    const struct weir_conn *c = &h->s.conn;
    return !c->watch.made && !h->watch_now && h->state == WEIR_SESSION_H1_EXCHANGE &&
           weir_exchange_request_is_read(h->side.x) && !weir_conn_blocked(c);
}

static bool wants_to_read(const struct weir_session_h1 *h)
{
    const struct weir_conn *c = &h->s.conn;
    const struct weir_exchange *x = h->side.x;
    if (h->side.eof || h->s.starved)
        return false;
    switch ((enum weir_session_h1_state)h->state) {
    case WEIR_SESSION_H1_HEAD:
        /* Input that waits is used before more is read: the next read may be the end of the stream,
         * after which nothing is served. */
        return c->in == NULL || h->begun < WEIR_PIPELINE_BUDGET;
    case WEIR_SESSION_H1_EXCHANGE:
        /* While the response is awaited the subscription stays as it is: a change costs two system
         * calls. Bytes that come too early are stored once; then the socket is not read. */
        return !weir_exchange_request_is_read(x) ? weir_exchange_wants_input(x) : c->in == NULL;
    case WEIR_SESSION_H1_LINGER:
        return true;
    case WEIR_SESSION_H1_CLOSED:
        break;
    }
    WEIR_UNREACHABLE();
}

static void move_forward(struct weir_session_h1 *h)
{
    struct weir_conn *c = &h->s.conn;
    if (h->state == WEIR_SESSION_H1_CLOSED)
        return;
    if (c->in != NULL ||
        (h->state == WEIR_SESSION_H1_EXCHANGE && weir_exchange_wants_input(h->side.x)))
        consume_stored(h);
    if (h->state == WEIR_SESSION_H1_CLOSED)
        return;
    if (h->state == WEIR_SESSION_H1_HEAD) {
        if (c->in == NULL && (h->side.eof || worker_of(h)->draining) && !h->fresh) {
            weir_session_note(&h->s, WEIR_CLOSE_DRAIN);
            close_session(h, false);
            return;
        }
        if (c->in != NULL && h->begun >= WEIR_PIPELINE_BUDGET)
            weir_conn_defer(c);
    }
    if (can_stay_out_of_epoll(h))
        return;
    if (weir_conn_watch(c, wants_to_read(h)) < 0)
        handle_client_failure(h);
}

static void pump(struct weir_session_h1 *h)
{
    move_forward(h);
    if (h->state == WEIR_SESSION_H1_HEAD)
        weir_room_note(&worker_of(h)->room, &h->s.idle, h->s.conn.env->now->ms);
}

static void on_event(struct weir_conn *c, unsigned what)
{
    struct weir_session_h1 *h = session_of(c);
    if (h->state == WEIR_SESSION_H1_CLOSED)
        return;
    begin_pump(h);
    if (what & WEIR_CONN_FAILED)
        handle_client_failure(h);
    if (h->state != WEIR_SESSION_H1_CLOSED) {
        account_given(h);
        if ((what & WEIR_CONN_ROOM) && h->side.x != NULL)
            weir_exchange_flushed(h->side.x);
        if (what & WEIR_CONN_ROOM)
            weir_memory_freed(worker_of(h));
    }
    /* A connection that was accepted without bytes is read once more at the end of the turn: most
     * have some by then, and never enter epoll. */
    if ((what & WEIR_CONN_READABLE) || h->fresh)
        read_from_client(h);
    h->fresh = false;
    pump(h);
    weir_pump_end(c->env, c);
}

/* -- time -- */

static void expire(struct weir_session_h1 *h)
{
    switch ((enum weir_session_h1_state)h->state) {
    case WEIR_SESSION_H1_HEAD:
        /* A connection that brought nothing (made in advance, or a check) is closed in silence. */
        if (h->head != NULL) {
            weir_metric_add(worker_of(h)->metrics, WEIR_M_REQUESTS_TIMED_OUT, 1);
            refuse_head(h, for_time, h->head, weir_stash_span(h->s.conn.in));
            return;
        }
        weir_session_note(&h->s, WEIR_CLOSE_TIMEOUT);
        close_session(h, false);
        return;
    case WEIR_SESSION_H1_EXCHANGE:
        h->watch_now = true; /* the limits are the exchange's */
        return;
    case WEIR_SESSION_H1_LINGER:
        weir_session_note(&h->s, WEIR_CLOSE_TIMEOUT);
        close_session(h, false);
        return;
    case WEIR_SESSION_H1_CLOSED:
        break;
    }
    WEIR_UNREACHABLE();
}

static void on_expired(struct weir_conn *c)
{
    begin_pump(session_of(c));
    expire(session_of(c));
    pump(session_of(c));
    weir_pump_end(c->env, c);
}

/* -- the kind -- */

static void adopt_session(struct weir_session *s)
{
    struct weir_session_h1 *h = weir_container_of(s, struct weir_session_h1, s);
    memset((uint8_t *)h + sizeof(h->s), 0, sizeof(*h) - sizeof(h->s));
    h->state = WEIR_SESSION_H1_HEAD;
    h->side.ops = &side_ops;
    h->side.idle_timeout_ms = weir_worker_of(&s->conn)->cfg.idle_timeout_ms;
}

static struct weir_session *open_session(struct weir_worker *w, int fd)
{
    struct weir_session_h1 *h = weir_pool_get(&w->session_pool);
    if (h == NULL)
        return NULL;
    memset(&h->s, 0, sizeof(h->s));
    h->s.conn.env = &w->env;
    adopt_session(&h->s);
    weir_conn_init(&h->s.conn, &w->env, &weir_session_h1.owner, fd);
    return &h->s;
}

static void begin_session(struct weir_session *s)
{
    struct weir_session_h1 *h = session_of(&s->conn);
    struct weir_conn *c = &s->conn;
    begin_head_time(h);
    h->fresh = true;
    begin_pump(h);
    (void)read_once(h);
    if (h->fresh && h->state == WEIR_SESSION_H1_HEAD)
        weir_conn_wake(c);
    else
        pump(h);
    weir_pump_end(c->env, c);
}

/* A request that was sent before the node began to drain may still be unread. */
static void drain_session(struct weir_session *s)
{
    struct weir_session_h1 *h = session_of(&s->conn);
    if (h->state != WEIR_SESSION_H1_HEAD || s->conn.in != NULL)
        return;
    begin_pump(h);
    (void)read_once(h);
    pump(h);
    weir_pump_end(s->conn.env, &s->conn);
}

static void cut_session(struct weir_session *s)
{
    struct weir_session_h1 *h = session_of(&s->conn);
    if (h->side.x != NULL)
        weir_exchange_client_gone(h->side.x, WEIR_OUTCOME_OVERLOAD);
    else
        close_session(h, true);
}

static struct weir_account *session_account(const struct weir_session *s)
{
    return account_of(weir_container_of(s, struct weir_session_h1, s));
}

static uint64_t session_slow_since(const struct weir_session *s)
{
    const struct weir_session_h1 *h = weir_container_of(s, struct weir_session_h1, s);
    return weir_conn_holds_output(&s->conn) && h->side.x != NULL ? h->side.x->progress_ms : 0;
}

static bool session_is_idle(const struct weir_session *s)
{
    const struct weir_session_h1 *h = weir_container_of(s, struct weir_session_h1, s);
    return h->state == WEIR_SESSION_H1_HEAD && !h->fresh && !s->starved && h->head == NULL &&
           s->conn.in == NULL && !weir_conn_holds_output(&s->conn);
}

/* Its input is taken out of the connection while its pump runs: it may not be idle then. */
static bool shed_session(struct weir_session *s)
{
    struct weir_session_h1 *h = session_of(&s->conn);
    const struct weir_conn *c = &s->conn;
    if (c->env->running == c || !weir_sock_is_quiet(c->watch.fd) ||
        (c->layer != NULL && c->layer->ops->holds_input(c->layer)))
        return false;
    weir_session_note(s, WEIR_CLOSE_SHED);
    close_session(h, false);
    return true;
}

const struct weir_session_kind weir_session_h1 = {
    .name = "http",
    .owner = { .task = WEIR_CONN_TASK,
               .event = on_event,
               .expired = on_expired,
               .closed = on_closed },
    .client_speaks_first = true,
    .open = open_session,
    .adopt = adopt_session,
    .begin = begin_session,
    .drain = drain_session,
    .cut = cut_session,
    .account = session_account,
    .slow_since = session_slow_since,
    .is_idle = session_is_idle,
    .shed = shed_session,
};
