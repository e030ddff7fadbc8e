/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_file.c - weir validate and weir fmt: what needs no node.
 */
#include <string.h>

#include "node/cli/command.h"
#include "node/cli/docs/file.h"
#include "node/cli/docs/source.h"
#include "node/cli/text/render.h"
#include "node/cli/text/table.h"

enum weir_exit weir_cmd_validate(struct weir_cli *cli)
{
    struct weir_source source;
    weir_source_init(&source, cli);
    enum weir_exit code = weir_source_read(&source, false);
    if (code == WEIR_EXIT_OK) {
        struct weir_strbuf out = WEIR_STRBUF_ZERO;
        weir_strbuf_printf(&out, "%zu document%s valid\n", source.num_docs,
                           source.num_docs == 1 ? " is" : "s are");
        code = weir_render_out(cli, &out);
    }
    weir_source_deinit(&source);
    return code;
}

/* -- fmt -- */

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A "#" at the begin of a line or behind a blank begins a comment, outside of quotes; quotes open
 * only where a value begins. In a block of text it may be no comment: a file that is refused for
 * that is written with --drop-comments. */
static bool has_comment(struct weir_span text)
{
    char quote = 0;
    char before = '\n'; /* the byte before */
    char last = '\n';   /* the last one on this line that is no blank, '\n' for none */
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.at[i];
        if (quote == 0 && c == '#' && is_blank(before))
            return true;
        if (quote == '"' && c == '\\')
            i++;
        else if (c == quote)
            quote = 0;
        else if (quote == 0 && (c == '"' || c == '\'') && strchr("\n:,[{-?", last) != NULL)
            quote = c;
        if (c == '\n' || !is_blank(c))
            last = c;
        before = c;
    }
    return false;
}

static enum weir_err docs_write(const struct weir_docs *docs, enum weir_format format,
                                struct weir_strbuf *out)
{
    for (size_t i = 0; i < docs->len; i++) {
        if (i > 0 && format == WEIR_FORMAT_YAML)
            weir_strbuf_puts(out, "---\n");
        enum weir_err err =
            weir_schema_write(docs->items[i].kind, docs->items[i].message, format, out);
        if (err < 0)
            return err;
        if (out->len > 0 && out->at[out->len - 1] != '\n')
            weir_strbuf_putc(out, '\n');
    }
    return out->failed ? WEIR_ENOMEM : WEIR_OK;
}

static enum weir_exit faults_write(struct weir_cli *cli, const struct weir_diags *diags)
{
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    weir_diags_write(diags, &text);
    fputs(text.failed ? "out of memory\n" : text.at, cli->err);
    if (diags->total > diags->len)
        weir_cli_error(cli, "%zu errors and warnings, of which the first %zu are shown",
                       diags->total, diags->len);
    weir_strbuf_deinit(&text);
    return WEIR_EXIT_FAILED;
}

/* Replaces the content of the file with the canonical form. */
static enum weir_exit write_back(struct weir_cli *cli, const char *file, struct weir_span before,
                                 struct weir_span after)
{
    const char *why = NULL;
    struct weir_strbuf line = WEIR_STRBUF_ZERO;
    struct weir_strbuf shown = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    weir_table_escape(&shown, weir_span_cstr(file));
    if (shown.failed) {
        code = weir_cli_no_memory(cli);
    } else if (weir_span_eq(before, after)) {
        code = WEIR_EXIT_OK;
    } else if (has_comment(before) && !cli->options.drop_comments) {
        weir_cli_error(cli,
                       "%s: has comments, which the canonical form cannot have; it is as it was. "
                       "Give --drop-comments to write it without them",
                       shown.at);
        code = WEIR_EXIT_FAILED;
    } else if (weir_file_replace(file, after, &why) < 0) {
        weir_cli_error(cli, "%s: cannot be written: %s", shown.at, why);
        code = WEIR_EXIT_FAILED;
    } else {
        weir_strbuf_printf(&line, "%s\n", shown.at);
        code = weir_render_out(cli, &line);
    }
    weir_strbuf_deinit(&shown);
    return code;
}

/* @param num_before  files that were printed before this one */
static enum weir_exit text_fmt(struct weir_cli *cli, const char *file, struct weir_span text,
                               size_t num_before)
{
    struct weir_docs docs;
    struct weir_diags diags;
    struct weir_strbuf out = WEIR_STRBUF_ZERO;
    bool stdin_given = strcmp(file, "-") == 0;
    struct weir_schema_source source = {
        .text = text,
        .format = weir_source_format(file, text),
        .file = stdin_given ? "standard input" : file,
    };
    weir_docs_init(&docs);
    weir_diags_init(&diags);
    enum weir_err err = weir_schema_read(&source, &docs, &diags);
    enum weir_exit code = WEIR_EXIT_OK;
    if (err == WEIR_OK && num_before > 0 && !cli->options.write &&
        source.format == WEIR_FORMAT_YAML)
        weir_strbuf_puts(&out, "---\n");
    if (err == WEIR_OK)
        err = docs_write(&docs, source.format, &out);
    if (err == WEIR_EINVAL)
        code = faults_write(cli, &diags);
    else if (err < 0)
        code = weir_cli_no_memory(cli);
    else if (cli->options.write)
        code = write_back(cli, file, text, weir_span(out.at, out.len));
    else
        code = weir_render_out(cli, &out);
    weir_strbuf_deinit(&out);
    weir_diags_deinit(&diags);
    weir_docs_deinit(&docs);
    return code;
}

static enum weir_exit file_fmt(struct weir_cli *cli, const char *file, size_t num_before)
{
    const char *why = NULL;
    struct weir_strbuf text = WEIR_STRBUF_ZERO;
    enum weir_exit code = WEIR_EXIT_OK;
    if (weir_file_read(file, WEIR_SOURCE_TEXT_MAX, &text, &why) == WEIR_OK) {
        code = text_fmt(cli, file, weir_span(text.at, text.len), num_before);
    } else {
        struct weir_strbuf shown = WEIR_STRBUF_ZERO;
        weir_table_escape(&shown, weir_span_cstr(file));
        weir_cli_error(cli, "%s: cannot be read: %s", shown.failed ? "a file" : shown.at, why);
        weir_strbuf_deinit(&shown);
        code = WEIR_EXIT_FAILED;
    }
    weir_strbuf_deinit(&text);
    return code;
}

/* All files are formatted, also behind one that is wrong. */
enum weir_exit weir_cmd_fmt(struct weir_cli *cli)
{
    enum weir_exit worst = WEIR_EXIT_OK;
    for (size_t i = 0; i < cli->num_args; i++)
        if (cli->options.write && strcmp(cli->args[i], "-") == 0)
            return weir_cli_usage(cli, "--write means nothing with -: standard input is no file");
    for (size_t i = 0; i < cli->num_args; i++) {
        enum weir_exit code = file_fmt(cli, cli->args[i], i);
        worst = code != WEIR_EXIT_OK ? code : worst;
    }
    return worst;
}
