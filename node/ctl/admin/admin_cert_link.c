/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_cert_link.c - one stored certificate: delete it, or link it to a host. A host, and a tenant
 * for clients that name none, has one link for each kind of key: what was linked before loses it.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/log.h"
#include "node/ctl/admin/admin_certs.h"
#include "node/ctl/push.h"
#include "node/ctl/stored_tenant.h"
#include "node/wire/uri.h"
#include "sync/store/store_claims.h"
#include "tenants/cert_record.h"
#include "tenants/unpack.h"

#define MOVED_MAX 64 /* certificates that lose a link to this one */

/** One request: the first item of the push is the certificate that the path names. */
struct linking {
    struct weir_admin_request *request;
    struct weir_push *push;
    bool delete;
    bool remove;
    bool fallback;                /* in place of a host */
    char host[WEIR_HOST_MAX + 3]; /* "*." and a domain for a wildcard */
    uint8_t key[WEIR_CERT_KEY_MAX];
    size_t key_len;
    uint32_t kind; /* of its key */
};

/** What one item does to its record. */
struct change {
    const struct linking *l;
    bool add;
};

static void linking_free(struct linking *l)
{
    weir_push_free(&l->push);
    free(l);
}

static void linking_fail(struct linking *l, enum weir_err err)
{
    weir_admin_response_err(l->request, err, "the certificate");
    linking_free(l);
}

/* -- on the writer thread -- */

static bool host_set(Weir__V1__Certificate *m, const char *host, bool add, struct weir_arena *arena,
                     enum weir_err *ret_err)
{
    char **links = weir_arena_calloc(arena, m->n_links + 1, sizeof(char *));
    size_t num = 0;
    bool there = false;

    if (links == NULL) {
        *ret_err = WEIR_ENOMEM;
        return false;
    }
    for (size_t i = 0; i < m->n_links; i++) {
        bool same = strcmp(m->links[i], host) == 0;
        there = there || same;
        if (!same || add)
            links[num++] = m->links[i];
    }
    if (add && !there)
        links[num++] = (char *)(uintptr_t)host;
    if (num > WEIR_CERT_NAMES_MAX)
        *ret_err = WEIR_ELIMIT;
    m->links = links;
    m->n_links = num;
    return there != add;
}

static enum weir_err build_change(struct weir_push_item *item, const struct weir_record *current,
                                  struct weir_strbuf *value)
{
    const struct change *c = item->own;
    Weir__V1__Certificate *m = NULL;
    struct weir_arena arena;
    bool changed = false;

    if (current == NULL)
        return WEIR_ENOTFOUND;
    item->change.existed = true;
    if (c->l->delete)
        return WEIR_OK;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    enum weir_err err = weir_certificate_unpack(current->value, &arena, &m);
    if (err == WEIR_OK && c->l->fallback) {
        changed = (m->fallback != 0) != c->add;
        m->has_fallback = m->fallback = c->add;
    } else if (err == WEIR_OK) {
        changed = host_set(m, c->l->host, c->add, &arena, &err);
    }
    item->change.unchanged = err == WEIR_OK && !changed;
    if (item->change.unchanged)
        err = WEIR_EEXIST;
    if (err == WEIR_OK)
        weir_stored_tenant_pack(&m->base, value);
    weir_arena_deinit(&arena);
    return err == WEIR_OK && value->failed ? WEIR_ENOMEM : err;
}

/* -- the push -- */

static enum weir_err item_add(struct linking *l, struct weir_span key, bool add)
{
    struct weir_push_item *item = NULL;
    struct change *c = weir_arena_calloc(&l->push->arena, 1, sizeof(*c));

    if (c == NULL)
        return WEIR_ENOMEM;
    *c = (struct change){ .l = l, .add = add };
    enum weir_err err = weir_push_record(l->push, WEIR_CLASS_CERT, key, build_change, &item);
    if (err < 0)
        return err;
    item->own = c;
    item->write.delete = l->delete;
    return WEIR_OK;
}

/** Who has the link now. */
struct holders {
    const struct linking *l;
    size_t num;
    struct holder {
        uint8_t key[WEIR_CERT_KEY_MAX];
        size_t len;
    } items[MOVED_MAX];
};

static bool holder_note(void *arg, struct weir_span owner, uint64_t since_hlc)
{
    struct holders *h = arg;
    struct weir_cert_rank rank;

    if (!weir_cert_rank_unpack(since_hlc, &rank) || !rank.linked)
        return false; /* linked ones come first */
    if (rank.kind == h->l->kind && owner.len <= WEIR_CERT_KEY_MAX &&
        !weir_span_eq(owner, weir_span(h->l->key, h->l->key_len))) {
        memcpy(h->items[h->num].key, owner.at, owner.len);
        h->items[h->num++].len = owner.len;
    }
    return h->num < MOVED_MAX;
}

static enum weir_err holders_find(struct linking *l, struct holders *h)
{
    struct weir_store_reader *reader = l->request->node->reader;
    struct weir_arena arena;
    struct weir_record rec;
    Weir__V1__Certificate *m = NULL;
    uint8_t name[WEIR_CERT_INDEX_KEY_MAX];

    enum weir_err err = weir_store_read_begin(reader);
    if (err < 0)
        return err;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    err = weir_store_get(reader, WEIR_CLASS_CERT, weir_span(l->key, l->key_len), &rec);
    if (err == WEIR_OK)
        err = weir_certificate_unpack(rec.value, &arena, &m);
    if (err == WEIR_OK) {
        l->kind = m->key_kind;
        size_t len = weir_cert_index_key(l->request->name, weir_span_cstr(l->host), name);
        err =
            weir_store_index_claims(reader, WEIR_INDEX_CERT, weir_span(name, len), holder_note, h);
    }
    weir_arena_deinit(&arena);
    weir_store_read_end(reader);
    return err;
}

static void on_changed(struct weir_push *p)
{
    struct linking *l = p->arg;
    const struct weir_push_item *item = &p->items[0];
    Weir__V1__CertificateResult result = WEIR__V1__CERTIFICATE_RESULT__INIT;

    if (item->err < 0 && !item->change.unchanged) {
        linking_fail(l, item->err);
        return;
    }
    const char *id = (const char *)l->key + l->key_len - WEIR_CERT_ID_LEN;
    if (!p->dry_run)
        log_info("cert.changed", "tenant=%.*s certificate=%.*s outcome=%s host=%s by=%s",
                 (int)l->request->name.len, (const char *)l->request->name.at, WEIR_CERT_ID_LEN, id,
                 weir_push_outcome(item), l->fallback ? "(none)" : l->host, p->user);
    result.tenant = weir_arena_strdup(&p->arena, l->request->name);
    result.id = weir_arena_strdup(&p->arena, weir_span(id, WEIR_CERT_ID_LEN));
    result.outcome = (char *)weir_push_outcome(item);
    if (result.tenant == NULL || result.id == NULL)
        weir_admin_response_err(l->request, WEIR_ENOMEM, "the certificate");
    else
        weir_admin_response_message(l->request, 200, &result.base);
    linking_free(l);
}

/* Those that lose the link come behind the one that gets it: at no time has nobody it. */
static void linking_start(struct linking *l)
{
    struct holders holders = { .l = l };
    bool moves = !l->delete &&!l->remove;
    enum weir_err err = moves ? holders_find(l, &holders) : WEIR_OK;

    if (err == WEIR_OK)
        err = weir_push_reserve(l->push, 1 + holders.num);
    if (err == WEIR_OK)
        err = item_add(l, weir_span(l->key, l->key_len), moves);
    for (size_t i = 0; err == WEIR_OK && i < holders.num; i++)
        err = item_add(l, weir_span(holders.items[i].key, holders.items[i].len), false);
    if (err == WEIR_OK)
        err = weir_push_start(l->push, on_changed, l);
    if (err < 0)
        linking_fail(l, err);
}

/* @return NULL: responded */
static struct linking *linking_new(struct weir_admin_request *r)
{
    bool dry_run = false;

    if (weir_query_bool(&r->query, "dry_run", &dry_run) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "dry_run takes 0, 1, true or false");
        return NULL;
    }
    struct linking *l = calloc(1, sizeof(*l));
    if (l != NULL)
        l->push = weir_push_new(r->node->pushes, r->user, dry_run);
    if (l == NULL || l->push == NULL) {
        free(l);
        weir_admin_response_err(r, WEIR_ENOMEM, "the request");
        return NULL;
    }
    l->request = r;
    if (weir_admin_cert_path(r, l->key, &l->key_len))
        return l;
    linking_free(l);
    return NULL;
}

void weir_admin_cert_delete(struct weir_admin_request *r)
{
    struct linking *l = linking_new(r);

    if (l == NULL)
        return;
    l->delete = true;
    linking_start(l);
}

/* @return false: responded */
static bool read_host(struct weir_admin_request *r, struct linking *l)
{
    const struct weir_span *host = weir_query_find(&r->query, "host");
    uint8_t name[WEIR_HOST_MAX];
    size_t len = 0;

    if ((host != NULL) == l->fallback) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "host=NAME, or fallback=1 for clients that name no host");
        return false;
    }
    if (l->fallback)
        return true;
    size_t wild = weir_span_starts(*host, WEIR_SPAN_LIT("*.")) ? 2 : 0;
    if (weir_host_normalise(weir_span_from(*host, wild), name, &len) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "host is no host name");
        return false;
    }
    (void)snprintf(l->host, sizeof(l->host), "%s%.*s", wild > 0 ? "*." : "", (int)len,
                   (const char *)name);
    return true;
}

void weir_admin_cert_link(struct weir_admin_request *r)
{
    struct linking *l = linking_new(r);

    if (l == NULL)
        return;
    if (weir_query_bool(&r->query, "remove", &l->remove) < 0 ||
        weir_query_bool(&r->query, "fallback", &l->fallback) < 0) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "remove and fallback take 0, 1, true or false");
        linking_free(l);
    } else if (!read_host(r, l)) {
        linking_free(l);
    } else {
        linking_start(l);
    }
}
