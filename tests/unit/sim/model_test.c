/* SPDX-License-Identifier: Apache-2.0
 *
 * model_test.c - the operations of one modelled node, each rule by itself, and its mutant beside
 * it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "node/base/contract.h"
#include "tests/sim/model.h"

/* Two live nodes and a third that has no boot. */
struct trio {
    struct weir_model model;
    struct weir_model_node a;
    struct weir_model_node b;
    struct weir_model_node fresh;
    struct weir_model_list list;
};

static void trio_init(struct trio *t, enum weir_mutant mutant)
{
    weir_model_init(&t->model, mutant);
    weir_model_node_init(&t->a, &t->model, 0);
    weir_model_node_init(&t->b, &t->model, 1);
    weir_model_node_init(&t->fresh, &t->model, 2);
    weir_model_bootstrap(&t->a);
    weir_model_bootstrap(&t->b);
}

static enum weir_model_pulled pull(struct trio *t, struct weir_model_node *n,
                                   const struct weir_model_node *source, uint32_t chunk)
{
    return weir_model_pull(n, source, chunk, 1000, &t->list);
}

static struct weir_model_message message_of(const struct weir_model_node *from, uint32_t key)
{
    struct weir_model_message message;
    memset(&message, 0, sizeof(message));
    message.record = from->store.records[key];
    weir_model_vector_copy(&message.vv, &from->store.vv);
    return message;
}

static void a_write_is_newer_than_what_it_replaces_whatever_the_clock_says(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    assert_int_equal(weir_model_write(&t.a, 0, 1, 1000)->version.hlc, 1000);
    assert_int_equal(weir_model_write(&t.a, 0, 2, 10)->version.hlc, 1001);
    trio_init(&t, WEIR_MUTANT_NOHLCBUMP);
    weir_model_write(&t.a, 0, 1, 1000);
    assert_int_equal(weir_model_write(&t.a, 0, 2, 10)->version.hlc, 10);
}

static void a_write_is_newer_than_any_purged_tombstone(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        int64_t hlc;
    } cases[] = { { WEIR_MUTANT_NONE, 1001 }, { WEIR_MUTANT_NOHLCFLOOR, 10 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_delete(&t.a, 0, 1000);
        weir_model_purge(&t.a, 1000, 0, &t.list);
        assert_int_equal(t.list.num_records, 1);
        assert_false(t.a.store.records[0].present);
        assert_int_equal(weir_model_write(&t.a, 0, 2, 10)->version.hlc, cases[i].hlc);
    }
}

static void purge_keeps_values_and_young_tombstones(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_write(&t.a, 0, 1, 1000);
    weir_model_delete(&t.a, 1, 1000);
    weir_model_purge(&t.a, 1004, 5, &t.list);
    assert_int_equal(t.list.num_records, 0);
    weir_model_purge(&t.a, 1005, 5, &t.list);
    assert_int_equal(t.list.num_records, 1);
    assert_int_equal(t.list.at[0].key, 1);
    assert_int_equal(weir_model_vector_get(&t.a.store.floor, 1), 2);
}

static void receive_takes_only_the_next_of_a_lane(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_write(&t.a, 0, 1, 1000);
    struct weir_model_message first = message_of(&t.a, 0);
    weir_model_write(&t.a, 1, 2, 1000);
    struct weir_model_message second = message_of(&t.a, 1);

    assert_false(weir_model_receive(&t.b, &second, 1000));
    assert_false(t.b.store.records[1].present);
    assert_true(weir_model_receive(&t.b, &first, 1000));
    assert_false(weir_model_receive(&t.b, &first, 1000));
    assert_true(weir_model_receive(&t.b, &second, 1000));
    assert_int_equal(weir_model_vector_get(&t.b.store.vv, 1), 2);
}

static void receive_refuses_a_sender_that_is_beyond_the_horizon(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        bool taken;
    } cases[] = { { WEIR_MUTANT_NONE, false }, { WEIR_MUTANT_ONEWAYFLOOR, true } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_write(&t.a, 0, 1, 1000);
        weir_model_delete(&t.b, 1, 1000);
        weir_model_purge(&t.b, 1000, 0, &t.list);
        struct weir_model_message message = message_of(&t.a, 0);
        assert_int_equal(weir_model_receive(&t.b, &message, 1000), cases[i].taken);
    }
}

static void a_pull_in_chunks_raises_the_vector_at_its_end_only(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        uint64_t after_chunk;
    } cases[] = { { WEIR_MUTANT_NONE, 0 }, { WEIR_MUTANT_EARLYVV, 1 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_write(&t.a, 0, 1, 1000);
        weir_model_write(&t.a, 1, 2, 1000);
        assert_int_equal(pull(&t, &t.b, &t.a, 1), WEIR_MODEL_CHUNK);
        assert_true(t.b.store.records[0].present);
        assert_int_equal(weir_model_vector_get(&t.b.store.vv, 1), cases[i].after_chunk);
        assert_int_equal(pull(&t, &t.b, &t.a, 1), WEIR_MODEL_DONE);
        assert_true(weir_model_vector_equal(&t.b.store.vv, &t.a.store.vv));
    }
}

static void a_session_starts_again_with_another_incarnation(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        uint64_t cursor;
    } cases[] = { { WEIR_MUTANT_NONE, 0 }, { WEIR_MUTANT_CURSORSHARE, 1 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_write(&t.a, 0, 1, 1000);
        weir_model_write(&t.a, 1, 2, 1000);
        weir_model_write(&t.a, 2, 3, 1000);
        pull(&t, &t.b, &t.a, 1);
        assert_int_equal(weir_model_vector_get(&t.b.session.cursor, 1), 1);
        weir_model_bootstrap(&t.fresh);
        weir_model_write(&t.fresh, 3, 1, 1000);
        weir_model_write(&t.fresh, 4, 1, 1000);
        pull(&t, &t.b, &t.fresh, 1);
        assert_int_equal(weir_model_vector_get(&t.b.session.cursor, 1), cases[i].cursor);
    }
}

static void a_stale_puller_exports_and_resets(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_write(&t.b, 1, 7, 1000);
    pull(&t, &t.a, &t.b, 99);
    weir_model_delete(&t.a, 0, 1000);
    weir_model_purge(&t.a, 1000, 0, &t.list);
    uint64_t before = t.b.incarnation;

    assert_int_equal(pull(&t, &t.b, &t.a, 99), WEIR_MODEL_DONE);
    assert_int_equal(t.list.num_records, 1);
    assert_int_equal(t.list.at[0].value, 7);
    assert_int_not_equal(t.b.incarnation, before);
    assert_true(t.b.store.boot);
    assert_int_equal(t.b.store.records[1].value, 7);
}

static void nobody_pulls_from_a_stale_source(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_delete(&t.a, 0, 1000);
    weir_model_purge(&t.a, 1000, 0, &t.list);
    assert_int_equal(pull(&t, &t.a, &t.b, 99), WEIR_MODEL_REFUSED);
    trio_init(&t, WEIR_MUTANT_ONEWAYFLOOR);
    weir_model_delete(&t.a, 0, 1000);
    weir_model_purge(&t.a, 1000, 0, &t.list);
    assert_int_equal(pull(&t, &t.a, &t.b, 99), WEIR_MODEL_DONE);
}

static void a_node_that_is_not_live_does_nothing_but_pull(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_write(&t.a, 0, 1, 1000);
    struct weir_model_message message = message_of(&t.a, 0);

    assert_null(weir_model_write(&t.fresh, 0, 1, 1000));
    assert_false(weir_model_receive(&t.fresh, &message, 1000));
    assert_int_equal(pull(&t, &t.a, &t.fresh, 99), WEIR_MODEL_REFUSED);
    assert_int_equal(pull(&t, &t.fresh, &t.a, 99), WEIR_MODEL_DONE);
    assert_non_null(weir_model_write(&t.fresh, 0, 1, 1000));
    trio_init(&t, WEIR_MUTANT_WRITEUNBOOT);
    assert_non_null(weir_model_write(&t.fresh, 0, 1, 1000));
}

static void a_bootstrap_begins_again_when_the_floor_moves(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        bool stored_record;
    } cases[] = { { WEIR_MUTANT_NONE, false }, { WEIR_MUTANT_BOOTMOVE, true } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_write(&t.a, 0, 1, 1000);
        weir_model_write(&t.a, 1, 2, 1000);
        assert_int_equal(pull(&t, &t.fresh, &t.a, 1), WEIR_MODEL_CHUNK);
        weir_model_delete(&t.a, 0, 1000);
        weir_model_purge(&t.a, 1000, 0, &t.list);
        pull(&t, &t.fresh, &t.a, 99);
        assert_int_equal(t.fresh.store.records[0].present, cases[i].stored_record);
    }
}

static void a_restored_store_never_uses_a_dot_twice(void **state)
{
    static const struct {
        enum weir_mutant mutant;
        uint32_t lane;
    } cases[] = { { WEIR_MUTANT_NONE, 2 }, { WEIR_MUTANT_LANEREUSE, 1 } };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(cases); i++) {
        struct trio t;
        trio_init(&t, cases[i].mutant);
        weir_model_write(&t.a, 0, 1, 1000);
        weir_model_backup(&t.a);
        weir_model_write(&t.a, 0, 2, 1001);
        weir_model_restore(&t.a);
        assert_int_equal(t.a.store.records[0].value, 1);
        assert_int_equal(weir_model_write(&t.a, 0, 3, 1002)->dot.lane, cases[i].lane);
    }
}

static void a_wipe_takes_the_backup_too(void **state)
{
    struct trio t;
    trio_init(&t, WEIR_MUTANT_NONE);
    weir_model_write(&t.a, 0, 1, 1000);
    weir_model_backup(&t.a);
    weir_model_wipe(&t.a);
    weir_model_restore(&t.a);
    assert_false(t.a.store.records[0].present);
    assert_false(t.a.store.boot);
}

static void every_mutant_is_found_by_its_name(void **state)
{
    enum weir_mutant found;
    for (int i = 0; i < WEIR_MUTANT_COUNT; i++) {
        assert_true(weir_mutant_by_name(weir_mutant_name((enum weir_mutant)i), &found));
        assert_int_equal(found, i);
        assert_true(strlen(weir_mutant_rule((enum weir_mutant)i)) > 0);
    }
    assert_false(weir_mutant_by_name("nothing", &found));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_is_newer_than_what_it_replaces_whatever_the_clock_says),
        cmocka_unit_test(a_write_is_newer_than_any_purged_tombstone),
        cmocka_unit_test(purge_keeps_values_and_young_tombstones),
        cmocka_unit_test(receive_takes_only_the_next_of_a_lane),
        cmocka_unit_test(receive_refuses_a_sender_that_is_beyond_the_horizon),
        cmocka_unit_test(a_pull_in_chunks_raises_the_vector_at_its_end_only),
        cmocka_unit_test(a_session_starts_again_with_another_incarnation),
        cmocka_unit_test(a_stale_puller_exports_and_resets),
        cmocka_unit_test(nobody_pulls_from_a_stale_source),
        cmocka_unit_test(a_node_that_is_not_live_does_nothing_but_pull),
        cmocka_unit_test(a_bootstrap_begins_again_when_the_floor_moves),
        cmocka_unit_test(a_restored_store_never_uses_a_dot_twice),
        cmocka_unit_test(a_wipe_takes_the_backup_too),
        cmocka_unit_test(every_mutant_is_found_by_its_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
