/* SPDX-License-Identifier: Apache-2.0
 *
 * balance.h - which endpoint gets an exchange. Pure, except for the worker's round-robin counters
 * in the tenant. Round robin: smooth weighted. IP hash: weighted rendezvous over the client address
 * (IPv4 whole, IPv6 its /64): the same choice on every node, minimal remapping when endpoints come
 * or go. Backups are chosen only when every other endpoint with weight is out. When all are marked
 * out, the marks are ignored: a try is better than a certain error.
 */
#ifndef WEIR_NODE_FLOW_BALANCE_H
#define WEIR_NODE_FLOW_BALANCE_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/flow/failure_marks.h"
#include "tenants/tenant.h"

/** Endpoints already tried for this exchange, by index. Zero is none. */
struct weir_tried {
    uint64_t bits[WEIR_ENDPOINTS_MAX / 64];
};

/**
 * Choose.
 *
 * @param client  for IP hash; the address that access rules see
 * @param tried   skipped; the caller adds the choice
 * @return an endpoint of `u`, or NULL when all with weight were tried
 */
struct weir_endpoint *weir_balance_pick(struct weir_upstream *u,
                                        const struct weir_failure_marks *marks,
                                        const struct weir_addr *client,
                                        const struct weir_tried *tried, uint64_t now_ms);

/** Note a choice. @param index  of the endpoint in its upstream, below WEIR_ENDPOINTS_MAX */
static inline void weir_tried_add(struct weir_tried *t, uint16_t index)
{
    WEIR_ASSERT_CMP(index, <, WEIR_ENDPOINTS_MAX);
    t->bits[index / 64] |= 1ull << (index % 64);
}

#endif
