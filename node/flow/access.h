/* SPDX-License-Identifier: Apache-2.0
 *
 * access.h - the access record: one line with a JSON object for each exchange, however it ended.
 * Allocation-free; pure. Every byte outside 0x20..0x7e, quotes and backslashes are written as
 * \u00XX. Fields without a value (empty, 0 where 0 means none) are left out. Limits:
 * WEIR_ACCESS_MAX bytes a record.   Ref: README.md of this folder for the fields.
 */
#ifndef WEIR_NODE_FLOW_ACCESS_H
#define WEIR_NODE_FLOW_ACCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/addr.h"
#include "node/base/clock.h"
#include "node/base/contract.h"
#include "node/base/span.h"

/** How an exchange ended. */
enum weir_access_outcome {
    WEIR_OUTCOME_OK,         /* a whole response of the upstream went out */
    WEIR_OUTCOME_RETRIED_OK, /* the same, not with the first endpoint or connection */
    WEIR_OUTCOME_MALFORMED,  /* the parser refused the request: `fault` */
    WEIR_OUTCOME_UNKNOWN_HOST,
    WEIR_OUTCOME_MISDIRECTED, /* the host is not of the tenant that the TLS handshake was for */
    WEIR_OUTCOME_NO_ROUTE,
    WEIR_OUTCOME_REDIRECTED,
    WEIR_OUTCOME_MAX_FORWARDS, /* OPTIONS or TRACE that ends here */
    WEIR_OUTCOME_REFUSED,      /* by a rule of the tenant: underscores, methods */
    WEIR_OUTCOME_TOO_LARGE,    /* head or body over its limit */
    WEIR_OUTCOME_TIMED_OUT_HEAD,
    WEIR_OUTCOME_TIMED_OUT_BODY,
    WEIR_OUTCOME_SLOW_CLIENT, /* below the minimum rate, either direction */
    WEIR_OUTCOME_CLIENT_GONE,
    WEIR_OUTCOME_SLOW_UPSTREAM,
    WEIR_OUTCOME_UPSTREAM_REFUSED, /* no connection */
    WEIR_OUTCOME_UPSTREAM_TLS,     /* its handshake failed: `fault` */
    WEIR_OUTCOME_UPSTREAM_TIMEOUT,
    WEIR_OUTCOME_UPSTREAM_MALFORMED, /* the parser refused the response: `fault` */
    WEIR_OUTCOME_UPSTREAM_CUT,       /* the response ended before its end */
    WEIR_OUTCOME_NO_ENDPOINT,        /* none with weight is left to try */
    WEIR_OUTCOME_TENANT_BROKEN,      /* its record cannot be served */
    WEIR_OUTCOME_OVERLOAD,           /* no memory, no connection slot, draining */
    WEIR_OUTCOME_LOOP,               /* it has been in this cluster before: CDN-Loop */
    WEIR_OUTCOME_COUNT
};

/** Stable label such as "upstream_cut". Never NULL. */
const char *weir_access_outcome_name(enum weir_access_outcome v);

/** Bytes of each text as written (an escape is six bytes); a longer text is cut and ends in "...".
 */
#define WEIR_ACCESS_PATH_MAX 1024
#define WEIR_ACCESS_LONG_MAX 256 /* host, user agent, referer, endpoint */
#define WEIR_ACCESS_TEXT_MAX 64  /* all others */

/** Any record is shorter. */
#define WEIR_ACCESS_MAX 4096

/** The time of the last record as text, so that it is made once for all records of a millisecond.
 * Zero at first. */
struct weir_access_time {
    uint64_t wall_ms;
    char text[WEIR_RFC3339_LEN + 1]; /* empty: none yet */
};

/** The same for the address on which a client's connection arrived: mostly the one of the record
 * before. */
struct weir_access_local {
    struct weir_addr addr;
    uint8_t len; /* 0: none yet */
    char text[WEIR_ADDR_TEXT_MAX];
};

struct weir_access {
    uint64_t wall_ms;                   /* Unix ms at the end */
    struct weir_access_time *last_time; /* of all records of this writer; NULL: none */
    struct weir_span tenant;
    struct weir_span client; /* address text */
    uint16_t client_port;    /* 0: not known */
    struct weir_span local;  /* address:port text on which it arrived */
    struct weir_span scheme; /* "http", "https" */
    struct weir_span host;
    struct weir_span method;
    struct weir_span path;     /* target as received */
    struct weir_span protocol; /* "HTTP/1.1" */
    uint16_t status;           /* sent to the client; 0: none was */
    enum weir_access_outcome outcome;
    struct weir_span fault; /* label of the parser */
    struct weir_span upstream;
    struct weir_span endpoint;
    bool reused;             /* the origin connection had served before */
    uint8_t tries;           /* endpoints or connections tried */
    uint64_t request_bytes;  /* of the body */
    uint64_t response_bytes; /* of the body */
    uint64_t queue_us;       /* head complete .. a connection was sought */
    uint64_t connect_us;     /* 0 when reused */
    uint64_t first_byte_us;  /* request sent .. first byte of the response */
    uint64_t total_us;
    struct weir_span request_id;
    struct weir_span user_agent;
    struct weir_span referer;
};

/** Text of `local`, until the next call. */
struct weir_span weir_access_local_text(struct weir_access_local *last,
                                        const struct weir_addr *local);

/**
 * Write the record and its line feed.
 * @return bytes written; 0: `max` is less than WEIR_ACCESS_MAX, flush and call again
 */
WEIR_MUST_USE size_t weir_access_write(const struct weir_access *a, uint8_t *out, size_t max);

#endif
