/* SPDX-License-Identifier: Apache-2.0
 * address_names.c - the addresses of a name: asked of the node's resolver (resolve.h) when they are
 * first needed, and again while the pool is in use, whenever they are too old. A request waits for
 * a response only when no address is known at all.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/log_filter.h"
#include "node/base/trace.h"
#include "node/loop/address_pool.h"

static const uint8_t resolve_moves[] = {
    [WEIR_RESOLVE_NONE] = 1 << WEIR_RESOLVE_RUNNING | 1 << WEIR_RESOLVE_FAILED,
    [WEIR_RESOLVE_RUNNING] = 1 << WEIR_RESOLVE_DONE | 1 << WEIR_RESOLVE_FAILED,
    [WEIR_RESOLVE_DONE] = 1 << WEIR_RESOLVE_RUNNING | 1 << WEIR_RESOLVE_FAILED,
    [WEIR_RESOLVE_FAILED] = 1 << WEIR_RESOLVE_RUNNING | 1 << WEIR_RESOLVE_FAILED,
};

static const char *const resolve_state_names[] = {
    [WEIR_RESOLVE_NONE] = "none",
    [WEIR_RESOLVE_RUNNING] = "running",
    [WEIR_RESOLVE_DONE] = "done",
    [WEIR_RESOLVE_FAILED] = "failed",
};

/* trace: address.move address= from= to= */
WEIR_COLD static void log_move(const struct weir_address_pool *p, const char *from, const char *to)
{
    log_trace_for(WEIR_SPAN_EMPTY, NULL, "address.move", "address=%.*s from=%s to=%s",
                  (int)p->text_len, (const char *)p->text, from, to);
}

void weir_address_pool_move(struct weir_address_pool *p, enum weir_resolve_state to)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    WEIR_ASSERT(p->resolve_state < WEIR_ARRAY_LEN(resolve_moves));
    WEIR_ASSERT_MOVE(resolve_moves[p->resolve_state] & (1u << to),
                     resolve_state_names[p->resolve_state], resolve_state_names[to]);
    weir_trace("address.move", (uintptr_t)p, (uint64_t)p->resolve_state << 8 | to);
    WEIR_LOG_MAY(WEIR_LOG_TRACE,
                 log_move(p, resolve_state_names[p->resolve_state], resolve_state_names[to]));
    p->resolve_state = (uint8_t)to;
}

/* The last good addresses stay when there are no new ones. */
static void store_response(struct weir_address_pool *p, const struct weir_lookup *l)
{
    uint32_t age_ms = l->ttl_ms < WEIR_RESOLVE_MS ? l->ttl_ms : WEIR_RESOLVE_MS;
    weir_address_pool_move(p, l->result == WEIR_RESOLVED_FOUND ? WEIR_RESOLVE_DONE
                                                               : WEIR_RESOLVE_FAILED);
    p->resolve_at_ms = p->worker->now.ms + age_ms;
    if (l->num_addrs == 0 || (l->result != WEIR_RESOLVED_FOUND && p->num_addrs > 0))
        return;
    WEIR_ASSERT(l->num_addrs <= WEIR_RESOLVE_MAX);
    p->num_addrs = l->num_addrs;
    memcpy(p->addrs, l->addrs, l->num_addrs * sizeof(l->addrs[0]));
    for (uint16_t i = 0; i < p->num_addrs; i++)
        p->addrs[i].port = p->port;
    weir_address_pool_moved(p);
}

static void take_response(struct weir_address_pool *p, const struct weir_lookup *l)
{
    struct weir_list *next;
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    store_response(p, l);
    for (struct weir_list *at = p->pools.next; at != &p->pools; at = next) {
        next = at->next;
        weir_endpoint_pool_poke(
            weir_container_of(at, struct weir_endpoint_pool, address_pool_link));
    }
}

void weir_address_pool_take_responses(struct weir_worker *w)
{
    bool overflowed = false;
    struct weir_msg *m = weir_inbox_take(&w->responses, &overflowed);
    WEIR_ASSERT(!overflowed);
    while (m != NULL) {
        struct weir_lookup *l = weir_container_of(m, struct weir_lookup, msg);
        m = m->next;
        WEIR_ASSERT(w->num_lookups > 0);
        w->num_lookups--;
        take_response(l->owner, l);
        free(l);
    }
}

void weir_address_pool_drop_responses(struct weir_worker *w)
{
    bool overflowed = false;
    struct weir_msg *m = weir_inbox_take(&w->responses, &overflowed);
    while (m != NULL) {
        struct weir_lookup *l = weir_container_of(m, struct weir_lookup, msg);
        m = m->next;
        w->num_lookups--;
        free(l);
    }
    /* The resolver gives all of them back before the workers are stopped. */
    WEIR_ASSERT(w->num_lookups == 0);
}

/* @return false: it cannot be asked now */
static bool send_question(struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    const struct weir_resolve *resolve = &w->cfg.resolve;
    if (resolve->ask == NULL || w->num_lookups >= WEIR_LOOKUPS_MAX)
        return false;
    struct weir_lookup *l = malloc(sizeof(*l));
    if (l == NULL)
        return false;
    l->reply = &w->responses;
    l->tenant = p->tenant_key;
    l->owner = p;
    memcpy(l->host, p->host, sizeof(l->host));
    weir_address_pool_move(p, WEIR_RESOLVE_RUNNING);
    w->num_lookups++;
    if (resolve->ask(resolve->arg, l) == WEIR_OK)
        return true;
    w->num_lookups--;
    free(l);
    return false;
}

void weir_address_pool_ask(struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    if (p->host[0] == '\0' || p->resolve_state == WEIR_RESOLVE_RUNNING || w->stopping ||
        w->now.ms < p->resolve_at_ms || send_question(p))
        return;
    weir_metric_add(w->metrics, WEIR_M_RESOLVER_REFUSED, 1);
    weir_address_pool_move(p, WEIR_RESOLVE_FAILED);
    p->resolve_at_ms = w->now.ms + WEIR_RESOLVE_AGAIN_MS;
}

enum weir_address_pool_addr weir_address_pool_resolve(struct weir_address_pool *p)
{
    weir_address_pool_ask(p);
    if (p->num_addrs > 0)
        return WEIR_ADDRESS_POOL_ADDR_READY;
    return p->resolve_state == WEIR_RESOLVE_RUNNING ? WEIR_ADDRESS_POOL_ADDR_WAIT
                                                    : WEIR_ADDRESS_POOL_ADDR_FAILED;
}
