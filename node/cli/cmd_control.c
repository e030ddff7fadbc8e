/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_control.c - weir drain, undrain, reload and log-level: what an operator asks of one node.
 */
#include <string.h>

#include "node/base/log.h"
#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define DRAIN_DEFAULT_MS 30000
#define LINE_MAX_LEN     4096 /* bytes of one line of progress */

/* -- drain -- */

static const char *plural(uint64_t num)
{
    return num == 1 ? "" : "s";
}

static double seconds(uint64_t ms)
{
    return (double)ms / 1000;
}

/** The lines of a drain that is followed. */
struct progress {
    struct weir_cli *cli;
    struct weir_strbuf line; /* the one that is not whole yet */
    char state[16];          /* of the last line */
    uint64_t cut;
    bool failed;
};

static void show_line(struct progress *p, const Weir__V1__DrainStatus *s)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    snprintf(p->state, sizeof(p->state), "%s", s->state != NULL ? s->state : "");
    p->cut = s->cut;
    if (strcmp(p->state, "draining") == 0)
        weir_strbuf_printf(&out,
                           "draining: %llu connection%s, %llu request%s left, %.0f s to the "
                           "deadline\n",
                           (unsigned long long)s->connections, plural(s->connections),
                           (unsigned long long)s->requests, plural(s->requests),
                           seconds(s->deadline_ms));
    p->failed = p->failed || weir_render_out(p->cli, &out) != WEIR_EXIT_OK;
}

static void read_line(struct progress *p)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    if (p->line.failed ||
        weir_schema_read_json(&weir__v1__drain_status__descriptor,
                              weir_span(p->line.at, p->line.len), &arena, &message) < 0)
        p->failed = true;
    else
        show_line(p, (const Weir__V1__DrainStatus *)message);
    weir_arena_deinit(&arena);
    weir_strbuf_reset(&p->line);
}

static bool on_piece(void *arg, struct weir_span piece)
{
    struct progress *p = arg;
    for (size_t i = 0; i < piece.len && !p->failed; i++) {
        if (piece.at[i] == '\n')
            read_line(p);
        else
            weir_strbuf_putc(&p->line, (char)piece.at[i]);
    }
    return !p->failed;
}

/* Report the outcome from the last line. A node that was ordered not to wait, by a signal or
 * another drain, states how many connections it cut. */
static enum weir_exit show_end(struct progress *p)
{
    struct weir_cli *cli = p->cli;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (strcmp(p->state, "serving") == 0) {
        weir_cli_error(cli, "the drain was taken back: the node serves again");
        return WEIR_EXIT_FAILED;
    }
    if (strcmp(p->state, "drained") != 0) {
        weir_cli_error(cli, "the node ended without the outcome of its drain. See its log");
        return WEIR_EXIT_FAILED;
    }
    if (p->cut > 0) {
        weir_cli_error(cli,
                       "the deadline passed: %llu connection%s cut. Give it longer with --deadline",
                       (unsigned long long)p->cut, p->cut == 1 ? " was" : "s were");
        return WEIR_EXIT_TIMEOUT;
    }
    weir_strbuf_puts(&out, "drained: nothing was cut; the node ends\n");
    return weir_render_out(cli, &out);
}

static enum weir_exit drain_and_follow(struct weir_cli *cli, uint64_t deadline_ms)
{
    char target[80];
    struct progress p = { .cli = cli, .line = WEIR_STRBUF_ZERO };
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    snprintf(target, sizeof(target), "/v1/drain?deadline_ms=%llu&follow=1",
             (unsigned long long)deadline_ms);
    struct weir_client_request request = { .method = "POST", .target = target };
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    p.line.max = LINE_MAX_LEN;
    enum weir_err err = weir_client_stream(&cli->client, &request, &response, on_piece, &p);
    if (err < 0)
        code = weir_api_failed(cli, err);
    else if (response.status != 200)
        code = weir_api_refused(cli, &response);
    else
        code = show_end(&p);
    weir_strbuf_deinit(&response.body);
    weir_strbuf_deinit(&p.line);
    return code;
}

/* One POST whose response is a DrainStatus; *ret is in `arena`. */
static enum weir_exit post_drain(struct weir_cli *cli, const char *target, struct weir_arena *arena,
                                 const Weir__V1__DrainStatus **ret)
{
    ProtobufCMessage *message = NULL;
    struct weir_client_request request = { .method = "POST", .target = target };
    struct weir_api_want want = { &weir__v1__drain_status__descriptor, arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        *ret = (const Weir__V1__DrainStatus *)message;
    return code;
}

enum weir_exit weir_cmd_drain(struct weir_cli *cli)
{
    char target[64];
    struct weir_arena arena;
    const Weir__V1__DrainStatus *s = NULL;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    uint64_t deadline_ms = cli->options.has_deadline ? cli->options.deadline_ms : DRAIN_DEFAULT_MS;
    if (cli->options.wait_done)
        return drain_and_follow(cli, deadline_ms);
    snprintf(target, sizeof(target), "/v1/drain?deadline_ms=%llu", (unsigned long long)deadline_ms);
    weir_api_arena_init(&arena);
    enum weir_exit code = post_drain(cli, target, &arena, &s);
    if (code == WEIR_EXIT_OK) {
        weir_strbuf_printf(&out,
                           "draining: it takes no new connections, and ends when the last request "
                           "is done, at the latest in %.1f s\n",
                           seconds(s->deadline_ms));
        code = weir_render_out(cli, &out);
    }
    weir_arena_deinit(&arena);
    return code;
}

enum weir_exit weir_cmd_undrain(struct weir_cli *cli)
{
    struct weir_arena arena;
    const Weir__V1__DrainStatus *s = NULL;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_api_arena_init(&arena);
    enum weir_exit code = post_drain(cli, "/v1/undrain", &arena, &s);
    if (code == WEIR_EXIT_OK) {
        weir_strbuf_printf(&out, "%s\n", s->state != NULL ? s->state : "");
        code = weir_render_out(cli, &out);
    }
    weir_arena_deinit(&arena);
    return code;
}

/* -- reload -- */

static enum weir_exit show_reload(struct weir_cli *cli, const Weir__V1__ReloadResponse *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&out, a->n_changed > 0 ? "reloaded: " : "reloaded: nothing to take over");
    for (size_t i = 0; i < a->n_changed; i++) {
        weir_strbuf_puts(&out, i > 0 ? ", " : "");
        weir_table_escape(&out, weir_span_cstr(a->changed[i]));
    }
    weir_strbuf_putc(&out, '\n');
    enum weir_exit code = weir_render_out(cli, &out);
    for (size_t i = 0; i < a->n_restart; i++) {
        weir_table_escape(&out, weir_span_cstr(a->restart[i]));
        weir_cli_error(cli, "warning: %s: the new value needs a restart of the node",
                       out.failed ? "" : out.at);
        weir_strbuf_reset(&out);
    }
    weir_strbuf_deinit(&out);
    return code;
}

enum weir_exit weir_cmd_reload(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_client_request request = { .method = "POST", .target = "/v1/reload" };
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__reload_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = show_reload(cli, (const Weir__V1__ReloadResponse *)message);
    weir_arena_deinit(&arena);
    return code;
}

/* -- log-level -- */

static void add_level_row(struct weir_table *t, const char *what, const char *name,
                          const char *level, const char *file)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    weir_strbuf_printf(&text, "%s%s", what, name);
    weir_table_cstr(t, text.failed ? what : text.at);
    weir_table_cstr(t, level);
    weir_table_cstr(t, file);
    weir_strbuf_deinit(&text);
}

static enum weir_err write_levels(const struct weir_cli *cli, const Weir__V1__LogLevelResponse *a,
                                  struct weir_strbuf *out)
{
    static const char *const headers[] = { "FOR", "LEVEL", "NODE FILE" };
    struct weir_table t;
    weir_table_init(&t, headers, WEIR_ARRAY_LEN(headers), cli->options.no_headers);
    add_level_row(&t, "all", "", a->level, a->configured);
    for (size_t i = 0; i < a->n_filters; i++) {
        const Weir__V1__LogFilter *f = a->filters[i];
        bool by_tenant = f->tenant != NULL && f->tenant[0] != '\0';
        add_level_row(&t, by_tenant ? "tenant " : "address ", by_tenant ? f->tenant : f->address,
                      f->level, "");
    }
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    return err;
}

static enum weir_exit show_levels(struct weir_cli *cli, const Weir__V1__LogLevelResponse *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    enum weir_err err = o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML
                            ? weir_render_message(cli, &a->base, &out)
                            : write_levels(cli, a, &out);
    out.failed = out.failed || err < 0;
    return weir_render_out(cli, &out);
}

static void add_param(struct weir_strbuf *target, const char *name, const char *value)
{
    if (value == NULL)
        return;
    weir_strbuf_putc(target, memchr(target->at, '?', target->len) == NULL ? '?' : '&');
    weir_strbuf_puts(target, name);
    weir_strbuf_putc(target, '=');
    weir_api_escape(target, value);
}

/* @return false: the node would refuse the address, which is written */
static bool check_address(struct weir_cli *cli, const char *address)
{
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    struct weir_span text = weir_span_cstr(address);
    bool good = weir_schema_check_prefix(text, &why) == WEIR_OK;
    if (!good && why.failed)
        weir_cli_no_memory(cli);
    else if (!good)
        weir_cli_usage(cli, "--address: %s %s", weir_schema_text_show(text).text, why.at);
    weir_strbuf_deinit(&why);
    return good;
}

/* @return false: they do not go together, which is written */
static bool check_level_words(struct weir_cli *cli)
{
    const struct weir_options *o = &cli->options;
    enum weir_log_level level = WEIR_LOG_INFO;
    if (o->reset && cli->num_args > 0)
        weir_cli_usage(cli, "give a level or --reset, not both");
    else if (o->tenant != NULL && o->address != NULL)
        weir_cli_usage(cli, "give --tenant or --address, not both: a line is written for either");
    else if (!o->reset && cli->num_args == 0 && (o->tenant != NULL || o->address != NULL))
        weir_cli_usage(cli, "a level is missing: error, warn, info, debug or trace");
    else if (cli->num_args > 0 && weir_log_level_parse(cli->args[0], &level) < 0)
        weir_cli_usage(cli, "%s is not a level: error, warn, info, debug or trace",
                       weir_schema_text_show(weir_span_cstr(cli->args[0])).text);
    else if (o->address != NULL)
        return check_address(cli, o->address);
    else
        return o->tenant == NULL || weir_api_is_tenant(cli, o->tenant);
    return false;
}

enum weir_exit weir_cmd_log_level(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    if (!check_level_words(cli))
        return WEIR_EXIT_USAGE;
    weir_strbuf_puts(&target, "/v1/log-level");
    add_param(&target, "level", cli->num_args > 0 ? cli->args[0] : NULL);
    add_param(&target, "tenant", cli->options.tenant);
    add_param(&target, "address", cli->options.address);
    if (target.failed)
        return weir_cli_no_memory(cli);
    struct weir_client_request request = { .method = cli->options.reset  ? "DELETE"
                                                     : cli->num_args > 0 ? "PUT"
                                                                         : "GET",
                                           .target = target.at };
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__log_level_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = show_levels(cli, (const Weir__V1__LogLevelResponse *)message);
    weir_arena_deinit(&arena);
    weir_strbuf_deinit(&target);
    return code;
}
