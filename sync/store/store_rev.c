/* SPDX-License-Identifier: Apache-2.0
 *
 * store_rev.c - the last revisions of a record, kept beside it for history and rollback.
 * They outlive the record's deletion, so that it can be undone, and go with its tombstone; above
 * the store's reserve a delete takes them along at once, since it is there to make room. Owner:
 * writer.
 */
#include "sync/store/store_parts.h"

#include "sync/version/num.h"

/* Collect the revisions of a record in this transaction, oldest first. */
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
        /* The next one may lie in a leaf that nothing has looked at yet. */
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
