/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_certs.c - the writes of certificates: add many, delete one, link one. What is to be added
 * is read, checked and sealed on libuv's pool, so that the control loop goes on; keys are in clear
 * only in the request's body and in secret pages, and both are wiped. Then it is one push.
 */
#include "node/ctl/admin/admin_certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/base/buffers/secret_pages.h"
#include "node/base/clock.h"
#include "node/base/log.h"
#include "node/ctl/push.h"
#include "node/ctl/stored_tenant.h"
#include "node/wire/tls_hash.h"
#include "node/wire/uri.h"
#include "sync/store/store_claims.h"
#include "tenants/cert_record.h"
#include "tenants/cert_seal.h"
#include "tenants/certs/cert_read.h"
#include "tenants/unpack.h"

#define UPLOADS_MAX 64 /* certificates of one request: some milliseconds each */
#define FILES_MAX   32 /* of one certificate */
#define ARENA_MAX   (64u << 20)
#define MOVED_MAX   64 /* certificates that lose a link to another one */

/** One certificate on its way, and what is said about it. */
struct added {
    const Weir__V1__CertificateUpload *in;
    const struct weir_secret *secret;
    Weir__V1__Certificate record;
    struct weir_span tenant;
    char id[WEIR_CERT_ID_LEN + 1];
    char **faults, **warnings; /* in the push's arena */
    size_t num_faults, num_warnings;
    struct weir_push_item *item; /* NULL: refused, so that it was not pushed */
};

/** One request. */
struct adding {
    uv_work_t work;
    struct weir_admin_request *request;
    struct weir_push *push;
    struct weir_arena arena; /* what the body says, wiped with the keys in it */
    Weir__V1__CertificateUploads *in;
    struct added *items; /* in the push's arena, in->n_certificates of them */
    bool force;
    enum weir_err err;
};

static void adding_free(struct adding *a)
{
    weir_arena_wipe(&a->arena);
    weir_arena_deinit(&a->arena);
    weir_push_free(&a->push);
    free(a);
}

static void adding_fail(struct adding *a, enum weir_err err)
{
    weir_admin_response_err(a->request, err, "the certificates");
    adding_free(a);
}

/* -- reading: on the pool -- */

static enum weir_err texts_copy(struct adding *a, const struct weir_cert_notes *notes,
                                struct added *to)
{
    struct weir_arena *arena = &a->push->arena;

    to->faults = weir_arena_calloc(arena, notes->num, sizeof(char *));
    to->warnings =
        weir_arena_calloc(arena, notes->num + 1, sizeof(char *)); /* and one of the push */
    if (to->faults == NULL || to->warnings == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < notes->num; i++) {
        const struct weir_cert_note *n = &notes->items[i];
        bool doubt = n->gravity == WEIR_CERT_DOUBT;
        char *text = weir_arena_printf(arena, "%s%s", n->text,
                                       doubt && !a->force ? " (it can be added with force)" : "");
        if (text == NULL)
            return WEIR_ENOMEM;
        if (n->gravity == WEIR_CERT_FAULT || (doubt && !a->force))
            to->faults[to->num_faults++] = text;
        else
            to->warnings[to->num_warnings++] = text;
    }
    return WEIR_OK;
}

static bool is_label(struct weir_span s)
{
    if (s.len == 0 || s.len > WEIR_TENANT_NAME_MAX)
        return false;
    for (size_t i = 0; i < s.len; i++)
        if (!(s.at[i] >= 'a' && s.at[i] <= 'z') && !(s.at[i] >= '0' && s.at[i] <= '9') &&
            s.at[i] != '-')
            return false;
    return s.at[0] != '-' && s.at[s.len - 1] != '-';
}

/* A host to link to, in its one spelling. @return false: it is none */
static bool link_normalise(struct weir_span text, char ret[WEIR_HOST_MAX + 3])
{
    uint8_t host[WEIR_HOST_MAX];
    size_t len = 0;
    size_t wild = weir_span_starts(text, WEIR_SPAN_LIT("*.")) ? 2 : 0;

    if (weir_host_normalise(weir_span_from(text, wild), host, &len) < 0)
        return false;
    (void)snprintf(ret, WEIR_HOST_MAX + 3, "%s%.*s", wild > 0 ? "*." : "", (int)len,
                   (const char *)host);
    return true;
}

static void links_check(const struct added *to, struct weir_cert_notes *notes)
{
    char host[WEIR_HOST_MAX + 3];

    if (to->in->n_links > WEIR_CERT_NAMES_MAX)
        weir_cert_note(notes, WEIR_CERT_FAULT, "links: more than %d hosts", WEIR_CERT_NAMES_MAX);
    for (size_t i = 0; i < to->in->n_links; i++)
        if (!link_normalise(weir_span_cstr(to->in->links[i]), host))
            weir_cert_note(notes, WEIR_CERT_FAULT, "links: \"%.100s\" is no host name",
                           to->in->links[i]);
}

static enum weir_err files_add(struct weir_cert_reader *r, const struct added *to,
                               struct weir_cert_notes *notes)
{
    const Weir__V1__CertificateUpload *in = to->in;
    enum weir_err err = WEIR_OK;

    if (in->n_files > FILES_MAX)
        weir_cert_note(notes, WEIR_CERT_FAULT, "more than %d files", FILES_MAX);
    for (size_t i = 0; err == WEIR_OK && i < in->n_files && i < FILES_MAX; i++) {
        struct weir_cert_file file = {
            .name = in->label != NULL && in->label[0] != '\0' ? in->label : "the upload",
            .bytes = weir_span_cstr(in->files[i]),
        };
        err = weir_cert_reader_add(r, &file, notes);
    }
    return err;
}

/* The sealed key of an export, for the certificate that the files have. */
static enum weir_err sealed_add(struct weir_cert_reader *r, struct added *to,
                                struct weir_cert_notes *notes, struct weir_cert_bundle *bundle)
{
    const struct weir_cert_rules any = { .force = true, .any_key = true };
    struct weir_cert_notes ignored;
    uint8_t key[WEIR_CERT_KEY_MAX];
    size_t len = 0;

    weir_cert_notes_init(&ignored);
    enum weir_err err = weir_cert_reader_finish(r, &any, &ignored, bundle);
    if (bundle->num == 0)
        return err == WEIR_EINVAL ? WEIR_OK : err; /* there is no certificate, noted later */
    weir_cert_id(bundle->chain[0], to->id);
    size_t key_len = weir_cert_key(to->tenant, weir_span_cstr(to->id), key);
    uint8_t *plain = weir_secret_pages_new(WEIR_SEAL_PLAIN_MAX);
    if (plain == NULL)
        return WEIR_ENOMEM;
    err = weir_cert_open(to->secret, weir_span(key, key_len),
                         weir_span(to->in->sealed_key.data, to->in->sealed_key.len), plain, &len);
    struct weir_cert_file file = { .name = "the sealed key", .bytes = weir_span(plain, len) };
    if (err == WEIR_OK)
        err = weir_cert_reader_add(r, &file, notes);
    else if (err != WEIR_ENOMEM) {
        weir_cert_note(notes, WEIR_CERT_FAULT,
                       err == WEIR_EPERM
                           ? "its key is sealed under another secret: import it where that secret "
                             "is, or export it with its key in clear"
                           : "its sealed key is damaged, or of another certificate or tenant");
        err = WEIR_OK;
    }
    weir_secret_pages_free((void **)&plain, WEIR_SEAL_PLAIN_MAX);
    return err;
}

static ProtobufCBinaryData *chain_copy(struct weir_arena *arena, const struct weir_cert_bundle *b)
{
    ProtobufCBinaryData *list = weir_arena_calloc(arena, b->num, sizeof(*list));

    for (size_t i = 0; list != NULL && i < b->num; i++) {
        uint8_t *copy = weir_arena_alloc(arena, b->chain[i].len);
        if (copy == NULL)
            return NULL;
        memcpy(copy, b->chain[i].at, b->chain[i].len);
        list[i] = (ProtobufCBinaryData){ b->chain[i].len, copy };
    }
    return list;
}

static enum weir_err texts_fill(struct adding *a, struct added *to,
                                const struct weir_cert_bundle *b)
{
    struct weir_arena *arena = &a->push->arena;
    Weir__V1__Certificate *m = &to->record;
    char host[WEIR_HOST_MAX + 3];

    m->names = weir_arena_calloc(arena, b->num_names, sizeof(char *));
    m->links = weir_arena_calloc(arena, to->in->n_links, sizeof(char *));
    m->subject = weir_arena_strdup(arena, weir_span_cstr(b->subject));
    m->issuer = weir_arena_strdup(arena, weir_span_cstr(b->issuer));
    if (m->names == NULL || m->links == NULL || m->subject == NULL || m->issuer == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < b->num_names; i++) {
        m->names[m->n_names] = weir_arena_strdup(arena, weir_span_cstr(b->names[i]));
        if (m->names[m->n_names++] == NULL)
            return WEIR_ENOMEM;
    }
    for (size_t i = 0; i < to->in->n_links; i++) {
        if (!link_normalise(weir_span_cstr(to->in->links[i]), host))
            continue;
        m->links[m->n_links] = weir_arena_strdup(arena, weir_span_cstr(host));
        if (m->links[m->n_links++] == NULL)
            return WEIR_ENOMEM;
    }
    return WEIR_OK;
}

/* The record as it will be stored, with its key sealed. */
static enum weir_err record_fill(struct adding *a, struct added *to,
                                 const struct weir_cert_bundle *b)
{
    struct weir_arena *arena = &a->push->arena;
    Weir__V1__Certificate *m = &to->record;
    uint8_t key[WEIR_CERT_KEY_MAX];

    weir__v1__certificate__init(m);
    weir_cert_id(b->chain[0], to->id);
    size_t key_len = weir_cert_key(to->tenant, weir_span_cstr(to->id), key);
    uint8_t *sealed = weir_arena_alloc(arena, b->pkcs8.len + WEIR_SEAL_OVERHEAD);
    m->chain = chain_copy(arena, b);
    if (sealed == NULL || m->chain == NULL)
        return WEIR_ENOMEM;
    m->n_chain = b->num;
    enum weir_err err = weir_cert_seal(to->secret, weir_span(key, key_len), b->pkcs8, sealed);
    if (err < 0)
        return err;
    m->has_sealed_key = m->has_key_kind = m->has_key_bits = 1;
    m->sealed_key = (ProtobufCBinaryData){ b->pkcs8.len + WEIR_SEAL_OVERHEAD, sealed };
    m->key_kind = b->kind;
    m->key_bits = b->key_bits;
    m->has_fallback = to->in->fallback;
    m->fallback = to->in->fallback;
    m->has_not_before = m->has_not_after = m->has_added_ms = 1;
    m->not_before = b->not_before;
    m->not_after = b->not_after;
    m->added_ms = a->push->now_ms;
    m->added_by = (char *)(uintptr_t)a->push->user;
    m->source = (char *)"upload";
    return texts_fill(a, to, b);
}

static enum weir_err upload_read(struct adding *a, struct weir_cert_reader *r,
                                 struct weir_cert_notes *notes, struct added *to)
{
    const struct weir_cert_rules rules = { .now_s = a->push->now_ms / 1000, .force = a->force };
    struct weir_cert_bundle bundle;

    weir_cert_reader_reset(r);
    weir_cert_notes_init(notes);
    to->tenant = weir_span_cstr(to->in->tenant);
    if (!is_label(to->tenant))
        weir_cert_note(notes, WEIR_CERT_FAULT, "tenant: %s%.70s%s is no tenant's name",
                       to->in->tenant != NULL ? "\"" : "",
                       to->in->tenant != NULL ? to->in->tenant : "nothing",
                       to->in->tenant != NULL ? "\"" : "");
    links_check(to, notes);
    enum weir_err err = files_add(r, to, notes);
    if (err == WEIR_OK && to->in->has_sealed_key && !weir_cert_notes_refuse(notes, true))
        err = sealed_add(r, to, notes, &bundle);
    if (err == WEIR_OK)
        err = weir_cert_reader_finish(r, &rules, notes, &bundle);
    bool good = err == WEIR_OK;
    if (err == WEIR_EINVAL)
        err = WEIR_OK;
    if (err == WEIR_OK && bundle.num > 0 && is_label(to->tenant))
        weir_cert_id(bundle.chain[0], to->id);
    if (err == WEIR_OK && good)
        err = record_fill(a, to, &bundle);
    if (err == WEIR_OK)
        err = texts_copy(a, notes, to);
    WEIR_ASSERT(err < 0 || good == (to->num_faults == 0));
    return err;
}

static enum weir_err uploads_read(struct adding *a)
{
    struct weir_cert_reader *r = NULL;
    struct weir_cert_notes *notes = malloc(sizeof(*notes));
    enum weir_err err = notes != NULL ? weir_cert_reader_new(&r) : WEIR_ENOMEM;

    for (size_t i = 0; err == WEIR_OK && i < a->in->n_certificates; i++) {
        a->items[i].in = a->in->certificates[i];
        a->items[i].secret = a->request->node->secret;
        err = upload_read(a, r, notes, &a->items[i]);
    }
    weir_cert_reader_free(&r);
    free(notes);
    return err;
}

static void read_body(uv_work_t *work)
{
    struct adding *a = work->data;
    struct weir_strbuf *body = &a->request->message->body;
    ProtobufCMessage *m = NULL;

    a->err = weir_schema_read_json(&weir__v1__certificate_uploads__descriptor,
                                   weir_span(body->at, body->len), &a->arena, &m);
    if (a->err < 0)
        return;
    a->in = (Weir__V1__CertificateUploads *)m;
    if (a->in->n_certificates > UPLOADS_MAX) {
        a->err = WEIR_ELIMIT;
        return;
    }
    a->items = weir_arena_calloc(&a->push->arena, a->in->n_certificates, sizeof(*a->items));
    a->err = a->items != NULL ? uploads_read(a) : WEIR_ENOMEM;
}

/* -- writing: on the writer thread -- */

static bool has_text(char *const *list, size_t num, const char *text)
{
    for (size_t i = 0; i < num; i++)
        if (strcmp(list[i], text) == 0)
            return true;
    return false;
}

/* The links of both. @return WEIR_OK | WEIR_ENOMEM | WEIR_ELIMIT */
static enum weir_err links_merge(Weir__V1__Certificate *m, const Weir__V1__Certificate *old,
                                 struct weir_arena *arena)
{
    char **both = weir_arena_calloc(arena, m->n_links + old->n_links, sizeof(char *));
    size_t num = 0;

    if (both == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < old->n_links; i++)
        both[num++] = old->links[i];
    for (size_t i = 0; i < m->n_links; i++)
        if (!has_text(both, num, m->links[i]))
            both[num++] = m->links[i];
    m->links = both;
    m->n_links = num;
    return num <= WEIR_CERT_NAMES_MAX ? WEIR_OK : WEIR_ELIMIT;
}

static bool chain_eq(const Weir__V1__Certificate *a, const Weir__V1__Certificate *b)
{
    for (size_t i = 0; a->n_chain == b->n_chain && i < a->n_chain; i++)
        if (!weir_span_eq(weir_span(a->chain[i].data, a->chain[i].len),
                          weir_span(b->chain[i].data, b->chain[i].len)))
            return false;
    return a->n_chain == b->n_chain;
}

/* A key that is there already, and that this node can open. */
static bool key_opens(const struct added *to, struct weir_span key,
                      const Weir__V1__Certificate *old)
{
    size_t len = 0;
    uint8_t *plain = weir_secret_pages_new(WEIR_SEAL_PLAIN_MAX);
    bool good =
        plain != NULL &&
        weir_cert_open(to->secret, key, weir_span(old->sealed_key.data, old->sealed_key.len), plain,
                       &len) == WEIR_OK;

    weir_secret_pages_free((void **)&plain, WEIR_SEAL_PLAIN_MAX);
    return good;
}

/* The same certificate again: its links stay, and nothing is written when it says nothing new. */
static enum weir_err merge(struct weir_push_item *item, const struct weir_record *current,
                           Weir__V1__Certificate *m, struct weir_arena *arena)
{
    const struct added *to = item->own;
    Weir__V1__Certificate *old = NULL;

    item->change.existed = true;
    enum weir_err err = weir_certificate_unpack(current->value, arena, &old);
    if (err < 0)
        return err == WEIR_ECORRUPT ? WEIR_OK : err; /* it is replaced */
    err = links_merge(m, old, arena);
    if (err < 0)
        return err;
    bool fallback = old->fallback || m->fallback;
    item->change.unchanged = chain_eq(m, old) && m->n_links == old->n_links &&
                             fallback == (old->fallback != 0) &&
                             key_opens(to, weir_span(item->name.at, item->name.len), old);
    m->has_fallback = m->fallback = fallback;
    return item->change.unchanged ? WEIR_EEXIST : WEIR_OK;
}

static enum weir_err build_added(struct weir_push_item *item, const struct weir_record *current,
                                 struct weir_strbuf *value)
{
    const struct added *to = item->own;
    Weir__V1__Certificate m = to->record;
    struct weir_arena arena;
    enum weir_err err = WEIR_OK;

    item->change.existed = item->change.unchanged = false;
    weir_arena_init(&arena, WEIR_SCRATCH_BLOCK, WEIR_SCRATCH_MAX);
    if (current != NULL)
        err = merge(item, current, &m, &arena);
    if (err == WEIR_OK)
        weir_stored_tenant_pack(&m.base, value);
    weir_arena_deinit(&arena);
    return err == WEIR_OK && value->failed ? WEIR_ENOMEM : err;
}

/* -- the response -- */

static enum weir_err result_fill(struct adding *a, struct added *to,
                                 Weir__V1__CertificateResult *ret)
{
    char text[WEIR_RFC3339_LEN + 1];

    weir__v1__certificate_result__init(ret);
    ret->tenant = to->in->tenant;
    ret->label = to->in->label;
    ret->id = to->id;
    ret->outcome = (char *)(to->item != NULL ? weir_push_outcome(to->item) : "refused");
    ret->faults = to->faults;
    ret->n_faults = to->num_faults;
    ret->warnings = to->warnings;
    ret->n_warnings = to->num_warnings;
    if (to->item == NULL)
        return WEIR_OK;
    ret->names = to->record.names;
    ret->n_names = to->record.n_names;
    weir_clock_rfc3339(to->record.not_after * 1000, text);
    ret->not_after = weir_arena_strdup(&a->push->arena, weir_span(text, WEIR_RFC3339_LEN));
    return ret->not_after != NULL ? WEIR_OK : WEIR_ENOMEM;
}

/* Inside a snapshot: does anybody get it? */
static enum weir_err use_check(struct adding *a, struct added *to)
{
    const Weir__V1__Tenant *t = NULL;

    enum weir_err err =
        weir_admin_cert_tenant(a->request->node->reader, to->tenant, &a->push->arena, &t);
    if (err < 0 || (t != NULL && weir_admin_cert_is_used(t, &to->record)))
        return err;
    to->warnings[to->num_warnings++] = weir_arena_printf(
        &a->push->arena,
        t == NULL ? "there is no tenant \"%.*s\" yet: it is stored, and served when there is one"
                  : "none of its names is a host of tenant \"%.*s\": only clients that name no "
                    "host get it, unless a host is linked to it",
        (int)to->tenant.len, (const char *)to->tenant.at);
    return to->warnings[to->num_warnings - 1] != NULL ? WEIR_OK : WEIR_ENOMEM;
}

static enum weir_err write_refused(struct adding *a, struct added *to)
{
    uint16_t status = 0;
    const char *code = NULL;

    if (to->item == NULL || to->item->err == WEIR_OK || to->item->change.unchanged)
        return WEIR_OK;
    to->faults = weir_arena_calloc(&a->push->arena, 1, sizeof(char *));
    if (to->faults == NULL)
        return WEIR_ENOMEM;
    to->faults[to->num_faults++] =
        (char *)(uintptr_t)weir_admin_err_text(to->item->err, &status, &code);
    return WEIR_OK;
}

static void log_added(const struct adding *a)
{
    size_t written = 0;
    size_t refused = 0;

    for (size_t i = 0; i < a->in->n_certificates; i++) {
        const struct added *to = &a->items[i];
        bool done = to->item != NULL && to->item->err == WEIR_OK;
        written += done;
        refused += to->num_faults > 0;
        if (done && a->in->n_certificates <= 4)
            log_info("cert.changed", "tenant=%.*s certificate=%s outcome=%s by=%s",
                     (int)to->tenant.len, (const char *)to->tenant.at, to->id,
                     weir_push_outcome(to->item), a->push->user);
    }
    if (refused > 0 || a->in->n_certificates > 4)
        log_info("certs.added", "certificates=%zu written=%zu refused=%zu by=%s",
                 a->in->n_certificates, written, refused, a->push->user);
}

/* One certificate that was refused is an error of the request. */
static bool respond_refused(struct adding *a)
{
    struct added *to = &a->items[0];

    if (a->in->n_certificates != 1 || to->num_faults == 0)
        return false;
    if (to->item != NULL) {
        weir_admin_response_err(a->request, to->item->err, "the certificate");
        return true;
    }
    Weir__V1__ErrorDetail *details =
        weir_arena_calloc(&a->push->arena, to->num_faults, sizeof(*details));
    for (size_t i = 0; details != NULL && i < to->num_faults; i++) {
        weir__v1__error_detail__init(&details[i]);
        details[i].field = (char *)"certificates[0]";
        details[i].message = to->faults[i];
    }
    if (details == NULL)
        weir_admin_response_err(a->request, WEIR_ENOMEM, "the certificates");
    else
        weir_admin_response_details(a->request, details, to->num_faults);
    return true;
}

static enum weir_err results_fill(struct adding *a, Weir__V1__CertificateResults *ret)
{
    size_t num = a->in->n_certificates;
    struct weir_arena *arena = &a->push->arena;
    Weir__V1__CertificateResult *items = weir_arena_calloc(arena, num, sizeof(*items));

    ret->results = weir_arena_calloc(arena, num, sizeof(Weir__V1__CertificateResult *));
    if (items == NULL || ret->results == NULL)
        return WEIR_ENOMEM;
    enum weir_err err = weir_store_read_begin(a->request->node->reader);
    if (err < 0)
        return err;
    for (size_t i = 0; err == WEIR_OK && i < num; i++) {
        ret->results[ret->n_results++] = &items[i];
        if (a->items[i].item != NULL)
            err = use_check(a, &a->items[i]);
        if (err == WEIR_OK)
            err = write_refused(a, &a->items[i]);
        if (err == WEIR_OK)
            err = result_fill(a, &a->items[i], &items[i]);
    }
    weir_store_read_end(a->request->node->reader);
    return err;
}

static void respond(struct adding *a)
{
    Weir__V1__CertificateResults results = WEIR__V1__CERTIFICATE_RESULTS__INIT;
    enum weir_err err = results_fill(a, &results);

    if (err < 0) {
        adding_fail(a, err);
        return;
    }
    if (!a->push->dry_run)
        log_added(a);
    results.has_nodes_durable = results.has_nodes_total = 1;
    results.nodes_durable = a->push->dry_run ? 0 : 1;
    results.nodes_total = 1;
    if (!respond_refused(a))
        weir_admin_response_message(a->request, 200, &results.base);
    adding_free(a);
}

static void on_added(struct weir_push *p)
{
    respond(p->arg);
}

/* Two of one key in one request: the queue writes one after the other. */
static void push_added(struct adding *a)
{
    uint8_t key[WEIR_CERT_KEY_MAX];
    enum weir_err err = weir_push_reserve(a->push, a->in->n_certificates);
    size_t num = 0;

    for (size_t i = 0; err == WEIR_OK && i < a->in->n_certificates; i++) {
        struct added *to = &a->items[i];
        if (to->num_faults > 0)
            continue;
        size_t len = weir_cert_key(to->tenant, weir_span_cstr(to->id), key);
        err =
            weir_push_record(a->push, WEIR_CLASS_CERT, weir_span(key, len), build_added, &to->item);
        if (err == WEIR_OK)
            to->item->own = to;
        num++;
    }
    if (err == WEIR_OK && num > 0)
        err = weir_push_start(a->push, on_added, a);
    if (err < 0)
        adding_fail(a, err);
    else if (num == 0)
        respond(a);
}

static bool may_touch_all(const struct adding *a)
{
    for (size_t i = 0; i < a->in->n_certificates; i++)
        if (!weir_admin_may_touch(a->request, weir_span_cstr(a->in->certificates[i]->tenant)))
            return false;
    return true;
}

static void on_body_read(uv_work_t *work, int status)
{
    struct adding *a = work->data;

    if (status < 0)
        a->err = WEIR_ECLOSED;
    if (a->err == WEIR_OK && a->in->n_certificates > 0 && may_touch_all(a)) {
        push_added(a);
        return;
    }
    if (a->err == WEIR_ELIMIT)
        weir_admin_response_error(a->request, 400, "invalid",
                                  "more than %d certificates in one request", UPLOADS_MAX);
    else if (a->err == WEIR_OK && a->in->n_certificates > 0)
        weir_admin_response_forbidden(a->request, "a certificate is for another");
    else if (a->err == WEIR_EINVAL || a->err == WEIR_OK)
        weir_admin_response_error(a->request, 400, "invalid",
                                  "the body is not {\"certificates\": [{\"tenant\": ..., "
                                  "\"files\": [PEM or Base64, ...]}, ...]}");
    else
        weir_admin_response_err(a->request, a->err, "the certificates");
    adding_free(a);
}

void weir_admin_cert_add(struct weir_admin_request *r)
{
    bool dry_run = false;
    bool force = false;

    if (weir_query_bool(&r->query, "dry_run", &dry_run) < 0 ||
        weir_query_bool(&r->query, "force", &force) < 0) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "dry_run and force take 0, 1, true or false");
        return;
    }
    struct adding *a = calloc(1, sizeof(*a));
    if (a != NULL)
        a->push = weir_push_new(r->node->pushes, r->user, dry_run);
    if (a == NULL || a->push == NULL) {
        free(a);
        weir_admin_response_err(r, WEIR_ENOMEM, "the request");
        return;
    }
    weir_arena_init(&a->arena, WEIR_SCRATCH_BLOCK, ARENA_MAX);
    a->request = r;
    a->force = force;
    a->work.data = a;
    if (uv_queue_work(r->node->loop, &a->work, read_body, on_body_read) < 0)
        adding_fail(a, WEIR_ENOMEM);
}
