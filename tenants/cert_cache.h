/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_cache.h - certificates of one worker with their keys, ready for handshakes, found by tenant
 * and server name; bounded, filled from the store on demand.
 * Owner: one worker. A hit does no LMDB, no malloc, no lock. A miss is one short read transaction;
 * names that no certificate has are stored in the same bounded table, without malloc. When a bound
 * is reached, second chance decides what leaves.   Limits: WEIR_CERT_CACHE_MAX certificates,
 * WEIR_CERT_CACHE_BYTES bytes, four names a certificate.
 */
#ifndef WEIR_TENANTS_CERT_CACHE_H
#define WEIR_TENANTS_CERT_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/metrics.h"
#include "node/base/siphash.h"
#include "node/base/span.h"
#include "node/wire/tls_identity.h"
#include "sync/store/store.h"
#include "tenants/cert_secret.h"

struct weir_cert_cache;

struct weir_cert_cache_config {
    struct weir_store *store;
    const struct weir_secret *secret; /* borrowed until the cache is freed */
    struct weir_siphash_key seed;     /* random, this cache's own: server names are outside bytes */
    size_t max;                       /* certificates, 1..WEIR_CERT_CACHE_MAX */
    size_t bytes_max;                 /* of keys and chains, 1..; one certificate is always held */
    struct weir_metrics *metrics;     /* the worker's block; may be NULL */
    uint64_t (*wall_ms)(void);        /* the clock of validity, Unix ms; NULL: weir_clock_wall_ms */
};

/** @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT (the store's reader slots) */
WEIR_MUST_USE enum weir_err weir_cert_cache_new(const struct weir_cert_cache_config *cfg,
                                                struct weir_cert_cache **ret);
/** Drops the cache's references. The zero state is legal. Sets *c NULL. */
void weir_cert_cache_free(struct weir_cert_cache **c);

/**
 * The certificate that a tenant shows to a client: one linked to the name or of the exact name,
 * else one of its wildcard ("*.shop.example" is for "a.shop.example" alone), else the tenant's
 * fallback. Within each of these: linked ones first, then by the kind of key (ECDSA before RSA),
 * then the newest; one that is not yet valid or has expired only when there is no other.
 *
 * @param tenant  1..WEIR_TENANT_NAME_MAX bytes (contract)
 * @param sni     lower case, without a dot at its end; may be empty
 * @param kinds   set of enum weir_tls_key_kind that the client can use; not 0 (contract)
 * @param ret     borrowed until the next call on the cache; take a reference with
 * weir_tls_identity_ref to use it longer
 * @return WEIR_OK | WEIR_ENOTFOUND (the tenant has none that fits) | WEIR_ENOMEM, WEIR_EIO (for
 * now) | WEIR_EPERM, WEIR_ECORRUPT, WEIR_EINVAL, WEIR_EUNSUPPORTED (what fits cannot be used:
 * logged once per version). In all of these the handshake fails.
 */
WEIR_MUST_USE enum weir_err weir_cert_cache_find(struct weir_cert_cache *c, struct weir_span tenant,
                                                 struct weir_span sni, unsigned kinds,
                                                 struct weir_tls_identity **ret);

/**
 * A tenant's certificate by its ID, whatever its names and dates are: what weir itself shows.
 *
 * @param id   WEIR_CERT_ID_LEN bytes (contract)   @param ret  as of weir_cert_cache_find
 * @return as weir_cert_cache_find
 */
WEIR_MUST_USE enum weir_err weir_cert_cache_get(struct weir_cert_cache *c, struct weir_span tenant,
                                                struct weir_span id,
                                                struct weir_tls_identity **ret);

/**
 * A commit changed this certificate: its record is read again at its next use. A deleted one leaves
 * the cache at once; handshakes that hold a reference finish with it.
 * @param key           of the record
 * @param names_changed as weir_change.index_changed: every name is looked up in the store again
 */
void weir_cert_cache_changed(struct weir_cert_cache *c, struct weir_span key, bool names_changed);
/** The inbox overflowed: every record is read again at its next use. */
void weir_cert_cache_drop_all(struct weir_cert_cache *c);
/** Certificates in the cache. */
size_t weir_cert_cache_len(const struct weir_cert_cache *c);
/** Bytes that they take. */
size_t weir_cert_cache_bytes(const struct weir_cert_cache *c);

#endif
