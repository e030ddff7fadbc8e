/* SPDX-License-Identifier: Apache-2.0
 *
 * store_index.c - the rows of `idx` that a record's value derives, changed with their record. The
 * first row of a name in key order is its owner: the earliest claim, then the smaller key. Rows
 * that stay are checked and not written, unless they are damaged. Owner: writer.
 */
#include "sync/store/store_index.h"

#include <stdlib.h>
#include <string.h>

#include "sync/store/store_env.h"
#include "sync/store/store_guard.h"
#include "sync/store/store_txn.h"

void weir_store_index_rows_deinit(struct weir_index_rows *rows)
{
    free(rows->bytes);
    free(rows->rows);
    *rows = (struct weir_index_rows){ .num = 0 };
}

static bool room_for_bytes(struct weir_index_rows *rows, size_t more)
{
    if (rows->cap - rows->len >= more)
        return true;
    size_t cap = rows->cap ? rows->cap * 2 : 4096;
    uint8_t *bytes = realloc(rows->bytes, cap);
    if (bytes == NULL)
        return false;
    rows->bytes = bytes;
    rows->cap = cap;
    return true;
}

static bool room_for_row(struct weir_index_rows *rows)
{
    if (rows->num < rows->cap_rows)
        return true;
    size_t cap = rows->cap_rows ? rows->cap_rows * 2 : 32;
    struct store_index_row *more = realloc(rows->rows, cap * sizeof(*more));
    if (more == NULL)
        return false;
    rows->rows = more;
    rows->cap_rows = cap;
    return true;
}

static enum weir_err row_add(struct weir_index_rows *rows, enum weir_index index,
                             struct weir_span key, uint64_t since_hlc)
{
    struct store_key row;

    if (rows->num == STORE_INDEX_ROWS_MAX || !weir_store_key_idx_name(&row, index, key))
        return WEIR_ELIMIT;
    size_t name_len = row.len;
    if (!weir_store_key_idx_claim(&row, since_hlc, rows->rec_key))
        return WEIR_ELIMIT;
    if (!room_for_bytes(rows, row.len) || !room_for_row(rows))
        return WEIR_ENOMEM;
    memcpy(rows->bytes + rows->len, row.at, row.len);
    rows->rows[rows->num++] = (struct store_index_row){
        .at = (uint32_t)rows->len,
        .len = (uint16_t)row.len,
        .name_len = (uint16_t)name_len,
    };
    rows->len += row.len;
    return WEIR_OK;
}

#define REVERSED_MAX (WEIR_HOST_MAX + 2) /* bytes of a wildcard's domain reversed, and ".*" */

/* The name of the reversed row of a host or wildcard, at most WEIR_HOST_MAX bytes. @return its
 * length */
static size_t reverse_name(enum weir_index index, struct weir_span name, uint8_t out[REVERSED_MAX])
{
    size_t len = 0;

    WEIR_ASSERT(name.len <= WEIR_HOST_MAX);
    for (size_t i = name.len; i > 0; i--)
        out[len++] = name.at[i - 1];
    if (index == WEIR_INDEX_WILDCARD) {
        out[len++] = '.';
        out[len++] = '*';
    }
    return len;
}

bool weir_store_index_reverse(const struct store_claim *claim, struct store_key *ret)
{
    uint8_t reversed[REVERSED_MAX];
    struct store_key rec_key;

    if (claim->index > WEIR_INDEX_WILDCARD || claim->name.len > WEIR_HOST_MAX ||
        claim->owner.len == 0 || claim->owner.len > WEIR_KEY_MAX)
        return false;
    size_t len = reverse_name(claim->index, claim->name, reversed);
    weir_store_key_rec(&rec_key, claim->class, claim->owner);
    return weir_store_key_idx_name(ret, WEIR_INDEX_REVERSED, weir_span(reversed, len)) &&
           weir_store_key_idx_claim(ret, claim->since_hlc, store_key_span(&rec_key));
}

enum weir_err weir_index_rows_add(struct weir_index_rows *rows, enum weir_index index,
                                  struct weir_span key, uint64_t since_hlc)
{
    uint8_t reversed[REVERSED_MAX];

    WEIR_ASSERT(index >= WEIR_INDEX_HOST);
    WEIR_ASSERT(index <= WEIR_INDEX_PREFIX || index == WEIR_INDEX_CERT);
    enum weir_err err = row_add(rows, index, key, since_hlc);
    if (err < 0 || index > WEIR_INDEX_WILDCARD || key.len > WEIR_HOST_MAX)
        return err;
    size_t len = reverse_name(index, key, reversed);
    return row_add(rows, WEIR_INDEX_REVERSED, weir_span(reversed, len), since_hlc);
}

static struct weir_span row_span(const struct weir_index_rows *rows, size_t at)
{
    return weir_span(rows->bytes + rows->rows[at].at, rows->rows[at].len);
}

static struct weir_span name_span(const struct weir_index_rows *rows, size_t at)
{
    return weir_span(rows->bytes + rows->rows[at].at, rows->rows[at].name_len);
}

static int row_order(const void *a, const void *b, void *arg)
{
    const struct store_index_row *x = a;
    const struct store_index_row *y = b;
    const struct weir_index_rows *rows = arg;

    return weir_span_cmp(weir_span(rows->bytes + x->at, x->len),
                         weir_span(rows->bytes + y->at, y->len));
}

/* Sort, and drop all but the earliest claim of a name that the record claims more than once. */
static void sort_and_dedup(struct weir_index_rows *rows)
{
    size_t stored_record = 0;

    if (rows->num == 0)
        return;
    qsort_r(rows->rows, rows->num, sizeof(rows->rows[0]), row_order, rows);
    for (size_t i = 0; i < rows->num; i++) {
        if (stored_record > 0 &&
            weir_span_eq(name_span(rows, stored_record - 1), name_span(rows, i)))
            continue;
        rows->rows[stored_record++] = rows->rows[i];
    }
    rows->num = stored_record;
}

enum weir_err weir_store_index_derive(struct weir_store *s, struct weir_span rec_key,
                                      const struct weir_span *value, struct weir_index_rows *rows)
{
    rows->rec_key = rec_key;
    rows->num = 0;
    rows->len = 0;
    if (value == NULL || s->cfg.index == NULL)
        return WEIR_OK;
    enum weir_err err =
        s->cfg.index((enum weir_class)rec_key.at[0], weir_span_from(rec_key, 1), *value, rows);
    /* A record that another node accepted cannot be refused here for having too many names. */
    if (err == WEIR_ELIMIT && s->driven) {
        log_warn("store.too_many_names", "class=%u key=\"%.*s\" effect=\"it is reached by none\"",
                 rec_key.at[0], (int)rec_key.len - 1, (const char *)rec_key.at + 1);
        err = WEIR_ECORRUPT;
    }
    if (err == WEIR_ECORRUPT)
        rows->num = 0;
    else if (err < 0)
        return err;
    sort_and_dedup(rows);
    return WEIR_OK;
}

/* Claims of a name in this transaction: 0, 1, or 2 for more. */
static enum weir_err num_claims(struct store_txn *t, struct weir_span name, unsigned *ret_num)
{
    MDB_val k = { name.len, (void *)(uintptr_t)name.at };
    MDB_val v;
    unsigned num = 0;

    enum weir_err err = weir_store_guard_next(t, STORE_IDX, name);
    if (err < 0)
        return err;
    int rc = 0;
    MDB_cursor **c = &t->cursor[STORE_IDX];
    if (*c == NULL)
        rc = mdb_cursor_open(t->txn, t->s->dbi[STORE_IDX], c);
    if (rc == 0)
        rc = mdb_cursor_get(*c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && num < 2 && weir_span_starts(weir_span(k.mv_data, k.mv_size), name)) {
        num++;
        rc = mdb_cursor_get(*c, &k, &v, MDB_NEXT);
    }
    if (rc != 0 && rc != MDB_NOTFOUND) {
        t->broken = true;
        return weir_store_err(rc);
    }
    *ret_num = num;
    return WEIR_OK;
}

/* Rows of the store's own index are as many as hosts and wildcards; certificates of one name are no
 * conflict. */
static bool row_is_counted(struct weir_span name)
{
    return name.at[0] <= WEIR_INDEX_PREFIX;
}

static void row_is_less(uint64_t *count)
{
    if (*count > 0)
        (*count)--;
}

static enum weir_err row_remove(struct store_txn *t, struct weir_span row, struct weir_span name,
                                bool *ret_changed)
{
    unsigned left = 0;

    enum weir_err err = weir_store_del(t, STORE_IDX, row);
    if (err == WEIR_ENOTFOUND)
        return WEIR_OK; /* removed by a sweep earlier, or never written by an older program */
    if (err < 0)
        return err;
    *ret_changed = true;
    if (!row_is_counted(name))
        return WEIR_OK;
    err = num_claims(t, name, &left);
    if (err < 0)
        return err;
    row_is_less(&t->tally.index[name.at[0]]);
    if (left == 1)
        row_is_less(&t->tally.num_conflicts);
    return WEIR_OK;
}

/* Is the row there and sound? */
static enum weir_err row_present(struct store_txn *t, struct weir_span row, bool *ret_there,
                                 bool *ret_sound)
{
    struct weir_span present;

    enum weir_err err = weir_store_find(t, STORE_IDX, row, NULL, &present);
    if (err < 0 && err != WEIR_ENOTFOUND)
        return err;
    *ret_there = err == WEIR_OK;
    *ret_sound = *ret_there && weir_store_row_check(STORE_IDX, row, present, &present) == WEIR_OK;
    return WEIR_OK;
}

/* Add a row of the new value, or write again one that the old value had and that was damaged. */
static enum weir_err write_row(struct store_txn *t, struct weir_span row, struct weir_span name,
                               bool *ret_changed)
{
    bool there = false;
    bool sound = false;
    unsigned before = 0;

    enum weir_err err = row_present(t, row, &there, &sound);
    if (err < 0 || sound)
        return err;
    if (row_is_counted(name))
        err = num_claims(t, name, &before);
    if (err == WEIR_OK)
        err = weir_store_put_row(t, STORE_IDX, row, WEIR_SPAN_EMPTY);
    if (err < 0)
        return err;
    *ret_changed = true;
    if (there || !row_is_counted(name))
        return WEIR_OK;
    t->tally.index[name.at[0]]++;
    if (before == 1)
        t->tally.num_conflicts++;
    return WEIR_OK;
}

enum weir_err weir_store_index_change(struct store_txn *t, bool *ret_changed)
{
    struct weir_index_rows *old = &t->s->old_rows;
    struct weir_index_rows *new = &t->s->new_rows;
    enum weir_err err = WEIR_OK;
    size_t i = 0;
    size_t j = 0;

    /* Both are sorted: what only the old value has is removed. */
    while (err == WEIR_OK && (i < old->num || j < new->num)) {
        int order = i == old->num   ? 1
                    : j == new->num ? -1
                                    : weir_span_cmp(row_span(old, i), row_span(new, j));
        if (order < 0)
            err = row_remove(t, row_span(old, i), name_span(old, i), ret_changed);
        else
            err = write_row(t, row_span(new, j), name_span(new, j), ret_changed);
        i += order <= 0;
        j += order >= 0;
    }
    return err;
}

enum weir_err weir_store_index_sweep(struct store_txn *t, struct weir_span rec_key,
                                     bool *ret_changed)
{
    struct weir_tree_cursor c;
    struct store_claim claim;
    struct weir_span key;
    struct weir_span row;

    /* The committed state is read while this transaction changes its own: its pages do not move. */
    enum weir_err err = weir_tree_first(&c, &t->pages, &t->roots.tree[STORE_IDX]);
    while (err == WEIR_OK) {
        err = weir_tree_entry(&c, &key, &row);
        if (err == WEIR_OK && weir_store_claim_parse(key, &claim) == WEIR_OK &&
            claim.class == (enum weir_class)rec_key.at[0] &&
            weir_span_eq(claim.owner, weir_span_from(rec_key, 1)))
            err = row_remove(t, key, weir_span(key.at, 3 + claim.name.len), ret_changed);
        if (err == WEIR_OK)
            err = weir_tree_next(&c);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}
