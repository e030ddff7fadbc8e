/* SPDX-License-Identifier: Apache-2.0
 *
 * counters.h - counters by tenant and by endpoint, with a bound on the number of label sets: each
 * worker has a table of WEIR_COUNTER_ROWS_MAX rows; what finds no row is counted in the row of the
 * rest, whose labels are empty. A row that is unused for WEIR_COUNTER_UNUSED_MS makes room for
 * others; its counts go to the rest, so that sums over all rows never go back.
 * Owner: one worker writes a table (relaxed atomics); any thread may read it for a scrape.
 */
#ifndef WEIR_NODE_EXCHANGE_COUNTERS_H
#define WEIR_NODE_EXCHANGE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/hashmap.h"
#include "node/base/span.h"
#include "node/base/strbuf.h"
#include "node/flow/failure_marks.h"

#define WEIR_COUNTER_ROWS_MAX  1000   /* label sets of a table, and of a scrape */
#define WEIR_COUNTER_CELLS     8      /* counters of a row */
#define WEIR_COUNTER_UNUSED_MS 600000 /* a row is given to others after this time without use */

enum weir_tenant_counter {
    WEIR_TENANT_CUT, /* ended without a whole response */
    WEIR_TENANT_2XX,
    WEIR_TENANT_3XX,
    WEIR_TENANT_4XX,
    WEIR_TENANT_5XX,
    WEIR_TENANT_OPEN,      /* gauge: requests in progress */
    WEIR_TENANT_BYTES_IN,  /* of request bodies */
    WEIR_TENANT_BYTES_OUT, /* of response bodies */
};

enum weir_endpoint_counter {
    WEIR_ENDPOINT_REQUESTS, /* attempts: a retry counts again */
    WEIR_ENDPOINT_FAILURES, /* attempts that set or could set a failure mark */
};

/** Worker only but for `version` and the cells. */
struct weir_counter_row {
    _Atomic uint32_t version; /* 0: never used; odd: the labels are being replaced */
    uint32_t pins;            /* exchanges that hold the row: it stays */
    uint64_t key;
    uint64_t used_ms;
    _Atomic uint64_t mark_key; /* endpoints: weir_endpoint.key */
    _Atomic uint64_t cells[WEIR_COUNTER_CELLS];
};

/** Where a label set was found last; zero at first. Valid for one table. */
struct weir_counter_hint {
    uint32_t row;
    uint32_t version;
};

struct weir_label {
    const char *name;
    struct weir_span value; /* quotes, backslashes and bytes outside 0x20..0x7e become '_' */
};

struct weir_labels {
    const struct weir_label *at;
    size_t num; /* at least 1 */
};

struct weir_counters;

/**
 * An empty table.
 * @param labels_max bytes of a label set as text, a multiple of 8; longer ones go to the rest
 * @param seed       random: the keys come from outside
 * @return NULL: out of memory
 */
WEIR_MUST_USE struct weir_counters *weir_counters_new(size_t labels_max, uint64_t seed);
/** Sets *c NULL; NULL is legal. No row may be pinned (contract). */
void weir_counters_free(struct weir_counters **c);

/** Worker: the row that the hint names, if it still belongs to the same label set; else NULL. */
struct weir_counter_row *weir_counters_hinted(struct weir_counters *c,
                                              const struct weir_counter_hint *hint,
                                              uint64_t now_ms);
/**
 * Worker: the row of a label set, made on first use. Ask weir_counters_hinted first.
 * @param ret_hint where the row is, for weir_counters_hinted
 * @param key      equal for equal labels only, and not to be guessed by tenants
 * @return never NULL; the row of the rest when there is no room. Valid until the next call unless
 * pinned.
 */
struct weir_counter_row *weir_counters_row(struct weir_counters *c, uint64_t key,
                                           struct weir_labels labels, uint64_t now_ms,
                                           struct weir_counter_hint *ret_hint);

/** Worker: the row stays until it is unpinned as often. */
static inline void weir_counter_pin(struct weir_counter_row *r)
{
    r->pins++;
}

static inline void weir_counter_unpin(struct weir_counter_row *r)
{
    WEIR_ASSERT(r->pins > 0);
    r->pins--;
}

/** Worker: add; modulo 2^64, so that a gauge goes down by adding -1. */
static inline void weir_counter_add(struct weir_counter_row *r, unsigned cell, uint64_t n)
{
    WEIR_DCHECK(cell < WEIR_COUNTER_CELLS);
    uint64_t v = atomic_load_explicit(&r->cells[cell], memory_order_relaxed);
    atomic_store_explicit(&r->cells[cell], v + n, memory_order_relaxed);
}

/**
 * Any thread: the tables of all workers, summed by label set, as Prometheus text 0.0.4. At most
 * WEIR_COUNTER_ROWS_MAX label sets are shown; the others are added to the rest.
 * @return WEIR_OK | WEIR_ENOMEM
 */
WEIR_MUST_USE enum weir_err weir_counters_write_tenants(struct weir_counters *const *tables,
                                                        size_t num, struct weir_strbuf *out);
/** The same for endpoints, with the state of each by its failure mark at now_ms. */
WEIR_MUST_USE enum weir_err weir_counters_write_endpoints(struct weir_counters *const *tables,
                                                          size_t num,
                                                          const struct weir_failure_marks *marks,
                                                          uint64_t now_ms, struct weir_strbuf *out);

#endif
