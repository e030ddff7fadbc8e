/* SPDX-License-Identifier: Apache-2.0
 *
 * memory_fault_test.c - each fault of the store in memory: what it does, and what it leaves alone.
 */
#include "tests/unit/sim/memory/memory_kit.h"

static const enum weir_err errs[] = { WEIR_EIO, WEIR_EFULL, WEIR_ENOMEM };

static enum weir_err get(struct weir_memory *m, const struct weir_stored_record *rec,
                         struct weir_stored_record *ret)
{
    return kit_ops(m)->get(weir_memory_record_store(m), rec->rec.class, rec->rec.key, ret);
}

/* -- operations and commits -- */

static void fail_each_operation(enum weir_group group, enum weir_err with)
{
    struct weir_memory *m = kit_new(group);
    enum weir_err err = WEIR_EIO;
    unsigned num_as_set = 0;
    uint64_t n = 0;

    kit_fill(m, group);
    uint64_t before = weir_memory_hash(m);
    while (err < 0) {
        weir_memory_fail_op(m, ++n, with);
        err = record_store_suite_scenario(weir_memory_record_store(m), group);
        num_as_set += err == with;
        if (err < 0) {
            assert_true(err == with || err == WEIR_EIO);
            assert_int_equal(weir_memory_hash(m), before);
        }
    }
    assert_true(n > 15);
    assert_true(num_as_set > 4);
    weir_memory_free(&m);
}

static void the_nth_operation_fails_and_its_transaction_leaves_nothing(void **state)
{
    for (size_t i = 0; i < WEIR_ARRAY_LEN(errs); i++) {
        fail_each_operation(WEIR_GROUP_C, errs[i]);
        fail_each_operation(WEIR_GROUP_E, errs[i]);
    }
}

static void an_operation_fails_only_as_its_contract_allows(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 1);
    struct weir_stored_record got;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(errs); i++) {
        bool may_begin = errs[i] != WEIR_EFULL;
        weir_memory_fail_op(m, 1, errs[i]);
        assert_int_equal(kit_ops(m)->begin(weir_memory_record_store(m)),
                         may_begin ? errs[i] : WEIR_EIO);
        kit_begin(m);
        weir_memory_fail_op(m, 1, errs[i]);
        assert_int_equal(kit_put(m, &rec), errs[i]);
        weir_memory_fail_op(m, 1, errs[i]);
        assert_int_equal(get(m, &rec, &got), WEIR_EIO);
        kit_abort(m);
    }
    weir_memory_free(&m);
}

static void a_failed_operation_spoils_its_transaction_unless_it_was_memory(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_stored_record a = kit_rec(WEIR_GROUP_C, "a", 1, 1);
    struct weir_stored_record b = kit_rec(WEIR_GROUP_C, "b", 1, 2);
    struct weir_stored_record got;

    for (size_t i = 0; i < WEIR_ARRAY_LEN(errs); i++) {
        bool goes_on = errs[i] == WEIR_ENOMEM;
        kit_begin(m);
        assert_int_equal(kit_put(m, &a), WEIR_OK);
        weir_memory_fail_op(m, 1, errs[i]);
        assert_int_equal(kit_put(m, &b), errs[i]);
        assert_int_equal(kit_commit(m), goes_on ? WEIR_OK : errs[i]);
        assert_int_equal(weir_memory_find(m, a.rec.class, a.rec.key, &got),
                         goes_on ? WEIR_OK : WEIR_ENOTFOUND);
        assert_int_equal(weir_memory_find(m, b.rec.class, b.rec.key, &got), WEIR_ENOTFOUND);
    }
    weir_memory_free(&m);
}

static void the_nth_commit_with_changes_fails_once(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_E);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, "z", 1, 9);

    kit_fill(m, WEIR_GROUP_E);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(errs); i++) {
        weir_memory_fail_commit(m, 2, errs[i]);
        rec.rec.version.seq++;
        kit_store(m, &rec);
        kit_begin(m); /* without changes: not counted, does not fail */
        assert_int_equal(kit_commit(m), WEIR_OK);
        uint64_t before = weir_memory_hash(m);
        rec.rec.version.seq++;
        kit_begin(m);
        assert_int_equal(kit_put(m, &rec), WEIR_OK);
        assert_int_equal(kit_commit(m), errs[i]);
        assert_int_equal(weir_memory_hash(m), before);
        kit_store(m, &rec);
        assert_true(weir_memory_hash(m) != before);
    }
    weir_memory_free(&m);
}

/* -- troubles -- */

/* What a live put, a tombstone's put, a drop, a get and a commit with changes return. */
struct responses {
    enum weir_err put, bury, drop, get, commit, commit_empty;
};

static void expect_responses(struct weir_memory *m, const struct responses *want)
{
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 9);
    struct weir_stored_record tomb = kit_tomb(WEIR_GROUP_C, "b", 1, 10);
    struct weir_stored_record got;

    kit_begin(m);
    assert_int_equal(kit_put(m, &rec), want->put);
    kit_abort(m);
    kit_begin(m);
    assert_int_equal(kit_put(m, &tomb), want->bury);
    kit_abort(m);
    kit_begin(m);
    assert_int_equal(get(m, &rec, &got), want->get);
    assert_int_equal(kit_commit(m), want->commit_empty);
    kit_begin(m);
    assert_int_equal(k->ops->drop(k, rec.rec.class, rec.rec.key), want->drop);
    assert_int_equal(kit_commit(m), want->commit);
}

static void trouble_lasts_until_it_is_cleared(void **state)
{
    static const struct {
        enum weir_memory_trouble trouble;
        struct responses want;
    } rows[] = {
        { WEIR_MEMORY_FULL, { WEIR_EFULL, WEIR_EFULL, WEIR_OK, WEIR_OK, WEIR_EFULL, WEIR_OK } },
        { WEIR_MEMORY_NOWRITE, { WEIR_EIO, WEIR_EIO, WEIR_EIO, WEIR_OK, WEIR_EIO, WEIR_OK } },
        { WEIR_MEMORY_RESERVE, { WEIR_EFULL, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK, WEIR_OK } },
    };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(rows); i++) {
        struct weir_memory *m = kit_new(WEIR_GROUP_C);
        struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 9);
        kit_fill(m, WEIR_GROUP_C);
        uint64_t before = weir_memory_hash(m);
        weir_memory_set_trouble(m, rows[i].trouble);
        expect_responses(m, &rows[i].want);
        assert_int_equal(weir_memory_hash(m) == before, rows[i].want.commit < 0);
        weir_memory_set_trouble(m, WEIR_MEMORY_SOUND);
        kit_store(m, &rec);
        weir_memory_free(&m);
    }
}

static void a_dead_disk_fails_every_operation(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_C, "a", 1, 9);
    struct weir_store_meta meta;
    struct weir_stored_record got;

    kit_fill(m, WEIR_GROUP_C);
    uint64_t before = weir_memory_hash(m);
    kit_begin(m);
    assert_int_equal(kit_put(m, &rec), WEIR_OK);
    weir_memory_set_trouble(m, WEIR_MEMORY_DEAD);
    assert_int_equal(get(m, &rec, &got), WEIR_EIO);
    assert_int_equal(k->ops->get_meta(k, &meta), WEIR_EIO);
    assert_int_equal(kit_commit(m), WEIR_EIO);
    assert_int_equal(k->ops->begin(k), WEIR_EIO);
    assert_int_equal(weir_memory_hash(m), before);
    weir_memory_set_trouble(m, WEIR_MEMORY_SOUND);
    kit_begin(m);
    weir_memory_set_trouble(m, WEIR_MEMORY_DEAD);
    assert_int_equal(kit_commit(m), WEIR_EIO);
    weir_memory_free(&m);
}

/* -- damage -- */

/* Every way to a record shows that it is damaged, and which one it is. */
static void expect_damage(struct weir_memory *m, enum weir_group group,
                          const struct weir_stored_record *rec)
{
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record got[4];
    size_t num = 3;

    kit_begin(m);
    assert_int_equal(get(m, rec, &got[0]), WEIR_ECORRUPT);
    assert_int_equal(k->ops->next_key(k, rec->rec.class, WEIR_SPAN_EMPTY, &got[1]), WEIR_ECORRUPT);
    assert_int_equal(k->ops->next_dot(k, rec->rec.version.lane, rec->rec.version.seq - 1, &got[2]),
                     WEIR_ECORRUPT);
    if (rec->rec.tombstone)
        assert_int_equal(k->ops->next_tombstone(k, UINT64_MAX, &got[num++]), WEIR_ECORRUPT);
    else if (group == WEIR_GROUP_E)
        assert_int_equal(k->ops->next_expired(k, UINT64_MAX, &got[num++]), WEIR_ECORRUPT);
    for (size_t i = 0; i < num; i++) {
        assert_int_equal(got[i].rec.class, rec->rec.class);
        assert_true(weir_span_eq(got[i].rec.key, rec->rec.key));
        assert_int_equal(got[i].rec.version.seq, rec->rec.version.seq);
    }
    assert_int_equal(kit_commit(m), WEIR_OK);
}

static const enum weir_memory_part parts[] = { WEIR_MEMORY_HEADER, WEIR_MEMORY_VALUE,
                                               WEIR_MEMORY_KEY };

static void flip_each_bit(enum weir_group group, const struct weir_stored_record *rec,
                          size_t num_bits[3])
{
    struct weir_memory *m = kit_new(group);
    struct weir_stored_record other = kit_rec(group, "zz", 2, 1);
    struct weir_stored_record got;

    other.rec.expires = group == WEIR_GROUP_E ? 100000 : 0;
    kit_store(m, rec);
    kit_store(m, &other);
    uint64_t before = weir_memory_hash(m);
    for (size_t i = 0; i < WEIR_ARRAY_LEN(parts); i++)
        for (uint64_t bit = 0; bit < num_bits[i]; bit++) {
            assert_true(weir_memory_flip(m, 0, parts[i], bit));
            assert_true(weir_memory_hash(m) != before);
            expect_damage(m, group, rec);
            kit_begin(m);
            assert_int_equal(get(m, &other, &got), WEIR_OK);
            kit_abort(m);
            assert_true(weir_memory_flip(m, 0, parts[i], bit)); /* and back */
            assert_int_equal(weir_memory_hash(m), before);
            assert_int_equal(weir_memory_find(m, rec->rec.class, rec->rec.key, &got), WEIR_OK);
        }
    weir_memory_free(&m);
}

static void each_flipped_bit_is_noticed_by_every_way_to_the_record(void **state)
{
    /* Lane 16, four numbers of 8, two of 2, the kind 1; then a context and a value; a sum of 4. */
    size_t of_live[] = { (16 + 32 + 4 + 1) * 8, (16 + 5) * 8, 32 };
    size_t of_tomb[] = { (16 + 32 + 4 + 1) * 8, 0, 32 };

    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        struct weir_stored_record live = kit_rec((enum weir_group)g, "a", 1, 5);
        struct weir_stored_record tomb = kit_tomb((enum weir_group)g, "a", 1, 5);
        live.num_ctx = 1;
        live.ctx[0].seq = 3;
        flip_each_bit((enum weir_group)g, &live, of_live);
        flip_each_bit((enum weir_group)g, &tomb, of_tomb);
    }
}

static void a_flip_needs_a_record_and_something_to_flip(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);

    assert_false(weir_memory_flip(m, 0, WEIR_MEMORY_HEADER, 0));
    kit_fill(m, WEIR_GROUP_C);
    uint64_t before = weir_memory_hash(m);
    assert_false(weir_memory_flip(m, 3, WEIR_MEMORY_HEADER, 0));
    assert_false(weir_memory_flip(m, 2, WEIR_MEMORY_VALUE, 0)); /* a plain tombstone */
    assert_int_equal(weir_memory_hash(m), before);
    assert_true(weir_memory_flip(m, 2, WEIR_MEMORY_KEY, UINT64_MAX));
    assert_true(weir_memory_flip(m, 1, WEIR_MEMORY_VALUE, UINT64_MAX));
    weir_memory_free(&m);
}

static void a_damaged_record_is_replaced_dropped_and_restored_as_any_other(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_E);
    struct weir_record_store *k = weir_memory_record_store(m);
    struct weir_stored_record rec = kit_rec(WEIR_GROUP_E, "a", 1, 1);
    struct weir_stored_record got;

    kit_store(m, &rec);
    uint64_t sound = weir_memory_hash(m);
    for (uint64_t bit = 0; bit < (16 + 32 + 4 + 1) * 8; bit++) {
        assert_true(weir_memory_flip(m, 0, WEIR_MEMORY_HEADER, bit));
        uint64_t damaged = weir_memory_hash(m);
        kit_begin(m);
        assert_int_equal(k->ops->drop(k, rec.rec.class, rec.rec.key), WEIR_OK);
        assert_int_equal(k->ops->next_expired(k, UINT64_MAX, &got), WEIR_ENOTFOUND);
        kit_abort(m);
        assert_int_equal(weir_memory_hash(m), damaged);
        assert_int_equal(weir_memory_find(m, rec.rec.class, rec.rec.key, &got), WEIR_ECORRUPT);
        kit_store(m, &rec);
        assert_int_equal(weir_memory_hash(m), sound);
        weir_memory_sync(m);
    }
    assert_int_equal(weir_memory_counts(m).num_records, 1);
    weir_memory_free(&m);
}

/* -- crashes and volumes -- */

static void a_crash_takes_an_open_transaction_and_in_group_e_what_is_not_synced(void **state)
{
    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        enum weir_group group = (enum weir_group)g;
        struct weir_memory *m = kit_new(group);
        struct weir_record_store *k = weir_memory_record_store(m);
        struct weir_stored_record rec = kit_rec(group, "a", 2, 9);
        kit_fill(m, group);
        weir_memory_sync(m);
        uint64_t synced = weir_memory_hash(m);
        assert_int_equal(weir_memory_counts(m).num_unsynced, 0);

        kit_store(m, &rec);
        kit_begin(m);
        assert_int_equal(k->ops->wipe(k), WEIR_OK);
        assert_int_equal(kit_commit(m), WEIR_OK);
        kit_store(m, &rec);
        uint64_t committed = weir_memory_hash(m);
        assert_int_equal(weir_memory_counts(m).num_unsynced > 0, group == WEIR_GROUP_E);
        rec.rec.version.seq = 10;
        kit_begin(m);
        assert_int_equal(kit_put(m, &rec), WEIR_OK);
        weir_memory_crash(m);
        assert_int_equal(weir_memory_hash(m), group == WEIR_GROUP_E ? synced : committed);
        assert_int_equal(weir_memory_counts(m).num_unsynced, 0);
        weir_memory_crash(m);
        kit_store(m, &rec);
        weir_memory_free(&m);
    }
}

static void a_lost_volume_is_empty(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    uint64_t empty = weir_memory_hash(m);

    kit_fill(m, WEIR_GROUP_C);
    kit_begin(m);
    weir_memory_lose(m);
    assert_int_equal(weir_memory_hash(m), empty);
    assert_int_equal(weir_memory_counts(m).num_conflicts, 0);
    kit_fill(m, WEIR_GROUP_C);
    weir_memory_free(&m);
}

static void a_clone_notes_conflicts_behind_those_it_came_with(void **state)
{
    struct weir_memory *m = kit_new(WEIR_GROUP_C);
    struct weir_memory *clone = NULL;
    struct weir_conflict c = { .noted_ms = 1, .loser = kit_rec(WEIR_GROUP_C, "b", 4, 1) };

    kit_fill(m, WEIR_GROUP_C);
    assert_int_equal(weir_memory_clone(m, &clone), WEIR_OK);
    assert_int_equal(weir_memory_restore(m, clone), WEIR_OK);
    struct weir_memory *both[] = { m, clone };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(both); i++) {
        struct weir_record_store *k = weir_memory_record_store(both[i]);
        kit_begin(both[i]);
        assert_int_equal(k->ops->put_conflict(k, &c), WEIR_OK);
        struct weir_conflict got;
        assert_int_equal(k->ops->get_conflict(k, 1, &got), WEIR_OK);
        assert_int_equal(got.loser.rec.version.lane[0], 4);
        assert_int_equal(kit_commit(both[i]), WEIR_OK);
    }
    weir_memory_free(&clone);
    weir_memory_free(&m);
}

static void a_clone_is_the_same_and_goes_its_own_way(void **state)
{
    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        enum weir_group group = (enum weir_group)g;
        struct weir_memory *m = kit_new(group);
        struct weir_memory *clone = NULL;
        struct weir_stored_record rec = kit_rec(group, "a", 2, 9);
        kit_fill(m, group);
        assert_true(weir_memory_flip(m, 1, WEIR_MEMORY_VALUE, 3));
        weir_memory_set_trouble(m, WEIR_MEMORY_NOWRITE);
        assert_int_equal(weir_memory_clone(m, &clone), WEIR_OK);
        uint64_t before = weir_memory_hash(m);
        assert_int_equal(weir_memory_hash(clone), before);
        kit_store(clone, &rec); /* its disk is another one */
        assert_true(weir_memory_hash(clone) != before);
        assert_int_equal(weir_memory_hash(m), before);
        weir_memory_free(&m);
        kit_store(clone, &rec);
        weir_memory_free(&clone);
    }
}

static void a_snapshot_is_brought_back_as_often_as_is_needed(void **state)
{
    for (int g = 0; g < WEIR_GROUP_COUNT; g++) {
        enum weir_group group = (enum weir_group)g;
        struct weir_memory *m = kit_new(group);
        struct weir_memory *snapshot = NULL;
        struct weir_stored_record rec = kit_rec(group, "a", 2, 9);
        kit_fill(m, group);
        assert_int_equal(weir_memory_clone(m, &snapshot), WEIR_OK);
        uint64_t before = weir_memory_hash(m);
        for (int i = 0; i < 3; i++) {
            kit_store(m, &rec);
            assert_true(weir_memory_hash(m) != before);
            assert_int_equal(weir_memory_restore(m, snapshot), WEIR_OK);
            assert_int_equal(weir_memory_hash(m), before);
            weir_memory_crash(m); /* it is on the disk */
            assert_int_equal(weir_memory_hash(m), before);
        }
        weir_memory_free(&snapshot);
        kit_store(m, &rec);
        weir_memory_free(&m);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_nth_operation_fails_and_its_transaction_leaves_nothing),
        cmocka_unit_test(an_operation_fails_only_as_its_contract_allows),
        cmocka_unit_test(a_failed_operation_spoils_its_transaction_unless_it_was_memory),
        cmocka_unit_test(the_nth_commit_with_changes_fails_once),
        cmocka_unit_test(trouble_lasts_until_it_is_cleared),
        cmocka_unit_test(a_dead_disk_fails_every_operation),
        cmocka_unit_test(each_flipped_bit_is_noticed_by_every_way_to_the_record),
        cmocka_unit_test(a_flip_needs_a_record_and_something_to_flip),
        cmocka_unit_test(a_damaged_record_is_replaced_dropped_and_restored_as_any_other),
        cmocka_unit_test(a_crash_takes_an_open_transaction_and_in_group_e_what_is_not_synced),
        cmocka_unit_test(a_lost_volume_is_empty),
        cmocka_unit_test(a_clone_notes_conflicts_behind_those_it_came_with),
        cmocka_unit_test(a_clone_is_the_same_and_goes_its_own_way),
        cmocka_unit_test(a_snapshot_is_brought_back_as_often_as_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
