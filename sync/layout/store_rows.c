/* SPDX-License-Identifier: Apache-2.0
 *
 * store_rows.c - see store_rows.h.
 */
#include "sync/layout/store_rows.h"

#include <string.h>

#include "node/base/hash.h"
#include "sync/version/num.h"

#define IDX_FIXED 12 /* bytes of an index row beside the name and the record's key */

/* Older programs take a row of another length for damage. What is counted beyond this needs a row
 * of its own. */
_Static_assert(STORE_COUNTS_LEN == 144, "programs of format 1 and 2 read these counts");
_Static_assert(1 + WEIR_KEY_MAX + 5 <= STORE_ROW_KEY_MAX, "keys of tombstones and expiries fit");
_Static_assert(1 + 2 + WEIR_KEY_MAX + STORE_REV_TAIL <= STORE_ROW_KEY_MAX, "revision keys fit");

const char *weir_store_tree_name(enum store_tree tree)
{
    static const char *const names[] = { "meta", "rec", "dot",      "lane", "tomb",
                                         "idx",  "rev", "conflict", "act",  "exp" };
    _Static_assert(WEIR_ARRAY_LEN(names) == STORE_NUM_TREES, "one name a tree");
    WEIR_ASSERT(tree < STORE_NUM_TREES);
    return names[tree];
}

static void add_bytes(struct store_key *k, const void *at, size_t len)
{
    WEIR_ASSERT(len <= sizeof(k->at) - k->len);
    if (len > 0)
        memcpy(k->at + k->len, at, len);
    k->len += len;
}

static void add_be(struct store_key *k, uint64_t v, unsigned len)
{
    WEIR_ASSERT(len <= sizeof(k->at) - k->len);
    weir_num_write_be(k->at + k->len, v, len);
    k->len += len;
}

void weir_store_key_rec(struct store_key *k, enum weir_class class, struct weir_span key)
{
    WEIR_ASSERT(key.len >= 1);
    WEIR_ASSERT(key.len <= WEIR_KEY_MAX);
    k->len = 0;
    add_be(k, (uint64_t) class, 1);
    add_bytes(k, key.at, key.len);
}

void weir_store_key_dot(struct store_key *k, uint32_t lane_idx, uint64_t seq)
{
    k->len = 0;
    add_be(k, lane_idx, 4);
    add_be(k, seq, 8);
}

void weir_store_key_lane(struct store_key *k, uint32_t lane_idx)
{
    k->len = 0;
    add_be(k, lane_idx, 4);
}

void weir_store_key_tomb(struct store_key *k, uint32_t when, struct weir_span rec_key)
{
    k->len = 0;
    add_be(k, when, 4);
    add_bytes(k, rec_key.at, rec_key.len);
}

void weir_store_key_exp(struct store_key *k, uint64_t expires, struct weir_span rec_key)
{
    k->len = 0;
    add_be(k, expires, 5);
    add_bytes(k, rec_key.at, rec_key.len);
}

void weir_store_key_rev(struct store_key *k, struct weir_span rec_key, uint64_t revision)
{
    WEIR_ASSERT(rec_key.len >= 2);
    k->len = 0;
    add_bytes(k, rec_key.at, 1);
    add_be(k, rec_key.len - 1, 2);
    add_bytes(k, rec_key.at + 1, rec_key.len - 1);
    add_be(k, revision, STORE_REV_TAIL);
}

bool weir_store_key_idx_name(struct store_key *k, enum weir_index index, struct weir_span name)
{
    if (name.len > STORE_ROW_KEY_MAX - IDX_FIXED)
        return false;
    k->len = 0;
    add_be(k, (uint64_t)index, 1);
    add_be(k, name.len, 2);
    add_bytes(k, name.at, name.len);
    return true;
}

void weir_store_key_idx_prefix(struct store_key *k, enum weir_index index, size_t name_len,
                               struct weir_span prefix)
{
    WEIR_ASSERT(name_len <= STORE_ROW_KEY_MAX - IDX_FIXED);
    WEIR_ASSERT(prefix.len <= name_len);
    k->len = 0;
    add_be(k, (uint64_t)index, 1);
    add_be(k, name_len, 2);
    add_bytes(k, prefix.at, prefix.len);
}

bool weir_store_key_idx_claim(struct store_key *k, uint64_t since_hlc, struct weir_span rec_key)
{
    if (8 + rec_key.len > STORE_ROW_KEY_MAX - k->len)
        return false;
    add_be(k, since_hlc, 8);
    add_bytes(k, rec_key.at, rec_key.len);
    return true;
}

uint32_t weir_store_row_sum(enum store_tree tree, struct weir_span key, struct weir_span payload)
{
    /* The tree's name and not its number, which is free to change. */
    const char *name = weir_store_tree_name(tree);
    uint32_t crc = weir_crc32c(0, name, strlen(name) + 1);

    crc = weir_crc32c(crc, key.at, key.len);
    return weir_crc32c(crc, payload.at, payload.len);
}

enum weir_err weir_store_row_check(enum store_tree tree, struct weir_span key, struct weir_span row,
                                   struct weir_span *ret_payload)
{
    if (row.len < STORE_SUM_LEN)
        return WEIR_ECORRUPT;
    struct weir_span payload = weir_span(row.at, row.len - STORE_SUM_LEN);
    if (weir_num_get_le(row.at + payload.len, STORE_SUM_LEN) !=
        weir_store_row_sum(tree, key, payload))
        return WEIR_ECORRUPT;
    *ret_payload = payload;
    return WEIR_OK;
}

enum weir_err weir_store_claim_parse(struct weir_span row_key, struct store_claim *ret)
{
    if (row_key.len <= IDX_FIXED)
        return WEIR_ECORRUPT;
    unsigned index = row_key.at[0];
    size_t name_len = weir_num_get_be(row_key.at + 1, 2);
    if (index < WEIR_INDEX_HOST || index > WEIR_INDEX_CERT)
        return WEIR_ECORRUPT;
    if (name_len >= row_key.len - IDX_FIXED)
        return WEIR_ECORRUPT;
    const uint8_t *behind = row_key.at + 3 + name_len;
    if (!weir_store_class_known(behind[8]))
        return WEIR_ECORRUPT;
    *ret = (struct store_claim){
        .index = (enum weir_index)index,
        .name = weir_span(row_key.at + 3, name_len),
        .since_hlc = weir_num_get_be(behind, 8),
        .class = (enum weir_class)behind[8],
        .owner = weir_span_from(row_key, IDX_FIXED + name_len),
    };
    return WEIR_OK;
}

void weir_store_lane_pack(const struct store_lane *lane, uint8_t out[STORE_LANE_LEN])
{
    memcpy(out, lane->id, WEIR_LANE_LEN);
    weir_num_write_le(out + WEIR_LANE_LEN, lane->vv, 8);
    weir_num_write_le(out + WEIR_LANE_LEN + 8, lane->hi_seen, 8);
    weir_num_write_le(out + WEIR_LANE_LEN + 16, lane->floor, 8);
    weir_num_write_le(out + WEIR_LANE_LEN + 24, lane->retired_final, 8);
}

enum weir_err weir_store_lane_unpack(struct weir_span payload, struct store_lane *ret)
{
    if (payload.len != STORE_LANE_LEN)
        return WEIR_ECORRUPT;
    memcpy(ret->id, payload.at, WEIR_LANE_LEN);
    ret->vv = weir_num_get_le(payload.at + WEIR_LANE_LEN, 8);
    ret->hi_seen = weir_num_get_le(payload.at + WEIR_LANE_LEN + 8, 8);
    ret->floor = weir_num_get_le(payload.at + WEIR_LANE_LEN + 16, 8);
    ret->retired_final = weir_num_get_le(payload.at + WEIR_LANE_LEN + 24, 8);
    return WEIR_OK;
}

void weir_store_counts_pack(const struct store_tally *tally, uint8_t out[STORE_COUNTS_LEN])
{
    uint8_t *at = out;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(tally->live); i++, at += 8)
        weir_num_write_le(at, tally->live[i], 8);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(tally->index); i++, at += 8)
        weir_num_write_le(at, tally->index[i], 8);
    weir_num_write_le(at, tally->num_tombstones, 8);
    weir_num_write_le(at + 8, tally->num_conflicts, 8);
    WEIR_ASSERT(at + 16 == out + STORE_COUNTS_LEN);
}

enum weir_err weir_store_counts_unpack(struct weir_span payload, struct store_tally *ret)
{
    if (payload.len != STORE_COUNTS_LEN)
        return WEIR_ECORRUPT;
    const uint8_t *at = payload.at;
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ret->live); i++, at += 8)
        ret->live[i] = weir_num_get_le(at, 8);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(ret->index); i++, at += 8)
        ret->index[i] = weir_num_get_le(at, 8);
    ret->num_tombstones = weir_num_get_le(at, 8);
    ret->num_conflicts = weir_num_get_le(at + 8, 8);
    return WEIR_OK;
}
