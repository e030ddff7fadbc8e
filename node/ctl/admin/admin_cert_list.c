/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_cert_list.c - the reads of certificates: lists and one. Each is one snapshot within one
 * callback; a page looks at a bounded number of records, whether they match or not. Keys are in no
 * response, neither in clear nor sealed.
 */
#include <string.h>

#include "node/base/clock.h"
#include "node/ctl/admin/admin_certs.h"
#include "node/ctl/stored_tenant.h"
#include "tenants/base64.h"
#include "tenants/cert_record.h"
#include "tenants/unpack.h"

#define LIMIT_DEFAULT      200
#define LIMIT_MAX          500
#define PAGE_BYTES_MAX     4194304     /* bytes of the records of one page */
#define RESPONSE_ARENA_MAX (64u << 20) /* bytes of the messages of one response */
#define DAY_S              86400
#define EXPIRING_DAYS      14
#define PEM_LINE           64

/* -- who uses it -- */

enum weir_err weir_admin_cert_tenant(struct weir_store_reader *r, struct weir_span name,
                                     struct weir_arena *arena, const Weir__V1__Tenant **ret)
{
    Weir__V1__StoredTenant *stored = NULL;
    struct weir_record rec;

    *ret = NULL;
    enum weir_err err = weir_store_get(r, WEIR_CLASS_TENANT, name, &rec);
    if (err == WEIR_OK)
        err = weir_stored_tenant_read(rec.value, arena, &stored);
    if (err == WEIR_OK)
        *ret = stored->tenant;
    return err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT ? WEIR_OK : err;
}

/* Does a name of a certificate serve some client of a host? Both may be wildcards; that of a host
 * stands for any number of labels, that of a certificate for one. */
static bool name_serves(struct weir_span name, struct weir_span host)
{
    if (weir_span_eq(name, host))
        return true;
    if (weir_span_starts(host, WEIR_SPAN_LIT("*.")))
        return weir_span_ends(name, weir_span_from(host, 1));
    if (!weir_span_starts(name, WEIR_SPAN_LIT("*.")))
        return false;
    const uint8_t *dot = host.len > 0 ? memchr(host.at, '.', host.len) : NULL;
    return dot != NULL &&
           weir_span_eq(weir_span_from(host, (size_t)(dot - host.at)), weir_span_from(name, 1));
}

static bool any_serves(char *const *names, size_t num, struct weir_span host)
{
    for (size_t i = 0; i < num; i++)
        if (name_serves(weir_span_cstr(names[i]), host))
            return true;
    return false;
}

bool weir_admin_cert_is_used(const Weir__V1__Tenant *t, const Weir__V1__Certificate *m)
{
    if (m->fallback || t->n_addresses > 0)
        return true;
    for (size_t i = 0; i < t->n_hosts; i++)
        if (any_serves(m->names, m->n_names, weir_span_cstr(t->hosts[i])) ||
            any_serves(m->links, m->n_links, weir_span_cstr(t->hosts[i])))
            return true;
    return false;
}

bool weir_admin_cert_path(struct weir_admin_request *r, uint8_t *key, size_t *ret_len)
{
    struct weir_span tenant;
    struct weir_span id;

    if (r->name.len <= WEIR_TENANT_NAME_MAX && r->id.len == WEIR_CERT_ID_LEN) {
        *ret_len = weir_cert_key(r->name, r->id, key);
        if (weir_cert_key_split(weir_span(key, *ret_len), &tenant, &id))
            return true;
    }
    weir_admin_response_err(r, WEIR_ENOTFOUND, "a certificate of that name");
    return false;
}

/* -- a summary -- */

/** What a summary is made with. */
struct viewing {
    struct weir_store_reader *reader;
    struct weir_arena *arena;
    uint64_t now_s;
    /* The tenant of the summary before: certificates of one tenant are neighbours. */
    struct weir_span tenant_name;
    const Weir__V1__Tenant *tenant;
};

static char *time_text(struct weir_arena *arena, uint64_t wall_ms)
{
    char text[WEIR_RFC3339_LEN + 1];

    weir_clock_rfc3339(wall_ms, text);
    return weir_arena_strdup(arena, weir_span(text, WEIR_RFC3339_LEN));
}

static char *key_text(struct weir_arena *arena, const Weir__V1__Certificate *m)
{
    switch (m->key_kind) {
    case WEIR_TLS_KEY_P256:
        return weir_arena_strdup(arena, WEIR_SPAN_LIT("ECDSA P-256"));
    case WEIR_TLS_KEY_P384:
        return weir_arena_strdup(arena, WEIR_SPAN_LIT("ECDSA P-384"));
    case WEIR_TLS_KEY_P521:
        return weir_arena_strdup(arena, WEIR_SPAN_LIT("ECDSA P-521"));
    case WEIR_TLS_KEY_ED25519:
        return weir_arena_strdup(arena, WEIR_SPAN_LIT("Ed25519"));
    default:
        return weir_arena_printf(arena, "RSA %u", m->key_bits);
    }
}

static const char *state_of(const Weir__V1__Certificate *m, uint64_t now_s)
{
    if (m->not_after <= now_s)
        return "expired";
    if (m->not_before > now_s)
        return "early";
    return m->not_after - now_s < (uint64_t)EXPIRING_DAYS * DAY_S ? "expiring" : "valid";
}

static enum weir_err use_fill(struct viewing *v, const Weir__V1__Certificate *m,
                              Weir__V1__CertificateSummary *out)
{
    if (!weir_span_eq(v->tenant_name, weir_span_cstr(out->tenant))) {
        enum weir_err err =
            weir_admin_cert_tenant(v->reader, weir_span_cstr(out->tenant), v->arena, &v->tenant);
        if (err < 0)
            return err;
        v->tenant_name = weir_span_cstr(out->tenant);
    }
    if (v->tenant == NULL || !weir_admin_cert_is_used(v->tenant, m))
        return WEIR_OK;
    out->used_by = weir_arena_calloc(v->arena, 1, sizeof(char *));
    if (out->used_by == NULL)
        return WEIR_ENOMEM;
    out->used_by[out->n_used_by++] = out->tenant;
    return WEIR_OK;
}

static enum weir_err summary_fill(struct viewing *v, const Weir__V1__Certificate *m,
                                  Weir__V1__CertificateSummary *out)
{
    out->names = m->names;
    out->n_names = m->n_names;
    out->links = m->links;
    out->n_links = m->n_links;
    out->has_fallback = m->fallback;
    out->fallback = m->fallback;
    out->key = key_text(v->arena, m);
    out->subject = m->subject;
    out->issuer = m->issuer;
    out->not_before = time_text(v->arena, m->not_before * 1000);
    out->not_after = time_text(v->arena, m->not_after * 1000);
    out->has_days_left = 1;
    out->days_left = m->not_after > v->now_s ? (uint32_t)((m->not_after - v->now_s) / DAY_S) : 0;
    out->state = (char *)state_of(m, v->now_s);
    out->source = m->source;
    out->added_at = time_text(v->arena, m->added_ms);
    out->added_by = m->added_by;
    out->has_chain_length = 1;
    out->chain_length = (uint32_t)m->n_chain;
    if (out->key == NULL || out->not_before == NULL || out->not_after == NULL ||
        out->added_at == NULL)
        return WEIR_ENOMEM;
    return use_fill(v, m, out);
}

/* A damaged record is listed by its key alone: it is there, and can be replaced or deleted. */
static enum weir_err record_view(struct viewing *v, struct weir_span key, struct weir_span value,
                                 Weir__V1__CertificateSummary *out, Weir__V1__Certificate **ret)
{
    struct weir_span tenant;
    struct weir_span id;

    weir__v1__certificate_summary__init(out);
    if (!weir_cert_key_split(key, &tenant, &id))
        return WEIR_ECORRUPT;
    out->tenant = weir_arena_strdup(v->arena, tenant);
    out->id = weir_arena_strdup(v->arena, id);
    if (out->tenant == NULL || out->id == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_certificate_unpack(value, v->arena, ret);
    if (err == WEIR_ECORRUPT) {
        out->state = (char *)"damaged";
        *ret = NULL;
        return WEIR_OK;
    }
    return err < 0 ? err : summary_fill(v, *ret, out);
}

/* -- the list -- */

/** One page while it is collected. Spans borrow from the snapshot. */
struct page {
    struct weir_span tenant; /* and a slash; empty: of all */
    struct weir_span id;     /* how the id begins; empty: any */
    size_t limit;
    size_t num_seen;
    size_t num;
    size_t bytes;
    bool more;
    struct weir_span last; /* the last record that was looked at */
    struct weir_span keys[LIMIT_MAX];
    struct weir_span values[LIMIT_MAX];
};

static bool page_add(void *arg, const struct weir_record *rec)
{
    struct page *p = arg;
    struct weir_span tenant;
    struct weir_span id;

    if (!weir_span_starts(rec->key, p->tenant))
        return false;
    if (p->num_seen == p->limit || (p->num_seen > 0 && p->bytes > PAGE_BYTES_MAX)) {
        p->more = true;
        return false;
    }
    p->num_seen++;
    p->last = rec->key;
    p->bytes += rec->value.len;
    if (!weir_cert_key_split(rec->key, &tenant, &id) || !weir_span_starts(id, p->id))
        return true;
    p->keys[p->num] = rec->key;
    p->values[p->num++] = rec->value;
    return true;
}

static enum weir_err list_fill(struct viewing *v, struct page *p, struct weir_span after,
                               Weir__V1__CertificateList *list)
{
    Weir__V1__Certificate *m = NULL;

    if (weir_span_cmp(after, p->tenant) < 0)
        after = p->tenant;
    enum weir_err err =
        weir_store_list(v->reader, WEIR_CLASS_CERT, after, p->limit + 1, page_add, p);
    if (err < 0)
        return err;
    Weir__V1__CertificateSummary *items = weir_arena_calloc(v->arena, p->num, sizeof(*items));
    list->items = weir_arena_calloc(v->arena, p->num, sizeof(Weir__V1__CertificateSummary *));
    list->next = p->more ? weir_arena_strdup(v->arena, p->last) : (char *)"";
    if (items == NULL || list->items == NULL || list->next == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < p->num && err == WEIR_OK; i++) {
        list->items[i] = &items[i];
        err = record_view(v, p->keys[i], p->values[i], &items[i], &m);
    }
    list->n_items = p->num;
    return err;
}

static bool read_param(struct weir_admin_request *r, const char *param, size_t max,
                       struct weir_span *ret)
{
    const struct weir_span *given = weir_query_find(&r->query, param);

    *ret = given != NULL ? *given : WEIR_SPAN_EMPTY;
    if (ret->len <= max)
        return true;
    weir_admin_response_error(r, 400, "bad_request", "%s is longer than %zu bytes", param, max);
    return false;
}

void weir_admin_cert_list(struct weir_admin_request *r)
{
    struct weir_arena arena;
    struct viewing v = { .reader = r->node->reader,
                         .arena = &arena,
                         .now_s = weir_clock_wall_ms() / 1000 };
    struct page page = { .num = 0 };
    struct weir_span after;
    struct weir_span tenant;
    uint8_t prefix[WEIR_TENANT_NAME_MAX + 1];
    Weir__V1__CertificateList list = WEIR__V1__CERTIFICATE_LIST__INIT;
    uint64_t limit = LIMIT_DEFAULT;

    if (weir_query_u64(&r->query, "limit", &limit) < 0 || limit < 1 || limit > LIMIT_MAX) {
        weir_admin_response_error(r, 400, "bad_request", "limit is out of range 1..%d", LIMIT_MAX);
        return;
    }
    if (!read_param(r, "after", WEIR_CERT_KEY_MAX, &after) ||
        !read_param(r, "tenant", WEIR_TENANT_NAME_MAX, &tenant) ||
        !read_param(r, "id", WEIR_CERT_ID_LEN, &page.id))
        return;
    if (tenant.len > 0) {
        memcpy(prefix, tenant.at, tenant.len);
        prefix[tenant.len] = '/';
        page.tenant = weir_span(prefix, tenant.len + 1);
    }
    page.limit = (size_t)limit;
    weir_arena_init(&arena, 65536, RESPONSE_ARENA_MAX);
    enum weir_err err = weir_store_read_begin(v.reader);
    if (err == WEIR_OK) {
        err = list_fill(&v, &page, after, &list);
        weir_store_read_end(v.reader);
    }
    if (err < 0)
        weir_admin_response_err(r, err, "the list");
    else
        weir_admin_response_message(r, 200, &list.base);
    weir_arena_deinit(&arena);
}

/* -- one -- */

void weir_admin_pem_write(struct weir_strbuf *out, const char *label, struct weir_span der,
                          struct weir_arena *arena)
{
    size_t len = weir_base64_len(der.len);
    char *text = weir_arena_alloc(arena, len);

    if (text == NULL) {
        out->failed = true;
        return;
    }
    weir_base64_encode(der, text);
    weir_strbuf_printf(out, "-----BEGIN %s-----\n", label);
    for (size_t i = 0; i < len; i += PEM_LINE) {
        weir_strbuf_add(out, weir_span(text + i, len - i < PEM_LINE ? len - i : PEM_LINE));
        weir_strbuf_putc(out, '\n');
    }
    weir_strbuf_printf(out, "-----END %s-----\n", label);
}

static enum weir_err response_fill(struct viewing *v, struct weir_span key,
                                   Weir__V1__CertificateSummary *summary, struct weir_strbuf *chain)
{
    Weir__V1__Certificate *m = NULL;
    struct weir_record rec;

    enum weir_err err = weir_store_get(v->reader, WEIR_CLASS_CERT, key, &rec);
    if (err == WEIR_OK)
        err = record_view(v, key, rec.value, summary, &m);
    for (size_t i = 0; err == WEIR_OK && m != NULL && i < m->n_chain; i++)
        weir_admin_pem_write(chain, "CERTIFICATE", weir_span(m->chain[i].data, m->chain[i].len),
                             v->arena);
    return err == WEIR_OK && chain->failed ? WEIR_ENOMEM : err;
}

void weir_admin_cert_get(struct weir_admin_request *r)
{
    struct weir_arena arena;
    struct viewing v = { .reader = r->node->reader,
                         .arena = &arena,
                         .now_s = weir_clock_wall_ms() / 1000 };
    Weir__V1__CertificateResponse response = WEIR__V1__CERTIFICATE_RESPONSE__INIT;
    Weir__V1__CertificateSummary summary;
    struct weir_strbuf chain = WEIR_STRBUF_ZERO;
    uint8_t key[WEIR_CERT_KEY_MAX];
    size_t len = 0;

    if (!weir_admin_cert_path(r, key, &len))
        return;
    weir_arena_init(&arena, 16384, RESPONSE_ARENA_MAX);
    enum weir_err err = weir_store_read_begin(v.reader);
    if (err == WEIR_OK) {
        err = response_fill(&v, weir_span(key, len), &summary, &chain);
        weir_store_read_end(v.reader);
    }
    response.certificate = &summary;
    response.chain = chain.at != NULL ? chain.at : (char *)"";
    if (err < 0)
        weir_admin_response_err(r, err, "the certificate");
    else
        weir_admin_response_message(r, 200, &response.base);
    weir_strbuf_deinit(&chain);
    weir_arena_deinit(&arena);
}
