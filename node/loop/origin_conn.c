/* SPDX-License-Identifier: Apache-2.0
 * origin_conn.c - a connection to an endpoint: dialled, busy with one exchange, parked. It decides
 * nothing about the exchange; it brings bytes and facts to it.
 */
#include "node/loop/origin_conn.h"

#include <string.h>

#include "node/base/log_filter.h"
#include "node/base/probe.h"
#include "node/base/trace.h"
#include "node/exchange/exchange.h"
#include "node/flow/dial_order.h"
#include "node/loop/pools.h"
#include "node/loop/session/session.h"
#include "node/loop/worker_tls.h"

/* If fewer bytes are left, the two extra system calls and the pipe cost more than a copy. */
#define SPLICE_MIN 131072u

static struct weir_origin_conn *origin_conn_of(struct weir_conn *c)
{
    struct weir_origin_conn *u = weir_container_of(c, struct weir_origin_conn, conn);
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    return u;
}

static struct weir_origin_conn *origin_conn_of_side(const struct weir_origin_side *o)
{
    struct weir_origin_conn *u =
        weir_container_of((struct weir_origin_side *)(uintptr_t)o, struct weir_origin_conn, side);
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    return u;
}

static const uint8_t origin_conn_moves[] = {
    [WEIR_ORIGIN_CONN_CONNECTING] = 1 << WEIR_ORIGIN_CONN_HANDSHAKING | 1 << WEIR_ORIGIN_CONN_BUSY |
                                    1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_HANDSHAKING] = 1 << WEIR_ORIGIN_CONN_BUSY | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_BUSY] =
        1 << WEIR_ORIGIN_CONN_PARKED | 1 << WEIR_ORIGIN_CONN_HELD | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_PARKED] = 1 << WEIR_ORIGIN_CONN_BUSY | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_HELD] = 1 << WEIR_ORIGIN_CONN_BUSY | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_CLOSED] = 0,
};

static const char *const origin_conn_state_names[] = {
    [WEIR_ORIGIN_CONN_CONNECTING] = "connecting",
    [WEIR_ORIGIN_CONN_HANDSHAKING] = "handshaking",
    [WEIR_ORIGIN_CONN_BUSY] = "busy",
    [WEIR_ORIGIN_CONN_PARKED] = "parked",
    [WEIR_ORIGIN_CONN_HELD] = "held",
    [WEIR_ORIGIN_CONN_CLOSED] = "closed",
};

/* trace: origin.move address= fd= from= to= */
WEIR_COLD static void log_move(const struct weir_origin_conn *u, const char *from, const char *to)
{
    const struct weir_exchange *x = u->side.x;
    const struct weir_address_pool *p = u->address_pool;
    log_trace_for(x != NULL && x->tenant != NULL ? x->tenant->name : WEIR_SPAN_EMPTY,
                  x != NULL ? &x->client : NULL, "origin.move", "address=%.*s fd=%d from=%s to=%s",
                  (int)p->text_len, (const char *)p->text, u->conn.watch.fd, from, to);
}

void weir_origin_conn_move(struct weir_origin_conn *u, enum weir_origin_conn_state to)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    WEIR_ASSERT(u->state < WEIR_ARRAY_LEN(origin_conn_moves));
    WEIR_ASSERT_MOVE(origin_conn_moves[u->state] & (1u << to), origin_conn_state_names[u->state],
                     origin_conn_state_names[to]);
    weir_trace("origin.move", (uintptr_t)u, (uint64_t)u->state << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE,
                 log_move(u, origin_conn_state_names[u->state], origin_conn_state_names[to]));
    u->state = (uint8_t)to;
}

/* -- life -- */

static void on_origin_closed(struct weir_conn *c)
{
    struct weir_origin_conn *u = origin_conn_of(c);
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_CLOSED);
    u->magic = 0;
    weir_pool_release(&u->worker->origins, u);
}

/* The endpoint pool no longer counts the connection. */
static void leave_endpoint_pool(struct weir_origin_conn *u)
{
    if (u->pool != NULL)
        u->pool->num_open--;
    u->pool = NULL;
    u->side.http10 = NULL;
}

static void unpark(struct weir_origin_conn *u)
{
    struct weir_worker *w = u->worker;
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_PARKED);
    WEIR_ASSERT(u->address_pool->num_idle > 0);
    weir_list_remove(&u->park_link);
    weir_list_remove(&u->lru_link);
    u->address_pool->num_idle--;
    w->num_parked--;
    weir_metric_sub(w->metrics, WEIR_M_UPSTREAM_IDLE, 1);
}

void weir_origin_conn_close(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    struct weir_worker *w = u->worker;
    struct weir_endpoint_pool *pool = u->pool;
    if (u->state == WEIR_ORIGIN_CONN_CLOSED)
        return;
    if (u->state == WEIR_ORIGIN_CONN_PARKED)
        unpark(u);
    WEIR_ASSERT(u->dial == NULL);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_CLOSED);
    if (u->side.held_by != NULL)
        u->side.held_by->held = NULL;
    u->side.held_by = NULL;
    if (u->side.x != NULL)
        u->side.x->origin = NULL;
    u->side.x = NULL;
    leave_endpoint_pool(u);
    u->address_pool->num_open--;
    w->num_origins--;
    weir_room_leave_origin(&w->room);
    weir_metric_sub(w->metrics, WEIR_M_UPSTREAM_OPEN, 1);
    weir_list_remove(&u->link);
    weir_list_remove(&u->lru_link);
    weir_pipe_close(&w->pipes, &u->pipe);
    weir_conn_close(&u->conn, false);
    if (pool != NULL)
        weir_endpoint_pool_poke(pool);
    weir_address_pool_want_refill(u->address_pool);
    u->address_pool = NULL;
}

/* -- waiting -- */

static bool wants_to_read(const struct weir_origin_conn *u)
{
    switch ((enum weir_origin_conn_state)u->state) {
    case WEIR_ORIGIN_CONN_CONNECTING:
        return false;
    case WEIR_ORIGIN_CONN_HANDSHAKING:
        return !u->handshake.signs;
    case WEIR_ORIGIN_CONN_PARKED:
    case WEIR_ORIGIN_CONN_HELD:
        return true;
    case WEIR_ORIGIN_CONN_BUSY:
        return weir_list_empty(&u->lru_link) && weir_exchange_wants_response(u->side.x);
    case WEIR_ORIGIN_CONN_CLOSED:
        break;
    }
    WEIR_UNREACHABLE();
}

bool weir_origin_conn_watch(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    u->conn.room_wanted = u->state == WEIR_ORIGIN_CONN_CONNECTING;
    return weir_conn_watch(&u->conn, wants_to_read(u)) == WEIR_OK;
}

/* Watch it; one that the loop cannot watch is lost, which is reported as an event of its own. */
static void arm_or_lose(struct weir_origin_conn *u)
{
    if (u->state == WEIR_ORIGIN_CONN_CLOSED || weir_origin_conn_watch(u))
        return;
    u->lost = true;
    weir_conn_wake(&u->conn);
}

/* -- the origin's side of an exchange -- */

static enum weir_sent side_send(struct weir_origin_side *o, const struct weir_pieces *p)
{
    struct weir_origin_conn *u = origin_conn_of_side(o);
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_BUSY && !o->broken);
    enum weir_conn_sent sent = weir_conn_send(&u->conn, p);
    arm_or_lose(u);
    return sent == WEIR_CONN_SENT   ? WEIR_SENT
           : sent == WEIR_CONN_LOST ? WEIR_SENT_LOST
                                    : WEIR_SENT_NO_MEMORY;
}

static bool side_blocked(const struct weir_origin_side *o)
{
    return weir_conn_holds_output(&origin_conn_of_side(o)->conn);
}

static void side_resume(struct weir_origin_side *o)
{
    struct weir_origin_conn *u = origin_conn_of_side(o);
    if (u->pipe.open)
        weir_conn_wake(&u->conn);
    else
        arm_or_lose(u);
}

static void side_release(struct weir_origin_side *o, bool reusable)
{
    weir_origin_conn_release(origin_conn_of_side(o), reusable);
}

static void side_hold(struct weir_origin_side *o)
{
    struct weir_origin_conn *u = origin_conn_of_side(o);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_HELD);
    weir_list_remove(&u->lru_link);
    arm_or_lose(u);
}

static bool side_take(struct weir_origin_side *o, struct weir_exchange *x)
{
    struct weir_origin_conn *u = origin_conn_of_side(o);
    if (!weir_conn_is_quiet(&u->conn))
        return false;
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    u->side.x = x;
    u->side.exchanges++;
    u->side.reused = true;
    x->origin = o;
    weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_REUSED, 1);
    return true;
}

static const struct weir_origin_ops side_ops = {
    .send = side_send,
    .blocked = side_blocked,
    .resume = side_resume,
    .release = side_release,
    .hold = side_hold,
    .take = side_take,
};

static void handle_watch_failure(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->side.x;
    if (u->dial != NULL)
        u->tell_dial(u, WEIR_ORIGIN_CONN_LOST);
    else if (x != NULL)
        weir_exchange_failed(x, WEIR_FAILURE_CLOSED);
    else
        weir_origin_conn_close(u);
}

/* -- reading -- */

static void splice_to_client(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->side.x;
    struct weir_conn *to = weir_session_conn(x->downstream);
    struct weir_spliced moved;
    if (weir_conn_blocked(to))
        return;
    enum weir_splice outcome = weir_splice_move(&u->pipe, &u->conn, to, false, &moved);
    weir_session_count_given(x->downstream);
    weir_exchange_passed(x, moved.taken, moved.given);
    switch (outcome) {
    case WEIR_SPLICE_MORE:
        return;
    case WEIR_SPLICE_BLOCKED:
        x->downstream->ops->wake(x->downstream); /* it watches for room */
        return;
    case WEIR_SPLICE_DONE:
        weir_pipe_close(&u->worker->pipes, &u->pipe);
        weir_exchange_passed_all(x);
        return;
    case WEIR_SPLICE_END:
        weir_exchange_failed(x, WEIR_FAILURE_CUT);
        return;
    case WEIR_SPLICE_FAILED:
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
        return;
    }
    WEIR_UNREACHABLE();
}

/* From now on the rest of the body is spliced, if that is possible and worth it. */
static bool begin_splice(struct weir_origin_conn *u)
{
    uint64_t left = weir_exchange_can_pass(u->side.x);
    if (left < SPLICE_MIN)
        return false;
    struct weir_conn *to = weir_session_conn(u->side.x->downstream);
    return to != NULL && weir_splice_can(&u->conn, to) &&
           weir_pipe_open(&u->worker->pipes, &u->pipe, left);
}

/* Bytes of a response. What is not used, an incomplete head, is stored, and the next bytes are
 * appended to it. @return false: the exchange is gone */
static bool feed_response(struct weir_origin_conn *u, struct weir_span in)
{
    struct weir_buffers *b = u->conn.env->buffers;
    struct weir_exchange *x = u->side.x;
    bool alive = false;
    if (u->conn.in == NULL) {
        size_t used = weir_exchange_response_input(x, in, &alive);
        if (!alive || used == in.len)
            return alive;
        if (weir_stash_append(b, &u->conn.in, weir_span_from(in, used)) == WEIR_OK)
            return true;
    } else if (weir_stash_append(b, &u->conn.in, in) == WEIR_OK) {
        struct weir_stash *s = u->conn.in;
        u->conn.in = NULL;
        size_t used = weir_exchange_response_input(x, weir_stash_span(s), &alive);
        weir_stash_use(b, &s, used);
        if (alive)
            u->conn.in = s;
        else
            weir_stash_release(b, s);
        return alive;
    }
    weir_exchange_end_without_memory(x);
    return false;
}

/* How much of `want` may be read; 0: it waits for memory, and does not watch for input meanwhile.
 */
static size_t read_room(struct weir_origin_conn *u, size_t want)
{
    struct weir_worker *w = u->worker;
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_BUSY);
    size_t room = weir_buffers_room(&w->buffers, u->side.x->account, want);
    if (WEIR_LIKELY(room > 0) || !weir_list_empty(&u->lru_link))
        return room;
    weir_metric_add(w->metrics, WEIR_M_MEMORY_WAITS, 1);
    weir_list_append(&w->starved_origins, &u->lru_link);
    return 0;
}

void weir_origin_conn_resume(struct weir_worker *w)
{
    for (int i = 0; i < WEIR_RESUME_BUDGET && !weir_list_empty(&w->starved_origins); i++) {
        struct weir_origin_conn *u =
            weir_container_of(w->starved_origins.next, struct weir_origin_conn, lru_link);
        weir_list_remove(&u->lru_link);
        if (weir_buffers_room(&w->buffers, u->side.x->account, 1) > 0)
            weir_conn_wake(&u->conn);
        else
            weir_list_append(&w->starved_origins, &u->lru_link);
    }
}

/* @return true: there may be more to read now */
static bool read_once(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->side.x;
    size_t held = weir_stash_span(u->conn.in).len;
    size_t room = held == 0 ? u->conn.env->scratch_len : WEIR_LARGE_LEN - held;
    struct weir_span in;
    room = read_room(u, room);
    if (room == 0)
        return false;
    switch (weir_conn_read(&u->conn, room, &in)) {
    case WEIR_IO_DONE:
        if (!feed_response(u, in))
            return false;
        if (begin_splice(u)) {
            splice_to_client(u);
            return false;
        }
        return in.len == room && weir_exchange_wants_response(x);
    case WEIR_IO_BLOCKED:
        return false;
    case WEIR_IO_END:
        /* The kernel reports a reset once. If the send had it, the read sees an orderly end. */
        weir_exchange_origin_end(x, !u->side.broken);
        return false;
    case WEIR_IO_FAILED:
        weir_exchange_origin_end(x, false);
        return false;
    }
    WEIR_UNREACHABLE();
}

static void read_response(struct weir_origin_conn *u)
{
    if (!weir_exchange_wants_response(u->side.x))
        return;
    if (u->pipe.open) {
        splice_to_client(u);
        return;
    }
    for (int i = 0; i < WEIR_READ_BUDGET; i++)
        if (!read_once(u))
            return;
}

/* -- the handshake -- */

/* It runs from the loop, so that the dial has its connection before it learns more of it. */
static bool begin_handshake(struct weir_origin_conn *u)
{
    if (weir_origin_tls_begin(&u->handshake, &u->conn, u->address_pool, &u->addr) < 0)
        return false;
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_HANDSHAKING);
    weir_conn_wake(&u->conn);
    return true;
}

/* -- events -- */

static void handle_parked_event(struct weir_origin_conn *u)
{
    struct weir_span in;
    switch (weir_conn_read(&u->conn, 1, &in)) {
    case WEIR_IO_BLOCKED:
        if (u->handshake.num_tickets <= WEIR_ORIGIN_TICKETS_MAX)
            return;
        weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_UNSOLICITED, 1);
        break;
    case WEIR_IO_DONE:
        weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_UNSOLICITED, 1);
        break;
    case WEIR_IO_END:
    case WEIR_IO_FAILED:
        break;
    }
    if (u->side.endpoint_key == 0)
        weir_address_pool_unused_ended(u->address_pool);
    weir_origin_conn_close(u);
}

static void handle_busy_event(struct weir_origin_conn *u, unsigned what)
{
    if (what & WEIR_CONN_FAILED) {
        /* A response may have arrived already: it is read before the connection is given up. */
        weir_conn_clear_out(&u->conn);
        u->side.broken = true;
    } else if (what & WEIR_CONN_ROOM) {
        weir_exchange_origin_drained(u->side.x);
    }
    if ((what & (WEIR_CONN_READABLE | WEIR_CONN_FAILED)) || u->pipe.open)
        read_response(u);
}

/* Without TLS a connection is made once it is connected. */
static void handle_connect_event(struct weir_origin_conn *u)
{
    if (weir_sock_dial_result(u->conn.watch.fd) != 0)
        u->tell_dial(u, WEIR_ORIGIN_CONN_LOST);
    else if (u->address_pool->tls == NULL)
        u->tell_dial(u, WEIR_ORIGIN_CONN_MADE);
    else
        u->tell_dial(u, begin_handshake(u) ? WEIR_ORIGIN_CONN_REACHED : WEIR_ORIGIN_CONN_STARVED);
}

/* A turn has room for a few steps of handshakes: they are costly. */
static void handle_handshake_event(struct weir_origin_conn *u)
{
    if (!weir_worker_tls_may_step(u->worker)) {
        weir_conn_defer(&u->conn);
        return;
    }
    switch (weir_origin_tls_step(&u->handshake)) {
    case WEIR_ORIGIN_TLS_MORE:
        return;
    case WEIR_ORIGIN_TLS_DONE:
        u->tell_dial(u, WEIR_ORIGIN_CONN_MADE);
        return;
    case WEIR_ORIGIN_TLS_FAILED:
        u->tell_dial(u, WEIR_ORIGIN_CONN_LOST);
        return;
    case WEIR_ORIGIN_TLS_STARVED:
        u->tell_dial(u, WEIR_ORIGIN_CONN_STARVED);
        return;
    }
    WEIR_UNREACHABLE();
}

static void on_origin_event(struct weir_conn *c, unsigned what)
{
    struct weir_origin_conn *u = origin_conn_of(c);
    weir_pump_begin(c->env, c);
    /* What a handshake or an idle connection needs is nobody's. */
    weir_buffers_charge(c->env->buffers,
                        u->side.x != NULL ? u->side.x->account
                                          : &u->worker->buffers.budget.accounts[0],
                        WEIR_MEMORY_RESPONSES);
    if (u->lost) {
        handle_watch_failure(u);
        weir_pump_end(c->env, c);
        return;
    }
    switch ((enum weir_origin_conn_state)u->state) {
    case WEIR_ORIGIN_CONN_CONNECTING:
        if (what != 0)
            handle_connect_event(u);
        break;
    case WEIR_ORIGIN_CONN_HANDSHAKING:
        handle_handshake_event(u);
        break;
    case WEIR_ORIGIN_CONN_PARKED:
    case WEIR_ORIGIN_CONN_HELD:
        if (what != 0)
            handle_parked_event(u);
        break;
    case WEIR_ORIGIN_CONN_BUSY:
        handle_busy_event(u, what);
        break;
    case WEIR_ORIGIN_CONN_CLOSED:
        break;
    }
    arm_or_lose(u);
    weir_pump_end(c->env, c);
}

/* The limits of a busy connection are those of its exchange. */
static void on_origin_expired(struct weir_conn *c)
{
    struct weir_origin_conn *u = origin_conn_of(c);
    if (u->state == WEIR_ORIGIN_CONN_PARKED)
        weir_origin_conn_close(u);
}

static const struct weir_conn_owner conn_owner = { .task = WEIR_CONN_TASK,
                                                   .event = on_origin_event,
                                                   .expired = on_origin_expired,
                                                   .closed = on_origin_closed };

/* -- parked -- */

bool weir_origin_conn_leads_elsewhere(const struct weir_origin_conn *u)
{
    const struct weir_address_pool *p = u->address_pool;
    return weir_dial_order_find(p->addrs, p->num_addrs, &u->addr) == p->num_addrs;
}

static void evict_oldest_parked(struct weir_worker *w)
{
    if (!weir_list_empty(&w->idle_lru))
        weir_origin_conn_close(
            weir_container_of(w->idle_lru.next, struct weir_origin_conn, lru_link));
}

/* @return false: it must be closed (limits, shutdown, the loop cannot watch it) */
static bool park(struct weir_origin_conn *u)
{
    struct weir_worker *w = u->worker;
    struct weir_address_pool *p = u->address_pool;
    WEIR_ASSERT(u->side.x == NULL && u->pool == NULL);
    if (w->stopping || w->draining || u->handshake.num_tickets > WEIR_ORIGIN_TICKETS_MAX ||
        p->num_idle >= p->max_idle || w->now.ms >= u->retire_at_ms ||
        weir_origin_conn_leads_elsewhere(u))
        return false;
    if (w->num_parked >= w->max_parked)
        evict_oldest_parked(w);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_PARKED);
    p->num_idle++;
    w->num_parked++;
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_IDLE, 1);
    weir_list_prepend(&p->idle, &u->park_link);
    weir_list_append(&w->idle_lru, &u->lru_link);
    uint64_t until_ms = w->now.ms + p->idle_timeout_ms;
    weir_conn_set_deadline(&u->conn, until_ms < u->retire_at_ms ? until_ms : u->retire_at_ms);
    return weir_origin_conn_watch(u);
}

/* -- life with an exchange -- */

enum weir_err weir_origin_conn_open(struct weir_address_pool *p, const struct weir_addr *addr,
                                    struct weir_origin_conn **ret)
{
    struct weir_worker *w = p->worker;
    bool connected = false;
    int fd = -1;
    if (!weir_room_take_origin(&w->room))
        return WEIR_ELIMIT;
    enum weir_err err = weir_sock_dial(addr, &fd, &connected);
    if (err == WEIR_ELIMIT && weir_room_free_descriptor(&w->room, w->now.ms))
        err = weir_sock_dial(addr, &fd, &connected);
    struct weir_origin_conn *u = err == WEIR_OK ? weir_pool_get(&w->origins) : NULL;
    if (u == NULL) {
        weir_room_leave_origin(&w->room);
        if (err == WEIR_OK)
            weir_sock_abort(fd);
        return err < 0 ? err : WEIR_ENOMEM;
    }
    memset(u, 0, sizeof(*u));
    u->magic = WEIR_ORIGIN_CONN_MAGIC;
    u->state = WEIR_ORIGIN_CONN_CONNECTING;
    u->worker = w;
    u->address_pool = p;
    u->addr = *addr;
    u->side.ops = &side_ops;
    weir_conn_init(&u->conn, &w->env, &conn_owner, fd);
    weir_list_init(&u->park_link);
    weir_list_init(&u->lru_link);
    weir_list_append(&w->origin_list, &u->link);
    p->num_open++;
    w->num_origins++;
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_OPEN, 1);
    WEIR_PROBE3(dial, u, fd, addr);
    bool ok = true;
    if (!connected)
        ok = weir_origin_conn_watch(u);
    else if (p->tls != NULL)
        ok = begin_handshake(u);
    else
        weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    if (!ok) {
        weir_origin_conn_close(u);
        return WEIR_ENOMEM; /* no fault of the address */
    }
    *ret = u;
    return WEIR_OK;
}

void weir_origin_conn_connected(struct weir_origin_conn *u)
{
    weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_CONNECTS, 1);
    u->retire_at_ms = weir_address_pool_retire_at_ms(u->address_pool);
    if (u->state != WEIR_ORIGIN_CONN_BUSY)
        weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
}

void weir_origin_conn_give(struct weir_origin_conn *u, struct weir_endpoint_pool *p,
                           struct weir_exchange *x)
{
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_BUSY && u->side.x == NULL);
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL);
    u->pool = p;
    u->side.endpoint_key = p->key.endpoint;
    u->side.http10 = &p->http10;
    u->side.x = x;
    x->origin = &u->side;
}

/* Bytes of an exchange that is over: behind a response, or of a request that did not leave. */
static bool holds_bytes(const struct weir_conn *c)
{
    return c->in != NULL || weir_conn_holds_output(c) ||
           (c->layer != NULL && c->layer->ops->holds_input(c->layer));
}

void weir_origin_conn_release(struct weir_origin_conn *u, bool reusable)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    WEIR_ASSERT(u->side.x == NULL);
    struct weir_endpoint_pool *pool = u->pool;
    weir_list_remove(&u->lru_link); /* it may have waited for memory */
    if (!reusable || holds_bytes(&u->conn)) {
        weir_origin_conn_close(u);
        return;
    }
    leave_endpoint_pool(u);
    if (u->side.endpoint_key != 0)
        weir_address_pool_served(u->address_pool, u->ahead);
    if (!park(u))
        weir_origin_conn_close(u);
    if (pool != NULL)
        weir_endpoint_pool_poke(pool);
}

void weir_origin_conn_adopt(struct weir_origin_conn *u, struct weir_endpoint_pool *p,
                            struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL);
    unpark(u);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    u->pool = p;
    u->side.endpoint_key = p->key.endpoint;
    u->side.http10 = &p->http10;
    p->num_open++;
    u->side.x = x;
    u->side.broken = false;
    u->side.reused = true;
    u->side.exchanges++;
    x->origin = &u->side;
    x->reused = true;
    weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_REUSED, 1);
}
