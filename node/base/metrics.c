/* SPDX-License-Identifier: Apache-2.0
 *
 * metrics.c - the table of all metrics and the text of a scrape. Rows that share a name are one
 * family with one label each and stand next to each other, so that HELP and TYPE are written once.
 * Ref: Prometheus text exposition format 0.0.4.
 */
#include "node/base/metrics.h"

#include <inttypes.h>
#include <string.h>

enum kind { COUNTER, GAUGE };

struct row {
    const char *name;
    const char *label; /* with its braces, or "" */
    const char *help;  /* taken from the first row of a family */
    enum kind kind;
};

/* clang-format off */
static const struct row rows[] = {
    [WEIR_M_CONNECTIONS_ACCEPTED] = { "weir_connections_accepted_total", "",
        "Client connections accepted.", COUNTER },
    [WEIR_M_CONNECTIONS_OPEN] = { "weir_connections_open", "",
        "Client connections open now.", GAUGE },
    [WEIR_M_CONNECTIONS_REFUSED] = { "weir_connections_refused_total", "",
        "Client connections refused at the limit, or for lack of descriptors or memory.", COUNTER },
    [WEIR_M_CONNECTIONS_SHED] = { "weir_connections_shed_total", "",
        "Idle client connections closed to make room: at limits.connections, or out of descriptors.", COUNTER },
    [WEIR_M_CONNECTIONS_OVER_ADDRESS] = { "weir_connections_over_address_limit_total", "",
        "Client connections closed unread: their address had clients.connections_per_address already.", COUNTER },
    [WEIR_M_CONNECTIONS_UNCOUNTED] = { "weir_connections_uncounted_total", "",
        "Client connections let in without a count of their address, for lack of room in its table.", COUNTER },
    [WEIR_M_TLS_HANDSHAKES] = { "weir_tls_handshakes_total", "{kind=\"full\"}",
        "TLS handshakes of clients that were completed, full or with a resumed session.", COUNTER },
    [WEIR_M_TLS_RESUMED] = { "weir_tls_handshakes_total", "{kind=\"resumed\"}", "", COUNTER },
    [WEIR_M_TLS_TIMED_OUT] = { "weir_tls_handshakes_timed_out_total", "",
        "TLS handshakes of clients that had begun and took longer than clients.handshake_timeout.", COUNTER },
    [WEIR_M_TLS_FAILED_PROTOCOL] = { "weir_tls_handshakes_failed_total", "{reason=\"protocol\"}",
        "TLS handshakes of clients that failed, by reason.", COUNTER },
    [WEIR_M_TLS_FAILED_HTTP] = { "weir_tls_handshakes_failed_total", "{reason=\"http_in_clear\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_VERSION] = { "weir_tls_handshakes_failed_total", "{reason=\"no_shared_version\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_CIPHER] = { "weir_tls_handshakes_failed_total", "{reason=\"no_shared_cipher\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_UNKNOWN_NAME] = { "weir_tls_handshakes_failed_total", "{reason=\"unknown_name\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_NO_CERTIFICATE] = { "weir_tls_handshakes_failed_total", "{reason=\"no_certificate\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_REFUSED] = { "weir_tls_handshakes_failed_total", "{reason=\"refused\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_VERIFY] = { "weir_tls_handshakes_failed_total", "{reason=\"peer_not_trusted\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_ALERT] = { "weir_tls_handshakes_failed_total", "{reason=\"alert_of_peer\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_MEMORY] = { "weir_tls_handshakes_failed_total", "{reason=\"no_memory\"}",
        "", COUNTER },
    [WEIR_M_TLS_FAILED_INTERNAL] = { "weir_tls_handshakes_failed_total", "{reason=\"internal\"}",
        "", COUNTER },
    [WEIR_M_REQUESTS_1XX] = { "weir_requests_total", "{class=\"1xx\"}",
        "Responses sent to clients by class of status; 1xx are interim responses passed on.", COUNTER },
    [WEIR_M_REQUESTS_2XX] = { "weir_requests_total", "{class=\"2xx\"}", "", COUNTER },
    [WEIR_M_REQUESTS_3XX] = { "weir_requests_total", "{class=\"3xx\"}", "", COUNTER },
    [WEIR_M_REQUESTS_4XX] = { "weir_requests_total", "{class=\"4xx\"}", "", COUNTER },
    [WEIR_M_REQUESTS_5XX] = { "weir_requests_total", "{class=\"5xx\"}", "", COUNTER },
    [WEIR_M_REQUESTS_CUT] = { "weir_requests_cut_total", "",
        "Requests that ended without a whole response.", COUNTER },
    [WEIR_M_REQUESTS_MALFORMED] = { "weir_requests_malformed_total", "",
        "Requests refused by the parser.", COUNTER },
    [WEIR_M_REQUESTS_UNKNOWN_HOST] = { "weir_requests_unknown_host_total", "",
        "Requests for a host that no tenant has.", COUNTER },
    [WEIR_M_REQUESTS_MISDIRECTED] = { "weir_requests_misdirected_total", "",
        "Requests over TLS for a host that is not of the tenant that the handshake was for: 421.", COUNTER },
    [WEIR_M_REQUESTS_REDIRECTED] = { "weir_requests_redirected_total", "",
        "Requests that got a redirect of the tenant.", COUNTER },
    [WEIR_M_REQUESTS_REFUSED] = { "weir_requests_refused_total", "",
        "Requests refused by a rule of the tenant: underscores, TRACE.", COUNTER },
    [WEIR_M_REQUESTS_TOO_LARGE] = { "weir_requests_too_large_total", "",
        "Requests whose head or body passed its limit.", COUNTER },
    [WEIR_M_REQUESTS_TIMED_OUT] = { "weir_requests_timed_out_total", "",
        "Requests ended by the limit on head, body, rate or idle time.", COUNTER },
    [WEIR_M_REQUESTS_RETRIED] = { "weir_requests_retried_total", "",
        "Requests sent again to another endpoint.", COUNTER },
    [WEIR_M_REQUESTS_LOOPED] = { "weir_requests_looped_total", "",
        "Requests refused because this cluster had forwarded them already.", COUNTER },
    [WEIR_M_REQUESTS_FORWARDED_MALFORMED] = { "weir_requests_forwarded_malformed_total", "",
        "Requests of trusted proxies whose Forwarded field was not believed for a fault in it.", COUNTER },
    [WEIR_M_H2_CONNECTIONS] = { "weir_h2_connections_total", "",
        "Client connections that began to speak HTTP/2.", COUNTER },
    [WEIR_M_H2_STREAMS_REFUSED] = { "weir_h2_streams_refused_total", "",
        "HTTP/2 requests refused: their connection had as many as it may have, those counted that were reset lately.", COUNTER },
    [WEIR_M_H2_PUSHES] = { "weir_h2_pushes_total", "",
        "Responses promised to clients because another response linked them with rel=preload.", COUNTER },
    [WEIR_M_H2_PUSHES_LEFT_OUT] = { "weir_h2_pushes_left_out_total", "",
        "Responses whose links were not, or not all, pushed: too many pushes were open, or the client stopped taking them.", COUNTER },
    [WEIR_M_H2_PUSHES_CUT] = { "weir_h2_pushes_cut_total", "",
        "Pushes that did not reach their end: the client refused them, or there was no successful response.", COUNTER },
    [WEIR_M_EARLY_HINTS] = { "weir_early_hints_total", "",
        "Responses 103 (Early Hints) sent from what earlier responses of a path linked.", COUNTER },
    [WEIR_M_H2_FLOOD_RESETS] = { "weir_h2_floods_total", "{kind=\"resets\"}",
        "HTTP/2 connections ended because too many frames of one kind came, or headers without end.", COUNTER },
    [WEIR_M_H2_FLOOD_PINGS] = { "weir_h2_floods_total", "{kind=\"pings\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_SETTINGS] = { "weir_h2_floods_total", "{kind=\"settings\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_PRIORITIES] = { "weir_h2_floods_total", "{kind=\"priorities\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_WINDOWS] = { "weir_h2_floods_total", "{kind=\"windows\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_EMPTY] = { "weir_h2_floods_total", "{kind=\"empty\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_UNKNOWN] = { "weir_h2_floods_total", "{kind=\"unknown\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_HEADERS] = { "weir_h2_floods_total", "{kind=\"headers\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_ACKS] = { "weir_h2_floods_total", "{kind=\"acks\"}", "", COUNTER },
    [WEIR_M_H2_FLOOD_REFUSED] = { "weir_h2_floods_total", "{kind=\"refused\"}", "", COUNTER },
    [WEIR_M_UPSTREAM_CONNECTS] = { "weir_upstream_connects_total", "",
        "Connections to endpoints started.", COUNTER },
    [WEIR_M_UPSTREAM_CONNECT_ERRORS] = { "weir_upstream_connect_errors_total", "",
        "Connections to endpoints that failed before they were established.", COUNTER },
    [WEIR_M_UPSTREAM_TLS_HANDSHAKES] = { "weir_upstream_tls_handshakes_total", "",
        "TLS handshakes with endpoints that were done, resumed ones included.", COUNTER },
    [WEIR_M_UPSTREAM_TLS_RESUMED] = { "weir_upstream_tls_resumed_total", "",
        "TLS handshakes with endpoints that resumed a session.", COUNTER },
    [WEIR_M_UPSTREAM_TLS_FAILED] = { "weir_upstream_tls_failed_total", "",
        "TLS handshakes with endpoints that failed; each is a failed connect.", COUNTER },
    [WEIR_M_UPSTREAM_REUSED] = { "weir_upstream_reused_total", "",
        "Exchanges on a parked connection to an endpoint.", COUNTER },
    [WEIR_M_UPSTREAM_MALFORMED] = { "weir_upstream_malformed_total", "",
        "Responses of endpoints refused by the parser.", COUNTER },
    [WEIR_M_UPSTREAM_TIMEOUTS] = { "weir_upstream_timeouts_total", "",
        "Responses of endpoints that did not come in time.", COUNTER },
    [WEIR_M_UPSTREAM_CUT] = { "weir_upstream_cut_total", "",
        "Responses of endpoints that ended early.", COUNTER },
    [WEIR_M_UPSTREAM_UNSOLICITED] = { "weir_upstream_unsolicited_total", "",
        "Connections on which an endpoint sent bytes without a request.", COUNTER },
    [WEIR_M_UPSTREAM_UNUSED_ENDED] = { "weir_upstream_unused_ended_total", "",
        "Connections made ahead of demand that an endpoint ended before any request.", COUNTER },
    [WEIR_M_UPSTREAM_NONE_LEFT] = { "weir_upstream_none_left_total", "",
        "Requests for which no endpoint could be used.", COUNTER },
    [WEIR_M_UPSTREAM_OPEN] = { "weir_upstream_open", "",
        "Connections to endpoints open now.", GAUGE },
    [WEIR_M_UPSTREAM_IDLE] = { "weir_upstream_idle", "",
        "Connections to endpoints parked for reuse now.", GAUGE },
    [WEIR_M_UPSTREAM_SHED] = { "weir_upstream_shed_total", "",
        "Parked connections to endpoints closed because the node was out of descriptors.", COUNTER },
    [WEIR_M_PIPE_BYTES] = { "weir_pipe_bytes", "",
        "Capacity of the pipes through which large bodies are moved.", GAUGE },
    [WEIR_M_PIPES_NONE] = { "weir_pipes_none_total", "",
        "Times a large body was copied because no pipe was to be had: fs.pipe-user-pages-soft, limits.memory.", COUNTER },
    [WEIR_M_DOWNSTREAM_BYTES_IN] = { "weir_downstream_received_bytes_total", "",
        "Bytes received from clients.", COUNTER },
    [WEIR_M_DOWNSTREAM_BYTES_OUT] = { "weir_downstream_sent_bytes_total", "",
        "Bytes sent to clients.", COUNTER },
    [WEIR_M_TENANT_COMPILES] = { "weir_tenant_compiles_total", "",
        "Tenants compiled by a worker on first use or after a change.", COUNTER },
    [WEIR_M_TENANT_COMPILE_ERRORS] = { "weir_tenant_compile_errors_total", "",
        "Tenants that could not be compiled.", COUNTER },
    [WEIR_M_TENANT_EVICTIONS] = { "weir_tenant_evictions_total", "",
        "Compiled tenants dropped to make room for others.", COUNTER },
    [WEIR_M_TENANTS_CACHED] = { "weir_tenants_cached", "",
        "Compiled tenants held by the workers now.", GAUGE },
    [WEIR_M_CERT_LOADS] = { "weir_cert_loads_total", "",
        "Certificates read from the store by a worker on first use or after a change.", COUNTER },
    [WEIR_M_CERT_LOAD_ERRORS] = { "weir_cert_load_errors_total", "",
        "Stored certificates that cannot be used: damaged, or sealed under another secret.", COUNTER },
    [WEIR_M_CERT_EVICTIONS] = { "weir_cert_evictions_total", "",
        "Certificates dropped by a worker to make room for others.", COUNTER },
    [WEIR_M_CERTS_CACHED] = { "weir_certs_cached", "",
        "Certificates held by the workers now.", GAUGE },
    [WEIR_M_CERT_CACHE_BYTES] = { "weir_cert_cache_bytes", "",
        "Memory of the certificates that the workers hold.", GAUGE },
    [WEIR_M_ACCESS_LOG_DROPPED] = { "weir_access_log_dropped_total", "",
        "Access records lost because the log could not be written fast enough.", COUNTER },
    [WEIR_M_INBOX_OVERFLOWS] = { "weir_inbox_overflows_total", "",
        "Times a worker's inbox was full, so that the worker drops its caches.", COUNTER },
    [WEIR_M_STORE_WRITES] = { "weir_store_writes_total", "",
        "Records written to the store.", COUNTER },
    [WEIR_M_STORE_WRITE_ERRORS] = { "weir_store_write_errors_total", "",
        "Writes to the store that failed: disk (also a full one), memory or damaged data.", COUNTER },
    [WEIR_M_STORE_REFUSED_PRECONDITION] = { "weir_store_writes_refused_total",
        "{reason=\"precondition\"}", "Writes that the store refused, by reason.", COUNTER },
    [WEIR_M_STORE_REFUSED_NOT_FOUND] = { "weir_store_writes_refused_total",
        "{reason=\"not_found\"}", "", COUNTER },
    [WEIR_M_STORE_REFUSED_EXISTS] = { "weir_store_writes_refused_total",
        "{reason=\"exists\"}", "", COUNTER },
    [WEIR_M_STORE_REFUSED_INVALID] = { "weir_store_writes_refused_total",
        "{reason=\"invalid\"}", "", COUNTER },
    [WEIR_M_STORE_REFUSED_OVERLAP] = { "weir_store_writes_refused_total",
        "{reason=\"overlap\"}", "", COUNTER },
    [WEIR_M_STORE_REFUSED_FULL] = { "weir_store_writes_refused_total",
        "{reason=\"full\"}", "", COUNTER },
    [WEIR_M_STORE_COMMITS] = { "weir_store_commits_total", "",
        "Transactions committed to the store.", COUNTER },
    [WEIR_M_STORE_CORRUPT_RECORDS] = { "weir_store_corrupt_records_total", "",
        "Records read from the store whose checksum was wrong.", COUNTER },
    [WEIR_M_ADMIN_REQUESTS] = { "weir_admin_requests_total", "",
        "Requests to the admin API.", COUNTER },
    [WEIR_M_ADMIN_ERRORS] = { "weir_admin_errors_total", "",
        "Requests to the admin API that ended with an error.", COUNTER },
    [WEIR_M_ADMIN_TOKENS_MISSING] = { "weir_admin_tokens_refused_total", "{reason=\"missing\"}",
        "Requests over TCP without a good token, by reason.", COUNTER },
    [WEIR_M_ADMIN_TOKENS_UNKNOWN] = { "weir_admin_tokens_refused_total", "{reason=\"unknown\"}",
        "", COUNTER },
    [WEIR_M_ADMIN_TOKENS_EXPIRED] = { "weir_admin_tokens_refused_total", "{reason=\"expired\"}",
        "", COUNTER },
    [WEIR_M_ADMIN_TOKENS_LIMITED] = { "weir_admin_tokens_refused_total", "{reason=\"limited\"}",
        "", COUNTER },
    [WEIR_M_ADMIN_HANDSHAKES_FAILED] = { "weir_admin_handshakes_failed_total", "",
        "TLS handshakes of clients of the admin API that failed or took too long.", COUNTER },
    [WEIR_M_ADMIN_FORBIDDEN] = { "weir_admin_forbidden_total", "",
        "Requests beyond what their socket or their token grants.", COUNTER },
    [WEIR_M_MEMORY_USED] = { "weir_memory_used_bytes", "",
        "Bytes held for clients and endpoints that do not take them yet.", GAUGE },
    [WEIR_M_MEMORY_WAITS] = { "weir_memory_waits_total", "",
        "Reads put off until memory is free.", COUNTER },
    [WEIR_M_MEMORY_NO_KEEPALIVE] = { "weir_memory_rungs_total", "{rung=\"no_keep_alive\"}",
        "Times memory became so short that a worker closes connections after their response, accepts "
        "no more, refuses requests of tenants above their share, cuts the slowest of the heaviest.", COUNTER },
    [WEIR_M_MEMORY_NO_ACCEPT] = { "weir_memory_rungs_total", "{rung=\"no_accept\"}", "", COUNTER },
    [WEIR_M_MEMORY_REFUSE] = { "weir_memory_rungs_total", "{rung=\"refuse\"}", "", COUNTER },
    [WEIR_M_MEMORY_SHED] = { "weir_memory_rungs_total", "{rung=\"shed\"}", "", COUNTER },
    [WEIR_M_MEMORY_REFUSED] = { "weir_memory_refused_requests_total", "",
        "Requests of tenants above their share that got a 503 because memory is short.", COUNTER },
    [WEIR_M_MEMORY_SHED_CONNS] = { "weir_memory_shed_connections_total", "",
        "Slow connections of the tenant with most memory that were cut because memory is short.", COUNTER },
    [WEIR_M_POOL_EXHAUSTED] = { "weir_pool_exhausted_total", "",
        "Requests or connections refused for lack of memory.", COUNTER },
    [WEIR_M_RESOLVER_FOUND] = { "weir_resolver_lookups_total", "{result=\"found\"}",
        "Look-ups of endpoints' names by result: found, none (no such name, or no address), failed.", COUNTER },
    [WEIR_M_RESOLVER_NONE] = { "weir_resolver_lookups_total", "{result=\"none\"}", "", COUNTER },
    [WEIR_M_RESOLVER_FAILED] = { "weir_resolver_lookups_total", "{result=\"failed\"}", "", COUNTER },
    [WEIR_M_RESOLVER_HITS] = { "weir_resolver_cache_hits_total", "",
        "Questions for a name's addresses that needed no look-up.", COUNTER },
    [WEIR_M_RESOLVER_JOINED] = { "weir_resolver_joined_total", "",
        "Questions that joined a look-up of the same name.", COUNTER },
    [WEIR_M_RESOLVER_STALE] = { "weir_resolver_stale_total", "",
        "Times that a name's last good addresses stood in for a look-up that failed or took long.", COUNTER },
    [WEIR_M_RESOLVER_REFUSED] = { "weir_resolver_refused_total", "",
        "Look-ups refused because too many wait, or for lack of memory.", COUNTER },
};
/* clang-format on */
_Static_assert(WEIR_ARRAY_LEN(rows) == WEIR_M_COUNT,
               "one row for each metric, in the table's order");

struct histogram_row {
    const char *name;
    const char *label; /* without braces, or "" */
    const char *help;  /* taken from the first row of a family */
};

/* clang-format off */
static const struct histogram_row histogram_rows[] = {
    [WEIR_H_REQUEST_QUEUE] = { "weir_request_phase_seconds", "phase=\"queue\"",
        "Time of forwarded requests by phase: queue (until an endpoint is chosen), connect, first_byte "
        "(request sent until the response begins), total. Resolution: a turn of a worker's loop, "
        "mostly below 1 ms; exact while access records are written." },
    [WEIR_H_REQUEST_CONNECT] = { "weir_request_phase_seconds", "phase=\"connect\"", "" },
    [WEIR_H_REQUEST_FIRST_BYTE] = { "weir_request_phase_seconds", "phase=\"first_byte\"", "" },
    [WEIR_H_REQUEST_TOTAL] = { "weir_request_phase_seconds", "phase=\"total\"", "" },
    [WEIR_H_STORE_COMMIT] = { "weir_store_commit_seconds", "",
        "Time of one transaction of the store until it is durable." },
};
/* clang-format on */
_Static_assert(WEIR_ARRAY_LEN(histogram_rows) == WEIR_H_COUNT,
               "one row for each histogram, in the enum's order");

const uint64_t weir_histogram_bounds_us[] = { 100,     250,     500,     1000,     2500,    5000,
                                              10000,   25000,   50000,   100000,   250000,  500000,
                                              1000000, 2500000, 5000000, 10000000, 30000000 };
static const char *const bound_texts[] = { "0.0001", "0.00025", "0.0005", "0.001", "0.0025",
                                           "0.005",  "0.01",    "0.025",  "0.05",  "0.1",
                                           "0.25",   "0.5",     "1",      "2.5",   "5",
                                           "10",     "30" };
_Static_assert(WEIR_ARRAY_LEN(bound_texts) == WEIR_HISTOGRAM_BUCKETS - 1, "a text for each bound");

/* clang-format off */
const uint8_t weir_histogram_first[65] = {
    /* bits 0 to 7: below 128 */ 0, 0, 0, 0, 0, 0, 0, 0,
    /* 8: 128 to 255, and so on */ 1, 2, 3, 4, 4, 5, 6, 7,
    /* 16: 32768 to 65535 */ 8, 9, 10, 11, 12, 13, 13, 14,
    /* 24: 8388608 to 16777215 */ 15, 16, 17, 17, 17, 17, 17, 17,
    /* 32 */ 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
    /* 48 */ 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17, 17,
};
/* clang-format on */

uint64_t weir_metrics_sum(const struct weir_metrics *const *blocks, size_t num,
                          enum weir_metric which)
{
    uint64_t sum = 0;

    /* Modulo 2^64: what one worker counted down and another counted up comes out right. */
    for (size_t i = 0; i < num; i++)
        sum += atomic_load_explicit(&blocks[i]->cells[which], memory_order_relaxed);
    return sum;
}

/* The sum of one histogram over the blocks, not cumulative. */
struct histogram_sum {
    uint64_t buckets[WEIR_HISTOGRAM_BUCKETS];
    uint64_t sum_us;
};

static void sum_histogram(const struct weir_metrics *const *blocks, size_t num,
                          enum weir_histogram which, struct histogram_sum *ret)
{
    *ret = (struct histogram_sum){ 0 };
    for (size_t i = 0; i < num; i++) {
        const struct weir_histogram_cells *h = &blocks[i]->histograms[which];
        for (size_t b = 0; b < WEIR_HISTOGRAM_BUCKETS; b++)
            ret->buckets[b] += atomic_load_explicit(&h->buckets[b], memory_order_relaxed);
        ret->sum_us += atomic_load_explicit(&h->sum_us, memory_order_relaxed);
    }
}

/* The count is what the buckets give, so that it always equals the bucket "+Inf". */
static void write_histogram(const struct histogram_row *row, const struct histogram_sum *h,
                            struct weir_strbuf *out)
{
    const char *comma = row->label[0] != '\0' ? "," : "";
    const char *open = row->label[0] != '\0' ? "{" : "";
    const char *close = row->label[0] != '\0' ? "}" : "";
    uint64_t count = 0;

    for (size_t b = 0; b < WEIR_HISTOGRAM_BUCKETS; b++) {
        count += h->buckets[b];
        weir_strbuf_printf(out, "%s_bucket{%s%sle=\"%s\"} %" PRIu64 "\n", row->name, row->label,
                           comma, b < WEIR_ARRAY_LEN(bound_texts) ? bound_texts[b] : "+Inf", count);
    }
    weir_strbuf_printf(out, "%s_sum%s%s%s %" PRIu64 ".%06" PRIu64 "\n", row->name, open, row->label,
                       close, h->sum_us / 1000000, h->sum_us % 1000000);
    weir_strbuf_printf(out, "%s_count%s%s%s %" PRIu64 "\n", row->name, open, row->label, close,
                       count);
}

static void write_histograms(const struct weir_metrics *const *blocks, size_t num,
                             struct weir_strbuf *out)
{
    const char *family = "";

    for (size_t i = 0; i < WEIR_H_COUNT; i++) {
        const struct histogram_row *row = &histogram_rows[i];
        struct histogram_sum sum;
        sum_histogram(blocks, num, (enum weir_histogram)i, &sum);
        if (strcmp(row->name, family) != 0) {
            family = row->name;
            weir_strbuf_printf(out, "# HELP %s %s\n# TYPE %s histogram\n", row->name, row->help,
                               row->name);
        }
        write_histogram(row, &sum, out);
    }
}

void weir_metrics_write(const struct weir_metrics *const *blocks, size_t num,
                        struct weir_strbuf *out)
{
    const char *family = "";

    for (size_t i = 0; i < WEIR_M_COUNT; i++) {
        const struct row *row = &rows[i];
        uint64_t value = weir_metrics_sum(blocks, num, (enum weir_metric)i);
        /* The blocks are not read at one instant: a gauge may seem to be below zero for a moment.
         */
        if (row->kind == GAUGE && value > INT64_MAX)
            value = 0;
        if (strcmp(row->name, family) != 0) {
            family = row->name;
            weir_strbuf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
                               row->kind == GAUGE ? "gauge" : "counter");
        }
        weir_strbuf_printf(out, "%s%s %" PRIu64 "\n", row->name, row->label, value);
    }
    write_histograms(blocks, num, out);
}
