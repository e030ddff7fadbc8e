/* SPDX-License-Identifier: Apache-2.0
 *
 * api.c - one place that turns responses into messages and errors into exit codes. Every text of a
 * node is escaped before it reaches a terminal.
 */
#include "node/cli/api.h"

#include <stdio.h>
#include <string.h>

#include "node/base/limits.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define ARENA_BLOCK 65536
#define ARENA_MAX   ((size_t)1 << 30) /* a response of WEIR_CLIENT_BODY_MAX as messages */

void weir_api_arena_init(struct weir_arena *a)
{
    weir_arena_init(a, ARENA_BLOCK, ARENA_MAX);
}

enum weir_exit weir_api_begin(struct weir_cli *cli)
{
    if (cli->client_ready)
        return WEIR_EXIT_OK;
    enum weir_err err = weir_client_init(&cli->client, cli->options.node_source, cli->options.node,
                                         cli->options.timeout_ms);
    if (err == WEIR_OK)
        err = weir_client_authorize(&cli->client, cli->options.token, cli->options.ca);
    cli->client_ready = err == WEIR_OK;
    if (err == WEIR_OK)
        return WEIR_EXIT_OK;
    weir_cli_error(cli, "%s", cli->client.why);
    return WEIR_EXIT_USAGE;
}

enum weir_exit weir_api_failed(struct weir_cli *cli, enum weir_err err)
{
    /* The interrupt is how a watch ends: no error. */
    if (err != WEIR_EBUSY || !cli->options.watch)
        weir_cli_error(cli, "%s", cli->client.why);
    cli->node_failed = true;
    return err == WEIR_ETIMEOUT ? WEIR_EXIT_TIMEOUT : WEIR_EXIT_FAILED;
}

/* -- refusals -- */

static enum weir_exit exit_of(uint16_t status)
{
    switch (status) {
    case 412:
        return WEIR_EXIT_CONFLICT;
    case 408:
    case 504:
        return WEIR_EXIT_TIMEOUT;
    case 503: /* busy, or stopping */
        return WEIR_EXIT_DEGRADED;
    default: /* also 507, the store is full: as for one document among many */
        return WEIR_EXIT_FAILED;
    }
}

static void details_write(struct weir_strbuf *out, const Weir__V1__ErrorBody *e)
{
    for (size_t i = 0; i < e->n_details; i++) {
        const Weir__V1__ErrorDetail *d = e->details[i];
        weir_strbuf_puts(out, "\n  ");
        if (d->field != NULL && d->field[0] != '\0') {
            weir_table_escape(out, weir_span_cstr(d->field));
            weir_strbuf_puts(out, ": ");
        }
        weir_table_escape(out, weir_span_cstr(d->message));
    }
}

bool weir_api_refusal_write(const struct weir_client_response *response, struct weir_strbuf *out)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    enum weir_err err =
        weir_schema_read_json(&weir__v1__error_response__descriptor,
                              weir_span(response->body.at, response->body.len), &arena, &message);
    const Weir__V1__ErrorResponse *a = (const Weir__V1__ErrorResponse *)message;
    bool known = err == WEIR_OK && a->error != NULL && a->error->message != NULL;
    if (known) {
        weir_table_escape(out, weir_span_cstr(a->error->message));
        details_write(out, a->error);
    }
    weir_arena_deinit(&arena);
    return known && !out->failed;
}

enum weir_exit weir_api_refused(struct weir_cli *cli, const struct weir_client_response *response)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    if (weir_api_refusal_write(response, &text))
        weir_cli_error_escaped(cli, text.at);
    else
        weir_cli_error(cli,
                       "the node at %s responded with status %u and no reason. See its log, and "
                       "`weir version` on both sides",
                       cli->client.name, response->status);
    weir_strbuf_deinit(&text);
    cli->refused_status = response->status;
    return exit_of(response->status);
}

/* -- calls -- */

enum weir_exit weir_api_response_read(struct weir_cli *cli,
                                      const struct weir_client_response *response,
                                      const struct weir_api_want *want, ProtobufCMessage **ret)
{
    if (response->status == 404 && want->may_miss) {
        *ret = NULL;
        return WEIR_EXIT_OK;
    }
    if (response->status < 200 || response->status > 299)
        return weir_api_refused(cli, response);
    struct weir_span text = weir_span(response->body.at, response->body.len);
    enum weir_err err = weir_schema_read_json(want->message, text, want->arena, ret);
    if (err == WEIR_OK)
        return WEIR_EXIT_OK;
    if (err == WEIR_ENOMEM)
        return weir_cli_no_memory(cli);
    weir_cli_error(
        cli,
        "the response of the node at %s is not understood. Compare `weir version` on both "
        "sides",
        cli->client.name);
    return WEIR_EXIT_FAILED;
}

enum weir_exit weir_api_send(struct weir_cli *cli, const struct weir_client_request *request,
                             const struct weir_api_want *want, ProtobufCMessage **ret)
{
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    WEIR_ASSERT(want->message != NULL);
    WEIR_ASSERT(want->arena != NULL);
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    enum weir_err err = weir_client_call(&cli->client, request, &response);
    code = err == WEIR_OK ? weir_api_response_read(cli, &response, want, ret)
                          : weir_api_failed(cli, err);
    weir_strbuf_deinit(&response.body);
    return code;
}

enum weir_exit weir_api_get(struct weir_cli *cli, const char *target,
                            const struct weir_api_want *want, ProtobufCMessage **ret)
{
    struct weir_client_request request = { .method = "GET", .target = target };
    return weir_api_send(cli, &request, want, ret);
}

void weir_api_escape(struct weir_strbuf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || strchr("-._~", c) != NULL;
        if (unreserved)
            weir_strbuf_putc(out, (char)c);
        else
            weir_strbuf_printf(out, "%%%02X", c);
    }
}

/* -- names -- */

bool weir_api_is_tenant(struct weir_cli *cli, const char *name)
{
    size_t len = strlen(name);
    size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (len >= 1 && len <= WEIR_TENANT_NAME_MAX && good == len)
        return true;
    weir_cli_usage(cli, "%s is not a tenant's name: 1 to %d of a-z, 0-9 and -",
                   weir_schema_text_show(weir_span_cstr(name)).text, WEIR_TENANT_NAME_MAX);
    return false;
}

bool weir_api_is_kind(struct weir_cli *cli, const char *kind)
{
    struct weir_span word = weir_span_cstr(kind);
    if (weir_span_eq_nocase(word, WEIR_SPAN_LIT("tenant")) ||
        weir_span_eq_nocase(word, WEIR_SPAN_LIT("tenants")))
        return true;
    struct weir_suggest suggest = weir_suggest_begin(word);
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("tenant"));
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("tenants"));
    weir_cli_usage(cli, "%s is not a kind that nodes store%s", weir_schema_text_show(word).text,
                   suggest.best.len > 0 ? weir_suggest_text(&suggest).text
                                        : ": the only one is tenant, as in tenant/NAME");
    return false;
}

/* -- writes -- */

const char *weir_api_if_match(const struct weir_cli *cli, char out[WEIR_API_IF_MATCH_MAX])
{
    if (!cli->options.has_if_revision)
        return NULL;
    snprintf(out, WEIR_API_IF_MATCH_MAX, "\"%llu\"", (unsigned long long)cli->options.if_revision);
    return out;
}

enum weir_exit weir_api_waited(struct weir_cli *cli, uint32_t num_durable, uint32_t num_nodes)
{
    bool quorum = cli->options.wait == WEIR_WAIT_QUORUM;
    uint32_t num_wanted = quorum ? num_nodes / 2 + 1 : num_nodes;
    if (cli->options.wait == WEIR_WAIT_LOCAL || cli->options.dry_run || num_durable >= num_wanted)
        return WEIR_EXIT_OK;
    weir_cli_error(cli,
                   "it is on %u of %u nodes, and --wait %s asks for %u. It will reach the others "
                   "when they are back; see weir status",
                   num_durable, num_nodes, quorum ? "quorum" : "all", num_wanted);
    return WEIR_EXIT_DEGRADED;
}

enum weir_exit weir_api_wait(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    if (cli->options.wait == WEIR_WAIT_LOCAL || cli->options.dry_run)
        return WEIR_EXIT_OK;
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__status_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, "/v1/status", &want, &message);
    /* The node that responded has it; nothing is known of the others. */
    if (code == WEIR_EXIT_OK)
        code =
            weir_api_waited(cli, 1, (uint32_t)((const Weir__V1__StatusResponse *)message)->n_nodes);
    weir_arena_deinit(&arena);
    return code;
}
