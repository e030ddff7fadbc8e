/* SPDX-License-Identifier: Apache-2.0
 *
 * model_record.c - rows of records against a writer of its own, byte by byte; rows that are wrong
 * in one way; and contexts against a plain list.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/hash.h"
#include "node/base/limits.h"
#include "sync/version/record.h"
#include "tests/sim/models/model.h"

#define HEAD_LEN  40
#define CTX_LEN   10
#define CTX_MAX   8
#define SIG_LEN   64
#define EXTRA_MAX 4096
#define VALUE_MAX 60 /* bytes of a value, as a rule */
#define CRC_AT    28

/* A record and the row that stands for it. */
struct trial {
    struct weir_sim_exam *x;
    struct weir_record_parts parts;
    struct weir_span key;
    uint8_t key_bytes[9];
    uint8_t bytes[EXTRA_MAX]; /* what signature, extra and value are made of */
    uint8_t *row;             /* of the model; with room for one byte more */
    size_t len;
};

static uint32_t crc32c(uint32_t crc, const uint8_t *at, size_t len)
{
    crc = ~crc;
    for (size_t i = 0; i < len; i++) {
        crc ^= at[i];
        for (unsigned bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82f63b78 & (0 - (crc & 1)));
    }
    return ~crc;
}

static uint8_t *add_number(uint8_t *at, uint64_t v, unsigned len)
{
    for (; len > 0; len--, v /= 256)
        *at++ = (uint8_t)(v % 256);
    return at;
}

static uint8_t *add_span(uint8_t *at, struct weir_span s)
{
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

/* The sum of a row as it is now: with zeros for itself, and the key between header and the rest. */
static void seal(struct trial *t)
{
    uint8_t head[HEAD_LEN];

    memcpy(head, t->row, HEAD_LEN);
    memset(head + CRC_AT, 0, 4);
    uint32_t crc = crc32c(0, head, HEAD_LEN);
    crc = crc32c(crc, t->key.at, t->key.len);
    /* Long rows take too long bit by bit. */
    crc = t->len > 500 ? weir_crc32c(crc, t->row + HEAD_LEN, t->len - HEAD_LEN)
                       : crc32c(crc, t->row + HEAD_LEN, t->len - HEAD_LEN);
    add_number(t->row + CRC_AT, crc, 4);
}

static void write_row(struct trial *t)
{
    const struct weir_record_head *h = &t->parts.head;
    uint8_t *at = t->row;

    *at++ = h->tombstone ? 1 : 0;
    at = add_number(at, h->schema, 2);
    at = add_number(at, h->min_reader, 2);
    at = add_number(at, h->lane_idx, 4);
    at = add_number(at, h->seq, 6);
    at = add_number(at, h->hlc, 8);
    at = add_number(at, h->expires, 5);
    at = add_number(at, 0, 4);
    *at++ = h->num_ctx;
    *at++ = (uint8_t)t->parts.sig.len;
    at = add_number(at, h->stage, 2);
    at = add_number(at, h->recv_day, 2);
    at = add_number(at, t->parts.extra.len, 2);
    for (unsigned i = 0; i < h->num_ctx; i++) {
        at = add_number(at, h->ctx[i].lane_idx, 4);
        at = add_number(at, h->ctx[i].seq, 6);
    }
    at = add_span(at, t->parts.sig);
    at = add_span(at, t->parts.extra);
    at = add_span(at, t->parts.value);
    t->len = (size_t)(at - t->row);
    seal(t);
}

/* Up to `bits` bits: none, all or any. */
static uint64_t draw_number(struct weir_sim_exam *x, unsigned bits)
{
    uint64_t all = bits == 64 ? UINT64_MAX : (UINT64_C(1) << bits) - 1;

    switch (weir_sim_draw(x, 4)) {
    case 0:
        return 0;
    case 1:
        return all;
    default:
        return weir_rng_next(&x->rng) & all;
    }
}

static uint64_t draw_seq(struct weir_sim_exam *x)
{
    uint64_t seq = draw_number(x, 48);

    return seq > 0 ? seq : 1;
}

static void draw_trial(struct trial *t, size_t value_len)
{
    struct weir_sim_exam *x = t->x;
    struct weir_record_head *h = &t->parts.head;
    size_t extra_len = weir_sim_draw(x, 16) == 0 ? EXTRA_MAX : weir_sim_draw(x, 40);

    memset(&t->parts, 0, sizeof(t->parts));
    h->tombstone = value_len == 0 && weir_sim_draw(x, 2) == 0;
    h->schema = (uint16_t)draw_number(x, 16);
    h->min_reader = (uint16_t)draw_number(x, 16);
    h->lane_idx = (uint32_t)draw_number(x, 32);
    h->seq = draw_seq(x);
    h->hlc = draw_number(x, 64);
    h->expires = draw_number(x, 40);
    h->stage = (uint16_t)draw_number(x, 16);
    h->recv_day = (uint16_t)draw_number(x, 16);
    h->num_ctx = (uint8_t)weir_sim_draw(x, CTX_MAX + 1);
    for (unsigned i = 0; i < h->num_ctx; i++) {
        h->ctx[i].lane_idx = (uint32_t)draw_number(x, 32);
        h->ctx[i].seq = draw_seq(x);
    }
    t->parts.sig = weir_span(t->bytes, weir_sim_draw(x, 2) * SIG_LEN);
    t->parts.extra = weir_span(t->bytes, extra_len);
    t->parts.value = weir_span(t->bytes + 7, value_len);
    weir_sim_draw_bytes(x, t->key_bytes, sizeof(t->key_bytes));
    t->key = weir_span(t->key_bytes, 1 + weir_sim_draw(x, sizeof(t->key_bytes)));
    write_row(t);
}

/* -- what is read -- */

static bool same_head(const struct weir_record_head *a, const struct weir_record_head *b)
{
    if (a->num_ctx != b->num_ctx)
        return false;
    for (unsigned i = 0; i < a->num_ctx; i++)
        if (a->ctx[i].lane_idx != b->ctx[i].lane_idx || a->ctx[i].seq != b->ctx[i].seq)
            return false;
    return a->tombstone == b->tombstone && a->schema == b->schema &&
           a->min_reader == b->min_reader && a->lane_idx == b->lane_idx && a->seq == b->seq &&
           a->hlc == b->hlc && a->expires == b->expires && a->stage == b->stage &&
           a->recv_day == b->recv_day;
}

static bool is_corrupt(struct trial *t)
{
    struct weir_record_parts before = { .head = { .seq = 77 } };
    struct weir_record_parts ret;

    memcpy(&ret, &before, sizeof(ret));
    if (weir_record_unpack(weir_span(t->row, t->len), t->key, &ret) != WEIR_ECORRUPT)
        return false;
    return WEIR_SIM_CLAIM(t->x, weir_sim_is_untouched(&ret, &before, sizeof(ret)));
}

static void check_read(struct trial *t)
{
    struct weir_record_parts ret = { .head = { .seq = 77 } };
    const struct weir_record_parts *p = &t->parts;

    WEIR_SIM_CLAIM(t->x, weir_record_unpack(weir_span(t->row, t->len), t->key, &ret) == WEIR_OK);
    WEIR_SIM_CLAIM(t->x, same_head(&ret.head, &p->head));
    WEIR_SIM_CLAIM(t->x, weir_span_eq(ret.sig, p->sig));
    WEIR_SIM_CLAIM(t->x, weir_span_eq(ret.extra, p->extra));
    WEIR_SIM_CLAIM(t->x, weir_span_eq(ret.value, p->value));
    WEIR_SIM_CLAIM(t->x, ret.value.at + ret.value.len == t->row + t->len); /* it borrows */
    WEIR_SIM_CLAIM(t->x,
                   weir_record_row_is_tombstone(weir_span(t->row, t->len)) == p->head.tombstone);
    WEIR_SIM_CLAIM(t->x, !weir_record_row_is_tombstone(weir_span(t->row, 0)));
}

static void check_write(struct trial *t)
{
    uint8_t *out = malloc(t->len + 2);

    WEIR_ASSERT(out != NULL);
    out[t->len + 1] = 0xa5; /* nothing is written behind it, and it may stand anywhere */
    WEIR_SIM_CLAIM(t->x, weir_record_packed_len(&t->parts) == t->len);
    weir_record_pack(&t->parts, t->key, out + 1);
    WEIR_SIM_CLAIM(t->x, memcmp(out + 1, t->row, t->len) == 0);
    WEIR_SIM_CLAIM(t->x, out[t->len + 1] == 0xa5);
    free(out);
}

/* -- what is damaged -- */

/* Any bit of row or key, any byte less or more. */
static void try_damage(struct trial *t)
{
    struct weir_record_parts none;
    size_t len = t->len;
    uint8_t *at = &t->row[weir_sim_draw(t->x, t->len)];
    uint8_t bit = (uint8_t)(1 << weir_sim_draw(t->x, 8));

    *at ^= bit;
    WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    *at ^= bit;
    at = &t->key_bytes[weir_sim_draw(t->x, t->key.len)];
    *at ^= bit;
    WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    *at ^= bit;
    WEIR_SIM_CLAIM(t->x, weir_record_unpack(WEIR_SPAN_EMPTY, t->key, &none) == WEIR_ECORRUPT);
    for (t->len = 0; t->len < HEAD_LEN; t->len++)
        WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    t->len = len - 1;
    WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    t->row[len] = 0;
    t->len = len + 1;
    WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    t->len = len;
}

/* A field with another value and the sum that belongs to it. */
static bool is_corrupt_with(struct trial *t, size_t at, uint64_t v, unsigned len)
{
    uint8_t right[8];

    memcpy(right, t->row + at, len);
    add_number(t->row + at, v, len);
    seal(t);
    bool corrupt = is_corrupt(t);
    memcpy(t->row + at, right, len);
    seal(t);
    return corrupt;
}

/* A row of the model whose header and lengths are as the test sets them; of zeros, but for the
 * numbers of its context. */
static bool is_row(struct trial *t, uint8_t num_ctx, uint8_t sig_len, size_t extra_len,
                   size_t value_len)
{
    memset(t->row, 0, HEAD_LEN);
    t->row[9] = 1; /* seq */
    t->row[32] = num_ctx;
    t->row[33] = sig_len;
    add_number(t->row + 38, extra_len, 2);
    t->len = HEAD_LEN + (size_t)num_ctx * CTX_LEN + sig_len + extra_len + value_len;
    memset(t->row + HEAD_LEN, 1, t->len - HEAD_LEN);
    seal(t);
    return !is_corrupt(t);
}

static void try_limits(struct trial *t)
{
    WEIR_SIM_CLAIM(t->x, is_row(t, 0, 0, 0, 0));
    WEIR_SIM_CLAIM(t->x, is_row(t, CTX_MAX, SIG_LEN, EXTRA_MAX, 0));
    t->len--; /* its lengths say more than there is */
    seal(t);
    WEIR_SIM_CLAIM(t->x, is_corrupt(t));
    WEIR_SIM_CLAIM(t->x, !is_row(t, CTX_MAX + 1, 0, 0, 0));
    WEIR_SIM_CLAIM(t->x, !is_row(t, 0, 1, 0, 0));
    WEIR_SIM_CLAIM(t->x, !is_row(t, 0, SIG_LEN - 1, 0, 0));
    WEIR_SIM_CLAIM(t->x, !is_row(t, 0, SIG_LEN + 1, 0, 0));
    WEIR_SIM_CLAIM(t->x, !is_row(t, 0, 0, EXTRA_MAX + 1, 0));
}

static void try_long_values(struct trial *t)
{
    WEIR_SIM_CLAIM(t->x, is_row(t, 1, 0, 0, WEIR_RECORD_MAX));
    WEIR_SIM_CLAIM(t->x, !is_row(t, 1, 0, 0, WEIR_RECORD_MAX + 1));
}

static void try_fields(struct trial *t)
{
    for (unsigned flags = 2; flags < 256; flags *= 2)
        WEIR_SIM_CLAIM(t->x, is_corrupt_with(t, 0, flags | t->row[0], 1));
    WEIR_SIM_CLAIM(t->x, is_corrupt_with(t, 0, 1, 1) == (t->parts.value.len > 0));
    WEIR_SIM_CLAIM(t->x, !is_corrupt_with(t, 0, 0, 1));
    WEIR_SIM_CLAIM(t->x, is_corrupt_with(t, 9, 0, 6));
    WEIR_SIM_CLAIM(t->x, !is_corrupt_with(t, 9, 1, 6));
    for (unsigned i = 0; i < t->parts.head.num_ctx; i++) {
        WEIR_SIM_CLAIM(t->x, is_corrupt_with(t, HEAD_LEN + i * CTX_LEN + 4, 0, 6));
        WEIR_SIM_CLAIM(t->x, !is_corrupt_with(t, HEAD_LEN + i * CTX_LEN + 4, 1, 6));
    }
}

/* -- contexts -- */

static void check_contexts(struct weir_sim_exam *x)
{
    struct weir_record_head h = { .num_ctx = 0 };
    struct weir_record_head plain = { .num_ctx = 0 };

    memset(h.ctx, 0xa5, sizeof(h.ctx)); /* what is behind the last one is of no meaning */
    for (unsigned step = 0; step < 40; step++) {
        uint32_t lane = (uint32_t)weir_sim_draw(x, CTX_MAX + 2);
        uint64_t seq = 1 + weir_sim_draw(x, 5);
        struct weir_record_ctx newest = { lane, seq };
        unsigned num = 0;

        for (unsigned i = 0; i < plain.num_ctx; i++) {
            if (plain.ctx[i].lane_idx != lane)
                plain.ctx[num++] = plain.ctx[i];
            else if (plain.ctx[i].seq > seq)
                newest.seq = plain.ctx[i].seq;
        }
        for (unsigned i = 1; num == CTX_MAX && i < CTX_MAX; i++)
            plain.ctx[i - 1] = plain.ctx[i];
        plain.ctx[num < CTX_MAX ? num : CTX_MAX - 1] = newest;
        plain.num_ctx = (uint8_t)(num < CTX_MAX ? num + 1 : CTX_MAX);
        weir_record_ctx_add(&h, lane, seq);
        WEIR_SIM_CLAIM(x, same_head(&h, &plain));
    }
}

void weir_sim_model_record(struct weir_sim_exam *x)
{
    struct trial t = { .x = x };

    t.row = malloc(HEAD_LEN + CTX_MAX * CTX_LEN + SIG_LEN + EXTRA_MAX + WEIR_RECORD_MAX + 2);
    WEIR_ASSERT(t.row != NULL);
    if (weir_sim_draw(x, 8) == 2) /* they take their time */
        try_long_values(&t);
    weir_sim_draw_bytes(x, t.bytes, 100);
    for (unsigned i = 0; i < 6; i++) {
        draw_trial(&t, weir_sim_draw(x, 3) == 0 ? 0 : weir_sim_draw(x, VALUE_MAX));
        check_write(&t);
        check_read(&t);
        try_damage(&t);
        try_fields(&t);
    }
    try_limits(&t);
    check_contexts(x);
    free(t.row);
}
