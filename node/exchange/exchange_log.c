/* SPDX-License-Identifier: Apache-2.0
 *
 * exchange_log.c - see exchange_log.h. The logger escapes outside bytes; values that may hold
 * spaces are in quotes. Paths are shown without their query, which may hold secrets.
 */
#include "node/exchange/exchange_log.h"

#include <string.h>

#include "node/base/log_filter.h"
#include "node/exchange/exchange.h"

#define PATH_MAX_LEN 512 /* bytes of a path that a line shows */

/* The arguments of "%.*s". */
#define TEXT(s) (int)(s).len, (const char *)(s).at

struct addr_text {
    char at[WEIR_ADDR_TEXT_MAX];
};

static struct addr_text addr_text(const struct weir_addr *a)
{
    struct addr_text t;
    (void)weir_addr_text(a, t.at);
    return t;
}

static struct weir_span id_of(const struct weir_exchange *x)
{
    return weir_span(x->request_id, x->request_id_len);
}

static struct weir_span tenant_of(const struct weir_exchange *x)
{
    return x != NULL && x->tenant != NULL ? x->tenant->name : WEIR_SPAN_EMPTY;
}

static unsigned long long micros_between(uint64_t from_ns, uint64_t to_ns)
{
    return from_ns == 0 || to_ns < from_ns ? 0 : (to_ns - from_ns) / 1000;
}

/* -- debug -- */

void weir_exchange_log_request(const struct weir_exchange *x, const struct weir_h1_head *head,
                               const uint8_t *bytes)
{
    struct weir_span method = weir_span(bytes + head->method_at, head->method_len);
    struct weir_span host = weir_span(bytes + head->authority_at, head->authority_len);
    struct weir_span path = weir_span(bytes + head->target_at, head->target_len);
    const uint8_t *query = path.len > 0 ? memchr(path.at, '?', path.len) : NULL;
    if (query != NULL)
        path.len = (size_t)(query - path.at);
    if (path.len > PATH_MAX_LEN)
        path.len = PATH_MAX_LEN;
    log_debug_for(tenant_of(x), &x->client, "request.received",
                  "client=%s peer=%s tenant=%.*s method=%.*s host=%.*s path=\"%.*s\" id=%.*s",
                  addr_text(&x->client).at, addr_text(x->downstream->ops->peer(x->downstream)).at,
                  TEXT(tenant_of(x)), TEXT(method), TEXT(host), TEXT(path), TEXT(id_of(x)));
}

void weir_exchange_log_origin(const struct weir_exchange *x)
{
    struct weir_span endpoint = x->endpoint->text;
    if (x->reused)
        log_debug_for(tenant_of(x), &x->client, "origin.reused",
                      "tenant=%.*s endpoint=%.*s exchanges=%u try=%u id=%.*s", TEXT(tenant_of(x)),
                      TEXT(endpoint), x->origin->exchanges, x->tries, TEXT(id_of(x)));
    else
        log_debug_for(tenant_of(x), &x->client, "origin.dialled",
                      "tenant=%.*s endpoint=%.*s connect_us=%llu try=%u id=%.*s",
                      TEXT(tenant_of(x)), TEXT(endpoint),
                      micros_between(x->dial_ns, x->connected_ns), x->tries, TEXT(id_of(x)));
}

void weir_exchange_log_failed(const struct weir_exchange *x, const char *outcome)
{
    log_debug_for(tenant_of(x), &x->client, "origin.failed",
                  "tenant=%.*s endpoint=%.*s outcome=%s fault=\"%s\" try=%u id=%.*s",
                  TEXT(tenant_of(x)), TEXT(x->endpoint->text), outcome, x->fault, x->tries,
                  TEXT(id_of(x)));
}

void weir_exchange_log_response(const struct weir_exchange *x, uint64_t now_ns)
{
    log_debug_for(
        tenant_of(x), &x->client, "response.sent",
        "client=%s tenant=%.*s status=%u bytes=%llu outcome=%s fault=\"%s\" first_byte_us=%llu "
        "total_us=%llu id=%.*s",
        addr_text(&x->client).at, TEXT(tenant_of(x)), x->status,
        (unsigned long long)x->passed_bytes, weir_access_outcome_name(x->outcome), x->fault,
        micros_between(x->start_ns, x->first_byte_ns), micros_between(x->start_ns, now_ns),
        TEXT(id_of(x)));
}

/* -- trace -- */

void weir_exchange_log_move(const struct weir_exchange *x, const char *from, const char *to)
{
    log_trace_for(tenant_of(x), &x->client, "exchange.move", "id=%.*s from=%s to=%s",
                  TEXT(id_of(x)), from, to);
}
