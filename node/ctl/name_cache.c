/* SPDX-License-Identifier: Apache-2.0
 *
 * name_cache.c - see name_cache.h. A name is idle, waits in its tenant's queue, or is being looked
 * up; only an idle one can make room for another. A tenant exists while it has names that wait or
 * are being looked up.
 */
#include "node/ctl/name_cache.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/hashmap.h"
#include "node/base/list.h"
#include "node/base/log.h"

enum name_state {
    NAME_IDLE,    /* in cache->idle */
    NAME_WAITING, /* in tenant->waiting */
    NAME_RUNNING, /* given out by weir_name_cache_begin */
};

#define NAME_MAGIC 0x4e414d45u

struct tenant {
    uint64_t key;
    uint32_t num_running, num_waiting;
    struct weir_list waiting; /* weir_name.link, first come first */
    struct weir_list turn;    /* in cache->ready: has names that wait, and room to run one */
};

struct weir_name {
    uint32_t magic;
    uint8_t state;           /* enum name_state */
    uint8_t result;          /* enum weir_resolved of the last look-up */
    struct tenant *tenant;   /* whose limit counts; NULL while idle */
    struct weir_list link;   /* by state */
    struct weir_msg *asks;   /* weir_lookup.msg of all that wait for it */
    uint64_t valid_until_ms; /* what is below holds so long; 0: look it up */
    uint16_t num_addrs;      /* of the last good look-up */
    struct weir_addr addrs[WEIR_RESOLVE_MAX];
    uint16_t len;
    char text[WEIR_HOST_MAX + 1];
};

struct weir_name_cache {
    struct weir_hashmap names;   /* text -> weir_name */
    struct weir_hashmap tenants; /* key -> tenant */
    struct weir_list idle;       /* names by use, the one unused for longest first */
    struct weir_list running;    /* names that are being looked up */
    struct weir_list ready;      /* tenants whose turn comes */
    uint32_t lookups_per_tenant;
    struct weir_metrics *metrics;
};

struct weir_name_cache *weir_name_cache_new(uint64_t seed, struct weir_metrics *metrics)
{
    struct weir_name_cache *c = calloc(1, sizeof(*c));
    if (c == NULL)
        return NULL;
    weir_hashmap_init(&c->names, seed, WEIR_NAMES_MAX);
    weir_hashmap_init(&c->tenants, seed, WEIR_NAMES_MAX);
    weir_list_init(&c->idle);
    weir_list_init(&c->running);
    weir_list_init(&c->ready);
    c->lookups_per_tenant = 1;
    c->metrics = metrics;
    return c;
}

const char *weir_name_text(const struct weir_name *n)
{
    return n->text;
}

static struct weir_span name_span(const struct weir_name *n)
{
    return weir_span(n->text, n->len);
}

static struct weir_span tenant_span(const struct tenant *t)
{
    return weir_span(&t->key, sizeof(t->key));
}

/* -- responses -- */

static void give_back(struct weir_lookup *l)
{
    enum weir_err err = weir_inbox_push(l->reply, &l->msg);
    WEIR_ASSERT(err == WEIR_OK);
}

static void give_failed(struct weir_lookup *l)
{
    l->result = WEIR_RESOLVED_FAILED;
    l->ttl_ms = WEIR_NAME_FAILED_MS;
    l->num_addrs = 0;
    give_back(l);
}

static void give_addresses(const struct weir_name *n, struct weir_lookup *l,
                           enum weir_resolved result, uint64_t ttl_ms)
{
    l->result = result;
    l->ttl_ms = (uint32_t)ttl_ms;
    l->num_addrs = n->num_addrs;
    memcpy(l->addrs, n->addrs, n->num_addrs * sizeof(n->addrs[0]));
    give_back(l);
}

/* The outcome of the last look-up, which still holds. */
static void give_known(const struct weir_name *n, struct weir_lookup *l, uint64_t now_ms)
{
    WEIR_ASSERT(n->valid_until_ms > now_ms);
    enum weir_resolved result = (enum weir_resolved)n->result;
    if (result != WEIR_RESOLVED_FOUND && n->num_addrs > 0)
        result = WEIR_RESOLVED_STALE;
    give_addresses(n, l, result, n->valid_until_ms - now_ms);
}

/* -- tenants -- */

static struct tenant *tenant_of(struct weir_name_cache *c, uint64_t key)
{
    struct tenant *t = weir_hashmap_find(&c->tenants, weir_span(&key, sizeof(key)));
    if (t != NULL)
        return t;
    t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    t->key = key;
    weir_list_init(&t->waiting);
    weir_list_init(&t->turn);
    if (weir_hashmap_add(&c->tenants, tenant_span(t), t) == WEIR_OK)
        return t;
    free(t);
    return NULL;
}

/* After every change of what a tenant has: its place among those whose turn comes, or its end. */
static void tenant_update(struct weir_name_cache *c, struct tenant *t)
{
    bool is_ready = t->num_waiting > 0 && t->num_running < c->lookups_per_tenant;
    if (!is_ready)
        weir_list_remove(&t->turn);
    else if (weir_list_empty(&t->turn))
        weir_list_append(&c->ready, &t->turn);
    if (t->num_waiting > 0 || t->num_running > 0)
        return;
    (void)weir_hashmap_remove(&c->tenants, tenant_span(t));
    free(t);
}

/* @return false: no memory, or too many of its names wait; the name is idle as before */
static bool enqueue_name(struct weir_name_cache *c, struct weir_name *n, uint64_t key)
{
    WEIR_ASSERT(n->state == NAME_IDLE);
    struct tenant *t = tenant_of(c, key);
    if (t == NULL || t->num_waiting >= WEIR_NAMES_WAIT_MAX) {
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_REFUSED, 1);
        return false;
    }
    weir_list_remove(&n->link);
    weir_list_append(&t->waiting, &n->link);
    n->state = NAME_WAITING;
    n->tenant = t;
    t->num_waiting++;
    tenant_update(c, t);
    return true;
}

/* A name that waits for one tenant's turn is also asked for by another, which may have room now: it
 * is not held back by the first one's other names. */
static void move_to_tenant(struct weir_name_cache *c, struct weir_name *n, uint64_t key)
{
    struct tenant *from = n->tenant;
    if (from->key == key)
        return;
    struct tenant *to = tenant_of(c, key);
    if (to == NULL)
        return;
    if (to->num_running + to->num_waiting < c->lookups_per_tenant) {
        weir_list_remove(&n->link);
        from->num_waiting--;
        weir_list_append(&to->waiting, &n->link);
        to->num_waiting++;
        n->tenant = to;
        tenant_update(c, from);
    }
    tenant_update(c, to);
}

/* -- names -- */

static void name_free(struct weir_name_cache *c, struct weir_name *n)
{
    WEIR_ASSERT(n->magic == NAME_MAGIC);
    WEIR_ASSERT(n->asks == NULL);
    weir_list_remove(&n->link);
    (void)weir_hashmap_remove(&c->names, name_span(n));
    n->magic = 0;
    free(n);
}

/* A new name, or NULL: no memory, or each of WEIR_NAMES_MAX names is waited for. */
static struct weir_name *name_new(struct weir_name_cache *c, const char *text)
{
    size_t len = strlen(text);
    WEIR_ASSERT(len > 0 && len <= WEIR_HOST_MAX);
    if (c->names.len >= WEIR_NAMES_MAX && !weir_list_empty(&c->idle))
        name_free(c, weir_container_of(c->idle.next, struct weir_name, link));
    struct weir_name *n = calloc(1, sizeof(*n));
    if (n == NULL)
        return NULL;
    n->magic = NAME_MAGIC;
    n->len = (uint16_t)len;
    memcpy(n->text, text, len);
    weir_list_init(&n->link);
    if (weir_hashmap_add(&c->names, name_span(n), n) < 0) {
        free(n);
        return NULL;
    }
    weir_list_append(&c->idle, &n->link);
    return n;
}

static struct weir_name *name_of(struct weir_name_cache *c, const char *text)
{
    struct weir_name *n = weir_hashmap_find(&c->names, weir_span_cstr(text));
    if (n == NULL)
        return name_new(c, text);
    WEIR_ASSERT(n->magic == NAME_MAGIC);
    if (n->state == NAME_IDLE) {
        weir_list_remove(&n->link);
        weir_list_append(&c->idle, &n->link);
    }
    return n;
}

/* -- asking -- */

static void add_ask(struct weir_name *n, struct weir_lookup *l)
{
    l->msg.next = n->asks;
    n->asks = &l->msg;
}

/* A name that is neither known nor asked for. */
static void ask_anew(struct weir_name_cache *c, struct weir_name *n, struct weir_lookup *l)
{
    bool waits = enqueue_name(c, n, l->tenant);
    bool is_behind = waits && weir_list_empty(&n->tenant->turn);
    /* Behind others, or not at all: old addresses now are better than new ones much later. */
    if (n->num_addrs > 0 && (!waits || is_behind)) {
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_STALE, 1);
        give_addresses(n, l, WEIR_RESOLVED_STALE, WEIR_NAME_FAILED_MS);
    } else if (waits) {
        add_ask(n, l);
    } else {
        give_failed(l);
    }
}

void weir_name_cache_ask(struct weir_name_cache *c, struct weir_lookup *l, uint64_t now_ms)
{
    struct weir_name *n = name_of(c, l->host);
    if (n == NULL) {
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_REFUSED, 1);
        give_failed(l);
        return;
    }
    switch ((enum name_state)n->state) {
    case NAME_IDLE:
        if (n->valid_until_ms > now_ms) {
            weir_metric_add(c->metrics, WEIR_M_RESOLVER_HITS, 1);
            give_known(n, l, now_ms);
        } else {
            ask_anew(c, n, l);
        }
        return;
    case NAME_WAITING:
        move_to_tenant(c, n, l->tenant);
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_JOINED, 1);
        add_ask(n, l);
        return;
    case NAME_RUNNING:
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_JOINED, 1);
        add_ask(n, l);
        return;
    }
    WEIR_UNREACHABLE();
}

/* -- looking up -- */

struct weir_name *weir_name_cache_begin(struct weir_name_cache *c)
{
    if (weir_list_empty(&c->ready))
        return NULL;
    struct tenant *t = weir_container_of(c->ready.next, struct tenant, turn);
    WEIR_ASSERT(t->num_waiting > 0 && t->num_running < c->lookups_per_tenant);
    struct weir_name *n = weir_container_of(t->waiting.next, struct weir_name, link);
    WEIR_ASSERT(n->magic == NAME_MAGIC);
    WEIR_ASSERT(n->state == NAME_WAITING && n->tenant == t);
    weir_list_remove(&n->link);
    weir_list_append(&c->running, &n->link);
    n->state = NAME_RUNNING;
    t->num_waiting--;
    t->num_running++;
    weir_list_remove(&t->turn); /* to the end of the row */
    tenant_update(c, t);
    return n;
}

static void leave_tenant(struct weir_name_cache *c, struct weir_name *n)
{
    struct tenant *t = n->tenant;
    n->tenant = NULL;
    if (n->state == NAME_RUNNING)
        t->num_running--;
    else
        t->num_waiting--;
    n->state = NAME_IDLE;
    weir_list_remove(&n->link);
    weir_list_append(&c->idle, &n->link);
    tenant_update(c, t);
}

static uint64_t bounded_ttl_ms(uint32_t ttl_ms)
{
    if (ttl_ms < WEIR_NAME_TTL_MIN_MS)
        return WEIR_NAME_TTL_MIN_MS;
    return ttl_ms > WEIR_NAME_TTL_MAX_MS ? WEIR_NAME_TTL_MAX_MS : ttl_ms;
}

static void note_found(struct weir_name_cache *c, struct weir_name *n,
                       const struct weir_name_found *found, uint64_t now_ms)
{
    n->result = (uint8_t)found->result;
    switch (found->result) {
    case WEIR_RESOLVED_FOUND:
        WEIR_ASSERT(found->num_addrs > 0 && found->num_addrs <= WEIR_RESOLVE_MAX);
        n->num_addrs = found->num_addrs;
        memcpy(n->addrs, found->addrs, found->num_addrs * sizeof(found->addrs[0]));
        n->valid_until_ms = now_ms + bounded_ttl_ms(found->ttl_ms);
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_FOUND, 1);
        return;
    case WEIR_RESOLVED_NONE:
        n->valid_until_ms = now_ms + WEIR_NAME_NONE_MS;
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_NONE, 1);
        return;
    case WEIR_RESOLVED_FAILED:
        n->valid_until_ms = now_ms + WEIR_NAME_FAILED_MS;
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_FAILED, 1);
        return;
    case WEIR_RESOLVED_STALE:
        break;
    }
    WEIR_UNREACHABLE();
}

static struct weir_lookup *pop_ask(struct weir_name *n)
{
    struct weir_msg *m = n->asks;
    if (m == NULL)
        return NULL;
    n->asks = m->next;
    return weir_container_of(m, struct weir_lookup, msg);
}

void weir_name_cache_end(struct weir_name_cache *c, struct weir_name *n,
                         const struct weir_name_found *found, uint64_t now_ms)
{
    struct weir_lookup *l;
    WEIR_ASSERT(n->magic == NAME_MAGIC && n->state == NAME_RUNNING);
    leave_tenant(c, n);
    note_found(c, n, found, now_ms);
    if (found->result != WEIR_RESOLVED_FOUND && n->num_addrs > 0 && n->asks != NULL)
        weir_metric_add(c->metrics, WEIR_M_RESOLVER_STALE, 1);
    while ((l = pop_ask(n)) != NULL)
        give_known(n, l, now_ms);
}

void weir_name_cache_serve_stale(struct weir_name_cache *c, struct weir_name *n)
{
    struct weir_lookup *l;
    WEIR_ASSERT(n->magic == NAME_MAGIC && n->state == NAME_RUNNING);
    if (n->num_addrs == 0 || n->asks == NULL)
        return;
    weir_metric_add(c->metrics, WEIR_M_RESOLVER_STALE, 1);
    while ((l = pop_ask(n)) != NULL)
        give_addresses(n, l, WEIR_RESOLVED_STALE, WEIR_NAME_FAILED_MS);
}

/* -- settings and end -- */

void weir_name_cache_set_limit(struct weir_name_cache *c, uint32_t lookups_per_tenant)
{
    size_t pos = 0;
    struct tenant *t;
    WEIR_ASSERT(lookups_per_tenant > 0);
    c->lookups_per_tenant = lookups_per_tenant;
    /* Each of them has names, so that none is freed during the walk. */
    while ((t = weir_hashmap_next(&c->tenants, &pos)) != NULL)
        tenant_update(c, t);
}

void weir_name_cache_expire(struct weir_name_cache *c)
{
    size_t pos = 0;
    struct weir_name *n;
    while ((n = weir_hashmap_next(&c->names, &pos)) != NULL)
        n->valid_until_ms = 0;
}

void weir_name_cache_free(struct weir_name_cache **cp)
{
    struct weir_name_cache *c = *cp;
    struct weir_name *n;
    size_t pos = 0;
    if (c == NULL)
        return;
    while ((n = weir_hashmap_next(&c->names, &pos)) != NULL) {
        struct weir_lookup *l;
        while ((l = pop_ask(n)) != NULL)
            give_failed(l);
        if (n->state != NAME_IDLE)
            leave_tenant(c, n);
    }
    while (!weir_list_empty(&c->idle))
        name_free(c, weir_container_of(c->idle.next, struct weir_name, link));
    WEIR_ASSERT(c->tenants.len == 0);
    weir_hashmap_deinit(&c->names);
    weir_hashmap_deinit(&c->tenants);
    free(c);
    *cp = NULL;
}
