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
    bool ended;
};

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
    yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&y->parser, text.len > 0 ? text.at : (const uint8_t *)"",
                                 text.len);
    *ret = y;
    return WEIR_OK;
}

void weir_yaml_free(struct weir_yaml **y)
{
    if (*y == NULL)
        return;
    yaml_parser_delete(&(*y)->parser);
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

static enum weir_err report_problem(struct weir_yaml *y, struct weir_report *report)
{
    const yaml_parser_t *p = &y->parser;

    if (p->error == YAML_MEMORY_ERROR)
        return WEIR_ENOMEM;
    if (p->error == YAML_READER_ERROR)
        report_bytes(y, report);
    else if (report_tab(y, report))
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
