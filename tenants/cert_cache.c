/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_cache.c - certificates of one worker by tenant and server name. A name is 128 bits of a
 * keyed hash of (tenant, kinds of keys, name), so that no name, however long and whoever chose it,
 * allocates anything, and nobody can make two of them collide. A hit is that hash and one probe.
 * Reading the store, opening a key and eviction are behind miss(). No lock, no thread.
 * Limits: cfg.max certificates, cfg.bytes_max bytes, 4 * max names; CLAIMS_MAX rows of one name are
 * looked at, CANDIDATES_MAX of them are loaded.
 */
#include "tenants/cert_cache.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/buffers/secret_pages.h"
#include "node/base/clock.h"
#include "node/base/hashmap.h"
#include "node/base/log.h"
#include "node/wire/tls_hash.h"
#include "sync/store/store_claims.h"
#include "tenants/cache_names.h"
#include "tenants/cert_record.h"
#include "tenants/cert_seal.h"
#include "tenants/unpack.h"

#define NAMES_PER_CERT 4
#define CLAIMS_MAX     256 /* old certificates of one name that are looked past */
#define CANDIDATES_MAX 8
#define NONE           WEIR_NAME_NONE
#define NOBODY         WEIR_NAME_NOBODY
#define NEVER          UINT64_MAX

struct entry {
    struct weir_tls_identity *identity; /* owns a reference; the last one that could be used */
    struct weir_version version;        /* of the record that was read last */
    uint64_t not_after;                 /* Unix seconds; of the identity */
    uint32_t bytes;                     /* of the identity */
    enum weir_err err;                  /* why that record is not what serves, or WEIR_OK */
    uint32_t next_free;
    bool checked;    /* version and err are set */
    bool dirty;      /* the record is read again before the next use */
    bool used;       /* second chance */
    uint8_t key_len; /* 0: free */
    uint8_t key[WEIR_CERT_KEY_MAX];
};

struct weir_cert_cache {
    struct weir_cert_cache_config cfg;
    struct weir_cache_names names;
    uint64_t renew_s; /* Unix seconds from which on another certificate may be the right one */
    uint32_t epoch;
    struct entry *entries;
    struct weir_hashmap by_key;
    struct weir_store_reader *reader;
    uint8_t *plain; /* secret pages, WEIR_SEAL_PLAIN_MAX bytes: a key while it is read */
    size_t bytes;
    uint32_t len;
    uint32_t num_entries;  /* ever used: 0..max */
    uint32_t free_entries; /* list through next_free, or NONE */
    uint32_t hand;         /* of the clock */
};

static void event_count(struct weir_cert_cache *c, enum weir_metric which)
{
    if (c->cfg.metrics != NULL)
        weir_metric_add(c->cfg.metrics, which, 1);
}

static void gauges_change(struct weir_cert_cache *c, int64_t certs, int64_t bytes)
{
    c->len = (uint32_t)(c->len + certs);
    c->bytes = (size_t)((int64_t)c->bytes + bytes);
    if (c->cfg.metrics == NULL)
        return;
    weir_metric_add(c->cfg.metrics, WEIR_M_CERTS_CACHED, (uint64_t)certs);
    weir_metric_add(c->cfg.metrics, WEIR_M_CERT_CACHE_BYTES, (uint64_t)bytes);
}

static uint64_t now_s(const struct weir_cert_cache *c)
{
    return c->cfg.wall_ms() / 1000;
}

/* -- certificates -- */

static struct weir_span entry_key(const struct entry *e)
{
    return weir_span(e->key, e->key_len);
}

static void entry_release(struct weir_cert_cache *c, struct entry *e)
{
    gauges_change(c, 0, -(int64_t)e->bytes);
    weir_tls_identity_unref(e->identity);
    e->identity = NULL;
    e->bytes = 0;
}

/* Forget a certificate and all names that lead to it. */
static void entry_remove(struct weir_cert_cache *c, uint32_t at)
{
    struct entry *e = &c->entries[at];

    weir_cache_names_remove_owner(&c->names, at);
    entry_release(c, e);
    weir_hashmap_remove(&c->by_key, entry_key(e));
    e->key_len = 0;
    e->next_free = c->free_entries;
    c->free_entries = at;
    gauges_change(c, -1, 0);
}

/* Second chance over the certificates. Ends within two rounds: there is one beside `except`. */
static void entry_evict(struct weir_cert_cache *c, uint32_t except)
{
    for (;;) {
        uint32_t at = c->hand;

        c->hand = at + 1 < c->num_entries ? at + 1 : 0;
        if (c->entries[at].key_len == 0 || at == except)
            continue;
        if (!c->entries[at].used) {
            entry_remove(c, at);
            event_count(c, WEIR_M_CERT_EVICTIONS);
            return;
        }
        c->entries[at].used = false;
    }
}

static uint32_t entry_take(struct weir_cert_cache *c)
{
    if (c->free_entries == NONE && c->num_entries < c->cfg.max)
        return c->num_entries++;
    if (c->free_entries == NONE)
        entry_evict(c, NONE);
    uint32_t at = c->free_entries;
    c->free_entries = c->entries[at].next_free;
    return at;
}

/* @return WEIR_OK | WEIR_ENOMEM | WEIR_ECORRUPT (no certificate has such a key) */
static enum weir_err entry_add(struct weir_cert_cache *c, struct weir_span key, uint32_t *ret)
{
    struct weir_span tenant;
    struct weir_span id;

    if (!weir_cert_key_split(key, &tenant, &id))
        return WEIR_ECORRUPT;
    uint32_t at = entry_take(c);
    struct entry *e = &c->entries[at];
    *e = (struct entry){ .dirty = true, .key_len = (uint8_t)key.len };
    memcpy(e->key, key.at, key.len);
    if (weir_hashmap_add(&c->by_key, entry_key(e), e) < 0) {
        e->key_len = 0;
        e->next_free = c->free_entries;
        c->free_entries = at;
        return WEIR_ENOMEM;
    }
    gauges_change(c, 1, 0);
    *ret = at;
    return WEIR_OK;
}

static const char *why_not(enum weir_err err)
{
    switch ((int)err) {
    case WEIR_EPERM:
        return "its key is sealed under another secret";
    case WEIR_EUNSUPPORTED:
        return "its key was sealed by a later version";
    case WEIR_EINVAL:
        return "its key is of a kind that cannot be used";
    case WEIR_ENOMEM:
        return "out of memory";
    default:
        return "its record or its sealed key is damaged";
    }
}

static void failure_note(struct weir_cert_cache *c, const struct entry *e, enum weir_err err)
{
    struct weir_span tenant = WEIR_SPAN_EMPTY;
    struct weir_span id = WEIR_SPAN_EMPTY;
    bool split = weir_cert_key_split(entry_key(e), &tenant, &id);

    WEIR_ASSERT(split); /* entry_add */
    event_count(c, WEIR_M_CERT_LOAD_ERRORS);
    log_error("cert.load_failed", "tenant=%.*s certificate=%.*s err=\"%s\" why=\"%s\" serving=%s",
              (int)tenant.len, (const char *)tenant.at, (int)id.len, (const char *)id.at,
              weir_err_name(err), why_not(err), e->identity != NULL ? "previous" : "none");
}

/* A stored certificate made ready. The key is in clear only in c->plain, and only in here. */
static enum weir_err identity_make(struct weir_cert_cache *c, struct weir_span key,
                                   const Weir__V1__Certificate *m, struct weir_tls_identity **ret)
{
    struct weir_span chain[WEIR_TLS_CHAIN_MAX];
    size_t len = 0;

    for (size_t i = 0; i < m->n_chain; i++)
        chain[i] = weir_span(m->chain[i].data, m->chain[i].len);
    enum weir_err err = weir_cert_open(
        c->cfg.secret, key, weir_span(m->sealed_key.data, m->sealed_key.len), c->plain, &len);
    if (err == WEIR_OK)
        err = weir_tls_identity_new(chain, m->n_chain, weir_span(c->plain, len), ret);
    weir_wipe(c->plain, len);
    return err;
}

/* Replace what serves. Others leave when there is no room beside it. */
static void entry_replace(struct weir_cert_cache *c, uint32_t at, struct weir_tls_identity *id,
                          uint64_t not_after)
{
    struct entry *e = &c->entries[at];

    entry_release(c, e);
    e->identity = id;
    e->not_after = not_after;
    e->bytes = (uint32_t)weir_tls_identity_bytes(id);
    gauges_change(c, 0, e->bytes);
    while (c->bytes > c->cfg.bytes_max && c->len > 1)
        entry_evict(c, at);
}

static enum weir_err record_load(struct weir_cert_cache *c, uint32_t at,
                                 const struct weir_record *rec)
{
    struct entry *e = &c->entries[at];
    struct weir_tls_identity *id = NULL;
    Weir__V1__Certificate *m = NULL;
    struct weir_arena arena;

    event_count(c, WEIR_M_CERT_LOADS);
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    enum weir_err err = weir_certificate_unpack(rec->value, &arena, &m);
    if (err == WEIR_OK)
        err = identity_make(c, entry_key(e), m, &id);
    if (err == WEIR_OK)
        entry_replace(c, at, id, m->not_after);
    weir_arena_deinit(&arena);
    return err;
}

/* May another try have another outcome? BoringSSL does not tell a key that it cannot use from
 * memory that it lacks; keys were checked before they were stored, so it is the latter. */
static bool is_temporary(enum weir_err err)
{
    return err == WEIR_ENOMEM || err == WEIR_EIO || err == WEIR_EINVAL;
}

/* What the record at hand comes to; a failure is logged once a version. */
static enum weir_err version_load(struct weir_cert_cache *c, uint32_t at,
                                  const struct weir_record *rec)
{
    struct entry *e = &c->entries[at];
    bool known = e->checked && weir_version_eq(&e->version, &rec->version);

    if (known && !is_temporary(e->err))
        return e->err;
    enum weir_err err = record_load(c, at, rec);
    if (err < 0 && !(known && err == e->err))
        failure_note(c, e, err);
    e->version = rec->version;
    e->checked = true;
    return err;
}

/**
 * Read the record again when that is needed, inside a read transaction. A record that cannot be
 * used does not replace the one that serves. A temporary failure leaves the entry dirty, so that
 * the next handshake tries again.
 * @return WEIR_OK: e->identity serves | WEIR_ENOTFOUND: the entry is gone | else nothing can serve
 */
static enum weir_err entry_load(struct weir_cert_cache *c, uint32_t at)
{
    struct entry *e = &c->entries[at];
    struct weir_record rec;

    if (e->dirty) {
        enum weir_err err = weir_store_get(c->reader, WEIR_CLASS_CERT, entry_key(e), &rec);
        if (err == WEIR_ENOTFOUND) {
            entry_remove(c, at);
            return err;
        }
        if (err == WEIR_OK)
            err = version_load(c, at, &rec);
        else if (err != e->err)
            failure_note(c, e, err); /* the store cannot give the record */
        e->err = err;
        e->dirty = is_temporary(err);
    }
    return e->identity != NULL ? WEIR_OK : e->err;
}

/* @return as entry_load */
static enum weir_err entry_get(struct weir_cert_cache *c, struct weir_span key, uint32_t *ret)
{
    const struct entry *e = weir_hashmap_find(&c->by_key, key);
    enum weir_err err = WEIR_OK;
    uint32_t at = NONE;

    if (e != NULL)
        at = (uint32_t)(e - c->entries);
    else
        err = entry_add(c, key, &at);
    if (err == WEIR_OK)
        err = entry_load(c, at);
    if (err == WEIR_OK)
        *ret = at;
    return err;
}

/* -- which certificate -- */

/* The certificates of a name that a client can use, in the order of the index. */
struct candidates {
    unsigned kinds;
    unsigned num_claims;
    uint64_t now_s;
    uint64_t renew_s; /* when the next one becomes valid */
    size_t num;
    bool has_early;
    struct candidate {
        size_t len;
        uint8_t key[WEIR_CERT_KEY_MAX];
    } items[CANDIDATES_MAX], early; /* early: the first one that is not yet valid */
};

static void candidate_set(struct candidate *item, struct weir_span owner)
{
    item->len = owner.len;
    memcpy(item->key, owner.at, owner.len);
}

static struct weir_span candidate_key(const struct candidate *item)
{
    return weir_span(item->key, item->len);
}

static bool on_claim(void *arg, struct weir_span owner, uint64_t since_hlc)
{
    struct candidates *found = arg;
    struct weir_cert_rank rank;

    if (++found->num_claims > CLAIMS_MAX)
        return false;
    if (owner.len > WEIR_CERT_KEY_MAX || !weir_cert_rank_unpack(since_hlc, &rank) ||
        (rank.kind & found->kinds) == 0)
        return true;
    if (rank.not_before > found->now_s) {
        if (rank.not_before < found->renew_s)
            found->renew_s = rank.not_before;
        if (!found->has_early)
            candidate_set(&found->early, owner);
        found->has_early = true;
        return true;
    }
    candidate_set(&found->items[found->num++], owner);
    return found->num < CANDIDATES_MAX;
}

static void renew_at(struct weir_cert_cache *c, uint64_t when_s)
{
    if (when_s < c->renew_s)
        c->renew_s = when_s;
}

/* The first candidate that is valid, else the first that has expired, else one not yet valid.
 * @return WEIR_OK | WEIR_ENOTFOUND | why the first one cannot be used */
static enum weir_err candidate_choose(struct weir_cert_cache *c, const struct candidates *found,
                                      uint32_t *ret)
{
    const struct candidate *expired = NULL;
    enum weir_err fault = WEIR_ENOTFOUND;

    for (size_t i = 0; i < found->num; i++) {
        enum weir_err err = entry_get(c, candidate_key(&found->items[i]), ret);

        if (err == WEIR_OK && c->entries[*ret].not_after > found->now_s) {
            renew_at(c, c->entries[*ret].not_after);
            return WEIR_OK;
        }
        if (err == WEIR_OK && expired == NULL)
            expired = &found->items[i];
        if (fault == WEIR_ENOTFOUND)
            fault = err;
    }
    if (expired == NULL && found->has_early)
        expired = &found->early;
    return expired != NULL ? entry_get(c, candidate_key(expired), ret) : fault;
}

/* What a tenant has for one name of the index. @return as candidate_choose */
static enum weir_err name_choose(struct weir_cert_cache *c, struct weir_span tenant,
                                 struct weir_span name, unsigned kinds, uint32_t *ret)
{
    struct candidates found = { .kinds = kinds, .now_s = now_s(c), .renew_s = NEVER };
    uint8_t key[WEIR_CERT_INDEX_KEY_MAX];
    size_t len = weir_cert_index_key(tenant, name, key);

    if (len == 0)
        return WEIR_ENOTFOUND;
    enum weir_err err =
        weir_store_index_claims(c->reader, WEIR_INDEX_CERT, weir_span(key, len), on_claim, &found);
    renew_at(c, found.renew_s);
    enum weir_err chosen = candidate_choose(c, &found, ret);
    return chosen == WEIR_ENOTFOUND && err < 0 ? err : chosen;
}

/* "*." and what is behind the first label. @return its length, 0: the name has no such domain */
static size_t wildcard_of(struct weir_span sni, uint8_t ret[2 + WEIR_HOST_MAX])
{
    const uint8_t *dot = sni.len > 0 ? memchr(sni.at, '.', sni.len) : NULL;

    if (dot == NULL)
        return 0;
    size_t len = sni.len - (size_t)(dot - sni.at);
    ret[0] = '*';
    memcpy(ret + 1, dot, len);
    return 1 + len;
}

/** What a client asks for. */
struct wish {
    struct weir_span tenant;
    struct weir_span sni;
    unsigned kinds;
    struct weir_siphash128 bytes; /* a hash of all that: the name that the cache knows it by */
    struct weir_cache_key key;    /* over those bytes */
};

/* Inside a read transaction. @return as weir_cert_cache_find */
static enum weir_err owner_choose(struct weir_cert_cache *c, const struct wish *wish, uint32_t *ret)
{
    uint8_t wild[2 + WEIR_HOST_MAX];
    struct weir_span levels[] = { wish->sni, weir_span(wild, wildcard_of(wish->sni, wild)),
                                  WEIR_SPAN_EMPTY };
    enum weir_err fault = WEIR_ENOTFOUND;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(levels); i++) {
        if (levels[i].len == 0 && i + 1 < WEIR_ARRAY_LEN(levels))
            continue;
        enum weir_err err = name_choose(c, wish->tenant, levels[i], wish->kinds, ret);
        if (err == WEIR_OK)
            return WEIR_OK;
        if (fault == WEIR_ENOTFOUND)
            fault = err;
    }
    return fault;
}

/**
 * Resolve what the cache does not know, or not as of this epoch. When the store cannot be read,
 * what was known stays valid: a node serves from its last good state.
 */
static WEIR_COLD enum weir_err miss(struct weir_cert_cache *c, const struct wish *wish,
                                    uint32_t *ret_owner)
{
    enum weir_err err = weir_store_read_begin(c->reader);

    if (err == WEIR_OK) {
        err = owner_choose(c, wish, ret_owner);
        weir_store_read_end(c->reader);
        if (err == WEIR_OK || err == WEIR_ENOTFOUND) {
            weir_cache_names_insert(&c->names, &wish->key, err == WEIR_OK ? *ret_owner : NOBODY,
                                    c->epoch);
            return err;
        }
    }
    uint32_t at = weir_cache_names_find(&c->names, &wish->key);
    uint32_t owner = at == NONE ? NONE : c->names.names[at].owner;
    if (owner == NONE || owner == NOBODY || c->entries[owner].identity == NULL)
        return err;
    *ret_owner = owner;
    return WEIR_OK;
}

/* -- the short way -- */

static void wish_hash(const struct weir_cert_cache *c, struct wish *wish)
{
    uint8_t head[2] = { (uint8_t)wish->kinds, (uint8_t)wish->tenant.len };
    struct weir_siphash h;

    weir_siphash_init128(&h, &c->cfg.seed);
    weir_siphash_add(&h, head, sizeof(head));
    weir_siphash_add(&h, wish->tenant.at, wish->tenant.len);
    if (wish->sni.len > 0)
        weir_siphash_add(&h, wish->sni.at, wish->sni.len);
    wish->bytes = weir_siphash_end128(&h);
    wish->key = (struct weir_cache_key){ .bytes = weir_span(&wish->bytes, sizeof(wish->bytes)),
                                         .hash = (uint32_t)wish->bytes.lo };
}

enum weir_err weir_cert_cache_find(struct weir_cert_cache *c, struct weir_span tenant,
                                   struct weir_span sni, unsigned kinds,
                                   struct weir_tls_identity **ret)
{
    struct wish wish = { .tenant = tenant, .sni = sni, .kinds = kinds };
    uint32_t owner = NOBODY;

    WEIR_ASSERT(tenant.len >= 1);
    WEIR_ASSERT(tenant.len <= WEIR_TENANT_NAME_MAX);
    WEIR_ASSERT(kinds != 0 && kinds <= UINT8_MAX);
    if (sni.len > WEIR_HOST_MAX)
        wish.sni = WEIR_SPAN_EMPTY; /* it is nobody's name */
    if (WEIR_UNLIKELY(now_s(c) >= c->renew_s)) {
        c->epoch++;
        c->renew_s = NEVER;
    }
    wish_hash(c, &wish);
    uint32_t at = weir_cache_names_find(&c->names, &wish.key);
    if (WEIR_LIKELY(at != NONE && c->names.names[at].epoch == c->epoch)) {
        c->names.names[at].used = 1;
        owner = c->names.names[at].owner;
        if (owner == NOBODY)
            return WEIR_ENOTFOUND;
    }
    if (owner == NOBODY || c->entries[owner].dirty) {
        enum weir_err err = miss(c, &wish, &owner);
        if (err < 0)
            return err;
    }
    c->entries[owner].used = true;
    *ret = c->entries[owner].identity;
    return WEIR_OK;
}

enum weir_err weir_cert_cache_get(struct weir_cert_cache *c, struct weir_span tenant,
                                  struct weir_span id, struct weir_tls_identity **ret)
{
    uint8_t bytes[WEIR_CERT_KEY_MAX];
    struct weir_span key = weir_span(bytes, weir_cert_key(tenant, id, bytes));
    struct entry *e = weir_hashmap_find(&c->by_key, key);
    uint32_t at = NONE;

    if (e != NULL && !e->dirty && e->identity != NULL) {
        e->used = true;
        *ret = e->identity;
        return WEIR_OK;
    }
    enum weir_err err = weir_store_read_begin(c->reader);
    if (err == WEIR_OK) {
        err = entry_get(c, key, &at);
        weir_store_read_end(c->reader);
    } else if (e != NULL && e->identity != NULL) {
        at = (uint32_t)(e - c->entries); /* the last good state serves */
        err = WEIR_OK;
    }
    if (err < 0)
        return err;
    c->entries[at].used = true;
    *ret = c->entries[at].identity;
    return WEIR_OK;
}

/* -- life -- */

enum weir_err weir_cert_cache_new(const struct weir_cert_cache_config *cfg,
                                  struct weir_cert_cache **ret)
{
    WEIR_ASSERT(cfg->max >= 1);
    WEIR_ASSERT(cfg->max <= WEIR_CERT_CACHE_MAX);
    WEIR_ASSERT(cfg->bytes_max >= 1);
    struct weir_cert_cache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return WEIR_ENOMEM;
    c->cfg = *cfg;
    if (c->cfg.wall_ms == NULL)
        c->cfg.wall_ms = weir_clock_wall_ms;
    c->epoch = 1;
    c->renew_s = NEVER;
    c->free_entries = NONE;
    weir_hashmap_init(&c->by_key, cfg->seed.k[0], cfg->max);
    c->entries = calloc(cfg->max, sizeof(*c->entries));
    c->plain = weir_secret_pages_new(WEIR_SEAL_PLAIN_MAX);
    enum weir_err err = weir_cache_names_init(
        &c->names, cfg->seed.k[1], (uint32_t)(NAMES_PER_CERT * cfg->max), (uint32_t)cfg->max);
    if (err == WEIR_OK && (c->entries == NULL || c->plain == NULL))
        err = WEIR_ENOMEM;
    if (err == WEIR_OK)
        err = weir_store_reader_new(cfg->store, &c->reader);
    if (err < 0) {
        weir_cert_cache_free(&c);
        return err;
    }
    *ret = c;
    return WEIR_OK;
}

void weir_cert_cache_free(struct weir_cert_cache **cp)
{
    struct weir_cert_cache *c = *cp;
    size_t at = 0;

    if (c == NULL)
        return;
    for (struct entry *e; (e = weir_hashmap_next(&c->by_key, &at)) != NULL;)
        entry_release(c, e);
    gauges_change(c, -(int64_t)c->len, 0);
    weir_hashmap_deinit(&c->by_key);
    if (c->reader != NULL)
        weir_store_reader_free(&c->reader);
    weir_secret_pages_free((void **)&c->plain, WEIR_SEAL_PLAIN_MAX);
    free(c->entries);
    weir_cache_names_deinit(&c->names);
    free(c);
    *cp = NULL;
}

void weir_cert_cache_changed(struct weir_cert_cache *c, struct weir_span key, bool names_changed)
{
    struct weir_record rec;

    if (names_changed)
        c->epoch++;
    struct entry *e = weir_hashmap_find(&c->by_key, key);
    if (e == NULL)
        return;
    e->dirty = true;
    /* A deletion takes effect now: a key must not stay in memory until a client comes who may never
     * come. */
    if (weir_store_read_begin(c->reader) < 0)
        return;
    if (weir_store_get(c->reader, WEIR_CLASS_CERT, key, &rec) == WEIR_ENOTFOUND)
        entry_remove(c, (uint32_t)(e - c->entries));
    weir_store_read_end(c->reader);
}

void weir_cert_cache_drop_all(struct weir_cert_cache *c)
{
    c->epoch++;
    for (uint32_t i = 0; i < c->num_entries; i++)
        c->entries[i].dirty = true; /* of a free entry it means nothing */
}

size_t weir_cert_cache_len(const struct weir_cert_cache *c)
{
    return c->len;
}

size_t weir_cert_cache_bytes(const struct weir_cert_cache *c)
{
    return c->bytes;
}
