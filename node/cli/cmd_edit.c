/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_edit.c - weir edit: a tenant's document in the user's editor. What is wrong with it stands in
 * comments on top when the editor opens again; what was typed is never lost: when it could not be
 * written, the file stays and is named.
 * Limits: EDITS_MAX openings of the editor.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/docs/file.h"
#include "node/cli/docs/named_files.h"
#include "node/cli/objects.h"
#include "node/cli/result.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema.h"
#include "weir/v1/admin.pb-c.h"

#define EDITS_MAX      100        /* a program as editor must not go on for ever */
#define TEXT_MAX       (8u << 20) /* bytes; as the admin API's limit of a body */
#define COMMENTS_ABOVE 4       /* lines of file_write above the text, without those of the faults */
#define SUFFIX         ".yaml" /* editors choose their colours by it */

/** One tenant in the editor. */
struct edit {
    struct weir_cli *cli;
    const char *name;
    uint64_t revision;         /* that the text began from */
    char *path;                /* owns; of the temporary file */
    struct weir_strbuf text;   /* without the comments on top */
    struct weir_strbuf faults; /* of the last attempt, a line each; empty: none */
    struct weir_arena arena;   /* messages of responses, pages */
    bool is_stored;            /* nothing of the text would be lost with the file */
};

/* -- the file -- */

static void comment_write(struct weir_strbuf *out, const char *text)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        weir_strbuf_puts(out, "# ");
        weir_strbuf_add(out, weir_span(text, len));
        weir_strbuf_putc(out, '\n');
        text += len + (text[len] == '\n');
    }
}

static enum weir_exit file_write(struct edit *e, const char **ret_why)
{
    struct weir_strbuf all = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    weir_strbuf_printf(&all,
                       "# tenant/%s, revision %llu. These comments are dropped. Save to apply;\n"
                       "# leave the text as it is, or empty, to change nothing.\n",
                       e->name, (unsigned long long)e->revision);
    if (e->faults.len > 0) {
        weir_strbuf_puts(&all, "#\n# It was not applied:\n");
        comment_write(&all, e->faults.at);
    }
    weir_strbuf_add(&all, weir_span(e->text.at, e->text.len));
    if (all.failed)
        code = weir_cli_no_memory(e->cli);
    else if (weir_file_replace(e->path, weir_span(all.at, all.len), ret_why) < 0)
        code = WEIR_EXIT_FAILED;
    if (code == WEIR_EXIT_FAILED && *ret_why != NULL)
        weir_cli_error(e->cli, "%s: cannot be written: %s", e->path, *ret_why);
    weir_strbuf_deinit(&all);
    return code;
}

/* An editor that removes the file leaves an empty text. */
static bool file_is_gone(const struct edit *e)
{
    return access(e->path, F_OK) < 0 && errno == ENOENT;
}

/* Reads what the editor left, without the comments on top. */
static enum weir_exit file_read(struct edit *e, struct weir_strbuf *out)
{
    const char *why = NULL;
    struct weir_strbuf all = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    if (file_is_gone(e))
        return WEIR_EXIT_OK;
    if (weir_file_read(e->path, TEXT_MAX, &all, &why) < 0) {
        weir_cli_error(e->cli, "%s: cannot be read: %s", e->path, why);
        code = WEIR_EXIT_FAILED;
    }
    struct weir_span rest = weir_span(all.at, all.len);
    while (rest.len > 0 && rest.at[0] == '#') {
        const uint8_t *end = memchr(rest.at, '\n', rest.len);
        rest = weir_span_from(rest, end != NULL ? (size_t)(end - rest.at) + 1 : rest.len);
    }
    weir_strbuf_add(out, rest); /* with any NUL, which is a fault that the check finds */
    if (code == WEIR_EXIT_OK && out->failed)
        code = weir_cli_no_memory(e->cli);
    weir_strbuf_deinit(&all);
    return code;
}

/* Only its user may read it: a document may hold secrets. */
static enum weir_exit file_make(struct edit *e)
{
    const char *folder = getenv("TMPDIR");
    if (folder == NULL || folder[0] == '\0')
        folder = "/tmp";
    if (asprintf(&e->path, "%s/weir-%s.XXXXXX" SUFFIX, folder, e->name) < 0) {
        e->path = NULL;
        return weir_cli_no_memory(e->cli);
    }
    int fd = mkostemps(e->path, (int)strlen(SUFFIX), O_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        return WEIR_EXIT_OK;
    }
    weir_cli_error(e->cli, "cannot make a file in %s: %s. Set TMPDIR to a folder of yours", folder,
                   strerrordesc_np(errno));
    free(e->path);
    e->path = NULL;
    return WEIR_EXIT_FAILED;
}

/* -- the editor -- */

static const char *editor_find(void)
{
    static const char *const variables[] = { "VISUAL", "EDITOR" };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(variables); i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0')
            return value;
    }
    return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) ? "vi" : NULL;
}

/* The variable may hold flags, as in "code --wait", so that a shell has to read it. */
static void editor_exec(const char *editor, const char *path)
{
    char *command = NULL;
    if (asprintf(&command, "%s \"$@\"", editor) < 0)
        _exit(126);
    execl("/bin/sh", "sh", "-c", command, editor, path, (char *)NULL);
    _exit(127);
}

/* Interrupts are the editor's while it runs. Returns its status for waitpid, -1: it did not start.
 */
static int editor_wait(const char *editor, const char *path)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };
    struct sigaction before[2];
    int status = -1;
    sigemptyset(&ignore.sa_mask);
    sigaction(SIGINT, &ignore, &before[0]);
    sigaction(SIGQUIT, &ignore, &before[1]);
    pid_t pid = fork();
    if (pid == 0) {
        sigaction(SIGINT, &before[0], NULL);
        sigaction(SIGQUIT, &before[1], NULL);
        editor_exec(editor, path);
    }
    while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    sigaction(SIGINT, &before[0], NULL);
    sigaction(SIGQUIT, &before[1], NULL);
    return status;
}

static enum weir_exit editor_run(struct edit *e)
{
    const char *editor = editor_find();
    if (editor == NULL)
        return weir_cli_usage(e->cli,
                              "there is no terminal for an editor. Set $VISUAL or $EDITOR to "
                              "a program that edits the file it is given");
    fflush(e->cli->out);
    int status = editor_wait(editor, e->path);
    if (status == 0)
        return WEIR_EXIT_OK;
    struct weir_strbuf shown = WEIR_STRBUF_ZERO;
    weir_table_escape(&shown, weir_span_cstr(editor));
    weir_cli_error(e->cli, "the editor %s ended with %s %d; nothing was written",
                   shown.failed ? "" : shown.at, WIFSIGNALED(status) ? "signal" : "status",
                   WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
    weir_strbuf_deinit(&shown);
    return WEIR_EXIT_FAILED;
}

/* -- checking -- */

static uint32_t lines_count(const struct weir_strbuf *text)
{
    uint32_t num = 0;
    for (size_t i = 0; i < text->len; i++)
        num += text->at[i] == '\n';
    return num;
}

/* Lines count from the top of the file as the editor will show it: behind the comments, of which
 * the faults themselves are a part. */
static void faults_write(struct edit *e, struct weir_diags *diags)
{
    struct weir_strbuf draft = WEIR_STRBUF_ZERO;
    weir_diags_write(diags, &draft);
    for (size_t i = 0; i < diags->len; i++)
        if (diags->items[i].line != 0)
            diags->items[i].line += COMMENTS_ABOVE + lines_count(&draft);
    weir_strbuf_deinit(&draft);
    weir_diags_write(diags, &e->faults);
}

/* What only an edit asks for. @return NULL: the document is good */
static const char *document_fault(const struct edit *e, const struct weir_docs *docs)
{
    if (docs->len != 1)
        return "there is more than one document; weir edit changes one tenant, weir apply many\n";
    if (docs->items[0].kind != WEIR_KIND_TENANT)
        return "kind: must stay Tenant\n";
    if (strcmp(docs->items[0].tenant->name, e->name) != 0)
        return "name: must stay as it is; weir apply makes a tenant of another name\n";
    return NULL;
}

/* Writes the document as JSON, or what is wrong into e->faults. */
static enum weir_exit text_check(struct edit *e, struct weir_strbuf *json)
{
    struct weir_docs docs;
    struct weir_diags diags;
    struct weir_named_files files = { .arena = &e->arena,
                                      .roots = { .base = ".",
                                                 .allowed = e->cli->options.allow_files,
                                                 .num_allowed = e->cli->options.num_allow_files } };
    struct weir_schema_source source = { .text = weir_span(e->text.at, e->text.len),
                                         .format = WEIR_FORMAT_YAML,
                                         .files = &weir_named_files_readers,
                                         .files_arg = &files };
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    diags.fold = true;
    enum weir_err err = weir_schema_read(&source, &docs, &diags);
    const char *fault = err == WEIR_OK ? document_fault(e, &docs) : NULL;
    if (err == WEIR_EINVAL)
        faults_write(e, &diags);
    else if (fault != NULL)
        weir_strbuf_puts(&e->faults, fault);
    else if (err == WEIR_OK)
        err = weir_schema_write(WEIR_KIND_TENANT, docs.items[0].message, WEIR_FORMAT_JSON, json);
    weir_diags_deinit(&diags);
    weir_docs_deinit(&docs);
    return err == WEIR_OK || err == WEIR_EINVAL ? WEIR_EXIT_OK : weir_cli_no_memory(e->cli);
}

/* -- the node -- */

static enum weir_exit tenant_get(struct edit *e, const Weir__V1__TenantResponse **ret)
{
    char target[128];
    ProtobufCMessage *message = NULL;
    snprintf(target, sizeof(target), "/v1/tenants/%s", e->name);
    struct weir_api_want want = { &weir__v1__tenant_response__descriptor, &e->arena, false };
    enum weir_exit code = weir_api_get(e->cli, target, &want, &message);
    *ret = (const Weir__V1__TenantResponse *)message;
    if (code == WEIR_EXIT_OK && (*ret)->tenant == NULL) {
        weir_cli_error(e->cli, "the node's record of tenant %s cannot be read. See weir doctor",
                       e->name);
        code = WEIR_EXIT_FAILED;
    }
    return code;
}

/* Another user changed the tenant first. Both texts stay, to be compared. */
static enum weir_exit conflict_explain(struct edit *e)
{
    const Weir__V1__TenantResponse *now = NULL;
    enum weir_exit code = tenant_get(e, &now);
    if (code == WEIR_EXIT_OK)
        weir_cli_error(e->cli,
                       "tenant %s was changed meanwhile: it is at revision %llu, by %s, and yours "
                       "began from %llu. Compare by `weir diff -f %s`",
                       e->name, (unsigned long long)now->revision,
                       now->applied_by != NULL ? now->applied_by : "somebody",
                       (unsigned long long)e->revision, e->path);
    return WEIR_EXIT_CONFLICT;
}

static enum weir_exit response_read(struct edit *e, const struct weir_client_response *response)
{
    struct weir_api_want want = { &weir__v1__apply_result__descriptor, &e->arena, false };
    ProtobufCMessage *message = NULL;
    if (response->status == 412)
        return conflict_explain(e);
    if (response->status == 400 && weir_api_refusal_write(response, &e->faults))
        return WEIR_EXIT_OK;
    enum weir_exit code = weir_api_response_read(e->cli, response, &want, &message);
    if (code != WEIR_EXIT_OK)
        return code;
    e->is_stored = true;
    code = weir_result_show(e->cli, (const Weir__V1__ApplyResult *)message, e->name);
    return code == WEIR_EXIT_OK ? weir_api_wait(e->cli) : code;
}

static enum weir_exit tenant_put(struct edit *e, struct weir_span json)
{
    char target[128];
    char if_match[WEIR_API_IF_MATCH_MAX];
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    snprintf(target, sizeof(target), "/v1/tenants/%s%s", e->name,
             e->cli->options.dry_run ? "?dry_run=1" : "");
    snprintf(if_match, sizeof(if_match), "\"%llu\"", (unsigned long long)e->revision);
    struct weir_client_request request = { .method = "PUT",
                                           .target = target,
                                           .content_type = "application/json",
                                           .if_match = if_match,
                                           .body = json };
    enum weir_err err = weir_client_call(&e->cli->client, &request, &response);
    enum weir_exit code =
        err == WEIR_OK ? response_read(e, &response) : weir_api_failed(e->cli, err);
    weir_strbuf_deinit(&response.body);
    return code;
}

/* -- the command -- */

static bool is_blank(const struct weir_strbuf *text)
{
    return text->len == 0 || strspn(text->at, " \t\r\n") == text->len;
}

static enum weir_exit text_send(struct edit *e)
{
    struct weir_strbuf json = WEIR_STRBUF_ZERO;
    enum weir_exit code = text_check(e, &json);
    if (code == WEIR_EXIT_OK && e->faults.len == 0)
        code =
            json.failed ? weir_cli_no_memory(e->cli) : tenant_put(e, weir_span(json.at, json.len));
    weir_strbuf_deinit(&json);
    return code;
}

/* One opening of the editor. *ret_done: whatever came of it, it was the last. */
static enum weir_exit edit_once(struct edit *e, bool *ret_done)
{
    const char *why = NULL;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    bool had_faults = e->faults.len > 0;
    enum weir_exit code = file_write(e, &why);
    if (code == WEIR_EXIT_OK)
        code = editor_run(e);
    if (code == WEIR_EXIT_OK)
        code = file_read(e, &text);
    bool same = code == WEIR_EXIT_OK &&
                weir_span_eq(weir_span(text.at, text.len), weir_span(e->text.at, e->text.len));
    *ret_done = true;
    if (code == WEIR_EXIT_OK && (is_blank(&text) || (same && !had_faults))) {
        fprintf(e->cli->err, "tenant/%s: nothing was changed\n", e->name);
        e->is_stored = true;
    } else if (same) {
        weir_cli_error(e->cli, "the text is as wrong as before; nothing was written");
        code = WEIR_EXIT_FAILED;
    } else if (code == WEIR_EXIT_OK) {
        weir_strbuf_deinit(&e->text);
        e->text = text;
        text = WEIR_STRBUF_ZERO;
        weir_strbuf_reset(&e->faults);
        e->is_stored = false;
        code = text_send(e);
        *ret_done = code != WEIR_EXIT_OK || e->faults.len == 0;
    }
    weir_strbuf_deinit(&text);
    return code;
}

static enum weir_exit edit_run(struct edit *e)
{
    bool done = false;
    const Weir__V1__TenantResponse *now = NULL;
    enum weir_exit code = tenant_get(e, &now);
    if (code != WEIR_EXIT_OK)
        return code;
    e->revision = now->revision;
    if (weir_schema_write(WEIR_KIND_TENANT, &now->tenant->base, WEIR_FORMAT_YAML, &e->text) < 0)
        return weir_cli_no_memory(e->cli);
    code = file_make(e);
    for (unsigned i = 0; i < EDITS_MAX && !done && code == WEIR_EXIT_OK; i++)
        code = edit_once(e, &done);
    if (code == WEIR_EXIT_OK && !done) {
        weir_cli_error(e->cli, "wrong %d times; nothing was written", EDITS_MAX);
        code = WEIR_EXIT_FAILED;
    }
    if (code != WEIR_EXIT_OK && e->faults.len > 0)
        fputs(e->faults.at, e->cli->err); /* they are in the file only when it was opened again */
    if (e->path != NULL && e->is_stored)
        unlink(e->path);
    else if (e->path != NULL)
        weir_cli_error(e->cli, "the text is in %s", e->path);
    return code;
}

enum weir_exit weir_cmd_edit(struct weir_cli *cli)
{
    struct weir_objects names;
    struct edit e = {
        .cli = cli, .text = WEIR_STRBUF_ZERO, .faults = WEIR_STRBUF_ZERO, .is_stored = true
    };
    weir_api_arena_init(&e.arena);
    enum weir_exit code = weir_objects_init(&names, cli);
    if (code == WEIR_EXIT_OK)
        code = weir_objects_read_one(&names, cli, cli->num_args);
    if (code == WEIR_EXIT_OK) {
        e.name = names.items[0];
        code = edit_run(&e);
    }
    weir_objects_deinit(&names);
    weir_strbuf_deinit(&e.text);
    weir_strbuf_deinit(&e.faults);
    weir_arena_deinit(&e.arena);
    free(e.path);
    return code;
}
