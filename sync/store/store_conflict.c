/* SPDX-License-Identifier: Apache-2.0
 *
 * store_conflict.c - losers of merges that their winners had not seen, as this node found them.
 * Rows of `conflict`: 'n', number 8 -> the conflict, complete in itself, since lanes may be wiped;
 * 'd', lane 16, seq 8, class, key -> the loser's number, so that a loser is stored once. Numbers
 * grow, so their order is the order of storing. A damaged row is skipped. Owner: the record
 * store's caller.
 */
#include <string.h>

#include "sync/store/store_env.h"
#include "sync/store/store_guard.h"
#include "sync/store/store_records_ops.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"
#include "sync/version/num.h"

#define NUMBER_LEN  9  /* bytes of the first kind of key */
#define FIXED_LEN   57 /* noted_ms 8, winner: hlc 8, lane 16, seq 8; loser's lane 16, num_ctx 1 */
#define KEY_LEN_LEN 2

_Static_assert(1 + WEIR_LANE_LEN + 8 + 1 + WEIR_KEY_MAX <= STORE_ROW_KEY_MAX, "keys of dots fit");

static void key_number(struct store_key *key, uint64_t number)
{
    key->at[0] = 'n';
    weir_num_write_be(key->at + 1, number, 8);
    key->len = NUMBER_LEN;
}

static void key_dot(struct store_key *key, const struct weir_record *loser)
{
    key->at[0] = 'd';
    memcpy(key->at + 1, loser->version.lane, WEIR_LANE_LEN);
    weir_num_write_be(key->at + 1 + WEIR_LANE_LEN, loser->version.seq, 8);
    uint8_t *at = key->at + 1 + WEIR_LANE_LEN + 8;
    at[0] = (uint8_t)loser->class;
    memcpy(at + 1, loser->key.at, loser->key.len);
    key->len = (size_t)(at + 1 - key->at) + loser->key.len;
}

static uint8_t *write_version(uint8_t *at, const struct weir_version *v)
{
    weir_num_write_le(at, v->hlc, 8);
    memcpy(at + 8, v->lane, WEIR_LANE_LEN);
    weir_num_write_le(at + 8 + WEIR_LANE_LEN, v->seq, 8);
    return at + 8 + WEIR_LANE_LEN + 8;
}

static void get_version(const uint8_t *at, struct weir_version *ret)
{
    ret->hlc = weir_num_get_le(at, 8);
    memcpy(ret->lane, at + 8, WEIR_LANE_LEN);
    ret->seq = weir_num_get_le(at + 8 + WEIR_LANE_LEN, 8);
}

/* The head of a loser as a row of its own: lanes are named by their positions in the conflict's
 * row. */
static void make_parts(const struct weir_store *s, const struct weir_stored_record *loser,
                       struct weir_record_parts *ret)
{
    *ret = (struct weir_record_parts){
        .head = {
            .tombstone = loser->rec.tombstone,
            .schema = loser->rec.schema,
            .min_reader = loser->rec.min_reader,
            .seq = loser->rec.version.seq,
            .hlc = loser->rec.version.hlc,
            .expires = loser->rec.expires,
            .num_ctx = loser->num_ctx,
        },
    };
    for (uint32_t i = 0; i < loser->num_ctx; i++)
        ret->head.ctx[i] = (struct weir_record_ctx){ i, loser->ctx[i].seq };
    weir_store_stored_set(s, &ret->head, loser->stored_ms);
}

/* The row of a conflict, written where LMDB wants it. */
static enum weir_err write_conflict_row(struct store_records *kp, struct weir_span key,
                                        const struct weir_conflict *c)
{
    struct store_txn *t = &kp->t;
    const struct weir_stored_record *loser = &c->loser;
    struct weir_record_parts parts;
    struct store_key rec_key;
    uint8_t *row = NULL;

    make_parts(t->s, loser, &parts);
    weir_store_key_rec(&rec_key, loser->rec.class, loser->rec.key);
    enum weir_err err = weir_store_records_copy(kp, loser, &parts);
    if (err < 0)
        return err;
    size_t len = FIXED_LEN + (size_t)loser->num_ctx * WEIR_LANE_TAIL_LEN + KEY_LEN_LEN +
                 rec_key.len + weir_record_packed_len(&parts);
    err = weir_store_put(t, STORE_CONFLICT, key, len + STORE_SUM_LEN, &row);
    if (err < 0)
        return err;
    uint8_t *at = row;
    weir_num_write_le(at, c->noted_ms, 8);
    at = write_version(at + 8, &c->winner);
    memcpy(at, loser->rec.version.lane, WEIR_LANE_LEN);
    at += WEIR_LANE_LEN;
    *at++ = loser->num_ctx;
    for (unsigned i = 0; i < loser->num_ctx; i++, at += WEIR_LANE_TAIL_LEN)
        memcpy(at, loser->ctx[i].tail, WEIR_LANE_TAIL_LEN);
    weir_num_write_le(at, rec_key.len, KEY_LEN_LEN);
    memcpy(at + KEY_LEN_LEN, rec_key.at, rec_key.len);
    at += KEY_LEN_LEN + rec_key.len;
    weir_record_pack(&parts, store_key_span(&rec_key), at);
    weir_num_write_le(row + len, weir_store_row_sum(STORE_CONFLICT, key, weir_span(row, len)),
                      STORE_SUM_LEN);
    return WEIR_OK;
}

/* @return WEIR_OK | WEIR_ECORRUPT */
static enum weir_err parse_conflict(const struct weir_store *s, struct weir_span key,
                                    struct weir_span row, struct weir_conflict *ret)
{
    struct weir_record_parts parts;
    struct weir_conflict c;

    if (weir_store_row_check(STORE_CONFLICT, key, row, &row) < 0 || row.len < FIXED_LEN)
        return WEIR_ECORRUPT;
    c.noted_ms = weir_num_get_le(row.at, 8);
    get_version(row.at + 8, &c.winner);
    const uint8_t *lane = row.at + 16 + WEIR_LANE_LEN + 8;
    unsigned num_ctx = row.at[FIXED_LEN - 1];
    struct weir_span rest = weir_span_from(row, FIXED_LEN);
    size_t tails_len = num_ctx * (size_t)WEIR_LANE_TAIL_LEN;
    if (num_ctx > WEIR_RECORD_CTX_MAX || rest.len < tails_len + KEY_LEN_LEN)
        return WEIR_ECORRUPT;
    const uint8_t *tails = rest.at;
    rest = weir_span_from(rest, tails_len);
    size_t key_len = weir_num_get_le(rest.at, KEY_LEN_LEN);
    rest = weir_span_from(rest, KEY_LEN_LEN);
    if (key_len < 2 || key_len > rest.len || !weir_store_class_in(s->kind->group, rest.at[0]))
        return WEIR_ECORRUPT;
    struct weir_span rec_key = weir_span(rest.at, key_len);
    if (weir_record_unpack(weir_span_from(rest, key_len), rec_key, &parts) < 0 ||
        parts.head.num_ctx != num_ctx)
        return WEIR_ECORRUPT;

    struct weir_record_head plain = parts.head;
    plain.num_ctx = 0;
    c.loser = (struct weir_stored_record){
        .rec = {
            .class = (enum weir_class)rec_key.at[0],
            .key = weir_span_from(rec_key, 1),
            .version = { .hlc = plain.hlc, .seq = plain.seq },
            .tombstone = plain.tombstone,
            .schema = plain.schema,
            .min_reader = plain.min_reader,
            .expires = plain.expires,
            .value = parts.value,
        },
        .num_ctx = (uint8_t)num_ctx,
        .sig = parts.sig,
        .extra = parts.extra,
        .stored_ms = weir_store_stored_ms(s, &plain),
    };
    memcpy(c.loser.rec.version.lane, lane, WEIR_LANE_LEN);
    for (unsigned i = 0; i < num_ctx; i++, tails += WEIR_LANE_TAIL_LEN) {
        memcpy(c.loser.ctx[i].tail, tails, WEIR_LANE_TAIL_LEN);
        c.loser.ctx[i].seq = parts.head.ctx[i].seq;
    }
    *ret = c;
    return WEIR_OK;
}

/* The first conflict whose key is larger than `at`, which becomes its key; a damaged one too.
 * @return WEIR_OK | WEIR_ENOTFOUND | as weir_store_seek */
static enum weir_err next_conflict_row(struct store_txn *t, struct store_key *at,
                                       struct weir_span *ret_row)
{
    struct weir_span key;

    enum weir_err err = weir_store_seek(t, STORE_CONFLICT, store_key_span(at), &key, ret_row);
    if (err < 0)
        return err;
    if (key.len != NUMBER_LEN || key.at[0] != 'n')
        return WEIR_ENOTFOUND;
    memcpy(at->at, key.at, key.len);
    at->len = key.len;
    return WEIR_OK;
}

static void key_before_all(struct store_key *key)
{
    key->at[0] = 'n';
    key->len = 1;
}

/* Remove a conflict, and the other row of its loser unless that is damaged. */
static enum weir_err remove_conflict_row(struct store_txn *t, const struct store_key *key,
                                         struct weir_span row)
{
    struct weir_conflict c;
    struct store_key dot = { .len = 0 };

    if (parse_conflict(t->s, store_key_span(key), row, &c) == WEIR_OK)
        key_dot(&dot, &c.loser.rec);
    enum weir_err err = weir_store_del(t, STORE_CONFLICT, store_key_span(key));
    if (err == WEIR_OK && dot.len > 0)
        err = weir_store_del(t, STORE_CONFLICT, store_key_span(&dot));
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* Drop the oldest when there are too many, or when the store is full. */
static enum weir_err make_room(struct store_txn *t)
{
    struct store_key key;
    struct weir_span row;
    MDB_stat st;

    int rc = mdb_stat(t->txn, t->s->dbi[STORE_CONFLICT], &st);
    if (rc != 0)
        return weir_store_err(rc);
    uint64_t num = st.ms_entries / 2;
    if (num <= (t->over_reserve ? 1 : WEIR_CONFLICTS_MAX))
        return WEIR_OK;
    key_before_all(&key);
    enum weir_err err = next_conflict_row(t, &key, &row);
    if (err == WEIR_OK)
        err = remove_conflict_row(t, &key, row);
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* Is the loser stored already? Its 'd' row may have outlived the conflict. */
static enum weir_err is_stored_already(struct store_txn *t, struct weir_span dot, bool *ret_record)
{
    struct store_key key;
    struct weir_span row;

    enum weir_err err = weir_store_find(t, STORE_CONFLICT, dot, NULL, &row);
    if (err == WEIR_OK &&
        (weir_store_row_check(STORE_CONFLICT, dot, row, &row) < 0 || row.len != 8))
        err = WEIR_ENOTFOUND;
    if (err == WEIR_OK) {
        key_number(&key, weir_num_get_le(row.at, 8));
        err = weir_store_find(t, STORE_CONFLICT, store_key_span(&key), NULL, &row);
    }
    *ret_record = err == WEIR_OK;
    return err == WEIR_ENOTFOUND ? WEIR_OK : err;
}

/* The number behind the last one. */
static enum weir_err next_number(struct store_txn *t, uint64_t *ret_number)
{
    MDB_cursor **c = &t->cursor[STORE_CONFLICT];
    struct store_key last;
    MDB_val k;
    MDB_val v;
    int rc = 0;

    key_number(&last, UINT64_MAX);
    enum weir_err err = weir_store_guard(t, STORE_CONFLICT, store_key_span(&last));
    if (err < 0)
        return err;
    if (*c == NULL)
        rc = mdb_cursor_open(t->txn, t->s->dbi[STORE_CONFLICT], c);
    if (rc == 0)
        rc = mdb_cursor_get(*c, &k, &v, MDB_LAST);
    if (rc != 0 && rc != MDB_NOTFOUND)
        return weir_store_err(rc);
    const uint8_t *at = k.mv_data;
    bool any = rc == 0 && k.mv_size == NUMBER_LEN && at[0] == 'n';
    *ret_number = any ? weir_num_get_be(at + 1, 8) + 1 : 0;
    return WEIR_OK;
}

enum weir_err weir_store_records_put_conflict(struct weir_record_store *k,
                                              const struct weir_conflict *c)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_txn *t = &kp->t;
    struct store_key dot;
    struct store_key key;
    uint8_t number[8];
    uint64_t next = 0;
    bool stored_record = false;

    WEIR_ASSERT(weir_store_class_in(kp->s->kind->group, c->loser.rec.class));
    key_dot(&dot, &c->loser.rec);
    enum weir_err err = is_stored_already(t, store_key_span(&dot), &stored_record);
    weir_store_records_change(kp);
    if (err < 0 || stored_record)
        return weir_store_records_changed(kp, err);
    kp->conflict_known = false;
    err = next_number(t, &next);
    key_number(&key, next);
    weir_num_write_le(number, next, 8);
    if (err == WEIR_OK)
        err = write_conflict_row(kp, store_key_span(&key), c);
    if (err == WEIR_OK)
        err = weir_store_put_row(t, STORE_CONFLICT, store_key_span(&dot), weir_span(number, 8));
    if (err == WEIR_OK)
        err = make_room(t);
    return weir_store_records_changed(kp, err);
}

enum weir_err weir_store_records_get_conflict(struct weir_record_store *k, uint64_t at,
                                              struct weir_conflict *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_key *key = &kp->conflict_key;
    struct weir_span row;

    /* Mostly they are requested one after the other. */
    bool on = kp->conflict_known && kp->conflict_at < at;
    uint64_t left = on ? at - kp->conflict_at - 1 : at;
    if (!on)
        key_before_all(key);
    kp->conflict_known = false;
    for (;;) {
        enum weir_err err = next_conflict_row(&kp->t, key, &row);
        if (err < 0)
            return weir_store_records_err(err);
        if (parse_conflict(kp->s, store_key_span(key), row, ret) < 0) {
            weir_store_count_corrupt(kp->s, WEIR_SPAN_EMPTY);
            continue;
        }
        if (left-- == 0)
            break;
    }
    kp->conflict_at = at;
    kp->conflict_known = true;
    return WEIR_OK;
}

enum weir_err weir_store_records_drop_conflicts(struct weir_record_store *k, uint64_t until_ms)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct weir_conflict c;
    struct store_key key;
    struct weir_span row;

    weir_store_records_change(kp);
    kp->conflict_known = false;
    key_before_all(&key);
    enum weir_err err = next_conflict_row(&kp->t, &key, &row);
    while (err == WEIR_OK) {
        /* The clock may have jumped back, so all are checked. */
        if (parse_conflict(kp->s, store_key_span(&key), row, &c) < 0 || c.noted_ms <= until_ms)
            err = remove_conflict_row(&kp->t, &key, row);
        if (err == WEIR_OK)
            err = next_conflict_row(&kp->t, &key, &row);
    }
    return err == WEIR_ENOTFOUND ? WEIR_OK
                                 : weir_store_records_changed(kp, weir_store_records_err(err));
}
