/* SPDX-License-Identifier: Apache-2.0
 * endpoint_pool.c - see endpoint_pool.h.
 */
#include "node/loop/endpoint_pool.h"

#include <string.h>

#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/dial.h"
#include "node/loop/origin_conn.h"

#define POOLS_PER_TICK 64    /* swept in one turn */
#define POOL_UNUSED_MS 60000 /* a pool that is unused for this long is freed */

static struct weir_endpoint_pool *endpoint_pool_of(void *p)
{
    struct weir_endpoint_pool *pool = p;
    WEIR_ASSERT(pool != NULL);
    WEIR_ASSERT(pool->magic == WEIR_ENDPOINT_POOL_MAGIC);
    return pool;
}

/* Give the memory back. */
static void endpoint_pool_release(struct weir_endpoint_pool *p)
{
    struct weir_worker *w = p->worker;
    p->magic = 0;
    weir_pool_release(&w->endpoint_pools, p);
}

static struct weir_span endpoint_pool_key_span(const struct weir_endpoint_pool *p)
{
    return weir_span(&p->key, sizeof(p->key));
}

static void on_pool_task(struct weir_task *t);
static const struct weir_task_kind pool_task = { .run = on_pool_task };

static struct weir_endpoint_pool *endpoint_pool_new(struct weir_worker *w,
                                                    struct weir_endpoint_pool_key key)
{
    struct weir_endpoint_pool *p = weir_pool_get(&w->endpoint_pools);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof(*p));
    p->magic = WEIR_ENDPOINT_POOL_MAGIC;
    p->key = key;
    p->worker = w;
    p->address_pool = key.address_pool;
    weir_list_init(&p->address_pool_link);
    weir_list_init(&p->waiting);
    weir_task_init(&p->task, &pool_task);
    if (weir_hashmap_add(&w->pools, endpoint_pool_key_span(p), p) < 0) {
        endpoint_pool_release(p);
        return NULL;
    }
    weir_list_append(&key.address_pool->pools, &p->address_pool_link);
    return p;
}

/* The pool that the endpoint remembers, or NULL: it knows none, any pool was freed since, or
 * another endpoint has used the address since and left its settings there. */
static struct weir_endpoint_pool *remembered_pool(const struct weir_worker *w,
                                                  const struct weir_endpoint *e)
{
    if (e->pool_known_at != w->endpoint_pools_freed + 1)
        return NULL;
    struct weir_endpoint_pool *p = endpoint_pool_of(e->pool);
    WEIR_ASSERT(p->worker == w);
    WEIR_ASSERT(p->key.endpoint == e->key);
    return p->address_pool->mark_key == e->key ? p : NULL;
}

struct weir_endpoint_pool *
weir_endpoint_pool_of(struct weir_worker *w, const struct weir_upstream *u, struct weir_endpoint *e)
{
    struct weir_endpoint_pool *known = remembered_pool(w, e);
    if (WEIR_LIKELY(known != NULL)) {
        known->used_ms = w->now.ms;
        known->address_pool->used_ms = w->now.ms;
        return known;
    }
    struct weir_endpoint_pool_key key = { .endpoint = e->key,
                                          .address_pool = weir_address_pool_of(w, u, e) };
    if (key.address_pool == NULL)
        return NULL;
    struct weir_endpoint_pool *p = weir_hashmap_find(&w->pools, weir_span(&key, sizeof(key)));
    if (p == NULL)
        p = endpoint_pool_new(w, key);
    if (p == NULL)
        return NULL;
    WEIR_ASSERT(endpoint_pool_of(p)->worker == w);
    /* A worker without any could serve no request. */
    uint32_t share = weir_worker_share(w, u->pool_max);
    p->max = share > 0 ? share : 1;
    p->used_ms = w->now.ms;
    e->pool = p;
    e->pool_known_at = w->endpoint_pools_freed + 1;
    return p;
}

/* -- getting a connection -- */

static enum weir_acquired enqueue_exchange(struct weir_endpoint_pool *p, struct weir_exchange *x)
{
    if (p->num_waiting >= WEIR_POOL_WAIT_MAX)
        return WEIR_ACQUIRED_FULL;
    weir_list_append(&p->waiting, &x->wait_link);
    x->waiting_in = p;
    p->num_waiting++;
    return WEIR_ACQUIRED_WAIT;
}

/* Whose limit of look-ups counts. */
static uint64_t tenant_key(const struct weir_worker *w, const struct weir_tenant *t)
{
    struct weir_siphash h;
    weir_siphash_init(&h, &w->marks->secret);
    weir_siphash_add(&h, t->name.at, t->name.len);
    return weir_siphash_end(&h);
}

static enum weir_acquired dial_endpoint(struct weir_endpoint_pool *p, struct weir_exchange *x)
{
    if (p->address_pool->host[0] != '\0')
        p->address_pool->tenant_key = tenant_key(p->worker, x->tenant);
    switch (weir_address_pool_resolve(p->address_pool)) {
    case WEIR_ADDRESS_POOL_ADDR_WAIT:
        return enqueue_exchange(p, x);
    case WEIR_ADDRESS_POOL_ADDR_FAILED:
        return WEIR_ACQUIRED_REFUSED;
    case WEIR_ADDRESS_POOL_ADDR_READY:
        break;
    }
    enum weir_err err = weir_dial_begin(p, x);
    if (err == WEIR_ELIMIT && p->num_open > 0)
        return enqueue_exchange(p, x);
    if (err == WEIR_ELIMIT || err == WEIR_ENOMEM)
        return WEIR_ACQUIRED_FULL;
    if (err < 0)
        return WEIR_ACQUIRED_REFUSED;
    return x->origin != NULL ? WEIR_ACQUIRED_READY : WEIR_ACQUIRED_WAIT;
}

/* The pool has room for one more. */
static enum weir_acquired acquire_connection(struct weir_endpoint_pool *p, struct weir_exchange *x)
{
    struct weir_origin_conn *u = x->fresh ? NULL : weir_address_pool_find(p->address_pool, x);
    if (u == NULL)
        return dial_endpoint(p, x);
    weir_origin_conn_adopt(u, p, x);
    return WEIR_ACQUIRED_READY;
}

enum weir_acquired weir_endpoint_pool_acquire(struct weir_endpoint_pool *p, struct weir_exchange *x)
{
    WEIR_ASSERT(p->magic == WEIR_ENDPOINT_POOL_MAGIC);
    WEIR_ASSERT(x->magic == WEIR_EXCHANGE_MAGIC);
    WEIR_ASSERT(x->origin == NULL && x->waiting_in == NULL);
    if (p->num_open >= p->max)
        return enqueue_exchange(p, x);
    enum weir_acquired take = acquire_connection(p, x);
    weir_address_pool_want_refill(p->address_pool);
    return take;
}

bool weir_endpoint_pool_queued(const struct weir_exchange *x)
{
    return x->waiting_in != NULL && x->waiting_in->address_pool->num_addrs > 0;
}

void weir_endpoint_pool_unwait(struct weir_exchange *x)
{
    weir_dial_cancel(x->dial);
    if (x->waiting_in == NULL)
        return;
    WEIR_ASSERT(x->waiting_in->magic == WEIR_ENDPOINT_POOL_MAGIC);
    WEIR_ASSERT(x->waiting_in->num_waiting > 0);
    x->waiting_in->num_waiting--;
    x->waiting_in = NULL;
    weir_list_remove(&x->wait_link);
}

/* Serve the exchanges that wait. */
static void serve_waiting(struct weir_endpoint_pool *p)
{
    while (!weir_list_empty(&p->waiting) && p->num_open < p->max) {
        struct weir_exchange *x =
            weir_container_of(p->waiting.next, struct weir_exchange, wait_link);
        weir_endpoint_pool_unwait(x);
        x->dial_ns = weir_exchange_stamp_ns(&p->worker->exchange); /* its time in the queue ends */
        switch (acquire_connection(p, x)) {
        case WEIR_ACQUIRED_READY:
            weir_exchange_connected(x, x->origin);
            break;
        case WEIR_ACQUIRED_WAIT:
            if (x->waiting_in == NULL) {
                weir_exchange_dialling(x);
                break;
            }
            /* It is in the queue again, at the end. It was the first, so it goes to the front. */
            weir_list_remove(&x->wait_link);
            weir_list_prepend(&p->waiting, &x->wait_link);
            return;
        case WEIR_ACQUIRED_REFUSED:
            weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
            break;
        case WEIR_ACQUIRED_FULL:
            weir_exchange_full(x);
            break;
        }
    }
}

static void on_pool_task(struct weir_task *t)
{
    serve_waiting(endpoint_pool_of(weir_container_of(t, struct weir_endpoint_pool, task)));
}

/* -- freeing -- */

static void endpoint_pool_free(struct weir_endpoint_pool *p)
{
    struct weir_worker *w = p->worker;
    weir_list_remove(&p->address_pool_link);
    weir_task_cancel(&p->task);
    (void)weir_hashmap_remove(&w->pools, endpoint_pool_key_span(p));
    endpoint_pool_release(p);
    w->endpoint_pools_freed++;
}

static void sweep_endpoint_pools(struct weir_worker *w)
{
    for (int i = 0; i < POOLS_PER_TICK; i++) {
        struct weir_endpoint_pool *p = weir_hashmap_next(&w->pools, &w->pools_at);
        if (p == NULL) {
            w->pools_at = 0;
            return;
        }
        WEIR_ASSERT(endpoint_pool_of(p)->worker == w);
        if (p->num_open > 0 || p->num_waiting > 0 || w->now.ms - p->used_ms < POOL_UNUSED_MS)
            continue;
        endpoint_pool_free(p);
        /* Entries may have moved into the gap: this part is visited again. */
        w->pools_at = w->pools_at > 1 ? w->pools_at - 1 : 0;
    }
}

void weir_endpoint_pool_tick(struct weir_worker *w)
{
    sweep_endpoint_pools(w);
}

void weir_endpoint_pool_free_all(struct weir_worker *w)
{
    size_t pos = 0;
    for (struct weir_endpoint_pool *p; (p = weir_hashmap_next(&w->pools, &pos)) != NULL;)
        endpoint_pool_release(endpoint_pool_of(p));
    weir_hashmap_deinit(&w->pools);
    weir_pool_deinit(&w->endpoint_pools);
}
