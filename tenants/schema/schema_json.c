/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_json.c - JSON by a strict reader of its own, because places and keys given twice must be
 * known. Nothing beyond the grammar is accepted: no comments, no trailing commas, no NaN, no bytes
 * that are not UTF-8. Sans-I/O; recursion is bounded by WEIR_TREE_DEPTH_MAX.   Ref: RFC 8259.
 */
#include <string.h>

#include "tenants/schema/schema_reader.h"
#include "tenants/schema/schema_report.h"

/** One call: the reader, and where its values go. */
struct reading {
    struct weir_json *j;
    struct weir_tree_builder *b;
};

void weir_json_init(struct weir_json *j, struct weir_span text)
{
    *j = (struct weir_json){ .text = text, .line = 1, .column = 1 };
}

/* Line and column of byte `at`, counted on from the last one asked for. */
static void count_to(struct weir_json *j, size_t at)
{
    for (; j->counted < at; j->counted++) {
        uint8_t c = j->text.at[j->counted];
        if (c == '\n') {
            j->line++;
            j->column = 1;
        } else if ((c & 0xc0) != 0x80) {
            j->column++;
        }
    }
}

static enum weir_err report_fault(struct reading *r, size_t at, const char *what)
{
    count_to(r->j, at);
    weir_report_text(r->b->report, r->j->line, r->j->column, "JSON: %s", what);
    return WEIR_EINVAL;
}

/* The byte at hand, or -1 at the end. */
static int byte_peek(const struct weir_json *j)
{
    return j->at < j->text.len ? j->text.at[j->at] : -1;
}

static bool is_space(int c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int skip_space(struct weir_json *j)
{
    while (is_space(byte_peek(j)))
        j->at++;
    return byte_peek(j);
}

static struct weir_tree node_here(struct weir_json *j, enum weir_tree_kind kind)
{
    count_to(j, j->at);
    return (struct weir_tree){ .kind = kind, .line = j->line, .column = j->column };
}

/* -- strings -- */

/* Four hex digits at `at`; -1: they are none. */
static int32_t hex4(const struct weir_json *j, size_t at)
{
    int32_t n = 0;

    if (j->text.len - at < 4)
        return -1;
    for (size_t i = at; i < at + 4; i++) {
        uint8_t c = weir_ascii_lower(j->text.at[i]);
        if (c >= '0' && c <= '9')
            n = n << 4 | (c - '0');
        else if (c >= 'a' && c <= 'f')
            n = n << 4 | (c - 'a' + 10);
        else
            return -1;
    }
    return n;
}

/* "uXXXX" at j->at, a pair of them for what is above U+FFFF. @return bytes written, 0: it is none
 */
static size_t escape_read_unicode(struct weir_json *j, uint8_t *out)
{
    int32_t high = hex4(j, j->at + 1);
    uint32_t point = (uint32_t)high;

    if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
        return 0;
    j->at += 5;
    if (high >= 0xd800 && high <= 0xdbff) {
        if (j->text.len - j->at < 6 || j->text.at[j->at] != '\\' || j->text.at[j->at + 1] != 'u')
            return 0;
        int32_t low = hex4(j, j->at + 2);
        if (low < 0xdc00 || low > 0xdfff)
            return 0;
        point = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
        j->at += 6;
    }
    return weir_schema_text_encode(point, out);
}

/* What stands behind a backslash; j->at is behind it. @return bytes written, 0: no such escape */
static size_t escape_read(struct weir_json *j, uint8_t *out)
{
    static const char names[] = "\"\\/bfnrt";
    static const char values[] = "\"\\/\b\f\n\r\t";
    int c = byte_peek(j);

    if (c == 'u')
        return escape_read_unicode(j, out);
    const char *name = c > 0 ? strchr(names, c) : NULL;
    if (name == NULL)
        return 0;
    j->at++;
    out[0] = (uint8_t)values[name - names];
    return 1;
}

/* The end of the string that begins behind j->at, in bytes; j->text.len when there is none. */
static size_t string_end(const struct weir_json *j, bool *ret_escaped)
{
    size_t at = j->at;

    while (at < j->text.len && j->text.at[at] != '"') {
        if (j->text.at[at] == '\\') {
            *ret_escaped = true;
            at++;
        }
        at++;
    }
    return at < j->text.len ? at : j->text.len;
}

/* No control characters, and UTF-8 throughout. */
static enum weir_err string_check(struct reading *r, size_t end)
{
    struct weir_json *j = r->j;

    for (size_t at = j->at; at < end;) {
        uint32_t point;
        size_t len = weir_schema_text_next(weir_span(j->text.at + at, end - at), &point);
        if (len == 0)
            return report_fault(r, at, "this is not UTF-8");
        if (point < 0x20)
            return report_fault(r, at, "control characters in a string must be escaped");
        at += len;
    }
    return WEIR_OK;
}

/* A string; j->at is at its first quote. Without escapes it borrows from the text. */
static enum weir_err string_read(struct reading *r, struct weir_span *ret)
{
    struct weir_json *j = r->j;
    size_t start = j->at++;
    bool escaped = false;
    size_t end = string_end(j, &escaped);

    if (end == j->text.len)
        return report_fault(r, start, "this string has no end");
    enum weir_err err = string_check(r, end);
    if (err < 0)
        return err;
    *ret = weir_span(j->text.at + j->at, end - j->at);
    if (escaped) {
        uint8_t *out = weir_arena_alloc(r->b->arena, end - j->at); /* escapes only shrink */
        size_t len = 0;
        if (out == NULL)
            return WEIR_ENOMEM;
        while (j->at < end) {
            if (j->text.at[j->at] != '\\') {
                out[len++] = j->text.at[j->at++];
                continue;
            }
            size_t escape_at = j->at++;
            size_t used = escape_read(j, out + len);
            if (used == 0 || j->at > end)
                return report_fault(r, escape_at, "there is no such escape");
            len += used;
        }
        *ret = weir_span(out, len);
    }
    j->at = end + 1;
    return WEIR_OK;
}

/* -- values -- */

static size_t digits_len(const struct weir_json *j, size_t at)
{
    size_t len = 0;

    while (at + len < j->text.len && j->text.at[at + len] >= '0' && j->text.at[at + len] <= '9')
        len++;
    return len;
}

/* Length of the number at j->at; 0: it is none. */
static size_t number_len(const struct weir_json *j)
{
    size_t at = j->at;
    size_t num;

    if (at < j->text.len && j->text.at[at] == '-')
        at++;
    num = digits_len(j, at);
    if (num == 0 || (num > 1 && j->text.at[at] == '0'))
        return 0;
    at += num;
    if (at < j->text.len && j->text.at[at] == '.') {
        num = digits_len(j, at + 1);
        if (num == 0)
            return 0;
        at += 1 + num;
    }
    if (at < j->text.len && (j->text.at[at] | 0x20) == 'e') {
        at++;
        if (at < j->text.len && (j->text.at[at] == '+' || j->text.at[at] == '-'))
            at++;
        num = digits_len(j, at);
        if (num == 0)
            return 0;
        at += num;
    }
    return at - j->at;
}

/* true, false, null or a number. */
static enum weir_err literal_read(struct reading *r)
{
    static const struct weir_span words[] = { WEIR_SPAN_LIT("true"), WEIR_SPAN_LIT("false"),
                                              WEIR_SPAN_LIT("null") };
    struct weir_json *j = r->j;
    struct weir_span rest = weir_span_from(j->text, j->at);
    struct weir_tree node = node_here(j, WEIR_TREE_SCALAR);
    size_t len = number_len(j);

    for (size_t i = 0; len == 0 && i < WEIR_ARRAY_LEN(words); i++)
        if (weir_span_starts(rest, words[i]))
            len = words[i].len;
    if (len == 0)
        return report_fault(r, j->at,
                            rest.len == 0 ? "the text ends where a value is expected"
                                          : "a value is expected here");
    node.text = weir_span(rest.at, len);
    j->at += len;
    int next = byte_peek(j);
    if (next >= 0 && !is_space(next) && memchr(",]}", next, 3) == NULL)
        return report_fault(r, j->at, "this does not end the value before it");
    return weir_reader_add(r->b, &node);
}

static enum weir_err string_add(struct reading *r)
{
    struct weir_tree node = node_here(r->j, WEIR_TREE_SCALAR);
    enum weir_err err = string_read(r, &node.text);

    node.quoted = true;
    return err < 0 ? err : weir_reader_add(r->b, &node);
}

static enum weir_err value_read(struct reading *r);

/* Behind a value of a list or map: "," goes on, the closing byte ends. */
static enum weir_err separator_read(struct reading *r, char close, bool *ret_closed)
{
    struct weir_json *j = r->j;
    int c = skip_space(j);

    if (c != ',' && c != close)
        return report_fault(r, j->at,
                            close == ']' ? "\",\" or \"]\" is expected here"
                                         : "\",\" or \"}\" is expected here");
    j->at++;
    *ret_closed = c == close;
    return WEIR_OK;
}

static enum weir_err array_read(struct reading *r)
{
    struct weir_json *j = r->j;
    struct weir_tree node = node_here(j, WEIR_TREE_LIST);
    enum weir_err err = weir_reader_add(r->b, &node);
    bool closed = false;

    if (err < 0)
        return err;
    j->at++;
    if (skip_space(j) == ']') {
        j->at++;
        closed = true;
    }
    while (!closed) {
        err = value_read(r);
        if (err == WEIR_OK)
            err = separator_read(r, ']', &closed);
        if (err < 0)
            return err;
    }
    weir_tree_close(r->b);
    return WEIR_OK;
}

static enum weir_err member_read(struct reading *r)
{
    struct weir_json *j = r->j;

    if (skip_space(j) != '"')
        return report_fault(r, j->at, "a key in quotes is expected here");
    enum weir_err err = string_add(r);
    if (err < 0)
        return err;
    if (skip_space(j) != ':')
        return report_fault(r, j->at, "\":\" is expected here");
    j->at++;
    return value_read(r);
}

static enum weir_err object_read(struct reading *r)
{
    struct weir_json *j = r->j;
    struct weir_tree node = node_here(j, WEIR_TREE_MAP);
    enum weir_err err = weir_reader_add(r->b, &node);
    bool closed = false;

    if (err < 0)
        return err;
    j->at++;
    if (skip_space(j) == '}') {
        j->at++;
        closed = true;
    }
    while (!closed) {
        err = member_read(r);
        if (err == WEIR_OK)
            err = separator_read(r, '}', &closed);
        if (err < 0)
            return err;
    }
    weir_tree_close(r->b);
    return WEIR_OK;
}

static enum weir_err value_read(struct reading *r)
{
    int c = skip_space(r->j);

    if (c == '{')
        return object_read(r);
    if (c == '[')
        return array_read(r);
    return c == '"' ? string_add(r) : literal_read(r);
}

/* -- documents -- */

/* Move to where the next document begins. *ret_end: there is none. */
static enum weir_err document_find(struct reading *r, bool *ret_end)
{
    struct weir_json *j = r->j;
    int c = skip_space(j);
    bool closed = false;

    if (!j->begun) {
        j->in_array = c == '[';
        j->at += j->in_array;
        c = skip_space(j);
        closed = j->in_array && c == ']';
        j->at += closed;
    } else if (j->in_array && !j->ended) {
        enum weir_err err = separator_read(r, ']', &closed);
        if (err < 0)
            return err;
    }
    j->begun = true;
    j->ended |= closed;
    c = skip_space(j);
    if (j->ended && c >= 0)
        return report_fault(r, j->at, "nothing may follow the array of documents");
    *ret_end = j->ended || (!j->in_array && c < 0);
    return WEIR_OK;
}

enum weir_err weir_json_next(struct weir_json *j, struct weir_tree_builder *b,
                             struct weir_tree **ret)
{
    struct reading r = { .j = j, .b = b };
    bool end = false;

    WEIR_ASSERT(b->report != NULL);
    b->json = true;
    weir_tree_begin(b);
    enum weir_err err = document_find(&r, &end);
    if (err == WEIR_OK && !end)
        err = value_read(&r);
    if (err == WEIR_OK)
        *ret = end ? NULL : b->root;
    return err;
}

enum weir_err weir_json_whole(struct weir_json *j, struct weir_tree_builder *b,
                              struct weir_tree **ret)
{
    struct reading r = { .j = j, .b = b };

    WEIR_ASSERT(b->report != NULL);
    b->json = true;
    weir_tree_begin(b);
    enum weir_err err = value_read(&r);
    if (err == WEIR_OK && skip_space(j) >= 0)
        err = report_fault(&r, j->at, "nothing may follow the value");
    if (err == WEIR_OK)
        *ret = b->root;
    return err;
}
