/* SPDX-License-Identifier: Apache-2.0
 *
 * store_live_damage_test.c - pages that are spoiled while the store is open and in use: the tree of
 * trees, pages that a write has been at before, any others. Each case runs in a forked child. No
 * call may end the process or return a wrong result, and after the next start every acknowledged
 * record is there whose own page was not hit.
 */
#include <sys/wait.h>

#include "node/base/rng.h"
#include "sync/layout/store_file.h"
#include "tests/support/spoil_store_file.h"
#include "tests/support/store_kit.h"

#define NUM_KEYS  240
#define BIG_EVERY 12 /* each twelfth value lies in pages of its own */
#define BIG_BYTES 5000
#define PAGE      4096
#define MAX_BYTES (8u << 20)
#define ABSENT    (-1)

/* What was acknowledged for a key, and where it lies. */
struct known {
    int version; /* ABSENT: deleted */
    uint64_t leaf;
    uint64_t run, run_pages; /* of a large value */
    bool hit; /* its pages were spoiled: it may be gone, or an older version be back */
};

/* Shared with the parent: what a child found. */
struct found {
    int line;   /* of the check that failed, 0: none */
    int detail; /* a key or an error */
    int num_refused;
    int num_written;
};

struct golden {
    struct kit k;
    struct known known[NUM_KEYS];
    uint8_t *file;
    size_t len;
};

/* A child's view. */
struct run {
    struct kit k;
    struct known known[NUM_KEYS];
    struct weir_rng rng;
    struct found f;
    int next_version;
};

#define CHECK(r, cond, what)                                                                       \
    do {                                                                                           \
        if ((r)->f.line == 0 && !(cond)) {                                                         \
            (r)->f.line = __LINE__;                                                                \
            (r)->f.detail = (what);                                                                \
        }                                                                                          \
    } while (0)

static void key_of(int i, char out[16])
{
    (void)snprintf(out, 16, "t/%03d", i);
}

static struct weir_span value_of(int i, int version, char out[BIG_BYTES + 64])
{
    int len = snprintf(out, BIG_BYTES, "value %d of %03d|1host%d.example@%d;2wild%d@7", version, i,
                       i, i + 1, i);
    if (i % BIG_EVERY == 0) {
        memmove(out + BIG_BYTES - len, out, (size_t)len);
        memset(out, 'a' + version % 26, (size_t)(BIG_BYTES - len));
        len = BIG_BYTES;
    }
    return weir_span(out, (size_t)len);
}

static enum weir_err put_value(struct kit *k, int i, int version)
{
    static char value[BIG_BYTES + 64];
    struct kit_write kw;
    char key[16];

    key_of(i, key);
    kit_write_init(&kw, weir_span_cstr(key),
                   version == ABSENT ? WEIR_SPAN_EMPTY : value_of(i, version, value));
    kw.w.delete = version == ABSENT;
    kw.revision = version == ABSENT ? 0 : (uint64_t)version + 1;
    return kit_run(k, &kw);
}

static int group_setup(void **state)
{
    struct golden *g = calloc(1, sizeof(*g));

    assert_non_null(g);
    kit_init_quick(&g->k);
    g->k.cfg.max_bytes = MAX_BYTES;
    kit_open(&g->k);
    for (int version = 0; version < 2; version++)
        for (int i = 0; i < NUM_KEYS; i++) {
            g->known[i].version = version == 1 && i % 16 == 7 ? ABSENT : version;
            assert_int_equal(put_value(&g->k, i, g->known[i].version), WEIR_OK);
        }
    kit_close(&g->k);
    g->file = kit_read_file(&g->k, "conf.mdb", &g->len);
    *state = g;
    return 0;
}

static int group_teardown(void **state)
{
    struct golden *g = *state;

    kit_remove_folder(g->k.folder);
    free(g->file);
    free(g);
    return 0;
}

static void place(const struct golden *g)
{
    kit_remove_folder(g->k.folder);
    assert_int_equal(mkdir(g->k.folder, 0700), 0);
    int fd = kit_open_file(&g->k, "conf.mdb", O_WRONLY | O_CREAT | O_TRUNC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, g->file, g->len), g->len);
    close(fd);
}

/* -- what is where -- */

static bool open_and_check_file(struct run *r, struct store_file *f)
{
    int folder = open(r->k.folder, O_RDONLY | O_DIRECTORY);
    bool ok = folder >= 0 && weir_store_file_open(folder, "conf.mdb", f) == WEIR_OK &&
              weir_store_file_check(f, true) == WEIR_OK;
    close(folder);
    return ok;
}

/* Note the pages of every record, as long as the file is whole. */
static bool locate_records(struct run *r, const struct store_file *f)
{
    for (int i = 0; i < NUM_KEYS; i++) {
        struct weir_tree_cursor c;
        struct weir_tree_item item;
        struct store_key rec;
        char key[16];
        key_of(i, key);
        weir_store_key_rec(&rec, WEIR_CLASS_TENANT, weir_span_cstr(key));
        if (weir_tree_seek(&c, &f->pages, &f->tree[STORE_REC], store_key_span(&rec)) < 0)
            return false;
        struct weir_tree_level *leaf = &c.level[c.depth - 1];
        struct known *n = &r->known[i];
        n->leaf = (uint64_t)(leaf->page - f->pages.map) / PAGE;
        if (weir_tree_page_item(&f->pages, n->leaf, leaf->at, &item) < 0)
            return false;
        n->run = item.overflow;
        n->run_pages = n->run == WEIR_TREE_NONE ? 0 : weir_tree_overflow_len(&f->pages, n->run);
    }
    return true;
}

static void note_hit(struct run *r, uint64_t pgno)
{
    for (int i = 0; i < NUM_KEYS; i++) {
        struct known *n = &r->known[i];
        if (n->leaf == pgno ||
            (n->run != WEIR_TREE_NONE && pgno >= n->run && pgno < n->run + n->run_pages))
            n->hit = true;
    }
}

enum spoil {
    SPOIL_HEADER,
    SPOIL_OFFSETS,
    SPOIL_SOME,
    SPOIL_ALL,
    SPOIL_ZERO,
    SPOIL_ONES,
    NUM_SPOILS
};

/* Write rubbish into a page of the open store's file. */
static void spoil(struct run *r, uint64_t pgno, enum spoil how)
{
    uint8_t junk[PAGE];
    size_t at = 0;
    size_t len = PAGE;

    for (size_t i = 0; i < sizeof(junk); i++)
        junk[i] = how == SPOIL_ZERO   ? 0
                  : how == SPOIL_ONES ? 0xff
                                      : (uint8_t)weir_rng_next(&r->rng);
    if (how == SPOIL_HEADER) {
        at = 8 + weir_rng_below(&r->rng, 8);
        len = 1 + weir_rng_below(&r->rng, 16 - at);
    } else if (how == SPOIL_OFFSETS) {
        at = 16 + weir_rng_below(&r->rng, 64);
        len = 1 + weir_rng_below(&r->rng, 32);
    } else if (how == SPOIL_SOME) {
        at = weir_rng_below(&r->rng, PAGE - 64);
        len = 1 + weir_rng_below(&r->rng, 64);
    } else if (how == SPOIL_ONES) {
        at = 10; /* the page's number stays, flags and bounds do not */
        len = PAGE - at;
    }
    int fd = kit_open_file(&r->k, "conf.mdb", O_WRONLY);
    CHECK(r, fd >= 0 && pwrite(fd, junk, len, (off_t)(pgno * PAGE + at)) == (ssize_t)len, 0);
    close(fd);
    note_hit(r, pgno);
}

/* -- use of the open store -- */

static void check_record(struct run *r, int i, bool wants_all)
{
    static char value[BIG_BYTES + 64];
    const struct known *n = &r->known[i];
    struct weir_record rec;
    struct weir_span owner;
    char key[16];
    char host[32];

    key_of(i, key);
    enum weir_err err = weir_store_get(r->k.r, WEIR_CLASS_TENANT, weir_span_cstr(key), &rec);
    bool lenient = n->hit || (!wants_all && err == WEIR_ECORRUPT);
    if (err == WEIR_ENOTFOUND)
        CHECK(r, n->version == ABSENT || lenient, i);
    else if (err < 0)
        CHECK(r, err == WEIR_ECORRUPT && lenient, i);
    else if (!n->hit)
        CHECK(r, n->version != ABSENT && weir_span_eq(rec.value, value_of(i, n->version, value)),
              i);
    else
        CHECK(r, rec.value.len > 0, i);
    (void)snprintf(host, sizeof(host), "host%d.example", i);
    err = weir_store_index_owner(r->k.r, WEIR_INDEX_HOST, weir_span_cstr(host), &owner);
    CHECK(r, err == WEIR_OK || err == WEIR_ENOTFOUND || err == WEIR_ECORRUPT, err);
    CHECK(r, err != WEIR_OK || weir_span_eq(owner, weir_span_cstr(key)), i);
    if (wants_all && !n->hit && n->version != ABSENT)
        CHECK(r, err == WEIR_OK, i);
}

static bool see_revision(void *arg, uint64_t revision, struct weir_span value)
{
    uint64_t *sum = arg;

    *sum += revision;
    for (size_t i = 0; i < value.len; i++)
        *sum += value.at[i];
    return true;
}

static bool see_record(void *arg, const struct weir_record *rec)
{
    return see_revision(arg, rec->version.seq, rec->value);
}

/* Read all there is in every way, in one snapshot. */
static void read_everything(struct run *r, bool wants_all)
{
    struct weir_store_scrub at = { .after_len = 0 };
    struct weir_store_stats st;
    uint64_t sum = 0;

    enum weir_err err = weir_store_read_begin(r->k.r);
    CHECK(r, err == WEIR_OK || (!wants_all && err == WEIR_EIO), err);
    if (err < 0)
        return;
    for (int i = 0; i < NUM_KEYS; i++) {
        char key[16];
        key_of(i, key);
        check_record(r, i, wants_all);
        err = weir_store_revision_list(r->k.r, WEIR_CLASS_TENANT, weir_span_cstr(key), see_revision,
                                       &sum);
        CHECK(r, err == WEIR_OK || err == WEIR_ECORRUPT, err);
    }
    err = weir_store_list(r->k.r, WEIR_CLASS_TENANT, WEIR_SPAN_EMPTY, SIZE_MAX, see_record, &sum);
    CHECK(r, err == WEIR_OK || err == WEIR_ECORRUPT, err);
    weir_store_read_end(r->k.r);
    err = weir_store_scrub_step(r->k.r, &at, 2 * NUM_KEYS);
    CHECK(r, err == WEIR_OK || err == WEIR_ECORRUPT || err == WEIR_EIO, err);
    CHECK(r, weir_store_stats(r->k.r, &st) == WEIR_OK, 0);
}

/* Write a key and note what was acknowledged. */
static void write_key(struct run *r, int i)
{
    struct known *n = &r->known[i];
    int version = weir_rng_below(&r->rng, 4) == 0 ? ABSENT : r->next_version++;

    enum weir_err err = put_value(&r->k, i, version);
    CHECK(r, err == WEIR_OK || err == WEIR_ECORRUPT || err == WEIR_EIO, err);
    r->f.num_refused += err < 0;
    r->f.num_written += err == WEIR_OK;
    if (err < 0)
        return;
    n->version = version;
    n->hit = false;
    /* It lies elsewhere now; where is not known until the next check. */
    n->leaf = n->run = WEIR_TREE_NONE;
}

/* Open, and write a few keys so that the writer has been at many pages. */
static bool begin(struct run *r, int num_writes)
{
    struct store_file f = STORE_FILE_ZERO;

    kit_open(&r->k);
    for (int n = 0; n < num_writes; n++)
        write_key(r, (int)weir_rng_below(&r->rng, NUM_KEYS));
    bool ok = open_and_check_file(r, &f) && locate_records(r, &f);
    weir_store_file_close(&f);
    CHECK(r, ok && r->f.num_refused == 0, 0);
    return ok;
}

/* Restart, then all that was acknowledged must be there, and writes are accepted again. */
static void restart_and_compare(struct run *r)
{
    if (r->f.line != 0)
        return;
    kit_close(&r->k);
    kit_open(&r->k);
    read_everything(r, true);
    r->f.num_refused = 0;
    for (int i = (int)weir_rng_below(&r->rng, 8); i < NUM_KEYS; i += 8)
        write_key(r, i);
    CHECK(r, r->f.num_refused == 0, r->f.num_refused);
    read_everything(r, true);
    kit_close(&r->k);
}

/* -- cases -- */

/* The root of the tree of trees, in which LMDB finds the others. */
static void spoil_main_root(struct run *r)
{
    struct store_file f = STORE_FILE_ZERO;

    if (!begin(r, 3))
        return;
    CHECK(r, open_and_check_file(r, &f), 0);
    uint64_t root = f.meta.main.root;
    weir_store_file_close(&f);
    spoil(r, root, (enum spoil)weir_rng_below(&r->rng, NUM_SPOILS));
    struct weir_store_reader *late = NULL;
    CHECK(r, weir_store_reader_new(r->k.s, &late) == WEIR_OK, 0);
    if (r->f.line == 0 && weir_store_read_begin(late) == WEIR_OK)
        weir_store_read_end(late);
    weir_store_reader_free(&late);
    read_everything(r, false);
    for (int n = 0; n < 4; n++)
        write_key(r, (int)weir_rng_below(&r->rng, NUM_KEYS));
    read_everything(r, false);
    restart_and_compare(r);
}

/* Roots of all trees, and leaves that the last writes were at. */
static uint64_t any_used_page(struct run *r, const struct store_file *f)
{
    uint64_t tree = weir_rng_below(&r->rng, STORE_NUM_TREES);

    if (weir_rng_below(&r->rng, 3) == 0 && f->tree[tree].root != WEIR_TREE_NONE)
        return f->tree[tree].root;
    if (weir_rng_below(&r->rng, 3) == 0)
        return r->known[weir_rng_below(&r->rng, NUM_KEYS)].leaf;
    return 2 + weir_rng_below(&r->rng, f->meta.last_page - 1);
}

static void spoil_any_pages(struct run *r)
{
    struct store_file f = STORE_FILE_ZERO;
    uint64_t pgno[3];

    if (!begin(r, 30))
        return;
    CHECK(r, open_and_check_file(r, &f), 0);
    for (int n = 0; n < 3; n++)
        pgno[n] = any_used_page(r, &f);
    weir_store_file_close(&f);
    for (int n = 0; n < 3; n++)
        if (pgno[n] != WEIR_TREE_NONE)
            spoil(r, pgno[n], (enum spoil)weir_rng_below(&r->rng, NUM_SPOILS));
    if (weir_rng_below(&r->rng, 2) == 0)
        read_everything(r, false);
    for (int n = 0; n < 30; n++)
        write_key(r, (int)weir_rng_below(&r->rng, NUM_KEYS));
    read_everything(r, false);
    restart_and_compare(r);
}

/* Branches that every write goes through, after some writes did. */
static void spoil_seen_branches(struct run *r)
{
    static const enum store_tree trees[] = { STORE_IDX, STORE_REC, STORE_REV };
    struct store_file f = STORE_FILE_ZERO;

    if (!begin(r, 10))
        return;
    CHECK(r, open_and_check_file(r, &f), 0);
    uint64_t root = f.tree[trees[weir_rng_below(&r->rng, 3)]].root;
    weir_store_file_close(&f);
    /* All before the next write: a page that it frees may come to hold records. */
    spoil(r, root, SPOIL_OFFSETS);
    spoil(r, root, SPOIL_SOME);
    for (int n = 0; n < 8; n++)
        write_key(r, (int)weir_rng_below(&r->rng, NUM_KEYS));
    read_everything(r, false);
    restart_and_compare(r);
}

/* Run `what` in a child; it must end by itself. */
static void in_children(struct golden *g, void (*what)(struct run *), unsigned num_seeds)
{
    unsigned only =
        getenv("WEIR_TEST_SEED") ? (unsigned)strtoul(getenv("WEIR_TEST_SEED"), NULL, 10) : 0;

    for (unsigned seed = 1; seed <= num_seeds; seed++) {
        struct found f = { .line = -1 };
        int fds[2];
        int status = 0;
        if (only != 0 && seed != only)
            continue;
        place(g);
        assert_int_equal(pipe(fds), 0);
        pid_t pid = fork();
        assert_true(pid >= 0);
        if (pid == 0) {
            static struct run r;
            r.k = g->k;
            r.next_version = 2;
            memcpy(r.known, g->known, sizeof(r.known));
            weir_rng_init(&r.rng, seed);
            what(&r);
            _exit(write(fds[1], &r.f, sizeof(r.f)) == sizeof(r.f) ? 0 : 1);
        }
        close(fds[1]);
        ssize_t got = read(fds[0], &f, sizeof(f));
        close(fds[0]);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        if (got != sizeof(f) || status != 0 || f.line != 0)
            fail_msg("seed %u: status 0x%x, line %d (%d), %d written, %d refused", seed,
                     (unsigned)status, f.line, f.detail, f.num_written, f.num_refused);
    }
}

static void spoiled_main_root_under_an_open_store_does_not_end_the_process(void **state)
{
    in_children(*state, spoil_main_root, 8);
}

static void branch_spoiled_after_a_write_went_through_it_does_not_end_the_process(void **state)
{
    in_children(*state, spoil_seen_branches, 8);
}

static void spoiled_pages_under_an_open_store_cost_only_their_own_records(void **state)
{
    in_children(*state, spoil_any_pages, 16);
}

int main(void)
{
    kit_quiet();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spoiled_main_root_under_an_open_store_does_not_end_the_process),
        cmocka_unit_test(branch_spoiled_after_a_write_went_through_it_does_not_end_the_process),
        cmocka_unit_test(spoiled_pages_under_an_open_store_cost_only_their_own_records),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
