/* SPDX-License-Identifier: Apache-2.0
 *
 * store_removal_test.c - many removals in one transaction over a file in which a page was spoiled
 * after the last commit: LMDB merges pages all the while, and must never be let at that one, for it
 * would end the process. Long keys make trees of several levels out of few records.
 */
#include <sys/wait.h>

#include "node/base/rng.h"
#include "sync/layout/store_file.h"
#include "tests/support/record_store_kit.h"
#include "tests/support/spoil_store_file.h"

#define NUM_RECORDS 1200
#define KEY_LEN     300
#define NUM_SEEDS   64
#define FLAT        40 /* how a child ends that met nothing it must not: trees of two levels, */
#define DEEP        41 /* or of more */

static struct weir_span key_of(unsigned i, char out[KEY_LEN + 1])
{
    memset(out, 'k', KEY_LEN);
    (void)snprintf(out + KEY_LEN - 8, 9, "%08u", i);
    return weir_span(out, KEY_LEN);
}

static void fill(struct record_store_kit *kk)
{
    static const uint8_t value[1300];
    char key[KEY_LEN + 1];

    rs_begin(kk);
    for (unsigned i = 0; i < NUM_RECORDS; i++) {
        struct weir_stored_record rec = rs_record(kk, "", 1, 1 + i, "x");
        rec.rec.key = key_of(i, key);
        /* Large ones between small ones leave pages with little in them. */
        rec.rec.value = weir_span(value, i % 7 == 3 || i % 7 == 5 ? sizeof(value) : 1);
        rec.rec.expires = 1 + i * 7 % NUM_RECORDS;
        rs_put(kk, &rec);
    }
    rs_commit(kk);
}

/* Pages that a cursor goes through at one level of a tree, one of them drawn. */
static off_t draw_page(struct record_store_kit *kk, struct weir_rng *rng, unsigned *ret_depth)
{
    static const enum store_tree trees[] = { STORE_REC, STORE_DOT, STORE_EXP };
    struct store_file f = STORE_FILE_ZERO;
    struct weir_tree_cursor c;
    char key[KEY_LEN + 1];
    struct store_key row;
    int folder = open(kk->kit.folder, O_RDONLY | O_DIRECTORY);
    unsigned i = (unsigned)weir_rng_below(rng, NUM_RECORDS);
    enum store_tree tree = trees[weir_rng_below(rng, WEIR_ARRAY_LEN(trees))];

    assert_int_equal(weir_store_file_open(folder, "eph.mdb", &f), WEIR_OK);
    f.num_trees = STORE_NUM_TREES;
    assert_int_equal(weir_store_file_check(&f, true), WEIR_OK);
    weir_store_key_rec(&row, WEIR_CLASS_BAN, key_of(i, key));
    if (tree == STORE_DOT)
        weir_store_key_dot(&row, 0, 1 + i);
    else if (tree == STORE_EXP)
        weir_store_key_exp(&row, 1 + i, WEIR_SPAN_LIT("\x10"));
    assert_int_equal(weir_tree_locate(&c, &f.pages, &f.tree[tree], store_key_span(&row)), WEIR_OK);
    *ret_depth = c.depth;
    /* Most often a leaf; the root is on every way. */
    unsigned level = c.depth - 1;
    if (c.depth > 2 && weir_rng_below(rng, 4) == 0)
        level = 1 + (unsigned)weir_rng_below(rng, c.depth - 2);
    off_t at = c.level[level].page - f.pages.map;
    weir_store_file_close(&f);
    close(folder);
    return at;
}

static void spoil(struct record_store_kit *kk, struct weir_rng *rng, unsigned *ret_depth)
{
    static const uint8_t wrong[] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    off_t at = draw_page(kk, rng, ret_depth) + (off_t)(10 + 2 * weir_rng_below(rng, 3));
    int fd = kit_open_file(&kk->kit, "eph.mdb", O_WRONLY);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, wrong, sizeof(wrong), at), sizeof(wrong));
    close(fd);
}

/* The place of the n-th removal. */
static unsigned order(unsigned n, unsigned pattern, unsigned start)
{
    switch (pattern) {
    case 0:
        return (start + n) % NUM_RECORDS;
    case 1:
        return (start + NUM_RECORDS - n) % NUM_RECORDS;
    case 2: /* from the middle to both sides */
        return (start + NUM_RECORDS + (n % 2 ? n / 2 + 1 : NUM_RECORDS - n / 2)) % NUM_RECORDS;
    default: /* 7 has no divisor in common with the number */
        return (start + n * 7) % NUM_RECORDS;
    }
}

/* Remove until a page is in the way, with a write now and then. @return removals that went well */
static unsigned remove_all(struct record_store_kit *kk, unsigned pattern, struct weir_rng *rng)
{
    char key[KEY_LEN + 1];
    unsigned start = (unsigned)weir_rng_below(rng, NUM_RECORDS);
    enum weir_err err = WEIR_OK;
    unsigned n = 0;

    rs_begin(kk);
    for (; err == WEIR_OK && n < NUM_RECORDS; n++) {
        struct weir_span at = key_of(order(n, pattern, start), key);
        err = kk->k->ops->drop(kk->k, WEIR_CLASS_BAN, at);
        if (err == WEIR_OK && weir_rng_below(rng, 16) == 0) {
            struct weir_stored_record rec = rs_record(kk, "", 2, 1 + n, "again");
            rec.rec.key = at;
            err = kk->k->ops->put(kk->k, &rec);
        }
    }
    assert_true(err == WEIR_OK || err == WEIR_EIO);
    if (kk->k->ops->commit(kk->k) == WEIR_OK)
        assert_int_equal(err, WEIR_OK);
    return n;
}

/* In a process of its own, with the folder left to the parent. @return how it ended */
static int run_spoiled(struct record_store_kit *kk, unsigned seed)
{
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct weir_rng rng;
        unsigned depth = 0;
        weir_rng_init(&rng, seed);
        record_store_kit_open(kk);
        spoil(kk, &rng, &depth);
        (void)remove_all(kk, seed % 4, &rng);
        _exit(depth >= 3 ? DEEP : FLAT);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void spoiled_page_is_never_met_by_a_merge(void **state)
{
    struct record_store_kit kk;
    unsigned num_deep = 0;

    (void)state;
    for (unsigned seed = 0; seed < NUM_SEEDS; seed++) {
        record_store_kit_init(&kk, 'E');
        fill(&kk);
        kit_close(&kk.kit);
        int status = run_spoiled(&kk, seed);
        if (!WIFEXITED(status) || (WEXITSTATUS(status) != DEEP && WEXITSTATUS(status) != FLAT))
            fail_msg("seed %u ended with status 0x%x", seed, (unsigned)status);
        num_deep += WEXITSTATUS(status) == DEEP;
        kit_remove_folder(kk.kit.folder);
    }
    assert_true(num_deep > NUM_SEEDS / 4);
}

/* Sound pages are never refused, whatever the order. */
static void sound_store_is_emptied_in_every_order(void **state)
{
    (void)state;
    for (unsigned pattern = 0; pattern < 4; pattern++) {
        struct record_store_kit kk;
        struct weir_rng rng;
        struct weir_store_stats st;
        weir_rng_init(&rng, pattern);
        record_store_kit_init(&kk, 'E');
        fill(&kk);
        assert_int_equal(remove_all(&kk, pattern, &rng), NUM_RECORDS);
        assert_int_equal(weir_store_stats(kk.kit.r, &st), WEIR_OK);
        assert_false(st.damaged);
        assert_true(st.num_records > 0);
        assert_true(st.num_records < NUM_RECORDS / 8);
        record_store_kit_reopen(&kk);
        record_store_kit_deinit(&kk);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoiled_page_is_never_met_by_a_merge),
        cmocka_unit_test(sound_store_is_emptied_in_every_order),
    };
    kit_quiet();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
