/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.h - counters, gauges and histograms in Prometheus text form, with bounded cardinality.
 * Each worker owns a block of cells that it alone writes (relaxed); a scrape sums the blocks.
 * Names, help and labels are one static table (metrics.c); a _Static_assert ties it to the enum.
 */
#ifndef WEIR_NODE_BASE_METRICS_H
#define WEIR_NODE_BASE_METRICS_H

#include <stdatomic.h>
#include <stdint.h>

#include "node/base/strbuf.h"

enum weir_metric {
    WEIR_M_CONNECTIONS_ACCEPTED,     /* counter */
    WEIR_M_CONNECTIONS_OPEN,         /* gauge */
    WEIR_M_CONNECTIONS_REFUSED,      /* counter: at the limit, out of descriptors or memory */
    WEIR_M_CONNECTIONS_SHED,         /* counter: idle ones that made way for new ones */
    WEIR_M_CONNECTIONS_OVER_ADDRESS, /* counter: beyond clients.connections_per_address */
    WEIR_M_CONNECTIONS_UNCOUNTED,    /* counter: the table of addresses had no room */
    WEIR_M_TLS_HANDSHAKES,
    WEIR_M_TLS_RESUMED,
    WEIR_M_TLS_TIMED_OUT,
    /* In the order of enum weir_tls_fault. */
    WEIR_M_TLS_FAILED_PROTOCOL,
    WEIR_M_TLS_FAILED_HTTP,
    WEIR_M_TLS_FAILED_VERSION,
    WEIR_M_TLS_FAILED_CIPHER,
    WEIR_M_TLS_FAILED_UNKNOWN_NAME,
    WEIR_M_TLS_FAILED_NO_CERTIFICATE,
    WEIR_M_TLS_FAILED_REFUSED,
    WEIR_M_TLS_FAILED_VERIFY,
    WEIR_M_TLS_FAILED_ALERT,
    WEIR_M_TLS_FAILED_MEMORY,
    WEIR_M_TLS_FAILED_INTERNAL,
    WEIR_M_REQUESTS_1XX, /* counter by response class: upstream 1xx passed on */
    WEIR_M_REQUESTS_2XX,
    WEIR_M_REQUESTS_3XX,
    WEIR_M_REQUESTS_4XX,
    WEIR_M_REQUESTS_5XX,
    WEIR_M_REQUESTS_CUT,       /* ended without a whole response */
    WEIR_M_REQUESTS_MALFORMED, /* refused by the parser */
    WEIR_M_REQUESTS_UNKNOWN_HOST,
    WEIR_M_REQUESTS_MISDIRECTED,
    WEIR_M_REQUESTS_REDIRECTED,
    WEIR_M_REQUESTS_REFUSED,   /* by a rule of the tenant */
    WEIR_M_REQUESTS_TOO_LARGE, /* head or body over its limit */
    WEIR_M_REQUESTS_TIMED_OUT, /* head, body, rate or idle limits */
    WEIR_M_REQUESTS_RETRIED,
    WEIR_M_REQUESTS_LOOPED,              /* 508: CDN-Loop has this cluster's identity */
    WEIR_M_REQUESTS_FORWARDED_MALFORMED, /* Forwarded of a trusted proxy that cannot be read */
    WEIR_M_H2_CONNECTIONS,               /* that began to speak HTTP/2 */
    WEIR_M_H2_STREAMS_REFUSED,           /* beyond those that a connection may have */
    WEIR_M_H2_PUSHES,                    /* promised to a client */
    WEIR_M_H2_PUSHES_LEFT_OUT,           /* linked, but a limit was reached */
    WEIR_M_H2_PUSHES_CUT,                /* refused by the client, or without a 2xx response */
    WEIR_M_EARLY_HINTS,                  /* 103 of weir's own */
    WEIR_M_H2_FLOOD_RESETS, /* connections ended; in the order of enum weir_h2_flood_kind */
    WEIR_M_H2_FLOOD_PINGS,
    WEIR_M_H2_FLOOD_SETTINGS,
    WEIR_M_H2_FLOOD_PRIORITIES,
    WEIR_M_H2_FLOOD_WINDOWS,
    WEIR_M_H2_FLOOD_EMPTY,
    WEIR_M_H2_FLOOD_UNKNOWN,
    WEIR_M_H2_FLOOD_HEADERS,
    WEIR_M_H2_FLOOD_ACKS,
    WEIR_M_UPSTREAM_CONNECTS,
    WEIR_M_UPSTREAM_CONNECT_ERRORS,
    WEIR_M_UPSTREAM_TLS_HANDSHAKES,
    WEIR_M_UPSTREAM_TLS_RESUMED, /* of these */
    WEIR_M_UPSTREAM_TLS_FAILED,
    WEIR_M_UPSTREAM_REUSED,    /* exchanges on a parked connection */
    WEIR_M_UPSTREAM_MALFORMED, /* responses refused by the parser */
    WEIR_M_UPSTREAM_TIMEOUTS,
    WEIR_M_UPSTREAM_CUT,          /* responses that ended before their end */
    WEIR_M_UPSTREAM_UNSOLICITED,  /* bytes on an idle or finished connection */
    WEIR_M_UPSTREAM_UNUSED_ENDED, /* by the endpoint, before any request */
    WEIR_M_UPSTREAM_NONE_LEFT,    /* no endpoint could be used: 502/503 */
    WEIR_M_UPSTREAM_OPEN,         /* gauge */
    WEIR_M_UPSTREAM_IDLE,         /* gauge */
    WEIR_M_UPSTREAM_SHED,         /* parked ones that made way: no descriptor was left */
    WEIR_M_PIPE_BYTES,            /* gauge: capacity of the pipes for splice */
    WEIR_M_PIPES_NONE,            /* bodies copied because no pipe was to be had */
    WEIR_M_DOWNSTREAM_BYTES_IN,
    WEIR_M_DOWNSTREAM_BYTES_OUT,
    WEIR_M_TENANT_COMPILES,
    WEIR_M_TENANT_COMPILE_ERRORS,
    WEIR_M_TENANT_EVICTIONS,
    WEIR_M_TENANTS_CACHED, /* gauge */
    WEIR_M_CERT_LOADS,
    WEIR_M_CERT_LOAD_ERRORS, /* records of certificates that cannot be used */
    WEIR_M_CERT_EVICTIONS,
    WEIR_M_CERTS_CACHED,       /* gauge */
    WEIR_M_CERT_CACHE_BYTES,   /* gauge */
    WEIR_M_ACCESS_LOG_DROPPED, /* records lost because the log could not be written fast enough */
    WEIR_M_INBOX_OVERFLOWS,
    WEIR_M_STORE_WRITES,
    WEIR_M_STORE_WRITE_ERRORS,         /* faults only: disk, memory, damage */
    WEIR_M_STORE_REFUSED_PRECONDITION, /* the revision asked for is not the current one */
    WEIR_M_STORE_REFUSED_NOT_FOUND,
    WEIR_M_STORE_REFUSED_EXISTS,  /* it was to be new and is there already */
    WEIR_M_STORE_REFUSED_INVALID, /* the value does not hold */
    WEIR_M_STORE_REFUSED_OVERLAP, /* a name overlaps one of another tenant */
    WEIR_M_STORE_REFUSED_FULL,    /* no room, or a documented limit */
    WEIR_M_STORE_COMMITS,
    WEIR_M_STORE_CORRUPT_RECORDS,
    WEIR_M_ADMIN_REQUESTS,
    WEIR_M_ADMIN_ERRORS,
    WEIR_M_ADMIN_TOKENS_MISSING, /* by reason: requests over TCP without a good token */
    WEIR_M_ADMIN_TOKENS_UNKNOWN,
    WEIR_M_ADMIN_TOKENS_EXPIRED,
    WEIR_M_ADMIN_TOKENS_LIMITED, /* the address, or all together, had too many wrong ones */
    WEIR_M_ADMIN_HANDSHAKES_FAILED,
    WEIR_M_ADMIN_FORBIDDEN,     /* beyond what the socket or the token grants */
    WEIR_M_MEMORY_USED,         /* gauge: bytes held for clients and endpoints */
    WEIR_M_MEMORY_WAITS,        /* reads put off until memory is free */
    WEIR_M_MEMORY_NO_KEEPALIVE, /* times the rung was entered; weir_memory_rung, as the next three
                                 */
    WEIR_M_MEMORY_NO_ACCEPT,
    WEIR_M_MEMORY_REFUSE,
    WEIR_M_MEMORY_SHED,
    WEIR_M_MEMORY_REFUSED,    /* requests */
    WEIR_M_MEMORY_SHED_CONNS, /* connections */
    WEIR_M_POOL_EXHAUSTED,    /* a request or connection refused for memory */
    WEIR_M_RESOLVER_FOUND,    /* look-ups of names by their result */
    WEIR_M_RESOLVER_NONE,
    WEIR_M_RESOLVER_FAILED,
    WEIR_M_RESOLVER_HITS,    /* known already */
    WEIR_M_RESOLVER_JOINED,  /* the name was being looked up already */
    WEIR_M_RESOLVER_STALE,   /* old addresses were given out */
    WEIR_M_RESOLVER_REFUSED, /* a limit was reached, or there was no memory */
    WEIR_M_COUNT
};

enum weir_histogram {
    WEIR_H_REQUEST_QUEUE,      /* head complete until an endpoint is chosen */
    WEIR_H_REQUEST_CONNECT,    /* dial until connected; new connections only */
    WEIR_H_REQUEST_FIRST_BYTE, /* request sent until the first byte of the response */
    WEIR_H_REQUEST_TOTAL,      /* head complete until the response is sent */
    WEIR_H_STORE_COMMIT,       /* one transaction made durable */
    WEIR_H_COUNT
};

/* Upper bounds of the buckets in microseconds, 100 us to 30 s: metrics.c. The last has none. */
#define WEIR_HISTOGRAM_BUCKETS 18

/** One writer's part of a histogram. */
struct weir_histogram_cells {
    _Atomic uint64_t buckets[WEIR_HISTOGRAM_BUCKETS]; /* not cumulative */
    _Atomic uint64_t sum_us;
};

/** One writer's cells. Aligned so that two writers never share a cache line. */
struct weir_metrics {
    _Alignas(64) _Atomic uint64_t cells[WEIR_M_COUNT];
    struct weir_histogram_cells histograms[WEIR_H_COUNT];
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

extern const uint64_t weir_histogram_bounds_us[WEIR_HISTOGRAM_BUCKETS - 1];
/* For values of n bits: the first bound that is not below all of them. */
extern const uint8_t weir_histogram_first[65];

/** The bucket of a value: the first whose upper bound is not below it. */
static inline size_t weir_histogram_bucket(uint64_t us)
{
    unsigned bits = us == 0 ? 0 : 64 - (unsigned)__builtin_clzll(us);
    size_t i = weir_histogram_first[bits];
    /* Bounds are a factor of two or more apart: no two of them have the same number of bits. */
    return i + (i < WEIR_HISTOGRAM_BUCKETS - 1 && us > weir_histogram_bounds_us[i]);
}

/** Count one value, in microseconds. Only the owner of the block calls it. */
static inline void weir_histogram_observe(struct weir_metrics *m, enum weir_histogram which,
                                          uint64_t us)
{
    struct weir_histogram_cells *h = &m->histograms[which];
    _Atomic uint64_t *bucket = &h->buckets[weir_histogram_bucket(us)];

    atomic_store_explicit(bucket, atomic_load_explicit(bucket, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&h->sum_us, atomic_load_explicit(&h->sum_us, memory_order_relaxed) + us,
                          memory_order_relaxed);
}

/** Sum of one metric over `num` blocks. */
uint64_t weir_metrics_sum(const struct weir_metrics *const *blocks, size_t num,
                          enum weir_metric which);
/** Prometheus text exposition 0.0.4 of all metrics, summed over the blocks, with HELP and TYPE. */
void weir_metrics_write(const struct weir_metrics *const *blocks, size_t num,
                        struct weir_strbuf *out);

#endif
