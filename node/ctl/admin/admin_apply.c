/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_apply.c - the writes of the admin API: PUT and DELETE of a tenant, apply of many documents,
 * rollback. Each reads and checks everything first, then becomes one push; the response is made
 * when the push is done. Long texts are read on libuv's pool, so that the control loop goes on.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/base/hashmap.h"
#include "node/base/limits.h"
#include "node/base/rng.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/conflicts.h"
#include "node/ctl/push.h"
#include "node/ctl/self_check.h"

#define READ_HERE_MAX                                                                              \
    32768                     /* bytes of a text that the control loop reads itself: a millisecond \
                               */
#define FAULTS_MAX        200 /* details of one response */
#define WHY_MAX           64
#define STORE_PERCENT_MAX 80 /* of limits.store: above, the store takes no writes; see store.h */

/** One write request, from its body to its response. */
struct apply {
    uv_work_t work;
    struct weir_admin_request *request;
    struct weir_push *push;
    struct weir_diags diags;
    Weir__V1__ErrorDetail *faults; /* in the push's arena, FAULTS_MAX of them */
    size_t num_faults;
    enum weir_err err; /* of reading the text */
    bool one;          /* PUT, DELETE, rollback: the response is one result */
    enum weir_precondition precondition;
    uint64_t expected;
};

/* -- preconditions -- */

/* "123" with its quotes. */
static bool parse_etag(struct weir_span text, uint64_t *ret)
{
    if (text.len < 3 || text.at[0] != '"' || text.at[text.len - 1] != '"')
        return false;
    return weir_decimal_parse(weir_span(text.at + 1, text.len - 2), ret);
}

static bool read_precondition(struct weir_admin_request *r, struct apply *a)
{
    struct weir_span text;
    bool match = weir_admin_message_field(r->message, "if-match", &text);
    bool any = match && weir_span_eq(text, WEIR_SPAN_LIT("*"));
    if (match && !any && !parse_etag(text, &a->expected)) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "If-Match takes one revision, \"12\", or * for any");
        return false;
    }
    if (match)
        a->precondition = any ? WEIR_IF_PRESENT : WEIR_IF_REVISION;
    if (!weir_admin_message_field(r->message, "if-none-match", &text))
        return true;
    if (match || !weir_span_eq(text, WEIR_SPAN_LIT("*"))) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "If-None-Match takes * alone, and not together with If-Match");
        return false;
    }
    a->precondition = WEIR_IF_ABSENT;
    return true;
}

static void set_precondition(const struct apply *a, struct weir_push_item *item)
{
    item->change.precondition = a->precondition;
    item->change.expected = a->expected;
}

/* -- life -- */

static void free_apply(struct apply *a)
{
    weir_push_free(&a->push);
    weir_diags_deinit(&a->diags);
    free(a);
}

/* @return NULL: responded */
static struct apply *new_apply(struct weir_admin_request *r, bool one)
{
    bool dry_run = false;
    bool allow_overlap = false;
    if (weir_query_bool(&r->query, "dry_run", &dry_run) < 0 ||
        weir_query_bool(&r->query, "allow_overlap", &allow_overlap) < 0) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "dry_run and allow_overlap take 0, 1, true or false");
        return NULL;
    }
    struct apply *a = calloc(1, sizeof(*a));
    struct weir_push *p = weir_push_new(r->node->pushes, r->user, dry_run);
    if (a == NULL || p == NULL) {
        weir_push_free(&p);
        free(a);
        weir_admin_response_err(r, WEIR_ENOMEM, "the request");
        return NULL;
    }
    p->allow_overlap = allow_overlap;
    a->push = p;
    a->one = one;
    a->request = r;
    weir_diags_init(&a->diags);
    if (read_precondition(r, a))
        return a;
    free_apply(a);
    return NULL;
}

static void fail_apply(struct apply *a, enum weir_err err, const char *what)
{
    weir_admin_response_err(a->request, err, what);
    free_apply(a);
}

/* -- responses -- */

static enum weir_err fill_warnings(struct apply *a, const struct weir_push_item *item,
                                   Weir__V1__ApplyResult *result)
{
    struct weir_store_reader *reader = a->request->node->reader;
    struct weir_names_view view = weir_names_of_reader(reader);
    struct weir_arena *arena = &a->push->arena;
    char **conflicts = NULL;
    char **overlaps = NULL;
    size_t num_conflicts = 0;
    size_t num_overlaps = 0;
    if (item->change.tenant == NULL || (item->err != WEIR_OK && item->err != WEIR_EEXIST))
        return WEIR_OK;
    enum weir_err err =
        weir_conflicts_find(reader, item->change.tenant, arena, &conflicts, &num_conflicts);
    /* Every overlap has a wildcard in it. */
    if (err == WEIR_OK && weir_store_index_count(reader, WEIR_INDEX_WILDCARD) > 0)
        err = weir_overlap_lines(&view, item->change.tenant, arena, &overlaps, &num_overlaps);
    if (err < 0 || num_conflicts + num_overlaps == 0)
        return err;
    char **lines = weir_arena_calloc(arena, num_conflicts + num_overlaps, sizeof(char *));
    if (lines == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < num_conflicts; i++) {
        lines[i] = weir_arena_printf(arena, "%s: this tenant serves it when that one gives it up",
                                     conflicts[i]);
        if (lines[i] == NULL)
            return WEIR_ENOMEM;
    }
    for (size_t i = 0; i < num_overlaps; i++)
        lines[num_conflicts + i] = overlaps[i];
    result->warnings = lines;
    result->n_warnings = num_conflicts + num_overlaps;
    return WEIR_OK;
}

/* Of two causes, the operator can mend each in another way: limits.store, or the disk. */
static const char *text_of_full_store(struct apply *a)
{
    struct weir_store_stats stats = { .max_bytes = 0 };
    enum weir_err err = weir_store_stats(a->request->node->reader, &stats);
    WEIR_ASSERT(err == WEIR_OK);
    bool is_over = stats.used_bytes > stats.max_bytes / 100 * STORE_PERCENT_MAX;
    if (!stats.writable && !is_over)
        return weir_arena_printf(&a->push->arena,
                                 "the disk is full: the store has %llu bytes on it, and may have "
                                 "more by limits.store, which is %llu; make room on the disk of "
                                 "the data folder, then try again",
                                 (unsigned long long)stats.used_bytes,
                                 (unsigned long long)stats.max_bytes);
    return weir_arena_printf(&a->push->arena,
                             "the store is full: %llu bytes are used, and writes stop at 80 %% of "
                             "limits.store, which is %llu; delete something or raise it, then try "
                             "again",
                             (unsigned long long)stats.used_bytes,
                             (unsigned long long)stats.max_bytes);
}

/* Why an item was refused, in one sentence. @return NULL: out of memory */
static const char *text_of_refusal(struct apply *a, const struct weir_push_item *item)
{
    struct weir_arena *arena = &a->push->arena;
    const struct weir_stored_tenant_change *c = &item->change;
    const char *name = (const char *)item->name.at;
    uint16_t status = 0;
    const char *code = NULL;
    const char *text = weir_admin_err_text(item->err, &status, &code);
    if (item->err == WEIR_EPERM && item->overlap.name != NULL) {
        text = weir_overlap_text(name, item->overlap.name, &item->overlap.overlap, arena);
        return text == NULL ? NULL
                            : weir_arena_printf(arena,
                                                "%s; refused without allow_overlap: pass "
                                                "--allow-overlap, or list the tenant in "
                                                "allow_overlap of the one that has the wildcard",
                                                text);
    }
    if (item->err == WEIR_ECONFLICT && !c->existed)
        return weir_arena_printf(arena, "does not exist, and the request asks for %s",
                                 c->precondition == WEIR_IF_PRESENT ? "a present one"
                                                                    : "one of its revisions");
    if (item->err == WEIR_ECONFLICT)
        return weir_arena_printf(arena,
                                 "its revision is %llu, and the request asks for %llu; get it anew "
                                 "and decide again",
                                 (unsigned long long)c->revision, (unsigned long long)c->expected);
    if (item->err == WEIR_EFULL)
        return text_of_full_store(a);
    if (item->err == WEIR_EEXIST)
        return weir_arena_printf(arena, "exists already, with revision %llu",
                                 (unsigned long long)c->revision);
    return text;
}

static enum weir_err fill_refusal(struct apply *a, const struct weir_push_item *item,
                                  Weir__V1__ApplyResult *result)
{
    struct weir_arena *arena = &a->push->arena;
    const char *text = text_of_refusal(a, item);
    Weir__V1__ErrorDetail *detail = weir_arena_calloc(arena, 1, sizeof(*detail));
    Weir__V1__ErrorDetail **list = weir_arena_calloc(arena, 1, sizeof(Weir__V1__ErrorDetail *));
    if (text == NULL || detail == NULL || list == NULL)
        return WEIR_ENOMEM;
    weir__v1__error_detail__init(detail);
    detail->field = (char *)(item->overlap.name != NULL ? "hosts" : "");
    detail->message = (char *)text;
    list[0] = detail;
    result->details = list;
    result->n_details = 1;
    return WEIR_OK;
}

static enum weir_err fill_token(struct apply *a, const struct weir_push_item *item,
                                Weir__V1__ApplyResult *result)
{
    char lane[2 * WEIR_LANE_LEN + 1];
    for (size_t i = 0; i < WEIR_LANE_LEN; i++)
        snprintf(lane + 2 * i, 3, "%02x", item->write.version.lane[i]);
    result->token = weir_arena_printf(&a->push->arena, "%s:%llu", lane,
                                      (unsigned long long)item->write.version.seq);
    return result->token != NULL ? WEIR_OK : WEIR_ENOMEM;
}

static enum weir_err fill_result(struct apply *a, const struct weir_push_item *item,
                                 Weir__V1__ApplyResult *result)
{
    enum weir_err err = WEIR_OK;
    bool held = item->err == WEIR_OK || item->err == WEIR_EEXIST;
    weir__v1__apply_result__init(result);
    result->kind = (char *)"Tenant";
    result->name = (char *)item->name.at;
    result->outcome = (char *)weir_push_outcome(item);
    result->has_revision = held || item->change.existed;
    result->revision = item->change.revision;
    if (item->err == WEIR_OK && !a->push->dry_run)
        err = fill_token(a, item, result);
    if (err == WEIR_OK)
        err = fill_warnings(a, item, result);
    if (err == WEIR_OK && strcmp(result->outcome, "refused") == 0)
        err = fill_refusal(a, item, result);
    return err;
}

static void respond_refused(struct apply *a, const struct weir_push_item *item)
{
    uint16_t status = 0;
    const char *code = NULL;
    const char *text = text_of_refusal(a, item);
    (void)weir_admin_err_text(text != NULL ? item->err : WEIR_ENOMEM, &status, &code);
    bool current = item->err == WEIR_ECONFLICT || item->err == WEIR_EEXIST;
    if (current && item->change.existed)
        weir_admin_etag(a->request, item->change.revision);
    if (status == 503)
        weir_strbuf_puts(&a->request->fields, "Retry-After: 1\r\n");
    weir_admin_response_error(a->request, status, code, "tenant %.*s: %s", (int)item->name.len,
                              (const char *)item->name.at,
                              text != NULL ? text : "the node is out of memory; try again");
    free_apply(a);
}

static void respond_one(struct apply *a, Weir__V1__ApplyResult *result)
{
    const struct weir_push_item *item = &a->push->items[0];
    bool created = item->err == WEIR_OK && !item->change.existed && !a->push->dry_run;
    result->has_nodes_durable = 1;
    result->nodes_durable = a->push->dry_run ? 0 : 1;
    result->has_nodes_total = 1;
    result->nodes_total = 1;
    if (item->change.tenant != NULL)
        weir_admin_etag(a->request, item->change.revision);
    weir_admin_response_message(a->request, created ? 201 : 200, &result->base);
    free_apply(a);
}

static void respond_all(struct apply *a, Weir__V1__ApplyResult *results)
{
    struct weir_push *p = a->push;
    Weir__V1__ApplyResponse response = WEIR__V1__APPLY_RESPONSE__INIT;
    Weir__V1__ApplyResult **list =
        weir_arena_calloc(&p->arena, p->num, sizeof(Weir__V1__ApplyResult *));
    if (list == NULL) {
        fail_apply(a, WEIR_ENOMEM, "the response");
        return;
    }
    for (size_t i = 0; i < p->num; i++)
        list[i] = &results[i];
    response.n_results = p->num;
    response.results = list;
    response.has_nodes_durable = 1;
    response.nodes_durable = p->dry_run ? 0 : 1;
    response.has_nodes_total = 1;
    response.nodes_total = 1;
    weir_admin_response_message(a->request, 200, &response.base);
    free_apply(a);
}

/* A single document that was refused is an error of the request; among many it is the result of
 * that document. */
static void on_push_done(struct weir_push *p)
{
    struct apply *a = p->arg;
    struct weir_store_reader *reader = a->request->node->reader;
    if (p->num == 1 && strcmp(weir_push_outcome(&p->items[0]), "refused") == 0) {
        respond_refused(a, &p->items[0]);
        return;
    }
    Weir__V1__ApplyResult *results = weir_arena_calloc(&p->arena, p->num, sizeof(*results));
    enum weir_err err = results != NULL ? WEIR_OK : WEIR_ENOMEM;
    if (err == WEIR_OK)
        err = weir_store_read_begin(reader);
    if (err < 0) {
        fail_apply(a, err, "the response");
        return;
    }
    for (size_t i = 0; err == WEIR_OK && i < p->num; i++)
        err = fill_result(a, &p->items[i], &results[i]);
    weir_store_read_end(reader);
    if (err < 0)
        fail_apply(a, err, "the response");
    else if (a->one)
        respond_one(a, &results[0]);
    else
        respond_all(a, results);
}

static void start_push(struct apply *a)
{
    enum weir_err err = weir_push_start(a->push, on_push_done, a);
    if (err < 0)
        fail_apply(a, err, "the request");
}

/* -- documents -- */

static WEIR_PRINTF(4, 5) void add_fault(struct apply *a, const char *tenant, const char *field,
                                        const char *fmt, ...)
{
    char text[256];
    va_list args;
    struct weir_arena *arena = &a->push->arena;
    if (a->num_faults == FAULTS_MAX)
        return;
    if (a->faults == NULL)
        a->faults = weir_arena_calloc(arena, FAULTS_MAX, sizeof(*a->faults));
    va_start(args, fmt);
    vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    char *message = weir_arena_printf(arena, "tenant %s: %s", tenant, text);
    char *path = weir_arena_strdup(arena, weir_span_cstr(field));
    if (a->faults == NULL || message == NULL || path == NULL) {
        a->err = WEIR_ENOMEM;
        return;
    }
    Weir__V1__ErrorDetail *detail = &a->faults[a->num_faults++];
    weir__v1__error_detail__init(detail);
    detail->field = path;
    detail->message = message;
}

/* The files that a document names are on the client's host. */
static void check_files(struct apply *a, const Weir__V1__Tenant *t)
{
    for (size_t i = 0; i < t->n_error_pages; i++) {
        const Weir__V1__Tenant__ErrorPagesEntry *e = t->error_pages[i];
        char field[64];
        if (e->value == NULL || e->value->file == NULL || e->value->has_body)
            continue;
        snprintf(field, sizeof(field), "error_pages.%s.file", e->key);
        add_fault(a, t->name, field, "files are read by the client; send body");
    }
    if (weir_schema_has_unread_client_ca(t))
        add_fault(a, t->name, "tls.client_certificates.ca.file",
                  "files are read by the client; send pem");
    for (size_t i = 0; i < t->n_upstreams; i++) {
        char field[128];
        if (!weir_schema_has_unread_ca(t->upstreams[i]->value))
            continue;
        snprintf(field, sizeof(field), "upstreams.%s.tls.ca.file", t->upstreams[i]->key);
        add_fault(a, t->name, field, "files are read by the client; send pem");
    }
}

static void check_endpoints(struct apply *a, struct weir_self_check *own, const Weir__V1__Tenant *t)
{
    for (size_t i = 0; i < t->n_upstreams; i++) {
        const Weir__V1__Upstream *u = t->upstreams[i]->value;
        for (size_t k = 0; u != NULL && k < u->n_endpoints; k++) {
            const char *address = u->endpoints[k]->address;
            const struct weir_addr *listener =
                weir_self_check_endpoint(own, weir_span_cstr(address));
            char field[128];
            char text[WEIR_ADDR_TEXT_MAX];
            if (listener == NULL)
                continue;
            snprintf(field, sizeof(field), "upstreams.%s.endpoints[%zu].address",
                     t->upstreams[i]->key, k);
            add_fault(a, t->name, field,
                      "%s is a listener of this node (%.*s): requests would go round in a circle; "
                      "name the server behind weir",
                      address, (int)weir_addr_text(listener, text), text);
        }
    }
}

static void find_own_listeners(const struct weir_node *node, struct weir_self_check *own)
{
    weir_self_check_init(own);
    size_t num = node->config->num_http + node->config->num_https;
    for (size_t i = 0; node->workers != NULL && i < num; i++)
        own->listeners[own->num++] = *weir_workers_bound(node->workers, i);
}

/* Which of two descriptions of one tenant shall hold cannot be known. */
static enum weir_err check_names(struct apply *a)
{
    struct weir_docs *docs = &a->push->docs;
    struct weir_hashmap seen;
    uint64_t seed = 0;
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    if (err < 0)
        return err;
    weir_hashmap_init(&seen, seed, docs->len);
    for (size_t i = 0; i < docs->len && err == WEIR_OK; i++) {
        struct weir_doc *doc = &docs->items[i];
        if (doc->kind != WEIR_KIND_TENANT)
            continue;
        struct weir_span name = weir_span_cstr(doc->tenant->name);
        err = weir_hashmap_add(&seen, name, doc);
        if (err != WEIR_EEXIST)
            continue;
        const struct weir_doc *first = weir_hashmap_find(&seen, name);
        add_fault(a, doc->tenant->name, "name", "is described twice: at line %u and at line %u",
                  first->line, doc->line);
        err = WEIR_OK;
    }
    weir_hashmap_deinit(&seen);
    return err;
}

static enum weir_err check_docs(struct apply *a)
{
    struct weir_docs *docs = &a->push->docs;
    struct weir_span name = a->request->name;
    struct weir_self_check own;
    find_own_listeners(a->request->node, &own);
    for (size_t i = 0; i < docs->len; i++) {
        const struct weir_doc *doc = &docs->items[i];
        if (doc->kind != WEIR_KIND_TENANT) {
            add_fault(a, "-", "kind",
                      "line %u: a node file is read by weir node; apply takes tenants", doc->line);
            continue;
        }
        check_files(a, doc->tenant);
        check_endpoints(a, &own, doc->tenant);
        if (a->one && !weir_span_eq(weir_span_cstr(doc->tenant->name), name))
            add_fault(a, doc->tenant->name, "name", "the path has %.*s", (int)name.len,
                      (const char *)name.at);
        size_t len = protobuf_c_message_get_packed_size(doc->message);
        if (len > WEIR_RECORD_MAX)
            add_fault(a, doc->tenant->name, "",
                      "the document takes %zu bytes, and a record holds %d", len, WEIR_RECORD_MAX);
    }
    weir_self_check_deinit(&own);
    enum weir_err err = check_names(a);
    return err < 0 ? err : a->err;
}

/* A tenant's token may bring documents of its tenant alone; one of another refuses them all. */
static bool may_touch_all(const struct apply *a)
{
    const struct weir_docs *docs = &a->push->docs;
    for (size_t i = 0; i < docs->len; i++)
        if (docs->items[i].kind == WEIR_KIND_TENANT &&
            !weir_admin_may_touch(a->request, weir_span_cstr(docs->items[i].tenant->name)))
            return false;
    return true;
}

static void push_docs(struct apply *a)
{
    struct weir_docs *docs = &a->push->docs;
    enum weir_err err = weir_push_reserve(a->push, docs->len);
    for (size_t i = 0; i < docs->len && err == WEIR_OK; i++) {
        struct weir_push_item *item = NULL;
        err = weir_push_add(a->push, docs->items[i].tenant, "apply", &item);
        if (err == WEIR_OK)
            set_precondition(a, item);
    }
    if (err < 0)
        fail_apply(a, err, "the documents");
    else
        start_push(a);
}

/* The text was read: is it whole, right, and something that apply takes? */
static void judge_docs(struct apply *a)
{
    struct weir_admin_request *r = a->request;
    size_t num = a->push->docs.len;
    if (a->err == WEIR_EINVAL) {
        weir_admin_response_invalid(r, &a->diags);
    } else if (a->err < 0 || (a->err = check_docs(a)) < 0) {
        weir_admin_response_err(r, a->err, "the documents");
    } else if (!may_touch_all(a)) {
        weir_admin_response_forbidden(r, "the body describes another");
    } else if (num == 0) {
        weir_admin_response_error(r, 400, "invalid", "the body holds no document");
    } else if (num > 1 && (a->one || a->precondition != WEIR_WHATEVER)) {
        weir_admin_response_error(r, 400, "invalid",
                                  "the body holds %zu documents where one is meant", num);
    } else if (a->num_faults > 0) {
        weir_admin_response_details(r, a->faults, a->num_faults);
    } else {
        push_docs(a);
        return;
    }
    free_apply(a);
}

/* On a thread of libuv's pool, or here: touches nothing but its own. */
static void read_docs(uv_work_t *work)
{
    static const enum weir_kind tenant = WEIR_KIND_TENANT;
    struct apply *a = work->data;
    const struct weir_admin_message *m = a->request->message;
    bool yaml = weir_admin_is_yaml(weir_admin_media_type(m));
    struct weir_schema_source source = {
        .text = weir_span(m->body.at, m->body.len),
        .format = yaml ? WEIR_FORMAT_YAML : WEIR_FORMAT_JSON,
        .assume = &tenant,
    };
    a->err = weir_schema_read(&source, &a->push->docs, &a->diags);
}

static void on_docs_read(uv_work_t *work, int status)
{
    struct apply *a = work->data;
    if (status < 0)
        a->err = WEIR_ECLOSED;
    judge_docs(a);
}

static void begin_docs(struct apply *a)
{
    a->work.data = a;
    if (a->request->message->body.len > READ_HERE_MAX &&
        uv_queue_work(a->request->node->loop, &a->work, read_docs, on_docs_read) == 0)
        return;
    read_docs(&a->work);
    judge_docs(a);
}

/* -- handlers -- */

void weir_admin_tenant_put(struct weir_admin_request *r)
{
    struct apply *a = new_apply(r, true);
    if (a != NULL)
        begin_docs(a);
}

void weir_admin_apply(struct weir_admin_request *r)
{
    uint64_t revision = UINT64_MAX;
    if (weir_query_u64(&r->query, "if_revision", &revision) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "if_revision takes a number");
        return;
    }
    struct apply *a = new_apply(r, false);
    if (a == NULL)
        return;
    if (revision != UINT64_MAX) {
        /* Revisions begin at 1, so 0 means that the tenant must be new. */
        a->precondition = revision == 0 ? WEIR_IF_ABSENT : WEIR_IF_REVISION;
        a->expected = revision;
    }
    begin_docs(a);
}

void weir_admin_tenant_delete(struct weir_admin_request *r)
{
    struct weir_push_item *item = NULL;
    if (r->name.len > WEIR_TENANT_NAME_MAX) {
        weir_admin_response_err(r, WEIR_ENOTFOUND, "a tenant of that name");
        return;
    }
    struct apply *a = new_apply(r, true);
    if (a == NULL)
        return;
    enum weir_err err = weir_push_reserve(a->push, 1);
    if (err == WEIR_OK)
        err = weir_push_delete(a->push, r->name, &item);
    if (err < 0) {
        fail_apply(a, err, "the request");
        return;
    }
    set_precondition(a, item);
    start_push(a);
}

/* The tenant of an old revision, copied out of the store into the push's arena. */
static enum weir_err copy_revision(struct apply *a, uint64_t revision, Weir__V1__Tenant **ret)
{
    struct weir_store_reader *reader = a->request->node->reader;
    Weir__V1__StoredTenant *stored = NULL;
    struct weir_span value;
    enum weir_err err = weir_store_read_begin(reader);
    if (err < 0)
        return err;
    err = weir_store_revision_get(reader, WEIR_CLASS_TENANT, a->request->name, revision, &value);
    if (err == WEIR_OK)
        err = weir_stored_tenant_read(value, &a->push->arena, &stored);
    weir_store_read_end(reader);
    if (err == WEIR_OK)
        *ret = stored->tenant;
    return err;
}

/* What was right for an older version of weir is checked by the rules of this one. */
static void rollback_to_revision(struct apply *a, uint64_t revision)
{
    char what[WEIR_TENANT_NAME_MAX + 48];
    char why[WHY_MAX];
    Weir__V1__Tenant *t = NULL;
    struct weir_push_item *item = NULL;
    enum weir_err err = copy_revision(a, revision, &t);
    snprintf(what, sizeof(what), "revision %llu of tenant %.*s", (unsigned long long)revision,
             (int)a->request->name.len, (const char *)a->request->name.at);
    snprintf(why, sizeof(why), "rollback to %llu", (unsigned long long)revision);
    if (err == WEIR_OK)
        err = weir_schema_check(WEIR_KIND_TENANT, &t->base, &a->diags);
    if (err == WEIR_OK) {
        struct weir_self_check own;
        find_own_listeners(a->request->node, &own);
        check_endpoints(a, &own, t);
        weir_self_check_deinit(&own);
        err = a->err;
    }
    if (err == WEIR_OK && a->num_faults > 0) {
        weir_admin_response_details(a->request, a->faults, a->num_faults);
        free_apply(a);
        return;
    }
    if (err == WEIR_EINVAL || err == WEIR_ENOTFOUND) {
        if (err == WEIR_EINVAL)
            weir_admin_response_invalid(a->request, &a->diags);
        else
            weir_admin_response_no_revision(a->request, revision);
        free_apply(a);
        return;
    }
    if (err == WEIR_OK)
        err = weir_push_reserve(a->push, 1);
    if (err == WEIR_OK)
        err = weir_push_add(a->push, t, why, &item);
    if (err < 0) {
        fail_apply(a, err, what);
        return;
    }
    set_precondition(a, item);
    start_push(a);
}

void weir_admin_rollback(struct weir_admin_request *r)
{
    uint64_t revision = 0;
    if (weir_query_u64(&r->query, "revision", &revision) < 0 || revision == 0) {
        weir_admin_response_error(r, 400, "bad_request", "revision takes a number, 1 or greater");
        return;
    }
    if (r->name.len > WEIR_TENANT_NAME_MAX) {
        weir_admin_response_err(r, WEIR_ENOTFOUND, "a tenant of that name");
        return;
    }
    struct apply *a = new_apply(r, true);
    if (a != NULL)
        rollback_to_revision(a, revision);
}
