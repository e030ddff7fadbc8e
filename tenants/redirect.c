/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect.c - which redirect of a tenant decides about a request, and the Location it leads to.
 * Allocation-free. Rules are compared with the normalised path; Location is made of the path as
 * received, so that a client gets back the spelling it used; only behind a replaced prefix the
 * normalised rest stands, when the two differ.
 */
#include "tenants/redirect.h"

#include "tenants/redirect_set.h"

/** Up to this many classes are compared with the request one by one; of more, those that can match
 * are searched. */
#define SCAN_MAX 16

static uint8_t scheme_of(const struct weir_redirect_request *req)
{
    return req->https ? WEIR_REDIRECT_HTTPS : WEIR_REDIRECT_HTTP;
}

/** True for "a.x" and "a.b.x" behind the wildcard "*.x", not for "x". */
static bool wildcard_covers(struct weir_span behind, struct weir_span host)
{
    return host.len > behind.len + 1 && weir_span_ends(host, behind) &&
           host.at[host.len - behind.len - 1] == '.';
}

static bool class_matches(const struct weir_redirect_class *c,
                          const struct weir_redirect_request *req)
{
    if (c->port != 0 && c->port != req->port)
        return false;
    if (c->scheme != WEIR_REDIRECT_ANY_SCHEME && c->scheme != scheme_of(req))
        return false;
    if (c->host_kind == WEIR_REDIRECT_EXACT_HOST)
        return weir_span_eq(c->host, req->host);
    return c->host_kind == WEIR_REDIRECT_ANY_HOST || wildcard_covers(c->host, req->host);
}

/** The best rule of a class for this path, when it beats `best`. In a class an exact path beats
 * every prefix. */
static const struct weir_redirect_rule *class_best(const struct weir_redirect_set *set,
                                                   const struct weir_redirect_class *c,
                                                   struct weir_span path,
                                                   const struct weir_redirect_rule *best)
{
    const struct weir_path_node *nodes = set->nodes + c->first;
    uint16_t at = weir_paths_equal(nodes, c->num_exact, path);

    if (at == WEIR_PATH_NONE) {
        nodes += c->num_exact;
        at = weir_paths_longest(nodes, c->num_prefix, path);
    }
    if (at == WEIR_PATH_NONE)
        return best;

    const struct weir_redirect_rule *r = &set->rules[nodes[at].item];
    if (best && (best->rank > r->rank || (best->rank == r->rank && best->index < r->index)))
        return best;
    return r;
}

static const struct weir_redirect_class *class_find(const struct weir_redirect_set *set,
                                                    const struct weir_redirect_class *wanted)
{
    size_t low = 0, high = set->num_classes;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        int c = weir_redirect_class_cmp(&set->classes[mid], wanted);

        if (c == 0)
            return &set->classes[mid];
        if (c < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return NULL;
}

/** All classes that ask for this host: with the request's port or any, with its scheme or any. */
static const struct weir_redirect_rule *host_best(const struct weir_redirect_set *set,
                                                  const struct weir_redirect_request *req,
                                                  enum weir_redirect_host kind,
                                                  struct weir_span host,
                                                  const struct weir_redirect_rule *best)
{
    for (unsigned i = 0; i < 4; i++) {
        struct weir_redirect_class wanted = {
            .host = host,
            .host_kind = (uint8_t)kind,
            .port = i & 1 ? req->port : 0,
            .scheme = i & 2 ? scheme_of(req) : WEIR_REDIRECT_ANY_SCHEME,
        };
        const struct weir_redirect_class *c = class_find(set, &wanted);

        if (c)
            best = class_best(set, c, req->path, best);
    }
    return best;
}

static const struct weir_redirect_rule *set_search(const struct weir_redirect_set *set,
                                                   const struct weir_redirect_request *req)
{
    const struct weir_redirect_rule *best = NULL;

    best = host_best(set, req, WEIR_REDIRECT_ANY_HOST, WEIR_SPAN_EMPTY, best);
    best = host_best(set, req, WEIR_REDIRECT_EXACT_HOST, req->host, best);
    for (size_t i = 1; set->has_wildcards && i + 1 < req->host.len; i++)
        if (req->host.at[i] == '.')
            best =
                host_best(set, req, WEIR_REDIRECT_WILDCARD, weir_span_from(req->host, i + 1), best);
    return best;
}

static const struct weir_redirect_rule *set_scan(const struct weir_redirect_set *set,
                                                 const struct weir_redirect_request *req)
{
    const struct weir_redirect_rule *best = NULL;

    for (size_t i = 0; i < set->num_classes; i++)
        if (class_matches(&set->classes[i], req))
            best = class_best(set, &set->classes[i], req->path, best);
    return best;
}

/** The Location as it grows. */
struct writer {
    uint8_t *at;
    size_t len;
    size_t max;
    bool full;
};

static void location_append(struct writer *w, struct weir_span s)
{
    if (s.len > w->max - w->len) {
        w->full = true;
        return;
    }
    if (s.len > 0)
        memcpy(w->at + w->len, s.at, s.len);
    w->len += s.len;
}

static void location_append_port(struct writer *w, uint16_t port)
{
    uint8_t text[6];
    size_t at = sizeof(text);

    do {
        text[--at] = (uint8_t)('0' + port % 10);
        port = (uint16_t)(port / 10);
    } while (port != 0);
    text[--at] = ':';
    location_append(w, weir_span(text + at, sizeof(text) - at));
}

static uint16_t default_port(bool https)
{
    return https ? 443 : 80;
}

/** Where the request went, as one URL: raw path (never empty) and query with its "?". */
struct received {
    struct weir_span path;
    struct weir_span query;
};

static struct received received_of(const struct weir_redirect_request *req)
{
    const uint8_t *mark = req->raw.len ? memchr(req->raw.at, '?', req->raw.len) : NULL;
    size_t path_len = mark ? (size_t)(mark - req->raw.at) : req->raw.len;

    return (struct received){
        .path = path_len ? weir_span(req->raw.at, path_len) : req->path,
        .query = weir_span_from(req->raw, path_len),
    };
}

/** The origin that a rule leads to. */
struct origin {
    bool https;
    struct weir_span host;
    uint16_t port; /* as it is written; 0: it is not */
};

static struct origin origin_of(const struct weir_redirect_rule *r,
                               const struct weir_redirect_request *req)
{
    struct origin to = { .https = req->https, .host = req->host, .port = req->authority_port };

    if (r->to_scheme != WEIR_REDIRECT_ANY_SCHEME)
        to.https = r->to_scheme == WEIR_REDIRECT_HTTPS;
    if (to.https != req->https)
        to.port = 0;
    if (r->to_host.len > 0)
        to.host = r->to_host;
    if (r->to_port != 0)
        to.port = r->to_port == default_port(to.https) ? 0 : r->to_port;
    return to;
}

static bool is_origin_of_request(const struct origin *to, const struct weir_redirect_request *req)
{
    uint16_t port = req->no_authority ? req->port : req->authority_port;

    return to->https == req->https && weir_span_eq(to->host, req->host) &&
           (to->port ? to->port : default_port(to->https)) ==
               (port ? port : default_port(req->https));
}

/** A rule that changes nothing of the origin, for a client that did not say which it asked. */
static bool is_relative(const struct weir_redirect_rule *r, const struct weir_redirect_request *req,
                        const struct origin *to)
{
    return req->no_authority && r->to_host.len == 0 && r->to_port == 0 && to->https == req->https;
}

static void location_append_origin(struct writer *w, const struct origin *to)
{
    location_append(w, to->https ? WEIR_SPAN_LIT("https://") : WEIR_SPAN_LIT("http://"));
    location_append(w, to->host);
    if (to->port != 0)
        location_append_port(w, to->port);
}

/** Write the Location. @return false: it does not fit. *ret_same: it is where the request already
 * was. */
static bool location_write(const struct weir_redirect_rule *r,
                           const struct weir_redirect_request *req, struct writer *w,
                           bool *ret_same)
{
    struct received from = received_of(req);
    struct origin to = origin_of(r, req);
    bool relative = is_relative(r, req, &to);

    if (!relative)
        location_append_origin(w, &to);
    size_t path_at = w->len;
    if (r->has_to_path) {
        location_append(w, r->to_path);
        if (!r->exact)
            location_append(w, weir_span_from(req->path, r->path_len));
    } else {
        location_append(w, from.path);
    }
    bool same_path =
        !w->full && weir_span_eq(weir_span(w->at + path_at, w->len - path_at), from.path);
    if (!r->drop_query)
        location_append(w, from.query);

    *ret_same = same_path && (relative || is_origin_of_request(&to, req)) &&
                (!r->drop_query || from.query.len == 0);
    return !w->full;
}

enum weir_err weir_redirect_find(const struct weir_tenant *t,
                                 const struct weir_redirect_request *req, uint8_t *location,
                                 size_t location_max, struct weir_redirect_result *ret)
{
    const struct weir_redirect_set *set = t->redirects;
    const struct weir_redirect_rule *rule = NULL;
    struct weir_redirect_result result = { .code = 0 };

    WEIR_ASSERT(location != NULL || location_max == 0);
    if (set)
        rule = set->num_classes <= SCAN_MAX ? set_scan(set, req) : set_search(set, req);
    if (rule) {
        result.rule = rule->index;
        result.carved = rule->carved;
    }
    /* Without any host (HTTP/1.0) there is no absolute URI to lead to. */
    if (rule && !rule->carved && (rule->to_host.len > 0 || req->host.len > 0)) {
        struct writer w = { .at = location, .max = location_max };
        bool same = false;

        if (!location_write(rule, req, &w, &same))
            return WEIR_ELIMIT;
        if (!same) {
            result.code = rule->code;
            result.location_len = w.len;
        }
    }
    *ret = result;
    return WEIR_OK;
}
