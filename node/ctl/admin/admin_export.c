/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_export.c - GET /v1/export: every document, one JSON object a line, in the order of kinds
 * and names, and a last line with their number and digest. Read in slices, each of one snapshot: an
 * object that is written meanwhile is there as it was before or after, and none comes twice.
 * Bounded: a slice is taken when the client has taken the piece before.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/buffers/secret_pages.h"
#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/siphash.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/admin/admin_certs.h"
#include "node/ctl/stored_tenant.h"
#include "tenants/base64.h"
#include "tenants/cert_record.h"
#include "tenants/cert_seal.h"

#define SLICE_RECORDS 64     /* of one turn of the loop: about a millisecond */
#define PIECE_BYTES   262144 /* handed to the connection at once */
#define TURN_MS       1

static const char export_type[] = "application/x-ndjson";

/** One export on its way. */
struct export
{
    enum weir_class class; /* what is read now: TENANT, then CERT */
    bool keys;             /* those of certificates in clear */
    uv_timer_t timer;
    struct weir_admin_request *request;
    struct weir_strbuf out;
    struct weir_siphash hash;
    uint64_t num;         /* documents so far */
    uint64_t num_damaged; /* records that cannot be read */
    uint64_t num_corrupt; /* the store's count when this began */
    bool digest_only;
    bool whole; /* the last line is in `out` */
    enum weir_err err;
    uint8_t after[WEIR_CERT_KEY_MAX];
    size_t after_len;
    bool moved; /* the slice had records */
};

static void on_timer_closed(uv_handle_t *handle)
{
    struct export *e = handle->data;
    weir_strbuf_deinit(&e->out);
    free(e);
}

static void end_export(struct export *e)
{
    e->request->gone = NULL;
    weir_admin_stream_end(e->request);
    uv_close((uv_handle_t *)&e->timer, on_timer_closed);
}

static void on_gone(struct weir_admin_request *r)
{
    end_export(r->work);
}

/* The digest covers kind and name as parts of the document's canonical text, and the line end. */
static void add_document(struct export *e, struct weir_span text)
{
    weir_siphash_add(&e->hash, text.at, text.len);
    weir_siphash_add(&e->hash, "\n", 1);
    e->num++;
    if (e->digest_only)
        return;
    weir_strbuf_add(&e->out, text);
    weir_strbuf_putc(&e->out, '\n');
}

/* The canonical text has line ends and indents between its tokens, and none inside a string. */
static void join_lines(struct weir_strbuf *text)
{
    size_t len = 0;
    for (size_t i = 0; i < text->len; i++) {
        if (text->at[i] != '\n') {
            text->at[len++] = text->at[i];
            continue;
        }
        while (i + 1 < text->len && text->at[i + 1] == ' ')
            i++;
    }
    text->len = len;
}

/* @return WEIR_OK | WEIR_ENOMEM | another: the record cannot be read */
static enum weir_err write_tenant(const struct weir_record *rec, struct weir_arena *arena,
                                  struct weir_strbuf *text)
{
    Weir__V1__StoredTenant *stored = NULL;
    enum weir_err err = weir_stored_tenant_read(rec->value, arena, &stored);
    return err < 0
               ? err
               : weir_schema_write(WEIR_KIND_TENANT, &stored->tenant->base, WEIR_FORMAT_JSON, text);
}

/* @return NULL: out of memory */
static char *base64_text(struct weir_arena *arena, struct weir_span bytes)
{
    size_t len = weir_base64_len(bytes.len);
    char *text = weir_arena_alloc(arena, len + 1);
    if (text == NULL)
        return NULL;
    weir_base64_encode(bytes, text);
    text[len] = '\0';
    return text;
}

/* The key in clear, for a moment in the arena, which is wiped. */
static enum weir_err open_key(struct export *e, const struct weir_record *rec,
                              const Weir__V1__Certificate *m, struct weir_arena *arena, char **ret)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    size_t len = 0;
    uint8_t *plain = weir_secret_pages_new(WEIR_SEAL_PLAIN_MAX);
    if (plain == NULL)
        return WEIR_ENOMEM;
    text.secret = true;
    enum weir_err err =
        weir_cert_open(e->request->node->secret, rec->key,
                       weir_span(m->sealed_key.data, m->sealed_key.len), plain, &len);
    if (err == WEIR_OK) {
        weir_admin_pem_write(&text, "PRIVATE KEY", weir_span(plain, len), arena);
        *ret = text.failed ? NULL : weir_arena_strdup(arena, weir_span(text.at, text.len));
        err = *ret != NULL ? WEIR_OK : WEIR_ENOMEM;
    }
    weir_strbuf_deinit(&text);
    weir_secret_pages_free((void **)&plain, WEIR_SEAL_PLAIN_MAX);
    return err;
}

static enum weir_err write_certificate(struct export *e, const struct weir_record *rec,
                                       struct weir_arena *arena, struct weir_strbuf *text)
{
    Weir__V1__CertificateDocument doc = WEIR__V1__CERTIFICATE_DOCUMENT__INIT;
    Weir__V1__Certificate *m = NULL;
    struct weir_strbuf chain = WEIR_STRBUF_ZERO;
    struct weir_span tenant;
    struct weir_span id;
    if (!weir_cert_key_split(rec->key, &tenant, &id))
        return WEIR_ECORRUPT;
    enum weir_err err = weir_certificate_unpack(rec->value, arena, &m);
    if (err < 0)
        return err;
    for (size_t i = 0; i < m->n_chain; i++)
        weir_admin_pem_write(&chain, "CERTIFICATE", weir_span(m->chain[i].data, m->chain[i].len),
                             arena);
    doc.tenant = weir_arena_strdup(arena, tenant);
    doc.id = weir_arena_strdup(arena, id);
    doc.chain = chain.failed ? NULL : weir_arena_strdup(arena, weir_span(chain.at, chain.len));
    weir_strbuf_deinit(&chain);
    if (e->keys)
        err = open_key(e, rec, m, arena, &doc.key);
    else
        doc.sealed_key = base64_text(arena, weir_span(m->sealed_key.data, m->sealed_key.len));
    if (err == WEIR_OK && (doc.tenant == NULL || doc.id == NULL || doc.chain == NULL ||
                           (doc.key == NULL && doc.sealed_key == NULL)))
        err = WEIR_ENOMEM;
    doc.links = m->links;
    doc.n_links = m->n_links;
    doc.has_fallback = doc.fallback = m->fallback;
    return err < 0 ? err
                   : weir_schema_write(WEIR_KIND_CERTIFICATE, &doc.base, WEIR_FORMAT_JSON, text);
}

/* A record that cannot be read is counted: the last line states that the export lacks it. */
static bool add_record(void *arg, const struct weir_record *rec)
{
    struct export *e = arg;
    struct weir_arena arena;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    text.secret = e->keys;
    weir_stored_tenant_arena_init(&arena);
    enum weir_err err = e->class == WEIR_CLASS_TENANT ? write_tenant(rec, &arena, &text)
                                                      : write_certificate(e, rec, &arena, &text);
    if (err == WEIR_OK && text.failed)
        err = WEIR_ENOMEM;
    if (err == WEIR_OK) {
        join_lines(&text);
        add_document(e, weir_span(text.at, text.len));
    } else if (err == WEIR_ENOMEM) {
        e->err = err;
    } else {
        e->num_damaged++;
    }
    WEIR_ASSERT(rec->key.len <= sizeof(e->after));
    memcpy(e->after, rec->key.at, rec->key.len);
    e->after_len = rec->key.len;
    e->moved = true;
    weir_strbuf_deinit(&text);
    if (e->keys)
        weir_arena_wipe(&arena);
    weir_arena_deinit(&arena);
    return e->err == WEIR_OK;
}

static void add_last_line(struct export *e, const struct weir_store_stats *stats)
{
    struct weir_siphash128 digest = weir_siphash_end128(&e->hash);
    weir_strbuf_printf(&e->out,
                       "{\"end\":{\"documents\":%llu,\"digest\":\"%016llx%016llx\","
                       "\"damaged\":%llu}}\n",
                       (unsigned long long)e->num, (unsigned long long)digest.hi,
                       (unsigned long long)digest.lo,
                       (unsigned long long)(e->num_damaged + stats->num_corrupt - e->num_corrupt));
    e->whole = true;
}

/* The next records, in one snapshot. */
static void read_slice(struct export *e)
{
    struct weir_store_reader *r = e->request->node->reader;
    struct weir_store_stats stats;
    e->moved = false;
    e->err = weir_store_read_begin(r);
    if (e->err < 0)
        return;
    enum weir_err err = weir_store_list(r, e->class, weir_span(e->after, e->after_len),
                                        SLICE_RECORDS, add_record, e);
    weir_store_read_end(r);
    if (e->err == WEIR_OK)
        e->err = err;
    if (e->err == WEIR_OK && !e->moved && e->class == WEIR_CLASS_TENANT) {
        e->class = WEIR_CLASS_CERT;
        e->after_len = 0;
    } else if (e->err == WEIR_OK && !e->moved) {
        e->err = weir_store_stats(r, &stats);
        if (e->err == WEIR_OK)
            add_last_line(e, &stats);
    }
    if (e->out.failed)
        e->err = WEIR_ENOMEM;
}

/* Without the last line the client knows that it has not all; the log has the reason. */
static void on_timer(uv_timer_t *timer)
{
    struct export *e = timer->data;
    if (e->request->conn == NULL) {
        end_export(e);
        return;
    }
    if (!e->whole && e->err == WEIR_OK && e->out.len < PIECE_BYTES)
        read_slice(e);
    if (!weir_admin_stream_ready(e->request))
        return;
    bool over = e->whole || e->err < 0;
    if (e->err < 0) {
        log_error("export.failed", "err=\"%s\" documents=%llu", weir_err_name(e->err),
                  (unsigned long long)e->num);
        weir_strbuf_reset(&e->out);
    }
    if (e->out.len == 0 && over)
        end_export(e);
    else if (e->out.len >= PIECE_BYTES || over)
        weir_admin_stream_send(e->request, &e->out);
}

static void begin_export(struct weir_admin_request *r, bool digest_only, bool keys)
{
    static const struct weir_siphash_key digest_key; /* not secret: nodes must agree */
    struct weir_store_stats stats;
    struct export *e = calloc(1, sizeof(*e));
    enum weir_err err = e != NULL ? weir_store_stats(r->node->reader, &stats) : WEIR_ENOMEM;
    if (err < 0) {
        free(e);
        weir_admin_response_err(r, err, "the export");
        return;
    }
    e->request = r;
    e->digest_only = digest_only;
    e->class = WEIR_CLASS_TENANT;
    e->keys = keys;
    e->num_corrupt = stats.num_corrupt;
    e->out = WEIR_STRBUF_ZERO;
    e->out.secret = keys;
    weir_siphash_init128(&e->hash, &digest_key);
    int rc = uv_timer_init(r->node->loop, &e->timer);
    WEIR_ASSERT(rc == 0);
    e->timer.data = e;
    r->work = e;
    weir_admin_stream_begin(r, export_type);
    if (r->conn == NULL) { /* the head could not be written */
        end_export(e);
        return;
    }
    r->gone = on_gone;
    rc = uv_timer_start(&e->timer, on_timer, 0, TURN_MS);
    WEIR_ASSERT(rc == 0);
}

void weir_admin_export(struct weir_admin_request *r)
{
    bool digest_only = false;
    if (weir_query_bool(&r->query, "digest", &digest_only) < 0)
        weir_admin_response_error(r, 400, "bad_request", "digest takes 0, 1, true or false");
    else
        begin_export(r, digest_only, false);
}

/* By POST and for admin alone, since what discloses a secret is no GET. */
void weir_admin_export_keys(struct weir_admin_request *r)
{
    bool keys = false;
    if (weir_query_bool(&r->query, "keys", &keys) < 0 || !keys) {
        weir_admin_response_error(r, 400, "bad_request",
                                  "POST is for keys=1 alone; GET exports without keys");
        return;
    }
    log_warn("export.with_keys", "by=%s", r->user);
    begin_export(r, false, true);
}
