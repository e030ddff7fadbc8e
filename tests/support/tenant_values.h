/* SPDX-License-Identifier: Apache-2.0
 *
 * tenant_values.h - builds the bytes of a StoredTenant for tests, field by field. All memory is the
 * builder's arena; nothing is freed one by one.
 */
#ifndef WEIR_TESTS_SUPPORT_TENANT_VALUES_H
#define WEIR_TESTS_SUPPORT_TENANT_VALUES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/base/arena.h"
#include "node/base/span.h"
#include "weir/v1/tenant.pb-c.h"

struct stored {
    struct weir_arena arena;
    Weir__V1__StoredTenant m;
    Weir__V1__Tenant t;
};

static inline void *stored_new(struct stored *s, size_t len)
{
    void *at = weir_arena_calloc(&s->arena, 1, len);
    assert_non_null(at);
    return at;
}

static inline char *stored_text(struct stored *s, const char *text)
{
    char *at = weir_arena_strdup(&s->arena, weir_span_cstr(text));
    assert_non_null(at);
    return at;
}

/** Append to a repeated field. */
static inline void stored_append(struct stored *s, void *array_of_pointers, size_t *len, void *item)
{
    void ***array = array_of_pointers;

    if ((*len & (*len - 1)) == 0) { /* a power of two: room for as many again */
        void **grown = stored_new(s, (*len ? 2 * *len : 1) * sizeof(void *));
        if (*len > 0)
            memcpy(grown, *array, *len * sizeof(void *));
        *array = grown;
    }
    (*array)[(*len)++] = item;
}

static inline void stored_init(struct stored *s, const char *name)
{
    weir_arena_init(&s->arena, 65536, 256u << 20);
    s->m = (Weir__V1__StoredTenant)WEIR__V1__STORED_TENANT__INIT;
    s->t = (Weir__V1__Tenant)WEIR__V1__TENANT__INIT;
    s->t.name = stored_text(s, name);
    s->m.tenant = &s->t;
    s->m.has_revision = 1;
    s->m.revision = 1;
}

static inline void stored_deinit(struct stored *s)
{
    weir_arena_deinit(&s->arena);
}

static inline void stored_host(struct stored *s, const char *host)
{
    stored_append(s, &s->t.hosts, &s->t.n_hosts, stored_text(s, host));
}

static inline void stored_address(struct stored *s, const char *address)
{
    stored_append(s, &s->t.addresses, &s->t.n_addresses, stored_text(s, address));
}

static inline void stored_claim(struct stored *s, const char *name, uint64_t since)
{
    Weir__V1__Claim *c = stored_new(s, sizeof(*c));

    weir__v1__claim__init(c);
    c->name = stored_text(s, name);
    c->has_since_hlc = 1;
    c->since_hlc = since;
    stored_append(s, &s->m.claims, &s->m.n_claims, c);
}

static inline Weir__V1__Upstream *stored_upstream(struct stored *s, const char *name)
{
    Weir__V1__Tenant__UpstreamsEntry *e = stored_new(s, sizeof(*e));
    Weir__V1__Upstream *u = stored_new(s, sizeof(*u));

    weir__v1__tenant__upstreams_entry__init(e);
    weir__v1__upstream__init(u);
    e->key = stored_text(s, name);
    e->value = u;
    stored_append(s, &s->t.upstreams, &s->t.n_upstreams, e);
    return u;
}

static inline Weir__V1__Endpoint *stored_endpoint(struct stored *s, Weir__V1__Upstream *u,
                                                  const char *address)
{
    Weir__V1__Endpoint *e = stored_new(s, sizeof(*e));

    weir__v1__endpoint__init(e);
    e->address = stored_text(s, address);
    stored_append(s, &u->endpoints, &u->n_endpoints, e);
    return e;
}

static inline void stored_route(struct stored *s, const char *path, const char *upstream)
{
    Weir__V1__Route *r = stored_new(s, sizeof(*r));

    weir__v1__route__init(r);
    r->path = stored_text(s, path);
    r->upstream = stored_text(s, upstream);
    stored_append(s, &s->t.routes, &s->t.n_routes, r);
}

/** A redirect with an empty target: fill in what the test is about. */
static inline Weir__V1__Redirect *stored_redirect(struct stored *s)
{
    Weir__V1__Redirect *r = stored_new(s, sizeof(*r));
    Weir__V1__RedirectTo *to = stored_new(s, sizeof(*to));

    weir__v1__redirect__init(r);
    weir__v1__redirect_to__init(to);
    r->to = to;
    stored_append(s, &s->t.redirects, &s->t.n_redirects, r);
    return r;
}

static inline void stored_error_page(struct stored *s, const char *status, const char *body,
                                     const char *content_type)
{
    Weir__V1__Tenant__ErrorPagesEntry *e = stored_new(s, sizeof(*e));
    Weir__V1__ErrorPage *p = stored_new(s, sizeof(*p));

    weir__v1__tenant__error_pages_entry__init(e);
    weir__v1__error_page__init(p);
    e->key = stored_text(s, status);
    e->value = p;
    p->has_body = 1;
    p->body.data = (uint8_t *)stored_text(s, body);
    p->body.len = strlen(body);
    if (content_type)
        p->content_type = stored_text(s, content_type);
    stored_append(s, &s->t.error_pages, &s->t.n_error_pages, e);
}

/** The bytes, in the builder's arena. */
static inline struct weir_span stored_pack(struct stored *s)
{
    size_t len = weir__v1__stored_tenant__get_packed_size(&s->m);
    uint8_t *at = stored_new(s, len + 1);

    weir__v1__stored_tenant__pack(&s->m, at);
    return weir_span(at, len);
}

/** A tenant that compiles: one host, one upstream "web" with one endpoint. */
static inline void stored_init_small(struct stored *s, const char *name, const char *host)
{
    stored_init(s, name);
    stored_host(s, host);
    stored_endpoint(s, stored_upstream(s, "web"), "10.0.0.1:8080");
}

#endif
