/* SPDX-License-Identifier: Apache-2.0
 *
 * overlap_check.c - see overlap_check.h. Below a new wildcard, names that the owner of the
 * wider name allows are skipped during the search. For the wildcard above a name this is judged
 * afterwards, from the record of the wildcard.
 */
#include "node/ctl/overlap_check.h"

#include <stdio.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/ctl/stored_tenant.h"

/* -- views -- */

static enum weir_err reader_owner(void *arg, enum weir_index index, struct weir_span key,
                                  struct weir_span *ret_owner)
{
    return weir_store_index_owner(arg, index, key, ret_owner);
}

static enum weir_err reader_below(void *arg, struct weir_span domain, struct weir_claim_found *at)
{
    return weir_store_index_below(arg, domain, at);
}

static enum weir_err reader_value(void *arg, struct weir_span key, struct weir_span *ret_value)
{
    struct weir_record rec;
    enum weir_err err = weir_store_get(arg, WEIR_CLASS_TENANT, key, &rec);
    if (err == WEIR_OK)
        *ret_value = rec.value;
    return err;
}

struct weir_names_view weir_names_of_reader(struct weir_store_reader *r)
{
    return (struct weir_names_view){ reader_owner, reader_below, reader_value, r };
}

static enum weir_err write_owner(void *arg, enum weir_index index, struct weir_span key,
                                 struct weir_span *ret_owner)
{
    return weir_write_index_owner(arg, index, key, ret_owner);
}

static enum weir_err write_below(void *arg, struct weir_span domain, struct weir_claim_found *at)
{
    return weir_write_index_below(arg, domain, at);
}

static enum weir_err write_value(void *arg, struct weir_span key, struct weir_span *ret_value)
{
    return weir_write_get(arg, WEIR_CLASS_TENANT, key, ret_value);
}

struct weir_names_view weir_names_of_write(struct weir_write *w)
{
    return (struct weir_names_view){ write_owner, write_below, write_value, w };
}

/* -- one name -- */

/** A search for the overlaps of one name. */
struct search {
    const struct weir_names_view *view;
    const Weir__V1__Tenant *tenant;
    bool refuse;     /* what the tenant itself allows below its wildcard is passed over */
    size_t num_left; /* claims below that are still read */
    struct weir_claim_found at;
};

static enum weir_err wildcard_owner(void *arg, struct weir_span suffix, struct weir_span *ret_owner)
{
    struct search *s = arg;
    return s->view->owner(s->view->arg, WEIR_INDEX_WILDCARD, suffix, ret_owner);
}

/* The same wildcard of another tenant is a conflict. */
static bool is_passed_over(const struct search *s, struct weir_span suffix)
{
    struct weir_span name = weir_span_cstr(s->at.name);
    return !weir_overlap_is_below(name, suffix) ||
           (name.len == suffix.len + 2 && name.at[0] == '*') ||
           weir_span_eq(s->at.owner, weir_span_cstr(s->tenant->name)) ||
           (s->refuse && weir_overlap_is_allowed(s->tenant, s->at.owner));
}

static enum weir_err next_below(void *arg, struct weir_span suffix,
                                const struct weir_host_claim *after, struct weir_host_claim *ret)
{
    struct search *s = arg;
    enum weir_err err = WEIR_OK;
    if (s->num_left == 0)
        return WEIR_ENOTFOUND;
    if (after == NULL)
        s->at.row_len = 0;
    do
        err = s->view->below(s->view->arg, suffix, &s->at);
    while (err == WEIR_OK && is_passed_over(s, suffix));
    if (err < 0)
        return err;
    s->num_left--;
    struct weir_span name = weir_span_cstr(s->at.name);
    ret->wildcard = weir_span_starts(name, WEIR_SPAN_LIT("*."));
    ret->host = weir_span_from(name, ret->wildcard ? 2 : 0);
    ret->owner = s->at.owner;
    return WEIR_OK;
}

/* @param ret  items and max are the caller's */
static enum weir_err find_overlaps(struct search *s, const char *name, struct weir_overlaps *ret)
{
    const struct weir_overlap_names names = { s, wildcard_owner, next_below };
    struct weir_host_claim claim;
    uint8_t host[WEIR_HOST_MAX];
    ret->len = 0;
    ret->total = 0;
    if (weir_host_claim_parse(weir_span_cstr(name), host, &claim) < 0)
        return WEIR_OK; /* an address and a port */
    claim.owner = weir_span_cstr(s->tenant->name);
    s->num_left = WEIR_OVERLAPS_MAX;
    return weir_overlap_find(&names, &claim, ret);
}

/* Whether the owner of the wider wildcard lists this tenant. A record that cannot be read allows
 * nothing. */
static enum weir_err is_allowed_by_wider(const struct search *s, const struct weir_overlap *o,
                                         bool *ret_allows)
{
    struct weir_arena arena;
    Weir__V1__StoredTenant *stored = NULL;
    struct weir_span value;
    *ret_allows = false;
    enum weir_err err = s->view->value(s->view->arg, weir_span(o->owner, o->owner_len), &value);
    if (err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT)
        return WEIR_OK;
    if (err < 0)
        return err;
    weir_stored_tenant_arena_init(&arena);
    err = weir_stored_tenant_read(value, &arena, &stored);
    if (err == WEIR_OK)
        *ret_allows = weir_overlap_is_allowed(stored->tenant, weir_span_cstr(s->tenant->name));
    weir_arena_deinit(&arena);
    return err == WEIR_ENOMEM ? err : WEIR_OK;
}

enum weir_err weir_overlap_check_name(const struct weir_names_view *view, const Weir__V1__Tenant *t,
                                      const char *name, struct weir_overlap_refusal *ret)
{
    struct search s = { .view = view, .tenant = t, .refuse = true };
    struct weir_overlap items[2]; /* the wildcard above, and one name below */
    struct weir_overlaps found = { .items = items, .max = WEIR_ARRAY_LEN(items) };
    WEIR_ASSERT(view->owner != NULL && view->below != NULL && view->value != NULL);
    WEIR_ASSERT(t->name != NULL && t->name[0] != '\0');
    enum weir_err err = find_overlaps(&s, name, &found);
    for (size_t i = 0; err == WEIR_OK && i < found.len; i++) {
        bool allows = false;
        if (items[i].other_is_wider)
            err = is_allowed_by_wider(&s, &items[i], &allows);
        if (err < 0 || allows)
            continue;
        *ret = (struct weir_overlap_refusal){ .name = name, .overlap = items[i] };
        return WEIR_EPERM;
    }
    return err;
}

char *weir_overlap_text(const char *tenant, const char *name, const struct weir_overlap *o,
                        struct weir_arena *arena)
{
    const char *star = o->other_wildcard ? "*." : "";
    if (o->other_is_wider)
        return weir_arena_printf(
            arena,
            "host %s of tenant %s is below %s%.*s of tenant %.*s: requests for "
            "%s go to %s, and %.*s keeps the rest",
            name, tenant, star, o->other_len, (const char *)o->other, o->owner_len,
            (const char *)o->owner, name, tenant, o->owner_len, (const char *)o->owner);
    return weir_arena_printf(arena,
                             "host %s of tenant %s is over %s%.*s of tenant %.*s: requests for "
                             "%s%.*s stay with %.*s, and %s gets the rest",
                             name, tenant, star, o->other_len, (const char *)o->other, o->owner_len,
                             (const char *)o->owner, star, o->other_len, (const char *)o->other,
                             o->owner_len, (const char *)o->owner, tenant);
}

enum weir_err weir_overlap_lines(const struct weir_names_view *view, const Weir__V1__Tenant *t,
                                 struct weir_arena *arena, char ***ret_lines, size_t *ret_len)
{
    struct search s = { .view = view, .tenant = t };
    struct weir_overlap items[WEIR_OVERLAPS_MAX];
    char *lines[WEIR_OVERLAPS_MAX];
    size_t len = 0;
    for (size_t i = 0; i < t->n_hosts && len < WEIR_OVERLAPS_MAX; i++) {
        struct weir_overlaps found = { .items = items, .max = WEIR_OVERLAPS_MAX - len };
        enum weir_err err = find_overlaps(&s, t->hosts[i], &found);
        if (err < 0)
            return err;
        for (size_t j = 0; j < found.len; j++) {
            lines[len] = weir_overlap_text(t->name, t->hosts[i], &items[j], arena);
            if (lines[len++] == NULL)
                return WEIR_ENOMEM;
        }
    }
    *ret_lines = weir_arena_calloc(arena, len, sizeof(char *));
    if (*ret_lines == NULL)
        return WEIR_ENOMEM;
    if (len > 0)
        memcpy(*ret_lines, lines, len * sizeof(char *));
    *ret_len = len;
    return WEIR_OK;
}

/* -- the count -- */

static void set_example(struct weir_overlap_count *c, const struct weir_claim_found *below)
{
    snprintf(c->name, sizeof(c->name), "%s", below->name);
    snprintf(c->tenant, sizeof(c->tenant), "%.*s", (int)below->owner.len,
             (const char *)below->owner.at);
    snprintf(c->wildcard_name, sizeof(c->wildcard_name), "%s", c->wildcard.name);
    snprintf(c->owner, sizeof(c->owner), "%.*s", (int)c->wildcard.owner.len,
             (const char *)c->wildcard.owner.at);
}

/** The record of a wildcard's owner: read once, however many names lie below the wildcard. */
struct owner_record {
    struct weir_arena arena;
    const Weir__V1__Tenant *tenant; /* NULL: not read yet, or not to be read: it allows nothing */
    bool is_read;
};

/* Whether the owner of the wildcard lists the tenant. */
static bool is_listed(struct owner_record *record, const struct weir_names_view *view,
                      struct weir_span owner, struct weir_span tenant)
{
    Weir__V1__StoredTenant *stored = NULL;
    struct weir_span value;
    if (!record->is_read && view->value(view->arg, owner, &value) == WEIR_OK &&
        weir_stored_tenant_read(value, &record->arena, &stored) == WEIR_OK)
        record->tenant = stored->tenant;
    record->is_read = true;
    return record->tenant != NULL && weir_overlap_is_allowed(record->tenant, tenant);
}

/* Names of others below one wildcard. @return claims read */
static size_t count_wildcard(struct weir_overlap_count *c, const struct weir_names_view *view)
{
    struct weir_span name = weir_span_cstr(c->wildcard.name);
    struct weir_span domain = weir_span_from(name, 2);
    struct weir_claim_found at = { .row_len = 0 };
    struct owner_record record = { .tenant = NULL };
    size_t steps = 1;
    weir_stored_tenant_arena_init(&record.arena);
    for (; steps < WEIR_OVERLAP_STEPS_MAX; steps++) {
        if (view->below(view->arg, domain, &at) < 0)
            break;
        if (weir_span_eq(at.owner, c->wildcard.owner) ||
            weir_span_eq(weir_span_cstr(at.name), name) ||
            is_listed(&record, view, c->wildcard.owner, at.owner))
            continue;
        if (c->num_pass++ == 0)
            set_example(c, &at);
    }
    weir_arena_deinit(&record.arena);
    return steps;
}

uint64_t weir_overlap_count_step(struct weir_overlap_count *c, struct weir_store_reader *r)
{
    const struct weir_names_view view = weir_names_of_reader(r);
    for (size_t steps = 0; steps < WEIR_OVERLAP_STEPS_MAX;) {
        if (weir_store_index_next(r, WEIR_INDEX_WILDCARD, &c->wildcard) < 0) {
            c->num = c->num_pass;
            c->whole = true;
            c->num_pass = 0;
            c->wildcard.row_len = 0;
            return c->num;
        }
        steps += count_wildcard(c, &view);
    }
    return c->num_pass > c->num ? c->num_pass : c->num;
}
