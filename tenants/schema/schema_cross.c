/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_cross.c - checks fields of a tenant or a node against each other: references, order, sums.
 * Runs after the fields were checked one by one, also over fields that have errors.
 */
#include <stdio.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/wire/tls_server.h"
#include "tenants/defaults.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_check.h"
#include "tenants/tls_policy.h"

/* The trail of `list[index].field`. */
struct item_trail {
    struct weir_trail list, item, field;
};

/* Fills its argument, because the steps point at each other. */
static const struct weir_trail *item_field(struct item_trail *t, const struct weir_trail *up,
                                           const char *list, size_t index, const char *field)
{
    t->list = weir_trail_name(up, weir_span_cstr(list));
    t->item = weir_trail_index(&t->list, index);
    t->field = weir_trail_name(&t->item, weir_span_cstr(field));
    return &t->field;
}

/* -- upstreams -- */

static void check_endpoints(struct weir_checker *c, const Weir__V1__Upstream *u,
                            const struct weir_trail *at)
{
    size_t num = u->n_endpoints < WEIR_ENDPOINTS_MAX ? u->n_endpoints : WEIR_ENDPOINTS_MAX;
    struct weir_names names = weir_names_make(c, num);
    const struct weir_named *twice;
    size_t pos = 0, first;

    for (size_t i = 0; i < num; i++)
        if (u->endpoints[i]->address != NULL)
            weir_names_add_lower(c, &names, weir_span_cstr(u->endpoints[i]->address), i);
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct item_trail t;
        weir_report_add(c->report, item_field(&t, at, "endpoints", twice->index, "address"),
                        "%s is given twice, first in endpoints[%zu]",
                        weir_schema_text_show(twice->text).text, first);
    }
}

static void check_pool(struct weir_checker *c, const Weir__V1__Pool *p, const struct weir_trail *at)
{
    struct weir_trail pool = weir_trail_name(at, WEIR_SPAN_LIT("pool"));

    /* Only given values are compared: a default gives way to a value beside it. */
    if (p->has_min_idle && p->has_max_idle && p->min_idle > p->max_idle) {
        struct weir_trail step = weir_trail_name(&pool, WEIR_SPAN_LIT("min_idle"));
        weir_report_add(c->report, &step, "%u is above max_idle, which is %u", p->min_idle,
                        p->max_idle);
    }
    if (p->has_max_idle && p->has_max && p->max_idle > p->max) {
        struct weir_trail step = weir_trail_name(&pool, WEIR_SPAN_LIT("max_idle"));
        weir_report_add(c->report, &step, "%u is above max, which is %u", p->max_idle, p->max);
    }
    if (p->has_min_idle && !p->has_max_idle && p->has_max && p->min_idle > p->max) {
        struct weir_trail step = weir_trail_name(&pool, WEIR_SPAN_LIT("min_idle"));
        weir_report_add(c->report, &step, "%u is above max, which is %u", p->min_idle, p->max);
    }
}

static void check_upstreams(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    struct weir_trail upstreams = weir_trail_name(NULL, WEIR_SPAN_LIT("upstreams"));

    for (size_t i = 0; i < t->n_upstreams && i < WEIR_UPSTREAMS_MAX; i++) {
        const Weir__V1__Upstream *u = t->upstreams[i]->value;
        struct weir_trail at = weir_trail_name(&upstreams, weir_span_cstr(t->upstreams[i]->key));

        if (u == NULL)
            continue;
        check_endpoints(c, u, &at);
        if (u->pool != NULL)
            check_pool(c, u->pool, &at);
        weir_check_upstream_tls(c, u, &at);
    }
}

/* -- TLS -- */

static void check_tls(struct weir_checker *c, const Weir__V1__Tls *tls)
{
    struct weir_trail at = weir_trail_name(NULL, WEIR_SPAN_LIT("tls"));
    struct weir_trail list = weir_trail_name(&at, WEIR_SPAN_LIT("ciphers"));
    for (size_t i = 0; i < tls->n_ciphers && i < WEIR_TLS_CIPHERS_MAX; i++) {
        struct weir_trail item = weir_trail_index(&list, i);
        if (!weir_tls_suite_is_known(tls->ciphers[i]))
            weir_report_add(c->report, &item,
                            "%s is no cipher suite of TLS up to 1.2 that weir has",
                            weir_schema_text_show(weir_span_cstr(tls->ciphers[i])).text);
    }
    if (tls->client_certificates != NULL)
        weir_check_client_certificates(c, tls->client_certificates, &at);
    if (weir_tls_versions(tls) == 0) {
        struct weir_trail step = weir_trail_name(&at, WEIR_SPAN_LIT("max_version"));
        weir_report_add(c->report, &step, "no version is left: the lowest is %s",
                        tls->min_version != NULL ? tls->min_version : "that of the policy");
    }
}

/* -- routes -- */

static void check_upstream_name(struct weir_checker *c, const Weir__V1__Tenant *t,
                                const struct weir_names *known, const char *name,
                                const struct weir_trail *at)
{
    struct weir_span word = weir_span_cstr(name);
    struct weir_suggest suggest = weir_suggest_begin(word);

    if (word.len == 0 || weir_names_have(known, word))
        return;
    for (size_t i = 0; i < known->num; i++)
        weir_suggest_offer(&suggest, known->items[i].text);
    weir_report_add(c->report, at, "there is no upstream %s%s", weir_schema_text_show(word).text,
                    weir_suggest_text(&suggest).text);
}

static void check_route_paths(struct weir_checker *c, const Weir__V1__Tenant *t, size_t num)
{
    struct weir_names paths = weir_names_make(c, num);
    const struct weir_named *twice;
    size_t pos = 0, first;

    for (size_t i = 0; i < num; i++)
        if (t->routes[i]->path != NULL)
            weir_names_add(&paths, weir_span_cstr(t->routes[i]->path), i);
    weir_names_sort(&paths);
    while ((twice = weir_names_twice(&paths, &pos, &first)) != NULL) {
        struct item_trail step;
        weir_report_add(c->report, item_field(&step, NULL, "routes", twice->index, "path"),
                        "%s is given twice, first in routes[%zu]",
                        weir_schema_text_show(twice->text).text, first);
    }
}

/* A "*" at the end of a path is legal and matches itself alone, which is hardly ever meant. */
static void warn_of_glob(struct weir_checker *c, const char *path, const struct weir_trail *at)
{
    struct weir_span text = weir_span_cstr(path);
    size_t len = text.len;

    while (len > 0 && text.at[len - 1] == '*')
        len--;
    if (len == text.len || weir_report_is_broken(c->report, at) || text.len > WEIR_PATH_MAX)
        return;
    bool exact = weir_span_starts(text, WEIR_SPAN_LIT("="));
    struct weir_span meant = weir_span(text.at + exact, len > exact ? len - exact : 0);
    weir_report_warn(c->report, at,
                     "%s: a path is a prefix and no pattern, so \"*\" stands for itself: write %s",
                     weir_schema_text_show(text).text,
                     weir_schema_text_show(meant.len > 0 ? meant : WEIR_SPAN_LIT("/")).text);
}

static void warn_of_globs(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    struct item_trail step;

    for (size_t i = 0; i < t->n_routes && i < WEIR_ROUTES_MAX; i++)
        warn_of_glob(c, t->routes[i]->path, item_field(&step, NULL, "routes", i, "path"));
    for (size_t i = 0; i < t->n_redirects && i < WEIR_REDIRECTS_MAX; i++)
        warn_of_glob(c, t->redirects[i]->path, item_field(&step, NULL, "redirects", i, "path"));
}

static void check_routes(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    size_t num = t->n_routes < WEIR_ROUTES_MAX ? t->n_routes : WEIR_ROUTES_MAX;
    size_t num_upstreams =
        t->n_upstreams < WEIR_UPSTREAMS_MAX ? t->n_upstreams : WEIR_UPSTREAMS_MAX;
    struct weir_names known = weir_names_make(c, num_upstreams);

    if (num == 0 && t->n_upstreams > 1) {
        struct weir_trail step = weir_trail_name(NULL, WEIR_SPAN_LIT("routes"));
        weir_report_add(c->report, &step,
                        "is missing or empty: with %zu upstreams it must state which serves what",
                        t->n_upstreams);
    }
    for (size_t i = 0; i < num_upstreams; i++)
        weir_names_add(&known, weir_span_cstr(t->upstreams[i]->key), i);
    weir_names_sort(&known);
    /* A name that was reported or not read may be the one that a route means. */
    struct weir_trail upstreams = weir_trail_name(NULL, WEIR_SPAN_LIT("upstreams"));
    bool all_known = known.max == num_upstreams && !weir_report_is_partial(c->report, &upstreams);
    for (size_t i = 0; i < num && all_known; i++) {
        struct item_trail step;
        check_upstream_name(c, t, &known, t->routes[i]->upstream,
                            item_field(&step, NULL, "routes", i, "upstream"));
    }
    check_route_paths(c, t, num);
}

/* -- error pages -- */

static void check_page(struct weir_checker *c, const Weir__V1__ErrorPage *p,
                       const struct weir_trail *at)
{
    bool has_file = p->file != NULL;

    if (!has_file && !p->has_body && !weir_report_is_broken(c->report, at))
        weir_report_add(c->report, at, "needs a file or a body");
    if (has_file && p->has_body) {
        struct weir_trail step = weir_trail_name(at, WEIR_SPAN_LIT("file"));
        weir_report_add(c->report, &step, "is not allowed beside body: give one of them");
    }
}

static void check_pages(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    struct weir_trail pages = weir_trail_name(NULL, WEIR_SPAN_LIT("error_pages"));
    size_t sum = 0;

    for (size_t i = 0; i < t->n_error_pages; i++) {
        const Weir__V1__ErrorPage *p = t->error_pages[i]->value;
        struct weir_trail at = weir_trail_name(&pages, weir_span_cstr(t->error_pages[i]->key));

        if (p == NULL)
            continue;
        check_page(c, p, &at);
        sum += p->has_body ? p->body.len : 0;
    }
    if (sum > WEIR_ERROR_PAGES_BYTES_MAX)
        weir_report_add(c->report, &pages,
                        "all bodies together are %zu bytes, at most %d are allowed", sum,
                        WEIR_ERROR_PAGES_BYTES_MAX);
}

bool weir_schema_has_unread_files(const Weir__V1__Tenant *t)
{
    for (size_t i = 0; i < t->n_error_pages; i++) {
        const Weir__V1__ErrorPage *p = t->error_pages[i]->value;
        if (p != NULL && p->file != NULL && !p->has_body)
            return true;
    }
    for (size_t i = 0; i < t->n_upstreams; i++)
        if (weir_schema_has_unread_ca(t->upstreams[i]->value))
            return true;
    return weir_schema_has_unread_client_ca(t);
}

/* -- headers -- */

#define FIELD_LINE_BYTES 4 /* colon, space, CR, LF */

static void check_added(struct weir_checker *c, const char *list, size_t sum, size_t max)
{
    struct weir_trail headers = weir_trail_name(NULL, WEIR_SPAN_LIT("headers"));
    struct weir_trail step = weir_trail_name(&headers, weir_span_cstr(list));

    if (sum > max)
        weir_report_add(c->report, &step,
                        "all fields together are %zu bytes, at most %zu are allowed", sum, max);
}

static size_t field_bytes(const char *name, const char *value)
{
    return FIELD_LINE_BYTES + weir_span_cstr(name).len + weir_span_cstr(value).len;
}

static void check_headers(struct weir_checker *c, const Weir__V1__Headers *h)
{
    size_t request = 0;
    size_t response = 0;

    if (h == NULL)
        return;
    for (size_t i = 0; i < h->n_add_request; i++)
        request += field_bytes(h->add_request[i]->key, h->add_request[i]->value);
    for (size_t i = 0; i < h->n_add_response; i++)
        response += field_bytes(h->add_response[i]->key, h->add_response[i]->value);
    check_added(c, "add_request", request, WEIR_ADD_REQUEST_MAX);
    check_added(c, "add_response", response, WEIR_ADD_RESPONSE_MAX);
}

/* -- the whole -- */

#define CLAIM_BYTES  32  /* what a record stores of a claimed name, besides the name */
#define RECORD_BYTES 512 /* what it stores besides the tenant and its claims */

/* A tenant is one record of the store. */
static void check_bytes(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    size_t len = RECORD_BYTES + weir__v1__tenant__get_packed_size(t);

    for (size_t i = 0; i < t->n_hosts; i++)
        len += CLAIM_BYTES + strlen(t->hosts[i]);
    for (size_t i = 0; i < t->n_addresses; i++)
        len += CLAIM_BYTES + strlen(t->addresses[i]);
    if (len > WEIR_RECORD_MAX)
        weir_report_add(c->report, NULL, "the tenant takes %zu bytes, at most %d are allowed", len,
                        WEIR_RECORD_MAX);
}

/* A tenant that allows itself has mistaken whose list it is. */
static void check_allow_overlap(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    struct weir_trail list = weir_trail_name(NULL, WEIR_SPAN_LIT("allow_overlap"));

    for (size_t i = 0; t->name != NULL && i < t->n_allow_overlap; i++) {
        struct weir_trail step = weir_trail_index(&list, i);
        if (strcmp(t->allow_overlap[i], t->name) == 0)
            weir_report_add(c->report, &step,
                            "%s is this tenant itself: list the other tenants that may claim names "
                            "inside its own",
                            weir_schema_text_show(weir_span_cstr(t->name)).text);
    }
}

void weir_check_tenant(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    struct weir_trail addresses = weir_trail_name(NULL, WEIR_SPAN_LIT("addresses"));

    if (t->n_hosts == 0 && t->n_addresses == 0 && !weir_report_is_partial(c->report, &addresses)) {
        struct weir_trail step = weir_trail_name(NULL, WEIR_SPAN_LIT("hosts"));
        weir_report_add(c->report, &step,
                        "is missing or empty: a tenant needs a host or an address");
    }
    if (t->tls != NULL)
        check_tls(c, t->tls);
    check_upstreams(c, t);
    check_routes(c, t);
    weir_check_redirects(c, t);
    warn_of_globs(c, t);
    check_headers(c, t->headers);
    check_pages(c, t);
    check_allow_overlap(c, t);
    check_bytes(c, t);
}

/* -- nodes -- */

/** An address that a node listens on, and where the file gives it. */
struct listener {
    const char *text;
    const char *section; /* "listen" or "admin" */
    const char *field;
    size_t index; /* in its list */
    bool in_list;
};

/* Fills its argument, because the steps point at each other. */
static const struct weir_trail *listener_trail(struct item_trail *t, const struct listener *l)
{
    t->list = weir_trail_name(NULL, weir_span_cstr(l->section));
    t->item = weir_trail_name(&t->list, weir_span_cstr(l->field));
    t->field = weir_trail_index(&t->item, l->index);
    return l->in_list ? &t->field : &t->item;
}

static size_t listeners_collect(const Weir__V1__Node *n, struct listener *out)
{
    size_t num_http = n->listen != NULL ? n->listen->n_http : 0;
    size_t num_https = n->listen != NULL ? n->listen->n_https : 0;
    size_t num = 0;

    for (size_t i = 0; i < num_http; i++)
        out[num++] = (struct listener){ n->listen->http[i], "listen", "http", i, true };
    for (size_t i = 0; i < num_https; i++)
        out[num++] = (struct listener){ n->listen->https[i], "listen", "https", i, true };
    if (n->admin != NULL) {
        out[num++] = (struct listener){ n->admin->listen, "admin", "listen", 0, false };
        out[num++] = (struct listener){ n->admin->metrics, "admin", "metrics", 0, false };
    }
    return num;
}

static void check_listeners(struct weir_checker *c, const Weir__V1__Node *n)
{
    size_t max = (n->listen != NULL ? n->listen->n_http + n->listen->n_https : 0) + 2;
    struct listener *all = weir_arena_calloc(c->scratch, max, sizeof(*all));
    struct weir_names names = weir_names_make(c, max);
    const struct weir_named *twice;
    size_t pos = 0, first;

    if (all == NULL) {
        c->failed = true;
        return;
    }
    size_t num = listeners_collect(n, all);
    for (size_t i = 0; i < num; i++) {
        struct weir_span text = weir_span_cstr(all[i].text);
        /* Port 0 is another port each time. */
        if (text.len > 0 && !weir_span_ends(text, WEIR_SPAN_LIT(":0")))
            weir_names_add_lower(c, &names, text, i);
    }
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct item_trail t, t_first;
        char where[64];
        weir_trail_text(listener_trail(&t_first, &all[first]), where, sizeof(where));
        weir_report_add(c->report, listener_trail(&t, &all[twice->index]),
                        "%s is given twice, first in %s", weir_schema_text_show(twice->text).text,
                        where);
    }
}

/* At one path only one of the two sockets can exist. */
static void check_sockets(struct weir_checker *c, const Weir__V1__Admin *a)
{
    struct weir_span socket = weir_span_cstr(a->socket != NULL ? a->socket : WEIR_DEFAULT_SOCKET);
    struct weir_trail admin = weir_trail_name(NULL, WEIR_SPAN_LIT("admin"));
    struct weir_trail step = weir_trail_name(&admin, WEIR_SPAN_LIT("socket_ro"));

    if (a->socket_ro != NULL && weir_span_eq(weir_span_cstr(a->socket_ro), socket))
        weir_report_add(c->report, &step, "%s is the path of admin.socket: give another one",
                        weir_schema_text_show(socket).text);
}

void weir_check_node(struct weir_checker *c, const Weir__V1__Node *n)
{
    check_listeners(c, n);
    if (n->admin != NULL)
        check_sockets(c, n->admin);
}
