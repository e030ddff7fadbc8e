/* SPDX-License-Identifier: Apache-2.0
 *
 * stored_tenant.c - see stored_tenant.h. A document is compared with the stored one first by its
 * bytes, which is quick, and then by its meaning: a text that only has another order is no new
 * revision.
 */
#include "node/ctl/stored_tenant.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/addr.h"
#include "node/base/limits.h"
#include "tenants/schema/schema.h"
#include "tenants/unpack.h"

/* protobuf-c writes into anything that can append. */
struct strbuf_sink {
    ProtobufCBuffer base;
    struct weir_strbuf *out;
};

static void sink_append(ProtobufCBuffer *base, size_t len, const uint8_t *at)
{
    struct strbuf_sink *sink = weir_container_of(base, struct strbuf_sink, base);
    weir_strbuf_add(sink->out, weir_span(at, len));
}

void weir_stored_tenant_pack(const ProtobufCMessage *m, struct weir_strbuf *out)
{
    struct strbuf_sink sink = { .base = { .append = sink_append }, .out = out };
    protobuf_c_message_pack_to_buffer(m, &sink.base);
}

void weir_stored_tenant_arena_init(struct weir_arena *a)
{
    weir_arena_init(a, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
}

enum weir_err weir_stored_tenant_read(struct weir_span value, struct weir_arena *arena,
                                      Weir__V1__StoredTenant **ret)
{
    return weir_stored_tenant_unpack(value, arena, ret);
}

/* -- names -- */

static int name_cmp(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool add_ports(const Weir__V1__Tenant *t, const struct weir_addr *address,
                      struct weir_arena *arena, const char **names, size_t *len)
{
    for (size_t i = 0; i < t->n_tcp; i++) {
        struct weir_addr whole = *address;
        char text[WEIR_ADDR_TEXT_MAX];
        whole.port = t->tcp[i]->has_port ? (uint16_t)t->tcp[i]->port : 0;
        if (whole.port == 0)
            continue;
        size_t text_len = weir_addr_text(&whole, text);
        names[*len] = weir_arena_strdup(arena, weir_span(text, text_len));
        if (names[*len] == NULL)
            return false;
        ++*len;
    }
    return true;
}

static void make_names_unique(const char **names, size_t *len)
{
    size_t num_unique = 0;
    qsort(names, *len, sizeof(*names), name_cmp);
    for (size_t i = 0; i < *len; i++)
        if (num_unique == 0 || strcmp(names[i], names[num_unique - 1]) != 0)
            names[num_unique++] = names[i];
    *len = num_unique;
}

enum weir_err weir_stored_tenant_names(const Weir__V1__Tenant *t, struct weir_arena *arena,
                                       const char ***ret_names, size_t *ret_len)
{
    /* Without an address of its own a tenant takes its ports on the shared ones: the unspecified
     * address. */
    static const struct weir_addr shared;
    size_t num_places = t->n_addresses > 0 ? t->n_addresses : 1;
    size_t max = t->n_hosts + t->n_addresses + num_places * t->n_tcp;
    const char **names = weir_arena_calloc(arena, max, sizeof(*names));
    size_t len = 0;
    if (names == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < t->n_hosts; i++)
        names[len++] = t->hosts[i];
    for (size_t i = 0; i < t->n_addresses; i++) {
        struct weir_addr addr;
        names[len++] = t->addresses[i];
        if (weir_addr_parse_ip(weir_span_cstr(t->addresses[i]), &addr) == WEIR_OK &&
            !add_ports(t, &addr, arena, names, &len))
            return WEIR_ENOMEM;
    }
    if (t->n_addresses == 0 && !add_ports(t, &shared, arena, names, &len))
        return WEIR_ENOMEM;
    make_names_unique(names, &len);
    *ret_names = names;
    *ret_len = len;
    return WEIR_OK;
}

/* -- claims -- */

static int claim_cmp(const void *a, const void *b)
{
    const Weir__V1__Claim *const *x = a;
    const Weir__V1__Claim *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* The old claims that have a name, sorted. */
static Weir__V1__Claim **sort_claims(const Weir__V1__StoredTenant *old, struct weir_arena *arena,
                                     size_t *ret_len)
{
    size_t num = old != NULL ? old->n_claims : 0;
    Weir__V1__Claim **sorted = weir_arena_calloc(arena, num, sizeof(Weir__V1__Claim *));
    size_t len = 0;
    if (sorted == NULL)
        return NULL;
    for (size_t i = 0; i < num; i++)
        if (old->claims[i]->name != NULL && old->claims[i]->has_since_hlc)
            sorted[len++] = old->claims[i];
    if (len > 0)
        qsort(sorted, len, sizeof(*sorted), claim_cmp);
    *ret_len = len;
    return sorted;
}

static const Weir__V1__Claim *find_claim(Weir__V1__Claim **sorted, size_t len, const char *name)
{
    size_t low = 0;
    size_t high = len;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (strcmp(sorted[mid]->name, name) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low < len && strcmp(sorted[low]->name, name) == 0 ? sorted[low] : NULL;
}

static enum weir_err fill_claims(const struct weir_stored_tenant_change *c,
                                 const Weir__V1__StoredTenant *old, uint64_t hlc,
                                 struct weir_arena *arena, Weir__V1__StoredTenant *stored)
{
    const char **names = NULL;
    size_t num = 0;
    size_t num_old = 0;
    enum weir_err err = weir_stored_tenant_names(stored->tenant, arena, &names, &num);
    Weir__V1__Claim **sorted = sort_claims(old, arena, &num_old);
    Weir__V1__Claim *claims = weir_arena_calloc(arena, num, sizeof(*claims));
    Weir__V1__Claim **list = weir_arena_calloc(arena, num, sizeof(Weir__V1__Claim *));
    if (err < 0 || sorted == NULL || claims == NULL || list == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < num && err == WEIR_OK; i++) {
        const Weir__V1__Claim *before = find_claim(sorted, num_old, names[i]);
        weir__v1__claim__init(&claims[i]);
        claims[i].name = (char *)names[i];
        claims[i].has_since_hlc = 1;
        claims[i].since_hlc = before != NULL ? before->since_hlc : hlc;
        list[i] = &claims[i];
        if (before == NULL && c->name_check != NULL)
            err = c->name_check(c->name_check_arg, names[i]);
    }
    stored->claims = list;
    stored->n_claims = num;
    return err;
}

/* -- the change -- */

static enum weir_err is_same_document(const struct weir_stored_tenant_change *c,
                                      const Weir__V1__Tenant *old, struct weir_arena *arena,
                                      bool *ret_same)
{
    struct weir_strbuf packed = WEIR_STRBUF_ZERO;
    const char *differs[1];
    struct weir_diff_paths paths = { .items = differs, .max = 1 };
    enum weir_err err = WEIR_OK;
    weir_stored_tenant_pack(&old->base, &packed);
    if (packed.failed)
        err = WEIR_ENOMEM;
    else if (weir_span_eq(weir_span(packed.at, packed.len), c->packed))
        *ret_same = true;
    else
        err = weir_schema_diff(&old->base, &c->tenant->base, arena, &paths);
    if (err == WEIR_OK && !*ret_same)
        *ret_same = paths.len == 0;
    weir_strbuf_deinit(&packed);
    return err;
}

static enum weir_err judge_precondition(struct weir_stored_tenant_change *c)
{
    switch (c->precondition) {
    case WEIR_WHATEVER:
        break;
    case WEIR_IF_REVISION:
        if (!c->existed && c->tenant == NULL)
            return WEIR_ENOTFOUND;
        if (!c->existed || c->revision != c->expected)
            return WEIR_ECONFLICT;
        break;
    case WEIR_IF_PRESENT:
        if (!c->existed)
            return WEIR_ECONFLICT;
        break;
    case WEIR_IF_ABSENT:
        if (c->existed)
            return WEIR_EEXIST;
        break;
    }
    return c->tenant == NULL && !c->existed ? WEIR_ENOTFOUND : WEIR_OK;
}

static enum weir_err write_value(const struct weir_stored_tenant_change *c,
                                 const Weir__V1__StoredTenant *old, uint64_t hlc,
                                 struct weir_arena *arena, struct weir_strbuf *value)
{
    Weir__V1__StoredTenant stored = WEIR__V1__STORED_TENANT__INIT;
    stored.tenant = (Weir__V1__Tenant *)c->tenant;
    stored.has_revision = 1;
    stored.revision = c->revision;
    stored.has_applied_ms = 1;
    stored.applied_ms = c->now_ms;
    stored.applied_by = (char *)c->user;
    stored.why = (char *)c->why;
    enum weir_err err = fill_claims(c, old, hlc, arena, &stored);
    if (err < 0)
        return err;
    if (protobuf_c_message_get_packed_size(&stored.base) > WEIR_RECORD_MAX)
        return WEIR_ELIMIT;
    weir_stored_tenant_pack(&stored.base, value);
    return value->failed ? WEIR_ENOMEM : WEIR_OK;
}

/* Fields that stand behind a message are fields of the message. */
static enum weir_err write_deletion(const struct weir_stored_tenant_change *c,
                                    const struct weir_record *current, struct weir_strbuf *value)
{
    Weir__V1__StoredTenant note = WEIR__V1__STORED_TENANT__INIT;
    note.has_deleted_ms = 1;
    note.deleted_ms = c->now_ms;
    note.deleted_by = (char *)c->user;
    size_t len = protobuf_c_message_get_packed_size(&note.base);
    if (current->value.len + len > WEIR_RECORD_MAX)
        return WEIR_OK;
    weir_strbuf_add(value, current->value);
    weir_stored_tenant_pack(&note.base, value);
    return value->failed ? WEIR_ENOMEM : WEIR_OK;
}

static enum weir_err build_in_arena(struct weir_stored_tenant_change *c,
                                    const struct weir_record *current, uint64_t hlc,
                                    struct weir_arena *arena, struct weir_strbuf *value)
{
    Weir__V1__StoredTenant *old = NULL;
    bool is_same = false;
    enum weir_err err = WEIR_OK;
    c->existed = current != NULL && !current->tombstone;
    c->revision = 0;
    c->unchanged = false;
    if (c->existed) {
        err = weir_stored_tenant_read(current->value, arena, &old);
        if (err == WEIR_ENOMEM)
            return err;
        if (err == WEIR_OK && old->has_revision)
            c->revision = old->revision;
    }
    err = judge_precondition(c);
    if (err == WEIR_OK && c->tenant == NULL && old != NULL)
        return write_deletion(c, current, value);
    if (err < 0 || c->tenant == NULL)
        return err;
    if (old != NULL)
        err = is_same_document(c, old->tenant, arena, &is_same);
    c->unchanged = err == WEIR_OK && is_same;
    if (err < 0 || c->unchanged)
        return err < 0 ? err : WEIR_EEXIST;
    c->revision = (c->revision > c->last_revision ? c->revision : c->last_revision) + 1;
    return write_value(c, old, hlc, arena, value);
}

enum weir_err weir_stored_tenant_build(struct weir_stored_tenant_change *c,
                                       const struct weir_record *current, uint64_t hlc,
                                       struct weir_strbuf *value)
{
    struct weir_arena arena;
    weir_stored_tenant_arena_init(&arena);
    enum weir_err err = build_in_arena(c, current, hlc, &arena, value);
    weir_arena_deinit(&arena);
    return err;
}
