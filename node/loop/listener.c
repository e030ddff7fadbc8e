/* SPDX-License-Identifier: Apache-2.0
 *
 * listener.c - see listener.h. A listener is one allocation of its own, because the loop needs its
 * handle until the turn after its close, and listeners come and go while the node runs.
 */
#include "node/loop/listener.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/conn/sock.h"
#include "node/loop/group.h"
#include "node/loop/loop.h"
#include "node/loop/session/session.h"

static void on_accept(uv_poll_t *p, int status, int events);

static struct weir_listener *listener_of(void *p)
{
    struct weir_listener *l = p;
    WEIR_ASSERT(l != NULL);
    WEIR_ASSERT(l->magic == WEIR_LISTENER_MAGIC);
    return l;
}

static struct weir_listener *listener_at(struct weir_list *link)
{
    return listener_of(weir_container_of(link, struct weir_listener, link));
}

static void listener_free(struct weir_listener *l)
{
    l->magic = 0;
    free(l);
}

/* -- control -- */

enum weir_err weir_listener_open(const struct weir_addr *at, const struct weir_session_kind *kind,
                                 struct weir_listener **ret, int *ret_errno)
{
    static const uint8_t any4[16] = { [10] = 0xff, [11] = 0xff };
    static const uint8_t any6[16] = { 0 };
    int fd = -1;
    struct weir_listener *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_sock_listen(at, kind->client_speaks_first, &fd, ret_errno);
    if (err < 0) {
        free(l);
        return err;
    }
    l->magic = WEIR_LISTENER_MAGIC;
    weir_list_init(&l->link);
    weir_watch_init(&l->watch, fd, l);
    l->kind = kind;
    l->addr = *at;
    l->any = memcmp(at->ip, any4, 16) == 0 || memcmp(at->ip, any6, 16) == 0;
    err = weir_sock_local(fd, &l->addr); /* port 0 becomes a real one */
    if (err < 0)
        weir_listener_discard(&l);
    else
        *ret = l;
    return err;
}

void weir_listener_discard(struct weir_listener **lp)
{
    struct weir_listener *l = *lp;
    if (l == NULL)
        return;
    WEIR_ASSERT(l->worker == NULL);
    close(l->watch.fd);
    listener_free(l);
    *lp = NULL;
}

/* -- accepting -- */

static void listener_watch(struct weir_listener *l, bool on)
{
    struct weir_worker *w = l->worker;
    if (weir_watch_want(&l->watch, &w->loop, on ? UV_READABLE : 0, on_accept) < 0)
        log_error("worker.listener_lost", "worker=%u", w->index);
}

void weir_worker_accepting(struct weir_worker *w, bool on)
{
    bool full = !weir_room_may_come(&w->room);
    if (w->stopping || full || w->buffers.budget.rung >= WEIR_RUNG_NO_ACCEPT)
        on = false;
    weir_room_wait(&w->room, !on && !w->stopping);
    if (WEIR_LIKELY(w->accepting == on))
        return;
    w->accepting = on;
    for (struct weir_list *i = w->listeners.next; i != &w->listeners; i = i->next)
        listener_watch(listener_at(i), on);
}

static bool has_backlog(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    return poll(&p, 1, 0) == 1;
}

/* Take a place for the next connection. Nobody has to make way while none waits. */
static bool take_place(struct weir_listener *l)
{
    struct weir_worker *w = l->worker;
    if (WEIR_LIKELY(weir_places_take(&w->group->room.clients)))
        return true;
    if (!has_backlog(l->watch.fd))
        return false;
    if (weir_room_take_client(&w->room, w->now.ms))
        return true;
    weir_worker_accepting(w, false);
    weir_room_wait_for_place(&w->room);
    return false;
}

/* A connection that its address may not have any more is closed before it is read. */
static void admit(struct weir_listener *l, int fd, const struct weir_addr *peer)
{
    struct weir_worker *w = l->worker;
    struct weir_accepted a = { .fd = fd, .peer = *peer, .local = l->any ? NULL : &l->addr };
    uint32_t max = w->cfg.connections_per_address;
    if (max > 0 && !weir_prefixes_contain(w->exchange.trusted, peer)) {
        switch (weir_address_counts_take(w->group->addresses, peer, max)) {
        case WEIR_ADDRESS_COUNTED:
            a.counted = true;
            break;
        case WEIR_ADDRESS_OVER:
            weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_OVER_ADDRESS, 1);
            weir_room_leave_client(&w->room);
            weir_sock_abort(fd);
            return;
        case WEIR_ADDRESS_NO_CELL:
            weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_UNCOUNTED, 1);
            break;
        }
    }
    weir_session_accept(w, l->kind, &a);
}

/* @return true: there may be more to accept now */
static bool accept_one(struct weir_listener *l)
{
    static struct weir_log_limit limit;
    struct weir_worker *w = l->worker;
    struct weir_addr peer;
    uint32_t suppressed = 0;
    int fd = -1;
    if (!take_place(l))
        return false;
    enum weir_err err = weir_sock_accept(l->watch.fd, &fd, &peer);
    if (err == WEIR_OK) {
        weir_conn_env_enter(&w->env); /* each connection has a time of its own in its record */
        admit(l, fd, &peer);
        return true;
    }
    weir_room_leave_client(&w->room);
    if (err != WEIR_ELIMIT)
        return err == WEIR_EIO;
    if (weir_room_free_descriptor(&w->room, w->now.ms))
        return true;
    /* The connections stay in the backlog and the tick tries again. A listener that stays readable
     * would make the loop spin. */
    weir_metric_add(w->metrics, WEIR_M_CONNECTIONS_REFUSED, 1);
    if (weir_log_allowed(&limit, 1, &suppressed))
        log_warn("worker.out_of_descriptors", "worker=%u connections=%u suppressed=%u", w->index,
                 w->num_sessions, suppressed);
    weir_worker_accepting(w, false);
    return false;
}

static void on_accept(uv_poll_t *p, int status, int events)
{
    struct weir_listener *l = listener_of(p->data);
    struct weir_worker *w = l->worker;
    weir_conn_env_enter(&w->env);
    if (status < 0)
        l->watch.events = 0;
    for (int i = 0; i < WEIR_ACCEPT_BUDGET && accept_one(l); i++)
        continue;
    weir_conn_env_leave(&w->env);
}

/* -- a worker's listeners -- */

void weir_listener_adopt(struct weir_worker *w, struct weir_listener *l)
{
    WEIR_ASSERT(l->worker == NULL);
    WEIR_ASSERT(l->watch.fd >= 0);
    l->worker = w;
    weir_list_append(&w->listeners, &l->link);
    w->num_listeners++;
    if (w->accepting)
        listener_watch(l, true);
}

struct weir_listener *weir_listener_find(struct weir_worker *w, const struct weir_addr *at)
{
    for (struct weir_list *i = w->listeners.next; i != &w->listeners; i = i->next) {
        struct weir_listener *l = listener_at(i);
        if (!l->leaving && weir_addr_eq(&l->addr, at))
            return l;
    }
    return NULL;
}

bool weir_listeners_are_watched(const struct weir_worker *w)
{
    for (struct weir_list *i = w->listeners.next; i != &w->listeners; i = i->next)
        if (listener_at(i)->watch.events != UV_READABLE)
            return false;
    return true;
}

static void on_listener_closed(uv_handle_t *h)
{
    listener_free(listener_of(h->data));
}

/* What waits in the backlog has been promised a connection: it is served before the listener goes.
 */
static void listener_close(struct weir_listener *l)
{
    struct weir_worker *w = l->worker;
    struct weir_addr peer;
    int fd = -1;
    while (weir_places_take(&w->group->room.clients)) {
        if (weir_sock_accept(l->watch.fd, &fd, &peer) < 0) {
            weir_room_leave_client(&w->room);
            break;
        }
        admit(l, fd, &peer);
    }
    weir_list_remove(&l->link);
    WEIR_ASSERT(w->num_listeners > 0);
    w->num_listeners--;
    atomic_fetch_sub_explicit(&w->group->num_listening, 1, memory_order_relaxed);
    if (!weir_watch_close(&l->watch, false, on_listener_closed))
        listener_free(l);
}

void weir_listeners_leave(struct weir_worker *w)
{
    for (struct weir_list *i = w->listeners.next; i != &w->listeners; i = i->next) {
        struct weir_listener *l = listener_at(i);
        if (l->leaving)
            continue;
        l->leaving = true;
        l->leave_deadline_ms = w->now.ms + WEIR_DRAIN_LISTEN_MS;
    }
}

/* A client that has connected and sent nothing yet has been promised a response too; the kernel
 * holds such connections back, and resets them with their listener. */
static bool listener_is_over(const struct weir_worker *w, const struct weir_listener *l)
{
    if (w->now.ms >= l->leave_deadline_ms || (w->draining && w->now.ms >= w->drain_deadline_ms))
        return true;
    if (weir_sock_handshakes_wait(&l->addr))
        return false;
    /* The next client may connect between the look and the close: look again once none can. */
    weir_sock_ignore_syns(l->watch.fd, true);
    if (!weir_sock_handshakes_wait(&l->addr))
        return true;
    weir_sock_ignore_syns(l->watch.fd, false);
    return false;
}

void weir_listeners_step(struct weir_worker *w)
{
    struct weir_list *next = NULL;
    for (struct weir_list *i = w->listeners.next; i != &w->listeners; i = next) {
        struct weir_listener *l = listener_at(i);
        next = i->next;
        if (l->leaving && listener_is_over(w, l))
            listener_close(l);
    }
}

void weir_listeners_close(struct weir_worker *w)
{
    while (!weir_list_empty(&w->listeners))
        listener_close(listener_at(w->listeners.next));
}
