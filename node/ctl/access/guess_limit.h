/* SPDX-License-Identifier: Apache-2.0
 *
 * guess_limit.h - how often wrong tokens are looked at: per address, and of all addresses together.
 * A fixed table of leaky buckets; the one that has recovered most makes room. An IPv6 address
 * stands for its /64.
 *
 * An address that has failed too often waits, whatever it sends. The bound of all addresses
 * together never refuses a good token, so that nobody can lock an operator out by guessing from
 * many addresses; it only stops that more is said and logged about bad ones.
 * Owner: control.   Limits: WEIR_GUESS_ADDRESSES addresses. Pure; allocation-free.
 */
#ifndef WEIR_NODE_CTL_ACCESS_GUESS_LIMIT_H
#define WEIR_NODE_CTL_ACCESS_GUESS_LIMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/siphash.h"

#define WEIR_GUESS_ADDRESSES   1024
#define WEIR_GUESS_BURST       10   /* failures of one address at once */
#define WEIR_GUESS_EACH_MS     6000 /* then one more each */
#define WEIR_GUESS_ALL_BURST   100  /* the same for all addresses together */
#define WEIR_GUESS_ALL_EACH_MS 100

struct weir_guess_slot {
    uint8_t address[16];
    uint64_t empty_at_ms; /* when all its failures are forgotten; 0: never used */
};

struct weir_guess_limit {
    struct weir_siphash_key key;
    uint64_t all_empty_at_ms;
    struct weir_guess_slot slots[WEIR_GUESS_ADDRESSES];
};

/** @param key  secret, so that nobody can choose addresses that share a place */
void weir_guess_limit_init(struct weir_guess_limit *l, const struct weir_siphash_key *key);
/** How long the address must wait before a token of it is looked at; 0: it need not.
 * @param now_ms  monotonic */
uint64_t weir_guess_wait_ms(const struct weir_guess_limit *l, const struct weir_addr *a,
                            uint64_t now_ms);
/** A token of the address was wrong.
 * @return true: the address, or all of them together, may go on to be told so | false: they have
 * passed the bound with it */
bool weir_guess_failed(struct weir_guess_limit *l, const struct weir_addr *a, uint64_t now_ms);

#endif
