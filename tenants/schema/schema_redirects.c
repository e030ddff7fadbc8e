/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_redirects.c - redirects that can never be met, or that lead to themselves.
 * Only certain errors are reported: a rule that leads each of its requests to where it already was,
 * and one that lengthens the path for ever because its new path begins with its old one. Where
 * another rule, another tenant or another port may serve the next request, nothing is reported.
 */
#include <stdlib.h>
#include <string.h>

#include "tenants/paths.h"
#include "tenants/schema/schema_check.h"

_Static_assert(WEIR_REDIRECTS_MAX < WEIR_PATH_NONE, "the paths of all rules fit one set");

/** What all rules of a tenant are, for the questions about one of them. */
struct rules {
    struct weir_names hosts; /* the tenant's, in lower case, sorted */
    struct weir_path_node
        *paths; /* of all rules, without "=", each once, linked; item: how often */
    size_t num_paths;
};

static bool is_empty(const char *s)
{
    return s == NULL || s[0] == '\0';
}

static struct weir_span rule_path(const Weir__V1__Redirect *r)
{
    struct weir_span path = weir_span_cstr(r->path);

    if (weir_span_starts(path, WEIR_SPAN_LIT("=")))
        path = weir_span_from(path, 1);
    return path.len > 0 ? path : WEIR_SPAN_LIT("/");
}

static bool is_exact(const Weir__V1__Redirect *r)
{
    return !is_empty(r->path) && r->path[0] == '=';
}

static bool is_same_host(const char *a, const char *b)
{
    return weir_span_eq_nocase(weir_span_cstr(a), weir_span_cstr(b));
}

/* -- rules that ask for the same -- */

static void add_question(struct weir_checker *c, struct weir_names *names,
                         const Weir__V1__Redirect *r, size_t index)
{
    char host[WEIR_HOST_MAX + 3] = "";
    struct weir_span path = rule_path(r);
    struct weir_span given = weir_span_cstr(r->host);

    for (size_t i = 0; i < given.len && i + 1 < sizeof(host); i++)
        host[i] = (char)weir_ascii_lower(given.at[i]);
    if (path.len > WEIR_PATH_MAX || given.len >= sizeof(host))
        return; /* reported as too long */
    const char *text = weir_arena_printf(
        c->scratch, "%s %s %u %c%.*s", is_empty(r->scheme) ? "" : r->scheme, host,
        r->has_port ? r->port : 0, is_exact(r) ? '=' : '^', (int)path.len, (const char *)path.at);
    if (text == NULL)
        c->failed = true;
    else
        weir_names_add(names, weir_span_cstr(text), index);
}

/** The redirects of a document that hold what their author wrote. */
struct sound {
    const struct weir_tree *item; /* of the text; NULL: there is none, and all are sound */
};

static struct sound sound_begin(const struct weir_checker *c, const struct weir_trail *list)
{
    const struct weir_tree *value = weir_report_value(c->report, list);

    return (struct sound){ value != NULL && value->kind == WEIR_TREE_LIST ? value->first : NULL };
}

/* Whether the next redirect is sound: what a broken one lacks is not known. */
static bool sound_next(struct sound *s)
{
    bool broken = s->item != NULL && (s->item->broken || s->item->reported);

    if (s->item != NULL)
        s->item = s->item->next;
    return !broken;
}

static void check_twice(struct weir_checker *c, const Weir__V1__Tenant *t, size_t num)
{
    struct weir_trail list = weir_trail_name(NULL, WEIR_SPAN_LIT("redirects"));
    struct weir_names names = weir_names_make(c, num);
    const struct weir_named *twice;
    size_t pos = 0, first;

    struct sound sound = sound_begin(c, &list);
    for (size_t i = 0; i < num; i++)
        if (sound_next(&sound))
            add_question(c, &names, t->redirects[i], i);
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct weir_trail step = weir_trail_index(&list, twice->index);
        weir_report_add(c->report, &step,
                        "is for the same requests as redirects[%zu] and could never be used",
                        first);
    }
}

/* -- rules that lead to themselves -- */

static bool keeps_scheme(const Weir__V1__Redirect *r)
{
    return is_empty(r->to->scheme) ||
           (!is_empty(r->scheme) && strcmp(r->to->scheme, r->scheme) == 0);
}

static bool keeps_port(const Weir__V1__Redirect *r)
{
    if (!r->to->has_port)
        return keeps_scheme(r);
    return r->has_port && r->port == r->to->port;
}

/* Whether every request of the rule is led to its own address. */
static bool changes_nothing(const Weir__V1__Redirect *r)
{
    bool keeps_host = is_empty(r->to->host) || is_same_host(r->to->host, r->host);
    bool keeps_path =
        is_empty(r->to->path) || weir_span_eq(weir_span_cstr(r->to->path), rule_path(r));
    bool keeps_query = !r->to->has_query || r->to->query;

    return keeps_scheme(r) && keeps_host && keeps_port(r) && keeps_path && keeps_query;
}

/* "a.b.c" among the names, or covered by "*.b.c" or "*.c". */
static bool is_covered(const struct weir_names *hosts, const char *host)
{
    uint8_t text[WEIR_HOST_MAX + 2];
    struct weir_span name = weir_span_cstr(host);

    if (name.len == 0 || name.len > WEIR_HOST_MAX)
        return false;
    for (size_t i = 0; i < name.len; i++)
        text[i + 1] = weir_ascii_lower(name.at[i]);
    if (weir_names_have(hosts, weir_span(text + 1, name.len)))
        return true;
    for (size_t i = 2; i <= name.len; i++) {
        if (text[i] != '.')
            continue;
        text[i - 1] = '*';
        if (weir_names_have(hosts, weir_span(text + i - 1, name.len + 2 - i)))
            return true;
    }
    return false;
}

/* Whether the new host is the tenant's, and the rule's again. */
static bool host_comes_back(const struct rules *rules, const Weir__V1__Redirect *r)
{
    if (is_empty(r->to->host))
        return true;
    if (!is_covered(&rules->hosts, r->to->host))
        return false;
    if (is_empty(r->host) || is_same_host(r->host, r->to->host))
        return true;
    struct weir_span wild = weir_span_cstr(r->host);
    struct weir_names one = { .items = &(struct weir_named){ .text = wild }, .num = 1, .max = 1 };
    return is_covered(&one, r->to->host);
}

static bool scheme_comes_back(const Weir__V1__Redirect *r)
{
    return is_empty(r->scheme) || keeps_scheme(r);
}

static bool port_comes_back(const Weir__V1__Redirect *r)
{
    if (r->has_port)
        return keeps_port(r);
    return !r->to->has_port;
}

/* Whether no other rule can ever decide about a path that begins with `to`, as `path` of this rule
 * does. */
static bool is_alone(const struct rules *rules, struct weir_span path, struct weir_span to)
{
    uint16_t longest = weir_paths_longest(rules->paths, rules->num_paths, to);
    size_t low = 0, high = rules->num_paths;

    if (longest == WEIR_PATH_NONE)
        return false;
    const struct weir_path_node *n = &rules->paths[longest];
    if (!weir_span_eq(weir_span(n->at, n->len), path) || n->item != 1)
        return false;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (weir_span_cmp(weir_span(rules->paths[mid].at, rules->paths[mid].len), to) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low == rules->num_paths ||
           !weir_span_starts(weir_span(rules->paths[low].at, rules->paths[low].len), to);
}

/* Whether every request of the rule comes back to it with a longer path. */
static bool never_ends(const struct rules *rules, const Weir__V1__Redirect *r)
{
    struct weir_span path = rule_path(r);
    struct weir_span to = weir_span_cstr(r->to->path);

    if (rules->paths == NULL || is_exact(r) || to.len <= path.len || !weir_span_starts(to, path))
        return false;
    return scheme_comes_back(r) && port_comes_back(r) && host_comes_back(rules, r) &&
           is_alone(rules, path, to);
}

static int path_cmp(const void *a, const void *b)
{
    const struct weir_path_node *x = a, *y = b;

    return weir_span_cmp(weir_span(x->at, x->len), weir_span(y->at, y->len));
}

/* The paths of all rules, sorted and linked. None when one is too long, which was reported. */
static void paths_make(struct weir_checker *c, const Weir__V1__Tenant *t, size_t num,
                       struct rules *rules)
{
    struct weir_path_node *nodes = weir_arena_calloc(c->scratch, num, sizeof(*nodes));
    size_t num_distinct = 0;

    if (nodes == NULL) {
        c->failed = true;
        return;
    }
    for (size_t i = 0; i < num; i++) {
        struct weir_span path = rule_path(t->redirects[i]);
        if (path.len > WEIR_PATH_MAX)
            return;
        nodes[i] = weir_paths_node(path, 1);
    }
    qsort(nodes, num, sizeof(*nodes), path_cmp);
    for (size_t i = 0; i < num; i++) {
        if (num_distinct > 0 && path_cmp(&nodes[num_distinct - 1], &nodes[i]) == 0)
            nodes[num_distinct - 1].item++;
        else
            nodes[num_distinct++] = nodes[i];
    }
    weir_paths_link(nodes, num_distinct);
    rules->paths = nodes;
    rules->num_paths = num_distinct;
}

void weir_check_redirects(struct weir_checker *c, const Weir__V1__Tenant *t)
{
    size_t num = t->n_redirects < WEIR_REDIRECTS_MAX ? t->n_redirects : WEIR_REDIRECTS_MAX;
    struct weir_trail list = weir_trail_name(NULL, WEIR_SPAN_LIT("redirects"));
    struct rules rules = { .paths = NULL };

    if (num == 0)
        return;
    check_twice(c, t, num);
    paths_make(c, t, num, &rules);
    rules.hosts = weir_names_make(c, t->n_hosts);
    for (size_t i = 0; i < t->n_hosts; i++)
        weir_names_add_lower(c, &rules.hosts, weir_span_cstr(t->hosts[i]), i);
    weir_names_sort(&rules.hosts);
    struct sound sound = sound_begin(c, &list);
    for (size_t i = 0; i < num; i++) {
        const Weir__V1__Redirect *r = t->redirects[i];
        struct weir_trail item = weir_trail_index(&list, i);
        struct weir_trail to = weir_trail_name(&item, WEIR_SPAN_LIT("to"));

        if (!sound_next(&sound) || r->to == NULL || (r->to->has_none && r->to->none))
            continue;
        if (changes_nothing(r))
            weir_report_add(c->report, &to, "leads each request to where it already is");
        else if (never_ends(&rules, r))
            weir_report_add(c->report, &to, "leads to itself without end");
    }
}
