/* SPDX-License-Identifier: Apache-2.0
 *
 * session_h2.c - see session_h2.h. The connection's events are noted and the pump is called: it
 * offers input to exchanges, writes what they made, and reports what was sent, until nothing moves.
 */
#include "node/loop/session/session_h2.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/log_filter.h"
#include "node/base/trace.h"
#include "node/exchange/exchange.h"
#include "node/loop/loop.h"
#include "node/loop/memory_ladder.h"

#define ROUNDS_MAX 16 /* of one pump; what is left waits for the next turn */

static const uint8_t session_moves[] = {
    [WEIR_SESSION_H2_OPEN] = 1 << WEIR_SESSION_H2_ENDING | 1 << WEIR_SESSION_H2_CLOSED,
    [WEIR_SESSION_H2_ENDING] = 1 << WEIR_SESSION_H2_LINGER | 1 << WEIR_SESSION_H2_CLOSED,
    [WEIR_SESSION_H2_LINGER] = 1 << WEIR_SESSION_H2_CLOSED,
    [WEIR_SESSION_H2_CLOSED] = 0,
};

static const char *const session_state_names[] = {
    [WEIR_SESSION_H2_OPEN] = "open",
    [WEIR_SESSION_H2_ENDING] = "ending",
    [WEIR_SESSION_H2_LINGER] = "linger",
    [WEIR_SESSION_H2_CLOSED] = "closed",
};

static struct weir_session_h2 *session_of(const struct weir_conn *c)
{
    struct weir_session_h2 *h =
        weir_container_of((struct weir_conn *)(uintptr_t)c, struct weir_session_h2, s.conn);
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    WEIR_DCHECK(weir_session_kind_of(&h->s) == &weir_session_h2);
    return h;
}

static struct weir_session_h2 *session_of_base(const struct weir_session *s)
{
    return session_of(&s->conn);
}

static struct weir_worker *worker_of(const struct weir_session_h2 *h)
{
    return weir_worker_of(&h->s.conn);
}

static uint64_t now_ms(const struct weir_session_h2 *h)
{
    return h->s.conn.env->now->ms;
}

void weir_session_h2_move(struct weir_session_h2 *h, enum weir_session_h2_state to)
{
    WEIR_ASSERT(h->s.magic == WEIR_SESSION_MAGIC);
    WEIR_ASSERT(h->state < WEIR_ARRAY_LEN(session_moves));
    WEIR_ASSERT_MOVE(session_moves[h->state] & (1u << to), session_state_names[h->state],
                     session_state_names[to]);
    weir_trace("connection.move", (uintptr_t)h, (uint64_t)h->state << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE,
                 weir_session_log_move(&h->s, WEIR_SPAN_EMPTY, session_state_names[h->state],
                                       session_state_names[to]));
    h->state = (uint8_t)to;
}

/* -- closing -- */

static void free_link(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    if (l == NULL)
        return;
    weir_h2_streams_bury(l);
    weir_h2_free(&l->codec);
    weir_pool_release(&l->common->pushes, l->pushes);
    weir_pool_release(&l->common->links, l);
    h->link = NULL;
}

static void on_closed(struct weir_conn *c)
{
    struct weir_session_h2 *h = session_of(c);
    WEIR_ASSERT(h->state == WEIR_SESSION_H2_CLOSED);
    WEIR_ASSERT(h->link == NULL);
    h->s.magic = 0;
    weir_pool_release(&worker_of(h)->session_pool, h);
}

/* Not inside the codec. */
static void close_session(struct weir_session_h2 *h, bool abort)
{
    struct weir_h2_link *l = h->link;
    if (l != NULL) {
        weir_h2_output_account(l);
        weir_h2_streams_cut(l, WEIR_OUTCOME_CLIENT_GONE);
        free_link(h);
    }
    weir_session_h2_move(h, WEIR_SESSION_H2_CLOSED);
    weir_session_close(&h->s, abort);
}

/* Nothing more is read. What the codec has is sent first, within a time. */
static void end_session(struct weir_session_h2 *h, enum weir_access_outcome outcome)
{
    struct weir_h2_link *l = h->link;
    if (h->state != WEIR_SESSION_H2_OPEN)
        return;
    weir_session_h2_move(h, WEIR_SESSION_H2_ENDING);
    l->end_ms = now_ms(h) + WEIR_LINGER_MS;
    weir_h2_streams_cut(l, outcome);
    if (h->s.starved) { /* what is dropped needs no memory */
        h->s.starved = false;
        weir_list_remove(&h->s.idle.link);
    }
}

/* All is sent. The client may still send: it must not see a reset before what it was sent. */
static void finish_session(struct weir_session_h2 *h)
{
    struct weir_conn *c = &h->s.conn;
    struct weir_h2_link *l = h->link;
    weir_session_note(&h->s, WEIR_CLOSE_LAST_RESPONSE);
    if (l->eof) {
        close_session(h, false);
        return;
    }
    if (h->state == WEIR_SESSION_H2_OPEN)
        end_session(h, WEIR_OUTCOME_CLIENT_GONE);
    weir_session_h2_move(h, WEIR_SESSION_H2_LINGER);
    l->end_ms = now_ms(h) + WEIR_LINGER_MS;
    weir_conn_shut(c);
}

WEIR_COLD static void log_flood(const struct weir_session_h2 *h, enum weir_h2_flood_kind kind)
{
    static struct weir_log_limit limit;
    char client[WEIR_ADDR_TEXT_MAX];
    uint32_t suppressed = 0;
    if (!weir_log_allowed(&limit, 10, &suppressed))
        return;
    (void)weir_addr_text(&h->s.peer, client);
    log_info("h2.flood", "client=%s kind=%s requests=%u suppressed=%u", client,
             weir_h2_flood_name(kind), h->s.requests, suppressed);
}

static void note_flood(struct weir_session_h2 *h)
{
    enum weir_h2_flood_kind kind = weir_h2_flooded(h->link->codec);
    if (kind == WEIR_H2_FLOOD_KINDS || h->state != WEIR_SESSION_H2_OPEN)
        return;
    weir_metric_add(worker_of(h)->metrics,
                    (enum weir_metric)((unsigned)WEIR_M_H2_FLOOD_RESETS + (unsigned)kind), 1);
    log_flood(h, kind);
}

/* -- input -- */

static void use_input(struct weir_session_h2 *h, struct weir_span in)
{
    struct weir_h2_link *l = h->link;
    weir_metric_add(worker_of(h)->metrics, WEIR_M_DOWNSTREAM_BYTES_IN, in.len);
    h->fresh = false;
    l->rests = false;
    l->input_ms = now_ms(h);
    weir_h2_feed(l->codec, in);
    if (!weir_h2_in_block(l->codec))
        l->block_ms = 0;
    else if (l->block_ms == 0)
        l->block_ms = now_ms(h);
}

static void read_and_drop(struct weir_session_h2 *h)
{
    struct weir_conn *c = &h->s.conn;
    struct weir_span in = WEIR_SPAN_EMPTY;
    enum weir_io io = weir_conn_read(c, c->env->scratch_len, &in);
    if (io == WEIR_IO_BLOCKED)
        return;
    h->link->dropped += (uint32_t)in.len;
    if (io != WEIR_IO_DONE || h->link->dropped > WEIR_LINGER_MAX)
        close_session(h, false);
}

/* Whether more may be read in this turn: the exchanges that one connection begins are bounded. */
static bool may_read(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    uint32_t turn = h->s.conn.env->turns;
    if (l->begun_turn != turn) {
        l->begun_turn = turn;
        l->begun = 0;
    }
    return h->state == WEIR_SESSION_H2_OPEN && !l->eof && !l->lost &&
           l->begun < WEIR_H2_STREAMS_MAX;
}

/* @return true: there may be more to read now */
static bool read_once(struct weir_session_h2 *h)
{
    struct weir_span in = WEIR_SPAN_EMPTY;
    size_t room = weir_memory_session_room(&h->s, WEIR_IO_CHUNK);
    if (room == 0)
        return false;
    switch (weir_conn_read(&h->s.conn, room, &in)) {
    case WEIR_IO_DONE:
        use_input(h, in);
        return in.len == room;
    case WEIR_IO_BLOCKED:
        return false;
    case WEIR_IO_END:
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_END);
        h->link->eof = true;
        return false;
    case WEIR_IO_FAILED:
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_LOST);
        h->link->lost = true;
        return false;
    }
    WEIR_UNREACHABLE();
}

/* -- the pump -- */

static struct weir_account *account_of(const struct weir_session_h2 *h)
{
    return h->link != NULL && h->link->account != NULL ? h->link->account
                                                       : &worker_of(h)->buffers.budget.accounts[0];
}

/* One round. @return whether anything moved */
static bool move_streams(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    bool offered = !weir_list_empty(&l->woken);
    weir_h2_streams_offer(l);
    bool wrote = weir_h2_output_write(l);
    weir_h2_streams_flushed(l);
    return offered || wrote;
}

static bool has_all_sent(const struct weir_session_h2 *h)
{
    return !weir_conn_blocked(&h->s.conn) && !weir_h2_wants_output(h->link->codec);
}

static uint64_t notice_of(const struct weir_h2_link *l)
{
    return l->notice_ms != 0 && !l->refusing ? l->notice_ms + WEIR_H2_NOTICE_MS : UINT64_MAX;
}

/* The node drains, or memory is short: an end in two steps, so that requests which are on their way
 * are served. */
static void drain_step(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    struct weir_worker *w = worker_of(h);
    bool leaves = w->draining || w->buffers.budget.rung >= WEIR_RUNG_NO_KEEP_ALIVE;
    if (l->notice_ms == 0 && leaves) {
        weir_session_note(&h->s, WEIR_CLOSE_DRAIN);
        l->notice_ms = now_ms(h);
        weir_h2_announce_end(l->codec);
    } else if (l->notice_ms != 0 && !l->refusing && now_ms(h) >= l->notice_ms + WEIR_H2_NOTICE_MS) {
        l->refusing = true;
        weir_h2_refuse_further(l->codec);
    }
}

/* What ends the connection. @return true: it is closed */
static bool settle_end(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    if (l->lost || l->eof) {
        close_session(h, l->lost);
        return true;
    }
    if (h->state == WEIR_SESSION_H2_LINGER)
        return false; /* it has ended; what still comes was dropped */
    if (h->state == WEIR_SESSION_H2_OPEN && !weir_h2_is_open(l->codec)) {
        note_flood(h);
        end_session(h, WEIR_OUTCOME_CLIENT_GONE);
        (void)weir_h2_output_write(l);
    }
    bool done = h->state == WEIR_SESSION_H2_ENDING || (l->refusing && l->num_streams == 0);
    if (done && has_all_sent(h))
        finish_session(h);
    return h->state == WEIR_SESSION_H2_CLOSED;
}

/* When the client's time is over: it asks nothing, or a header block does not come to its end. */
static uint64_t patience_of(const struct weir_session_h2 *h)
{
    const struct weir_h2_link *l = h->link;
    uint32_t head_ms = worker_of(h)->cfg.head_timeout_ms;
    uint64_t until = UINT64_MAX;
    if (l->num_streams == 0)
        until = l->idle_ms + (l->served ? l->idle_timeout_ms : head_ms);
    if (l->block_ms != 0 && l->block_ms + head_ms < until)
        until = l->block_ms + head_ms;
    return until;
}

static uint64_t rest_of(const struct weir_h2_link *l)
{
    uint64_t since = l->idle_ms > l->input_ms ? l->idle_ms : l->input_ms;
    return l->num_streams == 0 && !l->rests ? since + WEIR_H2_REST_MS : UINT64_MAX;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The nearest of the times that the connection itself watches; exchanges have their own. */
static uint64_t deadline_of(const struct weir_session_h2 *h)
{
    const struct weir_h2_link *l = h->link;
    if (h->state != WEIR_SESSION_H2_OPEN)
        return l->end_ms;
    return sooner(patience_of(h), sooner(rest_of(l), notice_of(l)));
}

static void set_deadline(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    uint64_t until = deadline_of(h);
    if (until == l->deadline_ms)
        return;
    l->deadline_ms = until;
    if (until != UINT64_MAX)
        weir_conn_set_deadline(&h->s.conn, until);
}

static void watch(struct weir_session_h2 *h)
{
    bool read =
        h->state == WEIR_SESSION_H2_LINGER || (h->state == WEIR_SESSION_H2_OPEN && !h->s.starved);
    if (weir_conn_watch(&h->s.conn, read) < 0)
        close_session(h, true);
}

static void pump(struct weir_session_h2 *h)
{
    int rounds = 0;
    if (h->state == WEIR_SESSION_H2_CLOSED)
        return;
    if (h->state == WEIR_SESSION_H2_OPEN)
        drain_step(h);
    if (h->state != WEIR_SESSION_H2_LINGER)
        while (rounds < ROUNDS_MAX && move_streams(h))
            rounds++;
    weir_h2_streams_bury(h->link);
    if (settle_end(h))
        return;
    if (rounds == ROUNDS_MAX)
        weir_conn_defer(&h->s.conn);
    set_deadline(h);
    watch(h);
    if (h->state == WEIR_SESSION_H2_OPEN)
        weir_room_note(&worker_of(h)->room, &h->s.idle, now_ms(h));
}

void weir_h2_link_schedule(struct weir_h2_link *l, bool soon)
{
    struct weir_conn *c = weir_h2_conn_of(l);
    if (c->env->running == c)
        return;
    if (soon)
        weir_conn_wake(c);
    else
        weir_conn_defer(c);
}

static void begin_pump(struct weir_session_h2 *h)
{
    struct weir_conn *c = &h->s.conn;
    weir_pump_begin(c->env, c);
    weir_buffers_charge(c->env->buffers, account_of(h), WEIR_MEMORY_REQUESTS);
}

static void read_from_client(struct weir_session_h2 *h)
{
    if (h->state == WEIR_SESSION_H2_LINGER) {
        read_and_drop(h);
        return;
    }
    for (int i = 0; i < WEIR_READ_BUDGET && may_read(h) && read_once(h); i++)
        (void)move_streams(h);
}

static void on_event(struct weir_conn *c, unsigned what)
{
    struct weir_session_h2 *h = session_of(c);
    if (h->state == WEIR_SESSION_H2_CLOSED)
        return;
    begin_pump(h);
    weir_h2_output_account(h->link);
    if (what & WEIR_CONN_FAILED) {
        weir_session_note(&h->s, WEIR_CLOSE_CLIENT_LOST);
        h->link->lost = true;
    }
    if (what & WEIR_CONN_ROOM) {
        h->link->blocked_ms = 0;
        weir_memory_freed(worker_of(h));
    }
    if ((what & WEIR_CONN_READABLE) || h->fresh)
        read_from_client(h);
    pump(h);
    weir_pump_end(c->env, c);
}

/* -- time -- */

static void end_patience(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    weir_session_note(&h->s, WEIR_CLOSE_TIMEOUT);
    if (l->block_ms != 0)
        weir_metric_add(worker_of(h)->metrics, WEIR_M_REQUESTS_TIMED_OUT, 1);
    weir_h2_terminate(l->codec, l->block_ms != 0 ? WEIR_H2_CALM : WEIR_H2_NO_ERROR);
}

/* It may have been moved since it was set. */
static void expire(struct weir_session_h2 *h)
{
    struct weir_h2_link *l = h->link;
    l->deadline_ms = 0;
    if (h->state != WEIR_SESSION_H2_OPEN) {
        if (now_ms(h) < l->end_ms)
            return;
        weir_session_note(&h->s, WEIR_CLOSE_TIMEOUT);
        close_session(h, h->state == WEIR_SESSION_H2_ENDING);
        return;
    }
    if (now_ms(h) >= patience_of(h)) {
        end_patience(h);
    } else if (now_ms(h) >= rest_of(l)) {
        l->rests = true;
        weir_h2_rest(l->codec);
    }
}

static void on_expired(struct weir_conn *c)
{
    struct weir_session_h2 *h = session_of(c);
    begin_pump(h);
    expire(h);
    pump(h);
    weir_pump_end(c->env, c);
}

/* -- the kind -- */

static bool make_common(struct weir_worker *w)
{
    struct weir_h2_common *m = w->h2;
    struct weir_siphash_key secret;
    if (m != NULL)
        return true;
    if (weir_rng_secret(&secret, sizeof(secret)) < 0)
        return false;
    m = calloc(1, sizeof(*m));
    if (m == NULL)
        return false;
    m->shared = weir_h2_shared_new(&w->buffers);
    if (m->shared == NULL) {
        free(m);
        return false;
    }
    weir_pool_init(&m->links, sizeof(struct weir_h2_link), 64, 1u << 20);
    weir_pool_init(&m->streams, sizeof(struct weir_h2_stream), 128, 1u << 20);
    weir_pool_init(&m->pushes, sizeof(struct weir_h2_pushes), 16, 1u << 20);
    weir_hints_init(&m->hints, &secret);
    w->h2 = m;
    return true;
}

void weir_session_h2_free_common(struct weir_worker *w)
{
    struct weir_h2_common *m = w->h2;
    if (m == NULL)
        return;
    weir_hints_deinit(&m->hints);
    weir_pool_deinit(&m->pushes);
    weir_pool_deinit(&m->streams);
    weir_pool_deinit(&m->links);
    weir_h2_shared_free(&m->shared);
    free(m);
    w->h2 = NULL;
}

static bool make_link(struct weir_session_h2 *h)
{
    struct weir_worker *w = worker_of(h);
    struct weir_h2_link *l = make_common(w) ? weir_pool_get(&w->h2->links) : NULL;
    if (l == NULL)
        return false;
    memset(l, 0, sizeof(*l));
    struct weir_h2_setup setup = { .shared = w->h2->shared,
                                   .owner = &weir_h2_stream_owner,
                                   .owner_data = l,
                                   .account = &w->buffers.budget.accounts[0],
                                   .now = &w->now,
                                   .max_streams = WEIR_H2_STREAMS_MAX,
                                   .list_max = WEIR_H2_LIST_MAX };
    l->h = h;
    l->common = w->h2;
    l->idle_timeout_ms = w->cfg.idle_timeout_ms;
    l->idle_ms = now_ms(h);
    weir_list_init(&l->streams);
    weir_list_init(&l->woken);
    weir_list_init(&l->batched);
    weir_list_init(&l->sent);
    weir_list_init(&l->dead);
    l->codec = weir_h2_new(&setup);
    if (l->codec == NULL) {
        weir_pool_release(&w->h2->links, l);
        return false;
    }
    h->link = l;
    return true;
}

static void adopt_session(struct weir_session *s)
{
    struct weir_session_h2 *h = weir_container_of(s, struct weir_session_h2, s);
    h->state = WEIR_SESSION_H2_OPEN;
    h->fresh = true;
    h->counted_given = 0;
    h->link = NULL;
}

static struct weir_session *open_session(struct weir_worker *w, int fd)
{
    struct weir_session_h2 *h = weir_pool_get(&w->session_pool);
    if (h == NULL)
        return NULL;
    memset(&h->s, 0, sizeof(h->s));
    h->s.conn.env = &w->env;
    adopt_session(&h->s);
    weir_conn_init(&h->s.conn, &w->env, &weir_session_h2.owner, fd);
    return &h->s;
}

static void begin_session(struct weir_session *s)
{
    struct weir_session_h2 *h = session_of(&s->conn);
    h->counted_given = (uint32_t)s->conn.given;
    if (!make_link(h)) {
        weir_metric_add(worker_of(h)->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        close_session(h, true);
        return;
    }
    weir_metric_add(worker_of(h)->metrics, WEIR_M_H2_CONNECTIONS, 1);
    weir_conn_wake(&s->conn);
}

static void drain_session(struct weir_session *s)
{
    struct weir_session_h2 *h = session_of(&s->conn);
    if (h->state == WEIR_SESSION_H2_OPEN)
        weir_conn_wake(&s->conn);
}

static void cut_session(struct weir_session *s)
{
    struct weir_session_h2 *h = session_of(&s->conn);
    if (h->link != NULL)
        weir_h2_streams_cut(h->link, WEIR_OUTCOME_OVERLOAD);
    close_session(h, true);
}

static struct weir_account *session_account(const struct weir_session *s)
{
    return account_of(session_of_base(s));
}

static uint64_t session_slow_since(const struct weir_session *s)
{
    const struct weir_session_h2 *h = session_of_base(s);
    return h->link != NULL ? h->link->blocked_ms : 0;
}

static bool session_is_idle(const struct weir_session *s)
{
    const struct weir_session_h2 *h = session_of_base(s);
    return h->state == WEIR_SESSION_H2_OPEN && !h->fresh && !s->starved &&
           h->link->num_streams == 0 && h->link->block_ms == 0 && !weir_conn_holds_output(&s->conn);
}

static bool shed_session(struct weir_session *s)
{
    struct weir_session_h2 *h = session_of(&s->conn);
    const struct weir_conn *c = &s->conn;
    if (c->env->running == c || !weir_sock_is_quiet(c->watch.fd) ||
        (c->layer != NULL && c->layer->ops->holds_input(c->layer)))
        return false;
    weir_session_note(s, WEIR_CLOSE_SHED);
    weir_h2_terminate(h->link->codec, WEIR_H2_NO_ERROR);
    (void)weir_h2_output_write(h->link);
    close_session(h, false);
    return true;
}

const struct weir_session_kind weir_session_h2 = {
    .name = "h2",
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
