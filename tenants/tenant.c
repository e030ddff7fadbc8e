/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant.c - compiles a stored tenant into one block of memory that serves requests as it is.
 * Owner: one worker.   Limits: limits.h; every count is checked before anything is sized by it.
 * The block: tenant, upstreams, endpoints, routes, redirects, headers, error pages; behind them all
 * texts.
 */
#include "tenants/tenant.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/base/hash.h"
#include "node/wire/h1.h"
#include "node/wire/tls_trust.h"
#include "node/wire/uri.h"
#include "tenants/compile.h"
#include "tenants/defaults.h"
#include "tenants/schema/schema.h"
#include "tenants/unpack.h"

#define HEADERS_MAX     256 /* of one list; far above what WEIR_FIELDS_MAX lets through */
#define ERROR_PAGES_MAX 200 /* statuses 400..599 */

_Static_assert(WEIR_COMPILE_WHY_MAX == WEIR_TENANT_WHY_MAX, "the text is copied as it is");

enum weir_err weir_compile_refuse(struct weir_compile *c, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    vsnprintf(c->why, sizeof(c->why), fmt, args);
    va_end(args);
    return WEIR_EINVAL;
}

/* -- check -- */

/** All that the schema knows: ranges, names, references. Its first error is the reason that is
 * reported. */
static enum weir_err schema_check(struct weir_compile *c)
{
    struct weir_diags diags;

    weir_diags_init(&diags);
    enum weir_err err = weir_schema_check(WEIR_KIND_TENANT, &c->doc->base, &diags);
    const struct weir_diag *first = weir_diags_first_error(&diags);
    if (err == WEIR_EINVAL && first != NULL)
        err = weir_compile_refuse(c, "%s: %s", first->field, first->message);
    weir_diags_deinit(&diags);
    return err;
}

/**
 * The bounds that this compiler depends on, checked here: what the schema allows may change, and
 * the width of a counter in struct weir_tenant does not follow.
 */
static enum weir_err bounds_check(struct weir_compile *c)
{
    const Weir__V1__Tenant *d = c->doc;
    const Weir__V1__Headers *h = d->headers;

    if (!d->name || d->name[0] == '\0' || strlen(d->name) > WEIR_TENANT_NAME_MAX)
        return weir_compile_refuse(c, "name: 1..%d bytes", WEIR_TENANT_NAME_MAX);
    if (d->n_upstreams > WEIR_UPSTREAMS_MAX)
        return weir_compile_refuse(c, "upstreams: %zu, at most %d", d->n_upstreams,
                                   WEIR_UPSTREAMS_MAX);
    if (d->n_routes > WEIR_ROUTES_MAX)
        return weir_compile_refuse(c, "routes: %zu, at most %d", d->n_routes, WEIR_ROUTES_MAX);
    if (d->n_redirects > WEIR_REDIRECTS_MAX)
        return weir_compile_refuse(c, "redirects: %zu, at most %d", d->n_redirects,
                                   WEIR_REDIRECTS_MAX);
    if (d->n_error_pages > ERROR_PAGES_MAX)
        return weir_compile_refuse(c, "error_pages: %zu, at most %d", d->n_error_pages,
                                   ERROR_PAGES_MAX);
    if (h && (h->n_add_request > HEADERS_MAX || h->n_remove_request > HEADERS_MAX ||
              h->n_add_response > HEADERS_MAX || h->n_remove_response > HEADERS_MAX))
        return weir_compile_refuse(c, "headers: at most %d in one list", HEADERS_MAX);
    for (size_t i = 0; i < d->n_upstreams; i++) {
        const Weir__V1__Upstream *u = d->upstreams[i]->value;

        if (!d->upstreams[i]->key || !u || u->n_endpoints < 1 ||
            u->n_endpoints > WEIR_ENDPOINTS_MAX)
            return weir_compile_refuse(c, "upstreams: each has a name and 1..%d endpoints",
                                       WEIR_ENDPOINTS_MAX);
    }
    return WEIR_OK;
}

/* -- measure -- */

static void upstreams_measure(struct weir_compile *c)
{
    const Weir__V1__Tenant *d = c->doc;

    weir_compile_measure(c, d->n_upstreams, sizeof(struct weir_upstream));
    for (size_t i = 0; i < d->n_upstreams; i++) {
        const Weir__V1__Upstream *u = d->upstreams[i]->value;

        weir_compile_measure_text(c, d->upstreams[i]->key);
        weir_upstream_tls_measure(c, u);
        weir_compile_measure(c, u->n_endpoints, sizeof(struct weir_endpoint));
        for (size_t k = 0; k < u->n_endpoints; k++) {
            weir_compile_measure_text(c, u->endpoints[k]->address);
            weir_compile_measure_text(c, u->endpoints[k]->address); /* its host */
        }
    }
}

static void headers_measure(struct weir_compile *c)
{
    const Weir__V1__Headers *h = c->doc->headers;
    if (!h)
        return;

    weir_compile_measure(c, h->n_add_request, sizeof(struct weir_header));
    weir_compile_measure(c, h->n_remove_request, sizeof(struct weir_span));
    weir_compile_measure(c, h->n_add_response, sizeof(struct weir_header));
    weir_compile_measure(c, h->n_remove_response, sizeof(struct weir_span));
    if (h->via)
        weir_compile_measure_text(c, h->via);
    for (size_t i = 0; i < h->n_add_request; i++) {
        weir_compile_measure_text(c, h->add_request[i]->key);
        weir_compile_measure_text(c, h->add_request[i]->value);
    }
    for (size_t i = 0; i < h->n_remove_request; i++)
        weir_compile_measure_text(c, h->remove_request[i]);
    for (size_t i = 0; i < h->n_add_response; i++) {
        weir_compile_measure_text(c, h->add_response[i]->key);
        weir_compile_measure_text(c, h->add_response[i]->value);
    }
    for (size_t i = 0; i < h->n_remove_response; i++)
        weir_compile_measure_text(c, h->remove_response[i]);
}

#define PAGE_TYPE_DEFAULT "text/html; charset=utf-8"

static void error_pages_measure(struct weir_compile *c)
{
    const Weir__V1__Tenant *d = c->doc;

    weir_compile_measure(c, d->n_error_pages, sizeof(struct weir_error_page));
    for (size_t i = 0; i < d->n_error_pages; i++) {
        const Weir__V1__ErrorPage *p = d->error_pages[i]->value;

        if (!p)
            continue;
        weir_compile_measure_text(c, p->content_type ? p->content_type : PAGE_TYPE_DEFAULT);
        c->text_len += p->body.len + 1;
    }
}

/* -- fill -- */

static uint32_t clamp_u32(uint64_t v)
{
    return v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
}

/** Stable over pushes and on every node, so that a client stays at the endpoint that IP hash chose.
 * Never changes. */
static uint64_t endpoint_hash(const struct weir_tenant *t, const struct weir_upstream *u,
                              struct weir_span text)
{
    uint8_t protocol = u->tls != NULL;
    uint64_t hash = weir_hash64(0, t->name.at, t->name.len);

    hash = weir_hash64(hash, u->name.at, u->name.len);
    hash = weir_hash64(hash, text.at, text.len);
    return weir_hash64(hash, &protocol, 1);
}

/**
 * Stable over pushes in this process, so that pools and failure marks survive a change elsewhere in
 * the file. They compare keys and nothing else: two endpoints of one key would share a connection
 * pool and be marked out together, so the secret goes over the bytes themselves. Mixed into
 * stable_hash it would leave equal what was made equal there.
 */
static uint64_t endpoint_key(const struct weir_compile *c, const struct weir_upstream *u,
                             struct weir_span text)
{
    const struct weir_span parts[] = { c->tenant->name, u->name, text };
    struct weir_siphash h;
    uint8_t protocol = u->tls != NULL;

    weir_siphash_init(&h, c->secret);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++) {
        weir_siphash_add(&h, parts[i].at, parts[i].len);
        weir_siphash_add(&h, "", 1); /* none of them has a NUL, so the NUL separates them */
    }
    weir_siphash_add(&h, &protocol, 1);
    if (u->tls != NULL)
        weir_siphash_add(&h, u->tls->identity, sizeof(u->tls->identity));
    uint64_t key = weir_siphash_end(&h);
    return key ? key : 1;
}

/** "name:port", when it is not an address. */
static enum weir_err endpoint_name(struct weir_compile *c, struct weir_endpoint *e)
{
    struct weir_authority a;

    if (weir_authority_parse(e->text, &a) < 0 || a.is_ip || a.port == 0)
        return weir_compile_refuse(c, "endpoint %.*s is no address:port or name:port",
                                   (int)e->text.len, (const char *)e->text.at);
    e->host = weir_compile_text(c, weir_span(a.host, a.host_len));
    e->addr.port = a.port;
    return WEIR_OK;
}

static enum weir_err endpoint_fill(struct weir_compile *c, const Weir__V1__Endpoint *from,
                                   struct weir_endpoint *e)
{
    struct weir_addr addr;

    e->text = weir_compile_text(c, weir_span_cstr(from->address));
    e->weight = (uint16_t)(from->has_weight ? from->weight : WEIR_DEFAULT_WEIGHT);
    e->backup = from->has_backup && from->backup;
    if (from->has_weight && from->weight > UINT16_MAX)
        return weir_compile_refuse(c, "weight %u is out of range 0..65535", from->weight);
    if (weir_addr_parse(e->text, &addr) < 0)
        return endpoint_name(c, e);
    e->addr = addr;
    return WEIR_OK;
}

static void pool_fill(struct weir_upstream *u, const Weir__V1__Pool *p)
{
    static const Weir__V1__Pool none = WEIR__V1__POOL__INIT;

    if (!p)
        p = &none;
    u->pool_min_idle = p->has_min_idle ? p->min_idle : WEIR_DEFAULT_POOL_MIN_IDLE;
    u->pool_max_idle = p->has_max_idle ? p->max_idle : WEIR_DEFAULT_POOL_MAX_IDLE;
    u->pool_max = p->has_max ? p->max : WEIR_DEFAULT_POOL_MAX;
    /* A bound that was given beats a default that does not fit into it. */
    if (u->pool_max_idle > u->pool_max)
        u->pool_max_idle = u->pool_max;
    if (u->pool_min_idle > u->pool_max_idle)
        u->pool_min_idle = u->pool_max_idle;
    u->pool_idle_timeout_ms =
        clamp_u32(p->has_idle_timeout ? p->idle_timeout : WEIR_DEFAULT_POOL_IDLE_MS);
    u->pool_max_age_ms = clamp_u32(p->has_max_age ? p->max_age : WEIR_DEFAULT_POOL_MAX_AGE_MS);
}

static enum weir_err upstream_fill(struct weir_compile *c, const Weir__V1__Upstream *from,
                                   struct weir_upstream *u)
{
    enum weir_err err;
    bool hashed = from->has_balance && from->balance == WEIR__V1__UPSTREAM__BALANCE__ip_hash;

    u->balance = hashed ? WEIR_BALANCE_IP_HASH : WEIR_BALANCE_ROUND_ROBIN;
    u->connect_timeout_ms = clamp_u32(from->has_connect_timeout ? from->connect_timeout
                                                                : WEIR_DEFAULT_CONNECT_TIMEOUT_MS);
    u->connect_total_ms =
        clamp_u32(from->has_connect_total ? from->connect_total : 3ull * u->connect_timeout_ms);
    u->body_timeout_ms = clamp_u32(from->has_body_timeout ? from->body_timeout
                                                          : WEIR_DEFAULT_UPSTREAM_BODY_TIMEOUT_MS);
    u->response_timeout_ms = clamp_u32(
        from->has_response_timeout ? from->response_timeout : WEIR_DEFAULT_RESPONSE_TIMEOUT_MS);
    u->http10_buffer =
        clamp_u32(from->has_http10_buffer ? from->http10_buffer : WEIR_DEFAULT_HTTP10_BUFFER);
    pool_fill(u, from->pool);
    err = weir_upstream_tls_fill(c, from, &u->tls);
    if (err < 0)
        return err;
    u->num_endpoints = (uint16_t)from->n_endpoints;
    u->endpoints = weir_compile_alloc(c, from->n_endpoints, sizeof(*u->endpoints));
    for (uint16_t i = 0; i < u->num_endpoints; i++) {
        struct weir_endpoint *e = &u->endpoints[i];

        err = endpoint_fill(c, from->endpoints[i], e);
        if (err < 0)
            return err;
        e->index = i;
        e->key = endpoint_key(c, u, e->text);
        e->stable_hash = endpoint_hash(c->tenant, u, e->text);
        u->num_backups = (uint16_t)(u->num_backups + e->backup);
    }
    return WEIR_OK;
}

static enum weir_err upstreams_fill(struct weir_compile *c)
{
    const Weir__V1__Tenant *d = c->doc;
    struct weir_tenant *t = c->tenant;

    t->num_upstreams = (uint16_t)d->n_upstreams;
    t->upstreams = weir_compile_alloc(c, d->n_upstreams, sizeof(*t->upstreams));
    for (size_t i = 0; i < d->n_upstreams; i++) {
        t->upstreams[i].name = weir_compile_text(c, weir_span_cstr(d->upstreams[i]->key));
        enum weir_err err = upstream_fill(c, d->upstreams[i]->value, &t->upstreams[i]);
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

static void http_fill(struct weir_tenant *t, const Weir__V1__Http *h)
{
    static const Weir__V1__Http none = WEIR__V1__HTTP__INIT;

    if (!h)
        h = &none;
    t->max_header = clamp_u32(h->has_max_header ? h->max_header : WEIR_DEFAULT_MAX_HEADER);
    if (t->max_header > WEIR_HEAD_MAX)
        t->max_header = WEIR_HEAD_MAX;
    t->max_fields = (uint16_t)(h->has_max_fields ? h->max_fields : WEIR_DEFAULT_MAX_FIELDS);
    t->max_body = h->has_max_body ? h->max_body : WEIR_DEFAULT_MAX_BODY;
    t->head_timeout_ms =
        clamp_u32(h->has_head_timeout ? h->head_timeout : WEIR_DEFAULT_HEAD_TIMEOUT_MS);
    t->body_timeout_ms =
        clamp_u32(h->has_body_timeout ? h->body_timeout : WEIR_DEFAULT_BODY_TIMEOUT_MS);
    t->finish_closed =
        h->has_on_client_close && h->on_client_close == WEIR__V1__HTTP__ON_CLIENT_CLOSE__finish;
    t->min_rate = clamp_u32(h->has_min_rate ? h->min_rate : WEIR_DEFAULT_MIN_RATE);
    t->idle_timeout_ms =
        clamp_u32(h->has_idle_timeout ? h->idle_timeout : WEIR_DEFAULT_IDLE_TIMEOUT_MS);
    t->trace = h->has_trace && h->trace;
    t->server_push = !h->has_server_push || h->server_push;
    t->early_hints = !h->has_early_hints || h->early_hints;
}

static enum weir_underscores underscores_of(const Weir__V1__Headers *h)
{
    if (h->has_underscores && h->underscores == WEIR__V1__HEADERS__UNDERSCORES__keep)
        return WEIR_UNDERSCORES_KEEP;
    if (h->has_underscores && h->underscores == WEIR__V1__HEADERS__UNDERSCORES__refuse)
        return WEIR_UNDERSCORES_REFUSE;
    return WEIR_UNDERSCORES_DROP;
}

static const struct weir_span *names_fill(struct weir_compile *c, char **from, size_t num)
{
    struct weir_span *names = weir_compile_alloc(c, num, sizeof(*names));

    for (size_t i = 0; i < num; i++)
        names[i] = weir_compile_text_lower(c, weir_span_cstr(from[i]));
    return names;
}

/* Those that weir treats by name, as bits. */
static uint32_t ids_of(const struct weir_span *names, size_t num)
{
    uint32_t ids = 0;

    _Static_assert(WEIR_FIELD_COUNT <= 32, "a mask holds all ids");
    for (size_t i = 0; i < num; i++)
        ids |= UINT32_C(1) << weir_field_id_of(names[i]);
    return ids & ~(UINT32_C(1) << WEIR_FIELD_OTHER);
}

static struct weir_span via_fill(struct weir_compile *c, const char *via)
{
    struct weir_span text = weir_span_cstr(via);

    if (text.len == 0 || weir_span_eq(text, WEIR_SPAN_LIT("on")))
        return WEIR_SPAN_LIT(WEIR_DEFAULT_VIA);
    if (weir_span_eq(text, WEIR_SPAN_LIT("off")))
        return WEIR_SPAN_EMPTY;
    return weir_compile_text(c, text);
}

static void headers_fill(struct weir_compile *c)
{
    const Weir__V1__Headers *h = c->doc->headers;
    struct weir_tenant *t = c->tenant;

    t->via = WEIR_SPAN_LIT(WEIR_DEFAULT_VIA);
    if (!h)
        return;

    t->underscores = underscores_of(h);
    t->num_add_request = (uint16_t)h->n_add_request;
    t->num_remove_request = (uint16_t)h->n_remove_request;
    t->num_add_response = (uint16_t)h->n_add_response;
    t->num_remove_response = (uint16_t)h->n_remove_response;

    struct weir_header *request = weir_compile_alloc(c, h->n_add_request, sizeof(*request));
    for (size_t i = 0; i < h->n_add_request; i++) {
        request[i].name = weir_compile_text(c, weir_span_cstr(h->add_request[i]->key));
        request[i].value = weir_compile_text(c, weir_span_cstr(h->add_request[i]->value));
    }
    t->add_request = request;
    t->remove_request = names_fill(c, h->remove_request, h->n_remove_request);
    t->remove_request_ids = ids_of(t->remove_request, t->num_remove_request);
    t->via = via_fill(c, h->via);

    struct weir_header *response = weir_compile_alloc(c, h->n_add_response, sizeof(*response));
    for (size_t i = 0; i < h->n_add_response; i++) {
        response[i].name = weir_compile_text(c, weir_span_cstr(h->add_response[i]->key));
        response[i].value = weir_compile_text(c, weir_span_cstr(h->add_response[i]->value));
    }
    t->add_response = response;
    t->remove_response = names_fill(c, h->remove_response, h->n_remove_response);
}

/** "400".."599", or 0. */
static uint16_t page_status(const char *key)
{
    if (!key || (key[0] != '4' && key[0] != '5'))
        return 0;
    if (key[1] < '0' || key[1] > '9' || key[2] < '0' || key[2] > '9' || key[3] != '\0')
        return 0;
    return (uint16_t)((key[0] - '0') * 100 + (key[1] - '0') * 10 + (key[2] - '0'));
}

static enum weir_err error_pages_fill(struct weir_compile *c)
{
    const Weir__V1__Tenant *d = c->doc;
    struct weir_error_page *pages = weir_compile_alloc(c, d->n_error_pages, sizeof(*pages));

    for (size_t i = 0; i < d->n_error_pages; i++) {
        const Weir__V1__ErrorPage *from = d->error_pages[i]->value;

        pages[i].status = page_status(d->error_pages[i]->key);
        if (!from || pages[i].status == 0)
            return weir_compile_refuse(c, "error_pages: each has a status 400..599 and a page");
        pages[i].content_type = weir_compile_text(
            c, weir_span_cstr(from->content_type ? from->content_type : PAGE_TYPE_DEFAULT));
        pages[i].body = weir_compile_text(c, weir_span(from->body.data, from->body.len));
    }
    c->tenant->num_error_pages = (uint16_t)d->n_error_pages;
    c->tenant->error_pages = pages;
    return WEIR_OK;
}

/* -- the whole -- */

static enum weir_err block_measure(struct weir_compile *c)
{
    weir_compile_measure(c, 1, sizeof(struct weir_tenant));
    weir_compile_measure_text(c, c->doc->name);
    weir_tls_measure(c);
    upstreams_measure(c);
    weir_routes_measure(c);
    headers_measure(c);
    error_pages_measure(c);
    return weir_redirects_measure(c);
}

static enum weir_err block_fill(struct weir_compile *c)
{
    enum weir_err err;

    c->tenant->name = weir_compile_text(c, weir_span_cstr(c->doc->name));
    http_fill(c->tenant, c->doc->http);
    err = weir_tls_fill(c);
    if (err < 0)
        return err;
    err = upstreams_fill(c);
    if (err < 0)
        return err;
    err = weir_routes_fill(c);
    if (err < 0)
        return err;
    headers_fill(c);
    err = error_pages_fill(c);
    if (err < 0)
        return err;
    weir_redirects_fill(c);
    return WEIR_OK;
}

static enum weir_err block_make(struct weir_compile *c, const Weir__V1__StoredTenant *stored,
                                struct weir_tenant **ret)
{
    size_t len = c->structs_len + c->text_len + 1; /* a text never ends at the end of the block */
    uint8_t *block = calloc(1, len);
    if (!block)
        return WEIR_ENOMEM;

    c->at = block;
    c->structs_end = block + c->structs_len;
    c->text_at = c->structs_end;
    c->end = block + len;
    c->tenant = weir_compile_alloc(c, 1, sizeof(*c->tenant));
    c->tenant->refs = 1;
    c->tenant->revision = stored->has_revision ? stored->revision : 0;
    c->tenant->block_len = len;
    enum weir_err err = block_fill(c);
    if (err < 0) {
        free(block);
        return err;
    }
    *ret = c->tenant;
    return WEIR_OK;
}

static enum weir_err tenant_compile(struct weir_compile *c, struct weir_span value,
                                    struct weir_tenant **ret)
{
    Weir__V1__StoredTenant *stored = NULL;

    enum weir_err err = weir_stored_tenant_unpack(value, c->scratch, &stored);
    if (err < 0)
        return err;
    c->doc = stored->tenant;
    err = schema_check(c);
    if (err < 0)
        return err;
    err = bounds_check(c);
    if (err < 0)
        return err;
    err = block_measure(c);
    if (err < 0)
        return err;
    return block_make(c, stored, ret);
}

enum weir_err weir_tenant_compile_why(struct weir_span value, const struct weir_siphash_key *secret,
                                      struct weir_tenant **ret, char ret_why[WEIR_TENANT_WHY_MAX])
{
    struct weir_arena scratch;
    struct weir_compile c = { .secret = secret, .scratch = &scratch, .why = "it does not unpack" };

    WEIR_ASSERT(secret != NULL);
    WEIR_ASSERT(ret != NULL && ret_why != NULL);
    weir_arena_init(&scratch, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    enum weir_err err = tenant_compile(&c, value, ret);
    weir_arena_deinit(&scratch);
    if (err == WEIR_EINVAL || err == WEIR_ECORRUPT)
        memcpy(ret_why, c.why, sizeof(c.why));
    return err;
}

enum weir_err weir_tenant_compile(struct weir_span value, const struct weir_siphash_key *secret,
                                  struct weir_tenant **ret)
{
    char why[WEIR_TENANT_WHY_MAX];

    return weir_tenant_compile_why(value, secret, ret, why);
}

void weir_tenant_unref(struct weir_tenant *t)
{
    if (!t)
        return;
    WEIR_ASSERT(t->refs > 0);
    if (--t->refs > 0)
        return;
    weir_tls_trust_unref(t->client_trust);
    free(t);
}
