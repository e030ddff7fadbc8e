/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_apply.c - weir apply: everything is read and checked here first, then sent in batches over
 * one connection. A batch is small enough that the node's control loop is not held up, and large
 * enough that its documents share a commit.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/base/clock.h"
#include "node/cli/api.h"
#include "node/cli/command.h"
#include "node/cli/docs/source.h"
#include "node/cli/interrupt.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "weir/v1/admin.pb-c.h"

#define BATCH_DOCS_MAX  200
#define BATCH_BYTES_MAX 1048576
#define LINES_MAX       20 /* results reported one by one; more are only counted */

enum outcome { CREATED, CHANGED, UNCHANGED, REFUSED, OUTCOME_COUNT };

static const char *const outcomes[OUTCOME_COUNT] = { "created", "changed", "unchanged", "refused" };

/** One run of apply. */
struct apply {
    struct weir_cli *cli;
    struct weir_source source;
    struct weir_arena arena;         /* of all responses */
    Weir__V1__ApplyResult **results; /* owns the list; as many as documents */
    size_t num_results;
    size_t num_reported;
    size_t num_by_outcome[OUTCOME_COUNT];
    uint32_t nodes_durable;
    uint32_t nodes_total;
    uint64_t start_ns;
    bool progress; /* a line is on the terminal */
};

/* -- reporting -- */

static void progress_show(struct apply *a)
{
    if (a->source.num_docs <= BATCH_DOCS_MAX || !isatty(fileno(a->cli->err)))
        return;
    fprintf(a->cli->err, "\r%zu of %zu tenants", a->num_results, a->source.num_docs);
    fflush(a->cli->err);
    a->progress = true;
}

static void progress_clear(struct apply *a)
{
    if (a->progress)
        fputs("\r\033[K", a->cli->err);
    a->progress = false;
}

static void details_write(const struct apply *a, const Weir__V1__ApplyResult *r,
                          struct weir_strbuf *out)
{
    for (size_t i = 0; i < r->n_details; i++) {
        weir_strbuf_puts(out, i == 0 ? ": " : "; ");
        weir_table_escape(out, weir_span_cstr(r->details[i]->message));
    }
}

static void result_write(const struct apply *a, const Weir__V1__ApplyResult *r,
                         struct weir_strbuf *out, struct weir_strbuf *err)
{
    bool refused = strcmp(r->outcome, outcomes[REFUSED]) == 0;
    bool name_only = a->cli->options.output == WEIR_OUTPUT_NAME;
    bool lines = a->source.num_docs <= LINES_MAX || a->cli->options.output == WEIR_OUTPUT_WIDE;
    struct weir_strbuf *to = refused ? err : out;
    if (refused || name_only || lines) {
        weir_strbuf_puts(to, "tenant/");
        weir_table_escape(to, weir_span_cstr(r->name));
        if (refused || !name_only)
            weir_strbuf_printf(to, " %s", r->outcome);
        if (refused)
            details_write(a, r, to);
        else if (!name_only && r->has_revision)
            weir_strbuf_printf(to, " (revision %llu)", (unsigned long long)r->revision);
        weir_strbuf_putc(to, '\n');
    }
    for (size_t i = 0; i < r->n_warnings; i++) {
        weir_strbuf_puts(err, "tenant/");
        weir_table_escape(err, weir_span_cstr(r->name));
        weir_strbuf_puts(err, ": warning: ");
        weir_table_escape(err, weir_span_cstr(r->warnings[i]));
        weir_strbuf_putc(err, '\n');
    }
}

static bool is_message_output(const struct apply *a)
{
    enum weir_output o = a->cli->options.output;
    return o == WEIR_OUTPUT_JSON || o == WEIR_OUTPUT_YAML;
}

/* Reports the results of the last batches. */
static enum weir_exit results_report(struct apply *a)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_strbuf err = WEIR_STRBUF_ZERO;
    if (is_message_output(a))
        return WEIR_EXIT_OK;
    for (; a->num_reported < a->num_results; a->num_reported++)
        result_write(a, a->results[a->num_reported], &out, &err);
    if ((err.len > 0 || out.len > 0) && !err.failed) {
        progress_clear(a);
        fwrite(err.len > 0 ? err.at : "", 1, err.len, a->cli->err);
    }
    weir_strbuf_deinit(&err);
    return weir_render_out(a->cli, &out);
}

static void summary_write(const struct apply *a, struct weir_strbuf *out)
{
    double seconds = (double)(weir_clock_mono_ns() - a->start_ns) / 1e9;
    const char *separator = ": ";
    weir_strbuf_printf(out, "%zu tenant%s", a->num_results, a->num_results == 1 ? "" : "s");
    for (size_t i = 0; i < OUTCOME_COUNT; i++) {
        if (a->num_by_outcome[i] == 0)
            continue;
        weir_strbuf_printf(out, "%s%zu %s", separator, a->num_by_outcome[i], outcomes[i]);
        separator = ", ";
    }
    if (a->cli->options.dry_run)
        weir_strbuf_puts(out, ", if it were no dry run; nothing was written\n");
    else
        weir_strbuf_printf(out, ", in %.*f s on %u/%u nodes\n", seconds < 1 ? 2 : 1, seconds,
                           a->nodes_durable, a->nodes_total);
}

static enum weir_exit summary_report(struct apply *a)
{
    Weir__V1__ApplyResponse all = WEIR__V1__APPLY_RESPONSE__INIT;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    progress_clear(a);
    if (is_message_output(a)) {
        all.results = a->results;
        all.n_results = a->num_results;
        all.has_nodes_durable = all.has_nodes_total = 1;
        all.nodes_durable = a->nodes_durable;
        all.nodes_total = a->nodes_total;
        return weir_render_response(a->cli, &all.base);
    }
    if (a->cli->options.output != WEIR_OUTPUT_NAME)
        summary_write(a, &out);
    return weir_render_out(a->cli, &out);
}

/* -- sending -- */

/* Appends documents from *at on until the batch is full. */
static enum weir_err batch_write(const struct apply *a, size_t *at, struct weir_strbuf *body)
{
    size_t from = *at;
    while (*at < a->source.num_docs && *at - from < BATCH_DOCS_MAX && body->len < BATCH_BYTES_MAX) {
        const struct weir_source_doc *doc = &a->source.docs[*at];
        enum weir_err err = weir_schema_write(doc->kind, doc->message, WEIR_FORMAT_JSON, body);
        if (err < 0)
            return err;
        weir_strbuf_putc(body, '\n');
        ++*at;
    }
    return body->failed ? WEIR_ENOMEM : WEIR_OK;
}

static enum weir_exit response_add(struct apply *a, const Weir__V1__ApplyResponse *response,
                                   size_t num_sent)
{
    for (size_t i = 0; i < response->n_results && i < num_sent; i++) {
        Weir__V1__ApplyResult *r = response->results[i];
        for (size_t k = 0; k < OUTCOME_COUNT && r->outcome != NULL; k++)
            a->num_by_outcome[k] += strcmp(r->outcome, outcomes[k]) == 0;
        if (r->outcome == NULL)
            r->outcome = (char *)"";
        a->results[a->num_results++] = r;
    }
    /* The worst batch counts for the whole. */
    if (a->nodes_total == 0 || response->nodes_durable < a->nodes_durable)
        a->nodes_durable = response->nodes_durable;
    if (response->nodes_total > a->nodes_total)
        a->nodes_total = response->nodes_total;
    if (response->n_results == num_sent)
        return WEIR_EXIT_OK;
    progress_clear(a);
    weir_cli_error(a->cli,
                   "%zu documents were sent, and %zu results came back. See weir get tenant",
                   num_sent, response->n_results);
    return WEIR_EXIT_FAILED;
}

static void target_write(const struct apply *a, char *out, size_t max)
{
    const struct weir_options *o = &a->cli->options;
    char query[96] = "";
    char revision[48] = "";
    if (o->has_if_revision)
        snprintf(revision, sizeof(revision), "&if_revision=%llu",
                 (unsigned long long)o->if_revision);
    snprintf(query, sizeof(query), "%s%s%s", o->dry_run ? "&dry_run=1" : "", revision,
             o->allow_overlap ? "&allow_overlap=1" : "");
    snprintf(out, max, "/v1/apply%s%s", query[0] != '\0' ? "?" : "",
             query[0] != '\0' ? query + 1 : "");
}

/* Sends documents *at up to the end of one batch. */
static enum weir_exit batch_send(struct apply *a, size_t *at)
{
    char target[160];
    size_t from = *at;
    ProtobufCMessage *message = NULL;
    struct weir_strbuf body = WEIR_STRBUF_ZERO;
    struct weir_api_want want = { &weir__v1__apply_response__descriptor, &a->arena, false };
    enum weir_exit code = WEIR_EXIT_OK;
    target_write(a, target, sizeof(target));
    if (batch_write(a, at, &body) < 0)
        code = weir_cli_no_memory(a->cli);
    struct weir_client_request request = { .method = "POST",
                                           .target = target,
                                           .content_type = "application/json",
                                           .body = weir_span(body.at, body.len) };
    if (code == WEIR_EXIT_OK)
        code = weir_api_send(a->cli, &request, &want, &message);
    if (code == WEIR_EXIT_OK)
        code = response_add(a, (const Weir__V1__ApplyResponse *)message, *at - from);
    weir_strbuf_deinit(&body);
    return code;
}

/* After a failure in the middle: what is certain and what is not. */
static void unsent_report(struct apply *a, size_t num_sent)
{
    size_t num_open = num_sent - a->num_results;
    if (a->source.num_docs == 1)
        return;
    weir_cli_error(a->cli,
                   "%zu of %zu tenants have a result, %zu may or may not have been applied, the "
                   "others were not sent. Run it again: what is there stays unchanged",
                   a->num_results, a->source.num_docs, num_open);
}

static enum weir_exit documents_send(struct apply *a)
{
    size_t at = 0;
    enum weir_exit code = WEIR_EXIT_OK;
    while (code == WEIR_EXIT_OK && at < a->source.num_docs) {
        if (weir_interrupt_has_come()) {
            progress_clear(a);
            weir_cli_error(a->cli, "interrupted");
            code = WEIR_EXIT_FAILED;
            break;
        }
        progress_show(a);
        code = batch_send(a, &at);
        enum weir_exit reported = results_report(a);
        code = code == WEIR_EXIT_OK ? reported : code;
    }
    if (code != WEIR_EXIT_OK)
        unsent_report(a, at);
    return code;
}

/* -- the command -- */

static enum weir_exit apply_run(struct apply *a)
{
    struct weir_cli *cli = a->cli;
    enum weir_exit code = weir_source_read(&a->source, true);
    if (code == WEIR_EXIT_OK && cli->options.has_if_revision && a->source.num_docs > 1)
        return weir_cli_usage(cli, "--if-revision is for one document, and there are %zu",
                              a->source.num_docs);
    if (code == WEIR_EXIT_OK)
        code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    a->results = calloc(a->source.num_docs, sizeof(*a->results));
    if (a->results == NULL)
        return weir_cli_no_memory(cli);
    weir_interrupt_begin(cli);
    code = documents_send(a);
    if (a->num_results == 0)
        return code;
    enum weir_exit reported = summary_report(a);
    code = code == WEIR_EXIT_OK ? reported : code;
    if (code == WEIR_EXIT_OK && a->num_by_outcome[REFUSED] > 0)
        code = WEIR_EXIT_FAILED;
    return code == WEIR_EXIT_OK ? weir_api_waited(cli, a->nodes_durable, a->nodes_total) : code;
}

enum weir_exit weir_cmd_apply(struct weir_cli *cli)
{
    struct apply a = { .cli = cli, .start_ns = weir_clock_mono_ns() };
    weir_source_init(&a.source, cli);
    weir_api_arena_init(&a.arena);
    enum weir_exit code = apply_run(&a);
    free(a.results);
    weir_arena_deinit(&a.arena);
    weir_source_deinit(&a.source);
    return code;
}
