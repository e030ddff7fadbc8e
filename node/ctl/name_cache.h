/* SPDX-License-Identifier: Apache-2.0
 *
 * name_cache.h - the names of a node: what their last look-up gave and for how long, who waits for
 * which, and which is looked up next. Does no I/O: resolver.c asks it for the next name to look up
 * and reports what came. One look-up serves all that wait for a name; a tenant has a limited number
 * of look-ups at once, and the tenants that wait take turns.
 * Owner: control.   Limits: WEIR_NAMES_MAX names (the one unused for longest makes room),
 * WEIR_NAMES_WAIT_MAX names that one tenant has waiting.   Ref: RFC 8767 (stale addresses), RFC
 * 2308 (failures are remembered).
 */
#ifndef WEIR_NODE_CTL_NAME_CACHE_H
#define WEIR_NODE_CTL_NAME_CACHE_H

#include <stdbool.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/metrics.h"
#include "node/loop/resolve.h"

#define WEIR_NAME_TTL_MIN_MS 1000    /* a shorter TTL, also 0, counts as this */
#define WEIR_NAME_TTL_MAX_MS 3600000 /* and a longer one as this */
#define WEIR_NAME_NONE_MS    5000    /* that a name does not exist holds for so long */
#define WEIR_NAME_FAILED_MS  1000    /* a look-up that failed is not repeated earlier */
#define WEIR_NAME_STALE_MS   1800    /* then who waits gets the old addresses: RFC 8767 5 */

struct weir_name_cache;
struct weir_name;

/** What a look-up gave. */
struct weir_name_found {
    enum weir_resolved result; /* FOUND, NONE or FAILED */
    uint32_t ttl_ms;           /* of FOUND; is bounded here */
    uint16_t num_addrs;        /* of FOUND: 1..WEIR_RESOLVE_MAX */
    struct weir_addr addrs[WEIR_RESOLVE_MAX];
};

/**
 * @param seed     random: names are chosen by tenants
 * @param metrics  borrowed until free; of the control thread
 * @return NULL: no memory
 */
struct weir_name_cache *weir_name_cache_new(uint64_t seed, struct weir_metrics *metrics);
/** Who still waits is given FAILED. NULL is legal; sets *c NULL. */
void weir_name_cache_free(struct weir_name_cache **c);
/** @param lookups_per_tenant 1..: how many names of one tenant are looked up at once */
void weir_name_cache_set_limit(struct weir_name_cache *c, uint32_t lookups_per_tenant);

/** Takes `l` and gives it back at once when its name is known or cannot be looked up, else when its
 * look-up ends. */
void weir_name_cache_ask(struct weir_name_cache *c, struct weir_lookup *l, uint64_t now_ms);
/** The next name to look up, or NULL. It counts as being looked up until weir_name_cache_end. */
struct weir_name *weir_name_cache_begin(struct weir_name_cache *c);
/** The look-up of `n` has ended: give it to all that wait. A failed one leaves the addresses of the
 * last good one in use. */
void weir_name_cache_end(struct weir_name_cache *c, struct weir_name *n,
                         const struct weir_name_found *found, uint64_t now_ms);
/** The look-up of `n` takes long: who waits gets the last good addresses, if there are any. */
void weir_name_cache_serve_stale(struct weir_name_cache *c, struct weir_name *n);
/** What was found so far is to be looked up again: the hosts file or the servers have changed. */
void weir_name_cache_expire(struct weir_name_cache *c);
/** Zero-terminated, 1..WEIR_HOST_MAX bytes. */
const char *weir_name_text(const struct weir_name *n);

#endif
