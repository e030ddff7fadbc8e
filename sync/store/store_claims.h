/* SPDX-License-Identifier: Apache-2.0
 *
 * store_claims.h - all claims of a name, which names are claimed below a domain, and what a write
 * may search while it is built: owners, records and claims as its own transaction has them. Owner:
 * the thread of the reader, or the writer inside build. Allocates nothing.
 */
#ifndef WEIR_SYNC_STORE_STORE_CLAIMS_H
#define WEIR_SYNC_STORE_STORE_CLAIMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/limits.h"
#include "node/base/span.h"
#include "sync/store/store.h"

/** One claim of a name; return false to stop. */
typedef bool (*weir_claim_fn)(void *arg, struct weir_span owner, uint64_t since_hlc);
/**
 * All claims of a name, the winning one first. Inside begin/end; fn may read.
 *
 * @return WEIR_OK, also for none | WEIR_ECORRUPT (counted): damaged claims are left out
 */
WEIR_MUST_USE enum weir_err weir_store_index_claims(struct weir_store_reader *r,
                                                    enum weir_index index, struct weir_span key,
                                                    weir_claim_fn fn, void *arg);

/** A claim that was found, and the place of the search that found it. Zero at first. */
struct weir_claim_found {
    char name[WEIR_HOST_MAX + 3]; /* the host, or "*." and the domain; with its NUL */
    struct weir_span owner;       /* the record's key, inside row */
    uint8_t row[512];             /* private to the store */
    size_t row_len;
};
/**
 * The next claim of a host or wildcard below `domain`: "a.example" and "*.a.example" lie below
 * "example", and so does its wildcard "*.example"; "example" itself does not. Inside begin/end.
 *
 * Names of one length come together. A search costs one read for each length of names there is, and
 * each step one more, whatever the number of names elsewhere.
 *
 * @param domain  lower case, without a dot in front
 * @param at      in: where the search stands, out: what was found
 * @return WEIR_OK | WEIR_ENOTFOUND: no more | WEIR_ECORRUPT (counted) | WEIR_EIO: the rows could
 * not be made when the store was opened (log: store.index_incomplete)
 */
WEIR_MUST_USE enum weir_err weir_store_index_below(struct weir_store_reader *r,
                                                   struct weir_span domain,
                                                   struct weir_claim_found *at);
/**
 * The next claim of an index, in the order of its rows. Inside begin/end.
 * @param index  WEIR_INDEX_WILDCARD (contract); a name is given with its "*."
 * @return as weir_store_index_below
 */
WEIR_MUST_USE enum weir_err weir_store_index_next(struct weir_store_reader *r,
                                                  enum weir_index index,
                                                  struct weir_claim_found *at);

/*
 * What build may search, as its transaction has it: the writes of the same group that came before
 * are seen. Legal inside build only (contract). Spans borrow until build returns.
 */
/** As weir_store_get, but for the value alone. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT |
 * WEIR_EIO | WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_write_get(struct weir_write *w, enum weir_class class,
                                           struct weir_span key, struct weir_span *ret_value);
/** As weir_store_index_owner. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | WEIR_EIO |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_write_index_owner(struct weir_write *w, enum weir_index index,
                                                   struct weir_span key,
                                                   struct weir_span *ret_owner);
/** As weir_store_index_below. @return WEIR_OK | WEIR_ENOTFOUND | WEIR_ECORRUPT | WEIR_EIO |
 * WEIR_ENOMEM */
WEIR_MUST_USE enum weir_err weir_write_index_below(struct weir_write *w, struct weir_span domain,
                                                   struct weir_claim_found *at);

#endif
