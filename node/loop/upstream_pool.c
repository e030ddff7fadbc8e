/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_pool.c - the connections of one endpoint: the last parked is taken first, missing ones
 * are dialled ahead of demand, exchanges beyond the limit wait in order. A pool is keyed by what
 * the endpoint is, so it survives pushes that do not change it.
 */
#include "node/loop/upstream_pool.h"

#include "node/base/log.h"
#include "node/loop/downstream.h"
#include "node/loop/exchange.h"
#include "node/loop/upstream.h"

#include <stdlib.h>
#include <string.h>

#define POOLS_PER_TICK 64 /* refilled or swept in one turn */

/* A worker's part of a number that is meant for the node. */
static uint32_t share(uint32_t n, uint32_t num_workers)
{
    return (n + num_workers - 1) / num_workers;
}

static void apply_settings(struct weir_upool *p, const struct weir_upstream *u)
{
    uint32_t n = weir_worker_config(p->worker)->num_workers;
    p->min_idle = share(u->pool_min_idle, n);
    p->max_idle = share(u->pool_max_idle, n);
    p->max = share(u->pool_max, n);
    p->idle_timeout_ms = u->pool_idle_timeout_ms;
    p->connect_timeout_ms = u->connect_timeout_ms;
}

static struct weir_span key_span(const struct weir_upool *p)
{
    return weir_span(&p->key, sizeof(p->key));
}

struct weir_upool *weir_upool_of(struct weir_worker *w, const struct weir_upstream *u,
                                 const struct weir_endpoint *e)
{
    struct weir_upool *p = weir_hashmap_find(&w->pools, weir_span(&e->key, sizeof(e->key)));
    if (p == NULL) {
        p = weir_pool_get(&w->upools);
        if (p == NULL)
            return NULL;
        memset(p, 0, sizeof(*p));
        p->key = e->key;
        p->worker = w;
        weir_list_init(&p->idle);
        weir_list_init(&p->waiting);
        weir_list_init(&p->refill_link);
        if (e->host.len > 0) {
            WEIR_ASSERT(e->host.len <= WEIR_HOST_MAX);
            memcpy(p->host, e->host.at, e->host.len);
            p->port = e->addr.port;
        } else {
            p->addrs[0] = e->addr;
            p->num_addrs = 1;
        }
        if (weir_hashmap_add(&w->pools, key_span(p), p) < 0) {
            weir_pool_put(&w->upools, p);
            return NULL;
        }
    }
    apply_settings(p, u);
    p->used_ms = w->now_ms;
    return p;
}

/* -- taking
 * -----------------------------------------------------------------------------------------------
 */

static struct weir_up *take_parked(struct weir_upool *p, const struct weir_exchange *x)
{
    bool must_be_quiet = !weir_method_is_idempotent(x->req.method) || x->req.has_body;
    while (!weir_list_empty(&p->idle)) {
        struct weir_up *u = weir_container_of(p->idle.next, struct weir_up, pool_link);
        /* What cannot be sent twice is not risked on a connection whose end may wait unread. */
        if (!must_be_quiet || weir_net_is_quiet(u->watch.fd))
            return u;
        weir_up_close(u);
    }
    return NULL;
}

static enum weir_take wait_for(struct weir_upool *p, struct weir_exchange *x)
{
    if (p->num_waiting >= WEIR_POOL_WAIT_MAX)
        return WEIR_TAKE_FULL;
    weir_list_append(&p->waiting, &x->wait_link);
    x->waiting_in = p;
    p->num_waiting++;
    return WEIR_TAKE_WAIT;
}

static enum weir_take dial(struct weir_upool *p, struct weir_exchange *x)
{
    enum weir_err err = weir_up_dial(p, &p->addrs[p->next_addr++ % p->num_addrs], x);
    if (err == WEIR_ELIMIT && p->num_open > p->num_idle)
        return wait_for(p, x);
    if (err == WEIR_ELIMIT || err == WEIR_ENOMEM)
        return WEIR_TAKE_FULL;
    if (err < 0)
        return WEIR_TAKE_REFUSED;
    return x->up->state == WEIR_UP_BUSY ? WEIR_TAKE_READY : WEIR_TAKE_WAIT;
}

enum weir_take weir_upool_take(struct weir_upool *p, struct weir_exchange *x)
{
    struct weir_up *u = x->fresh ? NULL : take_parked(p, x);
    if (u != NULL) {
        weir_up_adopt(u, x);
        if (p->num_idle < p->min_idle)
            weir_upool_want_refill(p);
        return WEIR_TAKE_READY;
    }
    weir_upool_want_refill(p);
    if (p->host[0] != '\0') {
        weir_upool_resolve(p);
        if (p->num_addrs == 0)
            return p->resolve_failed && !p->resolving ? WEIR_TAKE_REFUSED : wait_for(p, x);
    }
    if (p->num_open >= p->max)
        return wait_for(p, x);
    return dial(p, x);
}

void weir_upool_unwait(struct weir_exchange *x)
{
    if (x->waiting_in == NULL)
        return;
    x->waiting_in->num_waiting--;
    x->waiting_in = NULL;
    weir_list_remove(&x->wait_link);
}

void weir_upool_next(struct weir_upool *p)
{
    while (!weir_list_empty(&p->waiting) && p->num_addrs > 0) {
        struct weir_exchange *x =
            weir_container_of(p->waiting.next, struct weir_exchange, wait_link);
        struct weir_down *c = x->down;
        struct weir_up *u = x->fresh ? NULL : take_parked(p, x);
        if (u == NULL && p->num_open >= p->max)
            return;
        weir_upool_unwait(x);
        if (u != NULL) {
            weir_up_adopt(u, x);
            weir_exchange_connected(x, u);
            continue;
        }
        switch (dial(p, x)) {
        case WEIR_TAKE_READY:
            weir_exchange_connected(x, x->up);
            break;
        case WEIR_TAKE_WAIT:
            if (x->waiting_in != NULL)
                return;
            break;
        case WEIR_TAKE_REFUSED:
        case WEIR_TAKE_FULL:
            weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
            weir_down_pump(c);
            break;
        }
    }
}

/* -- names
 * ------------------------------------------------------------------------------------------------
 */

static void keep_addresses(struct weir_upool *p, const struct addrinfo *res)
{
    uint16_t n = 0;
    for (const struct addrinfo *ai = res; ai != NULL && n < WEIR_RESOLVE_MAX; ai = ai->ai_next) {
        if (ai->ai_family != AF_INET && ai->ai_family != AF_INET6)
            continue;
        weir_addr_from_sockaddr(ai->ai_addr, &p->addrs[n]);
        p->addrs[n].port = p->port;
        n++;
    }
    if (n > 0)
        p->num_addrs = n;
}

static void fail_waiting(struct weir_upool *p)
{
    while (!weir_list_empty(&p->waiting)) {
        struct weir_exchange *x =
            weir_container_of(p->waiting.next, struct weir_exchange, wait_link);
        struct weir_down *c = x->down;
        weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
        weir_down_pump(c);
    }
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
    struct weir_upool *p = req->data;
    static struct weir_log_limit limit;
    uint32_t suppressed = 0;
    p->worker->now_ms = uv_now(&p->worker->loop);
    p->resolving = false;
    p->resolved_ms = p->worker->now_ms;
    p->lookup = NULL;
    p->resolve_failed = status < 0;
    if (status == 0)
        keep_addresses(p, res);
    else if (weir_log_allowed(&limit, 5, &suppressed))
        log_warn("upstream.resolve_failed", "name=%s err=%s kept=%u suppressed=%u", p->host,
                 uv_strerror(status), p->num_addrs, suppressed);
    uv_freeaddrinfo(res);
    free(req);
    /* A failed look-up keeps the addresses of the last good one. */
    if (p->num_addrs > 0)
        weir_upool_next(p);
    else
        fail_waiting(p);
}

void weir_upool_resolve(struct weir_upool *p)
{
    struct weir_worker *w = p->worker;
    uint64_t age = p->resolve_failed ? WEIR_RESOLVE_MS / 30 : WEIR_RESOLVE_MS;
    if (p->resolving || (p->resolved_ms != 0 && w->now_ms - p->resolved_ms < age))
        return;
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    p->lookup = malloc(sizeof(*p->lookup));
    if (p->lookup == NULL)
        return;
    p->lookup->data = p;
    p->resolving = uv_getaddrinfo(&w->loop, p->lookup, on_resolved, p->host, NULL, &hints) == 0;
    if (!p->resolving) {
        free(p->lookup);
        p->lookup = NULL;
        p->resolve_failed = true;
        p->resolved_ms = w->now_ms;
    }
}

/* -- ahead of demand, and away again
 * ------------------------------------------------------------------------ */

static bool in_use(const struct weir_upool *p)
{
    return p->worker->now_ms - p->used_ms < p->idle_timeout_ms;
}

void weir_upool_want_refill(struct weir_upool *p)
{
    struct weir_worker *w = p->worker;
    bool short_of_idle = p->num_idle + p->num_ahead < p->min_idle && in_use(p) && !w->draining;
    if (w->stopping || (!short_of_idle && p->num_waiting == 0))
        return;
    if (weir_list_empty(&p->refill_link))
        weir_list_append(&w->refill, &p->refill_link);
}

/* @return connects begun */
static uint32_t refill(struct weir_upool *p, uint32_t budget)
{
    uint32_t begun = 0;
    while (begun < budget && p->num_idle + p->num_ahead < p->min_idle && p->num_open < p->max &&
           p->num_addrs > 0 && in_use(p) && !p->worker->draining &&
           weir_verdict_usable(p->worker->verdicts, p->key, p->worker->now_ms)) {
        begun++;
        if (weir_up_dial(p, &p->addrs[p->next_addr++ % p->num_addrs], NULL) < 0)
            break;
    }
    return begun;
}

static bool is_unused(const struct weir_upool *p)
{
    return p->num_open == 0 && p->num_waiting == 0 && !p->resolving && !in_use(p);
}

static void pool_free(struct weir_upool *p)
{
    struct weir_worker *w = p->worker;
    weir_list_remove(&p->refill_link);
    (void)weir_hashmap_remove(&w->pools, key_span(p));
    weir_pool_put(&w->upools, p);
}

/* A few pools a tick, so that no turn is long however many there are. */
static void sweep(struct weir_worker *w)
{
    for (int i = 0; i < POOLS_PER_TICK; i++) {
        struct weir_upool *p = weir_hashmap_next(&w->pools, &w->pools_at);
        if (p == NULL) {
            w->pools_at = 0;
            return;
        }
        if (is_unused(p)) {
            pool_free(p);
            /* Entries may have moved into the gap: this stretch is walked again. */
            w->pools_at = w->pools_at > 1 ? w->pools_at - 1 : 0;
        }
    }
}

void weir_upool_tick(struct weir_worker *w)
{
    /* Where descriptors are short, connections that were used are worth more than connections that
     * may be. */
    uint32_t budget = w->num_parked < w->max_parked / 2 ? WEIR_REFILL_BUDGET : 0;
    for (int i = 0; i < POOLS_PER_TICK && !weir_list_empty(&w->refill); i++) {
        struct weir_upool *p = weir_container_of(w->refill.next, struct weir_upool, refill_link);
        weir_list_remove(&p->refill_link);
        weir_upool_next(p);
        uint32_t begun = refill(p, budget);
        budget -= begun < budget ? begun : budget;
    }
    sweep(w);
}

void weir_upool_shutdown(struct weir_worker *w)
{
    while (!weir_list_empty(&w->up_list))
        weir_up_close(weir_container_of(w->up_list.next, struct weir_up, link));
    size_t pos = 0;
    for (struct weir_upool *p; (p = weir_hashmap_next(&w->pools, &pos)) != NULL;)
        if (p->lookup != NULL)
            (void)uv_cancel((uv_req_t *)p->lookup);
}
