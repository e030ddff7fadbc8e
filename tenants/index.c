/* SPDX-License-Identifier: Apache-2.0
 *
 * index.c - which hosts, addresses and ports a stored tenant claims, and which revision it is: the
 * derived rows of the store; those of certificates are in cert_record.c. Pure. Runs on the writer
 * thread, also on records of peers: a claim that is not valid is left out, the rest is indexed.
 * Limits: WEIR_HOSTS_MAX hosts and as many addresses, WEIR_UNPACK_MAX bytes of messages.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/addr.h"
#include "node/wire/uri.h"
#include "tenants/cert_record.h"
#include "tenants/tenant.h"
#include "tenants/unpack.h"

/** Claims by name, sorted. */
struct claims {
    struct claim {
        struct weir_span name;
        uint64_t since;
    } * items;
    size_t num;
};

/** By name; of equal names the earliest claim first. */
static int claim_cmp(const void *a, const void *b)
{
    const struct claim *x = a, *y = b;
    int c = weir_span_cmp(x->name, y->name);

    return c != 0 ? c : (x->since > y->since) - (x->since < y->since);
}

static enum weir_err claims_read(const Weir__V1__StoredTenant *stored, struct weir_arena *arena,
                                 struct claims *ret)
{
    size_t num = stored->n_claims;
    struct claim *items = weir_arena_calloc(arena, num, sizeof(*items));

    if (!items)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < num; i++) {
        items[i].name = weir_span_cstr(stored->claims[i]->name);
        items[i].since = stored->claims[i]->has_since_hlc ? stored->claims[i]->since_hlc : 0;
    }
    qsort(items, num, sizeof(*items), claim_cmp);
    ret->items = items;
    ret->num = num;
    return WEIR_OK;
}

/** Since when a name is claimed; 0 when the record does not have it. */
static uint64_t claims_since(const struct claims *c, struct weir_span name)
{
    size_t low = 0, high = c->num;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (weir_span_cmp(c->items[mid].name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < c->num && weir_span_eq(c->items[low].name, name) ? c->items[low].since : 0;
}

static enum weir_err host_add(struct weir_index_rows *rows, const struct claims *claims,
                              const char *text)
{
    struct weir_span name = weir_span_cstr(text);
    bool wildcard = weir_span_starts(name, WEIR_SPAN_LIT("*."));
    uint8_t host[WEIR_HOST_MAX];
    size_t len = 0;

    if (weir_host_normalise(weir_span_from(name, wildcard ? 2 : 0), host, &len) < 0)
        return WEIR_OK; /* apply refuses such a host; in the record of a peer it claims nothing */
    return weir_index_rows_add(rows, wildcard ? WEIR_INDEX_WILDCARD : WEIR_INDEX_HOST,
                               weir_span(host, len), claims_since(claims, name));
}

static enum weir_err ports_add(struct weir_index_rows *rows, const struct claims *claims,
                               const Weir__V1__Tenant *t, const struct weir_addr *address)
{
    uint8_t key[18];

    memcpy(key, address->ip, sizeof(address->ip));
    for (size_t i = 0; i < t->n_tcp && i < WEIR_HOSTS_MAX; i++) {
        uint32_t port = t->tcp[i]->has_port ? t->tcp[i]->port : 0;
        if (port < 1 || port > UINT16_MAX)
            continue;

        struct weir_addr whole = *address;
        char text[WEIR_ADDR_TEXT_MAX];
        whole.port = (uint16_t)port;
        size_t text_len = weir_addr_text(&whole, text);
        key[16] = (uint8_t)(port >> 8);
        key[17] = (uint8_t)port;
        enum weir_err err =
            weir_index_rows_add(rows, WEIR_INDEX_ADDRESS_PORT, weir_span(key, sizeof(key)),
                                claims_since(claims, weir_span(text, text_len)));
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

static enum weir_err address_add(struct weir_index_rows *rows, const struct claims *claims,
                                 const Weir__V1__Tenant *t, const char *text)
{
    struct weir_span name = weir_span_cstr(text);
    struct weir_addr addr;

    if (weir_addr_parse_ip(name, &addr) < 0)
        return WEIR_OK;
    enum weir_err err = weir_index_rows_add(
        rows, WEIR_INDEX_ADDRESS, weir_span(addr.ip, sizeof(addr.ip)), claims_since(claims, name));
    return err < 0 ? err : ports_add(rows, claims, t, &addr);
}

static enum weir_err rows_add(struct weir_index_rows *rows, const struct claims *claims,
                              const Weir__V1__Tenant *t)
{
    /* A tenant without an address of its own claims its TCP ports on the shared addresses: the key
     * is the unspecified address. */
    static const struct weir_addr shared;
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; err == WEIR_OK && i < t->n_hosts && i < WEIR_HOSTS_MAX; i++)
        err = host_add(rows, claims, t->hosts[i]);
    for (size_t i = 0; err == WEIR_OK && i < t->n_addresses && i < WEIR_HOSTS_MAX; i++)
        err = address_add(rows, claims, t, t->addresses[i]);
    if (err == WEIR_OK && t->n_addresses == 0)
        err = ports_add(rows, claims, t, &shared);
    return err;
}

enum weir_err weir_tenant_index(enum weir_class class, struct weir_span key, struct weir_span value,
                                struct weir_index_rows *rows)
{
    Weir__V1__StoredTenant *stored = NULL;
    struct claims claims = { NULL, 0 };
    struct weir_arena arena;

    if (class == WEIR_CLASS_CERT)
        return weir_cert_index(key, value, rows);
    if (class != WEIR_CLASS_TENANT)
        return WEIR_OK;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    enum weir_err err = weir_stored_tenant_unpack(value, &arena, &stored);
    if (err == WEIR_OK)
        err = claims_read(stored, &arena, &claims);
    if (err == WEIR_OK)
        err = rows_add(rows, &claims, stored->tenant);
    weir_arena_deinit(&arena);
    /* More rows than any valid tenant has: no row is better than an arbitrary part of them. */
    return err == WEIR_ELIMIT ? WEIR_ECORRUPT : err;
}

uint64_t weir_tenant_revision(enum weir_class class, struct weir_span key, struct weir_span value)
{
    Weir__V1__StoredTenant *stored = NULL;
    struct weir_arena arena;
    uint64_t revision = 0;

    (void)key;
    if (class != WEIR_CLASS_TENANT)
        return 0;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    if (weir_stored_tenant_unpack(value, &arena, &stored) == WEIR_OK && stored->has_revision)
        revision = stored->revision;
    weir_arena_deinit(&arena);
    return revision;
}
