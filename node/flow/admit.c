/* SPDX-License-Identifier: Apache-2.0
 *
 * admit.c - see admit.h.
 */
#include "node/flow/admit.h"

#include "node/flow/cdn_loop.h"
#include "node/flow/methods.h"
#include "node/flow/rewrite.h"
#include "node/wire/tls_server.h"
#include "tenants/redirect.h"

static void decide_response(struct weir_admit *a, uint16_t status, enum weir_access_outcome outcome,
                            struct weir_span why)
{
    a->what = WEIR_ADMIT_RESPONSE;
    a->status = status;
    a->outcome = outcome;
    a->why = why;
}

/* The authority of the request. Without one (HTTP/1.0) only a dedicated address can identify the
 * tenant. */
static void read_authority(struct weir_admit *a, const struct weir_arrival *req)
{
    const struct weir_h1_head *head = req->head;
    a->host = weir_span(req->bytes + head->authority_at, head->authority_len);
    a->name =
        weir_span(head->authority.host, head->authority_len > 0 ? head->authority.host_len : 0);
    if (a->host.len == 0)
        a->host = weir_span(a->local_host, weir_addr_text(req->local, a->local_host));
}

static bool find_tenant(struct weir_admit *a, struct weir_tenant_cache *cache,
                        const struct weir_addr *local)
{
    enum weir_err err = weir_tenant_cache_find(cache, local, a->name, &a->tenant);
    if (err == WEIR_OK)
        return true;
    a->tenant = NULL;
    if (err == WEIR_ENOTFOUND)
        decide_response(a, 404, WEIR_OUTCOME_UNKNOWN_HOST,
                        WEIR_SPAN_LIT("No site is configured here for this host name."));
    else
        decide_response(a, 503, WEIR_OUTCOME_TENANT_BROKEN,
                        WEIR_SPAN_LIT("This site's configuration cannot be used at the moment."));
    return false;
}

static bool refuse_head_over_limits(struct weir_admit *a, const struct weir_h1_head *head)
{
    if (head->head_len > a->tenant->max_header) {
        decide_response(a, 431, WEIR_OUTCOME_TOO_LARGE,
                        WEIR_SPAN_LIT("The request's header is larger than this site takes."));
        return true;
    }
    if (head->num_fields > a->tenant->max_fields) {
        decide_response(a, 431, WEIR_OUTCOME_TOO_LARGE,
                        WEIR_SPAN_LIT("The request has more header fields than this site takes."));
        a->close = true; /* as beyond the parser's own limit */
        return true;
    }
    return false;
}

static bool refuse_underscores(struct weir_admit *a, const struct weir_h1_head *head)
{
    if (a->tenant->underscores != WEIR_UNDERSCORES_REFUSE)
        return false;
    for (size_t i = 0; i < head->num_fields; i++) {
        if (head->fields[i].underscore) {
            decide_response(a, 400, WEIR_OUTCOME_REFUSED,
                            WEIR_SPAN_LIT("A field name contains an underscore."));
            return true;
        }
    }
    return false;
}

/* A request that this cluster forwarded comes back: one of the tenant's endpoints leads here. */
static bool refuse_loop(struct weir_admit *a, const struct weir_arrival *req)
{
    if (req->cdn_id.len == 0)
        return false;
    switch (weir_cdn_loop_read(req->head, req->bytes, req->cdn_id)) {
    case WEIR_CDN_LOOP_CLEAR:
        return false;
    case WEIR_CDN_LOOP_MET:
        decide_response(a, 508, WEIR_OUTCOME_LOOP,
                        WEIR_SPAN_LIT("The request came back to this site's own proxy."));
        return true;
    case WEIR_CDN_LOOP_MALFORMED:
        decide_response(a, 400, WEIR_OUTCOME_MALFORMED,
                        WEIR_SPAN_LIT("The CDN-Loop field is not valid."));
        return true;
    }
    WEIR_UNREACHABLE();
}

/* OPTIONS and TRACE that weir responds to: TRACE that is not allowed, and either with Max-Forwards:
 * 0. */
static bool respond_to_method(struct weir_admit *a, const struct weir_h1_head *head,
                              const uint8_t *bytes)
{
    bool trace = head->method == WEIR_METHOD_TRACE;
    if (trace && !a->tenant->trace) {
        decide_response(a, 405, WEIR_OUTCOME_REFUSED,
                        WEIR_SPAN_LIT("This site does not serve TRACE requests."));
        return true;
    }
    if (!weir_request_ends_here(head))
        return false;
    decide_response(a, 200, WEIR_OUTCOME_MAX_FORWARDS,
                    WEIR_SPAN_LIT("The request was not to be forwarded further."));
    if (trace)
        a->message = weir_span(a->path, weir_trace_echo(head, bytes, a->path));
    return true;
}

/* "192.0.2.1:80" and "[2001:db8::1]:80" as weir writes them. */
static struct weir_span strip_port(struct weir_span host)
{
    while (host.len > 0 && host.at[host.len - 1] != ':')
        host.len--;
    if (host.len > 0)
        host.len--;
    return host;
}

static bool find_redirect(struct weir_admit *a, const struct weir_arrival *arrival,
                          struct weir_span path)
{
    const struct weir_h1_head *head = arrival->head;
    if (a->tenant->redirects == NULL || weir_request_is_for_server(head))
        return false;
    struct weir_span raw = head->path_len > 0
                               ? weir_span(arrival->bytes + head->path_at, head->path_len)
                               : WEIR_SPAN_LIT("/");
    struct weir_redirect_request req = {
        .https = arrival->https,
        .port = arrival->local->port,
        .host = strip_port(a->host),
        .no_authority = true,
        .path = path,
        .raw = raw,
    };
    if (head->authority_len > 0)
        weir_redirect_set_authority(&req, &head->authority);
    struct weir_redirect_result res = { 0 };
    if (weir_redirect_find(a->tenant, &req, a->location_bytes, sizeof(a->location_bytes), &res) <
        0) {
        decide_response(a, 414, WEIR_OUTCOME_TOO_LARGE,
                        WEIR_SPAN_LIT("The address is too long to be redirected."));
        return true;
    }
    if (res.code == 0)
        return false;
    a->what = WEIR_ADMIT_REDIRECT;
    a->status = res.code;
    a->outcome = WEIR_OUTCOME_REDIRECTED;
    a->location = weir_span(a->location_bytes, res.location_len);
    return true;
}

/* RFC 9110 15.5.20: the client may ask again on a connection of its own. */
static void decide_misdirected(struct weir_admit *a)
{
    decide_response(a, 421, WEIR_OUTCOME_MISDIRECTED,
                    WEIR_SPAN_LIT("This connection is not for the site that was asked for."));
}

/* The host belongs to another tenant than the one whose certificate the client was shown. */
static bool refuse_misdirected(struct weir_admit *a, const struct weir_arrival *req)
{
    if (req->scope == NULL || memcmp(req->scope, a->tenant->scope, sizeof(a->tenant->scope)) == 0)
        return false;
    a->tenant = NULL;
    decide_misdirected(a);
    return true;
}

/* A tenant that requires certificates of its clients has none of a client in clear. */
static bool refuse_in_clear(struct weir_admit *a, const struct weir_arrival *req)
{
    if (req->scope != NULL || a->tenant->tls_ask != WEIR_TLS_ASK_REQUIRED)
        return false;
    decide_response(a, 403, WEIR_OUTCOME_REFUSED,
                    WEIR_SPAN_LIT("This site requires a certificate of its clients: use https."));
    return true;
}

void weir_admit_request(struct weir_admit *a, struct weir_tenant_cache *cache,
                        const struct weir_arrival *req)
{
    const struct weir_h1_head *head = req->head;
    const uint8_t *bytes = req->bytes;
    struct weir_span path = WEIR_SPAN_LIT("/");

    WEIR_ASSERT(head->kind == WEIR_H1_REQUEST);
    WEIR_ASSERT_CMP(head->head_len, >, 0); /* complete */
    a->tenant = NULL;
    a->route = NULL;
    a->close = false;
    a->location = WEIR_SPAN_EMPTY;
    a->message = WEIR_SPAN_EMPTY;
    a->why = WEIR_SPAN_EMPTY;
    read_authority(a, req);
    if (!find_tenant(a, cache, req->local)) {
        if (req->scope != NULL && a->outcome == WEIR_OUTCOME_UNKNOWN_HOST)
            decide_misdirected(a);
        return;
    }
    if (refuse_misdirected(a, req))
        return;
    if (refuse_head_over_limits(a, head) || refuse_loop(a, req) || refuse_underscores(a, head) ||
        respond_to_method(a, head, bytes))
        return;
    if (head->path_len > 0 && head->form != WEIR_TARGET_ASTERISK && bytes[head->path_at] == '/' &&
        weir_path_normalise(weir_span(bytes + head->path_at, head->path_len), a->path, &path) < 0) {
        decide_response(a, 400, WEIR_OUTCOME_MALFORMED,
                        WEIR_SPAN_LIT("The path leads above the root."));
        return;
    }
    if (find_redirect(a, req, path) || refuse_in_clear(a, req))
        return;
    if (head->has_content_length && a->tenant->max_body > 0 &&
        head->content_length > a->tenant->max_body) {
        decide_response(a, 413, WEIR_OUTCOME_TOO_LARGE,
                        WEIR_SPAN_LIT("The request's body is larger than this site takes."));
        return;
    }
    a->route = weir_tenant_route(a->tenant, path);
    if (a->route == NULL) {
        decide_response(a, 404, WEIR_OUTCOME_NO_ROUTE,
                        WEIR_SPAN_LIT("Nothing is configured here for this path."));
        return;
    }
    a->what = WEIR_ADMIT_FORWARD;
    a->status = 0;
    a->outcome = WEIR_OUTCOME_OK;
}
