/* SPDX-License-Identifier: Apache-2.0
 *
 * route.c - which route serves a path, and how the routes of a document are sorted for that.
 * Few routes are compared one by one in order of precedence; many through sorted nodes
 * (tenants/paths.h).
 */
#include <stdlib.h>

#include "node/wire/uri.h"
#include "tenants/compile.h"
#include "tenants/paths.h"
#include "tenants/tenant.h"

/** Up to this many routes a scan is as fast as a search. */
#define SCAN_MAX 8

enum weir_err weir_compile_path(struct weir_compile *c, const char *text, bool *ret_exact,
                                struct weir_span *ret_path)
{
    bool exact = text && text[0] == '=';
    struct weir_span raw = weir_span_cstr(text && text[0] != '\0' ? text + exact : "/");

    if (raw.len > WEIR_PATH_MAX)
        return weir_compile_refuse(c, "a path is longer than %d bytes", WEIR_PATH_MAX);
    if (raw.len == 0 || raw.at[0] != '/')
        return weir_compile_refuse(c, "path %s does not begin with /", text);

    uint8_t *out = weir_arena_alloc(c->scratch, WEIR_PATH_NORMAL_MAX(raw.len));
    if (!out)
        return WEIR_ENOMEM;
    struct weir_span path;
    if (weir_path_normalise(raw, out, &path) < 0)
        return weir_compile_refuse(c, "path %s cannot be normalised", text);
    /* Apply takes no such path; the record of a peer may have one. There is room for the text only.
     */
    if (path.len > raw.len)
        return weir_compile_refuse(c, "path %s has bytes that must be escaped", text);
    *ret_exact = exact;
    *ret_path = path;
    return WEIR_OK;
}

static size_t num_routes(const Weir__V1__Tenant *doc)
{
    return doc->n_routes == 0 && doc->n_upstreams == 1 ? 1 : doc->n_routes;
}

void weir_routes_measure(struct weir_compile *c)
{
    size_t num = num_routes(c->doc);

    weir_compile_measure(c, num, sizeof(struct weir_route));
    if (num > SCAN_MAX)
        weir_compile_measure(c, num, sizeof(struct weir_path_node));
    if (c->doc->n_routes == 0)
        weir_compile_measure_text(c, "/");
    for (size_t i = 0; i < c->doc->n_routes; i++) {
        const char *path = c->doc->routes[i]->path;

        weir_compile_measure_text(c, path && path[0] != '\0' ? path : "/");
    }
}

/** Exact routes first, in byte order; then prefixes, the longest first, in byte order; the earlier
 * of two equal ones first. */
static int route_cmp(const void *a, const void *b)
{
    const struct weir_route *x = a, *y = b;

    if (x->exact != y->exact)
        return x->exact ? -1 : 1;
    if (!x->exact && x->path.len != y->path.len)
        return x->path.len > y->path.len ? -1 : 1;
    int c = weir_span_cmp(x->path, y->path);
    return c != 0 ? c : (x->index > y->index) - (x->index < y->index);
}

static int node_cmp(const void *a, const void *b)
{
    const struct weir_path_node *x = a, *y = b;

    return weir_span_cmp(weir_span(x->at, x->len), weir_span(y->at, y->len));
}

/** Of equal routes only the first can match: drop the others. @return how many are left */
static size_t drop_duplicates(struct weir_route *routes, size_t num)
{
    size_t num_left = 0;

    for (size_t i = 0; i < num; i++)
        if (num_left == 0 || routes[num_left - 1].exact != routes[i].exact ||
            !weir_span_eq(routes[num_left - 1].path, routes[i].path))
            routes[num_left++] = routes[i];
    return num_left;
}

static struct weir_upstream *upstream_of(const struct weir_tenant *t, struct weir_span name)
{
    for (size_t i = 0; i < t->num_upstreams; i++)
        if (weir_span_eq(t->upstreams[i].name, name))
            return &t->upstreams[i];
    return NULL;
}

static enum weir_err routes_read(struct weir_compile *c, struct weir_route *routes)
{
    const Weir__V1__Tenant *doc = c->doc;

    if (doc->n_routes == 0) {
        routes[0].path = weir_compile_text(c, WEIR_SPAN_LIT("/"));
        routes[0].upstream = &c->tenant->upstreams[0];
        return WEIR_OK;
    }
    for (size_t i = 0; i < doc->n_routes; i++) {
        struct weir_route *r = &routes[i];
        struct weir_span name = weir_span_cstr(doc->routes[i]->upstream);
        struct weir_span path;
        enum weir_err err = weir_compile_path(c, doc->routes[i]->path, &r->exact, &path);

        if (err < 0)
            return err;
        r->path = weir_compile_text(c, path);
        r->index = (uint16_t)i;
        /* Neighbours mostly share their upstream. */
        r->upstream = i > 0 && weir_span_eq(routes[i - 1].upstream->name, name)
                          ? routes[i - 1].upstream
                          : upstream_of(c->tenant, name);
        if (!r->upstream)
            return weir_compile_refuse(c, "routes[%zu].upstream: there is no such upstream", i);
    }
    return WEIR_OK;
}

static void routes_link(struct weir_path_node *nodes, const struct weir_tenant *t)
{
    for (uint16_t i = 0; i < t->num_routes; i++)
        nodes[i] = weir_paths_node(t->routes[i].path, i);

    struct weir_path_node *prefixes = nodes + t->num_exact;
    size_t num_prefixes = (size_t)(t->num_routes - t->num_exact);
    qsort(prefixes, num_prefixes, sizeof(*prefixes), node_cmp);
    weir_paths_link(prefixes, num_prefixes);
}

enum weir_err weir_routes_fill(struct weir_compile *c)
{
    struct weir_tenant *t = c->tenant;
    size_t num = num_routes(c->doc);
    if (num == 0)
        return WEIR_OK;

    struct weir_route *routes = weir_compile_alloc(c, num, sizeof(*routes));
    struct weir_path_node *nodes = NULL;
    if (num > SCAN_MAX)
        nodes = weir_compile_alloc(c, num, sizeof(*nodes));
    enum weir_err err = routes_read(c, routes);
    if (err < 0)
        return err;

    if (num > 1)
        qsort(routes, num, sizeof(*routes), route_cmp);
    t->num_routes = (uint16_t)drop_duplicates(routes, num);
    t->routes = routes;
    while (t->num_exact < t->num_routes && routes[t->num_exact].exact)
        t->num_exact++;
    if (nodes) {
        routes_link(nodes, t);
        t->route_nodes = nodes;
    }
    return WEIR_OK;
}

static const struct weir_route *route_scan(const struct weir_tenant *t, struct weir_span path)
{
    for (size_t i = 0; i < t->num_routes; i++) {
        const struct weir_route *r = &t->routes[i];

        if (r->exact ? weir_span_eq(path, r->path) : weir_span_starts(path, r->path))
            return r;
    }
    return NULL;
}

const struct weir_route *weir_tenant_route(const struct weir_tenant *t, struct weir_span path)
{
    const struct weir_path_node *nodes = t->route_nodes;
    if (!nodes)
        return route_scan(t, path);

    uint16_t at = weir_paths_equal(nodes, t->num_exact, path);
    if (at != WEIR_PATH_NONE)
        return &t->routes[nodes[at].item];
    nodes += t->num_exact;
    at = weir_paths_longest(nodes, (size_t)(t->num_routes - t->num_exact), path);
    return at != WEIR_PATH_NONE ? &t->routes[nodes[at].item] : NULL;
}
