/* SPDX-License-Identifier: Apache-2.0
 *
 * local_response.h - weir's own responses: refusals, errors, redirects, as whole HTTP/1.1 messages.
 * Allocation-free; pure. The page is the tenant's for that status, else a small one of weir's.
 * Ref: RFC 9112 4 (status line), RFC 9110 6.6.1 (Date), 8.6 (Content-Length), 10.2.2 (Location).
 */
#ifndef WEIR_NODE_FLOW_LOCAL_RESPONSE_H
#define WEIR_NODE_FLOW_LOCAL_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/base/contract.h"
#include "node/base/err.h"
#include "node/base/span.h"
#include "tenants/tenant.h"

/** What a response without a page of the tenant and with spans within their limits fits into. */
#define WEIR_LOCAL_RESPONSE_OWN_MAX 8192

struct weir_local_response {
    uint16_t status;                  /* 200..599 */
    const struct weir_tenant *tenant; /* NULL: no tenant has the host */
    struct weir_span reason_text;     /* the one sentence on weir's own page; may be empty */
    struct weir_span request_id;      /* empty: no X-Request-ID */
    struct weir_span location;        /* empty: no Location */
    struct weir_span allow;           /* empty: no Allow */
    struct weir_span message;         /* of 2xx: the content, of type message/http; may be empty */
    struct weir_span date;            /* WEIR_HTTP_DATE_LEN bytes, or empty: no Date */
    uint32_t retry_after_s;           /* 0: no Retry-After */
    bool keep_alive;                  /* the connection stays open; else send Connection: close */
    bool minor10;                     /* the client uses HTTP/1.0: send Connection: keep-alive */
    bool head_only;                   /* the request was HEAD: the head of a GET, and no body */
};

/** Bytes that weir_local_response_write needs. */
size_t weir_local_response_len(const struct weir_local_response *a);

/**
 * Write the whole response.
 *
 * @param ret_len  bytes written, on success only
 * @return WEIR_OK | WEIR_ELIMIT: more than `max` (a tenant's page may be long: see
 * weir_local_response_len) | WEIR_EPROTO: a span holds bytes that may not stand in a field's value
 */
WEIR_MUST_USE enum weir_err weir_local_response_write(const struct weir_local_response *a,
                                                      uint8_t *out, size_t max, size_t *ret_len);

#endif
