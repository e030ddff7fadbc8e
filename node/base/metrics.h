/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters, gauges and histograms in Prometheus text form, with bounded cardinality.
 * Each worker owns a block of cells that it alone writes (relaxed); a scrape sums the blocks.
 * Names, help and labels are one static table (metrics.c); a _Static_assert ties it to the enum.
 */
#ifndef WEIR_NODE_BASE_METRICS_H
#define WEIR_NODE_BASE_METRICS_H

#include "node/base/strbuf.h"

#include <stdatomic.h>
#include <stdint.h>

enum weir_metric {
    WEIR_M_CONNECTIONS_ACCEPTED, /* counter */
    WEIR_M_CONNECTIONS_OPEN,     /* gauge */
    WEIR_M_CONNECTIONS_REFUSED,  /* counter: at the limit, out of descriptors or memory */
    WEIR_M_REQUESTS_1XX,         /* counter by response class: upstream 1xx passed on */
    WEIR_M_REQUESTS_2XX,
    WEIR_M_REQUESTS_3XX,
    WEIR_M_REQUESTS_4XX,
    WEIR_M_REQUESTS_5XX,
    WEIR_M_REQUESTS_CUT,       /* ended without a whole response */
    WEIR_M_REQUESTS_MALFORMED, /* refused by the parser */
    WEIR_M_REQUESTS_UNKNOWN_HOST,
    WEIR_M_REQUESTS_REDIRECTED,
    WEIR_M_REQUESTS_TOO_LARGE, /* head or body over its limit */
    WEIR_M_REQUESTS_TIMED_OUT, /* head, body, rate or idle limits */
    WEIR_M_REQUESTS_RETRIED,
    WEIR_M_UPSTREAM_CONNECTS,
    WEIR_M_UPSTREAM_CONNECT_ERRORS,
    WEIR_M_UPSTREAM_REUSED,    /* exchanges on a parked connection */
    WEIR_M_UPSTREAM_MALFORMED, /* responses refused by the parser */
    WEIR_M_UPSTREAM_TIMEOUTS,
    WEIR_M_UPSTREAM_CUT,         /* responses that ended before their end */
    WEIR_M_UPSTREAM_UNSOLICITED, /* bytes on an idle or finished connection */
    WEIR_M_UPSTREAM_NONE_LEFT,   /* no endpoint could be used: 502/503 */
    WEIR_M_UPSTREAM_OPEN,        /* gauge */
    WEIR_M_UPSTREAM_IDLE,        /* gauge */
    WEIR_M_DOWNSTREAM_BYTES_IN,
    WEIR_M_DOWNSTREAM_BYTES_OUT,
    WEIR_M_TENANT_COMPILES,
    WEIR_M_TENANT_COMPILE_ERRORS,
    WEIR_M_TENANT_EVICTIONS,
    WEIR_M_TENANTS_CACHED,     /* gauge */
    WEIR_M_ACCESS_LOG_DROPPED, /* records lost because the log could not be written fast enough */
    WEIR_M_INBOX_OVERFLOWS,
    WEIR_M_STORE_WRITES,
    WEIR_M_STORE_WRITE_ERRORS,
    WEIR_M_STORE_COMMITS,
    WEIR_M_STORE_CORRUPT_RECORDS,
    WEIR_M_ADMIN_REQUESTS,
    WEIR_M_ADMIN_ERRORS,
    WEIR_M_POOL_EXHAUSTED, /* a request or connection refused for memory */
    WEIR_M_COUNT
};

/** One writer's cells. Aligned so that two writers never share a cache line. */
struct weir_metrics {
    _Alignas(64) _Atomic uint64_t cells[WEIR_M_COUNT];
};

/** Only the owner of the block writes it: a plain add, visible to others without tearing. */
static inline void weir_metric_add(struct weir_metrics *m, enum weir_metric which, uint64_t n)
{
    uint64_t v = atomic_load_explicit(&m->cells[which], memory_order_relaxed);
    atomic_store_explicit(&m->cells[which], v + n, memory_order_relaxed);
}

/** The same downwards, for gauges. One block may go below zero; the sum over all does not. */
static inline void weir_metric_sub(struct weir_metrics *m, enum weir_metric which, uint64_t n)
{
    weir_metric_add(m, which, (uint64_t)0 - n);
}

/** Sum of one metric over `num` blocks. */
uint64_t weir_metrics_sum(const struct weir_metrics *const *blocks, size_t num,
                          enum weir_metric which);
/** Prometheus text exposition 0.0.4 of all metrics, summed over the blocks, with HELP and TYPE. */
void weir_metrics_write(const struct weir_metrics *const *blocks, size_t num,
                        struct weir_strbuf *out);

#endif
