/* SPDX-License-Identifier: Apache-2.0
 *
 * diff.c - Myers' greedy search with its trace stored, then hunks. The trace is a triangle of
 * WEIR_DIFF_CHANGES_MAX^2 integers at most (16 MB), allocated step by step as the search goes on.
 */
#include "node/cli/text/diff.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum edit { EDIT_KEEP, EDIT_REMOVE, EDIT_ADD };

struct text {
    struct weir_span *lines; /* owns; without their newlines */
    size_t num;
    bool cut; /* the last line has no newline */
};

struct diff {
    struct text before;
    struct text after;
    size_t num_head; /* equal lines at the begin */
    size_t num_tail; /* and at the end */
    uint8_t *edits;  /* owns; enum edit of each line, in order */
    size_t num_edits;
};

/* -- lines -- */

static enum weir_err text_split(struct text *t, struct weir_span s)
{
    size_t num = 0;
    for (const uint8_t *at = s.at; at != NULL && at < s.at + s.len; num++) {
        at = memchr(at, '\n', (size_t)(s.at + s.len - at));
        at = at != NULL ? at + 1 : NULL;
    }
    if (num > WEIR_DIFF_LINES_MAX)
        return WEIR_ELIMIT;
    t->lines = calloc(num + 1, sizeof(*t->lines));
    if (t->lines == NULL)
        return WEIR_ENOMEM;
    while (s.len > 0) {
        const uint8_t *end = memchr(s.at, '\n', s.len);
        size_t len = end != NULL ? (size_t)(end - s.at) : s.len;
        t->lines[t->num++] = weir_span(s.at, len);
        t->cut = end == NULL;
        s = weir_span_from(s, end != NULL ? len + 1 : len);
    }
    return WEIR_OK;
}

/* A last line without newline is another line than the same one with it. */
static bool line_eq(const struct diff *d, size_t i, size_t k)
{
    bool cut_i = d->before.cut && i + 1 == d->before.num;
    bool cut_k = d->after.cut && k + 1 == d->after.num;
    return cut_i == cut_k && weir_span_eq(d->before.lines[i], d->after.lines[k]);
}

static void ends_trim(struct diff *d)
{
    size_t min = d->before.num < d->after.num ? d->before.num : d->after.num;
    while (d->num_head < min && line_eq(d, d->num_head, d->num_head))
        d->num_head++;
    while (d->num_tail < min - d->num_head &&
           line_eq(d, d->before.num - 1 - d->num_tail, d->after.num - 1 - d->num_tail))
        d->num_tail++;
}

/* -- the search -- */

/** What the search reached with `d` changes: rows[d][k + d] is the furthest x on diagonal k. */
struct trace {
    int32_t *rows[WEIR_DIFF_CHANGES_MAX + 1]; /* owns */
    int32_t num;                              /* rows; the last one has reached the end */
};

static void trace_free(struct trace *t)
{
    for (int32_t i = 0; i < t->num; i++)
        free(t->rows[i]);
    free(t);
}

/* The furthest x on diagonal k with one change more than `row`, which has 2 * d - 1 entries. */
static int32_t step_from(const int32_t *row, int32_t d, int32_t k)
{
    if (d == 0)
        return 0;
    const int32_t *at = row + (d - 1); /* at[k] is diagonal k */
    if (k == -d || (k != d && at[k - 1] < at[k + 1]))
        return at[k + 1]; /* a line is added */
    return at[k - 1] + 1; /* a line is removed */
}

/* One row of the search. *ret_end: the end of both texts is reached. */
static enum weir_err row_search(const struct diff *df, struct trace *t, bool *ret_end)
{
    int32_t d = t->num;
    int32_t n = (int32_t)(df->before.num - df->num_head - df->num_tail);
    int32_t m = (int32_t)(df->after.num - df->num_head - df->num_tail);
    int32_t *row = malloc((2 * (size_t)d + 1) * sizeof(*row));
    if (row == NULL)
        return WEIR_ENOMEM;
    t->rows[t->num++] = row;
    for (int32_t k = -d; k <= d; k++)
        row[k + d] = -1; /* diagonals of the other parity are not used */
    for (int32_t k = -d; k <= d; k += 2) {
        int32_t x = step_from(d > 0 ? t->rows[d - 1] : NULL, d, k);
        int32_t y = x - k;
        while (x < n && y < m && y >= 0 &&
               line_eq(df, df->num_head + (size_t)x, df->num_head + (size_t)y)) {
            x++;
            y++;
        }
        row[k + d] = x;
        if (x >= n && y >= m && x - n == y - m) {
            *ret_end = true;
            return WEIR_OK;
        }
    }
    return WEIR_OK;
}

/* -- edits -- */

static void edit_add(struct diff *d, enum edit e, size_t num)
{
    memset(d->edits + d->num_edits, (int)e, num);
    d->num_edits += num;
}

/* Walks back from the end; the edits come out in reverse order. */
static void edits_back(struct diff *df, const struct trace *t)
{
    int32_t x = (int32_t)(df->before.num - df->num_head - df->num_tail);
    int32_t y = (int32_t)(df->after.num - df->num_head - df->num_tail);
    for (int32_t d = t->num - 1; d >= 0; d--) {
        int32_t k = x - y;
        int32_t from = step_from(d > 0 ? t->rows[d - 1] : NULL, d, k);
        edit_add(df, EDIT_KEEP, (size_t)(x - from));
        y -= x - from;
        x = from;
        if (d == 0)
            break;
        const int32_t *at = t->rows[d - 1] + (d - 1);
        bool added = k == -d || (k != d && at[k - 1] < at[k + 1]);
        edit_add(df, added ? EDIT_ADD : EDIT_REMOVE, 1);
        x -= added ? 0 : 1;
        y -= added ? 1 : 0;
    }
}

static void bytes_reverse(uint8_t *at, size_t len)
{
    for (size_t i = 0; i < len / 2; i++) {
        uint8_t e = at[i];
        at[i] = at[len - 1 - i];
        at[len - 1 - i] = e;
    }
}

static enum weir_err edits_search(struct diff *df)
{
    size_t num_removed = df->before.num - df->num_head - df->num_tail;
    size_t num_added = df->after.num - df->num_head - df->num_tail;
    struct trace *t = calloc(1, sizeof(*t));
    enum weir_err err = t != NULL ? WEIR_OK : WEIR_ENOMEM;
    bool end = false;
    while (err == WEIR_OK && !end && t->num <= WEIR_DIFF_CHANGES_MAX)
        err = row_search(df, t, &end);
    if (err == WEIR_OK && end) {
        edits_back(df, t);
        bytes_reverse(df->edits + df->num_head, df->num_edits - df->num_head);
    } else if (err == WEIR_OK) {
        edit_add(df, EDIT_REMOVE, num_removed);
        edit_add(df, EDIT_ADD, num_added);
    }
    if (t != NULL)
        trace_free(t);
    return err;
}

static enum weir_err edits_find(struct diff *df)
{
    ends_trim(df);
    df->edits = malloc(df->before.num + df->after.num + 1);
    if (df->edits == NULL)
        return WEIR_ENOMEM;
    edit_add(df, EDIT_KEEP, df->num_head);
    enum weir_err err = edits_search(df);
    edit_add(df, EDIT_KEEP, df->num_tail);
    return err;
}

/* -- hunks -- */

/** Where a walk over the edits stands. */
struct place {
    size_t edit;
    size_t before;
    size_t after;
};

static void place_step(struct place *p, enum edit e)
{
    p->edit++;
    p->before += e != EDIT_ADD;
    p->after += e != EDIT_REMOVE;
}

/* The edit behind a hunk that starts at `from`: changes with at most twice WEIR_DIFF_AROUND lines
 * between them are one hunk. */
static size_t hunk_end(const struct diff *d, size_t from)
{
    size_t last = from; /* behind the last change */
    for (size_t i = from; i < d->num_edits && i - last <= 2 * WEIR_DIFF_AROUND; i++)
        if (d->edits[i] != EDIT_KEEP)
            last = i + 1;
    size_t end = last + WEIR_DIFF_AROUND;
    return end < d->num_edits ? end : d->num_edits;
}

/* A range of no lines is named by the line before it. */
static void range_write(struct weir_strbuf *out, char sign, size_t from, size_t num)
{
    weir_strbuf_printf(out, "%c%zu", sign, num > 0 ? from + 1 : from);
    if (num != 1)
        weir_strbuf_printf(out, ",%zu", num);
}

static void line_write(struct weir_strbuf *out, char sign, const struct text *t, size_t i)
{
    weir_strbuf_putc(out, sign);
    weir_strbuf_add(out, t->lines[i]);
    weir_strbuf_puts(out, t->cut && i + 1 == t->num ? "\n\\ No newline at end of file\n" : "\n");
}

static void hunk_write(const struct diff *d, struct place from, size_t end, struct weir_strbuf *out)
{
    struct place to = from;
    while (to.edit < end)
        place_step(&to, (enum edit)d->edits[to.edit]);
    weir_strbuf_puts(out, "@@ ");
    range_write(out, '-', from.before, to.before - from.before);
    weir_strbuf_putc(out, ' ');
    range_write(out, '+', from.after, to.after - from.after);
    weir_strbuf_puts(out, " @@\n");
    while (from.edit < end) {
        enum edit e = (enum edit)d->edits[from.edit];
        if (e == EDIT_ADD)
            line_write(out, '+', &d->after, from.after);
        else
            line_write(out, e == EDIT_KEEP ? ' ' : '-', &d->before, from.before);
        place_step(&from, e);
    }
}

static void hunks_write(const struct diff *d, struct weir_strbuf *out)
{
    struct place p = { 0 };
    struct place around[WEIR_DIFF_AROUND + 1] = { { 0 } }; /* the last places, a ring */
    size_t num_same = 0;                                   /* lines since the last hunk */
    while (p.edit < d->num_edits) {
        enum edit e = (enum edit)d->edits[p.edit];
        around[num_same % (WEIR_DIFF_AROUND + 1)] = p;
        if (e == EDIT_KEEP) {
            num_same++;
            place_step(&p, e);
            continue;
        }
        size_t back = num_same < WEIR_DIFF_AROUND ? num_same : WEIR_DIFF_AROUND;
        size_t end = hunk_end(d, p.edit);
        hunk_write(d, around[(num_same - back) % (WEIR_DIFF_AROUND + 1)], end, out);
        while (p.edit < end)
            place_step(&p, (enum edit)d->edits[p.edit]);
        num_same = 0;
    }
}

enum weir_err weir_diff_unified(struct weir_span before, struct weir_span after,
                                const char *const names[2], struct weir_strbuf *out,
                                bool *ret_differ)
{
    struct diff d = { .num_edits = 0 };
    bool differ = !weir_span_eq(before, after);
    enum weir_err err = WEIR_OK;
    if (differ)
        err = text_split(&d.before, before);
    if (differ && err == WEIR_OK)
        err = text_split(&d.after, after);
    if (differ && err == WEIR_OK)
        err = edits_find(&d);
    if (differ && err == WEIR_OK) {
        weir_strbuf_printf(out, "--- %s\n+++ %s\n", names[0], names[1]);
        hunks_write(&d, out);
        err = out->failed ? WEIR_ENOMEM : WEIR_OK;
    }
    free(d.before.lines);
    free(d.after.lines);
    free(d.edits);
    if (err == WEIR_OK)
        *ret_differ = differ;
    return err;
}
