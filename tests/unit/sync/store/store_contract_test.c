/* SPDX-License-Identifier: Apache-2.0
 *
 * store_contract_test.c - a caller that breaks an order of the store, or passes what the store
 * cannot work with, ends by a contract: begin and end of reading, begin and commit of a record
 * store, transactions, close with readers. On a driven store, which has no thread of its own.
 */
#include "sync/store/store_lmdb.h"
#include "sync/store/store_txn.h"
#include "tests/support/death.h"
#include "tests/support/record_store_kit.h"

static void end_without_begin(void *arg)
{
    const struct record_store_kit *kk = arg;

    weir_store_read_end(kk->kit.r);
}

static void begin_again(void *arg)
{
    const struct record_store_kit *kk = arg;

    (void)!weir_store_read_begin(kk->kit.r);
}

static void get_outside(void *arg)
{
    const struct record_store_kit *kk = arg;
    struct weir_record rec;

    (void)!weir_store_get(kk->kit.r, WEIR_CLASS_TENANT, WEIR_SPAN_LIT("shop"), &rec);
}

static void list_without_function(void *arg)
{
    const struct record_store_kit *kk = arg;

    (void)!weir_store_list(kk->kit.r, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, 1, NULL, NULL);
}

static void scrub_from_nowhere(void *arg)
{
    const struct record_store_kit *kk = arg;
    struct weir_store_scrub at = { .after_len = sizeof(at.after) + 1 };

    (void)!weir_store_scrub_step(kk->kit.r, &at, 1);
}

static void close_with_a_reader(void *arg)
{
    struct record_store_kit *kk = arg;

    weir_store_close(&kk->kit.s);
}

static void open_without_folder(void *arg)
{
    struct record_store_kit *kk = arg;
    struct weir_store_config cfg = kk->kit.cfg;

    cfg.folder = NULL;
    (void)!weir_store_open(&cfg, &kk->kit.s);
}

static void a_reader_is_used_in_its_order(void **state)
{
    struct record_store_kit kk;

    (void)state;
    record_store_kit_init(&kk, 'C');
    assert_true(weir_death_by_contract(end_without_begin, &kk, "r->reading == reading"));
    assert_true(weir_death_by_contract(get_outside, &kk, "r->reading == reading"));
    assert_true(weir_death_by_contract(scrub_from_nowhere, &kk, "at->after_len <="));
    assert_true(weir_death_by_contract(close_with_a_reader, &kk, "num_readers) == 0"));
    assert_true(weir_death_by_contract(open_without_folder, &kk, "cfg->folder != NULL"));
    /* Begun here: LMDB's table of readers is shared with the process that is to die. */
    assert_int_equal(weir_store_read_begin(kk.kit.r), WEIR_OK);
    assert_true(weir_death_by_contract(begin_again, &kk, "r->reading == reading"));
    assert_true(weir_death_by_contract(list_without_function, &kk, "fn != NULL"));
    weir_store_read_end(kk.kit.r);
    record_store_kit_deinit(&kk);
}

static void put_outside(void *arg)
{
    struct record_store_kit *kk = arg;
    struct weir_stored_record rec = rs_record(kk, "shop", 1, 1, "v");

    (void)!kk->k->ops->put(kk->k, &rec);
}

static void commit_outside(void *arg)
{
    struct record_store_kit *kk = arg;

    (void)!kk->k->ops->commit(kk->k);
}

static void begin_inside(void *arg)
{
    struct record_store_kit *kk = arg;

    rs_begin(kk);
    (void)!kk->k->ops->begin(kk->k);
}

static void put_of_the_other_group(void *arg)
{
    struct record_store_kit *kk = arg;
    struct weir_stored_record rec = rs_record(kk, "shop", 1, 1, "v");

    rec.rec.class = WEIR_CLASS_BAN;
    rs_begin(kk);
    (void)!kk->k->ops->put(kk->k, &rec);
}

static void a_record_store_is_used_in_its_order(void **state)
{
    struct record_store_kit kk;

    (void)state;
    record_store_kit_init(&kk, 'C');
    assert_true(weir_death_by_contract(put_outside, &kk, "kp->open == open"));
    assert_true(weir_death_by_contract(commit_outside, &kk, "kp->open == open"));
    assert_true(weir_death_by_contract(begin_inside, &kk, "kp->open == open"));
    assert_true(weir_death_by_contract(put_of_the_other_group, &kk, "weir_store_class_in("));
    record_store_kit_deinit(&kk);
}

static void put_into_a_transaction_that_ended(void *arg)
{
    const struct record_store_kit *kk = arg;
    struct store_txn t;
    uint8_t *at = NULL;

    assert_int_equal(weir_store_txn_begin(kk->kit.s, &t), WEIR_OK);
    weir_store_txn_abort(&t);
    (void)!weir_store_put(&t, STORE_META, WEIR_SPAN_LIT("name"), 1, &at);
}

static void end_a_transaction_twice(void *arg)
{
    const struct record_store_kit *kk = arg;
    struct store_txn t;

    assert_int_equal(weir_store_txn_begin(kk->kit.s, &t), WEIR_OK);
    weir_store_txn_abort(&t);
    (void)!weir_store_txn_commit(&t);
}

static void a_transaction_that_ended_is_not_used_again(void **state)
{
    struct record_store_kit kk;

    (void)state;
    record_store_kit_init(&kk, 'C');
    assert_true(weir_death_by_contract(put_into_a_transaction_that_ended, &kk, "t->txn != NULL"));
    assert_true(weir_death_by_contract(end_a_transaction_twice, &kk, "t->txn != NULL"));
    record_store_kit_deinit(&kk);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reader_is_used_in_its_order),
        cmocka_unit_test(a_record_store_is_used_in_its_order),
        cmocka_unit_test(a_transaction_that_ended_is_not_used_again),
    };

    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
