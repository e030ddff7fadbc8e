/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records.c - see store_records.h: transactions, changes of records, lanes and numbers. A
 * call that fails before it has changed a row leaves the transaction as it was; one that fails
 * after that breaks it, and commit then undoes all of it. Owner: the record store's caller.
 */
#include "sync/store/store_records.h"

#include <stdlib.h>
#include <string.h>

#include "sync/store/store_env.h"
#include "sync/store/store_publish.h"
#include "sync/store/store_records_ops.h"
#include "sync/store/store_records_state.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"
#include "sync/tree/tree_walk.h"

#define KEYS_BLOCK 65536
#define KEYS_MAX   (SIZE_MAX / 2)

_Static_assert(WEIR_STORED_EXTRA_MAX == WEIR_RECORD_EXTRA_MAX, "a row has room for it");
_Static_assert(STORE_LANES_MAX > WEIR_LANES_MAX, "lanes that contexts mention crowd out none");

/* -- transactions -- */

static enum weir_err begin_write(struct weir_record_store *k)
{
    struct store_records *kp = weir_store_records_of(k, false);

    enum weir_err err = weir_store_txn_begin(kp->s, &kp->t);
    if (err < 0) {
        weir_store_mark_suspect(kp->s);
        return err == WEIR_ENOMEM ? err : WEIR_EIO;
    }
    weir_store_names_begin(&kp->names, kp->s);
    kp->open = true;
    kp->touched = false;
    kp->found_valid = false;
    kp->conflict_known = false;
    kp->num_changes = 0;
    return WEIR_OK;
}

static void end_transaction(struct store_records *kp)
{
    weir_arena_reset(&kp->keys);
    kp->open = false;
    weir_store_mark_suspect(kp->s);
}

static void abort_write(struct weir_record_store *k)
{
    struct store_records *kp = weir_store_records_of(k, true);

    weir_store_txn_abort(&kp->t);
    weir_store_names_undo(&kp->names, kp->s);
    end_transaction(kp);
}

static bool has_changes(const struct store_records *kp)
{
    const struct store_tally *is = &kp->t.tally;
    const struct store_tally *was = &kp->s->tally;

    return kp->touched || kp->t.touched || weir_store_names_changed(&kp->names, kp->s) ||
           is->own_lane != was->own_lane || is->is_live != was->is_live || is->seq != was->seq ||
           is->hlc_floor != was->hlc_floor;
}

static enum weir_err commit_write(struct weir_record_store *k)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct weir_store *s = kp->s;
    enum weir_err err = kp->t.broken ? WEIR_EIO : WEIR_OK;

    if (err < 0 || !has_changes(kp)) {
        abort_write(k);
        return err;
    }
    err = weir_store_names_flush(&kp->names, &kp->t);
    if (err < 0)
        weir_store_txn_abort(&kp->t);
    else
        err = weir_store_txn_commit(&kp->t);
    if (err < 0) {
        weir_store_names_undo(&kp->names, s);
        weir_store_publish_failure(s);
        weir_store_count_metric(s, WEIR_M_STORE_WRITE_ERRORS, kp->num_changes);
    } else {
        weir_store_names_commit(&kp->names);
        weir_store_publish(s);
        weir_store_count_metric(s, WEIR_M_STORE_COMMITS, 1);
        weir_store_count_metric(s, WEIR_M_STORE_WRITES, kp->num_changes);
        if (kp->num_changes > 0 && s->cfg.on_change != NULL)
            s->cfg.on_change(s->cfg.on_change_arg, kp->changes, kp->num_changes);
    }
    end_transaction(kp);
    return err == WEIR_ENOMEM ? err : weir_store_records_err(err);
}

/* Reserve room for one more change to report, with its key. @return WEIR_OK | WEIR_ENOMEM */
static enum weir_err reserve_change(struct store_records *kp, struct weir_span key,
                                    uint8_t **ret_key)
{
    if (kp->num_changes == kp->cap_changes) {
        size_t cap = kp->cap_changes > 0 ? kp->cap_changes * 2 : 64;
        struct weir_change *more = realloc(kp->changes, cap * sizeof(*more));
        if (more == NULL)
            return WEIR_ENOMEM;
        kp->changes = more;
        kp->cap_changes = cap;
    }
    *ret_key = weir_arena_alloc(&kp->keys, key.len);
    if (*ret_key == NULL)
        return WEIR_ENOMEM;
    memcpy(*ret_key, key.at, key.len);
    return WEIR_OK;
}

/* -- records -- */

/* The key of a row, copied from the caller's, which may lie in a page that is about to change. */
static struct weir_span rec_key_of(const struct store_records *kp, struct store_key *key,
                                   enum weir_class class, struct weir_span record_key)
{
    WEIR_ASSERT(weir_store_class_in(kp->s->kind->group, class));
    weir_store_key_rec(key, class, record_key);
    return store_key_span(key);
}

/* A record as its row will have it. Lanes without an index get one. */
static enum weir_err make_parts(struct store_records *kp, const struct weir_stored_record *rec,
                                struct weir_record_parts *ret)
{
    struct weir_store *s = kp->s;
    struct weir_record_head *head = &ret->head;

    WEIR_ASSERT(rec->num_ctx <= WEIR_RECORD_CTX_MAX);
    *head = (struct weir_record_head){
        .tombstone = rec->rec.tombstone,
        .schema = rec->rec.schema,
        .min_reader = rec->rec.min_reader,
        .seq = rec->rec.version.seq,
        .hlc = rec->rec.version.hlc,
        .expires = rec->rec.expires,
    };
    weir_store_stored_set(s, head, rec->stored_ms);
    enum weir_err err =
        weir_store_names_lane(&kp->names, s, rec->rec.version.lane, &head->lane_idx);
    for (unsigned i = 0; err == WEIR_OK && i < rec->num_ctx; i++) {
        struct weir_record_ctx *ctx = &head->ctx[head->num_ctx];
        err = weir_store_names_tail(&kp->names, s, rec->ctx[i].tail, &ctx->lane_idx);
        ctx->seq = rec->ctx[i].seq;
        if (err == WEIR_OK)
            head->num_ctx++;
        else if (err == WEIR_ELIMIT)
            err = WEIR_OK;
    }
    if (err == WEIR_OK)
        err = weir_store_records_copy(kp, rec, ret);
    return err;
}

static uint64_t revision_of(const struct weir_store *s, const struct weir_stored_record *rec,
                            struct weir_span value)
{
    if (s->cfg.revision == NULL || rec->rec.tombstone)
        return 0;
    return s->cfg.revision(rec->rec.class, rec->rec.key, value);
}

/* Make the record current under its lane, whose `seen` is raised already. */
static enum weir_err apply_parts(struct store_records *kp, const struct store_put *p,
                                 const struct weir_stored_record *rec)
{
    struct store_current cur;
    bool index_changed = false;
    uint8_t *key = NULL;

    enum weir_err err = weir_store_records_find_current(kp, p->rec_key, &cur, NULL);
    weir_store_records_change(kp);
    if (err == WEIR_OK)
        err = reserve_change(kp, weir_span_from(p->rec_key, 1), &key);
    if (err == WEIR_OK)
        err = weir_store_apply(&kp->t, p, &cur, &index_changed);
    if (err < 0)
        return err;
    kp->changes[kp->num_changes++] = (struct weir_change){
        .class = rec->rec.class,
        .key = weir_span(key, p->rec_key.len - 1),
        .version = rec->rec.version,
        .tombstone = rec->rec.tombstone,
        .index_changed = index_changed,
    };
    return WEIR_OK;
}

static enum weir_err put_record(struct weir_record_store *k, const struct weir_stored_record *rec)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct weir_store *s = kp->s;
    struct store_key key;
    struct store_put p = { .revision = 0 };

    if (kp->t.over_reserve && !rec->rec.tombstone)
        return WEIR_EFULL;
    p.rec_key = rec_key_of(kp, &key, rec->rec.class, rec->rec.key);
    enum weir_err err = make_parts(kp, rec, &p.parts);
    if (err < 0)
        return err == WEIR_ELIMIT ? WEIR_EFULL : err;
    p.revision = revision_of(s, rec, p.parts.value);

    uint32_t lane_idx = p.parts.head.lane_idx;
    struct store_lane before = s->lanes[lane_idx];
    struct store_lane lane = before;
    if (lane.hi_seen < p.parts.head.seq)
        lane.hi_seen = p.parts.head.seq;
    err = weir_store_names_set(&kp->names, s, lane_idx, &lane);
    if (err < 0)
        return err == WEIR_ELIMIT ? WEIR_EFULL : err;
    err = apply_parts(kp, &p, rec);
    if (err < 0 && weir_store_names_set(&kp->names, s, lane_idx, &before) < 0)
        kp->t.broken = true;
    return weir_store_records_changed(kp, err);
}

static enum weir_err drop_record(struct weir_record_store *k, enum weir_class class,
                                 struct weir_span record_key)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_current cur;
    struct store_key key;
    bool index_changed = false;
    uint8_t *key_copy = NULL;

    struct weir_span rec_key = rec_key_of(kp, &key, class, record_key);
    enum weir_err err = weir_store_records_find_current(kp, rec_key, &cur, NULL);
    weir_store_records_change(kp);
    if (err < 0 || !cur.found)
        return weir_store_records_changed(kp, err);
    err = reserve_change(kp, weir_span_from(rec_key, 1), &key_copy);
    struct weir_version version = { .hlc = 0 };
    if (cur.sound && cur.parts.head.lane_idx < kp->s->num_lanes) {
        version.hlc = cur.parts.head.hlc;
        version.seq = cur.parts.head.seq;
        memcpy(version.lane, kp->s->lanes[cur.parts.head.lane_idx].id, WEIR_LANE_LEN);
    }
    if (err == WEIR_OK)
        err = weir_store_drop(&kp->t, rec_key, &cur, &index_changed);
    if (err == WEIR_OK && !cur.tombstone)
        kp->changes[kp->num_changes++] = (struct weir_change){
            .class = class,
            .key = weir_span(key_copy, rec_key.len - 1),
            .version = version,
            .tombstone = true,
            .index_changed = index_changed,
        };
    /* Without memory nothing can be found out about it, and the contract has no result for that. */
    err = weir_store_records_changed(kp, err);
    return err == WEIR_ENOMEM ? WEIR_EIO : err;
}

/* -- lanes and numbers -- */

static enum weir_err find_next_lane(struct weir_record_store *k, const uint8_t *after,
                                    struct weir_lane_row *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    uint32_t idx = weir_store_names_next(&kp->names, kp->s, after);

    if (idx == STORE_LANE_NONE)
        return WEIR_ENOTFOUND;
    const struct store_lane *l = &kp->s->lanes[idx];
    *ret = (struct weir_lane_row){
        .vv = l->vv, .seen = l->hi_seen, .floor = l->floor, .final = l->retired_final
    };
    memcpy(ret->lane, l->id, WEIR_LANE_LEN);
    return WEIR_OK;
}

static enum weir_err put_lane_row(struct weir_record_store *k, const struct weir_lane_row *lane)
{
    struct store_records *kp = weir_store_records_of(k, true);
    uint32_t idx = 0;

    enum weir_err err = weir_store_names_lane(&kp->names, kp->s, lane->lane, &idx);
    if (err < 0)
        return err;
    struct store_lane numbers = kp->s->lanes[idx];
    numbers.vv = lane->vv;
    numbers.floor = lane->floor;
    numbers.retired_final = lane->final;
    if (numbers.hi_seen < lane->seen)
        numbers.hi_seen = lane->seen;
    return weir_store_names_set(&kp->names, kp->s, idx, &numbers);
}

static enum weir_err drop_lane_row(struct weir_record_store *k, const uint8_t lane[WEIR_LANE_LEN])
{
    struct store_records *kp = weir_store_records_of(k, true);
    const struct store_lane none = { .vv = 0 };
    uint32_t idx = weir_store_names_find(&kp->names, kp->s, lane);

    if (idx == STORE_LANE_NONE)
        return WEIR_OK;
    enum weir_err err = weir_store_names_set(&kp->names, kp->s, idx, &none);
    return err < 0 ? WEIR_EIO : WEIR_OK;
}

static enum weir_err read_meta(struct weir_record_store *k, struct weir_store_meta *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    const struct store_tally *tally = &kp->t.tally;

    *ret = (struct weir_store_meta){ .seq = tally->seq,
                                     .hlc_floor = tally->hlc_floor,
                                     .live = tally->is_live };
    if (tally->own_lane != STORE_LANE_NONE)
        memcpy(ret->lane, kp->s->lanes[tally->own_lane].id, WEIR_LANE_LEN);
    return WEIR_OK;
}

static enum weir_err change_meta(struct weir_record_store *k, const struct weir_store_meta *meta)
{
    static const uint8_t none[WEIR_LANE_LEN];
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_tally *tally = &kp->t.tally;
    uint32_t own = STORE_LANE_NONE;

    if (memcmp(meta->lane, none, WEIR_LANE_LEN) != 0) {
        enum weir_err err = weir_store_names_lane(&kp->names, kp->s, meta->lane, &own);
        if (err < 0)
            return err == WEIR_ELIMIT ? WEIR_EFULL : WEIR_EIO;
    }
    tally->own_lane = own;
    tally->seq = meta->seq;
    tally->hlc_floor = meta->hlc_floor;
    tally->is_live = meta->live;
    return WEIR_OK;
}

/* -- wipe -- */

/* Report every live record as deleted. */
static enum weir_err report_all_as_deleted(struct store_records *kp)
{
    struct weir_span key;
    struct weir_span row;
    struct store_key from = { .len = 1 };

    from.at[0] = 0;
    enum weir_err err = weir_store_seek(&kp->t, STORE_REC, store_key_span(&from), &key, &row);
    while (err == WEIR_OK) {
        uint8_t *key_copy = NULL;
        if (key.len >= 2 && key.len <= 1 + WEIR_KEY_MAX && !weir_record_row_is_tombstone(row)) {
            err = reserve_change(kp, weir_span_from(key, 1), &key_copy);
            if (err < 0)
                break;
            kp->changes[kp->num_changes++] = (struct weir_change){
                .class = (enum weir_class)key.at[0],
                .key = weir_span(key_copy, key.len - 1),
                .tombstone = true,
                .index_changed = true,
            };
        }
        err = weir_store_step(&kp->t, STORE_REC, &key, &row);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* LMDB reads every page of a tree that it empties. */
static enum weir_err check_all_pages(struct store_txn *t, uint8_t *seen)
{
    struct weir_tree_walk walk = { .file = t->pages, .seen = seen };

    for (int i = 0; i < t->s->kind->num_trees; i++)
        if (i != STORE_META && i != STORE_CONFLICT)
            weir_tree_walk(&walk, &t->roots.tree[i], true);
    if (walk.num_bad == 0)
        return WEIR_OK;
    weir_store_suspect(t->s, "a page that a wipe would read");
    return WEIR_EIO;
}

static enum weir_err wipe_records(struct weir_record_store *k)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_txn *t = &kp->t;
    uint8_t *seen = calloc(1, weir_tree_walk_seen_len(&t->pages));

    weir_store_records_change(kp);
    enum weir_err err = seen != NULL ? check_all_pages(t, seen) : WEIR_EIO;
    free(seen);
    if (err == WEIR_OK && kp->s->cfg.on_change != NULL)
        err = report_all_as_deleted(kp);
    if (err < 0)
        return weir_store_records_changed(kp, weir_store_records_err(err));
    t->touched = true;
    for (int i = 0; i < kp->s->kind->num_trees; i++) {
        int rc = 0;
        if (i != STORE_META && i != STORE_CONFLICT)
            rc = mdb_drop(t->txn, kp->s->dbi[i], 0);
        if (rc != 0)
            return weir_store_records_changed(kp, weir_store_records_err(weir_store_err(rc)));
    }
    weir_store_names_wipe(&kp->names, kp->s);
    t->tally = (struct store_tally){ .own_lane = STORE_LANE_NONE };
    return WEIR_OK;
}

/* -- life -- */

static const struct weir_record_store_ops ops = {
    .begin = begin_write,
    .commit = commit_write,
    .abort = abort_write,
    .get = weir_store_records_get,
    .put = put_record,
    .drop = drop_record,
    .next_dot = weir_store_records_next_dot,
    .next_key = weir_store_records_next_key,
    .next_tombstone = weir_store_records_next_tombstone,
    .next_expired = weir_store_records_next_expired,
    .next_lane = find_next_lane,
    .put_lane = put_lane_row,
    .drop_lane = drop_lane_row,
    .get_meta = read_meta,
    .put_meta = change_meta,
    .put_conflict = weir_store_records_put_conflict,
    .get_conflict = weir_store_records_get_conflict,
    .drop_conflicts = weir_store_records_drop_conflicts,
    .wipe = wipe_records,
};

enum weir_err weir_store_records_new(struct weir_store *s)
{
    struct store_records *kp = calloc(1, sizeof(*kp));

    if (kp == NULL)
        return WEIR_ENOMEM;
    kp->base.ops = &ops;
    kp->s = s;
    weir_arena_init(&kp->keys, KEYS_BLOCK, KEYS_MAX);
    s->records = kp;
    return WEIR_OK;
}

enum weir_err weir_store_records_load(struct weir_store *s)
{
    return weir_store_names_load(&s->records->names, s);
}

void weir_store_records_end(struct weir_store *s)
{
    WEIR_ASSERT(!s->records->open);
    weir_store_mark_suspect(s);
    if (!s->kind->durable)
        weir_store_eph_end(s);
    weir_store_write_clean(s);
}

void weir_store_records_free(struct weir_store *s)
{
    struct store_records *kp = s->records;

    if (kp == NULL)
        return;
    s->records = NULL;
    weir_store_names_deinit(&kp->names);
    weir_arena_deinit(&kp->keys);
    free(kp->changes);
    free(kp->scratch);
    free(kp);
}

struct weir_record_store *weir_store_records(struct weir_store *s)
{
    WEIR_ASSERT(s->magic == STORE_MAGIC);
    WEIR_ASSERT(s->driven);
    return &s->records->base;
}
