/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_yaml.c - YAML by libyaml's events. The only file that includes yaml.h.
 * Anchors, aliases and tags are refused: a value is written where it is used, and a few bytes
 * cannot stand for millions of values. Ref: YAML 1.1; plain scalars are read as YAML 1.2 does.
 */
#include <stdlib.h>
#include <string.h>

#include <yaml.h>

#include "tenants/schema/schema_reader.h"
#include "tenants/schema/schema_report.h"

struct weir_yaml {
    yaml_parser_t parser;
    struct weir_span text;
    uint8_t *copy;        /* owns; of the text without marks; NULL: there was none */
    uint32_t marked_line; /* the first whose byte order mark begins no document; 0: none */
    bool ended;
};

/* -- byte order marks -- */

#define MARK     "\xef\xbb\xbf"
#define MARK_LEN 3

static bool is_border(struct weir_span line)
{
    return (weir_span_starts(line, WEIR_SPAN_LIT("---")) ||
            weir_span_starts(line, WEIR_SPAN_LIT("..."))) &&
           (line.len == 3 || memchr(" \t\r\n", line.at[3], 4) != NULL);
}

/* Whether a line holds only blanks and a comment. */
static bool is_bare(struct weir_span line)
{
    size_t at = 0;

    while (at < line.len && memchr(" \t\r\n", line.at[at], 4) != NULL)
        at++;
    return at == line.len || line.at[at] == '#';
}

/* Files that were joined have a mark wherever one of them begins. libyaml counts it as a column, so
 * that the lines of the document seem to be indented differently. Leaves out the marks that begin a
 * document, and notes the first of the others. */
static void marks_drop(struct weir_yaml *y)
{
    uint8_t *out = y->copy;
    struct weir_span rest = y->text;
    bool begins = true; /* no content since the start of the document */

    for (uint32_t number = 1; rest.len > 0; number++) {
        const uint8_t *nl = memchr(rest.at, '\n', rest.len);
        size_t len = nl != NULL ? (size_t)(nl - rest.at) + 1 : rest.len;
        struct weir_span line = weir_span(rest.at, len);
        bool marked = weir_span_starts(line, WEIR_SPAN_LIT(MARK));
        struct weir_span bare = weir_span_from(line, marked ? MARK_LEN : 0);

        if (marked && (begins || is_border(bare)))
            line = bare;
        else if (marked && !is_bare(bare) && y->marked_line == 0)
            y->marked_line = number;
        if (line.len > 0)
            memcpy(out, line.at, line.len);
        out += line.len;
        begins = is_border(bare) ? is_bare(weir_span_from(bare, 3)) : begins && is_bare(bare);
        rest = weir_span_from(rest, len);
    }
    y->text = weir_span(y->copy, (size_t)(out - y->copy));
}

static enum weir_err marks_handle(struct weir_yaml *y)
{
    if (y->text.len < MARK_LEN || memmem(y->text.at, y->text.len, MARK, MARK_LEN) == NULL)
        return WEIR_OK;
    y->copy = malloc(y->text.len);
    if (y->copy == NULL)
        return WEIR_ENOMEM;
    marks_drop(y);
    return WEIR_OK;
}

/* -- the parser -- */

enum weir_err weir_yaml_new(struct weir_span text, struct weir_yaml **ret)
{
    struct weir_yaml *y = calloc(1, sizeof(*y));

    if (y == NULL)
        return WEIR_ENOMEM;
    if (!yaml_parser_initialize(&y->parser)) {
        free(y);
        return WEIR_ENOMEM;
    }
    y->text = text;
    if (marks_handle(y) < 0) {
        weir_yaml_free(&y);
        return WEIR_ENOMEM;
    }
    yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&y->parser, y->text.len > 0 ? y->text.at : (const uint8_t *)"",
                                 y->text.len);
    *ret = y;
    return WEIR_OK;
}

void weir_yaml_free(struct weir_yaml **y)
{
    if (*y == NULL)
        return;
    yaml_parser_delete(&(*y)->parser);
    free((*y)->copy);
    free(*y);
    *y = NULL;
}

/* For a bad byte libyaml gives only an offset. */
static void report_bytes(struct weir_yaml *y, struct weir_report *report)
{
    size_t end = y->parser.problem_offset < y->text.len ? y->parser.problem_offset : y->text.len;
    uint32_t line = 1, column = 1;

    for (size_t i = 0; i < end; i++) {
        column++;
        if (y->text.at[i] == '\n') {
            line++;
            column = 1;
        }
    }
    weir_report_text(report, line, column, "YAML: %s", y->parser.problem);
}

/* The first tab in the indentation of a line, counted from 0; its column, 0: there is none. */
static uint32_t tab_column(struct weir_span text, size_t line)
{
    size_t at = 0;

    while (line > 0 && at < text.len)
        line -= text.at[at++] == '\n';
    for (uint32_t column = 1; line == 0 && at < text.len; at++, column++) {
        if (text.at[at] == '\t')
            return column;
        if (text.at[at] != ' ')
            return 0;
    }
    return 0;
}

/* Of what a tab breaks, libyaml names only what the scanner met next. */
static bool report_tab(const struct weir_yaml *y, struct weir_report *report)
{
    size_t lines[] = { y->parser.problem_mark.line, y->parser.context_mark.line };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(lines); i++) {
        uint32_t column = tab_column(y->text, lines[i]);
        if (column == 0)
            continue;
        weir_report_text(report, (uint32_t)lines[i] + 1, column,
                         "a tab indents this line: YAML is indented by spaces alone");
        return true;
    }
    return false;
}

/* A mark in front of a line is not seen in an editor, and libyaml names only what comes behind. */
static bool report_mark(const struct weir_yaml *y, struct weir_report *report)
{
    if (y->marked_line == 0 || y->parser.problem_mark.line + 1 < y->marked_line)
        return false;
    weir_report_text(report, y->marked_line, 1,
                     "a byte order mark (U+FEFF) begins this line within a document: remove it, or "
                     "begin a new document by --- in the line before");
    return true;
}

static enum weir_err report_problem(struct weir_yaml *y, struct weir_report *report)
{
    const yaml_parser_t *p = &y->parser;

    if (p->error == YAML_MEMORY_ERROR)
        return WEIR_ENOMEM;
    if (p->error == YAML_READER_ERROR)
        report_bytes(y, report);
    else if (report_mark(y, report) || report_tab(y, report))
        return WEIR_EINVAL;
    else if (p->context != NULL)
        weir_report_text(report, (uint32_t)p->problem_mark.line + 1,
                         (uint32_t)p->problem_mark.column + 1,
                         "YAML: %s, %s that begins in line %zu", p->problem, p->context,
                         p->context_mark.line + 1);
    else
        weir_report_text(report, (uint32_t)p->problem_mark.line + 1,
                         (uint32_t)p->problem_mark.column + 1, "YAML: %s", p->problem);
    return WEIR_EINVAL;
}

static struct weir_tree node_at(enum weir_tree_kind kind, const yaml_mark_t *mark)
{
    return (struct weir_tree){
        .kind = kind,
        .line = (uint32_t)mark->line + 1,
        .column = (uint32_t)mark->column + 1,
    };
}

/* Add a value that may carry an anchor or a tag, which is reported. Its content is checked as if it
 * had none. */
static enum weir_err value_add(struct weir_tree_builder *b, struct weir_tree *node,
                               const yaml_char_t *anchor, const yaml_char_t *tag)
{
    if (anchor != NULL)
        weir_report_text(b->report, node->line, node->column,
                         "anchors and aliases are not supported: write the value out");
    else if (tag != NULL)
        weir_report_text(b->report, node->line, node->column,
                         "tags are not supported: leave it out");
    return weir_reader_add(b, node);
}

static enum weir_err scalar_add(struct weir_tree_builder *b, const yaml_event_t *event)
{
    struct weir_tree node = node_at(WEIR_TREE_SCALAR, &event->start_mark);
    size_t len = event->data.scalar.length;
    uint8_t *text = weir_arena_alloc(b->arena, len);

    if (text == NULL)
        return WEIR_ENOMEM;
    if (len > 0)
        memcpy(text, event->data.scalar.value, len);
    node.text = weir_span(text, len);
    node.quoted = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    return value_add(b, &node, event->data.scalar.anchor, event->data.scalar.tag);
}

/* One event of a document. *ret_done: the document is whole. */
static enum weir_err event_handle(struct weir_tree_builder *b, const yaml_event_t *event,
                                  bool *ret_done)
{
    struct weir_tree node;

    switch (event->type) {
    case YAML_SCALAR_EVENT:
        return scalar_add(b, event);
    case YAML_SEQUENCE_START_EVENT:
        node = node_at(WEIR_TREE_LIST, &event->start_mark);
        return value_add(b, &node, event->data.sequence_start.anchor,
                         event->data.sequence_start.tag);
    case YAML_MAPPING_START_EVENT:
        node = node_at(WEIR_TREE_MAP, &event->start_mark);
        return value_add(b, &node, event->data.mapping_start.anchor, event->data.mapping_start.tag);
    case YAML_ALIAS_EVENT:
        node = node_at(WEIR_TREE_SCALAR, &event->start_mark);
        node.reported = true; /* what it means is not known */
        return value_add(b, &node, event->data.alias.anchor, NULL);
    case YAML_SEQUENCE_END_EVENT:
    case YAML_MAPPING_END_EVENT:
        weir_tree_close(b);
        return WEIR_OK;
    case YAML_DOCUMENT_END_EVENT:
        *ret_done = true;
        return WEIR_OK;
    case YAML_NO_EVENT:
    case YAML_STREAM_START_EVENT:
    case YAML_STREAM_END_EVENT:
    case YAML_DOCUMENT_START_EVENT:
        return WEIR_OK;
    }
    WEIR_UNREACHABLE();
}

/* "---" with nothing behind it. */
static bool root_is_empty(const struct weir_tree *root)
{
    return root == NULL || (root->kind == WEIR_TREE_SCALAR && !root->quoted && !root->reported &&
                            root->text.len == 0);
}

enum weir_err weir_yaml_next(struct weir_yaml *y, struct weir_tree_builder *b,
                             struct weir_tree **ret)
{
    WEIR_ASSERT(b->report != NULL);
    weir_tree_begin(b);
    while (!y->ended) {
        yaml_event_t event;
        bool done = false;

        if (!yaml_parser_parse(&y->parser, &event))
            return report_problem(y, b->report);
        y->ended = event.type == YAML_STREAM_END_EVENT;
        enum weir_err err = event_handle(b, &event, &done);
        yaml_event_delete(&event);
        if (err < 0)
            return err;
        if (done && !root_is_empty(b->root)) {
            *ret = b->root;
            return WEIR_OK;
        }
        if (done)
            weir_tree_begin(b);
    }
    *ret = NULL;
    return WEIR_OK;
}
