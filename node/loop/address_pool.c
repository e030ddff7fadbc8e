/* SPDX-License-Identifier: Apache-2.0
 * address_pool.c - see address_pool.h.
 */
#include "node/loop/address_pool.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/log_filter.h"
#include "node/base/trace.h"
#include "node/conn/sock.h"
#include "node/exchange/exchange.h"
#include "node/flow/dial_order.h"
#include "node/loop/origin_conn.h"
#include "node/loop/origin_tls.h"

#define ADDRESS_POOLS_PER_TICK 64 /* refilled or swept in one turn */
#define CLOSED_AT_ONCE         64 /* connections of one pool closed in a turn */

static struct weir_address_pool *address_pool_of(void *p)
{
    struct weir_address_pool *pool = p;
    WEIR_ASSERT(pool != NULL);
    WEIR_ASSERT(pool->magic == WEIR_ADDRESS_POOL_MAGIC);
    return pool;
}

static struct weir_span address_pool_key_span(const struct weir_address_pool *p)
{
    return weir_span(p->text, p->key_len);
}

/* Give the memory back. */
static void address_pool_release(struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    weir_origin_tls_drop_sessions(p);
    weir_origin_tls_unref(p->tls);
    p->magic = 0;
    weir_pool_release(&w->address_pools, p);
}

/* @return the length of the key */
static size_t address_pool_key(const struct weir_upstream *u, const struct weir_endpoint *e,
                               uint8_t out[sizeof(((struct weir_address_pool *)0)->text)])
{
    size_t len = e->text.len;
    WEIR_ASSERT(len <= WEIR_ENDPOINT_TEXT_MAX);
    memcpy(out, e->text.at, len);
    if (u->tls == NULL)
        return len;
    out[len++] = '\0';
    memcpy(out + len, u->tls->identity, sizeof(u->tls->identity));
    return len + sizeof(u->tls->identity);
}

static struct weir_address_pool *address_pool_new(struct weir_worker *w,
                                                  const struct weir_upstream *u,
                                                  const struct weir_endpoint *e)
{
    struct weir_address_pool *p = weir_pool_get(&w->address_pools);
    if (p == NULL)
        return NULL;
    memset(p, 0, sizeof(*p));
    p->magic = WEIR_ADDRESS_POOL_MAGIC;
    p->key_len = (uint16_t)address_pool_key(u, e, p->text);
    p->text_len = (uint16_t)e->text.len;
    p->worker = w;
    weir_list_init(&p->idle);
    weir_list_init(&p->pools);
    weir_list_init(&p->refill_link);
    if (e->host.len > 0) {
        WEIR_ASSERT(e->host.len <= WEIR_HOST_MAX);
        memcpy(p->host, e->host.at, e->host.len);
        p->port = e->addr.port;
    } else {
        p->addrs[0] = e->addr;
        p->num_addrs = 1;
    }
    if (u->tls != NULL)
        p->tls = weir_origin_tls_of(w, u->tls);
    if ((u->tls == NULL || p->tls != NULL) &&
        weir_hashmap_add(&w->address_pool_map, address_pool_key_span(p), p) == WEIR_OK)
        return p;
    address_pool_release(p);
    return NULL;
}

struct weir_address_pool *weir_address_pool_of(struct weir_worker *w, const struct weir_upstream *u,
                                               const struct weir_endpoint *e)
{
    uint8_t key[sizeof(((struct weir_address_pool *)0)->text)];
    size_t key_len = address_pool_key(u, e, key);
    struct weir_address_pool *p = weir_hashmap_find(&w->address_pool_map, weir_span(key, key_len));
    if (p == NULL)
        p = address_pool_new(w, u, e);
    if (p == NULL)
        return NULL;
    WEIR_ASSERT(address_pool_of(p)->worker == w);
    p->min_idle = weir_worker_share(w, u->pool_min_idle);
    p->max_idle = weir_worker_share(w, u->pool_max_idle);
    p->idle_timeout_ms = u->pool_idle_timeout_ms;
    p->max_age_ms = u->pool_max_age_ms;
    p->connect_timeout_ms = u->connect_timeout_ms;
    p->mark_key = e->key;
    p->used_ms = w->now.ms;
    return p;
}

/* -- parked connections -- */

struct weir_origin_conn *weir_address_pool_find(struct weir_address_pool *p,
                                                const struct weir_exchange *x)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    WEIR_ASSERT(x->endpoint != NULL);
    /* A request that cannot be sent twice is not sent on a connection whose end may be unread. */
    bool must_be_quiet = !weir_method_is_idempotent(x->req.method) || x->req.has_body;
    while (!weir_list_empty(&p->idle)) {
        struct weir_origin_conn *u =
            weir_container_of(p->idle.next, struct weir_origin_conn, park_link);
        if (p->moved && weir_origin_conn_leads_elsewhere(u)) {
            weir_origin_conn_close(u);
            continue;
        }
        /* Bytes that came too late for one tenant must not be the response to another. */
        bool strange = u->side.endpoint_key != x->endpoint->key;
        if ((!must_be_quiet && !strange) || weir_conn_is_quiet(&u->conn))
            return u;
        if (u->side.endpoint_key == 0)
            weir_address_pool_unused_ended(p);
        weir_origin_conn_close(u);
    }
    return NULL;
}

static void close_those_elsewhere(struct weir_address_pool *p)
{
    struct weir_list *next;
    uint32_t budget = CLOSED_AT_ONCE;
    p->moved = false;
    for (struct weir_list *l = p->idle.next; l != &p->idle; l = next) {
        struct weir_origin_conn *u = weir_container_of(l, struct weir_origin_conn, park_link);
        next = l->next;
        if (!weir_origin_conn_leads_elsewhere(u))
            continue;
        if (budget-- == 0) {
            p->moved = true;
            return;
        }
        weir_origin_conn_close(u);
    }
}

void weir_address_pool_moved(struct weir_address_pool *p)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    close_those_elsewhere(p);
}

/* -- away again -- */

static void address_pool_free(struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    weir_list_remove(&p->refill_link);
    (void)weir_hashmap_remove(&w->address_pool_map, address_pool_key_span(p));
    address_pool_release(p);
}

static bool is_unused(const struct weir_address_pool *p)
{
    return p->num_open == 0 && weir_list_empty(&p->pools) &&
           p->resolve_state != WEIR_RESOLVE_RUNNING && !weir_address_pool_is_in_use(p);
}

/* A few in each tick, so that no turn is long, however many pools there are. */
static void sweep_address_pools(struct weir_worker *w)
{
    for (int i = 0; i < ADDRESS_POOLS_PER_TICK; i++) {
        struct weir_address_pool *p = weir_hashmap_next(&w->address_pool_map, &w->address_pools_at);
        if (p == NULL) {
            w->address_pools_at = 0;
            return;
        }
        if (weir_address_pool_is_in_use(address_pool_of(p)) || p->num_open > 0)
            weir_address_pool_ask(p);
        if (p->moved)
            close_those_elsewhere(p);
        if (!is_unused(p))
            continue;
        address_pool_free(p);
        /* Entries may have moved into the gap: this part is visited again. */
        w->address_pools_at = w->address_pools_at > 1 ? w->address_pools_at - 1 : 0;
    }
}

void weir_address_pool_tick(struct weir_worker *w)
{
    weir_address_pool_refill(w);
    sweep_address_pools(w);
}

void weir_address_pool_free_all(struct weir_worker *w)
{
    size_t pos = 0;
    for (struct weir_address_pool *p; (p = weir_hashmap_next(&w->address_pool_map, &pos)) != NULL;)
        address_pool_release(address_pool_of(p));
    weir_hashmap_deinit(&w->address_pool_map);
    weir_hashmap_deinit(&w->origin_tls);
    weir_pool_deinit(&w->address_pools);
}
