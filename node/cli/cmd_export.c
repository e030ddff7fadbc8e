/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_export.c - weir export: the documents of a node into a folder, a file, or standard output,
 * as they come; one document is held at a time. A file is written beside its name and takes it when
 * it is whole and on the disk; a pipe or a device is written to, and stays what it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/interrupt.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define LINE_BYTES_MAX 16777216 /* of one document in a response */
#define DIGEST_MAX     64

/** One run of export. */
struct export
{
    struct weir_cli *cli;
    const char *name; /* "-", a file or a folder */
    bool is_folder;
    bool json;
    int folder_fd;           /* -1: none */
    FILE *file;              /* of a file or of standard output */
    bool owns_file;          /* it is closed here */
    char *whole;             /* owns; the file's own name, links resolved */
    char *part;              /* owns; the name until the file is whole; NULL: written in place */
    struct weir_strbuf line; /* a line of the response that has not ended */
    uint64_t num;
    uint64_t num_certs;  /* of them */
    bool ended;          /* the last line was there */
    uint64_t num_stated; /* by the last line */
    uint64_t num_damaged;
    char digest[DIGEST_MAX];
    enum weir_exit code;
};

static enum weir_exit fail(struct export *e, const char *what, const char *why)
{
    weir_cli_error(e->cli, "%s: %s", weir_schema_text_bare(weir_span_cstr(what)).text, why);
    return WEIR_EXIT_FAILED;
}

/* -- where it goes -- */

static bool folder_is_empty(int fd)
{
    bool empty = true;
    int copy = dup(fd);
    DIR *dir = copy >= 0 ? fdopendir(copy) : NULL;
    for (struct dirent *d = NULL; dir != NULL && (d = readdir(dir)) != NULL;)
        empty = empty && (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0);
    if (dir != NULL)
        closedir(dir);
    return empty;
}

/* What lies in the folder already would be imported with the rest, so there must be nothing. */
static enum weir_exit open_folder(struct export *e)
{
    if (mkdir(e->name, 0700) < 0 && errno != EEXIST)
        return fail(e, e->name, strerrordesc_np(errno));
    e->folder_fd = open(e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (e->folder_fd < 0)
        return fail(e, e->name, strerrordesc_np(errno));
    if (!folder_is_empty(e->folder_fd))
        return fail(e, e->name,
                    "is not empty: an import of it would bring back what is no longer "
                    "on the node; name a new folder");
    return WEIR_EXIT_OK;
}

/* A name of its own beside the file, so that no other file is overwritten and no link followed. */
static enum weir_exit make_part(struct export *e)
{
    e->whole = realpath(e->name, NULL);
    if (e->whole == NULL)
        e->whole = strdup(e->name); /* it does not exist yet */
    if (e->whole == NULL || asprintf(&e->part, "%s.XXXXXX.part", e->whole) < 0) {
        e->part = NULL;
        return weir_cli_no_memory(e->cli);
    }
    int fd = mkostemps(e->part, (int)strlen(".part"), O_CLOEXEC);
    e->file = fd >= 0 ? fdopen(fd, "w") : NULL;
    e->owns_file = e->file != NULL;
    if (e->owns_file)
        return WEIR_EXIT_OK;
    enum weir_exit code = fail(e, e->name, strerrordesc_np(errno));
    if (fd >= 0)
        close(fd);
    else
        e->part[0] = '\0'; /* not made, so that none is removed */
    return code;
}

static enum weir_exit open_file(struct export *e, bool in_place)
{
    if (!in_place)
        return make_part(e);
    e->file = fopen(e->name, "we");
    e->owns_file = e->file != NULL;
    return e->owns_file ? WEIR_EXIT_OK : fail(e, e->name, strerrordesc_np(errno));
}

static bool ends_with(const char *name, const char *tail)
{
    return weir_span_ends(weir_span_cstr(name), weir_span_cstr(tail));
}

static enum weir_exit open_target(struct export *e)
{
    struct stat st;
    bool json_name = ends_with(e->name, ".json") || ends_with(e->name, ".jsonl") ||
                     ends_with(e->name, ".ndjson");
    e->json = e->cli->options.output == WEIR_OUTPUT_JSON ||
              (e->cli->options.output != WEIR_OUTPUT_YAML && json_name);
    if (strcmp(e->name, "-") == 0) {
        e->file = e->cli->out;
        return WEIR_EXIT_OK;
    }
    bool exists = stat(e->name, &st) == 0;
    e->is_folder = ends_with(e->name, "/") || (exists && S_ISDIR(st.st_mode));
    return e->is_folder ? open_folder(e) : open_file(e, exists && !S_ISREG(st.st_mode));
}

/* -- documents -- */

/* The kind stands at the begin of the canonical text. */
static bool is_certificate(struct weir_span doc)
{
    static const char kind[] = "\"kind\": \"Certificate\"";
    return memmem(doc.at, doc.len < 80 ? doc.len : 80, kind, sizeof(kind) - 1) != NULL;
}

/* A text of the canonical form: the first of this key, which stands before all that may be nested.
 */
static bool find_text(struct weir_span doc, const char *name, struct weir_span *ret)
{
    char key[32];
    int len = snprintf(key, sizeof(key), "\"%s\": \"", name);
    const uint8_t *at = memmem(doc.at, doc.len, key, (size_t)len);
    if (at == NULL)
        return false;
    struct weir_span rest = weir_span_from(doc, (size_t)(at - doc.at) + (size_t)len);
    const uint8_t *end = rest.len > 0 ? memchr(rest.at, '"', rest.len) : NULL;
    if (end == NULL)
        return false;
    *ret = weir_span(rest.at, (size_t)(end - rest.at));
    /* Nothing that a node sends may lead out of the folder. */
    for (size_t i = 0; i < ret->len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-", ret->at[i]) == NULL)
            return false;
    return ret->len > 0 && ret->len < 200;
}

static enum weir_err form_document(const struct export *e, struct weir_span doc,
                                   struct weir_strbuf *out)
{
    if (e->json) {
        weir_strbuf_add(out, doc);
        weir_strbuf_putc(out, '\n');
        return out->failed ? WEIR_ENOMEM : WEIR_OK;
    }
    if (!e->is_folder)
        weir_strbuf_puts(out, "---\n");
    enum weir_err err = weir_render_yaml(doc, out);
    return err == WEIR_OK && out->failed ? WEIR_ENOMEM : err;
}

static enum weir_exit write_document_file(struct export *e, struct weir_span doc,
                                          struct weir_span text)
{
    char name[512];
    struct weir_span tenant;
    struct weir_span id = WEIR_SPAN_EMPTY;
    bool cert = is_certificate(doc);
    if (!find_text(doc, cert ? "tenant" : "name", &tenant) || (cert && !find_text(doc, "id", &id)))
        return fail(e, "the response", "has a document without a name");
    /* No tenant's name has a dot. */
    snprintf(name, sizeof(name), "%.*s%s%.*s.%s", (int)tenant.len, (const char *)tenant.at,
             cert ? ".certificate." : "", (int)id.len, (const char *)id.at,
             e->json ? "json" : "yaml");
    int fd = openat(e->folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return fail(e, name, strerrordesc_np(errno));
    ssize_t n = write(fd, text.at, text.len);
    int err = n < 0 ? errno : ENOSPC;
    close(fd);
    return n == (ssize_t)text.len ? WEIR_EXIT_OK : fail(e, name, strerrordesc_np(err));
}

static enum weir_exit write_document(struct export *e, struct weir_span doc)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    text.secret = e->cli->options.with_keys;
    enum weir_err err = form_document(e, doc, &text);
    if (err == WEIR_ENOMEM)
        code = weir_cli_no_memory(e->cli);
    else if (err < 0)
        code = fail(e, "the response", "has a line that is no document");
    else if (e->is_folder)
        code = write_document_file(e, doc, weir_span(text.at, text.len));
    else if (fwrite(text.at, 1, text.len, e->file) != text.len)
        code = fail(e, e->name, strerrordesc_np(errno));
    weir_strbuf_deinit(&text);
    e->num_certs += is_certificate(doc);
    e->num++;
    return code;
}

/* -- the response -- */

static enum weir_exit take_end(struct export *e, struct weir_span line)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    enum weir_err err =
        weir_schema_read_json(&weir__v1__export_line__descriptor, line, &arena, &message);
    const Weir__V1__ExportLine *l = (const Weir__V1__ExportLine *)message;
    e->ended = err == WEIR_OK && l->end != NULL && l->end->digest != NULL;
    if (e->ended) {
        e->num_stated = l->end->documents;
        e->num_damaged = l->end->damaged;
        snprintf(e->digest, sizeof(e->digest), "%.63s",
                 weir_schema_text_bare(weir_span_cstr(l->end->digest)).text);
    }
    weir_arena_deinit(&arena);
    return WEIR_EXIT_OK; /* without an end the export is not whole */
}

static enum weir_exit take_line(struct export *e, struct weir_span line)
{
    if (weir_span_starts(line, WEIR_SPAN_LIT("{\"end\":")))
        return take_end(e, line);
    /* Documents that a node sends although none were asked for are ignored. */
    return e->file != NULL || e->is_folder ? write_document(e, line) : WEIR_EXIT_OK;
}

static bool on_piece(void *arg, struct weir_span piece)
{
    struct export *e = arg;
    while (piece.len > 0 && e->code == WEIR_EXIT_OK) {
        const uint8_t *nl = memchr(piece.at, '\n', piece.len);
        size_t len = nl != NULL ? (size_t)(nl - piece.at) : piece.len;
        struct weir_span line = weir_span(piece.at, len);
        if (e->line.len > 0 || nl == NULL) {
            weir_strbuf_add(&e->line, line);
            line = weir_span(e->line.at, e->line.len);
        }
        if (e->line.failed || e->line.len > LINE_BYTES_MAX)
            e->code = weir_cli_no_memory(e->cli);
        else if (nl != NULL)
            e->code = take_line(e, line);
        if (nl != NULL)
            weir_strbuf_reset(&e->line);
        piece = weir_span_from(piece, nl != NULL ? len + 1 : len);
    }
    return e->code == WEIR_EXIT_OK && !weir_interrupt_has_come();
}

static enum weir_exit read_response(struct export *e)
{
    struct weir_cli *cli = e->cli;
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    const struct weir_options *o = &cli->options;
    struct weir_client_request request = { .method = o->with_keys ? "POST" : "GET",
                                           .target = o->digest      ? "/v1/export?digest=1"
                                                     : o->with_keys ? "/v1/export?keys=1"
                                                                    : "/v1/export" };
    enum weir_err err = weir_client_stream(&cli->client, &request, &response, on_piece, e);
    enum weir_exit code = e->code;
    if (err < 0)
        code = weir_api_failed(cli, err);
    else if (response.status != 200)
        code = weir_api_refused(cli, &response);
    weir_strbuf_deinit(&response.body);
    if (code != WEIR_EXIT_OK)
        return code;
    if (weir_interrupt_has_come())
        return fail(e, "interrupted", "the export is not whole");
    if (!e->ended || (!cli->options.digest && e->num_stated != e->num))
        return fail(e, cli->client.name,
                    "the export ended early; see the node's log, and try again");
    return WEIR_EXIT_OK;
}

/* -- the end -- */

/* The files must be on the disk before the export counts as done. */
static enum weir_exit close_target(struct export *e)
{
    if (e->is_folder)
        return syncfs(e->folder_fd) == 0 ? WEIR_EXIT_OK : fail(e, e->name, strerrordesc_np(errno));
    if (e->part == NULL)
        return fflush(e->file) == 0 ? WEIR_EXIT_OK : fail(e, e->name, strerrordesc_np(errno));
    bool written = fflush(e->file) == 0 && fsync(fileno(e->file)) == 0;
    int err = errno;
    written = fclose(e->file) == 0 && written;
    e->file = NULL;
    if (!written)
        return fail(e, e->name, strerrordesc_np(err));
    return rename(e->part, e->whole) == 0 ? WEIR_EXIT_OK : fail(e, e->name, strerrordesc_np(errno));
}

static void free_export(struct export *e)
{
    if (e->owns_file && e->file != NULL)
        fclose(e->file);
    if (e->part != NULL)
        (void)unlink(e->part); /* gone when it took its name */
    free(e->whole);
    if (e->folder_fd >= 0)
        close(e->folder_fd);
    free(e->part);
    weir_strbuf_deinit(&e->line);
}

static enum weir_exit show_summary(struct export *e)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    bool to_out = e->cli->options.digest;
    unsigned long long certs = e->num_certs;
    unsigned long long tenants = e->num_stated - certs;
    if (to_out)
        weir_strbuf_printf(&out, "%s  %llu documents\n", e->digest,
                           (unsigned long long)e->num_stated);
    else if (certs > 0)
        fprintf(e->cli->err, "%llu tenant%s and %llu certificate%s exported, digest %s\n", tenants,
                tenants == 1 ? "" : "s", certs, certs == 1 ? "" : "s", e->digest);
    else
        fprintf(e->cli->err, "%llu tenant%s exported, digest %s\n", tenants,
                tenants == 1 ? "" : "s", e->digest);
    if (e->num_damaged > 0)
        weir_cli_error(e->cli,
                       "%llu records are damaged and left out; the node's log names them, and weir "
                       "history may have an earlier revision",
                       (unsigned long long)e->num_damaged);
    enum weir_exit code = weir_render_out(e->cli, &out);
    return code == WEIR_EXIT_OK && e->num_damaged > 0 ? WEIR_EXIT_FAILED : code;
}

enum weir_exit weir_cmd_export(struct weir_cli *cli)
{
    struct export e = { .cli = cli,
                        .name = cli->num_args > 0 ? cli->args[0] : "-",
                        .folder_fd = -1,
                        .line = WEIR_STRBUF_ZERO };
    e.line.secret = cli->options.with_keys;
    if (cli->options.digest && cli->num_args > 0)
        return weir_cli_usage(cli, "--digest writes no documents, so %s has no use",
                              weir_schema_text_show(weir_span_cstr(cli->args[0])).text);
    if (cli->options.digest && cli->options.with_keys)
        return weir_cli_usage(cli, "--digest writes no documents, so --with-keys has no use");
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    weir_interrupt_begin(cli);
    if (!cli->options.digest)
        code = open_target(&e);
    if (code == WEIR_EXIT_OK)
        code = read_response(&e);
    if (code == WEIR_EXIT_OK && !cli->options.digest)
        code = close_target(&e);
    if (code == WEIR_EXIT_OK)
        code = show_summary(&e);
    free_export(&e);
    return code;
}
