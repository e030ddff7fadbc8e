/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_claims.c - what the tenants of one run claim from each other: names that two claim, and
 * names under another tenant's wildcard. All names are sorted once, then each is looked up.
 */
#include <stdio.h>
#include <string.h>

#include "tenants/overlap_set.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_report.h"

_Static_assert(WEIR_HOSTS_MAX > 0,
               "a tag is a document and an item: document * WEIR_HOSTS_MAX + item");

/** One list of claims: hosts or addresses. */
enum list { HOSTS, ADDRESSES };
static const char *const list_names[] = { [HOSTS] = "hosts", [ADDRESSES] = "addresses" };

/** One check. */
struct claims {
    const struct weir_run_doc *docs;
    size_t num;
    struct weir_overlap_set sets[2]; /* by list */
    struct weir_report report;
};

static size_t list_len(const struct weir_run_doc *d, enum list list)
{
    size_t num;

    if (d->doc.kind != WEIR_KIND_TENANT)
        return 0;
    num = list == HOSTS ? d->doc.tenant->n_hosts : d->doc.tenant->n_addresses;
    return num < WEIR_HOSTS_MAX ? num : WEIR_HOSTS_MAX;
}

/* An item of a list as a claim. The check of the document left it in its one spelling. */
static struct weir_host_claim claim_of(const struct weir_run_doc *d, enum list list, size_t item)
{
    char *const *items = list == HOSTS ? d->doc.tenant->hosts : d->doc.tenant->addresses;
    struct weir_span text = weir_span_cstr(items[item]);
    bool wildcard = weir_span_starts(text, WEIR_SPAN_LIT("*."));

    return (struct weir_host_claim){ .host = weir_span_from(text, wildcard ? 2 : 0),
                                     .wildcard = wildcard,
                                     .owner = weir_span_cstr(d->doc.tenant->name) };
}

static enum weir_err sets_fill(struct claims *c)
{
    for (size_t i = 0; i < c->num; i++) {
        for (int list = HOSTS; list <= ADDRESSES; list++) {
            size_t len = list_len(&c->docs[i], (enum list)list);
            for (size_t k = 0; k < len; k++) {
                struct weir_host_claim claim = claim_of(&c->docs[i], (enum list)list, k);
                enum weir_err err =
                    weir_overlap_set_add(&c->sets[list], &claim, i * WEIR_HOSTS_MAX + k);
                if (err < 0)
                    return err;
            }
        }
    }
    weir_overlap_set_sort(&c->sets[HOSTS]);
    weir_overlap_set_sort(&c->sets[ADDRESSES]);
    return WEIR_OK;
}

static const struct weir_run_doc *doc_of(const struct claims *c, size_t tag)
{
    return &c->docs[tag / WEIR_HOSTS_MAX];
}

static struct weir_place place_of(const struct claims *c, enum list list, size_t tag)
{
    const struct weir_doc *doc = &doc_of(c, tag)->doc;
    const struct weir_place *places = list == HOSTS ? doc->hosts : doc->addresses;

    return places != NULL ? places[tag % WEIR_HOSTS_MAX] : (struct weir_place){ doc->line, 1 };
}

#define FILE_SHOWN_MAX 256 /* bytes of a path in a message; of a longer one its end is shown */

/** Room for "shop.yaml:4:9": a path and two numbers. */
struct place_text {
    char text[FILE_SHOWN_MAX + 32];
};

static struct place_text place_show(const struct claims *c, enum list list, size_t tag)
{
    struct weir_place place = place_of(c, list, tag);
    const char *file = doc_of(c, tag)->file;
    struct place_text t;

    size_t len = strlen(file);

    snprintf(t.text, sizeof(t.text), "%s%s%s%u:%u", len > FILE_SHOWN_MAX ? "..." : "",
             len > FILE_SHOWN_MAX ? file + len - FILE_SHOWN_MAX : file, len > 0 ? ":" : "",
             place.line, place.column);
    return t;
}

/* The report of one document, and the trail of one claim in it. */
static struct weir_tree claim_locate(struct claims *c, enum list list, size_t tag)
{
    struct weir_place place = place_of(c, list, tag);

    weir_report_file(&c->report, doc_of(c, tag)->file);
    return (struct weir_tree){ .line = place.line, .column = place.column };
}

static void check_taken(struct claims *c, enum list list, size_t tag,
                        const struct weir_host_claim *claim)
{
    struct weir_trail top = weir_trail_name(NULL, weir_span_cstr(list_names[list]));
    struct weir_trail at = weir_trail_index(&top, tag % WEIR_HOSTS_MAX);
    const struct weir_overlap_entry *first =
        weir_overlap_set_find(&c->sets[list], claim->host, claim->wildcard);

    WEIR_ASSERT(first != NULL);
    if (weir_span_eq(first->claim.owner, claim->owner))
        return;
    struct weir_tree place = claim_locate(c, list, tag);
    weir_report_at(&c->report, &at, &place, "\"%s%.*s\" is claimed by tenant %.*s as well, at %s",
                   claim->wildcard ? "*." : "", (int)claim->host.len, (const char *)claim->host.at,
                   (int)first->claim.owner.len, (const char *)first->claim.owner.at,
                   place_show(c, list, first->tag).text);
}

static void warn_of_overlap(struct claims *c, size_t tag, const struct weir_host_claim *claim,
                            const struct weir_overlap *o)
{
    struct weir_span other = weir_span(o->other, o->other_len);
    struct weir_trail top = weir_trail_name(NULL, WEIR_SPAN_LIT("hosts"));
    struct weir_trail at = weir_trail_index(&top, tag % WEIR_HOSTS_MAX);
    const struct weir_overlap_entry *wider = weir_overlap_set_find(&c->sets[HOSTS], other, true);

    WEIR_ASSERT(wider != NULL);
    if (weir_overlap_is_allowed(doc_of(c, wider->tag)->doc.tenant, claim->owner))
        return;
    struct weir_tree place = claim_locate(c, HOSTS, tag);
    weir_report_warn_at(&c->report, &at, &place,
                        "\"%s%.*s\" takes requests from \"*.%.*s\" of tenant %.*s, at %s: if that "
                        "is wanted, list %.*s in allow_overlap there",
                        claim->wildcard ? "*." : "", (int)claim->host.len,
                        (const char *)claim->host.at, (int)other.len, (const char *)other.at,
                        o->owner_len, (const char *)o->owner, place_show(c, HOSTS, wider->tag).text,
                        (int)claim->owner.len, (const char *)claim->owner.at);
}

/* Each overlap of two documents is seen from the narrower claim, so wildcards are not searched. */
static enum weir_err check_overlap(struct claims *c, size_t tag,
                                   const struct weir_host_claim *claim)
{
    struct weir_overlap_names names = weir_overlap_set_names(&c->sets[HOSTS]);
    struct weir_host_claim narrow = { .host = claim->host, .owner = claim->owner };
    struct weir_overlap items[1];
    struct weir_overlaps found = { .items = items, .max = WEIR_ARRAY_LEN(items) };
    enum weir_err err = weir_overlap_find(&names, &narrow, &found);

    if (err == WEIR_OK && found.len > 0)
        warn_of_overlap(c, tag, claim, &items[0]);
    return err;
}

static enum weir_err doc_check(struct claims *c, size_t i)
{
    enum weir_err err = WEIR_OK;
    size_t len = list_len(&c->docs[i], HOSTS);

    for (size_t k = 0; err == WEIR_OK && k < len; k++) {
        struct weir_host_claim claim = claim_of(&c->docs[i], HOSTS, k);
        check_taken(c, HOSTS, i * WEIR_HOSTS_MAX + k, &claim);
        err = check_overlap(c, i * WEIR_HOSTS_MAX + k, &claim);
    }
    len = list_len(&c->docs[i], ADDRESSES);
    for (size_t k = 0; k < len; k++) {
        struct weir_host_claim claim = claim_of(&c->docs[i], ADDRESSES, k);
        check_taken(c, ADDRESSES, i * WEIR_HOSTS_MAX + k, &claim);
    }
    return err;
}

enum weir_err weir_schema_check_claims(const struct weir_run_doc *docs, size_t num,
                                       struct weir_diags *diags)
{
    struct claims c = { .docs = docs, .num = num };

    WEIR_ASSERT(docs != NULL || num == 0);
    weir_report_init(&c.report, diags, NULL);
    enum weir_err err = sets_fill(&c);
    for (size_t i = 0; err == WEIR_OK && i < num; i++)
        err = doc_check(&c, i);
    weir_overlap_set_deinit(&c.sets[HOSTS]);
    weir_overlap_set_deinit(&c.sets[ADDRESSES]);
    if (err == WEIR_OK && c.report.failed)
        err = WEIR_ENOMEM;
    return err == WEIR_OK && c.report.num > 0 ? WEIR_EINVAL : err;
}
