/* SPDX-License-Identifier: Apache-2.0
 *
 * cache.h - compiled tenants of one worker, found by destination address and host; bounded, filled
 * from the store on demand.
 * Owner: one worker. A hit does no LMDB, no malloc, no lock. A miss is one short read transaction
 * and a compile. Least recently used tenants leave at the cap (second-chance clock). A host
 * without an owner is not cached.
 */
#ifndef WEIR_TENANTS_CACHE_H
#define WEIR_TENANTS_CACHE_H

#include "node/base/addr.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "sync/store/store.h"
#include "tenants/tenant.h"

struct weir_tenant_cache;

/** Secrets that keep tenants and clients from choosing keys that collide. */
struct weir_tenant_seeds {
    uint64_t hosts;                    /* random, this cache's own: hosts are outside bytes */
    struct weir_siphash_key endpoints; /* as weir_tenant_compile, the same for all workers */
};

/**
 * @param seeds    copied
 * @param max      compiled tenants, 1..WEIR_TENANT_CACHE_MAX (hosts: four times that)
 * @param metrics  the worker's block; may be NULL
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT (the store's reader slots)
 */
WEIR_MUST_USE enum weir_err weir_tenant_cache_new(struct weir_store *store,
                                                  const struct weir_tenant_seeds *seeds, size_t max,
                                                  struct weir_metrics *metrics,
                                                  struct weir_tenant_cache **ret);
/** Drops the cache's references. The zero state is legal. Sets *c NULL. */
void weir_tenant_cache_free(struct weir_tenant_cache **c);

/**
 * Find the tenant of a request: the owner of the dedicated destination address if there is one,
 * else of the exact host, else of the longest wildcard ("*.shop.example" matches "a.shop.example"
 * and "a.b.shop.example", not "shop.example").
 *
 * @param local  destination address (port ignored)
 * @param host   lower case, without port; may be empty
 * @param ret    borrowed until the next call on the cache; take a reference with weir_tenant_ref to
 * use it longer
 * @return WEIR_OK | WEIR_ENOTFOUND (no tenant's: 404) | WEIR_ENOMEM, WEIR_EIO (503)
 *       | WEIR_EINVAL, WEIR_ECORRUPT (its record cannot be served: 503, logged once per version)
 * When a newer revision does not compile, or the store cannot be read, the tenant in the cache
 * still serves.
 */
WEIR_MUST_USE enum weir_err weir_tenant_cache_find(struct weir_tenant_cache *c,
                                                   const struct weir_addr *local,
                                                   struct weir_span host, struct weir_tenant **ret);

/**
 * A commit changed this tenant: its record is read again at its next request. A deleted tenant
 * leaves the cache at once.
 * @param names_changed as weir_change.index_changed: every name is looked up in the store again at
 * its next use
 */
void weir_tenant_cache_changed(struct weir_tenant_cache *c, struct weir_span name,
                               bool names_changed);
/** The inbox overflowed: the record of every tenant is read again, and compiled if it changed. */
void weir_tenant_cache_drop_all(struct weir_tenant_cache *c);
/** Number of tenants in the cache. */
size_t weir_tenant_cache_len(const struct weir_tenant_cache *c);

#endif
