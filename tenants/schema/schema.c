/* SPDX-License-Identifier: Apache-2.0
 *
 * schema.c - reads texts: each document becomes a tree, a message, and is checked before the next
 * is read. So the cost in memory is that of the largest document and of the messages.
 */
#include "tenants/schema/schema.h"

#include <stdio.h>
#include <string.h>

#include "tenants/schema/schema_check.h"
#include "tenants/schema/schema_map.h"
#include "tenants/schema/schema_reader.h"
#include "tenants/schema/schema_reflect.h"
#include "tenants/schema/schema_report.h"
#include "tenants/schema/schema_rules.h"
#include "tenants/schema/schema_tree.h"

#define TEXT_MAX      (64u << 20) /* bytes of a text */
#define DOCS_MAX      16384       /* documents of a text */
#define DOCS_BLOCK    16384
#define DOCS_BYTES    (512u << 20) /* messages of all documents */
#define SCRATCH_BLOCK 65536        /* bytes: the tree of a usual document */
#define SCRATCH_MAX   (512u << 20) /* bytes: trees of WEIR_TREE_VALUES_MAX values and their texts */
#define CHECK_BLOCK   8192

_Static_assert(WEIR_TREE_VALUES_MAX * sizeof(struct weir_tree) < SCRATCH_MAX / 2,
               "a document within its bounds fits");

void weir_docs_init(struct weir_docs *d)
{
    *d = (struct weir_docs){ .items = NULL };
    weir_arena_init(&d->arena, DOCS_BLOCK, DOCS_BYTES);
}

void weir_docs_deinit(struct weir_docs *d)
{
    weir_arena_deinit(&d->arena);
    d->items = NULL;
    d->len = 0;
}

/* Append. The room doubles, so it is full when the number is a power of two from 16 on. */
static enum weir_err docs_add(struct weir_docs *d, const struct weir_doc *doc)
{
    size_t len = d->len;

    if (len == 0 || (len >= 16 && (len & (len - 1)) == 0)) {
        struct weir_doc *items =
            weir_arena_calloc(&d->arena, len == 0 ? 16 : 2 * len, sizeof(*items));
        if (items == NULL)
            return WEIR_ENOMEM;
        if (len > 0)
            memcpy(items, d->items, len * sizeof(*items));
        d->items = items;
    }
    d->items[d->len++] = *doc;
    return WEIR_OK;
}

/** One call of weir_schema_read. */
struct reading {
    const struct weir_schema_source *src;
    struct weir_span text; /* of src, without a byte order mark */
    struct weir_docs *docs;
    struct weir_report report;
    struct weir_arena scratch; /* of one document */
    struct weir_arena lasting; /* of the whole text */
    struct weir_yaml *yaml;
    struct weir_json json;
    struct weir_tree_builder builder;
    size_t num_docs;
    struct named_doc {
        struct named_doc *next;
        const struct weir_doc *doc; /* a copy: the list of documents moves */
        uint32_t line, column;      /* of its name */
    } * first, **last;
};

/* -- the envelope -- */

static struct weir_tree *key_find(struct weir_tree *map, const char *name,
                                  struct weir_tree **ret_key)
{
    for (struct weir_tree *key = map->first; key != NULL; key = key->next->next) {
        if (key->kind == WEIR_TREE_SCALAR && weir_span_eq(key->text, weir_span_cstr(name))) {
            *ret_key = key;
            return key->next;
        }
    }
    return NULL;
}

static bool is_field(enum weir_kind kind, struct weir_span name)
{
    return weir_reflect_find(weir_rules_message(kind), name) != NULL;
}

static bool is_field_of_any(struct weir_span name)
{
    for (unsigned kind = 0; kind < WEIR_KIND_COUNT; kind++)
        if (is_field((enum weir_kind)kind, name))
            return true;
    return false;
}

/* The value of a key that is nearly an envelope key: that is reported, and the key is read as what
 * was meant. NULL: there is none. */
static const struct weir_tree *envelope_misspelled(struct reading *r, struct weir_tree *root,
                                                   const char *name)
{
    for (struct weir_tree *key = root->first; key != NULL; key = key->next->next) {
        struct weir_suggest suggest = weir_suggest_begin(key->text);
        struct weir_trail at = weir_trail_name(NULL, key->text);

        if (key->kind != WEIR_TREE_SCALAR || is_field_of_any(key->text))
            continue;
        weir_suggest_offer(&suggest, weir_span_cstr(name));
        if (suggest.best.len == 0)
            continue;
        weir_report_at(&r->report, &at, key, "unknown key%s", weir_suggest_text(&suggest).text);
        key->text = suggest.best;
        return key->next;
    }
    return NULL;
}

/* The value of an envelope key that may stand once. NULL: it is not there. */
static const struct weir_tree *envelope_value(struct reading *r, struct weir_tree *root,
                                              const char *name, const struct weir_trail *at)
{
    struct weir_tree *first = NULL;
    const struct weir_tree *value = key_find(root, name, &first);

    for (struct weir_tree *key = first; key != NULL; key = key->next->next)
        if (key != first && key->kind == WEIR_TREE_SCALAR && weir_span_eq(key->text, first->text))
            weir_report_at(&r->report, at, key, "is given twice, first in line %u", first->line);
    if (value != NULL || r->src->assume != NULL)
        return value;
    value = envelope_misspelled(r, root, name);
    if (value == NULL)
        weir_report_add(&r->report, at, "is missing");
    return value;
}

/* One of some words. @return its index, num: none of them, and that is reported */
static size_t envelope_word(struct reading *r, const struct weir_tree *value,
                            const char *const *words, size_t num, const struct weir_trail *at)
{
    struct weir_suggest suggest = weir_suggest_begin(value->text);

    if (value->kind != WEIR_TREE_SCALAR) {
        weir_report_add(&r->report, at, "is %s, must be text", weir_tree_kind_name(value->kind));
        return num;
    }
    for (size_t i = 0; i < num; i++) {
        if (weir_span_eq(value->text, weir_span_cstr(words[i])))
            return i;
        weir_suggest_offer(&suggest, weir_span_cstr(words[i]));
    }
    char list[64] = "";
    for (size_t i = 0, len = 0; i < num && len < sizeof(list); i++)
        len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s",
                                i == 0         ? ""
                                : i + 1 == num ? " or "
                                               : ", ",
                                words[i]);
    weir_report_add(&r->report, at, "%s is not %s%s", weir_schema_text_show(value->text).text, list,
                    weir_suggest_text(&suggest).text);
    return num;
}

static const char *const kinds[] = { [WEIR_KIND_TENANT] = "Tenant",
                                     [WEIR_KIND_NODE] = "Node",
                                     [WEIR_KIND_CERTIFICATE] = "Certificate" };
_Static_assert(WEIR_ARRAY_LEN(kinds) == WEIR_KIND_COUNT, "a word for each");

/* Whether one kind has more of the keys than each other one has. */
static bool is_most(const size_t num[WEIR_KIND_COUNT], size_t kind)
{
    for (size_t i = 0; i < WEIR_KIND_COUNT; i++)
        if (i != kind && num[i] >= num[kind])
            return false;
    return true;
}

/* What a document without a right kind most likely is, so that its other faults are reported with
 * this one. @param kind NULL: none is given @return false: there is nothing to guess by */
static bool kind_guess(const struct weir_tree *root, const struct weir_tree *kind,
                       enum weir_kind *ret)
{
    struct weir_suggest suggest = weir_suggest_begin(kind != NULL ? kind->text : WEIR_SPAN_EMPTY);
    size_t num[WEIR_ARRAY_LEN(kinds)] = { 0 };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
        weir_suggest_offer(&suggest, weir_span_cstr(kinds[i]));
    for (const struct weir_tree *key = root->first; key != NULL; key = key->next->next)
        for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++)
            num[i] += key->kind == WEIR_TREE_SCALAR && is_field((enum weir_kind)i, key->text);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(kinds); i++) {
        bool is_near = weir_span_eq(suggest.best, weir_span_cstr(kinds[i]));
        if (is_near || (suggest.best.len == 0 && is_most(num, i))) {
            *ret = (enum weir_kind)i;
            return true;
        }
    }
    return false;
}

/* What the document is. @return false: unknown, and that is reported */
static bool envelope_read(struct reading *r, struct weir_tree *root, enum weir_kind *ret)
{
    static const char *const versions[] = { "weir/v1" };
    struct weir_trail version_at = weir_trail_name(NULL, WEIR_SPAN_LIT("apiVersion"));
    struct weir_trail kind_at = weir_trail_name(NULL, WEIR_SPAN_LIT("kind"));
    const struct weir_tree *version = envelope_value(r, root, "apiVersion", &version_at);
    const struct weir_tree *kind = envelope_value(r, root, "kind", &kind_at);

    if (version != NULL)
        (void)envelope_word(r, version, versions, WEIR_ARRAY_LEN(versions), &version_at);
    if (kind == NULL) {
        if (r->src->assume == NULL)
            return kind_guess(root, NULL, ret);
        *ret = *r->src->assume;
        return true;
    }
    size_t i = envelope_word(r, kind, kinds, WEIR_ARRAY_LEN(kinds), &kind_at);
    if (i == WEIR_ARRAY_LEN(kinds))
        return kind_guess(root, kind, ret);
    *ret = (enum weir_kind)i;
    return true;
}

/* -- one document -- */

/* Files become bodies before the check, so that errors of files are reported with the rest. */
static void pages_read(struct reading *r, const Weir__V1__Tenant *t)
{
    struct weir_trail pages = weir_trail_name(NULL, WEIR_SPAN_LIT("error_pages"));

    for (size_t i = 0; i < t->n_error_pages; i++) {
        const Weir__V1__Tenant__ErrorPagesEntry *entry = t->error_pages[i];
        if (entry->value == NULL || entry->value->file == NULL || entry->value->has_body)
            continue;
        struct weir_trail page = weir_trail_name(&pages, weir_span_cstr(entry->key));
        struct weir_trail file = weir_trail_name(&page, WEIR_SPAN_LIT("file"));
        const char *why = r->src->files->read_page(r->src->files_arg, entry->value);
        if (why != NULL)
            weir_report_add(&r->report, &file, "%s", why);
    }
}

static void client_authorities_read(struct reading *r, const Weir__V1__Tenant *t)
{
    struct weir_trail tls = weir_trail_name(NULL, WEIR_SPAN_LIT("tls"));
    struct weir_trail clients = weir_trail_name(&tls, WEIR_SPAN_LIT("client_certificates"));
    struct weir_trail ca = weir_trail_name(&clients, WEIR_SPAN_LIT("ca"));
    struct weir_trail file = weir_trail_name(&ca, WEIR_SPAN_LIT("file"));

    if (!weir_schema_has_unread_client_ca(t))
        return;
    const char *why = r->src->files->read_ca(r->src->files_arg, t->tls->client_certificates->ca);
    if (why != NULL)
        weir_report_add(&r->report, &file, "%s", why);
}

static void authorities_read(struct reading *r, const Weir__V1__Tenant *t)
{
    struct weir_trail upstreams = weir_trail_name(NULL, WEIR_SPAN_LIT("upstreams"));

    client_authorities_read(r, t);
    for (size_t i = 0; i < t->n_upstreams; i++) {
        const Weir__V1__Tenant__UpstreamsEntry *entry = t->upstreams[i];
        if (!weir_schema_has_unread_ca(entry->value))
            continue;
        struct weir_trail upstream = weir_trail_name(&upstreams, weir_span_cstr(entry->key));
        struct weir_trail tls = weir_trail_name(&upstream, WEIR_SPAN_LIT("tls"));
        struct weir_trail ca = weir_trail_name(&tls, WEIR_SPAN_LIT("ca"));
        struct weir_trail file = weir_trail_name(&ca, WEIR_SPAN_LIT("file"));
        const char *why = r->src->files->read_ca(r->src->files_arg, entry->value->tls->ca);
        if (why != NULL)
            weir_report_add(&r->report, &file, "%s", why);
    }
}

static enum weir_err message_read(struct reading *r, struct weir_tree *root, struct weir_doc *doc)
{
    struct weir_mapper mapper = { .report = &r->report, .arena = &r->docs->arena };
    struct weir_checker checker = { .report = &r->report, .scratch = &r->scratch };
    enum weir_err err =
        weir_map_message(&mapper, weir_rules_message(doc->kind), root, NULL, &doc->message);

    if (err < 0)
        return err;
    if (doc->kind == WEIR_KIND_TENANT && r->src->files != NULL) {
        pages_read(r, doc->tenant);
        authorities_read(r, doc->tenant);
    }
    weir_check_document(&checker, doc->kind, doc->message);
    return checker.failed ? WEIR_ENOMEM : WEIR_OK;
}

/* Where the items of a list stand; NULL: there are none. */
static enum weir_err places_copy(struct reading *r, struct weir_tree *root, const char *list,
                                 const struct weir_place **ret)
{
    const struct weir_tree *value = weir_tree_member(root, weir_span_cstr(list), NULL);
    size_t num = 0;

    if (value == NULL || value->kind != WEIR_TREE_LIST || value->num == 0)
        return WEIR_OK;
    struct weir_place *places = weir_arena_calloc(&r->docs->arena, value->num, sizeof(*places));
    if (places == NULL)
        return WEIR_ENOMEM;
    for (const struct weir_tree *item = value->first; item != NULL; item = item->next)
        places[num++] = (struct weir_place){ item->line, item->column };
    *ret = places;
    return WEIR_OK;
}

static enum weir_err claims_locate(struct reading *r, struct weir_tree *root, struct weir_doc *doc)
{
    if (doc->kind != WEIR_KIND_TENANT)
        return WEIR_OK;
    enum weir_err err = places_copy(r, root, "hosts", &doc->hosts);
    return err < 0 ? err : places_copy(r, root, "addresses", &doc->addresses);
}

/* NULL: it has none. */
static const char *doc_name(const struct weir_doc *doc)
{
    switch (doc->kind) {
    case WEIR_KIND_TENANT:
        return doc->tenant->name;
    case WEIR_KIND_NODE:
        return doc->node->name;
    case WEIR_KIND_CERTIFICATE:
        return NULL; /* what it is follows from its chain */
    }
    WEIR_UNREACHABLE();
}

/* Remember the name, to find two documents of one name. */
static enum weir_err name_remember(struct reading *r, struct weir_tree *root,
                                   const struct weir_doc *doc)
{
    struct weir_tree *key = NULL;
    struct named_doc *named = weir_arena_calloc(&r->lasting, 1, sizeof(*named));
    struct weir_doc *copy = weir_arena_calloc(&r->lasting, 1, sizeof(*copy));

    if (named == NULL || copy == NULL)
        return WEIR_ENOMEM;
    *copy = *doc;
    named->doc = copy;
    if (key_find(root, "name", &key) != NULL) {
        named->line = key->line;
        named->column = key->column;
    }
    *r->last = named;
    r->last = &named->next;
    return WEIR_OK;
}

/* @param num_before errors found before the document was read: those of its reader count
 */
static enum weir_err document_read(struct reading *r, struct weir_tree *root, size_t num_before)
{
    struct weir_doc doc = { .line = root->line };
    enum weir_err err = WEIR_OK;

    r->report.root = root;
    if (root->kind != WEIR_TREE_MAP)
        weir_report_add(&r->report, NULL, "a document is a map of keys, not %s",
                        weir_tree_kind_name(root->kind));
    else if (envelope_read(r, root, &doc.kind))
        err = message_read(r, root, &doc);
    if (err == WEIR_OK && r->report.num == num_before) {
        err = claims_locate(r, root, &doc);
        if (err == WEIR_OK)
            err = docs_add(r->docs, &doc);
    }
    if (err == WEIR_OK && doc.message != NULL && doc_name(&doc) != NULL)
        err = name_remember(r, root, &doc);
    r->report.root = NULL;
    return err;
}

/* -- the whole text -- */

static enum weir_err next_tree(struct reading *r, struct weir_tree **ret)
{
    weir_arena_reset(&r->scratch);
    if (r->src->format == WEIR_FORMAT_JSON)
        return weir_json_next(&r->json, &r->builder, ret);
    return weir_yaml_next(r->yaml, &r->builder, ret);
}

static enum weir_err documents_read(struct reading *r)
{
    for (;;) {
        struct weir_tree *root = NULL;
        size_t num_before = r->report.num;
        size_t len_before = r->report.diags->len;
        enum weir_err err = next_tree(r, &root);
        if (err < 0 || root == NULL)
            return err;
        if (r->num_docs == DOCS_MAX) {
            weir_report_text(&r->report, root->line, root->column,
                             "more than %d documents in one text", DOCS_MAX);
            return WEIR_EINVAL;
        }
        r->num_docs++;
        err = document_read(r, root, num_before);
        weir_report_sort(&r->report, len_before);
        if (err < 0)
            return err;
    }
}

/* Two documents of one kind and name contradict each other. */
static enum weir_err check_doubles(struct reading *r)
{
    struct weir_checker c = { .report = &r->report, .scratch = &r->lasting };
    struct weir_names names = weir_names_make(&c, r->num_docs);
    struct named_doc **docs =
        weir_arena_calloc(&r->lasting, r->num_docs, sizeof(struct named_doc *));
    struct weir_trail at = weir_trail_name(NULL, WEIR_SPAN_LIT("name"));
    const struct weir_named *twice;
    size_t num = 0, pos = 0, first;

    if (docs == NULL || c.failed)
        return WEIR_ENOMEM;
    for (struct named_doc *d = r->first; d != NULL; d = d->next) {
        const char *text =
            weir_arena_printf(&r->lasting, "%d %s", (int)d->doc->kind, doc_name(d->doc));
        if (text == NULL)
            return WEIR_ENOMEM;
        weir_names_add(&names, weir_span_cstr(text), num);
        docs[num++] = d;
    }
    weir_names_sort(&names);
    while ((twice = weir_names_twice(&names, &pos, &first)) != NULL) {
        struct weir_tree place = { .line = docs[twice->index]->line,
                                   .column = docs[twice->index]->column };
        weir_report_at(
            &r->report, &at, &place, "%s is described twice, first in line %u",
            weir_schema_text_show(weir_span_cstr(doc_name(docs[twice->index]->doc))).text,
            docs[first]->line);
    }
    return WEIR_OK;
}

/* Windows editors begin a file with a byte order mark; in UTF-8 it has no meaning. */
static enum weir_err mark_skip(struct reading *r)
{
    struct weir_span *text = &r->text;

    if (weir_span_starts(*text, WEIR_SPAN_LIT("\xef\xbb\xbf")))
        *text = weir_span_from(*text, 3);
    if (!weir_span_starts(*text, WEIR_SPAN_LIT("\xff\xfe")) &&
        !weir_span_starts(*text, WEIR_SPAN_LIT("\xfe\xff")))
        return WEIR_OK;
    weir_report_text(&r->report, 1, 1, "the text is UTF-16: save it as UTF-8");
    return WEIR_EINVAL;
}

static enum weir_err text_read(struct reading *r)
{
    enum weir_err err = mark_skip(r);

    if (err < 0)
        return err;

    if (r->src->text.len > TEXT_MAX) {
        weir_report_text(&r->report, 0, 0, "the text has %zu bytes, at most %u are allowed",
                         r->src->text.len, TEXT_MAX);
        return WEIR_EINVAL;
    }
    if (r->src->format == WEIR_FORMAT_YAML)
        err = weir_yaml_new(r->text, &r->yaml);
    else
        weir_json_init(&r->json, r->text);
    if (err == WEIR_OK)
        err = documents_read(r);
    weir_yaml_free(&r->yaml);
    if (err == WEIR_OK && r->num_docs == 0 && r->src->file != NULL)
        weir_report_text(&r->report, 1, 1, "there is no document: the file %s",
                         r->text.len == 0 ? "is empty" : "holds only blanks and comments");
    if (err != WEIR_ENOMEM && r->num_docs > 1 && check_doubles(r) < 0)
        err = WEIR_ENOMEM;
    return err;
}

enum weir_err weir_schema_read(const struct weir_schema_source *src, struct weir_docs *docs,
                               struct weir_diags *diags)
{
    struct reading r = { .src = src, .text = src->text, .docs = docs };

    WEIR_ASSERT(src->text.len == 0 || src->text.at != NULL);
    WEIR_ASSERT(diags->len <= diags->total); /* it was initialised */
    WEIR_ASSERT(docs->len == 0 || docs->items != NULL);
    r.last = &r.first;
    r.builder.arena = &r.scratch;
    r.builder.report = &r.report;
    weir_report_init(&r.report, diags, src->file);
    weir_arena_init(&r.scratch, SCRATCH_BLOCK, SCRATCH_MAX);
    weir_arena_init(&r.lasting, DOCS_BLOCK, DOCS_BYTES);
    enum weir_err err = text_read(&r);
    weir_arena_deinit(&r.lasting);
    weir_arena_deinit(&r.scratch);
    if (r.report.failed)
        return WEIR_ENOMEM;
    return err == WEIR_OK && r.report.num > 0 ? WEIR_EINVAL : err;
}

enum weir_err weir_schema_check(enum weir_kind kind, const ProtobufCMessage *m,
                                struct weir_diags *diags)
{
    struct weir_arena scratch;
    struct weir_report report;
    struct weir_checker c = { .report = &report, .scratch = &scratch };

    weir_arena_init(&scratch, CHECK_BLOCK, SCRATCH_MAX);
    weir_report_init(&report, diags, NULL);
    weir_check_document(&c, kind, m);
    weir_arena_deinit(&scratch);
    if (c.failed || report.failed)
        return WEIR_ENOMEM;
    return report.num > 0 ? WEIR_EINVAL : WEIR_OK;
}

/* -- single values -- */

enum weir_err weir_schema_parse_listen(struct weir_span text, struct weir_addr *ret)
{
    return weir_form_parse_listen(text, ret);
}

enum weir_err weir_schema_parse_duration(struct weir_span text, uint64_t *ret_ms)
{
    return weir_unit_parse(WEIR_UNIT_MS, text, ret_ms) == WEIR_OK ? WEIR_OK : WEIR_EINVAL;
}

enum weir_err weir_schema_parse_size(struct weir_span text, uint64_t *ret_bytes)
{
    return weir_unit_parse(WEIR_UNIT_BYTES, text, ret_bytes) == WEIR_OK ? WEIR_OK : WEIR_EINVAL;
}

enum weir_err weir_schema_check_prefix(struct weir_span text, struct weir_strbuf *why)
{
    struct weir_form_text stored;
    const char *reason = NULL;

    if (weir_form_check(WEIR_FORM_PREFIX, text, &stored, &reason))
        return WEIR_OK;
    weir_strbuf_puts(why, reason);
    return WEIR_EINVAL;
}
