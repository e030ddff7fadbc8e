/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_tenants.c - the reads of the admin API: lists, one tenant, its history, one of its
 * revisions. Each is one snapshot within one callback. A page ends early when its records are
 * large, so that none holds up the loop.
 */
#include <string.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/conflicts.h"
#include "node/ctl/stored_tenant.h"

#define LIMIT_DEFAULT      500
#define LIMIT_MAX          1000
#define PAGE_BYTES_MAX     4194304      /* bytes of the records of one page */
#define RESPONSE_ARENA_MAX (256u << 20) /* bytes of the messages of one response */
#define CHANGED_MAX        64           /* field paths of one revision in a history */

static char *time_text(struct weir_arena *arena, uint64_t wall_ms)
{
    char text[WEIR_RFC3339_LEN + 1];
    weir_clock_rfc3339(wall_ms, text);
    return weir_arena_strdup(arena, weir_span(text, WEIR_RFC3339_LEN));
}

static void response_arena_init(struct weir_arena *a)
{
    weir_arena_init(a, 65536, RESPONSE_ARENA_MAX);
}

/* -- the list -- */

/** One page while it is collected. Spans borrow from the snapshot. */
struct page {
    struct weir_store_reader *reader;
    struct weir_arena *arena; /* of the response */
    bool conflicts;           /* there are some, of whatever tenant */
    struct weir_span prefix;
    size_t limit;
    size_t num;
    size_t bytes;
    bool more;
    struct weir_span keys[LIMIT_MAX];
    struct weir_span values[LIMIT_MAX];
};

static bool add_to_page(void *arg, const struct weir_record *rec)
{
    struct page *p = arg;
    if (!weir_span_starts(rec->key, p->prefix))
        return false;
    if (p->num == p->limit || (p->num > 0 && p->bytes + rec->value.len > PAGE_BYTES_MAX)) {
        p->more = true;
        return false;
    }
    p->keys[p->num] = rec->key;
    p->values[p->num++] = rec->value;
    p->bytes += rec->value.len;
    return true;
}

/* The store lists what lies behind a key; so the prefix itself, which may be a name, is asked for
 * first. */
static enum weir_err collect_page(struct page *p, struct weir_span after)
{
    struct weir_store_reader *r = p->reader;
    struct weir_record rec;
    if (weir_span_cmp(after, p->prefix) < 0) {
        enum weir_err err = weir_store_get(r, WEIR_CLASS_TENANT, p->prefix, &rec);
        if (err == WEIR_OK)
            (void)add_to_page(p, &rec);
        else if (err != WEIR_ENOTFOUND && err != WEIR_ECORRUPT)
            return err;
        after = p->prefix;
    }
    return weir_store_list(r, WEIR_CLASS_TENANT, after, p->limit + 1, add_to_page, p);
}

static enum weir_err fill_summary(const struct page *p, const Weir__V1__StoredTenant *s,
                                  Weir__V1__TenantSummary *out)
{
    const Weir__V1__Tenant *t = s->tenant;
    out->has_revision = 1;
    out->revision = s->revision;
    out->has_hosts = 1;
    out->hosts = (uint32_t)t->n_hosts;
    out->has_upstreams = 1;
    out->upstreams = (uint32_t)t->n_upstreams;
    out->applied_at = time_text(p->arena, s->applied_ms);
    out->applied_by = s->applied_by;
    if (out->applied_at == NULL)
        return WEIR_ENOMEM;
    if (!p->conflicts)
        return WEIR_OK;
    return weir_conflicts_find(p->reader, t, p->arena, &out->conflicts, &out->n_conflicts);
}

/* A damaged record is listed by its name alone: it is there, and can be replaced or deleted. */
static enum weir_err fill_item(const struct page *p, size_t i, Weir__V1__TenantSummary *out)
{
    Weir__V1__StoredTenant *stored = NULL;
    weir__v1__tenant_summary__init(out);
    out->name = weir_arena_strdup(p->arena, p->keys[i]);
    if (out->name == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_stored_tenant_read(p->values[i], p->arena, &stored);
    if (err == WEIR_ECORRUPT)
        return WEIR_OK;
    return err < 0 ? err : fill_summary(p, stored, out);
}

static enum weir_err fill_list(struct page *p, struct weir_span after, Weir__V1__TenantList *list)
{
    struct weir_store_stats stats;
    enum weir_err err = weir_store_stats(p->reader, &stats);
    if (err == WEIR_OK)
        err = collect_page(p, after);
    if (err < 0)
        return err;
    p->conflicts = stats.num_conflicts > 0;
    Weir__V1__TenantSummary *items = weir_arena_calloc(p->arena, p->num, sizeof(*items));
    list->items = weir_arena_calloc(p->arena, p->num, sizeof(Weir__V1__TenantSummary *));
    if (items == NULL || list->items == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < p->num && err == WEIR_OK; i++) {
        list->items[i] = &items[i];
        err = fill_item(p, i, &items[i]);
    }
    list->n_items = p->num;
    list->next = p->more ? items[p->num - 1].name : (char *)"";
    list->has_total = 1;
    list->total = stats.num_tenants;
    return err;
}

static bool read_name_param(struct weir_admin_request *r, const char *param, struct weir_span *ret)
{
    const struct weir_span *given = weir_query_find(&r->query, param);
    *ret = given != NULL ? *given : WEIR_SPAN_EMPTY;
    if (ret->len <= WEIR_TENANT_NAME_MAX)
        return true;
    weir_admin_response_error(r, 400, "bad_request", "%s is longer than a name can be (%d bytes)",
                              param, WEIR_TENANT_NAME_MAX);
    return false;
}

void weir_admin_tenant_list(struct weir_admin_request *r)
{
    struct weir_store_reader *reader = r->node->reader;
    struct weir_arena arena;
    struct page page = { .reader = reader, .arena = &arena };
    struct weir_span after;
    Weir__V1__TenantList list = WEIR__V1__TENANT_LIST__INIT;
    uint64_t limit = LIMIT_DEFAULT;
    if (weir_query_u64(&r->query, "limit", &limit) < 0 || limit < 1 || limit > LIMIT_MAX) {
        weir_admin_response_error(r, 400, "bad_request", "limit is out of range 1..%d", LIMIT_MAX);
        return;
    }
    if (!read_name_param(r, "after", &after) || !read_name_param(r, "prefix", &page.prefix))
        return;
    page.limit = (size_t)limit;
    response_arena_init(&arena);
    enum weir_err err = weir_store_read_begin(reader);
    if (err == WEIR_OK) {
        err = fill_list(&page, after, &list);
        weir_store_read_end(reader);
    }
    if (err < 0)
        weir_admin_response_err(r, err, "the list");
    else
        weir_admin_response_message(r, 200, &list.base);
    weir_arena_deinit(&arena);
}

/* -- one tenant -- */

static void write_name_text(const struct weir_admin_request *r, char out[WEIR_TENANT_NAME_MAX + 16])
{
    size_t len = r->name.len < WEIR_TENANT_NAME_MAX ? r->name.len : WEIR_TENANT_NAME_MAX;
    memcpy(out, "tenant ", 7);
    memcpy(out + 7, r->name.at, len);
    out[7 + len] = '\0';
}

static enum weir_err fill_response(struct weir_store_reader *r, struct weir_arena *arena,
                                   Weir__V1__StoredTenant *s, bool conflicts,
                                   Weir__V1__TenantResponse *out)
{
    out->tenant = s->tenant;
    out->has_revision = 1;
    out->revision = s->revision;
    out->applied_at = time_text(arena, s->applied_ms);
    out->applied_by = s->applied_by;
    out->why = s->why;
    if (out->applied_at == NULL)
        return WEIR_ENOMEM;
    return conflicts ? weir_conflicts_find(r, s->tenant, arena, &out->conflicts, &out->n_conflicts)
                     : WEIR_OK;
}

/* @param revision 0: the present one, with its conflicts */
static enum weir_err fill_tenant(struct weir_store_reader *r, struct weir_span name,
                                 uint64_t revision, struct weir_arena *arena,
                                 Weir__V1__TenantResponse *out)
{
    struct weir_record rec;
    Weir__V1__StoredTenant *stored = NULL;
    enum weir_err err = WEIR_OK;
    if (name.len > WEIR_TENANT_NAME_MAX)
        return WEIR_ENOTFOUND;
    if (revision == 0)
        err = weir_store_get(r, WEIR_CLASS_TENANT, name, &rec);
    else
        err = weir_store_revision_get(r, WEIR_CLASS_TENANT, name, revision, &rec.value);
    if (err == WEIR_OK)
        err = weir_stored_tenant_read(rec.value, arena, &stored);
    return err < 0 ? err : fill_response(r, arena, stored, revision == 0, out);
}

/** The newest and the oldest revision that are stored; 0: none. */
struct revision_range {
    uint64_t newest;
    uint64_t oldest;
};

static bool add_to_range(void *arg, uint64_t revision, struct weir_span value)
{
    struct revision_range *range = arg;
    (void)value;
    if (range->newest == 0)
        range->newest = revision;
    range->oldest = revision;
    return true;
}

void weir_admin_response_no_revision(struct weir_admin_request *r, uint64_t revision)
{
    struct weir_store_reader *reader = r->node->reader;
    struct revision_range range = { 0, 0 };
    char what[WEIR_TENANT_NAME_MAX + 16];
    write_name_text(r, what);
    enum weir_err err = weir_store_read_begin(reader);
    if (err == WEIR_OK) {
        err = weir_store_revision_list(reader, WEIR_CLASS_TENANT, r->name, add_to_range, &range);
        weir_store_read_end(reader);
    }
    if (err < 0)
        weir_admin_response_err(r, err, what);
    else if (range.newest == 0)
        weir_admin_response_error(r, 404, "not_found", "%s: does not exist, and never did", what);
    else
        weir_admin_response_error(r, 404, "not_found",
                                  "%s has no revision %llu; there are %llu to %llu", what,
                                  (unsigned long long)revision, (unsigned long long)range.oldest,
                                  (unsigned long long)range.newest);
}

static void respond_tenant(struct weir_admin_request *r, uint64_t revision)
{
    struct weir_store_reader *reader = r->node->reader;
    struct weir_arena arena;
    char what[WEIR_TENANT_NAME_MAX + 16];
    Weir__V1__TenantResponse response = WEIR__V1__TENANT_RESPONSE__INIT;
    write_name_text(r, what);
    response_arena_init(&arena);
    enum weir_err err = weir_store_read_begin(reader);
    if (err == WEIR_OK) {
        err = fill_tenant(reader, r->name, revision, &arena, &response);
        weir_store_read_end(reader);
    }
    if (err == WEIR_ENOTFOUND && revision > 0) {
        weir_admin_response_no_revision(r, revision);
    } else if (err < 0) {
        weir_admin_response_err(r, err, what);
    } else {
        weir_admin_etag(r, response.revision);
        weir_admin_response_message(r, 200, &response.base);
    }
    weir_arena_deinit(&arena);
}

void weir_admin_tenant_get(struct weir_admin_request *r)
{
    respond_tenant(r, 0);
}

void weir_admin_revision(struct weir_admin_request *r)
{
    if (r->number == 0)
        weir_admin_response_error(r, 404, "not_found", "revisions begin at 1");
    else
        respond_tenant(r, r->number);
}

/* -- history -- */

struct history {
    size_t num;
    uint64_t revisions[WEIR_REVISIONS_KEPT];
    struct weir_span values[WEIR_REVISIONS_KEPT];
};

static bool add_to_history(void *arg, uint64_t revision, struct weir_span value)
{
    struct history *h = arg;
    if (h->num == WEIR_REVISIONS_KEPT)
        return false;
    h->revisions[h->num] = revision;
    h->values[h->num++] = value;
    return true;
}

static enum weir_err fill_revision(struct weir_arena *arena, const Weir__V1__StoredTenant *s,
                                   const Weir__V1__StoredTenant *before, Weir__V1__Revision *out)
{
    struct weir_diff_paths changed = {
        .items = weir_arena_calloc(arena, CHANGED_MAX, sizeof(*changed.items)),
        .max = CHANGED_MAX,
    };
    enum weir_err err = WEIR_OK;
    out->applied_at = time_text(arena, s->applied_ms);
    out->applied_by = s->applied_by;
    out->why = s->why;
    if (changed.items == NULL || out->applied_at == NULL)
        return WEIR_ENOMEM;
    if (before != NULL)
        err = weir_schema_diff(&before->tenant->base, &s->tenant->base, arena, &changed);
    out->changed = (char **)changed.items;
    out->n_changed = changed.len;
    return err;
}

/* The deletion that followed on a revision: a row without a document. */
static enum weir_err fill_deletion(struct weir_arena *arena, const Weir__V1__StoredTenant *s,
                                   Weir__V1__Revision *out)
{
    out->has_revision = 1;
    out->revision = s->revision;
    out->applied_at = time_text(arena, s->deleted_ms);
    out->applied_by = s->deleted_by;
    out->why = (char *)"delete";
    out->has_deleted = 1;
    out->deleted = 1;
    return out->applied_at != NULL ? WEIR_OK : WEIR_ENOMEM;
}

/* The next row of the response. */
static Weir__V1__Revision *add_row(Weir__V1__HistoryResponse *out, Weir__V1__Revision *items)
{
    Weir__V1__Revision *row = &items[out->n_revisions];
    weir__v1__revision__init(row);
    out->revisions[out->n_revisions++] = row;
    return row;
}

/* Newest first; each is compared with the one behind it. A damaged one is named and stands for no
 * difference. */
static enum weir_err fill_history(const struct history *h, struct weir_arena *arena,
                                  Weir__V1__HistoryResponse *out)
{
    Weir__V1__StoredTenant *stored[WEIR_REVISIONS_KEPT + 1] = { NULL };
    Weir__V1__Revision *items = weir_arena_calloc(arena, 2 * h->num, sizeof(*items));
    out->revisions = weir_arena_calloc(arena, 2 * h->num, sizeof(Weir__V1__Revision *));
    if (items == NULL || out->revisions == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < h->num; i++)
        if (weir_stored_tenant_read(h->values[i], arena, &stored[i]) == WEIR_ENOMEM)
            return WEIR_ENOMEM;
    for (size_t i = 0; i < h->num; i++) {
        enum weir_err err = WEIR_OK;
        if (stored[i] != NULL && stored[i]->has_deleted_ms)
            err = fill_deletion(arena, stored[i], add_row(out, items));
        Weir__V1__Revision *row = add_row(out, items);
        row->has_revision = 1;
        row->revision = h->revisions[i];
        if (err == WEIR_OK && stored[i] != NULL)
            err = fill_revision(arena, stored[i], stored[i + 1], row);
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

static enum weir_err read_history(struct weir_store_reader *r, struct weir_span name,
                                  struct weir_arena *arena, Weir__V1__HistoryResponse *out)
{
    struct history h = { .num = 0 };
    if (name.len > WEIR_TENANT_NAME_MAX)
        return WEIR_ENOTFOUND;
    enum weir_err err = weir_store_revision_list(r, WEIR_CLASS_TENANT, name, add_to_history, &h);
    if (err < 0)
        return err;
    return h.num == 0 ? WEIR_ENOTFOUND : fill_history(&h, arena, out);
}

void weir_admin_history(struct weir_admin_request *r)
{
    struct weir_store_reader *reader = r->node->reader;
    struct weir_arena arena;
    char what[WEIR_TENANT_NAME_MAX + 16];
    Weir__V1__HistoryResponse response = WEIR__V1__HISTORY_RESPONSE__INIT;
    write_name_text(r, what);
    response.name = what + 7;
    response_arena_init(&arena);
    enum weir_err err = weir_store_read_begin(reader);
    if (err == WEIR_OK) {
        err = read_history(reader, r->name, &arena, &response);
        weir_store_read_end(reader);
    }
    if (err < 0)
        weir_admin_response_err(r, err, what);
    else
        weir_admin_response_message(r, 200, &response.base);
    weir_arena_deinit(&arena);
}
