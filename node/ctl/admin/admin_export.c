/* SPDX-License-Identifier: Apache-2.0
 *
 * admin_export.c - GET /v1/export: every document, one JSON object a line, in the order of kinds
 * and names, and a last line with their number and digest. Read in slices, each of one snapshot: an
 * object that is written meanwhile is there as it was before or after, and none comes twice.
 * Bounded: a slice is taken when the client has taken the piece before.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/base/log.h"
#include "node/base/siphash.h"
#include "node/ctl/admin/admin_api.h"
#include "node/ctl/stored_tenant.h"

#define SLICE_RECORDS 64     /* of one turn of the loop: about a millisecond */
#define PIECE_BYTES   262144 /* handed to the connection at once */
#define TURN_MS       1

static const char export_type[] = "application/x-ndjson";

/** One export on its way. */
struct export
{
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
    char after[WEIR_TENANT_NAME_MAX + 1];
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

/* A record that cannot be read is counted: the last line states that the export lacks it. */
static bool add_record(void *arg, const struct weir_record *rec)
{
    struct export *e = arg;
    struct weir_arena arena;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    Weir__V1__StoredTenant *stored = NULL;
    weir_stored_tenant_arena_init(&arena);
    enum weir_err err = weir_stored_tenant_read(rec->value, &arena, &stored);
    if (err == WEIR_OK)
        err = weir_schema_write(WEIR_KIND_TENANT, &stored->tenant->base, WEIR_FORMAT_JSON, &text);
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
    WEIR_ASSERT(rec->key.len < sizeof(e->after));
    memcpy(e->after, rec->key.at, rec->key.len);
    e->after[rec->key.len] = '\0';
    weir_strbuf_deinit(&text);
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
    char before[sizeof(e->after)];
    memcpy(before, e->after, sizeof(before));
    e->err = weir_store_read_begin(r);
    if (e->err < 0)
        return;
    enum weir_err err = weir_store_list(r, WEIR_CLASS_TENANT, weir_span_cstr(e->after),
                                        SLICE_RECORDS, add_record, e);
    weir_store_read_end(r);
    if (e->err == WEIR_OK)
        e->err = err;
    if (e->err == WEIR_OK && strcmp(before, e->after) == 0)
        e->err = weir_store_stats(r, &stats);
    if (e->err == WEIR_OK && strcmp(before, e->after) == 0)
        add_last_line(e, &stats);
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

void weir_admin_export(struct weir_admin_request *r)
{
    static const struct weir_siphash_key digest_key; /* not secret: nodes must agree */
    struct weir_store_stats stats;
    bool digest_only = false;
    if (weir_query_bool(&r->query, "digest", &digest_only) < 0) {
        weir_admin_response_error(r, 400, "bad_request", "digest takes 0, 1, true or false");
        return;
    }
    struct export *e = calloc(1, sizeof(*e));
    enum weir_err err = e != NULL ? weir_store_stats(r->node->reader, &stats) : WEIR_ENOMEM;
    if (err < 0) {
        free(e);
        weir_admin_response_err(r, err, "the export");
        return;
    }
    e->request = r;
    e->digest_only = digest_only;
    e->num_corrupt = stats.num_corrupt;
    e->out = WEIR_STRBUF_ZERO;
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
