/* SPDX-License-Identifier: Apache-2.0
 *
 * pools.c - see pools.h.
 */
#include "node/loop/pools.h"

#define BACK_OFF_MIN_MS 1000 /* doubles each time until one carries a request */
#define BACK_OFF_MAX_MS 60000
#define AGE_SPREAD      10 /* a connection's age is its limit, give or take this part */

void weir_endpoint_pool_poke(struct weir_endpoint_pool *p)
{
    WEIR_ASSERT(p->magic == WEIR_ENDPOINT_POOL_MAGIC);
    if (p->num_waiting > 0)
        weir_task_queue(&p->worker->env, &p->task);
}

bool weir_address_pool_is_in_use(const struct weir_address_pool *p)
{
    return p->worker->now.ms - p->used_ms < p->idle_timeout_ms;
}

bool weir_address_pool_is_short(const struct weir_address_pool *p)
{
    const struct weir_worker *w = p->worker;
    return p->num_idle + p->num_ahead < p->min_idle && !p->ahead_barred &&
           w->now.ms >= p->ahead_at_ms && weir_address_pool_is_in_use(p) && !w->draining &&
           !w->stopping;
}

void weir_address_pool_want_refill(struct weir_address_pool *p)
{
    if (weir_address_pool_is_short(p) && weir_list_empty(&p->refill_link))
        weir_list_append(&p->worker->refill, &p->refill_link);
}

void weir_address_pool_back_off(struct weir_address_pool *p)
{
    uint64_t now_ms = p->worker->now.ms;
    p->ahead_barred = true;
    if (now_ms < p->ahead_at_ms)
        return;
    uint32_t wait_ms = p->ahead_wait_ms == 0 ? BACK_OFF_MIN_MS : 2 * p->ahead_wait_ms;
    p->ahead_wait_ms = wait_ms < BACK_OFF_MAX_MS ? wait_ms : BACK_OFF_MAX_MS;
    p->ahead_at_ms = now_ms + p->ahead_wait_ms;
}

void weir_address_pool_unused_ended(struct weir_address_pool *p)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    weir_metric_add(p->worker->metrics, WEIR_M_UPSTREAM_UNUSED_ENDED, 1);
    weir_address_pool_back_off(p);
}

void weir_address_pool_served(struct weir_address_pool *p, bool ahead)
{
    WEIR_ASSERT(p->magic == WEIR_ADDRESS_POOL_MAGIC);
    p->ahead_barred = false;
    if (ahead)
        p->ahead_wait_ms = 0;
}

/* Connections that began together do not end together. */
uint64_t weir_address_pool_retire_at_ms(const struct weir_address_pool *p)
{
    struct weir_worker *w = p->worker;
    uint64_t spread = p->max_age_ms / AGE_SPREAD;
    return w->now.ms + p->max_age_ms - spread + weir_rng_below(&w->rng, 2 * spread + 1);
}
