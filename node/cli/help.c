/* SPDX-License-Identifier: Apache-2.0
 *
 * help.c - everything that explains itself: screen, pages, references of the documents, version.
 */
#include "node/cli/help.h"

#include <string.h>

#include "node/cli/args.h"
#include "node/cli/text/render.h"
#include "tenants/schema/schema.h"
#include "tenants/schema/schema_text.h"

#define NAME_COLUMN  14 /* width of the names on the screen */
#define FLAG_COLUMN  24 /* where the meaning of a flag begins */
#define PAGE_COLUMNS 78

static void name_write(struct weir_strbuf *out, const char *name, size_t width)
{
    weir_strbuf_printf(out, "  %-*s", (int)width, name);
}

enum weir_exit weir_help_screen(struct weir_cli *cli)
{
    size_t num = 0;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    const struct weir_command *all = weir_command_all(&num);
    weir_strbuf_puts(&out, "weir - a reverse proxy for many tenants\n\n"
                           "Usage: weir COMMAND [FLAG...] [ARGUMENT...]\n\n");
    name_write(&out, "node", NAME_COLUMN);
    weir_strbuf_puts(&out, "run a node: weir node --config FILE\n");
    for (size_t i = 0; i < num; i++) {
        name_write(&out, all[i].name, NAME_COLUMN);
        weir_strbuf_printf(&out, "%s\n", all[i].summary);
    }
    weir_strbuf_puts(
        &out, "\nExamples:\n"
              "  weir apply -f shop.yaml\n"
              "  weir get tenant shop -o yaml\n"
              "  weir route test http://shop.example.com/cart\n"
              "\nCommands find their node by --node URL, else $WEIR_NODE, else\n" WEIR_CLI_SOCKET
              ".\nA remote one, https://HOST:PORT, needs $WEIR_TOKEN, and $WEIR_CA unless this\n"
              "host trusts it.\n\n"
              "weir COMMAND --help   a page with all flags and examples\n"
              "weir help tenant      every field of a tenant's document (tenant.routes: a part)\n"
              "weir help node        every field of the node's file\n");
    return weir_render_out(cli, &out);
}

/* -- pages -- */

static void lines_write(struct weir_strbuf *out, const char *text, const char *indent)
{
    while (*text != '\0') {
        size_t len = strcspn(text, "\n");
        if (len > 0)
            weir_strbuf_puts(out, indent);
        weir_strbuf_add(out, weir_span(text, len));
        weir_strbuf_putc(out, '\n');
        text += len + (text[len] == '\n');
    }
}

/* Words of a text in lines of at most PAGE_COLUMNS, each line behind `indent` blanks but the first,
 * for which `at` columns are taken already. An empty line parts paragraphs. */
static void words_write(struct weir_strbuf *out, const char *text, size_t at, size_t indent)
{
    bool begun = false; /* the line has a word */
    while (*text != '\0') {
        size_t len = strcspn(text, " \n");
        bool paragraph = text[0] == '\n' && text[1] == '\n';
        if (paragraph || (begun && len > 0 && at + 1 + len > PAGE_COLUMNS)) {
            weir_strbuf_printf(out, "%s%*s", paragraph ? "\n\n" : "\n", (int)indent, "");
            at = indent;
            begun = false;
        }
        if (len > 0) {
            weir_strbuf_puts(out, begun ? " " : "");
            weir_strbuf_add(out, weir_span(text, len));
            at += len + begun;
            begun = true;
        }
        text += len > 0 ? len : 1;
    }
    weir_strbuf_putc(out, '\n');
}

static void flag_write(struct weir_strbuf *out, const struct weir_flag_def *f)
{
    char left[64];
    snprintf(left, sizeof(left), "  %c%c%c --%s%s%s", f->letter != 0 ? '-' : ' ',
             f->letter != 0 ? f->letter : ' ', f->letter != 0 ? ',' : ' ', f->name,
             f->value != NULL ? " " : "", f->value != NULL ? f->value : "");
    weir_strbuf_printf(out, "%-*s", FLAG_COLUMN - 1, left);
    weir_strbuf_putc(out, ' ');
    words_write(out, f->help, FLAG_COLUMN, FLAG_COLUMN);
}

static void usage_write(struct weir_strbuf *out, const struct weir_command *c)
{
    const char *at = c->usage;
    do {
        size_t len = strcspn(at, "\n");
        weir_strbuf_printf(out, "  weir %s%s%.*s\n", c->name, len > 0 ? " " : "", (int)len, at);
        at += len + (at[len] == '\n');
    } while (*at != '\0');
    weir_strbuf_putc(out, '\n');
}

enum weir_exit weir_help_page(struct weir_cli *cli, const struct weir_command *c)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_strbuf_printf(&out, "weir %s - %s\n\nUsage:\n", c->name, c->summary);
    usage_write(&out, c);
    words_write(&out, c->description, 0, 0);
    weir_strbuf_puts(&out, "\nFlags:\n");
    for (unsigned i = 0; i < WEIR_FLAG_COUNT; i++)
        if (((c->flags | WEIR_FLAG_BIT(WEIR_FLAG_HELP)) & WEIR_FLAG_BIT(i)) != 0)
            flag_write(&out, weir_args_flag((enum weir_flag)i));
    weir_strbuf_puts(&out, "\nExamples:\n");
    lines_write(&out, c->examples, "  ");
    weir_strbuf_puts(&out, "\nExit codes:\n  0  done\n");
    lines_write(&out, c->exits, "  ");
    return weir_render_out(cli, &out);
}

/* -- commands -- */

static enum weir_exit reference(struct weir_cli *cli, enum weir_kind kind)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    if (kind == WEIR_KIND_NODE)
        weir_strbuf_puts(&out, "The file of weir node --config FILE. weir node --check --config "
                               "FILE checks it and the host.\n\n");
    if (kind == WEIR_KIND_CERTIFICATE)
        weir_strbuf_puts(&out, "What weir export writes of certificates, and weir import reads. "
                               "Files of other forms: weir cert add.\n\n");
    weir_schema_help(kind, &out);
    return weir_render_out(cli, &out);
}

static enum weir_exit reference_part(struct weir_cli *cli, const char *path)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    struct weir_strbuf why = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    enum weir_err err = weir_schema_help_path(weir_span_cstr(path), &out, &why);
    if (why.failed)
        code = weir_cli_no_memory(cli);
    else if (err == WEIR_ENOTFOUND)
        code = weir_cli_usage(cli, "%s", why.len > 0 ? why.at : "there is no such field");
    else
        code = weir_render_out(cli, &out);
    weir_strbuf_deinit(&out);
    weir_strbuf_deinit(&why);
    return code;
}

enum weir_exit weir_cmd_help(struct weir_cli *cli)
{
    if (cli->num_args == 0)
        return weir_help_screen(cli);
    const char *topic = cli->args[0];
    if (strcmp(topic, "tenant") == 0)
        return reference(cli, WEIR_KIND_TENANT);
    if (strcmp(topic, "node") == 0)
        return reference(cli, WEIR_KIND_NODE);
    if (strcmp(topic, "certificate") == 0)
        return reference(cli, WEIR_KIND_CERTIFICATE);
    if (strncmp(topic, "tenant.", 7) == 0 || strncmp(topic, "node.", 5) == 0 ||
        strncmp(topic, "certificate.", 12) == 0)
        return reference_part(cli, topic);
    const struct weir_command *found = weir_command_find(topic);
    if (found != NULL)
        return weir_help_page(cli, found);
    size_t num = 0;
    const struct weir_command *all = weir_command_all(&num);
    struct weir_suggest suggest = weir_suggest_begin(weir_span_cstr(topic));
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("tenant"));
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("node"));
    weir_suggest_offer(&suggest, WEIR_SPAN_LIT("certificate"));
    for (size_t i = 0; i < num; i++)
        weir_suggest_offer(&suggest, weir_span_cstr(all[i].name));
    return weir_cli_usage(cli, "there is no page on %s%s",
                          weir_schema_text_show(weir_span_cstr(topic)).text,
                          weir_suggest_text(&suggest).text);
}

enum weir_exit weir_cmd_version(struct weir_cli *cli)
{
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    weir_strbuf_puts(&out, "weir " WEIR_VERSION "\n");
    return weir_render_out(cli, &out);
}
