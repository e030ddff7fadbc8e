/* SPDX-License-Identifier: Apache-2.0
 *
 * store_purge.c - purges tombstones that are old enough, in small transactions of their own. Two
 * numbers remember them: the lane's floor, by which a peer that was away for longer is recognised,
 * and hlc_floor, above which a key is stamped when it is written again. Owner: writer. Ref: rule
 * R9 of the replication protocol.
 */
#include "sync/store/store_env.h"
#include "sync/store/store_publish.h"
#include "sync/store/store_steps.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"
#include "sync/version/num.h"

#define MS_PER_DAY UINT64_C(86400000)
#define DAY_LEN    4 /* bytes of the day that a row of the queue begins with */

/* The oldest tombstones of the queue, if they are old enough. Keys borrow from the committed
 * state. */
static size_t find_old_tombstones(struct store_txn *t, struct weir_span *ret_keys, size_t max)
{
    struct weir_tree_cursor c;
    struct weir_span row;
    uint64_t today = t->wall_ms / MS_PER_DAY;
    size_t num = 0;

    enum weir_err err = weir_tree_first(&c, &t->pages, &t->roots.tree[STORE_TOMB]);
    while (err == WEIR_OK && num < max) {
        err = weir_tree_entry(&c, &ret_keys[num], &row);
        if (err < 0 || ret_keys[num].len <= DAY_LEN + 1)
            break;
        if (weir_num_get_be(ret_keys[num].at, DAY_LEN) + STORE_TOMB_DAYS > today)
            break;
        num++;
        err = weir_tree_next(&c);
    }
    if (err == WEIR_ECORRUPT)
        weir_store_suspect(t->s, weir_store_tree_name(STORE_TOMB));
    return num;
}

/* Floors that a batch has raised, to lower them again when it cannot be committed. */
struct raised {
    uint32_t lane_idx;
    uint64_t before;
};

static enum weir_err raise_floors(struct store_txn *t, const struct weir_record_head *head,
                                  struct raised *ret)
{
    struct store_lane *lane = &t->s->lanes[head->lane_idx];

    if (head->hlc > t->tally.hlc_floor)
        t->tally.hlc_floor = head->hlc;
    *ret = (struct raised){ head->lane_idx, lane->floor };
    if (head->seq <= lane->floor)
        return WEIR_OK;
    lane->floor = head->seq;
    return weir_store_lane_put(t, head->lane_idx, lane);
}

static void lower_floors(struct weir_store *s, const struct raised *raised, size_t num)
{
    for (size_t i = num; i > 0; i--)
        if (raised[i - 1].lane_idx < s->num_lanes)
            s->lanes[raised[i - 1].lane_idx].floor = raised[i - 1].before;
}

/* Purge the tombstone of one row of the queue. If the row leads to no tombstone of its day, only
 * the row is removed: the record was written again after it could not be read. */
static enum weir_err purge_tombstone(struct store_txn *t, struct weir_span row_key,
                                     struct raised *raised)
{
    struct weir_span rec_key = weir_span_from(row_key, DAY_LEN);
    struct store_current cur;
    struct store_key key;

    raised->lane_idx = UINT32_MAX;
    enum weir_err err = weir_store_del(t, STORE_TOMB, row_key);
    if (err == WEIR_OK)
        err = weir_store_current(t, rec_key, &cur);
    if (err < 0)
        return err;
    struct weir_record_head head = cur.parts.head;
    if (!cur.found || !cur.sound || !cur.tombstone || head.lane_idx >= t->s->num_lanes ||
        head.recv_day != weir_num_get_be(row_key.at, DAY_LEN))
        return WEIR_OK;
    err = weir_store_del(t, STORE_REC, rec_key);
    if (err < 0)
        return err;
    weir_store_key_dot(&key, head.lane_idx, head.seq);
    err = weir_store_del(t, STORE_DOT, store_key_span(&key));
    if (err == WEIR_OK || err == WEIR_ENOTFOUND)
        err = weir_store_rev_trim(t, rec_key, 0);
    if (err == WEIR_OK)
        err = raise_floors(t, &head, raised);
    if (err == WEIR_OK && t->tally.num_tombstones > 0)
        t->tally.num_tombstones--;
    return err;
}

bool weir_store_purge_step(struct weir_store *s)
{
    struct weir_span keys[STORE_PURGE_BATCH];
    struct raised raised[STORE_PURGE_BATCH];
    struct store_txn t;
    size_t done = 0;

    if (weir_store_txn_begin(s, &t) < 0)
        return false;
    size_t num = find_old_tombstones(&t, keys, WEIR_ARRAY_LEN(keys));
    enum weir_err err = WEIR_OK;
    for (; err == WEIR_OK && done < num; done++)
        err = purge_tombstone(&t, keys[done], &raised[done]);
    if (num == 0 || err < 0)
        weir_store_txn_abort(&t);
    else
        err = weir_store_txn_commit(&t);
    if (err < 0)
        lower_floors(s, raised, done);
    if (err < 0)
        log_warn("store.purge_failed", "folder=%s num=%zu err=\"%s\"", s->folder, num,
                 weir_err_name(err));
    else if (num > 0)
        weir_store_publish(s);
    return err == WEIR_OK && num == WEIR_ARRAY_LEN(keys);
}
