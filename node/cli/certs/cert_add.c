/* SPDX-License-Identifier: Apache-2.0
 *
 * cert_add.c - weir cert add --cert: the files are read and checked here, so that a password never
 * leaves this host and faults name files; then the node checks and seals what it is sent.
 */
#include "node/cli/certs/cert_add.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/clock.h"
#include "node/cli/api.h"
#include "node/cli/certs/cert_files.h"
#include "node/cli/certs/cert_upload.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"

/** One run. */
struct adding {
    struct weir_cli *cli;
    struct weir_cert_reader *reader;
    struct weir_cert_notes notes;
    struct weir_cert_bundle bundle;
    struct weir_strbuf password;
    struct weir_strbuf out;
};

static bool was_said(const struct weir_cert_notes *notes, const char *text)
{
    for (size_t i = 0; i < notes->num; i++)
        if (strcmp(notes->items[i].text, text) == 0)
            return true;
    return false;
}

static void names_write(struct weir_strbuf *out, char *const *names, size_t num)
{
    for (size_t i = 0; i < num; i++) {
        weir_strbuf_puts(out, i > 0 ? ", " : "");
        weir_table_escape(out, weir_span_cstr(names[i]));
    }
}

static void on_result(void *arg, const Weir__V1__CertificateResult *r)
{
    struct adding *a = arg;
    const struct weir_options *o = &a->cli->options;

    for (size_t i = 0; i < r->n_warnings; i++)
        if (!was_said(&a->notes, r->warnings[i]))
            weir_cli_error(a->cli, "warning: %s", r->warnings[i]);
    if (weir_cli_is_message_output(a->cli)) {
        if (weir_render_message(a->cli, &r->base, &a->out) < 0)
            a->out.failed = true;
        return;
    }
    if (o->output == WEIR_OUTPUT_NAME) {
        weir_table_escape(&a->out, weir_span_cstr(r->tenant));
        weir_strbuf_putc(&a->out, '/');
        weir_table_escape(&a->out, weir_span_cstr(r->id));
        weir_strbuf_putc(&a->out, '\n');
        return;
    }
    weir_strbuf_puts(&a->out, "certificate ");
    weir_table_escape(&a->out, weir_span_cstr(r->id));
    weir_strbuf_puts(&a->out, " of tenant ");
    weir_table_escape(&a->out, weir_span_cstr(r->tenant));
    weir_strbuf_putc(&a->out, ' ');
    weir_table_escape(&a->out, weir_span_cstr(r->outcome));
    weir_strbuf_puts(&a->out, r->n_names > 0 ? ": " : "");
    names_write(&a->out, r->names, r->n_names);
    weir_strbuf_puts(&a->out, "; until ");
    weir_table_escape(&a->out, weir_span_cstr(r->not_after));
    weir_strbuf_puts(&a->out, o->dry_run ? " (dry run)\n" : "\n");
}

static enum weir_exit bundle_send(struct adding *a)
{
    struct weir_cert_uploads u;
    Weir__V1__CertificateUpload in = WEIR__V1__CERTIFICATE_UPLOAD__INIT;

    in.tenant = (char *)(uintptr_t)a->cli->options.tenant;
    in.label = (char *)(uintptr_t)a->cli->options.cert;
    weir_cert_uploads_init(&u, a->cli, on_result, a);
    enum weir_exit code = weir_cert_uploads_add(&u, &in, &a->bundle);
    if (code == WEIR_EXIT_OK)
        code = weir_cert_uploads_send(&u);
    bool refused = u.counts[WEIR_CERT_REFUSED] > 0;
    weir_cert_uploads_deinit(&u);
    if (code != WEIR_EXIT_OK || refused)
        return code != WEIR_EXIT_OK ? code : WEIR_EXIT_FAILED;
    code = weir_render_out(a->cli, &a->out);
    return code == WEIR_EXIT_OK ? weir_api_waited(a->cli, u.nodes_durable, u.nodes_total) : code;
}

static enum weir_exit files_read(struct adding *a)
{
    const struct weir_options *o = &a->cli->options;
    const char *const names[] = { o->cert, o->key, o->chain };
    struct weir_cert_rules rules = { .now_s = weir_clock_wall_ms() / 1000, .force = o->force };
    enum weir_err err = WEIR_OK;

    for (size_t i = 0; err == WEIR_OK && i < WEIR_ARRAY_LEN(names); i++)
        if (names[i] != NULL)
            err = weir_cert_file_add(a->reader, names[i], a->password.at, &a->notes);
    bool unread = a->notes.counts[WEIR_CERT_FAULT] > 0;
    if (err == WEIR_OK)
        err = weir_cert_reader_finish(a->reader, &rules, &a->notes, &a->bundle);
    if (err == WEIR_ENOMEM)
        return weir_cli_no_memory(a->cli);
    weir_cert_notes_show(a->cli, NULL, &a->notes);
    return err < 0 || unread ? WEIR_EXIT_FAILED : WEIR_EXIT_OK;
}

enum weir_exit weir_cert_add_one(struct weir_cli *cli)
{
    struct adding *a = calloc(1, sizeof(*a));

    if (a == NULL)
        return weir_cli_no_memory(cli);
    a->cli = cli;
    a->password = WEIR_STRBUF_ZERO;
    a->out = WEIR_STRBUF_ZERO;
    weir_cert_notes_init(&a->notes);
    enum weir_exit code = weir_cert_password_read(cli, &a->password);
    if (code == WEIR_EXIT_OK && weir_cert_reader_new(&a->reader) < 0)
        code = weir_cli_no_memory(cli);
    if (code == WEIR_EXIT_OK)
        code = files_read(a);
    if (code == WEIR_EXIT_OK)
        code = weir_api_begin(cli);
    if (code == WEIR_EXIT_OK)
        code = bundle_send(a);
    weir_cert_reader_free(&a->reader);
    weir_strbuf_deinit(&a->password);
    weir_strbuf_deinit(&a->out);
    free(a);
    return code;
}
