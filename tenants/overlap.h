/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap.h - which names of other tenants a host claim overlaps: an exact name under a wildcard of
 * another tenant, and a wildcard over names of other tenants. The more specific name is served
 * first, so a claim inside a wildcard takes requests away from the wildcard's owner.
 * Pure: names are looked up through callbacks, or in a sorted set of claims (overlap_set.h).
 * Limits: a claim of n labels costs at most n lookups, and one step for each name below a wildcard.
 */
#ifndef WEIR_TENANTS_OVERLAP_H
#define WEIR_TENANTS_OVERLAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "weir/v1/tenant.pb-c.h"

/** A claimed host name, and the tenant that owns it. All spans are borrowed. */
struct weir_host_claim {
    struct weir_span host;  /* in normal form; of a wildcard what stands behind "*." */
    bool wildcard;          /* all names below `host`, not `host` itself */
    struct weir_span owner; /* name of the tenant */
};

/** Where the names of all tenants are looked up. */
struct weir_overlap_names {
    void *arg; /* handed to the callbacks */
    /**
     * The tenant that owns the wildcard of exactly this suffix.
     * @param ret_owner  borrowed until the next call of a callback
     * @return WEIR_OK | WEIR_ENOTFOUND | any error of the lookup, which ends the search
     */
    enum weir_err (*wildcard_owner)(void *arg, struct weir_span suffix,
                                    struct weir_span *ret_owner);
    /**
     * The next claim below a suffix (weir_overlap_is_below), exact or wildcard, in any order that
     * stays the same during one search.
     * @param after  the claim that the last call gave; NULL: begin
     * @param ret    borrowed until the call after the next one
     * @return WEIR_OK | WEIR_ENOTFOUND: no more | any error of the lookup, which ends the search
     */
    enum weir_err (*next_below)(void *arg, struct weir_span suffix,
                                const struct weir_host_claim *after, struct weir_host_claim *ret);
};

/** One overlap. Owns its texts. */
struct weir_overlap {
    bool other_is_wider; /* the other is a wildcard over the claim; else the claim is over it */
    bool other_wildcard;
    uint8_t other_len;
    uint8_t owner_len;
    uint8_t other[WEIR_HOST_MAX]; /* of a wildcard what stands behind "*." */
    uint8_t owner[WEIR_TENANT_NAME_MAX];
};

/** What a search found. */
struct weir_overlaps {
    struct weir_overlap *items; /* room for `max`, the caller's */
    size_t max;
    size_t len;   /* written to items: at most max */
    size_t total; /* found */
};

/** Whether a name lies below a suffix: "a.b.c" below "b.c" and "c", not below "a.b.c". */
bool weir_overlap_is_below(struct weir_span host, struct weir_span suffix);

/**
 * Read a host claim as a tenant writes it: "shop.example.com", "*.example.com", an address literal.
 *
 * @param buf  where the normal form is written; ret->host borrows from it
 * @param ret  owner is left empty
 * @return WEIR_OK | WEIR_EINVAL: not a name that a tenant can claim
 */
WEIR_MUST_USE enum weir_err weir_host_claim_parse(struct weir_span text, uint8_t buf[WEIR_HOST_MAX],
                                                  struct weir_host_claim *ret);

/**
 * Which names of other tenants a claim overlaps. Found are the nearest wildcard above the claim,
 * unless the claim's owner has that wildcard itself, and, when the claim is a wildcard, all names
 * below it. Claims of the same name are a conflict, not an overlap, and are not found here.
 *
 * @param names  contract: both callbacks are set
 * @param claim  contract: its host and owner are not empty; it may be among the names already
 * @param ret    items, max as the caller set them; len and total are written on success alone
 * @return WEIR_OK | the error of a callback
 */
WEIR_MUST_USE enum weir_err weir_overlap_find(const struct weir_overlap_names *names,
                                              const struct weir_host_claim *claim,
                                              struct weir_overlaps *ret);

/**
 * Whether the owner of the wider claim, a wildcard, lists the owner of the narrower one in its
 * allow_overlap. Then the overlap is wanted.
 */
bool weir_overlap_is_allowed(const Weir__V1__Tenant *wider, struct weir_span narrower_owner);

#endif
