/* SPDX-License-Identifier: Apache-2.0
 *
 * claims.c - all claims in one sorted set: equal ones are neighbours, and the wildcard above a name
 * is found by a search for each label.
 */
#include "node/cli/docs/claims.h"

#include "node/base/arena.h"
#include "tenants/overlap.h"
#include "tenants/overlap_set.h"

#include <stdio.h>
#include <string.h>

#define ARENA_BLOCK 65536
#define ARENA_MAX   ((size_t)1 << 30)
#define TEXT_MAX    (WEIR_HOST_MAX + 3) /* "*." and a NUL */

/** One check. */
struct check {
    const struct weir_source_doc *docs;
    struct weir_arena arena; /* names in normal form */
    struct weir_overlap_set set;
    weir_claim_clash_sink *sink;
    void *arg;
};

static void host_write(char out[TEXT_MAX], struct weir_span host, bool wildcard)
{
    snprintf(out, TEXT_MAX, "%s%.*s", wildcard ? "*." : "", (int)host.len, (const char *)host.at);
}

static enum weir_err host_add(struct check *c, const char *host, size_t index)
{
    uint8_t buf[WEIR_HOST_MAX];
    struct weir_host_claim claim = { .wildcard = false };
    if (weir_host_claim_parse(weir_span_cstr(host), buf, &claim) < 0)
        return WEIR_OK; /* reported by the schema */
    char *copy = weir_arena_strdup(&c->arena, claim.host);
    if (copy == NULL)
        return WEIR_ENOMEM;
    claim.host = weir_span(copy, claim.host.len);
    claim.owner = weir_span_cstr(c->docs[index].tenant->name);
    return weir_overlap_set_add(&c->set, &claim, index);
}

static enum weir_err claims_add(struct check *c, size_t num)
{
    enum weir_err err = WEIR_OK;
    for (size_t i = 0; i < num && err == WEIR_OK; i++) {
        const struct weir_source_doc *doc = &c->docs[i];
        if (doc->kind != WEIR_KIND_TENANT)
            continue;
        for (size_t k = 0; k < doc->tenant->n_hosts && err == WEIR_OK; k++)
            err = host_add(c, doc->tenant->hosts[k], i);
    }
    return err;
}

static void clash_report(struct check *c, const struct weir_overlap_entry *entry,
                         const struct weir_overlap_entry *other, bool is_same)
{
    char host[TEXT_MAX];
    char other_host[TEXT_MAX];
    host_write(host, entry->claim.host, entry->claim.wildcard);
    host_write(other_host, other->claim.host, other->claim.wildcard);
    c->sink(c->arg, &(struct weir_claim_clash){ .doc = &c->docs[entry->tag],
                                                .other = &c->docs[other->tag],
                                                .host = host,
                                                .other_host = other_host,
                                                .is_same = is_same });
}

/* Equal claims are neighbours, in the order of their documents. A tenant that is described twice is
 * reported as such. */
static void same_report(struct check *c)
{
    const struct weir_overlap_entry *first = c->set.items;
    for (size_t i = 1; i < c->set.len; i++) {
        const struct weir_overlap_entry *entry = &c->set.items[i];
        if (!weir_overlap_entry_is_same(first, entry))
            first = entry;
        else if (!weir_span_eq(entry->claim.owner, first->claim.owner))
            clash_report(c, entry, first, true);
    }
}

/* An overlap is found from both of its sides, and reported from the narrower one. */
static enum weir_err wider_report(struct check *c, const struct weir_overlap_names *names,
                                  const struct weir_overlap_entry *entry)
{
    struct weir_overlap overlap;
    struct weir_overlaps found = { .items = &overlap, .max = 1 };
    enum weir_err err = weir_overlap_find(names, &entry->claim, &found);
    if (err < 0 || found.len == 0 || !overlap.other_is_wider)
        return err;
    struct weir_span suffix = weir_span(overlap.other, overlap.other_len);
    const struct weir_overlap_entry *wider = weir_overlap_set_find(&c->set, suffix, true);
    if (wider != NULL && !weir_overlap_is_allowed(c->docs[wider->tag].tenant, entry->claim.owner))
        clash_report(c, entry, wider, false);
    return WEIR_OK;
}

enum weir_err weir_claims_check(const struct weir_source_doc *docs, size_t num,
                                weir_claim_clash_sink *sink, void *arg)
{
    struct check c = { .docs = docs, .set = WEIR_OVERLAP_SET_ZERO, .sink = sink, .arg = arg };
    WEIR_ASSERT(sink != NULL);
    weir_arena_init(&c.arena, ARENA_BLOCK, ARENA_MAX);
    enum weir_err err = claims_add(&c, num);
    if (err == WEIR_OK) {
        weir_overlap_set_sort(&c.set);
        same_report(&c);
        struct weir_overlap_names names = weir_overlap_set_names(&c.set);
        for (size_t i = 0; i < c.set.len && err == WEIR_OK; i++)
            err = wider_report(&c, &names, &c.set.items[i]);
    }
    weir_overlap_set_deinit(&c.set);
    weir_arena_deinit(&c.arena);
    return err;
}
