/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_route.c - the table of paths of API.md, and what is refused by the head of a request alone.
 * Paths are compared as received: no decoding, no normalisation, so there is one spelling of each.
 */
#include <string.h>

#include "node/ctl/admin/admin_api.h"
#include "node/wire/bytes.h"

static const struct weir_admin_route routes[] = {
    { "GET", "/healthz", "", WEIR_ADMIN_TAKES_NOTHING, true, WEIR_ACCESS_OPEN, weir_admin_healthz },
    { "GET", "/readyz", "", WEIR_ADMIN_TAKES_NOTHING, true, WEIR_ACCESS_OPEN, weir_admin_readyz },
    { "GET", "/metrics", "", WEIR_ADMIN_TAKES_NOTHING, true, WEIR_ACCESS_NODE, weir_admin_metrics },
    { "GET", "/v1/status", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_status },
    { "GET", "/v1/tenants", "after limit prefix ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NODE, weir_admin_tenant_list },
    { "GET", "/v1/tenants/{name}", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NAME,
      weir_admin_tenant_get },
    { "PUT", "/v1/tenants/{name}", "dry_run allow_overlap ", WEIR_ADMIN_TAKES_DOCUMENTS, false,
      WEIR_ACCESS_NAME, weir_admin_tenant_put },
    { "DELETE", "/v1/tenants/{name}", "dry_run ", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NAME,
      weir_admin_tenant_delete },
    { "GET", "/v1/tenants/{name}/history", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NAME,
      weir_admin_history },
    { "GET", "/v1/tenants/{name}/revisions/{number}", "", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NAME, weir_admin_revision },
    { "POST", "/v1/tenants/{name}/rollback", "revision dry_run allow_overlap ",
      WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NAME, weir_admin_rollback },
    { "POST", "/v1/apply", "dry_run if_revision allow_overlap ", WEIR_ADMIN_TAKES_DOCUMENTS, false,
      WEIR_ACCESS_DOCUMENTS, weir_admin_apply },
    { "POST", "/v1/certificates", "dry_run force ", WEIR_ADMIN_TAKES_DOCUMENTS, false,
      WEIR_ACCESS_DOCUMENTS, weir_admin_cert_add },
    { "GET", "/v1/certificates", "after limit tenant id ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_PARAM, weir_admin_cert_list },
    { "GET", "/v1/tenants/{name}/certificates/{id}", "", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NAME, weir_admin_cert_get },
    { "DELETE", "/v1/tenants/{name}/certificates/{id}", "dry_run ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NAME, weir_admin_cert_delete },
    { "POST", "/v1/tenants/{name}/certificates/{id}/links", "dry_run host remove fallback ",
      WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NAME, weir_admin_cert_link },
    { "GET", "/v1/export", "digest ", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_export },
    { "POST", "/v1/export", "keys ", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_ADMIN,
      weir_admin_export_keys },
    { "GET", "/v1/test/route", "url method client ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NODE, weir_admin_test_route },
    { "GET", "/v1/test/redirect", "url tenant ", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_PARAM,
      weir_admin_test_redirect },
    { "POST", "/v1/drain", "deadline_ms follow ", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_drain },
    { "GET", "/v1/drain", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_drain_get },
    { "POST", "/v1/undrain", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_undrain },
    { "POST", "/v1/reload", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_reload },
    { "GET", "/v1/log-level", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_log_level_get },
    { "PUT", "/v1/log-level", "level tenant address ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NODE, weir_admin_log_level_put },
    { "DELETE", "/v1/log-level", "tenant address ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_NODE, weir_admin_log_level_delete },
    { "GET", "/v1/doctor", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_NODE,
      weir_admin_doctor },
    { "GET", "/v1/logs", "follow tenant tail since_ms ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_PARAM, weir_admin_logs },
    { "GET", "/v1/tokens", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_ADMIN,
      weir_admin_token_list },
    { "POST", "/v1/tokens", "scope comment ttl_ms ", WEIR_ADMIN_TAKES_NOTHING, false,
      WEIR_ACCESS_ADMIN, weir_admin_token_create },
    { "DELETE", "/v1/tokens/{name}", "", WEIR_ADMIN_TAKES_NOTHING, false, WEIR_ACCESS_ADMIN,
      weir_admin_token_revoke },
};

const struct weir_admin_route *weir_admin_route_all(size_t *ret_num)
{
    *ret_num = WEIR_ARRAY_LEN(routes);
    return routes;
}

/* Cut the first segment off `rest`, which begins with "/". */
static struct weir_span segment_cut(struct weir_span *rest)
{
    struct weir_span s = weir_span_from(*rest, 1);
    const uint8_t *slash = s.len > 0 ? memchr(s.at, '/', s.len) : NULL;
    if (slash != NULL)
        s.len = (size_t)(slash - s.at);
    *rest = weir_span_from(*rest, 1 + s.len);
    return s;
}

/** What the parts of a path in braces stand for. */
struct path_parts {
    struct weir_span name;
    struct weir_span id;
    uint64_t number;
};

static bool path_matches(const char *pattern, struct weir_span path, struct path_parts *ret)
{
    struct weir_span want = weir_span_cstr(pattern);
    while (want.len > 0 && path.len > 0 && path.at[0] == '/') {
        struct weir_span w = segment_cut(&want);
        struct weir_span p = segment_cut(&path);
        if (weir_span_eq(w, WEIR_SPAN_LIT("{name}"))) {
            if (p.len == 0)
                return false;
            ret->name = p;
        } else if (weir_span_eq(w, WEIR_SPAN_LIT("{id}"))) {
            if (p.len == 0)
                return false;
            ret->id = p;
        } else if (weir_span_eq(w, WEIR_SPAN_LIT("{number}"))) {
            if (!weir_decimal_parse(p, &ret->number))
                return false;
        } else if (!weir_span_eq(w, p)) {
            return false;
        }
    }
    return want.len == 0 && path.len == 0;
}

static bool method_matches(const struct weir_admin_route *route, struct weir_span method)
{
    struct weir_span own = weir_span_cstr(route->method);
    if (weir_span_eq(own, method))
        return true;
    return weir_span_eq(own, WEIR_SPAN_LIT("GET")) && weir_span_eq(method, WEIR_SPAN_LIT("HEAD"));
}

static void allow_add(struct weir_admin_request *r, const struct weir_admin_route *route)
{
    weir_strbuf_puts(&r->fields, r->fields.len == 0 ? "Allow: " : ", ");
    weir_strbuf_puts(&r->fields, route->method);
    if (strcmp(route->method, "GET") == 0)
        weir_strbuf_puts(&r->fields, ", HEAD");
}

enum weir_admin_found weir_admin_route_find(struct weir_admin_request *r, bool health_only)
{
    struct path_parts parts = { .number = 0 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(routes); i++) {
        if (health_only && !routes[i].health)
            continue;
        if (!path_matches(routes[i].path, r->message->path, &parts))
            continue;
        if (method_matches(&routes[i], r->message->method)) {
            weir_strbuf_reset(&r->fields);
            r->route = &routes[i];
            r->name = parts.name;
            r->id = parts.id;
            r->number = parts.number;
            return WEIR_ADMIN_FOUND;
        }
        allow_add(r, &routes[i]);
    }
    if (r->fields.len == 0)
        return WEIR_ADMIN_NO_PATH;
    weir_strbuf_puts(&r->fields, "\r\n");
    return WEIR_ADMIN_NO_METHOD;
}

/* Whether `name` is one of the route's names, each of which has a space behind it. */
static bool param_known(const char *params, struct weir_span name)
{
    while (*params != '\0') {
        size_t len = (size_t)(strchr(params, ' ') - params);
        if (weir_span_eq(weir_span(params, len), name))
            return true;
        params += len + 1;
    }
    return false;
}

static bool query_refused(struct weir_admin_request *r)
{
    enum weir_err err = weir_query_parse(&r->query, r->message->query);
    if (err < 0) {
        weir_admin_response_error(r, err == WEIR_ELIMIT ? 414 : 400, "bad_request",
                                  "the query is %s; write name=value pairs joined by &",
                                  err == WEIR_ELIMIT ? "too long" : "malformed");
        return true;
    }
    for (size_t i = 0; i < r->query.num; i++) {
        struct weir_span name = r->query.params[i].name;
        if (param_known(r->route->params, name))
            continue;
        if (r->route->params[0] == '\0')
            weir_admin_response_error(r, 400, "bad_request", "%s takes no parameters",
                                      r->route->path);
        else
            weir_admin_response_error(r, 400, "bad_request",
                                      "unknown parameter \"%.*s\"; %s knows: %s", (int)name.len,
                                      (const char *)name.at, r->route->path, r->route->params);
        return true;
    }
    return false;
}

static bool body_refused(struct weir_admin_request *r)
{
    struct weir_span coding;
    struct weir_span type = weir_admin_media_type(r->message);
    if (!r->message->has_body) {
        weir_admin_response_error(r, 411, "length_required",
                                  "a body is needed: send Content-Length or chunked coding");
        return true;
    }
    if (weir_admin_message_field(r->message, "content-encoding", &coding) &&
        !weir_span_eq_nocase(coding, WEIR_SPAN_LIT("identity"))) {
        weir_admin_response_error(r, 415, "unsupported_media_type",
                                  "coded bodies are not read; send the document as it is");
        return true;
    }
    if (type.len > 0 && !weir_admin_is_json(type) && !weir_admin_is_yaml(type)) {
        weir_admin_response_error(r, 415, "unsupported_media_type",
                                  "send application/json or application/yaml");
        return true;
    }
    return false;
}

bool weir_admin_head_refused(struct weir_admin_request *r)
{
    if (query_refused(r) || weir_admin_access_refused(r))
        return true;
    return r->route->takes == WEIR_ADMIN_TAKES_DOCUMENTS && body_refused(r);
}

struct weir_span weir_admin_media_type(const struct weir_admin_message *m)
{
    struct weir_span type = WEIR_SPAN_EMPTY;
    if (!weir_admin_message_field(m, "content-type", &type))
        return WEIR_SPAN_EMPTY;
    const uint8_t *params = type.len > 0 ? memchr(type.at, ';', type.len) : NULL;
    if (params != NULL)
        type.len = (size_t)(params - type.at);
    while (type.len > 0 && (type.at[type.len - 1] == ' ' || type.at[type.len - 1] == '\t'))
        type.len--;
    return type;
}

bool weir_admin_is_json(struct weir_span type)
{
    return weir_span_eq_nocase(type, WEIR_SPAN_LIT("application/json"));
}

bool weir_admin_is_yaml(struct weir_span type)
{
    return weir_span_eq_nocase(type, WEIR_SPAN_LIT("application/yaml")) ||
           weir_span_eq_nocase(type, WEIR_SPAN_LIT("application/x-yaml"));
}
