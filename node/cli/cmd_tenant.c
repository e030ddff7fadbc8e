/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_tenant.c - weir delete, history and rollback.
 */
#include "node/cli/command.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/render.h"
#include "node/cli/table.h"
#include "tenants/schema/schema_text.h"

#include <weir/v1/admin.pb-c.h>

#define CHANGED_SHOWN 4 /* field paths of one revision in a table; wide shows all */

/* -- writes -- */

static enum weir_exit result_show(struct weir_cli *cli, const Weir__V1__ApplyResult *r,
                                  const char *name)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    if (o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML)
        return weir_render_response(cli, &r->base);
    weir_strbuf_printf(&out, "tenant/%s", name);
    if (o != WEIR_OUTPUT_NAME) {
        weir_strbuf_putc(&out, ' ');
        weir_table_escape(&out, weir_span_cstr(r->outcome != NULL ? r->outcome : "done"));
        if (r->has_revision)
            weir_strbuf_printf(&out, " (revision %llu)", (unsigned long long)r->revision);
        weir_strbuf_puts(&out, cli->options.dry_run ? ", if it were no dry run" : "");
    }
    weir_strbuf_putc(&out, '\n');
    for (size_t i = 0; i < r->n_warnings; i++) {
        struct weir_strbuf line = WEIR_STRBUF_ZERO;
        weir_table_escape(&line, weir_span_cstr(r->warnings[i]));
        if (!line.failed)
            fprintf(cli->err, "tenant/%s: warning: %s\n", name, line.at);
        weir_strbuf_deinit(&line);
    }
    return weir_render_out(cli, &out);
}

/* Sends one write and tells its result. */
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
        code = result_show(cli, (const Weir__V1__ApplyResult *)message, name);
    weir_arena_deinit(&arena);
    return code;
}

/* The names behind the kind are all looked at before the first is deleted. */
enum weir_exit weir_cmd_delete(struct weir_cli *cli)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    if (!weir_api_is_kind(cli, cli->args[0]))
        return WEIR_EXIT_USAGE;
    if (cli->options.has_if_revision && cli->num_args > 2)
        return weir_cli_usage(cli, "--if-revision is for one tenant, and %zu are named",
                              cli->num_args - 1);
    for (size_t i = 1; i < cli->num_args; i++)
        if (!weir_api_is_tenant(cli, cli->args[i]))
            return WEIR_EXIT_USAGE;
    for (size_t i = 1; i < cli->num_args; i++) {
        char target[128];
        snprintf(target, sizeof(target), "/v1/tenants/%s%s", cli->args[i],
                 cli->options.dry_run ? "?dry_run=1" : "");
        enum weir_exit code = write_run(cli, "DELETE", target, cli->args[i]);
        worst = code != WEIR_EXIT_OK ? code : worst;
    }
    return worst == WEIR_EXIT_OK ? weir_api_wait(cli) : worst;
}

enum weir_exit weir_cmd_rollback(struct weir_cli *cli)
{
    char target[192];
    char *end = NULL;
    const char *text = cli->args[2];
    if (!weir_api_is_kind(cli, cli->args[0]) || !weir_api_is_tenant(cli, cli->args[1]))
        return WEIR_EXIT_USAGE;
    errno = 0;
    unsigned long long revision = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != '\0' || errno != 0 || revision == 0)
        return weir_cli_usage(cli, "%s is not a revision; weir history tenant %s lists them",
                              weir_schema_text_show(weir_span_cstr(text)).text, cli->args[1]);
    snprintf(target, sizeof(target), "/v1/tenants/%s/rollback?revision=%llu%s", cli->args[1],
             revision, cli->options.dry_run ? "&dry_run=1" : "");
    enum weir_exit code = write_run(cli, "POST", target, cli->args[1]);
    return code == WEIR_EXIT_OK ? weir_api_wait(cli) : code;
}

/* -- history -- */

static void changed_cell(struct weir_table *t, const Weir__V1__Revision *r, size_t num_max)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
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
        weir_strbuf_printf(&out, "%llu\n", (unsigned long long)a->revisions[i]->revision);
    return weir_render_out(cli, &out);
}

enum weir_exit weir_cmd_history(struct weir_cli *cli)
{
    char target[128];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    if (!weir_api_is_kind(cli, cli->args[0]) || !weir_api_is_tenant(cli, cli->args[1]))
        return WEIR_EXIT_USAGE;
    snprintf(target, sizeof(target), "/v1/tenants/%s/history", cli->args[1]);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__history_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, target, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = history_show(cli, (const Weir__V1__HistoryResponse *)message);
    weir_arena_deinit(&arena);
    return code;
}
