/* SPDX-License-Identifier: Apache-2.0
 *
 * address_counts.h - how many connections each client address has to the node: a table of fixed
 * size that all workers share. An IPv6 client is its /64, since it has all of that to itself.
 * Owner: shared; atomics only.   Limits: a bucket that is full counts no further address; it then
 * limits nothing, and says so.
 */
#ifndef WEIR_NODE_LOOP_ADDRESS_COUNTS_H
#define WEIR_NODE_LOOP_ADDRESS_COUNTS_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/limits.h"
#include "node/base/siphash.h"

struct weir_address_counts;

enum weir_address_count {
    WEIR_ADDRESS_COUNTED, /* give it back with weir_address_counts_leave */
    WEIR_ADDRESS_OVER,    /* it has as many as it may: refuse */
    WEIR_ADDRESS_NO_CELL, /* the table has no room for it: let it in, not counted */
};

/** @param connections  that the node may have; the table gets twice as many cells, within bounds
 * @param key  secret: clients must not choose their bucket   @return NULL: out of memory */
WEIR_MUST_USE struct weir_address_counts *
weir_address_counts_new(uint32_t connections, const struct weir_siphash_key *key);
/** Sets *t NULL; NULL is legal. */
void weir_address_counts_free(struct weir_address_counts **t);
/** Any worker: count one more connection of the address. @param
 * max 1..WEIR_CONNECTIONS_PER_ADDRESS_MAX */
WEIR_MUST_USE enum weir_address_count
weir_address_counts_take(struct weir_address_counts *t, const struct weir_addr *a, uint32_t max);
/** Any worker: one that was counted has ended. */
void weir_address_counts_leave(struct weir_address_counts *t, const struct weir_addr *a);

#endif
