/* SPDX-License-Identifier: Apache-2.0
 *
 * store_rescue_test.c - what replication learns of a store that was rebuilt from a damaged file:
 * its vectors claim nothing that may be lost. And single damaged rows, under the record
 * store.
 */
#include "sync/layout/store_file.h"
#include "sync/version/num.h"
#include "tests/support/record_store_kit.h"
#include "tests/support/spoil_store_file.h"

#define NUM_KEYS 200

static void key_of(unsigned i, char out[16])
{
    (void)snprintf(out, 16, "key%03u", i);
}

/* Records of dots (lane, 1..), each in the middle of the last one's lane when there are two. */
static void fill(struct record_store_kit *kk, uint8_t num_lanes)
{
    struct weir_store_meta meta = { .seq = NUM_KEYS, .live = true };
    struct weir_lane_row lane = { .vv = NUM_KEYS };
    char key[16];

    rs_begin(kk);
    for (unsigned i = 0; i < NUM_KEYS; i++) {
        key_of(i, key);
        struct weir_stored_record rec =
            rs_record(kk, key, (uint8_t)(1 + i % num_lanes), 1 + i, key);
        rs_put(kk, &rec);
    }
    for (uint8_t n = 1; n <= num_lanes; n++) {
        rs_lane(n, lane.lane);
        assert_int_equal(kk->k->ops->put_lane(kk->k, &lane), WEIR_OK);
    }
    rs_lane(1, meta.lane);
    assert_int_equal(kk->k->ops->put_meta(kk->k, &meta), WEIR_OK);
    rs_commit(kk);
}

/* Spoil the leaf of a tree in which a key lies. */
static void spoil_leaf(struct record_store_kit *kk, enum store_tree tree, struct weir_span key)
{
    struct store_file f = STORE_FILE_ZERO;
    struct weir_tree_cursor c;
    int folder = open(kk->kit.folder, O_RDONLY | O_DIRECTORY);
    const char *name = kk->group == 'C' ? "conf.mdb" : "eph.mdb";

    assert_true(folder >= 0);
    assert_int_equal(weir_store_file_open(folder, name, &f), WEIR_OK);
    if (kk->group == 'E')
        f.num_trees = STORE_NUM_TREES;
    assert_int_equal(weir_store_file_check(&f, true), WEIR_OK);
    assert_int_equal(weir_tree_locate(&c, &f.pages, &f.tree[tree], key), WEIR_OK);
    off_t at = c.level[c.depth - 1].page - f.pages.map;
    weir_store_file_close(&f);
    close(folder);
    int fd = kit_open_file(&kk->kit, name, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "\xff\xff", 2, at + 12), 2);
    close(fd);
}

static unsigned num_rescued(struct record_store_kit *kk, const uint8_t *lane, uint64_t *ret_last)
{
    struct weir_stored_record got;
    unsigned num = 0;
    uint64_t after = 0;

    while (kk->k->ops->next_dot(kk->k, lane, after, &got) == WEIR_OK) {
        assert_true(weir_span_eq(got.rec.key, got.rec.value));
        after = got.rec.version.seq;
        num++;
    }
    *ret_last = after;
    return num;
}

static void rescued_store_of_a_node_alone_claims_what_it_has_on_a_new_lane(void **state)
{
    struct record_store_kit kk;
    struct weir_store_meta meta;
    struct weir_lane_row lane;
    struct weir_stored_record got;
    uint64_t last = 0;
    char key[16];

    (void)state;
    record_store_kit_init(&kk, 'C');
    fill(&kk, 1);
    kit_close(&kk.kit);
    spoil_leaf(&kk, STORE_REC, WEIR_SPAN_LIT("\x02key100"));
    record_store_kit_open(&kk);

    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_true(meta.live);
    assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_OK);
    assert_memory_equal(lane.lane, meta.lane, WEIR_LANE_LEN);
    unsigned num = num_rescued(&kk, lane.lane, &last);
    assert_true(num > 0);
    assert_int_equal(lane.vv, meta.seq);
    assert_int_equal(lane.seen, meta.seq);
    assert_int_equal(last, lane.vv);
    unsigned num_found = 0;
    for (unsigned i = 0; i < NUM_KEYS; i++) {
        key_of(i, key);
        if (rs_get(&kk, key, &got) != WEIR_OK)
            continue;
        num_found++;
        assert_int_equal(got.rec.version.hlc, (uint64_t)(1 + i) << 16);
        assert_memory_equal(got.rec.version.lane, lane.lane, WEIR_LANE_LEN);
    }
    assert_int_equal(num_found, num);
    assert_int_equal(kk.k->ops->next_lane(kk.k, lane.lane, &lane), WEIR_ENOTFOUND);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

static void rescued_store_of_a_member_is_not_live(void **state)
{
    struct record_store_kit kk;
    struct weir_store_meta meta;
    struct weir_lane_row lane;
    const uint8_t *after = NULL;

    (void)state;
    record_store_kit_init(&kk, 'C');
    fill(&kk, 2);
    kit_close(&kk.kit);
    spoil_leaf(&kk, STORE_REC, WEIR_SPAN_LIT("\x02key100"));
    record_store_kit_open(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_false(meta.live);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(kk.k->ops->next_lane(kk.k, after, &lane), WEIR_OK);
        assert_int_equal(lane.vv, 0);
        assert_int_equal(lane.seen, NUM_KEYS - 1 + n); /* odd and even */
        after = lane.lane;
    }
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_commit(&kk);
    record_store_kit_deinit(&kk);
}

/* The newest commit is found again behind a meta page that is lost. */
static void rescued_newest_commit_of_a_single_node_is_in_its_vector(void **state)
{
    struct record_store_kit kk = { .group = 'C' };
    struct weir_store_meta meta;
    struct weir_lane_row lane;
    uint64_t last = 0;
    char key[16];
    struct store_file f = STORE_FILE_ZERO;

    (void)state;
    kit_init_quick(&kk.kit);
    kit_open(&kk.kit);
    for (unsigned i = 0; i < NUM_KEYS; i++) {
        key_of(i, key);
        assert_int_equal(kit_put(&kk.kit, key, key), WEIR_OK);
    }
    kit_close(&kk.kit);
    int folder = open(kk.kit.folder, O_RDONLY | O_DIRECTORY);
    assert_int_equal(weir_store_file_open(folder, "conf.mdb", &f), WEIR_OK);
    assert_int_equal(weir_store_file_check(&f, true), WEIR_OK);
    off_t at = (off_t)((f.meta.txnid & 1) * f.pages.page_len);
    weir_store_file_close(&f);
    close(folder);
    int fd = kit_open_file(&kk.kit, "conf.mdb", O_WRONLY);
    assert_int_equal(pwrite(fd, "\xff\xff\xff\xff", 4, at + 16), 4);
    close(fd);

    kk.kit.cfg.driven = true;
    record_store_kit_open(&kk);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->get_meta(kk.k, &meta), WEIR_OK);
    assert_true(meta.live);
    assert_int_equal(kk.k->ops->next_lane(kk.k, NULL, &lane), WEIR_OK);
    assert_int_equal(num_rescued(&kk, lane.lane, &last), NUM_KEYS);
    assert_int_equal(lane.vv, last);
    assert_int_equal(meta.seq, last);
    kk.k->ops->abort(kk.k);
    record_store_kit_deinit(&kk);
}

/* -- single rows -- */

/* Change one byte wherever these stand in the file. */
static void spoil_bytes(struct record_store_kit *kk, const char *bytes, size_t offset)
{
    const char *name = kk->group == 'C' ? "conf.mdb" : "eph.mdb";
    size_t len = 0;
    uint8_t *file = kit_read_file(&kk->kit, name, &len);
    int fd = kit_open_file(&kk->kit, name, O_WRONLY);
    unsigned num = 0;

    assert_true(fd >= 0);
    for (uint8_t *at = file; (at = memmem(at, (size_t)(file + len - at), bytes, strlen(bytes)));
         at++, num++) {
        uint8_t wrong = at[offset] ^ 0x01;
        assert_int_equal(pwrite(fd, &wrong, 1, (at - file) + (off_t)offset), 1);
    }
    assert_true(num > 0);
    close(fd);
    free(file);
}

static void put_three(struct record_store_kit *kk)
{
    const char *const keys[] = { "one", "two", "three" };
    const char *const values[] = { "value-of-one", "value-of-two", "value-of-three" };

    rs_begin(kk);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(keys); i++) {
        struct weir_stored_record rec = rs_record(kk, keys[i], 1, 1 + i, values[i]);
        rec.rec.expires = 50 + i;
        rs_put(kk, &rec);
    }
    rs_commit(kk);
}

static void expect_corrupt(enum weir_err err, const struct weir_stored_record *got)
{
    assert_int_equal(err, WEIR_ECORRUPT);
    assert_true(weir_span_eq(got->rec.key, WEIR_SPAN_LIT("two")));
}

static void record_that_does_not_hold_is_named_and_can_be_dropped_or_put(void **state)
{
    for (int by_drop = 0; by_drop <= 1; by_drop++) {
        struct record_store_kit kk;
        struct weir_stored_record got;
        uint8_t lane[WEIR_LANE_LEN];

        record_store_kit_init(&kk, rs_group_of(state));
        put_three(&kk);
        spoil_bytes(&kk, "value-of-two", 3);
        rs_lane(1, lane);
        rs_begin(&kk);
        enum weir_class class = record_store_kit_class(&kk);
        assert_int_equal(rs_get(&kk, "two", &got), WEIR_ECORRUPT);
        expect_corrupt(kk.k->ops->next_dot(kk.k, lane, 1, &got), &got);
        assert_int_equal(got.rec.class, class);
        assert_int_equal(got.rec.version.seq, 2);
        expect_corrupt(kk.k->ops->next_key(kk.k, class, WEIR_SPAN_LIT("three"), &got), &got);
        assert_int_equal(got.rec.class, class);
        assert_int_equal(got.rec.version.seq, 2);
        if (kk.group == 'E') {
            struct weir_span first = WEIR_SPAN_LIT("one");
            assert_int_equal(kk.k->ops->drop(kk.k, class, first), WEIR_OK);
            expect_corrupt(kk.k->ops->next_expired(kk.k, 51, &got), &got);
        }
        struct weir_stored_record again = rs_record(&kk, "two", 1, 9, "again");
        if (by_drop)
            assert_int_equal(kk.k->ops->drop(kk.k, class, WEIR_SPAN_LIT("two")), WEIR_OK);
        else
            rs_put(&kk, &again);
        rs_commit(&kk);
        rs_begin(&kk);
        assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 1, &got), WEIR_OK);
        assert_int_equal(got.rec.version.seq, 3);
        assert_int_equal(kk.k->ops->next_expired(kk.k, 51, &got), WEIR_ENOTFOUND);
        assert_int_equal(rs_get(&kk, "two", &got), by_drop ? WEIR_ENOTFOUND : WEIR_OK);
        kk.k->ops->abort(kk.k);
        record_store_kit_deinit(&kk);
    }
}

/* A row of `dot` is class, key, sum: spoil the class of one. */
static void dot_that_does_not_hold_still_leads_to_its_record(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;
    uint8_t lane[WEIR_LANE_LEN];
    uint8_t sum[STORE_SUM_LEN];
    struct store_key dot;
    struct store_key rec_key;
    char bytes[64];

    record_store_kit_init(&kk, rs_group_of(state));
    put_three(&kk);
    weir_store_key_dot(&dot, 0, 2);
    weir_store_key_rec(&rec_key, record_store_kit_class(&kk), WEIR_SPAN_LIT("two"));
    weir_num_write_le(sum,
                      weir_store_row_sum(STORE_DOT, store_key_span(&dot), store_key_span(&rec_key)),
                      STORE_SUM_LEN);
    assert_null(memchr(sum, 0, sizeof(sum)));
    memcpy(bytes, rec_key.at, rec_key.len);
    memcpy(bytes + rec_key.len, sum, sizeof(sum));
    bytes[rec_key.len + sizeof(sum)] = '\0';
    rs_lane(1, lane);
    for (size_t offset = 0; offset < rec_key.len + sizeof(sum); offset++) {
        spoil_bytes(&kk, bytes, offset);
        rs_begin(&kk);
        assert_int_equal(kk.k->ops->next_dot(kk.k, lane, 1, &got), WEIR_OK);
        assert_int_equal(got.rec.version.seq, 2);
        assert_true(weir_span_eq(got.rec.value, WEIR_SPAN_LIT("value-of-two")));
        kk.k->ops->abort(kk.k);
        bytes[offset] ^= 0x01;
        spoil_bytes(&kk, bytes, offset);
        bytes[offset] ^= 0x01;
    }
    record_store_kit_deinit(&kk);
}

static void damaged_page_in_the_way_is_an_error_of_the_disk(void **state)
{
    struct record_store_kit kk;
    struct weir_stored_record got;

    record_store_kit_init(&kk, rs_group_of(state));
    fill(&kk, 1);
    struct store_key key;
    weir_store_key_rec(&key, record_store_kit_class(&kk), WEIR_SPAN_LIT("key100"));
    spoil_leaf(&kk, STORE_REC, store_key_span(&key));
    rs_begin(&kk);
    assert_int_equal(rs_get(&kk, "key100", &got), WEIR_EIO);
    struct weir_stored_record rec = rs_record(&kk, "key100", 1, 999, "x");
    assert_int_equal(kk.k->ops->put(kk.k, &rec), WEIR_EIO);
    assert_int_equal(kk.k->ops->commit(kk.k), WEIR_EIO);
    rs_begin(&kk);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_EIO);
    kk.k->ops->abort(kk.k);
    record_store_kit_reopen(&kk);
    rs_begin(&kk);
    assert_int_equal(rs_get(&kk, "key199", &got), kk.group == 'C' ? WEIR_OK : WEIR_ENOTFOUND);
    assert_int_equal(kk.k->ops->wipe(kk.k), WEIR_OK);
    rs_commit(&kk);
    record_store_kit_deinit(&kk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rescued_store_of_a_node_alone_claims_what_it_has_on_a_new_lane),
        cmocka_unit_test(rescued_store_of_a_member_is_not_live),
        cmocka_unit_test(rescued_newest_commit_of_a_single_node_is_in_its_vector),
        RECORD_STORE_BOTH(record_that_does_not_hold_is_named_and_can_be_dropped_or_put),
        RECORD_STORE_BOTH(dot_that_does_not_hold_still_leads_to_its_record),
        RECORD_STORE_BOTH(damaged_page_in_the_way_is_an_error_of_the_disk),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
