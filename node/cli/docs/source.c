/* SPDX-License-Identifier: Apache-2.0
 *
 * source.c - folders are walked in the order of names, so that messages and results come in the
 * same order on every host. Texts are read one by one and forgotten; only their messages stay.
 */
#include "node/cli/docs/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/base/hashmap.h"
#include "node/base/rng.h"
#include "node/cli/docs/file.h"
#include "node/cli/docs/named_files.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema_text.h"

#define ARENA_BLOCK    65536
#define ARENA_MAX      ((size_t)1 << 30)
#define GROUP_DOCS_MAX 16384 /* the schema's limit for one weir_docs */
#define DOC_BYTES_MIN  16    /* no document is shorter; "kind: Tenant" alone nearly is */

/** Messages of some files; each file has its documents in one group. */
struct weir_source_group {
    struct weir_source_group *next;
    struct weir_docs docs;
};

void weir_source_init(struct weir_source *s, struct weir_cli *cli)
{
    *s = (struct weir_source){ .cli = cli, .errors = WEIR_STRBUF_ZERO };
    weir_arena_init(&s->arena, ARENA_BLOCK, ARENA_MAX);
    weir_visited_init(&s->visited);
    weir_diags_init(&s->diags);
    s->diags.fold = true;
}

void weir_source_deinit(struct weir_source *s)
{
    while (s->groups != NULL) {
        struct weir_source_group *g = s->groups;
        s->groups = g->next;
        weir_docs_deinit(&g->docs);
        free(g);
    }
    free(s->docs);
    weir_diags_deinit(&s->diags);
    weir_strbuf_deinit(&s->errors);
    weir_visited_deinit(&s->visited);
    weir_arena_deinit(&s->arena);
}

/* -- faults -- */

static void fault_begin(struct weir_strbuf *out, const char *file)
{
    weir_table_escape(out, weir_span_cstr(file));
}

static WEIR_PRINTF(2, 0) void fault_text(struct weir_source *s, const char *fmt, va_list args)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    char *line = NULL;
    int len = vasprintf(&line, fmt, args);
    if (len >= 0)
        weir_table_escape(&text, weir_span(line, (size_t)len));
    weir_strbuf_puts(&s->errors, text.failed || len < 0 ? "out of memory" : text.at);
    weir_strbuf_putc(&s->errors, '\n');
    weir_strbuf_deinit(&text);
    if (len >= 0)
        free(line);
}

void weir_source_fault(struct weir_source *s, const struct weir_source_doc *doc, const char *fmt,
                       ...)
{
    va_list args;
    if (s->num_errors++ >= WEIR_SOURCE_SHOWN_MAX)
        return;
    fault_begin(&s->errors, doc->file);
    weir_strbuf_printf(&s->errors, ":%u:1: ", doc->line);
    va_start(args, fmt);
    fault_text(s, fmt, args);
    va_end(args);
}

void weir_source_fault_at(struct weir_source *s, const char *file, const char *fmt, ...)
{
    va_list args;
    if (s->num_errors++ >= WEIR_SOURCE_SHOWN_MAX)
        return;
    fault_begin(&s->errors, file);
    weir_strbuf_puts(&s->errors, ": ");
    va_start(args, fmt);
    fault_text(s, fmt, args);
    va_end(args);
}

/* Errors that are written, those counted in another one included. */
static size_t errors_shown(const struct weir_source *s)
{
    size_t num = s->num_errors < WEIR_SOURCE_SHOWN_MAX ? s->num_errors : WEIR_SOURCE_SHOWN_MAX;
    for (size_t i = 0; i < s->diags.len; i++)
        if (s->diags.items[i].severity == WEIR_SEVERITY_ERROR)
            num += 1 + s->diags.items[i].num_more;
    return num;
}

/* Whatever is wrong, once, with what it means for the whole. Warnings alone fail nothing. */
static enum weir_exit faults_write(struct weir_source *s)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    size_t num = weir_diags_num_errors(&s->diags) + s->num_errors;
    size_t num_shown = errors_shown(s);
    if (num == 0 && s->diags.total == 0)
        return WEIR_EXIT_OK;
    weir_diags_write(&s->diags, &out);
    weir_strbuf_add(&out, weir_span(s->errors.at, s->errors.len));
    if (out.failed || s->errors.failed) {
        weir_strbuf_deinit(&out);
        return weir_cli_no_memory(s->cli);
    }
    fputs(out.at, s->cli->err);
    weir_strbuf_deinit(&out);
    if (num == 0)
        return WEIR_EXIT_OK;
    if (num > num_shown)
        weir_cli_error(s->cli, "%zu errors, of which the first %zu are shown", num, num_shown);
    else
        weir_cli_error(s->cli, "%zu error%s", num, num == 1 ? "" : "s");
    return WEIR_EXIT_FAILED;
}

/* -- texts -- */

static bool ends_with(const char *name, const char *tail)
{
    return weir_span_ends(weir_span_cstr(name), weir_span_cstr(tail));
}

static bool is_document_name(const char *name)
{
    return ends_with(name, ".yaml") || ends_with(name, ".yml") || ends_with(name, ".json");
}

/* A brace and a quote begin an object of JSON, or YAML that JSON's reader takes as well. */
enum weir_format weir_source_format(const char *file, struct weir_span text)
{
    if (ends_with(file, ".json"))
        return WEIR_FORMAT_JSON;
    if (ends_with(file, ".yaml") || ends_with(file, ".yml"))
        return WEIR_FORMAT_YAML;
    size_t at = weir_span_starts(text, WEIR_SPAN_LIT("\xef\xbb\xbf")) ? 3 : 0;
    while (at < text.len && memchr(" \t\r\n[", text.at[at], 5) != NULL)
        at++;
    if (at == text.len || text.at[at++] != '{')
        return WEIR_FORMAT_YAML;
    while (at < text.len && memchr(" \t\r\n", text.at[at], 4) != NULL)
        at++;
    return at < text.len && text.at[at] == '"' ? WEIR_FORMAT_JSON : WEIR_FORMAT_YAML;
}

/* Files share groups: an arena for each of 100,000 small files would be mostly air. */
static struct weir_docs *group_find(struct weir_source *s, size_t text_len)
{
    size_t num_max = text_len / DOC_BYTES_MIN + 1;
    if (s->groups != NULL && s->groups->docs.len + num_max <= GROUP_DOCS_MAX)
        return &s->groups->docs;
    struct weir_source_group *g = calloc(1, sizeof(*g));
    if (g == NULL)
        return NULL;
    weir_docs_init(&g->docs);
    g->next = s->groups;
    s->groups = g;
    return &g->docs;
}

static enum weir_err docs_reserve(struct weir_source *s, size_t num)
{
    size_t want = s->num_docs + num;
    if (want <= s->max_docs)
        return WEIR_OK;
    if (want > WEIR_SOURCE_DOCS_MAX)
        return WEIR_ELIMIT;
    size_t max = s->max_docs * 2 > want ? s->max_docs * 2 : want;
    struct weir_source_doc *docs = realloc(s->docs, max * sizeof(*docs));
    if (docs == NULL)
        return WEIR_ENOMEM;
    s->docs = docs;
    s->max_docs = max;
    return WEIR_OK;
}

static enum weir_err docs_append(struct weir_source *s, const struct weir_docs *docs, size_t from,
                                 const char *file)
{
    enum weir_err err = docs_reserve(s, docs->len - from);
    for (size_t i = from; err == WEIR_OK && i < docs->len; i++)
        s->docs[s->num_docs++] = (struct weir_source_doc){
            .kind = docs->items[i].kind,
            .line = docs->items[i].line,
            .hosts = docs->items[i].hosts,
            .addresses = docs->items[i].addresses,
            .file = file,
            .message = docs->items[i].message,
        };
    return err;
}

/* The folder of a document; NULL: out of memory. */
static const char *folder_name(struct weir_source *s, const char *file)
{
    const char *slash = strrchr(file, '/');
    if (slash == NULL)
        return ".";
    return weir_arena_strdup(&s->arena,
                             weir_span(file, slash == file ? 1 : (size_t)(slash - file)));
}

static enum weir_err text_parse(struct weir_source *s, const char *file, struct weir_span text)
{
    bool stdin_given = strcmp(file, "-") == 0;
    struct weir_named_files files = {
        .arena = &s->arena,
        .roots = { .base = folder_name(s, file),
                   .base_allowed = !stdin_given,
                   .allowed = s->cli->options.allow_files,
                   .num_allowed = s->cli->options.num_allow_files },
    };
    struct weir_docs *docs = group_find(s, text.len);
    if (docs == NULL || files.roots.base == NULL)
        return WEIR_ENOMEM;
    size_t from = docs->len;
    struct weir_schema_source source = {
        .text = text,
        .format = weir_source_format(file, text),
        .file = stdin_given ? "standard input" : file,
        .files = s->names_only ? NULL : &weir_named_files_readers,
        .files_arg = &files,
    };
    enum weir_err err = weir_schema_read(&source, docs, &s->diags);
    if (err == WEIR_EINVAL)
        return WEIR_OK; /* reported with all the others */
    return err < 0 ? err : docs_append(s, docs, from, source.file);
}

static enum weir_err file_add(struct weir_source *s, const char *path)
{
    const char *why = NULL;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    char *file = weir_arena_strdup(&s->arena, weir_span_cstr(path));
    if (file == NULL)
        return WEIR_ENOMEM;
    if (++s->num_files > WEIR_SOURCE_FILES_MAX)
        return WEIR_ELIMIT;
    enum weir_err err = weir_file_read(path, WEIR_SOURCE_TEXT_MAX, &text, &why);
    if (err == WEIR_OK)
        err = text_parse(s, file, weir_span(text.at, text.len));
    else if (err == WEIR_ELIMIT)
        weir_source_fault_at(s, file, "longer than %u MiB", WEIR_SOURCE_TEXT_MAX >> 20);
    else if (err != WEIR_ENOMEM)
        weir_source_fault_at(s, file, "cannot be read: %s", why);
    if (why != NULL && err != WEIR_ENOMEM)
        err = WEIR_OK; /* reported; the other files are still read, for their faults */
    weir_strbuf_deinit(&text);
    return err;
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

static enum weir_err folder_add(struct weir_source *s, const char *path, unsigned depth);

/* A folder that is reached a second time, by a link, holds what was read already. */
static enum weir_err folder_visit(struct weir_source *s, const char *path, const struct stat *st,
                                  unsigned depth)
{
    enum weir_err err = weir_visited_add(&s->visited, st);
    if (err == WEIR_EEXIST)
        return WEIR_OK;
    return err == WEIR_OK ? folder_add(s, path, depth) : err;
}

static enum weir_err entry_add(struct weir_source *s, const char *folder, const char *name,
                               unsigned depth)
{
    struct stat st;
    const char *separator = ends_with(folder, "/") ? "" : "/";
    char *path = NULL;
    enum weir_err err = WEIR_OK;
    if (asprintf(&path, "%s%s%s", folder, separator, name) < 0)
        return WEIR_ENOMEM;
    bool known = stat(path, &st) == 0;
    if (known && S_ISDIR(st.st_mode))
        err = folder_visit(s, path, &st, depth + 1);
    else if (is_document_name(name) && known && !S_ISREG(st.st_mode))
        weir_source_fault_at(s, path, "is not a regular file");
    else if (is_document_name(name))
        err = file_add(s, path);
    free(path);
    return err;
}

static enum weir_err folder_add(struct weir_source *s, const char *path, unsigned depth)
{
    struct dirent **entries = NULL;
    enum weir_err err = WEIR_OK;
    if (depth > WEIR_SOURCE_DEPTH_MAX) {
        weir_source_fault_at(s, path, "more than %d folders within each other",
                             WEIR_SOURCE_DEPTH_MAX);
        return WEIR_OK;
    }
    int num = scandir(path, &entries, is_candidate, by_name);
    if (num < 0) {
        weir_source_fault_at(s, path, "cannot be read: %s", strerrordesc_np(errno));
        return WEIR_OK;
    }
    for (int i = 0; i < num; i++) {
        if (err == WEIR_OK)
            err = entry_add(s, path, entries[i]->d_name, depth);
        free(entries[i]);
    }
    free(entries);
    return err;
}

static enum weir_err name_add(struct weir_source *s, const char *name)
{
    struct stat st;
    if (strcmp(name, "-") != 0 && stat(name, &st) == 0 && S_ISDIR(st.st_mode)) {
        size_t num_before = s->num_files;
        size_t num_visited = s->visited.folders.len;
        enum weir_err err = folder_visit(s, name, &st, 1);
        bool is_new = s->visited.folders.len > num_visited;
        if (err == WEIR_OK && is_new && s->num_files == num_before && s->num_errors == 0)
            weir_source_fault_at(s, name, "no *.yaml, *.yml or *.json below it");
        return err;
    }
    return file_add(s, name);
}

/* -- the whole -- */

static enum weir_err doubles_report(struct weir_source *s)
{
    struct weir_hashmap seen;
    uint64_t seed = 0;
    enum weir_err err = weir_rng_secret(&seed, sizeof(seed));
    weir_hashmap_init(&seen, seed, WEIR_SOURCE_DOCS_MAX);
    for (size_t i = 0; i < s->num_docs && err == WEIR_OK; i++) {
        struct weir_source_doc *doc = &s->docs[i];
        if (doc->kind != WEIR_KIND_TENANT)
            continue;
        struct weir_span name = weir_span_cstr(doc->tenant->name);
        err = weir_hashmap_add(&seen, name, doc);
        if (err != WEIR_EEXIST)
            continue;
        const struct weir_source_doc *first = weir_hashmap_find(&seen, name);
        weir_source_fault(s, doc, "name: tenant %s is described twice, first at %s:%u",
                          doc->tenant->name, first->file, first->line);
        err = WEIR_OK;
    }
    weir_hashmap_deinit(&seen);
    return err;
}

/* What the tenants of this run claim from each other. */
static enum weir_err claims_check(struct weir_source *s)
{
    struct weir_run_doc *docs = calloc(s->num_docs + 1, sizeof(*docs));
    if (docs == NULL)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < s->num_docs; i++)
        docs[i] = (struct weir_run_doc){
            .file = s->docs[i].file,
            .doc = { .kind = s->docs[i].kind,
                     .line = s->docs[i].line,
                     .hosts = s->docs[i].hosts,
                     .addresses = s->docs[i].addresses,
                     .message = s->docs[i].message },
        };
    enum weir_err err = weir_schema_check_claims(docs, s->num_docs, &s->diags);
    free(docs);
    return err == WEIR_EINVAL ? WEIR_OK : err; /* written with all the others */
}

/* One fault, at the first of them. */
static void kinds_check(struct weir_source *s)
{
    const struct weir_source_doc *first = NULL;
    char more[64] = "";
    size_t num = 0;
    for (size_t i = 0; i < s->num_docs; i++) {
        if (s->docs[i].kind == WEIR_KIND_TENANT)
            continue;
        first = first != NULL ? first : &s->docs[i];
        num++;
    }
    if (num > 1)
        snprintf(more, sizeof(more), " (and %zu more like it)", num - 1);
    if (num > 0)
        weir_source_fault(s, first, "kind: a %s, not applied%s",
                          first->kind == WEIR_KIND_NODE
                              ? "Node document is read by `weir node --config`"
                              : "Certificate document is read by `weir import`",
                          more);
}

static enum weir_err documents_read(struct weir_source *s, bool tenants_only)
{
    const struct weir_options *o = &s->cli->options;
    enum weir_err err = WEIR_OK;
    for (size_t i = 0; i < o->num_files && err == WEIR_OK; i++)
        err = name_add(s, o->files[i]);
    if (tenants_only)
        kinds_check(s);
    if (err == WEIR_OK)
        err = doubles_report(s);
    return err == WEIR_OK && !s->names_only ? claims_check(s) : err;
}

enum weir_exit weir_source_read(struct weir_source *s, bool tenants_only)
{
    const struct weir_options *o = &s->cli->options;
    WEIR_ASSERT(s->num_docs == 0); /* once for each weir_source_init */
    if (o->num_files == 0)
        return weir_cli_usage(s->cli, "-f FILE is missing");
    for (size_t i = 0; i < o->num_allow_files; i++) {
        struct stat st;
        if (stat(o->allow_files[i], &st) == 0 && S_ISDIR(st.st_mode))
            continue;
        return weir_cli_usage(s->cli, "--allow-files: %s is not a folder",
                              weir_schema_text_show(weir_span_cstr(o->allow_files[i])).text);
    }
    enum weir_err err = documents_read(s, tenants_only);
    if (err == WEIR_ENOMEM)
        return weir_cli_no_memory(s->cli);
    if (err == WEIR_ELIMIT) {
        weir_cli_error(s->cli, "more than %d files or documents at once; name fewer folders",
                       WEIR_SOURCE_DOCS_MAX);
        return WEIR_EXIT_FAILED;
    }
    if (err < 0) {
        weir_cli_error(s->cli, "%s", weir_err_name(err));
        return WEIR_EXIT_FAILED;
    }
    enum weir_exit code = faults_write(s);
    if (code == WEIR_EXIT_OK && s->num_docs == 0) {
        weir_cli_error(s->cli, "no document in what -f names");
        code = WEIR_EXIT_FAILED;
    }
    return code;
}
