/* SPDX-License-Identifier: Apache-2.0
 *
 * model_bans.c - bans to columns and back, against columns that are made here; then columns and
 * bans that are wrong in one way, or just right.
 */
#include <string.h>

#include "sync/frame/frame_bans.h"
#include "sync/version/record.h"
#include "tests/sim/models/model.h"

#define BANS    12
#define SEQ_MAX 0xffffffffffff
#define HLC_MAX (UINT64_C(253402300800000) * 65536 - 1) /* the year 9999 */
#define TTL_MAX 86400
#define MS_MAX  0xffffffffffff

/* One ban in plain form. */
struct plain {
    uint32_t scope;
    uint8_t family;
    uint8_t bits;
    uint8_t addr[16 + 1]; /* one more, for a prefix that is too long */
    uint8_t reason;
    uint32_t ttl; /* seconds; 0: a tombstone */
    uint64_t hlc;
};

/* A batch of them, and the columns that stand for it. */
struct trial {
    struct weir_sim_exam *x;
    size_t num;
    uint64_t sent_ms;
    struct plain bans[BANS];
    Weir__V1__Batch batch;
    uint8_t lane[WEIR_LANE_LEN];
    Weir__V1__BanCols cols;
    uint32_t v4[BANS];
    uint8_t v6[16 * BANS + 1];
    int32_t ttl_d[BANS];
    uint8_t reason[BANS];
    uint32_t scope[BANS];
    int64_t hlc_d[BANS];
    uint8_t plen[BANS];
};

static void draw_ban(struct weir_sim_exam *x, struct plain *p, uint64_t sent_ms)
{
    static const uint32_t ttls[] = { 0, 1, 60, TTL_MAX - 1, TTL_MAX };
    unsigned most;

    memset(p, 0, sizeof(*p));
    p->scope = (uint32_t)weir_sim_draw(x, UINT64_C(1) << 32);
    p->family = weir_sim_draw(x, 2) == 0 ? 4 : 6;
    most = p->family == 4 ? 32 : 128;
    p->bits = (uint8_t)(weir_sim_draw(x, 3) == 0 ? most : weir_sim_draw(x, most + 1));
    for (unsigned i = 0; i < p->bits; i++)
        p->addr[i / 8] |= (uint8_t)(weir_sim_draw(x, 2) << (7 - i % 8));
    if (p->bits > 0) /* its last bit is one of it */
        p->addr[(p->bits - 1) / 8] |= (uint8_t)(0x80 >> (p->bits - 1) % 8);
    p->ttl = ttls[weir_sim_draw(x, 5)];
    p->reason = p->ttl == 0 ? 0 : (uint8_t)weir_sim_draw(x, 256);
    p->hlc = weir_sim_draw(x, 4) == 0 ? HLC_MAX - weir_sim_draw(x, 2) : weir_sim_draw(x, 1000);
    if (weir_sim_draw(x, 2) == 0)
        p->hlc = (sent_ms << 16) + weir_sim_draw(x, 100);
}

static void make_columns(struct trial *t)
{
    uint32_t ttl = 0;
    uint64_t hlc = t->sent_ms << 16;

    weir__v1__ban_cols__init(&t->cols);
    for (size_t i = 0; i < t->num; i++) {
        const struct plain *p = &t->bans[i];
        size_t len = (p->bits + 7u) / 8;
        if (p->family == 4) {
            t->v4[t->cols.n_v4++] = (uint32_t)p->addr[0] << 24 | (uint32_t)p->addr[1] << 16 |
                                    (uint32_t)p->addr[2] << 8 | p->addr[3];
        } else {
            memcpy(t->v6 + t->cols.v6.len, p->addr, len);
            t->cols.v6.len += len;
        }
        t->plen[i] = (uint8_t)(p->family == 4 ? p->bits : p->bits + 33);
        t->scope[i] = p->scope;
        t->reason[i] = p->reason;
        t->ttl_d[i] = (int32_t)p->ttl - (int32_t)ttl;
        t->hlc_d[i] = (int64_t)p->hlc - (int64_t)hlc;
        ttl = p->ttl;
        hlc = p->hlc;
    }
    t->cols.v4 = t->v4;
    t->cols.has_v6 = t->cols.v6.len > 0;
    t->cols.v6.data = t->v6;
    t->cols.n_ttl_d = t->cols.n_scope = t->cols.n_hlc_d = t->num;
    t->cols.ttl_d = t->ttl_d;
    t->cols.scope = t->scope;
    t->cols.hlc_d = t->hlc_d;
    t->cols.has_reason = t->cols.has_plen = 1;
    t->cols.reason = (ProtobufCBinaryData){ t->num, t->reason };
    t->cols.plen = (ProtobufCBinaryData){ t->num, t->plen };
}

static void draw_trial(struct weir_sim_exam *x, struct trial *t)
{
    t->x = x;
    t->num = 1 + weir_sim_draw(x, BANS);
    t->sent_ms = weir_sim_draw(x, 8) == 0 ? 0 : 1000000 + weir_sim_draw(x, 10000);
    for (size_t i = 0; i < t->num; i++)
        draw_ban(x, &t->bans[i], t->sent_ms);
    make_columns(t);
    weir_sim_draw_bytes(x, t->lane, sizeof(t->lane));
    weir__v1__batch__init(&t->batch);
    t->batch.has_lane = 1;
    t->batch.lane = (ProtobufCBinaryData){ sizeof(t->lane), t->lane };
    t->batch.first = SEQ_MAX - (t->num - 1); /* the last one has the last number */
    t->batch.has_sent_ms = 1;
    t->batch.sent_ms = t->sent_ms;
    t->batch.bans = &t->cols;
}

static void write_key(const struct plain *p, uint8_t key[WEIR_BAN_KEY_LEN])
{
    for (unsigned i = 0; i < 4; i++)
        key[i] = (uint8_t)(p->scope >> (24 - 8 * i));
    key[4] = p->family;
    memcpy(key + 5, p->addr, 16);
    key[21] = p->bits;
}

/* -- columns to bans -- */

static void check_ban(const struct trial *t, size_t i, const struct weir_frame_ban *ban)
{
    const struct plain *p = &t->bans[i];
    const struct weir_record *r = &ban->rec;
    uint8_t key[WEIR_BAN_KEY_LEN];

    write_key(p, key);
    WEIR_SIM_CLAIM(t->x, memcmp(ban->key, key, sizeof(key)) == 0);
    WEIR_SIM_CLAIM(t->x, ban->reason == p->reason);
    WEIR_SIM_CLAIM(t->x, r->class == WEIR_CLASS_BAN);
    WEIR_SIM_CLAIM(t->x, r->key.at == ban->key && r->key.len == sizeof(key));
    WEIR_SIM_CLAIM(t->x, r->version.hlc == p->hlc);
    WEIR_SIM_CLAIM(t->x, r->version.seq == t->batch.first + i);
    WEIR_SIM_CLAIM(t->x, memcmp(r->version.lane, t->lane, sizeof(t->lane)) == 0);
    WEIR_SIM_CLAIM(t->x, r->tombstone == (p->ttl == 0));
    WEIR_SIM_CLAIM(t->x, r->schema == 0 && r->min_reader == 0);
    WEIR_SIM_CLAIM(t->x, r->expires == (p->ttl == 0 ? 0 : t->sent_ms / 1000 + p->ttl));
    WEIR_SIM_CLAIM(t->x, r->value.len == (p->ttl == 0 ? 0 : 1));
    WEIR_SIM_CLAIM(t->x, r->value.len == 0 || r->value.at == &ban->reason);
}

static void check_read(struct trial *t)
{
    struct weir_frame_bans b;
    struct weir_frame_ban ban;

    WEIR_SIM_CLAIM(t->x, weir_frame_bans_ok(&t->batch));
    weir_frame_bans_begin(&b, &t->batch);
    for (size_t i = 0; i < t->num; i++) {
        memset(&ban, 0xa5, sizeof(ban));
        WEIR_SIM_CLAIM(t->x, weir_frame_bans_next(&b, &ban));
        check_ban(t, i, &ban);
    }
    WEIR_SIM_CLAIM(t->x, !weir_frame_bans_next(&b, &ban));
    Weir__V1__Batch none = t->batch;
    none.bans = NULL;
    weir_frame_bans_begin(&b, &none);
    WEIR_SIM_CLAIM(t->x, !weir_frame_bans_next(&b, &ban));
}

/* -- columns that are wrong -- */

static void try_lengths(struct trial *t)
{
    size_t *lens[] = { &t->cols.n_v4,    &t->cols.v6.len,     &t->cols.n_ttl_d,
                       &t->cols.n_scope, &t->cols.reason.len, &t->cols.n_hlc_d };

    for (size_t i = 0; i < WEIR_ARRAY_LEN(lens); i++) {
        (*lens[i])++;
        WEIR_SIM_CLAIM(t->x, !weir_frame_bans_ok(&t->batch));
        *lens[i] -= 2;
        WEIR_SIM_CLAIM(t->x, !weir_frame_bans_ok(&t->batch));
        (*lens[i])++;
    }
    t->batch.has_sent_ms = 0;
    WEIR_SIM_CLAIM(t->x, !weir_frame_bans_ok(&t->batch));
    t->batch.has_sent_ms = 1;
    t->batch.first++;
    WEIR_SIM_CLAIM(t->x, !weir_frame_bans_ok(&t->batch));
    t->batch.first--;
}

/* One ban with another value than it may have. */
static bool is_ok_with(struct trial *t, size_t i, const struct plain *other)
{
    struct plain right = t->bans[i];

    t->bans[i] = *other;
    make_columns(t);
    bool is_ok = weir_frame_bans_ok(&t->batch);
    t->bans[i] = right;
    make_columns(t);
    return is_ok;
}

static void try_values(struct trial *t)
{
    size_t i = weir_sim_draw(t->x, t->num);
    struct plain p = t->bans[i];

    p.hlc = HLC_MAX + 1;
    WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
    p.hlc = HLC_MAX;
    WEIR_SIM_CLAIM(t->x, is_ok_with(t, i, &p));
    p.ttl = UINT32_MAX; /* as a difference: one below a tombstone */
    WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
    p.ttl = TTL_MAX + 1;
    WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
    p.ttl = 0;
    p.reason = 1;
    WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
    p.ttl = 1;
    WEIR_SIM_CLAIM(t->x, is_ok_with(t, i, &p));
    unsigned sent = p.family == 4 ? 32 : (p.bits + 7u) / 8 * 8; /* bits of it that travel */
    for (unsigned bit = p.bits; bit < sent; bit++) {
        p.addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
        p.addr[bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    p.family = 6;
    memset(p.addr, 0, sizeof(p.addr));
    p.bits = 128;
    WEIR_SIM_CLAIM(t->x, is_ok_with(t, i, &p));
    p.bits = 129; /* takes a byte more, which the columns have */
    WEIR_SIM_CLAIM(t->x, !is_ok_with(t, i, &p));
}

/* -- bans to columns -- */

static bool same_columns(const Weir__V1__BanCols *a, const Weir__V1__BanCols *b)
{
    uint8_t out[2][BANS * 64];
    size_t len = weir__v1__ban_cols__get_packed_size(a);

    if (len != weir__v1__ban_cols__get_packed_size(b) || len > sizeof(out[0]))
        return false;
    weir__v1__ban_cols__pack(a, out[0]);
    weir__v1__ban_cols__pack(b, out[1]);
    return memcmp(out[0], out[1], len) == 0;
}

static struct weir_record record_of(const struct trial *t, size_t i, uint8_t *key)
{
    const struct plain *p = &t->bans[i];

    write_key(p, key);
    return (struct weir_record){
        .class = WEIR_CLASS_BAN,
        .key = weir_span(key, WEIR_BAN_KEY_LEN),
        .version = { .hlc = p->hlc },
        .tombstone = p->ttl == 0,
        .expires = p->ttl == 0 ? 0 : t->sent_ms / 1000 + p->ttl,
        .value = p->ttl == 0 ? WEIR_SPAN_EMPTY : weir_span(&p->reason, 1),
    };
}

static void check_write(struct trial *t)
{
    struct weir_frame_cols *c = NULL;
    uint8_t key[WEIR_BAN_KEY_LEN];

    WEIR_SIM_CLAIM(t->x, weir_frame_cols_new(t->num, &c) == WEIR_OK);
    for (unsigned turn = 0; turn < 2; turn++) {
        if (turn > 0 || t->sent_ms > 0) /* new ones were made at 0 */
            weir_frame_cols_reset(c, t->sent_ms);
        for (size_t i = 0; i < t->num; i++) {
            struct weir_record rec = record_of(t, i, key);
            WEIR_SIM_CLAIM(t->x, weir_frame_cols_num(c) == i);
            WEIR_SIM_CLAIM(t->x, weir_frame_cols_add(c, &rec) == WEIR_OK);
            if (i + 1 == t->num)
                WEIR_SIM_CLAIM(t->x, weir_frame_cols_add(c, &rec) == WEIR_ELIMIT);
        }
        WEIR_SIM_CLAIM(t->x, weir_frame_cols_num(c) == t->num);
        const Weir__V1__BanCols *msg = weir_frame_cols_msg(c);
        WEIR_SIM_CLAIM(t->x, msg->has_reason == 1 && msg->has_plen == 1);
        WEIR_SIM_CLAIM(t->x, msg->has_v6 == (t->cols.v6.len > 0));
        WEIR_SIM_CLAIM(t->x, same_columns(msg, &t->cols));
    }
    weir_frame_cols_free(&c);
    WEIR_SIM_CLAIM(t->x, c == NULL);
    weir_frame_cols_free(&c);
}

/* -- records that no columns have -- */

/* Does a batch of `sent_ms` have columns for this record? */
static bool has_columns(const struct trial *t, const struct weir_record *rec)
{
    struct weir_frame_cols *c = NULL;

    WEIR_SIM_CLAIM(t->x, weir_frame_cols_new(1, &c) == WEIR_OK);
    weir_frame_cols_reset(c, t->sent_ms);
    enum weir_err err = weir_frame_cols_add(c, rec);
    WEIR_SIM_CLAIM(t->x, weir_frame_cols_num(c) == (err == WEIR_OK ? 1 : 0));
    WEIR_SIM_CLAIM(t->x, err == WEIR_OK || err == WEIR_EUNSUPPORTED);
    weir_frame_cols_free(&c);
    return err == WEIR_OK;
}

static void try_keys(struct trial *t, size_t i)
{
    uint8_t key[WEIR_BAN_KEY_LEN + 1] = { 0 };
    struct weir_record rec = record_of(t, i, key);
    unsigned bits = key[21];

    rec.key.len++;
    WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
    rec.key.len -= 2;
    WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
    rec.key.len++;
    for (unsigned family = 0; family < 9; family++) {
        key[4] = (uint8_t)family;
        WEIR_SIM_CLAIM(t->x, has_columns(t, &rec) == (family == 6 || (family == 4 && bits <= 32)));
    }
    key[4] = t->bans[i].family;
    for (unsigned bit = bits; bit < 128; bit++) {
        key[5 + bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
        WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
        key[5 + bit / 8] ^= (uint8_t)(0x80 >> bit % 8);
    }
    memset(key + 5, 0, 16);
    for (unsigned most = 0; most < 256; most++) {
        key[21] = (uint8_t)most;
        WEIR_SIM_CLAIM(t->x, has_columns(t, &rec) == (most <= (t->bans[i].family == 4 ? 32 : 128)));
    }
}

static void try_records(struct trial *t)
{
    size_t i = weir_sim_draw(t->x, t->num);
    uint8_t key[WEIR_BAN_KEY_LEN];
    uint64_t sent = t->sent_ms / 1000;
    uint8_t value[2] = { 1, 2 };
    struct weir_record right = record_of(t, i, key);
    struct weir_record rec = right;

    try_keys(t, i);
    rec.class = WEIR_CLASS_LIST;
    WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
    rec = right;
    rec.schema = 1;
    WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
    rec = right;
    rec.min_reader = 1;
    WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
    rec = right;
    for (size_t len = 0; len < 3; len++) {
        rec.value = weir_span(value, len);
        rec.tombstone = false;
        for (uint64_t ttl = 0; ttl <= TTL_MAX + 1; ttl += ttl == 1 ? TTL_MAX - 1 : 1) {
            rec.expires = sent + ttl;
            WEIR_SIM_CLAIM(t->x, has_columns(t, &rec) == (len == 1 && ttl > 0 && ttl <= TTL_MAX));
        }
        rec.expires = sent - 1; /* long ago, or never for one that was sent at 0 */
        WEIR_SIM_CLAIM(t->x, !has_columns(t, &rec));
        rec.tombstone = true;
        for (rec.expires = 0; rec.expires < 2; rec.expires++)
            WEIR_SIM_CLAIM(t->x, has_columns(t, &rec) == (len == 0 && rec.expires == 0));
    }
}

void weir_sim_model_bans(struct weir_sim_exam *x)
{
    struct trial t;

    for (unsigned i = 0; i < 3; i++) {
        draw_trial(x, &t);
        check_read(&t);
        check_write(&t);
        try_lengths(&t);
        try_values(&t);
        try_records(&t);
    }
}
