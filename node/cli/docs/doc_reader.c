/* SPDX-License-Identifier: Apache-2.0
 *
 * doc_reader.c - see doc_reader.h. It searches only for borders; what a document means is for the
 * schema. In YAML a line that begins with "---" ends a document wherever it stands, also within a
 * text (YAML 1.2.2, 9.1.4).
 */
#include "node/cli/docs/doc_reader.h"

#include <string.h>

#include "node/cli/docs/source.h"

#define BLOCK_BYTES 65536

void weir_doc_reader_init(struct weir_doc_reader *r, FILE *file, const char *name)
{
    *r = (struct weir_doc_reader){ .file = file, .name = name, .buf = WEIR_STRBUF_ZERO, .line = 1 };
}

void weir_doc_reader_deinit(struct weir_doc_reader *r)
{
    weir_strbuf_deinit(&r->buf);
}

/* What was given away makes room. */
static void shift_buf(struct weir_doc_reader *r)
{
    if (r->at == 0)
        return;
    memmove(r->buf.at, r->buf.at + r->at, r->buf.len - r->at);
    r->buf.len -= r->at;
    r->buf.at[r->buf.len] = '\0';
    r->at = 0;
}

/* Read one block more. @return WEIR_OK, also at the end | WEIR_EIO | WEIR_ENOMEM | WEIR_ELIMIT */
static enum weir_err fill_buf(struct weir_doc_reader *r)
{
    char block[BLOCK_BYTES];
    shift_buf(r);
    if (r->buf.len > WEIR_DOC_BYTES_MAX)
        return WEIR_ELIMIT;
    size_t len = fread(block, 1, sizeof(block), r->file);
    weir_strbuf_add(&r->buf, weir_span(block, len));
    r->ended = len < sizeof(block) && feof(r->file);
    if (len < sizeof(block) && ferror(r->file))
        return WEIR_EIO;
    return r->buf.failed ? WEIR_ENOMEM : WEIR_OK;
}

static void count_lines(struct weir_doc_reader *r, struct weir_span text)
{
    const uint8_t *nl = text.len > 0 ? memchr(text.at, '\n', text.len) : NULL;
    while (nl != NULL) {
        r->line++;
        text = weir_span_from(text, (size_t)(nl - text.at) + 1);
        nl = text.len > 0 ? memchr(text.at, '\n', text.len) : NULL;
    }
}

/* Give away the next `len` bytes. */
static void give_text(struct weir_doc_reader *r, size_t len, struct weir_doc_text *ret)
{
    ret->text = weir_span(r->buf.at + r->at, len);
    ret->line = r->line;
    count_lines(r, ret->text);
    r->at += len;
}

/* -- YAML -- */

static bool is_marker(struct weir_span line)
{
    return weir_span_starts(line, WEIR_SPAN_LIT("---")) &&
           (line.len == 3 || memchr(" \t\r\n", line.at[3], 4) != NULL);
}

/* Bytes up to the next marker behind the first line. @return false: it is not in the buffer */
static bool find_yaml_end(const struct weir_doc_reader *r, size_t from, size_t *ret_len)
{
    struct weir_span rest = weir_span(r->buf.at + r->at, r->buf.len - r->at);
    size_t at = from;
    while (at < rest.len) {
        const uint8_t *nl = memchr(rest.at + at, '\n', rest.len - at);
        if (nl == NULL)
            return false;
        at = (size_t)(nl - rest.at) + 1;
        struct weir_span line = weir_span_from(rest, at);
        if (line.len < 4 && !r->ended)
            return false;
        if (is_marker(line)) {
            *ret_len = at;
            return true;
        }
    }
    return false;
}

static enum weir_err next_yaml(struct weir_doc_reader *r, struct weir_doc_text *ret)
{
    size_t len = 0;
    size_t from = 0;
    for (;;) {
        if (find_yaml_end(r, from, &len))
            break;
        size_t left = r->buf.len - r->at;
        if (r->ended && left == 0)
            return WEIR_ENOTFOUND;
        if (r->ended) {
            len = left;
            break;
        }
        /* A marker may be cut by the end of what is there. */
        from = left > 4 ? left - 4 : 0;
        while (from > 0 && r->buf.at[r->at + from - 1] != '\n')
            from--;
        enum weir_err err = fill_buf(r);
        if (err < 0)
            return err;
    }
    give_text(r, len, ret);
    return WEIR_OK;
}

/* -- JSON -- */

/** Where the search for the end of an object stands. */
struct nesting {
    size_t at;
    size_t depth;
    bool in_text;
    bool escaped;
};

/* @return whether the object's end was found: n->at is behind it */
static bool find_json_end(const struct weir_doc_reader *r, struct nesting *n)
{
    const char *text = r->buf.at + r->at;
    size_t len = r->buf.len - r->at;
    for (; n->at < len; n->at++) {
        char c = text[n->at];
        if (n->escaped)
            n->escaped = false;
        else if (n->in_text && c == '\\')
            n->escaped = true;
        else if (c == '"')
            n->in_text = !n->in_text;
        else if (!n->in_text && (c == '{' || c == '['))
            n->depth++;
        else if (!n->in_text && (c == '}' || c == ']') && --n->depth == 0) {
            n->at++;
            return true;
        }
    }
    return false;
}

/* White space between objects. @return WEIR_OK | WEIR_ENOTFOUND: nothing else comes | as fill_buf
 */
static enum weir_err skip_space(struct weir_doc_reader *r)
{
    for (;;) {
        for (; r->at < r->buf.len; r->at++) {
            if (memchr(" \t\r\n", r->buf.at[r->at], 4) == NULL)
                return WEIR_OK;
            r->line += r->buf.at[r->at] == '\n';
        }
        if (r->ended)
            return WEIR_ENOTFOUND;
        enum weir_err err = fill_buf(r);
        if (err < 0)
            return err;
    }
}

static enum weir_err next_json(struct weir_doc_reader *r, struct weir_doc_text *ret)
{
    struct nesting n = { .at = 0 };
    enum weir_err err = skip_space(r);
    if (err < 0)
        return err;
    if (r->buf.at[r->at] != '{')
        return WEIR_EINVAL;
    while (!find_json_end(r, &n)) {
        if (r->ended)
            return WEIR_EINVAL;
        err = fill_buf(r);
        if (err < 0)
            return err;
    }
    give_text(r, n.at, ret);
    return WEIR_OK;
}

/* -- both -- */

static enum weir_err begin_reader(struct weir_doc_reader *r)
{
    enum weir_err err = fill_buf(r);
    if (err < 0)
        return err;
    struct weir_span bom = WEIR_SPAN_LIT("\xEF\xBB\xBF");
    if (weir_span_starts(weir_span(r->buf.at, r->buf.len), bom))
        r->at = bom.len;
    struct weir_span name = weir_span_cstr(r->name);
    bool lines = weir_span_ends(name, WEIR_SPAN_LIT(".jsonl")) ||
                 weir_span_ends(name, WEIR_SPAN_LIT(".ndjson"));
    struct weir_span text = weir_span(r->buf.at + r->at, r->buf.len - r->at);
    r->format = lines ? WEIR_FORMAT_JSON : weir_source_format(r->name, text);
    r->begun = true;
    return WEIR_OK;
}

enum weir_err weir_doc_reader_next(struct weir_doc_reader *r, struct weir_doc_text *ret)
{
    WEIR_ASSERT(r->file != NULL && r->name != NULL);
    enum weir_err err = r->begun ? WEIR_OK : begin_reader(r);
    if (err < 0)
        return err;
    return r->format == WEIR_FORMAT_YAML ? next_yaml(r, ret) : next_json(r, ret);
}
