/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_check.h - tenants/overlap.h over the claims of a node: may a tenant have a name that lies
 * below, or over, a name of another tenant? The more specific name gets the requests, so a new
 * claim can take them away from a tenant that had them. Equal names are no overlap but a conflict:
 * conflicts.h.
 * Owner: the thread of the view. A question costs some searches of an index, whatever the number of
 * tenants.   Limits: WEIR_OVERLAPS_MAX claims below one wildcard are read.
 */
#ifndef WEIR_NODE_CTL_OVERLAP_CHECK_H
#define WEIR_NODE_CTL_OVERLAP_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/arena.h"
#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "sync/store/store_claims.h"
#include "tenants/overlap.h"
#include "weir/v1/tenant.pb-c.h"

#define WEIR_OVERLAPS_MAX      64   /* of one name, and lines of one tenant */
#define WEIR_OVERLAP_STEPS_MAX 8192 /* claims that one step of a count reads: milliseconds */

/** Where claims are looked up: a snapshot, or the transaction that makes a change. */
struct weir_names_view {
    enum weir_err (*owner)(void *arg, enum weir_index index, struct weir_span key,
                           struct weir_span *ret_owner);
    enum weir_err (*below)(void *arg, struct weir_span domain, struct weir_claim_found *at);
    enum weir_err (*value)(void *arg, struct weir_span key, struct weir_span *ret_value);
    void *arg;
};
/** Inside begin/end of the reader. */
struct weir_names_view weir_names_of_reader(struct weir_store_reader *r);
/** Inside the build of the write. */
struct weir_names_view weir_names_of_write(struct weir_write *w);

/** Why a name was refused. */
struct weir_overlap_refusal {
    const char *name; /* as the tenant writes it; NULL: nothing was refused */
    struct weir_overlap overlap;
};

/**
 * Whether a name that is new to tenant t overlaps one of another tenant, and the owner of the wider
 * name does not list the other in its allow_overlap.
 *
 * @param name  as Claim.name; borrowed as long as *ret; an address overlaps nothing
 * @param ret   written with WEIR_EPERM only
 * @return WEIR_OK: it does not | WEIR_EPERM: it does | WEIR_EIO, WEIR_ENOMEM, WEIR_ECORRUPT: of the
 * lookup
 */
WEIR_MUST_USE enum weir_err weir_overlap_check_name(const struct weir_names_view *view,
                                                    const Weir__V1__Tenant *t, const char *name,
                                                    struct weir_overlap_refusal *ret);
/** A count of all overlaps that no owner of a wildcard allows, in steps. Zero at first. */
struct weir_overlap_count {
    struct weir_claim_found wildcard;      /* where the pass stands */
    uint64_t num_pass;                     /* found by the pass so far */
    uint64_t num;                          /* found by the last whole pass */
    bool whole;                            /* there was one */
    char name[WEIR_HOST_MAX + 3];          /* an example: a name of `tenant` ... */
    char tenant[WEIR_TENANT_NAME_MAX + 1]; /* ... below `wildcard_name` of `owner` */
    char wildcard_name[WEIR_HOST_MAX + 3];
    char owner[WEIR_TENANT_NAME_MAX + 1];
};
/**
 * Continue by at most WEIR_OVERLAP_STEPS_MAX claims; start again after the end. With fewer claims
 * than that the count is of this snapshot. Inside begin/end.
 * @return the number as far as is known
 */
uint64_t weir_overlap_count_step(struct weir_overlap_count *c, struct weir_store_reader *r);

/**
 * One sentence that names both tenants, both names and which tenant gets which requests.
 * @return in the arena; NULL: out of memory
 */
char *weir_overlap_text(const char *tenant, const char *name, const struct weir_overlap *o,
                        struct weir_arena *arena);

/**
 * One line for each overlap of a tenant's hosts, also of those that are allowed.
 *
 * @param ret_lines  in the arena, *ret_len of them, at most WEIR_OVERLAPS_MAX; the rest is left out
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_EIO | WEIR_ECORRUPT
 */
WEIR_MUST_USE enum weir_err weir_overlap_lines(const struct weir_names_view *view,
                                               const Weir__V1__Tenant *t, struct weir_arena *arena,
                                               char ***ret_lines, size_t *ret_len);

#endif
