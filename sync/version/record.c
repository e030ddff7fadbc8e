/* SPDX-License-Identifier: Apache-2.0
 *
 * record.c - packs and checks the rows of `rec`. All numbers are little-endian at fixed positions.
 */
#include "sync/version/record.h"

#include <string.h>

#include "node/base/hash.h"
#include "sync/version/num.h"

#define FLAG_TOMBSTONE 0x01

/* Positions in the header: each field ends where the next one begins. */
enum {
    AT_FLAGS = 0,
    AT_SCHEMA = 1,
    AT_MIN_READER = 3,
    AT_LANE_IDX = 5,
    AT_SEQ = WEIR_RECORD_AT_SEQ,
    AT_HLC = 15,
    AT_EXPIRES = 23,
    AT_CRC = 28,
    AT_NUM_CTX = 32,
    AT_SIG_LEN = 33,
    AT_STAGE = 34,
    AT_RECV_DAY = 36,
    AT_EXTRA_LEN = 38, /* zero in rows of programs before there was any */
};
_Static_assert(AT_EXTRA_LEN + 2 == WEIR_RECORD_HEADER_LEN, "the header is 40 bytes");

/* In an entry of a context, behind its lane. */
enum { CTX_AT_SEQ = 4 };

size_t weir_record_packed_len(const struct weir_record_parts *parts)
{
    return WEIR_RECORD_HEADER_LEN + (size_t)parts->head.num_ctx * WEIR_RECORD_CTX_LEN +
           parts->sig.len + parts->extra.len + parts->value.len;
}

static uint32_t sum(const uint8_t *header, struct weir_span key, struct weir_span rest)
{
    static const uint8_t zero[4];
    uint32_t crc = weir_crc32c(0, header, AT_CRC);

    crc = weir_crc32c(crc, zero, sizeof(zero));
    crc = weir_crc32c(crc, header + AT_NUM_CTX, WEIR_RECORD_HEADER_LEN - AT_NUM_CTX);
    crc = weir_crc32c(crc, key.at, key.len);
    return weir_crc32c(crc, rest.at, rest.len);
}

static uint8_t *add(uint8_t *at, struct weir_span s)
{
    if (s.len > 0)
        memcpy(at, s.at, s.len);
    return at + s.len;
}

void weir_record_pack(const struct weir_record_parts *parts, struct weir_span key, uint8_t *out)
{
    const struct weir_record_head *h = &parts->head;

    WEIR_ASSERT(h->num_ctx <= WEIR_RECORD_CTX_MAX);
    WEIR_ASSERT(h->seq >= 1);
    WEIR_ASSERT(h->seq <= WEIR_RECORD_SEQ_MAX);
    WEIR_ASSERT(h->expires <= WEIR_RECORD_EXPIRES_MAX);
    WEIR_ASSERT(parts->sig.len == 0 || parts->sig.len == WEIR_RECORD_SIG_LEN);
    WEIR_ASSERT(parts->extra.len <= WEIR_RECORD_EXTRA_MAX);
    WEIR_ASSERT(parts->value.len <= WEIR_RECORD_MAX);
    WEIR_ASSERT(!h->tombstone || parts->value.len == 0);
    out[AT_FLAGS] = h->tombstone ? FLAG_TOMBSTONE : 0;
    weir_num_write_le(out + AT_SCHEMA, h->schema, AT_MIN_READER - AT_SCHEMA);
    weir_num_write_le(out + AT_MIN_READER, h->min_reader, AT_LANE_IDX - AT_MIN_READER);
    weir_num_write_le(out + AT_LANE_IDX, h->lane_idx, AT_SEQ - AT_LANE_IDX);
    weir_num_write_le(out + AT_SEQ, h->seq, AT_HLC - AT_SEQ);
    weir_num_write_le(out + AT_HLC, h->hlc, AT_EXPIRES - AT_HLC);
    weir_num_write_le(out + AT_EXPIRES, h->expires, AT_CRC - AT_EXPIRES);
    out[AT_NUM_CTX] = h->num_ctx;
    out[AT_SIG_LEN] = (uint8_t)parts->sig.len;
    weir_num_write_le(out + AT_STAGE, h->stage, AT_RECV_DAY - AT_STAGE);
    weir_num_write_le(out + AT_RECV_DAY, h->recv_day, AT_EXTRA_LEN - AT_RECV_DAY);
    weir_num_write_le(out + AT_EXTRA_LEN, parts->extra.len, WEIR_RECORD_HEADER_LEN - AT_EXTRA_LEN);

    uint8_t *at = out + WEIR_RECORD_HEADER_LEN;
    for (unsigned i = 0; i < h->num_ctx; i++) {
        weir_num_write_le(at, h->ctx[i].lane_idx, CTX_AT_SEQ);
        weir_num_write_le(at + CTX_AT_SEQ, h->ctx[i].seq, WEIR_RECORD_CTX_LEN - CTX_AT_SEQ);
        at += WEIR_RECORD_CTX_LEN;
    }
    at = add(at, parts->sig);
    at = add(at, parts->extra);
    at = add(at, parts->value);

    struct weir_span rest =
        weir_span(out + WEIR_RECORD_HEADER_LEN, (size_t)(at - out) - WEIR_RECORD_HEADER_LEN);
    weir_num_write_le(out + AT_CRC, sum(out, key, rest), AT_NUM_CTX - AT_CRC);
}

static bool ctx_unpack(const uint8_t *at, struct weir_record_head *h)
{
    for (unsigned i = 0; i < h->num_ctx; i++) {
        h->ctx[i].lane_idx = (uint32_t)weir_num_get_le(at, CTX_AT_SEQ);
        h->ctx[i].seq = weir_num_get_le(at + CTX_AT_SEQ, WEIR_RECORD_CTX_LEN - CTX_AT_SEQ);
        if (h->ctx[i].seq == 0)
            return false;
        at += WEIR_RECORD_CTX_LEN;
    }
    return true;
}

enum weir_err weir_record_unpack(struct weir_span row, struct weir_span key,
                                 struct weir_record_parts *ret)
{
    if (row.len < WEIR_RECORD_HEADER_LEN)
        return WEIR_ECORRUPT;
    const uint8_t *at = row.at;
    size_t num_ctx = at[AT_NUM_CTX];
    size_t sig_len = at[AT_SIG_LEN];
    size_t extra_len = weir_num_get_le(at + AT_EXTRA_LEN, WEIR_RECORD_HEADER_LEN - AT_EXTRA_LEN);

    if ((at[AT_FLAGS] & ~FLAG_TOMBSTONE) != 0 || extra_len > WEIR_RECORD_EXTRA_MAX)
        return WEIR_ECORRUPT;
    if (num_ctx > WEIR_RECORD_CTX_MAX || (sig_len != 0 && sig_len != WEIR_RECORD_SIG_LEN))
        return WEIR_ECORRUPT;
    size_t sig_at = WEIR_RECORD_HEADER_LEN + num_ctx * WEIR_RECORD_CTX_LEN;
    size_t fixed = sig_at + sig_len + extra_len;
    if (row.len - fixed > WEIR_RECORD_MAX) /* a shorter row gives far more */
        return WEIR_ECORRUPT;
    if (weir_num_get_le(at + AT_CRC, AT_NUM_CTX - AT_CRC) !=
        sum(at, key, weir_span_from(row, WEIR_RECORD_HEADER_LEN)))
        return WEIR_ECORRUPT;

    struct weir_record_parts p = {
        .head = {
            .tombstone = (at[AT_FLAGS] & FLAG_TOMBSTONE) != 0,
            .schema = (uint16_t)weir_num_get_le(at + AT_SCHEMA, AT_MIN_READER - AT_SCHEMA),
            .min_reader = (uint16_t)weir_num_get_le(at + AT_MIN_READER, AT_LANE_IDX - AT_MIN_READER),
            .lane_idx = (uint32_t)weir_num_get_le(at + AT_LANE_IDX, AT_SEQ - AT_LANE_IDX),
            .seq = weir_num_get_le(at + AT_SEQ, AT_HLC - AT_SEQ),
            .hlc = weir_num_get_le(at + AT_HLC, AT_EXPIRES - AT_HLC),
            .expires = weir_num_get_le(at + AT_EXPIRES, AT_CRC - AT_EXPIRES),
            .stage = (uint16_t)weir_num_get_le(at + AT_STAGE, AT_RECV_DAY - AT_STAGE),
            .recv_day = (uint16_t)weir_num_get_le(at + AT_RECV_DAY, AT_EXTRA_LEN - AT_RECV_DAY),
            .num_ctx = (uint8_t)num_ctx,
        },
        .sig = weir_span(at + sig_at, sig_len),
        .extra = weir_span(at + sig_at + sig_len, extra_len),
        .value = weir_span_from(row, fixed),
    };
    if (!ctx_unpack(at + WEIR_RECORD_HEADER_LEN, &p.head) || p.head.seq == 0)
        return WEIR_ECORRUPT;
    if (p.head.tombstone && p.value.len > 0)
        return WEIR_ECORRUPT;
    *ret = p;
    return WEIR_OK;
}

void weir_record_ctx_add(struct weir_record_head *head, uint32_t lane_idx, uint64_t seq)
{
    unsigned at = 0;

    WEIR_ASSERT(head->num_ctx <= WEIR_RECORD_CTX_MAX);
    while (at < head->num_ctx && head->ctx[at].lane_idx != lane_idx)
        at++;
    if (at < head->num_ctx && head->ctx[at].seq > seq)
        seq = head->ctx[at].seq;
    if (at == WEIR_RECORD_CTX_MAX)
        at = 0;
    else if (at == head->num_ctx)
        head->num_ctx++;
    memmove(&head->ctx[at], &head->ctx[at + 1],
            (size_t)(head->num_ctx - 1 - at) * sizeof(head->ctx[0]));
    head->ctx[head->num_ctx - 1] = (struct weir_record_ctx){ lane_idx, seq };
}
