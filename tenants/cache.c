/* SPDX-License-Identifier: Apache-2.0
 *
 * cache.c - compiled tenants of one worker by destination address and host.
 * A hit is one hash, one probe, one comparison in one cache line (cache_names.h) and one load from
 * `serving`. Reading the store, compiling and eviction are behind miss(). No lock, no thread.
 * Limits: max tenants, 4 * max names; a lookup walks at most 32 labels of a host.
 */
#include "tenants/cache.h"

#include <stdlib.h>

#include "node/base/hashmap.h"
#include "node/base/log.h"
#include "tenants/cache_names.h"

#define NAMES_PER_TENANT 4
#define LABELS_MAX       32 /* parents of a host that are checked up as wildcards */
#define HOST_BYTES_MAX   (WEIR_HOST_MAX + 2) /* an IPv6 literal has brackets */
#define NONE             WEIR_NAME_NONE
#define PREFETCH_BYTES   512 /* a usual tenant's block; a hint, so reading past it is harmless */
#define NOBODY           WEIR_NAME_NOBODY

/** What is known about a tenant; `serving` holds what a hit needs. */
struct entry {
    struct weir_tenant *tenant;  /* owns a reference; the last one that compiled, or NULL */
    struct weir_version version; /* of the record that was read last */
    enum weir_err err;           /* why that record is not what serves, or WEIR_OK */
    uint32_t next_free;
    bool checked; /* version and err are set */
    bool dirty;   /* the record is read again before the next use */
    uint8_t name_len;
    uint8_t name[WEIR_TENANT_NAME_MAX];
};

struct weir_tenant_cache {
    /* hot */
    struct weir_cache_names names;
    struct weir_tenant **serving; /* by tenant number; NULL: the slow path decides */
    uint8_t *used;                /* by tenant number: second chance */
    uint32_t epoch;
    uint32_t counts_epoch; /* when the two flags below were read */
    bool has_addresses;
    bool has_wildcards;

    /* cold */
    struct entry *entries;
    struct weir_hashmap by_name;
    struct weir_store_reader *reader;
    struct weir_siphash_key endpoints; /* the secret that their keys are made with */
    struct weir_metrics *metrics;      /* may be NULL */
    uint32_t max;
    uint32_t len;
    uint32_t num_entries;  /* ever used: 0..max */
    uint32_t free_entries; /* list through next_free, or NONE */
    uint32_t hand;         /* of the clock */
};

static void event_count(struct weir_tenant_cache *c, enum weir_metric which)
{
    if (c->metrics)
        weir_metric_add(c->metrics, which, 1);
}

static void count_tenants(struct weir_tenant_cache *c, int64_t change)
{
    c->len = (uint32_t)(c->len + change);
    if (c->metrics)
        weir_metric_add(c->metrics, WEIR_M_TENANTS_CACHED, (uint64_t)change);
}

/* -- tenants -- */

static struct weir_span entry_name(const struct entry *e)
{
    return weir_span(e->name, e->name_len);
}

static uint32_t entry_find(const struct weir_tenant_cache *c, struct weir_span name)
{
    const struct entry *e = weir_hashmap_find(&c->by_name, name);

    return e ? (uint32_t)(e - c->entries) : NONE;
}

/** Drop the reference to the tenant that serves; exchanges hold theirs until they end. @param stale
 * replaced or deleted */
static void entry_release(struct weir_tenant_cache *c, uint32_t at, bool stale)
{
    struct entry *e = &c->entries[at];

    c->serving[at] = NULL;
    if (!e->tenant)
        return;
    if (stale)
        e->tenant->stale = true;
    weir_tenant_unref(e->tenant);
    e->tenant = NULL;
}

/** Forget a tenant and all its names. */
static void entry_remove(struct weir_tenant_cache *c, uint32_t at, bool stale)
{
    struct entry *e = &c->entries[at];

    weir_cache_names_remove_owner(&c->names, at);
    entry_release(c, at, stale);
    weir_hashmap_remove(&c->by_name, entry_name(e));
    e->next_free = c->free_entries;
    c->free_entries = at;
    count_tenants(c, -1);
}

/** Second chance over the tenants, when no entry is free. Ends within two rounds. */
static void entry_evict(struct weir_tenant_cache *c)
{
    for (;;) {
        uint32_t at = c->hand;

        c->hand = at + 1 < c->max ? at + 1 : 0;
        if (!c->used[at]) {
            entry_remove(c, at, false);
            event_count(c, WEIR_M_TENANT_EVICTIONS);
            return;
        }
        c->used[at] = 0;
    }
}

static uint32_t entry_take(struct weir_tenant_cache *c)
{
    if (c->free_entries == NONE && c->num_entries < c->max)
        return c->num_entries++;
    if (c->free_entries == NONE)
        entry_evict(c);
    uint32_t at = c->free_entries;
    c->free_entries = c->entries[at].next_free;
    return at;
}

/** @return WEIR_OK | WEIR_ENOMEM | WEIR_EINVAL (no tenant has such a name) */
static enum weir_err entry_add(struct weir_tenant_cache *c, struct weir_span name, uint32_t *ret)
{
    if (name.len == 0 || name.len > WEIR_TENANT_NAME_MAX)
        return WEIR_EINVAL;
    uint32_t at = entry_take(c);
    struct entry *e = &c->entries[at];

    *e = (struct entry){ .dirty = true, .name_len = (uint8_t)name.len };
    memcpy(e->name, name.at, name.len);
    c->used[at] = 0; /* a tenant that is asked for once leaves first */
    if (weir_hashmap_add(&c->by_name, entry_name(e), e) < 0) {
        e->next_free = c->free_entries;
        c->free_entries = at;
        return WEIR_ENOMEM;
    }
    count_tenants(c, 1);
    *ret = at;
    return WEIR_OK;
}

static void refused_log(const struct entry *e, enum weir_err err, const char *why)
{
    log_error("tenant.compile_failed", "tenant=%.*s err=\"%s\" why=\"%s\" serving=%s",
              (int)e->name_len, (const char *)e->name, weir_err_name(err), why,
              e->tenant ? "previous" : "none");
}

/** Compile a record under the name that the store knows it by; a refusal is counted and logged
 * here. */
static enum weir_err record_compile(struct weir_tenant_cache *c, const struct entry *e,
                                    const struct weir_record *rec, struct weir_tenant **ret)
{
    char why[WEIR_TENANT_WHY_MAX] = "out of memory";
    struct weir_tenant *t = NULL;

    event_count(c, WEIR_M_TENANT_COMPILES);
    enum weir_err err = weir_tenant_compile_why(rec->value, &c->endpoints, &t, why);
    if (err == WEIR_OK && weir_span_eq(t->name, entry_name(e))) {
        *ret = t;
        return WEIR_OK;
    }
    if (err == WEIR_OK) {
        static const char other_name[] = "its name is not its key";

        weir_tenant_unref(t);
        memcpy(why, other_name, sizeof(other_name));
        err = WEIR_EINVAL;
    }
    event_count(c, WEIR_M_TENANT_COMPILE_ERRORS);
    refused_log(e, err, why);
    return err;
}

/** Note the outcome of reading the record: it is final for this version, whether good or bad. */
static void entry_finish(struct weir_tenant_cache *c, uint32_t at, enum weir_err err)
{
    struct entry *e = &c->entries[at];

    e->err = err;
    e->dirty = false;
    c->serving[at] = e->tenant;
}

/**
 * Read the record again, inside a read transaction. A record that cannot be served does not replace
 * the one that serves. A temporary failure (memory, disk) also leaves the entry dirty, so that the
 * next request tries again.
 * @return WEIR_OK: e->tenant serves | WEIR_ENOTFOUND: the entry is gone | else nothing can serve,
 * as in the header
 */
static enum weir_err entry_load(struct weir_tenant_cache *c, uint32_t at)
{
    struct entry *e = &c->entries[at];
    struct weir_tenant *t = NULL;
    struct weir_record rec;

    enum weir_err err = weir_store_get(c->reader, WEIR_CLASS_TENANT, entry_name(e), &rec);
    if (err == WEIR_ENOTFOUND) {
        entry_remove(c, at, true);
        return err;
    }
    if (err == WEIR_OK && e->checked && weir_version_eq(&e->version, &rec.version)) {
        entry_finish(c, at, e->err); /* nothing new about it */
        return e->tenant ? WEIR_OK : e->err;
    }
    if (err == WEIR_OK) {
        err = record_compile(c, e, &rec, &t);
        e->checked = err != WEIR_ENOMEM;
        e->version = rec.version;
    } else if (err == WEIR_ECORRUPT) {
        refused_log(e, err, "the stored record is damaged");
    }
    if (t) {
        entry_release(c, at, true);
        e->tenant = t;
    }
    if (err == WEIR_OK || err == WEIR_EINVAL || err == WEIR_ECORRUPT)
        entry_finish(c, at, err);
    return e->tenant ? WEIR_OK : err;
}

/** Remove a tenant whose record is gone. Inside a read transaction. */
static void entry_check(struct weir_tenant_cache *c, uint32_t at)
{
    struct weir_record rec;

    if (weir_store_get(c->reader, WEIR_CLASS_TENANT, entry_name(&c->entries[at]), &rec) ==
        WEIR_ENOTFOUND)
        entry_remove(c, at, true);
}

/* -- the long way -- */

static void counts_read(struct weir_tenant_cache *c)
{
    c->has_addresses = weir_store_index_count(c->reader, WEIR_INDEX_ADDRESS) > 0;
    c->has_wildcards = weir_store_index_count(c->reader, WEIR_INDEX_WILDCARD) > 0;
    c->counts_epoch = c->epoch;
}

/** Find the owner of a name in the store's index. @return WEIR_OK | WEIR_ENOTFOUND | another: the
 * store failed */
static enum weir_err owner_read(struct weir_tenant_cache *c, const struct weir_cache_key *k,
                                struct weir_span *ret)
{
    if (k->is_address)
        return weir_store_index_owner(c->reader, WEIR_INDEX_ADDRESS, k->bytes, ret);

    enum weir_err err = weir_store_index_owner(c->reader, WEIR_INDEX_HOST, k->bytes, ret);
    struct weir_span rest = k->bytes;
    for (unsigned i = 0; i < LABELS_MAX && c->has_wildcards && err == WEIR_ENOTFOUND; i++) {
        const uint8_t *dot = memchr(rest.at, '.', rest.len);

        if (!dot || dot + 1 == rest.at + rest.len)
            break;
        rest = weir_span_from(rest, (size_t)(dot - rest.at) + 1);
        err = weir_store_index_owner(c->reader, WEIR_INDEX_WILDCARD, rest, ret);
    }
    return err;
}

/** No tenant owns this name any more. An address is checked up with every request, so for addresses
 * the outcome "nobody" is cached too. */
static void name_unowned(struct weir_tenant_cache *c, const struct weir_cache_key *k)
{
    uint32_t at = weir_cache_names_find(&c->names, k);
    uint32_t owner = at == NONE ? NOBODY : c->names.names[at].owner;

    if (k->is_address)
        weir_cache_names_insert(&c->names, k, NOBODY, c->epoch);
    else if (at != NONE)
        weir_cache_names_remove(&c->names, at);
    if (owner != NOBODY && c->entries[owner].dirty)
        entry_check(c, owner);
}

/** Resolve a name inside a read transaction. @param ret_owner whose tenant serves it */
static enum weir_err name_resolve(struct weir_tenant_cache *c, const struct weir_cache_key *k,
                                  uint32_t *ret_owner)
{
    struct weir_span name;
    enum weir_err err = owner_read(c, k, &name);

    if (err == WEIR_ENOTFOUND)
        name_unowned(c, k);
    if (err < 0)
        return err;

    uint32_t owner = entry_find(c, name);
    if (owner == NONE) {
        err = entry_add(c, name, &owner);
        if (err < 0)
            return err;
    }
    struct entry *e = &c->entries[owner];
    err = e->tenant ? WEIR_OK : e->err;
    if (e->dirty)
        err = entry_load(c, owner);
    if (err == WEIR_ENOTFOUND) {
        name_unowned(c, k);
        return err;
    }
    weir_cache_names_insert(&c->names, k, owner, c->epoch);
    *ret_owner = owner;
    return err;
}

/**
 * Resolve what the cache does not know, or not as of this epoch. When the store cannot be read,
 * what was known stays valid: a node serves from its last good state.
 */
static WEIR_COLD enum weir_err miss(struct weir_tenant_cache *c, const struct weir_cache_key *k,
                                    uint32_t *ret_owner)
{
    enum weir_err err = weir_store_read_begin(c->reader);

    if (err == WEIR_OK) {
        if (c->counts_epoch != c->epoch)
            counts_read(c);
        err = name_resolve(c, k, ret_owner);
        weir_store_read_end(c->reader);
    }
    if (err == WEIR_OK || err == WEIR_ENOTFOUND || err == WEIR_EINVAL || err == WEIR_ECORRUPT)
        return err;

    uint32_t at = weir_cache_names_find(&c->names, k);
    uint32_t owner = at == NONE ? NONE : c->names.names[at].owner;
    if (owner == NOBODY)
        return WEIR_ENOTFOUND;
    if (owner == NONE || !c->entries[owner].tenant)
        return err;
    *ret_owner = owner;
    return WEIR_OK;
}

static WEIR_COLD void counts_refresh(struct weir_tenant_cache *c)
{
    if (weir_store_read_begin(c->reader) < 0)
        return; /* the old counts are used until the store can be read */
    counts_read(c);
    weir_store_read_end(c->reader);
}

/* -- the short way -- */

/** With thousands of tenants a block is cold: its lines come in together instead of one by one. */
static inline void prefetch_block(const struct weir_tenant *t)
{
    for (size_t at = 0; at < PREFETCH_BYTES; at += WEIR_CACHE_LINE)
        __builtin_prefetch((const char *)t + at);
}

/** @return WEIR_OK | WEIR_ENOTFOUND | as weir_tenant_cache_find */
static inline enum weir_err key_find(struct weir_tenant_cache *c, const struct weir_cache_key *k,
                                     struct weir_tenant **ret)
{
    uint32_t owner = NOBODY;
    uint32_t at = weir_cache_names_find(&c->names, k);

    if (WEIR_LIKELY(at != NONE && c->names.names[at].epoch == c->epoch)) {
        struct weir_cache_name *n = &c->names.names[at];

        n->used = 1;
        owner = n->owner;
        if (owner == NOBODY)
            return WEIR_ENOTFOUND;
        c->used[owner] = 1;
        if (WEIR_LIKELY(c->serving[owner] != NULL)) {
            *ret = c->serving[owner];
            prefetch_block(*ret);
            return WEIR_OK;
        }
        if (!c->entries[owner].dirty)
            return c->entries[owner].err;
    }
    enum weir_err err = miss(c, k, &owner);
    if (err == WEIR_OK)
        *ret = c->entries[owner].tenant;
    return err;
}

enum weir_err weir_tenant_cache_find(struct weir_tenant_cache *c, const struct weir_addr *local,
                                     struct weir_span host, struct weir_tenant **ret)
{
    if (WEIR_UNLIKELY(c->counts_epoch != c->epoch))
        counts_refresh(c);
    if (c->has_addresses) {
        struct weir_cache_key k = weir_cache_address_key(&c->names, local);
        enum weir_err err = key_find(c, &k, ret);

        if (err != WEIR_ENOTFOUND)
            return err;
    }
    if (host.len == 0 || host.len > HOST_BYTES_MAX)
        return WEIR_ENOTFOUND;
    struct weir_cache_key k = weir_cache_host_key(&c->names, host);
    return key_find(c, &k, ret);
}

/* -- life -- */

enum weir_err weir_tenant_cache_new(struct weir_store *store, const struct weir_tenant_seeds *seeds,
                                    size_t max, struct weir_metrics *metrics,
                                    struct weir_tenant_cache **ret)
{
    WEIR_ASSERT(max >= 1);
    WEIR_ASSERT(max <= WEIR_TENANT_CACHE_MAX);
    struct weir_tenant_cache *c = calloc(1, sizeof(*c));
    if (!c)
        return WEIR_ENOMEM;

    c->endpoints = seeds->endpoints;
    c->metrics = metrics;
    c->max = (uint32_t)max;
    c->epoch = 1;
    c->free_entries = NONE;
    weir_hashmap_init(&c->by_name, seeds->hosts, max);
    c->serving = calloc(max, sizeof(struct weir_tenant *));
    c->used = calloc(max, sizeof(*c->used));
    c->entries = calloc(max, sizeof(*c->entries));

    enum weir_err err =
        weir_cache_names_init(&c->names, seeds->hosts, NAMES_PER_TENANT * c->max, c->max);
    if (err == WEIR_OK && (!c->serving || !c->used || !c->entries))
        err = WEIR_ENOMEM;
    if (err == WEIR_OK)
        err = weir_store_reader_new(store, &c->reader);
    if (err < 0) {
        weir_tenant_cache_free(&c);
        return err;
    }
    *ret = c;
    return WEIR_OK;
}

void weir_tenant_cache_free(struct weir_tenant_cache **cp)
{
    struct weir_tenant_cache *c = *cp;
    size_t at = 0;
    if (!c)
        return;

    for (struct entry *e; (e = weir_hashmap_next(&c->by_name, &at)) != NULL;)
        entry_release(c, (uint32_t)(e - c->entries), false);
    count_tenants(c, -(int64_t)c->len);
    weir_hashmap_deinit(&c->by_name);
    if (c->reader)
        weir_store_reader_free(&c->reader);
    free(c->entries);
    free(c->used);
    free(c->serving);
    weir_cache_names_deinit(&c->names);
    free(c);
    *cp = NULL;
}

void weir_tenant_cache_changed(struct weir_tenant_cache *c, struct weir_span name,
                               bool names_changed)
{
    if (names_changed)
        c->epoch++;
    uint32_t at = entry_find(c, name);
    if (at == NONE)
        return;

    c->entries[at].dirty = true;
    c->serving[at] = NULL;
    /* A deletion takes effect now: the memory of the tenant must not wait for a request that may
     * never come. */
    if (weir_store_read_begin(c->reader) < 0)
        return;
    entry_check(c, at);
    weir_store_read_end(c->reader);
}

void weir_tenant_cache_drop_all(struct weir_tenant_cache *c)
{
    c->epoch++;
    for (uint32_t i = 0; i < c->num_entries; i++) {
        c->entries[i].dirty = true; /* of a free entry it means nothing */
        c->serving[i] = NULL;
    }
}

size_t weir_tenant_cache_len(const struct weir_tenant_cache *c)
{
    return c->len;
}
