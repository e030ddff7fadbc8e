/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_test.c - weir route test and weir redirect test: ask a node what it would do.
 */
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

static void table_add_line(struct weir_table *t, const char *name, const char *value)
{
    if (value == NULL || value[0] == '\0')
        return;
    weir_table_cstr(t, name);
    weir_table_cstr(t, value);
}

static enum weir_err response_table(const Weir__V1__TestResponse *a, struct weir_strbuf *out)
{
    static const char *const none[] = { "", "" };
    struct weir_table t;
    weir_table_init(&t, none, WEIR_ARRAY_LEN(none), true);
    table_add_line(&t, "Decision", a->decision);
    table_add_line(&t, "Tenant", a->tenant);
    table_add_line(&t, "Rule", a->rule);
    table_add_line(&t, "As written", a->rule_text);
    if (a->has_code && a->code != 0) {
        weir_table_cstr(&t, "Code");
        weir_table_number(&t, a->code);
    }
    table_add_line(&t, "Location", a->location);
    table_add_line(&t, "Upstream", a->upstream);
    for (size_t i = 0; i < a->n_endpoints; i++)
        table_add_line(&t, i == 0 ? "Endpoints" : " ", a->endpoints[i]);
    table_add_line(&t, "Why", a->why);
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    return err;
}

static enum weir_exit response_show(struct weir_cli *cli, const Weir__V1__TestResponse *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    if (o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML)
        return weir_render_response(cli, &a->base);
    if (o == WEIR_OUTPUT_NAME) {
        weir_table_escape(&out, weir_span_cstr(a->decision));
        weir_strbuf_putc(&out, '\n');
    } else if (response_table(a, &out) < 0) {
        out.failed = true;
    }
    return weir_render_out(cli, &out);
}

static void target_add_parameter(struct weir_strbuf *target, const char *name, const char *value)
{
    if (value == NULL)
        return;
    weir_strbuf_printf(target, "&%s=", name);
    weir_api_escape(target, value);
}

/* Whether the request would get no further than weir itself. */
static bool is_unserved(const Weir__V1__TestResponse *t)
{
    return t->decision == NULL || strcmp(t->decision, "none") == 0;
}

/* @param target  freed
 * @param ret_unserved  written on WEIR_EXIT_OK only */
static enum weir_exit test_run(struct weir_cli *cli, struct weir_strbuf *target, bool *ret_unserved)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    enum weir_exit code = WEIR_EXIT_OK;
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__test_response__descriptor, &arena,
                                  cli->options.tenant != NULL };
    if (target->failed)
        code = weir_cli_no_memory(cli);
    if (code == WEIR_EXIT_OK)
        code = weir_api_get(cli, target->at, &want, &message);
    if (code == WEIR_EXIT_OK && message == NULL) {
        weir_cli_error(cli, "there is no tenant %s", cli->options.tenant);
        code = WEIR_EXIT_FAILED;
    } else if (code == WEIR_EXIT_OK) {
        *ret_unserved = is_unserved((const Weir__V1__TestResponse *)message);
        code = response_show(cli, (const Weir__V1__TestResponse *)message);
    } else if (code == WEIR_EXIT_FAILED && cli->refused_status == 400)
        code = WEIR_EXIT_USAGE; /* what the node refuses was typed */
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(target);
    return code;
}

/* The word between the command and the URL. */
static bool is_test(struct weir_cli *cli)
{
    if (strcmp(cli->args[0], "test") == 0)
        return true;
    weir_cli_usage(cli, "%s is unknown here, did you mean \"test\"?",
                   weir_schema_text_show(weir_span_cstr(cli->args[0])).text);
    return false;
}

enum weir_exit weir_cmd_route(struct weir_cli *cli)
{
    bool unserved = false;
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    if (!is_test(cli))
        return WEIR_EXIT_USAGE;
    weir_strbuf_puts(&target, "/v1/test/route?url=");
    weir_api_escape(&target, cli->args[1]);
    target_add_parameter(&target, "method", cli->options.method);
    target_add_parameter(&target, "client", cli->options.client);
    enum weir_exit code = test_run(cli, &target, &unserved);
    return code == WEIR_EXIT_OK && unserved ? WEIR_EXIT_FAILED : code;
}

enum weir_exit weir_cmd_redirect(struct weir_cli *cli)
{
    bool unserved = false;
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    if (!is_test(cli))
        return WEIR_EXIT_USAGE;
    if (cli->options.tenant == NULL)
        return weir_cli_usage(cli, "--tenant NAME is missing");
    if (!weir_api_is_tenant(cli, cli->options.tenant))
        return WEIR_EXIT_USAGE;
    weir_strbuf_puts(&target, "/v1/test/redirect?url=");
    weir_api_escape(&target, cli->args[1]);
    target_add_parameter(&target, "tenant", cli->options.tenant);
    return test_run(cli, &target, &unserved); /* that no redirect applies is a result */
}
