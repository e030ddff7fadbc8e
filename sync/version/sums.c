/* SPDX-License-Identifier: Apache-2.0
 *
 * sums.c - what is hashed: class 1, key, lane 16, seq 8, hlc 8. Everything after the key is of
 * fixed length, so no two records give the same bytes. The bucket comes from a hash of class and
 * key.
 */
#include "sync/version/sums.h"

#include <string.h>

#include "node/base/limits.h"
#include "sync/version/num.h"

#define VERSION_LEN (WEIR_LANE_LEN + 8 + 8)

_Static_assert((WEIR_SUMS_BUCKETS & (WEIR_SUMS_BUCKETS - 1)) == 0, "a bucket is some bits");
_Static_assert(WEIR_SUMS_BUCKETS <= UINT16_MAX + 1, "a bucket's number fits 16 bits");

struct input {
    uint8_t bytes[1 + WEIR_KEY_MAX + VERSION_LEN];
    size_t len;
};

static void input_name(struct input *in, enum weir_class class, struct weir_span record_key)
{
    WEIR_ASSERT(record_key.len <= WEIR_KEY_MAX);
    in->bytes[0] = (uint8_t) class;
    if (record_key.len > 0)
        memcpy(in->bytes + 1, record_key.at, record_key.len);
    in->len = 1 + record_key.len;
}

static struct weir_siphash128 hash_of(const struct weir_siphash_key *key, const struct input *in)
{
    struct weir_siphash h;

    weir_siphash_init128(&h, key);
    weir_siphash_add(&h, in->bytes, in->len);
    return weir_siphash_end128(&h);
}

static unsigned bucket_of(const struct weir_siphash_key *key, const struct input *in)
{
    return (unsigned)(hash_of(key, in).lo & (WEIR_SUMS_BUCKETS - 1));
}

unsigned weir_sums_bucket(const struct weir_siphash_key *key, enum weir_class class,
                          struct weir_span record_key)
{
    struct input in;

    input_name(&in, class, record_key);
    return bucket_of(key, &in);
}

struct weir_sums_part weir_sums_part(const struct weir_siphash_key *key,
                                     const struct weir_sums_item *item)
{
    struct input in;

    input_name(&in, item->class, item->key);
    unsigned bucket = bucket_of(key, &in);
    uint8_t *at = in.bytes + in.len;
    memcpy(at, item->version.lane, WEIR_LANE_LEN);
    weir_num_write_le(at + WEIR_LANE_LEN, item->version.seq, sizeof(item->version.seq));
    weir_num_write_le(at + WEIR_LANE_LEN + 8, item->version.hlc, sizeof(item->version.hlc));
    in.len += VERSION_LEN;
    struct weir_siphash128 h = hash_of(key, &in);
    return (struct weir_sums_part){ bucket, { h.lo, h.hi } };
}

static void sum_plus(struct weir_sum *s, struct weir_sum x)
{
    s->hi += x.hi + __builtin_add_overflow(s->lo, x.lo, &s->lo);
}

static void sum_minus(struct weir_sum *s, struct weir_sum x)
{
    s->hi -= x.hi + __builtin_sub_overflow(s->lo, x.lo, &s->lo);
}

void weir_sums_change(struct weir_sums *s, const struct weir_sums_part *part, bool add)
{
    WEIR_ASSERT(part->bucket < WEIR_SUMS_BUCKETS);
    if (add) {
        sum_plus(&s->bucket[part->bucket], part->sum);
        sum_plus(&s->total, part->sum);
    } else {
        sum_minus(&s->bucket[part->bucket], part->sum);
        sum_minus(&s->total, part->sum);
    }
}

void weir_sums_add(struct weir_sums *s, const struct weir_siphash_key *key,
                   const struct weir_sums_item *item)
{
    struct weir_sums_part part = weir_sums_part(key, item);

    weir_sums_change(s, &part, true);
}

void weir_sums_remove(struct weir_sums *s, const struct weir_siphash_key *key,
                      const struct weir_sums_item *item)
{
    struct weir_sums_part part = weir_sums_part(key, item);

    weir_sums_change(s, &part, false);
}

void weir_sum_pack(struct weir_sum s, uint8_t out[WEIR_SUM_LEN])
{
    weir_num_write_le(out, s.lo, sizeof(s.lo));
    weir_num_write_le(out + sizeof(s.lo), s.hi, sizeof(s.hi));
}

struct weir_sum weir_sum_unpack(const uint8_t in[WEIR_SUM_LEN])
{
    return (struct weir_sum){ weir_num_get_le(in, 8), weir_num_get_le(in + 8, 8) };
}

void weir_sums_pack(const struct weir_sums *s, uint8_t out[WEIR_SUMS_PACKED_LEN])
{
    for (size_t i = 0; i < WEIR_SUMS_BUCKETS; i++)
        weir_sum_pack(s->bucket[i], out + i * WEIR_SUM_LEN);
}

enum weir_err weir_sums_compare(const struct weir_sums *s, struct weir_span theirs, uint16_t *bad,
                                size_t *ret_num)
{
    size_t num = 0;

    if (theirs.len != WEIR_SUMS_PACKED_LEN)
        return WEIR_EPROTO;
    for (size_t i = 0; i < WEIR_SUMS_BUCKETS; i++)
        if (!weir_sum_eq(s->bucket[i], weir_sum_unpack(theirs.at + i * WEIR_SUM_LEN)))
            bad[num++] = (uint16_t)i;
    *ret_num = num;
    return WEIR_OK;
}
