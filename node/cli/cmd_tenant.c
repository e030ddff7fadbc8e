/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_tenant.c - weir delete, history and rollback.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/objects.h"
#include "node/cli/result.h"
#include "node/cli/tenant_list.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define NAMES_SHOWN   5 /* of those that --prefix finds */
#define CHANGED_SHOWN 4 /* field paths of one revision in a table; wide shows all */

/* -- writes -- */

/* Sends one write and shows its result. */
static enum weir_exit write_run(struct weir_cli *cli, const char *method, const char *target,
                                const char *name)
{
    char if_match[WEIR_API_IF_MATCH_MAX];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_client_request request = { .method = method,
                                           .target = target,
                                           .if_match = weir_api_if_match(cli, if_match) };
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__apply_result__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = weir_result_show(cli, (const Weir__V1__ApplyResult *)message, name);
    weir_arena_deinit(&arena);
    return code;
}

/* -- delete -- */

static enum weir_exit name_delete(struct weir_cli *cli, const char *name)
{
    char target[128];
    snprintf(target, sizeof(target), "/v1/tenants/%s%s", name,
             cli->options.dry_run ? "?dry_run=1" : "");
    return write_run(cli, "DELETE", target, name);
}

/* One line each, also for those that fail. The first failure is the exit code. */
static enum weir_exit names_delete(struct weir_cli *cli, const struct weir_objects *names)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    size_t i = 0;
    for (; i < names->len && !cli->node_failed; i++) {
        enum weir_exit code = name_delete(cli, names->items[i]);
        worst = worst == WEIR_EXIT_OK ? code : worst;
    }
    if (cli->node_failed && names->len > 1)
        weir_cli_error(cli, "%zu of %zu tenants were not tried", names->len - i, names->len);
    return worst == WEIR_EXIT_OK ? weir_api_wait(cli) : worst;
}

/** What --prefix finds. */
struct found {
    struct weir_cli *cli;
    struct weir_objects *names;
};

static enum weir_exit on_page(void *arg, const Weir__V1__TenantList *page, bool last,
                              bool *ret_stop)
{
    struct found *f = arg;
    enum weir_exit code = WEIR_EXIT_OK;
    for (size_t i = 0; i < page->n_items && code == WEIR_EXIT_OK; i++)
        if (weir_api_is_tenant(f->cli, page->items[i]->name))
            code = weir_objects_add(f->names, f->cli, page->items[i]->name);
    (void)last;
    (void)ret_stop;
    return code;
}

/* The user types the number of tenants, since "y" is typed too easily. */
static enum weir_exit deletion_confirm(struct weir_cli *cli, const struct weir_objects *names)
{
    char line[64] = "";
    char *end = NULL;
    fprintf(cli->err, "%zu tenant%s begin%s with \"%s\":", names->len, names->len == 1 ? "" : "s",
            names->len == 1 ? "s" : "",
            weir_schema_text_bare(weir_span_cstr(cli->options.prefix)).text);
    for (size_t i = 0; i < names->len && i < NAMES_SHOWN; i++)
        fprintf(cli->err, "%s %s", i > 0 ? "," : "", names->items[i]);
    if (names->len > NAMES_SHOWN)
        fprintf(cli->err, " and %zu more", names->len - NAMES_SHOWN);
    fputc('\n', cli->err);
    if (cli->options.yes || cli->options.dry_run)
        return WEIR_EXIT_OK;
    fprintf(cli->err, "Type their number to delete %s: ", names->len == 1 ? "it" : "them");
    fflush(cli->err);
    errno = 0;
    if (fgets(line, sizeof(line), stdin) == NULL)
        line[0] = '\0';
    unsigned long long typed = strtoull(line, &end, 10);
    bool is_number = line[0] >= '0' && line[0] <= '9' && errno == 0 && (*end == '\n' || *end == 0);
    if (is_number && typed == names->len)
        return WEIR_EXIT_OK;
    weir_cli_error(cli, "that is not their number; nothing was deleted");
    return WEIR_EXIT_FAILED;
}

static enum weir_exit prefix_read(struct weir_cli *cli, struct weir_objects *names)
{
    struct found found = { cli, names };
    const char *prefix = cli->options.prefix;
    struct weir_shown shown = weir_schema_text_show(weir_span_cstr(prefix));
    if (names->len > 0 || cli->options.num_files > 0)
        return weir_cli_usage(cli, "--prefix finds tenants, and tenants are named as well");
    if (prefix[0] == '\0')
        return weir_cli_usage(cli, "--prefix: a text is missing");
    if (cli->options.has_if_revision)
        return weir_cli_usage(cli, "--if-revision is for one tenant, and --prefix may find many");
    if (!cli->options.yes && !cli->options.dry_run && !isatty(STDIN_FILENO))
        return weir_cli_usage(cli, "--prefix asks before it deletes, and standard input is no "
                                   "terminal. Give --yes, or check first with --dry-run");
    enum weir_exit code = weir_tenant_list_walk(cli, prefix, on_page, &found);
    if (code == WEIR_EXIT_OK && names->len == 0) {
        weir_cli_error(cli, "no tenant begins with %s", shown.text);
        code = WEIR_EXIT_FAILED;
    }
    return code == WEIR_EXIT_OK ? deletion_confirm(cli, names) : code;
}

/* All names are checked before the first is deleted. */
static enum weir_exit delete_run(struct weir_cli *cli, struct weir_objects *names)
{
    enum weir_exit code = weir_objects_read(names, cli, cli->num_args);
    if (code != WEIR_EXIT_OK)
        return code;
    if (cli->options.yes && cli->options.prefix == NULL)
        return weir_cli_usage(cli, "--yes is for --prefix; tenants that are named are deleted "
                                   "without a question");
    code =
        cli->options.prefix != NULL ? prefix_read(cli, names) : weir_objects_read_files(names, cli);
    if (code != WEIR_EXIT_OK)
        return code;
    if (names->len == 0)
        return weir_cli_usage(cli, "a name is missing: weir delete %.*s",
                              (int)strcspn(cli->command->usage, "\n"), cli->command->usage);
    if (cli->options.has_if_revision && names->len > 1)
        return weir_cli_usage(cli, "--if-revision is for one tenant, and %zu are named",
                              names->len);
    return names_delete(cli, names);
}

enum weir_exit weir_cmd_delete(struct weir_cli *cli)
{
    struct weir_objects names;
    enum weir_exit code = weir_objects_init(&names, cli);
    if (code == WEIR_EXIT_OK)
        code = delete_run(cli, &names);
    weir_objects_deinit(&names);
    return code;
}

/* -- rollback -- */

static enum weir_exit rollback_run(struct weir_cli *cli, const char *name, const char *text)
{
    char target[192];
    char *end = NULL;
    errno = 0;
    unsigned long long revision = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || revision == 0)
        return weir_cli_usage(cli, "%s is not a revision; weir history tenant %s lists them",
                              weir_schema_text_show(weir_span_cstr(text)).text, name);
    snprintf(target, sizeof(target), "/v1/tenants/%s/rollback?revision=%llu%s%s", name, revision,
             cli->options.dry_run ? "&dry_run=1" : "",
             cli->options.allow_overlap ? "&allow_overlap=1" : "");
    enum weir_exit code = write_run(cli, "POST", target, name);
    return code == WEIR_EXIT_OK ? weir_api_wait(cli) : code;
}

enum weir_exit weir_cmd_rollback(struct weir_cli *cli)
{
    struct weir_objects names;
    size_t num_names = cli->num_args - 1; /* the last word is the revision */
    enum weir_exit code = weir_objects_init(&names, cli);
    if (code == WEIR_EXIT_OK)
        code = weir_objects_read_one(&names, cli, num_names);
    if (code == WEIR_EXIT_OK)
        code = rollback_run(cli, names.items[0], cli->args[num_names]);
    weir_objects_deinit(&names);
    return code;
}

/* -- history -- */

static void changed_cell(struct weir_table *t, const Weir__V1__Revision *r, size_t num_max)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    if (r->deleted)
        weir_strbuf_puts(&text, "deleted");
    for (size_t i = 0; i < r->n_changed && i < num_max; i++)
        weir_strbuf_printf(&text, "%s%s", i > 0 ? ", " : "", r->changed[i]);
    if (r->n_changed > num_max)
        weir_strbuf_printf(&text, " and %zu more", r->n_changed - num_max);
    weir_table_cell(t, weir_span(text.at, text.len));
    weir_strbuf_deinit(&text);
}

static enum weir_err history_table(const struct weir_cli *cli, const Weir__V1__HistoryResponse *a,
                                   struct weir_strbuf *out)
{
    static const char *const headers[] = { "REVISION", "APPLIED AT", "APPLIED BY", "WHY",
                                           "CHANGED" };
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;
    struct weir_table t;
    weir_table_init(&t, headers, WEIR_ARRAY_LEN(headers), cli->options.no_headers);
    for (size_t i = 0; i < a->n_revisions; i++) {
        const Weir__V1__Revision *r = a->revisions[i];
        weir_table_number(&t, r->revision);
        weir_table_cstr(&t, r->applied_at);
        weir_table_cstr(&t, r->applied_by);
        weir_table_cstr(&t, r->why);
        changed_cell(&t, r, wide ? SIZE_MAX : CHANGED_SHOWN);
    }
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    return err;
}

static enum weir_exit history_show(struct weir_cli *cli, const Weir__V1__HistoryResponse *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    if (o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML)
        return weir_render_response(cli, &a->base);
    if (o != WEIR_OUTPUT_NAME) {
        if (history_table(cli, a, &out) < 0)
            out.failed = true;
        return weir_render_out(cli, &out);
    }
    for (size_t i = 0; i < a->n_revisions; i++)
        if (!a->revisions[i]->deleted)
            weir_strbuf_printf(&out, "%llu\n", (unsigned long long)a->revisions[i]->revision);
    return weir_render_out(cli, &out);
}

static enum weir_exit history_run(struct weir_cli *cli, const char *name)
{
    char target[128];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    snprintf(target, sizeof(target), "/v1/tenants/%s/history", name);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__history_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, target, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = history_show(cli, (const Weir__V1__HistoryResponse *)message);
    weir_arena_deinit(&arena);
    return code;
}

enum weir_exit weir_cmd_history(struct weir_cli *cli)
{
    struct weir_objects names;
    enum weir_exit code = weir_objects_init(&names, cli);
    if (code == WEIR_EXIT_OK)
        code = weir_objects_read_one(&names, cli, cli->num_args);
    if (code == WEIR_EXIT_OK)
        code = history_run(cli, names.items[0]);
    weir_objects_deinit(&names);
    return code;
}
