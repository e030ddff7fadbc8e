/* SPDX-License-Identifier: Apache-2.0
 *
 * older_store_file.h - makes a closed store's file what a program without reversed rows leaves: one
 * that wrote it from the start, or one that wrote to it in between. Through LMDB, below the store.
 */
#ifndef WEIR_TESTS_SUPPORT_OLDER_STORE_FILE_H
#define WEIR_TESTS_SUPPORT_OLDER_STORE_FILE_H

#include <lmdb.h>

#include "sync/layout/store_rows.h"
#include "sync/version/num.h"
#include "tests/support/store_kit.h"

struct older {
    MDB_env *env;
    MDB_txn *txn;
    MDB_dbi idx, meta;
};

static inline void older_begin(struct older *o, const struct kit *k)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/conf.mdb", k->folder);
    assert_int_equal(mdb_env_create(&o->env), 0);
    assert_int_equal(mdb_env_set_maxdbs(o->env, STORE_NUM_TREES), 0);
    assert_int_equal(mdb_env_set_mapsize(o->env, KIT_MAX_BYTES), 0);
    assert_int_equal(mdb_env_open(o->env, path, MDB_NOSUBDIR, 0600), 0);
    assert_int_equal(mdb_txn_begin(o->env, NULL, 0, &o->txn), 0);
    assert_int_equal(mdb_dbi_open(o->txn, "idx", 0, &o->idx), 0);
    assert_int_equal(mdb_dbi_open(o->txn, "meta", 0, &o->meta), 0);
}

static inline void older_put(struct older *o, enum store_tree tree, struct weir_span key,
                             struct weir_span payload)
{
    uint8_t row[64];
    MDB_val k = { key.len, (void *)(uintptr_t)key.at };
    MDB_val v = { payload.len + STORE_SUM_LEN, row };

    assert_true(v.mv_size <= sizeof(row));
    if (payload.len > 0)
        memcpy(row, payload.at, payload.len);
    weir_num_write_le(row + payload.len, weir_store_row_sum(tree, key, payload), STORE_SUM_LEN);
    assert_int_equal(mdb_put(o->txn, tree == STORE_IDX ? o->idx : o->meta, &k, &v, 0), 0);
}

/* Commit as every program does: with the number of the transaction. */
static inline void older_end(struct older *o)
{
    uint8_t number[8];

    weir_num_write_le(number, mdb_txn_id(o->txn), sizeof(number));
    older_put(o, STORE_META, WEIR_SPAN_LIT("txn"), weir_span(number, sizeof(number)));
    assert_int_equal(mdb_txn_commit(o->txn), 0);
    mdb_env_close(o->env);
}

/* Remove the mark and all reversed rows. @return how many those were */
static inline size_t older_strip(const struct kit *k)
{
    struct older o;
    MDB_cursor *c = NULL;
    MDB_val key;
    MDB_val row;
    MDB_val mark = { strlen("reversed"), (void *)(uintptr_t) "reversed" };
    size_t num = 0;

    older_begin(&o, k);
    assert_int_equal(mdb_del(o.txn, o.meta, &mark, NULL), 0);
    assert_int_equal(mdb_cursor_open(o.txn, o.idx, &c), 0);
    for (int rc = mdb_cursor_get(c, &key, &row, MDB_FIRST); rc == 0;
         rc = mdb_cursor_get(c, &key, &row, MDB_NEXT)) {
        if (*(const uint8_t *)key.mv_data != WEIR_INDEX_REVERSED)
            continue;
        assert_int_equal(mdb_cursor_del(c, 0), 0);
        num++;
    }
    mdb_cursor_close(c);
    older_end(&o);
    return num;
}

/* The reversed rows that are there. */
static inline size_t older_num_reversed(const struct kit *k)
{
    struct older o;
    MDB_cursor *c = NULL;
    MDB_val key;
    MDB_val row;
    size_t num = 0;

    older_begin(&o, k);
    assert_int_equal(mdb_cursor_open(o.txn, o.idx, &c), 0);
    for (int rc = mdb_cursor_get(c, &key, &row, MDB_FIRST); rc == 0;
         rc = mdb_cursor_get(c, &key, &row, MDB_NEXT))
        num += *(const uint8_t *)key.mv_data == WEIR_INDEX_REVERSED;
    mdb_cursor_close(c);
    mdb_txn_abort(o.txn);
    mdb_env_close(o.env);
    return num;
}

/* Damage that only a rescue repairs: the counts are gone. */
static inline void older_lose_counts(const struct kit *k)
{
    struct older o;
    MDB_val counts = { strlen("counts"), (void *)(uintptr_t) "counts" };

    older_begin(&o, k);
    assert_int_equal(mdb_del(o.txn, o.meta, &counts, NULL), 0);
    older_end(&o);
}

/* A host of a tenant moves, as seen by a program that writes no reversed rows. */
static inline void older_move_host(const struct kit *k, const char *tenant, const char *from,
                                   const char *to, uint64_t since)
{
    struct older o;
    struct store_key rec_key;
    struct store_key key;

    older_begin(&o, k);
    weir_store_key_rec(&rec_key, WEIR_CLASS_TENANT, weir_span_cstr(tenant));
    assert_true(weir_store_key_idx_name(&key, WEIR_INDEX_HOST, weir_span_cstr(from)));
    assert_true(weir_store_key_idx_claim(&key, since, store_key_span(&rec_key)));
    MDB_val gone = { key.len, key.at };
    assert_int_equal(mdb_del(o.txn, o.idx, &gone, NULL), 0);
    assert_true(weir_store_key_idx_name(&key, WEIR_INDEX_HOST, weir_span_cstr(to)));
    assert_true(weir_store_key_idx_claim(&key, since, store_key_span(&rec_key)));
    older_put(&o, STORE_IDX, store_key_span(&key), WEIR_SPAN_EMPTY);
    older_end(&o);
}

#endif
