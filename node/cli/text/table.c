/* SPDX-License-Identifier: Apache-2.0
 *
 * table.c - escaping, widths and columns. Widths follow the common terminals: the large blocks of
 * wide letters and of combining marks are known, the rare ones count as one column.
 */
#include "node/cli/text/table.h"

#include <stdio.h>
#include <string.h>

#include "tenants/schema/schema_text.h"

#define GAP 2 /* columns between columns */

struct range {
    uint32_t from, to;
};

static const struct range combining[] = {
    { 0x0300, 0x036f }, { 0x0483, 0x0489 }, { 0x0591, 0x05bd }, { 0x064b, 0x065f },
    { 0x1ab0, 0x1aff }, { 0x1dc0, 0x1dff }, { 0x200b, 0x200d }, { 0x20d0, 0x20ff },
    { 0xfe00, 0xfe0f }, { 0xfe20, 0xfe2f },
};

static const struct range wide[] = {
    { 0x1100, 0x115f }, { 0x2e80, 0x303e }, { 0x3041, 0x33ff },   { 0x3400, 0x4dbf },
    { 0x4e00, 0x9fff }, { 0xa000, 0xa4cf }, { 0xac00, 0xd7a3 },   { 0xf900, 0xfaff },
    { 0xfe30, 0xfe6f }, { 0xff00, 0xff60 }, { 0x1f300, 0x1faff }, { 0x20000, 0x3fffd },
};

static bool in_ranges(const struct range *ranges, size_t num, uint32_t point)
{
    for (size_t i = 0; i < num; i++)
        if (point >= ranges[i].from && point <= ranges[i].to)
            return true;
    return false;
}

void weir_table_escape(struct weir_strbuf *out, struct weir_span text)
{
    weir_schema_text_escape(out, text);
}

size_t weir_table_width(struct weir_span text)
{
    size_t width = 0;
    while (text.len > 0) {
        uint32_t point = 0;
        size_t len = weir_schema_text_next(text, &point);
        if (len > 0 && in_ranges(wide, WEIR_ARRAY_LEN(wide), point))
            width += 2;
        else if (len == 0 || !in_ranges(combining, WEIR_ARRAY_LEN(combining), point))
            width += 1;
        text = weir_span_from(text, len > 0 ? len : 1);
    }
    return width;
}

void weir_table_init(struct weir_table *t, const char *const *headers, size_t num_columns,
                     bool no_headers)
{
    WEIR_ASSERT(num_columns >= 1 && num_columns <= WEIR_TABLE_COLUMNS_MAX);
    *t = (struct weir_table){ .num_columns = num_columns,
                              .headers = headers,
                              .no_headers = no_headers,
                              .text = WEIR_STRBUF_ZERO };
    for (size_t i = 0; i < num_columns && !no_headers; i++)
        t->widths[i] = weir_table_width(weir_span_cstr(headers[i]));
}

void weir_table_deinit(struct weir_table *t)
{
    weir_strbuf_deinit(&t->text);
}

void weir_table_cell(struct weir_table *t, struct weir_span text)
{
    size_t column = t->num_cells++ % t->num_columns;
    size_t from = t->text.len;
    if (text.len == 0)
        text = WEIR_SPAN_LIT("-");
    weir_table_escape(&t->text, text);
    if (t->text.failed)
        return;
    size_t width = weir_table_width(weir_span(t->text.at + from, t->text.len - from));
    if (width > t->widths[column])
        t->widths[column] = width;
    weir_strbuf_putc(&t->text, '\0');
}

void weir_table_cstr(struct weir_table *t, const char *text)
{
    weir_table_cell(t, weir_span_cstr(text));
}

void weir_table_number(struct weir_table *t, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    weir_table_cell(t, weir_span(text, (size_t)len));
}

/* The last column has no blanks behind it. */
static void cell_write(const struct weir_table *t, size_t column, struct weir_span text,
                       struct weir_strbuf *out)
{
    weir_strbuf_add(out, text);
    if (column + 1 == t->num_columns) {
        weir_strbuf_putc(out, '\n');
        return;
    }
    for (size_t width = weir_table_width(text); width < t->widths[column] + GAP; width++)
        weir_strbuf_putc(out, ' ');
}

enum weir_err weir_table_write(struct weir_table *t, struct weir_strbuf *out)
{
    WEIR_ASSERT(t->num_cells % t->num_columns == 0);
    if (t->text.failed)
        return WEIR_ENOMEM;
    for (size_t i = 0; i < t->num_columns && !t->begun && !t->no_headers; i++)
        cell_write(t, i, weir_span_cstr(t->headers[i]), out);
    t->begun = true;
    const char *at = t->text.at;
    for (size_t i = 0; i < t->num_cells; i++) {
        struct weir_span cell = weir_span_cstr(at);
        cell_write(t, i % t->num_columns, cell, out);
        at += cell.len + 1;
    }
    t->num_cells = 0;
    weir_strbuf_reset(&t->text);
    return out->failed ? WEIR_ENOMEM : WEIR_OK;
}
