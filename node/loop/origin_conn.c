/* SPDX-License-Identifier: Apache-2.0
 * origin_conn.c - a connection to an endpoint: dialled, busy with one exchange, parked. It decides
 * nothing about the exchange; it brings bytes and facts to it.
 */
#include "node/loop/origin_conn.h"

#include <string.h>

#include "node/base/log.h"
#include "node/base/probe.h"
#include "node/base/trace.h"
#include "node/loop/address_pool.h"
#include "node/loop/conn_log.h"
#include "node/loop/downstream.h"
#include "node/loop/endpoint_pool.h"
#include "node/loop/exchange.h"
#include "node/loop/sock.h"
#include "node/loop/splice.h"

static struct weir_origin_conn *origin_conn_of(void *p)
{
    struct weir_origin_conn *u = p;
    WEIR_ASSERT(u != NULL);
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    return u;
}

static const uint8_t origin_conn_moves[] = {
    [WEIR_ORIGIN_CONN_CONNECTING] = 1 << WEIR_ORIGIN_CONN_BUSY | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_BUSY] = 1 << WEIR_ORIGIN_CONN_PARKED | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_PARKED] = 1 << WEIR_ORIGIN_CONN_BUSY | 1 << WEIR_ORIGIN_CONN_CLOSED,
    [WEIR_ORIGIN_CONN_CLOSED] = 0,
};

static const char *const origin_conn_state_names[] = {
    [WEIR_ORIGIN_CONN_CONNECTING] = "connecting",
    [WEIR_ORIGIN_CONN_BUSY] = "busy",
    [WEIR_ORIGIN_CONN_PARKED] = "parked",
    [WEIR_ORIGIN_CONN_CLOSED] = "closed",
};

void weir_origin_conn_move(struct weir_origin_conn *u, enum weir_origin_conn_state to)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    WEIR_ASSERT(u->state < WEIR_ARRAY_LEN(origin_conn_moves));
    WEIR_ASSERT_MOVE(origin_conn_moves[u->state] & (1u << to), origin_conn_state_names[u->state],
                     origin_conn_state_names[to]);
    weir_trace("origin.move", (uintptr_t)u, (uint64_t)u->state << 8 | to);
    WEIR_CONN_LOG(WEIR_LOG_TRACE, weir_conn_log_origin_move(u, origin_conn_state_names[u->state],
                                                            origin_conn_state_names[to]));
    u->state = (uint8_t)to;
}

static void on_origin_event(uv_poll_t *p, int status, int events);

/* -- life -- */

void weir_origin_conn_free(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC && u->state == WEIR_ORIGIN_CONN_CLOSED);
    u->magic = 0;
    weir_pool_release(&u->worker->origins, u);
}

static void on_origin_closed(uv_handle_t *h)
{
    weir_origin_conn_free(origin_conn_of(h->data));
}

/* The endpoint pool no longer counts the connection. */
static void leave_endpoint_pool(struct weir_origin_conn *u)
{
    if (u->pool != NULL)
        u->pool->num_open--;
    u->pool = NULL;
}

void weir_origin_conn_close(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    struct weir_worker *w = u->worker;
    struct weir_endpoint_pool *pool = u->pool;
    if (u->state == WEIR_ORIGIN_CONN_CLOSED)
        return;
    if (u->state == WEIR_ORIGIN_CONN_PARKED)
        weir_address_pool_unpark(u);
    if (u->ahead)
        u->address_pool->num_ahead--;
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_CLOSED);
    if (u->x != NULL)
        u->x->origin = NULL;
    u->x = NULL;
    leave_endpoint_pool(u);
    u->address_pool->num_open--;
    w->num_origins--;
    weir_room_leave_origin(&w->room);
    weir_metric_sub(w->metrics, WEIR_M_UPSTREAM_OPEN, 1);
    weir_timer_stop(&w->wheel, &u->deadline.timer);
    weir_list_remove(&u->link);
    weir_outq_clear(&w->buffers, &u->out);
    weir_stash_release(&w->buffers, u->in);
    u->in = NULL;
    weir_pool_release(&w->heads, u->head);
    u->head = NULL;
    if (!weir_watch_close(&u->watch, false, on_origin_closed))
        weir_list_append(&w->dead_origins, &u->link);
    if (pool != NULL)
        weir_endpoint_pool_poke(pool);
    weir_address_pool_want_refill(u->address_pool);
    u->address_pool = NULL;
}

/* -- waiting -- */

static int origin_events_wanted(const struct weir_origin_conn *u)
{
    const struct weir_exchange *x = u->x;
    switch ((enum weir_origin_conn_state)u->state) {
    case WEIR_ORIGIN_CONN_CONNECTING:
        return UV_WRITABLE;
    case WEIR_ORIGIN_CONN_PARKED:
        return UV_READABLE;
    case WEIR_ORIGIN_CONN_BUSY: {
        bool blocked = x->downstream->out.len > 0 || x->in_pipe > 0;
        return (blocked ? 0 : UV_READABLE) | (u->out.len > 0 ? UV_WRITABLE : 0);
    }
    case WEIR_ORIGIN_CONN_CLOSED:
        return 0;
    }
    WEIR_UNREACHABLE();
}

/* The loop cannot watch the connection, so it is lost. */
static void handle_watch_failure(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->x;
    if (x != NULL)
        weir_exchange_failed(x, u->state == WEIR_ORIGIN_CONN_CONNECTING ? WEIR_FAILURE_CONNECT
                                                                        : WEIR_FAILURE_CLOSED);
    else
        weir_origin_conn_close(u);
}

bool weir_origin_conn_watch(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    return weir_watch_want(&u->watch, &u->worker->loop, origin_events_wanted(u), on_origin_event) ==
           WEIR_OK;
}

void weir_origin_conn_arm(struct weir_origin_conn *u)
{
    if (u->state != WEIR_ORIGIN_CONN_CLOSED && !weir_origin_conn_watch(u))
        handle_watch_failure(u);
}

/* -- sending -- */

bool weir_origin_conn_send(struct weir_origin_conn *u, const struct weir_pieces *p)
{
    WEIR_ASSERT(u->state == WEIR_ORIGIN_CONN_BUSY && !u->broken);
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    size_t sent = 0;
    if (u->out.len == 0) {
        enum weir_io io = weir_sock_write(u->watch.fd, p, &sent);
        if (io == WEIR_IO_DONE)
            return true;
        if (io != WEIR_IO_BLOCKED)
            return false;
    }
    return weir_outq_add(&u->worker->buffers, &u->out, p, sent) == WEIR_OK;
}

static void flush_to_origin(struct weir_origin_conn *u)
{
    size_t sent = 0;
    enum weir_io io = weir_sock_flush(u->watch.fd, &u->worker->buffers, &u->out, &sent);
    if (io == WEIR_IO_FAILED) {
        /* A response may have arrived already: it is read before the connection is given up. */
        weir_outq_clear(&u->worker->buffers, &u->out);
        u->broken = true;
        return;
    }
    if (u->x == NULL)
        return;
    if (sent > 0)
        u->x->progress_ms = u->worker->now_ms;
    if (io == WEIR_IO_DONE)
        weir_exchange_upstream_drained(u->x);
}

/* -- reading -- */

static void splice_to_client(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->x;
    switch (weir_splice_move(x)) {
    case WEIR_SPLICE_MORE:
    case WEIR_SPLICE_BLOCKED:
        return;
    case WEIR_SPLICE_DONE:
        weir_exchange_spliced(x);
        return;
    case WEIR_SPLICE_ORIGIN_END:
        weir_exchange_failed(x, WEIR_FAILURE_CUT);
        return;
    case WEIR_SPLICE_DOWNSTREAM_FAILED:
        weir_exchange_client_gone(x, WEIR_OUTCOME_CLIENT_GONE);
        return;
    }
}

/* Bytes of a response. An incomplete head is stored, and the next bytes are appended to it. @return
 * false: the exchange is gone */
static bool feed_response(struct weir_origin_conn *u, struct weir_span in)
{
    struct weir_worker *w = u->worker;
    struct weir_exchange *x = u->x;
    bool alive = false;
    if (u->in == NULL) {
        size_t used = weir_exchange_response_input(x, in, &alive);
        if (!alive || used == in.len)
            return alive;
        if (weir_stash_append(&w->buffers, &u->in, weir_span_from(in, used)) == WEIR_OK)
            return true;
    } else if (weir_stash_append(&w->buffers, &u->in, in) == WEIR_OK) {
        struct weir_stash *s = u->in;
        u->in = NULL;
        size_t used = weir_exchange_response_input(x, weir_stash_span(s), &alive);
        weir_stash_use(&w->buffers, &s, used);
        if (alive)
            u->in = s;
        else
            weir_stash_release(&w->buffers, s);
        return alive;
    }
    weir_metric_add(w->metrics, WEIR_M_POOL_EXHAUSTED, 1);
    weir_exchange_failed(x, WEIR_FAILURE_MALFORMED);
    return false;
}

/* @return true: there may be more to read now */
static bool read_from_origin(struct weir_origin_conn *u)
{
    struct weir_worker *w = u->worker;
    struct weir_exchange *x = u->x;
    size_t held = weir_stash_span(u->in).len;
    size_t room = held == 0 ? sizeof(w->rbuf) : WEIR_LARGE_LEN - held;
    size_t n = 0;
    switch (weir_sock_read(u->watch.fd, w->rbuf, room, &n)) {
    case WEIR_IO_DONE:
        if (!feed_response(u, weir_span(w->rbuf, n)))
            return false;
        if (x->pipe[0] < 0 && weir_splice_begin(x)) {
            splice_to_client(u);
            return false;
        }
        return n == room && x->downstream->out.len == 0;
    case WEIR_IO_BLOCKED:
        return false;
    case WEIR_IO_END:
        /* The kernel reports a reset once. If the send had it, the read sees an orderly end. */
        weir_exchange_upstream_end(x, !u->broken);
        return false;
    case WEIR_IO_FAILED:
        weir_exchange_upstream_end(x, false);
        return false;
    }
    WEIR_UNREACHABLE();
}

static void read_origin_response(struct weir_origin_conn *u)
{
    struct weir_exchange *x = u->x;
    if (x->downstream->out.len > 0 || x->in_pipe > 0)
        return;
    if (x->pipe[0] >= 0) {
        splice_to_client(u);
        return;
    }
    for (int i = 0; i < WEIR_READ_BUDGET; i++)
        if (!read_from_origin(u))
            return;
}

void weir_origin_conn_continue(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    WEIR_ASSERT(u->x != NULL);
    WEIR_ASSERT(u->x->pipe[0] >= 0);
    struct weir_downstream *c = u->x->downstream;
    splice_to_client(u);
    if (u->state != WEIR_ORIGIN_CONN_CLOSED)
        weir_origin_conn_arm(u);
    weir_downstream_pump(c);
}

static void fail_dial_ahead(struct weir_origin_conn *u)
{
    struct weir_address_pool *p = u->address_pool;
    weir_origin_conn_close(u);
    weir_address_pool_ahead_failed(p);
}

static void finish_connect(struct weir_origin_conn *u)
{
    struct weir_worker *w = u->worker;
    struct weir_exchange *x = u->x;
    int e = weir_sock_dial_result(u->watch.fd);
    if (e != 0) {
        if (x != NULL)
            weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
        else
            fail_dial_ahead(u);
        return;
    }
    if (u->ahead) {
        u->ahead = false;
        u->address_pool->num_ahead--;
    }
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_CONNECTS, 1);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    if (x == NULL)
        weir_origin_conn_release(u, true);
    else
        weir_exchange_connected(x, u);
}

static void handle_parked_event(struct weir_origin_conn *u)
{
    size_t n = 0;
    switch (weir_sock_read(u->watch.fd, u->worker->rbuf, 1, &n)) {
    case WEIR_IO_BLOCKED:
        return;
    case WEIR_IO_DONE:
        weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_UNSOLICITED, 1);
        break;
    case WEIR_IO_END:
    case WEIR_IO_FAILED:
        break;
    }
    weir_origin_conn_close(u);
}

static void on_origin_event(uv_poll_t *handle, int status, int events)
{
    struct weir_origin_conn *u = origin_conn_of(handle->data);
    struct weir_worker *w = u->worker;
    struct weir_downstream *c = u->x ? u->x->downstream : NULL;
    weir_worker_enter(w);
    if (status < 0) {
        /* The loop no longer watches a descriptor in error; the next call on it returns the error.
         */
        u->watch.events = 0;
        events = UV_READABLE | UV_WRITABLE;
    }
    switch ((enum weir_origin_conn_state)u->state) {
    case WEIR_ORIGIN_CONN_CONNECTING:
        finish_connect(u);
        break;
    case WEIR_ORIGIN_CONN_PARKED:
        handle_parked_event(u);
        break;
    case WEIR_ORIGIN_CONN_BUSY:
        if ((events & UV_WRITABLE) && u->out.len > 0)
            flush_to_origin(u);
        if ((events & UV_READABLE) && u->state == WEIR_ORIGIN_CONN_BUSY && u->x != NULL)
            read_origin_response(u);
        break;
    case WEIR_ORIGIN_CONN_CLOSED:
        return;
    }
    weir_origin_conn_arm(u);
    if (c != NULL)
        weir_downstream_pump(c);
}

/* -- dialling, parked -- */

/* @param ret on success: CONNECTING or BUSY, not yet watched */
static enum weir_err origin_open(struct weir_address_pool *p, const struct weir_addr *addr,
                                 struct weir_origin_conn **ret)
{
    struct weir_worker *w = p->worker;
    bool connected = false;
    int fd = -1;
    if (!weir_room_take_origin(&w->room))
        return WEIR_ELIMIT;
    enum weir_err err = weir_sock_dial(addr, &fd, &connected);
    if (err == WEIR_ELIMIT && weir_room_free_descriptor(&w->room, w->now_ms))
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
    if (connected)
        weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    u->worker = w;
    u->address_pool = p;
    u->deadline.owner = WEIR_TIMER_ORIGIN;
    weir_timer_init(&u->deadline.timer);
    weir_watch_init(&u->watch, fd, u);
    weir_list_init(&u->park_link);
    weir_list_init(&u->lru_link);
    weir_list_append(&w->origin_list, &u->link);
    p->num_open++;
    w->num_origins++;
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_OPEN, 1);
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_CONNECTS, connected);
    WEIR_PROBE3(dial, u, fd, addr);
    *ret = u;
    return WEIR_OK;
}

enum weir_err weir_origin_conn_dial(struct weir_endpoint_pool *p, const struct weir_addr *addr,
                                    struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL);
    struct weir_origin_conn *u;
    enum weir_err err = origin_open(p->address_pool, addr, &u);
    if (err < 0)
        return err;
    u->pool = p;
    u->last_key = p->key.endpoint;
    p->num_open++;
    if (u->state == WEIR_ORIGIN_CONN_CONNECTING && !weir_origin_conn_watch(u)) {
        weir_origin_conn_close(u);
        return WEIR_EIO;
    }
    u->x = x;
    x->origin = u;
    x->reused = false;
    return WEIR_OK;
}

enum weir_err weir_origin_conn_dial_ahead(struct weir_address_pool *p, const struct weir_addr *addr)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    struct weir_origin_conn *u;
    enum weir_err err = origin_open(p, addr, &u);
    if (err < 0)
        return err;
    if (u->state == WEIR_ORIGIN_CONN_BUSY) {
        weir_origin_conn_release(u, true);
        return WEIR_OK;
    }
    u->ahead = true;
    p->num_ahead++;
    weir_worker_set_deadline(p->worker, &u->deadline, p->worker->now_ms + p->connect_timeout_ms);
    if (weir_origin_conn_watch(u))
        return WEIR_OK;
    weir_origin_conn_close(u);
    return WEIR_EIO;
}

void weir_origin_conn_release(struct weir_origin_conn *u, bool reusable)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    struct weir_endpoint_pool *pool = u->pool;
    if (u->x != NULL)
        u->x->origin = NULL;
    u->x = NULL;
    leave_endpoint_pool(u);
    if (!reusable || u->in != NULL || u->out.len > 0 || !weir_address_pool_park(u))
        weir_origin_conn_close(u);
    if (pool != NULL)
        weir_endpoint_pool_next(pool);
}

void weir_origin_conn_adopt(struct weir_origin_conn *u, struct weir_endpoint_pool *p,
                            struct weir_exchange *x)
{
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL);
    weir_address_pool_unpark(u);
    weir_origin_conn_move(u, WEIR_ORIGIN_CONN_BUSY);
    u->pool = p;
    u->last_key = p->key.endpoint;
    p->num_open++;
    u->x = x;
    u->exchanges++;
    u->reusable = false;
    x->origin = u;
    x->reused = true;
    weir_metric_add(u->worker->metrics, WEIR_M_UPSTREAM_REUSED, 1);
}

void weir_origin_conn_timeout(struct weir_origin_conn *u)
{
    WEIR_ASSERT(u->magic == WEIR_ORIGIN_CONN_MAGIC);
    /* The limits of a busy connection are those of its exchange. */
    if (u->state == WEIR_ORIGIN_CONN_PARKED)
        weir_origin_conn_close(u);
    else if (u->state == WEIR_ORIGIN_CONN_CONNECTING && u->x == NULL)
        fail_dial_ahead(u);
}
