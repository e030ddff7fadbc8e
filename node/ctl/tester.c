/* SPDX-License-Identifier: Apache-2.0
 *
 * tester.c - see tester.h. The tenant is compiled anew for each question, so the response is about
 * what is stored, not about what a worker happens to have in its cache.
 */
#include "node/ctl/tester.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/ctl/stored_tenant.h"
#include "node/flow/admit.h"
#include "node/flow/balance.h"
#include "node/wire/target.h"
#include "node/wire/uri.h"
#include "tenants/redirect.h"
#include "tenants/schema/schema.h"
#include "tenants/tenant.h"

/* -- the URL -- */

static enum weir_err split_target(struct weir_span rest, struct weir_arena *arena,
                                  struct weir_test *t, const char **ret_why)
{
    struct weir_strbuf whole = WEIR_STRBUF_ZERO;
    /* Without a path a client sends "/" (RFC 9110 4.2.3). */
    if (rest.len == 0 || rest.at[0] != '/')
        weir_strbuf_putc(&whole, '/');
    weir_strbuf_add(&whole, rest);
    char *copy = whole.failed ? NULL : weir_arena_strdup(arena, weir_span(whole.at, whole.len));
    t->target = weir_span(copy, whole.len);
    weir_strbuf_deinit(&whole);
    uint8_t *normal = weir_arena_alloc(arena, WEIR_PATH_NORMAL_MAX(t->target.len));
    if (copy == NULL || normal == NULL)
        return WEIR_ENOMEM;
    *ret_why = "its path is not one that a client may send";
    if (!weir_target_is_good(t->target))
        return WEIR_EINVAL;
    return weir_path_normalise(t->target, normal, &t->path) == WEIR_OK ? WEIR_OK : WEIR_EINVAL;
}

static struct weir_span cut_authority(struct weir_span *rest)
{
    size_t len = 0;
    while (len < rest->len && rest->at[len] != '/' && rest->at[len] != '?' && rest->at[len] != '#')
        len++;
    struct weir_span authority = weir_span(rest->at, len);
    *rest = weir_span_from(*rest, len);
    return authority;
}

enum weir_err weir_test_url(struct weir_span url, struct weir_arena *arena, struct weir_test *ret,
                            const char **ret_why)
{
    struct weir_authority *a = weir_arena_alloc(arena, sizeof(*a));
    bool https = weir_span_starts(url, WEIR_SPAN_LIT("https://"));
    if (a == NULL)
        return WEIR_ENOMEM;
    *ret_why = "it begins with neither http:// nor https://";
    if (!https && !weir_span_starts(url, WEIR_SPAN_LIT("http://")))
        return WEIR_EINVAL;
    struct weir_span rest = weir_span_from(url, https ? 8 : 7);
    *ret_why = "its host is not one host with an optional port";
    if (weir_authority_parse(cut_authority(&rest), a) < 0)
        return WEIR_EINVAL;
    ret->https = https;
    ret->authority = a;
    ret->host = weir_span(a->host, a->host_len);
    ret->host_is_ip = a->is_ip;
    if (a->is_ip)
        ret->addr = a->addr;
    return split_target(rest, arena, ret, ret_why);
}

/* -- the tenant -- */

static enum weir_err find_owner_by_name(struct weir_store_reader *r, struct weir_span host,
                                        struct weir_span *ret, const char **ret_why)
{
    enum weir_err err = weir_store_index_owner(r, WEIR_INDEX_HOST, host, ret);
    *ret_why = "its host";
    while (err == WEIR_ENOTFOUND && host.len > 0) {
        const uint8_t *dot = memchr(host.at, '.', host.len);
        if (dot == NULL)
            break;
        host = weir_span_from(host, (size_t)(dot - host.at) + 1);
        err = weir_store_index_owner(r, WEIR_INDEX_WILDCARD, host, ret);
        *ret_why = "its wildcard host";
    }
    return err;
}

/* The order of the data path: the address that was connected to, then the name that was asked for.
 */
static enum weir_err find_owner(struct weir_store_reader *r, const struct weir_test *t,
                                struct weir_span *ret, const char **ret_why)
{
    if (t->tenant.len > 0) {
        *ret = t->tenant;
        *ret_why = "it was named";
        return WEIR_OK;
    }
    if (t->host_is_ip) {
        *ret_why = "its address";
        return weir_store_index_owner(r, WEIR_INDEX_ADDRESS,
                                      weir_span(t->addr.ip, sizeof(t->addr.ip)), ret);
    }
    return find_owner_by_name(r, t->host, ret, ret_why);
}

/** One question while it is worked on. */
struct question {
    struct weir_node *node;
    const struct weir_test *test;
    struct weir_arena *arena;         /* of the response */
    struct weir_arena scratch;        /* of the document */
    struct weir_tenant *tenant;       /* compiled; owns a reference */
    const Weir__V1__Tenant *document; /* of the same record */
    Weir__V1__TestResponse *response;
};

/* Inside a snapshot. */
static enum weir_err open_tenant(struct question *q)
{
    struct weir_store_reader *r = q->node->reader;
    struct weir_span owner;
    struct weir_record rec;
    Weir__V1__StoredTenant *stored = NULL;
    const char *by = NULL;
    char why[WEIR_TENANT_WHY_MAX] = "its stored record is damaged";
    enum weir_err err = find_owner(r, q->test, &owner, &by);
    if (err < 0)
        return err;
    q->response->tenant = weir_arena_strdup(q->arena, owner);
    if (q->response->tenant == NULL)
        return WEIR_ENOMEM;
    err = owner.len > WEIR_TENANT_NAME_MAX ? WEIR_ENOTFOUND
                                           : weir_store_get(r, WEIR_CLASS_TENANT, owner, &rec);
    if (err == WEIR_OK)
        err = weir_tenant_compile_why(rec.value, &q->node->marks->secret, &q->tenant, why);
    if (err == WEIR_OK)
        err = weir_stored_tenant_read(rec.value, &q->scratch, &stored);
    if (err == WEIR_OK)
        q->document = stored->tenant;
    if (err == WEIR_EINVAL || err == WEIR_ECORRUPT)
        q->response->why = weir_arena_strdup(q->arena, weir_span_cstr(why));
    else
        q->response->why = weir_arena_printf(q->arena, "tenant by %s", by);
    return err == WEIR_OK && q->response->why == NULL ? WEIR_ENOMEM : err;
}

/* -- the rule -- */

/* The rule that decides: its place, and what the document has there. */
static enum weir_err set_rule(struct question *q, const char *list, uint32_t index)
{
    const Weir__V1__Tenant *t = q->document;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    const ProtobufCMessage *rule = NULL;
    enum weir_err err = WEIR_OK;
    if (strcmp(list, "redirects") == 0 && index < t->n_redirects)
        rule = &t->redirects[index]->base;
    if (strcmp(list, "routes") == 0 && index < t->n_routes)
        rule = &t->routes[index]->base;
    bool to_https = rule == NULL && strcmp(list, "redirects") == 0;
    if (rule != NULL)
        err = weir_schema_write_json(rule, &text);
    else if (to_https)
        weir_strbuf_puts(&text, "every request in clear is redirected to https");
    else
        weir_strbuf_puts(&text, "no route is written: every path leads to the only upstream");
    if (err == WEIR_OK && text.failed)
        err = WEIR_ENOMEM;
    if (err == WEIR_OK) {
        q->response->rule = to_https ? weir_arena_printf(q->arena, "tls.redirect_http")
                                     : weir_arena_printf(q->arena, "%s[%u]", list, index);
        q->response->rule_text = weir_arena_strdup(q->arena, weir_span(text.at, text.len));
        if (q->response->rule == NULL || q->response->rule_text == NULL)
            err = WEIR_ENOMEM;
    }
    weir_strbuf_deinit(&text);
    return err;
}

/* -- the decision -- */

static enum weir_err explain_carve_out(struct question *q)
{
    Weir__V1__TestResponse *response = q->response;
    response->why = weir_arena_printf(q->arena, "%s; %s %s is a carve-out: no redirect",
                                      response->why, response->rule, response->rule_text);
    return response->why != NULL ? WEIR_OK : WEIR_ENOMEM;
}

/* Nothing says on which port a request for this URL would arrive: taken is the one that a client
 * connects to when nothing stands between. */
static uint16_t arrival_port(const struct weir_test *t)
{
    uint16_t usual = t->https ? 443 : 80;
    return t->authority->port != 0 ? t->authority->port : usual;
}

static enum weir_err find_redirect(struct question *q, bool *ret_decided)
{
    const struct weir_test *t = q->test;
    Weir__V1__TestResponse *response = q->response;
    struct weir_redirect_request req = {
        .https = t->https, .port = arrival_port(t), .path = t->path, .raw = t->target
    };
    struct weir_redirect_result result = { 0 };
    uint8_t *location = weir_arena_alloc(q->arena, WEIR_LOCATION_MAX);
    if (location == NULL)
        return WEIR_ENOMEM;
    weir_redirect_set_authority(&req, t->authority);
    enum weir_err err = weir_redirect_find(q->tenant, &req, location, WEIR_LOCATION_MAX, &result);
    *ret_decided = err == WEIR_ELIMIT || result.code != 0;
    if (err == WEIR_ELIMIT) {
        response->decision = (char *)"none";
        response->why = (char *)"the location of the redirect is too long: 414";
        return WEIR_OK;
    }
    if (err == WEIR_OK && (result.code != 0 || result.carved))
        err = set_rule(q, "redirects", result.rule);
    if (err < 0)
        return err;
    if (result.code == 0)
        return result.carved ? explain_carve_out(q) : WEIR_OK;
    response->decision = (char *)"redirect";
    response->has_code = 1;
    response->code = result.code;
    response->location = weir_arena_strdup(q->arena, weir_span(location, result.location_len));
    return response->location != NULL ? WEIR_OK : WEIR_ENOMEM;
}

/* A failure mark is known; without health checks nobody knows more of an endpoint than that. */
static char *endpoint_text(const struct weir_endpoint *e, const struct question *q, uint64_t now_ms,
                           bool chosen)
{
    bool usable = weir_failure_marks_usable(q->node->marks, e->key, now_ms);
    return weir_arena_printf(q->arena, "%.*s weight=%u%s %s%s", (int)e->text.len,
                             (const char *)e->text.at, e->weight, e->backup ? " backup" : "",
                             usable ? "not checked" : "marked out", chosen ? " chosen" : "");
}

/* Round robin depends on what other requests did, so a choice is reported only where the client's
 * address makes it. */
static enum weir_err fill_endpoints(struct question *q, struct weir_upstream *u)
{
    uint64_t now_ms = weir_clock_mono_ns() / 1000000u;
    struct weir_tried tried = { { 0 } };
    const struct weir_endpoint *chosen = NULL;
    Weir__V1__TestResponse *response = q->response;
    response->endpoints = weir_arena_calloc(q->arena, u->num_endpoints, sizeof(char *));
    if (response->endpoints == NULL)
        return WEIR_ENOMEM;
    if (q->test->has_client && u->balance == WEIR_BALANCE_IP_HASH)
        chosen = weir_balance_pick(u, q->node->marks, &q->test->client, &tried, now_ms);
    for (size_t i = 0; i < u->num_endpoints; i++) {
        struct weir_endpoint *e = &u->endpoints[i];
        response->endpoints[i] = endpoint_text(e, q, now_ms, e == chosen);
        if (response->endpoints[i] == NULL)
            return WEIR_ENOMEM;
    }
    response->n_endpoints = u->num_endpoints;
    return WEIR_OK;
}

static enum weir_err find_route(struct question *q)
{
    Weir__V1__TestResponse *response = q->response;
    const struct weir_route *route = weir_tenant_route(q->tenant, q->test->path);
    if (route == NULL) {
        response->decision = (char *)"none";
        response->why =
            weir_arena_printf(q->arena, "%s; no route has this path: 404", response->why);
        return response->why != NULL ? WEIR_OK : WEIR_ENOMEM;
    }
    response->decision = (char *)"route";
    response->upstream = weir_arena_strdup(q->arena, route->upstream->name);
    enum weir_err err =
        response->upstream != NULL ? set_rule(q, "routes", route->index) : WEIR_ENOMEM;
    return err < 0 ? err : fill_endpoints(q, route->upstream);
}

static enum weir_err decide_test(struct question *q)
{
    bool decided = false;
    enum weir_err err = find_redirect(q, &decided);
    if (err < 0 || decided)
        return err;
    if (!q->test->redirects_only)
        return find_route(q);
    q->response->decision = (char *)"none";
    if (q->response->rule == NULL)
        q->response->why = (char *)"no redirect fits this request";
    return WEIR_OK;
}

enum weir_err weir_test_run(struct weir_node *node, const struct weir_test *test,
                            struct weir_arena *arena, Weir__V1__TestResponse *ret)
{
    struct question q = { .node = node, .test = test, .arena = arena, .response = ret };
    enum weir_err err = weir_store_read_begin(node->reader);
    if (err < 0)
        return err;
    weir_stored_tenant_arena_init(&q.scratch);
    err = open_tenant(&q);
    weir_store_read_end(node->reader);
    if (err == WEIR_OK) {
        err = decide_test(&q);
    } else if (err == WEIR_ENOTFOUND && test->tenant.len == 0) {
        ret->decision = (char *)"none";
        ret->why = (char *)"no tenant has this host: 404";
        err = WEIR_OK;
    }
    weir_tenant_unref(q.tenant);
    weir_arena_deinit(&q.scratch);
    return err;
}
