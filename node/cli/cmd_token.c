/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_token.c - weir token create, list and revoke. The text of a new token goes to standard output
 * alone, so that a script can take it.
 */
#include <stdio.h>
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define ID_LEN 12 /* hex digits */

/* -- create -- */

static enum weir_exit created_show(struct weir_cli *cli, const Weir__V1__TokenCreated *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const Weir__V1__TokenSummary *s = a->summary;
    if (weir_cli_is_message_output(cli))
        return weir_render_response(cli, &a->base);
    if (a->token == NULL || s == NULL) {
        weir_cli_error(cli, "the node's response has no token. Compare `weir version` on both "
                            "sides");
        return WEIR_EXIT_FAILED;
    }
    weir_table_escape(&out, weir_span_cstr(a->token));
    weir_strbuf_putc(&out, '\n');
    enum weir_exit code = weir_render_out(cli, &out);
    if (code == WEIR_EXIT_OK)
        weir_cli_error(cli, "token %s for %s, shown this once%s%s", s->id != NULL ? s->id : "?",
                       s->scope != NULL ? s->scope : "?",
                       s->expires_at != NULL && s->expires_at[0] != '\0' ? "; it expires at " : "",
                       s->expires_at != NULL ? s->expires_at : "");
    return code;
}

static enum weir_exit token_create(struct weir_cli *cli)
{
    const struct weir_options *o = &cli->options;
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_strbuf_puts(&target, "/v1/tokens?scope=");
    weir_api_escape(&target, o->scope != NULL ? o->scope : "admin");
    if (o->comment != NULL) {
        weir_strbuf_puts(&target, "&comment=");
        weir_api_escape(&target, o->comment);
    }
    if (o->has_ttl)
        weir_strbuf_printf(&target, "&ttl_ms=%llu", (unsigned long long)o->ttl_ms);
    if (target.failed) {
        weir_strbuf_deinit(&target);
        return weir_cli_no_memory(cli);
    }
    struct weir_client_request request = { .method = "POST", .target = target.at };
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__token_created__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = created_show(cli, (const Weir__V1__TokenCreated *)message);
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&target);
    return code;
}

/* -- list -- */

static enum weir_err tokens_table(const struct weir_cli *cli, const Weir__V1__TokenList *a,
                                  struct weir_strbuf *out)
{
    static const char *const headers[] = { "ID",         "SCOPE",      "CREATED AT",
                                           "CREATED BY", "EXPIRES AT", "COMMENT" };
    struct weir_table t;
    weir_table_init(&t, headers, WEIR_ARRAY_LEN(headers), cli->options.no_headers);
    for (size_t i = 0; i < a->n_items; i++) {
        const Weir__V1__TokenSummary *s = a->items[i];
        weir_table_cstr(&t, s->id);
        weir_table_cstr(&t, s->scope);
        weir_table_cstr(&t, s->created_at);
        weir_table_cstr(&t, s->created_by);
        weir_table_cstr(&t, s->expired ? "expired" : s->expires_at);
        weir_table_cstr(&t, s->comment);
    }
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    return err;
}

static enum weir_exit tokens_show(struct weir_cli *cli, const Weir__V1__TokenList *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (weir_cli_is_message_output(cli))
        return weir_render_response(cli, &a->base);
    if (cli->options.output != WEIR_OUTPUT_NAME) {
        if (tokens_table(cli, a, &out) < 0)
            out.failed = true;
        return weir_render_out(cli, &out);
    }
    for (size_t i = 0; i < a->n_items; i++) {
        weir_table_escape(&out, weir_span_cstr(a->items[i]->id));
        weir_strbuf_putc(&out, '\n');
    }
    return weir_render_out(cli, &out);
}

static enum weir_exit token_list(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__token_list__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, "/v1/tokens", &want, &message);
    if (code == WEIR_EXIT_OK)
        code = tokens_show(cli, (const Weir__V1__TokenList *)message);
    weir_arena_deinit(&arena);
    return code;
}

/* -- revoke -- */

static enum weir_exit token_revoke(struct weir_cli *cli, const char *id)
{
    char target[64];
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (strlen(id) != ID_LEN || strspn(id, "0123456789abcdef") != ID_LEN)
        return weir_cli_usage(
            cli,
            "%s is not the id of a token, 12 hex digits; weir token list "
            "shows them",
            strncmp(id, "weir_", 5) == 0 ? "that" : weir_schema_text_show(weir_span_cstr(id)).text);
    snprintf(target, sizeof(target), "/v1/tokens/%s", id);
    struct weir_client_request request = { .method = "DELETE", .target = target };
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__token_summary__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK && weir_cli_is_message_output(cli))
        code = weir_render_response(cli, message);
    else if (code == WEIR_EXIT_OK) {
        weir_strbuf_printf(&out, "token %s revoked\n", id);
        code = weir_render_out(cli, &out);
    }
    weir_arena_deinit(&arena);
    return code;
}

static enum weir_exit tokens_revoke(struct weir_cli *cli)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    for (size_t i = 1; i < cli->num_args && !cli->node_failed; i++) {
        enum weir_exit code = token_revoke(cli, cli->args[i]);
        worst = worst == WEIR_EXIT_OK ? code : worst;
    }
    return worst;
}

enum weir_exit weir_cmd_token(struct weir_cli *cli)
{
    const char *verb = cli->args[0];
    const struct weir_options *o = &cli->options;
    bool creates = strcmp(verb, "create") == 0;
    if (!creates && (o->scope != NULL || o->comment != NULL || o->has_ttl))
        return weir_cli_usage(cli, "--scope, --comment and --ttl are for weir token create");
    if (strcmp(verb, "revoke") == 0)
        return cli->num_args > 1 ? tokens_revoke(cli)
                                 : weir_cli_usage(cli, "an id is missing: weir token revoke ID...");
    if (cli->num_args > 1)
        return weir_cli_usage(cli, "%s is one argument too many",
                              weir_schema_text_show(weir_span_cstr(cli->args[1])).text);
    if (creates)
        return token_create(cli);
    if (strcmp(verb, "list") == 0)
        return token_list(cli);
    return weir_cli_usage(cli, "%s is none of create, list, revoke",
                          weir_schema_text_show(weir_span_cstr(verb)).text);
}
