/* SPDX-License-Identifier: Apache-2.0
 *
 * sums_test.c - audit sums: after additions and removals they equal sums that are made anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/base/limits.h"
#include "node/base/rng.h"
#include "sync/version/sums.h"

#define NUM_RECORDS 300

static const struct weir_siphash_key audit_key = { { 0x617564697420, 0x6b6579 } };

/* A node's records: which are there, and in which version. */
struct twin {
    bool there[NUM_RECORDS];
    struct weir_version version[NUM_RECORDS];
};

static struct weir_sums_item item_of(const struct twin *t, uint16_t n)
{
    static uint16_t key;

    key = n;
    return (struct weir_sums_item){
        .class = WEIR_CLASS_TENANT,
        .key = weir_span(&key, sizeof(key)),
        .version = t->version[n],
    };
}

static struct weir_sums *sums_new(void)
{
    struct weir_sums *s = calloc(1, sizeof(*s));

    assert_non_null(s);
    return s;
}

static struct weir_sums *rebuilt(const struct twin *t)
{
    struct weir_sums *s = sums_new();

    for (uint16_t n = NUM_RECORDS; n > 0; n--) {
        struct weir_sums_item item = item_of(t, (uint16_t)(n - 1));
        if (t->there[n - 1])
            weir_sums_add(s, &audit_key, &item);
    }
    return s;
}

static void change(struct weir_rng *rng, struct weir_sums *s, struct twin *t)
{
    uint16_t n = (uint16_t)weir_rng_below(rng, NUM_RECORDS);
    struct weir_sums_item item = item_of(t, n);

    if (t->there[n])
        weir_sums_remove(s, &audit_key, &item);
    t->there[n] = weir_rng_below(rng, 3) > 0;
    if (!t->there[n])
        return;
    t->version[n].hlc = weir_rng_next(rng);
    t->version[n].seq = 1 + weir_rng_below(rng, 1000);
    t->version[n].lane[3] = (uint8_t)weir_rng_below(rng, 4);
    item = item_of(t, n);
    weir_sums_add(s, &audit_key, &item);
}

static void sums_updated_by_changes_are_those_made_anew(void **state)
{
    struct weir_sums *s = sums_new();
    struct twin t = { 0 };
    struct weir_rng rng;

    weir_rng_init(&rng, 20261129);
    for (int round = 0; round < 50; round++) {
        for (int i = 0; i < 200; i++)
            change(&rng, s, &t);
        struct weir_sums *again = rebuilt(&t);
        assert_memory_equal(s, again, sizeof(*s));
        free(again);
    }
    for (uint16_t n = 0; n < NUM_RECORDS; n++) {
        struct weir_sums_item item = item_of(&t, n);
        if (t.there[n])
            weir_sums_remove(s, &audit_key, &item);
    }
    struct weir_sums *empty = sums_new();
    assert_memory_equal(s, empty, sizeof(*s));
    free(empty);
    free(s);
}

static void total_is_the_sum_of_the_buckets(void **state)
{
    struct twin t = { 0 };
    unsigned __int128 sum = 0;

    memset(t.there, 1, sizeof(t.there));
    struct weir_sums *s = rebuilt(&t);
    for (size_t i = 0; i < WEIR_SUMS_BUCKETS; i++)
        sum += (unsigned __int128)s->bucket[i].hi << 64 | s->bucket[i].lo;
    assert_true(s->total.lo == (uint64_t)sum);
    assert_true(s->total.hi == (uint64_t)(sum >> 64));
    free(s);
}

static void differing_records_are_found_in_their_buckets(void **state)
{
    uint8_t *packed = malloc(WEIR_SUMS_PACKED_LEN);
    uint16_t *bad = malloc(WEIR_SUMS_BUCKETS * sizeof(*bad));
    struct twin t = { 0 };
    size_t num = 99;

    assert_non_null(packed);
    assert_non_null(bad);
    memset(t.there, 1, sizeof(t.there));
    struct weir_sums *mine = rebuilt(&t);
    weir_sums_pack(mine, packed);
    struct weir_span theirs = weir_span(packed, WEIR_SUMS_PACKED_LEN);
    assert_int_equal(weir_sums_compare(mine, theirs, bad, &num), WEIR_OK);
    assert_int_equal(num, 0);

    t.version[17].hlc++; /* one record in another version, one lost */
    t.there[90] = false;
    struct weir_sums *other = rebuilt(&t);
    assert_false(weir_sum_eq(mine->total, other->total));
    assert_int_equal(weir_sums_compare(other, theirs, bad, &num), WEIR_OK);
    struct weir_sums_item first = item_of(&t, 17);
    unsigned a = weir_sums_bucket(&audit_key, first.class, first.key);
    struct weir_sums_item second = item_of(&t, 90);
    unsigned b = weir_sums_bucket(&audit_key, second.class, second.key);
    assert_int_equal(num, 2);
    assert_int_equal(bad[0], a < b ? a : b);
    assert_int_equal(bad[1], a < b ? b : a);
    free(mine);
    free(other);
    free(packed);
    free(bad);
}

static void sums_of_any_other_length_are_refused(void **state)
{
    uint8_t *packed = calloc(1, WEIR_SUMS_PACKED_LEN + 1);
    struct weir_sums *s = sums_new();
    uint16_t bad[1];
    size_t num = 99;

    assert_non_null(packed);
    assert_int_equal(weir_sums_compare(s, WEIR_SPAN_EMPTY, bad, &num), WEIR_EPROTO);
    for (size_t off = 0; off < 3; off++) {
        struct weir_span theirs = weir_span(packed, WEIR_SUMS_PACKED_LEN - 1 + off);
        assert_int_equal(weir_sums_compare(s, theirs, bad, &num), off == 1 ? WEIR_OK : WEIR_EPROTO);
    }
    assert_int_equal(num, 0);
    free(packed);
    free(s);
}

static void every_part_of_a_record_counts(void **state)
{
    uint8_t longest[WEIR_KEY_MAX] = { 1 };
    struct weir_sums_item base = { .class = WEIR_CLASS_CERT, .key = weir_span(longest, 5) };
    struct weir_sums_item items[7];
    struct weir_sum seen[7];
    struct weir_siphash_key other_key = { { 1, 0 } };

    for (size_t i = 0; i < 7; i++)
        items[i] = base;
    items[1].class = WEIR_CLASS_TENANT;
    items[2].key.len = 6; /* the byte more is as zero as the lane behind it */
    items[3].key.len = WEIR_KEY_MAX;
    items[4].version.lane[15] = 1;
    items[5].version.seq = 1;
    items[6].version.hlc = 1;
    struct weir_sums *s = sums_new();
    for (size_t i = 0; i < 7; i++) {
        weir_sums_add(s, &audit_key, &items[i]);
        seen[i] = s->total;
        weir_sums_remove(s, &audit_key, &items[i]);
        for (size_t j = 0; j < i; j++)
            assert_false(weir_sum_eq(seen[i], seen[j]));
    }
    weir_sums_add(s, &other_key, &base);
    assert_false(weir_sum_eq(s->total, seen[0]));
    free(s);
}

static void sum_comes_back_as_it_was_packed(void **state)
{
    struct weir_sum s = { UINT64_C(0x0102030405060708), UINT64_C(0x1112131415161718) };
    uint8_t out[WEIR_SUM_LEN];

    weir_sum_pack(s, out);
    assert_int_equal(out[0], 0x08);
    assert_int_equal(out[15], 0x11);
    assert_true(weir_sum_eq(weir_sum_unpack(out), s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_updated_by_changes_are_those_made_anew),
        cmocka_unit_test(total_is_the_sum_of_the_buckets),
        cmocka_unit_test(differing_records_are_found_in_their_buckets),
        cmocka_unit_test(sums_of_any_other_length_are_refused),
        cmocka_unit_test(every_part_of_a_record_counts),
        cmocka_unit_test(sum_comes_back_as_it_was_packed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
