/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_report.c - diagnostics: where, what, in which order.
 * Limits: WEIR_DIAGS_MAX are stored and all are counted; a path and a message have TEXT_MAX bytes
 * each.
 */
#include "tenants/schema/schema_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX WEIR_DIAG_TEXT_MAX

/* -- paths -- */

static size_t text_append(char *out, size_t out_len, size_t len, const char *piece)
{
    size_t piece_len = strlen(piece);

    if (len + piece_len + sizeof("...") > out_len) {
        memcpy(out + len, "...", sizeof("...")); /* its room was left by all pieces before */
        return out_len;                          /* nothing more fits */
    }
    memcpy(out + len, piece, piece_len + 1);
    return len + piece_len;
}

static size_t trail_append(const struct weir_trail *at, char *out, size_t out_len)
{
    char piece[WEIR_SHOWN_MAX + 2];

    if (at == NULL)
        return 0;
    size_t len = trail_append(at->up, out, out_len);
    if (len >= out_len)
        return len;
    if (at->is_index)
        snprintf(piece, sizeof(piece), "[%zu]", at->index);
    else
        snprintf(piece, sizeof(piece), "%s%s", len > 0 ? "." : "",
                 weir_schema_text_bare(at->name).text);
    return text_append(out, out_len, len, piece);
}

void weir_trail_text(const struct weir_trail *at, char *out, size_t out_len)
{
    WEIR_ASSERT(out_len > sizeof("..."));
    out[0] = '\0';
    trail_append(at, out, out_len);
}

/** What the text has at the end of a trail. */
struct found {
    const struct weir_tree *place; /* whose line and column are reported; NULL: there is no text */
    const struct weir_tree *value; /* NULL: the text does not have it */
    bool reported;
};

/* Lookups work on const trees. The tree belongs to the reading, and is marked here. */
static struct weir_tree *tree_of(const struct weir_tree *t)
{
    return (struct weir_tree *)(uintptr_t)t;
}

static struct found trail_find(const struct weir_tree *root, const struct weir_trail *at)
{
    if (at == NULL)
        return (struct found){ root, root, root != NULL && root->reported };
    struct found f = trail_find(root, at->up);
    if (f.value == NULL || f.reported)
        return f;
    const struct weir_tree *place = NULL;
    const struct weir_tree *value = at->is_index ? weir_tree_item(f.value, at->index)
                                                 : weir_tree_member(f.value, at->name, &place);
    f.value = value;
    if (value != NULL) {
        f.place = place != NULL ? place : value;
        f.reported = value->reported;
    }
    return f;
}

/* Mark all values on the way to an error; a single value has one error. */
static void trail_mark(struct weir_tree *root, const struct weir_trail *at)
{
    if (at != NULL)
        trail_mark(root, at->up);
    struct weir_tree *value = tree_of(trail_find(root, at).value);
    if (value == NULL)
        return;
    value->broken = true;
    if (value->kind == WEIR_TREE_SCALAR)
        value->reported = true;
}

const struct weir_tree *weir_report_value(const struct weir_report *r, const struct weir_trail *at)
{
    return trail_find(r->root, at).value;
}

bool weir_report_is_partial(const struct weir_report *r, const struct weir_trail *at)
{
    struct found f = trail_find(r->root, at);

    return f.reported || (f.value != NULL && f.value->cut);
}

bool weir_report_is_broken(const struct weir_report *r, const struct weir_trail *at)
{
    struct found f = trail_find(r->root, at);

    return f.reported || (f.value != NULL && f.value->broken);
}

/* -- diagnostics -- */

void weir_report_init(struct weir_report *r, struct weir_diags *diags, const char *file)
{
    *r = (struct weir_report){ .diags = diags, .file = file != NULL ? file : "" };
}

bool weir_report_is_full(const struct weir_report *r)
{
    return r->diags->len >= WEIR_DIAGS_MAX;
}

/* Whether one more of this severity is only counted. */
static bool is_counted_only(const struct weir_diags *d, enum weir_severity severity)
{
    size_t num_warnings = 0;

    if (d->len >= WEIR_DIAGS_MAX)
        return true;
    if (severity == WEIR_SEVERITY_ERROR)
        return false;
    for (size_t i = 0; i < d->len; i++)
        num_warnings += d->items[i].severity == WEIR_SEVERITY_WARNING;
    return num_warnings >= WEIR_WARNINGS_MAX;
}

static void diag_count(struct weir_report *r, enum weir_severity severity)
{
    r->diags->total++;
    if (severity == WEIR_SEVERITY_WARNING)
        r->diags->num_warnings++;
    else
        r->num++;
}

/* Counts a fault in an equal one. @return whether there is one */
static bool diag_fold(struct weir_diags *d, enum weir_severity severity, const char *field,
                      const char *message)
{
    for (size_t i = 0; d->fold && i < d->len; i++) {
        struct weir_diag *g = &d->items[i];
        if (g->severity != severity || strcmp(g->field, field) != 0 ||
            strcmp(g->message, message) != 0)
            continue;
        g->num_more++;
        d->num_folded++;
        return true;
    }
    return false;
}

/* Room for one more, or NULL: it is counted only, or there is no memory. */
static struct weir_diag *diag_reserve(struct weir_report *r, enum weir_severity severity)
{
    struct weir_diags *d = r->diags;

    if (is_counted_only(d, severity))
        return NULL;
    if (d->items == NULL)
        d->items = weir_arena_calloc(&d->arena, WEIR_DIAGS_MAX, sizeof(*d->items));
    if (r->file_copy == NULL)
        r->file_copy = weir_arena_strdup(&d->arena, weir_span_cstr(r->file));
    if (d->items == NULL || r->file_copy == NULL) {
        r->failed = true;
        return NULL;
    }
    return &d->items[d->len];
}

WEIR_PRINTF(4, 0)
static void diag_append(struct weir_report *r, const struct weir_trail *at,
                        const struct weir_diag *like, const char *fmt, va_list args)
{
    char field[TEXT_MAX];
    char message[TEXT_MAX];

    weir_trail_text(at, field, sizeof(field));
    vsnprintf(message, sizeof(message), fmt, args);
    diag_count(r, like->severity);
    if (diag_fold(r->diags, like->severity, field, message))
        return;
    struct weir_diag *g = diag_reserve(r, like->severity);
    if (g == NULL)
        return;
    *g = *like;
    g->file = r->file_copy;
    g->field = weir_arena_strdup(&r->diags->arena, weir_span_cstr(field));
    g->message = weir_arena_strdup(&r->diags->arena, weir_span_cstr(message));
    if (g->field == NULL || g->message == NULL) {
        r->failed = true;
        return;
    }
    r->diags->len++;
}

/* At the place that the text has for the field. */
WEIR_PRINTF(4, 0)
static void diag_locate(struct weir_report *r, const struct weir_trail *at,
                        enum weir_severity severity, const char *fmt, va_list args)
{
    struct weir_diag like = { .severity = severity };

    /* When no more are stored, no place is searched: a hostile file must not cost a walk for each.
     */
    if (!weir_report_is_full(r)) {
        struct found f = trail_find(r->root, at);
        if (f.reported)
            return;
        if (f.place != NULL) {
            like.line = f.place->line;
            like.column = f.place->column;
        }
        if (severity == WEIR_SEVERITY_ERROR)
            trail_mark(r->root, at);
    }
    diag_append(r, at, &like, fmt, args);
}

void weir_report_add(struct weir_report *r, const struct weir_trail *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    diag_locate(r, at, WEIR_SEVERITY_ERROR, fmt, args);
    va_end(args);
}

void weir_report_warn(struct weir_report *r, const struct weir_trail *at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    diag_locate(r, at, WEIR_SEVERITY_WARNING, fmt, args);
    va_end(args);
}

void weir_report_at(struct weir_report *r, const struct weir_trail *at,
                    const struct weir_tree *place, const char *fmt, ...)
{
    struct weir_diag like = { .line = place->line, .column = place->column };
    va_list args;

    /* The place need not be the first of its name: only what is around it is marked. */
    if (!weir_report_is_full(r) && r->root != NULL && at != NULL)
        trail_mark(r->root, at->up);
    va_start(args, fmt);
    diag_append(r, at, &like, fmt, args);
    va_end(args);
}

void weir_report_warn_at(struct weir_report *r, const struct weir_trail *at,
                         const struct weir_tree *place, const char *fmt, ...)
{
    struct weir_diag like = { .severity = WEIR_SEVERITY_WARNING,
                              .line = place->line,
                              .column = place->column };
    va_list args;

    va_start(args, fmt);
    diag_append(r, at, &like, fmt, args);
    va_end(args);
}

void weir_report_file(struct weir_report *r, const char *file)
{
    if (r->file == file)
        return;
    r->file = file;
    r->file_copy = NULL;
}

void weir_report_text(struct weir_report *r, uint32_t line, uint32_t column, const char *fmt, ...)
{
    struct weir_diag like = { .line = line, .column = column };
    va_list args;

    va_start(args, fmt);
    diag_append(r, NULL, &like, fmt, args);
    va_end(args);
}

static bool comes_before(const struct weir_diag *a, const struct weir_diag *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void weir_report_sort(struct weir_report *r, size_t from)
{
    struct weir_diag *items = r->diags->items;

    /* By insertion: at most WEIR_DIAGS_MAX, nearly sorted, and the order of equal places does not
     * change. */
    for (size_t i = from + 1; i < r->diags->len; i++) {
        struct weir_diag g = items[i];
        size_t k = i;

        for (; k > from && comes_before(&g, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = g;
    }
}
