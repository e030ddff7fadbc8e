/* SPDX-License-Identifier: Apache-2.0
 *
 * frame_bans.c - columns to bans and back. Neighbours differ little: times travel as differences,
 * addresses only as long as their prefixes. 9 to 10 bytes for a ban of one IPv4 address, 14 for one
 * of an IPv6 /64.
 */
#include "sync/frame/frame_bans.h"

#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/version/hlc.h"
#include "sync/version/num.h"
#include "sync/version/record.h"

#define V4_BITS   32
#define V6_BITS   128
#define V6_PLEN   (V4_BITS + 1) /* plen of an IPv6 prefix of length 0 */
#define PLEN_MAX  (V6_PLEN + V6_BITS)
#define ADDR_LEN  16
#define AT_FAMILY 4
#define AT_ADDR   5
#define AT_PLEN   21

_Static_assert(AT_PLEN + 1 == WEIR_BAN_KEY_LEN, "a key ends with its prefix length");
_Static_assert(PLEN_MAX <= UINT8_MAX, "both families fit a byte");

struct weir_frame_cols {
    Weir__V1__BanCols msg;
    size_t max; /* bans */
    size_t num;
    uint64_t sent_ms;
    int64_t ttl; /* of the last ban */
    uint64_t hlc;
    int64_t hlc_d[]; /* max of each; behind them, also max: v4, scope and ttl_d of 4 bytes, v6 of
                        ADDR_LEN, reason and plen of 1 */
};

/* Bytes of one ban in all columns. */
#define COLS_LEN                                                                                   \
    (sizeof(int64_t) + sizeof(uint32_t) + sizeof(uint32_t) + sizeof(int32_t) + ADDR_LEN +          \
     sizeof(uint8_t) + sizeof(uint8_t))

static size_t bytes_of_bits(unsigned bits)
{
    return (bits + 7) / 8;
}

/* Are all bits after the prefix zero? */
static bool is_prefix(const uint8_t addr[ADDR_LEN], unsigned bits)
{
    for (unsigned i = bits; i < 8 * ADDR_LEN; i++)
        if ((addr[i / 8] & (0x80 >> i % 8)) != 0)
            return false;
    return true;
}

static bool lengths_agree(const Weir__V1__BanCols *c)
{
    size_t num = c->plen.len;
    size_t num_v4 = 0;
    size_t v6_len = 0;

    for (size_t i = 0; i < num; i++) {
        unsigned plen = c->plen.data[i];
        if (plen > PLEN_MAX)
            return false;
        if (plen <= V4_BITS)
            num_v4++;
        else
            v6_len += bytes_of_bits(plen - V6_PLEN);
    }
    return c->reason.len == num && c->n_ttl_d == num && c->n_scope == num && c->n_hlc_d == num &&
           c->n_v4 == num_v4 && c->v6.len == v6_len;
}

bool weir_frame_bans_ok(const Weir__V1__Batch *batch)
{
    struct weir_frame_bans b;
    struct weir_frame_ban ban;

    if (!batch->has_sent_ms || !lengths_agree(batch->bans) ||
        batch->first > WEIR_RECORD_SEQ_MAX - (batch->bans->plen.len - 1))
        return false;
    weir_frame_bans_begin(&b, batch);
    while (weir_frame_bans_next(&b, &ban)) {
        if (b.ttl < 0 || b.ttl > WEIR_BAN_TTL_MAX || (b.ttl == 0 && ban.reason != 0) ||
            ban.rec.version.hlc > WEIR_HLC_MAX || !is_prefix(ban.key + AT_ADDR, ban.key[AT_PLEN]))
            return false;
    }
    return true;
}

void weir_frame_bans_begin(struct weir_frame_bans *b, const Weir__V1__Batch *batch)
{
    *b = (struct weir_frame_bans){ .batch = batch, .hlc = weir_hlc_of_ms(batch->sent_ms) };
}

static void read_key(struct weir_frame_bans *b, uint8_t key[WEIR_BAN_KEY_LEN])
{
    const Weir__V1__BanCols *c = b->batch->bans;
    unsigned plen = c->plen.data[b->at];

    memset(key, 0, WEIR_BAN_KEY_LEN);
    weir_num_write_be(key, c->scope[b->at], 4);
    if (plen <= V4_BITS) {
        WEIR_ASSERT(b->v4_at < c->n_v4);
        key[AT_FAMILY] = 4;
        key[AT_PLEN] = (uint8_t)plen;
        weir_num_write_be(key + AT_ADDR, c->v4[b->v4_at++], 4);
        return;
    }
    size_t len = bytes_of_bits(plen - V6_PLEN);
    WEIR_ASSERT(len <= c->v6.len - b->v6_at);
    key[AT_FAMILY] = 6;
    key[AT_PLEN] = (uint8_t)(plen - V6_PLEN);
    if (len > 0)
        memcpy(key + AT_ADDR, c->v6.data + b->v6_at, len);
    b->v6_at += len;
}

bool weir_frame_bans_next(struct weir_frame_bans *b, struct weir_frame_ban *ret)
{
    const Weir__V1__Batch *batch = b->batch;
    const Weir__V1__BanCols *c = batch->bans;

    if (c == NULL || b->at >= c->plen.len)
        return false;
    read_key(b, ret->key);
    b->ttl += c->ttl_d[b->at];
    b->hlc += (uint64_t)c->hlc_d[b->at];
    ret->reason = c->reason.data[b->at];
    ret->rec = (struct weir_record){
        .class = WEIR_CLASS_BAN,
        .key = weir_span(ret->key, WEIR_BAN_KEY_LEN),
        .version = { .hlc = b->hlc, .seq = batch->first + b->at },
        .tombstone = b->ttl == 0,
        .expires = b->ttl == 0 ? 0 : batch->sent_ms / 1000 + (uint64_t)b->ttl,
        .value = b->ttl == 0 ? WEIR_SPAN_EMPTY : weir_span(&ret->reason, 1),
    };
    memcpy(ret->rec.version.lane, batch->lane.data, WEIR_LANE_LEN);
    b->at++;
    return true;
}

enum weir_err weir_frame_cols_new(size_t max, struct weir_frame_cols **ret)
{
    WEIR_ASSERT(max >= 1);
    WEIR_ASSERT(max <= WEIR_FRAME_RECORDS);
    struct weir_frame_cols *c = malloc(sizeof(*c) + max * COLS_LEN);
    if (c == NULL)
        return WEIR_ENOMEM;
    c->max = max;
    weir_frame_cols_reset(c, 0);
    *ret = c;
    return WEIR_OK;
}

void weir_frame_cols_free(struct weir_frame_cols **c)
{
    free(*c);
    *c = NULL;
}

void weir_frame_cols_reset(struct weir_frame_cols *c, uint64_t sent_ms)
{
    WEIR_ASSERT(sent_ms <= WEIR_HLC_MS_MAX);
    weir__v1__ban_cols__init(&c->msg);
    c->msg.hlc_d = c->hlc_d;
    c->msg.v4 = (uint32_t *)(c->hlc_d + c->max);
    c->msg.scope = c->msg.v4 + c->max;
    c->msg.ttl_d = (int32_t *)(c->msg.scope + c->max);
    c->msg.v6.data = (uint8_t *)(c->msg.ttl_d + c->max);
    c->msg.reason.data = c->msg.v6.data + c->max * ADDR_LEN;
    c->msg.plen.data = c->msg.reason.data + c->max;
    c->num = 0;
    c->sent_ms = sent_ms;
    c->ttl = 0;
    c->hlc = weir_hlc_of_ms(sent_ms);
}

/* The columns' plen for a key. @return false: a key that no ban has */
static bool has_plen(struct weir_span key, unsigned *ret)
{
    if (key.len != WEIR_BAN_KEY_LEN)
        return false;
    unsigned bits = key.at[AT_PLEN];
    bool is_v4 = key.at[AT_FAMILY] == 4;
    if ((!is_v4 && key.at[AT_FAMILY] != 6) || bits > (is_v4 ? V4_BITS : V6_BITS) ||
        !is_prefix(key.at + AT_ADDR, bits))
        return false;
    *ret = is_v4 ? bits : bits + V6_PLEN;
    return true;
}

/* Seconds after sent_ms, 0 for a tombstone. @return false: it cannot be a column */
static bool has_ttl(const struct weir_frame_cols *c, const struct weir_record *rec, int64_t *ret)
{
    uint64_t sent = c->sent_ms / 1000;

    *ret = rec->tombstone ? 0 : (int64_t)(rec->expires - sent);
    if (rec->tombstone)
        return rec->expires == 0 && rec->value.len == 0;
    return rec->value.len == 1 && rec->expires > sent && rec->expires - sent <= WEIR_BAN_TTL_MAX;
}

static void add_address(struct weir_frame_cols *c, const uint8_t *addr, unsigned plen)
{
    if (plen <= V4_BITS) {
        c->msg.v4[c->msg.n_v4++] = (uint32_t)weir_num_get_be(addr, 4);
        return;
    }
    size_t len = bytes_of_bits(plen - V6_PLEN);
    memcpy(c->msg.v6.data + c->msg.v6.len, addr, len);
    c->msg.v6.len += len;
}

enum weir_err weir_frame_cols_add(struct weir_frame_cols *c, const struct weir_record *rec)
{
    unsigned plen;
    int64_t ttl;

    if (rec->class != WEIR_CLASS_BAN || rec->schema != 0 || rec->min_reader != 0 ||
        !has_plen(rec->key, &plen) || !has_ttl(c, rec, &ttl))
        return WEIR_EUNSUPPORTED;
    if (c->num == c->max)
        return WEIR_ELIMIT;
    size_t at = c->num++;
    add_address(c, rec->key.at + AT_ADDR, plen);
    c->msg.plen.data[at] = (uint8_t)plen;
    c->msg.scope[at] = (uint32_t)weir_num_get_be(rec->key.at, 4);
    c->msg.reason.data[at] = rec->tombstone ? 0 : rec->value.at[0];
    c->msg.ttl_d[at] = (int32_t)(ttl - c->ttl);
    c->ttl = ttl;
    c->msg.hlc_d[at] = (int64_t)(rec->version.hlc - c->hlc);
    c->hlc = rec->version.hlc;
    return WEIR_OK;
}

size_t weir_frame_cols_num(const struct weir_frame_cols *c)
{
    return c->num;
}

Weir__V1__BanCols *weir_frame_cols_msg(struct weir_frame_cols *c)
{
    WEIR_ASSERT(c->num > 0);
    c->msg.n_ttl_d = c->num;
    c->msg.n_scope = c->num;
    c->msg.n_hlc_d = c->num;
    c->msg.reason.len = c->num;
    c->msg.plen.len = c->num;
    c->msg.has_reason = 1;
    c->msg.has_plen = 1;
    c->msg.has_v6 = c->msg.v6.len > 0;
    return &c->msg;
}
