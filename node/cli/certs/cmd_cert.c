/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_cert.c - weir cert: list, show, delete and link; add is in cert_add.c and cert_folder.c. A
 * certificate is named by its ID or the begin of it, and by TENANT/ID where two tenants have one.
 */
#include <stdio.h>
#include <string.h>

#include "node/cli/api.h"
#include "node/cli/certs/cert_add.h"
#include "node/cli/command.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"
#include "tenants/schema/schema_text.h"
#include "weir/v1/admin.pb-c.h"

#define PAGE_MAX    500
#define ID_LEN      32
#define ID_LEN_MIN  4 /* of the begin of one */
#define NAMES_SHOWN 3 /* names of one certificate in a table; wide shows all */
#define TARGET_MAX  512

/* -- pages -- */

/** Given each page; the last one has no next. @return WEIR_EXIT_OK, or what ends the walk */
typedef enum weir_exit page_sink(void *arg, const Weir__V1__CertificateList *page);

static bool page_target(const struct weir_cli *cli, const char *id, const char *after,
                        struct weir_strbuf *out)
{
    weir_strbuf_reset(out);
    weir_strbuf_printf(out, "/v1/certificates?limit=%d", PAGE_MAX);
    if (cli->options.tenant != NULL) {
        weir_strbuf_puts(out, "&tenant=");
        weir_api_escape(out, cli->options.tenant);
    }
    if (id != NULL) {
        weir_strbuf_puts(out, "&id=");
        weir_api_escape(out, id);
    }
    if (after[0] != '\0') {
        weir_strbuf_puts(out, "&after=");
        weir_api_escape(out, after);
    }
    return !out->failed;
}

static enum weir_exit pages_walk(struct weir_cli *cli, const char *id, page_sink *sink, void *arg)
{
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    char after[128] = "";
    enum weir_exit code = WEIR_EXIT_OK;
    bool more = true;

    while (more && code == WEIR_EXIT_OK) {
        struct weir_arena arena;
        ProtobufCMessage *message = NULL;
        weir_api_arena_init(&arena);
        struct weir_api_want want = { &weir__v1__certificate_list__descriptor, &arena, false };
        if (!page_target(cli, id, after, &target))
            code = weir_cli_no_memory(cli);
        else
            code = weir_api_get(cli, target.at, &want, &message);
        const Weir__V1__CertificateList *page = (const Weir__V1__CertificateList *)message;
        if (code == WEIR_EXIT_OK)
            code = sink(arg, page);
        more = code == WEIR_EXIT_OK && page->next != NULL && page->next[0] != '\0';
        if (more && strcmp(page->next, after) <= 0) {
            weir_cli_error(cli, "the node's list does not go forward");
            code = WEIR_EXIT_FAILED;
        } else if (more) {
            snprintf(after, sizeof(after), "%s", page->next);
        }
        weir_arena_deinit(&arena);
    }
    weir_strbuf_deinit(&target);
    return code;
}

/* -- list -- */

struct listing {
    struct weir_cli *cli;
    struct weir_table table;
    struct weir_strbuf out;
    bool begun; /* of JSON and YAML */
};

static void names_cell(struct weir_table *t, const Weir__V1__CertificateSummary *s, bool all)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    size_t num = s->n_names + s->n_links;

    for (size_t i = 0; i < num && (all || i < NAMES_SHOWN); i++) {
        weir_strbuf_puts(&text, i > 0 ? "," : "");
        weir_strbuf_puts(&text, i < s->n_names ? s->names[i] : s->links[i - s->n_names]);
    }
    if (!all && num > NAMES_SHOWN)
        weir_strbuf_printf(&text, ",+%zu", num - NAMES_SHOWN);
    weir_table_cell(t, weir_span(text.at, text.len));
    weir_strbuf_deinit(&text);
}

static void days_cell(struct weir_table *t, const Weir__V1__CertificateSummary *s)
{
    if (s->state == NULL || strcmp(s->state, "valid") == 0 || strcmp(s->state, "expiring") == 0)
        weir_table_number(t, s->days_left);
    else
        weir_table_cstr(t, s->state);
}

static void row_add(struct listing *l, const Weir__V1__CertificateSummary *s)
{
    struct weir_table *t = &l->table;
    bool wide = l->cli->options.output == WEIR_OUTPUT_WIDE;
    char id[ID_LEN + 1];

    snprintf(id, sizeof(id), "%.*s", wide ? ID_LEN : 12, s->id != NULL ? s->id : "");
    weir_table_cstr(t, s->tenant);
    weir_table_cstr(t, id);
    names_cell(t, s, wide);
    weir_table_cstr(t, s->key);
    weir_table_cstr(t, s->issuer);
    days_cell(t, s);
    weir_table_cstr(t, s->n_used_by > 0 ? s->used_by[0] : NULL);
    if (!wide)
        return;
    weir_table_cstr(t, s->not_after);
    weir_table_cstr(t, s->fallback ? "yes" : "no");
    weir_table_number(t, s->chain_length);
    weir_table_cstr(t, s->source);
    weir_table_cstr(t, s->added_at);
    weir_table_cstr(t, s->added_by);
}

/* The items of all pages, one message after the other, so that no number of them is too large. */
static enum weir_exit items_write(struct listing *l, const Weir__V1__CertificateList *page)
{
    bool json = l->cli->options.output == WEIR_OUTPUT_JSON;

    if (!l->begun)
        weir_strbuf_puts(&l->out, json ? "{\"items\":[" : "items:");
    for (size_t i = 0; i < page->n_items; i++) {
        struct weir_strbuf item = WEIR_STRBUF_ZERO;
        enum weir_err err = weir_render_message(l->cli, &page->items[i]->base, &item);
        struct weir_span rest = weir_span(item.at, item.len);
        weir_strbuf_puts(&l->out, json ? (l->begun || i > 0 ? ",\n" : "\n") : "");
        for (bool first = true; err == WEIR_OK && rest.len > 0; first = false) {
            const uint8_t *end = memchr(rest.at, '\n', rest.len);
            size_t len = end != NULL ? (size_t)(end - rest.at) : rest.len;
            weir_strbuf_puts(&l->out, json ? "" : first ? "\n- " : "\n  ");
            weir_strbuf_add(&l->out, weir_span(rest.at, len));
            rest = weir_span_from(rest, end != NULL ? len + 1 : len);
        }
        l->out.failed = l->out.failed || err < 0;
        weir_strbuf_deinit(&item);
    }
    l->begun = l->begun || page->n_items > 0;
    if (page->next == NULL || page->next[0] == '\0')
        weir_strbuf_puts(&l->out, json ? "\n]}\n" : l->begun ? "\n" : " []\n");
    return weir_render_out(l->cli, &l->out);
}

static enum weir_exit on_list(void *arg, const Weir__V1__CertificateList *page)
{
    struct listing *l = arg;

    if (weir_cli_is_message_output(l->cli))
        return items_write(l, page);
    for (size_t i = 0; i < page->n_items; i++) {
        const Weir__V1__CertificateSummary *s = page->items[i];
        if (l->cli->options.output != WEIR_OUTPUT_NAME) {
            row_add(l, s);
            continue;
        }
        weir_table_escape(&l->out, weir_span_cstr(s->tenant));
        weir_strbuf_putc(&l->out, '/');
        weir_table_escape(&l->out, weir_span_cstr(s->id));
        weir_strbuf_putc(&l->out, '\n');
    }
    if (l->cli->options.output != WEIR_OUTPUT_NAME && weir_table_write(&l->table, &l->out) < 0)
        l->out.failed = true;
    return weir_render_out(l->cli, &l->out);
}

static enum weir_exit cert_list(struct weir_cli *cli)
{
    static const char *const headers[] = { "TENANT", "ID",       "NAMES",     "KEY",     "ISSUER",
                                           "DAYS",   "USED BY",  "NOT AFTER", "DEFAULT", "CHAIN",
                                           "SOURCE", "ADDED AT", "ADDED BY" };
    struct listing l = { .cli = cli, .out = WEIR_STRBUF_ZERO };
    bool wide = cli->options.output == WEIR_OUTPUT_WIDE;

    if (cli->num_args > 1)
        return weir_cli_usage(cli, "weir cert list takes no arguments");
    weir_table_init(&l.table, headers, wide ? WEIR_ARRAY_LEN(headers) : 7, cli->options.no_headers);
    enum weir_exit code = pages_walk(cli, NULL, on_list, &l);
    weir_table_deinit(&l.table);
    weir_strbuf_deinit(&l.out);
    return code;
}

/* -- one -- */

/** The certificate that an argument names. */
struct found {
    struct weir_cli *cli;
    size_t num;
    char tenant[64];
    char id[ID_LEN + 1];
};

static enum weir_exit on_found(void *arg, const Weir__V1__CertificateList *page)
{
    struct found *f = arg;

    for (size_t i = 0; i < page->n_items; i++) {
        const Weir__V1__CertificateSummary *s = page->items[i];
        if (s->tenant == NULL || s->id == NULL)
            continue;
        if (f->num++ == 0) {
            snprintf(f->tenant, sizeof(f->tenant), "%s", s->tenant);
            snprintf(f->id, sizeof(f->id), "%s", s->id);
        } else if (f->num <= 10) {
            weir_cli_error(f->cli, "%s/%s", s->tenant, s->id);
        }
    }
    return WEIR_EXIT_OK;
}

static enum weir_exit cert_find(struct weir_cli *cli, const char *name, struct found *ret)
{
    char tenant[64];
    const char *slash = strchr(name, '/');
    const char *id = slash != NULL ? slash + 1 : name;
    size_t len = strlen(id);

    *ret = (struct found){ .cli = cli };
    if (len < ID_LEN_MIN || len > ID_LEN || strspn(id, "0123456789abcdef") != len)
        return weir_cli_usage(cli,
                              "%s is not the ID of a certificate: %d..%d hex digits, after TENANT/ "
                              "or not; weir cert list shows them",
                              weir_schema_text_show(weir_span_cstr(name)).text, ID_LEN_MIN, ID_LEN);
    if (slash != NULL) {
        snprintf(tenant, sizeof(tenant), "%.*s", (int)(slash - name), name);
        cli->options.tenant = tenant;
    }
    enum weir_exit code = pages_walk(cli, id, on_found, ret);
    if (slash != NULL)
        cli->options.tenant = NULL;
    if (code != WEIR_EXIT_OK)
        return code;
    if (ret->num == 0)
        weir_cli_error(cli, "there is no certificate %s", name);
    else if (ret->num > 1)
        weir_cli_error(cli, "%s/%s: %s names %zu certificates; write more of the ID, or TENANT/ID",
                       ret->tenant, ret->id, name, ret->num);
    return ret->num == 1 ? WEIR_EXIT_OK : WEIR_EXIT_FAILED;
}

static void line_write(struct weir_strbuf *out, const char *name, const char *text)
{
    weir_strbuf_printf(out, "%-12s", name);
    weir_table_escape(out, weir_span_cstr(text != NULL && text[0] != '\0' ? text : "-"));
    weir_strbuf_putc(out, '\n');
}

static void lines_write(struct weir_strbuf *out, const char *name, char *const *texts, size_t num)
{
    for (size_t i = 0; i < num; i++)
        line_write(out, i == 0 ? name : "", texts[i]);
    if (num == 0)
        line_write(out, name, NULL);
}

static void summary_write(const Weir__V1__CertificateSummary *s, struct weir_strbuf *out)
{
    char text[64];

    line_write(out, "id", s->id);
    line_write(out, "tenant", s->tenant);
    lines_write(out, "names", s->names, s->n_names);
    lines_write(out, "linked to", s->links, s->n_links);
    line_write(out, "default", s->fallback ? "yes" : "no");
    line_write(out, "key", s->key);
    line_write(out, "subject", s->subject);
    line_write(out, "issuer", s->issuer);
    line_write(out, "not before", s->not_before);
    line_write(out, "not after", s->not_after);
    snprintf(text, sizeof(text), "%s, %u days left", s->state != NULL ? s->state : "?",
             s->days_left);
    line_write(out, "state", text);
    lines_write(out, "used by", s->used_by, s->n_used_by);
    snprintf(text, sizeof(text), "%u", s->chain_length);
    line_write(out, "chain", text);
    line_write(out, "source", s->source);
    line_write(out, "added at", s->added_at);
    line_write(out, "added by", s->added_by);
}

static enum weir_exit cert_show(struct weir_cli *cli, const char *name)
{
    struct found f;
    struct weir_arena arena;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    ProtobufCMessage *message = NULL;
    char target[TARGET_MAX];

    enum weir_exit code = cert_find(cli, name, &f);
    if (code != WEIR_EXIT_OK)
        return code;
    snprintf(target, sizeof(target), "/v1/tenants/%s/certificates/%s", f.tenant, f.id);
    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__certificate_response__descriptor, &arena, false };
    code = weir_api_get(cli, target, &want, &message);
    const Weir__V1__CertificateResponse *r = (const Weir__V1__CertificateResponse *)message;
    if (code == WEIR_EXIT_OK && weir_cli_is_message_output(cli)) {
        code = weir_render_response(cli, message);
    } else if (code == WEIR_EXIT_OK && r->certificate != NULL) {
        summary_write(r->certificate, &out);
        if (cli->options.output == WEIR_OUTPUT_WIDE)
            weir_strbuf_puts(&out, r->chain);
        code = weir_render_out(cli, &out);
    }
    weir_arena_deinit(&arena);
    return code;
}

/* -- writes -- */

static enum weir_exit write_run(struct weir_cli *cli, const char *method, const char *target,
                                const char *done)
{
    struct weir_arena arena;
    ProtobufCMessage *message = NULL;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_client_request request = { .method = method, .target = target };

    weir_api_arena_init(&arena);
    struct weir_api_want want = { &weir__v1__certificate_result__descriptor, &arena, false };
    enum weir_exit code = weir_api_send(cli, &request, &want, &message);
    const Weir__V1__CertificateResult *r = (const Weir__V1__CertificateResult *)message;
    if (code == WEIR_EXIT_OK && weir_cli_is_message_output(cli)) {
        code = weir_render_response(cli, message);
    } else if (code == WEIR_EXIT_OK) {
        bool unchanged = r->outcome != NULL && strcmp(r->outcome, "unchanged") == 0;
        weir_strbuf_puts(&out, "certificate ");
        weir_table_escape(&out, weir_span_cstr(r->id));
        weir_strbuf_puts(&out, " of tenant ");
        weir_table_escape(&out, weir_span_cstr(r->tenant));
        weir_strbuf_printf(&out, ": %s%s%s\n", unchanged ? "unchanged, it was " : "", done,
                           cli->options.dry_run ? " (dry run)" : "");
        code = weir_render_out(cli, &out);
    }
    weir_arena_deinit(&arena);
    return code == WEIR_EXIT_OK ? weir_api_wait(cli) : code;
}

static enum weir_exit cert_delete(struct weir_cli *cli, const char *name)
{
    struct found f;
    char target[TARGET_MAX];

    enum weir_exit code = cert_find(cli, name, &f);
    if (code != WEIR_EXIT_OK)
        return code;
    snprintf(target, sizeof(target), "/v1/tenants/%s/certificates/%s%s", f.tenant, f.id,
             cli->options.dry_run ? "?dry_run=1" : "");
    return write_run(cli, "DELETE", target, "deleted");
}

static enum weir_exit cert_link(struct weir_cli *cli)
{
    const struct weir_options *o = &cli->options;
    struct found f;
    struct weir_strbuf target = WEIR_STRBUF_ZERO;
    struct weir_strbuf done = WEIR_STRBUF_ZERO;
    const char *host = o->fallback ? NULL : cli->args[1];

    enum weir_exit code = cert_find(cli, cli->args[o->fallback ? 1 : 2], &f);
    if (code != WEIR_EXIT_OK)
        return code;
    weir_strbuf_printf(&target, "/v1/tenants/%s/certificates/%s/links?%s", f.tenant, f.id,
                       host != NULL ? "host=" : "fallback=1");
    if (host != NULL)
        weir_api_escape(&target, host);
    weir_strbuf_puts(&target, o->remove ? "&remove=1" : "");
    weir_strbuf_puts(&target, o->dry_run ? "&dry_run=1" : "");
    if (host != NULL)
        weir_strbuf_puts(&done, o->remove ? "no longer linked to " : "linked to ");
    else
        weir_strbuf_puts(&done, o->remove ? "no longer the default" : "the default");
    if (host != NULL)
        weir_table_escape(&done, weir_span_cstr(host));
    if (target.failed || done.failed)
        code = weir_cli_no_memory(cli);
    else
        code = write_run(cli, "POST", target.at, done.at);
    weir_strbuf_deinit(&target);
    weir_strbuf_deinit(&done);
    return code;
}

/* -- which -- */

static enum weir_exit each_name(struct weir_cli *cli,
                                enum weir_exit run(struct weir_cli *cli, const char *name))
{
    enum weir_exit worst = WEIR_EXIT_OK;

    for (size_t i = 1; i < cli->num_args && !cli->node_failed; i++) {
        enum weir_exit code = run(cli, cli->args[i]);
        worst = worst == WEIR_EXIT_OK ? code : worst;
    }
    return worst;
}

static enum weir_exit add_run(struct weir_cli *cli)
{
    const struct weir_options *o = &cli->options;

    if (cli->num_args > 1)
        return weir_cli_usage(cli,
                              "weir cert add takes no arguments, but --cert FILE or --dir DIR");
    if (o->tenant == NULL)
        return weir_cli_usage(cli, "--tenant NAME is missing: whose certificate is it?");
    if (!weir_api_is_tenant(cli, o->tenant))
        return WEIR_EXIT_USAGE;
    if ((o->cert == NULL) == (o->dir == NULL))
        return weir_cli_usage(cli, "--cert FILE or --dir DIR, one of them");
    if (o->dir != NULL && (o->key != NULL || o->chain != NULL))
        return weir_cli_usage(cli, "--key and --chain go with --cert");
    return o->dir != NULL ? weir_cert_add_folder(cli) : weir_cert_add_one(cli);
}

static enum weir_exit link_run(struct weir_cli *cli)
{
    size_t wanted = cli->options.fallback ? 2 : 3;

    if (cli->num_args != wanted)
        return weir_cli_usage(cli, cli->options.fallback
                                       ? "weir cert link --default ID takes one certificate"
                                       : "weir cert link HOST ID takes a host and a certificate");
    return cert_link(cli);
}

/* Flags that belong to some of the words alone. */
static const char *flag_misplaced(const struct weir_options *o, const char *verb)
{
    bool add = strcmp(verb, "add") == 0;
    bool link = strcmp(verb, "link") == 0;

    if (!add && (o->cert != NULL || o->key != NULL || o->chain != NULL || o->dir != NULL ||
                 o->password_file != NULL || o->force))
        return "--cert, --key, --chain, --dir, --password-file and --force are for weir cert add";
    if (!link && (o->fallback || o->remove))
        return "--default and --remove are for weir cert link";
    return NULL;
}

enum weir_exit weir_cmd_cert(struct weir_cli *cli)
{
    const char *verb = cli->args[0];
    const char *misplaced = flag_misplaced(&cli->options, verb);

    if (misplaced != NULL)
        return weir_cli_usage(cli, "%s", misplaced);
    if (strcmp(verb, "add") == 0)
        return add_run(cli);
    enum weir_exit code = weir_api_begin(cli);
    if (code != WEIR_EXIT_OK)
        return code;
    if (strcmp(verb, "list") == 0)
        return cert_list(cli);
    if (strcmp(verb, "link") == 0)
        return link_run(cli);
    bool show = strcmp(verb, "show") == 0;
    if (!show && strcmp(verb, "delete") != 0)
        return weir_cli_usage(cli, "%s is not add, list, show, delete or link",
                              weir_schema_text_show(weir_span_cstr(verb)).text);
    if (cli->num_args < 2)
        return weir_cli_usage(cli, "the ID of a certificate is missing; weir cert list shows them");
    return each_name(cli, show ? cert_show : cert_delete);
}
