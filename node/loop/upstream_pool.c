/* SPDX-License-Identifier: Apache-2.0
 *
 * upstream_pool.c - see upstream_pool.h.
 */
#include "node/loop/upstream_pool.h"

#include <string.h>

#include "node/loop/downstream.h"
#include "node/loop/exchange.h"
#include "node/loop/parking.h"
#include "node/loop/upstream.h"

#define POOLS_PER_TICK 64    /* poked or swept in one turn */
#define POOL_KEEP_MS   60000 /* a pool that nobody used for this long goes */

static struct weir_span key_span(const struct weir_upool *p)
{
    return weir_span(&p->key, sizeof(p->key));
}

static struct weir_upool *upool_new(struct weir_worker *w, struct weir_upool_key key)
{
    struct weir_upool *p = weir_pool_get(&w->upools);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof(*p));
    p->key = key;
    p->worker = w;
    p->parking = key.parking;
    weir_list_init(&p->parking_link);
    weir_list_init(&p->waiting);
    weir_list_init(&p->poke_link);
    if (weir_hashmap_add(&w->pools, key_span(p), p) < 0) {
        weir_pool_put(&w->upools, p);
        return NULL;
    }
    weir_list_append(&key.parking->pools, &p->parking_link);
    return p;
}

struct weir_upool *weir_upool_of(struct weir_worker *w, const struct weir_upstream *u,
                                 const struct weir_endpoint *e)
{
    struct weir_upool_key key = { .endpoint = e->key, .parking = weir_parking_of(w, u, e) };
    if (key.parking == NULL)
        return NULL;
    struct weir_upool *p = weir_hashmap_find(&w->pools, weir_span(&key, sizeof(key)));
    if (p == NULL)
        p = upool_new(w, key);
    if (p == NULL)
        return NULL;
    p->max = weir_worker_share(w, u->pool_max);
    p->used_ms = w->now_ms;
    return p;
}

/* -- taking
 * ------------------------------------------------------------------------------------------ */

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
    struct weir_addr addr;
    switch (weir_parking_next_addr(p->parking, &addr)) {
    case WEIR_PARKING_ADDR_WAIT:
        return wait_for(p, x);
    case WEIR_PARKING_ADDR_FAILED:
        return WEIR_TAKE_REFUSED;
    case WEIR_PARKING_ADDR_READY:
        break;
    }
    enum weir_err err = weir_up_dial(p, &addr, x);
    if (err == WEIR_ELIMIT && p->num_open > 0)
        return wait_for(p, x);
    if (err == WEIR_ELIMIT || err == WEIR_ENOMEM)
        return WEIR_TAKE_FULL;
    if (err < 0)
        return WEIR_TAKE_REFUSED;
    return x->up->state == WEIR_UP_BUSY ? WEIR_TAKE_READY : WEIR_TAKE_WAIT;
}

/* The pool has room for one more. */
static enum weir_take take_one(struct weir_upool *p, struct weir_exchange *x)
{
    struct weir_up *u = x->fresh ? NULL : weir_parking_find(p->parking, x);
    if (u == NULL)
        return dial(p, x);
    weir_up_adopt(u, p, x);
    return WEIR_TAKE_READY;
}

enum weir_take weir_upool_take(struct weir_upool *p, struct weir_exchange *x)
{
    if (p->num_open >= p->max)
        return wait_for(p, x);
    enum weir_take take = take_one(p, x);
    weir_parking_want_refill(p->parking);
    return take;
}

bool weir_upool_queued(const struct weir_exchange *x)
{
    return x->waiting_in != NULL && x->waiting_in->parking->num_addrs > 0;
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
    while (!weir_list_empty(&p->waiting) && p->num_open < p->max) {
        struct weir_exchange *x =
            weir_container_of(p->waiting.next, struct weir_exchange, wait_link);
        struct weir_down *c = x->down;
        weir_upool_unwait(x);
        switch (take_one(p, x)) {
        case WEIR_TAKE_READY:
            weir_exchange_connected(x, x->up);
            break;
        case WEIR_TAKE_WAIT:
            if (x->waiting_in == NULL)
                break;
            /* Queued once more, at the end: its place is the first. */
            weir_list_remove(&x->wait_link);
            weir_list_prepend(&p->waiting, &x->wait_link);
            return;
        case WEIR_TAKE_REFUSED:
            weir_exchange_failed(x, WEIR_FAILURE_CONNECT);
            weir_down_pump(c);
            break;
        case WEIR_TAKE_FULL:
            weir_exchange_full(x);
            weir_down_pump(c);
            break;
        }
    }
}

void weir_upool_poke(struct weir_upool *p)
{
    if (p->num_waiting > 0 && weir_list_empty(&p->poke_link))
        weir_list_append(&p->worker->poked, &p->poke_link);
}

void weir_upool_resolved(struct weir_upool *p)
{
    weir_upool_next(p);
}

/* -- away again
 * ---------------------------------------------------------------------------------------- */

static void upool_free(struct weir_upool *p)
{
    struct weir_worker *w = p->worker;
    weir_list_remove(&p->parking_link);
    weir_list_remove(&p->poke_link);
    (void)weir_hashmap_remove(&w->pools, key_span(p));
    weir_pool_put(&w->upools, p);
}

static void sweep(struct weir_worker *w)
{
    for (int i = 0; i < POOLS_PER_TICK; i++) {
        struct weir_upool *p = weir_hashmap_next(&w->pools, &w->pools_at);
        if (p == NULL) {
            w->pools_at = 0;
            return;
        }
        if (p->num_open > 0 || p->num_waiting > 0 || w->now_ms - p->used_ms < POOL_KEEP_MS)
            continue;
        upool_free(p);
        /* Entries may have moved into the gap: this stretch is walked again. */
        w->pools_at = w->pools_at > 1 ? w->pools_at - 1 : 0;
    }
}

void weir_upool_tick(struct weir_worker *w)
{
    for (int i = 0; i < POOLS_PER_TICK && !weir_list_empty(&w->poked); i++) {
        struct weir_upool *p = weir_container_of(w->poked.next, struct weir_upool, poke_link);
        weir_list_remove(&p->poke_link);
        weir_upool_next(p);
    }
    sweep(w);
}

void weir_upool_free_all(struct weir_worker *w)
{
    size_t pos = 0;
    for (struct weir_upool *p; (p = weir_hashmap_next(&w->pools, &pos)) != NULL;)
        weir_pool_put(&w->upools, p);
    weir_hashmap_deinit(&w->pools);
    weir_pool_deinit(&w->upools);
}
