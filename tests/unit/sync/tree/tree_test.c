/* SPDX-License-Identifier: Apache-2.0
 *
 * tree_test.c - the reader of LMDB's pages against files that LMDB wrote, and against the same
 * files with anything changed: it must find what LMDB finds, and never touch a byte outside the
 * file.
 */
#include <sys/mman.h>

#include "node/base/rng.h"
#include "sync/layout/store_rows.h"
#include "sync/tree/tree_walk.h"
#include "sync/version/record.h"
#include "tests/support/store_kit.h"

#define NUM_KEYS 900
#define PAGE     4096

/* A store's file in memory that ends at a page no one may touch. */
struct image {
    uint8_t *map;
    size_t map_len;
    uint8_t *at; /* the file */
    size_t len;
};

static void key_of(int i, char out[16])
{
    (void)snprintf(out, 16, "k%04d", i * 2);
}

static void image_place(struct image *m, const uint8_t *file, size_t len)
{
    size_t pages = (len + PAGE - 1) / PAGE;

    m->map_len = (pages + 1) * PAGE;
    m->map = mmap(NULL, m->map_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_true(m->map != MAP_FAILED);
    assert_int_equal(mprotect(m->map + pages * PAGE, PAGE, PROT_NONE), 0);
    m->at = m->map + pages * PAGE - len;
    m->len = len;
    memcpy(m->at, file, len);
}

static int group_setup(void **state)
{
    static struct kit_write kw[NUM_KEYS];
    static char key[NUM_KEYS][16];
    static char big[9000];
    struct image *m = calloc(1, sizeof(*m));
    struct kit k;
    char path[256];
    struct stat st;

    assert_non_null(m);
    memset(big, 'b', sizeof(big));
    kit_init_quick(&k);
    kit_open(&k);
    for (int i = 0; i < NUM_KEYS; i++) {
        key_of(i, key[i]);
        kit_write_init(&kw[i], weir_span_cstr(key[i]),
                       weir_span(big, i % 50 == 0 ? sizeof(big) : (size_t)(i % 300)));
        assert_int_equal(weir_store_submit(k.s, &kw[i].w), WEIR_OK);
    }
    for (int i = 0; i < NUM_KEYS; i++)
        assert_int_equal(kit_wait(&kw[i]), WEIR_OK);
    kit_close(&k);
    (void)snprintf(path, sizeof(path), "%s/conf.mdb", k.folder);
    int fd = open(path, O_RDONLY);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    uint8_t *file = malloc((size_t)st.st_size);
    assert_non_null(file);
    assert_int_equal(read(fd, file, (size_t)st.st_size), st.st_size);
    close(fd);
    image_place(m, file, (size_t)st.st_size);
    free(file);
    kit_remove_folder(k.folder);
    *state = m;
    return 0;
}

static int group_teardown(void **state)
{
    struct image *m = *state;

    munmap(m->map, m->map_len);
    free(m);
    return 0;
}

/* The tree of records, through the newest meta page and the main tree. */
static enum weir_err open_tree(const struct image *m, struct weir_tree_file *f,
                               enum store_tree which, struct weir_tree *ret)
{
    struct weir_tree_meta meta[2];
    struct weir_span row;

    *f = (struct weir_tree_file){ m->at, m->len, PAGE };
    if (m->len < 2 * PAGE)
        return WEIR_ECORRUPT;
    for (uint64_t i = 0; i < 2; i++) {
        enum weir_err err =
            weir_tree_meta_read(weir_span(m->at + i * PAGE, WEIR_TREE_META_LEN), i, &meta[i]);
        if (err < 0)
            return err;
    }
    const struct weir_tree_meta *newest = &meta[meta[1].txnid > meta[0].txnid];
    enum weir_err err =
        weir_tree_get(f, &newest->main, weir_span_cstr(weir_store_tree_name(which)), &row);
    return err < 0 ? err : weir_tree_read(row, ret);
}

static void open_sound(const struct image *m, struct weir_tree_file *f, struct weir_tree *t)
{
    assert_int_equal(open_tree(m, f, STORE_REC, t), WEIR_OK);
    assert_int_equal(t->num_entries, NUM_KEYS);
    assert_true(t->depth >= 2);
}

static void every_key_is_found_and_none_between(void **state)
{
    struct weir_tree_file f;
    struct weir_tree t;

    open_sound(*state, &f, &t);
    for (int i = -1; i <= 2 * NUM_KEYS; i++) {
        struct store_key key;
        struct weir_span row;
        char name[16];
        (void)snprintf(name, sizeof(name), "k%04d", i);
        weir_store_key_rec(&key, WEIR_CLASS_TENANT, weir_span_cstr(name));
        enum weir_err err = weir_tree_get(&f, &t, store_key_span(&key), &row);
        bool there = i >= 0 && i % 2 == 0 && i < 2 * NUM_KEYS;
        assert_int_equal(err, there ? WEIR_OK : WEIR_ENOTFOUND);
        if (there) {
            struct weir_record_parts parts;
            assert_int_equal(weir_record_unpack(row, store_key_span(&key), &parts), WEIR_OK);
            assert_int_equal(parts.value.len, i / 2 % 50 == 0 ? 9000 : i / 2 % 300);
        }
    }
}

static void cursor_goes_both_ways_from_any_place(void **state)
{
    struct weir_tree_file f;
    struct weir_tree t;
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span row;
    struct weir_rng rng;

    open_sound(*state, &f, &t);
    weir_rng_init(&rng, 1);
    for (int round = 0; round < 200; round++) {
        int at = (int)weir_rng_below(&rng, 2 * NUM_KEYS + 2);
        struct store_key from;
        char name[16];
        (void)snprintf(name, sizeof(name), "k%04d", at);
        weir_store_key_rec(&from, WEIR_CLASS_TENANT, weir_span_cstr(name));
        enum weir_err err = weir_tree_seek(&c, &f, &t, store_key_span(&from));
        int i = (at + 1) / 2; /* the first key that is not smaller */
        assert_int_equal(err, i < NUM_KEYS ? WEIR_OK : WEIR_ENOTFOUND);
        bool back = i >= NUM_KEYS || weir_rng_below(&rng, 2) == 0;
        if (i >= NUM_KEYS) {
            assert_int_equal(weir_tree_prev(&c), WEIR_OK);
            i = NUM_KEYS - 1;
        }
        for (int steps = 0; steps < 60; steps++) {
            key_of(i, name);
            assert_int_equal(weir_tree_entry(&c, &key, &row), WEIR_OK);
            assert_true(weir_span_eq(weir_span_from(key, 1), weir_span_cstr(name)));
            i += back ? -1 : 1;
            err = back ? weir_tree_prev(&c) : weir_tree_next(&c);
            assert_int_equal(err, i >= 0 && i < NUM_KEYS ? WEIR_OK : WEIR_ENOTFOUND);
            if (err < 0)
                break;
        }
    }
}

static void empty_tree_has_nothing(void **state)
{
    struct weir_tree_file f;
    struct weir_tree t;
    struct weir_tree_cursor c;
    struct weir_span row;

    assert_int_equal(open_tree(*state, &f, STORE_CONFLICT, &t), WEIR_OK);
    assert_int_equal(t.root, WEIR_TREE_NONE);
    assert_int_equal(weir_tree_first(&c, &f, &t), WEIR_ENOTFOUND);
    assert_int_equal(weir_tree_seek(&c, &f, &t, WEIR_SPAN_LIT("x")), WEIR_ENOTFOUND);
    assert_int_equal(weir_tree_get(&f, &t, WEIR_SPAN_LIT("x"), &row), WEIR_ENOTFOUND);
}

static void meta_page_cut_or_changed_is_refused_where_its_content_counts(void **state)
{
    const struct image *m = *state;
    struct weir_tree_meta meta;
    uint8_t page[WEIR_TREE_META_LEN];

    memcpy(page, m->at, sizeof(page));
    for (size_t cut = 0; cut < sizeof(page); cut++)
        assert_int_equal(weir_tree_meta_read(weir_span(page, cut), 0, &meta), WEIR_ECORRUPT);
    struct weir_span whole = weir_span(page, sizeof(page));
    assert_int_equal(weir_tree_meta_read(whole, 0, &meta), WEIR_OK);
    assert_int_equal(meta.page_len, PAGE);
    assert_int_equal(weir_tree_meta_read(whole, 1, &meta), WEIR_ECORRUPT);
    page[20]++; /* LMDB's version */
    assert_int_equal(weir_tree_meta_read(whole, 0, &meta), WEIR_EUNSUPPORTED);
    page[20]--;
    /* Page number, flags, magic, page length, flags and depths of both trees. */
    static const size_t places[] = { 0, 10, 16, 40, 44, 46, 92, 94 };
    for (size_t i = 0; i < WEIR_ARRAY_LEN(places); i++) {
        page[places[i]] ^= 0x40;
        assert_int_equal(weir_tree_meta_read(whole, 0, &meta), WEIR_ECORRUPT);
        page[places[i]] ^= 0x40;
    }
}

/* -- anything changed -- */

struct met {
    uint64_t num;
    volatile uint8_t sum;
};

static void on_entry(void *arg, struct weir_span key, struct weir_span value)
{
    struct met *met = arg;

    met->num++;
    for (size_t i = 0; i < key.len; i++)
        met->sum = (uint8_t)(met->sum + key.at[i]);
    for (size_t i = 0; i < value.len; i++)
        met->sum = (uint8_t)(met->sum + value.at[i]);
}

/* Read the file in every way there is, touching every byte that is given out. */
static void read_all(const struct image *m)
{
    struct weir_tree_file f;
    struct weir_tree t;
    struct weir_tree_cursor c;
    struct weir_span key;
    struct weir_span row;
    struct met met = { 0, 0 };

    for (int tree = 0; tree < STORE_NUM_TREES; tree++) {
        if (open_tree(m, &f, (enum store_tree)tree, &t) < 0)
            continue;
        struct weir_tree_walk w = { .file = f, .entry = on_entry, .arg = &met, .loose = true };
        w.seen = calloc(1, weir_tree_walk_seen_len(&f));
        assert_non_null(w.seen);
        weir_tree_walk(&w, &t, true);
        for (uint64_t pgno = 2; pgno < f.len / PAGE; pgno++)
            if (!weir_tree_walk_is_seen(&w, pgno))
                weir_tree_walk_orphan(&w, pgno);
        free(w.seen);
        enum weir_err err = weir_tree_first(&c, &f, &t);
        for (int i = 0; err == WEIR_OK && i < 3 * NUM_KEYS; i++) {
            if (weir_tree_entry(&c, &key, &row) == WEIR_OK)
                on_entry(&met, key, row);
            err = weir_tree_next(&c);
        }
        for (int i = 0; i < NUM_KEYS; i += 37) {
            char name[16];
            key_of(i, name);
            if (weir_tree_seek(&c, &f, &t, weir_span_cstr(name)) == WEIR_OK &&
                weir_tree_prev(&c) == WEIR_OK && weir_tree_entry(&c, &key, &row) == WEIR_OK)
                on_entry(&met, key, row);
        }
    }
}

static void any_change_of_the_file_is_survived(void **state)
{
    const struct image *m = *state;
    struct weir_rng rng;
    struct image n;

    weir_rng_init(&rng, 2);
    image_place(&n, m->at, m->len);
    for (int round = 0; round < 150; round++) {
        for (int i = 0; i < 40; i++) {
            uint64_t page = weir_rng_below(&rng, m->len / PAGE);
            uint64_t in = weir_rng_below(&rng, i % 3 ? 200 : PAGE);
            n.at[page * PAGE + in] = (uint8_t)weir_rng_next(&rng);
        }
        read_all(&n);
        if (round % 10 == 9)
            memcpy(n.at, m->at, m->len);
    }
    munmap(n.map, n.map_len);
}

static void file_cut_at_any_page_is_survived(void **state)
{
    const struct image *m = *state;
    struct weir_rng rng;

    weir_rng_init(&rng, 3);
    for (size_t pages = 0; pages < m->len / PAGE; pages += 1 + weir_rng_below(&rng, 4)) {
        struct image n;
        image_place(&n, m->at, pages * PAGE + weir_rng_below(&rng, PAGE));
        read_all(&n);
        munmap(n.map, n.map_len);
    }
}

static void child_that_leads_back_to_its_parent_ends(void **state)
{
    const struct image *m = *state;
    struct weir_tree_file f;
    struct weir_tree t;
    struct weir_tree_cursor c;
    struct met met = { 0, 0 };
    struct image n;

    image_place(&n, m->at, m->len);
    open_sound(&n, &f, &t);
    /* Every entry of the root: its low page number bits become the root's own. */
    uint8_t *root = n.at + t.root * PAGE;
    unsigned num = weir_tree_page_num(&f, t.root);
    for (unsigned i = 0; i < num; i++) {
        uint16_t off;
        uint16_t low = (uint16_t)t.root;
        memcpy(&off, root + 16 + 2 * i, 2);
        memcpy(root + off, &low, 2);
    }
    struct weir_tree_walk w = { .file = f, .entry = on_entry, .arg = &met };
    w.seen = calloc(1, weir_tree_walk_seen_len(&f));
    assert_non_null(w.seen);
    weir_tree_walk(&w, &t, true);
    assert_int_equal(w.num_bad, num);
    assert_int_equal(met.num, 0);
    free(w.seen);
    assert_int_equal(weir_tree_first(&c, &f, &t), WEIR_ECORRUPT);
    munmap(n.map, n.map_len);
}

static void walk_of_a_sound_tree_meets_every_entry_once(void **state)
{
    struct weir_tree_file f;
    struct weir_tree t;
    struct met met = { 0, 0 };

    open_sound(*state, &f, &t);
    struct weir_tree_walk w = { .file = f, .entry = on_entry, .arg = &met };
    w.seen = calloc(1, weir_tree_walk_seen_len(&f));
    assert_non_null(w.seen);
    weir_tree_walk(&w, &t, true);
    assert_int_equal(w.num_bad, 0);
    assert_int_equal(w.num_entries, NUM_KEYS);
    assert_int_equal(met.num, NUM_KEYS);
    /* A second walk finds all of it marked. */
    weir_tree_walk(&w, &t, true);
    assert_true(w.num_bad > 0);
    assert_int_equal(met.num, NUM_KEYS);
    free(w.seen);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_key_is_found_and_none_between),
        cmocka_unit_test(cursor_goes_both_ways_from_any_place),
        cmocka_unit_test(empty_tree_has_nothing),
        cmocka_unit_test(meta_page_cut_or_changed_is_refused_where_its_content_counts),
        cmocka_unit_test(any_change_of_the_file_is_survived),
        cmocka_unit_test(file_cut_at_any_page_is_survived),
        cmocka_unit_test(child_that_leads_back_to_its_parent_ends),
        cmocka_unit_test(walk_of_a_sound_tree_meets_every_entry_once),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
