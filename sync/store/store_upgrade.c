/* SPDX-License-Identifier: Apache-2.0
 *
 * store_upgrade.c - makes the rows of WEIR_INDEX_REVERSED for a database that a program without
 * them wrote. The row "reversed" of meta states whether they are whole, and while they are not, the
 * key of the last row of `idx` whose reversed row was made (store_txn.h). The mark holds only while
 * it names the newest transaction: an older program writes names without their reversed rows and
 * leaves the mark as it is. Then all reversed rows are removed and made again, for some may be of
 * names that are gone. Owner: the opening thread, before any other runs.
 */
#include <inttypes.h>
#include <string.h>

#include "node/base/clock.h"
#include "sync/store/store_env.h"
#include "sync/store/store_index.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/version/num.h"

#define ROWS_PER_BATCH 4096 /* that one transaction makes or removes */

/** One upgrade. */
struct upgrade {
    struct weir_store *s;
    struct store_key from; /* the last row of idx that is done; len 0: old rows are being removed */
    uint64_t num_rows;     /* made by this call */
};

enum batch_end {
    BATCH_FULL, /* there is more to do */
    BATCH_LAST,
};

/* Read the mark as this transaction has it, which has changed nothing yet. A mark that is damaged
 * or not of the newest state counts as missing. */
static enum weir_err read_mark(struct store_txn *t, bool *ret_whole, struct store_key *ret_from)
{
    struct weir_span key = WEIR_SPAN_LIT(STORE_REVERSED_ROW);
    struct weir_span row;

    *ret_whole = false;
    ret_from->len = 0;
    enum weir_err err = weir_store_find(t, STORE_META, key, NULL, &row);
    if (err == WEIR_ENOTFOUND)
        return WEIR_OK;
    if (err < 0)
        return err;
    if (weir_store_row_check(STORE_META, key, row, &row) < 0 || row.len < STORE_REVERSED_LEN ||
        row.len > STORE_REVERSED_LEN + STORE_ROW_KEY_MAX ||
        weir_num_get_le(row.at, 8) != t->roots.txnid)
        return WEIR_OK;
    *ret_whole = row.at[8] == 1;
    ret_from->len = row.len - STORE_REVERSED_LEN;
    memcpy(ret_from->at, row.at + STORE_REVERSED_LEN, ret_from->len);
    return WEIR_OK;
}

/* Remove reversed rows, which may be of names that are gone. */
static enum weir_err remove_batch(struct store_txn *t, size_t *ret_room)
{
    const struct store_key before_all = { .at = { WEIR_INDEX_REVERSED }, .len = 1 };
    struct store_key key;
    struct weir_span found;
    struct weir_span row;

    while (*ret_room > 0) {
        enum weir_err err =
            weir_store_seek(t, STORE_IDX, store_key_span(&before_all), &found, &row);
        if (err == WEIR_ENOTFOUND || (err == WEIR_OK && found.at[0] != WEIR_INDEX_REVERSED))
            return WEIR_OK;
        if (err < 0)
            return err;
        WEIR_ASSERT(found.len <= STORE_ROW_KEY_MAX);
        memcpy(key.at, found.at, found.len); /* the page that it lies in changes */
        key.len = found.len;
        err = weir_store_del(t, STORE_IDX, store_key_span(&key));
        if (err < 0)
            return err;
        --*ret_room;
    }
    return WEIR_OK;
}

/* Make the reversed row of a row of idx. A damaged row has none, and gets one when its record is
 * written again, as it gets itself. */
static enum weir_err make_row(struct store_txn *t, struct weir_span key, struct weir_span row,
                              uint64_t *num_rows)
{
    struct store_claim claim;
    struct store_key reversed;

    if (weir_store_row_check(STORE_IDX, key, row, &row) < 0 ||
        weir_store_claim_parse(key, &claim) < 0) {
        weir_store_count_corrupt(t->s, key);
        return WEIR_OK;
    }
    if (!weir_store_index_reverse(&claim, &reversed))
        return WEIR_OK;
    ++*num_rows;
    return weir_store_put_row(t, STORE_IDX, store_key_span(&reversed), WEIR_SPAN_EMPTY);
}

/* Make the reversed rows of the hosts and wildcards after u->from. */
static enum weir_err make_batch(struct upgrade *u, struct store_txn *t, size_t room,
                                enum batch_end *ret_end)
{
    struct weir_span key;
    struct weir_span row;

    *ret_end = BATCH_FULL;
    for (; room > 0; room--) {
        enum weir_err err = weir_store_seek(t, STORE_IDX, store_key_span(&u->from), &key, &row);
        if (err == WEIR_ENOTFOUND || (err == WEIR_OK && key.at[0] > WEIR_INDEX_WILDCARD)) {
            *ret_end = BATCH_LAST;
            return WEIR_OK;
        }
        if (err < 0)
            return err;
        WEIR_ASSERT(key.len <= STORE_ROW_KEY_MAX);
        memcpy(u->from.at, key.at, key.len);
        u->from.len = key.len;
        err = make_row(t, store_key_span(&u->from), row, &u->num_rows);
        if (err < 0)
            return err;
    }
    return WEIR_OK;
}

/* What one transaction does, up to its commit. Removing writes no mark: it begins again by itself
 * with what is left. */
static enum weir_err fill_batch(struct upgrade *u, struct store_txn *t, enum batch_end *ret_end)
{
    size_t room = ROWS_PER_BATCH;
    enum weir_err err = WEIR_OK;

    *ret_end = BATCH_FULL;
    if (u->from.len == 0) {
        err = remove_batch(t, &room);
        if (err < 0 || room == 0)
            return err;
        u->from = (struct store_key){ .at = { WEIR_INDEX_HOST }, .len = 1 };
    }
    err = make_batch(u, t, room, ret_end);
    if (err == WEIR_OK && *ret_end == BATCH_FULL)
        err = weir_store_reversed_put(t, false, store_key_span(&u->from));
    return err;
}

/* @return WEIR_OK | as weir_store_txn_commit */
static enum weir_err run_batch(struct upgrade *u, enum batch_end *ret_end)
{
    struct store_txn t;

    enum weir_err err = weir_store_txn_begin(u->s, &t);
    if (err < 0)
        return err;
    err = fill_batch(u, &t, ret_end);
    if (err < 0) {
        weir_store_txn_abort(&t);
        return err;
    }
    u->s->reversed_whole = *ret_end == BATCH_LAST; /* for the mark of this commit */
    err = weir_store_txn_commit(&t);
    if (err < 0)
        u->s->reversed_whole = false;
    return err;
}

/* Find out where the rows stand. */
static enum weir_err begin_upgrade(struct upgrade *u)
{
    struct store_txn t;

    enum weir_err err = weir_store_txn_begin(u->s, &t);
    if (err < 0)
        return err;
    err = read_mark(&t, &u->s->reversed_whole, &u->from);
    weir_store_txn_abort(&t);
    return err;
}

enum weir_err weir_store_upgrade(struct weir_store *s)
{
    struct upgrade u = { .s = s };
    enum batch_end end = BATCH_FULL;
    uint64_t begin_ns = weir_clock_mono_ns();

    if (s->kind->group != 'C')
        return WEIR_OK;
    s->reversed_whole = false;
    enum weir_err err = begin_upgrade(&u);
    if (err < 0 || s->reversed_whole)
        return err;
    while (err == WEIR_OK && end == BATCH_FULL)
        err = run_batch(&u, &end);
    if (err == WEIR_OK) {
        log_info("store.index_upgraded", "folder=%s rows=%" PRIu64 " ms=%" PRIu64, s->folder,
                 u.num_rows, (weir_clock_mono_ns() - begin_ns) / 1000000);
        return WEIR_OK;
    }
    if (err == WEIR_ECORRUPT || err == WEIR_ENOMEM)
        return err;
    log_error("store.index_incomplete",
              "folder=%s err=\"%s\" effect=\"writes of wildcards are refused\" "
              "next=\"make room on the disk and start again\"",
              s->folder, weir_err_name(err));
    return WEIR_OK;
}
