/* SPDX-License-Identifier: Apache-2.0
 *
 * redirect_compile.c - sorts the redirects of a document into classes (tenants/redirect_set.h)
 * inside a tenant's block. Owner: the thread that compiles.   Limits: WEIR_REDIRECTS_MAX rules,
 * WEIR_PATH_MAX bytes a path.
 */
#include <stdlib.h>

#include "node/wire/bytes.h"
#include "node/wire/uri.h"
#include "tenants/compile.h"
#include "tenants/redirect_set.h"
#include "tenants/tenant.h"

_Static_assert(WEIR_REDIRECTS_MAX < WEIR_PATH_NONE, "a node's number fits its links");
_Static_assert(WEIR_PATH_MAX < 1 << 12, "the length of a path fits its bits of the rank");
_Static_assert(WEIR_HOST_MAX < 1 << 8, "the length of a host fits its bits of the rank");

/** A rule on its way into the block. Its spans borrow from the document and from scratch. */
struct draft {
    struct weir_redirect_class class; /* what it asks for, but for the path */
    struct weir_span path;
    struct weir_redirect_rule rule;
};

struct weir_redirect_plan {
    struct draft *drafts; /* sorted */
    size_t num;
    size_t num_classes;
};

int weir_redirect_class_cmp(const struct weir_redirect_class *a,
                            const struct weir_redirect_class *b)
{
    if (a->host_kind != b->host_kind)
        return a->host_kind < b->host_kind ? -1 : 1;
    int c = weir_span_cmp(a->host, b->host);
    if (c != 0)
        return c;
    if (a->port != b->port)
        return a->port < b->port ? -1 : 1;
    return (a->scheme > b->scheme) - (a->scheme < b->scheme);
}

/** By class, exact paths first, then path, then place in the file. */
static int draft_cmp(const void *a, const void *b)
{
    const struct draft *x = a, *y = b;
    int c = weir_redirect_class_cmp(&x->class, &y->class);

    if (c != 0)
        return c;
    if (x->rule.exact != y->rule.exact)
        return x->rule.exact ? -1 : 1;
    c = weir_span_cmp(x->path, y->path);
    return c != 0 ? c : (x->rule.index > y->rule.index) - (x->rule.index < y->rule.index);
}

/** redirect.h: exact path, longer path, exact host, longer wildcard, a port, a scheme - as one
 * number. */
static uint32_t rank_of(const struct draft *d)
{
    uint32_t rank = d->rule.exact;

    rank = rank << 12 | (uint32_t)d->path.len;
    rank = rank << 2 | d->class.host_kind;
    rank = rank << 8 |
           (d->class.host_kind == WEIR_REDIRECT_WILDCARD ? (uint32_t)d->class.host.len : 0);
    rank = rank << 1 | (d->class.port != 0);
    rank = rank << 1 | (d->class.scheme != WEIR_REDIRECT_ANY_SCHEME);
    return rank;
}

/** @return false: neither of the schemes */
static bool scheme_read(const char *text, uint8_t *ret)
{
    struct weir_span s = weir_span_cstr(text);

    if (s.len == 0)
        *ret = WEIR_REDIRECT_ANY_SCHEME;
    else if (weir_span_eq(s, WEIR_SPAN_LIT("http")))
        *ret = WEIR_REDIRECT_HTTP;
    else if (weir_span_eq(s, WEIR_SPAN_LIT("https")))
        *ret = WEIR_REDIRECT_HTTPS;
    else
        return false;
    return true;
}

/** Store a host in the form that requests are compared in. @return WEIR_OK | WEIR_ENOMEM */
static enum weir_err host_set(struct weir_compile *c, const uint8_t *at, size_t len,
                              struct weir_span *ret)
{
    uint8_t *copy = weir_arena_alloc(c->scratch, len);

    if (!copy)
        return WEIR_ENOMEM;
    memcpy(copy, at, len);
    *ret = weir_span(copy, len);
    return WEIR_OK;
}

/** A name or an address literal, by the parser that reads requests; empty stays empty. */
static enum weir_err host_read(struct weir_compile *c, const char *text, struct weir_span *ret)
{
    struct weir_span s = weir_span_cstr(text);
    struct weir_authority a;

    *ret = WEIR_SPAN_EMPTY;
    if (s.len == 0)
        return WEIR_OK;
    if (weir_authority_parse(s, &a) < 0 || !weir_authority_is_host(&a))
        return weir_compile_refuse(c, "redirects: %s is no host", text);
    return host_set(c, a.host, a.host_len, ret);
}

/** The host that a rule asks for: none, a host, or what stands behind "*.". */
static enum weir_err host_match_read(struct weir_compile *c, const char *text,
                                     struct weir_redirect_class *class)
{
    struct weir_span s = weir_span_cstr(text);
    uint8_t name[WEIR_HOST_MAX];
    size_t len = 0;

    class->host_kind = s.len > 0 ? WEIR_REDIRECT_EXACT_HOST : WEIR_REDIRECT_ANY_HOST;
    if (!weir_span_starts(s, WEIR_SPAN_LIT("*.")))
        return host_read(c, text, &class->host);
    class->host_kind = WEIR_REDIRECT_WILDCARD;
    if (weir_host_normalise(weir_span_from(s, 2), name, &len) < 0)
        return weir_compile_refuse(c, "redirects: %s is no wildcard", text);
    return host_set(c, name, len, &class->host);
}

static enum weir_err match_read(struct weir_compile *c, const Weir__V1__Redirect *from,
                                struct draft *d)
{
    enum weir_err err = weir_compile_path(c, from->path, &d->rule.exact, &d->path);
    if (err < 0)
        return err;
    d->rule.path_len = (uint16_t)d->path.len;

    err = host_match_read(c, from->host, &d->class);
    if (err < 0)
        return err;
    if (!scheme_read(from->scheme, &d->class.scheme))
        return weir_compile_refuse(c, "redirects[%u].scheme: http or https", d->rule.index);
    if (from->has_port && from->port > UINT16_MAX)
        return weir_compile_refuse(c, "redirects[%u].port: 1..65535", d->rule.index);
    d->class.port = from->has_port ? (uint16_t)from->port : 0;
    return WEIR_OK;
}

static bool code_is_redirect(uint32_t code)
{
    return (code >= 301 && code <= 303) || code == 307 || code == 308;
}

static enum weir_err target_read(struct weir_compile *c, const Weir__V1__RedirectTo *to,
                                 struct draft *d)
{
    struct weir_redirect_rule *r = &d->rule;
    uint32_t code = to->has_code ? to->code : 301;

    r->carved = to->has_none && to->none;
    if (r->carved)
        return WEIR_OK;
    if (!code_is_redirect(code))
        return weir_compile_refuse(c, "redirects[%u].to.code: 301, 302, 303, 307 or 308", r->index);
    r->code = (uint16_t)code;
    if (!scheme_read(to->scheme, &r->to_scheme))
        return weir_compile_refuse(c, "redirects[%u].to.scheme: http or https", r->index);
    if (to->has_port && to->port > UINT16_MAX)
        return weir_compile_refuse(c, "redirects[%u].to.port: 1..65535", r->index);
    r->to_port = to->has_port ? (uint16_t)to->port : 0;
    r->to_path = weir_span_cstr(to->path);
    if (r->to_path.len > WEIR_PATH_MAX ||
        (r->to_path.len > 0 &&
         (r->to_path.at[0] != '/' || !weir_bytes_all(r->to_path, WEIR_BYTE_PATH))))
        return weir_compile_refuse(c, "redirects[%u].to.path: a path of at most %d bytes", r->index,
                                   WEIR_PATH_MAX);
    r->has_to_path = r->to_path.len > 0;
    r->drop_query = to->has_query && !to->query;
    return host_read(c, to->host, &r->to_host);
}

static enum weir_err drafts_read(struct weir_compile *c, struct weir_redirect_plan *plan)
{
    for (size_t i = 0; i < plan->num; i++) {
        const Weir__V1__Redirect *from = c->doc->redirects[i];
        struct draft *d = &plan->drafts[i];

        d->rule.index = (uint16_t)i;
        if (!from->to)
            return weir_compile_refuse(c, "redirects[%zu].to: is missing", i);
        enum weir_err err = match_read(c, from, d);
        if (err < 0)
            return err;
        err = target_read(c, from->to, d);
        if (err < 0)
            return err;
        d->rule.rank = rank_of(d);
    }
    return WEIR_OK;
}

/* tls.redirect_http: behind all rules of the document, and less specific than any of them. */
static void draft_https(struct weir_redirect_plan *plan)
{
    struct draft *d = &plan->drafts[plan->num];
    d->path = WEIR_SPAN_LIT("/");
    d->class.scheme = WEIR_REDIRECT_HTTP;
    d->rule.path_len = 1;
    d->rule.index = (uint16_t)plan->num;
    d->rule.code = 301;
    d->rule.to_scheme = WEIR_REDIRECT_HTTPS;
    d->rule.rank = 0;
    plan->num++;
}

static bool same_match(const struct draft *a, const struct draft *b)
{
    return weir_redirect_class_cmp(&a->class, &b->class) == 0 && a->rule.exact == b->rule.exact &&
           weir_span_eq(a->path, b->path);
}

/** Of rules for the same requests only the first can match: drop the others, and count the classes.
 */
static void drop_duplicates(struct weir_redirect_plan *plan)
{
    struct draft *d = plan->drafts;
    size_t num_left = 0;

    for (size_t i = 0; i < plan->num; i++) {
        if (num_left > 0 && same_match(&d[num_left - 1], &d[i]))
            continue;
        if (num_left == 0 || weir_redirect_class_cmp(&d[num_left - 1].class, &d[i].class) != 0)
            plan->num_classes++;
        d[num_left++] = d[i];
    }
    plan->num = num_left;
}

enum weir_err weir_redirects_measure(struct weir_compile *c)
{
    bool to_https =
        c->doc->tls != NULL && c->doc->tls->has_redirect_http && c->doc->tls->redirect_http;
    if (c->doc->n_redirects == 0 && !to_https)
        return WEIR_OK;
    struct weir_redirect_plan *plan = weir_arena_calloc(c->scratch, 1, sizeof(*plan));
    if (!plan)
        return WEIR_ENOMEM;
    plan->num = c->doc->n_redirects;
    plan->drafts = weir_arena_calloc(c->scratch, plan->num + 1, sizeof(*plan->drafts));
    if (!plan->drafts)
        return WEIR_ENOMEM;
    enum weir_err err = drafts_read(c, plan);
    if (err < 0)
        return err;
    if (to_https)
        draft_https(plan);

    qsort(plan->drafts, plan->num, sizeof(*plan->drafts), draft_cmp);
    drop_duplicates(plan);
    weir_compile_measure(c, 1, sizeof(struct weir_redirect_set));
    weir_compile_measure(c, plan->num, sizeof(struct weir_redirect_rule));
    weir_compile_measure(c, plan->num, sizeof(struct weir_path_node));
    weir_compile_measure(c, plan->num_classes, sizeof(struct weir_redirect_class));
    for (size_t i = 0; i < plan->num; i++) {
        const struct draft *d = &plan->drafts[i];

        c->text_len += d->path.len + 1 + d->class.host.len + 1;
        c->text_len += d->rule.to_host.len + 1 + d->rule.to_path.len + 1;
    }
    c->redirects = plan;
    return WEIR_OK;
}

static void rule_fill(struct weir_compile *c, const struct draft *d, struct weir_redirect_rule *r)
{
    *r = d->rule;
    r->to_host = weir_compile_text(c, d->rule.to_host);
    r->to_path = weir_compile_text(c, d->rule.to_path);
}

void weir_redirects_fill(struct weir_compile *c)
{
    const struct weir_redirect_plan *plan = c->redirects;
    if (!plan)
        return;

    struct weir_redirect_set *set = weir_compile_alloc(c, 1, sizeof(*set));
    struct weir_redirect_rule *rules = weir_compile_alloc(c, plan->num, sizeof(*rules));
    struct weir_path_node *nodes = weir_compile_alloc(c, plan->num, sizeof(*nodes));
    struct weir_redirect_class *classes =
        weir_compile_alloc(c, plan->num_classes, sizeof(*classes));
    struct weir_redirect_class *at = NULL;

    for (uint16_t i = 0; i < plan->num; i++) {
        const struct draft *d = &plan->drafts[i];

        if (i == 0 || weir_redirect_class_cmp(&plan->drafts[i - 1].class, &d->class) != 0) {
            at = &classes[set->num_classes++];
            *at = d->class;
            at->host = weir_compile_text(c, d->class.host);
            at->first = i;
            set->has_wildcards |= at->host_kind == WEIR_REDIRECT_WILDCARD;
        }
        rule_fill(c, d, &rules[i]);
        nodes[i] = weir_paths_node(weir_compile_text(c, d->path), i);
        at->num_exact = (uint16_t)(at->num_exact + d->rule.exact);
        at->num_prefix = (uint16_t)(at->num_prefix + !d->rule.exact);
    }
    for (size_t i = 0; i < set->num_classes; i++)
        weir_paths_link(nodes + classes[i].first + classes[i].num_exact, classes[i].num_prefix);
    set->num_rules = (uint16_t)plan->num;
    set->rules = rules;
    set->nodes = nodes;
    set->classes = classes;
    c->tenant->redirects = set;
}
