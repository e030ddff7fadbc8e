/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_node.c - weir status, doctor and logs: the node itself.
 */
#include <string.h>
#include <unistd.h>

#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/interrupt.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "weir/v1/admin.pb-c.h"

#define WATCH_MS 2000

/* -- status -- */

static void bytes_cell(struct weir_table *t, uint64_t bytes)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB" };
    char text[32];
    double value = (double)bytes;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < WEIR_ARRAY_LEN(units)) {
        value /= 1024;
        unit++;
    }
    snprintf(text, sizeof(text), "%.*f %s", unit == 0 || value >= 100 ? 0 : 1, value, units[unit]);
    weir_table_cstr(t, text);
}

static void uptime_cell(struct weir_table *t, uint64_t seconds)
{
    char text[48];
    unsigned long long s = seconds;
    if (s >= 86400)
        snprintf(text, sizeof(text), "%llud%lluh", s / 86400, s / 3600 % 24);
    else if (s >= 3600)
        snprintf(text, sizeof(text), "%lluh%llum", s / 3600, s / 60 % 60);
    else
        snprintf(text, sizeof(text), "%llum%llus", s / 60, s % 60);
    weir_table_cstr(t, text);
}

static void rate_cell(struct weir_table *t, double rate)
{
    char text[48];
    snprintf(text, sizeof(text), "%.1f", rate);
    weir_table_cstr(t, text);
}

#define STATUS_COLUMNS_TABLE 8

static void node_row(struct weir_table *t, const Weir__V1__NodeStatus *n)
{
    weir_table_cstr(t, n->name);
    weir_table_cstr(t, n->state);
    weir_table_cstr(t, n->version);
    uptime_cell(t, n->uptime_s);
    weir_table_number(t, n->tenants);
    weir_table_number(t, n->connections);
    rate_cell(t, n->requests_per_s);
    weir_table_number(t, n->conflicts);
    if (t->num_columns == STATUS_COLUMNS_TABLE)
        return;
    weir_table_number(t, n->lag);
    weir_table_cstr(t, n->digest);
    weir_table_number(t, n->workers);
    weir_table_number(t, n->requests_total);
    bytes_cell(t, n->store_used_bytes);
    bytes_cell(t, n->store_max_bytes);
    bytes_cell(t, n->resident_bytes);
}

static void warnings_write(const Weir__V1__StatusResponse *a, struct weir_strbuf *out)
{
    for (size_t i = 0; i < a->n_nodes; i++) {
        for (size_t k = 0; k < a->nodes[i]->n_warnings; k++) {
            weir_strbuf_puts(out, "warning: ");
            weir_table_escape(out, weir_span_cstr(a->nodes[i]->name));
            weir_strbuf_puts(out, ": ");
            weir_table_escape(out, weir_span_cstr(a->nodes[i]->warnings[k]));
            weir_strbuf_putc(out, '\n');
        }
    }
}

static enum weir_err status_table(const struct weir_cli *cli, const Weir__V1__StatusResponse *a,
                                  struct weir_strbuf *out)
{
    static const char *const headers[] = { "NODE",       "STATE",     "VERSION", "UP",
                                           "TENANTS",    "CONNS",     "REQ/S",   "CONFLICTS",
                                           "LAG",        "DIGEST",    "WORKERS", "REQUESTS",
                                           "STORE USED", "STORE MAX", "RESIDENT" };
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;
    struct weir_table t;
    weir_table_init(&t, headers, wide ? WEIR_ARRAY_LEN(headers) : STATUS_COLUMNS_TABLE,
                    cli->options.no_headers);
    for (size_t i = 0; i < a->n_nodes; i++)
        node_row(&t, a->nodes[i]);
    enum weir_err err = weir_table_write(&t, out);
    weir_table_deinit(&t);
    warnings_write(a, out);
    return out->failed ? WEIR_ENOMEM : err;
}

static bool same(const char *a, const char *b)
{
    return strcmp(a != NULL ? a : "", b != NULL ? b : "") == 0;
}

/* A node that cannot do all that it should, or nodes that hold different things though none of them
 * waits for updates. */
static bool is_degraded(const Weir__V1__StatusResponse *a)
{
    bool all_serve = true;
    bool all_current = true;
    bool all_same = true;
    for (size_t i = 0; i < a->n_nodes; i++) {
        all_serve = all_serve && same(a->nodes[i]->state, "serving");
        all_current = all_current && a->nodes[i]->lag == 0;
        all_same = all_same && same(a->nodes[i]->digest, a->nodes[0]->digest);
    }
    return !all_serve || (all_current && !all_same);
}

static enum weir_exit status_show(struct weir_cli *cli, const Weir__V1__StatusResponse *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_err err = WEIR_OK;
    if (cli->options.watch && isatty(fileno(cli->out)))
        weir_strbuf_puts(&out, "\033[H\033[J");
    switch (cli->options.output) {
    case WEIR_OUTPUT_TABLE:
    case WEIR_OUTPUT_WIDE:
        err = status_table(cli, a, &out);
        break;
    case WEIR_OUTPUT_NAME:
        for (size_t i = 0; i < a->n_nodes; i++) {
            weir_strbuf_puts(&out, "node/");
            weir_table_escape(&out, weir_span_cstr(a->nodes[i]->name));
            weir_strbuf_putc(&out, '\n');
        }
        break;
    case WEIR_OUTPUT_JSON:
    case WEIR_OUTPUT_YAML:
        err = weir_render_message(cli, &a->base, &out);
        break;
    }
    out.failed = out.failed || err < 0;
    enum weir_exit code = weir_render_out(cli, &out);
    if (code == WEIR_EXIT_OK && is_degraded(a))
        code = WEIR_EXIT_DEGRADED;
    return code;
}

static enum weir_exit status_once(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__status_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, "/v1/status", &want, &message);
    if (code == WEIR_EXIT_OK)
        code = status_show(cli, (const Weir__V1__StatusResponse *)message);
    weir_arena_deinit(&arena);
    return code;
}

/* Goes on while the node is only degraded: that is what one watches. An interrupt is no failure. */
static enum weir_exit status_watch(struct weir_cli *cli)
{
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    weir_interrupt_begin(cli);
    while (code == WEIR_EXIT_OK || code == WEIR_EXIT_DEGRADED) {
        code = status_once(cli);
        if (code == WEIR_EXIT_OK || code == WEIR_EXIT_DEGRADED)
            weir_interrupt_sleep(WATCH_MS);
        if (weir_interrupt_has_come())
            return WEIR_EXIT_OK;
    }
    return code;
}

enum weir_exit weir_cmd_status(struct weir_cli *cli)
{
    return cli->options.watch ? status_watch(cli) : status_once(cli);
}

/* -- doctor -- */

static bool doctor_row(struct weir_table *t, const Weir__V1__DoctorCheck *c)
{
    weir_table_cstr(t, c->outcome);
    weir_table_cstr(t, c->name);
    weir_table_cstr(t, c->message);
    weir_table_cstr(t, c->hint);
    return same(c->outcome, "fail");
}

static enum weir_exit doctor_show(struct weir_cli *cli, const Weir__V1__DoctorResponse *a)
{
    static const char *const headers[] = { "OUTCOME", "CHECK", "FOUND", "WHAT TO DO" };
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    enum weir_output o = cli->options.output;
    struct weir_table t;
    size_t num_failed = 0;
    weir_table_init(&t, headers, WEIR_ARRAY_LEN(headers), cli->options.no_headers);
    for (size_t i = 0; i < a->n_checks; i++)
        num_failed += doctor_row(&t, a->checks[i]);
    if (o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML) {
        out.failed = weir_render_message(cli, &a->base, &out) < 0;
    } else if (o == WEIR_OUTPUT_NAME) {
        for (size_t i = 0; i < a->n_checks; i++) {
            weir_table_escape(&out, weir_span_cstr(a->checks[i]->name));
            weir_strbuf_putc(&out, '\n');
        }
    } else if (weir_table_write(&t, &out) < 0) {
        out.failed = true;
    }
    weir_table_deinit(&t);
    enum weir_exit code = weir_render_out(cli, &out);
    if (code == WEIR_EXIT_OK && num_failed > 0) {
        weir_cli_error(cli, "%zu of %zu checks failed", num_failed, a->n_checks);
        code = WEIR_EXIT_FAILED;
    }
    return code;
}

enum weir_exit weir_cmd_doctor(struct weir_cli *cli)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__doctor_response__descriptor, &arena, false };
    enum weir_exit code = weir_api_get(cli, "/v1/doctor", &want, &message);
    if (code == WEIR_EXIT_OK)
        code = doctor_show(cli, (const Weir__V1__DoctorResponse *)message);
    weir_arena_deinit(&arena);
    return code;
}

/* -- logs -- */

/** Output of records as they come. */
struct records {
    struct weir_cli *cli;
    struct weir_strbuf line; /* that has not ended */
    bool ended;              /* the node has reported that it ends */
    enum weir_exit code;
};

/* Records are ASCII by contract; what is not does not reach the terminal as it is. */
static void line_clean(struct weir_span line, struct weir_strbuf *out)
{
    size_t from = 0;
    for (size_t i = 0; i < line.len; i++) {
        uint8_t c = line.at[i];
        if (c == '\n' || (c >= 0x20 && c <= 0x7e))
            continue;
        weir_strbuf_add(out, weir_span(line.at + from, i - from));
        weir_strbuf_printf(out, "\\x%02X", c);
        from = i + 1;
    }
    weir_strbuf_add(out, weir_span(line.at + from, line.len - from));
}

/* Whole lines go out; the last line of a node that ends is for us. */
static bool on_piece(void *arg, struct weir_span piece)
{
    struct records *r = arg;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    while (piece.len > 0) {
        const uint8_t *end = memchr(piece.at, '\n', piece.len);
        size_t len = end != NULL ? (size_t)(end - piece.at) + 1 : piece.len;
        weir_strbuf_add(&r->line, weir_span(piece.at, len));
        piece = weir_span_from(piece, len);
        out.failed = out.failed || r->line.failed;
        if (end == NULL || out.failed)
            break;
        struct weir_span line = weir_span(r->line.at, r->line.len);
        r->ended = weir_span_starts(line, WEIR_SPAN_LIT("{\"end\":"));
        if (!r->ended)
            line_clean(line, &out);
        weir_strbuf_reset(&r->line);
    }
    r->code = weir_render_out(r->cli, &out);
    return r->code == WEIR_EXIT_OK;
}

/* @return false: out of memory */
static bool logs_target(const struct weir_options *o, struct weir_strbuf *target)
{
    weir_strbuf_printf(target, "/v1/logs?follow=%d", o->follow ? 1 : 0);
    if (o->tenant != NULL)
        weir_strbuf_printf(target, "&tenant=%s", o->tenant);
    if (o->has_tail)
        weir_strbuf_printf(target, "&tail=%llu", (unsigned long long)o->tail);
    if (o->has_since)
        weir_strbuf_printf(target, "&since_ms=%llu", (unsigned long long)o->since_ms);
    return !target->failed;
}

enum weir_exit weir_cmd_logs(struct weir_cli *cli)
{
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    struct weir_client_response response = { .body = WEIR_STRBUF_ZERO };
    struct records records = { .cli = cli, .line = WEIR_STRBUF_ZERO };
    const char *tenant = cli->options.tenant;
    if (tenant != NULL && !weir_api_is_tenant(cli, tenant))
        return WEIR_EXIT_USAGE;
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    if (!logs_target(&cli->options, &target)) {
        weir_strbuf_deinit(&target);
        return weir_cli_no_memory(cli);
    }
    struct weir_client_request request = { .method = "GET", .target = target.at };
    enum weir_err err = weir_client_stream(&cli->client, &request, &response, on_piece, &records);
    if (err < 0)
        code = weir_api_failed(cli, err);
    else if (response.status != 200)
        code = weir_api_refused(cli, &response);
    else
        code = records.code;
    if (code == WEIR_EXIT_OK && records.line.len > 0) /* a record without its line end */
        (void)on_piece(&records, WEIR_SPAN_LIT("\n"));
    if (code == WEIR_EXIT_OK)
        code = records.code;
    if (code == WEIR_EXIT_OK && records.ended)
        fprintf(cli->err, "the node has ended\n");
    weir_strbuf_deinit(&records.line);
    weir_strbuf_deinit(&response.body);
    weir_strbuf_deinit(&target);
    return code;
}
