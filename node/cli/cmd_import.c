/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_import.c - weir import: documents of a folder, a file, or standard input, in batches, as they
 * are read. A batch is held at a time, whatever the number of documents. What is wrong is reported
 * with its place and left out; all the rest goes in. To run it again is safe: what is there already
 * is reported as unchanged.
 */
#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/base/limits.h"
#include "node/cli/api.h"
#include "node/cli/certs/cert_upload.h"
#include "node/cli/command.h"
#include "node/cli/docs/doc_reader.h"
#include "node/cli/docs/fault_list.h"
#include "node/cli/docs/visited.h"
#include "node/cli/interrupt.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/base64.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define BATCH_DOCS  1024    /* share a commit or two; far below the bound of one request */
#define BATCH_BYTES 1048576 /* of documents as JSON */
#define DEPTH_MAX   32      /* folders within folders */

enum outcome { CREATED, CHANGED, UNCHANGED, REFUSED, OUTCOME_COUNT };

static const char *const outcomes[OUTCOME_COUNT] = { "created", "changed", "unchanged", "refused" };

/** Where a document of the batch stands. */
struct place {
    char *file; /* owns */
    uint32_t line;
    size_t from; /* of the body */
    size_t len;
    char name[WEIR_TENANT_NAME_MAX + 1];
};

/** One run of import. */
struct import {
    struct weir_cli *cli;
    struct weir_strbuf body;
    struct place places[BATCH_DOCS];
    size_t num;        /* documents in the batch */
    uint64_t num_done; /* documents with a result */
    uint64_t num_by_outcome[OUTCOME_COUNT];
    uint64_t num_faults; /* documents that were not sent, and files that cannot be read */
    struct weir_fault_list faults;
    uint32_t nodes_durable;
    uint32_t nodes_total;
    uint64_t start_ns;
    struct weir_visited visited; /* folders */
    struct weir_cert_uploads certs;
    enum weir_exit code; /* why it cannot go on */
};

/* -- messages -- */

static void show_progress(const struct import *im)
{
    if (isatty(fileno(im->cli->err)))
        fprintf(im->cli->err, "\r%llu tenants\033[K", (unsigned long long)im->num_done);
}

static struct weir_fault_place place_at(const char *file, uint32_t line)
{
    return (struct weir_fault_place){ .file = file, .line = line };
}

/* It is written behind all documents, where equal ones are one line. */
static void WEIR_PRINTF(3, 4)
    note_fault(struct import *im, struct weir_fault_place at, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (weir_fault_list_add(&im->faults, &at, fmt, args) < 0)
        im->code = weir_cli_no_memory(im->cli);
    va_end(args);
}

static void show_faults(struct import *im)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_fault_list_write(&im->faults, &out);
    if (out.failed)
        im->code = weir_cli_no_memory(im->cli);
    else if (out.len > 0)
        fputs(out.at, im->cli->err);
    weir_strbuf_deinit(&out);
}

/* -- responses -- */

/* The tenant belongs to the place: one reason for many tenants is one text. */
static void note_refusal(struct import *im, const struct place *p, const char *reason)
{
    char named[WEIR_TENANT_NAME_MAX + sizeof("tenant : ")];
    snprintf(named, sizeof(named), "tenant %s: ", p->name);
    if (strncmp(reason, named, strlen(named)) == 0)
        reason += strlen(named);
    note_fault(im, (struct weir_fault_place){ p->file, p->line, p->name }, "refused: %s", reason);
}

static void take_results(struct import *im, const Weir__V1__ApplyResponse *a, size_t from)
{
    for (size_t i = 0; i < a->n_results && from + i < im->num; i++) {
        const Weir__V1__ApplyResult *r = a->results[i];
        const char *outcome = r->outcome != NULL ? r->outcome : "";
        for (size_t k = 0; k < OUTCOME_COUNT; k++)
            im->num_by_outcome[k] += strcmp(outcome, outcomes[k]) == 0;
        im->num_done++;
        const struct place *p = &im->places[from + i];
        if (strcmp(outcome, outcomes[REFUSED]) == 0)
            note_refusal(im, p,
                         r->n_details > 0 ? r->details[0]->message : "the node gives no reason");
        for (size_t k = 0; k < r->n_warnings; k++)
            note_fault(im, place_at(p->file, p->line), "warning: %s", r->warnings[k]);
    }
    if (im->nodes_total == 0 || a->nodes_durable < im->nodes_durable)
        im->nodes_durable = a->nodes_durable;
    if (a->nodes_total > im->nodes_total)
        im->nodes_total = a->nodes_total;
}

/* The node refused a document as a whole. */
static void take_refusal(struct import *im, const struct weir_client_response *response, size_t at)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    const char *text = "the node gives no reason";
    weir_api_arena_init(&arena);
    enum weir_err err =
        weir_schema_read_json(&weir__v1__error_response__descriptor,
                              weir_span(response->body.at, response->body.len), &arena, &message);
    const Weir__V1__ErrorResponse *a = (const Weir__V1__ErrorResponse *)message;
    bool known = err == WEIR_OK && a->error != NULL;
    if (known && a->error->n_details > 0)
        text = a->error->details[0]->message;
    else if (known && a->error->message != NULL)
        text = a->error->message;
    note_refusal(im, &im->places[at], text);
    im->num_by_outcome[REFUSED]++;
    im->num_done++;
    weir_arena_deinit(&arena);
}

/* @return whether the documents are what was wrong, so that each can be tried alone */
static bool is_about_documents(uint16_t status)
{
    return status == 400 || status == 404 || status == 409 || status == 412 || status == 413;
}

static void send_documents(struct import *im, size_t from, size_t num);

static void take_response(struct import *im, const struct weir_client_response *response,
                          size_t from, size_t num)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    if (response->status != 200 && !is_about_documents(response->status)) {
        im->code = weir_api_refused(im->cli, response);
        return;
    }
    if (response->status != 200 && num == 1) {
        take_refusal(im, response, from);
        return;
    }
    if (response->status != 200) {
        for (size_t i = 0; i < num && im->code == WEIR_EXIT_OK; i++)
            send_documents(im, from + i, 1);
        return;
    }
    weir_api_arena_init(&arena);
    enum weir_err err =
        weir_schema_read_json(&weir__v1__apply_response__descriptor,
                              weir_span(response->body.at, response->body.len), &arena, &message);
    const Weir__V1__ApplyResponse *a = (const Weir__V1__ApplyResponse *)message;
    if (err < 0 || a->n_results != num) {
        weir_cli_error(im->cli, "%s: the response is not one of weir's", im->cli->client.name);
        im->code = WEIR_EXIT_FAILED;
    } else {
        take_results(im, a, from);
    }
    weir_arena_deinit(&arena);
}

static void send_documents(struct import *im, size_t from, size_t num)
{
    char target[96];
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    const struct place *first = &im->places[from];
    const struct place *last = &im->places[from + num - 1];
    const struct weir_options *o = &im->cli->options;
    snprintf(target, sizeof(target), "/v1/apply?dry_run=%d&allow_overlap=%d", o->dry_run ? 1 : 0,
             o->allow_overlap ? 1 : 0);
    struct weir_client_request request = {
        .method = "POST",
        .target = target,
        .content_type = "application/json",
        .body = weir_span(im->body.at + first->from, last->from + last->len - first->from),
    };
    enum weir_err err = weir_client_call(&im->cli->client, &request, &response);
    if (err < 0)
        im->code = weir_api_failed(im->cli, err);
    else
        take_response(im, &response, from, num);
    weir_strbuf_deinit(&response.body);
}

static void drop_batch(struct import *im)
{
    for (size_t i = 0; i < im->num; i++)
        free(im->places[i].file);
    im->num = 0;
}

static void send_batch(struct import *im)
{
    if (im->num > 0 && im->code == WEIR_EXIT_OK)
        send_documents(im, 0, im->num);
    if (im->code != WEIR_EXIT_OK)
        return;
    drop_batch(im);
    weir_strbuf_reset(&im->body);
    show_progress(im);
}

/* -- documents -- */

static void show_diags(struct import *im, const struct weir_doc_reader *r,
                       const struct weir_diags *diags, uint32_t line)
{
    im->num_faults++;
    for (size_t i = 0; i < diags->len; i++) {
        const struct weir_diag *d = &diags->items[i];
        note_fault(im, place_at(r->name, d->line > 0 ? line + d->line - 1 : line), "%s%s%s",
                   d->field, d->field[0] != '\0' ? ": " : "", d->message);
    }
}

/* A name that is in the batch already: the later document wins, in a batch behind it. */
static bool is_in_batch(const struct import *im, const char *name)
{
    for (size_t i = 0; i < im->num; i++)
        if (strcmp(im->places[i].name, name) == 0)
            return true;
    return false;
}

static void queue_document(struct import *im, const char *file, const Weir__V1__Tenant *t,
                           uint32_t line)
{
    if (weir_schema_has_unread_files(t)) {
        im->num_faults++;
        note_fault(im, place_at(file, line),
                   "import reads no files that documents name (error_pages, ca); use weir apply");
        return;
    }
    if (im->num == BATCH_DOCS || im->body.len >= BATCH_BYTES || is_in_batch(im, t->name))
        send_batch(im);
    if (im->code != WEIR_EXIT_OK)
        return;
    struct place *p = &im->places[im->num];
    p->file = strdup(file);
    p->line = line;
    p->from = im->body.len;
    snprintf(p->name, sizeof(p->name), "%s", t->name);
    if (weir_schema_write(WEIR_KIND_TENANT, &t->base, WEIR_FORMAT_JSON, &im->body) < 0)
        im->body.failed = true;
    weir_strbuf_putc(&im->body, '\n');
    p->len = im->body.len - p->from;
    im->num++;
    if (im->body.failed || p->file == NULL)
        im->code = weir_cli_no_memory(im->cli);
}

static void on_certificate(void *arg, const Weir__V1__CertificateResult *r)
{
    struct import *im = arg;
    for (size_t i = 0; i < r->n_faults; i++)
        weir_cli_error(im->cli, "%s: certificate of tenant %s refused: %s",
                       r->label != NULL ? r->label : "?", r->tenant != NULL ? r->tenant : "?",
                       r->faults[i]);
}

/* The tenants before it go first, so that it is not told that there is none. */
static void queue_certificate(struct import *im, const char *file,
                              const Weir__V1__CertificateDocument *doc, uint32_t line)
{
    Weir__V1__CertificateUpload in = WEIR__V1__CERTIFICATE_UPLOAD__INIT;
    char *files[2] = { doc->chain, doc->key };
    char label[512];
    size_t len = 0;
    uint8_t *sealed = NULL;
    snprintf(label, sizeof(label), "%s:%u", file, line);
    in.tenant = doc->tenant;
    in.label = label;
    in.files = files;
    in.n_files = doc->key != NULL ? 2 : 1;
    in.links = doc->links;
    in.n_links = doc->n_links;
    in.has_fallback = in.fallback = doc->fallback;
    if (doc->sealed_key != NULL && doc->key == NULL) {
        struct weir_span text = weir_span_cstr(doc->sealed_key);
        sealed = malloc(text.len + 1);
        if (sealed == NULL) {
            im->code = weir_cli_no_memory(im->cli);
            return;
        }
        if (!weir_base64_decode(text, sealed, &len)) {
            im->num_faults++;
            note_fault(im, place_at(file, line), "sealed_key: is no Base64");
            free(sealed);
            return;
        }
        in.has_sealed_key = 1;
        in.sealed_key = (ProtobufCBinaryData){ len, sealed };
    }
    if (im->num > 0)
        send_batch(im);
    if (im->code == WEIR_EXIT_OK)
        im->code = weir_cert_uploads_add(&im->certs, &in, NULL);
    free(sealed);
}

static void take_document(struct import *im, const struct weir_doc_reader *r,
                          const struct weir_doc_text *doc)
{
    struct weir_docs docs;
    struct weir_diags diags;
    struct weir_schema_source source = { .text = doc->text, .format = r->format };
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_read(&source, &docs, &diags);
    if (err == WEIR_EINVAL) {
        show_diags(im, r, &diags, doc->line);
    } else if (err < 0) {
        im->code = weir_cli_no_memory(im->cli);
    } else {
        for (size_t i = 0; i < docs.len && im->code == WEIR_EXIT_OK; i++) {
            uint32_t line = doc->line + (docs.items[i].line > 0 ? docs.items[i].line - 1 : 0);
            if (docs.items[i].kind == WEIR_KIND_TENANT) {
                queue_document(im, r->name, docs.items[i].tenant, line);
                continue;
            }
            if (docs.items[i].kind == WEIR_KIND_CERTIFICATE) {
                queue_certificate(im, r->name, docs.items[i].certificate, line);
                continue;
            }
            im->num_faults++;
            note_fault(im, place_at(r->name, line),
                       "kind: a Node document is read by weir node --config, not stored");
        }
    }
    weir_arena_wipe(&docs.arena); /* a certificate may have its key in clear */
    weir_docs_deinit(&docs);
    weir_diags_deinit(&diags);
}

/* -- files -- */

static void read_stream(struct import *im, FILE *file, const char *name)
{
    struct weir_doc_reader r;
    struct weir_doc_text doc;
    enum weir_err err = WEIR_OK;
    weir_doc_reader_init(&r, file, name);
    while (im->code == WEIR_EXIT_OK && !weir_interrupt_has_come()) {
        err = weir_doc_reader_next(&r, &doc);
        if (err < 0)
            break;
        take_document(im, &r, &doc);
    }
    if (err < 0 && err != WEIR_ENOTFOUND) {
        im->num_faults++;
        note_fault(im, place_at(name, r.line), "%s",
                   err == WEIR_EINVAL ? "no whole JSON object stands here; what is behind it was "
                                        "not read"
                   : err == WEIR_ELIMIT
                       ? "the document is longer than 8 MiB; what is behind it was "
                         "not read"
                       : "cannot be read");
    }
    weir_doc_reader_deinit(&r);
}

static void read_file(struct import *im, const char *path)
{
    FILE *file = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
    if (file == NULL) {
        int err = errno;
        im->num_faults++;
        note_fault(im, place_at(path, 0), "cannot be read: %s", strerrordesc_np(err));
        return;
    }
    read_stream(im, file, strcmp(path, "-") == 0 ? "standard input" : path);
    if (file != stdin)
        fclose(file);
}

/* -- folders -- */

static int is_candidate(const struct dirent *e)
{
    return e->d_name[0] != '.';
}

/* By bytes: alphasort would ask the locale. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static bool is_document_name(const char *name)
{
    static const char *const tails[] = { ".yaml", ".yml", ".json", ".jsonl", ".ndjson" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(tails); i++)
        if (weir_span_ends(weir_span_cstr(name), weir_span_cstr(tails[i])))
            return true;
    return false;
}

static void read_folder(struct import *im, const char *path, unsigned depth);

/* A folder that is reached a second time, by a link, holds what was read already. */
static void visit_folder(struct import *im, const char *path, const struct stat *st, unsigned depth)
{
    enum weir_err err = weir_visited_add(&im->visited, st);
    if (err == WEIR_OK) {
        read_folder(im, path, depth);
    } else if (err == WEIR_ELIMIT) {
        weir_cli_error(im->cli, "more than %d folders at once", WEIR_VISITED_MAX);
        im->code = WEIR_EXIT_FAILED;
    } else if (err == WEIR_ENOMEM) {
        im->code = weir_cli_no_memory(im->cli);
    }
}

static void read_entry(struct import *im, const char *folder, const char *name, unsigned depth)
{
    struct stat st;
    char *path = NULL;
    if (asprintf(&path, "%s%s%s", folder,
                 weir_span_ends(weir_span_cstr(folder), WEIR_SPAN_LIT("/")) ? "" : "/", name) < 0) {
        im->code = weir_cli_no_memory(im->cli);
        return;
    }
    bool is_there = stat(path, &st) == 0;
    if (is_there && S_ISDIR(st.st_mode)) {
        visit_folder(im, path, &st, depth + 1);
    } else if (is_there && is_document_name(name) && !S_ISREG(st.st_mode)) {
        im->num_faults++; /* to open a FIFO that nobody writes to would never end */
        note_fault(im, place_at(path, 0), "cannot be read: it is not a regular file");
    } else if (is_document_name(name)) {
        read_file(im, path);
    }
    free(path);
}

static void read_folder(struct import *im, const char *path, unsigned depth)
{
    struct dirent **entries = NULL;
    int num = depth > DEPTH_MAX ? -1 : scandir(path, &entries, is_candidate, by_name);
    if (num < 0) {
        const char *why =
            depth > DEPTH_MAX ? "too many folders within each other" : strerrordesc_np(errno);
        im->num_faults++;
        note_fault(im, place_at(path, 0), "cannot be read: %s", why);
        return;
    }
    for (int i = 0; i < num; i++) {
        if (im->code == WEIR_EXIT_OK && !weir_interrupt_has_come())
            read_entry(im, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
}

/* -- the whole -- */

static void summary_end(const struct import *im, struct weir_strbuf *out)
{
    double seconds = (double)(weir_clock_mono_ns() - im->start_ns) / 1e9;
    if (im->cli->options.dry_run) {
        weir_strbuf_puts(out, ", if it were no dry run; nothing was written\n");
        return;
    }
    weir_strbuf_printf(out, ", in %.*f s", seconds < 1 ? 2 : 1, seconds);
    if (im->num_done > im->num_by_outcome[REFUSED])
        weir_strbuf_printf(out, " on %u/%u nodes", im->nodes_durable, im->nodes_total);
    weir_strbuf_putc(out, '\n');
}

static enum weir_exit show_summary(struct import *im)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const char *separator = ": ";
    if (im->cli->options.output == WEIR_OUTPUT_NAME)
        return WEIR_EXIT_OK;
    weir_strbuf_printf(&out, "%llu tenant%s", (unsigned long long)im->num_done,
                       im->num_done == 1 ? "" : "s");
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        if (im->num_by_outcome[i] == 0)
            continue;
        weir_strbuf_printf(&out, "%s%llu %s", separator, (unsigned long long)im->num_by_outcome[i],
                           outcomes[i]);
        separator = ", ";
    }
    summary_end(im, &out);
    return weir_render_out(im->cli, &out);
}

/* What failed, in one line behind all others. */
static enum weir_exit show_failures(struct import *im)
{
    uint64_t num_refused = im->num_by_outcome[REFUSED] + im->certs.counts[WEIR_CERT_REFUSED];
    if (im->faults.num_unnoted > 0)
        weir_cli_error(im->cli, "%zu faults and warnings, of which %zu are not shown",
                       im->faults.num_total, im->faults.num_unnoted);
    if (im->num_faults + num_refused == 0)
        return WEIR_EXIT_OK;
    weir_cli_error(im->cli, "%llu not sent for their faults, %llu refused%s",
                   (unsigned long long)im->num_faults, (unsigned long long)num_refused,
                   im->num_done > num_refused ? "; the others are imported" : "");
    return WEIR_EXIT_FAILED;
}

static uint64_t certificates_done(const struct import *im)
{
    uint64_t num = 0;
    for (size_t i = 0; i < WEIR_CERT_OUTCOMES; i++)
        num += im->certs.counts[i];
    return num;
}

static enum weir_exit show_certificates(struct import *im)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (im->cli->options.output == WEIR_OUTPUT_NAME)
        return WEIR_EXIT_OK;
    weir_cert_uploads_summary(&im->certs, &out);
    weir_strbuf_puts(&out, im->cli->options.dry_run ? ", if it were no dry run\n" : "\n");
    return weir_render_out(im->cli, &out);
}

static enum weir_exit run_import(struct import *im)
{
    struct stat st;
    const char *name = im->cli->num_args > 0 ? im->cli->args[0] : "-";
    if (strcmp(name, "-") != 0 && stat(name, &st) == 0 && S_ISDIR(st.st_mode))
        visit_folder(im, name, &st, 1);
    else
        read_file(im, name);
    send_batch(im);
    if (im->code == WEIR_EXIT_OK && !weir_interrupt_has_come())
        im->code = weir_cert_uploads_send(&im->certs);
    if (isatty(fileno(im->cli->err)))
        fputs("\r\033[K", im->cli->err);
    show_faults(im);
    bool interrupted = weir_interrupt_has_come();
    if (im->code != WEIR_EXIT_OK || interrupted)
        weir_cli_error(im->cli,
                       "%s after %llu tenants; up to %zu more may be there. Run it again: what is "
                       "there stays unchanged",
                       interrupted ? "interrupted" : "ended", (unsigned long long)im->num_done,
                       im->num);
    if (im->code != WEIR_EXIT_OK)
        return im->code;
    if (interrupted)
        return WEIR_EXIT_FAILED;
    uint64_t num_certs = certificates_done(im);
    enum weir_exit code = im->num_done > 0 ? show_summary(im) : WEIR_EXIT_OK;
    if (code == WEIR_EXIT_OK && num_certs > 0)
        code = show_certificates(im);
    if (im->num_done + im->num_faults + num_certs == 0) {
        weir_cli_error(im->cli, "no document in %s",
                       weir_schema_text_bare(weir_span_cstr(name)).text);
        code = WEIR_EXIT_FAILED;
    }
    enum weir_exit failed = show_failures(im);
    code = code == WEIR_EXIT_OK ? failed : code;
    if (code != WEIR_EXIT_OK)
        return code;
    return im->num_done > 0
               ? weir_api_waited(im->cli, im->nodes_durable, im->nodes_total)
               : weir_api_waited(im->cli, im->certs.nodes_durable, im->certs.nodes_total);
}

enum weir_exit weir_cmd_import(struct weir_cli *cli)
{
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    struct import *im = calloc(1, sizeof(*im));
    if (im == NULL)
        return weir_cli_no_memory(cli);
    im->cli = cli;
    im->body = WEIR_STRBUF_ZERO;
    im->start_ns = weir_clock_mono_ns();
    weir_visited_init(&im->visited);
    /* What was there once comes back, also when it has expired since. */
    weir_cert_uploads_init(&im->certs, cli, on_certificate, im);
    im->certs.force = true;
    weir_interrupt_begin(cli);
    code = run_import(im);
    drop_batch(im);
    weir_strbuf_deinit(&im->body);
    weir_visited_deinit(&im->visited);
    weir_cert_uploads_deinit(&im->certs);
    weir_fault_list_deinit(&im->faults);
    free(im);
    return code;
}
