/* SPDX-License-Identifier: Apache-2.0
 *
 * schema_report.c - diagnostics: where, what, in which order.
 * Limits: WEIR_DIAGS_MAX are kept and all are counted; a path and a message have TEXT_MAX bytes
 * each.
 */
#include "tenants/schema/schema_report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX WEIR_DIAG_TEXT_MAX

/* ---- paths ---- */

static size_t text_put(char *out, size_t out_len, size_t len, const char *piece)
{
    size_t piece_len = strlen(piece);

    if (len + piece_len + sizeof("...") > out_len) {
        memcpy(out + len, "...", sizeof("...")); /* its room was left by all pieces before */
        return out_len;                          /* nothing more fits */
    }
    memcpy(out + len, piece, piece_len + 1);
    return len + piece_len;
}

static size_t trail_put(const struct weir_trail *at, char *out, size_t out_len)
{
    char piece[WEIR_SHOWN_MAX + 2];

    if (at == NULL)
        return 0;
    size_t len = trail_put(at->up, out, out_len);
    if (len >= out_len)
        return len;
    if (at->is_index)
        snprintf(piece, sizeof(piece), "[%zu]", at->index);
    else
        snprintf(piece, sizeof(piece), "%s%s", len > 0 ? "." : "",
                 weir_schema_text_bare(at->name).text);
    return text_put(out, out_len, len, piece);
}

void weir_trail_text(const struct weir_trail *at, char *out, size_t out_len)
{
    WEIR_ASSERT(out_len > sizeof("..."));
    out[0] = '\0';
    trail_put(at, out, out_len);
}

/** What the text has at the end of a trail. */
struct found {
    const struct weir_tree *place; /* whose line and column are told; NULL: there is no text */
    const struct weir_tree *value; /* NULL: the text does not have it */
    bool reported;
};

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

/* ---- diagnostics ---- */

void weir_report_init(struct weir_report *r, struct weir_diags *diags, const char *file)
{
    *r = (struct weir_report){ .diags = diags, .file = file != NULL ? file : "" };
}

bool weir_report_is_full(const struct weir_report *r)
{
    return r->diags->len >= WEIR_DIAGS_MAX;
}

/* Room for one more, or NULL: it is counted only, or there is no memory. */
static struct weir_diag *diag_new(struct weir_report *r)
{
    struct weir_diags *d = r->diags;

    d->total++;
    r->num++;
    if (weir_report_is_full(r))
        return NULL;
    if (d->items == NULL)
        d->items = weir_arena_calloc(&d->arena, WEIR_DIAGS_MAX, sizeof(*d->items));
    if (r->file_kept == NULL)
        r->file_kept = weir_arena_strdup(&d->arena, weir_span_cstr(r->file));
    if (d->items == NULL || r->file_kept == NULL) {
        r->failed = true;
        return NULL;
    }
    return &d->items[d->len];
}

/* Counts a fault in an equal one. Returns whether there is one. */
static bool diag_fold(struct weir_report *r, const char *field, const char *message)
{
    struct weir_diags *d = r->diags;

    for (size_t i = 0; d->fold && i < d->len; i++) {
        if (strcmp(d->items[i].field, field) != 0 || strcmp(d->items[i].message, message) != 0)
            continue;
        d->items[i].num_more++;
        d->num_folded++;
        d->total++;
        r->num++;
        return true;
    }
    return false;
}

WEIR_PRINTF(4, 0)
static void diag_put(struct weir_report *r, const struct weir_trail *at,
                     const struct weir_diag *place, const char *fmt, va_list args)
{
    char field[TEXT_MAX];
    char message[TEXT_MAX];

    weir_trail_text(at, field, sizeof(field));
    vsnprintf(message, sizeof(message), fmt, args);
    if (diag_fold(r, field, message))
        return;
    struct weir_diag *g = diag_new(r);
    if (g == NULL)
        return;
    g->file = r->file_kept;
    g->line = place->line;
    g->column = place->column;
    g->field = weir_arena_strdup(&r->diags->arena, weir_span_cstr(field));
    g->message = weir_arena_strdup(&r->diags->arena, weir_span_cstr(message));
    if (g->field == NULL || g->message == NULL) {
        r->failed = true;
        return;
    }
    r->diags->len++;
}

void weir_report_add(struct weir_report *r, const struct weir_trail *at, const char *fmt, ...)
{
    struct weir_diag place = { .line = 0 };
    va_list args;

    /* Beyond what is kept nothing is searched: a hostile file shall not make us walk it for each.
     */
    if (!weir_report_is_full(r)) {
        struct found f = trail_find(r->root, at);
        if (f.reported)
            return;
        if (f.place != NULL) {
            place.line = f.place->line;
            place.column = f.place->column;
        }
    }
    va_start(args, fmt);
    diag_put(r, at, &place, fmt, args);
    va_end(args);
}

void weir_report_at(struct weir_report *r, const struct weir_trail *at,
                    const struct weir_tree *place, const char *fmt, ...)
{
    struct weir_diag where = { .line = place->line, .column = place->column };
    va_list args;

    va_start(args, fmt);
    diag_put(r, at, &where, fmt, args);
    va_end(args);
}

void weir_report_text(struct weir_report *r, uint32_t line, uint32_t column, const char *fmt, ...)
{
    struct weir_diag where = { .line = line, .column = column };
    va_list args;

    va_start(args, fmt);
    diag_put(r, NULL, &where, fmt, args);
    va_end(args);
}

static bool comes_before(const struct weir_diag *a, const struct weir_diag *b)
{
    return a->line != b->line ? a->line < b->line : a->column < b->column;
}

void weir_report_sort(struct weir_report *r, size_t from)
{
    struct weir_diag *items = r->diags->items;

    /* By insertion: at most WEIR_DIAGS_MAX, nearly sorted, and equal places keep their order. */
    for (size_t i = from + 1; i < r->diags->len; i++) {
        struct weir_diag g = items[i];
        size_t k = i;

        for (; k > from && comes_before(&g, &items[k - 1]); k--)
            items[k] = items[k - 1];
        items[k] = g;
    }
}
