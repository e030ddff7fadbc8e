/* SPDX-License-Identifier: Apache-2.0
 *
 * config.c - see config.h. The schema has judged every value by itself; here they are judged
 * together, and by what this node does with them. What is wrong is added to the same list, so
 * that the operator sees all of it at once.
 */
#include "node/ctl/config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <uv.h>

#include "tenants/defaults.h"

#define NAME_MAX_BYTES 255
#define DNS_PORT       53

void weir_config_init(struct weir_config *c)
{
    memset(c, 0, sizeof(*c));
    weir_docs_init(&c->docs);
}

void weir_config_deinit(struct weir_config *c)
{
    weir_docs_deinit(&c->docs);
}

/** What the checks share. */
struct reading {
    struct weir_config *config;
    struct weir_strbuf *problems;
    const char *file; /* NULL: there is none */
    enum weir_err err;
};

static WEIR_PRINTF(3, 4) void add_problem(struct reading *g, const char *field, const char *fmt,
                                          ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    weir_strbuf_printf(g->problems, "%s%s%s: %s\n", g->file != NULL ? g->file : "",
                       g->file != NULL ? ": " : "", field, text);
    if (g->err == WEIR_OK)
        g->err = WEIR_EINVAL;
}

static const char *text_or(const char *text, const char *otherwise)
{
    return text != NULL && text[0] != '\0' ? text : otherwise;
}

/* "address:port"; port 0 takes any free one, which the node then names in its log. */
static bool parse_listener(const char *text, struct weir_addr *ret)
{
    struct weir_span s = weir_span_cstr(text);
    if (!weir_span_ends(s, WEIR_SPAN_LIT(":0")))
        return weir_addr_parse(s, ret) == WEIR_OK;
    s.len -= 2;
    bool bracketed = s.len > 2 && s.at[0] == '[' && s.at[s.len - 1] == ']';
    bool colon = s.len > 0 && memchr(s.at, ':', s.len) != NULL;
    if (bracketed != colon)
        return false;
    if (bracketed)
        s = weir_span(s.at + 1, s.len - 2);
    return weir_addr_parse_ip(s, ret) == WEIR_OK;
}

/* Behind the listeners that are read already. @return how many */
static size_t read_listener_list(struct reading *g, const char *field, char *const *texts,
                                 size_t num, struct weir_addr *out)
{
    size_t num_read = 0;
    if (num > WEIR_LISTENERS_MAX) {
        add_problem(g, field, "%zu addresses are more than %d", num, WEIR_LISTENERS_MAX);
        return 0;
    }
    for (size_t i = 0; i < num; i++) {
        struct weir_addr *a = &out[num_read];
        if (!parse_listener(texts[i], a)) {
            add_problem(g, field, "\"%s\" is not address:port", texts[i]);
            continue;
        }
        for (size_t j = 0; j < num_read; j++)
            if (a->port != 0 && weir_addr_eq(a, &out[j]))
                add_problem(g, field, "\"%s\" is given twice", texts[i]);
        num_read++;
    }
    return num_read;
}

static void read_listeners(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_config *c = g->config;
    const Weir__V1__Listen *l = node->listen;
    if (l == NULL || l->n_http + l->n_https == 0) {
        add_problem(g, "listen.http",
                    "is empty, and so is listen.https: give at least one address to serve, such "
                    "as \"0.0.0.0:80\"");
        return;
    }
    c->num_http = read_listener_list(g, "listen.http", l->http, l->n_http, c->http);
    c->num_https = read_listener_list(g, "listen.https", l->https, l->n_https, c->https);
    if (c->num_http + c->num_https > WEIR_LISTENERS_MAX)
        add_problem(g, "listen.https", "with listen.http these are more than %d addresses",
                    WEIR_LISTENERS_MAX);
}

/* @return false: there is none, or it is wrong */
static bool read_admin_address(struct reading *g, const char *field, const char *text,
                               struct weir_addr *ret)
{
    if (text == NULL || text[0] == '\0')
        return false;
    if (parse_listener(text, ret))
        return true;
    add_problem(g, field, "\"%s\" is not address:port", text);
    return false;
}

static void read_admin(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_config *c = g->config;
    const Weir__V1__Admin *admin = node->admin;
    c->socket = text_or(admin != NULL ? admin->socket : NULL, WEIR_DEFAULT_SOCKET);
    if (admin == NULL)
        return;
    c->socket_ro = text_or(admin->socket_ro, NULL);
    c->has_admin = read_admin_address(g, "admin.listen", admin->listen, &c->admin);
    c->has_metrics = read_admin_address(g, "admin.metrics", admin->metrics, &c->metrics);
    if (admin->tls != NULL) {
        c->admin_certificate = text_or(admin->tls->certificate, NULL);
        c->admin_key = text_or(admin->tls->key, NULL);
    }
    if (admin->tls != NULL && !c->has_admin)
        add_problem(g, "admin.tls", "is given without admin.listen, which it is for");
}

static void read_workers(struct reading *g, const Weir__V1__Node *node)
{
    const char *text = text_or(node->workers, "auto");
    struct weir_span s = weir_span_cstr(text);
    uint64_t num = 0;
    if (strcmp(text, "auto") == 0) {
        unsigned cores = uv_available_parallelism();
        num = cores < WEIR_WORKERS_MAX ? cores : WEIR_WORKERS_MAX;
    } else {
        for (size_t i = 0; i < s.len && num <= WEIR_WORKERS_MAX; i++)
            num = s.at[i] >= '0' && s.at[i] <= '9' ? num * 10 + (uint64_t)(s.at[i] - '0')
                                                   : WEIR_WORKERS_MAX + 1;
    }
    if (num < 1 || num > WEIR_WORKERS_MAX)
        add_problem(g, "workers", "\"%s\" is neither auto nor 1..%d", text, WEIR_WORKERS_MAX);
    g->config->num_workers = (uint32_t)num;
}

static void read_trusted(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_config *c = g->config;
    if (node->n_trusted_proxies > WEIR_TRUSTED_MAX) {
        add_problem(g, "trusted_proxies", "%zu prefixes are more than %d", node->n_trusted_proxies,
                    WEIR_TRUSTED_MAX);
        return;
    }
    c->trusted = weir_arena_calloc(&c->docs.arena, node->n_trusted_proxies, sizeof(*c->trusted));
    if (c->trusted == NULL) {
        g->err = WEIR_ENOMEM;
        return;
    }
    for (size_t i = 0; i < node->n_trusted_proxies; i++) {
        const char *text = node->trusted_proxies[i];
        if (weir_prefix_parse(weir_span_cstr(text), &c->trusted[c->num_trusted]) < 0)
            add_problem(g, "trusted_proxies", "\"%s\" is not a prefix such as 10.0.0.0/8", text);
        else
            c->num_trusted++;
    }
}

static void read_name(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_config *c = g->config;
    char host[NAME_MAX_BYTES + 1] = "";
    if (node->name != NULL && node->name[0] != '\0') {
        c->name = node->name;
        return;
    }
    if (gethostname(host, sizeof(host) - 1) < 0 || host[0] == '\0')
        snprintf(host, sizeof(host), "weir");
    c->name = weir_arena_strdup(&c->docs.arena, weir_span_cstr(host));
    if (c->name == NULL)
        g->err = WEIR_ENOMEM;
}

/* The same on every node of a cluster, and of no other one: a loop through any of its nodes is
 * seen, and two clusters may stand behind each other. */
static void read_cdn_id(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_config *c = g->config;
    c->cdn_id = text_or(node->cdn_id, WEIR_DEFAULT_CDN_ID);
    if (text_or(node->cdn_id, NULL) != NULL || node->cluster == NULL || node->cluster->name == NULL)
        return;
    c->cdn_id = weir_arena_printf(&c->docs.arena, WEIR_DEFAULT_CDN_ID "-%s", node->cluster->name);
    if (c->cdn_id == NULL)
        g->err = WEIR_ENOMEM;
}

static void read_limits(struct reading *g, const Weir__V1__Node *node)
{
    const Weir__V1__NodeLimits *l = node->limits;
    struct weir_config *c = g->config;
    c->max_connections =
        l != NULL && l->has_connections ? l->connections : WEIR_DEFAULT_CONNECTIONS;
    c->max_memory = l != NULL && l->has_memory ? l->memory : WEIR_DEFAULT_MEMORY;
    c->max_store = l != NULL && l->has_store ? l->store : WEIR_DEFAULT_STORE;
}

static void read_clients(struct reading *g, const Weir__V1__Node *node)
{
    const Weir__V1__Clients *l = node->clients;
    struct weir_config *c = g->config;
    c->head_timeout_ms =
        l != NULL && l->has_head_timeout ? l->head_timeout : WEIR_DEFAULT_HEAD_TIMEOUT_MS;
    c->idle_timeout_ms =
        l != NULL && l->has_idle_timeout ? l->idle_timeout : WEIR_DEFAULT_IDLE_TIMEOUT_MS;
    c->handshake_timeout_ms = l != NULL && l->has_handshake_timeout
                                  ? l->handshake_timeout
                                  : WEIR_DEFAULT_HANDSHAKE_TIMEOUT_MS;
    c->handshakes_per_address =
        l != NULL && l->has_handshakes_per_address ? (uint32_t)l->handshakes_per_address : 0;
    c->connections_per_address =
        l != NULL && l->has_connections_per_address ? l->connections_per_address : 0;
}

static void read_log(struct reading *g, const Weir__V1__Node *node)
{
    const char *level = text_or(node->log != NULL ? node->log->level : NULL, "info");
    g->config->access = text_or(node->log != NULL ? node->log->access : NULL, "stdout");
    if (weir_log_level_parse(level, &g->config->level) < 0)
        add_problem(g, "log.level", "\"%s\" is none of error, warn, info, debug, trace", level);
}

/* "ip:port", or an address alone. */
static bool parse_name_server(const char *text, struct weir_addr *ret)
{
    struct weir_span s = weir_span_cstr(text);
    if (weir_addr_parse(s, ret) == WEIR_OK)
        return true;
    if (weir_addr_parse_ip(s, ret) < 0)
        return false;
    ret->port = DNS_PORT;
    return true;
}

static void read_resolver(struct reading *g, const Weir__V1__Node *node)
{
    struct weir_resolver_settings *s = &g->config->resolver;
    const Weir__V1__Resolver *r = node->resolver;
    s->timeout_ms =
        r != NULL && r->has_timeout ? (uint32_t)r->timeout : WEIR_DEFAULT_RESOLVER_TIMEOUT_MS;
    s->lookups_per_tenant = r != NULL && r->has_lookups_per_tenant
                                ? r->lookups_per_tenant
                                : WEIR_DEFAULT_LOOKUPS_PER_TENANT;
    for (size_t i = 0; r != NULL && i < r->n_servers && i < WEIR_NAME_SERVERS; i++) {
        if (parse_name_server(r->servers[i], &s->servers[s->num_servers]))
            s->num_servers++;
        else
            add_problem(g, "resolver.servers", "\"%s\" is not ip or ip:port", r->servers[i]);
    }
}

static void read_node(struct reading *g, const Weir__V1__Node *node)
{
    g->config->data = text_or(node->data, WEIR_DEFAULT_DATA);
    read_name(g, node);
    read_cdn_id(g, node);
    read_listeners(g, node);
    read_admin(g, node);
    read_workers(g, node);
    read_limits(g, node);
    read_clients(g, node);
    read_log(g, node);
    read_trusted(g, node);
    read_resolver(g, node);
}

/* The one document of the file, or an empty one when there is no file. */
static enum weir_err read_document(struct reading *g, struct weir_span text,
                                   struct weir_diags *diags, Weir__V1__Node **ret)
{
    struct weir_docs *docs = &g->config->docs;
    struct weir_schema_source source = { .text = text,
                                         .format = WEIR_FORMAT_YAML,
                                         .file = g->file };
    if (g->file == NULL) {
        *ret = weir_arena_alloc(&docs->arena, sizeof(**ret));
        if (*ret == NULL)
            return WEIR_ENOMEM;
        weir__v1__node__init(*ret);
        return WEIR_OK;
    }
    enum weir_err err = weir_schema_read(&source, docs, diags);
    if (err < 0)
        return err;
    if (docs->len != 1 || docs->items[0].kind != WEIR_KIND_NODE) {
        add_problem(g, "kind", "a node file holds one document, of kind Node");
        return g->err;
    }
    *ret = docs->items[0].node;
    return WEIR_OK;
}

/* What is wrong with single values comes from the schema; what is wrong between them is
 * added when those are right. */
static enum weir_err read_config(struct reading *g, struct weir_span text, const char *const *env,
                                 struct weir_diags *diags)
{
    Weir__V1__Node *node = NULL;
    struct weir_arena *arena = &g->config->docs.arena;
    enum weir_err err = read_document(g, text, diags, &node);
    if (err < 0)
        return err;
    err = weir_schema_node_env(node, env, arena, diags);
    if (err == WEIR_OK)
        err = weir_schema_check(WEIR_KIND_NODE, &node->base, diags);
    if (err < 0)
        return err;
    read_node(g, node);
    return g->err;
}

enum weir_err weir_config_read(struct weir_config *c, const char *file, struct weir_span text,
                               const char *const *env, struct weir_strbuf *problems)
{
    struct reading g = { .config = c, .problems = problems, .file = file };
    struct weir_diags diags;
    weir_diags_init(&diags);
    enum weir_err err = read_config(&g, text, env, &diags);
    if (weir_diags_num_errors(&diags) > 0)
        weir_diags_write(&diags, problems);
    weir_diags_deinit(&diags);
    return problems->failed ? WEIR_ENOMEM : err;
}
