/* SPDX-License-Identifier: Apache-2.0
 *
 * store_txn.c - one write transaction: rows in and out of it, and its end. The guard checks every
 * access first. What is read is as this transaction has it. Owner: writer.
 */
#include "sync/store/store_txn.h"

#include <errno.h>
#include <string.h>
#include <sys/statvfs.h>

#include "node/base/clock.h"
#include "node/base/hash.h"
#include "node/base/probe.h"
#include "node/base/trace.h"
#include "sync/store/store_env.h"
#include "sync/store/store_guard.h"
#include "sync/version/num.h"

#define COUNT_FREE_PAGES    64 /* a free tree up to this size is counted at each transaction */
#define COUNT_FREE_EVERY_MS 1000
#define FREE_ROW_ID         8

/* Store the code of a failed call in the transaction's state. */
static enum weir_err note_failure(struct store_txn *t, int rc)
{
    enum weir_err err = weir_store_err(rc);

    if (err == WEIR_ECORRUPT)
        weir_store_suspect(t->s, mdb_strerror(rc));
    t->broken = true;
    return err;
}

enum weir_err weir_store_txn_meta(struct store_txn *t)
{
    struct weir_tree_meta m;

    enum weir_err err = weir_store_state_meta(&t->pages, t->roots.txnid, &m);
    if (err < 0)
        return err;
    t->free = m.free;
    t->last_page = m.last_page;
    if (t->pages.len > (m.last_page + 1) * m.page_len)
        t->pages.len = (m.last_page + 1) * m.page_len;
    return WEIR_OK;
}

/* Are these the numbers of pages that LMDB may be given: falling, and inside the file? */
static bool free_row_holds(const struct store_txn *t, struct weir_span row, uint64_t num)
{
    uint64_t before = t->last_page + 1;

    for (uint64_t i = 1; i <= num; i++) {
        uint64_t pgno = weir_num_get_le(row.at + i * FREE_ROW_ID, FREE_ROW_ID);
        if (pgno >= before || pgno < 2)
            return false;
        before = pgno;
    }
    return true;
}

/* Count the pages in the free tree. @return false: it is damaged, and LMDB must not use it */
static bool count_free(const struct store_txn *t, uint64_t *ret_num, uint32_t *ret_sum)
{
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span value;
    uint64_t num = 0;
    uint32_t sum = 0;

    enum weir_err err = weir_tree_first(&c, &t->pages, &t->free);
    while (err == WEIR_OK) {
        err = weir_tree_entry(&c, &key, &value);
        if (err < 0)
            break;
        uint64_t here = value.len >= FREE_ROW_ID ? weir_num_get_le(value.at, FREE_ROW_ID) : 0;
        if (key.len != FREE_ROW_ID || here >= value.len / FREE_ROW_ID ||
            !free_row_holds(t, value, here))
            return false;
        num += here;
        sum = weir_crc32c(sum, key.at, key.len);
        sum = weir_crc32c(sum, value.at, (here + 1) * FREE_ROW_ID);
        err = weir_tree_next(&c);
    }
    if (err != WEIR_ENOTFOUND)
        return false;
    *ret_num = num;
    *ret_sum = sum;
    return true;
}

static bool free_tree_small(const struct store_txn *t)
{
    return t->free.num_branch_pages + t->free.num_leaf_pages + t->free.num_overflow_pages <=
           COUNT_FREE_PAGES;
}

uint64_t weir_store_used(struct store_txn *t, bool exact)
{
    struct weir_store *s = t->s;
    uint64_t now_ms = weir_clock_mono_ns() / 1000000;

    if (exact || free_tree_small(t) || now_ms - s->free_counted_ms >= COUNT_FREE_EVERY_MS) {
        if (!count_free(t, &s->free_pages, &s->free_sum))
            weir_store_suspect(s, "free pages");
        else
            s->free_sum_txnid = t->roots.txnid;
        s->free_counted_ms = now_ms;
    }
    uint64_t used = t->last_page + 1;
    used = s->free_pages < used ? used - s->free_pages : 0;
    return used * t->pages.page_len;
}

static bool over_reserve(struct store_txn *t)
{
    uint64_t limit = atomic_load(&t->s->max_bytes) / 100 * STORE_RESERVE_PERCENT;

    if ((t->last_page + 1) * t->pages.page_len <= limit)
        return false;
    return weir_store_used(t, true) > limit;
}

/* LMDB uses pages of the free tree as it needs them, and overwrites them. A number that is wrong
 * and yet inside the file would cost a page in use, so the numbers must also be those that were
 * seen right after the last commit. A large free tree was checked at open. */
static enum weir_err check_free(struct store_txn *t)
{
    const struct weir_store *s = t->s;
    uint64_t num = 0;
    uint32_t sum = 0;

    if (!free_tree_small(t))
        return WEIR_OK;
    if (!count_free(t, &num, &sum))
        return WEIR_ECORRUPT;
    return s->free_sum_txnid != t->roots.txnid || s->free_sum == sum ? WEIR_OK : WEIR_ECORRUPT;
}

enum weir_err weir_store_txn_begin(struct weir_store *s, struct store_txn *ret)
{
    struct store_txn t = { .s = s, .tally = s->tally, .wall_ms = weir_store_wall_ms(s) };

    int rc = mdb_txn_begin(s->env, NULL, 0, &t.txn);
    if (rc != 0)
        return weir_store_err(rc);
    enum weir_err err = weir_store_pages_now(s, &t.pages);
    /* LMDB has already counted this transaction. */
    if (err == WEIR_OK)
        err = weir_store_roots_load(&t.pages, mdb_txn_id(t.txn) - 1, s->kind->num_trees, &t.roots);
    if (err == WEIR_OK)
        err = weir_store_txn_meta(&t);
    if (err == WEIR_OK)
        err = weir_store_guard_roots(&t);
    if (err == WEIR_OK)
        err = check_free(&t);
    if (err < 0) {
        mdb_txn_abort(t.txn);
        if (err == WEIR_ECORRUPT)
            weir_store_suspect(s, "roots or free pages");
        return err;
    }
    t.over_reserve = over_reserve(&t);
    *ret = t;
    return WEIR_OK;
}

void weir_store_txn_abort(struct store_txn *t)
{
    WEIR_ASSERT(t->txn != NULL);
    mdb_txn_abort(t->txn);
    t->txn = NULL;
    memset(t->cursor, 0, sizeof(t->cursor));
}

enum weir_err weir_store_meta_put(struct store_txn *t, const char *name, const void *at, size_t len)
{
    return weir_store_put_row(t, STORE_META, weir_span_cstr(name), weir_span(at, len));
}

enum weir_err weir_store_lane_put(struct store_txn *t, uint32_t lane_idx,
                                  const struct store_lane *lane)
{
    uint8_t payload[STORE_LANE_LEN];
    struct store_key key;

    weir_store_lane_pack(lane, payload);
    weir_store_key_lane(&key, lane_idx);
    return weir_store_put_row(t, STORE_LANE, store_key_span(&key),
                              weir_span(payload, sizeof(payload)));
}

/* The writer numbers its own writes without holes; through a record store the caller sets
 * the numbers. */
static enum weir_err write_own_lane(struct store_txn *t)
{
    struct store_lane own;

    if (t->s->driven)
        return WEIR_OK;
    own = t->s->lanes[t->tally.own_lane];
    own.vv = t->tally.seq;
    own.hi_seen = t->tally.seq;
    return weir_store_lane_put(t, t->tally.own_lane, &own);
}

enum weir_err weir_store_reversed_put(struct store_txn *t, bool whole, struct weir_span from)
{
    uint8_t mark[STORE_REVERSED_LEN + STORE_ROW_KEY_MAX];

    WEIR_ASSERT(from.len <= STORE_ROW_KEY_MAX);
    weir_num_write_le(mark, mdb_txn_id(t->txn), 8);
    mark[8] = whole ? 1 : 0;
    if (from.len > 0)
        memcpy(mark + STORE_REVERSED_LEN, from.at, from.len);
    return weir_store_meta_put(t, STORE_REVERSED_ROW, mark, STORE_REVERSED_LEN + from.len);
}

/* An older program does not write this row, so its commits make it invalid. */
static enum weir_err put_reversed_whole(struct store_txn *t)
{
    if (t->s->kind->group != 'C' || !t->s->reversed_whole)
        return WEIR_OK;
    return weir_store_reversed_put(t, true, WEIR_SPAN_EMPTY);
}

/* Rows that change when a node joins a cluster, and some now and then. */
static enum weir_err write_state_rows(struct store_txn *t)
{
    struct weir_store *s = t->s;
    uint8_t number[4];
    uint8_t live = t->tally.is_live ? 1 : 0;
    enum weir_err err = WEIR_OK;

    if (t->tally.own_lane != s->tally.own_lane) {
        weir_num_write_le(number, t->tally.own_lane, 4);
        err = weir_store_meta_put(t, "lane", number, sizeof(number));
    }
    if (err < 0 || !s->driven)
        return err;
    if (s->format < STORE_FORMAT) {
        weir_num_write_le(number, STORE_FORMAT, 4);
        err = weir_store_meta_put(t, "format", number, sizeof(number));
    }
    if (err == WEIR_OK && (!s->has_live_row || t->tally.is_live != s->tally.is_live))
        err = weir_store_meta_put(t, "live", &live, 1);
    return err;
}

/* The rows that change with every commit. */
static enum weir_err write_tally(struct store_txn *t)
{
    struct weir_store *s = t->s;
    uint8_t counts[STORE_COUNTS_LEN];
    uint8_t seq[8];
    uint8_t txn[8];
    uint8_t clean = t->closing ? 1 : 0;

    weir_num_write_le(seq, t->tally.seq, 8);
    weir_num_write_le(txn, mdb_txn_id(t->txn), 8);
    weir_store_counts_pack(&t->tally, counts);
    enum weir_err err = weir_store_meta_put(t, "txn", txn, sizeof(txn));
    if (err == WEIR_OK)
        err = weir_store_meta_put(t, "counts", counts, sizeof(counts));
    if (err == WEIR_OK)
        err = put_reversed_whole(t);
    if (err == WEIR_OK)
        err = write_state_rows(t);
    if (err == WEIR_OK && t->tally.seq != s->tally.seq) {
        err = weir_store_meta_put(t, "seq", seq, sizeof(seq));
        if (err == WEIR_OK)
            err = write_own_lane(t);
    }
    if (err == WEIR_OK && t->tally.hlc_floor != s->tally.hlc_floor) {
        uint8_t floor[8];
        weir_num_write_le(floor, t->tally.hlc_floor, 8);
        err = weir_store_meta_put(t, "hlc_floor", floor, sizeof(floor));
    }
    if (err == WEIR_OK && t->closing != s->clean)
        err = weir_store_meta_put(t, "clean", &clean, 1);
    return err;
}

/* LMDB reports a write of which the disk took only half as an I/O error. @return the cause: ENOSPC
 * when the disk has no room for the transaction, otherwise rc */
static int cause_of_commit(const struct store_txn *t, int rc)
{
    struct statvfs fs;

    if (rc != EIO || fstatvfs(t->s->folder_fd, &fs) != 0)
        return rc;
    return (uint64_t)fs.f_bavail * fs.f_frsize <= t->bytes ? ENOSPC : EIO;
}

/* A failed commit counts as well: a disk that fails is slow first. */
static void note_commit(const struct store_txn *t, int rc, uint64_t took_us)
{
    if (t->s->cfg.metrics != NULL)
        weir_histogram_observe(t->s->cfg.metrics, WEIR_H_STORE_COMMIT, took_us);
    weir_trace("store.commit", (uint64_t)(int64_t)rc, t->tally.seq);
    WEIR_PROBE3(commit, rc, t->tally.seq, took_us);
}

enum weir_err weir_store_txn_commit(struct store_txn *t)
{
    struct weir_store *s = t->s;

    WEIR_ASSERT(t->txn != NULL);
    enum weir_err err = write_tally(t);
    if (err < 0) {
        weir_store_txn_abort(t);
        return err;
    }
    uint64_t begin_ns = weir_clock_mono_ns();
    int rc = mdb_txn_commit(t->txn);
    uint64_t took_us = (weir_clock_mono_ns() - begin_ns) / 1000;
    t->txn = NULL;
    memset(t->cursor, 0, sizeof(t->cursor));
    note_commit(t, rc, took_us);
    if (rc != 0) {
        rc = cause_of_commit(t, rc);
        log_error("store.commit_failed", "folder=%s err=\"%s\" errno=%d", s->folder,
                  mdb_strerror(rc), rc > 0 ? rc : 0);
        return weir_store_err(rc);
    }
    if (!s->driven) {
        s->lanes[t->tally.own_lane].vv = t->tally.seq;
        s->lanes[t->tally.own_lane].hi_seen = t->tally.seq;
    } else {
        s->format = STORE_FORMAT;
        s->has_live_row = true;
    }
    s->tally = t->tally;
    s->clean = t->closing;
    return WEIR_OK;
}

/* The tree's cursor. @return LMDB's code */
static int open_cursor(struct store_txn *t, enum store_tree tree, MDB_cursor **ret)
{
    int rc = 0;

    if (t->cursor[tree] == NULL)
        rc = mdb_cursor_open(t->txn, t->s->dbi[tree], &t->cursor[tree]);
    *ret = t->cursor[tree];
    return rc;
}

enum weir_err weir_store_find(struct store_txn *t, enum store_tree tree, struct weir_span key,
                              struct weir_span *ret_key, struct weir_span *ret_row)
{
    MDB_cursor *c = NULL;
    MDB_val k = { key.len, (void *)(uintptr_t)key.at };
    MDB_val v;

    enum weir_err err = weir_store_guard(t, tree, key);
    if (err < 0)
        return err;
    int rc = open_cursor(t, tree, &c);
    if (rc == 0)
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_KEY);
    if (rc == MDB_NOTFOUND)
        return WEIR_ENOTFOUND;
    if (rc != 0)
        return note_failure(t, rc);
    if (ret_key != NULL)
        *ret_key = weir_span(k.mv_data, k.mv_size);
    *ret_row = weir_span(v.mv_data, v.mv_size);
    return WEIR_OK;
}

/* The entry that the tree's cursor is on; its value may have pages of its own. */
static enum weir_err check_found(struct store_txn *t, enum store_tree tree, int rc,
                                 const MDB_val *k)
{
    if (rc == MDB_NOTFOUND)
        return WEIR_ENOTFOUND;
    if (rc != 0)
        return note_failure(t, rc);
    return weir_store_guard_next(t, tree, weir_span(k->mv_data, k->mv_size));
}

enum weir_err weir_store_seek(struct store_txn *t, enum store_tree tree, struct weir_span from,
                              struct weir_span *ret_key, struct weir_span *ret_row)
{
    MDB_cursor *c = NULL;
    MDB_val k = { from.len, (void *)(uintptr_t)from.at };
    MDB_val v;

    WEIR_ASSERT(t->txn != NULL);
    enum weir_err err = weir_store_guard_next(t, tree, from);
    if (err < 0)
        return err;
    int rc = open_cursor(t, tree, &c);
    if (rc == 0)
        rc = mdb_cursor_get(c, &k, &v, MDB_SET_RANGE);
    if (rc == 0 && weir_span_eq(weir_span(k.mv_data, k.mv_size), from))
        rc = mdb_cursor_get(c, &k, &v, MDB_NEXT);
    err = check_found(t, tree, rc, &k);
    if (err < 0)
        return err;
    *ret_key = weir_span(k.mv_data, k.mv_size);
    *ret_row = weir_span(v.mv_data, v.mv_size);
    return WEIR_OK;
}

enum weir_err weir_store_step(struct store_txn *t, enum store_tree tree, struct weir_span *key,
                              struct weir_span *row)
{
    MDB_val k;
    MDB_val v;

    WEIR_ASSERT(t->cursor[tree] != NULL);
    int rc = mdb_cursor_get(t->cursor[tree], &k, &v, MDB_NEXT);
    enum weir_err err = check_found(t, tree, rc, &k);
    if (err < 0)
        return err;
    *key = weir_span(k.mv_data, k.mv_size);
    *row = weir_span(v.mv_data, v.mv_size);
    return WEIR_OK;
}

enum weir_err weir_store_put(struct store_txn *t, enum store_tree tree, struct weir_span key,
                             size_t len, uint8_t **ret_at)
{
    MDB_val k = { key.len, (void *)(uintptr_t)key.at };
    MDB_val v = { len, NULL };

    WEIR_ASSERT(t->txn != NULL);
    WEIR_ASSERT((int)tree < t->s->kind->num_trees);
    WEIR_ASSERT(key.len >= 1);
    WEIR_ASSERT(key.len <= STORE_ROW_KEY_MAX);
    enum weir_err err = weir_store_guard_put(t, tree, key);
    if (err < 0)
        return err;
    t->touched = true;
    int rc = mdb_put(t->txn, t->s->dbi[tree], &k, &v, MDB_RESERVE);
    if (rc != 0)
        return note_failure(t, rc);
    t->bytes += key.len + len;
    *ret_at = v.mv_data;
    return WEIR_OK;
}

enum weir_err weir_store_put_row(struct store_txn *t, enum store_tree tree, struct weir_span key,
                                 struct weir_span payload)
{
    uint8_t *at = NULL;

    enum weir_err err = weir_store_put(t, tree, key, payload.len + STORE_SUM_LEN, &at);
    if (err < 0)
        return err;
    if (payload.len > 0)
        memcpy(at, payload.at, payload.len);
    weir_num_write_le(at + payload.len, weir_store_row_sum(tree, key, payload), STORE_SUM_LEN);
    return WEIR_OK;
}

/* The number of a tree's own pages, as this transaction has it. */
static uint64_t num_pages(const struct store_txn *t, enum store_tree tree)
{
    MDB_stat st = { .ms_depth = 0 };

    (void)mdb_stat(t->txn, t->s->dbi[tree], &st); /* a failure shows in the next calls */
    return st.ms_branch_pages + st.ms_leaf_pages;
}

enum weir_err weir_store_del(struct store_txn *t, enum store_tree tree, struct weir_span key)
{
    MDB_val k = { key.len, (void *)(uintptr_t)key.at };

    enum weir_err err = weir_store_guard_del(t, tree, key);
    if (err < 0)
        return err;
    uint64_t before = num_pages(t, tree);
    int rc = mdb_del(t->txn, t->s->dbi[tree], &k, NULL);
    if (rc == MDB_NOTFOUND)
        return WEIR_ENOTFOUND;
    t->touched = true;
    if (rc != 0)
        return note_failure(t, rc);
    return num_pages(t, tree) < before ? weir_store_guard_merged(t, tree, key) : WEIR_OK;
}

/* Mark the database as closed. If that fails, it stays marked as not closed. */
void weir_store_write_clean(struct weir_store *s)
{
    struct store_txn t;

    if (s->clean || weir_store_txn_begin(s, &t) < 0)
        return;
    t.closing = true;
    enum weir_err err = weir_store_txn_commit(&t);
    if (err < 0)
        log_warn("store.close_unmarked", "folder=%s err=\"%s\"", s->folder, weir_err_name(err));
}
