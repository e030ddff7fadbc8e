/* SPDX-License-Identifier: Apache-2.0
 *
 * address_rate.h - how often a client address does something in a second: a table of fixed size
 * that all workers share. An IPv6 client is its /64. Two addresses that meet in one cell push each
 * other out: they are then limited less, never more.
 * Owner: shared; atomics only.   Limits: WEIR_ADDRESS_RATE_MAX a second; 512 KiB.
 */
#ifndef WEIR_NODE_LOOP_ADDRESS_RATE_H
#define WEIR_NODE_LOOP_ADDRESS_RATE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/siphash.h"

#define WEIR_ADDRESS_RATE_MAX 60000

struct weir_address_rate;

/** @param key  secret: clients must not choose their cell   @return NULL: out of memory */
WEIR_MUST_USE struct weir_address_rate *weir_address_rate_new(const struct weir_siphash_key *key);
/** Sets *r NULL; NULL is legal. */
void weir_address_rate_free(struct weir_address_rate **r);
/**
 * Any worker: count one. @param max  a second, 1..WEIR_ADDRESS_RATE_MAX
 * @param now_ms  on a clock that all workers share
 * @return false: the address has had `max` in this second already
 */
WEIR_MUST_USE bool weir_address_rate_take(struct weir_address_rate *r, const struct weir_addr *a,
                                          uint32_t max, uint64_t now_ms);

#endif
