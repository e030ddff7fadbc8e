/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_write_yaml.c - trees as YAML that a person would write: block maps, one line for what fits
 * one line, texts of several lines as they are. A text has no quotes only where no version of YAML
 * could read it as something else.
 */
#include <string.h>

#include "tenants/schema/schema_text.h"
#include "tenants/schema/schema_write.h"

#define FLOW_COLUMNS_MAX 100 /* columns of what is written in one line */

/* -- scalars -- */

/* What some YAML reads as a boolean or as null. */
static bool is_reserved(struct weir_span s)
{
    static const char *const words[] = {
        "true", "false", "null", "yes", "no", "on", "off", "y", "n"
    };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(words); i++)
        if (weir_span_eq_nocase(s, weir_span_cstr(words[i])))
            return true;
    return false;
}

static bool is_letter(uint8_t c)
{
    uint8_t lower = weir_ascii_lower(c);

    return lower >= 'a' && lower <= 'z';
}

/* Four numbers with dots between them are an address to everybody. */
static bool is_dotted_quad(struct weir_span s)
{
    size_t num_dots = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '.')
            num_dots++;
        else if (s.at[i] < '0' || s.at[i] > '9')
            return false;
    }
    return num_dots == 3 && s.at[0] != '.' && s.at[s.len - 1] != '.';
}

static bool needs_no_quotes(struct weir_span s)
{
    if (s.len == 0 || is_reserved(s))
        return false;
    if (!is_letter(s.at[0]) && s.at[0] != '/' && s.at[0] != '_')
        return is_dotted_quad(s);
    for (size_t i = 1; i < s.len; i++) {
        bool digit = s.at[i] >= '0' && s.at[i] <= '9';
        if (!is_letter(s.at[i]) && !digit && memchr("-_./", s.at[i], 4) == NULL)
            return false;
    }
    return true;
}

static void write_escape(uint32_t point, struct weir_strbuf *out)
{
    if (point == '\n')
        weir_strbuf_puts(out, "\\n");
    else if (point == '\t')
        weir_strbuf_puts(out, "\\t");
    else if (point == '"' || point == '\\')
        weir_strbuf_printf(out, "\\%c", (char)point);
    else if (point <= 0xff)
        weir_strbuf_printf(out, "\\x%02x", point);
    else if (point <= 0xffff)
        weir_strbuf_printf(out, "\\u%04x", point);
    else
        weir_strbuf_printf(out, "\\U%08x", point);
}

static void write_quoted(struct weir_span s, struct weir_strbuf *out)
{
    weir_strbuf_putc(out, '"');
    while (s.len > 0) {
        uint32_t point = s.at[0];
        size_t len = weir_schema_text_next(s, &point);

        if (len == 0 || !weir_schema_text_is_shown(point) || point == '"' || point == '\\')
            write_escape(point, out);
        else
            weir_strbuf_add(out, weir_span(s.at, len));
        s = weir_span_from(s, len > 0 ? len : 1);
    }
    weir_strbuf_putc(out, '"');
}

static void write_scalar(const struct weir_tree *t, struct weir_strbuf *out)
{
    if (!t->quoted || t->bare || needs_no_quotes(t->text))
        weir_strbuf_add(out, t->text);
    else
        write_quoted(t->text, out);
}

/* Whether a text of several lines can stand as it is: the reader finds its indent by its first
 * line. */
static bool is_literal(const struct weir_tree *t)
{
    struct weir_span s = t->text;

    if (t->kind != WEIR_TREE_SCALAR || !t->quoted || s.len == 0 ||
        memchr(s.at, '\n', s.len) == NULL)
        return false;
    if (s.at[0] == ' ' || s.at[0] == '\n' || s.at[0] == '\t')
        return false;
    while (s.len > 0) {
        uint32_t point;
        size_t len = weir_schema_text_next(s, &point);
        if (len == 0 || (!weir_schema_text_is_shown(point) && point != '\n' && point != '\t'))
            return false;
        s = weir_span_from(s, len);
    }
    return true;
}

static void write_indent(unsigned indent, struct weir_strbuf *out)
{
    weir_strbuf_printf(out, "%*s", (int)indent, "");
}

static void write_literal(struct weir_span s, unsigned indent, struct weir_strbuf *out)
{
    bool ends = s.at[s.len - 1] == '\n';
    bool ends_twice = ends && s.at[s.len - 2] == '\n'; /* it does not begin with one */

    weir_strbuf_puts(out, ends_twice ? " |+\n" : ends ? " |\n" : " |-\n");
    while (s.len > 0) {
        const uint8_t *end = memchr(s.at, '\n', s.len);
        size_t len = end != NULL ? (size_t)(end - s.at) : s.len;

        if (len > 0)
            write_indent(indent, out);
        weir_strbuf_add(out, weir_span(s.at, len));
        weir_strbuf_putc(out, '\n');
        s = weir_span_from(s, len + (end != NULL));
    }
}

/* -- one line -- */

static void write_flow(const struct weir_tree *t, struct weir_strbuf *out)
{
    bool is_map = t->kind == WEIR_TREE_MAP;

    if (t->kind == WEIR_TREE_SCALAR) {
        write_scalar(t, out);
        return;
    }
    weir_strbuf_puts(out, !is_map ? "[" : t->num > 0 ? "{ " : "{");
    for (const struct weir_tree *item = t->first; item != NULL; item = item->next) {
        if (item != t->first)
            weir_strbuf_puts(out, ", ");
        if (is_map) {
            write_scalar(item, out);
            weir_strbuf_puts(out, ": ");
            item = item->next;
        }
        write_flow(item, out);
    }
    weir_strbuf_puts(out, !is_map ? "]" : t->num > 0 ? " }" : "}");
}

/* Write a value in one line, when that line stays short. @return whether it did */
static bool write_line(const struct weir_tree *t, size_t line_at, struct weir_strbuf *out)
{
    size_t start = out->len;

    write_flow(t, out);
    if (out->failed || out->len - line_at <= FLOW_COLUMNS_MAX)
        return true;
    out->len = start;
    out->at[start] = '\0';
    return false;
}

/* -- blocks -- */

static void write_map(const struct weir_tree *t, unsigned indent, bool in_item,
                      struct weir_strbuf *out);

/* Only lists of plain values, and maps of them, read well in one line. */
static void write_list(const struct weir_tree *t, unsigned indent, struct weir_strbuf *out)
{
    for (const struct weir_tree *item = t->first; item != NULL; item = item->next) {
        size_t line_at = out->len;

        write_indent(indent, out);
        weir_strbuf_puts(out, "- ");
        if (write_line(item, line_at, out))
            weir_strbuf_putc(out, '\n');
        else if (item->kind == WEIR_TREE_MAP)
            write_map(item, indent + 2, true, out);
        else {
            write_flow(item, out);
            weir_strbuf_putc(out, '\n');
        }
    }
}

/* @param in_item  it is inside an item of a list, where a map in one line reads well */
static void write_value(const struct weir_tree *t, size_t line_at, unsigned indent, bool in_item,
                        struct weir_strbuf *out)
{
    bool of_scalars =
        t->kind == WEIR_TREE_LIST && (t->first == NULL || t->first->kind == WEIR_TREE_SCALAR);

    if (is_literal(t)) {
        write_literal(t->text, indent + 2, out);
        return;
    }
    if (t->kind == WEIR_TREE_SCALAR || t->first == NULL) {
        weir_strbuf_putc(out, ' ');
        write_flow(t, out);
        weir_strbuf_putc(out, '\n');
        return;
    }
    if (of_scalars || in_item) {
        weir_strbuf_putc(out, ' ');
        if (write_line(t, line_at, out)) {
            weir_strbuf_putc(out, '\n');
            return;
        }
        out->len--;
    }
    weir_strbuf_putc(out, '\n');
    if (t->kind == WEIR_TREE_MAP)
        write_map(t, indent + 2, false, out);
    else
        write_list(t, indent + 2, out);
}

/* @param in_item  the first key stands behind the dash of a list item */
static void write_map(const struct weir_tree *t, unsigned indent, bool in_item,
                      struct weir_strbuf *out)
{
    for (const struct weir_tree *key = t->first; key != NULL; key = key->next->next) {
        size_t line_at = out->len;

        if (!in_item || key != t->first)
            write_indent(indent, out);
        write_scalar(key, out);
        weir_strbuf_putc(out, ':');
        write_value(key->next, line_at, indent, in_item, out);
    }
}

void weir_write_yaml(const struct weir_tree *root, struct weir_strbuf *out)
{
    write_map(root, 0, false, out);
}
