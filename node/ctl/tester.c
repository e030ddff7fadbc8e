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
#include "node/flow/balance.h"
#include "node/wire/bytes.h"
#include "node/wire/uri.h"
#include "tenants/redirect.h"
#include "tenants/tenant.h"

#define LOCATION_MAX 16384

/* -- the URL -- */

static bool target_legal(struct weir_span target)
{
    for (size_t i = 0; i < target.len; i++)
        if (!weir_byte_is(target.at[i], WEIR_BYTE_PATH) &&
            !weir_byte_is(target.at[i], WEIR_BYTE_QUERY) && target.at[i] != '%')
            return false;
    return true;
}

static enum weir_err target_split(struct weir_span rest, struct weir_arena *arena,
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
    uint8_t *normal = weir_arena_alloc(arena, t->target.len);
    if (copy == NULL || normal == NULL)
        return WEIR_ENOMEM;
    *ret_why = "its path is not one that a client may send";
    if (!target_legal(t->target))
        return WEIR_EINVAL;
    return weir_path_normalise(t->target, normal, &t->path) == WEIR_OK ? WEIR_OK : WEIR_EINVAL;
}

static struct weir_span authority_cut(struct weir_span *rest)
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
    if (weir_authority_parse(authority_cut(&rest), a) < 0)
        return WEIR_EINVAL;
    ret->https = https;
    ret->port = a->port != 0 ? a->port : (https ? 443 : 80);
    ret->host = weir_span(a->host, a->host_len);
    ret->host_is_ip = a->is_ip;
    if (a->is_ip)
        ret->addr = a->addr;
    return target_split(rest, arena, ret, ret_why);
}

/* -- the tenant -- */

static enum weir_err owner_by_name(struct weir_store_reader *r, struct weir_span host,
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
static enum weir_err owner_find(struct weir_store_reader *r, const struct weir_test *t,
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
    return owner_by_name(r, t->host, ret, ret_why);
}

/* Inside a snapshot. @param ret_name in the arena */
static enum weir_err tenant_open(const struct weir_node *node, const struct weir_test *t,
                                 struct weir_arena *arena, struct weir_tenant **ret,
                                 Weir__V1__TestResponse *response)
{
    struct weir_store_reader *r = node->reader;
    struct weir_span owner;
    struct weir_record rec;
    const char *by = NULL;
    char why[WEIR_TENANT_WHY_MAX] = "its stored record is damaged";
    enum weir_err err = owner_find(r, t, &owner, &by);
    if (err < 0)
        return err;
    response->tenant = weir_arena_strdup(arena, owner);
    if (response->tenant == NULL)
        return WEIR_ENOMEM;
    err = owner.len > WEIR_TENANT_NAME_MAX ? WEIR_ENOTFOUND
                                           : weir_store_get(r, WEIR_CLASS_TENANT, owner, &rec);
    if (err == WEIR_OK)
        err = weir_tenant_compile_why(rec.value, &node->marks->secret, ret, why);
    if (err == WEIR_EINVAL || err == WEIR_ECORRUPT)
        response->why = weir_arena_strdup(arena, weir_span_cstr(why));
    else
        response->why = weir_arena_printf(arena, "tenant by %s", by);
    return err == WEIR_OK && response->why == NULL ? WEIR_ENOMEM : err;
}

/* -- the decision -- */

static enum weir_err redirect_ask(const struct weir_tenant *tenant, const struct weir_test *t,
                                  struct weir_arena *arena, Weir__V1__TestResponse *response,
                                  bool *ret_decided)
{
    struct weir_redirect_request req = {
        .https = t->https, .port = t->port, .host = t->host, .path = t->path, .raw = t->target
    };
    struct weir_redirect_result result = { 0 };
    uint8_t *location = weir_arena_alloc(arena, LOCATION_MAX);
    if (location == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_redirect_find(tenant, &req, location, LOCATION_MAX, &result);
    *ret_decided = err == WEIR_ELIMIT || result.code != 0;
    if (err == WEIR_ELIMIT) {
        response->decision = (char *)"none";
        response->why = (char *)"the location of the redirect is too long: 414";
        return WEIR_OK;
    }
    if (err < 0)
        return err;
    if (result.code != 0 || result.carved) {
        response->rule = weir_arena_printf(arena, "redirects[%u]", result.rule);
        if (response->rule == NULL)
            return WEIR_ENOMEM;
    }
    if (result.code == 0) {
        if (result.carved)
            response->why = weir_arena_printf(arena, "%s; %s is a carve-out: no redirect",
                                              response->why, response->rule);
        return response->why != NULL ? WEIR_OK : WEIR_ENOMEM;
    }
    response->decision = (char *)"redirect";
    response->has_code = 1;
    response->code = result.code;
    response->location = weir_arena_strdup(arena, weir_span(location, result.location_len));
    return response->location != NULL ? WEIR_OK : WEIR_ENOMEM;
}

static char *endpoint_text(const struct weir_endpoint *e, const struct weir_failure_marks *marks,
                           uint64_t now_ms, bool chosen, struct weir_arena *arena)
{
    bool usable = weir_failure_marks_usable(marks, e->key, now_ms);
    return weir_arena_printf(arena, "%.*s weight=%u%s %s%s", (int)e->text.len,
                             (const char *)e->text.at, e->weight, e->backup ? " backup" : "",
                             usable ? "up" : "marked out", chosen ? " chosen" : "");
}

/* Round robin depends on what other requests did, so a choice is told only where the client's
 * address makes it. */
static enum weir_err endpoints_fill(struct weir_node *node, struct weir_upstream *u,
                                    const struct weir_test *t, struct weir_arena *arena,
                                    Weir__V1__TestResponse *response)
{
    uint64_t now_ms = weir_clock_mono_ns() / 1000000u;
    struct weir_tried tried = { { 0 } };
    const struct weir_endpoint *chosen = NULL;
    response->endpoints = weir_arena_calloc(arena, u->num_endpoints, sizeof(char *));
    if (response->endpoints == NULL)
        return WEIR_ENOMEM;
    if (t->has_client && u->balance == WEIR_BALANCE_IP_HASH)
        chosen = weir_balance_pick(u, node->marks, &t->client, &tried, now_ms);
    for (size_t i = 0; i < u->num_endpoints; i++) {
        struct weir_endpoint *e = &u->endpoints[i];
        response->endpoints[i] = endpoint_text(e, node->marks, now_ms, e == chosen, arena);
        if (response->endpoints[i] == NULL)
            return WEIR_ENOMEM;
    }
    response->n_endpoints = u->num_endpoints;
    return WEIR_OK;
}

static enum weir_err route_ask(struct weir_node *node, const struct weir_tenant *tenant,
                               const struct weir_test *t, struct weir_arena *arena,
                               Weir__V1__TestResponse *response)
{
    const struct weir_route *route = weir_tenant_route(tenant, t->path);
    if (route == NULL) {
        response->decision = (char *)"none";
        response->why = weir_arena_printf(arena, "%s; no route has this path: 404", response->why);
        return response->why != NULL ? WEIR_OK : WEIR_ENOMEM;
    }
    response->decision = (char *)"route";
    response->rule = weir_arena_printf(arena, "routes[%u]", route->index);
    response->upstream = weir_arena_strdup(arena, route->upstream->name);
    if (response->rule == NULL || response->upstream == NULL)
        return WEIR_ENOMEM;
    return endpoints_fill(node, route->upstream, t, arena, response);
}

static enum weir_err decide(struct weir_node *node, const struct weir_tenant *tenant,
                            const struct weir_test *t, struct weir_arena *arena,
                            Weir__V1__TestResponse *response)
{
    bool decided = false;
    enum weir_err err = redirect_ask(tenant, t, arena, response, &decided);
    if (err < 0 || decided)
        return err;
    if (!t->redirects_only)
        return route_ask(node, tenant, t, arena, response);
    response->decision = (char *)"none";
    if (response->rule == NULL)
        response->why = (char *)"no redirect fits this request";
    return WEIR_OK;
}

enum weir_err weir_test_run(struct weir_node *node, const struct weir_test *test,
                            struct weir_arena *arena, Weir__V1__TestResponse *ret)
{
    struct weir_tenant *tenant = NULL;
    enum weir_err err = weir_store_read_begin(node->reader);
    if (err < 0)
        return err;
    err = tenant_open(node, test, arena, &tenant, ret);
    weir_store_read_end(node->reader);
    if (err == WEIR_ENOTFOUND && test->tenant.len == 0) {
        ret->decision = (char *)"none";
        ret->why = (char *)"no tenant has this host: 404";
        return WEIR_OK;
    }
    if (err == WEIR_OK)
        err = decide(node, tenant, test, arena, ret);
    weir_tenant_unref(tenant);
    return err;
}
