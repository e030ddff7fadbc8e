/* SPDX-License-Identifier: Apache-2.0
 *
 * downstream.c - a client's connection: reads, heads, the order of requests, and how it ends.
 * Callbacks note facts and call the pump; the pump is the one place that moves a connection
 * forward.
 */
#include "node/loop/downstream.h"

#include <string.h>
#include <sys/socket.h>

#include "node/base/clock.h"
#include "node/base/probe.h"
#include "node/base/trace.h"
#include "node/loop/conn_log.h"
#include "node/loop/exchange.h"
#include "node/loop/sock.h"
#include "tenants/cache.h"
#include "tenants/defaults.h"

static struct weir_downstream *downstream_of(void *p)
{
    struct weir_downstream *c = p;
    WEIR_ASSERT(c != NULL);
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    return c;
}

static const uint16_t downstream_moves[] = {
    [WEIR_DOWNSTREAM_HEAD] =
        1 << WEIR_DOWNSTREAM_EXCHANGE | 1 << WEIR_DOWNSTREAM_FLUSH | 1 << WEIR_DOWNSTREAM_CLOSED,
    [WEIR_DOWNSTREAM_EXCHANGE] = 1 << WEIR_DOWNSTREAM_HEAD | 1 << WEIR_DOWNSTREAM_DRAIN |
                                 1 << WEIR_DOWNSTREAM_FLUSH | 1 << WEIR_DOWNSTREAM_CLOSED,
    [WEIR_DOWNSTREAM_DRAIN] =
        1 << WEIR_DOWNSTREAM_HEAD | 1 << WEIR_DOWNSTREAM_FLUSH | 1 << WEIR_DOWNSTREAM_CLOSED,
    [WEIR_DOWNSTREAM_FLUSH] = 1 << WEIR_DOWNSTREAM_LINGER | 1 << WEIR_DOWNSTREAM_CLOSED,
    [WEIR_DOWNSTREAM_LINGER] = 1 << WEIR_DOWNSTREAM_CLOSED,
    [WEIR_DOWNSTREAM_CLOSED] = 0,
};

static const char *const downstream_state_names[] = {
    [WEIR_DOWNSTREAM_HEAD] = "head",     [WEIR_DOWNSTREAM_EXCHANGE] = "exchange",
    [WEIR_DOWNSTREAM_DRAIN] = "drain",   [WEIR_DOWNSTREAM_FLUSH] = "flush",
    [WEIR_DOWNSTREAM_LINGER] = "linger", [WEIR_DOWNSTREAM_CLOSED] = "closed",
};

void weir_downstream_move(struct weir_downstream *c, enum weir_downstream_state to)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    WEIR_ASSERT(c->state < WEIR_ARRAY_LEN(downstream_moves));
    WEIR_ASSERT_MOVE(downstream_moves[c->state] & (1u << to), downstream_state_names[c->state],
                     downstream_state_names[to]);
    weir_trace("connection.move", (uintptr_t)c, (uint64_t)c->state << 8 | to);
    WEIR_CONN_LOG(WEIR_LOG_TRACE, weir_conn_log_downstream_move(c, downstream_state_names[c->state],
                                                                downstream_state_names[to]));
    c->state = (uint8_t)to;
}

const char *weir_close_reason_name(uint8_t reason)
{
    static const char *const names[] = {
        [WEIR_CLOSE_OTHER] = "other",
        [WEIR_CLOSE_CLIENT_END] = "client_end",
        [WEIR_CLOSE_CLIENT_LOST] = "client_lost",
        [WEIR_CLOSE_TIMEOUT] = "timeout",
        [WEIR_CLOSE_LAST_RESPONSE] = "last_response",
        [WEIR_CLOSE_DRAIN] = "drain",
        [WEIR_CLOSE_SHED] = "shed",
    };
    WEIR_ASSERT(reason < WEIR_ARRAY_LEN(names));
    return names[reason];
}

static void note_reason(struct weir_downstream *c, enum weir_close_reason reason)
{
    if (c->reason == WEIR_CLOSE_OTHER)
        c->reason = (uint8_t)reason;
}

/* -- closing -- */

void weir_downstream_free(struct weir_downstream *c)
{
    struct weir_worker *w = c->worker;
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC && c->state == WEIR_DOWNSTREAM_CLOSED);
    c->magic = 0;
    weir_pool_release(&w->downstreams, c);
}

static void on_client_closed(uv_handle_t *h)
{
    weir_downstream_free(downstream_of(h->data));
}

void weir_downstream_close(struct weir_downstream *c, bool abort)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    struct weir_worker *w = c->worker;
    WEIR_ASSERT(c->x == NULL);
    if (c->state == WEIR_DOWNSTREAM_CLOSED)
        return;
    WEIR_CONN_LOG(WEIR_LOG_DEBUG, weir_conn_log_closed(c, abort));
    weir_downstream_move(c, WEIR_DOWNSTREAM_CLOSED);
    weir_timer_stop(&w->wheel, &c->deadline.timer);
    weir_list_remove(&c->link);
    weir_list_remove(&c->idle.link);
    weir_outq_clear(&w->buffers, &c->out);
    weir_stash_release(&w->buffers, c->in);
    c->in = NULL;
    weir_pool_release(&w->heads, c->head);
    c->head = NULL;
    w->num_downstreams--;
    if (c->counted_by_address)
        weir_address_counts_leave(w->group->addresses, &c->peer);
    weir_room_leave_client(&w->room);
    weir_metric_sub(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    /* Callers up the stack may still read the state: the memory is freed in a later turn. */
    if (!weir_watch_close(&c->watch, abort, on_client_closed))
        weir_list_append(&w->dead_downstreams, &c->link);
    weir_worker_accepting(w, true);
}

static void linger_or_close(struct weir_downstream *c)
{
    if (!c->linger || c->eof) {
        weir_downstream_close(c, false);
        return;
    }
    weir_downstream_move(c, WEIR_DOWNSTREAM_LINGER);
    (void)shutdown(c->watch.fd, SHUT_WR);
    weir_stash_release(&c->worker->buffers, c->in);
    c->in = NULL;
    weir_worker_set_deadline(c->worker, &c->deadline, c->worker->now_ms + WEIR_LINGER_MS);
}

void weir_downstream_finish(struct weir_downstream *c)
{
    WEIR_ASSERT(c->x == NULL);
    note_reason(c, WEIR_CLOSE_LAST_RESPONSE);
    weir_downstream_move(c, WEIR_DOWNSTREAM_FLUSH);
    if (c->out.len == 0) {
        linger_or_close(c);
        return;
    }
    weir_worker_set_deadline(c->worker, &c->deadline,
                             c->worker->now_ms + WEIR_DEFAULT_BODY_TIMEOUT_MS);
}

void weir_downstream_next(struct weir_downstream *c)
{
    WEIR_ASSERT(c->x == NULL);
    weir_downstream_move(c, WEIR_DOWNSTREAM_HEAD);
    c->since_ms = 0;
    if (c->in == NULL && (c->eof || c->worker->draining)) {
        note_reason(c, WEIR_CLOSE_DRAIN);
        weir_downstream_close(c, false);
        return;
    }
    weir_worker_set_deadline(c->worker, &c->deadline, c->worker->now_ms + c->idle_timeout_ms);
}

/* -- reading -- */

/* Store the parser's state beside the stored bytes, so that the next read goes on where this one
 * stopped. */
static bool store_request_head(struct weir_downstream *c, const struct weir_h1_head *h)
{
    if (c->head != NULL)
        return true;
    c->head = weir_pool_get(&c->worker->heads);
    if (c->head == NULL)
        return false;
    weir_h1_head_move(c->head, h);
    return true;
}

/* As soon as the Host is known, its tenant's head_timeout applies. Looked up once for each head
 * that comes in pieces. */
static void find_head_owner(struct weir_downstream *c, const struct weir_h1_head *h)
{
    struct weir_worker *w = c->worker;
    const struct weir_authority *a = &h->authority;
    struct weir_tenant *t = NULL;
    if (h->authority_len == 0)
        return;
    c->head_owner_known = true;
    if (weir_tenant_cache_find(w->cache, &c->local, weir_span(a->host, a->host_len), &t) == WEIR_OK)
        weir_worker_set_deadline(w, &c->deadline, c->since_ms + t->head_timeout_ms);
}

static void refuse_head_for_memory(struct weir_downstream *c)
{
    weir_metric_add(c->worker->metrics, WEIR_M_POOL_EXHAUSTED, 1);
    weir_exchange_refuse(c, WEIR_FAULT_NONE, 503, WEIR_OUTCOME_OVERLOAD);
}

/* @return bytes used: the whole head, or none while it is incomplete */
static size_t feed_request_head(struct weir_downstream *c, struct weir_span in)
{
    struct weir_worker *w = c->worker;
    struct weir_h1_head *h = c->head;
    if (h == NULL) {
        h = &w->request_head;
        weir_h1_head_init(h, WEIR_H1_REQUEST, WEIR_HEAD_MAX);
    }
    switch (weir_h1_head_feed(h, in)) {
    case WEIR_STEP_DONE: {
        size_t used = h->head_len;
        c->begun++;
        weir_exchange_begin(c, h, in.at);
        if (c->head != NULL) {
            weir_pool_release(&w->heads, c->head);
            c->head = NULL;
        }
        c->since_ms = 0;
        c->head_owner_known = false;
        return used;
    }
    case WEIR_STEP_MORE:
        if (c->since_ms == 0) {
            c->since_ms = w->now_ms;
            weir_worker_set_deadline(w, &c->deadline, w->now_ms + w->cfg.head_timeout_ms);
        }
        if (!store_request_head(c, h))
            refuse_head_for_memory(c);
        else if (!c->head_owner_known)
            find_head_owner(c, h);
        return 0;
    case WEIR_STEP_FAIL:
    case WEIR_STEP_SOME:
        weir_metric_add(w->metrics, WEIR_M_REQUESTS_MALFORMED, 1);
        weir_exchange_refuse(c, h->fault, weir_h1_fault_status(h->fault), WEIR_OUTCOME_MALFORMED);
        return in.len;
    }
    WEIR_UNREACHABLE();
}

/* Use what can be used of `in`, in order. @return bytes used */
static size_t consume_input(struct weir_downstream *c, struct weir_span in)
{
    size_t used = 0;
    for (;;) {
        struct weir_span rest = weir_span_from(in, used);
        size_t n = 0;
        switch ((enum weir_downstream_state)c->state) {
        case WEIR_DOWNSTREAM_HEAD:
            /* No further request is served while the client does not take its responses. */
            if (rest.len == 0 || c->out.len > 0 || c->begun >= WEIR_PIPELINE_BUDGET)
                return used;
            n = feed_request_head(c, rest);
            break;
        case WEIR_DOWNSTREAM_EXCHANGE:
            if (!weir_exchange_wants_input(c->x))
                return used;
            n = weir_exchange_request_input(c->x, rest);
            break;
        case WEIR_DOWNSTREAM_DRAIN:
            if (rest.len == 0)
                return used;
            n = weir_exchange_drain_input(c->x, rest);
            break;
        case WEIR_DOWNSTREAM_FLUSH:
        case WEIR_DOWNSTREAM_LINGER:
        case WEIR_DOWNSTREAM_CLOSED:
            return in.len;
        }
        used += n;
        if (n == 0 && c->state != WEIR_DOWNSTREAM_FLUSH && c->state != WEIR_DOWNSTREAM_LINGER &&
            c->state != WEIR_DOWNSTREAM_CLOSED)
            return used;
    }
}

/* New bytes: appended to the input that waits, or used in place. */
static void use_client_input(struct weir_downstream *c, struct weir_span in)
{
    struct weir_worker *w = c->worker;
    weir_metric_add(w->metrics, WEIR_M_DOWNSTREAM_BYTES_IN, in.len);
    c->received += in.len;
    if (c->in != NULL) {
        if (weir_stash_append(&w->buffers, &c->in, in) < 0) {
            if (c->x != NULL)
                weir_exchange_client_gone(c->x, WEIR_OUTCOME_OVERLOAD);
            else
                refuse_head_for_memory(c);
            return;
        }
        struct weir_stash *s = c->in;
        c->in = NULL;
        size_t used = consume_input(c, weir_stash_span(s));
        weir_stash_use(&w->buffers, &s, used);
        if (c->state == WEIR_DOWNSTREAM_CLOSED)
            weir_stash_release(&w->buffers, s);
        else
            c->in = s;
        return;
    }
    size_t used = consume_input(c, in);
    if (used == in.len || c->state == WEIR_DOWNSTREAM_CLOSED)
        return;
    if (weir_stash_append(&w->buffers, &c->in, weir_span_from(in, used)) < 0) {
        weir_metric_add(w->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        if (c->x != NULL)
            weir_exchange_client_gone(c->x, WEIR_OUTCOME_OVERLOAD);
        else
            weir_downstream_close(c, false);
    }
}

static void handle_client_end(struct weir_downstream *c)
{
    c->eof = true;
    note_reason(c, WEIR_CLOSE_CLIENT_END);
    if (c->x != NULL) {
        if (!c->x->req_body.done)
            weir_exchange_client_gone(c->x, WEIR_OUTCOME_CLIENT_GONE);
        return;
    }
    if (c->state == WEIR_DOWNSTREAM_FLUSH)
        return;
    weir_downstream_close(c, false);
}

static void handle_client_failure(struct weir_downstream *c)
{
    c->eof = true;
    note_reason(c, WEIR_CLOSE_CLIENT_LOST);
    if (c->x != NULL)
        weir_exchange_client_gone(c->x, WEIR_OUTCOME_CLIENT_GONE);
    else
        weir_downstream_close(c, false);
}

static void read_and_drop(struct weir_downstream *c)
{
    size_t n = 0;
    enum weir_io io = weir_sock_read(c->watch.fd, c->worker->rbuf, sizeof(c->worker->rbuf), &n);
    if (io == WEIR_IO_BLOCKED)
        return;
    c->dropped += (uint32_t)n;
    if (io != WEIR_IO_DONE || c->dropped > WEIR_LINGER_MAX)
        weir_downstream_close(c, false);
}

/* How much may be read now. An incomplete head or a pipelined request may wait, but not without
 * bound. */
static size_t client_read_room(const struct weir_downstream *c)
{
    size_t held = weir_stash_span(c->in).len;
    return held < WEIR_LARGE_LEN - WEIR_HEAD_MAX ? WEIR_IO_CHUNK
           : held < WEIR_LARGE_LEN               ? WEIR_LARGE_LEN - held
                                                 : 0;
}

/* @return true: there may be more to read now */
static bool read_from_client(struct weir_downstream *c)
{
    struct weir_worker *w = c->worker;
    size_t room = client_read_room(c);
    if (room > WEIR_IO_CHUNK)
        room = WEIR_IO_CHUNK;
    if (room == 0)
        return false;
    size_t n = 0;
    switch (weir_sock_read(c->watch.fd, w->rbuf, room, &n)) {
    case WEIR_IO_DONE:
        use_client_input(c, weir_span(w->rbuf, n));
        return n == room && c->state == WEIR_DOWNSTREAM_EXCHANGE;
    case WEIR_IO_BLOCKED:
        return false;
    case WEIR_IO_END:
        handle_client_end(c);
        return false;
    case WEIR_IO_FAILED:
        handle_client_failure(c);
        return false;
    }
    WEIR_UNREACHABLE();
}

/* -- writing -- */

bool weir_downstream_send(struct weir_downstream *c, const struct weir_pieces *p)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    struct weir_worker *w = c->worker;
    size_t sent = 0;
    if (c->out.len == 0) {
        enum weir_io io = weir_sock_write(c->watch.fd, p, &sent);
        c->given += sent;
        weir_metric_add(w->metrics, WEIR_M_DOWNSTREAM_BYTES_OUT, sent);
        if (io == WEIR_IO_DONE)
            return true;
        if (io != WEIR_IO_BLOCKED)
            return false;
    }
    if (weir_outq_add(&w->buffers, &c->out, p, sent) < 0) {
        weir_metric_add(w->metrics, WEIR_M_POOL_EXHAUSTED, 1);
        return false;
    }
    return true;
}

static void flush_to_client(struct weir_downstream *c)
{
    size_t sent = 0;
    enum weir_io io = weir_sock_flush(c->watch.fd, &c->worker->buffers, &c->out, &sent);
    c->given += sent;
    weir_metric_add(c->worker->metrics, WEIR_M_DOWNSTREAM_BYTES_OUT, sent);
    if (io == WEIR_IO_FAILED) {
        handle_client_failure(c);
        return;
    }
    if (sent > 0 && c->x != NULL)
        c->x->progress_ms = c->worker->now_ms;
    if (io == WEIR_IO_BLOCKED)
        return;
    if (c->x != NULL)
        weir_exchange_flushed(c->x);
    else if (c->state == WEIR_DOWNSTREAM_FLUSH)
        linger_or_close(c);
}

/* -- the pump -- */

/* A new connection whose request is read as a whole and whose response is awaited: most often the
 * response is sent before anything else happens on the connection. Entering and leaving epoll would
 * be five system calls for nothing. */
static bool can_stay_out_of_epoll(const struct weir_downstream *c)
{
    return !c->watch.made && !c->watch_now && c->state == WEIR_DOWNSTREAM_EXCHANGE &&
           c->x->req_body.done && c->out.len == 0 && c->x->in_pipe == 0;
}

static int client_events_wanted(const struct weir_downstream *c)
{
    int events = 0;
    if (can_stay_out_of_epoll(c))
        return 0;
    if (c->out.len > 0 || (c->x != NULL && c->x->in_pipe > 0))
        events |= UV_WRITABLE;
    if (c->eof)
        return events;
    switch ((enum weir_downstream_state)c->state) {
    case WEIR_DOWNSTREAM_HEAD:
        /* Input that waits is served in the next turn, after the other connections, and before more
         * is read: the next read may be the end of the stream, after which nothing is served. */
        if (c->begun >= WEIR_PIPELINE_BUDGET && c->in != NULL)
            events |= UV_WRITABLE;
        else if (c->out.len == 0)
            events |= UV_READABLE;
        break;
    case WEIR_DOWNSTREAM_EXCHANGE:
        /* While the response is awaited the subscription stays as it is: a change costs two system
         * calls. Bytes that come too early are stored once; then the socket is not read. */
        if (!c->x->req_body.done ? weir_exchange_wants_input(c->x) : c->in == NULL)
            events |= UV_READABLE;
        break;
    case WEIR_DOWNSTREAM_DRAIN:
    case WEIR_DOWNSTREAM_LINGER:
        events |= UV_READABLE;
        break;
    case WEIR_DOWNSTREAM_FLUSH:
    case WEIR_DOWNSTREAM_CLOSED:
        break;
    }
    return events;
}

static void on_client_event(uv_poll_t *p, int status, int events)
{
    struct weir_downstream *c = downstream_of(p->data);
    weir_worker_enter(c->worker);
    if (c->state == WEIR_DOWNSTREAM_CLOSED)
        return;
    c->begun = 0;
    if (status < 0) {
        /* The socket is in error and the loop no longer watches it: no response can be sent. */
        c->watch.events = 0;
        handle_client_failure(c);
        return;
    }
    if (events & UV_WRITABLE)
        flush_to_client(c);
    if (events & UV_READABLE) {
        if (c->state == WEIR_DOWNSTREAM_LINGER) {
            read_and_drop(c);
        } else {
            for (int i = 0; i < WEIR_READ_BUDGET && c->state != WEIR_DOWNSTREAM_CLOSED && !c->eof;
                 i++)
                if (!read_from_client(c))
                    break;
        }
    }
    weir_downstream_pump(c);
}

void weir_downstream_pump(struct weir_downstream *c)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    struct weir_worker *w = c->worker;
    if (c->busy || c->state == WEIR_DOWNSTREAM_CLOSED)
        return;
    c->busy = true;
    if (c->in != NULL ||
        (c->state == WEIR_DOWNSTREAM_EXCHANGE && weir_exchange_wants_input(c->x))) {
        /* Input that waited may be usable now. The stash is taken out of c->in so that nothing
         * appends to it meanwhile. */
        struct weir_stash *s = c->in;
        c->in = NULL;
        size_t used = consume_input(c, weir_stash_span(s));
        weir_stash_use(&w->buffers, &s, used);
        if (c->state == WEIR_DOWNSTREAM_CLOSED)
            weir_stash_release(&w->buffers, s);
        else
            c->in = s;
    }
    c->busy = false;
    if (c->state == WEIR_DOWNSTREAM_CLOSED)
        return;
    if (c->state == WEIR_DOWNSTREAM_HEAD && c->in == NULL &&
        (c->eof || (w->draining && c->out.len == 0))) {
        note_reason(c, WEIR_CLOSE_DRAIN);
        weir_downstream_close(c, false);
        return;
    }
    weir_room_note(&w->room, &c->idle, w->now_ms);
    if (weir_watch_want(&c->watch, &w->loop, client_events_wanted(c), on_client_event) < 0)
        handle_client_failure(c);
}

/* -- time -- */

void weir_downstream_timeout(struct weir_downstream *c)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    switch ((enum weir_downstream_state)c->state) {
    case WEIR_DOWNSTREAM_HEAD:
        if (c->since_ms != 0 && c->out.len == 0) {
            weir_metric_add(c->worker->metrics, WEIR_M_REQUESTS_TIMED_OUT, 1);
            weir_exchange_refuse(c, WEIR_FAULT_NONE, 408, WEIR_OUTCOME_TIMED_OUT_HEAD);
            weir_downstream_pump(c);
            return;
        }
        note_reason(c, WEIR_CLOSE_TIMEOUT);
        weir_downstream_close(c, false);
        return;
    case WEIR_DOWNSTREAM_EXCHANGE:
    case WEIR_DOWNSTREAM_DRAIN:
        weir_exchange_timeout(c->x);
        return;
    case WEIR_DOWNSTREAM_FLUSH:
    case WEIR_DOWNSTREAM_LINGER:
        note_reason(c, WEIR_CLOSE_TIMEOUT);
        weir_downstream_close(c, false);
        return;
    case WEIR_DOWNSTREAM_CLOSED:
        return;
    }
}

bool weir_downstream_is_idle(const struct weir_downstream *c)
{
    return c->state == WEIR_DOWNSTREAM_HEAD && !c->busy && c->in == NULL && c->head == NULL &&
           c->out.len == 0;
}

bool weir_downstream_shed(struct weir_downstream *c)
{
    WEIR_ASSERT(weir_downstream_is_idle(c));
    if (!weir_sock_is_quiet(c->watch.fd))
        return false;
    note_reason(c, WEIR_CLOSE_SHED);
    weir_metric_add(c->worker->metrics, WEIR_M_CONNECTIONS_SHED, 1);
    weir_downstream_close(c, false);
    return true;
}

void weir_downstream_drain(struct weir_downstream *c)
{
    WEIR_ASSERT(c->magic == WEIR_DOWNSTREAM_MAGIC);
    if (c->state != WEIR_DOWNSTREAM_HEAD || c->in != NULL || c->out.len > 0)
        return;
    /* A request that was sent before the node began to drain may still be unread. */
    (void)read_from_client(c);
    weir_downstream_pump(c);
}

/* -- accepting -- */

void weir_downstream_accept(struct weir_listener *l, int fd, const struct weir_addr *peer,
                            bool counted)
{
    WEIR_ASSERT(l->magic == WEIR_LISTENER_MAGIC);
    WEIR_ASSERT(fd >= 0);
    struct weir_worker *w = l->worker;
    struct weir_downstream *c = weir_pool_get(&w->downstreams);
    if (c == NULL) {
        weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_REFUSED, 1);
        weir_room_leave_client(&w->room);
        if (counted)
            weir_address_counts_leave(w->group->addresses, peer);
        weir_sock_abort(fd);
        return;
    }
    memset(c, 0, sizeof(*c));
    c->magic = WEIR_DOWNSTREAM_MAGIC;
    c->state = WEIR_DOWNSTREAM_HEAD;
    c->worker = w;
    c->peer = *peer;
    c->local = l->addr;
    c->counted_by_address = counted;
    c->idle_timeout_ms = w->cfg.idle_timeout_ms;
    c->deadline.owner = WEIR_TIMER_DOWNSTREAM;
    weir_timer_init(&c->deadline.timer);
    weir_list_init(&c->idle.link);
    weir_watch_init(&c->watch, fd, c);
    weir_list_append(&w->downstream_list, &c->link);
    w->num_downstreams++;
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_ACCEPTED, 1);
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_OPEN, 1);
    if (l->any && weir_sock_local(fd, &c->local) < 0) {
        weir_downstream_close(c, true);
        return;
    }
    WEIR_PROBE3(accept, c, fd, &c->peer);
    WEIR_CONN_LOG(WEIR_LOG_DEBUG, weir_conn_log_accepted(c));
    c->since_ms = w->now_ms;
    weir_worker_set_deadline(w, &c->deadline, w->now_ms + w->cfg.head_timeout_ms);
    (void)read_from_client(c);
    bool silent = c->state == WEIR_DOWNSTREAM_HEAD && c->in == NULL && !c->eof;
    if (silent && w->num_fresh < WEIR_ARRAY_LEN(w->fresh))
        w->fresh[w->num_fresh++] = c;
    else
        weir_downstream_pump(c);
}

void weir_downstream_read_fresh(struct weir_worker *w)
{
    for (size_t i = 0; i < w->num_fresh; i++) {
        struct weir_downstream *c = w->fresh[i];
        if (c->state == WEIR_DOWNSTREAM_HEAD)
            (void)read_from_client(c);
        weir_downstream_pump(c);
    }
    w->num_fresh = 0;
}
