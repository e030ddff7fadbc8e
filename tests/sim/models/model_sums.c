/* SPDX-License-Identifier: Apache-2.0
 *
 * model_sums.c - audit sums against sets of records that are hashed and added anew, in numbers of
 * 128 bits.
 */
#include <stdlib.h>
#include <string.h>

#include "node/base/limits.h"
#include "sync/version/sums.h"
#include "tests/sim/models/model.h"

#define RECORDS 16
#define BUCKETS 4096

__extension__ typedef unsigned __int128 wide;

/* Records of a set, and whether each is in it. */
struct trial {
    struct weir_sim_exam *x;
    struct weir_siphash_key key;
    struct weir_sums_item items[RECORDS];
    uint8_t keys[RECORDS][WEIR_KEY_MAX];
    bool is_in[RECORDS];
};

static wide wide_of(uint64_t lo, uint64_t hi)
{
    return (wide)hi << 64 | lo;
}

/* The hash of the bytes that name a record, with its version or without. */
static wide hash_of(const struct trial *t, const struct weir_sums_item *item, bool with_version)
{
    uint8_t bytes[1 + WEIR_KEY_MAX + WEIR_LANE_LEN + 16];
    size_t len = 1 + item->key.len;
    struct weir_siphash h;

    bytes[0] = (uint8_t)item->class;
    for (size_t i = 0; i < item->key.len; i++)
        bytes[1 + i] = item->key.at[i];
    if (with_version) {
        memcpy(bytes + len, item->version.lane, WEIR_LANE_LEN);
        len += WEIR_LANE_LEN;
        for (unsigned i = 0; i < 16; i++)
            bytes[len++] =
                (uint8_t)((i < 8 ? item->version.seq : item->version.hlc) >> (i % 8 * 8));
    }
    weir_siphash_init128(&h, &t->key);
    weir_siphash_add(&h, bytes, len);
    struct weir_siphash128 ret = weir_siphash_end128(&h);
    return wide_of(ret.lo, ret.hi);
}

static unsigned bucket_of(const struct trial *t, const struct weir_sums_item *item)
{
    return (unsigned)(hash_of(t, item, false) % BUCKETS);
}

static void draw_items(struct trial *t)
{
    for (unsigned i = 0; i < 2; i++)
        t->key.k[i] = weir_rng_next(&t->x->rng);
    for (unsigned i = 0; i < RECORDS; i++) {
        struct weir_sums_item *item = &t->items[i];
        size_t len = i == 0 ? WEIR_KEY_MAX : weir_sim_draw(t->x, 12);
        weir_sim_draw_bytes(t->x, t->keys[i], len);
        item->class = (enum weir_class)(1 + weir_sim_draw(t->x, 9));
        item->key = weir_span(t->keys[i], len);
        item->version.hlc = weir_rng_next(&t->x->rng);
        item->version.seq = weir_rng_next(&t->x->rng);
        weir_sim_draw_bytes(t->x, item->version.lane, WEIR_LANE_LEN);
        if (i % 4 == 1) { /* another version of the record before: the same bucket */
            item->class = t->items[i - 1].class;
            item->key = t->items[i - 1].key;
        }
    }
}

static bool is_sum(struct weir_sum s, wide v)
{
    return wide_of(s.lo, s.hi) == v;
}

static void check_sums(const struct trial *t, const struct weir_sums *s)
{
    wide total = 0;
    wide all = 0;

    for (unsigned i = 0; i < RECORDS; i++) {
        wide bucket = 0;
        for (unsigned k = 0; k < RECORDS; k++)
            if (t->is_in[k] && bucket_of(t, &t->items[k]) == bucket_of(t, &t->items[i]))
                bucket += hash_of(t, &t->items[k], true);
        WEIR_SIM_CLAIM(t->x, is_sum(s->bucket[bucket_of(t, &t->items[i])], bucket));
        total += t->is_in[i] ? hash_of(t, &t->items[i], true) : 0;
    }
    for (unsigned i = 0; i < BUCKETS; i++)
        all += wide_of(s->bucket[i].lo, s->bucket[i].hi);
    WEIR_SIM_CLAIM(t->x, is_sum(s->total, total));
    WEIR_SIM_CLAIM(t->x, all == total);
}

static void change(struct trial *t, struct weir_sums *s, unsigned i)
{
    struct weir_sums_part part = weir_sums_part(&t->key, &t->items[i]);
    bool by_part = weir_sim_draw(t->x, 2) == 0;

    WEIR_SIM_CLAIM(t->x, part.bucket == bucket_of(t, &t->items[i]));
    WEIR_SIM_CLAIM(t->x,
                   part.bucket == weir_sums_bucket(&t->key, t->items[i].class, t->items[i].key));
    WEIR_SIM_CLAIM(t->x, is_sum(part.sum, hash_of(t, &t->items[i], true)));
    t->is_in[i] = !t->is_in[i];
    if (by_part)
        weir_sums_change(s, &part, t->is_in[i]);
    else if (t->is_in[i])
        weir_sums_add(s, &t->key, &t->items[i]);
    else
        weir_sums_remove(s, &t->key, &t->items[i]);
}

/* What is packed, and how another set differs from it. */
static void check_wire(const struct trial *t, struct weir_sums *s)
{
    uint8_t *out = malloc(WEIR_SUMS_PACKED_LEN + 1);
    uint16_t *bad = malloc(BUCKETS * sizeof(*bad));
    unsigned at = bucket_of(t, &t->items[0]);
    unsigned other = (unsigned)weir_sim_draw(t->x, BUCKETS - 1);
    size_t num = 77;

    WEIR_ASSERT(out != NULL);
    WEIR_ASSERT(bad != NULL);
    other += other >= at;
    out[WEIR_SUMS_PACKED_LEN] = 0xa5;
    weir_sums_pack(s, out);
    WEIR_SIM_CLAIM(t->x, out[WEIR_SUMS_PACKED_LEN] == 0xa5); /* nothing is written behind */
    for (unsigned i = 0; i < WEIR_SUM_LEN; i++) {
        uint64_t half = i < 8 ? s->bucket[at].lo : s->bucket[at].hi;
        WEIR_SIM_CLAIM(t->x, out[at * WEIR_SUM_LEN + i] == (uint8_t)(half >> (i % 8 * 8)));
    }
    WEIR_SIM_CLAIM(t->x, weir_sum_eq(weir_sum_unpack(out + at * WEIR_SUM_LEN), s->bucket[at]));
    struct weir_span theirs = weir_span(out, WEIR_SUMS_PACKED_LEN - 1);
    WEIR_SIM_CLAIM(t->x, weir_sums_compare(s, theirs, bad, &num) == WEIR_EPROTO);
    theirs.len += 2;
    WEIR_SIM_CLAIM(t->x, weir_sums_compare(s, theirs, bad, &num) == WEIR_EPROTO);
    WEIR_SIM_CLAIM(t->x, num == 77);
    theirs.len--;
    WEIR_SIM_CLAIM(t->x, weir_sums_compare(s, theirs, bad, &num) == WEIR_OK);
    WEIR_SIM_CLAIM(t->x, num == 0);
    out[at * WEIR_SUM_LEN + weir_sim_draw(t->x, 8)] ^= 1;
    out[other * WEIR_SUM_LEN + 8 + weir_sim_draw(t->x, 8)] ^= 0x80;
    WEIR_SIM_CLAIM(t->x, weir_sums_compare(s, theirs, bad, &num) == WEIR_OK);
    WEIR_SIM_CLAIM(t->x, num == 2);
    WEIR_SIM_CLAIM(t->x, bad[0] == (at < other ? at : other));
    WEIR_SIM_CLAIM(t->x, bad[1] == (at < other ? other : at));
    free(out);
    free(bad);
}

void weir_sim_model_sums(struct weir_sim_exam *x)
{
    struct weir_sums *s = calloc(1, sizeof(*s));
    struct trial t = { .x = x };

    WEIR_ASSERT(s != NULL);
    draw_items(&t);
    for (unsigned turn = 0; turn < 4; turn++) {
        for (unsigned step = 0; step < 12; step++)
            change(&t, s, (unsigned)weir_sim_draw(x, RECORDS));
        check_sums(&t, s);
    }
    check_wire(&t, s);
    free(s);
}
