/* SPDX-License-Identifier: Apache-2.0
 *
 * store_write.c - makes one record current inside a transaction, or removes it: the record itself,
 * its dot, the queues of tombstones and expiries, its index rows, its revision and the counts.
 * Owner: writer.
 * A write that is refused has changed nothing; one that fails half-way leaves the transaction to
 * be aborted (t->touched is true).
 */
#include "sync/store/store_write.h"

#include "sync/store/store_env.h"
#include "sync/store/store_guard.h"
#include "sync/store/store_index.h"
#include "sync/store/store_txn.h"
#include "sync/version/hlc.h"
#include "sync/version/num.h"

#define MS_PER_DAY    UINT64_C(86400000)
#define RECORD_SCHEMA 1 /* of the payloads this program writes */
#define RECORD_READER 1 /* the oldest program that reads them */

void weir_store_stored_set(const struct weir_store *s, struct weir_record_head *head,
                           uint64_t stored_ms)
{
    if (s->kind->group == 'E') {
        uint64_t seconds = stored_ms / 1000 < UINT32_MAX ? stored_ms / 1000 : UINT32_MAX;
        head->recv_day = (uint16_t)seconds;
        head->stage = (uint16_t)(seconds >> 16);
        return;
    }
    head->recv_day =
        (uint16_t)(stored_ms / MS_PER_DAY < UINT16_MAX ? stored_ms / MS_PER_DAY : UINT16_MAX);
}

static uint32_t stored_s(const struct weir_record_head *head)
{
    return (uint32_t)head->stage << 16 | head->recv_day;
}

uint64_t weir_store_stored_ms(const struct weir_store *s, const struct weir_record_head *head)
{
    return s->kind->group == 'E' ? (uint64_t)stored_s(head) * 1000
                                 : (uint64_t)head->recv_day * MS_PER_DAY;
}

uint32_t weir_store_tomb_when(const struct weir_store *s, const struct weir_record_head *head)
{
    if (s->kind->group != 'E')
        return head->recv_day;
    return head->expires > 0 && head->expires < stored_s(head) ? (uint32_t)head->expires
                                                               : stored_s(head);
}

uint64_t weir_store_tomb_ms(const struct weir_store *s, uint32_t when)
{
    return s->kind->group == 'E' ? (uint64_t)when * 1000 : (uint64_t)when * MS_PER_DAY;
}

enum weir_err weir_store_current(struct store_txn *t, struct weir_span rec_key,
                                 struct store_current *ret)
{
    struct store_current cur = { .found = false };
    struct weir_span row;

    enum weir_err err = weir_store_find(t, STORE_REC, rec_key, NULL, &row);
    if (err == WEIR_ENOTFOUND) {
        *ret = cur;
        return WEIR_OK;
    }
    if (err < 0)
        return err;
    cur.found = true;
    cur.sound = weir_record_unpack(row, rec_key, &cur.parts) == WEIR_OK;
    cur.tombstone = cur.sound ? cur.parts.head.tombstone : weir_record_row_is_tombstone(row);
    if (!cur.sound)
        weir_store_count_corrupt(t->s, rec_key);
    *ret = cur;
    return WEIR_OK;
}

static enum weir_err del_if_present(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    enum weir_err err = weir_store_del(t, tree, key);
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* Does this row of dots or of a queue lead to the record? */
static bool leads_to(enum store_tree tree, struct weir_span key, struct weir_span row,
                     struct weir_span rec_key)
{
    size_t before = tree == STORE_TOMB ? WEIR_STORE_TOMB_LEN : WEIR_STORE_EXP_LEN;

    if (tree != STORE_DOT)
        return key.len > before && weir_span_eq(weir_span_from(key, before), rec_key);
    return row.len >= STORE_SUM_LEN &&
           weir_span_eq(weir_span(row.at, row.len - STORE_SUM_LEN), rec_key);
}

/* Remove the rows of a tree that lead to this record, which a corrupt one left. The committed
 * state is read while this transaction changes its own. */
static enum weir_err sweep_tree(struct store_txn *t, enum store_tree tree, struct weir_span rec_key)
{
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span row;

    enum weir_err err = weir_tree_first(&c, &t->pages, &t->roots.tree[tree]);
    while (err == WEIR_OK) {
        err = weir_tree_entry(&c, &key, &row);
        if (err == WEIR_OK && leads_to(tree, key, row, rec_key))
            err = del_if_present(t, tree, key);
        if (err == WEIR_OK)
            err = weir_tree_next(&c);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

static enum weir_err sweep_unreadable(struct store_txn *t, struct weir_span rec_key)
{
    enum weir_err err = sweep_tree(t, STORE_DOT, rec_key);

    if (err == WEIR_OK)
        err = sweep_tree(t, STORE_TOMB, rec_key);
    return err == WEIR_OK ? sweep_tree(t, STORE_EXP, rec_key) : err;
}

static bool has_expiry(const struct store_txn *t, const struct weir_record_head *head)
{
    return t->s->kind->group == 'E' && !head->tombstone && head->expires > 0;
}

/* Remove what belongs to the record that is replaced, except its index rows. */
static enum weir_err remove_old(struct store_txn *t, struct weir_span rec_key,
                                const struct store_current *cur)
{
    const struct weir_record_head *head = &cur->parts.head;
    struct store_key key;

    if (!cur->sound)
        return sweep_unreadable(t, rec_key);
    weir_store_key_dot(&key, head->lane_idx, head->seq);
    enum weir_err err = del_if_present(t, STORE_DOT, store_key_span(&key));
    if (err == WEIR_OK && cur->tombstone) {
        weir_store_key_tomb(&key, weir_store_tomb_when(t->s, head), rec_key);
        err = del_if_present(t, STORE_TOMB, store_key_span(&key));
    }
    if (err == WEIR_OK && has_expiry(t, head)) {
        weir_store_key_exp(&key, head->expires, rec_key);
        err = del_if_present(t, STORE_EXP, store_key_span(&key));
    }
    return err;
}

static enum weir_err write_new(struct store_txn *t, const struct store_put *p)
{
    const struct weir_record_head *head = &p->parts.head;
    struct store_key key;
    uint8_t *at = NULL;

    weir_store_key_dot(&key, head->lane_idx, head->seq);
    enum weir_err err = weir_store_put_row(t, STORE_DOT, store_key_span(&key), p->rec_key);
    if (err < 0)
        return err;
    if (head->tombstone) {
        weir_store_key_tomb(&key, weir_store_tomb_when(t->s, head), p->rec_key);
        err = weir_store_put_row(t, STORE_TOMB, store_key_span(&key), WEIR_SPAN_EMPTY);
    }
    if (err == WEIR_OK && has_expiry(t, head)) {
        weir_store_key_exp(&key, head->expires, p->rec_key);
        err = weir_store_put_row(t, STORE_EXP, store_key_span(&key), WEIR_SPAN_EMPTY);
    }
    if (err < 0)
        return err;
    err = weir_store_put(t, STORE_REC, p->rec_key, weir_record_packed_len(&p->parts), &at);
    if (err == WEIR_OK)
        weir_record_pack(&p->parts, p->rec_key, at);
    return err;
}

/* The counter of records of a class; tombstones have one counter for all classes. */
static uint64_t *counted(struct store_txn *t, struct weir_span rec_key, bool tombstone)
{
    unsigned class = rec_key.at[0] == WEIR_CLASS_BAN ? 0 : rec_key.at[0];

    WEIR_ASSERT(class < WEIR_ARRAY_LEN(t->tally.live));
    return tombstone ? &t->tally.num_tombstones : &t->tally.live[class];
}

static void count_removed(struct store_txn *t, struct weir_span rec_key,
                          const struct store_current *cur)
{
    uint64_t *was = counted(t, rec_key, cur->tombstone);

    if (cur->found && *was > 0)
        (*was)--;
}

enum weir_err weir_store_apply(struct store_txn *t, const struct store_put *p,
                               const struct store_current *cur, bool *ret_index_changed)
{
    struct weir_store *s = t->s;
    bool tombstone = p->parts.head.tombstone;
    bool had_value = cur->found && cur->sound && !cur->tombstone;
    bool changed = false;

    /* Both before the first change: the old value lies in a page that a change may move. */
    enum weir_err err =
        weir_store_index_derive(s, p->rec_key, had_value ? &cur->parts.value : NULL, &s->old_rows);
    if (err == WEIR_OK)
        err = weir_store_index_derive(s, p->rec_key, tombstone ? NULL : &p->parts.value,
                                      &s->new_rows);
    if (err == WEIR_OK && cur->found && !cur->sound)
        err = weir_store_index_sweep(t, p->rec_key, &changed);
    if (err == WEIR_OK)
        err = weir_store_index_change(t, &changed);
    if (err == WEIR_OK && cur->found)
        err = remove_old(t, p->rec_key, cur);
    if (err == WEIR_OK)
        err = write_new(t, p);
    if (err == WEIR_OK && p->revision > 0 && !tombstone)
        err = weir_store_rev_put(t, p->rec_key, p->revision, p->parts.value);
    if (err == WEIR_OK && tombstone && t->over_reserve)
        err = weir_store_rev_trim(t, p->rec_key, 0);
    if (err < 0)
        return err;
    count_removed(t, p->rec_key, cur);
    ++*counted(t, p->rec_key, tombstone);
    *ret_index_changed = changed;
    return WEIR_OK;
}

enum weir_err weir_store_drop(struct store_txn *t, struct weir_span rec_key,
                              const struct store_current *cur, bool *ret_index_changed)
{
    struct weir_store *s = t->s;
    bool had_value = cur->sound && !cur->tombstone;
    bool changed = false;

    WEIR_ASSERT(cur->found);
    enum weir_err err =
        weir_store_index_derive(s, rec_key, had_value ? &cur->parts.value : NULL, &s->old_rows);
    if (err == WEIR_OK)
        err = weir_store_index_derive(s, rec_key, NULL, &s->new_rows);
    if (err == WEIR_OK && !cur->sound)
        err = weir_store_index_sweep(t, rec_key, &changed);
    if (err == WEIR_OK)
        err = weir_store_index_change(t, &changed);
    if (err == WEIR_OK)
        err = remove_old(t, rec_key, cur);
    if (err == WEIR_OK)
        err = del_if_present(t, STORE_REC, rec_key);
    if (err == WEIR_OK)
        err = weir_store_rev_trim(t, rec_key, 0);
    if (err < 0)
        return err;
    count_removed(t, rec_key, cur);
    *ret_index_changed = changed;
    return WEIR_OK;
}

static enum weir_err build_value(struct store_txn *t, struct weir_write *w,
                                 const struct store_current *cur, uint64_t hlc)
{
    struct weir_store *s = t->s;
    struct weir_record rec;
    bool live = cur->found && cur->sound && !cur->tombstone;

    if (live) {
        const struct weir_record_head *head = &cur->parts.head;
        if (head->lane_idx >= s->num_lanes)
            return WEIR_ECORRUPT;
        rec = (struct weir_record){
            .class = w->class,
            .key = w->key,
            .version = { .hlc = head->hlc, .seq = head->seq },
            .schema = head->schema,
            .min_reader = head->min_reader,
            .expires = head->expires,
            .value = cur->parts.value,
        };
        memcpy(rec.version.lane, s->lanes[head->lane_idx].id, WEIR_LANE_LEN);
    }
    weir_strbuf_reset(&s->value);
    w->txn = t;
    enum weir_err err = w->build(w, live ? &rec : NULL, hlc, &s->value);
    w->txn = NULL;
    if (err < 0)
        return err;
    /* The buffer has room for the largest value, so only a larger value can have made it fail. */
    return s->value.failed ? WEIR_ELIMIT : WEIR_OK;
}

static void make_head(struct store_txn *t, const struct store_current *cur, uint64_t hlc,
                      struct weir_record_head *ret)
{
    struct weir_record_head head = {
        .schema = RECORD_SCHEMA,
        .min_reader = RECORD_READER,
        .lane_idx = t->tally.own_lane,
        .seq = t->tally.seq + 1,
        .hlc = hlc,
        .recv_day = (uint16_t)(t->wall_ms / MS_PER_DAY),
    };

    if (cur->found && cur->sound) {
        head.num_ctx = cur->parts.head.num_ctx;
        memcpy(head.ctx, cur->parts.head.ctx, sizeof(head.ctx));
        weir_record_ctx_add(&head, cur->parts.head.lane_idx, cur->parts.head.seq);
    }
    *ret = head;
}

enum weir_err weir_store_write_one(struct store_txn *t, struct weir_write *w,
                                   struct weir_change *ret_change)
{
    struct weir_store *s = t->s;
    struct store_current cur;
    struct store_key key;
    struct store_put p = { .revision = 0 };
    bool index_changed = false;
    uint64_t hlc = 0;

    t->touched = false;
    w->over_reserve = t->over_reserve && !w->delete;
    if (w->over_reserve)
        return WEIR_EFULL;
    if (t->tally.seq >= WEIR_RECORD_SEQ_MAX)
        return WEIR_ELIMIT;
    weir_store_key_rec(&key, w->class, w->key);
    p.rec_key = store_key_span(&key);
    enum weir_err err = weir_store_current(t, p.rec_key, &cur);
    if (err == WEIR_OK)
        err = weir_hlc_next(t->wall_ms,
                            cur.found && cur.sound ? cur.parts.head.hlc : t->tally.hlc_floor, &hlc);
    if (err == WEIR_OK)
        err = build_value(t, w, &cur, hlc);
    if (err < 0)
        return err;

    make_head(t, &cur, hlc, &p.parts.head);
    p.parts.head.tombstone = w->delete;
    p.revision = w->revision;
    if (!w->delete)
        p.parts.value = weir_span(s->value.at, s->value.len);
    err = weir_store_apply(t, &p, &cur, &index_changed);
    if (err == WEIR_OK && w->delete &&w->revision > 0 && s->value.len > 0 && !t->over_reserve)
        err = weir_store_rev_put(t, p.rec_key, w->revision, weir_span(s->value.at, s->value.len));
    if (err < 0)
        return err;
    t->tally.seq++;
    w->version = (struct weir_version){ .hlc = hlc, .seq = t->tally.seq };
    memcpy(w->version.lane, s->lanes[t->tally.own_lane].id, WEIR_LANE_LEN);
    *ret_change = (struct weir_change){
        .class = w->class,
        .key = w->key,
        .version = w->version,
        .tombstone = w->delete,
        .index_changed = index_changed,
    };
    return WEIR_OK;
}

/* -- revisions -- */

/* The last revisions of a record are stored beside it for history and rollback. They outlive the
 * record's deletion, so that it can be undone, and go with its tombstone. Above the store's reserve
 * a delete removes them at once, since it is there to make room.
 *
 * Collect the revisions of a record in this transaction, oldest first. */
static enum weir_err revisions(struct store_txn *t, struct weir_span rec_key, size_t max,
                               uint64_t *ret_revisions, size_t *ret_num)
{
    MDB_cursor *c = NULL;
    struct store_key from;
    MDB_val v;
    size_t num = 0;

    weir_store_key_rev(&from, rec_key, 0);
    struct weir_span prefix = weir_span(from.at, from.len - STORE_REV_TAIL);
    enum weir_err err = weir_store_guard_next(t, STORE_REV, store_key_span(&from));
    if (err < 0)
        return err;
    MDB_val k = { from.len, from.at };
    int rc = mdb_cursor_open(t->txn, t->s->dbi[STORE_REV], &c);
    if (rc == 0)
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    while (rc == 0 && num < max && k.mv_size == from.len &&
           weir_span_starts(weir_span(k.mv_data, k.mv_size), prefix)) {
        ret_revisions[num++] =
            weir_num_get_be((const uint8_t *)k.mv_data + prefix.len, STORE_REV_TAIL);
        /* The next one may lie in a leaf that was not checked yet. */
        weir_store_key_rev(&from, rec_key, ret_revisions[num - 1]);
        err = weir_store_guard_next(t, STORE_REV, store_key_span(&from));
        if (err < 0)
            break;
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    }
    if (c != NULL)
        mdb_cursor_close(c);
    if (rc != 0 && rc != MDB_NOTFOUND) {
        t->broken = true;
        return weir_store_err(rc);
    }
    *ret_num = num;
    return err;
}

enum weir_err weir_store_rev_trim(struct store_txn *t, struct weir_span rec_key, size_t records)
{
    uint64_t found[WEIR_REVISIONS_KEPT + 1];
    struct store_key key;
    size_t num = 0;

    WEIR_ASSERT(records <= WEIR_REVISIONS_KEPT);
    enum weir_err err = revisions(t, rec_key, WEIR_ARRAY_LEN(found), found, &num);
    for (size_t i = 0; err == WEIR_OK && i + records < num; i++) {
        weir_store_key_rev(&key, rec_key, found[i]);
        err = weir_store_del(t, STORE_REV, store_key_span(&key));
    }
    return err;
}

enum weir_err weir_store_rev_put(struct store_txn *t, struct weir_span rec_key, uint64_t revision,
                                 struct weir_span value)
{
    struct store_key key;

    WEIR_ASSERT(revision > 0);
    weir_store_key_rev(&key, rec_key, revision);
    enum weir_err err = weir_store_put_row(t, STORE_REV, store_key_span(&key), value);
    if (err < 0)
        return err;
    return weir_store_rev_trim(t, rec_key, WEIR_REVISIONS_KEPT);
}
