/* SPDX-License-Identifier: Apache-2.0
 * address_ahead.c - connections made ahead of demand: min_idle of them are parked while requests
 * come. They occupy an origin that serves one connection at a time, and some origins end those that
 * carry no request. So an endpoint that ends one, or refuses, gets no more of them until a request
 * was served on a connection that it keeps open, and not before a back-off is over.
 */
#include "node/base/log.h"
#include "node/exchange/exchange.h"
#include "node/loop/address_pool.h"
#include "node/loop/dial.h"

#define REFILL_AT_ONCE 4  /* connects for one address in a turn */
#define POOLS_PER_TICK 64 /* refilled in one turn */

void weir_address_pool_ahead_failed(struct weir_address_pool *p, const char *tls_fault)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    static struct weir_log_limit limit;
    struct weir_worker *w = p->worker;
    char text[WEIR_ADDR_TEXT_MAX] = "";
    uint32_t suppressed = 0;
    weir_metric_add(w->metrics, WEIR_M_UPSTREAM_CONNECT_ERRORS, 1);
    weir_address_pool_back_off(p);
    if (!weir_failure_marks_failed(w->marks, p->mark_key, w->now.ms) ||
        !weir_log_allowed(&limit, 10, &suppressed))
        return;
    if (p->host[0] == '\0')
        (void)weir_addr_text(&p->addrs[0], text);
    log_warn("upstream.endpoint_out",
             "name=%s address=%s outcome=%s fault=\"%s\" ahead=1 suppressed=%u", p->host, text,
             weir_access_outcome_name(tls_fault != NULL ? WEIR_OUTCOME_UPSTREAM_TLS
                                                        : WEIR_OUTCOME_UPSTREAM_REFUSED),
             tls_fault != NULL ? tls_fault : "", suppressed);
}

/* @return connects begun */
static uint32_t refill_address_pool(struct weir_address_pool *p, uint32_t budget)
{
    uint32_t begun = 0;
    while (begun < budget && weir_address_pool_is_short(p) &&
           weir_failure_marks_usable(p->worker->marks, p->mark_key, p->worker->now.ms)) {
        begun++;
        if (weir_address_pool_resolve(p) != WEIR_ADDRESS_POOL_ADDR_READY)
            break;
        enum weir_err err = weir_dial_ahead(p);
        if (err == WEIR_EIO)
            weir_address_pool_ahead_failed(p, NULL);
        if (err < 0)
            break;
    }
    return begun;
}

void weir_address_pool_refill(struct weir_worker *w)
{
    /* When descriptors are short, connections that were used before are worth more than new ones
     * that may never be used. */
    uint32_t budget = w->num_parked < w->max_parked / 2 ? WEIR_REFILL_BUDGET : 0;
    for (int i = 0; i < POOLS_PER_TICK && budget > 0 && !weir_list_empty(&w->refill); i++) {
        struct weir_address_pool *p =
            weir_container_of(w->refill.next, struct weir_address_pool, refill_link);
        weir_list_remove(&p->refill_link);
        uint32_t some = budget < REFILL_AT_ONCE ? budget : REFILL_AT_ONCE;
        budget -= refill_address_pool(p, some);
        /* To the end of the list, so that a pool that cannot be filled does not delay the others.
         */
        weir_address_pool_want_refill(p);
    }
}
