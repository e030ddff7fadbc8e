/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_access.c - who a client is, and what it may do. A Unix socket's clients are judged by its
 * file; those of a listener with tokens by the token of each request, so that one that is revoked
 * counts no longer on an open connection either. No byte of a token reaches a log or a response;
 * its id does once its secret was right.
 */
#include <stdio.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/admin/admin_conn.h"

#define REFUSALS_PER_S 5 /* lines about wrong tokens */

/* -- who it is -- */

static bool is_reading(struct weir_span method)
{
    return weir_span_eq(method, WEIR_SPAN_LIT("GET")) ||
           weir_span_eq(method, WEIR_SPAN_LIT("HEAD"));
}

/* The token of "Authorization: Bearer TOKEN".   Ref: RFC 6750 section 2.1
 * @return false: there is none, or the field is malformed, or there are several */
static bool token_of(const struct weir_admin_message *m, struct weir_span *ret)
{
    struct weir_span value;
    struct weir_span scheme = WEIR_SPAN_LIT("bearer ");
    if (!weir_admin_message_field(m, "authorization", &value) || value.len <= scheme.len ||
        !weir_span_eq_nocase(weir_span(value.at, scheme.len), scheme))
        return false;
    value = weir_span_from(value, scheme.len);
    while (value.len > 0 && value.at[0] == ' ')
        value = weir_span_from(value, 1);
    *ret = value;
    return value.len > 0;
}

/* @param ret  written for WEIR_TOKEN_GOOD */
static enum weir_err judge_token(struct weir_admin_request *r, struct weir_span token,
                                 enum weir_token_outcome *ret_outcome)
{
    char key[WEIR_TOKEN_KEY_LEN];
    struct weir_span id;
    struct weir_record rec;
    struct weir_arena arena;
    Weir__V1__AccessToken *stored = NULL;
    if (!weir_token_id_of(token, &id)) {
        *ret_outcome = WEIR_TOKEN_MALFORMED;
        return WEIR_OK;
    }
    weir_token_key(id, key);
    enum weir_err err = weir_store_read_begin(r->node->reader);
    if (err < 0)
        return err;
    weir_token_arena_init(&arena);
    err = weir_store_get(r->node->reader, WEIR_CLASS_SETTING, weir_span(key, sizeof(key)), &rec);
    if (err == WEIR_OK)
        err = weir_token_read(rec.value, &arena, &stored);
    if (err == WEIR_OK || err == WEIR_ENOTFOUND)
        *ret_outcome = weir_token_check(token, stored, weir_clock_wall_ms(), &r->grant);
    else if (err == WEIR_ECORRUPT)
        *ret_outcome = WEIR_TOKEN_DAMAGED;
    weir_arena_deinit(&arena);
    weir_store_read_end(r->node->reader);
    if (*ret_outcome == WEIR_TOKEN_GOOD && err == WEIR_OK)
        snprintf(r->user, sizeof(r->user), "token:%.*s", (int)id.len, (const char *)id.at);
    return err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT ? WEIR_OK : err;
}

/* -- refusing -- */

static void respond_unauthorized(struct weir_admin_request *r, const char *error, const char *text)
{
    weir_strbuf_reset(&r->fields);
    weir_strbuf_printf(&r->fields, "WWW-Authenticate: Bearer realm=\"weir\"%s%s%s\r\n",
                       error != NULL ? ", error=\"" : "", error != NULL ? error : "",
                       error != NULL ? "\"" : "");
    weir_admin_response_error(r, 401, "unauthorized", "%s", text);
}

static void respond_limited(struct weir_admin_request *r, uint64_t wait_ms)
{
    weir_metric_add(r->node->metrics, WEIR_M_ADMIN_TOKENS_LIMITED, 1);
    weir_strbuf_reset(&r->fields);
    weir_strbuf_printf(&r->fields, "Retry-After: %llu\r\n",
                       (unsigned long long)((wait_ms + 999) / 1000));
    weir_admin_response_error(r, 429, "limited",
                              "too many wrong tokens came from this address; try again later");
}

struct refusal {
    enum weir_metric metric;
    const char *reason; /* for the log */
    const char *text;   /* for the client */
};
static const struct refusal refusals[WEIR_TOKEN_OUTCOMES] = {
    [WEIR_TOKEN_MALFORMED] = { WEIR_M_ADMIN_TOKENS_UNKNOWN, "malformed",
                               "the token is not known to this node" },
    [WEIR_TOKEN_UNKNOWN] = { WEIR_M_ADMIN_TOKENS_UNKNOWN, "unknown",
                             "the token is not known to this node" },
    [WEIR_TOKEN_DAMAGED] = { WEIR_M_ADMIN_TOKENS_UNKNOWN, "damaged",
                             "the token is not known to this node" },
    [WEIR_TOKEN_EXPIRED] = { WEIR_M_ADMIN_TOKENS_EXPIRED, "expired",
                             "the token has expired; create a new one with weir token create" },
};

static void log_refusal(const struct weir_admin_request *r, const char *reason, bool is_last)
{
    static struct weir_log_limit limit;
    char client[WEIR_ADDR_TEXT_MAX];
    uint32_t suppressed = 0;
    if (!weir_log_allowed(&limit, REFUSALS_PER_S, &suppressed))
        return;
    weir_addr_ip_text(&r->conn->peer, client);
    log_warn("admin.token_refused", "client=%s reason=%s%s suppressed=%u", client, reason,
             is_last ? " limited=yes" : "", suppressed);
}

static void refuse_token(struct weir_admin_request *r, enum weir_token_outcome outcome,
                         uint64_t now_ms)
{
    struct weir_guess_limit *guesses = &r->admin->guesses;
    const struct refusal *why = &refusals[outcome];
    weir_metric_add(r->node->metrics, why->metric, 1);
    if (!weir_guess_failed(guesses, &r->conn->peer, now_ms)) {
        respond_limited(r, WEIR_GUESS_EACH_MS);
        return;
    }
    log_refusal(r, why->reason, weir_guess_wait_ms(guesses, &r->conn->peer, now_ms) > 0);
    respond_unauthorized(r, "invalid_token", why->text);
}

static bool authenticate_by_token(struct weir_admin_request *r)
{
    struct weir_span token;
    enum weir_token_outcome outcome = WEIR_TOKEN_UNKNOWN;
    uint64_t now_ms = uv_now(r->node->loop);
    if (!token_of(r->message, &token)) {
        weir_metric_add(r->node->metrics, WEIR_M_ADMIN_TOKENS_MISSING, 1);
        respond_unauthorized(r, NULL, "a token is needed: send Authorization: Bearer TOKEN");
        return false;
    }
    enum weir_err err = judge_token(r, token, &outcome);
    if (err < 0) {
        weir_admin_response_err(r, err, "the token cannot be looked up");
        return false;
    }
    r->conn->trusted = r->conn->trusted || outcome == WEIR_TOKEN_GOOD;
    if (outcome == WEIR_TOKEN_GOOD)
        return true; /* whatever others at its address have guessed */
    uint64_t wait_ms = weir_guess_wait_ms(&r->admin->guesses, &r->conn->peer, now_ms);
    if (wait_ms > 0)
        respond_limited(r, wait_ms);
    else
        refuse_token(r, outcome, now_ms);
    return false;
}

bool weir_admin_authenticate(struct weir_admin_request *r)
{
    switch (r->conn->scope) {
    case WEIR_ADMIN_SCOPE_ALL:
        r->grant.scope = WEIR_GRANT_ADMIN;
        return true;
    case WEIR_ADMIN_SCOPE_READ:
        r->grant.scope = WEIR_GRANT_READ;
        return true;
    case WEIR_ADMIN_SCOPE_HEALTH: /* it has no other paths */
        r->grant.scope = WEIR_GRANT_NONE;
        return true;
    case WEIR_ADMIN_SCOPE_TOKEN:
        r->grant.scope = WEIR_GRANT_NONE;
        return (r->route != NULL && r->route->access == WEIR_ACCESS_OPEN) ||
               authenticate_by_token(r);
    case WEIR_ADMIN_SCOPES:
        break;
    }
    WEIR_UNREACHABLE();
}

/* -- what it may do -- */

bool weir_admin_may_touch(const struct weir_admin_request *r, struct weir_span tenant)
{
    return r->grant.scope != WEIR_GRANT_TENANT ||
           weir_span_eq(tenant, weir_span_cstr(r->grant.tenant));
}

void weir_admin_response_forbidden(struct weir_admin_request *r, const char *what)
{
    weir_metric_add(r->node->metrics, WEIR_M_ADMIN_FORBIDDEN, 1);
    weir_admin_response_error(r, 403, "forbidden", "this token is for tenant %s alone: %s",
                              r->grant.tenant, what);
}

static void refuse_change(struct weir_admin_request *r)
{
    struct weir_span method = r->message->method;
    weir_metric_add(r->node->metrics, WEIR_M_ADMIN_FORBIDDEN, 1);
    weir_strbuf_reset(&r->fields); /* what the path allows is not for this client */
    if (r->conn->scope == WEIR_ADMIN_SCOPE_TOKEN)
        weir_admin_response_error(r, 403, "read_only",
                                  "this token only reads, and %.*s would change something",
                                  (int)method.len, (const char *)method.at);
    else
        weir_admin_response_error(r, 403, "read_only",
                                  "this socket only reads (admin.socket_ro), and %.*s would change "
                                  "something: use admin.socket",
                                  (int)method.len, (const char *)method.at);
}

/* A tenant's token may not take names that the wildcard of another tenant covers. */
static bool tenant_refused(struct weir_admin_request *r)
{
    const struct weir_span *named = weir_query_find(&r->query, "tenant");
    const struct weir_span *overlap = weir_query_find(&r->query, "allow_overlap");
    bool mine = false;
    switch (r->route->access) {
    case WEIR_ACCESS_OPEN:
    case WEIR_ACCESS_DOCUMENTS:
        mine = true;
        break;
    case WEIR_ACCESS_NAME:
        mine = weir_admin_may_touch(r, r->name);
        break;
    case WEIR_ACCESS_PARAM:
        mine = named != NULL && weir_admin_may_touch(r, *named);
        break;
    case WEIR_ACCESS_NODE:
    case WEIR_ACCESS_ADMIN:
        break;
    }
    if (mine && overlap == NULL)
        return false;
    weir_admin_response_forbidden(r, mine ? "allow_overlap needs one for admin"
                                     : r->route->access == WEIR_ACCESS_PARAM
                                         ? "give it as the parameter tenant"
                                         : "this path needs one for admin or read");
    return true;
}

bool weir_admin_access_refused(struct weir_admin_request *r)
{
    switch (r->grant.scope) {
    case WEIR_GRANT_NONE: /* the path is open, or the listener has no others */
    case WEIR_GRANT_ADMIN:
        return false;
    case WEIR_GRANT_READ:
        if (!is_reading(r->message->method)) {
            refuse_change(r);
            return true;
        }
        if (r->route == NULL || r->route->access != WEIR_ACCESS_ADMIN)
            return false;
        weir_metric_add(r->node->metrics, WEIR_M_ADMIN_FORBIDDEN, 1);
        weir_admin_response_error(r, 403, "forbidden", "%s is for admin alone", r->route->path);
        return true;
    case WEIR_GRANT_TENANT:
        return r->route != NULL && tenant_refused(r);
    }
    WEIR_UNREACHABLE();
}
