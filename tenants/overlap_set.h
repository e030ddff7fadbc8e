/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_set.h - the host claims of many tenants in one sorted array, for overlap.h: those of the
 * documents of one run, or of all tenants of a store. Sorted by the bytes of the name from its end,
 * so that the names below a suffix stand together.
 * Owner: one thread.   Limits: WEIR_OVERLAP_SET_MAX claims; the array alone is allocated.
 */
#ifndef WEIR_TENANTS_OVERLAP_SET_H
#define WEIR_TENANTS_OVERLAP_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "tenants/overlap.h"

#define WEIR_OVERLAP_SET_MAX (64u << 20) /* claims: 65,536 tenants of 1,024 hosts each */

/** A claim of the set. Its texts are borrowed as long as the set lives. */
struct weir_overlap_entry {
    struct weir_host_claim claim;
    size_t tag; /* the caller's: where the claim stands */
};

/** The zero state is an empty set. */
struct weir_overlap_set {
    struct weir_overlap_entry *items; /* owns */
    size_t len;
    size_t max;
    bool sorted;
};
#define WEIR_OVERLAP_SET_ZERO ((struct weir_overlap_set){ .items = NULL })

/** Free the array. The zero state is legal, and is what it leaves. */
void weir_overlap_set_deinit(struct weir_overlap_set *s);
/**
 * Add a claim. Its texts are borrowed until weir_overlap_set_deinit.
 * @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT (WEIR_OVERLAP_SET_MAX): the set is as before
 */
WEIR_MUST_USE enum weir_err weir_overlap_set_add(struct weir_overlap_set *s,
                                                 const struct weir_host_claim *claim, size_t tag);
/** Sort: by name from its end, exact before wildcard; equal claims by tag. Before any lookup. */
void weir_overlap_set_sort(struct weir_overlap_set *s);
/**
 * The first entry of exactly this name, NULL when there is none; those of the same name follow it.
 * Contract: the set is sorted.
 */
const struct weir_overlap_entry *weir_overlap_set_find(const struct weir_overlap_set *s,
                                                       struct weir_span host, bool wildcard);
/** Whether two entries claim the same name. */
bool weir_overlap_entry_is_same(const struct weir_overlap_entry *a,
                                const struct weir_overlap_entry *b);
/** The set in the form that weir_overlap_find searches. Borrows it. Contract: the set is sorted. */
struct weir_overlap_names weir_overlap_set_names(const struct weir_overlap_set *s);

#endif
