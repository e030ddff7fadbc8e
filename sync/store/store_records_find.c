/* SPDX-License-Identifier: Apache-2.0
 *
 * store_records_find.c - see store_records.h: finds records by key, dot, age and expiry.
 * A row of a queue that leads to no such record is skipped: older programs left some behind when
 * they could not read a record. A row of dots proves itself by the record it leads to; when it is
 * damaged all records are searched, since a dot that is skipped would never reach a peer. Owner:
 * the record store's caller.
 */
#include <string.h>

#include "sync/store/store_env.h"
#include "sync/store/store_records_ops.h"
#include "sync/store/store_txn.h"
#include "sync/store/store_write.h"
#include "sync/version/num.h"

/* What is known of a damaged record. @return WEIR_ECORRUPT */
static enum weir_err count_corrupt(struct weir_span rec_key, uint64_t seq,
                                   struct weir_stored_record *ret)
{
    *ret = (struct weir_stored_record){ .rec = { .class = (enum weir_class)rec_key.at[0],
                                                 .key = weir_span_from(rec_key, 1),
                                                 .version = { .seq = seq } } };
    return WEIR_ECORRUPT;
}

static bool is_rec_key(const struct store_records *kp, struct weir_span key)
{
    return key.len >= 2 && key.len <= 1 + WEIR_KEY_MAX &&
           weir_store_class_in(kp->s->kind->group, key.at[0]);
}

static void read_row(struct store_records *kp, struct weir_span rec_key, struct weir_span row)
{
    struct store_current *cur = &kp->found;

    cur->found = true;
    cur->sound = weir_record_unpack(row, rec_key, &cur->parts) == WEIR_OK;
    cur->tombstone = cur->sound ? cur->parts.head.tombstone : weir_record_row_is_tombstone(row);
    if (!cur->sound)
        weir_store_count_corrupt(kp->s, rec_key);
}

enum weir_err weir_store_records_find_current(struct store_records *kp, struct weir_span rec_key,
                                              struct store_current *ret, struct weir_span *ret_key)
{
    struct weir_span key;
    struct weir_span row;

    /* A caller that writes a record has usually just read it. */
    if (ret_key == NULL && kp->found_valid &&
        weir_span_eq(store_key_span(&kp->found_key), rec_key)) {
        *ret = kp->found;
        return WEIR_OK;
    }
    enum weir_err err = weir_store_find(&kp->t, STORE_REC, rec_key, &key, &row);
    if (err < 0 && err != WEIR_ENOTFOUND)
        return weir_store_records_err(err);
    kp->found = (struct store_current){ .found = false };
    if (err == WEIR_OK)
        read_row(kp, rec_key, row);
    memcpy(kp->found_key.at, rec_key.at, rec_key.len);
    kp->found_key.len = rec_key.len;
    kp->found_valid = true;
    if (kp->found.found && ret_key != NULL)
        *ret_key = key;
    *ret = kp->found;
    return WEIR_OK;
}

/* Fill in a record that was found under its key, or what is known of it when it is damaged. */
static enum weir_err fill_record(struct store_records *kp, struct weir_span rec_key,
                                 const struct store_current *cur, uint64_t seq,
                                 struct weir_stored_record *ret)
{
    if (cur->sound && weir_store_stored_record(kp->s, rec_key, &cur->parts, ret))
        return WEIR_OK;
    return count_corrupt(rec_key, seq, ret);
}

enum weir_err weir_store_records_get(struct weir_record_store *k, enum weir_class class,
                                     struct weir_span key, struct weir_stored_record *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct store_current cur;
    struct store_key rec_key;
    struct weir_span found;

    if (key.len == 0 || key.len > WEIR_KEY_MAX || !weir_store_class_in(kp->s->kind->group, class))
        return WEIR_ENOTFOUND;
    weir_store_key_rec(&rec_key, class, key);
    enum weir_err err = weir_store_records_find_current(kp, store_key_span(&rec_key), &cur, &found);
    if (err < 0)
        return err;
    return cur.found ? fill_record(kp, found, &cur, 0, ret) : WEIR_ENOTFOUND;
}

/* -- by dot -- */

/* Is this the record of the dot? */
static bool has_dot(const struct store_current *cur, uint32_t lane_idx, uint64_t seq)
{
    return cur->found && cur->sound && cur->parts.head.lane_idx == lane_idx &&
           cur->parts.head.seq == seq;
}

/* Search all records for that of a dot whose row is damaged. @return WEIR_OK | WEIR_ENOTFOUND |
 * WEIR_EIO */
static enum weir_err search_dot(struct store_records *kp, uint32_t lane_idx, uint64_t seq,
                                struct weir_stored_record *ret)
{
    const struct store_key from = { .at = { 0 }, .len = 1 };
    struct weir_record_parts parts;
    struct weir_span key;
    struct weir_span row;

    enum weir_err err = weir_store_seek(&kp->t, STORE_REC, store_key_span(&from), &key, &row);
    while (err == WEIR_OK) {
        if (is_rec_key(kp, key) && weir_record_unpack(row, key, &parts) == WEIR_OK &&
            parts.head.lane_idx == lane_idx && parts.head.seq == seq &&
            weir_store_stored_record(kp->s, key, &parts, ret))
            return WEIR_OK;
        err = weir_store_step(&kp->t, STORE_REC, &key, &row);
    }
    return weir_store_records_err(err);
}

/* The record that one row of dots leads to. @return WEIR_OK | WEIR_ECORRUPT | WEIR_ENOTFOUND:
 * none */
static enum weir_err follow_dot(struct store_records *kp, struct weir_span dot,
                                struct weir_span row, struct weir_stored_record *ret)
{
    uint32_t lane_idx = (uint32_t)weir_num_get_be(dot.at, 4);
    uint64_t seq = weir_num_get_be(dot.at + 4, 8);
    struct store_current cur = { .found = false };
    struct store_key copy;
    struct weir_span key;
    struct weir_span rec_key;

    bool whole = weir_store_row_check(STORE_DOT, dot, row, &rec_key) == WEIR_OK;
    if (!whole && row.len >= STORE_SUM_LEN)
        rec_key = weir_span(row.at, row.len - STORE_SUM_LEN);
    else if (!whole)
        rec_key = WEIR_SPAN_EMPTY;
    if (is_rec_key(kp, rec_key)) {
        memcpy(copy.at, rec_key.at, rec_key.len);
        copy.len = rec_key.len;
        enum weir_err err = weir_store_records_find_current(kp, store_key_span(&copy), &cur, &key);
        if (err < 0)
            return err;
    }
    if (has_dot(&cur, lane_idx, seq))
        return fill_record(kp, key, &cur, seq, ret);
    if (whole && cur.found && !cur.sound)
        return count_corrupt(key, seq, ret);
    weir_store_count_corrupt(kp->s, rec_key);
    return search_dot(kp, lane_idx, seq, ret);
}

enum weir_err weir_store_records_next_dot(struct weir_record_store *k,
                                          const uint8_t lane[WEIR_LANE_LEN], uint64_t after,
                                          struct weir_stored_record *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    uint32_t idx = weir_store_names_find(&kp->names, kp->s, lane);
    struct store_key at;
    struct weir_span dot;
    struct weir_span row;

    if (idx == STORE_LANE_NONE)
        return WEIR_ENOTFOUND;
    weir_store_key_dot(&at, idx, after);
    for (;;) {
        enum weir_err err = weir_store_seek(&kp->t, STORE_DOT, store_key_span(&at), &dot, &row);
        if (err < 0)
            return weir_store_records_err(err);
        if (dot.len != 12 || weir_num_get_be(dot.at, 4) != idx)
            return WEIR_ENOTFOUND;
        memcpy(at.at, dot.at, dot.len);
        err = follow_dot(kp, dot, row, ret);
        if (err != WEIR_ENOTFOUND)
            return err;
    }
}

/* -- by key -- */

/* The number that a damaged row may have. */
static uint64_t loose_seq(struct weir_span row)
{
    return row.len >= WEIR_RECORD_HEADER_LEN ? weir_num_get_le(row.at + WEIR_RECORD_AT_SEQ, 6) : 0;
}

enum weir_err weir_store_records_next_key(struct weir_record_store *k, enum weir_class class,
                                          struct weir_span after, struct weir_stored_record *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);
    struct weir_record_parts parts;
    struct store_key from = { .len = 1 };
    struct weir_span key;
    struct weir_span row;

    if (after.len > WEIR_KEY_MAX || !weir_store_class_in(kp->s->kind->group, class))
        return WEIR_ENOTFOUND;
    from.at[0] = (uint8_t) class;
    if (after.len > 0)
        weir_store_key_rec(&from, class, after);
    enum weir_err err = weir_store_seek(&kp->t, STORE_REC, store_key_span(&from), &key, &row);
    if (err < 0)
        return weir_store_records_err(err);
    if (!is_rec_key(kp, key) || key.at[0] != (uint8_t) class)
        return WEIR_ENOTFOUND;
    if (weir_record_unpack(row, key, &parts) == WEIR_OK &&
        weir_store_stored_record(kp->s, key, &parts, ret))
        return WEIR_OK;
    weir_store_count_corrupt(kp->s, key);
    return count_corrupt(key, loose_seq(row), ret);
}

/* -- by age -- */

/* The record that a row of a queue leads to. @param ret_tombstone  what it is @return WEIR_OK |
 * WEIR_ECORRUPT | WEIR_ENOTFOUND: none, or its time is not that of this row */
static enum weir_err follow_queue(struct store_records *kp, struct weir_span rec_key,
                                  bool tombstones, uint64_t when, struct weir_stored_record *ret)
{
    const struct weir_record_head *head = &kp->found.parts.head;
    struct store_current cur;
    struct weir_span key;

    if (!is_rec_key(kp, rec_key))
        return WEIR_ENOTFOUND;
    enum weir_err err = weir_store_records_find_current(kp, rec_key, &cur, &key);
    if (err < 0)
        return err;
    if (!cur.found || cur.tombstone != tombstones)
        return WEIR_ENOTFOUND;
    if (!cur.sound)
        return count_corrupt(key, 0, ret);
    if (when != (tombstones ? weir_store_tomb_when(kp->s, head) : head->expires))
        return WEIR_ENOTFOUND;
    return fill_record(kp, key, &cur, head->seq, ret);
}

/* The first row of a queue whose time has come and that leads to a record. @param last  the
 * latest time that counts */
static enum weir_err next_in_queue(struct store_records *kp, enum store_tree tree, uint64_t last,
                                   struct weir_stored_record *ret)
{
    bool tombstones = tree == STORE_TOMB;
    unsigned when_len = tombstones ? WEIR_STORE_TOMB_LEN : WEIR_STORE_EXP_LEN;
    struct store_key at = { .at = { 0 }, .len = when_len };
    struct weir_span key;
    struct weir_span row;

    for (;;) {
        enum weir_err err = weir_store_seek(&kp->t, tree, store_key_span(&at), &key, &row);
        if (err < 0)
            return weir_store_records_err(err);
        if (key.len < when_len || key.len > sizeof(at.at))
            return WEIR_EIO;
        uint64_t when = weir_num_get_be(key.at, when_len);
        if (when > last)
            return WEIR_ENOTFOUND;
        memcpy(at.at, key.at, key.len);
        at.len = key.len;
        struct weir_span rec_key = weir_span_from(store_key_span(&at), when_len);
        err = follow_queue(kp, rec_key, tombstones, when, ret);
        if (err != WEIR_ENOTFOUND)
            return err;
    }
}

enum weir_err weir_store_records_next_tombstone(struct weir_record_store *k, uint64_t until_ms,
                                                struct weir_stored_record *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);

    return next_in_queue(kp, STORE_TOMB, until_ms / weir_store_tomb_ms(kp->s, 1), ret);
}

enum weir_err weir_store_records_next_expired(struct weir_record_store *k, uint64_t until_s,
                                              struct weir_stored_record *ret)
{
    struct store_records *kp = weir_store_records_of(k, true);

    return kp->s->kind->group == 'E' ? next_in_queue(kp, STORE_EXP, until_s, ret) : WEIR_ENOTFOUND;
}
