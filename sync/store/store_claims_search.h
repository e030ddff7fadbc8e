/* SPDX-License-Identifier: Apache-2.0
 *
 * store_claims_search.h - private to the store: the search for claims over whatever holds the
 * rows. Owner: as store_claims.h.
 */
#ifndef WEIR_SYNC_STORE_STORE_CLAIMS_SEARCH_H
#define WEIR_SYNC_STORE_STORE_CLAIMS_SEARCH_H

#include "sync/store/store_claims.h"
#include "sync/store/store_lmdb.h"

/** Rows of idx in key order, from whatever holds them. */
struct store_claims {
    struct weir_store *s;
    /** The first row behind `from`. @return WEIR_OK | WEIR_ENOTFOUND | any other: ends the search
     */
    enum weir_err (*seek)(void *arg, struct weir_span from, struct weir_span *ret_key,
                          struct weir_span *ret_row);
    void *arg;
};
/** See weir_store_index_next. */
WEIR_MUST_USE enum weir_err weir_store_claims_next(const struct store_claims *c,
                                                   enum weir_index index,
                                                   struct weir_claim_found *at);
/** See weir_store_index_below. */
WEIR_MUST_USE enum weir_err weir_store_claims_below(const struct store_claims *c,
                                                    struct weir_span domain,
                                                    struct weir_claim_found *at);

#endif
